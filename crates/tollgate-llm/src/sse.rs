//! Server-sent events: where they end, and what they say.
//!
//! After the format of the HTML standard, <https://html.spec.whatwg.org/multipage/server-sent-events.html>: lines end with
//! CR, LF or CRLF, an empty line ends an event, a line that begins with a colon is a comment.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Finds the ends of events in a stream of bytes, however it is cut into chunks.
#[derive(Debug, Default)]
pub(crate) struct EventEnds {
    /// Whether the line that is being read has bytes already.
    in_line: bool,
    /// Whether the last byte was a CR, so that an LF would belong to it.
    after_cr: bool,
    /// Whether that CR ended an empty line.
    ending: bool,
}

impl EventEnds {
    /// The position after the first event that ends in `bytes`, read on from position `from`. `None` when none ends
    /// before more bytes are there. A CR at the end of the bytes ends nothing yet, since an LF may follow it.
    pub(crate) fn next(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(&byte) = bytes.get(at) {
            if std::mem::take(&mut self.after_cr) {
                let length = usize::from(byte == b'\n');
                if std::mem::take(&mut self.ending) {
                    return Some(at + length);
                }
                if length == 1 {
                    at += 1;
                    continue;
                }
            }
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(found) = memchr2(b'\n', b'\r', rest) else {
                self.in_line = true;
                return None;
            };
            let is_empty = found == 0 && !self.in_line;
            self.in_line = false;
            at += found + 1;
            if rest.get(found) == Some(&b'\n') {
                if is_empty {
                    return Some(at);
                }
            } else {
                self.after_cr = true;
                self.ending = is_empty;
            }
        }
        None
    }
}

/// What an event says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// The value of its data lines, joined by line feeds; empty when it has none.
    pub(crate) data: Cow<'a, [u8]>,
    /// Where the data is in the event's bytes, when it stands there in one piece.
    pub(crate) data_at: Option<usize>,
}

impl<'a> Event<'a> {
    /// Reads the bytes of one event.
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        let mut event = Self { data: Cow::Borrowed(&[]), data_at: None };
        let mut n_lines = 0;
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let length = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            if let Some((skipped, value)) = data_of(line) {
                n_lines += 1;
                if n_lines == 1 {
                    event = Self { data: Cow::Borrowed(value), data_at: Some(at + skipped) };
                } else {
                    event.data_at = None;
                    let data = event.data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            }
            at += length + 1;
        }
        event
    }
}

/// The value of a line that is a data line, and how many bytes stand before it.
fn data_of(line: &[u8]) -> Option<(usize, &[u8])> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let plain = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    let (name, value) = match memchr(b':', plain) {
        Some(colon) => (plain.get(..colon)?, plain.get(colon + 1..)?),
        None => (plain, plain.get(plain.len()..)?),
    };
    let value = value.strip_prefix(b" ").unwrap_or(value);
    (name == b"data").then_some((line.len() - value.len(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a text that comes in the given chunks.
    fn events(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut ends = EventEnds::default();
        let mut events = vec![Vec::new()];
        for chunk in chunks {
            let mut from = 0;
            while let Some(end) = ends.next(chunk, from) {
                events.last_mut().unwrap().extend_from_slice(&chunk[from..end]);
                events.push(Vec::new());
                from = end;
            }
            events.last_mut().unwrap().extend_from_slice(&chunk[from..]);
        }
        events
    }

    fn check(text: &str, expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|event| event.as_bytes().to_vec()).collect();
        let bytes = text.as_bytes();
        assert_eq!(events(&[bytes]), expected, "{text:?}");
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(events(&chunks), expected, "{text:?} at {first}, {second}");
            }
        }
    }

    #[test]
    fn events_end_with_an_empty_line() {
        check("data: a\n\ndata: b\n\n", &["data: a\n\n", "data: b\n\n", ""]);
        check("data: a\r\n\r\ndata: b\r\n\r\nx", &["data: a\r\n\r\n", "data: b\r\n\r\n", "x"]);
        check("data: a\r\rdata: b", &["data: a\r\r", "data: b"]);
        check("a\r\n\nb\n\r\nc\r\n\rd", &["a\r\n\n", "b\n\r\n", "c\r\n\r", "d"]);
        check("\n\n:x\n\n", &["\n", "\n", ":x\n\n", ""]);
        check("a\nb", &["a\nb"]);
        // What a last CR ends is known when the stream goes on.
        check("a\r\r", &["a\r\r"]);
    }

    fn read(text: &str) -> (String, Option<usize>) {
        let event = Event::read(text.as_bytes());
        (String::from_utf8_lossy(&event.data).into_owned(), event.data_at)
    }

    #[test]
    fn data_is_read() {
        assert_eq!(read("data: {}\n\n"), ("{}".to_owned(), Some(6)));
        assert_eq!(read("data:{}\r\n\r\n"), ("{}".to_owned(), Some(5)));
        assert_eq!(read(": note\nevent: x\nid: 1\ndata:  a\n\n"), (" a".to_owned(), Some(28)));
        assert_eq!(read("data: a\ndata\ndata:b\n\n"), ("a\n\nb".to_owned(), None));
        assert_eq!(read("\u{feff}data: a\n\n"), ("a".to_owned(), Some(9)));
        assert_eq!(read("database: a\n\n"), (String::new(), None));
        assert_eq!(read(""), (String::new(), None));
    }
}
