//! What is observed of a call of a backend: for its span, and of a call of a model for its log.
//!
//! INVARIANT: nothing is held back or changed. What is kept of a body counts with all other buffered bodies, and is let go of
//! when there is no memory for it.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method};
use tollgate_engine::ports::{BodyEnd, BodyFilter, ForwardError, Passed};
use tollgate_engine::{BoxFuture, Request, Response};
use tollgate_llm::{Answer, Api, Encoding, LlmRequest, MeterOptions, PathInfo, StreamMeter, Usage};

use super::origin::Origin;
use crate::telemetry::otlp::{CallSpan, number, redacted_query, text, texts};

/// Bytes of an answer that is no stream that are looked at.
const MAX_WHOLE: usize = 16 << 20;

/// Bytes of an answer that are put together when nobody logs it: what it calls itself, and how its choices ended.
const ENOUGH: usize = 4 << 10;

/// A request to a model.
#[derive(Debug, Clone)]
pub(crate) struct AskedModel {
    /// The protocol.
    pub(crate) api: Api,
    /// Whose model it is.
    pub(crate) provider: &'static str,
    /// The model or deployment; empty when it is not known.
    pub(crate) model: String,
    /// `api-version` of the query; empty when there is none.
    pub(crate) api_version: String,
    /// The body, when it was read.
    pub(crate) body: Bytes,
}

impl AskedModel {
    /// Reads a request; `None` when it is none to a model, or a conversation of its own kind.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let at = |path| PathInfo::of(path).map(|info| (info, path));
        let path = at(&request.uri.path).or_else(|| at(&request.original_url.path));
        let (PathInfo { api, model, .. }, path) = path?;
        if api == Api::Realtime || request.method != Method::POST {
            return None;
        }
        let body = request.body.bytes().filter(|_| !request.consumed).cloned().unwrap_or_default();
        let provider = api.provider(path);
        let named = || {
            let parsed = LlmRequest::parse(Some(api), &body, usize::MAX).ok()?;
            Some(parsed.model()?.into_owned())
        };
        let model = model.map(str::to_owned).or_else(named).unwrap_or_default();
        let mut parameters = request.uri.query.split('&');
        let version = parameters.find_map(|it| it.strip_prefix("api-version="));
        let api_version = version.unwrap_or_default().to_owned();
        Some(Self { api, provider, model, api_version, body })
    }

    /// How its tokens are counted.
    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::of_model(&self.model)
    }
}

/// What a model has answered.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// Whether it could be read at all: what is no success was not.
    pub(crate) is_read: bool,
    /// Whether it was a stream.
    pub(crate) is_stream: bool,
    /// What the backend says was used.
    pub(crate) usage: Option<Usage>,
    /// Tokens that have been counted, where the backend says nothing.
    pub(crate) counted: u64,
    /// The answer, as far as it was put together.
    pub(crate) answer: Answer,
}

/// What is read of an answer while it passes.
enum Reading {
    Stream(Box<StreamMeter>),
    Whole(Vec<u8>),
    /// Nothing that can be read, or too much of it.
    Nothing,
}

impl Reading {
    fn begin(asked: &AskedModel, response: &Response, assemble: usize) -> Self {
        if !response.status.is_success() || response.headers.contains_key(CONTENT_ENCODING) {
            return Self::Nothing;
        }
        if !is_event_stream(&response.headers) {
            return Self::Whole(Vec::new());
        }
        let mut options = MeterOptions::new(asked.api, asked.encoding());
        options.assemble = assemble;
        Self::Stream(Box::new(StreamMeter::new(options)))
    }

    fn piece(&mut self, piece: &Bytes) {
        match self {
            // What the meter would pass on is the same in the end; it only waits for whole events.
            Self::Stream(meter) => drop(meter.push(piece.clone())),
            Self::Whole(body) if body.len() + piece.len() <= MAX_WHOLE => {
                body.extend_from_slice(piece);
            }
            Self::Whole(_) => *self = Self::Nothing,
            Self::Nothing => {}
        }
    }

    fn held(&self) -> usize {
        match self {
            Self::Stream(meter) => meter.held(),
            Self::Whole(body) => body.capacity(),
            Self::Nothing => 0,
        }
    }

    fn end(self, asked: &AskedModel, assemble: usize) -> Answered {
        match self {
            Self::Stream(mut meter) => {
                drop(meter.finish());
                let usage = meter.usage();
                let counted = if usage.is_some() { 0 } else { meter.completion_tokens() };
                Answered {
                    is_read: true,
                    is_stream: true,
                    usage,
                    counted,
                    answer: meter.answer().clone(),
                }
            }
            Self::Whole(body) => {
                let usage = Usage::of_response(&body);
                let limit = if usage.is_some() { assemble } else { body.len() };
                let answer = Answer::of_response(&body, limit).unwrap_or_default();
                let counted = || answer.completion_tokens(asked.encoding());
                let counted = if usage.is_some() { 0 } else { counted() };
                Answered { is_read: true, is_stream: false, usage, counted, answer }
            }
            Self::Nothing => Answered::default(),
        }
    }
}

pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    const NAME: &[u8] = b"text/event-stream";
    let start = headers.get(CONTENT_TYPE).and_then(|it| it.as_bytes().get(..NAME.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(NAME))
}

/// Names the call of a backend as the conventions want it.
pub(super) fn describe(
    span: &mut CallSpan,
    origin: &Origin,
    target: &http::uri::PathAndQuery,
    asked: Option<&AskedModel>,
) {
    let scheme = if origin.secure { "https" } else { "http" };
    let authority = origin.authority.to_str().unwrap_or_default();
    let query = target.query().map(|query| format!("?{}", redacted_query(query)));
    let query = query.unwrap_or_default();
    span.set(text("url.full", &format!("{scheme}://{authority}{}{query}", target.path())));
    span.set(text("server.address", &origin.host));
    span.set(number("server.port", origin.port));
    if let Some(backend) = &origin.backend {
        span.set(text("tollgate.backend.id", &backend.id));
    }
    let Some(asked) = asked else { return };
    let operation = asked.api.operation();
    span.name(format!("{operation} {}", asked.model).trim_end().to_owned());
    span.set(text("gen_ai.operation.name", operation));
    span.set(text("gen_ai.provider.name", asked.provider));
    if !asked.model.is_empty() {
        span.set(text("gen_ai.request.model", &asked.model));
    }
}

/// The kind of a failure, for `error.type`.
pub(super) fn kind(error: &ForwardError) -> &'static str {
    match error {
        ForwardError::Connection(_) => "BackendConnectionFailure",
        ForwardError::Timeout(_) => "Timeout",
        ForwardError::ClientGone => "ClientConnectionFailure",
        ForwardError::Body(_) => "RequestBody",
        ForwardError::Refused(_) | ForwardError::UnknownBackend(_) | ForwardError::NoTarget => {
            "Refused"
        }
        ForwardError::BreakerOpen { .. } | ForwardError::PoolUnavailable { .. } => "Unavailable",
        ForwardError::Identity(_) => "Identity",
    }
}

/// What an answer of a model tells its span.
fn tell(span: &mut CallSpan, answered: &Answered) {
    let Answered { usage, answer, .. } = answered;
    if !answer.model.is_empty() {
        span.set(text("gen_ai.response.model", &answer.model));
    }
    if !answer.id.is_empty() {
        span.set(text("gen_ai.response.id", &answer.id));
    }
    let finished: Vec<&str> =
        answer.choices.iter().filter_map(|choice| choice.finish.as_deref()).collect();
    if !finished.is_empty() {
        span.set(texts("gen_ai.response.finish_reasons", finished.into_iter()));
    }
    let Some(usage) = usage else { return };
    span.set(number("gen_ai.usage.input_tokens", usage.prompt));
    span.set(number("gen_ai.usage.output_tokens", usage.completion));
    for (key, tokens) in [
        ("gen_ai.usage.cache_read.input_tokens", usage.cached),
        ("gen_ai.usage.cache_creation.input_tokens", usage.cache_creation),
        ("gen_ai.usage.reasoning.output_tokens", usage.reasoning),
    ] {
        if tokens > 0 {
            span.set(number(key, tokens));
        }
    }
}

/// Takes what a model was asked and has answered, when that is over. `None` for an answer that could not be read.
pub(crate) trait ModelCallLog: Send {
    /// Bytes of the answer that are wanted.
    fn answer_bytes(&self) -> usize;
    /// Writes it down. What takes long goes on in the future, as a task of its own.
    fn end(
        self: Box<Self>,
        asked: AskedModel,
        answered: Answered,
    ) -> Option<BoxFuture<'static, ()>>;
}

/// Observes the answer of a backend.
pub(super) struct Observed {
    span: Option<CallSpan>,
    model: Option<(AskedModel, Reading)>,
    log: Option<Box<dyn ModelCallLog>>,
    assemble: usize,
}

impl Observed {
    pub(super) fn begin(
        span: Option<CallSpan>,
        asked: Option<AskedModel>,
        log: Option<Box<dyn ModelCallLog>>,
        response: &Response,
    ) -> Self {
        let wanted = log.as_ref().map_or(0, |log| log.answer_bytes());
        let assemble = wanted.max(ENOUGH);
        let model = asked.map(|asked| {
            let reading = Reading::begin(&asked, response, assemble);
            (asked, reading)
        });
        Self { span, model, log, assemble }
    }
}

impl BodyFilter for Observed {
    fn piece(&mut self, piece: Bytes) -> Passed {
        if let Some((_, reading)) = &mut self.model {
            reading.piece(&piece);
        }
        Passed::On(piece)
    }

    fn keeps_length(&self) -> bool {
        true
    }

    fn held(&self) -> usize {
        self.model.as_ref().map_or(0, |(_, reading)| reading.held())
    }

    fn forget(&mut self) {
        if let Some((_, reading)) = &mut self.model {
            *reading = Reading::Nothing;
        }
    }

    fn end(self: Box<Self>, how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        let Self { mut span, model, log, assemble } = *self;
        if let (Some(span), BodyEnd::Broken) = (&mut span, how) {
            span.failed("BackendConnectionFailure");
        }
        let (asked, reading) = model?;
        let answered = reading.end(&asked, assemble);
        if let Some(span) = &mut span {
            tell(span, &answered);
        }
        log?.end(asked, answered)
    }
}
