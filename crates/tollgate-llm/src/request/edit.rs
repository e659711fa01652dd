//! Changes of a request's body that leave every other byte as it was.

use std::ops::Range;

use crate::api::Api;
use crate::json::Value;
use crate::tokens::is_of_family;

use super::{LlmRequest, bound_names};

/// Changes to be made in a body, all in one pass.
///
/// A member that stands twice is changed in both places, so that it does not matter which one a backend takes.
///
/// ```
/// use tollgate_llm::{Api, Edits, LlmRequest};
///
/// let body = br#"{"messages":[],  "stream":true}"#;
/// let request = LlmRequest::parse(Some(Api::ChatCompletions), body, 1 << 20)?;
/// let mut edits = Edits::new(&request);
/// edits.ask_for_usage();
/// let changed = edits.apply();
/// assert_eq!(changed, br#"{"stream_options":{"include_usage":true},"messages":[],  "stream":true}"#);
/// # Ok::<(), tollgate_llm::RequestError>(())
/// ```
#[derive(Debug)]
pub struct Edits<'r, 'a> {
    request: &'r LlmRequest<'a>,
    /// What replaces what; an empty span is an insertion.
    splices: Vec<(Range<usize>, String)>,
    /// Members to be added to the body itself.
    added: Vec<String>,
}

impl<'r, 'a> Edits<'r, 'a> {
    /// No changes yet.
    pub fn new(request: &'r LlmRequest<'a>) -> Self {
        Self { request, splices: Vec::new(), added: Vec::new() }
    }

    /// Whether the body stays as it is.
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty() && self.added.is_empty()
    }

    /// Sets `stream_options.include_usage`. Does nothing for protocols that always give the usage, for requests that ask
    /// for no stream (which backends refuse with stream options), and where it is set.
    pub fn ask_for_usage(&mut self) {
        let request = self.request;
        let knows = matches!(request.api, Api::ChatCompletions | Api::Completions);
        if !knows || !request.stream() {
            return;
        }
        if request.known.stream_options.is_none() {
            return self.added.push(r#""stream_options":{"include_usage":true}"#.to_owned());
        }
        for member in request.root.members().filter(|member| member.is("stream_options")) {
            if member.value.is_object() {
                self.set_in(member.value, "include_usage", "true", Value::is_true);
            } else {
                self.splices.push((member.value.span(), r#"{"include_usage":true}"#.to_owned()));
            }
        }
    }

    /// Bounds the completion to `total` tokens over all choices: lowers what the request states above it, or states it
    /// where the request states nothing. Does nothing for protocols that know no bound.
    ///
    /// What is written is at least 1 for each choice. Where chat completions state no bound, `max_completion_tokens` is
    /// added if `model` is one that reasons (they refuse the older name), and `max_tokens` otherwise.
    pub fn bound_completion(&mut self, total: u64, model: &str) {
        let request = self.request;
        let names = bound_names(request.api);
        let Some(first) = names.first() else { return };
        let bound = (total / request.choices()).max(1);
        let mut stated = request.bounds();
        // A null states nothing. Only where nothing else does is it replaced: backends refuse two bounds.
        if stated.iter().any(|value| !value.is_null()) {
            stated.retain(|value| !value.is_null());
        } else {
            stated.truncate(1);
        }
        if stated.is_empty() {
            let reasons = request.api == Api::ChatCompletions && reasons(model);
            let name = if reasons { "max_completion_tokens" } else { first };
            return self.add_bound(name, bound);
        }
        for value in stated {
            if value.count().is_none_or(|count| count > bound) {
                self.splices.push((value.span(), bound.to_string()));
            }
        }
    }

    fn add_bound(&mut self, name: &str, bound: u64) {
        if self.request.api != Api::GenerateContent {
            return self.added.push(format!(r#""{name}":{bound}"#));
        }
        match self.request.generation_configs().last().copied() {
            Some(config) if config.is_object() => {
                self.insert_into(config, name, &bound.to_string());
            }
            Some(config) => self.splices.push((config.span(), format!(r#"{{"{name}":{bound}}}"#))),
            None => self.added.push(format!(r#""generationConfig":{{"{name}":{bound}}}"#)),
        }
    }

    /// Replaces the model that the body names, or adds it.
    pub fn replace_model(&mut self, model: &str) {
        let quoted = serde_json::Value::from(model).to_string();
        self.set_in(self.request.root, "model", &quoted, |value| {
            value.string().is_some_and(|named| named == model)
        });
    }

    /// Sets a member of an object to a JSON text, wherever it stands.
    fn set_in(
        &mut self,
        object: Value<'a>,
        name: &str,
        text: &str,
        is_set: impl Fn(Value<'a>) -> bool,
    ) {
        let mut found = false;
        for member in object.members().filter(|member| member.is(name)) {
            found = true;
            if !is_set(member.value) {
                self.splices.push((member.value.span(), text.to_owned()));
            }
        }
        if found {
            return;
        }
        if object.span() == self.request.root.span() {
            self.added.push(format!(r#""{name}":{text}"#));
        } else {
            self.insert_into(object, name, text);
        }
    }

    /// Adds a member at the beginning of an object.
    fn insert_into(&mut self, object: Value<'a>, name: &str, text: &str) {
        let comma = if object.members().next().is_some() { "," } else { "" };
        let at = object.span().start + 1;
        self.splices.push((at..at, format!(r#""{name}":{text}{comma}"#)));
    }

    /// The body with the changes.
    pub fn apply(mut self) -> Vec<u8> {
        if !self.added.is_empty() {
            let root = self.request.root;
            let comma = if root.members().next().is_some() { "," } else { "" };
            let at = root.span().start + 1;
            self.splices.push((at..at, self.added.join(",") + comma));
        }
        self.splices.sort_by_key(|(span, _)| span.start);
        let body = self.request.body;
        let mut changed = Vec::with_capacity(body.len() + 64);
        let mut done = 0;
        for (span, text) in self.splices {
            changed.extend_from_slice(body.get(done..span.start).unwrap_or_default());
            changed.extend_from_slice(text.as_bytes());
            done = span.end;
        }
        changed.extend_from_slice(body.get(done..).unwrap_or_default());
        changed
    }
}

/// Whether a model reasons before it answers, by its name.
fn reasons(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5"].iter().any(|family| is_of_family(model, family))
}
