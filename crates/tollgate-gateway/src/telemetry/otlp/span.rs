//! The spans of one request: its own, and one for each call of another server.
//!
//! INVARIANT: a span is handed on once, however its request ends: it is when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime};

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use uuid::Uuid;

use super::attributes::{number, text};
use super::exporter::Exporter;
use crate::telemetry::metrics::unix_nanoseconds;

/// `traceparent` of W3C's Trace Context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Calls of one request that get a span.
const MAX_CALLS: u32 = 64;

/// The flags of OTLP say that the low byte is W3C's, and whether the parent is of another process.
const SAMPLED: u32 = 0x01;
const KNOWN_WHETHER_REMOTE: u32 = 0x100;
const REMOTE: u32 = 0x200;

/// A place in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The trace.
    pub(crate) trace: u128,
    /// The span of the gateway.
    pub(crate) span: u64,
    /// The client's span; none when the trace begins here.
    pub(crate) parent: Option<u64>,
    /// The client's `tracestate`.
    pub(crate) state: String,
}

impl Place {
    /// The header that says it.
    pub(crate) fn header(trace: u128, span: u64, sampled: bool) -> Option<HeaderValue> {
        let flags = u8::from(sampled);
        HeaderValue::try_from(format!("00-{trace:032x}-{span:016x}-{flags:02x}")).ok()
    }
}

/// What the calls of a request need to know of its trace.
pub(crate) struct RequestTrace {
    exporter: Arc<Exporter>,
    place: Place,
    n_calls: AtomicU32,
}

impl RequestTrace {
    pub(super) fn new(exporter: Arc<Exporter>, place: Place) -> Arc<Self> {
        Arc::new(Self { exporter, place, n_calls: AtomicU32::new(0) })
    }

    /// The span of the request itself.
    pub(super) fn server_span(self: &Arc<Self>) -> RequestSpan {
        let Place { span, parent, .. } = self.place;
        RequestSpan(Begun::new(Arc::clone(self), SpanKind::Server, span, parent))
    }

    /// A span for a call of another server; none for a request that makes too many.
    pub(crate) fn call(self: &Arc<Self>, method: &Method) -> Option<CallSpan> {
        if self.n_calls.fetch_add(1, Ordering::Relaxed) >= MAX_CALLS {
            return None;
        }
        let (_, id) = Uuid::new_v4().as_u64_pair();
        let mut begun =
            Begun::new(Arc::clone(self), SpanKind::Client, id | 1, Some(self.place.span));
        method_name(method).clone_into(&mut begun.span.name);
        begun.set(text("http.request.method", method_name(method)));
        Some(CallSpan(begun))
    }
}

/// The name of a method, as the conventions want it: few of them.
pub(super) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

/// A span that has begun.
struct Begun {
    trace: Arc<RequestTrace>,
    span: Span,
    began: Instant,
    /// Whether it is known how it ended.
    is_told: bool,
}

impl Begun {
    fn new(trace: Arc<RequestTrace>, kind: SpanKind, id: u64, parent: Option<u64>) -> Self {
        let Place { trace: trace_id, state, parent: client, .. } = &trace.place;
        let is_remote = kind == SpanKind::Server && client.is_some();
        let span = Span {
            trace_id: trace_id.to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            parent_span_id: parent.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default(),
            trace_state: state.clone(),
            flags: SAMPLED | KNOWN_WHETHER_REMOTE | if is_remote { REMOTE } else { 0 },
            kind: kind.into(),
            start_time_unix_nano: now(),
            ..Span::default()
        };
        Self { trace, span, began: Instant::now(), is_told: false }
    }

    fn set(&mut self, attribute: KeyValue) {
        self.span.attributes.push(attribute);
    }

    fn failed(&mut self, kind: &str) {
        self.is_told = true;
        // What went wrong first is why.
        if self.span.status.is_some() {
            return;
        }
        self.set(text("error.type", kind));
        self.span.status = Some(Status { code: SpanStatus::Error.into(), ..Status::default() });
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.is_told {
            self.failed("cancelled");
        }
        // The clock of the system may have been set meanwhile, and what a span says is above all how long it took.
        let took = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.span.end_time_unix_nano = self.span.start_time_unix_nano.saturating_add(took);
        self.trace.exporter.take(std::mem::take(&mut self.span));
    }
}

/// Nanoseconds since 1970.
pub(super) fn now() -> u64 {
    unix_nanoseconds(SystemTime::now())
}

/// The span of a request. It ends when this is dropped.
pub(crate) struct RequestSpan(Begun);

impl RequestSpan {
    /// What the calls of the request need.
    pub(crate) fn trace(&self) -> &Arc<RequestTrace> {
        &self.0.trace
    }

    /// Names it by its method and, when it is known, its route.
    pub(crate) fn name(&mut self, method: &Method, route: Option<&str>) {
        let name = Some(method_name(method)).filter(|name| *name != "_OTHER").unwrap_or("HTTP");
        self.0.span.name = match route {
            Some(route) => format!("{name} {route}"),
            None => name.to_owned(),
        };
        self.set(text("http.request.method", method_name(method)));
        if method_name(method) == "_OTHER" {
            self.set(text("http.request.method_original", method.as_str()));
        }
        if let Some(route) = route {
            self.set(text("http.route", route));
        }
    }

    /// Adds an attribute.
    pub(crate) fn set(&mut self, attribute: KeyValue) {
        self.0.set(attribute);
    }

    /// Says how it ended: the status that was sent (0 for none), and why the request failed, if it did. Only what the
    /// gateway or a backend is to blame for is an error of the span.
    pub(crate) fn ended(&mut self, status: u16, reason: Option<&str>) {
        self.0.is_told = true;
        if status != 0 {
            self.set(number("http.response.status_code", status));
        }
        let code = (status >= 500).then(|| status.to_string());
        match reason.or(code.as_deref()) {
            Some(kind) if status == 0 || status >= 500 => self.0.failed(kind),
            Some(kind) => self.set(text("error.type", kind)),
            None => {}
        }
    }
}

/// The span of a call of another server. It ends when this is dropped.
pub(crate) struct CallSpan(Begun);

impl CallSpan {
    /// Makes the server's spans children of this one: in place of a `traceparent` of the same trace, or where there is none.
    /// That of another trace has been written by a policy, and stays.
    pub(crate) fn propagate(&self, headers: &mut HeaderMap) {
        let Begun { trace, span, .. } = &self.0;
        let own = format!("00-{:032x}-", trace.place.trace);
        let is_foreign = |known: &HeaderValue| !known.as_bytes().starts_with(own.as_bytes());
        if headers.get(TRACEPARENT).is_some_and(is_foreign) {
            return;
        }
        let id = span.span_id.first_chunk().copied().map_or(0, u64::from_be_bytes);
        if let Some(header) = Place::header(trace.place.trace, id, true) {
            headers.insert(TRACEPARENT, header);
        }
    }

    /// Names it otherwise than by its method.
    pub(crate) fn name(&mut self, name: String) {
        self.0.span.name = name;
    }

    /// Adds an attribute.
    pub(crate) fn set(&mut self, attribute: KeyValue) {
        self.0.set(attribute);
    }

    /// The server has answered.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.0.is_told = true;
        self.set(number("http.response.status_code", status.as_u16()));
        if status.is_client_error() || status.is_server_error() {
            self.0.failed(status.as_str());
        }
    }

    /// It brought no answer, or not a whole one.
    pub(crate) fn failed(&mut self, kind: &str) {
        self.0.failed(kind);
    }
}
