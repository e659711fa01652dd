//! Counters that limits are kept with: rates, quotas, tokens; and who is inside a limited section.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use smallvec::SmallVec;

use super::Answer;
use crate::counters::Slot;

/// Counters by what they count, across reloads and, when the gateway shares them, across gateways.
pub trait Counters: Send + Sync {
    /// Whether answers have to be waited for. A hint: a reload may change it between two calls.
    fn waits(&self) -> bool;

    /// Charges every counter if each has the room that is needed, else none; in one step, however many ask at a time.
    /// When the future is dropped, the charge may have been made.
    fn charge<'a>(
        &'a self,
        charges: &'a [Charge],
    ) -> Answer<'a, Result<Verdict, CountersUnavailable>>;

    /// Corrects counters afterwards: adds what is known only now, or gives back what was charged too much. Never refuses.
    fn correct<'a>(
        &'a self,
        corrections: &'a [Correction],
    ) -> Answer<'a, Result<(), CountersUnavailable>>;

    /// Enters what at most so many may be inside of at a time, in this process; `None` when it is full. Dropping the slot
    /// leaves.
    fn enter(&self, key: CounterKey, most: u64) -> Option<Slot>;
}

/// What is counted, as a digest: authors count by whole tokens and subscription keys, which must be neither kept nor shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey([u8; 32]);

impl fmt::Debug for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterKey")
    }
}

impl CounterKey {
    /// The key of these parts, the first of which says whose they are. Different parts give different keys, also when
    /// they read the same joined.
    pub fn new(parts: &[&str]) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self::digest(hash)
    }

    /// The key of a part of what this one is for.
    #[must_use]
    pub fn part(&self, part: &str) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(&self.0);
        hash.update(part.as_bytes());
        Self::digest(hash)
    }

    fn digest(hash: Context) -> Self {
        let mut key = [0; 32];
        key.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(key)
    }

    /// The digest.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// One counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counter {
    /// What it counts.
    pub key: CounterKey,
    /// Over what time.
    pub window: Window,
}

/// The time a counter looks back over. Times are in milliseconds, absolute ones since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// The last so many milliseconds, at any moment.
    Sliding {
        /// How many, 1 or more.
        ms: u64,
    },
    /// The current one of periods that follow one another.
    Fixed {
        /// Length of a period, 1 or more.
        ms: u64,
        /// When one of them begins.
        origin: i64,
    },
    /// All time.
    Forever,
}

/// What a counter is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The counter.
    pub counter: Counter,
    /// What it may not go past.
    pub limit: u64,
    /// Room that must be left below the limit.
    pub needed: u64,
    /// What is added; 0 to look only.
    pub amount: u64,
}

/// What a counter is told afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// The counter.
    pub counter: Counter,
    /// What is added, or given back when negative.
    pub amount: i64,
    /// [`Verdict::at`] of the charge that is corrected: what has left the window since is not given back.
    pub since: i64,
    /// What a sliding window takes in of what is added. The rest is owed: it takes the place of what leaves the window, so
    /// that there is room again only when it has been paid with time. `None` when everything counts at once.
    pub limit: Option<u64>,
}

/// How charges ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether there was room everywhere, and everything was charged.
    pub admitted: bool,
    /// When, by the clock of the counters: milliseconds since 1970, as long as nobody sets it. The largest number when
    /// nothing was charged though it was admitted.
    pub at: i64,
    /// How each counter stands now, in the order of the charges.
    pub standings: SmallVec<[Standing; 2]>,
}

/// How a counter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it counts, with what was just charged.
    pub used: u64,
    /// Whether there was room.
    pub fits: bool,
    /// When there will be room; for a period, when it ends. `None` when time alone makes none.
    pub wait: Option<Duration>,
}

/// The counters cannot be reached, and the configuration says that nothing passes without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the counters cannot be reached")]
pub struct CountersUnavailable;
