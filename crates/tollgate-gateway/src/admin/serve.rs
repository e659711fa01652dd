//! Requests of the admin listener.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

use super::state::{AdminState, NotReady};

/// Connections at a time; probes and one or two Prometheus servers need few. The oldest goes when another one comes: however
/// many are opened and left alone, a probe is answered.
const MAX_CONNECTIONS: usize = 64;
/// How long the header of a request may take, an idle connection included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a whole connection may take.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(10);

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The admin listener at work; it stops when this is dropped.
#[derive(Debug)]
pub struct AdminServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl AdminServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves health, metrics and status on a listener. It keeps answering while the gateway drains, so that probes see it.
pub fn serve_admin(listener: TcpListener, state: Arc<AdminState>) -> std::io::Result<AdminServer> {
    let address = listener.local_addr()?;
    let task = tokio::spawn(accept(listener, state, address.ip().is_loopback()));
    Ok(AdminServer { address, task })
}

async fn accept(listener: TcpListener, state: Arc<AdminState>, is_loopback: bool) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the admin listener could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        by_age.retain(|connection| !connection.is_finished());
        if by_age.len() >= MAX_CONNECTIONS
            && let Some(oldest) = by_age.pop_front()
        {
            oldest.abort();
        }
        let state = Arc::clone(&state);
        by_age.push_back(connections.spawn(async move {
            let service = service_fn(move |request| {
                let response = answer(&request, &state, is_loopback).map(Full::new);
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await {
                tracing::debug!(%error, "an admin connection broke");
            }
        }));
    }
}

pub(super) fn answer<B>(
    request: &Request<B>,
    state: &AdminState,
    is_loopback: bool,
) -> Response<Bytes> {
    let path = request.uri().path();
    let known = matches!(path, "/health/live" | "/health/ready" | "/metrics" | "/status");
    if !known {
        return error(StatusCode::NOT_FOUND, "there is nothing here");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let refusal = error(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
        return with(refusal, ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    match path {
        "/health/live" => response(StatusCode::OK, TEXT, "live\n"),
        "/health/ready" => match state.ready() {
            Ok(()) => response(StatusCode::OK, TEXT, "ready\n"),
            Err(NotReady::Starting) => {
                response(StatusCode::SERVICE_UNAVAILABLE, TEXT, "starting\n")
            }
            Err(NotReady::Draining) => {
                response(StatusCode::SERVICE_UNAVAILABLE, TEXT, "draining\n")
            }
        },
        "/metrics" => match state.metrics() {
            Ok(text) => response(StatusCode::OK, OPEN_METRICS, text),
            Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written"),
        },
        _ if state.admits(presented_key(request), is_loopback && asks_loopback(request)) => {
            response(StatusCode::OK, JSON, state.status())
        }
        _ => {
            let refusal =
                error(StatusCode::UNAUTHORIZED, "the status needs the admin key as a bearer token");
            with(refusal, WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        }
    }
}

/// Whether the request names this machine. A web page elsewhere whose name resolves to loopback names itself.
fn asks_loopback<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    is_loopback || host.eq_ignore_ascii_case("localhost")
}

fn presented_key<B>(request: &Request<B>) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn error(status: StatusCode, message: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "statusCode": status.as_u16(), "message": message });
    response(status, JSON, body.to_string())
}

fn with(mut response: Response<Bytes>, name: HeaderName, value: HeaderValue) -> Response<Bytes> {
    response.headers_mut().insert(name, value);
    response
}
