//! Metrics of what is refused because there is too much to do.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Why a request is refused before anything of it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Shed {
    /// So many are being worked on as `limits.requests` allows.
    requests,
    /// Work waits for a processor longer than `limits.queueing-delay`.
    queueing_delay,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: Shed,
}

/// What is refused, and how long work waits.
#[derive(Debug)]
pub struct LoadMetrics {
    shed: Family<ReasonLabels, Counter>,
    /// One of each reason, found without looking.
    by_requests: Counter,
    by_queueing_delay: Counter,
    connections_refused: Counter,
    queueing_delay: Gauge<f64, AtomicU64>,
    refused: Gauge<f64, AtomicU64>,
}

impl Default for LoadMetrics {
    fn default() -> Self {
        let shed: Family<ReasonLabels, Counter> = Family::default();
        let of = |reason| shed.get_or_create(&ReasonLabels { reason }).clone();
        let (by_requests, by_queueing_delay) = (of(Shed::requests), of(Shed::queueing_delay));
        Self {
            shed,
            by_requests,
            by_queueing_delay,
            connections_refused: Counter::default(),
            queueing_delay: Gauge::default(),
            refused: Gauge::default(),
        }
    }
}

impl LoadMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "shed_requests",
            "Requests refused with 503 because too many are being worked on, or work waits too long for a processor",
            self.shed.clone(),
        );
        registry.register(
            "connections_refused",
            "Client connections refused because too many are open",
            self.connections_refused.clone(),
        );
        registry.register_with_unit(
            "queueing_delay",
            "Shortest time that work has lately waited for a processor",
            Unit::Seconds,
            self.queueing_delay.clone(),
        );
        registry.register(
            "refused_part",
            "Part of new requests that is refused because work waits too long, from 0 to 1",
            self.refused.clone(),
        );
    }

    /// Counts a request that is refused.
    pub fn request_shed(&self, why: Shed) {
        self.of(why).inc();
    }

    /// Requests that have been refused so far.
    pub fn shed_so_far(&self, why: Shed) -> u64 {
        self.of(why).get()
    }

    /// Counts a connection that is refused.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// Connections that have been refused so far.
    pub fn connections_refused_so_far(&self) -> u64 {
        self.connections_refused.get()
    }

    /// Says how long work waits, and which part of new requests is refused for it.
    pub fn measured(&self, queueing_delay: Duration, refused: f64) {
        self.queueing_delay.set(queueing_delay.as_secs_f64());
        self.refused.set(refused);
    }

    fn of(&self, why: Shed) -> &Counter {
        match why {
            Shed::requests => &self.by_requests,
            Shed::queueing_delay => &self.by_queueing_delay,
        }
    }
}
