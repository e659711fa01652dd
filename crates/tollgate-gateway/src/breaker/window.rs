//! How many of the last requests failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Parts of the interval. What is counted is forgotten by the part: after the interval at the latest, and at most one part earlier.
const N_SLOTS: usize = 16;
const SLOTS: u64 = N_SLOTS as u64;

const COUNT_BITS: u32 = 20;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const STAMP: u64 = (1 << (64 - 2 * COUNT_BITS)) - 1;

/// Counts without a lock. A slot holds when it was begun, how many requests it counts and how many of those failed, in one number;
/// when a count is full both are halved, which keeps their proportion.
#[derive(Debug)]
pub(super) struct Window {
    slot_ms: u64,
    slots: [AtomicU64; N_SLOTS],
}

/// What a window counts now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) total: u64,
    pub(super) failed: u64,
}

impl Window {
    pub(super) fn new(interval: Duration) -> Self {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        Self { slot_ms: (interval / SLOTS).max(1), slots: Default::default() }
    }

    /// Counts a request, and says what is counted now. Time is in milliseconds.
    pub(super) fn add(&self, now: u64, failed: bool) -> Tally {
        let turn = now / self.slot_ms;
        let mut tally = Tally::default();
        for (position, slot) in (0..SLOTS).zip(&self.slots) {
            // The last turn at which this slot was due.
            let Some(due) = turn.checked_sub((turn % SLOTS + SLOTS - position) % SLOTS) else {
                continue;
            };
            let stamp = (due / SLOTS) & STAMP;
            let here = if due == turn { count(slot, stamp, failed) } else { read(slot, stamp) };
            tally.total += here.total;
            tally.failed += here.failed;
        }
        tally
    }

    pub(super) fn forget(&self) {
        for slot in &self.slots {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

fn count(slot: &AtomicU64, stamp: u64, failed: bool) -> Tally {
    let mut counted = Tally::default();
    let add = |packed: u64| {
        let Tally { mut total, failed: mut n_failed } = unpack(packed, stamp);
        if total == COUNT {
            (total, n_failed) = (total / 2, n_failed / 2);
        }
        counted = Tally { total: total + 1, failed: n_failed + u64::from(failed) };
        Some(stamp << (2 * COUNT_BITS) | counted.total << COUNT_BITS | counted.failed)
    };
    // Never refused: `add` always has an answer.
    slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok();
    counted
}

fn read(slot: &AtomicU64, stamp: u64) -> Tally {
    unpack(slot.load(Ordering::Relaxed), stamp)
}

/// What a slot holds, if that was counted at its last turn.
fn unpack(packed: u64, stamp: u64) -> Tally {
    if packed >> (2 * COUNT_BITS) == stamp {
        Tally { total: packed >> COUNT_BITS & COUNT, failed: packed & COUNT }
    } else {
        Tally::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(total: u64, failed: u64) -> Tally {
        Tally { total, failed }
    }

    #[test]
    fn what_is_older_than_the_interval_does_not_count() {
        let window = Window::new(Duration::from_secs(16));
        assert_eq!(window.add(0, true), tally(1, 1));
        assert_eq!(window.add(900, false), tally(2, 1));
        assert_eq!(window.add(15_999, true), tally(3, 2));
        assert_eq!(window.add(16_000, false), tally(2, 1));
        assert_eq!(window.add(31_000, false), tally(2, 0));
        assert_eq!(window.add(31_000_000, true), tally(1, 1));
        window.forget();
        assert_eq!(window.add(31_000_001, false), tally(1, 0));
    }

    #[test]
    fn a_full_count_keeps_its_proportion() {
        let window = Window::new(Duration::from_secs(16));
        let full = COUNT << COUNT_BITS | 0x3e8;
        window.slots.first().unwrap().store(full, Ordering::Relaxed);
        assert_eq!(window.add(1, true), tally(COUNT / 2 + 1, 501));
    }

    #[test]
    fn no_count_is_lost_between_threads() {
        let window = Window::new(Duration::from_hours(1));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..10_000 {
                        window.add(n, n % 4 == 0);
                    }
                });
            }
        });
        assert_eq!(window.add(10_000, false), tally(40_001, 10_000));
    }
}
