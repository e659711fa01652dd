//! What a request asks for.

mod edit;
mod estimate;
mod parameters;
mod pieces;
mod prompt;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::api::Api;
use crate::json::{Member, Value};

pub use edit::Edits;
pub use parameters::Parameter;
pub use prompt::{Prompt, PromptMessage, Role, SystemMessages};

/// Why a body is not a request to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is larger than the caller wants to look at.
    #[error("the body has {size} bytes, more than {limit}")]
    TooLarge {
        /// Bytes of the body.
        size: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// It is not a JSON object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// It has the members of no known protocol.
    #[error("the body is of no known protocol")]
    UnknownProtocol,
}

/// How many tokens a request lets the model produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionBound {
    /// Tokens of one choice, reasoning included where the protocol includes it.
    pub per_choice: u64,
    /// Choices that are produced: `n`, `best_of` or `candidateCount`, 1 if none is given.
    pub choices: u64,
}

impl CompletionBound {
    /// Tokens of all choices together, saturating.
    pub fn total(self) -> u64 {
        self.per_choice.saturating_mul(self.choices)
    }
}

/// A request to a model, read from its JSON body. Nothing is copied: it borrows the body.
///
/// Members that are missing or of another type than documented are taken as absent; the backend judges them.
///
/// ```
/// use tollgate_llm::{Api, LlmRequest};
///
/// let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}],"max_tokens":50,"n":2}"#;
/// let request = LlmRequest::parse(Some(Api::ChatCompletions), body, 1 << 20)?;
/// assert_eq!(request.completion_bound().map(|bound| bound.total()), Some(100));
/// assert_eq!(request.estimate_prompt_tokens("gpt-4o"), 8);
/// # Ok::<(), tollgate_llm::RequestError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LlmRequest<'a> {
    api: Api,
    body: &'a [u8],
    root: Value<'a>,
    known: Known<'a>,
}

/// Members that nearly everybody asks for, found while the body is read.
#[derive(Clone, Copy, Debug, Default)]
struct Known<'a> {
    model: Option<Value<'a>>,
    stream: Option<Value<'a>>,
    stream_options: Option<Value<'a>>,
}

impl<'a> Known<'a> {
    /// The last of a name counts.
    fn see(&mut self, member: &Member<'a>) {
        let slots = [
            ("model", &mut self.model),
            ("stream", &mut self.stream),
            ("stream_options", &mut self.stream_options),
        ];
        for (name, slot) in slots {
            if member.is(name) {
                *slot = Some(member.value);
            }
        }
    }
}

impl<'a> LlmRequest<'a> {
    /// Reads a body of at most `limit` bytes. `api` is what the path says; without it the members of the body tell.
    pub fn parse(api: Option<Api>, body: &'a [u8], limit: usize) -> Result<Self, RequestError> {
        if body.len() > limit {
            return Err(RequestError::TooLarge { size: body.len(), limit });
        }
        let mut known = Known::default();
        let root = Value::of_object(body, |member| known.see(member));
        let root = root.ok_or(RequestError::NotJson)?;
        let api = api.or_else(|| Api::of_body(root)).ok_or(RequestError::UnknownProtocol)?;
        Ok(Self { api, body, root, known })
    }

    /// The protocol.
    pub fn api(&self) -> Api {
        self.api
    }

    /// The model that the body names; with Azure's deployments and Google's models the path does.
    pub fn model(&self) -> Option<Cow<'a, str>> {
        self.known.model?.string()
    }

    /// Whether the body asks for a stream. Google's path does, see [`PathInfo::stream`](crate::PathInfo::stream).
    pub fn stream(&self) -> bool {
        self.known.stream.is_some_and(Value::is_true)
    }

    /// Whether a stream of chat completions or completions is asked to end with its usage
    /// (`stream_options.include_usage`). The other protocols always give it.
    pub fn include_usage(&self) -> bool {
        let options = self.known.stream_options;
        options.and_then(|options| options.get("include_usage")).is_some_and(Value::is_true)
    }

    /// The response that this request goes on from (Responses), which lives on the backend that made it.
    pub fn previous_response_id(&self) -> Option<Cow<'a, str>> {
        self.root.text_of("previous_response_id")
    }

    /// The bound that the request states; `None` when it states none, so that the model's own bound holds.
    pub fn completion_bound(&self) -> Option<CompletionBound> {
        let stated = self.bounds().into_iter().filter_map(Value::count);
        // Backends refuse two spellings that differ, or take one of them: the larger is what can be produced.
        Some(CompletionBound { per_choice: stated.max()?, choices: self.choices() })
    }

    /// Choices that are produced.
    fn choices(&self) -> u64 {
        let count = |name| self.root.get(name).and_then(Value::count);
        let choices = match self.api {
            Api::ChatCompletions => count("n"),
            Api::Completions => count("n").max(count("best_of")),
            Api::GenerateContent => {
                let configs = self.generation_configs().into_iter().flat_map(Value::members);
                let named = |member: &Member<'_>| {
                    member.is("candidateCount") || member.is("candidate_count")
                };
                configs.filter(named).filter_map(|member| member.value.count()).max()
            }
            _ => None,
        };
        choices.unwrap_or(1).max(1)
    }

    /// The values that state a bound, in every spelling that the protocol knows.
    fn bounds(&self) -> Vec<Value<'a>> {
        let objects = match self.api {
            Api::GenerateContent => self.generation_configs(),
            _ => vec![self.root],
        };
        let names = bound_names(self.api);
        let members = objects.into_iter().flat_map(Value::members);
        members.filter(|member| names.iter().any(|name| member.is(name))).map(|m| m.value).collect()
    }

    /// Where Google's protocol has its bounds, in both of its spellings.
    fn generation_configs(&self) -> Vec<Value<'a>> {
        let is_config =
            |member: &Member<'_>| member.is("generationConfig") || member.is("generation_config");
        self.root.members().filter(is_config).map(|member| member.value).collect()
    }
}

/// How a protocol spells the bound of a completion; the first is the one that is added where there is none.
fn bound_names(api: Api) -> &'static [&'static str] {
    match api {
        Api::ChatCompletions => &["max_tokens", "max_completion_tokens"],
        Api::Completions | Api::Messages => &["max_tokens"],
        Api::Responses => &["max_output_tokens"],
        Api::GenerateContent => &["maxOutputTokens", "max_output_tokens"],
        Api::Embeddings | Api::Images | Api::Audio | Api::Realtime => &[],
    }
}
