//! How long work waits for a processor.
//!
//! A thread of its own spawns a task that does nothing, again and again, and looks when it runs. Tasks that come from outside
//! the runtime wait in one queue, first in first out, together with what the busy workers have no room for in theirs; so this
//! is what requests wait as well, and a thread of ours is there to ask when no worker is.
//!
//! A worker that is held up by one long step of work is no overload: the probes that came meanwhile run together afterwards, and
//! the shortest of their waits, which alone counts, is short.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::control::{Control, PERIOD};
use super::report::Report;
use crate::server::{Shared, Site};

/// How often a probe is sent while there are requests; otherwise once a period will do.
const EVERY: Duration = Duration::from_millis(20);

/// Probes under way; more would tell nothing new.
const MOST_PROBES: u32 = 256;

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
    /// Shortest wait, in nanoseconds; the largest number before there is one.
    least: AtomicU64,
    under_way: AtomicU32,
}

/// Watches a server that runs in the current runtime.
pub(in super::super) fn watch<S: Site>(shared: &Arc<Shared<S>>) -> Watching {
    let ended = Arc::new(AtomicBool::new(false));
    let (shared, ending, runtime) = (Arc::clone(shared), Arc::clone(&ended), Handle::current());
    let thread = std::thread::Builder::new()
        .name("load".to_owned())
        .stack_size(STACK)
        .spawn(move || observe(&shared, &runtime, &ending));
    let thread = match thread {
        Ok(thread) => Some(thread.thread().clone()),
        Err(error) => {
            tracing::warn!(%error, "the load is not watched: requests are refused by their number alone");
            None
        }
    };
    Watching { ended, thread }
}

fn observe<S: Site>(shared: &Shared<S>, runtime: &Handle, ended: &AtomicBool) {
    let found = Arc::new(Found { least: AtomicU64::new(u64::MAX), under_way: AtomicU32::new(0) });
    let (mut control, mut report) = (Control::default(), Report::default());
    let mut period = Instant::now();
    while !ended.load(Ordering::Acquire) {
        send(runtime, &found);
        std::thread::park_timeout(if shared.status.requests() > 0 { EVERY } else { PERIOD });
        if period.elapsed() < PERIOD {
            continue;
        }
        period = Instant::now();
        // A period in which no probe has run says nothing: a worker may be held up, and the next one will tell.
        let least = found.least.swap(u64::MAX, Ordering::Relaxed);
        if least < u64::MAX {
            let least = Duration::from_nanos(least);
            let refused = control.after(least, shared.parts.site.load().limits().queueing_delay);
            shared.status.queueing.set(least, refused);
        }
        report.look(&shared.status, shared.parts.metrics.load());
    }
}

fn send(runtime: &Handle, found: &Arc<Found>) {
    if found.under_way.load(Ordering::Relaxed) >= MOST_PROBES {
        return;
    }
    found.under_way.fetch_add(1, Ordering::Relaxed);
    let (sent, found) = (Instant::now(), Arc::clone(found));
    runtime.spawn(async move {
        let waited = u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX);
        found.least.fetch_min(waited, Ordering::Relaxed);
        found.under_way.fetch_sub(1, Ordering::Relaxed);
    });
}
