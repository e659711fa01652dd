//! Which answers are kept, and in which form they are sent again.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use tollgate_engine::ports::BodyEnd;

use super::{Ask, cache, response, said};
use crate::testing::{FakeSemanticCache, Run};

#[test]
fn only_whole_answers_in_text_are_kept() {
    let message = |message: Value, finish: &str| {
        let choice = json!({"index": 0, "message": message, "finish_reason": finish});
        response(200, "application/json", json!({"choices": [choice]}).to_string())
    };
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    for (answer, why) in [
        (said("It is", "length"), "cut off, filtered or refused"),
        (said("It is", "content_filter"), "cut off, filtered or refused"),
        (message(json!({"content": "", "refusal": "no"}), "stop"), "cut off, filtered or refused"),
        (
            message(json!({"content": null, "tool_calls": [call]}), "tool_calls"),
            "wants something called",
        ),
        (message(json!({"content": "x", "tool_calls": [call]}), "stop"), "wants something called"),
        (message(json!({"content": " "}), "stop"), "no whole answer"),
        (message(json!({"content": "x", "audio": {"data": "x"}}), "stop"), "no whole answer"),
        (said(&"x".repeat(70_000), "stop"), "longer than the cache takes"),
        (response(200, "application/json", r#"{"choices":[]}"#), "no whole answer"),
        (response(200, "application/json", "sunny"), "no whole answer"),
        (response(200, "application/json", ""), "no whole answer"),
    ] {
        let cache = cache();
        let run = Ask::new("a").answer(answer).run(&cache);
        assert!(run.trace().contains(why), "{why}: {}", run.trace());
        assert!(cache.kept().is_empty(), "{why}");
    }
    // A choice that is not whole spoils the others.
    let half = json!({"choices": [
        {"index": 0, "message": {"content": "x"}, "finish_reason": "stop"},
        {"index": 1, "message": {"content": "y"}, "finish_reason": "length"},
    ]});
    let cache = cache();
    Ask::new("a").answer(response(200, "application/json", half.to_string())).run(&cache);
    assert!(cache.kept().is_empty());
}

#[test]
fn the_store_says_what_is_kept_and_for_how_long() {
    let kept = |store: &str, status: u16| {
        let cache = cache();
        let mut answer = said("yes", "stop");
        answer.status = StatusCode::from_u16(status).unwrap();
        Ask::new("a").answer(answer).with(|ask| store.clone_into(&mut ask.store)).run(&cache);
        cache.kept().into_iter().map(|(_, lifetime)| lifetime.as_secs()).next()
    };
    for (store, status, seconds) in [
        (r#"duration="60""#, 200, Some(60)),
        (r#"duration="60""#, 201, None),
        (r#"duration="60" cache-response="true""#, 201, Some(60)),
        (r#"duration="60" cache-response="@(context.Response.StatusCode == 203)""#, 203, Some(60)),
        (r#"duration="60" cache-response="false""#, 200, None),
        (r#"duration="@(context.Response.StatusCode)""#, 200, Some(200)),
        (r#"duration="01:00:00""#, 200, Some(3_600)),
        (r#"duration="0""#, 200, None),
        (r#"duration="@(-1)""#, 200, None),
    ] {
        assert_eq!(kept(store, status), seconds, "{store} {status}");
    }
    // An error is no answer, whatever the policy says.
    let cache = cache();
    let refused = response(429, "application/json", r#"{"error":{"code":"429"}}"#);
    let always = r#"duration="60" cache-response="true""#;
    Ask::new("a").answer(refused).with(|ask| always.clone_into(&mut ask.store)).run(&cache);
    assert!(cache.kept().is_empty());
}

const STREAM: [&str; 4] = [
    "data: {\"id\":\"chatcmpl-1\",\"created\":7,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"It is\"}}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" sunny.\"}}]}\n\nda",
    "ta: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
];

fn streaming(ask: Ask, cache: &Arc<FakeSemanticCache>) -> Run {
    let answer = response(200, "text/event-stream; charset=utf-8", "");
    ask.answer(answer).case(cache).streaming_answer().run()
}

fn stream(text: &str) -> Ask {
    Ask::new("").body(json!({"messages": [{"role": "user", "content": text}], "stream": true}))
}

#[test]
fn streams_are_kept_put_together_and_sent_in_the_form_that_is_wanted() {
    let cache = cache();
    let first = streaming(stream("a"), &cache);
    assert_eq!(first.pass(&STREAM, BodyEnd::Whole), STREAM.concat(), "the client sees it as it is");
    let kept: Value = serde_json::from_str(&cache.kept()[0].0).unwrap();
    assert_eq!(kept["choices"][0]["message"]["content"], "It is sunny.");
    let usage = json!([8, 4, 12]);
    let told =
        |it: &Value| json!([it["prompt_tokens"], it["completion_tokens"], it["total_tokens"]]);
    assert_eq!(told(&kept["usage"]), usage, "what was counted, since the stream says none");
    // As JSON.
    let whole = Ask::new("a").run(&cache);
    assert_eq!((whole.forwarded().len(), whole.header("content-type")), (0, "application/json"));
    let body: Value = serde_json::from_str(&whole.body()).unwrap();
    assert_eq!(body["choices"][0]["message"]["content"], "It is sunny.");
    assert_eq!(body["object"], "chat.completion");
    // As a stream, without the usage and with it.
    let again = stream("a").run(&cache);
    assert_eq!((again.forwarded().len(), again.header("content-type")), (0, "text/event-stream"));
    assert!(again.body().ends_with("data: [DONE]\n\n"), "{}", again.body());
    assert!(
        again.body().contains(r#""content":"It is sunny.""#) && !again.body().contains("usage")
    );
    let mut wanted = stream("a").body;
    wanted["stream_options"] = json!({"include_usage": true});
    let with_usage = Ask::new("").body(wanted).run(&cache);
    assert!(with_usage.body().contains(r#""total_tokens":12"#), "{}", with_usage.body());
}

#[test]
fn a_whole_answer_is_sent_as_a_stream() {
    let cache = cache();
    assert!(Ask::new("a").asks(&cache));
    let run = stream("a").run(&cache);
    assert_eq!((run.forwarded().len(), run.header("content-type")), (0, "text/event-stream"));
    assert!(run.body().contains(r#""content":"It is sunny.""#), "{}", run.body());
}

#[test]
fn streams_that_do_not_come_to_their_end_are_not_kept() {
    let pieces = STREAM;
    let with = |at: usize, text: &'static str| {
        let mut pieces = STREAM;
        pieces[at] = text;
        pieces
    };
    let length = "ta: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
    let tool = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\nda";
    for (pieces, how) in [
        (&pieces[..3], BodyEnd::Whole),
        (&pieces[..2], BodyEnd::Whole),
        (&pieces[..], BodyEnd::Broken),
        (&pieces[..], BodyEnd::Abandoned),
        (&pieces[..], BodyEnd::Early),
        (&with(2, length)[..], BodyEnd::Whole),
        (&with(1, tool)[..], BodyEnd::Whole),
        (&with(1, "data: {\"choices\":[\n\nda")[..], BodyEnd::Whole),
        (&[][..], BodyEnd::Whole),
    ] {
        let cache = cache();
        streaming(stream("a"), &cache).pass(pieces, how);
        assert!(cache.kept().is_empty(), "{how:?} {pieces:?}");
    }
    let encoded = cache();
    let mut answer = response(200, "text/event-stream", "");
    answer.headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let run = stream("a").answer(answer).case(&encoded).streaming_answer().run();
    run.pass(&STREAM, BodyEnd::Whole);
    assert!(encoded.kept().is_empty() && run.trace().contains("it is encoded"));
}

#[test]
fn an_answer_that_passes_in_one_piece_is_kept_as_it_passes() {
    let cache = cache();
    let body = String::from_utf8(said("yes", "stop").body.bytes().unwrap().to_vec()).unwrap();
    let (head, tail) = body.split_at(50);
    let run = Ask::new("a").case(&cache).streaming_answer().run();
    assert_eq!(run.pass(&[head, tail], BodyEnd::Whole), body);
    assert_eq!(cache.kept()[0].0, body);
}

#[test]
fn other_protocols_are_kept_too() {
    let responses = json!({
        "id": "resp_1", "object": "response", "status": "completed", "model": "m", "instructions": "secret",
        "user": "first", "metadata": {"team": "first"},
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    });
    let anthropic = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "yes"}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    let google = json!({
        "candidates": [{"content": {"parts": [{"text": "yes"}], "role": "model"}, "finishReason": "STOP"}],
    });
    let completion = json!({"choices": [{"index": 0, "text": "yes", "finish_reason": "stop"}]});
    let ask = |url: &str, body: &Value, answer: &Value| {
        let answer = response(200, "application/json", answer.to_string());
        Ask::new("").body(body.clone()).answer(answer).with(|ask| url.clone_into(&mut ask.url))
    };
    let with = |body: &Value, more: Value| {
        let mut body = body.clone();
        body.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        body
    };
    let input = json!({"model": "m", "input": "a"});
    let messages =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]});
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "a"}]}]});
    for (url, body, answer) in [
        ("/v1/responses", &input, &responses),
        ("/v1/messages", &messages, &anthropic),
        ("/v1beta/models/g:generateContent", &contents, &google),
        ("/v1/completions", &json!({"model": "m", "prompt": "a"}), &completion),
    ] {
        let cache = cache();
        assert!(ask(url, body, answer).asks(&cache));
        let hit = ask(url, body, answer).run(&cache);
        assert_eq!((hit.forwarded().len(), hit.body().contains("yes")), (0, true), "{url}");
        assert!(!hit.body().contains("secret") && !hit.body().contains("first"), "{}", hit.body());
        if !url.contains("generateContent") {
            let streamed = ask(url, &with(body, json!({"stream": true})), answer).run(&cache);
            assert_eq!(streamed.header("content-type"), "text/event-stream", "{url}");
            assert!(streamed.body().contains("yes"), "{url}");
        }
    }
    // The instructions of a request are what the system says.
    let cache = cache();
    let told = with(&input, json!({"instructions": "be kind"}));
    let run = ask("/v1/responses", &told, &responses).run(&cache);
    assert!(String::from_utf8_lossy(&run.calls()[0].call.body).contains("be kind"));
}
