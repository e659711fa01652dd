//! The emulated model: what it reads in a request and what it answers.

use serde_json::{Value, json};

use crate::ids::{hex, random};

/// Tokens that the service adds for each message and to begin the answer.
const PER_MESSAGE: u64 = 3;
/// Tokens of one image.
const PER_IMAGE: u64 = 85;
/// Letters of one token, about.
const LETTERS_PER_TOKEN: usize = 5;

/// Tokens of a text, about as many as a real model would count; the same for the same text.
pub(crate) fn tokens(text: &str) -> u64 {
    text.split_whitespace()
        .map(|word| word.chars().count().div_ceil(LETTERS_PER_TOKEN) as u64)
        .sum()
}

/// The text of a message's `content`: a string, or the text parts of a list.
pub(crate) fn content_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Tokens of a list of messages.
pub(crate) fn prompt_tokens(messages: &[Value]) -> u64 {
    let of_content = |content: &Value| {
        let images = content.as_array().map_or(0, |parts| {
            parts.iter().filter(|part| part.get("text").is_none()).count() as u64
        });
        tokens(&content_text(content)) + images * PER_IMAGE
    };
    let message = |message: &Value| PER_MESSAGE + message.get("content").map_or(0, of_content);
    messages.iter().map(message).sum::<u64>() + PER_MESSAGE
}

/// An answer in pieces of one token each.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) pieces: Vec<String>,
    pub(crate) finish_reason: &'static str,
    /// What the content filter has found in what was to come.
    pub(crate) found: Option<String>,
}

impl Answer {
    /// `text` cut into words, and cut off after `limit` of them.
    pub(crate) fn new(text: &str, limit: Option<u64>) -> Self {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let all = text.split_inclusive(' ').count();
        let pieces = text.split_inclusive(' ').take(limit).map(str::to_owned).collect();
        let finish_reason = if all > limit { "length" } else { "stop" };
        Self { pieces, finish_reason, found: None }
    }

    /// Ended by the content filter, unless it has come to its limit before.
    pub(crate) fn filtered(mut self, category: &str) -> Self {
        if self.finish_reason == "stop" {
            self.finish_reason = "content_filter";
            self.found = Some(category.to_owned());
        }
        self
    }

    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }

    pub(crate) fn tokens(&self) -> u64 {
        self.pieces.len() as u64
    }
}

/// `prefix` and a random suffix, as ids of answers are.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}{}", hex(&random::<16>()))
}

/// `usage` of chat and completions.
pub(crate) fn usage(prompt: u64, completion: u64) -> Value {
    json!({
        "completion_tokens": completion,
        "completion_tokens_details": {
            "accepted_prediction_tokens": 0, "audio_tokens": 0, "reasoning_tokens": 0,
            "rejected_prediction_tokens": 0
        },
        "prompt_tokens": prompt,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
        "total_tokens": prompt + completion,
    })
}
