//! The text of a request.

use serde_json::Value as Json;
use tollgate_engine::Request;
use tollgate_llm::{Api, LlmRequest, PathInfo, RequestError, SystemMessages};

use super::check::Refusal;

/// The protocol that the path of a request names. What `rewrite-uri` has made of it is what the backend understands.
fn api_of_path(request: &Request) -> Option<Api> {
    let path = PathInfo::of(&request.uri.path);
    path.or_else(|| PathInfo::of(&request.original_url.path)).map(|path| path.api)
}

/// Whether a protocol is one in which models talk.
fn talks(api: Api) -> bool {
    match api {
        Api::ChatCompletions
        | Api::Completions
        | Api::Responses
        | Api::Messages
        | Api::GenerateContent => true,
        Api::Embeddings | Api::Images | Api::Audio | Api::Realtime => false,
    }
}

fn body(request: &Request) -> &[u8] {
    let body = request.body.bytes().filter(|_| !request.consumed);
    body.map(|body| &**body).unwrap_or_default()
}

/// Whether a model is asked to say something, so that the answer has to be one that can be read.
pub(super) fn asks_for_text(request: &Request) -> bool {
    let api = api_of_path(request).or_else(|| {
        let parsed = LlmRequest::parse(None, body(request), usize::MAX);
        parsed.ok().map(|parsed| parsed.api())
    });
    api.is_some_and(talks)
}

/// All text of a request's prompt; empty when it has none. JSON of no known protocol is taken for a prompt with all its
/// strings, so that a request for another interface of a model does not pass unseen.
pub(super) fn text_of(request: &Request) -> Result<String, Refusal> {
    let body = body(request);
    if body.is_empty() {
        return Ok(String::new());
    }
    let api = api_of_path(request);
    match LlmRequest::parse(api, body, usize::MAX) {
        // Texts that are embedded are not said to anybody, and are often longer than the service takes.
        Ok(parsed) if parsed.api() == Api::Embeddings => Ok(String::new()),
        Ok(parsed) => {
            let prompt = parsed.prompt();
            if prompt.has_tokens {
                return Err(Refusal::Prompt("it is given as tokens"));
            }
            Ok(prompt.text(SystemMessages::Include))
        }
        Err(RequestError::NotJson | RequestError::TooLarge { .. }) if api.is_some_and(talks) => {
            Err(Refusal::Prompt("the body is not a JSON object"))
        }
        Err(_) => strings_of(body),
    }
}

fn strings_of(body: &[u8]) -> Result<String, Refusal> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let json: Json = match serde_json::from_slice(body) {
        Ok(json) => json,
        // Files and forms.
        Err(_) if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) => {
            return Ok(String::new());
        }
        Err(_) => return Err(Refusal::Prompt("the body is not JSON")),
    };
    let mut text = String::new();
    let mut left = vec![&json];
    while let Some(value) = left.pop() {
        match value {
            Json::String(string) => {
                text.push_str(string);
                text.push('\n');
            }
            Json::Array(items) => left.extend(items.iter().rev()),
            Json::Object(members) => left.extend(members.values().rev()),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
    Ok(text)
}
