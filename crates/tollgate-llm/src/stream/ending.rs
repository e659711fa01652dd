//! The last events of a stream that the meter ends.

use serde_json::{Value as Json, json};

use crate::answer::{
    Answer, event, output_items, usage_of_chat, usage_of_google, usage_of_messages,
    usage_of_responses,
};
use crate::api::Api;
use crate::json::Value;
use crate::usage::Usage;

use super::UsageForClient;
use super::delta::Envelope;

/// Choices and blocks that are remembered as open.
const MAX_OPEN: usize = 128;
/// Bytes of an identifier or a model's name that are remembered.
const MAX_NAME: usize = 512;
/// Bytes of the object that a stream of Responses begins with that are remembered: it repeats instructions and tools.
const MAX_RESPONSE: usize = 64 << 10;

/// What of a stream so far its last events need.
#[derive(Debug)]
pub(super) struct Opening {
    api: Api,
    id: Option<Json>,
    model: Option<Json>,
    created: Option<Json>,
    /// The object of `response.created`.
    response: Option<Json>,
    sequence: Option<u64>,
    /// Choices that are not finished, or Anthropic's blocks.
    open: Vec<u64>,
    /// Whether a choice, or Anthropic's message, has said why it ended.
    has_finished: bool,
    is_done: bool,
}

impl Opening {
    pub(super) fn new(api: Api) -> Self {
        Self {
            api,
            id: None,
            model: None,
            created: None,
            response: None,
            sequence: None,
            open: Vec::new(),
            has_finished: false,
            is_done: false,
        }
    }

    pub(super) fn done(&mut self) {
        self.is_done = true;
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) fn saw_choice(&mut self, choice: u64) {
        if self.api != Api::Messages && !self.open.contains(&choice) && self.open.len() < MAX_OPEN {
            self.open.push(choice);
        }
    }

    pub(super) fn finished(&mut self, choice: u64) {
        self.has_finished = true;
        if self.api != Api::Messages {
            self.open.retain(|open| *open != choice);
        }
        // Google's streams have no last event but the one with a reason.
        self.is_done |= self.api == Api::GenerateContent && self.open.is_empty();
    }

    /// Takes what an event says of the stream.
    pub(super) fn see(&mut self, envelope: &Envelope<'_>) {
        remember(&mut self.id, envelope.id);
        remember(&mut self.model, envelope.model);
        remember(&mut self.created, envelope.created);
        self.sequence = envelope.sequence.or(self.sequence);
        let place = envelope.index.unwrap_or_default();
        match envelope.kind.as_deref() {
            Some("message_start") => {
                let head = |name| envelope.message.and_then(|message| message.get(name));
                remember(&mut self.id, head("id"));
                remember(&mut self.model, head("model"));
            }
            Some("content_block_start") if self.open.len() < MAX_OPEN => self.open.push(place),
            Some("content_block_stop") => self.open.retain(|open| *open != place),
            Some("response.created") if self.response.is_none() => {
                let response =
                    envelope.response.filter(|object| object.raw().len() <= MAX_RESPONSE);
                self.response =
                    response.and_then(|object| serde_json::from_slice(object.raw()).ok());
            }
            Some(
                "message_stop"
                | "response.completed"
                | "response.incomplete"
                | "response.failed"
                | "error"
                | "transcript.text.done"
                | "image_generation.completed"
                | "image_edit.completed",
            ) => {
                self.is_done = true;
            }
            _ => {}
        }
    }

    /// The events that end the stream as one that met its bound.
    pub(super) fn ending(
        &self,
        usage: Usage,
        for_client: UsageForClient,
        answer: &Answer,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        match self.api {
            Api::ChatCompletions | Api::Completions => self.end_chat(usage, for_client, &mut out),
            Api::Responses => self.end_response(usage, answer, &mut out),
            Api::Messages => self.end_message(usage, &mut out),
            Api::GenerateContent => self.end_google(usage, &mut out),
            // Nothing is known that their clients would understand: the stream just ends.
            Api::Embeddings | Api::Images | Api::Audio | Api::Realtime => {}
        }
        out
    }

    /// The choices that have not ended; the first when none has begun.
    fn open_choices(&self) -> Vec<u64> {
        if self.open.is_empty() && !self.has_finished { vec![0] } else { self.open.clone() }
    }

    fn end_chat(&self, usage: Usage, for_client: UsageForClient, out: &mut Vec<u8>) {
        let choice = |index: u64| match self.api {
            Api::ChatCompletions => json!({"index": index, "delta": {}, "finish_reason": "length"}),
            _ => json!({"index": index, "text": "", "logprobs": null, "finish_reason": "length"}),
        };
        let object = match self.api {
            Api::ChatCompletions => "chat.completion.chunk",
            _ => "text_completion",
        };
        let chunk = |choices: Vec<Json>| {
            json!({
                "id": self.id, "object": object, "created": self.created.clone().unwrap_or_else(|| json!(0)),
                "model": self.model, "choices": choices,
            })
        };
        let open = self.open_choices().into_iter().map(choice).collect::<Vec<_>>();
        if !open.is_empty() {
            event(out, None, &chunk(open));
        }
        if for_client == UsageForClient::Asked {
            let mut last = chunk(Vec::new());
            if let Some(members) = last.as_object_mut() {
                members.insert("usage".to_owned(), usage_of_chat(usage));
            }
            event(out, None, &last);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn end_response(&self, usage: Usage, answer: &Answer, out: &mut Vec<u8>) {
        let mut response = self.response.clone().unwrap_or_else(|| {
            json!({"id": self.id, "object": "response", "created_at": 0, "model": self.model, "error": null})
        });
        if let Some(members) = response.as_object_mut() {
            members.insert("status".to_owned(), json!("incomplete"));
            members.insert("incomplete_details".to_owned(), json!({"reason": "max_output_tokens"}));
            let output = answer.choices.first().map(|choice| output_items(choice, "incomplete"));
            members.insert("output".to_owned(), Json::Array(output.unwrap_or_default()));
            members.insert("usage".to_owned(), usage_of_responses(usage));
        }
        let kind = "response.incomplete";
        let sequence = self.sequence.map_or(0, |sequence| sequence.saturating_add(1));
        event(
            out,
            Some(kind),
            &json!({"type": kind, "sequence_number": sequence, "response": response}),
        );
    }

    fn end_message(&self, usage: Usage, out: &mut Vec<u8>) {
        for block in &self.open {
            let kind = "content_block_stop";
            event(out, Some(kind), &json!({"type": kind, "index": block}));
        }
        if !self.has_finished {
            let kind = "message_delta";
            let delta = json!({"stop_reason": "max_tokens", "stop_sequence": null});
            let usage = usage_of_messages(usage);
            event(out, Some(kind), &json!({"type": kind, "delta": delta, "usage": usage}));
        }
        event(out, Some("message_stop"), &json!({"type": "message_stop"}));
    }

    fn end_google(&self, usage: Usage, out: &mut Vec<u8>) {
        let candidate = |index: u64| {
            json!({
                "content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "MAX_TOKENS", "index": index,
            })
        };
        let candidates: Vec<Json> = self.open_choices().into_iter().map(candidate).collect();
        let chunk = json!({
            "candidates": candidates, "usageMetadata": usage_of_google(usage),
            "modelVersion": self.model, "responseId": self.id,
        });
        event(out, None, &chunk);
    }
}

/// Keeps the first value that says something and is not too long.
fn remember(slot: &mut Option<Json>, value: Option<Value<'_>>) {
    let Some(value) = value.filter(|_| slot.is_none()) else { return };
    let says_nothing = matches!(value.raw(), b"\"\"" | b"0" | b"null");
    if !says_nothing && value.raw().len() <= MAX_NAME {
        *slot = serde_json::from_slice(value.raw()).ok();
    }
}
