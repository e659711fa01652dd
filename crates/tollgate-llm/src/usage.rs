//! What a backend says was used.

use std::borrow::Cow;

use crate::answer::LONGEST_NAME;
use crate::json::Value;

/// Tokens of one exchange, as the backend counted them; all in tokens, saturating.
///
/// The details are parts of `prompt` and `completion`, never on top of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Everything that went in, what came from the backend's cache included.
    pub prompt: u64,
    /// Everything that came out, reasoning that nobody sees included.
    pub completion: u64,
    /// What the backend gives as the sum; prompt and completion where it gives none.
    pub total: u64,
    /// Of the prompt: read from the backend's prompt cache.
    pub cached: u64,
    /// Of the prompt: written to the backend's prompt cache (Anthropic).
    pub cache_creation: u64,
    /// Of the prompt: audio.
    pub prompt_audio: u64,
    /// Of the prompt: images, where the backend tells them apart.
    pub prompt_image: u64,
    /// Of the completion: reasoning ("thinking").
    pub reasoning: u64,
    /// Of the completion: audio.
    pub completion_audio: u64,
    /// Of the completion: tokens of the request's prediction that came true.
    pub accepted_prediction: u64,
    /// Of the completion: tokens of the request's prediction that did not.
    pub rejected_prediction: u64,
}

/// What a whole response says of itself besides its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseFacts {
    /// What was used; see [`Usage::of_response`].
    pub usage: Option<Usage>,
    /// The model that answered, as it calls itself, up to 256 bytes; empty when it does not say.
    pub model: String,
}

impl ResponseFacts {
    /// Reads a whole response of any protocol. Nothing is known of what is not JSON.
    ///
    /// ```
    /// use tollgate_llm::ResponseFacts;
    ///
    /// let body = br#"{"model":"gpt-4o-2024-11-20","data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    /// let facts = ResponseFacts::of_response(body);
    /// assert_eq!(facts.model, "gpt-4o-2024-11-20");
    /// assert_eq!(facts.usage.unwrap().total, 8);
    /// ```
    pub fn of_response(body: &[u8]) -> Self {
        let Some(root) = Value::of_document(body) else { return Self::default() };
        let mut parts = UsageParts::default();
        parts.read(root);
        let object = if root.is_array() { root.items().next().unwrap_or(root) } else { root };
        let model = model_of(object).unwrap_or_default();
        let end = model.floor_char_boundary(LONGEST_NAME);
        Self { usage: parts.usage(), model: model.get(..end).unwrap_or_default().to_owned() }
    }
}

fn model_of(response: Value<'_>) -> Option<Cow<'_, str>> {
    let is_model = |name: &[u8]| matches!(name, b"model" | b"modelVersion");
    response.members().filter(|member| is_model(&member.name())).last()?.value.string()
}

impl Usage {
    /// Reads the usage of a whole response of any protocol, of one event of a stream, or of a list of chunks as
    /// Google sends it without SSE. `None` when it gives none, as on errors, or when the body is not JSON.
    ///
    /// ```
    /// use tollgate_llm::Usage;
    ///
    /// let body = br#"{"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
    /// assert_eq!(Usage::of_response(body).unwrap().total, 11);
    /// ```
    pub fn of_response(body: &[u8]) -> Option<Self> {
        let mut parts = UsageParts::default();
        parts.read(Value::of_document(body)?);
        parts.usage()
    }

    /// Reads the usage of an event that a Realtime backend sends: `response.done`, and the end of a transcription of
    /// what was said. `None` for every other event. Each event is an amount of its own, so add them up.
    pub fn of_realtime_event(event: &[u8]) -> Option<Self> {
        let root = Value::of_document(event)?;
        let kind = root.text_of("type")?;
        let is_end = kind == "response.done"
            || kind == "conversation.item.input_audio_transcription.completed";
        let mut parts = UsageParts::default();
        if is_end {
            parts.read(root);
        }
        parts.usage()
    }

    /// Both amounts together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            completion: self.completion.saturating_add(other.completion),
            total: self.total.saturating_add(other.total),
            cached: self.cached.saturating_add(other.cached),
            cache_creation: self.cache_creation.saturating_add(other.cache_creation),
            prompt_audio: self.prompt_audio.saturating_add(other.prompt_audio),
            prompt_image: self.prompt_image.saturating_add(other.prompt_image),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            completion_audio: self.completion_audio.saturating_add(other.completion_audio),
            accepted_prediction: self.accepted_prediction.saturating_add(other.accepted_prediction),
            rejected_prediction: self.rejected_prediction.saturating_add(other.rejected_prediction),
        }
    }

    /// An amount of which only the two main counts are known.
    pub fn of_counts(prompt: u64, completion: u64) -> Self {
        Self { prompt, completion, total: prompt.saturating_add(completion), ..Self::default() }
    }
}

/// What has been said of the usage so far. Streams say it in parts, each with the state up to there: a later number
/// replaces the earlier one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UsageParts {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_creation: Option<u64>,
    /// Prompt tokens that the protocol does not count as such: Google's for results of tools.
    prompt_besides: Option<u64>,
    /// Completion tokens that the protocol does not count as such: Google's thoughts.
    completion_besides: Option<u64>,
    /// Whether `prompt` leaves out what the cache was read and written for, as Anthropic's does.
    cache_is_besides: bool,
    prompt_audio: Option<u64>,
    prompt_image: Option<u64>,
    reasoning: Option<u64>,
    completion_audio: Option<u64>,
    accepted_prediction: Option<u64>,
    rejected_prediction: Option<u64>,
}

impl UsageParts {
    /// Takes what a response, an event or a list of them says.
    pub(crate) fn read(&mut self, root: Value<'_>) {
        if root.is_array() {
            root.items().for_each(|chunk| self.read_object(chunk));
        } else {
            self.read_object(root);
        }
    }

    fn read_object(&mut self, object: Value<'_>) {
        for member in object.members() {
            if member.is("usage") || member.is("usageMetadata") {
                self.take(member.value);
            } else if member.is("response") || member.is("message") {
                // Events of Responses and Realtime, and Anthropic's `message_start`.
                if let Some(usage) = member.value.get("usage") {
                    self.take(usage);
                }
            }
        }
    }

    /// Takes the object that is the usage.
    pub(crate) fn take(&mut self, usage: Value<'_>) {
        for member in usage.members() {
            let count = || member.value.count();
            match &*member.name() {
                b"prompt_tokens" | b"input_tokens" | b"promptTokenCount" => {
                    set(&mut self.prompt, count());
                }
                b"completion_tokens" | b"output_tokens" | b"candidatesTokenCount" => {
                    set(&mut self.completion, count());
                }
                b"total_tokens" | b"totalTokenCount" => set(&mut self.total, count()),
                b"cache_read_input_tokens" => {
                    self.cache_is_besides = true;
                    set(&mut self.cached, count());
                }
                b"cache_creation_input_tokens" => {
                    self.cache_is_besides = true;
                    set(&mut self.cache_creation, count());
                }
                b"cachedContentTokenCount" => set(&mut self.cached, count()),
                b"toolUsePromptTokenCount" => set(&mut self.prompt_besides, count()),
                b"thoughtsTokenCount" => {
                    set(&mut self.reasoning, count());
                    set(&mut self.completion_besides, count());
                }
                b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => {
                    self.take_prompt_details(member.value);
                }
                b"completion_tokens_details"
                | b"output_tokens_details"
                | b"output_token_details" => {
                    self.take_completion_details(member.value);
                }
                b"promptTokensDetails" => {
                    set(&mut self.prompt_audio, of_modality(member.value, "AUDIO"));
                    set(&mut self.prompt_image, of_modality(member.value, "IMAGE"));
                }
                b"candidatesTokensDetails" => {
                    set(&mut self.completion_audio, of_modality(member.value, "AUDIO"));
                }
                _ => {}
            }
        }
    }

    fn take_prompt_details(&mut self, details: Value<'_>) {
        for member in details.members() {
            let count = member.value.count();
            match &*member.name() {
                b"cached_tokens" => set(&mut self.cached, count),
                b"audio_tokens" => set(&mut self.prompt_audio, count),
                b"image_tokens" => set(&mut self.prompt_image, count),
                _ => {}
            }
        }
    }

    fn take_completion_details(&mut self, details: Value<'_>) {
        for member in details.members() {
            let count = member.value.count();
            match &*member.name() {
                b"reasoning_tokens" => set(&mut self.reasoning, count),
                b"audio_tokens" => set(&mut self.completion_audio, count),
                b"accepted_prediction_tokens" => set(&mut self.accepted_prediction, count),
                b"rejected_prediction_tokens" => set(&mut self.rejected_prediction, count),
                _ => {}
            }
        }
    }

    /// What is known, when anything is.
    pub(crate) fn usage(&self) -> Option<Usage> {
        if self.prompt.is_none() && self.completion.is_none() && self.total.is_none() {
            return None;
        }
        let known = Option::<u64>::unwrap_or_default;
        let (cached, cache_creation) = (known(self.cached), known(self.cache_creation));
        let cache = if self.cache_is_besides { cached.saturating_add(cache_creation) } else { 0 };
        let besides = cache.saturating_add(known(self.prompt_besides));
        let prompt = known(self.prompt).saturating_add(besides);
        let completion = known(self.completion).saturating_add(known(self.completion_besides));
        Some(Usage {
            prompt,
            completion,
            total: self.total.unwrap_or(prompt.saturating_add(completion)),
            cached,
            cache_creation,
            prompt_audio: known(self.prompt_audio),
            prompt_image: known(self.prompt_image),
            reasoning: known(self.reasoning),
            completion_audio: known(self.completion_audio),
            accepted_prediction: known(self.accepted_prediction),
            rejected_prediction: known(self.rejected_prediction),
        })
    }
}

fn set(slot: &mut Option<u64>, count: Option<u64>) {
    if count.is_some() {
        *slot = count;
    }
}

/// Google's details: a list of `{"modality": …, "tokenCount": …}`.
fn of_modality(details: Value<'_>, modality: &str) -> Option<u64> {
    let mut found =
        details.items().filter(|item| item.text_of("modality").is_some_and(|m| m == modality));
    found.next()?.get("tokenCount")?.count()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn show(usage: Option<Usage>) -> String {
        let Some(usage) = usage else { return "none".to_owned() };
        let text = format!("{usage:?}");
        let counts = text.trim_start_matches("Usage { ").trim_end_matches(" }").split(", ");
        counts.filter(|count| !count.ends_with(": 0")).collect::<Vec<_>>().join(", ")
    }

    fn check(body: &str, expected: &Expect) {
        expected.assert_eq(&show(Usage::of_response(body.as_bytes())));
    }

    #[test]
    fn chat_completions() {
        check(
            r#"{"choices":[{"message":{"content":"usage"}}],"usage":{"prompt_tokens":19,"completion_tokens":10,
            "total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":1},"completion_tokens_details":
            {"reasoning_tokens":5,"audio_tokens":2,"accepted_prediction_tokens":3,"rejected_prediction_tokens":6}}}"#,
            &expect![
                "prompt: 19, completion: 10, total: 29, cached: 4, prompt_audio: 1, reasoning: 5, completion_audio: 2, accepted_prediction: 3, rejected_prediction: 6"
            ],
        );
    }

    #[test]
    fn embeddings() {
        check(
            r#"{"data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
            &expect!["prompt: 8, total: 8"],
        );
    }

    #[test]
    fn responses_and_images() {
        check(
            r#"{"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":7,"image_tokens":9},
            "output_tokens":87,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":123}}"#,
            &expect![
                "prompt: 36, completion: 87, total: 123, cached: 7, prompt_image: 9, reasoning: 64"
            ],
        );
    }

    #[test]
    fn audio() {
        check(
            r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":
            {"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#,
            &expect!["prompt: 14, completion: 45, total: 59, prompt_audio: 14"],
        );
        check(r#"{"text":"hi","usage":{"type":"duration","seconds":9}}"#, &expect!["none"]);
    }

    #[test]
    fn anthropic_counts_its_cache_besides() {
        check(
            r#"{"type":"message","usage":{"input_tokens":10,"cache_creation_input_tokens":20,
            "cache_read_input_tokens":30,"output_tokens":5}}"#,
            &expect!["prompt: 60, completion: 5, total: 65, cached: 30, cache_creation: 20"],
        );
    }

    #[test]
    fn google_counts_thoughts_besides() {
        check(
            r#"{"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":4,"thoughtsTokenCount":6,
            "cachedContentTokenCount":2,"toolUsePromptTokenCount":1,"totalTokenCount":21,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":7},{"modality":"AUDIO","tokenCount":3}]}}"#,
            &expect![
                "prompt: 11, completion: 10, total: 21, cached: 2, prompt_audio: 3, reasoning: 6"
            ],
        );
        check(
            r#"[{"usageMetadata":{"promptTokenCount":10}},{"usageMetadata":{"candidatesTokenCount":4}}]"#,
            &expect!["prompt: 10, completion: 4, total: 14"],
        );
    }

    #[test]
    fn events_of_streams() {
        check(
            r#"{"type":"response.completed","response":{"usage":{"input_tokens":1,"output_tokens":2}}}"#,
            &expect!["prompt: 1, completion: 2, total: 3"],
        );
        check(r#"{"choices":[],"usage":null}"#, &expect!["none"]);
    }

    #[test]
    fn realtime_events() {
        let check = |event: &str, expected: &Expect| {
            expected.assert_eq(&show(Usage::of_realtime_event(event.as_bytes())));
        };
        check(
            r#"{"type":"response.done","response":{"usage":{"total_tokens":30,"input_tokens":20,"output_tokens":10,
            "input_token_details":{"text_tokens":1,"audio_tokens":19,"cached_tokens":3},
            "output_token_details":{"text_tokens":4,"audio_tokens":6}}}}"#,
            &expect![
                "prompt: 20, completion: 10, total: 30, cached: 3, prompt_audio: 19, completion_audio: 6"
            ],
        );
        check(
            r#"{"type":"response.created","response":{"usage":{"input_tokens":9}}}"#,
            &expect!["none"],
        );
        check("{", &expect!["none"]);
    }

    #[test]
    fn what_is_no_count_does_not_count() {
        check(r#"{"usage":{"prompt_tokens":-1,"completion_tokens":"2"}}"#, &expect!["none"]);
        check(r#"{"usage":{"prompt_tokens":1e400,"total_tokens":3}}"#, &expect!["total: 3"]);
        check(
            r#"{"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":1}}"#,
            &expect!["prompt: 18446744073709551615, completion: 1, total: 18446744073709551615"],
        );
        check(r#"{"error":{"message":"no"}}"#, &expect!["none"]);
        check("not json", &expect!["none"]);
    }

    #[test]
    fn amounts_add_up() {
        let one = Usage::of_counts(3, 4);
        assert_eq!(show(Some(one.plus(one))), "prompt: 6, completion: 8, total: 14");
    }
}
