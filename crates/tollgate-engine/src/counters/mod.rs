//! Counters in memory. What they count by and how they are asked is said in [`crate::ports`].

mod counted;
mod memory;
mod slots;
mod tally;

pub use counted::Counted;
pub use memory::MemoryCounters;
pub use slots::Slot;
