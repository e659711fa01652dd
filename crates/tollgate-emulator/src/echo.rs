//! A plain backend that says what it received, and streams, stalls or fails as the path asks.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::exchange::Exchange;
use crate::ids::hex;
use crate::pairs::Pairs;
use crate::reply::{Body, Closed, Reply, bytes, json as json_reply, set_header, status};
use crate::server::{Server, Service, retry_after};
use crate::tally::Tally;
use crate::websocket::{self, Session};

/// Pieces of one stream.
const MAX_PIECES: u64 = 1_000_000;
/// Bytes of one piece.
const MAX_PIECE: u64 = 1 << 20;
/// Pauses and delays.
const MAX_PAUSE: u64 = 600_000;
/// A text body of up to this length is given back as it is.
const MAX_TEXT: usize = 64 << 10;

/// The echo backend.
#[derive(Clone, Debug)]
pub struct Echo {
    server: Server,
    sockets: Tally,
}

impl Echo {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, sockets: Tally::default() }
    }

    /// Its server: address, what it received, planted faults.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Open, completed and aborted WebSocket sessions.
    pub fn sockets(&self) -> &Tally {
        &self.sockets
    }
}

impl Service for Echo {
    /// `/echo…` says what it received, a body of any length included; `/status/{code}` the same with another status;
    /// `/stream?n=&ms=&size=` sends pieces, `/sse?n=&ms=` events, `/trailers` trailers, `/bytes/{n}` a body of known
    /// length; `/redirect?to=` answers 302; `/slow?ms=` waits first; `/cut?n=` ends after some pieces without a proper end; `/ws` echoes frames.
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        let segments = exchange.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let query = exchange.query();
        let pause = Duration::from_millis(query.number("ms", 0).min(MAX_PAUSE));
        let reply = match segments.as_slice() {
            ["stream"] => streamed("text/plain", pieces(&query, line), pause, Ending::Proper),
            ["sse"] => {
                let event = |n: u64, _| Bytes::from(format!("data: {n}\n\n"));
                streamed("text/event-stream", pieces(&query, event), pause, Ending::Proper)
            }
            ["cut"] => streamed("text/plain", pieces(&query, line), pause, Ending::Cut),
            ["trailers"] => {
                let mut reply =
                    streamed("text/plain", pieces(&query, line), pause, Ending::Trailers);
                set_header(&mut reply, "trailer", "x-checksum");
                reply
            }
            ["bytes", n] => sized(n.parse().unwrap_or(0)),
            ["slow"] => {
                sleep(pause).await;
                self.echo(&mut exchange, StatusCode::OK).await?
            }
            ["status", code] => {
                let code = status(code.parse().unwrap_or(500));
                self.echo(&mut exchange, code).await?
            }
            ["redirect"] => {
                let mut reply = bytes(StatusCode::FOUND, "", "");
                set_header(&mut reply, "location", query.get("to").unwrap_or("/"));
                reply
            }
            ["ws"] => websocket::upgrade(&mut exchange, Session::default(), &self.sockets),
            _ => self.echo(&mut exchange, StatusCode::OK).await?,
        };
        Ok(reply)
    }

    fn failure(&self, exchange: &Exchange, status: StatusCode, after: Option<Duration>) -> Reply {
        let mut reply =
            json_reply(status, &json!({"path": exchange.path(), "status": status.as_u16()}));
        if let Some(after) = after {
            retry_after(&mut reply, after);
        }
        reply
    }
}

impl Echo {
    /// What was received, as JSON; the body by length, SHA-256 and, if it is a short text, itself.
    async fn echo(&self, exchange: &mut Exchange, status: StatusCode) -> Result<Reply, Closed> {
        let mut received = Measured::new();
        if let Some(mut body) = exchange.take_body() {
            while let Some(frame) = body.frame().await {
                match frame.map_err(|_| Closed)?.into_data() {
                    Ok(data) => received.add(&data),
                    Err(frame) => {
                        received.trailers = frame.into_trailers().ok().map(|map| listed(&map));
                    }
                }
            }
        }
        let text = Bytes::from(received.text);
        exchange.record_body(&text);
        let thumbprint =
            |algorithm| exchange.certificate().map(|der| hex(digest(algorithm, der).as_ref()));
        let query = exchange.query();
        let query: Vec<Value> = query.iter().map(|(name, value)| json!([name, value])).collect();
        let body = json!({
            "method": exchange.method().as_str(),
            "path": exchange.path(),
            "query": query,
            "version": format!("{:?}", exchange.version()),
            "headers": listed(exchange.headers()),
            "length": received.length,
            "sha256": hex(received.hash.finish().as_ref()),
            "body": std::str::from_utf8(&text).ok().filter(|text| received.length == text.len() as u64),
            "client_certificate": {"sha1": thumbprint(&SHA1_FOR_LEGACY_USE_ONLY), "sha256": thumbprint(&SHA256)},
            "trailers": received.trailers,
        });
        // These never have a body, and hyper would complain.
        if matches!(status.as_u16(), 204 | 304) {
            return Ok(bytes(status, "", ""));
        }
        Ok(json_reply(status, &body))
    }
}

struct Measured {
    length: u64,
    hash: Context,
    text: Vec<u8>,
    trailers: Option<Vec<Value>>,
}

impl Measured {
    fn new() -> Self {
        Self { length: 0, hash: Context::new(&SHA256), text: Vec::new(), trailers: None }
    }

    fn add(&mut self, data: &[u8]) {
        self.length += data.len() as u64;
        self.hash.update(data);
        let room = MAX_TEXT.saturating_sub(self.text.len());
        self.text.extend(data.iter().take(room));
    }
}

fn listed(headers: &HeaderMap) -> Vec<Value> {
    headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect()
}

/// How a stream ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Proper,
    Trailers,
    Cut,
}

/// `n` pieces of `size` bytes each, as the query asks.
fn pieces<F>(query: &Pairs, make: F) -> impl Iterator<Item = Bytes> + Send + use<F>
where
    F: Fn(u64, u64) -> Bytes + Send + 'static,
{
    let (n, size) = (query.number("n", 3).min(MAX_PIECES), query.number("size", 16).min(MAX_PIECE));
    (0..n).map(move |number| make(number, size))
}

/// The number `n`, filled up with dots to `size` bytes with its line break.
fn line(n: u64, size: u64) -> Bytes {
    let width = usize::try_from(size.saturating_sub(1)).unwrap_or_default();
    Bytes::from(format!("{n:.<width$}\n"))
}

fn streamed(
    content_type: &'static str,
    pieces: impl Iterator<Item = Bytes> + Send + 'static,
    pause: Duration,
    ending: Ending,
) -> Reply {
    let state = (pieces, Some(ending), pause);
    let frames = stream::unfold(state, async |(mut pieces, ending, pause)| {
        if let Some(piece) = pieces.next() {
            if !pause.is_zero() {
                sleep(pause).await;
            }
            return Some((Ok(Frame::data(piece)), (pieces, ending, pause)));
        }
        match ending? {
            Ending::Proper => None,
            Ending::Trailers => {
                let name = HeaderName::from_static("x-checksum");
                let trailers = HeaderMap::from_iter([(name, HeaderValue::from_static("emulated"))]);
                Some((Ok(Frame::trailers(trailers)), (pieces, None, pause)))
            }
            Ending::Cut => {
                // One turn of the connection, in which it writes out what it was given before.
                yield_now().await;
                Some((Err(Closed), (pieces, None, pause)))
            }
        }
    });
    with_body(content_type, StreamBody::new(frames).boxed_unsync())
}

/// A body of `length` bytes that says so in `Content-Length`.
fn sized(length: u64) -> Reply {
    let length = length.min(MAX_PIECES * 1_024);
    let block = Bytes::from(vec![b'x'; 16 << 10]);
    let frames = stream::unfold(length, move |left| {
        let piece = block.slice(..block.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        async move { (left > 0).then(|| (Ok(Frame::data(piece.clone())), left - piece.len() as u64)) }
    });
    let mut reply = with_body("application/octet-stream", StreamBody::new(frames).boxed_unsync());
    set_header(&mut reply, "content-length", length.to_string());
    reply
}

fn with_body(content_type: &'static str, body: Body) -> Reply {
    let mut reply = bytes(StatusCode::OK, content_type, "");
    *reply.body_mut() = body;
    reply
}
