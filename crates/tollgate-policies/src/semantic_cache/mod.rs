//! Answers of language models that are found by what was asked: what the look-up and the store of a semantic cache have in common.
//!
//! INVARIANT: two requests share answers only when everything agrees by which an answer may differ but the words of the prompt:
//! where they go, what they ask for besides the prompt, the shape of the conversation, and what `vary-by` says. INVARIANT: only a
//! whole answer in text is kept, and only once the backend has sent all of it.

mod embedding;
mod entry;
mod keeping;
mod question;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use tollgate_engine::RequestCx;
use tollgate_engine::ports::{CacheKey, Embedding};
use tollgate_llm::Api;

pub(crate) use embedding::{Embedder, Unembedded};
pub(crate) use entry::replay;
pub(crate) use keeping::{Keeping, keep_at_hand};
pub(crate) use question::{Asking, Question, Unasked, is_call};

/// The names of the look-up, the usual one first.
pub(crate) const LOOKUPS: &[&str] =
    &["llm-semantic-cache-lookup", "azure-openai-semantic-cache-lookup"];
/// Those of the store.
pub(crate) const STORES: &[&str] =
    &["llm-semantic-cache-store", "azure-openai-semantic-cache-store"];

/// What a look-up leaves for the store when it found nothing.
#[derive(Debug, Clone)]
pub(crate) struct Missed {
    /// Where the answer belongs.
    pub(crate) partition: CacheKey,
    /// What was asked.
    pub(crate) embedding: Embedding,
    /// The protocol.
    pub(crate) api: Api,
    /// The model or deployment; empty when it is not known.
    pub(crate) model: String,
    /// The request's body, for the usage that a stream does not say.
    pub(crate) body: Bytes,
}

/// Tells the request's trace.
pub(crate) fn trace(cx: &RequestCx, source: &str, message: impl FnOnce() -> String) {
    if cx.ports.trace.enabled() {
        cx.ports.trace.message(cx.client.request_id, source, &message());
    }
}
