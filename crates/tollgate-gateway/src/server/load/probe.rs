//! How long work waits for a processor.
//!
//! A thread of its own writes a byte to a socket, again and again, and a task looks when it is there to be read. Sockets that
//! have something wait in the kernel's queue until a worker asks for events, first in first out, and then in that worker's; so
//! this is what requests wait as well, and a thread of ours is there to ask when no worker is. There are several sockets,
//! because what comes to one that has not been read yet does not queue again.
//!
//! Rejected: tasks spawned from outside the runtime. They wait in a queue of their own, which says nothing of the kernel's.
//!
//! A worker that is held up by one long step of work is no overload: the probes that came meanwhile run together afterwards, and
//! the shortest of their waits, which alone counts, is short. But where many requests have begun and not one probe has come
//! through, it is a queue, in which they all have waited as long as the oldest probe: so it is when clients open thousands of
//! connections at once.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;

use super::control::{Control, PERIOD};
use super::report::Report;
use crate::server::{Shared, Site};

/// How often a probe is sent while there are requests, and while there are none and nobody is refused.
const EVERY: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_millis(100);

/// Probes that can be under way at once; more would tell nothing new.
const PROBES: usize = 16;

/// So many requests that begin in a period are more than one long step of work: more than what a worker takes from the kernel
/// at once.
const MANY: usize = 64;

/// The thread's stack. It formats log lines.
const STACK: usize = 256 << 10;

/// Watches a server until it is dropped.
pub(in super::super) struct Watching {
    ended: Arc<AtomicBool>,
    thread: Option<Thread>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

/// What the probes of a period have found.
#[derive(Debug)]
struct Found {
    began: Instant,
    /// Shortest wait, in nanoseconds; the largest number before there is one.
    least: AtomicU64,
}

impl Found {
    /// Nanoseconds since the beginning.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A socket for one probe at a time.
struct Probe {
    sender: UnixStream,
    /// When the one that is under way was sent, in nanoseconds since the beginning; zero while there is none.
    sent: Arc<AtomicU64>,
}

impl Probe {
    /// Is received in the current runtime, for as long as it is not dropped.
    fn new(found: &Arc<Found>) -> io::Result<Self> {
        let (sender, receiver) = UnixStream::pair()?;
        sender.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        let mut receiver = tokio::net::UnixStream::from_std(receiver)?;
        let sent = Arc::new(AtomicU64::new(0));
        let (found, probe) = (Arc::clone(found), Self { sender, sent: Arc::clone(&sent) });
        tokio::spawn(async move {
            // Room for more than the byte that comes: a read that fills it would be followed by another.
            let mut buffer = [0; 8];
            while let Ok(1..) = receiver.read(&mut buffer).await {
                let waited = found.now().saturating_sub(sent.load(Ordering::Relaxed));
                found.least.fetch_min(waited, Ordering::Relaxed);
                sent.store(0, Ordering::Release);
            }
        });
        Ok(probe)
    }

    fn is_under_way(&self) -> bool {
        self.sent.load(Ordering::Acquire) > 0
    }

    fn send(&mut self, found: &Found) {
        self.sent.store(found.now().max(1), Ordering::Relaxed);
        if self.sender.write_all(&[0]).is_err() {
            self.sent.store(0, Ordering::Relaxed);
        }
    }
}

/// Watches a server that runs in the current runtime.
pub(in super::super) fn watch<S: Site>(shared: &Arc<Shared<S>>) -> Watching {
    let ended = Arc::new(AtomicBool::new(false));
    let thread = start(shared, &ended)
        .inspect_err(|error| {
            tracing::warn!(%error, "the load is not watched: requests are refused by their number alone");
        })
        .ok();
    Watching { ended, thread }
}

fn start<S: Site>(shared: &Arc<Shared<S>>, ended: &Arc<AtomicBool>) -> io::Result<Thread> {
    let found = Arc::new(Found { began: Instant::now(), least: AtomicU64::new(u64::MAX) });
    let probes = (0..PROBES).map(|_| Probe::new(&found)).collect::<io::Result<Vec<_>>>()?;
    let (shared, ended) = (Arc::clone(shared), Arc::clone(ended));
    let thread = std::thread::Builder::new()
        .name("load".to_owned())
        .stack_size(STACK)
        .spawn(move || observe(&shared, &found, probes, &ended))?;
    Ok(thread.thread().clone())
}

fn observe<S: Site>(shared: &Shared<S>, found: &Found, mut probes: Vec<Probe>, ended: &AtomicBool) {
    let (mut control, mut report) = (Control::default(), Report::default());
    let (mut period, mut measured) = (Instant::now(), Instant::now());
    let queueing = &shared.status.queueing;
    let mut asked = queueing.asked();
    while !ended.load(Ordering::Acquire) {
        if let Some(probe) = probes.iter_mut().find(|probe| !probe.is_under_way()) {
            probe.send(found);
        }
        let is_idle = shared.status.requests() == 0 && queueing.refused() <= 0.0;
        std::thread::park_timeout(if is_idle { IDLE } else { EVERY });
        if period.elapsed() < PERIOD {
            continue;
        }
        period = Instant::now();
        let begun = queueing.asked().wrapping_sub(std::mem::replace(&mut asked, queueing.asked()));
        let least = match found.least.swap(u64::MAX, Ordering::Relaxed) {
            // A worker may be held up; the next period will tell.
            u64::MAX if begun < MANY => None,
            u64::MAX => oldest(&probes, found),
            nanos => Some(Duration::from_nanos(nanos)),
        };
        if let Some(least) = least {
            let target = shared.parts.site.load().limits().queueing_delay;
            queueing.set(least, control.after(least, period - measured, target));
            measured = period;
        }
        report.look(&shared.status, shared.parts.metrics.load());
    }
}

/// For how long the oldest probe has waited that is under way.
fn oldest(probes: &[Probe], found: &Found) -> Option<Duration> {
    let sent = probes.iter().map(|probe| probe.sent.load(Ordering::Acquire)).filter(|at| *at > 0);
    sent.min().map(|sent| Duration::from_nanos(found.now().saturating_sub(sent)))
}
