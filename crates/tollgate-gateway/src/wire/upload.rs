//! The body of a request on its way to the backend.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h2::SendStream;
use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use super::socket::Socket;

/// What is being sent. Written beside pingora's session, which can either write or read: a backend that answers before it
/// has read everything would otherwise be heard only when the write had timed out.
///
/// Dropping a poll loses nothing: all progress is kept here.
pub(crate) struct Upload {
    sink: Sink,
    /// What waits to be written.
    pending: VecDeque<Bytes>,
    state: State,
    /// Something has been handed to the connection that has not been flushed.
    unflushed: bool,
    /// When something was last written.
    pub(crate) progressed: Instant,
    /// Body bytes handed over.
    pub(crate) taken: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The client's body is still being read.
    Open,
    /// Everything to come is pending.
    Closing,
    /// Everything is sent.
    Sent,
    /// Sending failed or was given up.
    Stopped,
}

/// Where the body goes.
pub(crate) enum Sink {
    /// HTTP/1.1 with a known length, of which this much is left.
    Length(Socket, u64),
    /// HTTP/1.1 in chunks.
    Chunked(Socket),
    /// HTTP/2; none when the stream ended with the header.
    Stream(Option<SendStream<Bytes>>),
}

impl Upload {
    /// Nothing is pending yet.
    pub(crate) fn new(sink: Sink) -> Self {
        Self {
            sink,
            pending: VecDeque::new(),
            state: State::Open,
            unflushed: true,
            progressed: Instant::now(),
            taken: 0,
        }
    }

    /// Takes the next piece of the body. Bytes past the announced length are an error of the client's side of the
    /// connection, which pingora's reader does not let through.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() || self.state != State::Open {
            return;
        }
        self.taken += piece.len() as u64;
        self.unflushed = true;
        match &mut self.sink {
            Sink::Length(_, left) => *left = left.saturating_sub(piece.len() as u64),
            Sink::Chunked(_) => {
                self.pending.push_back(Bytes::from(format!("{:X}\r\n", piece.len())));
                self.pending.push_back(piece);
                self.pending.push_back(Bytes::from_static(b"\r\n"));
                return;
            }
            Sink::Stream(_) => {}
        }
        self.pending.push_back(piece);
    }

    /// There is no more to come.
    pub(crate) fn finish(&mut self) {
        if self.state != State::Open {
            return;
        }
        self.state = match &self.sink {
            // The body ended early; what the backend has got must not look whole.
            Sink::Length(_, left) if *left > 0 => State::Stopped,
            Sink::Stream(None) => State::Sent,
            _ => State::Closing,
        };
        if let (Sink::Chunked(_), State::Closing) = (&self.sink, self.state) {
            self.pending.push_back(Bytes::from_static(b"0\r\n\r\n"));
        }
    }

    /// Gives up: the backend does not want the rest.
    pub(crate) fn stop(&mut self) {
        if self.state != State::Sent {
            self.state = State::Stopped;
            self.pending.clear();
            self.unflushed = false;
        }
    }

    /// Whether there is something to write.
    pub(crate) fn is_pending(&self) -> bool {
        self.state != State::Stopped
            && (self.unflushed || !self.pending.is_empty() || self.state == State::Closing)
    }

    /// Whether the next piece of the client's body is wanted.
    pub(crate) fn wants_more(&self) -> bool {
        self.state == State::Open && self.pending.is_empty()
    }

    /// Whether the client's body is still being read.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether all of the body has been sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.state == State::Sent
    }

    /// Writes what is pending. Ready when everything has left.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { sink, pending, state, progressed, .. } = self;
        match sink {
            Sink::Length(socket, _) | Sink::Chunked(socket) => {
                while let Some(piece) = pending.front_mut() {
                    let n = ready!(Pin::new(&mut *socket).poll_write(cx, piece))?;
                    *progressed = Instant::now();
                    piece.advance(n);
                    if piece.is_empty() {
                        pending.pop_front();
                    }
                }
                ready!(Pin::new(socket).poll_flush(cx))?;
            }
            Sink::Stream(None) => {}
            Sink::Stream(Some(stream)) => {
                ready!(poll_stream(stream, pending, *state, progressed, cx))?;
            }
        }
        self.unflushed = false;
        self.progressed = Instant::now();
        if self.state == State::Closing {
            self.state = State::Sent;
        }
        Poll::Ready(Ok(()))
    }
}

fn poll_stream(
    stream: &mut SendStream<Bytes>,
    pending: &mut VecDeque<Bytes>,
    state: State,
    progressed: &mut Instant,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while let Some(piece) = pending.front_mut() {
        let mut capacity = stream.capacity();
        if capacity == 0 {
            stream.reserve_capacity(piece.len());
            capacity = match ready!(stream.poll_capacity(cx)) {
                Some(Ok(capacity)) => capacity,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
            if capacity == 0 {
                continue;
            }
        }
        let part = piece.split_to(capacity.min(piece.len()));
        *progressed = Instant::now();
        if piece.is_empty() {
            pending.pop_front();
        }
        let last = pending.is_empty() && state == State::Closing;
        stream.send_data(part, last).map_err(io::Error::other)?;
        if last {
            return Poll::Ready(Ok(()));
        }
    }
    if state == State::Closing {
        stream.send_data(Bytes::new(), true).map_err(io::Error::other)?;
    }
    Poll::Ready(Ok(()))
}
