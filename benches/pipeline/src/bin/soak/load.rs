//! Requests of all kinds, each of which is to be answered as a whole.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tollgate_bench_pipeline::http1::Connection;

use crate::backend::{BODY, STREAMED};
use crate::site::Site;

/// Of twenty requests, so many of each kind; the rest has the token that everybody has.
const MIX: usize = 20;
const DISTINCT: usize = 4;
const PLAIN: usize = 4;

/// Connections, all of which are opened first and used in turn. They are so many and no more because a connection holds memory:
/// were there more after a slow moment, one would see that and not what grows.
const CONNECTIONS: usize = 256;
/// Those of the closed loop: so many that the memory of many requests at once is taken before growth is looked for, and so few
/// that nothing is refused.
const CLOSED: usize = 192;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many reasons of failures are kept.
const REASONS: usize = 10;

/// All requests, ready to be sent, and what became of them.
pub(crate) struct Load {
    address: String,
    hot: Request,
    plain: Request,
    large: Request,
    stream: Request,
    distinct: Vec<Request>,
    idle: Mutex<VecDeque<Connection>>,
    open: AtomicUsize,
    sent: AtomicUsize,
    done: AtomicUsize,
    failed: AtomicUsize,
    /// Requests that waited for one of [`CONNECTIONS`].
    held: AtomicUsize,
    /// The longest time of a request that was answered, in us.
    slowest: AtomicUsize,
    generation: AtomicUsize,
    reasons: Mutex<Vec<String>>,
}

/// Requests per second, as long as nobody says otherwise.
pub(crate) struct Rate(AtomicU64);

impl Rate {
    pub(crate) fn new(rate: f64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(rate.to_bits())))
    }

    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, rate: f64) {
        self.0.store(rate.to_bits(), Ordering::Relaxed);
    }
}

struct Request {
    bytes: Vec<u8>,
    /// How long the body of its answer must be.
    answer: usize,
}

impl Request {
    fn new(address: &str, path: &str, token: &str, body: &str, answer: usize) -> Self {
        let length = body.len();
        let text = format!(
            "POST {path}?api-version=2024-10-21 HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Self { bytes: text.into_bytes(), answer }
    }
}

fn ask(words: usize, stream: bool) -> String {
    let words = "river ".repeat(words);
    format!(r#"{{"messages":[{{"role":"user","content":"{words}"}}],"stream":{stream}}}"#)
}

impl Load {
    pub(crate) fn new(site: &Site) -> Result<Self> {
        let short = ask(30, false);
        let token = site.tokens.first().context("no tokens")?;
        let request = |path: &str, token: &str, body: &str| {
            let answer = if path.ends_with("/stream") { STREAMED } else { BODY.len() };
            Request::new(&site.address, path, token, body, answer)
        };
        let chat = "/tokens/chat/completions";
        Ok(Self {
            hot: request(chat, token, &short),
            plain: request("/plain/chat/completions", "nobody", &short),
            large: request(chat, token, &ask(64 * 1024 / 6, false)),
            stream: request("/streams/stream", "nobody", &ask(30, true)),
            distinct: site.tokens.iter().map(|token| request(chat, token, &short)).collect(),
            address: site.address.clone(),
            idle: Mutex::default(),
            open: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            slowest: AtomicUsize::new(0),
            generation: AtomicUsize::new(0),
            reasons: Mutex::default(),
        })
    }

    fn next(&self) -> &Request {
        let n = self.sent.fetch_add(1, Ordering::Relaxed);
        match n % MIX {
            0 => &self.stream,
            1 => &self.large,
            place if place < 2 + DISTINCT => {
                let nth = n / MIX * DISTINCT + place - 2;
                self.distinct.get(nth % self.distinct.len()).unwrap_or(&self.hot)
            }
            place if place < 2 + DISTINCT + PLAIN => &self.plain,
            _ => &self.hot,
        }
    }

    /// Opens all connections.
    pub(crate) async fn connect(&self) -> Result<()> {
        for _ in 0..CONNECTIONS {
            let connection = Connection::open(&self.address).await?;
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
        }
        Ok(())
    }

    /// Every token once, so that what the gateway remembers of tokens and callers is full.
    pub(crate) async fn every_token(self: &Arc<Self>) -> Result<()> {
        let place = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLOSED)
            .map(|_| {
                let (load, place) = (Arc::clone(self), Arc::clone(&place));
                tokio::spawn(async move {
                    while let Some(request) =
                        load.distinct.get(place.fetch_add(1, Ordering::Relaxed))
                    {
                        load.count(request).await;
                    }
                })
            })
            .collect();
        for client in clients {
            client.await?;
        }
        ensure!(self.failed() == 0, "{:?}", self.reasons());
        Ok(())
    }

    /// As fast as it goes over some connections; gives how many requests were answered.
    pub(crate) async fn closed(self: &Arc<Self>, time: Duration) -> Result<usize> {
        let (before, began) = (self.done(), Instant::now());
        let clients: Vec<_> = (0..CLOSED)
            .map(|_| {
                let load = Arc::clone(self);
                tokio::spawn(async move {
                    while began.elapsed() < time {
                        load.count(load.next()).await;
                    }
                })
            })
            .collect();
        for client in clients {
            client.await?;
        }
        ensure!(self.failed() == 0, "{:?}", self.reasons());
        Ok(self.done() - before)
    }

    /// As many requests a second as the rate says at the time, each when it is due.
    pub(crate) async fn open(self: Arc<Self>, rate: Arc<Rate>, time: Duration) -> Result<()> {
        let began = Instant::now();
        let (mut due, mut at) = (0.0, began);
        let mut every_millisecond = tokio::time::interval(Duration::from_millis(1));
        while began.elapsed() < time {
            every_millisecond.tick().await;
            due += rate.get() * at.elapsed().as_secs_f64();
            at = Instant::now();
            while due >= 1.0 {
                if self.open.load(Ordering::Relaxed) >= CONNECTIONS {
                    self.held.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                due -= 1.0;
                self.open.fetch_add(1, Ordering::Relaxed);
                let load = Arc::clone(&self);
                tokio::spawn(async move {
                    load.count(load.next()).await;
                    load.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        }
        while self.open.load(Ordering::Relaxed) > 0 {
            every_millisecond.tick().await;
        }
        Ok(())
    }

    /// Sends a request, and counts what has become of it.
    async fn count(&self, request: &Request) {
        let began = Instant::now();
        let sent = tokio::time::timeout(PATIENCE, self.send(request));
        match sent.await.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in time"))) {
            Ok(()) => {
                let took = began.elapsed().as_micros() as usize;
                self.slowest.fetch_max(took, Ordering::Relaxed);
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
                if reasons.len() < REASONS {
                    reasons.push(format!("{error:#}"));
                }
            }
        }
    }

    async fn send(&self, request: &Request) -> Result<()> {
        // The one that has waited longest, so that none becomes too old.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let mut connection = idle.context("more requests than connections")?;
        let answer = connection.exchange(&request.bytes).await?;
        ensure!(answer.status == 200, "status {}", answer.status);
        ensure!(answer.length == request.answer, "{} bytes of an answer", answer.length);
        let generation = answer.header("x-generation").and_then(|it| it.parse().ok());
        let generation = generation.context("an answer of no generation")?;
        self.generation.fetch_max(generation, Ordering::Relaxed);
        if !answer.keeps_alive() {
            connection = Connection::open(&self.address).await?;
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(connection);
        Ok(())
    }

    pub(crate) fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    /// The newest generation that an answer has said.
    pub(crate) fn generation(&self) -> usize {
        self.generation.load(Ordering::Relaxed)
    }

    pub(crate) fn reasons(&self) -> Vec<String> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Figures so far, in words; the slowest request is forgotten.
    pub(crate) fn so_far(&self) -> String {
        let slowest = self.slowest.swap(0, Ordering::Relaxed) / 1_000;
        let held = self.held.load(Ordering::Relaxed);
        let (done, failed) = (self.done(), self.failed());
        format!("{done:9} done  {failed} failed  {held} held  slowest {slowest} ms")
    }
}
