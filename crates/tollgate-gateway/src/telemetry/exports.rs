//! Metrics of what is sent to a collector.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What is sent to a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Signal {
    /// Spans.
    traces,
    /// Data points of metrics.
    metrics,
}

/// Why it did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Undelivered {
    /// Too many waited.
    queue_full,
    /// The collector could not be reached or did not take it.
    failed,
    /// The collector took the rest of what came with it.
    rejected,
}

/// Counts what is sent to a collector. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct OtlpMetrics {
    sent: Family<SentLabels, Counter>,
    dropped: Family<DroppedLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SentLabels {
    signal: Signal,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DroppedLabels {
    signal: Signal,
    reason: Undelivered,
}

impl OtlpMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "otlp_items_sent",
            "Spans and data points that the collector has taken",
            self.sent.clone(),
        );
        registry.register(
            "otlp_items_dropped",
            "Spans and data points that the collector has not got",
            self.dropped.clone(),
        );
    }

    /// Counts what the collector has taken.
    pub fn sent(&self, signal: Signal, n_items: u64) {
        self.sent.get_or_create(&SentLabels { signal }).inc_by(n_items);
    }

    /// Counts what it has not got.
    pub fn lost(&self, signal: Signal, reason: Undelivered, n_items: u64) {
        self.dropped.get_or_create(&DroppedLabels { signal, reason }).inc_by(n_items);
    }
}
