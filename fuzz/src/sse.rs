//! Streams of language models through their meters: however the bytes are cut, what is counted and what goes on is the same.

use bytes::Bytes;
use tollgate_llm::{
    Answer, Api, Encoding, MeterOptions, RealtimeMeter, StreamMeter, StreamTexts, Usage,
    UsageForClient, texts_of_response,
};

const APIS: [Api; 8] = [
    Api::ChatCompletions,
    Api::Completions,
    Api::Responses,
    Api::Messages,
    Api::GenerateContent,
    Api::Audio,
    Api::Images,
    Api::Embeddings,
];

/// Inputs up to this many bytes are cut in two at every place.
const CUT_EVERYWHERE: usize = 160;

/// Bytes that a meter may hold besides the events and the answer that its options allow.
const SLACK: usize = 64 << 10;

/// Meters an input, whose first line may say how: `api usage limit assemble max-event`, five numbers.
pub(crate) fn meter(data: &[u8]) {
    let (options, stream) = options(data);
    let whole = metered(&options, [stream].into_iter());
    let by_byte = metered(&options, stream.chunks(1));
    assert_eq!(whole, by_byte, "cut into bytes");
    for size in [2, 3, 7, 64] {
        assert_eq!(whole, metered(&options, stream.chunks(size)), "cut into pieces of {size}");
    }
    if stream.len() <= CUT_EVERYWHERE {
        for at in 1..stream.len() {
            let (one, other) = stream.split_at(at);
            assert_eq!(whole, metered(&options, [one, other].into_iter()), "cut at {at}");
        }
    }
    texts(stream, options.max_event);
    frames(stream);
}

fn options(data: &[u8]) -> (MeterOptions, &[u8]) {
    let mut options = MeterOptions::new(Api::ChatCompletions, Encoding::O200k);
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (first, rest) = (lines.next().unwrap_or_default(), lines.next());
    let numbers: Option<Vec<usize>> = std::str::from_utf8(first)
        .ok()
        .map(|line| line.split(' ').map(|word| word.parse().ok()).collect())
        .unwrap_or_default();
    let (Some(numbers), Some(rest)) = (numbers, rest) else { return (options, data) };
    let number = |at: usize| numbers.get(at).copied();
    options.api = APIS[number(0).unwrap_or(0) % APIS.len()];
    options.usage = [UsageForClient::AsSent, UsageForClient::Asked, UsageForClient::Strip]
        [number(1).unwrap_or(0) % 3];
    options.limit = number(2).filter(|limit| *limit > 0).map(|limit| limit as u64);
    options.assemble = number(3).unwrap_or(0).min(1 << 16);
    options.max_event = number(4).filter(|most| *most > 0).unwrap_or(1 << 20).min(1 << 20);
    (options, rest)
}

/// All that a meter tells and gives.
#[derive(Debug, PartialEq)]
struct Metered {
    through: Vec<u8>,
    tokens: u64,
    usage: Option<Usage>,
    answer: Answer,
    is_done: bool,
    is_ended: bool,
}

fn metered<'a>(options: &MeterOptions, pieces: impl Iterator<Item = &'a [u8]>) -> Metered {
    let mut meter = StreamMeter::new(options.clone());
    let most = options.max_event + options.assemble + SLACK;
    let mut through = Vec::new();
    for piece in pieces {
        through.extend_from_slice(&meter.push(Bytes::copy_from_slice(piece)));
        meter.settle();
        assert!(meter.held() <= most, "{} bytes are held", meter.held());
    }
    through.extend_from_slice(&meter.finish());
    let tokens = meter.completion_tokens();
    assert!(tokens <= meter.completion_tokens_at_most());
    assert!(options.limit.is_none_or(|limit| tokens <= limit), "{tokens} tokens are let through");
    Metered {
        through,
        tokens,
        usage: meter.usage(),
        answer: meter.answer().clone(),
        is_done: meter.is_done(),
        is_ended: meter.is_ended(),
    }
}

/// The texts that are judged, and the bytes that they stand in.
fn texts(stream: &[u8], max_event: usize) {
    let read = |size: usize| {
        let mut texts = StreamTexts::new(max_event);
        let (mut all, mut through) = (Vec::new(), Vec::new());
        let mut each = |of, text: &str| all.push((format!("{of:?}"), text.to_owned()));
        let mut failed = false;
        for piece in stream.chunks(size.max(1)) {
            match texts.push(&Bytes::copy_from_slice(piece), &mut each) {
                Ok(events) => through.extend_from_slice(&events),
                Err(_) => failed = true,
            }
            assert!(texts.held() <= max_event + piece.len() + SLACK);
            if failed {
                break;
            }
        }
        if !failed {
            match texts.finish(&mut each) {
                Ok(events) => through.extend_from_slice(&events),
                Err(_) => failed = true,
            }
        }
        // What had come when a stream turns out to be unreadable depends on the pieces; it never goes on.
        (!failed).then_some((all, through))
    };
    let whole = read(stream.len());
    assert_eq!(whole, read(1), "texts, cut into bytes");
    assert_eq!(whole, read(5), "texts, cut into pieces of 5");
    assert!(whole.is_none_or(|(_, through)| through == stream), "what was judged is not what came");
    let _is_read = texts_of_response(stream, &mut |_, _| {}).is_ok();
    Usage::of_response(stream);
}

/// The same bytes as frames of a WebSocket.
fn frames(stream: &[u8]) {
    let read = |size: usize| {
        let mut meter = RealtimeMeter::default();
        for piece in stream.chunks(size.max(1)) {
            meter.push(piece);
        }
        (meter.usage(), meter.held())
    };
    assert_eq!(read(stream.len()), read(1), "frames, cut into bytes");
    assert_eq!(read(stream.len()), read(3), "frames, cut into pieces of 3");
}
