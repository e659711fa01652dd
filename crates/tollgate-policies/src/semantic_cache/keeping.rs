//! Which answers are kept, and how they are put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{Answer as Answered, BodyEnd, BodyFilter, Passed, SemanticCache};
use tollgate_llm::{
    Answer, Api, Encoding, LlmRequest, MeterOptions, StreamMeter, Usage, UsageForClient,
};

use super::{Missed, entry};

/// Bytes that an answer takes besides its text: members, identifiers and usage, in either form.
const AROUND: usize = 4 << 10;

/// Why an answer is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unkept {
    /// It is no answer of a model, or it has not come to its end.
    Incomplete,
    /// The model wants something called, which is for this caller alone.
    Calls,
    /// It was cut off, filtered, or the model refused.
    Ending,
    /// It is longer than the cache takes.
    TooLong,
}

impl fmt::Display for Unkept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "it is no whole answer in text",
            Self::Calls => "the model wants something called",
            Self::Ending => "the answer was cut off, filtered or refused",
            Self::TooLong => "it is longer than the cache takes",
        })
    }
}

/// Whether an answer stands for itself.
fn judge(answer: &Answer) -> Result<(), Unkept> {
    // The words of all protocols for an answer that has said what it had to say.
    const GOOD: [&str; 5] = ["stop", "end_turn", "stop_sequence", "STOP", "completed"];
    if answer.choices.iter().any(|choice| !choice.calls.is_empty()) {
        return Err(Unkept::Calls);
    }
    let ended_well = answer.choices.iter().all(|choice| {
        let finish = choice.finish.as_deref();
        choice.refusal.is_empty() && finish.is_none_or(|finish| GOOD.contains(&finish))
    });
    if !ended_well {
        return Err(Unkept::Ending);
    }
    let says_nothing = answer.choices.iter().any(|choice| choice.text.trim().is_empty());
    if !answer.is_complete() || says_nothing { Err(Unkept::Incomplete) } else { Ok(()) }
}

/// An answer that is being kept as it passes to the client.
pub(crate) struct Keeping {
    cache: Arc<dyn SemanticCache>,
    missed: Missed,
    status: StatusCode,
    lifetime: Duration,
    taken: Taken,
    /// Bytes that have passed and are held.
    held: usize,
}

/// What has come of an answer.
enum Taken {
    /// Of one in a piece.
    Whole(Vec<u8>),
    /// Of a stream.
    Stream(Box<StreamMeter>),
    /// Nothing: there is no room for it.
    Nothing,
}

impl Keeping {
    /// Begins with a response of this status.
    pub(crate) fn new(
        cache: &Arc<dyn SemanticCache>,
        missed: Missed,
        status: StatusCode,
        lifetime: Duration,
        is_stream: bool,
    ) -> Self {
        let taken = if is_stream {
            Taken::Stream(Box::new(assembler(&missed, cache.largest())))
        } else {
            Taken::Whole(Vec::new())
        };
        Self { cache: Arc::clone(cache), missed, status, lifetime, taken, held: 0 }
    }

    fn take(&mut self, piece: &Bytes) {
        // A stream takes many times the room of what it says; its assembler keeps to the bound itself.
        let room = match &mut self.taken {
            Taken::Whole(body) => {
                body.extend_from_slice(piece);
                body.len() <= self.cache.largest()
            }
            Taken::Stream(meter) => {
                meter.push(piece.clone());
                true
            }
            Taken::Nothing => return,
        };
        if room {
            self.held = self.held.saturating_add(piece.len()).min(self.cache.largest());
        } else {
            self.forget();
        }
    }

    /// Keeps the answer, if it is one to be kept.
    fn keep(mut self) -> Result<Answered<'static, ()>, Unkept> {
        let entry = match std::mem::replace(&mut self.taken, Taken::Nothing) {
            Taken::Whole(body) => whole(&self.missed, &body)?,
            Taken::Stream(meter) => streamed(&self.missed, *meter)?,
            Taken::Nothing => return Err(Unkept::TooLong),
        };
        let entry = entry::write(self.status, &entry);
        if entry.len() > self.cache.largest() {
            return Err(Unkept::TooLong);
        }
        let Missed { partition, embedding, .. } = &self.missed;
        Ok(self.cache.keep(partition, embedding, entry, self.lifetime))
    }
}

impl BodyFilter for Keeping {
    fn piece(&mut self, piece: Bytes) -> Passed {
        self.take(&piece);
        Passed::On(piece)
    }

    fn keeps_length(&self) -> bool {
        true
    }

    fn held(&self) -> usize {
        self.held
    }

    fn forget(&mut self) {
        self.taken = Taken::Nothing;
        self.held = 0;
    }

    fn end(self: Box<Self>, how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        if how != BodyEnd::Whole {
            return None;
        }
        match self.keep() {
            Ok(Answered::Pending(kept)) => Some(kept),
            Ok(Answered::Ready(())) | Err(_) => None,
        }
    }
}

/// Keeps an answer that has been read, when it is one to be kept.
pub(crate) fn keep_at_hand(
    mut keeping: Keeping,
    body: &Bytes,
) -> Result<Answered<'static, ()>, Unkept> {
    keeping.take(body);
    keeping.keep()
}

fn assembler(missed: &Missed, largest: usize) -> StreamMeter {
    let mut options = MeterOptions::new(missed.api, Encoding::of_model(&missed.model));
    options.usage = UsageForClient::AsSent;
    options.assemble = largest;
    StreamMeter::new(options)
}

/// The body of an answer in one piece, as it is kept.
fn whole(missed: &Missed, body: &[u8]) -> Result<Vec<u8>, Unkept> {
    let answer = Answer::of_response(body, body.len() + AROUND).ok_or(Unkept::Incomplete)?;
    judge(&answer)?;
    if missed.api != Api::Responses {
        return Ok(body.to_vec());
    }
    // It repeats the instructions, metadata and user of whoever asked; written anew it does not.
    let usage = Usage::of_response(body).unwrap_or_default();
    answer.to_response(missed.api, usage).ok_or(Unkept::Incomplete)
}

/// Likewise, of a stream.
fn streamed(missed: &Missed, mut meter: StreamMeter) -> Result<Vec<u8>, Unkept> {
    meter.finish();
    let answer = meter.answer();
    judge(answer)?;
    if !meter.is_done() {
        return Err(Unkept::Incomplete);
    }
    let counted = || {
        let request = LlmRequest::parse(Some(missed.api), &missed.body, usize::MAX).ok();
        let prompt = request.map_or(0, |request| request.estimate_prompt_tokens(&missed.model));
        Usage::of_counts(prompt, meter.completion_tokens())
    };
    let usage = meter.usage().unwrap_or_else(counted);
    answer.to_response(missed.api, usage).ok_or(Unkept::Incomplete)
}
