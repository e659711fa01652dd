//! The cache in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use moka::Expiry;
use moka::sync::Cache;
use tollgate_engine::ports::CacheKey;

/// What an entry takes beside its bytes, about: the key, and what the cache keeps to find and to order it.
const ENTRY_BYTES: usize = 256;

/// One value may take this part of the cache.
const LARGEST_PART: usize = 8;

pub(super) struct Memory(ArcSwap<Sized>);

/// A cache of a size.
struct Sized {
    size: usize,
    entries: Cache<CacheKey, Entry>,
}

#[derive(Clone)]
struct Entry {
    value: Bytes,
    lifetime: Duration,
}

/// Each entry has its own end.
struct Ends;

impl Expiry<CacheKey, Entry> for Ends {
    fn expire_after_create(&self, _: &CacheKey, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.lifetime)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.lifetime)
    }
}

impl Memory {
    pub(super) fn new(size: usize) -> Self {
        Self(ArcSwap::from_pointee(Sized::new(size)))
    }

    pub(super) fn resize(&self, size: usize) {
        if self.0.load().size != size {
            self.0.store(Arc::new(Sized::new(size)));
        }
    }

    pub(super) fn largest(&self) -> usize {
        self.0.load().size / LARGEST_PART
    }

    pub(super) fn get(&self, key: &CacheKey) -> Option<Bytes> {
        self.0.load().entries.get(key).map(|entry| entry.value)
    }

    pub(super) fn set(&self, key: &CacheKey, value: Bytes, lifetime: Duration) {
        // A part of a larger buffer would hold all of it.
        let value = if value.is_unique() { value } else { Bytes::copy_from_slice(&value) };
        self.0.load().entries.insert(*key, Entry { value, lifetime });
    }

    pub(super) fn remove(&self, key: &CacheKey) {
        self.0.load().entries.invalidate(key);
    }

    /// Bytes that are held, about.
    #[cfg(test)]
    pub(super) fn held(&self) -> u64 {
        let sized = self.0.load();
        sized.entries.run_pending_tasks();
        sized.entries.weighted_size()
    }
}

impl Sized {
    fn new(size: usize) -> Self {
        let entries = Cache::builder()
            .max_capacity(size as u64)
            .weigher(|_: &CacheKey, entry: &Entry| {
                u32::try_from(entry.value.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
            })
            .expire_after(Ends)
            .build();
        Self { size, entries }
    }
}
