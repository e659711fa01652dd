//! Connections that speak HTTP/1.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;
use pingora::protocols::http::ServerSession;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tollgate_engine::error_body;

use super::client::Peer;
use super::listener::closed;
use super::raw_head::{self, HeadCheck, NoHead};
use super::serve::{self, Incoming};
use super::{Shared, Site, load};
use crate::wire::{DRAIN, Downstream, Socket};

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
    mut closing: watch::Receiver<bool>,
) {
    let handle = Socket::clone(&socket);
    let mut left = shared.parts.site.load().limits().requests_per_connection.max(1);
    let mut prefix: Option<BytesMut> = None;
    let mut first = true;
    loop {
        // The first request is not waited for as long as a later one: connecting and saying nothing is no use to anybody.
        let patience = {
            let site = shared.parts.site.load();
            if first { site.timeouts().request_header } else { site.timeouts().keep_alive }
        };
        if prefix.is_none() && !arrived(&handle, patience, &mut closing).await {
            return;
        }
        // Only now: the configuration may have changed while the connection was idle.
        let site = shared.parts.site.load_full();
        first = false;
        let session = match read(&handle, socket, prefix.take(), left, &*site).await {
            Ok(session) => session,
            Err(NoRequest::Gone) => return,
            Err(NoRequest::Refused(status, message)) => {
                serve::refused(&shared, &peer, status, message);
                refuse(handle, status, message).await;
                return;
            }
        };
        left -= 1;
        let incoming = Incoming {
            session,
            socket: Some(handle.clone()),
            closing: *closing.borrow() || left == 0,
        };
        let Some(down) = serve::request(&shared, site, &peer, incoming).await else { return };
        match finish(down).await {
            Some((next, rest)) => (socket, prefix) = (next, rest),
            None => return,
        }
    }
}

/// Waits for the next request. False when the connection is to be closed.
async fn arrived(handle: &Socket, patience: Duration, closing: &mut watch::Receiver<bool>) -> bool {
    let mut looked = false;
    let arrival = std::future::poll_fn(|cx| {
        let arrival = handle.poll_arrived(cx, looked);
        if arrival.is_pending() && !looked {
            // It is going to take a while: an idle connection holds no buffers.
            looked = true;
            handle.release_buffers();
        }
        arrival
    });
    tokio::select! {
        biased;
        arrival = tokio::time::timeout(patience, arrival) => matches!(arrival, Ok(Ok(()))),
        () = closed(closing) => false,
    }
}

/// Why there is no request.
enum NoRequest {
    Gone,
    Refused(StatusCode, &'static str),
}

async fn read(
    handle: &Socket,
    socket: Box<Socket>,
    prefix: Option<BytesMut>,
    left: u32,
    site: &impl Site,
) -> Result<ServerSession, NoRequest> {
    let mut session = ServerSession::new_http1(socket);
    session.set_pipelining_enabled(true);
    // Our clock runs for the header as a whole; pingora's would run for each read and, from the second request on, not at
    // all.
    session.set_keepalive(None);
    session.set_read_timeout(None);
    session.set_keepalive_reuses_remaining(Some(left - 1));
    handle.check_chunks(None);
    let mut bytes = prefix.unwrap_or_default();
    let mut check = HeadCheck::default();
    let reading =
        raw_head::read(handle.clone(), &mut bytes, &mut check, site.limits().header_bytes);
    let head = match tokio::time::timeout(site.timeouts().request_header, reading).await {
        Ok(head) => head.map_err(NoRequest::from)?,
        // An answer to nothing would be taken for the answer to the next request.
        Err(_) if bytes.is_empty() => return Err(NoRequest::Gone),
        Err(_) => {
            let message = "the header of the request took too long";
            return Err(NoRequest::Refused(StatusCode::REQUEST_TIMEOUT, message));
        }
    };
    if check.is_coded {
        handle.check_chunks(bytes.get(head..));
    }
    session.set_pipelined_prefix(bytes);
    // The head is whole, so this waits for nothing; should pingora see it in another way, it is malformed.
    match tokio::time::timeout(site.timeouts().request_header, session.read_request()).await {
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
    let body = error_body(status, message, None);
    let phrase = status.canonical_reason().unwrap_or_default();
    let retry_after = if status == StatusCode::SERVICE_UNAVAILABLE {
        format!("Retry-After: {}\r\n", load::RETRY_AFTER)
    } else {
        String::new()
    };
    let mut answer = format!(
        "HTTP/1.1 {} {phrase}\r\nContent-Type: application/json\r\n{retry_after}Content-Length: {}\r\nConnection: close\r\n\r\n",
        status.as_u16(),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    let written = tokio::time::timeout(LINGER, async {
        handle.write_all(&answer).await?;
        handle.flush().await
    });
    if let Ok(Ok(())) = written.await {
        linger(handle).await;
    }
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
