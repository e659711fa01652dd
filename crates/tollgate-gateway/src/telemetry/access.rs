//! One line per request.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Method;
use tollgate_engine::RouteInfo;
use tollgate_engine::ports::CacheStatus;
use uuid::Uuid;

use super::timestamp::Timestamp;
use super::{LogFormat, LogQueue, SharedRedactor};

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
    /// What was matched: API, operation, subscription, ….
    pub route: RouteInfo,
    /// Status that was sent; 0 when the client was gone before.
    pub status: u16,
    /// From the first byte of the request to the last of the response.
    pub total: Duration,
    /// Waiting for backends and reading from them.
    pub backend: Option<Duration>,
    /// To the first byte of the response's body that was sent.
    pub first_byte: Option<Duration>,
    /// What the cache of responses did, when it was asked or passed by.
    pub cache: Option<CacheStatus>,
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
    /// Type and place of the exception of an expression.
    pub detail: Option<String>,
}

/// Where access records go.
pub trait AccessLog: Send + Sync + fmt::Debug {
    /// Takes a record when its request has ended. Called on the request's own task, so it does not wait.
    fn record(&self, record: &AccessRecord);
}

/// Nobody reads access lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAccessLog;

impl AccessLog for NoAccessLog {
    fn record(&self, _: &AccessRecord) {}
}

/// Writes records as lines that look like the other log lines, of target `access` at level info, and obey the same
/// level settings. They do not pass through `tracing`'s formatting, which takes ten times as long: this is the one line
/// that every request pays for.
#[derive(Debug, Clone)]
pub struct AccessLines {
    queue: LogQueue,
    format: LogFormat,
    redactor: Arc<SharedRedactor>,
}

impl AccessLines {
    pub(super) fn new(queue: LogQueue, format: LogFormat, redactor: Arc<SharedRedactor>) -> Self {
        Self { queue, format, redactor }
    }
}

impl AccessLog for AccessLines {
    fn record(&self, record: &AccessRecord) {
        if !tracing::enabled!(target: "access", tracing::Level::INFO) {
            return;
        }
        let mut line = Line { bytes: Vec::with_capacity(640), format: self.format };
        line.begin(SystemTime::now());
        record.write(&mut line);
        line.end();
        let text = String::from_utf8_lossy(&line.bytes);
        self.queue.push(self.redactor.load().redact(&text).as_bytes());
    }
}

impl AccessRecord {
    fn write(&self, line: &mut Line) {
        line.plain("request_id", Some(self.request_id), Quotes::Json);
        line.text("method", Some(self.method.as_str()));
        line.text("path", Some(bounded(&self.path)));
        let RouteInfo { api, operation, subscription, user, product, .. } = &self.route;
        line.text("api", api.as_ref().map(|it| it.id.as_str()));
        line.text("operation", operation.as_ref().map(|it| it.id.as_str()));
        line.text("subscription", subscription.as_ref().map(|it| it.id.as_str()));
        line.text("user", user.as_ref().map(|it| it.id.as_str()));
        line.text("product", product.as_ref().map(|it| it.id.as_str()));
        line.plain("status", Some(self.status), Quotes::None);
        line.plain("total_ms", Some(milliseconds(self.total)), Quotes::None);
        line.plain("backend_ms", self.backend.map(milliseconds), Quotes::None);
        line.plain("first_byte_ms", self.first_byte.map(milliseconds), Quotes::None);
        line.text("cache", self.cache.map(CacheStatus::name));
        line.text("backend", self.backend_id.as_deref());
        line.plain("backend_status", self.backend_status, Quotes::None);
        line.plain("client_ip", Some(self.client_ip), Quotes::Json);
        line.text("protocol", Some(protocol(self.protocol)));
        line.plain("bytes_in", Some(self.bytes_in), Quotes::None);
        line.plain("bytes_out", Some(self.bytes_out), Quotes::None);
        let error = self.error.as_ref();
        line.text("error_source", error.map(|error| &*error.source));
        line.text("error_reason", error.map(|error| &*error.reason));
        line.text("error_message", error.map(|error| bounded(&error.message)));
        line.text("error_detail", error.and_then(|error| error.detail.as_deref()).map(bounded));
    }
}

/// A line in the making.
struct Line {
    bytes: Vec<u8>,
    format: LogFormat,
}

/// Whether a value that needs no escaping stands in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    /// In JSON only.
    Json,
}

impl Line {
    fn begin(&mut self, now: SystemTime) {
        let now = Timestamp(now);
        match self.format {
            LogFormat::Json => self.put(format_args!(
                "{{\"timestamp\":\"{now}\",\"level\":\"INFO\",\"target\":\"access\""
            )),
            LogFormat::Text => self.put(format_args!("{now}  INFO access:")),
        }
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(match self.format {
            LogFormat::Json => b"}\n",
            LogFormat::Text => b"\n",
        });
    }

    /// Text of any kind; nothing when there is none.
    fn text(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        self.name(name);
        // A vector takes every write, and text is always JSON.
        if serde_json::to_writer(&mut self.bytes, value).is_err() {
            self.bytes.extend_from_slice(b"\"\"");
        }
    }

    /// A value that needs no escaping.
    fn plain(&mut self, name: &str, value: Option<impl fmt::Display>, quotes: Quotes) {
        let Some(value) = value else { return };
        self.name(name);
        if quotes == Quotes::Json && self.format == LogFormat::Json {
            self.put(format_args!("\"{value}\""));
        } else {
            self.put(format_args!("{value}"));
        }
    }

    fn name(&mut self, name: &str) {
        match self.format {
            LogFormat::Json => self.put(format_args!(",\"{name}\":")),
            LogFormat::Text => self.put(format_args!(" {name}=")),
        }
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        // A vector takes every write.
        let _taken = self.bytes.write_fmt(text);
    }
}

/// Milliseconds with three decimals.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_hours_have_their_time() {
        assert_eq!(milliseconds(Duration::from_nanos(1_234_567)).to_string(), "1.235");
        assert_eq!(milliseconds(Duration::from_hours(30)).to_string(), "108000000");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(bounded("short"), "short");
        assert_eq!(bounded(&"é".repeat(2_000)).len(), 2_048);
        assert_eq!(bounded(&format!("x{}", "é".repeat(2_000))).len(), 2_047);
    }
}
