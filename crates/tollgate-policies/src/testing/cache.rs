//! A cache for tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tollgate_engine::ports::{Answer, Cache, CacheKey, CachePlace, Lease};

use super::ports::once;

/// What is kept, for how long; the key begins with whether it is on the server.
type Entries = HashMap<(bool, CacheKey), (Bytes, Duration)>;

/// Keeps everything; what has a server of its own answers late.
#[derive(Debug, Default)]
pub(crate) struct FakeCache {
    external: bool,
    entries: Arc<Mutex<Entries>>,
    /// Keys whose lease somebody else holds.
    leased: Mutex<bool>,
}

impl FakeCache {
    pub(crate) fn new(external: bool) -> Self {
        Self { external, ..Self::default() }
    }

    /// Somebody else holds every lease for a while.
    pub(crate) fn lease_all(&self) {
        *self.leased.lock().unwrap() = true;
    }

    /// For how long the entries that are there are kept, the shortest first.
    pub(crate) fn lifetimes(&self) -> Vec<Duration> {
        let entries = self.entries.lock().unwrap();
        let mut lifetimes: Vec<_> = entries.values().map(|(_, lifetime)| *lifetime).collect();
        lifetimes.sort();
        lifetimes
    }

    fn answer<T: Send + 'static>(
        &self,
        place: CachePlace,
        act: impl FnOnce(&mut Entries) -> T + Send + 'static,
    ) -> Answer<'static, T> {
        if self.is_local(place) {
            return Answer::Ready(act(&mut self.entries.lock().unwrap()));
        }
        let entries = Arc::clone(&self.entries);
        Answer::Pending(Box::pin(async move {
            once().await;
            act(&mut entries.lock().unwrap())
        }))
    }

    fn is_external(&self, place: CachePlace) -> bool {
        place == CachePlace::External || place == CachePlace::PreferExternal && self.external
    }
}

impl Cache for FakeCache {
    fn get(&self, place: CachePlace, key: &CacheKey) -> Answer<'static, Option<Bytes>> {
        let slot = (self.is_external(place), *key);
        self.answer(place, move |entries| entries.get(&slot).map(|(value, _)| value.clone()))
    }

    fn set(
        &self,
        place: CachePlace,
        key: &CacheKey,
        value: Bytes,
        lifetime: Duration,
    ) -> Answer<'static, ()> {
        let slot = (self.is_external(place), *key);
        let kept = !slot.0 || self.external;
        self.answer(place, move |entries| {
            if kept {
                entries.insert(slot, (value, lifetime));
            }
        })
    }

    fn remove(&self, place: CachePlace, key: &CacheKey) -> Answer<'static, ()> {
        let slot = (self.is_external(place), *key);
        self.answer(place, move |entries| {
            entries.remove(&slot);
        })
    }

    fn lease(&self, _: &CacheKey) -> Answer<'static, Lease> {
        if std::mem::take(&mut *self.leased.lock().unwrap()) {
            return Answer::Pending(Box::pin(async {
                once().await;
                Lease::new(())
            }));
        }
        Answer::Ready(Lease::new(()))
    }

    fn is_local(&self, place: CachePlace) -> bool {
        !(self.external && self.is_external(place))
    }

    fn largest(&self) -> usize {
        64 << 10
    }

    fn has_external(&self) -> bool {
        self.external
    }
}
