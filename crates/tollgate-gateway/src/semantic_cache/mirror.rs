//! What this gateway knows of the questions on the server: copies of their embeddings, which never change, so that a search
//! asks the server only for what is new.
//!
//! INVARIANT: all copies together take no more memory than the bound, about; an empty one counts, too.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tollgate_engine::ports::CacheKey;

use super::memory::Held;
use super::partition::{Mark, Partition, Slot};

/// What a copy takes beside its entries, about.
const COPY_BYTES: usize = 256;

/// Copies of all partitions that were asked for lately.
#[derive(Default)]
pub(super) struct Mirror {
    copies: Mutex<HashMap<(CacheKey, usize), Arc<Copy>>>,
    totals: Arc<Totals>,
    uses: AtomicU64,
}

/// What all copies hold.
#[derive(Default)]
struct Totals {
    bytes: AtomicUsize,
    entries: AtomicUsize,
}

/// The copy of one partition.
pub(super) struct Copy {
    state: Mutex<State>,
    totals: Arc<Totals>,
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
        let copy = copies.entry((key, dimensions)).or_insert_with(|| {
            let totals = Arc::clone(&self.totals);
            totals.bytes.fetch_add(COPY_BYTES, Ordering::Relaxed);
            let (state, is_reading, used) = Default::default();
            Arc::new(Copy { state, totals, is_reading, used })
        });
        copy.used.store(used, Ordering::Relaxed);
        Arc::clone(copy)
    }

    /// Forgets copies when they take more than so many bytes together, those first that have not been asked for the longest; the
    /// last one is cut instead. What they hold then.
    pub(super) fn shrink(&self, size: usize) -> Held {
        if self.totals.bytes.load(Ordering::Relaxed) > size {
            let mut copies = self.copies.lock();
            let mut oldest: Vec<_> =
                copies.iter().map(|(key, it)| (it.used.load(Ordering::Relaxed), *key)).collect();
            oldest.sort_unstable_by_key(|(used, _)| *used);
            let latest = oldest.pop().and_then(|(_, key)| copies.get(&key).map(Arc::clone));
            // Somewhat below the bound, so that not every look-up has to do this.
            let wanted = size - size / 8;
            for (_, key) in oldest {
                if self.totals.bytes.load(Ordering::Relaxed) <= wanted {
                    break;
                }
                // What it holds is given back when nobody searches in it any more.
                copies.remove(&key);
            }
            if let Some(latest) = latest.filter(|_| copies.len() == 1) {
                latest.cut(wanted);
            }
        }
        Held {
            bytes: self.totals.bytes.load(Ordering::Relaxed),
            entries: self.totals.entries.load(Ordering::Relaxed),
        }
    }

    /// Forgets everything: the server is another one.
    pub(super) fn clear(&self) {
        self.copies.lock().clear();
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let State { questions, bytes, .. } = self.state.get_mut();
        self.totals.bytes.fetch_sub(*bytes + COPY_BYTES, Ordering::Relaxed);
        self.totals.entries.fetch_sub(questions.len(), Ordering::Relaxed);
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

    /// Adds entries that were read, up to this number; what was known of the same questions goes, and so do the oldest beyond
    /// so many.
    pub(super) fn add(&self, slots: Vec<Slot<()>>, seen: u64, most: usize, now: Instant) {
        let mut state = self.state.lock();
        for slot in slots {
            let known = state.questions.take(slot.mark);
            self.lose(&mut state, known);
            state.bytes += slot.bytes;
            self.totals.bytes.fetch_add(slot.bytes, Ordering::Relaxed);
            self.totals.entries.fetch_add(1, Ordering::Relaxed);
            state.questions.push(slot);
        }
        state.seen = state.seen.max(seen);
        let ended = state.questions.take_ended(now);
        self.lose(&mut state, ended);
        while state.questions.len() > most {
            let oldest = state.questions.pop_oldest();
            self.lose(&mut state, oldest);
        }
    }

    /// The server has it no longer.
    pub(super) fn forget(&self, mark: Mark) {
        let mut state = self.state.lock();
        let gone = state.questions.take(mark);
        self.lose(&mut state, gone);
    }

    /// Drops the oldest until the rest takes no more than this.
    fn cut(&self, size: usize) {
        let mut state = self.state.lock();
        while state.bytes > size
            && let Some(oldest) = state.questions.pop_oldest()
        {
            self.lose(&mut state, [oldest]);
        }
    }

    /// Takes off what has been taken out.
    fn lose(&self, state: &mut State, gone: impl IntoIterator<Item = Slot<()>>) {
        for slot in gone {
            state.bytes -= slot.bytes;
            self.totals.bytes.fetch_sub(slot.bytes, Ordering::Relaxed);
            self.totals.entries.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
