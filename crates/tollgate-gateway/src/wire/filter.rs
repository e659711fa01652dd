//! What stands in the way of a response's body.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tollgate_engine::ports::{BodyEnd, BodyFilter, Passed};

use super::budget::Held;

/// The filters of a body, in the order in which it passes them. None cost nothing.
#[derive(Default)]
pub(crate) struct Filters {
    list: Vec<Filtering>,
    /// What is on its way through them.
    passage: Option<Passage>,
}

/// A filter, with the memory that it may need for what it holds. However it is dropped, it has been told the end.
pub(crate) struct Filtering {
    filter: Option<Box<dyn BodyFilter>>,
    held: Held,
    limit: usize,
}

/// A piece on its way through the filters.
struct Passage {
    /// The filter that it has come to.
    at: usize,
    stage: Stage,
    /// What that filter takes, and then what it has given.
    piece: Bytes,
    /// Nothing follows: the backend has sent all, or a filter before has ended the body.
    is_last: bool,
}

#[derive(Clone, Copy)]
enum Stage {
    Piece,
    PieceWaits,
    Rest,
    RestWaits,
}

impl Filters {
    /// Adds a filter behind those that are there.
    pub(crate) fn add(&mut self, filtering: Filtering) {
        self.list.push(filtering);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the body stays as long as the backend has announced it.
    pub(crate) fn keep_length(&self) -> bool {
        self.list.iter().all(|it| it.filter.as_ref().is_none_or(|filter| filter.keeps_length()))
    }

    /// Takes a piece from the backend; [`poll`](Self::poll) gives what goes on. Nothing may be on its way.
    pub(crate) fn take(&mut self, piece: Bytes) {
        self.passage = Some(Passage { at: 0, stage: Stage::Piece, piece, is_last: false });
    }

    /// The backend has sent all; likewise.
    pub(crate) fn take_end(&mut self) {
        let piece = Bytes::new();
        self.passage = Some(Passage { at: 0, stage: Stage::Piece, piece, is_last: true });
    }

    /// Whether something is on its way.
    pub(crate) fn is_passing(&self) -> bool {
        self.passage.is_some()
    }

    /// Gives what has come through, [`Passed::Last`] when nothing follows. Dropping the future that polls loses nothing.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let Self { list, passage } = self;
        let Some(on_its_way) = passage else { return Poll::Pending };
        while let Some(filtering) = list.get_mut(on_its_way.at) {
            ready!(on_its_way.step(filtering, cx));
        }
        let Passage { piece, is_last, .. } = on_its_way;
        let piece = std::mem::take(piece);
        let passed = if *is_last { Passed::Last(piece) } else { Passed::On(piece) };
        *passage = None;
        Poll::Ready(passed)
    }

    /// The body is over.
    pub(crate) fn end(&mut self, how: BodyEnd) {
        self.passage = None;
        for mut filtering in std::mem::take(&mut self.list) {
            filtering.end(how);
        }
    }
}

impl Passage {
    /// Takes the piece a step further at the filter that it has come to.
    fn step(&mut self, filtering: &mut Filtering, cx: &mut Context<'_>) -> Poll<()> {
        match self.stage {
            Stage::Piece => match filtering.piece(std::mem::take(&mut self.piece)) {
                Passed::Wait => self.stage = Stage::PieceWaits,
                passed => self.gave(passed),
            },
            Stage::PieceWaits => {
                let passed = ready!(filtering.poll_waited(cx));
                self.gave(passed);
            }
            Stage::Rest => match filtering.finish() {
                Passed::Wait => self.stage = Stage::RestWaits,
                passed => self.gave_rest(passed),
            },
            Stage::RestWaits => {
                let passed = ready!(filtering.poll_waited(cx));
                self.gave_rest(passed);
            }
        }
        Poll::Ready(())
    }

    /// The filter has given this for the piece.
    fn gave(&mut self, passed: Passed) {
        let ended_before = self.is_last;
        match passed {
            Passed::On(piece) => self.piece = piece,
            Passed::Last(piece) => {
                self.piece = piece;
                self.is_last = true;
                return self.go_on();
            }
            Passed::Wait => {}
        }
        if ended_before {
            self.stage = Stage::Rest;
        } else {
            self.go_on();
        }
    }

    /// The filter has given this at the end of the body.
    fn gave_rest(&mut self, passed: Passed) {
        if let Passed::On(rest) | Passed::Last(rest) = passed {
            self.piece = joined(std::mem::take(&mut self.piece), rest);
        }
        self.go_on();
    }

    fn go_on(&mut self) {
        self.at += 1;
        self.stage = Stage::Piece;
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    if second.is_empty() {
        return first;
    }
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&second);
    all.freeze()
}

impl Filtering {
    /// `limit` is that of all buffered bodies of the process together.
    pub(crate) fn new(filter: Box<dyn BodyFilter>, held: Held, limit: usize) -> Self {
        Self { filter: Some(filter), held, limit }
    }

    fn piece(&mut self, piece: Bytes) -> Passed {
        let Some(filter) = self.filter.as_mut().filter(|_| !piece.is_empty()) else {
            return Passed::On(piece);
        };
        let passed = filter.piece(piece);
        self.account();
        passed
    }

    fn finish(&mut self) -> Passed {
        self.filter.as_mut().map_or(Passed::On(Bytes::new()), |filter| filter.finish())
    }

    fn poll_waited(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let Some(filter) = &mut self.filter else {
            return Poll::Ready(Passed::On(Bytes::new()));
        };
        let passed = ready!(filter.poll_waited(cx));
        self.account();
        Poll::Ready(passed)
    }

    /// Takes memory for what the filter holds now, or has it let go of that.
    fn account(&mut self) {
        let Some(filter) = &mut self.filter else { return };
        if self.held.set(filter.held(), self.limit).is_err() {
            filter.forget();
            self.held.release();
        }
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

        fn finish(&mut self) -> Passed {
            self.log.lock().unwrap().push("finish".to_owned());
            Passed::On(self.kept.split().freeze())
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

    fn poll(filters: &mut Filters) -> Poll<Passed> {
        filters.poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    fn piece(filters: &mut Filters, piece: &'static str) -> Passed {
        filters.take(Bytes::from_static(piece.as_bytes()));
        let Poll::Ready(passed) = poll(filters) else { panic!("waits") };
        passed
    }

    fn finish(filters: &mut Filters) -> Passed {
        filters.take_end();
        let Poll::Ready(passed) = poll(filters) else { panic!("waits") };
        passed
    }

    fn on(text: &'static str) -> Passed {
        Passed::On(Bytes::from_static(text.as_bytes()))
    }

    fn last(text: &'static str) -> Passed {
        Passed::Last(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn pieces_pass_one_filter_after_the_other() {
        let (mut filters, log) = capitals(2, 100);
        assert!(!filters.keep_length() && Filters::default().keep_length());
        assert_eq!(piece(&mut filters, "abc"), on(""));
        assert_eq!(piece(&mut filters, "defg"), on("ABC"));
        assert_eq!(finish(&mut filters), last("DEFG"));
        filters.end(BodyEnd::Whole);
        assert_eq!(*log.lock().unwrap(), ["finish", "finish", "Whole", "Whole"]);
    }

    #[test]
    fn a_filter_can_end_the_body_and_is_told_when_nobody_takes_it() {
        let (mut filters, log) = capitals(2, 100);
        assert_eq!(piece(&mut filters, "abc.def"), last("ABC."));
        drop(filters);
        assert_eq!(*log.lock().unwrap(), ["Abandoned", "Abandoned"]);
    }

    #[test]
    fn a_filter_without_memory_forgets() {
        let (mut filters, log) = capitals(1, 1);
        assert_eq!(piece(&mut filters, "abcd"), on("AB"));
        assert_eq!(finish(&mut filters), last(""));
        filters.end(BodyEnd::Broken);
        assert_eq!(*log.lock().unwrap(), ["forget", "finish", "Broken"]);
    }

    /// Waits once for each piece and for the end, and gives them back in brackets.
    #[derive(Default)]
    struct Slow {
        taken: BytesMut,
        asked: bool,
    }

    impl BodyFilter for Slow {
        fn piece(&mut self, piece: Bytes) -> Passed {
            self.taken.extend_from_slice(&piece);
            Passed::Wait
        }

        fn finish(&mut self) -> Passed {
            self.taken.extend_from_slice(b"end");
            Passed::Wait
        }

        fn poll_waited(&mut self, _cx: &mut Context<'_>) -> Poll<Passed> {
            self.asked = !self.asked;
            if self.asked {
                return Poll::Pending;
            }
            let taken = self.taken.split();
            let given = Bytes::from([b"[", &*taken, b"]"].concat());
            let is_last = taken.contains(&b'!');
            Poll::Ready(if is_last { Passed::Last(given) } else { Passed::On(given) })
        }

        fn keeps_length(&self) -> bool {
            false
        }

        fn end(self: Box<Self>, _how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
            None
        }
    }

    #[test]
    fn a_filter_can_wait() {
        let budget = Arc::new(Budget::default());
        let slow = || {
            let mut filters = Filters::default();
            for _ in 0..2 {
                filters.add(Filtering::new(Box::<Slow>::default(), budget.hold(), 100));
            }
            filters
        };
        // Each filter waits once for each thing that it is asked for.
        let passes = |filters: &mut Filters, n: usize, expected: Passed| {
            for _ in 0..n {
                assert!(filters.is_passing() && poll(filters).is_pending());
            }
            assert_eq!(poll(filters), Poll::Ready(expected));
            assert!(!filters.is_passing() && poll(filters).is_pending());
        };
        let mut filters = slow();
        filters.take(Bytes::from_static(b"a"));
        passes(&mut filters, 2, on("[[a]]"));
        filters.take_end();
        passes(&mut filters, 3, last("[[end]][end]"));
        let mut filters = slow();
        filters.take(Bytes::from_static(b"a!"));
        passes(&mut filters, 2, last("[[a!]]"));
    }
}
