//! The texts of an answer, for whoever judges what a model says before anybody reads it.
//!
//! What reaches a reader counts: what each choice says, its refusals and visible reasoning, and the arguments of its calls.
//! Names of functions do not, since the client has given them. INVARIANT: what cannot be read is an error here, never passed
//! over: a text that nobody has seen has not been judged.

use bytes::{Bytes, BytesMut};

use crate::json::{Brackets, Value};
use crate::sse::{Event, EventEnds};
use crate::stream::delta::{Envelope, Part, Piece};

/// Texts of an answer that are kept apart; one with more cannot be read.
const MAX_TEXTS: usize = 256;

/// Why an answer, or an event of a stream, could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// An event is larger than the reader may hold.
    #[error("an event of the stream is larger than {0} bytes")]
    TooLarge(usize),
    /// It is not a JSON object.
    #[error("the answer is not JSON")]
    NotJson,
    /// It is JSON, and has nothing that is known of answers.
    #[error("the answer is of no known protocol")]
    UnknownProtocol,
    /// It has more texts beside one another than anybody asks for.
    #[error("the answer has more than {MAX_TEXTS} texts")]
    TooMany,
}

/// Whom a piece of a text is given to, with the number of the text, counted from 0.
pub type EachText<'f> = &'f mut dyn FnMut(usize, &str);

/// Tells the texts of an answer apart.
#[derive(Debug, Default)]
struct Texts(Vec<(u64, Part)>);

impl Texts {
    /// Gives the pieces; whether there was anything.
    fn give(
        &mut self,
        pieces: impl FnOnce(&mut dyn FnMut(Piece<'_>)),
        each: EachText<'_>,
    ) -> Result<bool, Unreadable> {
        let (mut any, mut too_many) = (false, false);
        pieces(&mut |piece| {
            any = true;
            let Piece::Delta { choice, part, text } = piece else { return };
            if matches!(part, Part::CallId(_) | Part::CallName(_)) {
                return;
            }
            match self.number(choice, part) {
                Some(number) => each(number, &text),
                None => too_many = true,
            }
        });
        if too_many { Err(Unreadable::TooMany) } else { Ok(any) }
    }

    fn number(&mut self, choice: u64, part: Part) -> Option<usize> {
        let known = self.0.iter().position(|known| *known == (choice, part));
        known.or_else(|| {
            (self.0.len() < MAX_TEXTS).then(|| {
                self.0.push((choice, part));
                self.0.len() - 1
            })
        })
    }
}

/// Gives the texts of a whole response of chat completions, completions, Responses, Anthropic or Google.
///
/// ```
/// let body = br#"{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]}"#;
/// let mut said = String::new();
/// tollgate_llm::texts_of_response(body, &mut |_, text| said.push_str(text))?;
/// assert_eq!(said, "Hi");
/// # Ok::<(), tollgate_llm::Unreadable>(())
/// ```
pub fn texts_of_response(body: &[u8], each: EachText<'_>) -> Result<(), Unreadable> {
    let mut brackets = Brackets::default();
    let root = Value::of_indexed(body, &mut brackets).filter(|root| root.is_object());
    let envelope = Envelope::read(root.ok_or(Unreadable::NotJson)?);
    let any = Texts::default().give(|each| envelope.pieces_of_whole(each), each)?;
    if any { Ok(()) } else { Err(Unreadable::UnknownProtocol) }
}

/// Reads the texts of a stream of server-sent events, as it comes.
///
/// ```
/// use bytes::Bytes;
/// use tollgate_llm::StreamTexts;
///
/// let mut texts = StreamTexts::new(1 << 20);
/// let mut said = String::new();
/// let mut take = |_, text: &str| said.push_str(text);
/// let cut = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"cho";
/// let whole = texts.push(&Bytes::from_static(cut), &mut take)?;
/// assert!(whole.ends_with(b"\"Hi\"}}]}\n\n"));
/// assert_eq!((said.as_str(), texts.held()), ("Hi", 11));
/// # Ok::<(), tollgate_llm::Unreadable>(())
/// ```
#[derive(Debug)]
pub struct StreamTexts {
    ends: EventEnds,
    /// The beginning of an event that is not whole yet.
    held: BytesMut,
    brackets: Brackets,
    texts: Texts,
    max_event: usize,
}

impl StreamTexts {
    /// For one stream, whose events may have so many bytes.
    pub fn new(max_event: usize) -> Self {
        let (ends, held, brackets) = (EventEnds::default(), BytesMut::new(), Brackets::default());
        Self { ends, held, brackets, texts: Texts::default(), max_event }
    }

    /// Takes a chunk, gives the texts of the events that end in it, and returns those events. After an error the stream cannot be read on.
    pub fn push(&mut self, chunk: &Bytes, each: EachText<'_>) -> Result<Bytes, Unreadable> {
        let mut start = 0;
        let mut first = None;
        while let Some(end) = self.ends.next(chunk, start) {
            let event = chunk.get(start..end).unwrap_or_default();
            if self.held.is_empty() {
                self.see(event, each)?;
            } else {
                self.hold(event)?;
                let event = self.held.split().freeze();
                self.see(&event, each)?;
                first = Some((event, end));
            }
            start = end;
        }
        self.hold(chunk.get(start..).unwrap_or_default())?;
        let Some((event, end)) = first else { return Ok(chunk.slice(..start)) };
        if end == start {
            return Ok(event);
        }
        let mut events = BytesMut::from(event);
        events.extend_from_slice(chunk.get(end..start).unwrap_or_default());
        Ok(events.freeze())
    }

    /// The backend has ended its stream: reads an event that was not ended by an empty line, and returns it.
    pub fn finish(&mut self, each: EachText<'_>) -> Result<Bytes, Unreadable> {
        let event = self.held.split().freeze();
        self.see(&event, each)?;
        Ok(event)
    }

    /// Bytes of an event that is not whole yet.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), Unreadable> {
        if self.held.len() + bytes.len() > self.max_event {
            return Err(Unreadable::TooLarge(self.max_event));
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn see(&mut self, bytes: &[u8], each: EachText<'_>) -> Result<(), Unreadable> {
        if bytes.len() > self.max_event {
            return Err(Unreadable::TooLarge(self.max_event));
        }
        let event = Event::read(bytes);
        // Comments keep connections open and say nothing.
        if event.data.is_empty() || &*event.data == b"[DONE]" {
            return Ok(());
        }
        let root = Value::of_indexed(&event.data, &mut self.brackets);
        let root = root.filter(|root| root.is_object()).ok_or(Unreadable::NotJson)?;
        let envelope = Envelope::read(root);
        self.texts.give(|each| envelope.pieces(each), each).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of a stream that is cut into pieces of so many bytes, and what of it came back.
    fn read(stream: &str, piece: usize, max: usize) -> Result<(Vec<String>, String), Unreadable> {
        let mut reader = StreamTexts::new(max);
        let (mut texts, mut events) = (Vec::<String>::new(), Vec::new());
        let mut take = |number: usize, text: &str| {
            texts.resize(texts.len().max(number + 1), String::new());
            texts[number].push_str(text);
        };
        for chunk in stream.as_bytes().chunks(piece) {
            events.extend_from_slice(&reader.push(&Bytes::copy_from_slice(chunk), &mut take)?);
        }
        events.extend_from_slice(&reader.finish(&mut take)?);
        Ok((texts, String::from_utf8(events).unwrap()))
    }

    #[test]
    fn texts_of_streams_are_told_apart_however_they_are_cut() {
        let chat = |index: u64, delta: &str| {
            format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{{delta}}}}}]}}\n\n")
        };
        let call = |arguments: &str| {
            format!(
                r#""tool_calls":[{{"index":0,"id":"c","function":{{"name":"f","arguments":"{arguments}"}}}}]"#
            )
        };
        let chat = [
            ": comment\n\n".to_owned(),
            chat(0, r#""role":"assistant","content":"""#),
            chat(0, r#""content":"Grüß""#),
            chat(1, r#""content":"other""#),
            chat(0, r#""content":"e \ud83d\ude00""#),
            chat(0, r#""refusal":"no""#),
            chat(0, &call("{\\\"a\\\"")),
            chat(0, &call(":1}")),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat();
        let anthropic = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
            event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n\
            event: ping\ndata: {\"type\":\"ping\"}\n\n";
        let responses = "event: response.output_text.delta\r\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"Hi\"}\r\n\r\n\
            event: response.output_text.done\r\ndata: {\"type\":\"response.output_text.done\",\"output_index\":0,\"text\":\"Hi\"}\r\n\r\n";
        let google = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"},{\"text\":\"hm\",\"thought\":true}]}}]}\n\n\
            data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" there\"}]}}]}";
        for (stream, expected) in [
            (&*chat, &["Grüße 😀", "other", "no", r#"{"a":1}"#][..]),
            (anthropic, &["Hi"]),
            (responses, &["Hi"]),
            (google, &["Hi there", "hm"]),
            ("", &[]),
        ] {
            for piece in [1, 2, 3, 7, 50, 1000, stream.len().max(1)] {
                let (texts, events) = read(stream, piece, 1 << 20).unwrap();
                assert_eq!(texts, expected);
                assert_eq!(events, stream);
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let many: Vec<String> = (0..=MAX_TEXTS)
            .map(|n| {
                format!(
                    "data: {{\"choices\":[{{\"index\":{n},\"delta\":{{\"content\":\"x\"}}}}]}}\n\n"
                )
            })
            .collect();
        let many = many.concat();
        for (stream, error) in [
            ("data: hello\n\n", Unreadable::NotJson),
            ("data: [1]\n\n", Unreadable::NotJson),
            ("data: {\"a\":\n\n", Unreadable::NotJson),
            ("data: {\"a\":", Unreadable::NotJson),
            (&*format!("data: {{\"a\":\"{}\"}}\n\n", "x".repeat(300)), Unreadable::TooLarge(200)),
            (&*format!("data: {{\"a\":\"{}", "x".repeat(300)), Unreadable::TooLarge(200)),
            (&*many, Unreadable::TooMany),
        ] {
            for piece in [1, 64, stream.len()] {
                assert_eq!(read(stream, piece, 200), Err(error), "{stream}");
            }
        }
    }

    #[test]
    fn texts_of_whole_answers() {
        let read = |body: &str| {
            let mut texts = Vec::new();
            texts_of_response(body.as_bytes(), &mut |number, text| {
                texts.push(format!("{number} {text}"));
            })
            .map(|()| texts)
        };
        for (body, expected) in [
            (r#"{"choices":[{"text":"a"},{"index":1,"text":"b"}]}"#, &["0 a", "1 b"][..]),
            (
                r#"{"choices":[{"message":{"content":"a","reasoning_content":"hm","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]}"#,
                &["0 a", "1 hm", "2 {}"],
            ),
            (
                r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}]}"#,
                &["0 a"],
            ),
            (r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn"}"#, &["0 a"]),
            (r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#, &["0 a"]),
            (r#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#, &[]),
        ] {
            assert_eq!(read(body).unwrap(), expected, "{body}");
        }
        assert_eq!(read(r#"{"object":"list","data":[]}"#), Err(Unreadable::UnknownProtocol));
        assert_eq!(read("[]"), Err(Unreadable::NotJson));
        assert_eq!(read("{"), Err(Unreadable::NotJson));
    }
}
