//! What a response used.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::{BodyEnd, BodyFilter, Passed};
use tollgate_llm::{Answer, MeterOptions, StreamMeter, Usage, UsageForClient};

use super::call::ModelCall;
use super::request::Asked;

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

/// Meters a stream as it passes.
pub(super) struct Metered {
    call: Arc<ModelCall>,
    meter: StreamMeter,
    /// The quick count when the exact one was told last.
    looked_at: u64,
    keeps_length: bool,
}

impl Metered {
    pub(super) fn new(call: &Arc<ModelCall>, asked: &Asked, bound: Option<Bound>) -> Self {
        let keeps_length = asked.usage != UsageForClient::Strip && bound.is_none();
        Self { call: Arc::clone(call), meter: meter(asked, bound), looked_at: 0, keeps_length }
    }
}

impl BodyFilter for Metered {
    fn piece(&mut self, piece: Bytes) -> Passed {
        let passed = self.meter.push(piece);
        // The quick count is a little high; only when it has moved on is it worth to count exactly.
        let about = self.meter.completion_tokens_at_most();
        if about >= self.looked_at.saturating_add(STEP) {
            self.looked_at = about;
            self.call.progress(self.meter.completion_tokens());
        }
        if self.meter.is_ended() { Passed::Last(passed) } else { Passed::On(passed) }
    }

    fn finish(&mut self) -> Passed {
        Passed::On(self.meter.finish())
    }

    fn keeps_length(&self) -> bool {
        self.keeps_length
    }

    fn end(self: Box<Self>, how: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        let tokens = used_by_stream(&self.call, &self.meter, how == BodyEnd::Whole);
        self.call.spend(tokens)
    }
}

/// The tokens of a stream, by its usage when it came to its end, else by what has passed of it.
fn used_by_stream(call: &ModelCall, meter: &StreamMeter, is_whole: bool) -> u64 {
    match meter.usage() {
        Some(usage) if is_whole || meter.is_done() => usage.total,
        // Some protocols say it in parts, of which the last had not come.
        Some(usage) => usage.prompt.saturating_add(usage.completion.max(meter.completion_tokens())),
        None => call.prompt_tokens_asked().saturating_add(meter.completion_tokens()),
    }
}

/// Bytes of an answer that is no stream that are looked at for its usage.
const MOST: usize = 16 << 20;

/// Looks on while an answer passes that is no stream.
pub(super) struct Whole {
    call: Arc<ModelCall>,
    asked: Asked,
    /// What has passed; none when it is too much.
    body: Option<Vec<u8>>,
}

impl Whole {
    pub(super) fn new(call: &Arc<ModelCall>, asked: Asked) -> Self {
        Self { call: Arc::clone(call), asked, body: Some(Vec::new()) }
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
        let tokens = used_by(&self.call, &self.asked, &body);
        self.call.spend(tokens)
    }
}

/// The tokens of an answer that has been read: as its usage says, else as they can be counted.
pub(super) fn used_by(call: &ModelCall, asked: &Asked, body: &[u8]) -> u64 {
    if let Some(usage) = Usage::of_response(body) {
        return usage.total;
    }
    let answer = Answer::of_response(body, body.len());
    let completion = answer.map_or(0, |answer| answer.completion_tokens(asked.encoding()));
    call.prompt_tokens_asked().saturating_add(completion)
}

/// Likewise for a stream that has been read to its end; and what the client is to see of it.
pub(super) fn used_by_read_stream(
    call: &ModelCall,
    asked: &Asked,
    bound: Option<Bound>,
    body: Bytes,
) -> (u64, Bytes) {
    let mut meter = meter(asked, bound);
    let mut seen = BytesMut::from(meter.push(body));
    seen.extend_from_slice(&meter.finish());
    (used_by_stream(call, &meter, true), seen.freeze())
}

fn meter(asked: &Asked, bound: Option<Bound>) -> StreamMeter {
    let mut options = MeterOptions::new(asked.api, asked.encoding());
    options.usage = asked.usage;
    if let Some(Bound { completion, prompt }) = bound {
        options.limit = Some(completion);
        options.prompt_tokens = prompt;
    }
    StreamMeter::new(options)
}
