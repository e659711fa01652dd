//! Limits of tokens under streams that run beside one another, that break off, and that clients leave.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tollgate_emulator::{Gate, Pace, Running, StreamPlan};

use crate::harness::{Answer, Call, DEADLINE, Directory, Gateway, azure, read_until};

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// Azure OpenAI below `/openai` behind a limit, and below `/left` what is left of it.
fn gateway(azure: &Running, limit: u64, more: &str) -> Gateway {
    let config = format!(
        "{more}\n[backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [apis.left]\npath = \"left\"\nsubscription = \"optional\"\n",
        azure.openai.base(),
        azure.openai.key(),
    );
    let policy = |more: &str, then: &str| {
        format!(
            "<policies><inbound><llm-token-limit counter-key=\"it\" tokens-per-minute=\"{limit}\" {more}/>{then}</inbound>\
             <backend><base /></backend><outbound /><on-error /></policies>"
        )
    };
    let left = policy("remaining-tokens-header-name=\"x-left\" ", "<return-response />");
    Directory::new(&config).api("openai", &policy("", "")).api("left", &left).start()
}

async fn left(gateway: &Gateway) -> u64 {
    let answer = gateway.send(Call::get("/left")).await;
    answer.header("x-left").parse().expect("a number of tokens")
}

/// Waits until what is left fits; the gateway's end of a stream is later than the client's.
async fn until_left(gateway: &Gateway, fits: impl Fn(u64) -> bool) {
    let mut now = 0;
    for _ in 0..200 {
        now = left(gateway).await;
        if fits(now) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still {now} tokens left");
}

fn chat(more: &Value) -> Call {
    let mut body = json!({"messages": [{"role": "user", "content": "Count."}], "stream": true});
    let members = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    Call::json(CHAT, &body)
}

/// The next piece of a body.
async fn piece(body: &mut Incoming) -> Bytes {
    let frame = tokio::time::timeout(DEADLINE, body.frame()).await.expect("a piece in time");
    frame.expect("a piece").expect("an unbroken body").into_data().expect("no trailers")
}

/// The sum that the events of a stream say was used, if they do.
fn used(answer: &Answer) -> Option<u64> {
    let text = answer.text();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut events = events.filter_map(|event| serde_json::from_str::<Value>(event).ok());
    events.find_map(|event| event["usage"]["total_tokens"].as_u64())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_beside_one_another_are_charged_what_their_usage_says() {
    const LIMIT: u64 = 1_000_000;
    let azure = azure().await;
    let gateway = gateway(&azure, LIMIT, "");
    let asking = json!({"stream_options": {"include_usage": true}});
    let plain = json!({});
    let calls = (0..60).map(|n| gateway.send(chat(if n % 2 == 0 { &asking } else { &plain })));
    let answers = join_all(calls).await;
    let one = answers.first().and_then(used).expect("usage");
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(used(answer), (n % 2 == 0).then_some(one), "{}", answer.text());
        assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    }
    until_left(&gateway, |left| left == LIMIT - 60 * one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_does_not_come_to_its_end_is_charged_what_passed() {
    let azure = azure().await;
    let gateway = gateway(&azure, 1_000, "");
    // Two events without text, then those of `gpt-4o ` and `received `.
    let gate = Gate::default();
    let plan = StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() };
    azure.openai.plan_next_stream(plan);
    let mut connection = gateway.connect().await;
    let mut body = connection.open(chat(&json!({}))).await.expect("an answer").into_body();
    gate.release(4);
    for _ in 0..4 {
        piece(&mut body).await;
    }
    drop((body, connection));
    until_left(&gateway, |left| left == 1_000 - PASSED).await;
    let plan = StreamPlan { close_after: Some(4), ..StreamPlan::default() };
    azure.openai.plan_next_stream(plan);
    let response = gateway.open(chat(&json!({}))).await;
    assert!(response.into_body().collect().await.is_err(), "the stream looks whole");
    until_left(&gateway, |left| left == 1_000 - 2 * PASSED).await;
}

/// The prompt, and what passed of the completion.
const PASSED: u64 = 9 + 7;

#[tokio::test(flavor = "multi_thread")]
async fn strict_limits_cannot_be_gone_past_together() {
    const LIMIT: u64 = 210;
    let azure = azure().await;
    let gateway = gateway(&azure, LIMIT, "[token-limits]\nmode = \"strict\"\n");
    let gate = Gate::default();
    let plan = StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() };
    azure.openai.plan_streams(plan);
    // Each may use 9 for its prompt and 10 for its completion.
    let bounded = json!({"max_tokens": 10});
    let answers = join_all((0..60).map(|_| gateway.open(chat(&bounded)))).await;
    let (passed, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status() == 200);
    assert!(refused.iter().all(|answer| answer.status() == 429));
    assert_eq!((passed.len(), left(&gateway).await), (11, LIMIT - 11 * 19));
    gate.open();
    let ended = join_all(passed.into_iter().map(Answer::read)).await;
    for answer in &ended {
        let text = answer.text();
        assert!(text.contains(r#""finish_reason":"length""#), "{text}");
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    }
    // All are alike, and each gives back what it did not use.
    until_left(&gateway, |left| left > 1 && (left - 1).is_multiple_of(11)).await;
}

/// A handshake for the Realtime API, which offers to compress messages.
const HANDSHAKE: &str = "GET /openai/realtime?api-version=2025-04-01-preview&deployment=gpt-4o HTTP/1.1\r\nHost: a\r\n\
                         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Extensions: permessage-deflate\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_is_charged_what_its_responses_say() {
    const LIMIT: u64 = 1_000;
    let azure = azure().await;
    let gateway = gateway(&azure, LIMIT, "");
    let mut socket = TcpStream::connect(gateway.http).await.expect("a connection");
    socket.write_all(HANDSHAKE.as_bytes()).await.expect("a handshake");
    let switched = read_until(&mut socket, "\r\n\r\n").await;
    assert!(switched.starts_with("HTTP/1.1 101 "), "{switched}");
    let handshakes = azure.openai.server().received_at("/openai/realtime");
    assert_eq!(handshakes.last().expect("a handshake").header("sec-websocket-extensions"), None);
    let mut used = 0;
    for _ in 0..3 {
        // A masked text frame; the mask is zero.
        let text = br#"{"type":"response.create"}"#;
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).expect("short"), 0, 0, 0, 0];
        frame.extend_from_slice(text);
        socket.write_all(&frame).await.expect("a frame");
        let events = read_until(&mut socket, r#""type":"response.done""#).await;
        assert!(events.contains("response.created"), "{events}");
        let (_, rest) = events.split_once(r#""total_tokens":"#).expect("usage");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        used += digits.parse::<u64>().expect("a number of tokens");
        // While the connection goes on.
        until_left(&gateway, |left| left == LIMIT - used).await;
    }
    drop(socket);
    until_left(&gateway, |left| left == LIMIT - used).await;
}
