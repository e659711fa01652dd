//! Connections that speak HTTP/1.

use std::io;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use http::StatusCode;
use pingora::protocols::http::ServerSession;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::Instant;
use tollgate_engine::error_body;

use super::client::Peer;
use super::listener::closed;
use super::raw_head::{self, HeadCheck, NoHead};
use super::serve::{self, Incoming};
use super::{Shared, Site, load};
use crate::wire::{DRAIN, Downstream, Socket, within};

/// When a connection is closed while the client still sends, what it sends is thrown away for so long and so much: a
/// closed socket with unread bytes would reset the connection, and the response might be lost with it.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 8 << 20;

/// How long a short rest of a body may take before the connection is closed instead of used again.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Serves the requests of a connection, one after the other.
pub(super) async fn serve<S: Site>(
    shared: Arc<Shared<S>>,
    peer: Peer,
    mut socket: Box<Socket>,
    closing: watch::Receiver<bool>,
) {
    let handle = Socket::clone(&socket);
    let mut left = shared.parts.site.load().limits().requests_per_connection.max(1);
    let mut prefix: Option<BytesMut> = None;
    let mut first = true;
    // Both for all of the connection: to register them anew with each request would cost more.
    let mut watched = closing.clone();
    let mut closed = pin!(closed(&mut watched));
    let mut patience = pin!(tokio::time::sleep(Duration::ZERO));
    loop {
        // The first request is not waited for as long as a later one: connecting and saying nothing is no use to anybody.
        if prefix.is_none() {
            let limit = {
                let site = shared.parts.site.load();
                if first { site.timeouts().request_header } else { site.timeouts().keep_alive }
            };
            patience.as_mut().reset(Instant::now() + limit);
            tokio::select! {
                biased;
                arrived = arrived(&handle) => if arrived.is_err() { return },
                () = &mut patience => return,
                () = &mut closed => return,
            }
        }
        // Only now: the configuration may have changed while the connection was idle.
        let site = shared.parts.site.load_full();
        first = false;
        let mut bytes = prefix.take().unwrap_or_default();
        let head = match read_head(&handle, &mut bytes, &*site).await {
            Ok(head) => head,
            Err(none) => return end(&shared, &peer, handle, none).await,
        };
        left -= 1;
        let goes_on = left > 0 && !*closing.borrow() && !shared.status.is_draining();
        let mut admitted = None;
        if goes_on
            && load::is_full(&shared, &*site)
            && let Some(length) = raw_head::plain_request(&bytes)
        {
            if let Ok(open) = load::admit(&shared, &*site) {
                admitted = Some(open);
            } else if shed(&shared, handle.clone(), &*site).await {
                bytes.advance(length);
                prefix = (!bytes.is_empty()).then_some(bytes);
                continue;
            } else {
                return;
            }
        }
        let session = match parse(&handle, socket, bytes, &head, left, &*site).await {
            Ok(session) => session,
            Err(none) => return end(&shared, &peer, handle, none).await,
        };
        let incoming = Incoming {
            session,
            socket: Some(handle.clone()),
            closing: *closing.borrow() || left == 0,
            admitted,
        };
        // In a box of its own: an idle connection has no room for a request. `Box::pin` would make it elsewhere first.
        let request = Box::new_uninit();
        let request = Box::write(request, serve::request(&shared, site, &peer, incoming));
        let Some(down) = Box::into_pin(request).await else { return };
        match finish(down).await {
            Some((next, rest)) => (socket, prefix) = (next, rest),
            None => return,
        }
    }
}

/// Waits for the next request.
async fn arrived(handle: &Socket) -> io::Result<()> {
    let mut looked = false;
    std::future::poll_fn(|cx| {
        let arrival = handle.poll_arrived(cx, looked);
        if arrival.is_pending() && !looked {
            // It is going to take a while: an idle connection holds no buffers.
            looked = true;
            handle.release_buffers();
        }
        arrival
    })
    .await
}

/// Why there is no request.
enum NoRequest {
    Gone,
    Refused(StatusCode, &'static str),
}

/// Says why there is no request, if there is somebody to say it to.
async fn end<S>(shared: &Shared<S>, peer: &Peer, handle: Socket, why: NoRequest) {
    if let NoRequest::Refused(status, message) = why {
        serve::refused(shared, peer, status, message);
        refuse(handle, status, message).await;
    }
}

/// A head that stands at the beginning of what has been read.
struct RawHead {
    length: usize,
    /// A line of it names a transfer coding.
    is_coded: bool,
}

async fn read_head(
    handle: &Socket,
    bytes: &mut BytesMut,
    site: &impl Site,
) -> Result<RawHead, NoRequest> {
    handle.check_chunks(None);
    let mut check = HeadCheck::default();
    let reading = raw_head::read(handle.clone(), bytes, &mut check, site.limits().header_bytes);
    match within(site.timeouts().request_header, reading).await {
        Ok(length) => Ok(RawHead { length: length?, is_coded: check.is_coded }),
        // An answer to nothing would be taken for the answer to the next request.
        Err(_) if bytes.is_empty() => Err(NoRequest::Gone),
        Err(_) => {
            let message = "the header of the request took too long";
            Err(NoRequest::Refused(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}

/// Gives what has been read to pingora.
async fn parse(
    handle: &Socket,
    socket: Box<Socket>,
    bytes: BytesMut,
    head: &RawHead,
    left: u32,
    site: &impl Site,
) -> Result<ServerSession, NoRequest> {
    let mut session = ServerSession::new_http1(socket);
    session.set_pipelining_enabled(true);
    // Our clock runs for the header as a whole; pingora's would run for each read and, from the second request on, not at
    // all.
    session.set_keepalive(None);
    session.set_read_timeout(None);
    session.set_keepalive_reuses_remaining(Some(left));
    if head.is_coded {
        handle.check_chunks(bytes.get(head.length..));
    }
    session.set_pipelined_prefix(bytes);
    // The head is whole, so this waits for nothing; should pingora see it in another way, it is malformed.
    match within(site.timeouts().request_header, session.read_request()).await {
        Ok(Ok(true)) => Ok(session),
        Ok(Ok(false)) => Err(NoRequest::Gone),
        Ok(Err(error)) if is_gone(&error) => Err(NoRequest::Gone),
        _ => Err(NoRequest::Refused(StatusCode::BAD_REQUEST, "the request is malformed")),
    }
}

impl From<NoHead> for NoRequest {
    fn from(why: NoHead) -> Self {
        match why {
            NoHead::Gone => Self::Gone,
            NoHead::TooLarge => Self::Refused(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "the header of the request is too large",
            ),
            NoHead::Malformed(message) => Self::Refused(StatusCode::BAD_REQUEST, message),
        }
    }
}

fn is_gone(error: &pingora::Error) -> bool {
    use pingora::ErrorType;
    matches!(
        error.etype(),
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::ReadTimedout
    )
}

/// Answers what never became a request, and closes the connection.
pub(super) async fn refuse(mut handle: Socket, status: StatusCode, message: &str) {
    let answer = refusal(status, message, "close");
    let written = tokio::time::timeout(LINGER, async {
        handle.write_all(&answer).await?;
        handle.flush().await
    });
    if let Ok(Ok(())) = written.await {
        linger(handle).await;
    }
}

/// A response that refuses a request.
fn refusal(status: StatusCode, message: &str, connection: &str) -> Vec<u8> {
    let body = error_body(status, message, None);
    let phrase = status.canonical_reason().unwrap_or_default();
    let retry_after = if status == StatusCode::SERVICE_UNAVAILABLE {
        format!("Retry-After: {}\r\n", load::RETRY_AFTER)
    } else {
        String::new()
    };
    let mut answer = format!(
        "HTTP/1.1 {} {phrase}\r\nContent-Type: application/json\r\n{retry_after}Content-Length: {}\r\nConnection: {connection}\r\n\r\n",
        status.as_u16(),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}

/// What those are told whose request is refused because there is too much to do.
static SHED: LazyLock<Vec<u8>> =
    LazyLock::new(|| refusal(StatusCode::SERVICE_UNAVAILABLE, load::MESSAGE, "keep-alive"));

/// Refuses a plain request because there is too much to do. The connection goes on, unless this answers false.
///
/// `serve` does the same with any other request. Under three times of what can be done most requests end here, and what each of
/// them costs is lost to those that are admitted.
async fn shed<S: Site>(shared: &Shared<S>, mut handle: Socket, site: &S) -> bool {
    let began = Instant::now();
    let written = within(site.timeouts().client_write, async {
        handle.write_all(&SHED).await?;
        handle.flush().await
    });
    let is_written = matches!(written.await, Ok(Ok(())));
    let status = StatusCode::SERVICE_UNAVAILABLE.as_u16();
    shared.parts.metrics.unmatched().ended(status, began.elapsed(), None);
    is_written
}

/// What follows a response: the rest of the request's body, and the next request on the same connection.
async fn finish(mut down: Downstream) -> Option<(Box<Socket>, Option<BytesMut>)> {
    let socket = down.socket().cloned();
    let drained = drain(&mut down).await;
    let ServerSession::H1(session) = down.into_session() else { return None };
    if !drained || !session.will_keepalive() {
        drop(session);
        if let Some(socket) = socket {
            linger(socket).await;
        }
        return None;
    }
    let (stream, rest) = session.reuse().await.ok()??.into_parts();
    let socket = stream.into_any().downcast().ok()?;
    Some((socket, rest))
}

/// Reads what is left of the body. False when that is too much or takes too long.
pub(super) async fn drain(down: &mut Downstream) -> bool {
    if down.body_done() {
        return true;
    }
    if down.awaits_continue() || down.body_broken() {
        return false;
    }
    let drained = tokio::time::timeout(DRAIN_TIME, async {
        let mut rest = DRAIN;
        loop {
            match down.read_body().await {
                Ok(None) => return true,
                Ok(Some(piece)) if piece.len() as u64 <= rest => rest -= piece.len() as u64,
                _ => return false,
            }
        }
    });
    drained.await.unwrap_or(false)
}

/// Closes our side, and waits a little for the client's.
async fn linger(mut socket: Socket) {
    let waited = tokio::time::timeout(LINGER, async {
        if socket.shutdown().await.is_err() {
            return;
        }
        let mut buffer = vec![0; 16 << 10];
        let mut rest = LINGER_BYTES;
        while let Ok(n) = socket.read(&mut buffer).await
            && n > 0
            && let Some(less) = rest.checked_sub(n as u64)
        {
            rest = less;
        }
    });
    // Whether the client closed or not, the connection ends here.
    drop(waited.await);
}
