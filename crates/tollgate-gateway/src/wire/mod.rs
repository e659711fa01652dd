//! The engine's wire on pingora: bodies, backends, responses.
//!
//! What pingora gives are the HTTP/1.1 and HTTP/2 sessions of both sides. What is ours: the sockets under them, the pool,
//! the pump between them, and the rules on headers.

mod budget;
mod chunks;
mod connect;
mod decode;
mod deployments;
mod downstream;
mod exchange;
mod filter;
mod forward;
mod gathered;
mod head;
mod hop_by_hop;
mod observed;
mod origin;
mod pool;
mod respond;
mod socket;
mod tls;
mod tunnel;
mod upload;

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tollgate_engine::ports::{BodyError, BodyFilter, ForwardCall, ForwardError};
use tollgate_engine::{BoxFuture, BufferedBody, Request, Response, Wire};

use self::exchange::{Broken, Event, Exchange};
use self::filter::Filtering;
use self::head::strip_for_others;
use self::origin::Origin;
use crate::fetch::AddressGuard;
use crate::telemetry::otlp::RequestTrace;
use crate::{Backend, BackendPool, Limits, Timeouts};

pub(crate) use budget::{Budget, Held};
pub(crate) use deployments::may_name_deployment;
pub(crate) use downstream::{Announced, Downstream, DownstreamTimeouts, RequestFacts};
pub(crate) use gathered::Gathered;
pub(crate) use head::{Received, target};
pub(crate) use hop_by_hop::{strip_named, strip_request, strip_response};
pub(crate) use observed::{Answered, AskedModel, ModelCallLog};
pub use origin::Connections;
pub(crate) use pool::TlsIdentity;
pub(crate) use respond::{DRAIN, Ended, Written};
pub(crate) use socket::{Socket, tune};
pub(crate) use tls::provider as tls_provider;
pub(crate) use tls::{Offer, client_config, client_identity, system_root_certificates};

/// What mostly waits for nothing, within its time; the clock is looked at only when it does wait.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => tokio::time::timeout(limit, future).await,
    }
}

/// What the wire asks of the generation of the configuration that a request began with.
pub trait Backends: Send + Sync {
    /// A configured backend.
    fn backend(&self, id: &str) -> Option<&Arc<Backend>>;
    /// A pool of them.
    fn pool(&self, _id: &str) -> Option<&BackendPool> {
        None
    }
    /// Bounds.
    fn limits(&self) -> &Limits;
    /// Time-outs.
    fn timeouts(&self) -> &Timeouts;
    /// What policies may not call.
    fn addresses(&self) -> &AddressGuard;
}

/// The connections of one request.
pub(crate) struct PingoraWire {
    down: Downstream,
    exchange: Option<Exchange>,
    connections: Arc<Connections>,
    backends: Arc<dyn Backends>,
    received: Received,
    held: Held,
    stats: BackendStats,
    /// Members of pools that this request has been sent to; each is there once.
    tried: Vec<Arc<str>>,
    /// The one that the last call went to, when it was for a pool.
    pool_member: Option<Arc<str>>,
    observers: Observers,
}

/// Who observes the calls of backends that a request makes. Nobody costs nothing.
#[derive(Default)]
pub(crate) struct Observers {
    /// The trace that gets a span for each.
    pub(crate) trace: Option<Arc<RequestTrace>>,
    /// What makes the log of a call of a model.
    pub(crate) model_log: Option<MakeModelCallLog>,
}

/// Makes the log of one call of a model.
pub(crate) type MakeModelCallLog = Box<dyn Fn() -> Box<dyn ModelCallLog> + Send>;

impl Observers {
    /// What is to be known of a request to a model, if anybody wants to know it.
    fn asked(&self, request: &Request) -> Option<AskedModel> {
        let anybody = self.trace.is_some() || self.model_log.is_some();
        anybody.then(|| AskedModel::of(request)).flatten()
    }
}

/// What is known of the calls of backends that one request made.
#[derive(Default)]
pub(crate) struct BackendStats {
    /// The last destination.
    pub(crate) origin: Option<Arc<Origin>>,
    /// Status of the last response.
    pub(crate) status: Option<http::StatusCode>,
    /// Time spent with backends, all calls together: from the call to the end of the body.
    pub(crate) waited: Duration,
    /// How many calls were made.
    pub(crate) calls: u32,
    /// When the last call began.
    pub(crate) began: Option<Instant>,
}

impl PingoraWire {
    /// A wire for a request whose header has been read.
    pub(crate) fn new(
        down: Downstream,
        connections: Arc<Connections>,
        backends: Arc<dyn Backends>,
        received: Received,
    ) -> Self {
        let held = connections.budget.hold();
        Self {
            down,
            exchange: None,
            connections,
            backends,
            received,
            held,
            stats: BackendStats::default(),
            tried: Vec::new(),
            pool_member: None,
            observers: Observers::default(),
        }
    }

    /// Has the calls of backends observed from now on.
    pub(crate) fn observe(&mut self, observers: Observers) {
        self.observers = observers;
    }

    /// What is left when the request is over: the client's side, and what is known of the backend's.
    pub(crate) fn into_parts(self) -> (Downstream, BackendStats) {
        (self.down, self.stats)
    }

    async fn read_request(&mut self, headers: &HeaderMap) -> Result<BufferedBody, BodyError> {
        let Limits { buffered_body: limit, inflated_body, buffers_total, .. } =
            *self.backends.limits();
        if let Announced::Length(length) = self.down.facts().body
            && length > limit as u64
        {
            return Err(BodyError::TooLarge { limit });
        }
        self.down.send_continue().await?;
        let mut body = Gathered::default();
        let pace = Pace::new(self.backends.timeouts().request_body);
        while !self.down.body_done() {
            let latest = pace.deadline(body.len());
            let Some(piece) = self.down.read_body_until(Some(latest)).await? else { break };
            body.push(piece, limit, &mut self.held, buffers_total)?;
        }
        body.decoded(headers, inflated_body, &mut self.held, buffers_total).await
    }

    async fn read_response(&mut self, headers: &HeaderMap) -> Result<BufferedBody, BodyError> {
        let Limits { buffered_body: limit, inflated_body, buffers_total, .. } =
            *self.backends.limits();
        let Some(mut exchange) = self.exchange.take() else {
            return Err(BodyError::Backend("the response is no longer there".to_owned()));
        };
        let mut body = Gathered::default();
        loop {
            match exchange.next(&mut self.down, None).await {
                Ok(Event::Piece(piece)) => {
                    body.push(piece, limit, &mut self.held, buffers_total)?;
                }
                Ok(Event::End(_)) => break,
                Ok(Event::Head | Event::Informational(_)) => {}
                Err(Broken::ClientGone) => return Err(BodyError::ClientGone),
                Err(Broken::Body(error)) => return Err(error),
                Err(error) => return Err(BodyError::Backend(error.to_string())),
            }
        }
        exchange.end(self.backends.timeouts().backend_idle).await;
        body.decoded(headers, inflated_body, &mut self.held, buffers_total).await
    }
}

impl Wire for PingoraWire {
    fn read_request_body<'a>(
        &'a mut self,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        Box::pin(self.read_request(headers))
    }

    fn read_response_body<'a>(
        &'a mut self,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>> {
        Box::pin(self.read_response(headers))
    }

    fn forward<'a>(
        &'a mut self,
        call: ForwardCall<'a>,
    ) -> BoxFuture<'a, Result<Response, ForwardError>> {
        Box::pin(self.call_backend(call))
    }

    fn pool_member(&self) -> Option<Arc<str>> {
        self.pool_member.clone()
    }

    fn headers_for_others(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        strip_for_others(&mut headers, &self.received);
        headers
    }

    fn filter_response(&mut self, filter: Box<dyn BodyFilter>) {
        let held = self.connections.budget.hold();
        let filtering = Filtering::new(filter, held, self.backends.limits().buffers_total);
        if let Some(exchange) = &mut self.exchange {
            exchange.filter(filtering);
        }
    }

    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, Result<(), BodyError>> {
        Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep(duration) => Ok(()),
                () = self.down.left() => Err(BodyError::ClientGone),
            }
        })
    }
}

/// How fast a client must send a body that is held in memory: what has come of it is taken from all other requests until the
/// last byte is there, so the time between two reads is not bound enough.
struct Pace {
    began: Instant,
    patience: Duration,
}

impl Pace {
    /// Slower than this, on average, is too slow.
    const BYTES_PER_SECOND: u64 = 1 << 10;

    /// All of a body may take so many times as long as a single read.
    const READS: u32 = 10;

    fn new(patience: Duration) -> Self {
        Self { began: Instant::now(), patience }
    }

    /// When more must have come than this.
    fn deadline(&self, received: usize) -> Instant {
        let earned = Duration::from_millis(received as u64 * 1_000 / Self::BYTES_PER_SECOND);
        // Who began fast must not live on it for hours.
        self.began + (self.patience + earned).min(self.patience * Self::READS)
    }
}
