//! Forwarding a request to its backend.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, LOCATION, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tollgate_engine::ports::{
    BodyError, ForwardCall, ForwardError, ForwardOptions, HttpVersion, Via, Wire as _,
};
use tollgate_engine::{Body, Clock as _, Request, Response, Target, Uri};

use super::PingoraWire;
use super::connect::ConnectError;
use super::deployments::{self, may_name_deployment};
use super::downstream::Announced;
use super::exchange::{Broken, Event, Exchange, Framing};
use super::head::{Outgoing, keep_harmless, request_head, response, target};
use super::hop_by_hop::strip_response;
use super::observed::{self, AskedModel, Observed};
use super::origin::{NotAnOrigin, Origin};
use super::pool::Wanted;
use super::tls::Offer;
use crate::backend_choice::{Choice, Named};
use crate::breaker::{Outcome, Permit};
use crate::state_homes::{StateWatch, is_stateful};
use crate::telemetry::otlp::{CallSpan, number};
use crate::{Asked, SystemClock};

/// More redirects are not followed; the last one is the response.
const MAX_REDIRECTS: usize = 10;

/// What one hop sends; redirects change it.
struct Hop {
    method: Method,
    /// Headers, when they are no longer the request's.
    headers: Option<HeaderMap>,
    target: PathAndQuery,
    origin: Arc<Origin>,
    has_body: bool,
    /// The body, when it is not the request's.
    body: Option<Bytes>,
}

/// Where a request goes.
struct Destination {
    origin: Arc<Origin>,
    /// Path of the base URL.
    base: String,
    /// Whom to tell how the call went.
    permit: Option<Permit>,
    /// What keeps the client with a member of a pool.
    set_cookie: Option<HeaderValue>,
    /// What remembers the state that the member makes.
    watch: Option<StateWatch>,
}

impl Destination {
    /// What nobody guards.
    fn plain(origin: Arc<Origin>, base: String) -> Self {
        Self { origin, base, permit: None, set_cookie: None, watch: None }
    }
}

/// Why an attempt failed, and whether another one may be made.
struct Failed {
    error: ForwardError,
    again: Option<Again>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// On a connection of its own.
    Fresh,
    /// With HTTP/1.1.
    Downgraded,
}

impl PingoraWire {
    /// Sends the request and waits for status and headers.
    ///
    /// When the future is dropped, the call has ended and its connection is closed.
    pub(super) async fn call_backend(
        &mut self,
        call: ForwardCall<'_>,
    ) -> Result<Response, ForwardError> {
        if let Some(earlier) = self.exchange.take() {
            earlier.discard(self.backends.timeouts().backend_idle).await;
        }
        let home = self.home(call.request).await;
        let Destination { origin, base, mut permit, set_cookie, watch } =
            self.destination(call.request, home.as_deref())?;
        let credentials = origin.backend.as_ref().map(|backend| &backend.credentials);
        let request = call.request;
        let Renamed { path, query, body } = renamed(request, &origin);
        let path = target(&base, &path, &query, credentials)
            .map_err(|error| ForwardError::Refused(error.to_string()))?;
        let asked = self.observers.asked(request);
        let is_logged = asked.is_some() && self.observers.model_log.is_some();
        let mut hop = Hop {
            method: request.method.clone(),
            headers: changed_headers(request, watch.is_some() || is_logged, body.is_some()),
            body,
            target: path,
            origin,
            has_body: true,
        };
        let mut redirects = 0;
        loop {
            let mut span = self.span(&mut hop, request, asked.as_ref());
            let answer = self.call_hop(&hop, request, call.options).await;
            if let Some(span) = &mut span {
                match &answer {
                    Ok(answer) => span.answered(answer.status),
                    Err(error) => span.failed(observed::kind(error)),
                }
            }
            // What a redirect leads to says nothing about the backend.
            let told = permit.take().and_then(|permit| tell(permit, &answer));
            let mut answer = answer?;
            let next = if call.options.follow_redirects && redirects < MAX_REDIRECTS {
                self.redirected(&hop, request, &answer)?
            } else {
                None
            };
            let Some(next) = next else {
                if let Some(cookie) = set_cookie {
                    answer.headers.append(SET_COOKIE, cookie);
                }
                if let Some(exchange) = &mut self.exchange {
                    exchange.permit = told;
                }
                self.observe_answer(span, asked, &answer);
                if let Some(watch) = watch.filter(|_| StateWatch::fits(&answer)) {
                    self.filter_response(Box::new(watch));
                }
                return Ok(answer);
            };
            if let Some(exchange) = self.exchange.take() {
                exchange.discard(self.backends.timeouts().backend_idle).await;
            }
            hop = next;
            redirects += 1;
        }
    }

    /// The span of a hop, when the request is traced; the backend is told of it.
    fn span(
        &self,
        hop: &mut Hop,
        request: &Request,
        asked: Option<&AskedModel>,
    ) -> Option<CallSpan> {
        let mut span = self.observers.trace.as_ref()?.call(&hop.method)?;
        observed::describe(&mut span, &hop.origin, &hop.target, asked);
        if self.stats.calls > 0 {
            span.set(number("http.request.resend_count", self.stats.calls));
        }
        span.propagate(hop.headers.get_or_insert_with(|| request.headers.clone()));
        Some(span)
    }

    /// Has the body of an answer observed, for whoever wants to know.
    fn observe_answer(
        &mut self,
        span: Option<CallSpan>,
        asked: Option<AskedModel>,
        answer: &Response,
    ) {
        let log = self.observers.model_log.as_ref().filter(|_| asked.is_some());
        let log = log.map(|log| log());
        if span.is_some() || log.is_some() {
            self.filter_response(Box::new(Observed::begin(span, asked, log, answer)));
        }
    }

    /// The member of the pool that holds what a request is about.
    async fn home(&mut self, request: &Request) -> Option<Arc<str>> {
        let Some(Target::Backend(id)) = &request.target else { return None };
        self.backends.pool(id).filter(|pool| pool.keeps_state)?;
        self.connections.homes.home(id, request).await
    }

    fn destination(
        &mut self,
        request: &Request,
        home: Option<&str>,
    ) -> Result<Destination, ForwardError> {
        let refused = |error: NotAnOrigin| ForwardError::Refused(error.to_string());
        self.pool_member = None;
        let id = match &request.target {
            None => return Err(ForwardError::NoTarget),
            Some(Target::Url(url)) => {
                let origin = self.connections.url(url, &request.via).map_err(refused)?;
                return Ok(Destination::plain(origin, url.path.clone()));
            }
            Some(Target::Backend(id)) => id,
        };
        let pool = self.backends.pool(id);
        let keeper = pool.filter(|pool| pool.keeps_state);
        let homes = &self.connections.homes;
        let asked = Asked { headers: &request.headers, tried: &self.tried, home };
        let named = pool.map(Named::Pool).or(self.backends.backend(id).map(Named::Backend));
        let named = named.ok_or_else(|| ForwardError::UnknownBackend(id.to_string()))?;
        let Choice { backend, permit, set_cookie } =
            named.choose(asked).map_err(|retry_after| match pool {
                Some(_) => ForwardError::PoolUnavailable { pool: id.to_string(), retry_after },
                None => ForwardError::BreakerOpen { backend: id.to_string(), retry_after },
            })?;
        let origin = self.connections.backend(backend, &request.via).map_err(refused)?;
        if pool.is_some() {
            if !self.tried.contains(&backend.id) {
                self.tried.push(Arc::clone(&backend.id));
            }
            self.pool_member = Some(Arc::clone(&backend.id));
        }
        let watch = keeper
            .filter(|_| is_stateful(&request.uri.path))
            .map(|_| StateWatch::new(Arc::clone(homes), Arc::clone(id), Arc::clone(&backend.id)));
        let base = backend.url.path.clone();
        Ok(Destination { origin, base, permit, set_cookie, watch })
    }

    async fn call_hop(
        &mut self,
        hop: &Hop,
        request: &Request,
        options: ForwardOptions,
    ) -> Result<Response, ForwardError> {
        let authorization = authorization(&hop.origin).await?;
        let offer = self.offer(&hop.origin, options);
        let mut again = None;
        loop {
            match self.attempt(hop, request, options, offer, authorization.clone(), again).await {
                Ok(response) => return Ok(response),
                Err(Failed { again: Some(next), .. }) if again.is_none() => {
                    if next == Again::Downgraded {
                        hop.origin.pool().prefer_one();
                    }
                    again = Some(next);
                }
                Err(Failed { error, .. }) => return Err(error),
            }
        }
    }

    fn offer(&self, origin: &Origin, options: ForwardOptions) -> Offer {
        if self.down.facts().upgrade {
            return Offer::One;
        }
        let configured = origin.backend.as_ref().and_then(|backend| backend.http_version);
        match configured.unwrap_or(options.http_version) {
            HttpVersion::One => Offer::One,
            HttpVersion::TwoOrOne => Offer::TwoOrOne,
            HttpVersion::Two => Offer::Two,
        }
    }

    async fn attempt(
        &mut self,
        hop: &Hop,
        request: &Request,
        options: ForwardOptions,
        offer: Offer,
        authorization: Option<HeaderValue>,
        again: Option<Again>,
    ) -> Result<Response, Failed> {
        let began = Instant::now();
        self.stats.origin = Some(Arc::clone(&hop.origin));
        self.stats.began = Some(began);
        self.stats.calls += 1;
        let framing = self.framing(hop, request)?;
        let upgrade = self.down.facts().upgrade;
        let wanted = self.wanted(&hop.origin, offer, again.is_none() && !upgrade);
        let connections = Arc::clone(&self.connections);
        let connecting = connections.connect(&hop.origin, self.backends.addresses(), wanted);
        let (session, reused) =
            connecting.await.map_err(|error| Failed::finally(connect_error(error)))?;

        let streamed = matches!(framing, Framing::Length(_) | Framing::Open);
        let is_one = matches!(session, super::pool::Session::One { .. });
        let waits = streamed && self.down.awaits_continue() && is_one;
        let continue_within = options.continue_timeout.filter(|_| waits);
        let outgoing = Outgoing {
            method: &hop.method,
            headers: hop.headers.as_ref().unwrap_or(&request.headers).clone(),
            target: hop.target.clone(),
            origin: &hop.origin,
            received: &self.received,
            authorization,
            framing: &framing,
            upgrade,
            expect: continue_within.is_some(),
        };
        let header = request_head(outgoing, !is_one)
            .map_err(|error| Failed::finally(ForwardError::Refused(error.to_string())))?;
        let answer_within = options
            .timeout
            .or(hop.origin.backend.as_ref().and_then(|backend| backend.first_byte_timeout))
            .unwrap_or(self.backends.timeouts().backend_first_byte);
        let write_timeout = self.backends.timeouts().backend_write;
        let origin = Arc::clone(&hop.origin);
        let exchange =
            Exchange::begin(session, origin, reused, header, framing, write_timeout).await;
        let tried = Tried { method: &hop.method, request, answer_within };
        let mut exchange = exchange.map_err(|error| tried.failed(error, None))?;
        if streamed && continue_within.is_none() {
            self.down.send_continue().await.map_err(|error| Failed::finally(error.into()))?;
        }
        exchange.hold_body(continue_within.is_some());
        let head = self.await_head(&mut exchange, answer_within, continue_within).await;
        self.stats.waited += began.elapsed();
        head.map_err(|error| tried.failed(error, Some(&exchange)))?;
        self.accept(exchange, upgrade).map_err(Failed::finally)
    }

    fn wanted(&self, origin: &Origin, offer: Offer, may_reuse: bool) -> Wanted {
        let timeouts = self.backends.timeouts();
        let connect = origin.backend.as_ref().and_then(|backend| backend.connect_timeout);
        Wanted {
            offer,
            may_reuse,
            connect: connect.unwrap_or(timeouts.backend_connect),
            idle: timeouts.backend_idle,
        }
    }

    fn framing(&self, hop: &Hop, request: &Request) -> Result<Framing, Failed> {
        if !hop.has_body {
            return Ok(Framing::None);
        }
        if let Some(body) = &hop.body {
            return Ok(Framing::Whole(body.clone()));
        }
        match &request.body {
            Body::Empty => Ok(Framing::None),
            // APIM forwards nothing of a body that an expression has consumed.
            Body::Buffered(_) if request.consumed => Ok(Framing::None),
            Body::Buffered(body) => Ok(Framing::Whole(body.raw.clone())),
            Body::Replaced(body) => Ok(Framing::Whole(body.clone())),
            Body::Stream if !self.down.body_begun() && self.down.discarded() == 0 => {
                Ok(match self.down.facts().body {
                    Announced::Length(length) => Framing::Length(length),
                    Announced::Open => Framing::Open,
                    Announced::Nothing => Framing::None,
                })
            }
            Body::Stream | Body::Sent => {
                let message = "the body of the request has been sent already and was not buffered";
                Err(Failed::finally(ForwardError::Refused(message.to_owned())))
            }
        }
    }

    async fn await_head(
        &mut self,
        exchange: &mut Exchange,
        answer_within: Duration,
        mut continue_within: Option<Duration>,
    ) -> Result<(), Broken> {
        loop {
            let event = match continue_within {
                None => exchange.next(&mut self.down, Some(answer_within)).await?,
                Some(within) => {
                    let next = exchange.next(&mut self.down, Some(answer_within));
                    match tokio::time::timeout(within, next).await {
                        Ok(event) => event?,
                        Err(_) => Event::Informational(StatusCode::CONTINUE),
                    }
                }
            };
            match event {
                Event::Informational(StatusCode::CONTINUE) => {
                    if continue_within.take().is_some() {
                        exchange.hold_body(false);
                        self.down.send_continue().await.map_err(|_| Broken::ClientGone)?;
                    }
                }
                Event::Informational(status) => {
                    let mut headers =
                        exchange.head().map(|head| head.headers.clone()).unwrap_or_default();
                    strip_response(&mut headers);
                    self.down.write_informational(status, headers).await;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Judges the head of a response and takes it over.
    fn accept(&mut self, mut exchange: Exchange, upgrade: bool) -> Result<Response, ForwardError> {
        let over = exchange.is_over();
        let no_head = || ForwardError::Connection("the backend sent no header".to_owned());
        let head = exchange.head().ok_or_else(no_head)?;
        let switches = head.status == StatusCode::SWITCHING_PROTOCOLS;
        if switches && !(upgrade && is_websocket(&head.headers)) {
            let message = "the backend switched to a protocol that was not asked for";
            return Err(ForwardError::Connection(message.to_owned()));
        }
        let answer = response(head, over && !switches);
        let is_event_stream = observed::is_event_stream(&answer.headers);
        self.stats.status = Some(answer.status);
        exchange.body_idle =
            self.backends.timeouts().backend_body.filter(|_| !is_event_stream && !switches);
        self.exchange = Some(exchange);
        Ok(answer)
    }

    /// The next hop, when the response is a redirect that can be followed.
    fn redirected(
        &self,
        hop: &Hop,
        request: &Request,
        answer: &Response,
    ) -> Result<Option<Hop>, ForwardError> {
        let (method, has_body) = match answer.status.as_u16() {
            303 if hop.method != Method::HEAD => (Method::GET, false),
            301 | 302 if hop.method == Method::POST => (Method::GET, false),
            301 | 302 | 303 | 307 | 308 => (hop.method.clone(), hop.has_body),
            _ => return Ok(None),
        };
        let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let here = hop_url(hop)?;
        let Some(url) = location.and_then(|location| here.join(location).ok()) else {
            return Ok(None);
        };
        let Ok(target) = hop_target(&url) else { return Ok(None) };
        if has_body && matches!(request.body, Body::Stream | Body::Sent) {
            return Ok(None);
        }
        // What is secret on an encrypted connection must not continue in the clear.
        if url.scheme() != "https" && (hop.origin.secure || url.scheme() != "http") {
            return Ok(None);
        }
        let mut headers = hop.headers.as_ref().unwrap_or(&request.headers).clone();
        let same = url.scheme() == here.scheme()
            && url.host_str() == here.host_str()
            && url.port_or_known_default() == here.port_or_known_default();
        let origin = if same {
            Arc::clone(&hop.origin)
        } else {
            keep_harmless(&mut headers);
            let plain = tollgate_engine::Url {
                scheme: url.scheme().to_owned(),
                host: url.host_str().unwrap_or_default().to_owned(),
                port: url.port_or_known_default().unwrap_or_default(),
                ..tollgate_engine::Url::default()
            };
            // The certificate was meant for the origin that the policies chose.
            let via = Via { certificate: None, proxy: request.via.proxy.clone() };
            self.connections
                .url(&plain, &via)
                .map_err(|error| ForwardError::Refused(error.to_string()))?
        };
        let body = hop.body.clone();
        Ok(Some(Hop { method, headers: Some(headers), target, origin, has_body, body }))
    }
}

/// What of a request names a deployment, as the backend wants it.
struct Renamed<'a> {
    path: Cow<'a, str>,
    query: Cow<'a, str>,
    /// The body, when it is another.
    body: Option<Bytes>,
}

fn renamed<'a>(request: &'a Request, origin: &Origin) -> Renamed<'a> {
    let Uri { path, query } = &request.uri;
    let names = origin.backend.as_ref().map(|backend| &backend.deployments);
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        return Renamed { path: path.into(), query: query.into(), body: None };
    };
    let body = request.body.bytes().filter(|_| !request.consumed && may_name_deployment(request));
    Renamed {
        path: deployments::path(path, names),
        query: deployments::query(path, query, names),
        body: body.and_then(|body| deployments::body(&request.headers, body, names)),
    }
}

/// The headers of a request, if they are others because its answer must be read or its body was written anew.
fn changed_headers(request: &Request, is_watched: bool, is_rewritten: bool) -> Option<HeaderMap> {
    if !is_watched && !is_rewritten {
        return None;
    }
    let mut headers = request.headers.clone();
    if is_watched {
        headers.remove(ACCEPT_ENCODING);
    }
    if is_rewritten {
        headers.remove(CONTENT_ENCODING);
    }
    Some(headers)
}

/// Tells a circuit breaker how the call went so far; what is left is to be told how the body ends.
fn tell(permit: Permit, answer: &Result<Response, ForwardError>) -> Option<Permit> {
    let (now, unix_seconds) = (Instant::now(), || SystemClock.unix_seconds());
    match answer {
        Ok(answer) => permit.answered(answer.status, &answer.headers, now, unix_seconds),
        Err(error) => {
            permit.ended(Outcome::of(error), now, unix_seconds);
            None
        }
    }
}

impl Failed {
    fn finally(error: ForwardError) -> Self {
        Self { error, again: None }
    }
}

/// One attempt to forward a request.
struct Tried<'a> {
    method: &'a Method,
    request: &'a Request,
    answer_within: Duration,
}

impl Tried<'_> {
    /// Decides whether a failed attempt may be repeated: only while nothing of the client's body is lost, and only when the
    /// backend has not acted on the request, or may act on it twice. That it has not is certain when it said so, and when
    /// nothing of the request has left. A connection that had waited in the pool and closes without a single byte in answer
    /// proves nothing: that is what a close that crossed our request looks like, and also a backend that has read the request
    /// and died. Then only a method with which twice is as good as once is tried again.
    fn failed(&self, error: Broken, exchange: Option<&Exchange>) -> Failed {
        let replayable =
            !matches!(self.request.body, Body::Stream) || exchange.is_none_or(|it| !it.took_body());
        let again = match &error {
            _ if !replayable => None,
            Broken::Backend { http2: true, untouched, .. }
                if *untouched || self.is_idempotent() =>
            {
                Some(Again::Downgraded)
            }
            Broken::Backend { untouched: true, .. } => Some(Again::Fresh),
            Broken::Backend { unanswered: true, .. }
                if exchange.is_some_and(|it| {
                    it.is_reused() && (it.is_unsent() || self.is_idempotent())
                }) =>
            {
                Some(Again::Fresh)
            }
            _ => None,
        };
        let error = match error {
            Broken::Silent => ForwardError::Timeout(self.answer_within),
            Broken::ClientGone | Broken::Body(BodyError::ClientGone) => ForwardError::ClientGone,
            Broken::Body(error) => ForwardError::Body(error),
            error @ (Broken::Backend { .. } | Broken::Stuck) => {
                ForwardError::Connection(error.to_string())
            }
        };
        Failed { error, again }
    }

    fn is_idempotent(&self) -> bool {
        // RFC 9110 §9.2.2; TRACE does not get here.
        [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE]
            .contains(self.method)
    }
}

async fn authorization(origin: &Origin) -> Result<Option<HeaderValue>, ForwardError> {
    let Some(credentials) = origin.backend.as_ref().map(|backend| &backend.credentials) else {
        return Ok(None);
    };
    let Some(source) = &credentials.managed_identity else {
        return Ok(credentials.authorization.clone());
    };
    let token = match source.current() {
        Some(token) => token,
        None => source.fetch().await?,
    };
    Ok(Some(token.authorization))
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(http::header::UPGRADE);
    upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn hop_url(hop: &Hop) -> Result<url::Url, ForwardError> {
    let scheme = if hop.origin.secure { "https" } else { "http" };
    let authority = hop.origin.authority.to_str().unwrap_or_default();
    url::Url::parse(&format!("{scheme}://{authority}{}", hop.target)).map_err(|error| {
        ForwardError::Refused(format!("the URL of the backend is malformed: {error}"))
    })
}

fn hop_target(url: &url::Url) -> Result<PathAndQuery, http::uri::InvalidUri> {
    let text = url
        .query()
        .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    PathAndQuery::try_from(text)
}

fn connect_error(error: ConnectError) -> ForwardError {
    match error {
        ConnectError::Refused(message) => ForwardError::Refused(message),
        error => ForwardError::Connection(error.to_string()),
    }
}
