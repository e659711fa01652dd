//! Calls of policies: `send-request`, `send-one-way-request` and their like.
//!
//! INVARIANT: an answer counts towards the memory of all buffered bodies for as long as anybody holds it. INVARIANT: calls
//! that nobody waits for are bounded in number and end before the gateway does.

mod background;
mod named;

#[cfg(test)]
mod named_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::ext::ReasonPhrase;
use tollgate_engine::ports::{BodyError, Call, CallError, CallToken, Calls, HttpVersion};
use tollgate_engine::{Body, BoxFuture, Response};
use url::Url;

use crate::Backend;
use crate::fetch::{FetchError, Fetcher, Guard, Route, Version};
use crate::telemetry::otlp::{CallSpan, number, redacted_query, text};
use crate::telemetry::{Delivery, Metrics, Otlp};
use crate::wire::{Budget, Gathered, Held, strip_response};

use background::Background;

/// What calls stand on.
#[derive(Clone)]
pub(crate) struct CallParts {
    /// Makes them.
    pub(crate) fetcher: Arc<Fetcher>,
    /// What all buffered bodies hold.
    pub(crate) budget: Arc<Budget>,
    /// Counts those that nobody waits for.
    pub(crate) metrics: Arc<Metrics>,
    /// Traces of the requests that they are made for.
    pub(crate) otlp: Arc<Otlp>,
}

/// Calls of one process. It outlives configurations.
pub struct CallPool {
    parts: CallParts,
    background: Background,
}

impl fmt::Debug for CallPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallPool").field("background", &self.background).finish_non_exhaustive()
    }
}

/// What one configuration says of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallSettings {
    /// How long a call may take when its policy does not say.
    pub(crate) timeout: Duration,
    /// Most bytes of an answer's body.
    pub(crate) body: usize,
    /// Most bytes of it after decoding.
    pub(crate) inflated_body: usize,
    /// Bytes that all buffered bodies may hold together.
    pub(crate) buffers_total: usize,
    /// Most calls under way that nobody waits for.
    pub(crate) detached: usize,
}

impl CallPool {
    /// No calls yet.
    pub(crate) fn new(parts: CallParts) -> Arc<Self> {
        Arc::new(Self { parts, background: Background::default() })
    }

    /// The calls as one configuration sees them.
    pub(crate) fn with(self: &Arc<Self>, settings: CallSettings) -> ConfiguredCalls {
        ConfiguredCalls { pool: Arc::clone(self), settings }
    }

    /// Waits until the calls that nobody waits for have ended, but no longer than this.
    pub(crate) async fn drain(&self, within: Duration) {
        let left = self.background.drain(within).await;
        if left > 0 {
            tracing::warn!(calls = left, "one-way requests are ended: the time for them is over");
        }
    }
}

/// Whose idea a call is.
#[derive(Debug, Clone, Copy)]
enum Whose<'a> {
    /// A policy's, which has named the URL.
    Policy,
    /// The configuration's, which knows the backend.
    Backend(&'a Backend),
}

/// The calls of one configuration.
#[derive(Clone)]
pub(crate) struct ConfiguredCalls {
    pool: Arc<CallPool>,
    settings: CallSettings,
}

impl Calls for ConfiguredCalls {
    fn send(&self, call: Call) -> BoxFuture<'static, Result<Response, CallError>> {
        let this = self.clone();
        let span = this.span(&call, Whose::Policy);
        Box::pin(async move { this.make(call, Whose::Policy, span).await })
    }

    fn send_detached(&self, call: Call) -> Result<(), CallError> {
        // What waits to be sent is held like any other body.
        let mut held = self.pool.parts.budget.hold();
        held.grow(call.body.len(), self.settings.buffers_total)
            .map_err(|_| CallError::Body(BodyError::MemoryPressure))?;
        let (this, request_id) = (self.clone(), call.request_id);
        let span = this.span(&call, Whose::Policy);
        let work = async move {
            let ended = this.make(call, Whose::Policy, span).await;
            drop(held);
            match ended {
                Ok(answer) => {
                    this.pool.parts.metrics.one_way_request(Delivery::answered);
                    let status = answer.status.as_u16();
                    tracing::debug!(%request_id, status, "a one-way request was answered");
                }
                Err(error) => {
                    this.pool.parts.metrics.one_way_request(Delivery::failed);
                    tracing::warn!(%request_id, %error, "a one-way request failed");
                }
            }
        };
        let most = self.settings.detached;
        if self.pool.background.spawn(most, work) {
            return Ok(());
        }
        self.pool.parts.metrics.one_way_request(Delivery::dropped);
        tracing::warn!(%request_id, most, "a one-way request was dropped: too many are under way");
        Err(CallError::TooMany(most))
    }
}

impl ConfiguredCalls {
    /// One call within its time. When the future is dropped, the call has ended and its connection is closed.
    async fn make(
        &self,
        mut call: Call,
        whose: Whose<'_>,
        span: Option<CallSpan>,
    ) -> Result<Response, CallError> {
        let timeout = call.timeout.unwrap_or(self.settings.timeout);
        if let Some(span) = &span {
            span.propagate(&mut call.headers);
        }
        let made = tokio::time::timeout(timeout, self.make_unlimited(call, whose)).await;
        let made = made.unwrap_or(Err(CallError::Timeout(timeout)));
        if let Some(mut span) = span {
            match &made {
                Ok(answer) => span.answered(answer.status),
                Err(error) => span.failed(kind(error)),
            }
        }
        made
    }

    /// The span of a call, when the request that it is made for is traced.
    fn span(&self, call: &Call, whose: Whose<'_>) -> Option<CallSpan> {
        let mut span = self.pool.parts.otlp.trace_of(call.request_id)?.call(&call.method)?;
        if let Ok(url) = Url::parse(call.url.trim()) {
            let query = url.query().map(|query| format!("?{}", redacted_query(query)));
            let query = query.unwrap_or_default();
            let host = url.host_str().unwrap_or_default();
            span.set(text("server.address", host));
            span.set(number("server.port", url.port_or_known_default().unwrap_or_default()));
            let origin = url.origin().ascii_serialization();
            span.set(text("url.full", &format!("{origin}{}{query}", url.path())));
        }
        if let Whose::Backend(backend) = whose {
            span.set(text("tollgate.backend.id", &backend.id));
        }
        Some(span)
    }

    async fn make_unlimited(&self, call: Call, whose: Whose<'_>) -> Result<Response, CallError> {
        let Call { method, url, mut headers, body, token, via, .. } = call;
        let url = parse(&url)?;
        if let Some(token) = token {
            authorize(&mut headers, &token).await?;
        }
        headers.remove(CONTENT_LENGTH);
        // hyper takes `:authority` from the URL; a `Host` of its own reaches the server in HTTP/1.1 only.
        let (guard, tls, wanted) = match whose {
            Whose::Policy => (Guard::Policy, None, None),
            Whose::Backend(it) => (Guard::Configured, Some(&it.tls), it.http_version),
        };
        let has_host = headers.contains_key(HOST) || wanted == Some(HttpVersion::One);
        let version = if has_host { Version::One } else { Version::Any };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url;
        *request.headers_mut() = headers;
        let fetcher = &self.pool.parts.fetcher;
        let opened = fetcher.open(request, Route { guard, via: &via, version, tls }).await;
        let (mut parts, body) = opened.map_err(failed)?.into_parts();
        strip_response(&mut parts.headers);
        let body = self.read(&mut parts.headers, body).await?;
        let reason = parts.extensions.get::<ReasonPhrase>();
        let reason = reason.and_then(|reason| std::str::from_utf8(reason.as_bytes()).ok());
        let reason = reason.filter(|reason| Some(*reason) != parts.status.canonical_reason());
        Ok(Response {
            status: parts.status,
            reason: reason.map(Arc::from),
            headers: parts.headers,
            body: Body::Replaced(body),
            consumed: false,
        })
    }

    /// The body of an answer, decoded; what described its encoding then goes from the headers.
    async fn read(&self, headers: &mut HeaderMap, mut body: Incoming) -> Result<Bytes, CallError> {
        let CallSettings { body: limit, inflated_body, buffers_total, .. } = self.settings;
        if body.size_hint().lower() > limit as u64 {
            return Err(BodyError::TooLarge { limit }.into());
        }
        let mut held = self.pool.parts.budget.hold();
        let mut gathered = Gathered::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failed(crate::fetch::broken(&error)))?;
            if let Ok(piece) = frame.into_data() {
                gathered.push(piece, limit, &mut held, buffers_total)?;
            }
        }
        let body = gathered.decoded(headers, inflated_body, &mut held, buffers_total).await?;
        if let Some(decoded) = body.decoded {
            headers.remove(CONTENT_ENCODING);
            headers.remove(CONTENT_LENGTH);
            return Ok(counted(decoded, held));
        }
        Ok(counted(body.raw, held))
    }
}

/// Bytes that give their memory back to the budget when the last who holds them lets go.
fn counted(bytes: Bytes, held: Held) -> Bytes {
    struct Counted {
        bytes: Bytes,
        _held: Held,
    }

    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }

    if bytes.is_empty() { bytes } else { Bytes::from_owner(Counted { bytes, _held: held }) }
}

/// Reads a URL as browsers and .NET do: blanks and other letters in it are escaped, its fragment stays here. What could be
/// read in two ways is refused.
fn parse(text: &str) -> Result<http::Uri, CallError> {
    let refused = |why: &str| CallError::Refused(format!("the URL cannot be called: {why}"));
    let text = text.trim();
    if text.contains(|c: char| c.is_control() || c == '\\') {
        return Err(refused("it holds a backslash or a control character"));
    }
    let mut url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it is not an absolute `http` or `https` URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user name or password"));
    }
    url.set_fragment(None);
    url.as_str().parse().map_err(|_| refused("it is malformed"))
}

async fn authorize(headers: &mut HeaderMap, token: &CallToken) -> Result<(), CallError> {
    let found = match token.source.current() {
        Some(token) => Ok(token),
        None => token.source.fetch().await,
    };
    match found {
        Ok(token) => {
            let value: HeaderValue = token.authorization;
            headers.insert(AUTHORIZATION, value);
            Ok(())
        }
        Err(_) if token.is_optional => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The kind of a failure, for `error.type`.
fn kind(error: &CallError) -> &'static str {
    match error {
        CallError::Refused(_) => "refused",
        CallError::Connection(_) => "connection",
        CallError::Timeout(_) => "timeout",
        CallError::Body(_) => "body",
        CallError::Identity(_) => "identity",
        CallError::TooMany(_) => "too_many",
        CallError::UnknownBackend(_) => "unknown_backend",
        CallError::Unavailable { .. } => "unavailable",
    }
}

fn failed(error: FetchError) -> CallError {
    match error {
        FetchError::Refused(why) => CallError::Refused(why),
        FetchError::Timeout(after) => CallError::Timeout(after),
        FetchError::TooLarge(limit) => BodyError::TooLarge { limit }.into(),
        error @ (FetchError::Connect(_) | FetchError::Broken(_) | FetchError::Settings(_)) => {
            CallError::Connection(error.to_string())
        }
    }
}
