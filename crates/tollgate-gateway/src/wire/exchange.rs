//! One call of a backend, from the request's header to the end of the response.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::FutureExt as _;
use http::{HeaderMap, StatusCode};
use pingora::OrErr as _;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v1::client::HttpSession as Http1;
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;
use tollgate_engine::Clock as _;
use tollgate_engine::ports::{BodyEnd, BodyError};

use super::downstream::Downstream;
use super::filter::{Filtering, Filters, Through};
use super::origin::Origin;
use super::pool::Session;
use super::socket::Socket;
use super::upload::{Sink, Upload};
use crate::SystemClock;
use crate::breaker::{ErrorReason, Outcome, Permit};

/// More informational responses before the final one are not listened to.
const MAX_INFORMATIONAL: usize = 16;

/// A call that is under way. Dropping it ends it: an HTTP/1.1 connection is closed, an HTTP/2 stream is reset.
pub(crate) struct Exchange {
    session: Session,
    origin: Arc<Origin>,
    upload: Upload,
    /// Whether the connection had carried a request before.
    reused: bool,
    /// What the connection had sent before this call; none over HTTP/2, where it is shared.
    sent_before: Option<u64>,
    phase: Phase,
    informational: usize,
    /// The rest of an HTTP/1.1 body of known length, read past pingora.
    direct: Option<Direct>,
    /// Longest silence while the body of the response is read; none is unlimited.
    pub(crate) body_idle: Option<Duration>,
    heard: Instant,
    write_timeout: Duration,
    /// The client's body is not asked for yet: the backend may say `100 Continue` first.
    held: bool,
    /// What the body of the response passes.
    filters: Filters,
    /// The end of the body, when the filters had something to say before it.
    ending: Option<Event>,
    /// What stood behind the body, while the filters are not through with it.
    trailers: Option<HeaderMap>,
    /// Body bytes of the response.
    pub(crate) bytes: u64,
    /// Whom to tell when the body of the response breaks off.
    pub(crate) permit: Option<Permit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    Body,
    Over,
    Failed,
}

/// What the backend said.
pub(crate) enum Event {
    /// An informational response.
    Informational(StatusCode),
    /// Status and headers; the session holds them.
    Head,
    /// A piece of the body.
    Piece(Bytes),
    /// The body is whole.
    End(Option<HeaderMap>),
}

/// Why a call cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Broken {
    /// The backend broke off, or said what is not HTTP.
    #[error("{message}")]
    Backend {
        /// For the log.
        message: String,
        /// The connection closed before a byte of the response.
        unanswered: bool,
        /// The backend says that the request was not looked at.
        untouched: bool,
        /// HTTP/2 is what failed.
        http2: bool,
    },
    /// Nothing came in time.
    #[error("the backend sent nothing in time")]
    Silent,
    /// The backend takes nothing.
    #[error("the backend did not read the request in time")]
    Stuck,
    /// The client is gone.
    #[error("the client closed the connection")]
    ClientGone,
    /// The client's body could not be read.
    #[error(transparent)]
    Body(BodyError),
}

/// How the request's body gets to the backend.
pub(crate) enum Framing {
    /// There is none.
    None,
    /// All of it is here.
    Whole(Bytes),
    /// It comes from the client, with this length.
    Length(u64),
    /// It comes from the client, until it ends.
    Open,
}

impl Exchange {
    /// Sends the header. What is at hand of the body goes with it in one write.
    pub(crate) async fn begin(
        mut session: Session,
        origin: Arc<Origin>,
        reused: bool,
        header: Box<RequestHeader>,
        framing: Framing,
        write_timeout: Duration,
    ) -> Result<Self, Broken> {
        let sent_before = match &session {
            Session::One { socket, .. } => Some(socket.sent()),
            Session::Two { .. } => None,
        };
        let written = match &mut session {
            Session::One { session, socket, .. } => {
                // Only gathered here; it leaves with the first flush of the upload.
                socket.cork(true);
                let written = session.write_request_header(header).await;
                socket.cork(false);
                written.map(|_| ())
            }
            Session::Two { session } => {
                session.write_request_header(header, matches!(framing, Framing::None))
            }
        };
        written.map_err(|error| broken(&error))?;
        let sink = match (&mut session, &framing) {
            (Session::One { socket, .. }, Framing::None) => Sink::Length(socket.clone(), 0),
            (Session::One { socket, .. }, Framing::Whole(body)) => {
                Sink::Length(socket.clone(), body.len() as u64)
            }
            (Session::One { socket, .. }, Framing::Length(length)) => {
                Sink::Length(socket.clone(), *length)
            }
            (Session::One { socket, .. }, Framing::Open) => Sink::Chunked(socket.clone()),
            (Session::Two { .. }, Framing::None) => Sink::Stream(None),
            (Session::Two { session }, _) => Sink::Stream(session.take_request_body_writer()),
        };
        let mut upload = Upload::new(sink);
        match framing {
            Framing::None => upload.finish(),
            Framing::Whole(body) => {
                upload.push(body);
                upload.finish();
            }
            Framing::Length(_) | Framing::Open => {}
        }
        Ok(Self {
            session,
            origin,
            upload,
            reused,
            sent_before,
            phase: Phase::Head,
            informational: 0,
            direct: None,
            body_idle: None,
            heard: Instant::now(),
            write_timeout,
            held: false,
            filters: Filters::default(),
            ending: None,
            trailers: None,
            bytes: 0,
            permit: None,
        })
    }

    /// Whether the connection had carried a request before.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether nothing of the request has left, so that the backend cannot have seen any of it.
    pub(crate) fn is_unsent(&self) -> bool {
        match &self.session {
            Session::One { socket, .. } => self.sent_before == Some(socket.sent()),
            Session::Two { .. } => false,
        }
    }

    /// Whether anything of the client's body has been taken for this call.
    pub(crate) fn took_body(&self) -> bool {
        self.upload.taken > 0
    }

    /// Status and headers, once they are there.
    pub(crate) fn head(&self) -> Option<&ResponseHeader> {
        match &self.session {
            Session::One { session, .. } => session.resp_header(),
            Session::Two { session } => session.response_header(),
        }
    }

    /// Length of the response's body as it goes on, when it is known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.announced().filter(|_| self.filters.keep_length())
    }

    fn announced(&self) -> Option<u64> {
        let headers = &self.head()?.headers;
        if headers.contains_key(http::header::TRANSFER_ENCODING) {
            return None;
        }
        headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// Whether the response has no body, or none any more.
    pub(crate) fn is_over(&mut self) -> bool {
        match (&mut self.session, self.phase) {
            (_, Phase::Over) => true,
            (Session::One { session, .. }, Phase::Body) => session.is_body_done(),
            // Trailers may still be there to read.
            _ => false,
        }
    }

    /// Waits with the client's body, or no longer.
    pub(crate) fn hold_body(&mut self, held: bool) {
        self.held = held;
    }

    /// Waits for what the backend says next, sending the client's body meanwhile and watching the client.
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn next(
        &mut self,
        down: &mut Downstream,
        answer_within: Option<Duration>,
    ) -> Result<Event, Broken> {
        if let Some(end) = self.ending.take() {
            return Ok(end);
        }
        loop {
            let deadline = self.deadline(answer_within);
            let side = Side::of(&self.upload, self.held);
            let filters_wait = self.filters.wait();
            tokio::select! {
                biased;
                // Nothing is read while a filter waits: what comes meanwhile would have to be held.
                event = read(&mut self.session, self.phase, &mut self.direct), if !filters_wait => {
                    if let Some(event) = self.heard(event)? {
                        return Ok(event);
                    }
                }
                through = std::future::poll_fn(|cx| self.filters.poll(cx)), if filters_wait => {
                    // The time of the backend's silence was ours.
                    self.heard = Instant::now();
                    if let Some(event) = self.through(through) {
                        return Ok(event);
                    }
                }
                // Before the header leaves: what has come of the body goes with it in one write.
                heard = listen(down, side), if side != Side::Nothing => match heard {
                    Ok(Some(piece)) => self.upload.push(piece),
                    Ok(None) => self.upload.finish(),
                    Err(BodyError::ClientGone) => return Err(Broken::ClientGone),
                    Err(error) => return Err(Broken::Body(error)),
                },
                sent = std::future::poll_fn(|cx| self.upload.poll_send(cx)), if self.upload.is_pending() => {
                    if sent.is_err() {
                        // The backend may have answered before it closed; whether it has shows at the next read.
                        self.upload.stop();
                    }
                }
                () = sleep_until(deadline) => {
                    // The body may have gone on in the same moment.
                    if self.deadline(answer_within).is_some_and(|late| late <= Instant::now()) {
                        return self.late();
                    }
                }
            }
        }
    }

    /// pingora copies each piece of a body. Where the length is known there is nothing to parse, so what it has not read
    /// yet is read here, without the copy.
    fn read_directly(&mut self) {
        let length = self.announced();
        if let (Session::One { session, socket, .. }, Some(length)) = (&mut self.session, length)
            && !session.is_body_done()
            && !session.was_upgraded()
        {
            self.direct = Some(Direct {
                socket: socket.clone(),
                started: false,
                left: length,
                buffer: BytesMut::new(),
            });
        }
    }

    /// What the backend has said already, without waiting for it. All else that there is to do, [`next`](Self::next) does.
    pub(crate) fn next_at_hand(&mut self) -> Option<Result<Event, Broken>> {
        if let Some(end) = self.ending.take() {
            return Some(Ok(end));
        }
        while !self.filters.wait() {
            let event = read(&mut self.session, self.phase, &mut self.direct).now_or_never()?;
            if let Some(event) = self.heard(event).transpose() {
                return Some(event);
            }
        }
        None
    }

    /// Reads a short rest of a response that nobody wants, so that the connection can be used again.
    pub(crate) async fn discard(mut self, idle: Duration) {
        const MAX_BYTES: usize = 64 << 10;
        let mut rest = MAX_BYTES;
        while self.phase == Phase::Body && self.upload.is_sent() {
            // Only what is here already: waiting would delay the request that the discarding is part of.
            match read(&mut self.session, self.phase, &mut self.direct).now_or_never() {
                Some(Ok(Event::Piece(piece))) if piece.len() <= rest => rest -= piece.len(),
                Some(Ok(Event::End(_))) => self.phase = Phase::Over,
                _ => return,
            }
        }
        self.end(idle).await;
    }

    /// Puts a filter in the way of what is still to come of the body.
    pub(crate) fn filter(&mut self, filtering: Filtering) {
        self.filters.add(filtering);
    }

    /// Gives the connection back, when it can carry another request.
    pub(crate) async fn end(self, idle: Duration) {
        if self.phase != Phase::Over || !self.upload.is_sent() {
            return;
        }
        // The handle of the upload must not outlive this, or the socket would look in use.
        drop(self.upload);
        if let Session::One { mut session, socket, made } = self.session {
            session.respect_keepalive();
            if !session.will_keepalive() {
                return;
            }
            if self.direct.is_some() {
                drop((session, self.direct));
                self.origin.pool().give_back(Box::new(socket), made, idle);
                return;
            }
            drop(socket);
            let Some(stream) = session.reuse().await else { return };
            if let Ok(socket) = stream.into_any().downcast() {
                self.origin.pool().give_back(socket, made, idle);
            }
        }
    }

    /// The session of a connection that has been upgraded, and what the backend's bytes pass.
    pub(crate) fn into_tunnel(self) -> (Session, Filters) {
        (self.session, self.filters)
    }

    fn deadline(&self, answer_within: Option<Duration>) -> Option<Instant> {
        let stuck = self.upload.is_pending().then(|| self.upload.progressed + self.write_timeout);
        let silent = match self.phase {
            // The backend's time begins when it has got all there is so far.
            Phase::Head => {
                answer_within.map(|within| self.heard.max(self.upload.progressed) + within)
            }
            _ if self.filters.wait() => None,
            _ => self.body_idle.map(|idle| self.heard + idle),
        };
        match (stuck, silent) {
            (Some(stuck), Some(silent)) => Some(stuck.min(silent)),
            (stuck, silent) => stuck.or(silent),
        }
    }

    fn late(&mut self) -> Result<Event, Broken> {
        self.phase = Phase::Failed;
        self.filters.end(BodyEnd::Broken);
        let stuck = self.upload.is_pending()
            && self.upload.progressed + self.write_timeout <= Instant::now();
        let (error, reason) = if stuck {
            (Broken::Stuck, ErrorReason::Connection)
        } else {
            (Broken::Silent, ErrorReason::Timeout)
        };
        self.tell(reason);
        Err(error)
    }

    /// Tells the backend's circuit breaker that the body breaks off.
    fn tell(&mut self, reason: ErrorReason) {
        if let Some(permit) = self.permit.take() {
            permit.ended(Outcome::Failed(reason), Instant::now(), || SystemClock.unix_seconds());
        }
    }

    /// Takes what the backend has said; nothing when the filters leave nothing of it.
    fn heard(&mut self, event: Result<Event, Broken>) -> Result<Option<Event>, Broken> {
        if self.body_idle.is_some() || self.phase == Phase::Head {
            self.heard = Instant::now();
        }
        match event {
            Ok(Event::Informational(status)) => {
                self.informational += 1;
                if self.informational > MAX_INFORMATIONAL {
                    self.phase = Phase::Failed;
                    return Err(Broken::said("the backend sent too many informational responses"));
                }
                Ok(Some(Event::Informational(status)))
            }
            Ok(Event::Head) => {
                self.phase = Phase::Body;
                self.read_directly();
                Ok(Some(Event::Head))
            }
            Ok(Event::Piece(piece)) => {
                self.bytes += piece.len() as u64;
                let through = self.filters.piece(piece);
                Ok(self.through(through))
            }
            Ok(Event::End(trailers)) => {
                self.phase = Phase::Over;
                self.trailers = trailers;
                let through = self.filters.finish();
                Ok(self.through(through))
            }
            Err(error) => {
                self.phase = Phase::Failed;
                self.filters.end(BodyEnd::Broken);
                self.tell(ErrorReason::Connection);
                Err(error)
            }
        }
    }

    /// What the filters have left; nothing when there is nothing yet.
    fn through(&mut self, through: Through) -> Option<Event> {
        let piece = match through {
            Through::Nothing => return None,
            Through::Piece(piece) => piece,
            Through::End(piece, how) => {
                if self.phase != Phase::Over {
                    // The connection cannot be used again, since the rest of the body is still to come on it.
                    self.phase = Phase::Failed;
                }
                self.filters.end(how);
                let trailers = self.trailers.take().filter(|_| how == BodyEnd::Whole);
                self.ending = Some(Event::End(trailers));
                piece
            }
        };
        if piece.is_empty() { self.ending.take() } else { Some(Event::Piece(piece)) }
    }
}

impl Broken {
    /// The backend said something that cannot be passed on.
    pub(crate) fn said(message: &str) -> Self {
        Self::Backend {
            message: message.to_owned(),
            unanswered: false,
            untouched: false,
            http2: false,
        }
    }
}

/// What the client is listened to for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The next piece of its body.
    Body,
    /// That it goes away.
    Presence,
    /// Nothing: what it sends next has to wait.
    Nothing,
}

impl Side {
    fn of(upload: &Upload, held: bool) -> Self {
        if !upload.is_open() {
            Self::Presence
        } else if upload.wants_more() && !held {
            Self::Body
        } else {
            Self::Nothing
        }
    }
}

async fn listen(down: &mut Downstream, side: Side) -> Result<Option<Bytes>, BodyError> {
    match side {
        Side::Body => down.read_body().await,
        Side::Presence => {
            down.gone().await;
            Err(BodyError::ClientGone)
        }
        Side::Nothing => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A body of known length, behind what pingora has read of it.
struct Direct {
    socket: Socket,
    /// pingora has been asked for what it has read.
    started: bool,
    left: u64,
    buffer: BytesMut,
}

impl Direct {
    /// Dropping the future loses nothing: there is one await, and what it brings is returned at once.
    async fn read(&mut self, session: &mut Http1) -> pingora::Result<Option<Bytes>> {
        const PIECE: u64 = 64 << 10;
        if !std::mem::replace(&mut self.started, true)
            && let Some(piece) = session.read_body_bytes().now_or_never()
        {
            let piece = piece?;
            self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
            return Ok(piece);
        }
        let wanted = usize::try_from(self.left.min(PIECE)).unwrap_or(usize::MAX);
        if wanted == 0 {
            return Ok(None);
        }
        self.buffer.reserve(wanted);
        let read = self.socket.read_buf(&mut (&mut self.buffer).limit(wanted)).await;
        let n = read.or_err(pingora::ErrorType::ReadError, "reading the response's body")?;
        if n == 0 {
            let missing = format!("{} bytes of the response are missing", self.left);
            return pingora::Error::e_explain(pingora::ErrorType::ConnectionClosed, missing);
        }
        self.left -= n as u64;
        Ok(Some(self.buffer.split().freeze()))
    }
}

async fn read(
    session: &mut Session,
    phase: Phase,
    direct: &mut Option<Direct>,
) -> Result<Event, Broken> {
    let read = match (session, phase) {
        (_, Phase::Failed) => return Err(Broken::said("the backend's response has broken off")),
        (_, Phase::Over) => return Ok(Event::End(None)),
        (Session::One { session, .. }, Phase::Head) => {
            session.read_response().await.map(|_| match session.get_status() {
                Some(status)
                    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS =>
                {
                    Event::Informational(status)
                }
                _ => Event::Head,
            })
        }
        (Session::One { session, .. }, Phase::Body) if let Some(direct) = direct => {
            direct.read(session).await.map(|piece| piece.map_or(Event::End(None), Event::Piece))
        }
        (Session::One { session, .. }, Phase::Body) => session
            .read_body_bytes()
            .await
            .map(|piece| piece.map_or(Event::End(None), Event::Piece)),
        (Session::Two { session }, Phase::Head) => {
            session.read_response_header().await.map(|()| Event::Head)
        }
        (Session::Two { session }, Phase::Body) => match session.read_response_body().await {
            Ok(Some(piece)) => Ok(Event::Piece(piece)),
            Ok(None) => session.read_trailers().await.map(Event::End),
            Err(error) => Err(error),
        },
    };
    read.map_err(|error| broken(&error))
}

/// What went wrong, in words of our own: the context of pingora's errors quotes what the peer has sent, cookies and all, and
/// must not get into a log or before a policy.
pub(super) fn in_words(error: &pingora::Error) -> &'static str {
    use pingora::ErrorType;
    match error.etype() {
        ErrorType::ConnectionClosed => "it was closed too early",
        ErrorType::ReadError => "reading from it failed",
        ErrorType::WriteError => "writing to it failed",
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => "it took too long",
        ErrorType::InvalidHTTPHeader => "the header of the response is malformed",
        ErrorType::H1Error => "the response is not HTTP/1.1",
        ErrorType::H2Error | ErrorType::InvalidH2 => "HTTP/2 failed",
        ErrorType::H2Downgrade => "HTTP/1.1 is asked for",
        // The name of the kind; it is pingora's, and fixed.
        kind => kind.as_str(),
    }
}

#[cold]
fn broken(error: &pingora::Error) -> Broken {
    use pingora::{ErrorType, RetryType};
    let kind = error.etype();
    // pingora marks a response cut in its header likewise; only its text tells the two apart.
    let unanswered = matches!(error.retry, RetryType::ReusedOnly) && {
        let text = error.to_string();
        !text.contains("bytes already read") || text.contains("bytes already read: 0")
    };
    Broken::Backend {
        message: format!("the backend's connection broke: {}", in_words(error)),
        unanswered,
        // Of an answer that is not HTTP/2 pingora thinks likewise, but whoever gave it may have acted on the request.
        untouched: matches!(error.retry, RetryType::Decided(true)) && *kind != ErrorType::InvalidH2,
        http2: matches!(kind, ErrorType::H2Downgrade | ErrorType::InvalidH2),
    }
}
