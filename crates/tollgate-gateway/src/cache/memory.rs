//! The cache in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use moka::Expiry;
use moka::sync::Cache;
use tollgate_engine::ports::CacheKey;

/// What an entry takes beside its bytes, about: the key, and what the cache keeps to find and to order it.
const ENTRY_BYTES: usize = 256;

/// One value may take this part of the cache, and what has come since the cache was last brought to its size.
const LARGEST_PART: usize = 8;

pub(super) struct Memory(ArcSwap<Sized>);

/// A cache of a size.
struct Sized {
    size: usize,
    entries: Cache<CacheKey, Entry>,
    /// Bytes that have come since then.
    fresh: AtomicUsize,
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

    pub(super) fn set(&self, key: &CacheKey, value: &[u8], lifetime: Duration) {
        // A part of a larger buffer would hold all of it, and a body what it took of the memory for all bodies.
        let value = Bytes::copy_from_slice(value);
        let sized = self.0.load();
        let bytes = value.len() + ENTRY_BYTES;
        sized.entries.insert(*key, Entry { value, lifetime });
        // The cache drops what is too much now and then; a few large values must not pile up until then.
        if sized.fresh.fetch_add(bytes, Ordering::Relaxed) + bytes > sized.size / LARGEST_PART {
            sized.fresh.store(0, Ordering::Relaxed);
            sized.entries.run_pending_tasks();
        }
    }

    pub(super) fn remove(&self, key: &CacheKey) {
        self.0.load().entries.invalidate(key);
    }

    /// Bytes of all values that are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.0.load().entries.iter().map(|(_, entry)| entry.value.len() + ENTRY_BYTES).sum()
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
        Self { size, entries, fresh: AtomicUsize::new(0) }
    }
}
