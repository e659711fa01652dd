//! What a request asks of a model.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, SEC_WEBSOCKET_EXTENSIONS};
use tollgate_engine::{Body, Facts, Request};
use tollgate_llm::{Api, CompletionBound, Edits, Encoding, LlmRequest, PathInfo, UsageForClient};

/// What of a request policies for models need to know what it asks for: its body, unless that is a form with a recording or
/// a picture, which says nothing of tokens and may be larger than what is held in memory. Other operations take no forms, so
/// one to them is read like any body.
pub(crate) fn needed_body(request: &Request) -> Facts {
    const FORM: &[u8] = b"multipart/";
    let kind = request.headers.get(CONTENT_TYPE).and_then(|it| it.as_bytes().get(..FORM.len()));
    let is_form = kind.is_some_and(|kind| kind.eq_ignore_ascii_case(FORM));
    let takes_forms = || {
        let paths = [&request.uri.path, &request.original_url.path];
        let api = paths.into_iter().find_map(|path| PathInfo::of(path)).map(|info| info.api);
        matches!(api, Some(Api::Audio | Api::Images))
    };
    Facts { reads_request_body: !(is_form && takes_forms()), reads_response_body: false }
}

/// A request to a model, as it stood when it was read.
#[derive(Debug)]
pub(super) struct Asked {
    /// The protocol.
    pub(super) api: Api,
    /// The model or deployment; empty when it is not known.
    model: String,
    /// The path that the backend sees.
    path: String,
    /// The body.
    body: Bytes,
    /// What the client is to see of a stream's usage.
    pub(super) usage: UsageForClient,
}

impl Asked {
    /// Reads a request; `None` when it is none to a model. Its body has been read where it can be, since policies for
    /// models say that they need it. `path` is what the backend sees.
    pub(super) fn read(request: &Request, path: String) -> Option<Self> {
        // What policies and the backend's own address have made of the path is what the backend understands.
        let info = PathInfo::of(&path).or_else(|| PathInfo::of(&request.original_url.path));
        let body = body_of(request);
        let parsed = parse(info.map(|info| info.api), &body);
        let api = parsed.as_ref().map(LlmRequest::api).or(info.map(|info| info.api))?;
        let usage = match (api, &parsed) {
            (Api::ChatCompletions | Api::Completions, Some(parsed)) if parsed.stream() => {
                if parsed.include_usage() { UsageForClient::Asked } else { UsageForClient::Strip }
            }
            _ => UsageForClient::AsSent,
        };
        // A deployment is what the path calls; what the body says beside it is ignored.
        let model = info.and_then(|info| info.model).map(str::to_owned);
        let model = model.or_else(|| realtime_model(api, &request.uri.query));
        let model = model.or_else(|| parsed.and_then(|parsed| Some(parsed.model()?.into_owned())));
        let model = model.unwrap_or_default();
        Some(Self { api, model, path, body: body.clone(), usage })
    }

    /// Whether it is what this request asks for.
    pub(super) fn is_of(&self, request: &Request, path: &str) -> bool {
        self.path == path && self.body == body_of(request)
    }

    /// The model or deployment; empty when it is not known.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn encoding(&self) -> Encoding {
        Encoding::of_model(&self.model)
    }

    /// Whether the tokens of the prompt of one hold for the other.
    pub(super) fn has_same_prompt(&self, other: &Self) -> bool {
        self.body == other.body && self.model == other.model && self.api == other.api
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
        let parsed = parse(Some(self.api), &self.body).filter(|_| knows.contains(&self.api))?;
        Some(parsed.completion_bound().map_or(unstated, CompletionBound::total))
    }

    /// Changes the request on its way to the backend: it asks for the usage of a stream, for a completion within `bound`,
    /// and for an answer that can be read.
    pub(super) fn send(&self, request: &mut Request, bound: Option<u64>) {
        request.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if self.api == Api::Realtime {
            // The one that is defined compresses messages, which could then not be read.
            request.headers.remove(SEC_WEBSOCKET_EXTENSIONS);
        }
        if self.usage != UsageForClient::Strip && bound.is_none() {
            return;
        }
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

/// The deployment or model of a WebSocket, which only its query names.
fn realtime_model(api: Api, query: &str) -> Option<String> {
    if api != Api::Realtime {
        return None;
    }
    let pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| matches!(*name, "deployment" | "model"));
    named.next().map(|(_, model)| model.to_owned())
}

fn body_of(request: &Request) -> Bytes {
    request.body.bytes().filter(|_| !request.consumed).cloned().unwrap_or_default()
}

/// Nothing when it is not JSON. The body was read within the gateway's own bound, so none is set here.
fn parse(api: Option<Api>, body: &[u8]) -> Option<LlmRequest<'_>> {
    LlmRequest::parse(api, body, usize::MAX).ok()
}
