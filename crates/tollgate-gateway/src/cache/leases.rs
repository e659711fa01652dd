//! Who may make the value of a key while others wait.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Mutex as Turn;
use tokio::time::timeout;
use tollgate_engine::ports::{Answer, CacheKey, Lease};

/// Whoever waits for longer goes on without the others: a holder may hang, or wait for what the waiting one holds.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many keys are kept without looking which of them are still of use.
const UNSWEPT: usize = 256;

#[derive(Default)]
pub(super) struct Leases(Mutex<Turns>);

#[derive(Default)]
struct Turns {
    by_key: HashMap<CacheKey, Weak<Turn<()>>>,
    /// At this many, those that nobody holds or waits for are forgotten.
    sweep_at: usize,
}

impl Leases {
    pub(super) fn lease(&self, key: &CacheKey) -> Answer<'static, Lease> {
        let turn = self.0.lock().of(key);
        match Arc::clone(&turn).try_lock_owned() {
            Ok(held) => Answer::Ready(Lease::new(held)),
            Err(_) => Answer::Pending(Box::pin(async move {
                match timeout(PATIENCE, turn.lock_owned()).await {
                    Ok(held) => Lease::new(held),
                    Err(_) => Lease::new(()),
                }
            })),
        }
    }
}

impl Turns {
    fn of(&mut self, key: &CacheKey) -> Arc<Turn<()>> {
        if let Some(turn) = self.by_key.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        if self.by_key.len() >= self.sweep_at.max(UNSWEPT) {
            self.by_key.retain(|_, turn| turn.strong_count() > 0);
            self.sweep_at = self.by_key.len() * 2;
        }
        let turn = Arc::new(Turn::new(()));
        self.by_key.insert(*key, Arc::downgrade(&turn));
        turn
    }
}
