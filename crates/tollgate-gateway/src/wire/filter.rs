//! What stands in the way of a response's body.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tollgate_engine::ports::{BodyEnd, BodyFilter, Passed};

use super::budget::Held;

/// The filters of a body, in the order in which it passes them. None cost nothing.
#[derive(Default)]
pub(crate) struct Filters {
    all: Vec<Filtering>,
    /// What stopped at a filter that waits.
    stopped: Option<OnItsWay>,
}

/// What has come through all filters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// This goes on; nothing, when it is empty.
    Piece(Bytes),
    /// The body ends with this, and so.
    End(Bytes, BodyEnd),
    /// A filter waits: [`Filters::poll`] is to be asked.
    Nothing,
}

/// A piece between two filters.
struct OnItsWay {
    /// The filter that it is at.
    at: usize,
    step: Step,
    piece: Bytes,
    /// How the body ends with it, if it does.
    end: Option<BodyEnd>,
}

/// What is asked of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// To take the piece.
    Take,
    /// To give what it still has: the piece stands before it.
    Finish,
}

/// A filter, with the memory that it may need for what it holds. However it is dropped, it has been told the end.
pub(crate) struct Filtering {
    filter: Option<Box<dyn BodyFilter>>,
    held: Held,
    limit: usize,
}

impl Filters {
    /// Adds a filter behind those that are there.
    pub(crate) fn add(&mut self, filtering: Filtering) {
        self.all.push(filtering);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether the body stays as long as the backend has announced it.
    pub(crate) fn keep_length(&self) -> bool {
        self.all.iter().all(|it| it.filter.as_ref().is_none_or(|filter| filter.keeps_length()))
    }

    /// Whether a filter waits, so that nothing more may be read from the backend.
    pub(crate) fn wait(&self) -> bool {
        self.stopped.is_some()
    }

    /// Takes a piece from the backend. Not while a filter waits.
    pub(crate) fn piece(&mut self, piece: Bytes) -> Through {
        self.pass(OnItsWay { at: 0, step: Step::Take, piece, end: None }, None)
    }

    /// The backend has sent all. Not while a filter waits.
    pub(crate) fn finish(&mut self) -> Through {
        let (piece, end) = (Bytes::new(), Some(BodyEnd::Whole));
        self.pass(OnItsWay { at: 0, step: Step::Take, piece, end }, None)
    }

    /// Goes on when a filter has waited. Dropping what asks loses nothing.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Through> {
        let Some(stopped) = &self.stopped else { return Poll::Ready(Through::Nothing) };
        let passed = match self.all.get_mut(stopped.at) {
            Some(filtering) => ready!(filtering.poll(cx)),
            None => Passed::On(Bytes::new()),
        };
        Poll::Ready(match self.stopped.take() {
            Some(stopped) => self.pass(stopped, Some(passed)),
            None => Through::Nothing,
        })
    }

    /// Takes a piece on, from where it is; `answered` is what the filter there has said already.
    fn pass(&mut self, mut on_its_way: OnItsWay, mut answered: Option<Passed>) -> Through {
        while let Some(filtering) = self.all.get_mut(on_its_way.at) {
            let OnItsWay { at, step, piece, end } = &mut on_its_way;
            let passed = answered.take().unwrap_or_else(|| match step {
                Step::Take => filtering.piece(std::mem::take(piece)),
                Step::Finish => filtering.finish(),
            });
            let is_last = matches!(passed, Passed::Last(_));
            match passed {
                Passed::Wait => {
                    self.stopped = Some(on_its_way);
                    return Through::Nothing;
                }
                Passed::On(passed) | Passed::Last(passed) => {
                    *piece = joined(std::mem::take(piece), passed);
                }
            }
            if is_last {
                *end = Some(BodyEnd::Early);
            } else if end.is_some() && *step == Step::Take {
                *step = Step::Finish;
                continue;
            }
            *at += 1;
            *step = Step::Take;
        }
        match on_its_way.end {
            Some(end) => Through::End(on_its_way.piece, end),
            None => Through::Piece(on_its_way.piece),
        }
    }

    /// The body is over.
    pub(crate) fn end(&mut self, how: BodyEnd) {
        self.stopped = None;
        for mut filtering in std::mem::take(&mut self.all) {
            filtering.end(how);
        }
    }
}

/// One after the other; copied only when both have something.
fn joined(first: Bytes, second: Bytes) -> Bytes {
    if second.is_empty() {
        return first;
    }
    if first.is_empty() {
        return second;
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
        if piece.is_empty() {
            return Passed::On(piece);
        }
        let Some(filter) = &mut self.filter else { return Passed::On(piece) };
        let passed = filter.piece(piece);
        self.account();
        passed
    }

    fn finish(&mut self) -> Passed {
        let Some(filter) = &mut self.filter else { return Passed::On(Bytes::new()) };
        filter.finish()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let Some(filter) = &mut self.filter else { return Poll::Ready(Passed::On(Bytes::new())) };
        let passed = ready!(filter.poll(cx));
        self.account();
        if passed == Passed::Wait {
            // Asked again by the next poll: looping here would leave it to a filter when this one ends.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(passed)
    }

    /// Takes the memory for what the filter holds now, or has it forget.
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

    fn whole(rest: &'static str) -> Through {
        Through::End(Bytes::from_static(rest.as_bytes()), BodyEnd::Whole)
    }

    #[test]
    fn pieces_pass_one_filter_after_the_other() {
        let (mut filters, log) = capitals(2, 100);
        assert!(!filters.keep_length() && Filters::default().keep_length());
        assert_eq!(filters.piece(Bytes::from_static(b"abc")), Through::Piece(Bytes::new()));
        assert_eq!(
            filters.piece(Bytes::from_static(b"defg")),
            Through::Piece(Bytes::from_static(b"ABC"))
        );
        assert_eq!(filters.finish(), whole("DEFG"));
        filters.end(BodyEnd::Whole);
        assert_eq!(*log.lock().unwrap(), ["finish", "finish", "Whole", "Whole"]);
    }

    #[test]
    fn a_filter_can_end_the_body_and_is_told_when_nobody_takes_it() {
        let (mut filters, log) = capitals(2, 100);
        let passed = filters.piece(Bytes::from_static(b"abc.def"));
        assert_eq!(passed, Through::End(Bytes::from_static(b"ABC."), BodyEnd::Early));
        drop(filters);
        assert_eq!(*log.lock().unwrap(), ["Abandoned", "Abandoned"]);
    }

    #[test]
    fn a_filter_without_memory_forgets() {
        let (mut filters, log) = capitals(1, 1);
        assert_eq!(
            filters.piece(Bytes::from_static(b"abcd")),
            Through::Piece(Bytes::from_static(b"AB"))
        );
        assert_eq!(filters.finish(), whole(""));
        filters.end(BodyEnd::Broken);
        assert_eq!(*log.lock().unwrap(), ["forget", "finish", "Broken"]);
    }

    /// Waits for so many polls after each piece, and at the end; then lets pass what it has, unless `#` is in it.
    struct Patient {
        kept: BytesMut,
        waits: usize,
        left: usize,
    }

    impl Patient {
        fn wait(&mut self) -> Passed {
            self.left = self.waits;
            Passed::Wait
        }
    }

    impl BodyFilter for Patient {
        fn piece(&mut self, piece: Bytes) -> Passed {
            self.kept.extend_from_slice(&piece);
            self.wait()
        }

        fn finish(&mut self) -> Passed {
            self.kept.extend_from_slice(b"!");
            self.wait()
        }

        fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<Passed> {
            let Some(left) = self.left.checked_sub(1) else {
                let kept = self.kept.split().freeze();
                let is_last = kept.contains(&b'#');
                return Poll::Ready(if is_last { Passed::Last(kept) } else { Passed::On(kept) });
            };
            self.left = left;
            // Both ways to say that it is not ready.
            if left % 2 == 0 { Poll::Ready(Passed::Wait) } else { Poll::Pending }
        }

        fn keeps_length(&self) -> bool {
            false
        }

        fn held(&self) -> usize {
            self.kept.len()
        }

        fn end(self: Box<Self>, _how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
            None
        }
    }

    fn patient(waits: &[usize]) -> (Filters, Arc<Budget>) {
        let budget = Arc::new(Budget::default());
        let mut filters = Filters::default();
        for waits in waits {
            let filter = Patient { kept: BytesMut::new(), waits: *waits, left: 0 };
            filters.add(Filtering::new(Box::new(filter), budget.hold(), 100));
        }
        (filters, budget)
    }

    /// What comes through in the end, and how often it was not ready.
    fn waited(filters: &mut Filters, first: Through) -> (Through, usize) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let (mut through, mut pending) = (first, 0);
        while filters.wait() && pending < 100 {
            match filters.poll(&mut cx) {
                Poll::Ready(now) => through = now,
                Poll::Pending => pending += 1,
            }
        }
        (through, pending)
    }

    #[test]
    fn filters_may_wait_one_after_the_other() {
        let (mut filters, budget) = patient(&[2, 0, 3]);
        let first = filters.piece(Bytes::from_static(b"abc"));
        assert!(first == Through::Nothing && filters.wait());
        assert_eq!(budget.used(), 3);
        let (through, pending) = waited(&mut filters, first);
        assert_eq!((through, pending), (Through::Piece(Bytes::from_static(b"abc")), 5));
        assert_eq!(budget.used(), 0);
        // Each gives its own rest behind what the ones before it gave.
        let rest = filters.finish();
        let (through, pending) = waited(&mut filters, rest);
        assert_eq!((through, pending), (whole("!!!"), 2 + 2 * 3));
    }

    #[test]
    fn a_filter_that_has_waited_can_end_the_body() {
        let (mut filters, _) = patient(&[1, 1]);
        let first = filters.piece(Bytes::from_static(b"a#"));
        let (through, _) = waited(&mut filters, first);
        assert_eq!(through, Through::End(Bytes::from_static(b"a#"), BodyEnd::Early));
        filters.end(BodyEnd::Early);
        assert!(!filters.wait());
    }

    #[test]
    fn filters_behind_one_that_ends_the_body_give_their_rest() {
        let (mut filters, _) = capitals(1, 100);
        let (patient, _) = patient(&[1]);
        filters.all.extend(patient.all);
        let first = filters.piece(Bytes::from_static(b"abc.def"));
        let (through, _) = waited(&mut filters, first);
        assert_eq!(through, Through::End(Bytes::from_static(b"ABC.!"), BodyEnd::Early));
    }

    #[test]
    fn what_waits_is_dropped_with_the_filters() {
        let (mut filters, budget) = patient(&[1]);
        assert_eq!(filters.piece(Bytes::from_static(b"abc")), Through::Nothing);
        drop(filters);
        assert_eq!(budget.used(), 0);
    }
}
