//! Streams whose texts are judged while they pass: by a service that is slow, away, or finds something.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tollgate_emulator::{Fault, Gate, Pace, Running, StreamPlan};

use crate::harness::{Answer, Call, DEADLINE, Directory, Gateway, azure, until};

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
const ANALYZE: &str = "*/text:analyze";

/// A model below `/openai` whose answers are judged.
fn gateway(azure: &Running, model: &str, attributes: &str, more: &str) -> Gateway {
    let config = format!(
        "{more}\n[backends.openai]\nurl = \"{model}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [backends.safety]\nurl = \"{}\"\n\
         headers = {{ Ocp-Apim-Subscription-Key = {{ value = \"{}\", development = true }} }}\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n",
        azure.openai.key(),
        azure.content_safety.server().url(),
        azure.content_safety.key(),
    );
    let policy = format!(
        "<policies><inbound><base /></inbound><backend><base /></backend><outbound>\
         <llm-content-safety backend-id=\"safety\" {attributes}><categories>\
         <category name=\"Hate\" threshold=\"4\" /></categories></llm-content-safety>\
         </outbound><on-error><base /></on-error></policies>"
    );
    Directory::new(&config).api("openai", &policy).start()
}

async fn with(attributes: &str) -> (Running, Gateway) {
    let azure = azure().await;
    let gateway = gateway(&azure, &azure.openai.base(), attributes, "");
    (azure, gateway)
}

fn chat() -> Call {
    let body = json!({"messages": [{"role": "user", "content": "Count."}], "stream": true});
    Call::json(CHAT, &body)
}

/// What the events say, joined.
fn said(events: &str) -> String {
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let text = |event: Value| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    events.filter_map(text).collect()
}

/// The next piece of a body.
async fn piece(body: &mut Incoming) -> Option<String> {
    let frame = tokio::time::timeout(DEADLINE, body.frame()).await.expect("a piece in time")?;
    let data = frame.expect("an unbroken body").into_data().expect("no trailers");
    Some(String::from_utf8(data.to_vec()).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_late_but_complete_when_the_service_is_slow() {
    const SLOW: Duration = Duration::from_millis(150);
    let (azure, gateway) = with("window-size=\"40\"").await;
    let text =
        "All of this is harmless, and there is so much of it that several windows are judged.";
    azure.openai.set_answer(Some(text.to_owned()));
    azure.content_safety.server().fail("*", Fault::Delay(SLOW));
    let began = Instant::now();
    let answer = gateway.send(chat()).await.expect(200);
    let calls = azure.content_safety.server().received_at(ANALYZE);
    assert_eq!((said(&answer.text()).as_str(), calls.len()), (text, 3));
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    assert!(began.elapsed() >= SLOW * 3, "{:?}", began.elapsed());
    // A window of blanks is not worth a call.
    let words = |text: &str| text.split_whitespace().collect::<String>();
    let judged = calls.iter().map(|call| words(call.json()["text"].as_str().expect("text")));
    assert_eq!(judged.collect::<String>(), words(text));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_waits_for_the_verdict_on_its_window() {
    let (azure, gateway) = with("window-size=\"10\"").await;
    azure.openai.set_answer(Some("12345 78901 345".to_owned()));
    let gate = Gate::default();
    let plan = StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() };
    azure.openai.plan_next_stream(plan);
    let safety = azure.content_safety.server();
    let mut body = gateway.open(chat()).await.into_body();
    // Two events that say nothing pass; then one word is no window.
    gate.release(3);
    let (first, second) = (piece(&mut body).await, piece(&mut body).await);
    assert_eq!(said(&(first.unwrap_or_default() + &second.unwrap_or_default())), "");
    assert!(
        tokio::time::timeout(Duration::from_millis(100), body.frame()).await.is_err(),
        "too early"
    );
    assert_eq!(safety.count(ANALYZE), 0);
    gate.release(1);
    let events = piece(&mut body).await.expect("events");
    // One window of ten characters, and what was over.
    assert_eq!((said(&events).as_str(), safety.count(ANALYZE)), ("12345 78901 ", 2));
    gate.open();
    let rest = body.collect().await.expect("a whole body").to_bytes();
    assert_eq!((said(&String::from_utf8_lossy(&rest)).as_str(), safety.count(ANALYZE)), ("345", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_violation_ends_the_stream_and_the_call_of_the_model() {
    let (azure, gateway) = with("window-size=\"12\" window-overlap-size=\"6\"").await;
    azure
        .openai
        .set_answer(Some("This is fine. This is hate-6 and this is never read.".to_owned()));
    // The rest of it is slow, so that it cannot have come to its end.
    let silence = Some((9, DEADLINE * 2));
    azure.openai.plan_next_stream(StreamPlan { silence, ..StreamPlan::default() });
    let answer = gateway.send(chat()).await.expect(200);
    assert_eq!(said(&answer.text()), "This is fine. This is ");
    assert!(
        !answer.text().contains("[DONE]") && !answer.text().contains("stop"),
        "{}",
        answer.text()
    );
    until("the end of the backend's stream", async || {
        (azure.openai.streams().counts().aborted == 1).then_some(())
    })
    .await;
    let line = gateway.logged(|line| line.contains("llm-content-safety")).await;
    assert!(line.contains("category Hate has severity 6"), "{line}");
    // The connection of the client goes on.
    let mut connection = gateway.connect().await;
    for _ in 0..2 {
        let answer = connection.send(chat()).await.expect("an answer").expect(200);
        assert_eq!(said(&answer.text()), "This is fine. This is ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_sees_what_stands_across_two_windows() {
    for (overlap, expected) in [("0", true), ("8", false)] {
        let attributes = format!("window-size=\"20\" window-overlap-size=\"{overlap}\"");
        let (azure, gateway) = with(&attributes).await;
        // Twenty characters end within the word.
        azure.openai.set_answer(Some("0123456789 01234hate-6 and more of it".to_owned()));
        let answer = gateway.send(chat()).await.expect(200);
        assert_eq!(answer.text().contains("[DONE]"), expected, "{overlap}: {}", answer.text());
        assert_eq!(said(&answer.text()).contains("more"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_in_the_middle_of_a_stream_ends_it() {
    let (azure, gateway) = with("window-size=\"6\"").await;
    azure.openai.set_answer(Some("first second third".to_owned()));
    let gate = Gate::default();
    let plan = StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() };
    azure.openai.plan_next_stream(plan);
    let mut body = gateway.open(chat()).await.into_body();
    gate.release(3);
    let mut seen = String::new();
    while said(&seen) != "first " {
        seen += &piece(&mut body).await.expect("events");
    }
    azure.content_safety.server().go_offline();
    gate.open();
    let rest = body.collect().await.expect("a stream that ends in order").to_bytes();
    let rest = String::from_utf8_lossy(&rest);
    // The second word may have been found harmless before the service was gone.
    assert!(["", "second "].contains(&&*said(&rest)) && !rest.contains("[DONE]"), "{rest}");
    gateway.logged(|line| line.contains("the service was not reached")).await;
    // What is no stream is refused.
    let plain = json!({"messages": [{"role": "user", "content": "Count."}]});
    let answer = gateway.send(Call::json(CHAT, &plain)).await.expect(403);
    assert_eq!(
        answer.text(),
        "{ \"statusCode\": 403, \"message\": \"Request failed content safety check.\" }"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_ends_the_stream_in_time() {
    let azure = azure().await;
    let more = "[timeouts]\npolicy-request = \"1s\"\nbackend-body = \"300ms\"\n";
    let gateway = gateway(&azure, &azure.openai.base(), "window-size=\"5\"", more);
    azure.content_safety.server().fail("*", Fault::Hang);
    let began = Instant::now();
    let answer = gateway.send(chat()).await.expect(200);
    assert_eq!(said(&answer.text()), "");
    // The silence of the backend, which was not listened to, does not count meanwhile.
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    gateway.logged(|line| line.contains("no answer within 1000 ms")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_the_judgement_and_the_call() {
    let (azure, gateway) = with("window-size=\"5\"").await;
    let safety = azure.content_safety.server();
    safety.fail("*", Fault::Hang);
    let mut connection = gateway.connect().await;
    let body = connection.open(chat()).await.expect("an answer").into_body();
    assert!(safety.wait_for(ANALYZE, 1, DEADLINE).await);
    drop((body, connection));
    until("the end of both calls", async || {
        let ended = safety.calls().aborted == 1 && azure.openai.server().calls().aborted <= 1;
        (ended && safety.calls().opened == 1).then_some(())
    })
    .await;
}

/// What is held until it is judged counts with all buffered bodies.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_held_ends() {
    let azure = azure().await;
    let more = "[limits]\nbuffers-total = \"64KiB\"\nbuffered-body = \"32KiB\"\n";
    let gateway = gateway(&azure, &azure.openai.base(), "", more);
    azure.openai.set_answer(Some("word ".repeat(400)));
    let answer = gateway.send(chat()).await.expect(200);
    assert_eq!(said(&answer.text()), "");
    assert!(!answer.text().contains("[DONE]"));
    gateway.logged(|line| line.contains("there is no memory to hold the stream")).await;
    azure.openai.set_answer(None);
    let answer = gateway.send(chat()).await.expect(200);
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
}

/// Makes an event that says a text.
type Event<'a> = &'a dyn Fn(&str) -> String;

/// Every protocol's stream, cut into single bytes, comes through as it was when it is harmless, and ends when it is not.
#[tokio::test(flavor = "multi_thread")]
async fn streams_of_all_protocols_however_they_are_cut() {
    let azure = azure().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let model = format!("http://{}", listener.local_addr().expect("an address"));
    let gateway = gateway(&azure, &model, "window-size=\"16\" window-overlap-size=\"8\"", "");
    let frame = |name: &str, data: Value| format!("event: {name}\ndata: {data}\n\n");
    let chat = |choice: u8, text: &str| {
        let chunk = json!({"object": "chat.completion.chunk", "choices": [{"index": choice, "delta": {"content": text}}]});
        format!("data: {chunk}\n\n")
    };
    let call = |text: &str| {
        let function = json!({"index": 0, "function": {"arguments": text}});
        let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": [function]}}]});
        format!("data: {chunk}\n\n")
    };
    let anthropic = |text: &str| {
        let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
        frame("content_block_delta", delta)
    };
    let response = |text: &str| {
        let delta = json!({"type": "response.output_text.delta", "output_index": 0, "delta": text});
        frame("response.output_text.delta", delta)
    };
    let google = |text: &str| {
        let chunk = json!({"candidates": [{"content": {"parts": [{"text": text}]}}]});
        format!("data: {chunk}\r\n\r\n")
    };
    let hate = ["Grüße 😀 an ", "alle hat", "e-6 und mehr"];
    let fine = ["Grüße 😀 an ", "alle hap", "py-6 und mehr"];
    let first: Event<'_> = &|text| chat(0, text);
    // The second choice says it, between what the first does.
    let second: Event<'_> = &|text| chat(1, text) + &chat(0, "x");
    for event in [first, second, &call, &anthropic, &response, &google] {
        for (texts, passes) in [(fine, true), (hate, false)] {
            let events: String = texts.map(event).concat();
            let events = events + "data: [DONE]\n\n";
            let serving = serve_in_bytes(&listener, events.clone());
            let (answer, ()) = tokio::join!(gateway.send(self::chat()), serving);
            let answer = answer.expect(200).text();
            assert_eq!(answer == events, passes, "{answer}");
            assert!(events.starts_with(&answer) && !answer.contains("e-6"), "{answer}");
        }
    }
}

/// Answers one request with a stream, byte by byte.
async fn serve_in_bytes(listener: &TcpListener, events: String) {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let mut request = Vec::new();
    while !String::from_utf8_lossy(&request).contains("\"stream\":true") {
        let mut buffer = [0; 1024];
        let n = stream.read(&mut buffer).await.expect("a request");
        assert!(n > 0, "the request ended early");
        request.extend_from_slice(&buffer[..n]);
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a head");
    for (n, byte) in events.as_bytes().iter().enumerate() {
        // The gateway leaves when it has ended the stream.
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        if n % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    stream.shutdown().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_responses_api_are_judged() {
    let (azure, gateway) = with("").await;
    let ask = |stream: bool| {
        Call::json(
            "/openai/v1/responses",
            &json!({"model": "gpt-4o", "input": "hi", "stream": stream}),
        )
    };
    let whole = gateway.send(ask(true)).await.expect(200).text();
    assert!(whole.contains("event: response.completed"), "{whole}");
    let id = gateway.send(ask(false)).await.expect(200).json()["id"].clone();
    azure.openai.set_answer(Some("some hate-4".to_owned()));
    let ended: Answer = gateway.send(ask(true)).await.expect(200);
    assert!(
        !ended.text().contains("hate-4") && !ended.text().contains("completed"),
        "{}",
        ended.text()
    );
    gateway.send(ask(false)).await.expect(403);
    // One that is stored is judged again when it is asked for.
    let stored = format!("/openai/v1/responses/{}", id.as_str().expect("an id"));
    gateway.send(Call::get(&stored)).await.expect(200);
    azure.content_safety.server().fail("*", Fault::Status(500));
    gateway.send(Call::get(&stored)).await.expect(403);
}
