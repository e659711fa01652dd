//! What the log says of refusals: one line in a while, however many there are.

use std::time::{Duration, Instant};

use crate::server::ServerStatus;
use crate::telemetry::{LoadMetrics, Shed};

/// Least time between two lines.
const EVERY: Duration = Duration::from_secs(5);

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct Report {
    at: Option<Instant>,
    said: Refusals,
}

/// Refusals since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Refusals {
    too_many: u64,
    too_slow: u64,
    connections: u64,
}

impl Refusals {
    fn of(metrics: &LoadMetrics) -> Self {
        Self {
            too_many: metrics.shed_so_far(Shed::requests),
            too_slow: metrics.shed_so_far(Shed::queueing_delay),
            connections: metrics.connections_refused_so_far(),
        }
    }
}

impl Report {
    /// Writes a line when somebody was refused of whom no line speaks yet, and the last one is old enough.
    pub(super) fn look(&mut self, status: &ServerStatus, metrics: &LoadMetrics) {
        let now = Refusals::of(metrics);
        if now == self.said || self.at.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        tracing::warn!(
            too_many_requests = now.too_many - self.said.too_many,
            queueing_delay = now.too_slow - self.said.too_slow,
            too_many_connections = now.connections - self.said.connections,
            requests_in_flight = status.requests(),
            connections = status.connections(),
            queueing_delay_ms = status.queueing.delay().as_secs_f64() * 1e3,
            "requests or connections were refused: there is more to do than can be done"
        );
        (self.at, self.said) = (Some(Instant::now()), now);
    }
}
