//! A connection that has been upgraded: bytes both ways until one side closes.

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tollgate_engine::ports::BodyEnd;

use super::downstream::{Downstream, WriteFailed};
use super::exchange::Exchange;
use super::filter::{Filters, Through};
use super::pool::Session;
use super::respond::Ended;
use super::socket::Socket;

/// When one side has closed, the other one gets this long to say its last words.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Read at once.
const BUFFER: usize = 16 << 10;

/// Copies both ways. There is no time-out: an upgraded connection may be silent for as long as it likes, and TCP's own
/// probes notice a peer that is no longer there.
pub(super) async fn tunnel(down: &mut Downstream, exchange: Exchange) -> Ended {
    let Some(client) = down.socket().cloned() else { return Ended::Client(WriteFailed::Gone) };
    client.cork(false);
    let (session, filters) = exchange.into_tunnel();
    let Session::One { session, socket: backend, .. } = session else {
        return Ended::Backend("HTTP/2 cannot be upgraded".to_owned());
    };
    let mut session = session;
    // What came behind the two headers sits in the sessions. Reading without waiting empties them before anything is
    // read from the connections themselves.
    let early_down = read_ahead(async || down.read_raw().await);
    let early_up = read_ahead(async || session.read_body_bytes().await.ok().flatten());
    let counted: usize = early_down.iter().map(Bytes::len).sum();
    let (to_client, to_backend) = (Direction::default(), Direction::default());
    let none = Filters::default();
    let mut upwards =
        std::pin::pin!(copy(client.clone(), backend.clone(), early_down, none, &to_backend));
    // Dropping it tells the filters that nobody takes what would come.
    let mut downwards = std::pin::pin!(copy(backend, client, early_up, filters, &to_client));
    let (first, mut other): (_, std::pin::Pin<&mut (dyn Future<Output = io::Result<()>> + Send)>) = tokio::select! {
        ended = upwards.as_mut() => (ended, downwards),
        ended = downwards.as_mut() => (ended, upwards),
    };
    // An error on one side is an end like any other: WebSocket says goodbye in its own frames.
    drop(first);
    drop(tokio::time::timeout(LAST_WORDS, other.as_mut()).await);
    down.bytes_out += to_client.bytes();
    // The session has counted what it has read.
    down.tunnelled_in += to_backend.bytes().saturating_sub(counted as u64);
    Ended::Whole
}

#[derive(Default)]
struct Direction(std::sync::atomic::AtomicU64);

impl Direction {
    fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
    }

    fn bytes(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Pieces that are there without waiting.
fn read_ahead(mut read: impl AsyncFnMut() -> Option<Bytes>) -> Vec<Bytes> {
    const MAX_PIECES: usize = 64;
    let mut pieces = Vec::new();
    while pieces.len() < MAX_PIECES
        && let Some(Some(piece)) = read().now_or_never()
    {
        pieces.push(piece);
    }
    pieces
}

async fn copy(
    mut from: Socket,
    mut to: Socket,
    early: Vec<Bytes>,
    mut filters: Filters,
    direction: &Direction,
) -> io::Result<()> {
    for piece in early {
        if pass(&mut to, &mut filters, &piece, direction).await?.is_break() {
            return to.shutdown().await;
        }
    }
    to.flush().await?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let n = from.read(&mut buffer).await?;
        let Some(piece) = buffer.get(..n).filter(|piece| !piece.is_empty()) else { break };
        let passed = pass(&mut to, &mut filters, piece, direction).await?;
        to.flush().await?;
        if passed.is_break() {
            return to.shutdown().await;
        }
    }
    let rest = filters.finish();
    let (rest, how) = through(&mut filters, rest).await;
    filters.end(how.unwrap_or(BodyEnd::Whole));
    to.write_all(&rest).await?;
    to.shutdown().await
}

/// Passes a piece on, as the filters leave it; breaks when one of them ends the connection.
async fn pass(
    to: &mut Socket,
    filters: &mut Filters,
    piece: &[u8],
    direction: &Direction,
) -> io::Result<ControlFlow<()>> {
    if filters.is_empty() {
        to.write_all(piece).await?;
        direction.add(piece.len());
        return Ok(ControlFlow::Continue(()));
    }
    let passed = filters.piece(Bytes::copy_from_slice(piece));
    let (passed, end) = through(filters, passed).await;
    to.write_all(&passed).await?;
    direction.add(passed.len());
    let Some(how) = end else { return Ok(ControlFlow::Continue(())) };
    filters.end(how);
    Ok(ControlFlow::Break(()))
}

/// What comes through the filters once none of them waits, and how the connection ends with it, if it does.
async fn through(filters: &mut Filters, first: Through) -> (Bytes, Option<BodyEnd>) {
    let mut through = first;
    loop {
        match through {
            Through::Piece(piece) => return (piece, None),
            Through::End(piece, how) => return (piece, Some(how)),
            Through::Nothing => through = poll_fn(|cx| filters.poll(cx)).await,
        }
    }
}
