//! The text of a request.

use tollgate_engine::Request;
use tollgate_llm::{Api, LlmRequest, PathInfo, SystemMessages, strings_of_json};

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
    let mut strings = String::new();
    let is_json = strings_of_json(body, &mut |text| {
        strings.push_str(text);
        strings.push('\n');
    })
    .is_ok();
    if !is_json {
        // Files and forms are no prompts. What another reader may take for a prompt is not what was read here.
        let start = body.trim_ascii_start().first();
        let may_be_one = api.is_some_and(talks) || matches!(start, Some(b'{' | b'['));
        let refused = Refusal::Prompt("the body is not JSON");
        return if may_be_one { Err(refused) } else { Ok(String::new()) };
    }
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
        Err(_) if api.is_some_and(talks) => Err(Refusal::Prompt("the body is not a JSON object")),
        Err(_) => Ok(strings),
    }
}
