//! What a request asks of a model.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use tollgate_engine::{Body, Request};
use tollgate_llm::{Api, CompletionBound, Edits, Encoding, LlmRequest, PathInfo, UsageForClient};

/// A request to a model, as it stood when it was read.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The protocol.
    pub(super) api: Api,
    /// The model or deployment; empty when it is not known.
    model: String,
    /// The body.
    body: Bytes,
    /// What the client is to see of a stream's usage.
    pub(super) usage: UsageForClient,
}

impl Asked {
    /// Reads a request; `None` when it is none to a model. Its body has been read where it can be, since policies for
    /// models say that they need it.
    pub(super) fn read(request: &Request) -> Option<Self> {
        // What `rewrite-uri` has made of the path is what the backend understands.
        let path = PathInfo::of(&request.uri.path);
        let path = path.or_else(|| PathInfo::of(&request.original_url.path));
        let body = request.body.bytes().filter(|_| !request.consumed).cloned().unwrap_or_default();
        let parsed = parse(path.map(|path| path.api), &body);
        let api = parsed.as_ref().map(LlmRequest::api).or(path.map(|path| path.api))?;
        let usage = match (api, &parsed) {
            (Api::ChatCompletions | Api::Completions, Some(parsed)) if parsed.stream() => {
                if parsed.include_usage() { UsageForClient::Asked } else { UsageForClient::Strip }
            }
            _ => UsageForClient::AsSent,
        };
        // A deployment is what the path calls; what the body says beside it is ignored.
        let model = path.and_then(|path| path.model).map(str::to_owned);
        let model = model.or_else(|| parsed.and_then(|parsed| Some(parsed.model()?.into_owned())));
        Some(Self { api, model: model.unwrap_or_default(), body, usage })
    }

    /// The model or deployment; empty when it is not known.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn encoding(&self) -> Encoding {
        Encoding::of_model(&self.model)
    }

    /// Whether both have the same body, so that what is known of one holds for the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.body == other.body && self.model == other.model
    }

    /// The tokens of the prompt, as far as they can be known: none for what is no request to a model.
    pub(super) fn prompt_tokens(&self) -> u64 {
        parse(Some(self.api), &self.body)
            .map_or(0, |request| request.estimate_prompt_tokens(&self.model))
    }

    /// The most tokens that the completion may have, all choices together: as the request states, else `unstated`. `None`
    /// when the protocol knows no bound.
    pub(super) fn completion(&self, unstated: u64) -> Option<u64> {
        use Api::{ChatCompletions, Completions, GenerateContent, Messages, Responses};
        let knows = [ChatCompletions, Completions, Responses, Messages, GenerateContent];
        if !knows.contains(&self.api) {
            return None;
        }
        let stated = parse(Some(self.api), &self.body)?.completion_bound();
        Some(stated.map_or(unstated, CompletionBound::total))
    }

    /// Changes the request on its way to the backend: it asks for the usage of a stream, for a completion within `bound`,
    /// and for an answer that can be read.
    pub(super) fn send(&self, request: &mut Request, bound: Option<u64>) {
        request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let Some(parsed) = parse(Some(self.api), &self.body) else { return };
        let mut edits = Edits::new(&parsed);
        edits.ask_for_usage();
        if let Some(bound) = bound {
            edits.bound_completion(bound, &self.model);
        }
        if !edits.is_empty() {
            request.body = Body::Replaced(Bytes::from(edits.apply()));
            // What was read is what is sent, and it is plain.
            request.headers.remove(CONTENT_ENCODING);
        }
    }
}

/// Nothing when it is not JSON. The body was read within the gateway's own bound, so none is set here.
fn parse(api: Option<Api>, body: &[u8]) -> Option<LlmRequest<'_>> {
    LlmRequest::parse(api, body, usize::MAX).ok()
}
