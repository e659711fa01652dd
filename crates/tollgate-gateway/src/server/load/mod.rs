//! Whether a request is taken on, when there may be more to do than can be done.
//!
//! Two things run out. Memory: a request that waits for its backend, or whose client reads slowly, costs no time but holds
//! buffers, so their number is bounded (`limits.requests`). And time: where backends are fast the processors are what runs
//! out, long before any number does, and work that nobody refuses waits in ever longer queues. So the gateway measures how
//! long work waits for a processor (`probe`) and refuses such a part of the new requests that the wait stays near what
//! `limits.queueing-delay` allows (`control`).
//!
//! What is refused is answered with 503 and `Retry-After` before anything of it is routed, read or forwarded. Only the
//! beginning of a request is a place to refuse it: what has begun is never cut off, and neither probes of health nor the
//! admin listener come here.
//!
//! INVARIANT: whatever is measured, some requests are served ([`control::MOST`] bounds the part that is refused).

mod control;
mod probe;
mod report;

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::status::OpenRequest;
use super::{Shared, Site};
use crate::telemetry::Shed;

pub(super) use probe::watch;

/// Seconds after which those who were refused may come again. A queue of the length that is aimed at is worked off many times
/// over by then, and when the load has gone, nobody is refused any more.
pub(super) const RETRY_AFTER: &str = "1";

/// What those are told who are refused.
pub(super) const MESSAGE: &str = "the gateway is overloaded, try again later";

/// How busy the processors are, and which part of new requests is refused therefore.
#[derive(Debug, Default)]
pub(super) struct Queueing {
    /// Shortest time that work has waited lately, in nanoseconds.
    delay: AtomicU64,
    /// Part of new requests that is refused: `u32::MAX` would be all of them.
    refused: AtomicU32,
    /// Requests so far, refused ones as well.
    asked: AtomicUsize,
    /// What the parts of all requests so far add up to, without the whole ones.
    sum: AtomicU32,
}

impl Queueing {
    /// Shortest time that work has waited for a processor lately.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_nanos(self.delay.load(Ordering::Relaxed))
    }

    /// Part of new requests that is refused, from 0 to 1.
    pub(super) fn refused(&self) -> f64 {
        f64::from(self.refused.load(Ordering::Relaxed)) / f64::from(u32::MAX)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn set(&self, delay: Duration, refused: f64) {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.delay.store(nanos, Ordering::Relaxed);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a whole times the largest number is never larger, and casts saturate"
        )]
        let part = (refused.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
        self.refused.store(part, Ordering::Relaxed);
    }

    /// Whether it is the turn of a request to be refused. Parts add up until they make a whole, so that of any hundred requests
    /// as many are refused as should be, without dice.
    fn refuses(&self) -> bool {
        let part = self.refused.load(Ordering::Relaxed);
        part > 0 && self.sum.fetch_add(part, Ordering::Relaxed).checked_add(part).is_none()
    }
}

/// Whether the next request might be refused.
pub(super) fn is_full<S: Site>(shared: &Shared<S>, site: &S) -> bool {
    shared.status.queueing.refused.load(Ordering::Relaxed) > 0
        || shared.status.requests() >= site.limits().requests
}

/// Takes a request on, or says why it is refused; that is counted.
pub(super) fn admit<S: Site>(shared: &Shared<S>, site: &S) -> Result<OpenRequest, Shed> {
    shared.status.queueing.asked.fetch_add(1, Ordering::Relaxed);
    let admitted = if shared.status.queueing.refuses() {
        Err(Shed::queueing_delay)
    } else {
        shared.status.request(site.limits().requests).ok_or(Shed::requests)
    };
    admitted.inspect_err(|why| shared.parts.metrics.load().request_shed(*why))
}

/// How much is going on, and what is refused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadStatus {
    /// Connections of clients that are open.
    pub connections: usize,
    /// Requests that are being worked on.
    pub requests: usize,
    /// Shortest time that work has waited for a processor lately.
    pub queueing_delay: Duration,
    /// Part of new requests that is refused because of it, from 0 to 1.
    pub refused: f64,
}

impl super::ServerStatus {
    /// How much is going on, and what is refused.
    pub fn load(&self) -> LoadStatus {
        LoadStatus {
            connections: self.connections(),
            requests: self.requests(),
            queueing_delay: self.queueing.delay(),
            refused: self.queueing.refused(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_refused_as_should_be() {
        let queueing = Queueing::default();
        for (part, expected) in [(0.0, 0), (0.25, 250), (0.5, 500), (0.95, 950), (1.0, 999)] {
            queueing.set(Duration::ZERO, part);
            queueing.sum.store(0, Ordering::Relaxed);
            let refused = (0..1_000).filter(|_| queueing.refuses()).count();
            assert!(refused.abs_diff(expected) <= 1, "{part}: {refused}");
        }
    }
}
