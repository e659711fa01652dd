//! What an event of a stream, or a whole response, has for the reader of the answer.

use std::borrow::Cow;

use crate::json::Value;

/// Which text of an answer a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text,
    Refusal,
    Reasoning,
    /// The identifier of a call, by the call's place.
    CallId(u64),
    CallName(u64),
    CallArguments(u64),
}

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Delta {
        choice: u64,
        part: Part,
        text: Cow<'a, str>,
    },
    Finish {
        choice: u64,
        reason: Cow<'a, str>,
    },
    /// Something that is no text: audio, pictures.
    Other,
}

pub(crate) type Each<'f, 'a> = &'f mut dyn FnMut(Piece<'a>);

/// The members of an event that matter, found in one pass.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    pub(crate) id: Option<Value<'a>>,
    pub(crate) model: Option<Value<'a>>,
    pub(crate) created: Option<Value<'a>>,
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) choices: Option<Value<'a>>,
    pub(crate) usage: Option<Value<'a>>,
    /// What to cut from the document so that `usage` is gone.
    pub(crate) usage_span: Option<std::ops::Range<usize>>,
    pub(crate) usage_metadata: Option<Value<'a>>,
    pub(crate) response: Option<Value<'a>>,
    pub(crate) message: Option<Value<'a>>,
    pub(crate) sequence: Option<u64>,
    pub(crate) index: Option<u64>,
    candidates: Option<Value<'a>>,
    delta: Option<Value<'a>>,
    item: Option<Value<'a>>,
    output: Option<Value<'a>>,
    content: Option<Value<'a>>,
    status: Option<Value<'a>>,
    stop_reason: Option<Value<'a>>,
    /// What stands between the quotes of a string that is not looked at and may be another in each event.
    pub(crate) unread: Option<&'a [u8]>,
    /// Whether there is a member that a chunk for the usage alone does not have.
    pub(crate) has_more: bool,
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(root: Value<'a>) -> Self {
        let mut envelope = Self::default();
        let mut end_before = root.span().start + 1;
        // Where `usage` stands, until it is known whether a member follows it.
        let mut cut: Option<(usize, std::ops::Range<usize>)> = None;
        for member in root.members() {
            let span = member.span();
            if let Some((_, usage)) = cut.take() {
                envelope.usage_span = Some(usage.start..span.start);
            }
            let value = member.value;
            match &*member.name() {
                b"id" | b"responseId" => envelope.id = Some(value),
                b"model" | b"modelVersion" => envelope.model = Some(value),
                b"created" | b"created_at" => envelope.created = Some(value),
                b"choices" => envelope.choices = Some(value),
                b"usage" => {
                    envelope.usage = Some(value);
                    cut = Some((end_before, span.clone()));
                }
                b"object" | b"service_tier" => {}
                b"system_fingerprint" | b"obfuscation" => {
                    envelope.unread = value.between_quotes().or(envelope.unread);
                }
                name => {
                    envelope.has_more = true;
                    envelope.take_other(name, value);
                }
            }
            end_before = span.end;
        }
        if let Some((before, usage)) = cut {
            envelope.usage_span = Some(before..usage.end);
        }
        envelope
    }

    fn take_other(&mut self, name: &[u8], value: Value<'a>) {
        match name {
            b"type" => self.kind = value.string(),
            b"usageMetadata" => self.usage_metadata = Some(value),
            b"response" => self.response = Some(value),
            b"message" => self.message = Some(value),
            b"sequence_number" => self.sequence = value.count(),
            b"index" | b"output_index" => self.index = value.count(),
            b"candidates" => self.candidates = Some(value),
            b"delta" => self.delta = Some(value),
            b"item" | b"content_block" => self.item = Some(value),
            b"output" => self.output = Some(value),
            b"content" => self.content = Some(value),
            b"status" => self.status = Some(value),
            b"stop_reason" => self.stop_reason = Some(value),
            _ => {}
        }
    }

    /// Whether it is a chunk that OpenAI sends for the usage alone.
    pub(crate) fn is_usage_alone(&self) -> bool {
        let no_choice = self
            .choices
            .is_some_and(|choices| choices.is_array() && choices.items().next().is_none());
        no_choice && !self.has_more && self.usage.is_some_and(Value::is_object)
    }

    /// Gives the pieces of the answer that an event or a chunk has.
    pub(crate) fn pieces(&self, each: Each<'_, 'a>) {
        if let Some(choices) = self.choices {
            choices.items().for_each(|choice| openai_choice(choice, each));
        } else if let Some(candidates) = self.candidates {
            candidates.items().for_each(|candidate| google_candidate(candidate, each));
        } else if let Some(kind) = &self.kind {
            self.typed_pieces(kind, each);
        }
    }

    /// Events that say what they are: those of Responses and Anthropic's.
    fn typed_pieces(&self, kind: &str, each: Each<'_, 'a>) {
        let place = self.index.unwrap_or_default();
        match kind {
            "content_block_start" | "response.output_item.added" => {
                self.item.into_iter().for_each(|item| call_head(item, place, each));
                // Anthropic's blocks begin empty, but need not.
                if let Some(text) = self.item.and_then(|item| item.get("text")) {
                    delta(0, Part::Text, text, each);
                }
            }
            "content_block_delta" => {
                for member in self.delta.into_iter().flat_map(Value::members) {
                    let part = match &*member.name() {
                        b"text" => Part::Text,
                        b"thinking" => Part::Reasoning,
                        b"partial_json" => Part::CallArguments(place),
                        _ => continue,
                    };
                    delta(0, part, member.value, each);
                }
            }
            "message_delta" => {
                let reason = self.delta.and_then(|delta| delta.text_of("stop_reason"));
                finish(reason, each);
            }
            "response.completed" | "response.incomplete" => {
                let status = self.response.and_then(|response| response.text_of("status"));
                let reason = status.unwrap_or(Cow::Borrowed("completed"));
                each(Piece::Finish { choice: 0, reason });
            }
            "transcript.text.delta" => {
                self.delta.into_iter().for_each(|value| delta(0, Part::Text, value, each));
            }
            "transcript.text.done" => finish(Some(Cow::Borrowed("stop")), each),
            kind => self.response_delta(kind, place, each),
        }
    }

    fn response_delta(&self, kind: &str, place: u64, each: Each<'_, 'a>) {
        let Some(of) = kind.strip_prefix("response.").and_then(|kind| kind.strip_suffix(".delta"))
        else {
            if kind.ends_with("partial_image") {
                each(Piece::Other);
            }
            return;
        };
        let part = match of {
            "output_text" | "audio_transcript" | "output_audio_transcript" => Part::Text,
            "refusal" => Part::Refusal,
            "audio" | "output_audio" => return each(Piece::Other),
            _ if of.starts_with("reasoning") => Part::Reasoning,
            _ => Part::CallArguments(place),
        };
        self.delta.into_iter().for_each(|value| delta(0, part, value, each));
    }

    /// Gives the pieces of a whole response.
    pub(crate) fn pieces_of_whole(&self, each: Each<'_, 'a>) {
        if let Some(output) = self.output {
            for (place, item) in (0..).zip(output.items()) {
                response_item(item, place, each);
            }
            let status = self.status.and_then(Value::string);
            finish(status, each);
        } else if let Some(content) = self.content {
            for (place, block) in (0..).zip(content.items()) {
                anthropic_block(block, place, each);
            }
            let reason = self.stop_reason.and_then(Value::string);
            finish(reason, each);
        } else {
            self.pieces(each);
        }
    }
}

fn delta<'a>(choice: u64, part: Part, value: Value<'a>, each: Each<'_, 'a>) {
    if let Some(text) = value.string().filter(|text| !text.is_empty()) {
        each(Piece::Delta { choice, part, text });
    }
}

/// The end of the only choice, when there is a reason.
fn finish<'a>(reason: Option<Cow<'a, str>>, each: Each<'_, 'a>) {
    if let Some(reason) = reason {
        each(Piece::Finish { choice: 0, reason });
    }
}

fn openai_choice<'a>(choice: Value<'a>, each: Each<'_, 'a>) {
    let (mut index, mut body, mut text, mut reason) = (0, None, None, None);
    for member in choice.members() {
        match &*member.name() {
            b"index" => index = member.value.count().unwrap_or_default(),
            b"delta" | b"message" => body = Some(member.value),
            b"text" => text = Some(member.value),
            b"finish_reason" => reason = member.value.string(),
            _ => {}
        }
    }
    if let Some(text) = text {
        delta(index, Part::Text, text, each);
    }
    for member in body.into_iter().flat_map(Value::members) {
        match &*member.name() {
            // Some models give parts where OpenAI's give a text.
            b"content" if member.value.is_array() => {
                for text in member.value.items().filter_map(|part| part.get("text")) {
                    delta(index, Part::Text, text, each);
                }
            }
            b"content" => delta(index, Part::Text, member.value, each),
            b"refusal" => delta(index, Part::Refusal, member.value, each),
            b"reasoning_content" | b"reasoning" => {
                delta(index, Part::Reasoning, member.value, each);
            }
            b"tool_calls" => {
                for (place, call) in (0..).zip(member.value.items()) {
                    openai_call(index, place, call, each);
                }
            }
            b"function_call" => function(index, 0, member.value, each),
            b"audio" if member.value.is_object() => {
                if let Some(transcript) = member.value.get("transcript") {
                    delta(index, Part::Text, transcript, each);
                }
                each(Piece::Other);
            }
            _ => {}
        }
    }
    if let Some(reason) = reason {
        each(Piece::Finish { choice: index, reason });
    }
}

fn openai_call<'a>(choice: u64, place: u64, call: Value<'a>, each: Each<'_, 'a>) {
    let place = call.get("index").and_then(Value::count).unwrap_or(place);
    if let Some(id) = call.get("id") {
        delta(choice, Part::CallId(place), id, each);
    }
    if let Some(called) = call.get("function").or_else(|| call.get("custom")) {
        function(choice, place, called, each);
    }
}

fn function<'a>(choice: u64, place: u64, called: Value<'a>, each: Each<'_, 'a>) {
    for member in called.members() {
        match &*member.name() {
            b"name" => delta(choice, Part::CallName(place), member.value, each),
            b"arguments" | b"input" => {
                delta(choice, Part::CallArguments(place), member.value, each);
            }
            _ => {}
        }
    }
}

/// The beginning of a call: of Responses' items and Anthropic's blocks.
fn call_head<'a>(item: Value<'a>, place: u64, each: Each<'_, 'a>) {
    let kind = item.text_of("type").unwrap_or_default();
    if matches!(&*kind, "image_generation_call" | "redacted_thinking" | "image") {
        each(Piece::Other);
    }
    if !matches!(
        &*kind,
        "function_call" | "custom_tool_call" | "mcp_call" | "tool_use" | "server_tool_use"
    ) {
        return;
    }
    if let Some(id) = item.get("call_id").or_else(|| item.get("id")) {
        delta(0, Part::CallId(place), id, each);
    }
    if let Some(name) = item.get("name") {
        delta(0, Part::CallName(place), name, each);
    }
}

fn response_item<'a>(item: Value<'a>, place: u64, each: Each<'_, 'a>) {
    call_head(item, place, each);
    for name in ["arguments", "input"] {
        if let Some(arguments) = item.get(name) {
            delta(0, Part::CallArguments(place), arguments, each);
        }
    }
    for list in ["summary", "content"] {
        for part in item.get(list).into_iter().flat_map(Value::items) {
            let kind = part.text_of("type").unwrap_or_default();
            let (part_of, name) = match &*kind {
                "refusal" => (Part::Refusal, "refusal"),
                "output_text" => (Part::Text, "text"),
                _ => (Part::Reasoning, "text"),
            };
            part.get(name).into_iter().for_each(|text| delta(0, part_of, text, each));
        }
    }
}

fn anthropic_block<'a>(block: Value<'a>, place: u64, each: Each<'_, 'a>) {
    call_head(block, place, each);
    if let Some(text) = block.get("text") {
        delta(0, Part::Text, text, each);
    }
    if let Some(thinking) = block.get("thinking") {
        delta(0, Part::Reasoning, thinking, each);
    }
    if let Some(input) = block.get("input") {
        let text = String::from_utf8_lossy(input.raw());
        each(Piece::Delta { choice: 0, part: Part::CallArguments(place), text });
    }
}

fn google_candidate<'a>(candidate: Value<'a>, each: Each<'_, 'a>) {
    let choice = candidate.get("index").and_then(Value::count).unwrap_or_default();
    let parts = candidate.get("content").and_then(|content| content.get("parts"));
    for part in parts.into_iter().flat_map(Value::items) {
        let thought = part.get("thought").is_some_and(Value::is_true);
        for member in part.members() {
            match &*member.name() {
                b"text" if thought => delta(choice, Part::Reasoning, member.value, each),
                b"text" => delta(choice, Part::Text, member.value, each),
                b"functionCall" => {
                    // Google gives calls whole and without a place: whoever assembles them goes on to the next.
                    if let Some(name) = member.value.get("name") {
                        delta(choice, Part::CallName(u64::MAX), name, each);
                    }
                    if let Some(arguments) = member.value.get("args") {
                        let text = String::from_utf8_lossy(arguments.raw());
                        each(Piece::Delta { choice, part: Part::CallArguments(u64::MAX), text });
                    }
                }
                b"inlineData" | b"fileData" | b"executableCode" => each(Piece::Other),
                _ => {}
            }
        }
    }
    if let Some(reason) = candidate.text_of("finishReason") {
        each(Piece::Finish { choice, reason });
    }
}
