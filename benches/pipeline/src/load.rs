//! Load: requests of one shape over many connections, as fast as they are answered or at a rate of their own.
//!
//! Requests are bytes and of answers only what is needed is read, so that one core can ask for several times what a gateway on
//! another can answer.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// How often requests are sent whose time has come.
const TICK: Duration = Duration::from_millis(1);

/// An answer that takes longer counts as none.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of the requests of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How long it took.
    pub time: Duration,
    /// Answers with 200.
    pub ok: Vec<Answered>,
    /// Answers with 503 and `Retry-After`.
    pub shed: Vec<Answered>,
    /// Answers with anything else, and connections that broke.
    pub other: usize,
    /// Requests whose time had come when all connections were busy.
    pub unsent: usize,
    /// The longest time between two looks at what is due, which no gateway is to blame for.
    pub late: Duration,
    /// Most connections that were open.
    pub connections: usize,
}

/// An answer's times in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// From the beginning of the run until the request was due.
    pub due: u32,
    /// From then until the answer was read.
    pub after: u32,
}

impl Outcome {
    /// Answers with 200 in a second.
    pub fn rate(&self) -> f64 {
        self.ok.len() as f64 / self.time.as_secs_f64()
    }

    fn add(&mut self, answer: Result<Answer>, began: Instant, due: Instant) {
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let answered = Answered { due: micros(due - began), after: micros(due.elapsed()) };
        match answer {
            Ok(Answer { status: 200, .. }) => self.ok.push(answered),
            Ok(Answer { status: 503, retry_after: true, .. }) => self.shed.push(answered),
            Ok(_) | Err(_) => self.other += 1,
        }
    }
}

/// `p50` and `p99` in milliseconds, for people.
pub fn quantiles<'a>(answers: impl IntoIterator<Item = &'a Answered>) -> String {
    let mut micros: Vec<u32> = answers.into_iter().map(|it| it.after).collect();
    micros.sort_unstable();
    let at = |part: f64| {
        let index = (micros.len() as f64 * part) as usize;
        micros.get(index.min(micros.len().saturating_sub(1))).map_or(0.0, |it| f64::from(*it) / 1e3)
    };
    format!("p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms", at(0.5), at(0.99), at(1.0))
}

/// What the head of an answer says.
struct Answer {
    status: u16,
    retry_after: bool,
}

/// One connection, and what it asks.
struct Client {
    stream: TcpStream,
    request: Arc<[u8]>,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: &str, request: Arc<[u8]>) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request, buffer: Vec::with_capacity(4 << 10) })
    }

    async fn ask(&mut self) -> Result<Answer> {
        tokio::time::timeout(PATIENCE, self.ask_patiently()).await?
    }

    async fn ask_patiently(&mut self) -> Result<Answer> {
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed");
            }
            let Some(head) = end_of_head(&self.buffer) else { continue };
            let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            let length: usize = field("content-length:").context("no length")?.trim().parse()?;
            let status = text.get(9..12).context("no status")?.parse()?;
            while self.buffer.len() < head + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    bail!("the connection was closed");
                }
            }
            return Ok(Answer { status, retry_after: field("retry-after:").is_some() });
        }
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Asks over so many connections, each as soon as it is answered.
pub async fn as_fast_as_possible(
    address: &str,
    request: &Arc<[u8]>,
    connections: usize,
    time: Duration,
) -> Result<Outcome> {
    let began = Instant::now();
    let clients = (0..connections).map(|_| {
        let (address, request) = (address.to_owned(), Arc::clone(request));
        tokio::spawn(async move {
            let mut outcome = Outcome::default();
            let mut client = Client::connect(&address, request).await?;
            while began.elapsed() < time {
                let since = Instant::now();
                let answer = client.ask().await;
                outcome.add(answer, began, since);
            }
            anyhow::Ok(outcome)
        })
    });
    let mut all = Outcome { connections, ..Outcome::default() };
    for client in clients.collect::<Vec<_>>() {
        let Outcome { ok, shed, other, .. } = client.await??;
        all.ok.extend(ok);
        all.shed.extend(shed);
        all.other += other;
    }
    all.time = began.elapsed();
    Ok(all)
}

/// Connections that wait for a request, the one that was used last on top.
#[derive(Default)]
struct Idle {
    waiting: Mutex<Vec<oneshot::Sender<Instant>>>,
    open: AtomicUsize,
    outcome: Mutex<Outcome>,
}

/// Asks so many times a second, whatever becomes of it: on a connection that is idle, on a new one while there are fewer than
/// the end of `connections`, and otherwise not at all. Those of its start are opened first.
pub async fn at_rate(
    address: &str,
    request: &Arc<[u8]>,
    rate: f64,
    connections: Range<usize>,
    time: Duration,
) -> Result<Outcome> {
    let idle = Arc::new(Idle::default());
    let mut opened = Vec::with_capacity(connections.start);
    for _ in 0..connections.start {
        opened.push(Client::connect(address, Arc::clone(request)).await?);
    }
    idle.open.store(connections.start, Ordering::Relaxed);
    let began = Instant::now();
    for client in opened {
        tokio::spawn(serve(Arc::clone(&idle), client, began, None));
    }
    while idle.waiting.lock().len() < connections.start {
        tokio::task::yield_now().await;
    }
    let mut ticks = tokio::time::interval(TICK);
    let (mut sent, mut unsent) = (0_usize, 0);
    let (mut looked, mut late) = (began, Duration::ZERO);
    while began.elapsed() < time {
        ticks.tick().await;
        late = late.max(looked.elapsed());
        looked = Instant::now();
        let due = (began.elapsed().as_secs_f64() * rate) as usize;
        while sent < due {
            // The time at which it should have left: that this program is late is no excuse.
            let at = began + Duration::from_secs_f64(sent as f64 / rate);
            sent += 1;
            let waiting = idle.waiting.lock().pop();
            if let Some(waiting) = waiting {
                waiting.send(at).ok();
            } else if idle.open.load(Ordering::Relaxed) < connections.end {
                idle.open.fetch_add(1, Ordering::Relaxed);
                let (idle, address, request) =
                    (Arc::clone(&idle), address.to_owned(), Arc::clone(request));
                tokio::spawn(async move {
                    match Client::connect(&address, request).await {
                        Ok(client) => serve(idle, client, began, Some(at)).await,
                        Err(_) => {
                            idle.outcome.lock().other += 1;
                            idle.open.fetch_sub(1, Ordering::Relaxed);
                        }
                    }
                });
            } else {
                unsent += 1;
            }
        }
    }
    let time = began.elapsed();
    let connections = idle.open.load(Ordering::Relaxed);
    // Those that wait are told to end, and the others end when they are answered.
    while idle.open.load(Ordering::Relaxed) > 0 && began.elapsed() < time + PATIENCE {
        idle.waiting.lock().clear();
        tokio::time::sleep(TICK).await;
    }
    let mut outcome = std::mem::take(&mut *idle.outcome.lock());
    (outcome.time, outcome.unsent, outcome.late) = (time, unsent, late);
    outcome.connections = connections;
    Ok(outcome)
}

/// A connection that asks at once if it is told when that was due, and then whenever it is told to.
async fn serve(idle: Arc<Idle>, mut client: Client, began: Instant, mut due: Option<Instant>) {
    loop {
        if let Some(at) = due {
            let answer = client.ask().await;
            let failed = answer.is_err();
            idle.outcome.lock().add(answer, began, at);
            if failed {
                break;
            }
        }
        let (sender, told) = oneshot::channel();
        idle.waiting.lock().push(sender);
        match told.await {
            Ok(next) => due = Some(next),
            Err(_) => break,
        }
    }
    idle.open.fetch_sub(1, Ordering::Relaxed);
}
