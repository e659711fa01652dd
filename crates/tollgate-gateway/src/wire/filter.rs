//! What stands in the way of a response's body.

use bytes::{Bytes, BytesMut};
use tollgate_engine::ports::{BodyEnd, BodyFilter, Passed};

use super::budget::Held;

/// The filters of a body, in the order in which it passes them. None cost nothing.
#[derive(Default)]
pub(crate) struct Filters(Vec<Filtering>);

/// A filter, with the memory that it may need for what it holds. However it is dropped, it has been told the end.
pub(crate) struct Filtering {
    filter: Option<Box<dyn BodyFilter>>,
    held: Held,
    limit: usize,
}

impl Filters {
    /// Adds a filter behind those that are there.
    pub(crate) fn add(&mut self, filtering: Filtering) {
        self.0.push(filtering);
    }

    /// Whether the body stays as long as the backend has announced it.
    pub(crate) fn keep_length(&self) -> bool {
        self.0.iter().all(|it| it.filter.as_ref().is_none_or(|filter| filter.keeps_length()))
    }

    /// Takes a piece from the backend and gives what goes on.
    pub(crate) fn piece(&mut self, piece: Bytes) -> Passed {
        self.0.iter_mut().fold(Passed::On(piece), |passed, filtering| match passed {
            Passed::On(piece) => filtering.piece(piece),
            Passed::Last(rest) => Passed::Last(filtering.last(rest)),
        })
    }

    /// The backend has sent all: gives what is still to go on.
    pub(crate) fn finish(&mut self) -> Bytes {
        self.0.iter_mut().fold(Bytes::new(), |rest, filtering| filtering.last(rest))
    }

    /// The body is over.
    pub(crate) fn end(&mut self, how: BodyEnd) {
        for mut filtering in std::mem::take(&mut self.0) {
            filtering.end(how);
        }
    }
}

impl Filtering {
    /// `limit` is that of all buffered bodies of the process together.
    pub(crate) fn new(filter: Box<dyn BodyFilter>, held: Held, limit: usize) -> Self {
        Self { filter: Some(filter), held, limit }
    }

    fn piece(&mut self, piece: Bytes) -> Passed {
        let Some(filter) = &mut self.filter else { return Passed::On(piece) };
        if piece.is_empty() {
            return Passed::On(piece);
        }
        let passed = filter.piece(piece);
        if self.held.set(filter.held(), self.limit).is_err() {
            filter.forget();
            self.held.release();
        }
        passed
    }

    /// Gives what goes on of the last of the body.
    fn last(&mut self, piece: Bytes) -> Bytes {
        let (Passed::On(passed) | Passed::Last(passed)) = self.piece(piece);
        let rest = self.filter.as_mut().map(|filter| filter.finish()).unwrap_or_default();
        if passed.is_empty() {
            return rest;
        }
        if rest.is_empty() {
            return passed;
        }
        let mut all = BytesMut::from(passed);
        all.extend_from_slice(&rest);
        all.freeze()
    }

    fn end(&mut self, how: BodyEnd) {
        let work = self.filter.take().and_then(|filter| filter.end(how));
        let Some(work) = work else { return };
        // Without a runtime the process is ending, and nobody is left to be told.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let held = self.held.take();
            runtime.spawn(async move {
                work.await;
                drop(held);
            });
        }
    }
}

impl Drop for Filtering {
    fn drop(&mut self) {
        self.end(BodyEnd::Abandoned);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tollgate_engine::BoxFuture;

    use super::super::budget::Budget;
    use super::*;

    /// Holds everything in capitals, two bytes back; ends the body at a full stop.
    struct Capitals {
        kept: BytesMut,
        log: Arc<Mutex<Vec<String>>>,
    }

    impl BodyFilter for Capitals {
        fn piece(&mut self, piece: Bytes) -> Passed {
            self.kept.extend_from_slice(&piece.to_ascii_uppercase());
            if let Some(at) = self.kept.iter().position(|byte| *byte == b'.') {
                return Passed::Last(self.kept.split_to(at + 1).freeze());
            }
            let on = self.kept.len().saturating_sub(2);
            Passed::On(self.kept.split_to(on).freeze())
        }

        fn finish(&mut self) -> Bytes {
            self.log.lock().unwrap().push("finish".to_owned());
            self.kept.split().freeze()
        }

        fn keeps_length(&self) -> bool {
            false
        }

        fn held(&self) -> usize {
            self.kept.len()
        }

        fn forget(&mut self) {
            self.log.lock().unwrap().push("forget".to_owned());
            self.kept.clear();
        }

        fn end(self: Box<Self>, how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
            self.log.lock().unwrap().push(format!("{how:?}"));
            None
        }
    }

    fn capitals(n: usize, limit: usize) -> (Filters, Arc<Mutex<Vec<String>>>) {
        let log = Arc::<Mutex<Vec<String>>>::default();
        let budget = Arc::new(Budget::default());
        let mut filters = Filters::default();
        for _ in 0..n {
            let filter = Capitals { kept: BytesMut::new(), log: Arc::clone(&log) };
            filters.add(Filtering::new(Box::new(filter), budget.hold(), limit));
        }
        (filters, log)
    }

    #[test]
    fn pieces_pass_one_filter_after_the_other() {
        let (mut filters, log) = capitals(2, 100);
        assert!(!filters.keep_length() && Filters::default().keep_length());
        assert_eq!(filters.piece(Bytes::from_static(b"abc")), Passed::On(Bytes::new()));
        assert_eq!(
            filters.piece(Bytes::from_static(b"defg")),
            Passed::On(Bytes::from_static(b"ABC"))
        );
        assert_eq!(filters.finish(), "DEFG");
        filters.end(BodyEnd::Whole);
        assert_eq!(*log.lock().unwrap(), ["finish", "finish", "Whole", "Whole"]);
    }

    #[test]
    fn a_filter_can_end_the_body_and_is_told_when_nobody_takes_it() {
        let (mut filters, log) = capitals(2, 100);
        let passed = filters.piece(Bytes::from_static(b"abc.def"));
        assert_eq!(passed, Passed::Last(Bytes::from_static(b"ABC.")));
        drop(filters);
        assert_eq!(*log.lock().unwrap(), ["finish", "Abandoned", "Abandoned"]);
    }

    #[test]
    fn a_filter_without_memory_forgets() {
        let (mut filters, log) = capitals(1, 1);
        assert_eq!(
            filters.piece(Bytes::from_static(b"abcd")),
            Passed::On(Bytes::from_static(b"AB"))
        );
        assert_eq!(filters.finish(), "");
        filters.end(BodyEnd::Broken);
        assert_eq!(*log.lock().unwrap(), ["forget", "finish", "Broken"]);
    }
}
