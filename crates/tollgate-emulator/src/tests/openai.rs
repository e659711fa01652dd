use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::client::{Call, get, post_json, start, start_with};
use crate::{Deployment, FABRIKAM, Fault, Running, Signature, TokenSpec};

const AUDIENCE: &str = "https://cognitiveservices.azure.com";
const VERSION: &str = "api-version=2024-10-21";

fn hello() -> Value {
    json!({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello there"}]})
}

fn chat(running: &Running) -> Call {
    let url = format!("{}/deployments/gpt-4o/chat/completions?{VERSION}", running.openai.base());
    post_json(url, &hello())
}

#[tokio::test]
async fn a_chat_says_what_was_received() {
    let running = start().await;
    let answer = chat(&running).header("api-key", &running.openai.key()).expect(200).await;
    assert_eq!(answer.at("/object"), json!("chat.completion"));
    assert_eq!(answer.at("/model"), json!("gpt-4o-2024-11-20"));
    let text = "gpt-4o received 2 message(s). The last one says: Hello there";
    assert_eq!(answer.at("/choices/0/message/content"), json!(text));
    assert_eq!(answer.at("/choices/0/finish_reason"), json!("stop"));
    assert_eq!(
        answer.at("/prompt_filter_results/0/content_filter_results/hate/severity"),
        json!("safe")
    );
    let [prompt, completion, total] = ["prompt", "completion", "total"]
        .map(|name| answer.at(&format!("/usage/{name}_tokens")).as_u64().unwrap());
    assert!(prompt > 0 && completion > 0 && total == prompt + completion);
    for name in
        ["apim-request-id", "x-ratelimit-remaining-tokens", "x-ratelimit-remaining-requests"]
    {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
    assert_eq!(answer.header("x-ms-region"), "Sweden Central");
    let received = running.openai.server().received_at("*/chat/completions");
    assert_eq!(received[0].json(), hello());
    assert_eq!(received[0].query_value("api-version").as_deref(), Some("2024-10-21"));
    assert_eq!(received[0].header("api-key"), Some(running.openai.key().as_str()));
    assert_eq!(received[0].status, Some(200));
}

#[tokio::test]
async fn tokens_are_really_checked() {
    let running = start().await;
    let spec = TokenSpec::v1(AUDIENCE);
    let old = running.entra.publish_new_key().unwrap();
    running.entra.withdraw_key(old.kid());
    let mint = |spec: TokenSpec| running.entra.mint(&spec).unwrap();
    for good in [spec.clone(), TokenSpec::v1(format!("{AUDIENCE}/")), TokenSpec::v2(AUDIENCE)] {
        chat(&running).bearer(&mint(good)).expect(200).await;
    }
    let public = running.entra.signing_key().public_pem().into_bytes();
    let message = "Unauthorized. Access token is missing, invalid, audience is incorrect \
                   (https://cognitiveservices.azure.com), or have expired.";
    for (bad, why) in [
        (TokenSpec::v1("https://management.azure.com"), "the audience is not accepted"),
        (
            TokenSpec::v1("https://cognitiveservices.azure.com.evil.example"),
            "the audience is not accepted",
        ),
        (spec.clone().expired(Duration::from_mins(10)), "the token is outside its time"),
        (spec.clone().not_yet(Duration::from_mins(10)), "the token is outside its time"),
        (spec.clone().without("exp"), "the token is outside its time"),
        (spec.clone().issuer("https://evil.example/"), "the issuer is not accepted"),
        (spec.clone().tenant(FABRIKAM).claim("tid", crate::CONTOSO), "the issuer is not accepted"),
        (spec.clone().signature(Signature::WrongKey), "the signature does not hold"),
        (spec.clone().signature(Signature::Corrupt), "the signature does not hold"),
        (spec.clone().signature(Signature::None), "the algorithm is not accepted"),
        (spec.clone().signature(Signature::Hs256(public)), "the algorithm is not accepted"),
        (spec.clone().signed_by(old), "no key matches"),
        (spec.clone().without_header("kid"), "no key matches"),
        (spec.clone().header("crit", json!(["exp"])), "the token is not a signed JWT"),
    ] {
        let answer = chat(&running).bearer(&mint(bad)).expect(401).await;
        assert_eq!(answer.json(), json!({"statusCode": 401, "message": message}), "{why}");
        assert_eq!(running.openai.last_refusal().as_deref(), Some(why));
        assert!(!answer.header("apim-request-id").is_empty());
    }
    let other = chat(&running).bearer(&mint(spec.clone().tenant(FABRIKAM))).expect(400).await;
    assert_eq!(
        other.at("/error/message"),
        json!(format!("Token tenant {FABRIKAM} does not match resource tenant."))
    );
    let twice = chat(&running).bearer(&mint(spec.clone())).bearer(&mint(spec.clone()));
    twice.expect(401).await;
    chat(&running).header("authorization", "Basic eDp5").expect(401).await;
    running.openai.permit(Some(BTreeSet::from(["the one".to_owned()])));
    let denied = chat(&running).bearer(&mint(spec.clone())).expect(401).await;
    assert_eq!(denied.at("/error/code"), json!("PermissionDenied"));
    chat(&running).bearer(&mint(spec.claim("oid", "the one"))).expect(200).await;
}

#[tokio::test]
async fn keys_are_checked_where_azure_takes_them() {
    let running = start().await;
    let key = running.openai.key();
    let base = running.openai.base();
    chat(&running).expect(401).await;
    let wrong = chat(&running).header("api-key", "wrong").expect(401).await;
    assert_eq!(wrong.at("/error/code"), json!("401"));
    assert!(
        wrong
            .at("/error/message")
            .as_str()
            .unwrap()
            .starts_with("Access denied due to invalid subscription key")
    );
    // A wrong key is not made good by a token beside it.
    let token = running.entra.mint(&TokenSpec::v1(AUDIENCE)).unwrap();
    chat(&running).header("api-key", "wrong").bearer(&token).expect(401).await;
    // The classic style does not take the key as a bearer token, v1 does.
    chat(&running).bearer(&key).expect(401).await;
    let v1 = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]});
    post_json(format!("{base}/v1/chat/completions"), &v1).bearer(&key).expect(200).await;
    post_json(format!("{base}/v1/chat/completions"), &v1).bearer(&token).expect(200).await;
    post_json(format!("{base}/v1/chat/completions"), &v1).bearer("wrong").expect(401).await;
    running.openai.set_keys(["fresh"]);
    chat(&running).header("api-key", &key).expect(401).await;
    chat(&running).header("ocp-apim-subscription-key", "fresh").expect(200).await;
    running.openai.disable_keys(true);
    let disabled = chat(&running).header("api-key", "fresh").expect(403).await;
    assert_eq!(disabled.at("/error/code"), json!("AuthenticationTypeDisabled"));
}

#[tokio::test]
async fn paths_and_versions_are_checked() {
    let running = start().await;
    let (base, key) = (running.openai.base(), running.openai.key());
    let v1 =
        json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "input": "x"});
    for (path, status, code) in [
        ("deployments/gpt-4o/chat/completions", 404, "404"),
        ("deployments/gpt-4o/chat/completions?api-version=", 404, "404"),
        ("deployments/gpt-4o/chat/completions?api-version=2099-01-01", 400, "BadRequest"),
        ("deployments/gpt-4o/chat/completions?api-version=v1", 400, "BadRequest"),
        ("deployments/nothing/chat/completions?api-version=2024-10-21", 404, "DeploymentNotFound"),
        ("deployments/gpt-4o/nothing?api-version=2024-10-21", 404, "404"),
        ("deployments/gpt-4o/embeddings?api-version=2024-10-21", 400, "OperationNotSupported"),
        ("chat/completions?api-version=2024-10-21", 404, "404"),
        ("responses?api-version=2024-10-21", 400, "BadRequest"),
        ("responses?api-version=2025-04-01-preview", 200, ""),
        ("v1/chat/completions", 200, ""),
        ("v1/chat/completions?api-version=preview", 200, ""),
        ("v1/chat/completions?api-version=2024-10-21", 400, "BadRequest"),
        ("v1/nothing", 404, "404"),
    ] {
        let answer =
            post_json(format!("{base}/{path}"), &v1).header("api-key", &key).expect(status).await;
        assert_eq!(answer.at("/error/code").as_str().unwrap_or_default(), code, "{path}");
    }
    let inference = format!("{}/models/chat/completions", running.openai.server().url());
    post_json(format!("{inference}?api-version=2024-05-01-preview"), &v1)
        .header("api-key", &key)
        .expect(200)
        .await;
    post_json(&inference, &v1).header("api-key", &key).expect(404).await;
    get(format!("{base}/deployments/gpt-4o/chat/completions?{VERSION}"))
        .header("api-key", &key)
        .expect(404)
        .await;
    let unnamed = json!({"messages": [{"role": "user", "content": "x"}]});
    post_json(format!("{base}/v1/chat/completions"), &unnamed)
        .header("api-key", &key)
        .expect(400)
        .await;
    let models = get(format!("{base}/v1/models")).header("api-key", &key).expect(200).await;
    assert_eq!(models.at("/data/0/id"), json!("gpt-4o"));
    get(format!("{base}/v1/models/nothing")).header("api-key", &key).expect(404).await;
}

#[tokio::test]
async fn requests_are_checked() {
    let running = start().await;
    let url = format!("{}/deployments/gpt-4o/chat/completions?{VERSION}", running.openai.base());
    let key = running.openai.key();
    let one = json!([{"role": "user", "content": "x"}]);
    for (body, param) in [
        (json!({}), "messages"),
        (json!({"messages": []}), "messages"),
        (json!({"messages": "x"}), "messages"),
        (json!({"messages": ["x"]}), "messages[0]"),
        (json!({"messages": [{"content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "robot", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "user", "content": 1}]}), "messages[0].content"),
        (json!({"messages": one, "stream": "yes"}), "stream"),
        (json!({"messages": one, "stream_options": {"include_usage": true}}), "stream_options"),
        (json!({"messages": one, "max_tokens": 0}), "max_tokens"),
        (json!({"messages": one, "max_tokens": 1, "max_completion_tokens": 1}), "max_tokens"),
        (json!({"messages": one, "n": 1_000}), "n"),
        (json!({"messages": one, "tool_choice": "required"}), "tool_choice"),
    ] {
        let answer = post_json(&url, &body).header("api-key", &key).expect(400).await;
        assert_eq!(answer.at("/error/param"), json!(param), "{body}");
        assert_eq!(answer.at("/error/type"), json!("invalid_request_error"));
    }
    post_json(&url, &one).header("api-key", &key).expect(400).await;
    let cut = json!({"messages": one, "max_tokens": 2, "n": 2});
    let answer = post_json(&url, &cut).header("api-key", &key).expect(200).await;
    assert_eq!(answer.at("/choices/1/message/content"), json!("gpt-4o received "));
    assert_eq!(answer.at("/choices/0/finish_reason"), json!("length"));
    assert_eq!(answer.at("/usage/completion_tokens"), json!(4));
    let tools = json!({
        "messages": one, "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "look_up"}}],
    });
    let answer = post_json(&url, &tools).header("api-key", &key).expect(200).await;
    assert_eq!(answer.at("/choices/0/message/tool_calls/0/function/name"), json!("look_up"));
    assert_eq!(answer.at("/choices/0/finish_reason"), json!("tool_calls"));
    running.openai.block_word("bomb", "violence");
    let blocked = json!({"messages": [{"role": "user", "content": "a bomb"}]});
    let answer = post_json(&url, &blocked).header("api-key", &key).expect(400).await;
    assert_eq!(answer.at("/error/code"), json!("content_filter"));
    assert_eq!(answer.at("/error/innererror/content_filter_result/violence/filtered"), json!(true));
    running.openai.set_answer(Some("forty two".to_owned()));
    let answer = chat(&running).header("api-key", &key).expect(200).await;
    assert_eq!(answer.at("/choices/0/message/content"), json!("forty two"));
}

#[tokio::test]
async fn throttling_and_faults_have_azures_shapes() {
    let running = start_with(|options| {
        options.deployments.push(Deployment::chat("small", "gpt-4o-2024-11-20").limited(2, 100));
    })
    .await;
    let openai = &running.openai;
    let key = openai.key();
    let call = || chat(&running).header("api-key", &key);
    openai.throttle("gpt-4o", Some(1), Duration::from_millis(2_500));
    let answer = call().expect(429).await;
    assert_eq!(answer.at("/error/code"), json!("429"));
    let message = answer.at("/error/message");
    let want = "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded \
                token rate limit";
    assert!(message.as_str().unwrap().starts_with(want), "{message}");
    assert_eq!((answer.header("retry-after"), answer.header("retry-after-ms")), ("3", "2500"));
    call().expect(200).await;
    for (status, pointer, want) in [
        (403, "/error/code", "AccessDenied"),
        (404, "/error/code", "DeploymentNotFound"),
        (500, "/error/type", "server_error"),
        (503, "/error/code", "ServiceUnavailable"),
    ] {
        openai.server().fail_next("*", 1, Fault::Status(status));
        let answer = call().expect(status).await;
        assert_eq!(answer.at(pointer), json!(want));
        assert!(!answer.header("apim-request-id").is_empty());
    }
    call().expect(200).await;

    let small = format!("{}/deployments/small/chat/completions?{VERSION}", openai.base());
    let big = json!({"messages": [{"role": "user", "content": "x"}], "max_tokens": 100});
    let refused = post_json(&small, &big).header("api-key", &key).expect(429).await;
    assert!(refused.at("/error/message").as_str().unwrap().contains("exceeded token rate limit"));
    let answer = post_json(&small, &hello()).header("api-key", &key).expect(200).await;
    assert_eq!(answer.header("x-ratelimit-limit-requests"), "2");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "0");
    let refused = post_json(&small, &hello()).header("api-key", &key).expect(429).await;
    assert!(refused.at("/error/message").as_str().unwrap().contains("exceeded call rate limit"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 60);
}

#[tokio::test]
async fn embeddings_are_deterministic() {
    let running = start().await;
    let url = format!(
        "{}/deployments/text-embedding-3-small/embeddings?{VERSION}",
        running.openai.base()
    );
    let ask = |body: Value| post_json(&url, &body).header("api-key", &running.openai.key());
    let floats = ask(json!({"input": ["one text", "another"], "dimensions": 8})).expect(200).await;
    let again = ask(json!({"input": "one text", "dimensions": 8, "encoding_format": "base64"}))
        .expect(200)
        .await;
    let bytes = STANDARD.decode(again.at("/data/0/embedding").as_str().unwrap()).unwrap();
    let decoded: Vec<f32> =
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    let listed: Vec<f32> = serde_json::from_value(floats.at("/data/0/embedding")).unwrap();
    assert_eq!(decoded, listed);
    assert_eq!((decoded.len(), floats.at("/data/1/index")), (8, json!(1)));
    assert_eq!(floats.at("/usage/prompt_tokens"), floats.at("/usage/total_tokens"));
    let full = ask(json!({"input": "x"})).expect(200).await;
    assert_eq!(full.at("/data/0/embedding").as_array().unwrap().len(), 1_536);
    for bad in [
        json!({}),
        json!({"input": ""}),
        json!({"input": []}),
        json!({"input": vec!["x"; 2_049]}),
        json!({"input": {}}),
        json!({"input": "x", "dimensions": 4_000}),
        json!({"input": "x", "encoding_format": "hex"}),
    ] {
        ask(bad).expect(400).await;
    }
}

#[tokio::test]
async fn responses_are_stored_until_deleted() {
    let running = start().await;
    let base = format!("{}/v1/responses", running.openai.base());
    let key = running.openai.key();
    let create = |body: Value| post_json(&base, &body).header("api-key", &key);
    let made = create(json!({"model": "gpt-4o", "input": "Hello"})).expect(200).await;
    let id = made.at("/id").as_str().unwrap().to_owned();
    assert!(id.starts_with("resp_"));
    assert_eq!(made.at("/status"), json!("completed"));
    let text = made.at("/output/0/content/0/text");
    assert_eq!(text, json!("gpt-4o received 1 item(s). The last one says: Hello"));
    let total = made.at("/usage/input_tokens").as_u64().unwrap()
        + made.at("/usage/output_tokens").as_u64().unwrap();
    assert_eq!(made.at("/usage/total_tokens"), json!(total));
    let again = get(format!("{base}/{id}")).header("api-key", &key).expect(200).await;
    assert_eq!(again.json(), made.json());
    let input = get(format!("{base}/{id}/input_items")).header("api-key", &key).expect(200).await;
    assert_eq!(input.at("/data/0/content/0/text"), json!("Hello"));
    create(json!({"model": "gpt-4o", "input": "x", "previous_response_id": id})).expect(200).await;
    create(json!({"model": "gpt-4o", "input": "x", "previous_response_id": "resp_0"}))
        .expect(400)
        .await;
    create(json!({"model": "gpt-4o"})).expect(400).await;
    let unstored =
        create(json!({"model": "gpt-4o", "input": "x", "store": false})).expect(200).await;
    let unstored = unstored.at("/id").as_str().unwrap().to_owned();
    get(format!("{base}/{unstored}")).header("api-key", &key).expect(404).await;
    let classic =
        format!("{}/responses/{id}?api-version=2025-04-01-preview", running.openai.base());
    let deleted = get(&classic).method("DELETE").header("api-key", &key).expect(200).await;
    assert_eq!(deleted.at("/deleted"), json!(true));
    get(&classic).header("api-key", &key).expect(404).await;
}

#[tokio::test]
async fn completions_and_model_kinds() {
    let running = start().await;
    let url = |name: &str, operation: &str| {
        format!("{}/deployments/{name}/{operation}?{VERSION}", running.openai.base())
    };
    let key = running.openai.key();
    let body = json!({"prompt": "Say it", "max_tokens": 3});
    let answer =
        post_json(url("gpt-4o", "completions"), &body).header("api-key", &key).expect(200).await;
    assert_eq!(answer.at("/choices/0/text"), json!("gpt-4o received: Say "));
    assert_eq!(answer.at("/choices/0/finish_reason"), json!("length"));
    let wrong = post_json(url("text-embedding-3-small", "chat/completions"), &hello())
        .header("api-key", &key);
    assert_eq!(wrong.expect(400).await.at("/error/code"), json!("OperationNotSupported"));
}

#[tokio::test]
async fn foundry_projects_take_tokens_for_their_own_audience() {
    let running = start().await;
    let base = format!("{}/api/projects/demo", running.openai.server().url());
    let token =
        |audience: &str| running.entra.mint(&TokenSpec::v1(audience).claim("oid", "me")).unwrap();
    let agents = format!("{base}/agents?api-version=v1");
    let answer = get(&agents).bearer(&token("https://ai.azure.com")).expect(200).await;
    assert_eq!((answer.at("/project"), answer.at("/path")), (json!("demo"), json!("agents")));
    assert_eq!(answer.at("/principal"), json!("me"));
    let wrong = get(&agents).bearer(&token(AUDIENCE)).expect(401).await;
    assert!(wrong.at("/message").as_str().unwrap().contains("(https://ai.azure.com)"));
    get(&agents).header("api-key", &running.openai.key()).expect(401).await;
    get(format!("{base}/agents")).bearer(&token("https://ai.azure.com")).expect(400).await;
    let body = json!({"model": "gpt-4o", "input": "Hello"});
    post_json(format!("{base}/openai/v1/responses"), &body)
        .bearer(&token("https://ai.azure.com/"))
        .expect(200)
        .await;
    post_json(format!("{base}/openai/v1/responses"), &body)
        .bearer(&token(AUDIENCE))
        .expect(401)
        .await;
    chat(&running).bearer(&token("https://ai.azure.com")).expect(401).await;
    running.openai.permit(Some(BTreeSet::new()));
    let denied = get(&agents).bearer(&token("https://ai.azure.com")).expect(401).await;
    assert_eq!(denied.at("/error/code"), json!("PermissionDenied"));
}
