use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Answer, Call, get, post_json, start};
use crate::Running;

async fn script(running: &Running, script: &Value, status: u16) -> Answer {
    let url = format!("{}/script", running.control.server().url());
    post_json(url, script).expect(status).await
}

fn chat(running: &Running, prompt: &str, more: &Value) -> Call {
    let mut body = json!({"messages": [{"role": "user", "content": prompt}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let base = running.openai.base();
    let url = format!("{base}/deployments/gpt-4o/chat/completions?api-version=2024-10-21");
    post_json(url, &body).header("api-key", &running.openai.key())
}

/// The chunks of a stream.
fn chunks(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// What the module's documentation shows.
fn documented() -> Value {
    let text = include_str!("../script.rs");
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_start);
    let lines = lines.skip_while(|line| *line != "```json").skip(1);
    let lines: Vec<&str> = lines.take_while(|line| *line != "```").collect();
    serde_json::from_str(&lines.join("\n")).unwrap()
}

#[tokio::test]
async fn what_is_documented_is_done() {
    let running = start().await;
    script(&running, &documented(), 200).await;
    assert_eq!(running.control.script(&json!({})), Ok(()));
    // One fault after the other, then throttled with the headers of the script.
    chat(&running, "hello", &json!({})).expect(503).await;
    for after in ["1500", "1500"] {
        let answer = chat(&running, "hello", &json!({})).expect(429).await;
        assert_eq!(answer.header("retry-after-ms"), after);
    }
    script(&running, &json!({"openai": {"faults": []}}), 200).await;
    for _ in 0..2 {
        let answer = chat(&running, "hello", &json!({})).expect(429).await;
        assert_eq!((answer.header("retry-after-ms"), answer.header("retry-after")), ("250", "2"));
    }
    let began = Instant::now();
    let answer = chat(&running, "hello", &json!({})).expect(200).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(answer.at("/choices/0/message/content"), json!("Good morning."));
    assert_eq!(answer.header("x-ratelimit-remaining-tokens"), "0");
    let answer = chat(&running, "the weather", &json!({})).expect(200).await;
    assert_eq!(answer.at("/choices/0/message/content"), json!("It rains."));
    let answer = chat(&running, "a bomb", &json!({})).expect(400).await;
    assert_eq!(answer.at("/error/code"), json!("content_filter"));
    let result = "/error/innererror/content_filter_result/violence";
    assert_eq!(answer.at(result), json!({"filtered": true, "severity": "high"}));
    let broken = chat(&running, "hello", &json!({"stream": true})).open().await.unwrap();
    assert!(http_body_util::BodyExt::collect(broken.into_body()).await.is_err());
    let url = format!(
        "{}/contentsafety/text:analyze?api-version=2024-09-01",
        running.content_safety.server().url()
    );
    let body = json!({"text": "Project Tiger", "blocklistNames": ["names"]});
    let judged =
        post_json(url, &body).header("ocp-apim-subscription-key", &running.content_safety.key());
    assert_eq!(judged.expect(200).await.at("/blocklistsMatch/0/blocklistName"), json!("names"));
}

#[tokio::test]
async fn scripts_that_are_wrong_do_nothing() {
    let running = start().await;
    for (wrong, error) in [
        (json!([]), "script: an object"),
        (json!({"open": {}}), "open: an emulated server"),
        (json!({"openai": {"anser": "x"}}), "openai.anser: one of answer, answers, "),
        (json!({"openai": {"answer": 1}}), "openai.answer: a text"),
        (json!({"openai": {"usage": 1}}), "openai.usage: `true` or `false`"),
        (json!({"openai": {"answers": [{"when": "x"}]}}), "openai.answers.0: an object with `say`"),
        (
            json!({"openai": {"block_prompts": [{"word": "x", "category": "anger"}]}}),
            "openai.block_prompts.0.category: one of hate, self_harm, sexual, violence",
        ),
        (json!({"openai": {"streams": {"pause": 1}}}), "openai.streams.pause: one of pause_ms, "),
        (
            json!({"openai": {"faults": [{"path": "*"}]}}),
            "openai.faults.0: exactly one of status, ",
        ),
        (
            json!({"openai": {"faults": [{"path": "*", "status": 500, "hang": true}]}}),
            "openai.faults.0: exactly one of status, ",
        ),
        (
            json!({"openai": {"faults": [{"path": "*", "status": 99}]}}),
            "openai.faults.0.status: a status code",
        ),
        (
            json!({"openai": {"faults": [{"path": "*", "status": 500, "retry_after_ms": 1}]}}),
            "openai.faults.0: `retry_after_ms` beside a status of 429 alone",
        ),
        (json!({"entra": {"answer": "x"}}), "entra.answer: one of faults"),
        (
            json!({"content_safety": {"blocklists": {"a": [1]}}}),
            "content_safety.blocklists.a.0: a text",
        ),
    ] {
        // What stands before the mistake is not done either.
        let mut whole = wrong.clone();
        if let Some(members) = whole.as_object_mut() {
            members.insert("echo".to_owned(), json!({"faults": [{"path": "*", "status": 500}]}));
        }
        let answer = script(&running, &whole, 400).await;
        let said = answer.at("/error");
        assert!(said.as_str().unwrap().starts_with(error), "{said}");
    }
    get(format!("{}/x", running.echo.server().url())).expect(200).await;
    let url = format!("{}/script", running.control.server().url());
    post_json(&url, &json!({})).body("{").expect(400).await;
    get(url).expect(404).await;
}

#[tokio::test]
async fn what_was_received_can_be_asked_for() {
    let running = start().await;
    chat(&running, "hello", &json!({})).header("x-a", "1").header("x-a", "2").expect(200).await;
    let control = running.control.server().url();
    let received = get(format!("{control}/received?server=openai&path=*/chat/*")).expect(200).await;
    assert_eq!(received.at("/0/method"), json!("POST"));
    assert_eq!(received.at("/0/query"), json!("api-version=2024-10-21"));
    assert_eq!(received.at("/0/headers/x-a"), json!("1, 2"));
    assert_eq!(received.at("/0/status"), json!(200));
    let body: Value = serde_json::from_str(received.at("/0/body").as_str().unwrap()).unwrap();
    assert_eq!(body["messages"][0]["content"], json!("hello"));
    assert_eq!(received.at("/1"), Value::Null);
    get(format!("{control}/received?server=nobody")).expect(400).await;
    post_json(format!("{control}/forget"), &json!({})).expect(200).await;
    let received = get(format!("{control}/received?server=openai")).expect(200).await;
    assert_eq!(received.json(), json!([]));
}

#[tokio::test]
async fn usage_and_filter_results_can_be_left_out() {
    let running = start().await;
    let asking = json!({"stream": true, "stream_options": {"include_usage": true}});
    let with = chunks(&chat(&running, "hello", &asking).expect(200).await);
    assert!(with.last().unwrap()["usage"].is_object());
    assert!(with.first().unwrap()["prompt_filter_results"].is_array());
    let off = json!({"openai": {"usage": false, "filter_results": false}});
    script(&running, &off, 200).await;
    let without = chat(&running, "hello", &asking).expect(200).await;
    assert!(without.text().ends_with("data: [DONE]\n\n"));
    let without = chunks(&without);
    assert_eq!(without.len(), with.len() - 1);
    for chunk in without {
        assert!(chunk.get("usage").is_none() && chunk.get("prompt_filter_results").is_none());
        assert!(chunk["choices"][0].get("content_filter_results").is_none(), "{chunk}");
    }
    let whole = chat(&running, "hello", &json!({})).expect(200).await;
    assert_eq!(
        (whole.at("/usage"), whole.at("/prompt_filter_results")),
        (Value::Null, Value::Null)
    );
    let base = running.openai.base();
    let key = running.openai.key();
    let embeddings =
        format!("{base}/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21");
    let answer =
        post_json(embeddings, &json!({"input": "x"})).header("api-key", &key).expect(200).await;
    assert_eq!(answer.at("/usage"), Value::Null);
    let body = json!({"model": "gpt-4o", "input": "x"});
    let responses = || post_json(format!("{base}/v1/responses"), &body).header("api-key", &key);
    assert_eq!(responses().expect(200).await.at("/usage"), Value::Null);
    script(&running, &json!({"openai": {"usage": true}}), 200).await;
    assert!(responses().expect(200).await.at("/usage").is_object());
}

#[tokio::test]
async fn the_content_filter_ends_answers() {
    let running = start().await;
    running.openai.set_answer(Some("So far so good, then awful things".to_owned()));
    running.openai.block_answer_word("awful", "violence");
    running.openai.block_answer_word("things", "hate");
    let whole = chat(&running, "hello", &json!({})).expect(200).await;
    assert_eq!(whole.at("/choices/0/finish_reason"), json!("content_filter"));
    assert_eq!(whole.at("/choices/0/message"), json!({"role": "assistant"}));
    let results = whole.at("/choices/0/content_filter_results");
    assert_eq!(results["violence"], json!({"filtered": true, "severity": "high"}));
    assert_eq!(results["hate"], json!({"filtered": false, "severity": "safe"}));
    assert_eq!(whole.at("/usage/completion_tokens"), json!(5));

    let stream = chat(&running, "hello", &json!({"stream": true})).expect(200).await;
    assert!(stream.text().ends_with("data: [DONE]\n\n"));
    let chunks = chunks(&stream);
    let text = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert_eq!(text.collect::<String>(), "So far so good, then ");
    let last = &chunks.last().unwrap()["choices"][0];
    assert_eq!(last["finish_reason"], json!("content_filter"));
    assert_eq!(last["content_filter_results"]["violence"]["filtered"], json!(true));

    // A limit before it counts.
    let short = chat(&running, "hello", &json!({"max_tokens": 2})).expect(200).await;
    assert_eq!(short.at("/choices/0/finish_reason"), json!("length"));

    let (base, key) = (running.openai.base(), running.openai.key());
    let completions = format!("{base}/deployments/gpt-4o/completions?api-version=2024-10-21");
    let body = json!({"prompt": "x"});
    let answer = post_json(completions, &body).header("api-key", &key).expect(200).await;
    assert_eq!(
        (answer.at("/choices/0/finish_reason"), answer.at("/choices/0/text")),
        (json!("content_filter"), json!(""))
    );
    let body = json!({"model": "gpt-4o", "input": "x"});
    let answer =
        post_json(format!("{base}/v1/responses"), &body).header("api-key", &key).expect(200).await;
    assert_eq!(
        (answer.at("/status"), answer.at("/incomplete_details/reason")),
        (json!("incomplete"), json!("content_filter"))
    );

    running.openai.forget_answers();
    let answer = chat(&running, "awful", &json!({})).expect(200).await;
    assert_eq!(answer.at("/choices/0/finish_reason"), json!("stop"));
}

#[tokio::test]
async fn the_same_question_has_the_same_answer() {
    let running = start().await;
    let text = async || {
        let answer = chat(&running, "hello", &json!({})).expect(200).await;
        (answer.at("/choices"), answer.at("/usage"))
    };
    assert_eq!(text().await, text().await);
}

#[tokio::test]
async fn streams_end_early_in_order() {
    let running = start().await;
    script(&running, &json!({"openai": {"next_streams": [{"end_after": 3}]}}), 200).await;
    let answer = chat(&running, "hello", &json!({"stream": true})).expect(200).await;
    assert_eq!(chunks(&answer).len(), 3);
    assert!(!answer.text().contains("[DONE]"));
    let next = chat(&running, "hello", &json!({"stream": true})).expect(200).await;
    assert!(next.text().ends_with("data: [DONE]\n\n"));
}
