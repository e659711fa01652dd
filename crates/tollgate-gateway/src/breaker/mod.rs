//! Circuit breakers of backends: a backend that fails too often is left alone for a while.
//!
//! A breaker is closed, open until a moment, or half open: its time is over, and one request, the probe, finds out whether the
//! backend is well again. All of that is one atomic number, so that a request that passes a closed breaker reads it and no more.
//! Breakers belong to a process and live as long as the settings of their backend: a reload that does not change those keeps them.
//!
//! INVARIANT: of all requests that meet a half-open breaker at most one is let through at a time; a probe that ends without a
//! verdict, also because its client went away, makes room for another one.

mod retry_after;
mod rules;
mod window;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use tokio::time::Instant;

use crate::telemetry::BackendMetrics;
use rules::Judge;

pub(crate) use retry_after::retry_after;
pub use rules::{ErrorReason, Outcome, Rule, Threshold};

/// Neither open nor half open.
const CLOSED: u64 = 0;

/// A probe is under way. The other bits are the end of the open time, in milliseconds.
const PROBING: u64 = 1;

/// While a probe is under way nobody knows when requests are welcome; then, and at least, they are told to wait this long.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Guards one backend.
pub struct Breaker {
    backend: Arc<str>,
    judges: Box<[Judge]>,
    /// What its milliseconds count from.
    began: Instant,
    state: AtomicU64,
    trips: Counter,
}

/// What a breaker lets happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// None passes for this time.
    Open(Duration),
    /// The next request is the probe, or it is under way.
    HalfOpen {
        /// Whether it is under way.
        probing: bool,
    },
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl Breaker {
    /// A closed breaker.
    pub fn new(backend: Arc<str>, rules: &[Rule], trips: Counter) -> Self {
        Self {
            backend,
            judges: rules.iter().cloned().map(Judge::new).collect(),
            began: Instant::now(),
            state: AtomicU64::new(CLOSED),
            trips,
        }
    }

    /// Lets a request through, or says how long to wait. Who is let through tells the permit how it went.
    pub fn admit(self: &Arc<Self>, now: Instant) -> Result<Permit, Duration> {
        let seen = self.state.load(Ordering::Acquire);
        let permit = |probe| Permit { breaker: Arc::clone(self), probe, has_answered: false };
        match self.meaning(seen, now) {
            BreakerState::Closed => Ok(permit(None)),
            BreakerState::HalfOpen { probing: false } if self.swap(seen, seen | PROBING) => {
                Ok(permit(Some(seen | PROBING)))
            }
            BreakerState::HalfOpen { .. } | BreakerState::Open(_) => Err(self.wait(now)),
        }
    }

    /// How long who is not let through shall wait.
    pub fn wait(&self, now: Instant) -> Duration {
        match self.state(now) {
            BreakerState::Open(left) => left.max(SHORTEST_WAIT),
            BreakerState::Closed | BreakerState::HalfOpen { .. } => SHORTEST_WAIT,
        }
    }

    /// What it would let happen now.
    pub fn state(&self, now: Instant) -> BreakerState {
        self.meaning(self.state.load(Ordering::Acquire), now)
    }

    fn meaning(&self, state: u64, now: Instant) -> BreakerState {
        if state == CLOSED {
            return BreakerState::Closed;
        }
        match (state >> 1).saturating_sub(self.millis(now)) {
            0 => BreakerState::HalfOpen { probing: state & PROBING != 0 },
            left => BreakerState::Open(Duration::from_millis(left)),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX >> 2)
    }

    fn swap(&self, from: u64, to: u64) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Opens for a time, unless the state has changed meanwhile: then somebody else has decided.
    fn open(&self, from: u64, now: Instant, rule: &Rule, time: Duration) {
        let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX >> 2).max(1);
        let until = self.millis(now).saturating_add(time_ms);
        if self.swap(from, until << 1) {
            self.forget();
            self.trips.inc();
            let (backend, rule) = (&*self.backend, &*rule.name);
            let again = from != CLOSED;
            tracing::warn!(backend, rule, open_ms = time_ms, again, "circuit breaker opened");
        }
    }

    fn close(&self, from: u64) {
        if self.swap(from, CLOSED) {
            self.forget();
            tracing::info!(backend = &*self.backend, "circuit breaker closed");
        }
    }

    fn forget(&self) {
        for judge in &self.judges {
            judge.forget();
        }
    }
}

/// Leave to call the backend. Dropping it says nothing about the backend, unless it has answered: then that was all.
#[derive(Debug)]
pub struct Permit {
    breaker: Arc<Breaker>,
    /// For a probe, the state that it made.
    probe: Option<u64>,
    /// Whether there is a response and only its body is still to come.
    has_answered: bool,
}

impl Permit {
    /// Takes note of the head of a response. One that is no failure closes the breaker, and becomes one when its body breaks
    /// off, which whoever reads the body tells the permit that is left.
    pub fn answered(
        mut self,
        status: StatusCode,
        headers: &HeaderMap,
        now: Instant,
        unix_seconds: impl Fn() -> i64 + Copy,
    ) -> Option<Self> {
        let outcome = Outcome::Answered(status, headers);
        if self.breaker.judges.iter().any(|judge| judge.rule.is_failure(outcome)) {
            self.ended(outcome, now, unix_seconds);
            return None;
        }
        if let Some(probe) = self.probe.take() {
            self.breaker.close(probe);
        }
        self.has_answered = true;
        Some(self)
    }

    /// Takes note of how the call went. `unix_seconds` is asked when the response names a moment to come back.
    pub fn ended(
        mut self,
        outcome: Outcome<'_>,
        now: Instant,
        unix_seconds: impl Fn() -> i64 + Copy,
    ) {
        if outcome == Outcome::Unknown {
            return;
        }
        self.has_answered = false;
        let from = self.probe.unwrap_or(CLOSED);
        let millis = self.breaker.millis(now);
        let tripped = self.breaker.judges.iter().filter(|judge| match self.probe {
            Some(_) => judge.rule.is_failure(outcome),
            None => judge.trips(outcome, millis),
        });
        let longest = tripped
            .map(|judge| (&judge.rule, judge.rule.open_time(outcome, unix_seconds)))
            .max_by_key(|(_, time)| *time);
        match longest {
            Some((rule, time)) => self.breaker.open(from, now, rule, time),
            None if self.probe.is_some() => self.breaker.close(from),
            None => {}
        }
        self.probe = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(probe) = self.probe {
            self.breaker.swap(probe, probe & !PROBING);
        }
        if self.has_answered {
            let millis = self.breaker.millis(Instant::now());
            for judge in &self.breaker.judges {
                judge.trips(Outcome::Well, millis);
            }
        }
    }
}

/// What a breaker belongs to: as long as none of it changes, a reload keeps the breaker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    backend: Arc<str>,
    url: String,
    rules: Vec<Rule>,
}

/// The breakers that are in use, over all generations of the configuration.
#[derive(Debug, Default)]
pub struct Breakers {
    metrics: BackendMetrics,
    known: Mutex<HashMap<Key, Weak<Breaker>>>,
}

impl Breakers {
    /// No breakers yet. Trips are counted by these metrics.
    pub fn new(metrics: BackendMetrics) -> Self {
        Self { metrics, known: Mutex::default() }
    }

    /// What counts.
    pub fn metrics(&self) -> &BackendMetrics {
        &self.metrics
    }

    /// The breaker of a backend at this URL: the one that is in use by these rules, or a new one.
    pub fn breaker(&self, backend: &Arc<str>, url: String, rules: &[Rule]) -> Arc<Breaker> {
        let key = Key { backend: Arc::clone(backend), url, rules: rules.to_vec() };
        let mut known = self.known.lock();
        if let Some(breaker) = known.get(&key).and_then(Weak::upgrade) {
            return breaker;
        }
        let trips = self.metrics.breaker_trips(backend);
        let breaker = Arc::new(Breaker::new(Arc::clone(backend), rules, trips));
        known.retain(|_, breaker| breaker.strong_count() > 0);
        known.insert(key, Arc::downgrade(&breaker));
        breaker
    }
}
