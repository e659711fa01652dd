//! The client's side of one request.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use pingora::ErrorType;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tollgate_engine::ports::BodyError;

use super::socket::Socket;
use super::within;

/// The client's session, with what pingora leaves to its user: time-outs that also hold for HTTP/2, and the rules on when
/// the body may be read.
pub(crate) struct Downstream {
    session: ServerSession,
    /// The connection itself; none over HTTP/2, where a task of its own writes.
    socket: Option<Socket>,
    facts: RequestFacts,
    limits: DownstreamTimeouts,
    /// The client waits for `100 Continue`.
    expects_continue: bool,
    /// When the read that is going on must have brought something.
    read_deadline: Option<Instant>,
    /// Bytes of the body that were thrown away while watching the client.
    discarded: u64,
    head_written: bool,
    /// The body of the response goes out in chunks.
    chunked: bool,
    reading: Reading,
    /// Body bytes that were written.
    pub(crate) bytes_out: u64,
    /// Bytes that came through a tunnel.
    pub(crate) tunnelled_in: u64,
}

/// How far reading the body has got, as far as the session does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Under way, or not begun.
    Open,
    /// There was no more. The session says so only when trailers have been read, too, which nobody does.
    Ended,
    /// It has failed: where the body ends is unknown.
    Broken,
}

/// What the head of the request said; it stays true whatever policies do to the request.
#[derive(Debug, Clone)]
pub(crate) struct RequestFacts {
    /// Method.
    pub(crate) method: Method,
    /// What was said of the body.
    pub(crate) body: Announced,
    /// `Expect: 100-continue`.
    pub(crate) expects_continue: bool,
    /// A WebSocket handshake.
    pub(crate) upgrade: bool,
    /// HTTP/1.0: no chunks, no informational responses.
    pub(crate) http10: bool,
}

/// What a request said of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    /// There is none.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// Whatever comes until it ends.
    Open,
}

/// Time-outs towards the client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DownstreamTimeouts {
    /// Between two reads of the body.
    pub(crate) read: Duration,
    /// One write.
    pub(crate) write: Duration,
}

/// The response cannot be written: the client is gone or does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteFailed {
    /// The connection or stream is closed.
    #[error("the client closed the connection")]
    Gone,
    /// The client takes nothing.
    #[error("the client did not read in time")]
    Timeout,
}

impl Downstream {
    /// Takes over a session whose header has been read.
    pub(crate) fn new(
        mut session: ServerSession,
        socket: Option<Socket>,
        facts: RequestFacts,
        limits: DownstreamTimeouts,
    ) -> Self {
        // pingora's own time-outs begin anew with each poll of ours, so they are replaced.
        session.set_read_timeout(None);
        session.set_write_timeout(None);
        session.set_close_on_response_before_downstream_finish(false);
        let mut this = Self {
            session,
            socket,
            expects_continue: facts.expects_continue && facts.body != Announced::Nothing,
            facts,
            limits,
            read_deadline: None,
            discarded: 0,
            head_written: false,
            chunked: false,
            reading: Reading::Open,
            bytes_out: 0,
            tunnelled_in: 0,
        };
        this.notice_malformed_chunks();
        this
    }

    /// What came with the header may be malformed already.
    fn notice_malformed_chunks(&mut self) -> bool {
        let malformed = self.socket.as_ref().is_some_and(Socket::chunks_malformed);
        if malformed {
            self.reading = Reading::Broken;
        }
        malformed
    }

    /// What the head said.
    pub(crate) fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    /// Whether the client speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.session.is_http2()
    }

    /// The connection, when it is the client's alone.
    pub(crate) fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// Whether nothing of the body is left to read.
    pub(crate) fn body_done(&mut self) -> bool {
        self.reading == Reading::Ended
            || self.facts.body == Announced::Nothing
            || (self.reading == Reading::Open && self.session.is_body_done())
    }

    /// Whether any of the body has been taken from the wire.
    pub(crate) fn body_begun(&self) -> bool {
        self.session.body_bytes_read() > 0
    }

    /// Body bytes that were read.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.session.body_bytes_read() as u64 + self.tunnelled_in
    }

    /// The next bytes behind the header of a connection that has been upgraded.
    pub(crate) async fn read_raw(&mut self) -> Option<Bytes> {
        self.session.read_request_body().await.ok().flatten()
    }

    /// Bytes of the body that were thrown away.
    pub(crate) fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Whether reading the body has failed.
    pub(crate) fn body_broken(&self) -> bool {
        self.reading == Reading::Broken
    }

    /// Whether the client still waits for leave to send the body.
    pub(crate) fn awaits_continue(&self) -> bool {
        self.expects_continue
    }

    /// Gives the client leave to send the body, when it waits for that.
    pub(crate) async fn send_continue(&mut self) -> Result<(), BodyError> {
        if std::mem::take(&mut self.expects_continue) {
            let written =
                tokio::time::timeout(self.limits.write, self.session.write_continue_response())
                    .await;
            if !matches!(written, Ok(Ok(()))) {
                return Err(BodyError::ClientGone);
            }
        }
        Ok(())
    }

    /// The next piece of the body; none at its end. Dropping the future loses nothing, and the time-out goes on from where
    /// the dropped one began.
    pub(crate) async fn read_body(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.read_body_until(None).await
    }

    /// Likewise, for a body that must have come so far by a certain time, however lively it is.
    pub(crate) async fn read_body_until(
        &mut self,
        latest: Option<Instant>,
    ) -> Result<Option<Bytes>, BodyError> {
        if self.notice_malformed_chunks() {
            return Err(malformed_chunks());
        }
        let deadline = *self.read_deadline.get_or_insert_with(|| Instant::now() + self.limits.read);
        let deadline = latest.map_or(deadline, |latest| latest.min(deadline));
        let read = tokio::time::timeout_at(deadline, self.session.read_request_body()).await;
        self.read_deadline = None;
        match &read {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) => self.reading = Reading::Ended,
            Ok(Err(_)) | Err(_) => self.reading = Reading::Broken,
        }
        match read {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) if *error.etype() == ErrorType::ReadTimedout => {
                Err(BodyError::ClientTimeout)
            }
            Ok(Err(error)) if error.etype().as_str() == "InvalidChunk" => Err(malformed_chunks()),
            Ok(Err(_)) if self.notice_malformed_chunks() => Err(malformed_chunks()),
            Ok(Err(_)) => Err(BodyError::ClientGone),
            Err(_) => Err(BodyError::ClientTimeout),
        }
    }

    /// Ends when the client goes away. What is left of a body that nobody wants is thrown away meanwhile; a client that
    /// closes its sending side counts as gone: it is how most clients give up, and a call of a model is dear.
    ///
    /// Dropping the future loses nothing. A request that was sent behind this one (pipelining) hides the client's leaving
    /// until something is written.
    pub(crate) async fn gone(&mut self) {
        while !self.notice_malformed_chunks() {
            let done = self.body_done();
            match self.session.read_body_or_idle(done).await {
                Ok(Some(piece)) => self.discarded += piece.len() as u64,
                // Without the note the next turn would find the same end again, and never wait.
                Ok(None) if !done => self.reading = Reading::Ended,
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Ends when the client goes away, likewise, but leaves what is unread of the body where it is.
    pub(crate) async fn left(&mut self) {
        if self.body_done() {
            return self.gone().await;
        }
        if let Some(closed) = self.session.watch_h2_stream_close() {
            // The stream has been reset, or has failed: it is over either way.
            drop(closed.await);
        } else if let Some(socket) = &self.socket {
            socket.closed_behind().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Writes an informational response, where the client's protocol has them.
    pub(crate) async fn write_informational(&mut self, status: StatusCode, headers: HeaderMap) {
        if self.is_http2() || self.facts.http10 || self.head_written {
            return;
        }
        let Ok(mut header) = ResponseHeader::build(status, Some(headers.len())) else { return };
        for (name, value) in &headers {
            if header.append_header(name, value).is_err() {
                return;
            }
        }
        // That the client is gone shows at the next step.
        drop(
            tokio::time::timeout(
                self.limits.write,
                self.session.write_response_header(Box::new(header)),
            )
            .await,
        );
    }

    /// The connection carries no further request.
    pub(crate) fn close_afterwards(&mut self) {
        self.session.set_keepalive(None);
    }

    /// Writes the head of the response. Nothing leaves before [`flush`](Self::flush), a piece of the body, or the end.
    pub(crate) async fn write_head(
        &mut self,
        header: Box<ResponseHeader>,
    ) -> Result<(), WriteFailed> {
        if let Some(socket) = &self.socket {
            socket.cork(true);
        }
        self.head_written = true;
        self.chunked = header.headers.contains_key(http::header::TRANSFER_ENCODING);
        timed(self.limits.write, self.session.write_response_header(header)).await
    }

    /// Writes a piece of the body if that needs no waiting, which is so for most streams: they come in chunks of a few hundred
    /// bytes. False when nothing was done, and [`write_piece`](Self::write_piece) has to.
    pub(crate) fn gather_piece(&mut self, piece: &[u8]) -> bool {
        let gathered = self.chunked
            && !piece.is_empty()
            && self.socket.as_ref().is_some_and(|socket| socket.gather_chunk(piece));
        if gathered {
            self.bytes_out += piece.len() as u64;
        }
        gathered
    }

    /// Writes a piece of the body; the last one ends the response.
    pub(crate) async fn write_piece(
        &mut self,
        piece: Bytes,
        last: bool,
    ) -> Result<(), WriteFailed> {
        self.bytes_out += piece.len() as u64;
        if last && let Some(socket) = &self.socket {
            socket.cork(false);
        }
        timed(self.limits.write, self.session.write_response_body(piece, last)).await
    }

    /// Ends the response with trailers, where the client's protocol has them.
    pub(crate) async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<(), WriteFailed> {
        if self.is_http2() {
            timed(self.limits.write, self.session.write_response_trailers(trailers)).await
        } else {
            self.write_piece(Bytes::new(), true).await
        }
    }

    /// Sends what has been gathered.
    pub(crate) async fn flush(&mut self) -> Result<(), WriteFailed> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        socket.cork(false);
        let flushed = timed(self.limits.write, socket.flush()).await;
        socket.cork(true);
        flushed
    }

    /// Whether the head of the response has been written.
    pub(crate) fn head_written(&self) -> bool {
        self.head_written
    }

    /// The session, for what comes after the response.
    pub(crate) fn into_session(self) -> ServerSession {
        if let Some(socket) = &self.socket {
            socket.cork(false);
        }
        self.session
    }
}

fn malformed_chunks() -> BodyError {
    BodyError::Encoding("the chunks of the body are malformed".to_owned())
}

/// One write within its time.
async fn timed<E>(
    limit: Duration,
    write: impl Future<Output = Result<(), E>>,
) -> Result<(), WriteFailed> {
    match within(limit, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(WriteFailed::Gone),
        Err(_) => Err(WriteFailed::Timeout),
    }
}
