//! Metrics of semantic caches.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tollgate_engine::ports::SemanticLookup;

/// What is counted of semantic caches. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct SemanticCacheMetrics {
    lookups: Family<LookupLabels, Counter>,
    bytes: Gauge,
    entries: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    result: &'static str,
}

impl SemanticCacheMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "semantic_cache_lookups",
            "Requests that came to a semantic cache: hit, miss, bypass when it was not asked, or what failed",
            self.lookups.clone(),
        );
        registry.register_with_unit(
            "semantic_cache",
            "Memory that semantic caches hold: answers, or copies of embeddings on the Redis server",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register(
            "semantic_cache_entries",
            "Answers, or embeddings, that semantic caches hold in memory",
            self.entries.clone(),
        );
    }

    /// Counts a look-up.
    pub fn looked_up(&self, how: SemanticLookup) {
        let result = match how {
            SemanticLookup::Hit => "hit",
            SemanticLookup::Miss => "miss",
            SemanticLookup::Bypass => "bypass",
            SemanticLookup::EmbeddingsFailed => "embeddings_failed",
            SemanticLookup::CacheFailed => "cache_failed",
        };
        self.lookups.get_or_create(&LookupLabels { result }).inc();
    }

    /// Says what is held.
    pub fn holds(&self, bytes: usize, entries: usize) {
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }
}
