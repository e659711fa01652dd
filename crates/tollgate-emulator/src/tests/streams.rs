use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::{Call, SOON, post_json, start};
use crate::{Counts, Gate, Pace, Running, StreamPlan};

fn chat(running: &Running, extra: &Value) -> Call {
    let mut body = json!({"messages": [{"role": "user", "content": "Hello"}], "stream": true});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let base = running.openai.base();
    let url = format!("{base}/deployments/gpt-4o/chat/completions?api-version=2024-10-21");
    post_json(url, &body).header("api-key", &running.openai.key())
}

/// The JSON of each `data:` event, and whether `[DONE]` was the last.
fn events(text: &str) -> (Vec<Value>, bool) {
    assert!(text.ends_with("\n\n"), "{text}");
    let mut done = false;
    let mut all = Vec::new();
    for event in text.split_terminator("\n\n") {
        assert!(!done, "something after [DONE]");
        let data = event.strip_prefix("data: ").expect("a data line alone");
        if data == "[DONE]" {
            done = true;
        } else {
            all.push(serde_json::from_str(data).unwrap());
        }
    }
    (all, done)
}

#[tokio::test]
async fn chat_chunks_have_azures_shape() {
    let running = start().await;
    let answer = chat(&running, &json!({})).expect(200).await;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let (chunks, done) = events(&answer.text());
    assert!(done);
    let (first, rest) = chunks.split_first().unwrap();
    assert_eq!(
        (&first["id"], &first["object"], &first["choices"]),
        (&json!(""), &json!(""), &json!([]))
    );
    assert_eq!(first["prompt_filter_results"][0]["prompt_index"], json!(0));
    assert_eq!(rest[0]["choices"][0]["delta"]["role"], json!("assistant"));
    let text: String =
        rest.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "gpt-4o received 1 message(s). The last one says: Hello");
    let last = rest.last().unwrap();
    assert_eq!(
        (&last["choices"][0]["finish_reason"], &last["choices"][0]["delta"]),
        (&json!("stop"), &json!({}))
    );
    for chunk in rest {
        assert_eq!(
            (&chunk["object"], &chunk["id"]),
            (&json!("chat.completion.chunk"), &rest[0]["id"])
        );
        assert_eq!(chunk.get("usage"), None);
    }
}

#[tokio::test]
async fn usage_comes_when_it_is_asked_for() {
    let running = start().await;
    let extra = json!({"stream_options": {"include_usage": true}, "max_tokens": 2});
    let (chunks, done) = events(&chat(&running, &extra).expect(200).await.text());
    let (last, before) = chunks.split_last().unwrap();
    assert!(done);
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], json!(2));
    for chunk in before {
        assert_eq!(chunk.get("usage"), Some(&Value::Null));
    }
    assert_eq!(before.last().unwrap()["choices"][0]["finish_reason"], json!("length"));
}

#[tokio::test]
async fn tool_calls_are_streamed() {
    let running = start().await;
    let extra = json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"});
    let (chunks, _) = events(&chat(&running, &extra).expect(200).await.text());
    assert_eq!(chunks[2]["choices"][0]["delta"]["tool_calls"][0]["function"]["name"], json!("f"));
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], json!("tool_calls"));
}

#[tokio::test]
async fn responses_have_named_events() {
    let running = start().await;
    let body = json!({"model": "gpt-4o", "input": "Hello", "stream": true});
    let call = post_json(format!("{}/v1/responses", running.openai.base()), &body);
    let text = call.header("api-key", &running.openai.key()).expect(200).await.text();
    let mut names = Vec::new();
    let mut last = Value::Null;
    for (number, event) in text.split_terminator("\n\n").enumerate() {
        let (name, data) = event.split_once('\n').unwrap();
        last = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        let name = name.strip_prefix("event: ").unwrap();
        assert_eq!((&last["type"], &last["sequence_number"]), (&json!(name), &json!(number)));
        names.push(name.to_owned());
    }
    assert_eq!(names[0], "response.created");
    assert!(names.iter().any(|name| name == "response.output_text.delta"));
    assert_eq!(names.last().unwrap(), "response.completed");
    assert!(last["response"]["usage"]["total_tokens"].is_u64());
    assert!(!text.contains("[DONE]"));
}

async fn next(body: &mut Incoming) -> Option<Result<bytes::Bytes, hyper::Error>> {
    let frame = timeout(SOON, body.frame()).await.expect("a frame in time")?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test]
async fn a_gate_lets_events_go_one_by_one() {
    let running = start().await;
    let gate = Gate::default();
    running
        .openai
        .plan_next_stream(StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() });
    let mut body = chat(&running, &json!({})).open().await.unwrap().into_body();
    for _ in 0..3 {
        assert!(
            timeout(Duration::from_millis(30), body.frame()).await.is_err(),
            "an event came through a closed gate"
        );
        gate.release(1);
        assert!(next(&mut body).await.unwrap().unwrap().starts_with(b"data: "));
    }
    gate.open();
    while next(&mut body).await.is_some() {}
    let ended = running.openai.streams().until(SOON, |counts| counts.completed == 1).await;
    assert_eq!(ended, Some(Counts { opened: 1, completed: 1, aborted: 0 }));
}

#[tokio::test]
async fn streams_break_and_fall_silent_on_demand() {
    let running = start().await;
    running.openai.plan_next_stream(StreamPlan { close_after: Some(2), ..StreamPlan::default() });
    let mut body = chat(&running, &json!({})).open().await.unwrap().into_body();
    let mut text = Vec::new();
    let broken = loop {
        match next(&mut body).await {
            Some(Ok(data)) => text.extend_from_slice(&data),
            ended => break ended,
        }
    };
    assert!(matches!(broken, Some(Err(_))), "ended properly");
    assert_eq!(text.windows(2).filter(|two| two == b"\n\n").count(), 2);
    let counts = running.openai.streams().until(SOON, |counts| counts.aborted == 1).await;
    assert_eq!(counts.unwrap().open(), 0);

    let silence = Duration::from_millis(60);
    running
        .openai
        .plan_next_stream(StreamPlan { silence: Some((1, silence)), ..StreamPlan::default() });
    let begun = std::time::Instant::now();
    chat(&running, &json!({})).expect(200).await;
    assert!(begun.elapsed() >= silence);
}

#[tokio::test]
async fn a_client_that_vanishes_is_seen() {
    for http2 in [false, true] {
        let running = start().await;
        let gate = Gate::default();
        running
            .openai
            .plan_streams(StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() });
        gate.release(1);
        let call = chat(&running, &json!({}));
        let call = if http2 { call.http2() } else { call };
        let mut body = call.open().await.unwrap().into_body();
        assert!(next(&mut body).await.is_some());
        assert_eq!(running.openai.streams().counts().open(), 1);
        drop(body);
        let counts = running.openai.streams().until(SOON, |counts| counts.aborted == 1).await;
        assert_eq!(counts.map(|counts| counts.open()), Some(0), "http2: {http2}");
        assert!(
            running
                .openai
                .server()
                .call_tally()
                .until(SOON, |counts| counts.aborted == 1)
                .await
                .is_some()
        );
    }
}
