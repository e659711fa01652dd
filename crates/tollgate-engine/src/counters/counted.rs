//! What a request has been counted by, and the places it holds.

use super::Slot;
use crate::ports::Counter;

/// Empty for a request without limits, and then it takes no memory.
#[derive(Debug, Default)]
pub struct Counted {
    counters: Vec<Counter>,
    slots: Vec<Option<Slot>>,
}

impl Counted {
    /// Whether a counter has counted this request already.
    pub fn has(&self, counter: Counter) -> bool {
        self.counters.contains(&counter)
    }

    /// Notes that a counter has counted this request, or is going to.
    pub fn add(&mut self, counter: Counter) {
        self.counters.push(counter);
    }

    /// Keeps a place until it is [left](Self::leave) or the request's response is known.
    pub fn hold(&mut self, slot: Slot) -> u64 {
        self.slots.push(Some(slot));
        self.slots.len() as u64 - 1
    }

    /// Leaves a place by the number that [`hold`](Self::hold) gave.
    pub fn leave(&mut self, number: u64) {
        let slot = usize::try_from(number).ok().and_then(|number| self.slots.get_mut(number));
        if let Some(slot) = slot {
            *slot = None;
        }
    }

    /// How many places have been taken so far.
    pub(crate) fn n_held(&self) -> usize {
        self.slots.len()
    }

    /// Leaves all places that were taken after so many: a policy may have ended what runs inside of them, without its end.
    pub(crate) fn leave_since(&mut self, n_held: usize) {
        self.slots.truncate(n_held);
    }
}
