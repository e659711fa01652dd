//! Legacy completions, whole and streamed.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::ids::unix_now;
use crate::openai::behaviour::{filter_results, prompt_filter_results};
use crate::openai::deployments::{ModelKind, Remaining};
use crate::openai::errors::ApiError;
use crate::openai::stream;
use crate::openai::text::{new_id, tokens, usage};
use crate::openai::{Call, OpenAi};
use crate::reply::{Reply, json as json_reply};

/// Tokens of an answer whose request does not say.
const DEFAULT_LIMIT: u64 = 16;

impl OpenAi {
    pub(super) fn completions(&self, call: &Call) -> Result<(Reply, Remaining), ApiError> {
        call.needs(ModelKind::Chat, "completion")?;
        let prompt = match call.body.get("prompt") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(prompt)) => prompt.clone(),
            Some(Value::Array(prompts)) => {
                prompts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
            }
            Some(_) => return Err(ApiError::wrong_type("prompt", "a string or an array")),
        };
        let limit = call.number("max_tokens")?.unwrap_or(DEFAULT_LIMIT);
        let stream = call.flag("stream")?;
        let remaining = self.take(call, tokens(&prompt) + limit)?;
        self.filter(&prompt)?;
        let received = format!("{} received: {prompt}", call.deployment.name);
        let answer = self.answer(&prompt, &received, Some(limit));
        let found = answer.found.as_deref();
        let (id, created) = (new_id("cmpl-"), unix_now());
        let frame = |text: &str, finish_reason: Option<&str>| {
            json!({
                "id": id, "object": "text_completion", "created": created, "model": call.deployment.model,
                "choices": [{
                    "text": text, "index": 0, "finish_reason": finish_reason, "logprobs": null,
                    "content_filter_results": filter_results(found.filter(|_| finish_reason.is_some())),
                }],
            })
        };
        if stream {
            let mut chunks: Vec<Value> =
                answer.pieces.iter().map(|piece| frame(piece, None)).collect();
            chunks.push(frame("", Some(answer.finish_reason)));
            self.strip(&mut chunks);
            let events = stream::data_events(&chunks);
            return Ok((
                stream::reply(events, self.stream_plan(), self.state.streams.open()),
                remaining,
            ));
        }
        let text = if found.is_some() { String::new() } else { answer.text() };
        let mut whole = frame(&text, Some(answer.finish_reason));
        if let Some(object) = whole.as_object_mut() {
            let filter =
                json!([{"prompt_index": 0, "content_filter_results": prompt_filter_results(None)}]);
            object.insert("prompt_filter_results".to_owned(), filter);
            object.insert("usage".to_owned(), usage(tokens(&prompt), answer.tokens()));
        }
        self.strip([&mut whole]);
        Ok((json_reply(StatusCode::OK, &whole), remaining))
    }
}
