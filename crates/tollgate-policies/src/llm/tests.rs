use std::sync::{Arc, Mutex};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use tollgate_engine::ports::BodyEnd;
use tollgate_engine::{Body, BoxFuture, RequestCx, Response};

use super::{ModelCall, ModelResponse, ResponseEnd, Watch, Watcher};
use crate::testing::{Case, Run, World};

const HELLO: &str = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
const HI: &str = "data: {\"model\":\"gpt-4o-2024-11-20\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi there\"}}]}\n\n";

type Log = Arc<Mutex<Vec<String>>>;

struct Logged(Log);

impl Watcher for Logged {
    fn begin(&self, cx: &RequestCx, response: &ModelResponse<'_>) -> Option<Box<dyn Watch>> {
        let ModelResponse { api, model } = response;
        let status = cx.response.as_ref().map(|response| response.status.as_u16());
        let begun = format!("{api:?} {model} {}", status.unwrap_or_default());
        self.0.lock().unwrap().push(begun);
        Some(Box::new(Logging(Arc::clone(&self.0))))
    }
}

struct Logging(Log);

impl Watch for Logging {
    fn end(self: Box<Self>, end: &ResponseEnd<'_>) -> Option<BoxFuture<'static, ()>> {
        let ResponseEnd { usage, model } = end;
        let (prompt, completion) = (usage.prompt, usage.completion);
        self.0.lock().unwrap().push(format!("{prompt}+{completion} {model:?}"));
        None
    }
}

/// A request that is watched twice, with what was logged.
fn watched(answer: Response) -> (Run, Log) {
    let log = Log::default();
    let mut case = Case::backend("<forward-request />")
        .method(Method::POST)
        .url("/openai/deployments/gpt-4o/chat/completions")
        .body(HELLO)
        .answer(Ok(answer))
        .within(&World::new());
    let watching = Arc::clone(&log);
    case = case.prepared(move |cx| {
        let call = ModelCall::of(cx);
        call.watch(Arc::new(Logged(Arc::clone(&watching))));
        call.watch(Arc::new(Logged(watching)));
    });
    (case.run(), log)
}

fn answer(kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(StatusCode::OK);
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.body = body;
    response
}

fn check(log: &Log, expected: &[&str]) {
    let twice: Vec<_> = expected.iter().flat_map(|line| [*line, *line]).collect();
    assert_eq!(*log.lock().unwrap(), twice);
}

#[test]
fn a_stream_is_metered_once_for_all_who_watch() {
    let (run, log) = watched(answer("text/event-stream", Body::Stream));
    run.pass(&[HI, HI], BodyEnd::Abandoned);
    check(&log, &["ChatCompletions gpt-4o 200", "8+4 \"gpt-4o-2024-11-20\""]);
}

#[test]
fn an_answer_is_told_with_its_usage() {
    let body = r#"{"model":"gpt-4o-2024-11-20","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
    let expected = ["ChatCompletions gpt-4o 200", "9+2 \"gpt-4o-2024-11-20\""];
    let (_, log) = watched(answer("application/json", Body::Replaced(body.into())));
    check(&log, &expected);
    let (run, log) = watched(answer("application/json", Body::Stream));
    let (first, second) = body.split_at(40);
    run.pass(&[first, second], BodyEnd::Whole);
    check(&log, &expected);
}

#[test]
fn errors_are_not_watched() {
    let mut error = answer("application/json", Body::Replaced("{}".into()));
    error.status = StatusCode::TOO_MANY_REQUESTS;
    let (_, log) = watched(error);
    check(&log, &[]);
}
