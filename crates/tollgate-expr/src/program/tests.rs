//! Whole expressions: their values, their diagnostics, and hostile ones.

mod bounds;
#[expect(clippy::needless_raw_string_hashes, reason = "as `expect_test` writes them")]
mod diagnostics;
mod evaluation;
mod fused;
mod regex;
mod silent;

use serde_json::{Value as Json, json};

use crate::cases;

/// A context with a bit of everything.
fn context() -> Json {
    json!({
        "request": {
            "method": "POST",
            "url": "https://gw.example:8443/openai/chat?api-version=2024-10-21&tag=a&TAG=b",
            "headers": { "Content-Type": ["application/json"], "X-Many": ["a", "b"] },
            "ip": "203.0.113.9",
            "body": "{\"model\":\"gpt-4o\",\"max\":5,\"at\":\"2024-01-01T00:00:00.000Z\",\"list\":[1,2,3]}",
            "matched-parameters": { "deployment-id": "gpt" }
        },
        "response": { "status": 429, "reason": "Too Many", "headers": {}, "body": "{\"a\":{\"b\":1}}" },
        "variables": {
            "text": "hello", "flag": true, "number": 7, "ratio": 0.5, "nothing": null,
            "tree": { "a": 1 }, "items": [1, "two"],
            "bytes": { "$type": "bytes", "value": "AQID" },
            "names": { "$type": "strings", "value": ["x", "y"] },
            "answer": { "$type": "IResponse", "status": 200, "body": "{\"ok\":true}" }
        },
        "api": { "Id": "openai", "Name": "Azure OpenAI" },
        "user": { "Id": "u1", "Groups": [{ "Id": "g1", "Name": "Admins" }] }
    })
}

/// One line for an answer: type and value, exception and message, or the refusal.
fn answer(expression: &str) -> String {
    let result = cases::run(expression, &context()).unwrap();
    let text = |key: &str| result.get(key).and_then(Json::as_str).map(str::to_owned);
    if let Some(refused) = text("compile") {
        return format!("refused: {refused}");
    }
    if let Some(error) = text("error") {
        let short = error.rsplit('.').next().unwrap_or_default();
        return format!("{short}: {}", text("message").unwrap_or_default());
    }
    match text("type") {
        Some(ty) => format!("{ty} {}", text("value").unwrap_or_default()),
        None => "null".to_owned(),
    }
}

/// Checks expressions against their answers.
fn check(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(answer(expression), *expected, "{expression}");
    }
}
