//! What this gateway knows of the questions on the server: copies of their embeddings, which never change, so that a search
//! asks the server only for what is new.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tollgate_engine::ports::CacheKey;

use super::memory::Held;
use super::partition::{Mark, Partition, Slot};

/// Copies of all partitions that were asked for lately.
#[derive(Default)]
pub(super) struct Mirror {
    copies: Mutex<HashMap<(CacheKey, usize), Arc<Copy>>>,
    uses: AtomicU64,
}

/// The copy of one partition.
#[derive(Default)]
pub(super) struct Copy {
    state: Mutex<State>,
    is_reading: AtomicBool,
    used: AtomicU64,
}

#[derive(Default)]
struct State {
    questions: Partition<()>,
    /// The number of the latest entry that was read.
    seen: u64,
    bytes: usize,
}

/// The right to bring a copy up to date; others go on with what there is meanwhile.
pub(super) struct Reading<'a>(&'a Copy);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.is_reading.store(false, Ordering::Release);
    }
}

impl Mirror {
    /// The copy of a partition, which may be empty yet, for embeddings of so many dimensions.
    pub(super) fn of(&self, key: CacheKey, dimensions: usize) -> Arc<Copy> {
        let used = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut copies = self.copies.lock();
        let copy = Arc::clone(copies.entry((key, dimensions)).or_default());
        copy.used.store(used, Ordering::Relaxed);
        copy
    }

    /// Forgets whole copies, those first that have not been asked for the longest, until the rest takes no more than so many
    /// bytes; the last one is cut instead.
    pub(super) fn shrink(&self, size: usize) -> Held {
        let mut copies = self.copies.lock();
        let mut held: usize = copies.values().map(|copy| copy.state.lock().bytes).sum();
        while held > size {
            let oldest = copies.iter().min_by_key(|(_, copy)| copy.used.load(Ordering::Relaxed));
            let Some((key, copy)) = oldest.map(|(key, copy)| (*key, Arc::clone(copy))) else {
                break;
            };
            let before = copy.state.lock().bytes;
            if copies.len() > 1 {
                copies.remove(&key);
                held -= before.min(held);
            } else {
                held = copy.cut(size);
                break;
            }
        }
        let entries = copies.values().map(|copy| copy.state.lock().questions.len()).sum();
        Held { bytes: held, entries }
    }

    /// Forgets everything: the server is another one.
    pub(super) fn clear(&self) {
        self.copies.lock().clear();
    }
}

impl Copy {
    /// Nobody else brings it up to date until this is dropped; none when somebody does.
    pub(super) fn read(&self) -> Option<Reading<'_>> {
        (!self.is_reading.swap(true, Ordering::AcqRel)).then(|| Reading(self))
    }

    pub(super) fn questions(&self) -> Partition<()> {
        self.state.lock().questions.clone()
    }

    /// The number of the latest entry that was read.
    pub(super) fn seen(&self) -> u64 {
        self.state.lock().seen
    }

    /// Adds entries that were read, up to this number; what was known of the same questions goes.
    pub(super) fn add(&self, slots: Vec<Slot<()>>, seen: u64) {
        let mut state = self.state.lock();
        for slot in slots {
            if let Some(known) = state.questions.take(slot.mark) {
                state.bytes = state.bytes.saturating_sub(known.bytes);
            }
            state.bytes += slot.bytes;
            state.questions.push(slot);
        }
        state.seen = state.seen.max(seen);
    }

    /// The server has it no longer.
    pub(super) fn forget(&self, mark: Mark) {
        let mut state = self.state.lock();
        if let Some(gone) = state.questions.take(mark) {
            state.bytes = state.bytes.saturating_sub(gone.bytes);
        }
    }

    /// Drops what has ended, and the oldest beyond so many.
    pub(super) fn tidy(&self, most: usize, now: std::time::Instant) {
        let mut state = self.state.lock();
        let mut gone: usize = state.questions.take_ended(now).iter().map(|slot| slot.bytes).sum();
        while state.questions.len() > most {
            gone += state.questions.pop_oldest().map_or(0, |slot| slot.bytes);
        }
        state.bytes = state.bytes.saturating_sub(gone);
    }

    /// Drops the oldest until the rest takes no more than this; gives what it takes then.
    fn cut(&self, size: usize) -> usize {
        let mut state = self.state.lock();
        while state.bytes > size
            && let Some(slot) = state.questions.pop_oldest()
        {
            state.bytes = state.bytes.saturating_sub(slot.bytes);
        }
        state.bytes
    }
}
