//! Counters that limits are kept with: in memory, or in Redis when gateways share one.
//!
//! INVARIANT: in Redis a request's counters are judged and charged by one script, with the server's time; so gateways
//! together admit exactly what one would.

mod shared;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tollgate_engine::counters::{MemoryCounters, Slot};
use tollgate_engine::ports::{
    Answer, Charge, Correction, CounterKey, Counters, CountersUnavailable, Standing, Verdict,
};

use crate::redis::Redis;
use crate::system::SystemClock;
use crate::telemetry::Metrics;

use shared::SharedCounters;

/// `[counters]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterSettings {
    /// What happens while the server that gateways share is away.
    pub when_unavailable: WhenUnavailable,
    /// How many counters there may be in memory.
    pub most: usize,
}

/// What happens to requests with limits while the server that gateways share is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenUnavailable {
    /// They pass, uncounted.
    FailOpen,
    /// They are refused.
    FailClosed,
    /// Each gateway counts for itself.
    #[default]
    Local,
}

impl Default for CounterSettings {
    fn default() -> Self {
        Self { when_unavailable: WhenUnavailable::Local, most: 100_000 }
    }
}

/// The gateway's counters. They outlive configurations: a counter belongs to what it counts.
pub struct GatewayCounters {
    memory: MemoryCounters,
    shared: SharedCounters,
    redis: Arc<Redis>,
    settings: ArcSwap<CounterSettings>,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for GatewayCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayCounters").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl GatewayCounters {
    /// No counters yet.
    pub fn new(redis: Arc<Redis>, metrics: Arc<Metrics>) -> Self {
        let settings = CounterSettings::default();
        Self {
            memory: MemoryCounters::new(Arc::new(SystemClock), settings.most),
            shared: SharedCounters::new(),
            redis,
            settings: ArcSwap::from_pointee(settings),
            metrics,
        }
    }

    /// Takes over changed settings.
    pub fn apply(&self, settings: CounterSettings) {
        self.memory.set_most(settings.most);
        self.settings.store(Arc::new(settings));
    }

    async fn charge_shared(&self, charges: &[Charge]) -> Result<Verdict, CountersUnavailable> {
        if let Ok(verdict) = self.shared.charge(&self.redis, charges).await {
            return Ok(verdict);
        }
        self.metrics.counters_unavailable();
        match self.settings.load().when_unavailable {
            WhenUnavailable::FailClosed => Err(CountersUnavailable),
            WhenUnavailable::Local => Ok(self.memory.charge_now(charges)),
            WhenUnavailable::FailOpen => {
                let standing =
                    |charge: &Charge| Standing { used: charge.amount, fits: true, wait: None };
                let standings = charges.iter().map(standing).collect();
                // Nothing was charged, so nothing may be given back of what others are charged.
                Ok(Verdict { admitted: true, at: i64::MAX, standings })
            }
        }
    }

    async fn correct_shared(&self, corrections: &[Correction]) -> Result<(), CountersUnavailable> {
        if self.shared.correct(&self.redis, corrections).await.is_ok() {
            return Ok(());
        }
        self.metrics.counters_unavailable();
        match self.settings.load().when_unavailable {
            WhenUnavailable::FailClosed => Err(CountersUnavailable),
            WhenUnavailable::FailOpen => Ok(()),
            WhenUnavailable::Local => {
                self.memory.correct_now(corrections);
                Ok(())
            }
        }
    }
}

impl Counters for GatewayCounters {
    fn waits(&self) -> bool {
        self.redis.is_configured()
    }

    fn charge<'a>(
        &'a self,
        charges: &'a [Charge],
    ) -> Answer<'a, Result<Verdict, CountersUnavailable>> {
        if self.waits() {
            Answer::Pending(Box::pin(self.charge_shared(charges)))
        } else {
            Answer::Ready(Ok(self.memory.charge_now(charges)))
        }
    }

    fn correct<'a>(
        &'a self,
        corrections: &'a [Correction],
    ) -> Answer<'a, Result<(), CountersUnavailable>> {
        if self.waits() {
            return Answer::Pending(Box::pin(self.correct_shared(corrections)));
        }
        self.memory.correct_now(corrections);
        Answer::Ready(Ok(()))
    }

    fn enter(&self, key: CounterKey, most: u64) -> Option<Slot> {
        // Of what runs in this process, whoever else counts with it.
        self.memory.enter(key, most)
    }
}
