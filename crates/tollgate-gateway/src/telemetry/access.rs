//! One line per request.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use uuid::Uuid;

use super::SharedRedactor;

/// Longest text of a client that is put in a line.
const MAX_TEXT: usize = 2_048;

/// What happened to a request. Neither query nor headers: both carry keys.
#[derive(Debug, Clone)]
pub struct AccessRecord {
    /// Identifier of the request.
    pub request_id: Uuid,
    /// Method.
    pub method: Method,
    /// Path on the wire, without the query.
    pub path: String,
    /// API that was matched.
    pub api: Option<Arc<str>>,
    /// Operation that was matched.
    pub operation: Option<Arc<str>>,
    /// Subscription whose key was accepted.
    pub subscription: Option<Arc<str>>,
    /// Status that was sent; 0 when the client was gone before.
    pub status: u16,
    /// From the first byte of the request to the last of the response.
    pub total: Duration,
    /// Waiting for backends and reading from them.
    pub backend: Option<Duration>,
    /// To the first byte of the response's body that was sent.
    pub first_byte: Option<Duration>,
    /// Backend that was called last.
    pub backend_id: Option<Arc<str>>,
    /// Its status.
    pub backend_status: Option<u16>,
    /// Address of the client.
    pub client_ip: IpAddr,
    /// HTTP version of the client.
    pub protocol: http::Version,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the response's body.
    pub bytes_out: u64,
    /// `context.LastError`, or why the response was not whole.
    pub error: Option<AccessError>,
}

/// What went wrong with a request, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessError {
    /// Policy or part of the gateway.
    pub source: Cow<'static, str>,
    /// Reason code.
    pub reason: Cow<'static, str>,
    /// Text for the operator.
    pub message: String,
}

/// Where access records go.
pub trait AccessLog: Send + Sync + std::fmt::Debug {
    /// Takes a record when its request has ended. Called on the request's own task, so it does not wait.
    fn record(&self, record: &AccessRecord);
}

/// Writes records as `tracing` events of target `access`, at level info.
#[derive(Debug, Clone)]
pub struct TracingAccessLog {
    redactor: Arc<SharedRedactor>,
}

impl TracingAccessLog {
    /// A log that masks secrets in the texts of errors.
    pub fn new(redactor: Arc<SharedRedactor>) -> Self {
        Self { redactor }
    }
}

impl AccessLog for TracingAccessLog {
    fn record(&self, record: &AccessRecord) {
        let redactor = self.redactor.load();
        let error = record.error.as_ref();
        let message = error.map(|error| redactor.redact(bounded(&error.message)));
        let path = redactor.redact(bounded(&record.path));
        tracing::info!(
            target: "access",
            request_id = %record.request_id,
            method = record.method.as_str(),
            path = &*path,
            api = record.api.as_deref(),
            operation = record.operation.as_deref(),
            subscription = record.subscription.as_deref(),
            status = record.status,
            total_ms = milliseconds(record.total),
            backend_ms = record.backend.map(milliseconds),
            first_byte_ms = record.first_byte.map(milliseconds),
            backend = record.backend_id.as_deref(),
            backend_status = record.backend_status,
            client_ip = %record.client_ip,
            protocol = protocol(record.protocol),
            bytes_in = record.bytes_in,
            bytes_out = record.bytes_out,
            error_source = error.map(|error| &*error.source),
            error_reason = error.map(|error| &*error.reason),
            error_message = message.as_deref(),
        );
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}

fn protocol(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "HTTP/1.0",
        http::Version::HTTP_11 => "HTTP/1.1",
        http::Version::HTTP_2 => "HTTP/2",
        _ => "other",
    }
}

fn bounded(text: &str) -> &str {
    let end = text.floor_char_boundary(MAX_TEXT);
    text.get(..end).unwrap_or(text)
}
