//! The framing of a chunked body, looked at as it comes.
//!
//! pingora takes what is no chunk for one: an empty size for the last chunk, line feeds inside an extension, anything for a
//! trailer. Whoever is in front of us may see another end of the body there, and a request of its own in what follows.

/// Most bytes of a chunk's size with its extension, or of one trailer.
const MAX_LINE: usize = 8 << 10;

/// A body in chunks, of which some have come.
#[derive(Debug)]
pub(super) struct ChunkCheck {
    state: State,
    /// Bytes of the line that is not whole yet.
    line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The size of a chunk, of which so many digits have come.
    Size {
        value: u64,
        digits: u8,
    },
    /// Blanks behind the size: an extension must follow.
    Blanks(u64),
    Extension(u64),
    /// The line feed behind a size.
    SizeEnd(u64),
    /// So many bytes of a chunk are to come.
    Content(u64),
    /// The end of the line behind a chunk.
    ContentEnd(u8),
    /// The beginning of a trailer, or of the empty line that ends the body.
    TrailerStart,
    /// Its name.
    TrailerName,
    TrailerValue,
    /// The line feed behind a trailer.
    TrailerEnd,
    /// The line feed behind the last line.
    LastEnd,
    Done,
    Malformed,
}

impl Default for ChunkCheck {
    fn default() -> Self {
        Self { state: State::Size { value: 0, digits: 0 }, line: 0 }
    }
}

impl ChunkCheck {
    /// Looks at what comes next. What stands behind the body is not looked at.
    pub(super) fn look(&mut self, mut bytes: &[u8]) {
        while let Some((byte, rest)) = bytes.split_first() {
            match self.state {
                State::Done | State::Malformed => return,
                State::Content(left) => {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = bytes.get(n..).unwrap_or_default();
                    let left = left - n as u64;
                    self.state =
                        if left == 0 { State::ContentEnd(b'\r') } else { State::Content(left) };
                }
                state => {
                    bytes = rest;
                    self.line += 1;
                    self.state =
                        if self.line > MAX_LINE { State::Malformed } else { after(state, *byte) };
                    if *byte == b'\n' {
                        self.line = 0;
                    }
                }
            }
        }
    }

    /// Whether what has come is no body in chunks.
    pub(super) fn is_malformed(&self) -> bool {
        self.state == State::Malformed
    }
}

fn after(state: State, byte: u8) -> State {
    const MAX_DIGITS: u8 = 16;
    match (state, byte) {
        (State::Size { value, digits }, _) if byte.is_ascii_hexdigit() && digits < MAX_DIGITS => {
            let digit = u64::from(char::from(byte).to_digit(16).unwrap_or_default());
            State::Size { value: value << 4 | digit, digits: digits + 1 }
        }
        (State::Size { digits: 0, .. }, _) => State::Malformed,
        (State::Size { value, .. } | State::Extension(value), b'\r') => State::SizeEnd(value),
        (State::Size { value, .. } | State::Blanks(value), b';') => State::Extension(value),
        (State::Size { value, .. } | State::Blanks(value), b' ' | b'\t') => State::Blanks(value),
        (State::Extension(value), _) if is_text(byte) => State::Extension(value),
        (State::SizeEnd(0) | State::TrailerEnd, b'\n') => State::TrailerStart,
        (State::SizeEnd(size), b'\n') => State::Content(size),
        (State::ContentEnd(b'\r'), b'\r') => State::ContentEnd(b'\n'),
        (State::ContentEnd(b'\n'), b'\n') => State::Size { value: 0, digits: 0 },
        (State::TrailerStart, b'\r') => State::LastEnd,
        (State::LastEnd, b'\n') => State::Done,
        (State::TrailerName, b':') => State::TrailerValue,
        (State::TrailerStart | State::TrailerName, _) if is_token(byte) => State::TrailerName,
        (State::TrailerValue, b'\r') => State::TrailerEnd,
        (State::TrailerValue, _) if is_text(byte) => State::TrailerValue,
        _ => State::Malformed,
    }
}

/// A byte of a header's value (RFC 9110 §5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// A letter of a header's name (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: State) {
        let mut whole = ChunkCheck::default();
        whole.look(text.as_bytes());
        let mut pieces = ChunkCheck::default();
        for byte in text.as_bytes() {
            pieces.look(&[*byte]);
        }
        assert_eq!((whole.state, pieces.state), (expected, expected), "{text:?}");
    }

    #[test]
    fn bodies_end_where_they_say() {
        check("0\r\n\r\n", State::Done);
        check("2\r\nhi\r\n000\r\n\r\nGET / HTTP/1.1\n\n", State::Done);
        check("a;x=\"y\" ; z\r\n0123456789\r\n0;last\r\nX-Y: z\r\nZ:\r\n\r\n", State::Done);
        check("2 ;x\r\n\r\n\r\n0\r\n\r\n", State::Done);
        check("5\r\nhel", State::Content(2));
        check("ffffffffffffffff\r\n", State::Content(u64::MAX));
    }

    #[test]
    fn what_is_no_chunk_is_malformed() {
        for text in [
            "\r\n\r\n",
            "\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "1 \r\n",
            "1 1\r\n",
            "1\n",
            "1\r\r\n",
            ";x\r\n",
            "1;x\ny\r\n",
            "1;x\ry\r\n",
            "1;\0\r\n",
            "10000000000000000\r\n",
            "1\r\nxy\r\n",
            "1\r\nx\n",
            "1\r\nx\r\r\n",
            "0\r\nX\r\n",
            "0\r\nX y: z\r\n",
            "0\r\n: z\r\n",
            "0\r\n X: y\r\n",
            "0\r\nX: y\nZ: 1\r\n",
            "0\r\nX: \0\r\n",
            "0\n\n",
            "0\r\nGET / HTTP/1.1\r\n",
        ] {
            check(text, State::Malformed);
        }
        check(&format!("1;{}", "x".repeat(MAX_LINE)), State::Malformed);
    }
}
