//! Reading the head of an HTTP/1 request off its connection, before anybody parses it.
//!
//! pingora mends what a client has written badly (blanks in the target, line feeds alone), and then says nothing of it. Whoever
//! is in front of us may have read such a request in another way, so it is looked at as it came. pingora parses from the same
//! buffer; nothing is copied or read twice.

use std::mem::MaybeUninit;

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;

use crate::wire::Socket;

/// Room for a read; what pingora's own reading begins with.
const ROOM: usize = 4 << 10;

/// Headers that a request may have of which nothing but its end is looked at.
const PLAIN_HEADERS: usize = 64;

/// And those that it may not have: they say where it ends, or that something other than a response is waited for.
const NOT_PLAIN: [&str; 4] = ["transfer-encoding", "connection", "expect", "upgrade"];

/// Why there is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHead {
    /// The connection has ended.
    Gone,
    /// It is longer than allowed.
    TooLarge,
    /// No two parties need read it alike.
    Malformed(&'static str),
}

/// How far looking at a head has got.
#[derive(Debug, Default)]
pub(super) struct HeadCheck {
    /// Where the line begins that is not whole yet.
    line: usize,
    /// The request line has been seen.
    began: bool,
    /// A line names a transfer coding.
    pub(super) is_coded: bool,
}

/// Reads until the head is whole, and gives its length. What was read of the body stands behind it.
pub(super) async fn read(
    mut socket: Socket,
    buffer: &mut BytesMut,
    check: &mut HeadCheck,
    limit: usize,
) -> Result<usize, NoHead> {
    loop {
        let end = check.look(buffer)?;
        if end.unwrap_or(buffer.len()) > limit {
            return Err(NoHead::TooLarge);
        }
        if let Some(end) = end {
            return Ok(end);
        }
        if buffer.capacity() - buffer.len() < ROOM / 4 {
            buffer.reserve(ROOM);
        }
        if !socket.read_buf(buffer).await.is_ok_and(|n| n > 0) {
            return Err(NoHead::Gone);
        }
    }
}

impl HeadCheck {
    /// Looks at the lines that have come since the last time. Gives the head's length when it is whole.
    fn look(&mut self, bytes: &[u8]) -> Result<Option<usize>, NoHead> {
        while let Some(rest) = bytes.get(self.line..)
            && let Some(end) = memchr::memchr(b'\n', rest)
        {
            let Some(line) = rest.get(..end).and_then(|line| line.strip_suffix(b"\r")) else {
                return Err(NoHead::Malformed(
                    "a line of the header ends without a carriage return",
                ));
            };
            self.line += end + 1;
            if !self.began {
                // RFC 9112 §2.2: empty lines before a request mean nothing.
                if !line.is_empty() {
                    check_request_line(line)?;
                    self.began = true;
                }
            } else if line.is_empty() {
                return Ok(Some(self.line));
            } else {
                self.is_coded |= names_coding(line);
            }
        }
        Ok(None)
    }
}

/// The length of the request that `bytes` begin with, when all of it is there and nothing about it takes a second look: where it
/// ends is clear, its client waits for nothing but the response, and it is no probe.
pub(super) fn plain_request(bytes: &[u8]) -> Option<usize> {
    let mut headers = [const { MaybeUninit::uninit() }; PLAIN_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let head = match request.parse_with_uninit_headers(bytes, &mut headers).ok()? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return None,
    };
    let is_plain = matches!(request.method?, "GET" | "POST" | "PUT" | "PATCH" | "DELETE")
        && request.version? == 1
        && request.path?.starts_with('/')
        && !request.path?.starts_with("/status-");
    let mut body = None;
    for header in request.headers.iter().filter(|_| is_plain) {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let is_number = header.value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(header.value).ok().filter(|_| is_number)?;
            if body.replace(length.parse::<usize>().ok()?).is_some() {
                return None;
            }
        } else if NOT_PLAIN.into_iter().any(is) {
            return None;
        }
    }
    let length = head.checked_add(body.unwrap_or(0))?;
    (is_plain && length <= bytes.len()).then_some(length)
}

/// Three parts with one blank between them. RFC 9112 §3.2 would have nobody correct a target with a blank in it.
fn check_request_line(line: &[u8]) -> Result<(), NoHead> {
    let n_blanks = memchr::memchr_iter(b' ', line).count();
    if n_blanks != 2 || line.iter().any(u8::is_ascii_control) {
        return Err(NoHead::Malformed("the first line of the request is malformed"));
    }
    Ok(())
}

fn names_coding(line: &[u8]) -> bool {
    const NAME: &[u8] = b"transfer-encoding";
    line.trim_ascii_start().get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Option<usize>, NoHead>) {
        let mut whole = HeadCheck::default();
        assert_eq!(whole.look(text.as_bytes()), expected, "{text:?}");
        // However it comes in pieces.
        let mut pieces = HeadCheck::default();
        let looked = (0..=text.len()).find_map(|n| match pieces.look(&text.as_bytes()[..n]) {
            Ok(None) => None,
            found => Some(found),
        });
        assert_eq!(looked.unwrap_or(Ok(None)), expected, "{text:?}");
    }

    #[test]
    fn a_head_ends_at_the_first_empty_line() {
        check("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\n", Ok(Some(27)));
        check("\r\n\r\nGET / HTTP/1.1\r\n\r\n", Ok(Some(22)));
        check("GET / HTTP/1.1\r\nHost: a\r\n\r", Ok(None));
        check("", Ok(None));
    }

    #[test]
    fn what_others_may_read_otherwise_is_malformed() {
        let line = Err(NoHead::Malformed("a line of the header ends without a carriage return"));
        check("GET / HTTP/1.1\n\n", line);
        check("GET / HTTP/1.1\r\nX: y\nZ: 1\r\n\r\n", line);
        check("GET / HTTP/1.1\r\nX: y\r\n\n", line);
        check("\nGET / HTTP/1.1\r\n\r\n", line);
        let first = Err(NoHead::Malformed("the first line of the request is malformed"));
        for request in [
            "GET /a b HTTP/1.1",
            "GET  / HTTP/1.1",
            "GET /",
            "GET\t/ HTTP/1.1 ",
            "GET /\r HTTP/1.1",
        ] {
            check(&format!("{request}\r\n\r\n"), first);
        }
    }

    #[test]
    fn plain_requests_are_told_from_others() {
        let check = |request: &str, expected| {
            assert_eq!(plain_request(request.as_bytes()), expected, "{request:?}");
        };
        check("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", Some(28));
        check("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b", Some(28));
        check("\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef", Some(43));
        for request in [
            "GET /a HTTP/1.1\r\nHost: a\r\n\r",
            "GET /a HTTP/1.0\r\n\r\n",
            "HEAD /a HTTP/1.1\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET /status-0123456789abcdef HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length:\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length : 2\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nab",
            "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nab",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n Transfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nUPGRADE: websocket\r\n\r\n",
        ] {
            check(request, None);
        }
        check(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)), None);
    }

    #[test]
    fn codings_are_noticed() {
        for (line, is_coded) in [
            ("Transfer-Encoding: chunked", true),
            (" transfer-encodinG: x", true),
            ("X-Transfer-Encoding: chunked", false),
            ("TE: trailers", false),
        ] {
            let mut check = HeadCheck::default();
            check.look(format!("POST / HTTP/1.1\r\n{line}\r\n\r\n").as_bytes()).unwrap();
            assert_eq!(check.is_coded, is_coded, "{line}");
        }
    }
}
