use std::time::Duration;

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use tollgate_engine::ports::{BodyEnd, CallError};
use tollgate_engine::{Body, Response};

use crate::testing::{Case, Run};

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions";
const HELLO: &str = r#"{"messages":[{"role":"user","content":"hello"}]}"#;
const ANALYZE: &str = "POST backend:safety/contentsafety/text:analyze?api-version=2024-09-01 content-type=application/json";
const REFUSED: &str = r#"{ "statusCode": 403, "message": "Request failed content safety check." }"#;
/// Hate from severity 4.
const HATE: &str = r#"<categories><category name="Hate" threshold="4" /></categories>"#;

fn policy(attributes: &str, children: &str) -> String {
    format!(
        r#"<llm-content-safety backend-id="safety" {attributes}>{children}</llm-content-safety>"#
    )
}

fn case(policy: &str, path: &str, body: &str) -> Case {
    Case::backend("<forward-request />")
        .inbound_too(policy)
        .backends(&["safety"])
        .method(Method::POST)
        .url(path)
        .body(body)
}

/// Likewise, and the backend answers.
fn asking(policy: &str, path: &str, body: &str) -> Case {
    case(policy, path, body).answer(Ok(json("{}")))
}

fn json(body: impl Into<String>) -> Response {
    let mut response = Response::new(StatusCode::OK);
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = Body::Replaced(body.into().into());
    response
}

fn stream() -> Response {
    let mut response = Response::new(StatusCode::OK);
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.body = Body::Stream;
    response
}

/// The service finds hate of a severity.
#[expect(clippy::unnecessary_wraps, reason = "what is called gives a result")]
fn hate(severity: u8) -> Result<Response, CallError> {
    Ok(json(format!(
        r#"{{"blocklistsMatch":[],"categoriesAnalysis":[{{"category":"Hate","severity":{severity}}}]}}"#
    )))
}

/// What the service was asked first, after its body's form.
fn asked(run: &Run) -> (String, serde_json::Value) {
    let shown = run.calls()[0].shown();
    let (head, body) = shown.split_once(" {").unwrap();
    (head.to_owned(), serde_json::from_str(&format!("{{{body}")).unwrap())
}

fn parsed(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The texts that the service was sent.
fn judged(run: &Run) -> Vec<String> {
    let text = |body: &[u8]| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let text = body.get("text").or(body.get("userPrompt"));
        text.and_then(serde_json::Value::as_str).unwrap().to_owned()
    };
    run.calls().iter().map(|sent| text(&sent.call.body)).collect()
}

#[test]
fn the_service_is_asked_what_the_policy_says() {
    let all = r#"<categories output-type="EightSeverityLevels">
            <category name="Violence" threshold="@(2 + 1)" /><category name="@("Ha" + "te")" threshold="2" />
        </categories><blocklists><id>one</id><id>@("t" + "wo")</id></blocklists>"#;
    let found = |hate: u8, violence: u8, lists: &str| {
        json(format!(
            r#"{{"blocklistsMatch":[{lists}],"categoriesAnalysis":[{{"category":"Hate","severity":{hate}}},{{"category":"Violence","severity":{violence}}}]}}"#
        ))
    };
    let hit = r#"{"blocklistName":"one","blocklistItemId":"1","blocklistItemText":"x"}"#;
    let asked = r#"{"blocklistNames":["one","two"],"categories":["Hate","Violence"],"haltOnBlocklistHit":true,"outputType":"EightSeverityLevels","text":"hello"}"#;
    for (answer, status) in [
        (found(1, 2, ""), 200),
        (found(2, 2, ""), 403),
        (found(1, 3, ""), 403),
        (found(0, 0, hit), 403),
    ] {
        let run = asking(&policy("", all), CHAT, HELLO).called(Ok(answer)).run();
        assert_eq!(run.status(), status);
        assert_eq!(self::asked(&run), (ANALYZE.to_owned(), parsed(asked)));
        assert_eq!(run.forwarded().len(), usize::from(status == 200));
    }
    // Without categories the service is asked for all, and what it says of them does not count.
    let lists = policy("", "<blocklists><id>one</id></blocklists>");
    let run = asking(&lists, CHAT, HELLO).called(hate(6)).run();
    let asked = r#"{"blocklistNames":["one"],"haltOnBlocklistHit":true,"outputType":"FourSeverityLevels","text":"hello"}"#;
    assert_eq!(run.status(), 200);
    assert_eq!(self::asked(&run), (ANALYZE.to_owned(), parsed(asked)));
}

#[test]
fn prompts_are_shielded_when_asked_for() {
    for (flag, answer, status) in [
        ("true", r#"{"userPromptAnalysis":{"attackDetected":false},"documentsAnalysis":[]}"#, 200),
        ("@(1 == 1)", r#"{"userPromptAnalysis":{"attackDetected":true}}"#, 403),
        ("true", "{}", 403),
    ] {
        let shield = policy(&format!(r#"shield-prompt="{flag}""#), "");
        let run = asking(&shield, CHAT, HELLO).called(Ok(json(answer))).run();
        assert_eq!(run.status(), status);
        let head = ANALYZE.replace("analyze", "shieldPrompt");
        let body = r#"{"documents":[],"userPrompt":"hello"}"#;
        assert_eq!(asked(&run), (head, parsed(body)));
    }
    // Both at once, and either is enough to refuse.
    let both = policy(r#"shield-prompt="true""#, HATE);
    let clean = r#"{"userPromptAnalysis":{"attackDetected":false}}"#;
    for (severity, shield, status) in [(0, clean, 200), (4, clean, 403), (0, "{}", 403)] {
        let run = asking(&both, CHAT, HELLO).called(hate(severity)).called(Ok(json(shield))).run();
        assert_eq!((run.status(), run.calls().len()), (status, 2));
    }
}

#[test]
fn refusals_say_nothing_of_why() {
    let run = asking(&policy("", HATE), CHAT, HELLO).called(hate(6)).run();
    assert_eq!((run.status(), run.body().as_str()), (403, REFUSED));
    assert_eq!((run.reason(), run.source()), ("ContentSafetyPolicyViolated", "llm-content-safety"));
    assert_eq!(run.message(), "Request failed content safety check.");
    assert!(run.trace().contains("category Hate has severity 6"), "{}", run.trace());
}

#[test]
fn what_cannot_be_checked_is_refused() {
    let refused = |answer: Result<Response, CallError>, why: &str| {
        let run = asking(&policy("", HATE), CHAT, HELLO).called(answer).run();
        assert_eq!((run.status(), run.body().as_str()), (403, REFUSED), "{why}");
        assert_eq!(run.reason(), "ContentSafetyPolicyViolated");
        assert!(run.trace().contains(why), "{}", run.trace());
    };
    refused(Err(CallError::Timeout(Duration::from_secs(2))), "no answer within 2000 ms");
    refused(Err(CallError::Connection("connection refused".to_owned())), "connection refused");
    for status in [204, 400, 401, 404, 429, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        refused(Ok(Response::new(status)), &format!("the service answered {status}"));
    }
    refused(Ok(Response::new(StatusCode::OK)), "says nothing of anything that is JSON");
    refused(Ok(json("{}")), "says nothing of Hate");
    refused(
        Ok(json(r#"{"categoriesAnalysis":[{"category":"Sexual","severity":0}]}"#)),
        "says nothing of Hate",
    );
    let lists = policy("", "<blocklists><id>a</id></blocklists>");
    let run = asking(&lists, CHAT, HELLO).called(Ok(json("{}"))).run();
    assert_eq!(run.status(), 403);
    let gone = r#"<llm-content-safety backend-id="@("no" + context.Request.Method)" shield-prompt="true" />"#;
    let run = asking(gone, CHAT, HELLO).run();
    assert_eq!(run.status(), 403);
    assert!(run.trace().contains("there is no backend `noPOST`"), "{}", run.trace());
}

#[test]
fn all_text_of_prompts_counts() {
    for (path, body, text) in [
        (
            CHAT,
            r#"{"messages":[{"role":"system","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"u"}}]},
            {"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{c}"}}]},{"role":"tool","content":"d"}],"tools":[{"function":{"name":"f"}}]}"#,
            "a\nb\nf\n{c}\nd",
        ),
        ("/openai/v1/responses", r#"{"instructions":"a","input":"b"}"#, "a\nb"),
        (
            "/v1/messages",
            r#"{"system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":"b"}]}"#,
            "a\nb",
        ),
        ("/v1beta/models/g:generateContent", r#"{"contents":[{"parts":[{"text":"a"}]}]}"#, "a"),
        ("/v1/completions", r#"{"prompt":["a","b"]}"#, "a\nb"),
        ("/v1/images/generations", r#"{"prompt":"a"}"#, "a"),
        // The body says what the path does not.
        ("/ask", HELLO, "hello"),
        // A prompt of an interface that is not known.
        (
            "/openai/threads/t/messages",
            r#"{"role":"user","content":[{"text":"a"},1,null]}"#,
            "user\na\n",
        ),
        ("/ask", r#"["a",{"b":"c"}]"#, "a\nc\n"),
    ] {
        let run = asking(&policy("", HATE), path, body).called(hate(0)).run();
        assert_eq!((run.status(), judged(&run)), (200, vec![text.to_owned()]), "{path}");
    }
}

#[test]
fn requests_without_a_prompt_pass() {
    for (path, body) in [
        ("/v1/embeddings", r#"{"input":"hello"}"#),
        ("/v1/files", "--boundary\r\n…"),
        ("/v1/audio/transcriptions", "--boundary\r\n…"),
        (CHAT, ""),
        (CHAT, r#"{"messages":[{"role":"user","content":" "}]}"#),
    ] {
        let run = asking(&policy("", HATE), path, body).run();
        assert_eq!((run.status(), run.calls().len()), (200, 0), "{path}");
    }
}

#[test]
fn prompts_that_cannot_be_read_are_refused() {
    for (path, body) in [
        (CHAT, "hello"),
        (CHAT, r#"{"messages":[{"role":"user","content":"hello"}"#),
        (CHAT, "[]"),
        // A reader that is less strict sees the second message.
        (
            CHAT,
            r#"{"messages":[{"role":"user","content":"a"}, /**/ {"role":"user","content":"hate-6"}]}"#,
        ),
        (
            CHAT,
            r#"{"messages":[{"role":"user","content":"a"},{"x":NaN},{"role":"user","content":"hate-6"}]}"#,
        ),
        ("/v1/completions", r#"{"prompt":[1,2,3]}"#),
        ("/ask", r#"{"a":"#),
    ] {
        let run = asking(&policy("", HATE), path, body).run();
        assert_eq!((run.status(), run.calls().len()), (403, 0), "{body}");
        assert_eq!(run.reason(), "ContentSafetyPolicyViolated");
    }
}

#[test]
fn prompts_are_as_long_as_the_service_takes() {
    let body = |n: usize| format!(r#"{{"messages":[{{"content":"{}"}}]}}"#, "ä".repeat(n));
    let run =
        asking(&policy(r#"window-size="10""#, HATE), CHAT, &body(10_000)).called(hate(0)).run();
    assert_eq!((run.status(), run.calls().len()), (200, 1));
    let run = asking(&policy("", HATE), CHAT, &body(10_001)).run();
    assert_eq!((run.status(), run.calls().len(), run.body().as_str()), (403, 0, REFUSED));
    assert!(run.trace().contains("10001 characters"), "{}", run.trace());
}

#[test]
fn the_authorization_of_the_request_goes_along() {
    let set = r#"<set-header name="Authorization"><value>Bearer own</value></set-header>"#;
    let later = r#"<set-header name="Authorization"><value>Bearer later</value></set-header>"#;
    let policies = format!("{set}{}{later}", policy("", HATE));
    let run = asking(&policies, CHAT, HELLO)
        .header("authorization", HeaderValue::from_static("Bearer client"))
        .called(hate(0))
        .run();
    assert_eq!(run.calls()[0].call.headers[AUTHORIZATION], "Bearer own");
}

#[test]
fn calls_are_bounded() {
    let one = policy(r#"shield-prompt="true""#, HATE);
    let clean = r#"{"userPromptAnalysis":{"attackDetected":false}}"#;
    let mut case = asking(&one.repeat(40), CHAT, HELLO);
    for _ in 0..40 {
        case = case.called(hate(0)).called(Ok(json(clean)));
    }
    let run = case.run();
    assert_eq!((run.status(), run.body().as_str()), (403, REFUSED));
    assert!(run.trace().contains("as many requests as they may"), "{}", run.trace());
}

/// The policy in `inbound`, which enforces, and in `outbound`.
fn answering(attributes: &str, children: &str, answer: &Response) -> [Case; 2] {
    let enforce = policy(&format!(r#"enforce-on-completions="true" {attributes}"#), children);
    let inbound = case(&enforce, CHAT, HELLO).called(hate(0)).answer(Ok(answer.clone()));
    let outbound = case("", CHAT, HELLO)
        .outbound_too(&policy(attributes, children))
        .answer(Ok(answer.clone()));
    [inbound, outbound]
}

const SAYS: &str = r#"{"choices":[{"index":0,"message":{"content":"abcdefghij","tool_calls":[{"function":{"name":"f","arguments":"{k}"}}]},"finish_reason":"stop"},{"index":1,"message":{"content":"second"}}]}"#;

#[test]
fn answers_are_judged_before_they_go_on() {
    for (n, case) in answering("", HATE, &json(SAYS)).into_iter().enumerate() {
        let run = case.called(hate(0)).run();
        assert_eq!((run.status(), run.body().as_str()), (200, SAYS));
        assert_eq!(judged(&run).last().unwrap(), "abcdefghij\n{k}\nsecond");
        assert_eq!(run.calls().len(), 2 - n);
        let asks = run.forwarded()[0].request.headers.contains_key(ACCEPT_ENCODING);
        assert_eq!(
            asks,
            n == 0,
            "only what comes before the call can ask for an answer that is not encoded"
        );
    }
    for case in answering("", HATE, &json(SAYS)) {
        let run = case.called(hate(5)).run();
        assert_eq!((run.status(), run.body().as_str()), (403, REFUSED));
        assert_eq!(run.source(), "llm-content-safety");
    }
}

#[test]
fn long_answers_are_judged_by_windows() {
    let windows = r#"window-size="8" window-overlap-size="3""#;
    for case in answering(windows, HATE, &json(SAYS)) {
        let run = case.called(hate(0)).called(hate(0)).called(hate(0)).called(hate(0)).run();
        assert_eq!(run.status(), 200);
        let judged = judged(&run);
        let of_answer = &judged[judged.len() - 4..];
        assert_eq!(
            of_answer,
            ["abcdefgh", "fghij\n{k", "\n{k}\nsec", "seccond"].map(|it| it.replace("secc", "sec"))
        );
    }
    for case in answering(windows, HATE, &json(SAYS)) {
        let run = case.called(hate(0)).called(hate(4)).run();
        assert_eq!(run.status(), 403);
    }
}

#[test]
fn other_answers_pass_or_are_refused() {
    let plain = |status: u16, kind: &'static str, body: &str| {
        let mut response = json(body);
        response.status = StatusCode::from_u16(status).unwrap();
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    };
    // What the model was asked for cannot be read.
    for body in ["{}", "hello", r#"{"object":"list","data":[]}"#] {
        for case in answering("", HATE, &plain(200, "application/json", body)) {
            assert_eq!(case.run().status(), 403, "{body}");
        }
    }
    for case in answering("", HATE, &plain(200, "text/plain", "hello")) {
        assert_eq!(case.run().status(), 403);
    }
    // Errors are nothing that a model says.
    for case in answering("", HATE, &plain(429, "application/json", SAYS)) {
        assert_eq!(case.run().status(), 429);
    }
    // Another interface.
    let outbound = |path: &str, answer: Response| {
        case("", path, "").outbound_too(&policy("", HATE)).method(Method::GET).answer(Ok(answer))
    };
    let run = outbound("/v1/models", json(r#"{"object":"list","data":[]}"#)).run();
    assert_eq!((run.status(), run.calls().len()), (200, 0));
    let run = outbound("/v1/files/f/content", plain(200, "application/octet-stream", "{")).run();
    assert_eq!((run.status(), run.calls().len()), (200, 0));
    // A stored answer is one too.
    let stored =
        json(r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}]}"#);
    let run = outbound("/v1/responses/resp_1", stored).called(hate(6)).run();
    assert_eq!((run.status(), judged(&run)), (403, vec!["a".to_owned()]));
}

fn event(choice: u8, text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":{choice},\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}

const DONE: &str = "data: [DONE]\n\n";

#[test]
fn events_go_on_when_their_window_has_been_judged() {
    let events = [event(0, ""), event(0, "abcd"), event(0, "efgh"), event(0, "ij")].concat() + DONE;
    for cut in [1, 13, events.len()] {
        for case in answering(r#"window-size="5" window-overlap-size="2""#, HATE, &stream()) {
            let mut case = case;
            for _ in 0..4 {
                case = case.called(hate(0));
            }
            let run = case.run();
            let pieces: Vec<String> = events
                .as_bytes()
                .chunks(cut)
                .map(|it| String::from_utf8(it.to_vec()).unwrap())
                .collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            assert_eq!(run.pass(&pieces, BodyEnd::Whole), events);
            // Every character is judged, and none is sent in a window that is too long.
            let judged = judged(&run);
            let judged = judged.iter().filter(|it| *it != "hello");
            assert!(judged.clone().all(|it| it.len() <= 5), "{judged:?}");
            assert!(judged.clone().any(|it| it.ends_with("ij")), "{judged:?}");
        }
    }
}

#[test]
fn a_refusal_ends_a_stream() {
    let [inbound, outbound] = answering(r#"window-size="4""#, HATE, &stream());
    let first = event(0, "abcd");
    let pieces = [&*first, &event(0, "ef"), &event(0, "gh"), &event(0, "never"), DONE];
    for (case, more) in [(inbound, hate(6)), (outbound, Err(CallError::Timeout(Duration::ZERO)))] {
        let run = case.called(hate(0)).called(more).run();
        assert_eq!(run.status(), 200);
        assert_eq!(run.pass(&pieces, BodyEnd::Whole), first);
        assert!(run.trace().contains("The stream was ended: "), "{}", run.trace());
        assert!(run.trace().contains("log Error llm-content-safety"), "{}", run.trace());
    }
    // The last window is judged at the end.
    for case in answering("", HATE, &stream()) {
        let run = case.called(hate(4)).run();
        assert_eq!(run.pass(&pieces, BodyEnd::Whole), "");
    }
    // What could not be judged because the backend broke off is not sent.
    for case in answering("", HATE, &stream()) {
        assert_eq!(case.run().pass(&pieces, BodyEnd::Broken), "");
    }
}

#[test]
fn choices_are_texts_of_their_own() {
    let events = [event(0, "ab"), event(1, "xy"), event(0, "cd"), event(1, "zz")].concat();
    let [_, case] = answering(r#"window-size="4" window-overlap-size="1""#, HATE, &stream());
    let run = case.called(hate(0)).called(hate(0)).run();
    let pieces: Vec<&str> = events.split_inclusive("\n\n").collect();
    assert_eq!(run.pass(&pieces, BodyEnd::Whole), pieces[..3].concat());
    // When the window of the first is full, what the second has said is judged too; its last word only at the end.
    assert_eq!(judged(&run), ["abcd", "xy", "yzz"]);
}

#[test]
fn streams_that_cannot_be_read_end() {
    for piece in ["data: hello\n\n", "data: {\"a\":\n\n"] {
        let [_, case] = answering("", HATE, &stream());
        let run = case.run();
        assert_eq!(
            run.pass(&["data: {\"choices\":[]}\n\n", piece, DONE], BodyEnd::Whole),
            "data: {\"choices\":[]}\n\n"
        );
    }
    // What says nothing is not held.
    let [_, case] = answering("", HATE, &stream());
    let run = case.run();
    let quiet = [": ping\n\n", "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n", DONE];
    assert_eq!((run.pass(&quiet, BodyEnd::Whole), run.calls().len()), (quiet.concat(), 0));
}

#[test]
fn a_stream_that_was_read_is_judged_like_any_answer() {
    let mut read = stream();
    read.body = Body::Replaced((event(0, "ab") + &event(0, "cd") + DONE).into());
    for (severity, status) in [(0, 200), (4, 403)] {
        let [_, case] = answering("", HATE, &read);
        let run = case.called(hate(severity)).run();
        assert_eq!((run.status(), judged(&run)), (status, vec!["abcd".to_owned()]));
    }
}

#[test]
fn mistakes_are_found_at_load() {
    let check = |attributes: &str, children: &str| case(&policy(attributes, children), CHAT, HELLO);
    let category = |threshold: &str, output: &str| {
        format!(
            r#"<categories {output}><category name="Hate" threshold="{threshold}" /></categories>"#
        )
    };
    case(r#"<llm-content-safety backend-id="safty" shield-prompt="true" />"#, CHAT, "")
        .refused("did you mean `safety`");
    check("", &category("8", "")).refused("8");
    check("", &category("-1", "")).refused("-1");
    check(
        "",
        r#"<categories output-type="Four"><category name="Hate" threshold="1" /></categories>"#,
    )
    .refused("FourSeverityLevels");
    check("", r#"<categories><category name="Hates" threshold="1" /></categories>"#)
        .refused("Hate");
    check("", r#"<categories><category name="Hate" /></categories>"#).refused("threshold");
    check("", "<blocklists><id></id></blocklists>").refused("id");
    check(r#"window-size="0""#, HATE).refused("window-size");
    check(r#"window-size="10001""#, HATE).refused("window-size");
    check(r#"window-size="100" window-overlap-size="100""#, HATE)
        .refused("is not less than `window-size`");
    check("", &category("0", "")).warned("refuses every text");
    check("", &category("7", "")).warned("no text has severity 7");
    check("", "").warned("checks nothing");
    check("", "<block-lists><id>a</id></block-lists>").warned("policy toolkit");
    case("", CHAT, "")
        .outbound_too(r#"<llm-content-safety backend-id="safety" shield-prompt="true" />"#)
        .warned("checks nothing");
    let fine = category("7", r#"output-type="EightSeverityLevels""#);
    assert_eq!(check(r#"shield-prompt="true""#, &fine).findings(), "");
}

#[test]
fn values_that_do_not_fit_are_errors_of_the_request() {
    for (attributes, threshold) in [
        (r#"window-size="@(0)""#, "4"),
        (r#"window-size="@(10 + 10000)""#, "4"),
        (r#"window-overlap-size="@(context.Request.Method.Length * 10000)""#, "4"),
        ("", "@(context.Request.Method.Length + 10)"),
    ] {
        let children =
            format!(r#"<categories><category name="Hate" threshold="{threshold}" /></categories>"#);
        let case = case(&policy(attributes, &children), CHAT, HELLO);
        if case.findings().is_empty() {
            let run = case.run();
            assert_eq!((run.status(), run.reason()), (500, "ExpressionValueEvaluationFailure"));
        }
    }
}
