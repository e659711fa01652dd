//! One request, from its head to its access record.

use std::any::Any;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version};
use pingora::protocols::http::ServerSession;
use tokio::time::Instant;
use tollgate_engine::counters::Counted;
use tollgate_engine::ports::Via;
use tollgate_engine::{
    Body, Chain, ClientInfo, Finally, Forwardings, PolicyError, Request, RequestCx, Response,
    Route, RouteInfo, Traffic, Uri, Url, Variables, error_body, process, process_error,
    process_unmatched,
};
use uuid::Uuid;

use super::client::Peer;
use super::request::{self, Head, Rejection};
use super::status::OpenRequest;
use super::trace_context::continue_or_begin;
use super::{Shared, Site, load, spans};
use crate::llm_log::{LlmLogEntry, LoggedRequest};
use crate::telemetry::otlp::Traced;
use crate::telemetry::{AccessError, AccessRecord, Side};
use crate::wire::{
    Announced, BackendStats, Backends, Downstream, DownstreamTimeouts, Ended, MakeModelCallLog,
    Observers, PingoraWire, Received, RequestFacts, Socket, Written,
};
use crate::{Matched, Refusal};

/// Where Azure's self-hosted gateway answers probes; one of Microsoft's pages prints the second one.
const STATUS_PATHS: [&str; 2] = ["/status-0123456789abcdef", "/status-012345678990abcdef"];

/// A request whose header has been read.
pub(super) struct Incoming {
    pub(super) session: ServerSession,
    /// The connection, when it is this request's alone.
    pub(super) socket: Option<Socket>,
    /// Whether the connection carries no further request.
    pub(super) closing: bool,
    /// Counted already, when it has been looked at whether there is room for it.
    pub(super) admitted: Option<OpenRequest>,
}

/// Serves a request. Answers the client's side when it may carry another one.
///
/// When the future is dropped, the client's connection and the backend's are closed, and the request is recorded.
pub(super) async fn request<S: Site>(
    shared: &Shared<S>,
    site: Arc<S>,
    peer: &Peer,
    incoming: Incoming,
) -> Option<Downstream> {
    let began = Instant::now();
    let Incoming { mut session, socket, closing, admitted } = incoming;
    let version = session.req_header().version;
    let method = session.req_header().method.clone();
    let timeouts = DownstreamTimeouts {
        read: site.timeouts().request_body,
        write: site.timeouts().client_write,
    };
    let head = match request::take(&mut session, site.limits()) {
        Ok(head) => head,
        Err(rejection) => {
            let facts = unknown_facts(method, version, !session.is_body_empty());
            let down = Downstream::new(session, socket, facts, timeouts);
            return Some(reject(shared, site, peer, down, (version, rejection), began).await);
        }
    };
    let down = Downstream::new(session, socket, head.facts.clone(), timeouts);
    if STATUS_PATHS.contains(&head.path.as_str())
        && matches!(head.facts.method, Method::GET | Method::HEAD)
    {
        return answer_probe(shared, site, down, closing).await;
    }
    let Ok(admitted) = admitted.map_or_else(|| load::admit(shared, &*site), Ok) else {
        return shed(shared, site, down, closing, began).await;
    };
    let counted = (admitted, shared.parts.metrics.request_begins());
    let down = run(shared, site, (peer, head), down, closing, began).await;
    drop(counted);
    down
}

/// Records what never became a request.
pub(super) fn refused<S>(
    shared: &Shared<S>,
    peer: &Peer,
    status: StatusCode,
    message: &'static str,
) {
    let mut record = blank_record(Uuid::new_v4(), Method::GET, Version::HTTP_11, peer);
    record.status = status.as_u16();
    record.error = Some(own_error("MalformedRequest", message.to_owned()));
    shared.parts.access.record(&record);
    shared.parts.metrics.unmatched().ended(record.status, Duration::ZERO, None);
}

/// What can be said of a request whose head was refused.
fn unknown_facts(method: Method, version: Version, has_body: bool) -> RequestFacts {
    let body = if has_body { Announced::Open } else { Announced::Nothing };
    let http10 = version < Version::HTTP_11;
    RequestFacts { method, body, expects_continue: false, upgrade: false, http10 }
}

async fn reject<S: Site>(
    shared: &Shared<S>,
    site: Arc<S>,
    peer: &Peer,
    down: Downstream,
    (version, rejection): (Version, Rejection),
    began: Instant,
) -> Downstream {
    let mut record = blank_record(Uuid::new_v4(), down.facts().method.clone(), version, peer);
    let mut response =
        refusal(rejection.status, error_body(rejection.status, rejection.message, None));
    if rejection.status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        response.headers.insert(http::header::ALLOW, allowed);
    }
    let connections = Arc::clone(&shared.parts.connections);
    let mut wire = PingoraWire::new(down, connections, site, Received::default());
    let written = wire.respond(response, true).await;
    record.status = written.status.as_u16();
    record.total = began.elapsed();
    record.error = Some(own_error("MalformedRequest", rejection.message.to_owned()));
    shared.parts.access.record(&record);
    shared.parts.metrics.unmatched().ended(record.status, record.total, None);
    wire.into_parts().0
}

/// A response of our own that refuses a request.
fn refusal(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(status);
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = Body::Replaced(body);
    response
}

/// What is said to whom there is no room or time for.
static OVERLOADED: LazyLock<Bytes> =
    LazyLock::new(|| error_body(StatusCode::SERVICE_UNAVAILABLE, load::MESSAGE, None));

/// Answers a request that is refused because there is too much to do. That must cost as little as can be, so there is no line
/// in the access log for each (`load` writes one for many); its connection can go on. Most requests are
/// refused before they come here (`one`).
async fn shed<S: Site>(
    shared: &Shared<S>,
    site: Arc<S>,
    down: Downstream,
    closing: bool,
    began: Instant,
) -> Option<Downstream> {
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED.clone());
    response.headers.insert(RETRY_AFTER, HeaderValue::from_static(load::RETRY_AFTER));
    let connections = Arc::clone(&shared.parts.connections);
    let mut wire = PingoraWire::new(down, connections, site, Received::default());
    let written = wire.respond(response, closing || shared.status.is_draining()).await;
    shared.parts.metrics.unmatched().ended(written.status.as_u16(), began.elapsed(), None);
    (written.ended == Ended::Whole).then(|| wire.into_parts().0)
}

/// Probes are neither routed nor logged: they come every few seconds and say nothing.
async fn answer_probe<S: Site>(
    shared: &Shared<S>,
    site: Arc<S>,
    down: Downstream,
    closing: bool,
) -> Option<Downstream> {
    let draining = shared.status.is_draining();
    let status = if draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let mut wire =
        PingoraWire::new(down, Arc::clone(&shared.parts.connections), site, Received::default());
    let written = wire.respond(Response::new(status), closing || draining).await;
    (written.ended == Ended::Whole).then(|| wire.into_parts().0)
}

/// A request that is in order, and what it was matched to.
struct Prepared {
    request: Request,
    route: Route,
    client: ClientInfo,
    chain: Chain,
    refusal: Option<PolicyError>,
    unmatched: bool,
    received: Received,
    record: AccessRecord,
    traced: Option<Traced>,
}

fn prepare<S: Site>(shared: &Shared<S>, site: &S, peer: &Peer, head: Head) -> Prepared {
    let Head { facts, version, host, port, path, query, trailers, mut headers } = head;
    let request_id = Uuid::new_v4();
    peer.strip_identity(&mut headers, &shared.settings.identity_headers);
    let ip = peer.identify(&mut headers, &shared.settings.trusted_proxies);
    let mut traced = continue_or_begin(&mut headers, request_id, &shared.parts.otlp);
    let (matched, refusal) = match site.route(&facts.method, &host, &path, &query, &headers) {
        Ok(matched) => (matched, None),
        Err(Refusal { matched, error }) => (*matched, Some(error)),
    };
    let Matched { info, parameters, chain, path: below, query: rest, target, keys, unmatched } =
        matched;
    let received = Received {
        trailers,
        host: headers.get(http::header::HOST).cloned(),
        keys: keys.into_iter().map(|key| (key.header, key.value)).collect(),
    };
    let mut record = blank_record(request_id, facts.method.clone(), version, peer);
    record.client_ip = ip;
    record.route = info.clone();
    record.path.clone_from(&path);
    let original_url = original_url(peer, &headers, host, port, path, query);
    if let Some(traced) = &mut traced {
        spans::begin(&mut traced.span, &record, &original_url, &headers);
    }
    let request = Request {
        original_method: facts.method.clone(),
        method: facts.method,
        original_url: Arc::new(original_url),
        uri: Uri { path: below, query: rest },
        target,
        pool_member: None,
        backend_chosen_by: None,
        via: Via::default(),
        headers,
        body: if facts.body == Announced::Nothing { Body::Empty } else { Body::Stream },
        consumed: false,
    };
    let route = Route {
        info,
        matched_parameters: parameters,
        names: site.names(),
        deployment: Arc::clone(site.deployment()),
    };
    let client = ClientInfo {
        request_id,
        timestamp: site.ports().clock.ticks(),
        ip: Some(ip),
        certificate: peer.certificate.clone(),
        tracing: false,
    };
    Prepared { request, route, client, chain, refusal, unmatched, received, record, traced }
}

async fn run<S: Site>(
    shared: &Shared<S>,
    site: Arc<S>,
    (peer, head): (&Peer, Head),
    down: Downstream,
    closing: bool,
    began: Instant,
) -> Option<Downstream> {
    let Prepared { request, route, client, chain, refusal, unmatched, received, record, traced } =
        prepare(shared, &*site, peer, head);
    let connections = Arc::clone(&shared.parts.connections);
    let backends = Arc::clone(&site) as Arc<dyn Backends>;
    let mut wire = PingoraWire::new(down, connections, backends, received);
    let trace = traced.as_ref().map(|traced| Arc::clone(traced.span.trace()));
    let model_log = model_log(&*site, &route, &client);
    wire.observe(Observers { trace, model_log });
    let mut unfinished = Unfinished::new(shared, record, traced, began);
    let mut cx = RequestCx {
        request,
        response: None,
        reply: None,
        call: None,
        calls_left: site.limits().policy_requests,
        variables: Variables::default(),
        last_error: None,
        client,
        route,
        ports: site.ports().clone(),
        wire: Box::new(wire),
        eval: RequestCx::eval_state(site.expression_limits()),
        counted: Counted::default(),
        forwardings: Forwardings::default(),
        finally: Finally::new(Arc::clone(&site.ports().tasks)),
        extensions: Extensions::default(),
    };
    let answered = unmatched && process_unmatched(&mut cx, &chain).await.is_some();
    match refusal {
        _ if answered => {}
        None => drop(process(&mut cx, &chain).await),
        Some(error) => drop(process_error(&mut cx, &chain, error).await),
    }
    let RequestCx { response, last_error, wire, finally, extensions, .. } = cx;
    unfinished.finally = Some(finally);
    unfinished.record.cache = extensions.get().copied();
    unfinished.record.error = last_error.map(|error| AccessError {
        source: error.source.into(),
        reason: error.reason.into(),
        message: error.message,
        detail: error.detail,
    });
    let wire: Box<dyn Any> = wire;
    // Policies borrow the wire and cannot replace it by one of another type; should one, there is no client to answer.
    let wire = unfinished.wire.insert(wire.downcast::<PingoraWire>().ok()?);
    let response = response.unwrap_or_else(|| Response::new(StatusCode::OK));
    unfinished.status = response.status;
    let written = wire.respond(response, closing || shared.status.is_draining()).await;
    let down = unfinished.end(&written)?;
    (written.ended == Ended::Whole && !written.tunnelled).then_some(down)
}

/// A request that is under way. When it is dropped before its end, because the gateway stops and does not wait for it any
/// longer, it is recorded and counted all the same, as what it is.
struct Unfinished<'a, S> {
    shared: &'a Shared<S>,
    record: AccessRecord,
    traced: Option<Traced>,
    began: Instant,
    /// There from the moment the response is known.
    wire: Option<Box<PingoraWire>>,
    /// Of the response.
    status: StatusCode,
    finally: Option<Finally>,
    is_ended: bool,
}

impl<'a, S> Unfinished<'a, S> {
    fn new(
        shared: &'a Shared<S>,
        record: AccessRecord,
        traced: Option<Traced>,
        began: Instant,
    ) -> Self {
        let (wire, finally) = (None, None);
        let status = StatusCode::OK;
        Self { shared, record, traced, began, wire, status, finally, is_ended: false }
    }

    /// Records, counts and begins what policies have left for the end.
    fn end(&mut self, written: &Written) -> Option<Downstream> {
        let (down, stats) = self.wire.take()?.into_parts();
        self.is_ended = true;
        let traffic = Traffic { request: down.bytes_in(), response: down.bytes_out };
        for work in self.finally.take().into_iter().flat_map(|finally| finally.sent(traffic)) {
            let counted = self.shared.status.ending();
            tokio::spawn(async move {
                work.await;
                drop(counted);
            });
        }
        finish_record(&mut self.record, written, &down, &stats, self.began);
        self.shared.parts.access.record(&self.record);
        count(self.shared, &self.record, written);
        if let Some(mut traced) = self.traced.take() {
            spans::end(&mut traced.span, &self.record);
        }
        Some(down)
    }
}

impl<S> Drop for Unfinished<'_, S> {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        let status = self.status;
        let cut = Written { status, ended: Ended::Stopped, first_byte: None, tunnelled: false };
        if self.end(&cut).is_none() {
            self.record.total = self.began.elapsed();
            self.record.error.get_or_insert_with(stopped);
            self.shared.parts.access.record(&self.record);
            count(self.shared, &self.record, &cut);
        }
    }
}

fn stopped() -> AccessError {
    own_error("GatewayStopped", "the gateway stopped before the response was whole".to_owned())
}

/// What makes the logs of the calls of models that a request makes, if they are logged.
fn model_log<S: Site>(site: &S, route: &Route, client: &ClientInfo) -> Option<MakeModelCallLog> {
    let log = Arc::clone(site.llm_log(&route.info).filter(|log| log.takes(client.request_id))?);
    let operation = route.info.operation.as_ref().map(|operation| operation.id.clone());
    let request = LoggedRequest {
        request_id: client.request_id,
        began: client.timestamp,
        operation: operation.unwrap_or_default(),
        region: route.deployment.region.clone(),
    };
    let entry = move || LlmLogEntry { log: Arc::clone(&log), request: request.clone() };
    Some(Box::new(move || Box::new(entry())))
}

fn finish_record(
    record: &mut AccessRecord,
    written: &Written,
    down: &Downstream,
    stats: &BackendStats,
    began: Instant,
) {
    record.status = if down.head_written() { written.status.as_u16() } else { 0 };
    record.total = began.elapsed();
    record.first_byte = written.first_byte.map(|at| at.saturating_duration_since(began));
    record.bytes_in = down.bytes_in();
    record.bytes_out = down.bytes_out;
    if stats.calls > 0 {
        record.backend = Some(stats.waited);
        record.backend_status = stats.status.map(|status| status.as_u16());
        record.backend_id = stats.origin.as_ref().map(|origin| match &origin.backend {
            Some(backend) => Arc::clone(&backend.id),
            None => Arc::from(&*origin.host),
        });
    }
    match &written.ended {
        Ended::Whole => {}
        Ended::Client(failed) => {
            record
                .error
                .get_or_insert_with(|| own_error("ClientConnectionFailure", failed.to_string()));
        }
        Ended::Backend(message) => {
            record
                .error
                .get_or_insert_with(|| own_error("BackendConnectionFailure", message.clone()));
        }
        Ended::Stopped => {
            record.error.get_or_insert_with(stopped);
        }
    }
}

fn count<S>(shared: &Shared<S>, record: &AccessRecord, written: &Written) {
    let metrics = &shared.parts.metrics;
    let RouteInfo { api, operation, .. } = &record.route;
    let matched = api
        .as_ref()
        .map(|api| metrics.operation(&api.id, operation.as_ref().map(|it| it.id.as_str())));
    let operation = matched.as_deref().unwrap_or_else(|| metrics.unmatched());
    operation.ended(record.status, record.total, record.backend);
    if let Some(status) = record.cache {
        operation.looked_up(status);
    }
    match &written.ended {
        Ended::Whole => {}
        Ended::Client(_) => metrics.response_broken(Side::client),
        Ended::Backend(_) => metrics.response_broken(Side::backend),
        Ended::Stopped => metrics.response_broken(Side::gateway),
    }
}

fn blank_record(request_id: Uuid, method: Method, version: Version, peer: &Peer) -> AccessRecord {
    AccessRecord {
        request_id,
        method,
        path: String::new(),
        route: RouteInfo::default(),
        status: 0,
        total: Duration::ZERO,
        backend: None,
        first_byte: None,
        cache: None,
        backend_id: None,
        backend_status: None,
        client_ip: peer.ip(),
        protocol: version,
        bytes_in: 0,
        bytes_out: 0,
        error: None,
    }
}

fn own_error(reason: &'static str, message: String) -> AccessError {
    AccessError { source: "gateway".into(), reason: reason.into(), message, detail: None }
}

/// `context.Request.OriginalUrl`. A client that sends no `Host` (HTTP/1.0) has called the listener's address.
fn original_url(
    peer: &Peer,
    headers: &HeaderMap,
    host: String,
    port: Option<u16>,
    path: String,
    query: String,
) -> Url {
    let secure = peer.came_encrypted(headers);
    let scheme = if secure { "https" } else { "http" };
    let (host, port) = if host.is_empty() {
        (peer.local.ip().to_string(), peer.local.port())
    } else {
        (host, port.unwrap_or(if secure { 443 } else { 80 }))
    };
    Url { scheme: scheme.to_owned(), host, port, path, query }
}
