//! Streams as they pass: what they cost, what they say, how to end them.

mod alike;
mod counts;
pub(crate) mod delta;
mod ending;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Buf as _, Bytes, BytesMut};

use crate::answer::Answer;
use crate::api::Api;
use crate::json::{Brackets, Value};
use crate::sse::{Event, EventEnds};
use crate::tokens::Encoding;
use crate::usage::{Usage, UsageParts};

use alike::{Alike, Model};
use counts::Counts;
use delta::{Envelope, Piece};
use ending::Opening;

/// What the client is to see of a stream's usage (chat completions and completions; the other protocols always have it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageForClient {
    /// What the backend sends.
    AsSent,
    /// What the backend sends, because the client asked; an ending that the meter writes has it too.
    Asked,
    /// Nothing, because only the gateway asked: the chunk for the usage alone is dropped, `usage` is cut from the others.
    Strip,
}

/// How a stream is metered.
#[derive(Clone, Debug)]
pub struct MeterOptions {
    /// The protocol of the request.
    pub api: Api,
    /// The encoding of the model.
    pub encoding: Encoding,
    /// What the client is to see of the usage.
    pub usage: UsageForClient,
    /// Tokens of the prompt, for the usage in endings that the meter writes.
    pub prompt_tokens: u64,
    /// Tokens that may be delivered: the event that would go beyond them is not forwarded, and the stream is ended.
    pub limit: Option<u64>,
    /// Bytes of the answer that are put together for [`StreamMeter::answer`]; 0 for none.
    pub assemble: usize,
    /// Bytes of an event that is held until it is whole; what is larger is passed on unread.
    pub max_event: usize,
}

impl MeterOptions {
    /// Metering alone: no limit, no answer put together, events of up to 1 MiB.
    pub fn new(api: Api, encoding: Encoding) -> Self {
        Self {
            api,
            encoding,
            usage: UsageForClient::AsSent,
            prompt_tokens: 0,
            limit: None,
            assemble: 0,
            max_event: 1 << 20,
        }
    }
}

/// Meters a stream of server-sent events on its way from a backend to a client.
///
/// Chunks go in as they come, and what goes on to the client comes out. Whole events are passed on byte for byte, as
/// slices of the chunk; an event that is cut by the end of a chunk is held until it is whole, which costs a client
/// nothing, since it cannot read half an event. So what has been forwarded is what has been counted.
///
/// INVARIANT: what is forwarded, all in all, does not depend on how the backend's bytes are cut into chunks. Memory is
/// bounded by `max_event`, `assemble` and some kilobytes for each of at most 64 texts that are counted side by side.
///
/// ```
/// use bytes::Bytes;
/// use tollgate_llm::{Api, Encoding, MeterOptions, StreamMeter};
///
/// let mut meter = StreamMeter::new(MeterOptions::new(Api::ChatCompletions, Encoding::O200k));
/// let chunk = Bytes::from_static(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi there\"}}]}\n\n");
/// assert_eq!(meter.push(chunk.clone()), chunk);
/// assert_eq!(meter.completion_tokens(), 2);
/// ```
#[derive(Debug)]
pub struct StreamMeter {
    options: MeterOptions,
    ends: EventEnds,
    /// The beginning of an event that is not whole yet.
    held: Vec<u8>,
    phase: Phase,
    brackets: Brackets,
    counts: Counts,
    usage: UsageParts,
    opening: Opening,
    answer: Answer,
    /// The last event, when the next ones may be like it.
    model: Option<Model>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    /// Passing on an event that is too large to be read.
    Skipping,
    /// The meter has ended the stream.
    Ended,
}

/// What becomes of an event.
enum Verdict {
    Keep,
    Drop,
    /// These bytes of the event are left out.
    Cut(Range<usize>),
    /// It is not forwarded, and the stream ends before it.
    End,
}

impl StreamMeter {
    /// A meter for one stream.
    pub fn new(options: MeterOptions) -> Self {
        Self {
            ends: EventEnds::default(),
            held: Vec::new(),
            phase: Phase::Reading,
            brackets: Brackets::default(),
            counts: Counts::new(options.encoding),
            usage: UsageParts::default(),
            opening: Opening::new(options.api),
            answer: Answer::default(),
            model: None,
            options,
        }
    }

    /// Takes a chunk from the backend and gives what goes on to the client, which may be empty. After the meter has
    /// ended the stream, everything is dropped: see [`is_ended`](Self::is_ended).
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.phase == Phase::Ended {
            return Bytes::new();
        }
        let mut out = Out { chunk, pieces: Vec::new(), run: 0 };
        let mut start = 0;
        while let Some(end) = self.ends.next(&out.chunk, start) {
            let verdict = self.event(&mut out, start, end);
            start = end;
            if matches!(verdict, Verdict::End) {
                out.leave_out(start..out.chunk.len());
                let ending = self.ending();
                out.pieces.push(ending);
                return out.into_bytes();
            }
        }
        self.rest(&mut out, start);
        out.into_bytes()
    }

    /// Takes the event that ends at `end` in the chunk; its beginning may be held.
    fn event(&mut self, out: &mut Out, start: usize, end: usize) -> Verdict {
        if self.phase == Phase::Skipping {
            self.phase = Phase::Reading;
            return Verdict::Keep;
        }
        let tail = out.chunk.get(start..end).unwrap_or_default();
        if self.held.len() + tail.len() > self.options.max_event {
            // Larger than what is read, though it could have been: what is read must not depend on the chunks.
            self.answer.set_incomplete();
            out.put_held(&mut self.held);
            return Verdict::Keep;
        }
        if self.held.is_empty() {
            let verdict = self.see(tail);
            match &verdict {
                Verdict::Keep => {}
                Verdict::Drop | Verdict::End => out.leave_out(start..end),
                Verdict::Cut(span) => out.leave_out(start + span.start..start + span.end),
            }
            return verdict;
        }
        self.held.extend_from_slice(tail);
        let event = Bytes::from(std::mem::take(&mut self.held));
        let verdict = self.see(&event);
        out.leave_out(start..end);
        match &verdict {
            Verdict::Keep => out.pieces.push(event),
            Verdict::Drop | Verdict::End => {}
            Verdict::Cut(span) => {
                out.pieces.push(event.slice(..span.start));
                out.pieces.push(event.slice(span.end..));
            }
        }
        verdict
    }

    /// Holds the beginning of an event, or lets it pass when it is too large.
    fn rest(&mut self, out: &mut Out, start: usize) {
        if self.phase == Phase::Skipping {
            return;
        }
        let rest = out.chunk.get(start..).unwrap_or_default();
        if rest.is_empty() {
            return;
        }
        if self.held.len() + rest.len() <= self.options.max_event {
            self.held.extend_from_slice(rest);
            let end = out.chunk.len();
            out.leave_out(start..end);
            return;
        }
        self.phase = Phase::Skipping;
        self.answer.set_incomplete();
        out.put_held(&mut self.held);
    }

    /// Tells that the backend has ended its stream, and gives what was held: an event that was not ended by an empty
    /// line. A stream that the meter has ended has nothing more.
    pub fn finish(&mut self) -> Bytes {
        if self.phase != Phase::Reading {
            return Bytes::new();
        }
        let event = Bytes::from(std::mem::take(&mut self.held));
        match self.see(&event) {
            Verdict::Keep => event,
            Verdict::Drop => Bytes::new(),
            Verdict::Cut(span) => {
                let kept = [event.slice(..span.start), event.slice(span.end..)];
                concatenated(&kept)
            }
            Verdict::End => self.ending(),
        }
    }

    /// Ends the stream now, as if the model had met its bound: gives the last events that the protocol asks for, and
    /// drops what the backend still sends. Nothing when the stream has already been ended, by either side.
    pub fn end(&mut self) -> Bytes {
        if self.phase == Phase::Ended || self.opening.is_done() {
            self.phase = Phase::Ended;
            return Bytes::new();
        }
        let separator = if self.phase == Phase::Skipping { "\n\n" } else { "" };
        let ending = self.ending();
        concatenated(&[Bytes::from_static(separator.as_bytes()), ending])
    }

    fn ending(&mut self) -> Bytes {
        self.phase = Phase::Ended;
        self.held = Vec::new();
        let usage = Usage::of_counts(self.options.prompt_tokens, self.completion_tokens());
        Bytes::from(self.opening.ending(usage, self.options.usage, &self.answer))
    }

    /// Bytes that the meter holds: of an event that is not whole yet, and of the answer that is put together.
    pub fn held(&self) -> usize {
        self.held.len() + self.answer.size()
    }

    /// Whether the meter has ended the stream, so that the exchange with the backend can be given up.
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether the backend has sent the last event of its protocol. A stream that stops before is truncated.
    pub fn is_done(&self) -> bool {
        self.opening.is_done()
    }

    /// Tokens of everything that was forwarded, counted by the encoding: text, refusals, visible reasoning, names and
    /// arguments of calls. Costs some microseconds, so ask for it at the end or now and then.
    pub fn completion_tokens(&self) -> u64 {
        self.counts.total()
    }

    /// Counts what has passed, so that [`completion_tokens`](Self::completion_tokens) has little left to count.
    pub fn settle(&mut self) {
        self.counts.settle();
    }

    /// At least as many as [`completion_tokens`](Self::completion_tokens), by no more than some hundred; costs nothing.
    pub fn completion_tokens_at_most(&self) -> u64 {
        self.counts.at_most()
    }

    /// What the backend has said of the usage so far. Anthropic's and Google's say it in parts, so take it at the end.
    pub fn usage(&self) -> Option<Usage> {
        self.usage.usage()
    }

    /// The model that answers, as it calls itself; empty until it does.
    pub fn model(&self) -> &str {
        &self.answer.model
    }

    /// The answer so far, within the bound of [`MeterOptions::assemble`].
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    fn see(&mut self, bytes: &[u8]) -> Verdict {
        if let Some(alike) = self.model.as_ref().and_then(|model| model.read(bytes)) {
            let Alike { choice, part, text, cut } = alike;
            return match self.take_piece(Piece::Delta { choice, part, text: Cow::Borrowed(text) }) {
                Room::Left => cut.map_or(Verdict::Keep, Verdict::Cut),
                Room::Exhausted => Verdict::End,
            };
        }
        let event = Event::read(bytes);
        if event.data.is_empty() {
            return Verdict::Keep;
        }
        if &*event.data == b"[DONE]" {
            self.opening.done();
            return Verdict::Keep;
        }
        let mut brackets = std::mem::take(&mut self.brackets);
        let root = Value::of_indexed(&event.data, &mut brackets).filter(|root| root.is_object());
        let verdict = if let Some(root) = root {
            self.see_json(root, event.data_at, bytes)
        } else {
            self.answer.set_incomplete();
            self.model = None;
            Verdict::Keep
        };
        self.brackets = brackets;
        verdict
    }

    fn see_json(&mut self, root: Value<'_>, data_at: Option<usize>, bytes: &[u8]) -> Verdict {
        let envelope = Envelope::read(root);
        let mut room = Room::Left;
        let mut n_pieces = 0;
        let mut only = None;
        envelope.pieces(&mut |piece| {
            n_pieces += 1;
            if let Piece::Delta { choice, part, text: Cow::Borrowed(text) } = piece {
                only = Some((choice, part, text));
            }
            if room == Room::Left {
                room = self.take_piece(piece);
            }
        });
        let last = self.model.take();
        if room == Room::Exhausted {
            return Verdict::End;
        }
        self.take_usage(&envelope);
        self.opening.see(&envelope);
        if self.options.assemble > 0 || self.answer.model.is_empty() {
            self.answer.take_head(&envelope);
        }
        let verdict = self.verdict(&envelope, data_at);
        let cut = match &verdict {
            Verdict::Keep => None,
            Verdict::Cut(span) => Some(span.clone()),
            Verdict::Drop | Verdict::End => return verdict,
        };
        if let Some(text) = only.filter(|_| n_pieces == 1) {
            self.model = Model::of(last, bytes, &envelope, text, cut);
        }
        verdict
    }

    fn take_piece(&mut self, piece: Piece<'_>) -> Room {
        match &piece {
            Piece::Delta { choice, part, text } => {
                let limit = self.options.limit;
                let exceeds = |limit| self.counts.would_exceed(limit, *choice, *part, text);
                if limit.is_some_and(exceeds) {
                    return Room::Exhausted;
                }
                self.counts.add(*choice, *part, text);
                self.opening.saw_choice(*choice);
            }
            Piece::Finish { choice, .. } => self.opening.finished(*choice),
            Piece::Other => {}
        }
        if self.options.assemble > 0 {
            self.answer.take(piece, self.options.assemble);
        }
        Room::Left
    }

    fn take_usage(&mut self, envelope: &Envelope<'_>) {
        let nested = [envelope.response, envelope.message].into_iter().flatten();
        let nested = nested.filter_map(|object| object.get("usage"));
        for usage in nested.chain(envelope.usage).chain(envelope.usage_metadata) {
            self.usage.take(usage);
        }
    }

    fn verdict(&self, envelope: &Envelope<'_>, data_at: Option<usize>) -> Verdict {
        if self.options.usage != UsageForClient::Strip || envelope.choices.is_none() {
            return Verdict::Keep;
        }
        if envelope.is_usage_alone() {
            return Verdict::Drop;
        }
        // Data over several lines, which no known backend sends, keeps its usage.
        match (&envelope.usage_span, data_at) {
            (Some(span), Some(at)) => Verdict::Cut(at + span.start..at + span.end),
            _ => Verdict::Keep,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Left,
    Exhausted,
}

/// What goes on of a chunk.
struct Out {
    chunk: Bytes,
    pieces: Vec<Bytes>,
    /// Where the bytes of the chunk begin that are not among the pieces yet and not left out.
    run: usize,
}

impl Out {
    fn leave_out(&mut self, span: Range<usize>) {
        if self.run < span.start {
            self.pieces.push(self.chunk.slice(self.run..span.start));
        }
        self.run = span.end;
    }

    /// Puts out what was held. It is older than the chunk, and no event has ended in the chunk before it is put out.
    fn put_held(&mut self, held: &mut Vec<u8>) {
        if !held.is_empty() {
            self.pieces.insert(0, Bytes::from(std::mem::take(held)));
        }
    }

    fn into_bytes(mut self) -> Bytes {
        if self.pieces.is_empty() {
            self.chunk.advance(self.run);
            return self.chunk;
        }
        let end = self.chunk.len();
        self.leave_out(end..end);
        concatenated(&self.pieces)
    }
}

/// One piece is handed on as it is; only several are copied.
fn concatenated(pieces: &[Bytes]) -> Bytes {
    match pieces {
        [] => Bytes::new(),
        [one] => one.clone(),
        several => {
            let mut all = BytesMut::with_capacity(several.iter().map(Bytes::len).sum());
            for piece in several {
                all.extend_from_slice(piece);
            }
            all.freeze()
        }
    }
}
