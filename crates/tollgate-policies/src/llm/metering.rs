//! What a response used.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{BodyEnd, BodyFilter, Passed};
use tollgate_llm::{
    Answer, MeterOptions, RealtimeMeter, ResponseFacts, StreamMeter, Usage, UsageForClient,
};

use super::call::ModelCall;
use super::request::Asked;
use super::watch::{ResponseEnd, Watches};

/// While a stream passes, about so many tokens are charged together.
const STEP: u64 = 64;

/// What a stream is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    /// Tokens that may pass.
    pub(super) completion: u64,
    /// Tokens of the prompt, for the usage in an ending of the gateway's own.
    pub(super) prompt: u64,
}

/// A response of a model that is metered.
pub(super) struct Metering {
    pub(super) call: Arc<ModelCall>,
    pub(super) asked: Arc<Asked>,
    pub(super) watches: Watches,
    pub(super) bound: Option<Bound>,
}

impl Metering {
    /// Charges what the response has used, and tells who watches.
    fn over(&mut self, usage: Usage, model: &str) -> Work {
        self.call.spend(usage.total);
        self.watches.end(&ResponseEnd { usage, model })
    }

    fn meter(&self) -> StreamMeter {
        let mut options = MeterOptions::new(self.asked.api, self.asked.encoding());
        options.usage = self.asked.usage;
        if let Some(Bound { completion, prompt }) = self.bound {
            options.limit = Some(completion);
            options.prompt_tokens = prompt;
        }
        StreamMeter::new(options)
    }

    /// The tokens of a stream, by its usage when it came to its end, else by what has passed of it.
    fn used_by_stream(&self, meter: &StreamMeter, is_whole: bool) -> Usage {
        match meter.usage() {
            Some(usage) if is_whole || meter.is_done() => usage,
            // Some protocols say it in parts, of which the last had not come.
            Some(mut usage) => {
                usage.completion = usage.completion.max(meter.completion_tokens());
                usage.total = usage.prompt.saturating_add(usage.completion);
                usage
            }
            None => Usage::of_counts(self.call.prompt_tokens_asked(), meter.completion_tokens()),
        }
    }

    /// A stream is over, wholly or not.
    fn stream_over(&mut self, meter: &StreamMeter, is_whole: bool) -> Work {
        let usage = self.used_by_stream(meter, is_whole);
        self.over(usage, meter.model())
    }

    /// A stream was read to its end; gives what the client is to see of it.
    pub(super) fn read_stream(mut self, body: Bytes) -> (Bytes, Work) {
        let mut meter = self.meter();
        let mut seen = BytesMut::from(meter.push(body));
        seen.extend_from_slice(&meter.finish());
        (seen.freeze(), self.stream_over(&meter, true))
    }

    /// An answer that is no stream was read, or as much of it as there will be.
    pub(super) fn read_whole(mut self, body: &[u8]) -> Work {
        let ResponseFacts { usage, model } = ResponseFacts::of_response(body);
        let usage = usage.unwrap_or_else(|| self.counted(body));
        self.over(usage, &model)
    }

    /// The tokens of an answer without usage.
    fn counted(&self, body: &[u8]) -> Usage {
        let completion = match Answer::of_response(body, body.len()) {
            Some(answer) => answer.completion_tokens(self.asked.encoding()),
            // What it was cannot be known, so whoever holds it to a bound takes it for all of that.
            None => self.bound.map_or(0, |bound| bound.completion),
        };
        Usage::of_counts(self.call.prompt_tokens_asked(), completion)
    }
}

/// What those who watch have to do yet.
type Work = Vec<BoxFuture<'static, ()>>;

/// All of it, one after the other.
fn together(mut work: Work) -> Option<BoxFuture<'static, ()>> {
    if work.len() < 2 {
        return work.pop();
    }
    Some(Box::pin(async move {
        for work in work {
            work.await;
        }
    }))
}

/// Meters a stream as it passes.
pub(super) struct Metered {
    metering: Metering,
    meter: StreamMeter,
    /// The quick count when the exact one had just been told.
    looked_at: u64,
}

impl Metered {
    pub(super) fn new(metering: Metering) -> Self {
        Self { meter: metering.meter(), metering, looked_at: 0 }
    }
}

impl BodyFilter for Metered {
    fn piece(&mut self, piece: Bytes) -> Passed {
        let passed = self.meter.push(piece);
        // The quick count is high; only when it has moved on is it worth to count exactly.
        if self.meter.completion_tokens_at_most() >= self.looked_at.saturating_add(STEP) {
            self.meter.settle();
            self.looked_at = self.meter.completion_tokens_at_most();
            self.metering.call.progress(self.meter.completion_tokens());
        }
        if self.meter.is_ended() { Passed::Last(passed) } else { Passed::On(passed) }
    }

    fn finish(&mut self) -> Passed {
        Passed::On(self.meter.finish())
    }

    fn keeps_length(&self) -> bool {
        self.metering.asked.usage != UsageForClient::Strip && self.metering.bound.is_none()
    }

    fn end(mut self: Box<Self>, how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        together(self.metering.stream_over(&self.meter, how == BodyEnd::Whole))
    }
}

/// Looks on while the messages of a Realtime backend pass.
pub(super) struct Realtime {
    metering: Metering,
    meter: RealtimeMeter,
}

impl Realtime {
    pub(super) fn new(metering: Metering) -> Self {
        Self { metering, meter: RealtimeMeter::default() }
    }
}

impl BodyFilter for Realtime {
    fn piece(&mut self, piece: Bytes) -> Passed {
        let before = self.meter.usage().total;
        self.meter.push(&piece);
        let total = self.meter.usage().total;
        if total > before {
            self.metering.call.progress(total);
        }
        Passed::On(piece)
    }

    fn keeps_length(&self) -> bool {
        true
    }

    fn held(&self) -> usize {
        self.meter.held()
    }

    fn forget(&mut self) {
        self.meter.forget();
    }

    fn end(mut self: Box<Self>, _how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        together(self.metering.over(self.meter.usage(), ""))
    }
}

/// Bytes of an answer that is no stream that are looked at for its usage.
const MOST: usize = 16 << 20;

/// Looks on while an answer passes that is no stream.
pub(super) struct Whole {
    metering: Metering,
    /// What has passed; none when it is too much.
    body: Option<Vec<u8>>,
}

impl Whole {
    /// `can_tell` is whether such a body may say what was used.
    pub(super) fn new(metering: Metering, can_tell: bool) -> Self {
        Self { metering, body: can_tell.then(Vec::new) }
    }
}

impl BodyFilter for Whole {
    fn piece(&mut self, piece: Bytes) -> Passed {
        self.body = self.body.take().filter(|body| body.len() + piece.len() <= MOST);
        if let Some(body) = &mut self.body {
            body.extend_from_slice(&piece);
        }
        Passed::On(piece)
    }

    fn keeps_length(&self) -> bool {
        true
    }

    fn held(&self) -> usize {
        self.body.as_ref().map_or(0, Vec::len)
    }

    fn forget(&mut self) {
        self.body = None;
    }

    fn end(self: Box<Self>, _how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        let body = self.body.unwrap_or_default();
        together(self.metering.read_whole(&body))
    }
}
