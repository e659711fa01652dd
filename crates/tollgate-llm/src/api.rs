//! Which protocol a request speaks, by its path or by the shape of its body.

use crate::json::Value;

/// A protocol of language models, as far as requests, answers and streams differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI's Chat Completions, also Azure's `/models/chat/completions`.
    ChatCompletions,
    /// OpenAI's Completions, the older form.
    Completions,
    /// OpenAI's Embeddings.
    Embeddings,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's images: generations, edits and variations.
    Images,
    /// OpenAI's audio: speech, transcriptions and translations.
    Audio,
    /// OpenAI's Realtime over WebSocket.
    Realtime,
    /// Anthropic's Messages.
    Messages,
    /// Google's `generateContent` and `streamGenerateContent`, of Gemini and of Vertex AI.
    GenerateContent,
}

/// What a path says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathInfo<'a> {
    /// The protocol.
    pub api: Api,
    /// The deployment (Azure) or the model (Google) that the path names, as it is written there.
    pub model: Option<&'a str>,
    /// Whether the path itself asks for a stream, which only Google's does. The others say it in their bodies.
    pub stream: bool,
}

impl<'a> PathInfo<'a> {
    /// Reads the path of a request, without its query. What leads up to the operation does not count, so a prefix of the
    /// gateway's own is no hindrance. `None` when the path is none of the known operations.
    ///
    /// ```
    /// use tollgate_llm::{Api, PathInfo};
    ///
    /// let info = PathInfo::of("/openai/deployments/gpt-4o/chat/completions").unwrap();
    /// assert_eq!((info.api, info.model), (Api::ChatCompletions, Some("gpt-4o")));
    /// ```
    pub fn of(path: &'a str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        let mut segments = path.rsplit('/');
        let last = segments.next()?;
        let before = segments.next().unwrap_or_default();
        if let Some((model, verb)) = last.split_once(':') {
            return Self::of_verb(model, verb);
        }
        let api = match (before, last) {
            ("chat", "completions") => Api::ChatCompletions,
            (_, "completions") => Api::Completions,
            (_, "embeddings") => Api::Embeddings,
            (_, "responses") => Api::Responses,
            ("images", "generations" | "edits" | "variations") => Api::Images,
            ("audio", "speech" | "transcriptions" | "translations") => Api::Audio,
            (_, "realtime") => Api::Realtime,
            // `/threads/{id}/messages` belongs to the Assistants.
            (_, "messages") if !path.contains("/threads/") => Api::Messages,
            _ => return None,
        };
        Some(Self { api, model: deployment(path), stream: false })
    }

    fn of_verb(model: &'a str, verb: &str) -> Option<Self> {
        let (api, stream) = match verb {
            "generateContent" => (Api::GenerateContent, false),
            "streamGenerateContent" => (Api::GenerateContent, true),
            // Vertex AI serves Anthropic's models by these.
            "rawPredict" => (Api::Messages, false),
            "streamRawPredict" => (Api::Messages, true),
            _ => return None,
        };
        Some(Self { api, model: Some(model).filter(|model| !model.is_empty()), stream })
    }
}

fn deployment(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/deployments/")?;
    rest.split('/').next().filter(|name| !name.is_empty())
}

impl Api {
    /// The protocol of a body, for paths that say nothing. `None` when the members that it has are of none.
    pub(crate) fn of_body(body: Value<'_>) -> Option<Self> {
        let has = |names: &[&str]| names.iter().any(|name| body.get(name).is_some());
        if has(&["contents"]) {
            return Some(Self::GenerateContent);
        }
        if let Some(messages) = body.get("messages") {
            let anthropic = has(&["system", "anthropic_version"]) || has_anthropic_parts(messages);
            return Some(if anthropic { Self::Messages } else { Self::ChatCompletions });
        }
        if let Some(input) = body.get("input") {
            return Some(Self::of_input(input, body));
        }
        if has(&["previous_response_id", "conversation"]) {
            return Some(Self::Responses);
        }
        has(&["prompt"]).then(|| {
            let image = has(&["size", "quality", "style", "background", "output_format"]);
            if image { Self::Images } else { Self::Completions }
        })
    }

    fn of_input(input: Value<'_>, body: Value<'_>) -> Self {
        let has = |names: &[&str]| names.iter().any(|name| body.get(name).is_some());
        if has(&["voice"]) {
            return Self::Audio;
        }
        let named = body.text_of("model").is_some_and(|model| model.contains("embed"));
        let listed = input.items().next().is_some_and(|item| !item.is_object());
        if named || listed || has(&["encoding_format", "dimensions", "input_type"]) {
            return Self::Embeddings;
        }
        Self::Responses
    }
}

/// Whether a message has a part that only Anthropic has.
fn has_anthropic_parts(messages: Value<'_>) -> bool {
    let parts =
        messages.items().filter_map(|message| message.get("content")).flat_map(Value::items);
    parts.filter_map(|part| part.text_of("type")).any(|kind| {
        matches!(&*kind, "tool_use" | "tool_result" | "image" | "document" | "thinking")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_path(path: &str) -> Option<(Api, Option<&str>, bool)> {
        PathInfo::of(path).map(|info| (info.api, info.model, info.stream))
    }

    #[test]
    fn paths_tell_the_protocol() {
        use Api::{
            Audio, ChatCompletions, Completions, Embeddings, GenerateContent, Images, Messages,
            Realtime, Responses,
        };
        for (path, api, model, stream) in [
            ("/openai/deployments/gpt 4/chat/completions", ChatCompletions, Some("gpt 4"), false),
            ("/team/openai/v1/chat/completions", ChatCompletions, None, false),
            ("/v1/chat/completions/", ChatCompletions, None, false),
            ("/models/chat/completions", ChatCompletions, None, false),
            ("/openai/deployments/d/completions", Completions, Some("d"), false),
            ("/v1/completions", Completions, None, false),
            ("/openai/deployments/emb/embeddings", Embeddings, Some("emb"), false),
            ("/models/embeddings", Embeddings, None, false),
            ("/openai/responses", Responses, None, false),
            ("/openai/v1/responses", Responses, None, false),
            ("/openai/deployments/d/images/generations", Images, Some("d"), false),
            ("/v1/images/edits", Images, None, false),
            ("/openai/deployments/w/audio/transcriptions", Audio, Some("w"), false),
            ("/v1/audio/speech", Audio, None, false),
            ("/openai/v1/realtime", Realtime, None, false),
            ("/anthropic/v1/messages", Messages, None, false),
            ("/v1beta/models/gemini-2:generateContent", GenerateContent, Some("gemini-2"), false),
            (
                "/v1/publishers/google/models/g:streamGenerateContent",
                GenerateContent,
                Some("g"),
                true,
            ),
            ("/v1/publishers/anthropic/models/c:streamRawPredict", Messages, Some("c"), true),
        ] {
            assert_eq!(of_path(path), Some((api, model, stream)), "{path}");
        }
    }

    #[test]
    fn other_paths_say_nothing() {
        for path in [
            "",
            "/",
            "/v1/models",
            "/openai/threads/t/messages",
            "/v1/responses/resp_1",
            "/v1/messages/count_tokens",
            "/generations",
            "/v1/models/g:countTokens",
        ] {
            assert_eq!(of_path(path), None, "{path}");
        }
    }

    #[test]
    fn bodies_tell_the_protocol() {
        for (body, api) in [
            (r#"{"messages":[]}"#, Some(Api::ChatCompletions)),
            (r#"{"messages":[],"system":"x"}"#, Some(Api::Messages)),
            (r#"{"messages":[{"content":[{"type":"tool_result"}]}]}"#, Some(Api::Messages)),
            (r#"{"messages":[{"content":[{"type":"image_url"}]}]}"#, Some(Api::ChatCompletions)),
            (r#"{"contents":[]}"#, Some(Api::GenerateContent)),
            (r#"{"prompt":"x"}"#, Some(Api::Completions)),
            (r#"{"prompt":"x","size":"auto"}"#, Some(Api::Images)),
            (r#"{"input":"x"}"#, Some(Api::Responses)),
            (r#"{"input":[{"role":"user"}]}"#, Some(Api::Responses)),
            (r#"{"input":["x"]}"#, Some(Api::Embeddings)),
            (r#"{"input":"x","model":"text-embedding-3-small"}"#, Some(Api::Embeddings)),
            (r#"{"input":"x","voice":"alloy"}"#, Some(Api::Audio)),
            (r#"{"previous_response_id":"r"}"#, Some(Api::Responses)),
            (r#"{"x":1}"#, None),
            ("[]", None),
        ] {
            let value = Value::of_document(body.as_bytes()).unwrap();
            assert_eq!(Api::of_body(value), api, "{body}");
        }
    }
}
