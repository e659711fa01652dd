//! Where the events of a logger end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode, Uri};
use tollgate_engine::ports::Event;

use super::{Endpoint, LoggerKind, encode, file};
use crate::fetch::{FetchError, FetchOptions, Fetcher, Guard};

/// How long a server may take for one batch.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Pauses before a batch is sent again.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;

/// A place for batches of events.
pub(super) enum Sink {
    File { path: PathBuf, max_bytes: u64, max_files: u32 },
    Server { format: Format, endpoint: Endpoint, fetcher: Arc<Fetcher> },
}

/// What a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Lines,
    Otlp,
}

/// Why a batch is lost.
#[derive(Debug, thiserror::Error)]
pub(super) enum SinkError {
    #[error("the file cannot be written: {0}")]
    File(std::io::Error),
    #[error("the writing was broken off")]
    BrokenOff,
    #[error("the server cannot be reached: {0}")]
    Unreachable(FetchError),
    #[error("the server answered with status {}", .0.as_u16())]
    Refused(StatusCode),
    #[error("the request cannot be made: {0}")]
    Request(http::Error),
}

impl Sink {
    pub(super) fn new(kind: &LoggerKind, fetcher: Arc<Fetcher>) -> Self {
        match kind {
            LoggerKind::File { path, max_bytes, max_files } => {
                Self::File { path: path.clone(), max_bytes: *max_bytes, max_files: *max_files }
            }
            LoggerKind::Http(endpoint) => {
                Self::Server { format: Format::Lines, endpoint: endpoint.clone(), fetcher }
            }
            LoggerKind::Otlp(endpoint) => {
                Self::Server { format: Format::Otlp, endpoint: endpoint.clone(), fetcher }
            }
        }
    }

    /// Writes a batch, or says why it is lost. Dropping the future may leave it written or not.
    pub(super) async fn write(&self, logger: &str, events: &[Event]) -> Result<(), SinkError> {
        match self {
            Self::File { path, max_bytes, max_files } => {
                let (path, max_bytes, max_files) = (path.clone(), *max_bytes, *max_files);
                let lines = encode::lines(logger, events);
                let append = move || file::append(&path, max_bytes, max_files, &lines);
                let written = tokio::task::spawn_blocking(append).await;
                written.map_err(|_| SinkError::BrokenOff)?.map_err(SinkError::File)
            }
            Self::Server { format, endpoint, fetcher } => {
                let body = match format {
                    Format::Lines => encode::lines(logger, events),
                    Format::Otlp => encode::otlp(logger, events),
                };
                post(*format, endpoint, fetcher, body.into()).await
            }
        }
    }
}

/// Sends a batch, and again when that may help.
async fn post(
    format: Format,
    endpoint: &Endpoint,
    fetcher: &Fetcher,
    body: Bytes,
) -> Result<(), SinkError> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match attempt(format, endpoint, fetcher, body.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let may_help = match &error {
            SinkError::Unreachable(
                FetchError::Connect(_) | FetchError::Broken(_) | FetchError::Timeout(_),
            ) => true,
            SinkError::Refused(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        };
        let Some(pause) = pauses.next().filter(|_| may_help) else { return Err(error) };
        tokio::time::sleep(*pause).await;
    }
}

async fn attempt(
    format: Format,
    endpoint: &Endpoint,
    fetcher: &Fetcher,
    body: Bytes,
) -> Result<(), SinkError> {
    let (url, content_type) = match format {
        Format::Lines => (endpoint.url.clone(), "application/x-ndjson"),
        Format::Otlp => (otlp_url(&endpoint.url), "application/json"),
    };
    let mut request = Request::post(url).body(body).map_err(SinkError::Request)?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in &endpoint.headers {
        headers.insert(name, value.clone());
    }
    let options =
        FetchOptions { guard: Guard::Configured, timeout: TIMEOUT, max_bytes: MAX_ANSWER };
    let answer = fetcher.send(request, options).await.map_err(SinkError::Unreachable)?;
    if answer.status().is_success() { Ok(()) } else { Err(SinkError::Refused(answer.status())) }
}

/// OpenTelemetry's path for logs, unless the URL has one of its own.
fn otlp_url(url: &Uri) -> Uri {
    if !matches!(url.path(), "" | "/") {
        return url.clone();
    }
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/v1/logs"));
    Uri::from_parts(parts).unwrap_or_else(|_| url.clone())
}
