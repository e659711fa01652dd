//! Entries that are compared with one another, and the search among them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::digest::{SHA256, digest};
use tollgate_engine::ports::{Distance, Embedding};

/// So many numbers are compared in place; more in a thread of their own, so that other requests do not wait.
const AT_ONCE: usize = 1 << 19;

/// What an entry takes beside its numbers and its answer, about.
const ENTRY_BYTES: usize = 256;

/// What stands for an embedding among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mark([u8; 16]);

impl Mark {
    pub(super) fn of(embedding: &Embedding) -> Self {
        let hash = digest(&SHA256, &embedding.to_bytes());
        let mut mark = [0; 16];
        for (slot, byte) in mark.iter_mut().zip(hash.as_ref()) {
            *slot = *byte;
        }
        Self(mark)
    }

    /// From what [`Mark::name`] gives.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        u128::from_str_radix(name, 16).ok().map(|number| Self(number.to_be_bytes()))
    }

    /// As text.
    pub(super) fn name(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }
}

/// One entry.
#[derive(Debug)]
pub(super) struct Slot<T> {
    /// When it was last of use: the larger, the later.
    pub(super) used: u64,
    pub(super) mark: Mark,
    pub(super) ends: Instant,
    /// Bytes of memory, about.
    pub(super) bytes: usize,
    pub(super) entry: Arc<Entry<T>>,
}

/// What is searched, and what for.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) embedding: Embedding,
    pub(super) item: T,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self { entry: Arc::clone(&self.entry), ..*self }
    }
}

impl<T> Slot<T> {
    pub(super) fn new(
        used: u64,
        embedding: Embedding,
        ends: Instant,
        item: T,
        item_bytes: usize,
    ) -> Self {
        let bytes = embedding.dimensions() * size_of::<f32>() + item_bytes + ENTRY_BYTES;
        let mark = Mark::of(&embedding);
        Self { used, mark, ends, bytes, entry: Arc::new(Entry { embedding, item }) }
    }
}

/// Entries in the order of their use, the oldest first. A search holds them as they were when it began.
#[derive(Debug)]
pub(super) struct Partition<T>(Arc<VecDeque<Slot<T>>>);

impl<T> Default for Partition<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Partition<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Partition<T> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds an entry that is used later than all others.
    pub(super) fn push(&mut self, slot: Slot<T>) {
        Arc::make_mut(&mut self.0).push_back(slot);
    }

    /// Takes out the one that has not been used for the longest.
    pub(super) fn pop_oldest(&mut self) -> Option<Slot<T>> {
        Arc::make_mut(&mut self.0).pop_front()
    }

    /// Takes out the one of a mark.
    pub(super) fn take(&mut self, mark: Mark) -> Option<Slot<T>> {
        let at = self.0.iter().position(|slot| slot.mark == mark)?;
        Arc::make_mut(&mut self.0).remove(at)
    }

    /// Takes out those that have ended.
    pub(super) fn take_ended(&mut self, now: Instant) -> Vec<Slot<T>> {
        if self.0.iter().all(|slot| slot.ends > now) {
            return Vec::new();
        }
        let all = std::mem::take(Arc::make_mut(&mut self.0));
        let (kept, ended) = all.into_iter().partition(|slot| slot.ends > now);
        self.0 = Arc::new(kept);
        Vec::from_iter::<VecDeque<Slot<T>>>(ended)
    }

    /// Counts the one of a mark as used now. One that was used lately keeps its place: moving it could mean copying all of them
    /// while others search.
    pub(super) fn touch(&mut self, mark: Mark, now: u64) -> Option<u64> {
        let at = self.0.iter().position(|slot| slot.mark == mark)?;
        if at > self.0.len() / 2 {
            return None;
        }
        let slots = Arc::make_mut(&mut self.0);
        let slot = slots.remove(at)?;
        let before = slot.used;
        slots.push_back(Slot { used: now, ..slot });
        Some(before)
    }
}

impl<T: Send + Sync + 'static> Partition<T> {
    /// The nearest entry that has not ended, if it is no farther than `most`. When the future is dropped, a search in a thread
    /// of its own goes on and its result is dropped.
    pub(super) async fn nearest(
        self,
        question: Embedding,
        most: Distance,
        now: Instant,
    ) -> Option<(Distance, Slot<T>)> {
        if self.len() * question.dimensions() <= AT_ONCE {
            return self.search(&question, most, now);
        }
        let searching = move || self.search(&question, most, now);
        // It is neither cancelled nor does it panic.
        tokio::task::spawn_blocking(searching).await.ok().flatten()
    }

    fn search(
        &self,
        question: &Embedding,
        most: Distance,
        now: Instant,
    ) -> Option<(Distance, Slot<T>)> {
        let comparable = self.0.iter().filter(|slot| {
            slot.ends > now && slot.entry.embedding.dimensions() == question.dimensions()
        });
        let distances = comparable.map(|slot| (slot.entry.embedding.distance(question), slot));
        let nearest = distances.min_by_key(|(distance, _)| *distance);
        nearest.filter(|(distance, _)| *distance <= most).map(|(d, slot)| (d, slot.clone()))
    }
}
