//! Streams: events are held until the texts in them have been judged.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{BodyEnd, BodyFilter, Passed};
use tollgate_llm::StreamTexts;

use super::check::{Check, Refusal};
use super::windows::{Growing, Windows};

/// Bytes of an event that can be read.
const MAX_EVENT: usize = 1 << 20;

/// Bytes of events that are held at most until what is there of a window is judged.
const MAX_HELD: usize = 4 << 20;

/// Holds the events of a stream back until the service has judged the texts in them.
///
/// When a window of any text is full, and at the end, all that is new of each text is judged; then the events go on. What is
/// refused or cannot be judged ends the stream: no event after those that have gone on is sent, and nothing stands for it.
///
/// INVARIANT: an event goes on only after everything that it and those before it say has been judged.
pub(super) struct Guard {
    source: &'static str,
    check: Arc<Check>,
    windows: Windows,
    reader: StreamTexts,
    texts: Vec<Growing>,
    /// Whole events.
    events: BytesMut,
    state: State,
}

enum State {
    Reading,
    /// Of so many bytes of text.
    Judging(BoxFuture<'static, Result<(), Refusal>>, usize),
    Ended,
}

impl Guard {
    pub(super) fn new(source: &'static str, check: Arc<Check>, windows: Windows) -> Self {
        Self {
            source,
            check,
            windows,
            reader: StreamTexts::new(MAX_EVENT),
            texts: Vec::new(),
            events: BytesMut::new(),
            state: State::Reading,
        }
    }

    fn read(&mut self, piece: Option<&Bytes>) -> Result<(), Refusal> {
        let Self { reader, texts, events, .. } = self;
        let mut take = |number: usize, text: &str| {
            if texts.len() <= number {
                texts.resize_with(number + 1, Growing::default);
            }
            if let Some(growing) = texts.get_mut(number) {
                growing.push(text);
            }
        };
        let whole = match piece {
            Some(piece) => reader.push(piece, &mut take),
            None => reader.finish(&mut take),
        };
        events.extend_from_slice(&whole?);
        Ok(())
    }

    /// Begins to judge what is new.
    fn judge(&mut self) -> Passed {
        let windows = self.windows;
        let new = self.texts.iter_mut().filter(|text| text.has_new());
        let new: Vec<String> = new.map(|text| text.take(windows)).collect();
        let n_bytes = new.iter().map(String::len).sum();
        let check = Arc::clone(&self.check);
        let judging = Box::pin(async move { check.texts(&new, windows).await });
        self.state = State::Judging(judging, n_bytes);
        Passed::Wait
    }

    /// Lets the events go on.
    fn release(&mut self) -> Passed {
        Passed::On(self.events.split().freeze())
    }

    fn refuse(&mut self, refusal: &Refusal) -> Passed {
        self.check.tell(self.source, refusal);
        self.forget_all();
        Passed::Last(Bytes::new())
    }

    fn forget_all(&mut self) {
        (self.texts, self.events) = (Vec::new(), BytesMut::new());
        self.reader = StreamTexts::new(MAX_EVENT);
        self.state = State::Ended;
    }
}

impl BodyFilter for Guard {
    fn piece(&mut self, piece: Bytes) -> Passed {
        if matches!(self.state, State::Ended) {
            return Passed::Last(Bytes::new());
        }
        if let Err(refusal) = self.read(Some(&piece)) {
            return self.refuse(&refusal);
        }
        let windows = self.windows;
        let is_full = self.texts.iter().any(|text| text.is_full(windows));
        let has_new = self.texts.iter().any(Growing::has_new);
        match (is_full || self.events.len() > MAX_HELD, has_new) {
            (true, true) => self.judge(),
            (false, true) => Passed::On(Bytes::new()),
            (_, false) => self.release(),
        }
    }

    fn finish(&mut self) -> Passed {
        if matches!(self.state, State::Ended) {
            return Passed::Last(Bytes::new());
        }
        if let Err(refusal) = self.read(None) {
            return self.refuse(&refusal);
        }
        if self.texts.iter().any(Growing::has_new) { self.judge() } else { self.release() }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let verdict = match &mut self.state {
            State::Judging(judging, _) => ready!(judging.as_mut().poll(cx)),
            State::Reading => Ok(()),
            State::Ended => return Poll::Ready(Passed::Last(Bytes::new())),
        };
        Poll::Ready(match verdict {
            Ok(()) => {
                self.state = State::Reading;
                self.release()
            }
            Err(refusal) => self.refuse(&refusal),
        })
    }

    fn keeps_length(&self) -> bool {
        false
    }

    fn held(&self) -> usize {
        let texts: usize = self.texts.iter().map(Growing::held).sum();
        let judging = match self.state {
            State::Judging(_, n_bytes) => n_bytes,
            State::Reading | State::Ended => 0,
        };
        self.events.len() + self.reader.held() + texts + judging
    }

    fn forget(&mut self) {
        if !matches!(self.state, State::Ended) {
            self.check.tell(self.source, &Refusal::Memory);
            self.forget_all();
        }
    }

    /// Dropping ends a call that is under way.
    fn end(self: Box<Self>, _how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        None
    }
}
