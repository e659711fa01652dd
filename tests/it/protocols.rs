//! Protocols of models and tools that pass through, and what is charged for them.

mod mcp;
mod stand_in;

use serde_json::{Value, json};

use crate::harness::{Answer, Call, Directory, Gateway, azure, until};
use stand_in::{Answers, Received, Reply, StandIn};

const LIMIT: u64 = 100_000;

/// A backend below `/it` behind a limit by one of its names, and below `/left` what is left of it.
async fn limited(answers: Answers, policy: &str) -> (StandIn, Gateway) {
    let backend = StandIn::start(answers).await;
    let gateway = in_front_of(&backend.url, policy);
    (backend, gateway)
}

fn in_front_of(url: &str, policy: &str) -> Gateway {
    let config = format!(
        "[apis.it]\npath = \"it\"\nservice-url = \"{url}\"\nsubscription = \"optional\"\n\
         [apis.left]\npath = \"left\"\nsubscription = \"optional\"\n"
    );
    let document = |more: &str, then: &str| {
        format!(
            "<policies><inbound><{policy} counter-key=\"it\" tokens-per-minute=\"{LIMIT}\" {more}/>{then}</inbound>\
             <backend><base /></backend><outbound /><on-error /></policies>"
        )
    };
    let left = document("remaining-tokens-header-name=\"x-left\" ", "<return-response />");
    let directory = Directory::new(&config);
    directory.api("it", &document("", "")).api("left", &left).start()
}

/// The tokens that have been charged, once they are so many; what a stream used is known a little after its end.
async fn charged(gateway: &Gateway, expected: u64) {
    let mut now = 0;
    for _ in 0..200 {
        let answer = gateway.send(Call::get("/left")).await;
        now = LIMIT - answer.header("x-left").parse::<u64>().expect("a number");
        if now == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{now} tokens are charged, not {expected}");
}

/// The types of the events of a stream.
fn kinds(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|event| serde_json::from_str::<Value>(event).ok());
    events.filter_map(|event| event["type"].as_str().map(str::to_owned)).collect()
}

fn need(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// Messages of Anthropic: its version and key in headers, and a bound in the body.
fn anthropic(request: &Received) -> Result<Reply, String> {
    need(request.method == "POST" && request.uri.path() == "/v1/messages", "no such operation")?;
    need(request.header("anthropic-version") == "2023-06-01", "no version")?;
    need(request.header("x-api-key") == "key", "no key")?;
    let body = request.json();
    need(body["max_tokens"].is_u64() && body["messages"].is_array(), "max_tokens: Field required")?;
    need(body.get("stream_options").is_none(), "stream_options: Extra inputs are not permitted")?;
    Ok(if body["stream"] == true {
        Reply::events(&[
            r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude","usage":{"input_tokens":10,"cache_creation_input_tokens":20,"cache_read_input_tokens":30,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#,
            r#"{"type":"message_stop"}"#,
        ])
    } else {
        Reply::json(
            r#"{"id":"msg_2","type":"message","role":"assistant","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"cache_creation_input_tokens":20,"cache_read_input_tokens":30,"output_tokens":5}}"#,
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_anthropic() {
    for policy in ["llm-token-limit", "azure-openai-token-limit"] {
        let (backend, gateway) = limited(anthropic, policy).await;
        let call = |stream: bool| {
            let body = json!({
                "model": "claude", "max_tokens": 64, "stream": stream,
                "messages": [{"role": "user", "content": "Hello"}],
            });
            let call = Call::json("/it/v1/messages", &body).header("x-api-key", "key");
            (call.header("anthropic-version", "2023-06-01"), body)
        };
        let (whole, sent) = call(false);
        let answer = gateway.send(whole).await.expect(200);
        assert_eq!(answer.json()["content"][0]["text"], "Hello");
        assert_eq!(backend.last().json(), sent);
        charged(&gateway, 65).await;
        let (stream, sent) = call(true);
        let answer = gateway.send(stream).await.expect(200);
        assert_eq!(backend.last().json(), sent);
        let kinds = kinds(&answer);
        assert_eq!(
            (kinds.len(), kinds[0].as_str(), kinds[6].as_str()),
            (7, "message_start", "message_stop")
        );
        charged(&gateway, 65 + 67).await;
        // A stream that its client leaves is charged what had come; before anything has, that is the prompt as counted.
        let (stream, _) = call(true);
        drop(gateway.open(stream).await);
        let charged = until("the stream that was left is charged", async || {
            let left = gateway.send(Call::get("/left")).await;
            let charged = LIMIT - left.header("x-left").parse::<u64>().expect("a number");
            (charged > 132).then_some(charged)
        });
        assert!(charged.await <= 132 + 67);
    }
}

/// Gemini: the model and the stream are in the path.
fn gemini(request: &Received) -> Result<Reply, String> {
    need(request.header("x-goog-api-key") == "key", "no key")?;
    let body = request.json();
    need(body["contents"].is_array() && body.get("stream").is_none(), "Invalid JSON payload")?;
    match (request.uri.path(), request.uri.query()) {
        ("/v1beta/models/gemini-2.5-pro:generateContent", None) => Ok(Reply::json(
            r#"{"candidates":[{"content":{"parts":[{"text":"Hello"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":30,"totalTokenCount":36}}"#,
        )),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", Some("alt=sse")) => {
            Ok(Reply::events(&[
                r#"{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":10,"totalTokenCount":16}}"#,
            ]))
        }
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", None) => Ok(Reply::json(
            r#"[{"candidates":[{"content":{"parts":[{"text":"Hel"}]}}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}},
            {"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":3,"totalTokenCount":7}}]"#,
        )),
        _ => Err("no such operation".to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gemini_whole_and_streamed() {
    let (backend, gateway) = limited(gemini, "llm-token-limit").await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]});
    let mut sum = 0;
    for (operation, used) in [
        ("generateContent", 36),
        ("streamGenerateContent?alt=sse", 16),
        ("streamGenerateContent", 7),
    ] {
        let path = format!("/it/v1beta/models/gemini-2.5-pro:{operation}");
        let call = Call::json(&path, &body).header("x-goog-api-key", "key");
        let answer = gateway.send(call).await.expect(200);
        assert!(answer.text().contains("usageMetadata"), "{}", answer.text());
        assert_eq!(backend.last().json(), body);
        sum += used;
        charged(&gateway, sum).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_streamed() {
    let azure = azure().await;
    let config = format!(
        "[backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [apis.it]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [apis.left]\npath = \"left\"\nsubscription = \"optional\"\n",
        azure.openai.base(),
        azure.openai.key(),
    );
    let policy = |more: &str, then: &str| {
        format!(
            "<policies><inbound><llm-token-limit counter-key=\"it\" tokens-per-minute=\"{LIMIT}\" {more}/>{then}</inbound>\
             <backend><base /></backend><outbound /><on-error /></policies>"
        )
    };
    let left = policy("remaining-tokens-header-name=\"x-left\" ", "<return-response />");
    let directory = Directory::new(&config).api("it", &policy("", ""));
    let gateway = directory.api("left", &left).start();
    let body = json!({"model": "gpt-4o", "input": "Say hello.", "stream": true});
    let answer = gateway.send(Call::json("/openai/v1/responses", &body)).await.expect(200);
    let kinds = kinds(&answer);
    assert_eq!(kinds.first().map(String::as_str), Some("response.created"));
    assert_eq!(kinds.last().map(String::as_str), Some("response.completed"));
    let text = answer.text();
    let last = text.lines().rev().find_map(|line| line.strip_prefix("data: ")).expect("an event");
    let last: Value = serde_json::from_str(last).expect("JSON");
    let used = last["response"]["usage"]["total_tokens"].as_u64().expect("usage");
    charged(&gateway, used).await;
}

/// A picture or a recording.
fn binary(size: usize) -> Vec<u8> {
    (0..size).map(|n| u8::try_from(n * 31 % 251).expect("a byte")).collect()
}

const BOUNDARY: &str = "----a-boundary-of-a-form";

/// A form with a file of this size.
fn form(name: &str, size: usize) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nsome-model\r\n--{BOUNDARY}\r\n\
         Content-Disposition: form-data; name=\"{name}\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), &binary(size), format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// Pictures and recordings of OpenAI. Forms are as long as they were sent.
fn media(request: &Received) -> Result<Reply, String> {
    need(request.method == "POST", "no such method")?;
    let kind = request.header("content-type");
    let is_form = kind == format!("multipart/form-data; boundary={BOUNDARY}");
    let is_json = kind == "application/json";
    match request.uri.path() {
        "/v1/images/generations" if is_json && request.json()["stream"] == true => {
            Ok(Reply::events(&[
                r#"{"type":"image_generation.partial_image","b64_json":"AAAA","partial_image_index":0}"#,
                r#"{"type":"image_generation.completed","b64_json":"AAAA","usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50}}"#,
            ]))
        }
        "/v1/images/generations" if is_json => Ok(Reply::json(
            r#"{"created":1,"data":[{"b64_json":"AAAA"}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#,
        )),
        "/v1/images/edits" if is_form => {
            need(request.body == form("image", 300_000), "another form than was sent")?;
            Ok(Reply::json(
                r#"{"data":[],"usage":{"total_tokens":70,"input_tokens":60,"output_tokens":10}}"#,
            ))
        }
        // More than the gateway holds of any body.
        "/v1/audio/transcriptions" if is_form => {
            need(request.body == form("file", 12 << 20), "another form than was sent")?;
            Ok(Reply::json(
                r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,"output_tokens":45,"total_tokens":59}}"#,
            ))
        }
        "/v1/audio/speech" if is_json => Ok(Reply::new(200, "audio/mpeg", binary(200_000))),
        _ => Err(format!("{kind} is none of {}", request.uri)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_recordings() {
    let (backend, gateway) = limited(media, "llm-token-limit").await;
    let picture = json!({"model": "gpt-image-1", "prompt": "A quiet harbour"});
    let answer = gateway.send(Call::json("/it/v1/images/generations", &picture)).await.expect(200);
    assert_eq!(answer.json()["data"][0]["b64_json"], "AAAA");
    charged(&gateway, 100).await;
    let streamed = json!({"model": "gpt-image-1", "prompt": "A quiet harbour", "stream": true});
    let answer = gateway.send(Call::json("/it/v1/images/generations", &streamed)).await.expect(200);
    assert_eq!(kinds(&answer), ["image_generation.partial_image", "image_generation.completed"]);
    assert_eq!(backend.last().json(), streamed);
    charged(&gateway, 200).await;
    let form_call = |path: &str, body: Vec<u8>| {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        Call::post(path, body).header("content-type", &kind)
    };
    gateway.send(form_call("/it/v1/images/edits", form("image", 300_000))).await.expect(200);
    charged(&gateway, 270).await;
    let recording = form_call("/it/v1/audio/transcriptions", form("file", 12 << 20));
    assert_eq!(gateway.send(recording).await.expect(200).json()["text"], "hi");
    charged(&gateway, 329).await;
    // What is spoken says no usage, so it is the text that is charged: three tokens.
    let speech = json!({"model": "tts-1", "voice": "alloy", "input": "A quiet harbour"});
    let answer = gateway.send(Call::json("/it/v1/audio/speech", &speech)).await.expect(200);
    assert_eq!(
        (answer.header("content-type"), answer.body == binary(200_000)),
        ("audio/mpeg", true)
    );
    charged(&gateway, 332).await;
    // A form where none belongs is a body like any other: nobody gets past a limit by what they call it.
    let chat = form_call("/it/v1/chat/completions", form("file", 12 << 20));
    gateway.send(chat).await.expect(413);
    assert_eq!(backend.count(), 5);
}
