//! The connections of one request.

use std::any::Any;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::{BoxFuture, BufferedBody, Request, Response};

/// The connections of one request: the client's, and the backend's once the request is forwarded.
///
/// A body stays on the wire until a step needs it. The gateway implements this on pingora.
pub trait Wire: Any + Send {
    /// Reads the rest of the request's body, decoding what `Content-Encoding` of `headers` says, within the limits.
    fn read_request_body<'a>(
        &'a mut self,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>>;

    /// Reads the rest of the response's body likewise.
    fn read_response_body<'a>(
        &'a mut self,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<BufferedBody, BodyError>>;

    /// Sends the request to its target and waits for status and headers of the response, whose body stays on the wire.
    /// A response of an earlier call that is still on the wire is discarded.
    fn forward<'a>(
        &'a mut self,
        call: ForwardCall<'a>,
    ) -> BoxFuture<'a, Result<Response, ForwardError>>;

    /// The member of a backend pool that the request was last sent to.
    fn pool_member(&self) -> Option<Arc<str>> {
        None
    }

    /// The request's headers as another server may see them: without those of the client's connection, its `Host`, what
    /// describes the framing, and the gateway's own subscription keys.
    fn headers_for_others(&self, headers: &HeaderMap) -> HeaderMap;

    /// Puts a filter in the way of the rest of the response's body, behind those that are there. It is told how the body
    /// ended, whatever happens to the request.
    fn filter_response(&mut self, filter: Box<dyn BodyFilter>) {
        drop(filter.end(BodyEnd::Abandoned));
    }

    /// Waits without holding anything; ends early when the client goes away.
    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, Result<(), BodyError>>;
}

/// Stands between the backend and whoever takes the body of its response: the client, or policies that read it.
///
/// A filter that only looks on gives each piece back as it came, which copies nothing.
pub trait BodyFilter: Send {
    /// Takes a piece, as the filter before it has left it, and gives what goes on.
    fn piece(&mut self, piece: Bytes) -> Passed;

    /// The backend has sent all of the body: gives what was held back of it.
    fn finish(&mut self) -> Passed {
        Passed::On(Bytes::new())
    }

    /// Goes on with what the filter has said that it waits for: ready with what goes on then, or with
    /// [`Passed::Wait`] when there is more to wait for. Asked only after such an answer.
    ///
    /// Until it is ready the filter gets nothing, and nothing is read from the backend. When the client goes away
    /// meanwhile, the filter is [ended](Self::end).
    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Passed> {
        Poll::Ready(Passed::On(Bytes::new()))
    }

    /// Whether what goes on is exactly as long as what comes, so that the length that the backend announced holds.
    fn keeps_length(&self) -> bool;

    /// Bytes that it holds of what has passed. They count with all other buffered bodies; see [`forget`](Self::forget).
    fn held(&self) -> usize {
        0
    }

    /// There is no memory for what it holds, which it must let go of. Pieces go on coming.
    fn forget(&mut self) {}

    /// The body is over. What must wait goes on in the future, as a task of its own.
    fn end(self: Box<Self>, how: BodyEnd) -> Option<BoxFuture<'static, ()>>;
}

/// What a filter gives for a piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// This goes on; nothing, when it is empty.
    On(Bytes),
    /// The body ends with this, and the backend is not listened to any more.
    Last(Bytes),
    /// What goes on is not known yet: [`poll`](BodyFilter::poll) will say.
    Wait,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// All that the backend sent has passed.
    Whole,
    /// A filter has ended it.
    Early,
    /// The backend broke off.
    Broken,
    /// Nobody takes it any more: the client has gone, or the response was replaced.
    Abandoned,
}

/// One call of the backend.
#[derive(Debug)]
pub struct ForwardCall<'a> {
    /// Method, path, headers, body and target.
    pub request: &'a Request,
    /// How.
    pub options: ForwardOptions,
    /// Identifier of the request, for `traceparent` and logs.
    pub request_id: uuid::Uuid,
}

/// `forward-request`'s settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardOptions {
    /// How long to wait for status and headers; none is the gateway's default.
    pub timeout: Option<Duration>,
    /// How long to wait for `100 Continue` before the body is sent anyway.
    pub continue_timeout: Option<Duration>,
    /// HTTP version towards the backend.
    pub http_version: HttpVersion,
    /// Follow redirects in the gateway.
    pub follow_redirects: bool,
}

/// HTTP version towards the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[default]
    One,
    /// HTTP/2 when the backend offers it.
    TwoOrOne,
    /// HTTP/2.
    Two,
}

/// Why a body could not be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BodyError {
    /// Longer than the limit on buffered bodies.
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Inflates past the limit.
    #[error("the body inflates past the limit of {limit} bytes")]
    InflatesTooFar {
        /// The limit.
        limit: usize,
    },
    /// `Content-Encoding` is unknown or the bytes are not encoded so.
    #[error("the body cannot be decoded: {0}")]
    Encoding(String),
    /// The client went away.
    #[error("the client closed the connection")]
    ClientGone,
    /// The client sent nothing for too long.
    #[error("the client sent no more of the body in time")]
    ClientTimeout,
    /// The backend broke off.
    #[error("the backend broke off: {0}")]
    Backend(String),
    /// All buffers of the process together are at their limit.
    #[error("too much memory is held by buffered bodies")]
    MemoryPressure,
}

/// Why the backend gave no response.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForwardError {
    /// The connection could not be made or broke.
    #[error("{0}")]
    Connection(String),
    /// No status and headers in time.
    #[error("the backend sent no response within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The client went away meanwhile.
    #[error("the client closed the connection")]
    ClientGone,
    /// The request's body could not be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// No such backend.
    #[error("there is no backend `{0}`")]
    UnknownBackend(String),
    /// The request has no target: the API has no backend and no policy set one.
    #[error("the API has no backend and no policy has set one")]
    NoTarget,
    /// The target may not be called or is malformed.
    #[error("{0}")]
    Refused(String),
    /// The backend fails too often and is left alone for a while.
    #[error("the circuit breaker of backend `{backend}` is open")]
    BreakerOpen {
        /// The backend.
        backend: String,
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// All members of a pool fail too often and are left alone for a while.
    #[error("no member of the backend pool `{pool}` is available: all circuit breakers are open")]
    PoolUnavailable {
        /// The pool.
        pool: String,
        /// When it makes sense to try again.
        retry_after: Duration,
    },
    /// The gateway's own token for the backend could not be had.
    #[error(transparent)]
    Identity(#[from] super::IdentityError),
}

/// Helper for fakes: a body that is at hand.
impl From<Bytes> for BufferedBody {
    fn from(raw: Bytes) -> Self {
        BufferedBody { raw, decoded: None }
    }
}
