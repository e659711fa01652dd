//! Who looks on while the body of a response passes.

use bytes::Bytes;
use tollgate_engine::ports::BodyObserver;

use super::budget::Held;

/// An observer, with the memory that it may need for what it has seen.
pub(crate) struct Observation {
    observer: Box<dyn BodyObserver>,
    held: Held,
    limit: usize,
}

impl Observation {
    /// `limit` is that of all buffered bodies of the process together.
    pub(crate) fn new(observer: Box<dyn BodyObserver>, held: Held, limit: usize) -> Self {
        Self { observer, held, limit }
    }

    /// Shows a piece. False when there is no memory for it, or no interest in it; what was seen is then of no use.
    pub(crate) fn piece(&mut self, piece: &Bytes) -> bool {
        self.held.grow(piece.len(), self.limit).is_ok() && self.observer.piece(piece)
    }

    /// Says that the body is whole. What has to wait then goes on by itself.
    pub(crate) fn end(self) {
        let Self { observer, held, .. } = self;
        if let Some(work) = observer.end() {
            tokio::spawn(async move {
                work.await;
                drop(held);
            });
        }
    }
}
