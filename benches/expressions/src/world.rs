//! One request, as each language sees it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tollgate_expr::{EvalState, FixedHost, Limits};

/// A token of three parts with the claims the expressions ask for.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1IiwiYXBwaWQiOiI3YTZjLTQxIn0.AAAA";

/// The body: a chat completion as clients send it.
pub const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You are a helpful assistant that answers in one sentence."},{"role":"user","content":"What is the tallest mountain of the Alps, and how high is it? Please name a source as well."}],"temperature":0.7,"max_tokens":256,"top_p":1,"stream":false,"user":"7f1c2a90"}"#;

/// The request as a policy sees it.
pub fn context() -> Json {
    json!({
        "request": {
            "method": "POST",
            "url": "https://gateway.example/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21&client_id=c1",
            "ip": "203.0.113.9",
            "headers": {
                "Host": "gateway.example",
                "User-Agent": "example-client/1.0",
                "Accept": "application/json",
                "Accept-Encoding": "gzip, br",
                "Content-Type": "application/json",
                "Content-Length": "330",
                "Ocp-Apim-Subscription-Key": "0123456789abcdef",
                "X-End-User": "user-17",
                "X-Priority": "high",
                "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            },
            "body": BODY,
            "matched-parameters": { "deployment-id": "gpt-4o" }
        },
        "response": { "status": 429, "reason": "Too Many Requests", "headers": {} },
        "variables": variables(),
        "api": { "Id": "azure-openai", "Name": "Azure OpenAI", "Revision": "1" },
        "operation": { "Id": "chat", "Name": "Chat" },
        "product": { "Id": "unlimited", "Name": "Unlimited" },
        "subscription": { "Id": "team-a", "Name": "Team A" },
        "request-id": "0af76519-16cd-43dd-8448-eb211c80319c"
    })
}

fn variables() -> Json {
    json!({
        "attempt": 3,
        "route": 1,
        "low": true,
        "backend": "openai-east",
        "tenant": "72f988bf-86f1-41af-91ab-2d7cd011db47",
        "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6Im5PbzNaRHJPRFhFSzFqS1doWHNsSFJfS1hFZyJ9.eyJhdWQiOiJhIn0.c2ln",
        "failure": "openai-east|429|quota",
        "event": { "kind": "validation", "data": { "code": "c" } },
        "routes": [
            { "name": "a", "url": "https://a.example" },
            { "name": "b", "url": "https://b.example" }
        ],
        "answer": { "$type": "IResponse", "status": 200, "body": "{}" },
        "jwt": { "$type": "Jwt", "token": JWT }
    })
}

/// The request for policies, with its state.
pub fn host() -> (FixedHost, EvalState) {
    let mut state = unbounded();
    let host = FixedHost::from_json(&context(), &mut state).unwrap_or_default();
    (host, state)
}

/// The state of a new request, with bounds that no measurement reaches.
pub fn unbounded() -> EvalState {
    EvalState::new(Limits { steps: u64::MAX, memory: u64::MAX, depth: 128 })
}

/// The request as plain maps, for CEL and Rhai: names of headers in lower case, everything taken apart in advance.
pub fn maps() -> Json {
    let context = context();
    let mut headers = serde_json::Map::new();
    for (name, value) in context["request"]["headers"].as_object().into_iter().flatten() {
        headers.insert(name.to_ascii_lowercase(), value.clone());
    }
    let mut vars = variables();
    vars["answer"] = json!({ "status": 200, "body": "{}" });
    vars["jwt"] = json!({ "claims": { "sub": "u", "appid": "7a6c-41" } });
    json!({
        "request": {
            "method": "POST",
            "ip": "203.0.113.9",
            "headers": headers,
            "matched": { "deployment-id": "gpt-4o" },
            "query": { "api-version": "2024-10-21", "client_id": "c1" }
        },
        "response": { "status": 429 },
        "vars": vars,
        "api": { "id": "azure-openai" },
        "product": { "id": "unlimited", "name": "Unlimited" },
        "subscription": { "id": "team-a" }
    })
}

/// A JSON value for CEL.
pub fn cel_value(json: Json) -> cel::Value {
    match json {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => cel::Value::Bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => cel::Value::Int(value),
            None => cel::Value::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => cel::Value::String(Arc::new(text)),
        Json::Array(items) => {
            cel::Value::List(Arc::new(items.into_iter().map(cel_value).collect()))
        }
        Json::Object(members) => {
            let map: HashMap<String, cel::Value> =
                members.into_iter().map(|(name, value)| (name, cel_value(value))).collect();
            cel::Value::from(map)
        }
    }
}
