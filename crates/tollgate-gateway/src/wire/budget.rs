//! Memory that all buffered bodies of the process hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on bytes, shared by all requests.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    used: AtomicUsize,
}

/// Bytes taken from a budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

/// The budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Budget {
    /// A holding of nothing yet.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        Held { budget: Arc::clone(self), bytes: 0 }
    }

    /// Bytes held now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Held {
    /// Takes more, as long as all holdings together stay within `limit`.
    pub(crate) fn grow(&mut self, bytes: usize, limit: usize) -> Result<(), Exhausted> {
        let taken = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= limit)
        });
        taken.map_err(|_| Exhausted)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Takes more or gives back, so that it holds so many.
    pub(crate) fn set(&mut self, bytes: usize, limit: usize) -> Result<(), Exhausted> {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            return if more == 0 { Ok(()) } else { self.grow(more, limit) };
        }
        self.budget.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }

    /// Hands on what it holds.
    pub(crate) fn take(&mut self) -> Self {
        Self { budget: Arc::clone(&self.budget), bytes: std::mem::take(&mut self.bytes) }
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) {
        self.budget.used.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holdings_share_one_limit_and_give_back() {
        let budget = Arc::new(Budget::default());
        let (mut a, mut b) = (budget.hold(), budget.hold());
        assert_eq!(a.grow(60, 100), Ok(()));
        assert_eq!(b.grow(60, 100), Err(Exhausted));
        assert_eq!(b.grow(40, 100), Ok(()));
        assert_eq!(b.grow(usize::MAX, 100), Err(Exhausted));
        drop(a);
        assert_eq!(budget.used(), 40);
        assert_eq!((b.set(101, 100), b.set(50, 100), budget.used()), (Err(Exhausted), Ok(()), 50));
        assert_eq!((b.set(30, 100), budget.used()), (Ok(()), 30));
        let moved = b.take();
        assert_eq!(budget.used(), 30);
        drop(moved);
        assert_eq!(budget.used(), 0);
        b.grow(7, 100).unwrap();
        b.release();
        assert_eq!(budget.used(), 0);
    }
}
