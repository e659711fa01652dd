//! Who is inside sections that admit so many at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ports::CounterKey;

/// Parts with a lock each.
const SHARDS: usize = 64;

/// How many are inside, by key. A key nobody is inside of takes no memory.
#[derive(Clone)]
pub(super) struct Slots(Arc<[Mutex<HashMap<CounterKey, u64>>]>);

/// A place inside. Dropping it leaves, however the request that holds it ends.
pub struct Slot {
    slots: Slots,
    key: CounterKey,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

impl Slots {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    /// A place, when fewer than `most` are inside.
    pub(super) fn enter(&self, key: CounterKey, most: u64) -> Option<Slot> {
        self.with(key, |inside| {
            let count = inside.get(&key).copied().unwrap_or(0);
            if count >= most {
                return None;
            }
            inside.insert(key, count + 1);
            Some(Slot { slots: self.clone(), key })
        })?
    }

    fn with<T>(
        &self,
        key: CounterKey,
        act: impl FnOnce(&mut HashMap<CounterKey, u64>) -> T,
    ) -> Option<T> {
        let shard = self.0.get(usize::from(key.bytes()[0]) % SHARDS)?;
        // Nothing in here panics half way, so what a poisoned lock guards is whole.
        Some(act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.with(self.key, |inside| {
            if let Entry::Occupied(mut count) = inside.entry(self.key) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_inside_and_leave_by_being_dropped() {
        let slots = Slots::new();
        let (one, two) = (CounterKey::new(&["1"]), CounterKey::new(&["2"]));
        let first = slots.enter(one, 2).unwrap();
        let second = slots.enter(one, 2).unwrap();
        assert!(slots.enter(one, 2).is_none());
        assert!(slots.enter(two, 1).is_some(), "keys are apart");
        assert!(slots.enter(two, 0).is_none());
        drop(second);
        let again = slots.enter(one, 2);
        assert!(again.is_some());
        drop((first, again));
        assert!(slots.0.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[test]
    fn threads_never_see_more_inside_than_there_may_be() {
        let slots = Slots::new();
        let key = CounterKey::new(&["k"]);
        let inside = std::sync::atomic::AtomicUsize::new(0);
        let order = std::sync::atomic::Ordering::SeqCst;
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if let Some(slot) = slots.enter(key, 3) {
                            assert!(inside.fetch_add(1, order) < 3);
                            std::thread::yield_now();
                            inside.fetch_sub(1, order);
                            drop(slot);
                        }
                    }
                });
            }
        });
        assert!(slots.enter(key, 1).is_some());
    }
}
