//! Answers of language models by what was asked: in this process, or on the Redis server when one is configured.
//!
//! INVARIANT: memory holds no more than `[semantic-cache] size` says, whatever is asked: answers with their embeddings, or copies of
//! the embeddings on the server. It outlives reloads. INVARIANT: a search sees only entries of its own partition.

mod memory;
mod mirror;
mod partition;
mod server;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{
    Answer, CacheKey, Distance, Embedding, Near, Scores, SemanticCache, SemanticCacheSettings,
    SemanticCacheUnavailable, SemanticLookup,
};

use crate::redis::{Redis, RedisSettings};
use crate::telemetry::Metrics;

use memory::{Bounds, Held, Memory};
use server::Server;

/// Nothing is kept for longer, however long a policy says.
const LONGEST: Duration = Duration::from_hours(24 * 366 * 10);

/// One answer may take this part of the memory.
const LARGEST_PART: usize = 8;

/// `[semantic-cache]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SemanticCacheConfig {
    /// Bytes in memory.
    pub size: usize,
    /// Entries of one partition, in memory and on the server.
    pub entries: usize,
    /// What thresholds are.
    pub scores: Scores,
    /// How long the backend for embeddings may take.
    pub timeout: Duration,
}

impl Default for SemanticCacheConfig {
    fn default() -> Self {
        Self {
            size: 64 << 20,
            entries: 10_000,
            scores: Scores::Distance,
            timeout: Duration::from_secs(5),
        }
    }
}

impl SemanticCacheConfig {
    /// What policies are told of it.
    pub(crate) fn settings(&self) -> SemanticCacheSettings {
        SemanticCacheSettings { scores: self.scores, timeout: self.timeout }
    }
}

/// The semantic caches of one gateway.
pub(crate) struct SemanticCaches {
    memory: Memory,
    server: Server,
    bounds: ArcSwap<Bounds>,
    metrics: Arc<Metrics>,
}

/// The semantic cache as one configuration has it.
pub(crate) struct ConfiguredSemanticCache {
    caches: Arc<SemanticCaches>,
    config: SemanticCacheConfig,
    /// Whether the configuration has a Redis server.
    is_shared: bool,
}

impl fmt::Debug for SemanticCaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SemanticCaches")
    }
}

impl SemanticCaches {
    /// Nothing is kept yet.
    pub(crate) fn new(redis: Arc<Redis>, metrics: Arc<Metrics>) -> Self {
        let SemanticCacheConfig { size, entries, .. } = SemanticCacheConfig::default();
        let bounds = Bounds { size, entries };
        let bounds_now = ArcSwap::from_pointee(bounds);
        Self {
            memory: Memory::new(bounds),
            server: Server::new(redis),
            bounds: bounds_now,
            metrics,
        }
    }

    /// Takes over other settings. Of another server nothing is known yet.
    pub(crate) fn apply(&self, config: SemanticCacheConfig, server: Option<&RedisSettings>) {
        let bounds = Bounds { size: config.size, entries: config.entries };
        self.bounds.store(Arc::new(bounds));
        self.holds(self.memory.resize(bounds));
        self.server.is_now(server);
    }

    /// The port.
    pub(crate) fn with(
        self: &Arc<Self>,
        config: SemanticCacheConfig,
        is_shared: bool,
    ) -> ConfiguredSemanticCache {
        ConfiguredSemanticCache { caches: Arc::clone(self), config, is_shared }
    }

    fn holds(&self, Held { bytes, entries }: Held) {
        self.metrics.semantic_cache().holds(bytes, entries);
    }

    async fn nearest_on_server(
        &self,
        partition: CacheKey,
        question: Embedding,
        most: Distance,
    ) -> Result<Option<Near>, SemanticCacheUnavailable> {
        let bounds = **self.bounds.load();
        // What went wrong has been counted and logged by the connection.
        let near = self.server.nearest(&partition, &question, most, bounds).await;
        self.holds(self.server.shrink(bounds.size));
        near.map_err(|_| SemanticCacheUnavailable)
    }
}

impl SemanticCache for ConfiguredSemanticCache {
    fn nearest(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        most: Distance,
    ) -> BoxFuture<'static, Result<Option<Near>, SemanticCacheUnavailable>> {
        let (caches, key, question) = (Arc::clone(&self.caches), *partition, question.clone());
        if self.is_shared {
            return Box::pin(async move { caches.nearest_on_server(key, question, most).await });
        }
        Box::pin(async move { Ok(caches.memory.nearest(key, question, most).await) })
    }

    fn keep(
        &self,
        partition: &CacheKey,
        question: &Embedding,
        answer: Bytes,
        lifetime: Duration,
    ) -> Answer<'static, ()> {
        if answer.len() > self.largest() || lifetime.is_zero() {
            return Answer::Ready(());
        }
        let lifetime = lifetime.min(LONGEST);
        let (caches, key, question) = (Arc::clone(&self.caches), *partition, question.clone());
        if !self.is_shared {
            caches.holds(caches.memory.keep(key, question, &answer, lifetime));
            return Answer::Ready(());
        }
        let entries = self.config.entries;
        Answer::Pending(Box::pin(async move {
            // Likewise.
            caches.server.keep(&key, &question, &answer, lifetime, entries).await.ok();
        }))
    }

    fn largest(&self) -> usize {
        self.config.size / LARGEST_PART
    }

    fn settings(&self) -> SemanticCacheSettings {
        self.config.settings()
    }

    fn looked_up(&self, how: SemanticLookup) {
        self.caches.metrics.semantic_cache().looked_up(how);
    }
}
