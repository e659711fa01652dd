//! What a request asks for besides the text of its prompt: what tells answers to the same question apart.

use crate::api::Api;

use super::LlmRequest;

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
