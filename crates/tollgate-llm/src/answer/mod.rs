//! The answer of a model as a whole: put together from a stream or read from a response, and written as either.

mod write;

#[cfg(test)]
mod tests;

use crate::json::Value;
use crate::stream::delta::{Envelope, Part, Piece};
use crate::tokens::Encoding;

pub(crate) use write::{
    event, output_items, usage_of_chat, usage_of_google, usage_of_messages, usage_of_responses,
};

/// What a new choice or call counts against the bound of an answer besides its text, in bytes.
const OVERHEAD: usize = 64;
/// Choices, and calls of a choice, that are kept.
const MAX_LISTED: usize = 128;

/// Bytes of an identifier or the name of a model that are kept.
pub(crate) const LONGEST_NAME: usize = 256;

/// The answer of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The identifier that the backend gave it.
    pub id: String,
    /// The model that gave it.
    pub model: String,
    /// When the backend made it, in seconds since 1970; 0 where the protocol does not say.
    pub created: u64,
    /// The choices in the order of their first text; one for protocols that have no choices.
    pub choices: Vec<AnswerChoice>,
    has_gaps: bool,
    /// Whether something was left out because it did not fit, so that nothing is to follow.
    is_full: bool,
    size: usize,
}

/// One choice of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerChoice {
    /// Its number in the protocol.
    pub index: u64,
    /// What the model says.
    pub text: String,
    /// Why the model refuses.
    pub refusal: String,
    /// What the model shows of its reasoning.
    pub reasoning: String,
    /// The calls of functions that the model wants made.
    pub calls: Vec<ToolCall>,
    /// Why it ended, in the protocol's words (`stop`, `end_turn`, `STOP`, `completed`); `None` when it did not end.
    pub finish: Option<String>,
}

/// A call that the model wants made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// Its identifier; empty for Google.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// The arguments, as the model wrote them: usually JSON.
    pub arguments: String,
    place: u64,
}

impl Answer {
    /// Reads a whole response of chat completions, completions, Responses, Anthropic or Google, of which at most `limit`
    /// bytes are kept. `None` when the body is not a JSON object or holds no answer.
    ///
    /// ```
    /// use tollgate_llm::Answer;
    ///
    /// let body = br#"{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}"#;
    /// let answer = Answer::of_response(body, 1 << 20).unwrap();
    /// assert_eq!(answer.text(), "Hi");
    /// assert!(answer.is_complete());
    /// ```
    pub fn of_response(body: &[u8], limit: usize) -> Option<Self> {
        let envelope = Envelope::read(Value::of_document(body)?);
        let mut answer = Self::default();
        answer.take_head(&envelope);
        envelope.pieces_of_whole(&mut |piece| answer.take(piece, limit));
        (!answer.choices.is_empty()).then_some(answer)
    }

    /// Whether nothing of it is missing: it ended, it fitted the bound, and it has nothing that is not text.
    pub fn is_complete(&self) -> bool {
        let ended = self.choices.iter().all(|choice| choice.finish.is_some());
        !self.has_gaps && !self.choices.is_empty() && ended
    }

    /// What the model says to the user, all choices one after the other: texts and refusals.
    pub fn text(&self) -> String {
        let texts = self.choices.iter().flat_map(|choice| [&*choice.text, &*choice.refusal]);
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The tokens of what can be seen of it: for responses that give no usage.
    pub fn completion_tokens(&self, encoding: Encoding) -> u64 {
        let texts = self.choices.iter().flat_map(|choice| {
            let calls = choice.calls.iter().flat_map(|call| [&call.name, &call.arguments]);
            [&choice.text, &choice.refusal, &choice.reasoning].into_iter().chain(calls)
        });
        texts.map(|text| encoding.count(text)).sum()
    }

    /// Bytes that count against the bound of the answer.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn set_incomplete(&mut self) {
        self.has_gaps = true;
    }

    /// Takes what an event or a response says of the answer as a whole.
    pub(crate) fn take_head(&mut self, envelope: &Envelope<'_>) {
        let nested = envelope.response.or(envelope.message);
        let named = |name| nested.and_then(|nested| nested.get(name));
        for (slot, value) in [
            (&mut self.id, envelope.id.or_else(|| named("id"))),
            (&mut self.model, envelope.model.or_else(|| named("model"))),
        ] {
            if slot.is_empty()
                && let Some(text) = value.and_then(Value::string)
            {
                // What is longer is hostile.
                let end = text.floor_char_boundary(LONGEST_NAME);
                slot.push_str(text.get(..end).unwrap_or_default());
            }
        }
        if self.created == 0 {
            let created = envelope.created.or_else(|| named("created_at"));
            self.created = created.and_then(Value::count).unwrap_or_default();
        }
    }

    /// Takes a piece of it, as long as it stays within `limit` bytes.
    pub(crate) fn take(&mut self, piece: Piece<'_>, limit: usize) {
        let (choice, text) = match &piece {
            Piece::Delta { choice, text, .. } => (*choice, &**text),
            Piece::Finish { choice, reason } => (*choice, &**reason),
            Piece::Other => return self.set_incomplete(),
        };
        let place = self.choices.iter().position(|known| known.index == choice);
        let place = place.unwrap_or(self.choices.len());
        let n_calls = self.choices.get(place).map_or(0, |choice| choice.calls.len());
        self.is_full |= self.size + text.len() > limit || place.max(n_calls) > MAX_LISTED;
        if self.is_full {
            return self.set_incomplete();
        }
        if place == self.choices.len() {
            self.choices.push(AnswerChoice { index: choice, ..AnswerChoice::default() });
            self.size += OVERHEAD;
        }
        let Some(choice) = self.choices.get_mut(place) else { return };
        self.size += text.len();
        match piece {
            Piece::Delta { part, text, .. } => self.size += choice.take(part, &text),
            Piece::Finish { reason, .. } => choice.finish = Some(reason.into_owned()),
            Piece::Other => {}
        }
    }
}

impl AnswerChoice {
    /// Adds a piece of its text; gives what that costs besides the text.
    fn take(&mut self, part: Part, text: &str) -> usize {
        let n_calls = self.calls.len();
        match part {
            Part::Text => self.text.push_str(text),
            Part::Refusal => self.refusal.push_str(text),
            Part::Reasoning => self.reasoning.push_str(text),
            Part::CallId(place) => text.clone_into(&mut self.call(place).id),
            // Google's calls have no place: a name begins one, and arguments belong to the last.
            Part::CallName(u64::MAX) => {
                let place = n_calls as u64;
                self.calls.push(ToolCall { name: text.to_owned(), place, ..ToolCall::default() });
            }
            Part::CallArguments(u64::MAX) => {
                let place = n_calls.saturating_sub(1) as u64;
                self.call(place).arguments.push_str(text);
            }
            Part::CallName(place) => self.call(place).name.push_str(text),
            Part::CallArguments(place) => self.call(place).arguments.push_str(text),
        }
        (self.calls.len() - n_calls) * OVERHEAD
    }

    fn call(&mut self, place: u64) -> &mut ToolCall {
        let known = self.calls.iter().position(|call| call.place == place);
        if known.is_none() {
            self.calls.push(ToolCall { place, ..ToolCall::default() });
        }
        let at = known.unwrap_or(self.calls.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "the position was found, or just made")]
        &mut self.calls[at]
    }
}
