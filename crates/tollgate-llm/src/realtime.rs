//! What a Realtime backend sends over its WebSocket, as it passes.

use memchr::memmem;

use crate::usage::Usage;

/// Bytes of a message that are kept until it is whole.
const MAX_MESSAGE: usize = 1 << 20;

/// A frame's header is no longer than this (RFC 6455 §5.2).
const MAX_HEADER: usize = 14;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
/// Opcodes from here on are of frames that stand between those of a message.
const CONTROL: u8 = 8;

/// Adds up the usage that a Realtime backend tells, from the bytes of its WebSocket.
///
/// It reads along: the bytes go on as they are. Messages of up to 1 MiB are understood, however they are cut into frames
/// and reads; larger ones, compressed ones and binary ones are passed over.
///
/// INVARIANT: memory is bounded by one message, whatever comes.
///
/// ```
/// use tollgate_llm::RealtimeMeter;
///
/// let event = br#"{"type":"response.done","response":{"usage":{"input_tokens":9,"output_tokens":2}}}"#;
/// let mut meter = RealtimeMeter::default();
/// meter.push(&[&[0x81, event.len() as u8], &event[..]].concat());
/// assert_eq!(meter.usage().total, 11);
/// ```
#[derive(Debug, Default)]
pub struct RealtimeMeter {
    /// What has come of a frame's header.
    header: Vec<u8>,
    /// Payload of the frame that is still to come; none between frames.
    frame: Option<Frame>,
    /// What has come of a text.
    message: Vec<u8>,
    /// Whether the message that is on its way is kept.
    keeps: bool,
    usage: Usage,
}

/// A frame whose header has been read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: u8,
    is_last: bool,
    is_compressed: bool,
    /// A backend does not mask; what does so nevertheless is not read.
    is_masked: bool,
    left: u64,
}

impl RealtimeMeter {
    /// Takes what the backend has sent next.
    pub fn push(&mut self, mut bytes: &[u8]) {
        // Each round takes at least one byte, or ends a frame without payload, whose header took some.
        while !bytes.is_empty() {
            let Some(frame) = &mut self.frame else {
                let Some((first, rest)) = bytes.split_first() else { return };
                self.header.push(*first);
                bytes = rest;
                self.frame = frame(&self.header);
                if let Some(frame) = self.frame {
                    self.header.clear();
                    self.begin(frame);
                }
                continue;
            };
            let wanted = usize::try_from(frame.left).unwrap_or(usize::MAX);
            let (payload, rest) = bytes.split_at_checked(wanted).unwrap_or((bytes, &[]));
            frame.left -= payload.len() as u64;
            let frame = *frame;
            bytes = rest;
            self.take(frame, payload);
        }
    }

    /// What has been told so far, all responses together.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Bytes that it keeps.
    pub fn held(&self) -> usize {
        self.message.len()
    }

    /// Lets go of what it keeps; the message that it is of is passed over.
    pub fn forget(&mut self) {
        self.message = Vec::new();
        self.keeps = false;
    }

    fn begin(&mut self, frame: Frame) {
        if frame.opcode < CONTROL && frame.opcode != CONTINUATION {
            self.message.clear();
            self.keeps = frame.opcode == TEXT && !frame.is_compressed && !frame.is_masked;
        }
        if frame.left == 0 {
            self.take(frame, &[]);
        }
    }

    fn take(&mut self, frame: Frame, payload: &[u8]) {
        if frame.opcode < CONTROL {
            if self.message.len() + payload.len() > MAX_MESSAGE || frame.is_masked {
                self.forget();
            } else if self.keeps {
                self.message.extend_from_slice(payload);
            }
        }
        if frame.left > 0 {
            return;
        }
        self.frame = None;
        if frame.opcode < CONTROL && frame.is_last {
            self.whole();
        }
    }

    /// A message is whole.
    fn whole(&mut self) {
        let message = std::mem::take(&mut self.message);
        // Most are pieces of audio; they are not worth reading.
        if self.keeps
            && memmem::find(&message, b"\"usage\"").is_some()
            && let Some(usage) = Usage::of_realtime_event(&message)
        {
            self.usage = self.usage.plus(usage);
        }
        self.keeps = false;
    }
}

/// The frame of a header, when all of that has come.
fn frame(header: &[u8]) -> Option<Frame> {
    let (&[first, second], rest) = header.split_first_chunk::<2>()?;
    let is_masked = second & 0x80 != 0;
    let (left, rest) = match second & 0x7f {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*length), rest)
        }
        short => (u64::from(short), rest),
    };
    if is_masked && rest.len() < 4 && header.len() < MAX_HEADER {
        return None;
    }
    let (is_last, is_compressed) = (first & 0x80 != 0, first & 0x40 != 0);
    Some(Frame { opcode: first & 0x0f, is_last, is_compressed, is_masked, left })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: &str = r#"{"type":"response.done","event_id":"event_1","response":{"output":[],"usage":{"total_tokens":30,
        "input_tokens":20,"output_tokens":10,"input_token_details":{"audio_tokens":7}}}}"#;
    const DELTA: &str = r#"{"type":"response.audio.delta","delta":"AAAA"}"#;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..=125 => bytes.push(u8::try_from(short).unwrap()),
            medium @ 126..=65_535 => {
                bytes.push(126);
                bytes.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
            }
            long => {
                bytes.push(127);
                bytes.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        bytes.extend_from_slice(payload);
        bytes
    }

    /// The tokens that are read, however the bytes are cut.
    fn check(bytes: &[u8], total: u64) {
        for size in [1, 2, 3, 7, 100, usize::MAX] {
            let mut meter = RealtimeMeter::default();
            bytes.chunks(size.min(bytes.len().max(1))).for_each(|chunk| meter.push(chunk));
            assert_eq!(meter.usage().total, total, "in pieces of {size}");
            assert!(meter.held() <= MAX_MESSAGE);
        }
    }

    #[test]
    fn usage_is_added_up() {
        let all = [frame(0x81, DELTA.as_bytes()), frame(0x81, DONE.as_bytes())].concat();
        check(&all, 30);
        check(&all.repeat(3), 90);
        let mut meter = RealtimeMeter::default();
        meter.push(&all);
        let Usage { prompt, completion, prompt_audio, .. } = meter.usage();
        assert_eq!((prompt, completion, prompt_audio), (20, 10, 7));
    }

    #[test]
    fn messages_may_be_cut_into_frames_with_others_between() {
        let (first, second) = DONE.as_bytes().split_at(40);
        let all = [
            frame(0x01, first),
            frame(0x89, b"ping"),
            frame(0x00, b""),
            frame(0x80, second),
            frame(0x82, DONE.as_bytes()),
        ];
        check(&all.concat(), 30);
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let large = DONE.replace("[]", &format!("[\"{}\"]", "x".repeat(MAX_MESSAGE)));
        let small = frame(0x81, DONE.as_bytes());
        for other in [
            frame(0x81, large.as_bytes()),
            frame(0xc1, DONE.as_bytes()),
            frame(0x81, b"\"usage\" is no JSON"),
            frame(0x80, DONE.as_bytes()),
            frame(0x88, b"\x03\xe8"),
        ] {
            let mut meter = RealtimeMeter::default();
            meter.push(&[other, small.clone()].concat());
            assert_eq!(meter.usage().total, 30);
        }
        // A frame of a length that nobody sends.
        check(&[&[0x81, 127][..], &u64::MAX.to_be_bytes(), DONE.as_bytes()].concat(), 0);
        let masked = [&[0x81, 0x80 | 4, 1, 2, 3, 4][..], b"abcd", &small].concat();
        check(&masked, 30);
    }
}
