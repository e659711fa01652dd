//! Writing the response to the client.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode};
use pingora::http::ResponseHeader;
use tokio::time::Instant;
use tollgate_engine::{Body, Response};

use super::PingoraWire;
use super::downstream::{Announced, Downstream, WriteFailed};
use super::exchange::{Broken, Event, Exchange};
use super::hop_by_hop::strip_standard;
use super::tunnel::tunnel;

/// An unread body up to this length is read to its end after the response, so that the connection can be used again;
/// above it, closing is cheaper for everybody.
pub(crate) const DRAIN: u64 = 64 << 10;

/// How the response ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All of it was written.
    Whole,
    /// The client went away or took nothing.
    Client(WriteFailed),
    /// The backend broke off in the middle.
    Backend(String),
    /// The gateway stopped and did not wait for it.
    Stopped,
}

/// What was written.
pub(crate) struct Written {
    /// Status the client got.
    pub(crate) status: StatusCode,
    /// How it ended.
    pub(crate) ended: Ended,
    /// When the first byte was handed over.
    pub(crate) first_byte: Option<Instant>,
    /// The connection has become a tunnel and is over.
    pub(crate) tunnelled: bool,
}

/// Where the body of a response comes from.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one per response, and it stays where it is"
)]
enum Source {
    Whole(Bytes),
    Backend(Exchange),
}

impl PingoraWire {
    /// Writes the response; what is left of an earlier call of the backend is discarded. Afterwards only
    /// [`into_parts`](Self::into_parts) is left to call.
    ///
    /// INVARIANT: a response that was cut short never looks whole: no last chunk, no end of the stream, fewer bytes than
    /// announced, or, where nothing else can tell, a reset of the connection.
    pub(crate) async fn respond(&mut self, response: Response, close: bool) -> Written {
        if response.status == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch_protocols(response).await;
        }
        let Response { status, reason, mut headers, body, consumed } = response;
        // A policy cannot make a response informational: the client would wait for another one.
        let status =
            if status.is_informational() { StatusCode::INTERNAL_SERVER_ERROR } else { status };
        let exchange = self.exchange.take();
        let source = match (body, exchange) {
            (Body::Stream, Some(exchange)) => Source::Backend(exchange),
            (body, exchange) => {
                if let Some(exchange) = exchange {
                    exchange.discard(self.backends.timeouts().backend_idle).await;
                }
                // Nothing is sent of a body that an expression has consumed.
                Source::Whole(if consumed { Bytes::new() } else { whole(body) })
            }
        };
        let bodiless = self.down.facts().method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        frame(&mut headers, &source, status, &self.down);
        if close || self.leaves_much_unread() {
            self.down.close_afterwards();
        }
        let mut written =
            Written { status, ended: Ended::Whole, first_byte: None, tunnelled: false };
        if let Err(failed) = self.down.write_head(header(status, reason.as_deref(), headers)).await
        {
            written.ended = Ended::Client(failed);
            return written;
        }
        written.first_byte = Some(Instant::now());
        written.ended = match source {
            Source::Whole(_) | Source::Backend(_) if bodiless => self.finish_bodiless(source).await,
            Source::Whole(body) => match self.down.write_piece(body, true).await {
                Ok(()) => Ended::Whole,
                Err(failed) => Ended::Client(failed),
            },
            Source::Backend(exchange) => {
                let began = Instant::now();
                let ended = self.pump(exchange).await;
                self.stats.waited += began.elapsed();
                ended
            }
        };
        written
    }

    async fn finish_bodiless(&mut self, source: Source) -> Ended {
        let ended = self.down.write_piece(Bytes::new(), true).await;
        if let Source::Backend(exchange) = source {
            exchange.discard(self.backends.timeouts().backend_idle).await;
        }
        ended.map_or_else(Ended::Client, |()| Ended::Whole)
    }

    /// Passes the body on piece by piece. What the backend has sent leaves before we wait for more of it.
    async fn pump(&mut self, mut exchange: Exchange) -> Ended {
        loop {
            let event = if let Some(event) = exchange.next_at_hand() {
                event
            } else {
                if let Err(failed) = self.down.flush().await {
                    return Ended::Client(failed);
                }
                exchange.next(&mut self.down, None).await
            };
            let written = match event {
                Ok(Event::Piece(piece)) if self.down.gather_piece(&piece) => continue,
                Ok(Event::Piece(piece)) => self.down.write_piece(piece, false).await,
                Ok(Event::Head | Event::Informational(_)) => Ok(()),
                Ok(Event::End(trailers)) => {
                    let written = match trailers {
                        Some(trailers) => self.down.write_trailers(trailers).await,
                        None => self.down.write_piece(Bytes::new(), true).await,
                    };
                    exchange.end(self.backends.timeouts().backend_idle).await;
                    return written.map_or_else(Ended::Client, |()| Ended::Whole);
                }
                Err(Broken::ClientGone | Broken::Body(_)) => {
                    return Ended::Client(WriteFailed::Gone);
                }
                Err(error) => return self.cut_short(&error).await,
            };
            if let Err(failed) = written {
                return Ended::Client(failed);
            }
        }
    }

    /// What has come of the response leaves, and then the connection ends so that the client notices.
    async fn cut_short(&mut self, error: &Broken) -> Ended {
        let flushed = self.down.flush().await;
        if self.down.facts().http10
            && flushed.is_ok()
            && let Some(socket) = self.down.socket()
        {
            // Without chunks the end of the connection is the end of the body; only a reset says otherwise.
            socket.reset_on_close();
        }
        Ended::Backend(error.to_string())
    }

    async fn switch_protocols(&mut self, response: Response) -> Written {
        let mut written = Written {
            status: StatusCode::SWITCHING_PROTOCOLS,
            ended: Ended::Whole,
            first_byte: None,
            tunnelled: true,
        };
        let Some(exchange) = self.exchange.take() else {
            // A policy made up the status; there is nothing to switch to.
            written.status = StatusCode::INTERNAL_SERVER_ERROR;
            let failed = Response::new(StatusCode::INTERNAL_SERVER_ERROR);
            return Box::pin(self.respond(failed, true)).await;
        };
        let mut headers = response.headers;
        strip_standard(&mut headers);
        headers.remove(CONTENT_LENGTH);
        headers.insert(http::header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(http::header::UPGRADE, HeaderValue::from_static("websocket"));
        let header = header(StatusCode::SWITCHING_PROTOCOLS, response.reason.as_deref(), headers);
        let sent = match self.down.write_head(header).await {
            Ok(()) => self.down.flush().await,
            failed => failed,
        };
        written.first_byte = Some(Instant::now());
        written.ended = match sent {
            Err(failed) => Ended::Client(failed),
            Ok(()) => tunnel(&mut self.down, exchange).await,
        };
        written
    }

    /// Whether so much of the request's body is unread that the connection had better be closed.
    fn leaves_much_unread(&mut self) -> bool {
        if self.down.body_broken() {
            return true;
        }
        if self.down.body_done() {
            return false;
        }
        // A client that was not told to go on may or may not send its body; where the next request begins is unknown.
        if self.down.awaits_continue() {
            return true;
        }
        let read = self.down.bytes_in();
        matches!(self.down.facts().body, Announced::Length(length) if length.saturating_sub(read) > DRAIN)
    }
}

fn whole(body: Body) -> Bytes {
    match body {
        Body::Buffered(body) => body.raw,
        Body::Replaced(body) => body,
        Body::Empty | Body::Stream | Body::Sent => Bytes::new(),
    }
}

/// Sets what says where the body ends. That is the gateway's business alone: whatever policies wrote there goes.
fn frame(headers: &mut HeaderMap, source: &Source, status: StatusCode, down: &Downstream) {
    strip_standard(headers);
    let announced = headers.remove(CONTENT_LENGTH);
    if status == StatusCode::NO_CONTENT {
        return;
    }
    let is_head = down.facts().method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    match source {
        // What a GET would have given.
        Source::Whole(body) if body.is_empty() && is_head => {
            let number =
                announced.filter(|it| it.to_str().is_ok_and(|it| it.parse::<u64>().is_ok()));
            headers.extend(number.map(|length| (CONTENT_LENGTH, length)));
        }
        Source::Whole(body) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Source::Backend(exchange) => match exchange.length() {
            Some(length) => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            None if !down.is_http2() && !down.facts().http10 && !is_head => {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
            None => {}
        },
    }
}

fn header(status: StatusCode, reason: Option<&str>, headers: HeaderMap) -> Box<ResponseHeader> {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = status;
    parts.headers = headers;
    let mut header = Box::new(ResponseHeader::from(parts));
    if let Some(reason) = reason {
        // A phrase is text on the wire: what could end the line is left out.
        let phrase: String = reason.chars().filter(|c| *c == ' ' || c.is_ascii_graphic()).collect();
        // Only a phrase with control characters is refused, and there are none left.
        drop(header.set_reason_phrase(Some(&phrase)));
    }
    header
}
