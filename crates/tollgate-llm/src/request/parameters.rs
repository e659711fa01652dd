//! What a request has besides the text of its prompt: what tells answers to the same question apart.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::memchr2;

use crate::api::Api;
use crate::json::Value;

use super::LlmRequest;
use super::pieces::{Piece, walk};
use super::prompt::{Role, SystemMessages};

/// Members by which no answer differs: how it is sent, whose it is, and how it is paid for.
const INDIFFERENT: [&[u8]; 9] = [
    b"metadata",
    b"prompt_cache_key",
    b"prompt_cache_retention",
    b"safety_identifier",
    b"service_tier",
    b"stream",
    b"stream_options",
    b"user",
    b"user_security_context",
];

/// A member of a request's body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Parameter<'a> {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value, as it is written.
    pub value: &'a [u8],
}

impl<'a> LlmRequest<'a> {
    /// The members of the body that shape the answer and are no text of the prompt, sorted by name: the model, bounds, sampling,
    /// tools, formats, and whatever is not known. Two requests of one protocol with the same parameters and the same prompt ask
    /// for the same answer. Values are compared as they are written; one that is written otherwise counts as another.
    ///
    /// ```
    /// use tollgate_llm::{Api, LlmRequest};
    ///
    /// let body = br#"{"top_p":1,"messages":[],"stream":true,"model":"gpt-4o"}"#;
    /// let request = LlmRequest::parse(Some(Api::ChatCompletions), body, 1 << 20)?;
    /// let names: Vec<_> = request.parameters().into_iter().map(|it| it.name).collect();
    /// assert_eq!(names, [&b"model"[..], b"top_p"]);
    /// # Ok::<(), tollgate_llm::RequestError>(())
    /// ```
    pub fn parameters(&self) -> Vec<Parameter<'a>> {
        let prompt = prompt_members(self.api);
        let members = self.root.members().map(|member| Parameter {
            name: member.name().into_owned(),
            value: member.value.raw(),
        });
        let mut parameters: Vec<_> = members
            .filter(|it| !INDIFFERENT.contains(&&*it.name) && !prompt.contains(&&*it.name))
            .collect();
        // By name only: of two with the same name the last one counts, so their order does.
        parameters.sort_by(|left, right| left.name.cmp(&right.name));
        parameters
    }
}

impl LlmRequest<'_> {
    /// What stands in the prompt and is no text of [`Prompt`](super::Prompt): who speaks, names, identifiers, pictures, and
    /// whatever is not known, in the order of the body and without white space. Two requests with the same parameters, text
    /// and rest ask for the same answer.
    ///
    /// ```
    /// use tollgate_llm::{Api, LlmRequest, SystemMessages};
    ///
    /// let rest = |body: &str| {
    ///     let request = LlmRequest::parse(Some(Api::ChatCompletions), body.as_bytes(), 1 << 20)?;
    ///     Ok::<_, tollgate_llm::RequestError>(request.rest(SystemMessages::Include))
    /// };
    /// let plain = rest(r#"{"messages":[{"role":"user","content":"a"}]}"#)?;
    /// assert_eq!(plain, rest(r#"{"messages": [ {"role":"user", "content":"b"} ]}"#)?);
    /// assert_ne!(plain, rest(r#"{"messages":[{"role":"user","name":"x","content":"a"}]}"#)?);
    /// # Ok::<(), tollgate_llm::RequestError>(())
    /// ```
    pub fn rest(&self, system: SystemMessages) -> Vec<u8> {
        let mut texts: HashSet<Cow<'_, str>> = HashSet::new();
        walk(self.api, self.root, &mut |piece| {
            if let Piece::Text(text) | Piece::Data(text) = piece {
                texts.insert(text);
            }
        });
        let is_left_out = |message: Value<'_>| {
            let role = message.text_of("role");
            system == SystemMessages::Ignore
                && role.is_some_and(|role| Role::of_name(&role) == Role::System)
        };
        let mut rest = Vec::new();
        for member in self.root.members() {
            let name = member.name();
            let is_system = SYSTEM.contains(&&*name) && system == SystemMessages::Ignore;
            if !prompt_members(self.api).contains(&&*name) || is_system {
                continue;
            }
            rest.extend_from_slice(&name);
            if !member.value.is_array() {
                bare(member.value.raw(), &texts, &mut rest);
            }
            for item in member.value.items().filter(|item| !is_left_out(*item)) {
                rest.push(b',');
                bare(item.raw(), &texts, &mut rest);
            }
        }
        rest
    }
}

/// Members that are the system's word.
const SYSTEM: [&[u8]; 4] =
    [b"instructions", b"system", b"systemInstruction", b"system_instruction"];

/// Adds a value without its white space and without the strings that are among the texts.
pub(super) fn bare(value: &[u8], texts: &HashSet<Cow<'_, str>>, rest: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        let end = if *byte == b'"' { string_end(value, at) } else { at + 1 };
        let piece = value.get(at..end).unwrap_or_default();
        let text = || Value::of_document(piece).and_then(Value::string);
        if *byte == b'"' && text().is_some_and(|text| texts.contains(&*text)) {
            rest.extend_from_slice(b"\"\"");
        } else if !byte.is_ascii_whitespace() {
            rest.extend_from_slice(piece);
        }
        at = end;
    }
}

/// The position after the string that begins here.
fn string_end(value: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = value.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if value.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    value.len()
}

/// Where a protocol has the text of the prompt.
fn prompt_members(api: Api) -> &'static [&'static [u8]] {
    match api {
        Api::ChatCompletions => &[b"messages"],
        Api::Completions | Api::Images => &[b"prompt"],
        Api::Responses => &[b"input", b"instructions"],
        Api::Messages => &[b"messages", b"system"],
        Api::GenerateContent => &[b"contents", b"systemInstruction", b"system_instruction"],
        Api::Embeddings | Api::Audio => &[b"input"],
        Api::Realtime => &[],
    }
}
