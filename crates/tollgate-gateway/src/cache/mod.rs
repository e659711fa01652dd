//! What is kept from one request for others: in this process, and on the Redis server when one is configured.
//!
//! INVARIANT: the cache in memory holds no more bytes than `[cache] size` says, save for what has just come: an eighth. It
//! outlives reloads; a change of its size empties it.

mod leases;
mod memory;
mod shared;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_engine::ports::{Answer, Cache, CacheKey, CachePlace, Lease};

use crate::redis::Redis;

use leases::Leases;
use memory::Memory;
use shared::Shared;

/// Nothing is kept for longer, however long a policy says.
const LONGEST: Duration = Duration::from_hours(24 * 366 * 10);

/// The caches of one gateway.
pub(crate) struct Caches {
    memory: Memory,
    shared: Shared,
    leases: Leases,
}

/// The caches as one configuration has them.
pub(crate) struct ConfiguredCaches {
    caches: Arc<Caches>,
    /// Whether the configuration has a Redis server.
    external: bool,
}

/// The caches that a key is looked for in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    InMemory,
    OnServer,
    Nowhere,
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caches")
    }
}

impl Caches {
    /// Empty caches that hold so many bytes in memory.
    pub(crate) fn new(size: usize, redis: Arc<Redis>) -> Self {
        Self { memory: Memory::new(size), shared: Shared::new(redis), leases: Leases::default() }
    }

    /// Takes over another size. What was in memory is forgotten when it differs.
    pub(crate) fn resize(&self, size: usize) {
        self.memory.resize(size);
    }

    /// The port, for a configuration with a Redis server or without one.
    pub(crate) fn with(self: &Arc<Self>, external: bool) -> ConfiguredCaches {
        ConfiguredCaches { caches: Arc::clone(self), external }
    }
}

impl ConfiguredCaches {
    fn kept(&self, place: CachePlace) -> Kept {
        match place {
            CachePlace::External | CachePlace::PreferExternal if self.external => Kept::OnServer,
            CachePlace::Internal | CachePlace::PreferExternal => Kept::InMemory,
            CachePlace::External => Kept::Nowhere,
        }
    }
}

impl Cache for ConfiguredCaches {
    fn get(&self, place: CachePlace, key: &CacheKey) -> Answer<'static, Option<Bytes>> {
        match self.kept(place) {
            Kept::InMemory => Answer::Ready(self.caches.memory.get(key)),
            Kept::OnServer => self.caches.shared.get(key, self.largest()),
            Kept::Nowhere => Answer::Ready(None),
        }
    }

    fn set(
        &self,
        place: CachePlace,
        key: &CacheKey,
        value: Bytes,
        lifetime: Duration,
    ) -> Answer<'static, ()> {
        if value.len() > self.largest() || lifetime.is_zero() {
            return self.remove(place, key);
        }
        let lifetime = lifetime.min(LONGEST);
        match self.kept(place) {
            Kept::InMemory => self.caches.memory.set(key, &value, lifetime),
            Kept::OnServer => return self.caches.shared.set(key, &value, lifetime),
            Kept::Nowhere => {}
        }
        Answer::Ready(())
    }

    fn remove(&self, place: CachePlace, key: &CacheKey) -> Answer<'static, ()> {
        match self.kept(place) {
            Kept::InMemory => self.caches.memory.remove(key),
            Kept::OnServer => return self.caches.shared.remove(key),
            Kept::Nowhere => {}
        }
        Answer::Ready(())
    }

    fn lease(&self, key: &CacheKey) -> Answer<'static, Lease> {
        self.caches.leases.lease(key)
    }

    fn is_local(&self, place: CachePlace) -> bool {
        self.kept(place) != Kept::OnServer
    }

    fn largest(&self) -> usize {
        self.caches.memory.largest()
    }

    fn has_external(&self) -> bool {
        self.external
    }
}
