//! All counters of a process.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::slots::{Slot, Slots};
use super::tally::Tally;
use crate::Clock;
use crate::ports::{
    Answer, Charge, Correction, Counter, CounterKey, Counters, CountersUnavailable, Verdict, Window,
};

/// Parts with a lock each. Locks are taken in their order, held for the charges of one request, and never across a wait.
const SHARDS: usize = 64;

/// Counters in memory, bounded in number: when there are too many, those go first that would be over first.
pub struct MemoryCounters {
    clock: Arc<dyn Clock>,
    most: AtomicUsize,
    shards: Box<[Mutex<Shard>]>,
    slots: Slots,
}

#[derive(Default)]
struct Shard {
    tallies: HashMap<Counter, Tally>,
    /// How many there must be before it is worth looking for those that are over.
    sweep_at: usize,
}

impl fmt::Debug for MemoryCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCounters").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl MemoryCounters {
    /// No counters yet, and at most so many.
    pub fn new(clock: Arc<dyn Clock>, most: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { clock, most: AtomicUsize::new(most), shards, slots: Slots::new() }
    }

    /// Changes how many counters there may be; those that are too many go when the next ones come.
    pub fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// How many counters there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).tallies.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Charges at once; see [`Counters::charge`].
    pub fn charge_now(&self, charges: &[Charge]) -> Verdict {
        let mut shards = self.lock_all(charges.iter().map(|charge| &charge.counter));
        // Read when the locks are held, so that each counter sees times in their order.
        let now = self.now();
        let most = self.most_of_a_shard();
        let mut verdict = Verdict { admitted: true, at: now.steady, standings: SmallVec::new() };
        for charge in charges {
            if let Some(shard) = shards.of(&charge.counter) {
                let at = now.of(charge.counter.window);
                let standing = shard.tally(charge.counter, now, most).look(at, charge);
                verdict.admitted &= standing.fits;
                verdict.standings.push(standing);
            }
        }
        if verdict.admitted {
            for (charge, standing) in charges.iter().zip(&mut verdict.standings) {
                if let Some(shard) = shards.of(&charge.counter) {
                    let at = now.of(charge.counter.window);
                    shard.tally(charge.counter, now, most).add(at, charge);
                    standing.used = standing.used.saturating_add(charge.amount);
                }
            }
        }
        verdict
    }

    /// Corrects at once; see [`Counters::correct`].
    pub fn correct_now(&self, corrections: &[Correction]) {
        let mut shards = self.lock_all(corrections.iter().map(|correction| &correction.counter));
        let now = self.now();
        let most = self.most_of_a_shard();
        for correction in corrections {
            if let Some(shard) = shards.of(&correction.counter) {
                let window = correction.counter.window;
                let correction =
                    Correction { since: now.then(correction.since, window), ..*correction };
                let tally = shard.tally(correction.counter, now, most);
                tally.correct(now.of(window), &correction);
            }
        }
    }

    fn most_of_a_shard(&self) -> usize {
        self.most.load(Ordering::Relaxed).div_ceil(SHARDS).max(1)
    }

    fn now(&self) -> Now {
        Now { steady: self.clock.steady_ms(), unix: self.clock.unix_ms() }
    }

    fn lock_all<'a>(&'a self, counters: impl Iterator<Item = &'a Counter>) -> Locked<'a> {
        let mut indexes: SmallVec<[usize; 4]> = counters.map(shard_of).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let locked = indexes
            .into_iter()
            .filter_map(|index| Some((index, lock(self.shards.get(index)?))))
            .collect();
        Locked(locked)
    }
}

/// A moment by both clocks, in milliseconds. What looks back over a time follows the one that nobody sets, so that a clock
/// that jumps neither forgets what was charged nor keeps it for hours; periods are those of the calendar.
#[derive(Clone, Copy)]
struct Now {
    steady: i64,
    unix: i64,
}

impl Now {
    /// By the clock of a window.
    fn of(self, window: Window) -> i64 {
        match window {
            Window::Fixed { .. } => self.unix,
            Window::Sliding { .. } | Window::Forever => self.steady,
        }
    }

    /// A moment that the steady clock showed, by the clock of a window.
    fn then(self, steady: i64, window: Window) -> i64 {
        steady.saturating_add(self.of(window).saturating_sub(self.steady))
    }
}

/// Shards that are locked, by index.
struct Locked<'a>(SmallVec<[(usize, MutexGuard<'a, Shard>); 4]>);

impl Locked<'_> {
    fn of(&mut self, counter: &Counter) -> Option<&mut Shard> {
        let index = shard_of(counter);
        self.0.iter_mut().find(|(known, _)| *known == index).map(|(_, shard)| &mut **shard)
    }
}

fn shard_of(counter: &Counter) -> usize {
    usize::from(counter.key.bytes()[0]) % SHARDS
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Nothing that runs under the lock panics half way, so what a poisoned one guards is whole.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn tally(&mut self, counter: Counter, now: Now, most: usize) -> &mut Tally {
        if self.tallies.len() >= most.min(self.sweep_at.max(SWEEP_FROM))
            && !self.tallies.contains_key(&counter)
        {
            self.make_room(now, most);
        }
        self.tallies.entry(counter).or_insert_with(|| Tally::new(counter.window))
    }

    /// Drops what is over; when that is not enough, the eighth that would be over first.
    fn make_room(&mut self, now: Now, most: usize) {
        let is_on = |counter: &Counter, tally: &Tally| {
            tally.ends(counter.window).is_none_or(|end| end > now.of(counter.window))
        };
        self.tallies.retain(|counter, tally| is_on(counter, tally));
        if self.tallies.len() >= most {
            let mut ends: Vec<i64> = self
                .tallies
                .iter()
                .map(|(counter, tally)| tally.ends(counter.window).unwrap_or(i64::MAX))
                .collect();
            let eighth = ends.len() / 8;
            let (_, bound, _) = ends.select_nth_unstable(eighth);
            let bound = *bound;
            let mut surplus = (self.tallies.len() + 1).saturating_sub(most).max(eighth);
            self.tallies.retain(|counter, tally| {
                let goes = surplus > 0 && tally.ends(counter.window).unwrap_or(i64::MAX) <= bound;
                surplus -= usize::from(goes);
                !goes
            });
        }
        self.sweep_at = self.tallies.len() * 2;
    }
}

/// A shard with fewer counters is not worth looking through.
const SWEEP_FROM: usize = 64;

impl Counters for MemoryCounters {
    fn waits(&self) -> bool {
        false
    }

    fn charge<'a>(
        &'a self,
        charges: &'a [Charge],
    ) -> Answer<'a, Result<Verdict, CountersUnavailable>> {
        Answer::Ready(Ok(self.charge_now(charges)))
    }

    fn correct<'a>(
        &'a self,
        corrections: &'a [Correction],
    ) -> Answer<'a, Result<(), CountersUnavailable>> {
        self.correct_now(corrections);
        Answer::Ready(Ok(()))
    }

    fn enter(&self, key: CounterKey, most: u64) -> Option<Slot> {
        self.slots.enter(key, most)
    }
}

#[cfg(test)]
mod tests;
