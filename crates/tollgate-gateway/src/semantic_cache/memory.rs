//! Answers in memory.
//!
//! INVARIANT: what is held takes no more bytes than the bound, about, and no partition has more entries than its bound: those
//! that have not been used for the longest go first.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tollgate_engine::ports::{CacheKey, Distance, Embedding, Near};

use super::partition::{Partition, Slot};

/// How much may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Bytes.
    pub(super) size: usize,
    /// Entries of one partition.
    pub(super) entries: usize,
}

pub(super) struct Memory(Mutex<State>);

struct State {
    bounds: Bounds,
    partitions: HashMap<CacheKey, Partition<Bytes>>,
    /// Whose entry was used when, over all partitions.
    order: BTreeMap<u64, CacheKey>,
    uses: u64,
    held: Held,
}

/// What is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) bytes: usize,
    pub(super) entries: usize,
}

impl Memory {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self(Mutex::new(State {
            bounds,
            partitions: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
            held: Held::default(),
        }))
    }

    /// Takes over other bounds; what is too much goes.
    pub(super) fn resize(&self, bounds: Bounds) -> Held {
        let mut state = self.0.lock();
        state.bounds = bounds;
        let keys: Vec<CacheKey> = state.partitions.keys().copied().collect();
        for key in keys {
            state.shrink(&key);
        }
        state.held
    }

    /// The nearest answer. See [`Partition::nearest`] for what dropping the future leaves.
    pub(super) async fn nearest(
        &self,
        key: CacheKey,
        question: Embedding,
        most: Distance,
    ) -> Option<Near> {
        let partition = self.0.lock().partitions.get(&key).cloned()?;
        let (distance, slot) = partition.nearest(question, most, Instant::now()).await?;
        self.0.lock().touch(&key, &slot);
        Some(Near { distance, answer: slot.entry.item.clone() })
    }

    pub(super) fn keep(
        &self,
        key: CacheKey,
        question: Embedding,
        answer: &[u8],
        lifetime: Duration,
    ) -> Held {
        // A part of a larger buffer would hold all of it.
        let answer = Bytes::copy_from_slice(answer);
        let now = Instant::now();
        let length = answer.len();
        let slot = Slot::new(0, question, now + lifetime, answer, length);
        let mut state = self.0.lock();
        state.insert(key, slot, now);
        state.held
    }
}

impl State {
    fn insert(&mut self, key: CacheKey, slot: Slot<Bytes>, now: Instant) {
        self.uses += 1;
        let used = self.uses;
        let is_full = self.held.bytes + slot.bytes > self.bounds.size;
        let partition = self.partitions.entry(key).or_default();
        let mut gone: Vec<_> = partition.take(slot.mark).into_iter().collect();
        if is_full || partition.len() >= self.bounds.entries {
            gone.extend(partition.take_ended(now));
        }
        self.held.bytes += slot.bytes;
        self.held.entries += 1;
        partition.push(Slot { used, ..slot });
        self.order.insert(used, key);
        for slot in &gone {
            self.forget(slot);
        }
        self.shrink(&key);
    }

    /// Drops what is too much: of this partition, and of all.
    fn shrink(&mut self, key: &CacheKey) {
        while self.partitions.get(key).is_some_and(|it| it.len() > self.bounds.entries) {
            self.drop_oldest(*key);
        }
        while self.held.bytes > self.bounds.size
            && let Some((_, key)) = self.order.first_key_value()
        {
            self.drop_oldest(*key);
        }
    }

    fn drop_oldest(&mut self, key: CacheKey) {
        let oldest = self.partitions.get_mut(&key).and_then(Partition::pop_oldest);
        if let Some(slot) = oldest {
            self.forget(&slot);
        }
        if self.partitions.get(&key).is_none_or(|partition| partition.len() == 0) {
            self.partitions.remove(&key);
        }
    }

    fn forget(&mut self, slot: &Slot<Bytes>) {
        self.order.remove(&slot.used);
        self.held.bytes = self.held.bytes.saturating_sub(slot.bytes);
        self.held.entries = self.held.entries.saturating_sub(1);
    }

    fn touch(&mut self, key: &CacheKey, slot: &Slot<Bytes>) {
        self.uses += 1;
        let touched = self.partitions.get_mut(key).and_then(|it| it.touch(slot.mark, self.uses));
        if let Some(before) = touched {
            self.order.remove(&before);
            self.order.insert(self.uses, *key);
        }
    }
}
