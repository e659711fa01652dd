//! A backend that takes nothing for granted and keeps every byte's meaning, and the reading of HTTP/1.1 that it goes by.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A backend that reads requests as strictly as it can and keeps what it read. How it answers stands in the query of the
/// request: `?early` before it has read the body, `?close` and then no more, `?never` not at all, `?switch` by a change of the
/// protocol that nobody may have asked for; otherwise with `200`.
#[derive(Clone, Default)]
pub(crate) struct Strict {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// Heads of requests, without the last empty line, each with its body.
    pub(crate) requests: Vec<(String, String)>,
    /// What no gateway should ever send.
    pub(crate) violations: Vec<String>,
}

impl Strict {
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let this = Self::default();
        let served = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        (this, address)
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut received = Vec::new();
        let mut answered = false;
        loop {
            match parse(&received, Reading::Backend) {
                Ok(Some((head, body, length))) => {
                    received.drain(..length);
                    let open = std::mem::take(&mut answered) || answer(&mut stream, &head).await;
                    self.seen.lock().expect("what was seen").requests.push((head, body));
                    if !open {
                        return;
                    }
                }
                Ok(None) => {
                    if !answered
                        && let Some(head) = head_of(&received)
                        && wish(&head) == Wish::Early
                    {
                        answered = answer(&mut stream, &head).await;
                    }
                    match stream.read_buf(&mut received).await {
                        Ok(0) | Err(_) => return,
                        Ok(_) => {}
                    }
                }
                Err(why) => {
                    let text = format!("{why}: {:?}", String::from_utf8_lossy(&received));
                    self.seen.lock().expect("what was seen").violations.push(text);
                    return;
                }
            }
        }
    }

    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().expect("what was seen"))
    }

    /// Targets of the requests since the last time.
    pub(crate) fn targets(&self) -> Vec<String> {
        let seen = self.take();
        assert!(seen.violations.is_empty(), "{:?}", seen.violations);
        seen.requests.iter().map(|(head, _)| target(head).to_owned()).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Answer,
    Early,
    Close,
    Never,
    Switch,
}

fn wish(head: &str) -> Wish {
    match target(head).split_once('?').map_or("", |(_, query)| query) {
        "early" => Wish::Early,
        "close" => Wish::Close,
        "never" => Wish::Never,
        "switch" => Wish::Switch,
        _ => Wish::Answer,
    }
}

/// Answers with the mark of the request, so that whoever gets the answer can tell whose it is. False when the connection is to
/// end.
async fn answer(stream: &mut TcpStream, head: &str) -> bool {
    let wish = wish(head);
    let (status, connection) = match wish {
        Wish::Answer | Wish::Early => ("200 OK\r\nContent-Length: 2", "keep-alive"),
        Wish::Close => ("200 OK\r\nContent-Length: 2", "close"),
        Wish::Switch => ("101 Switching Protocols\r\nUpgrade: websocket", "upgrade"),
        Wish::Never => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            return false;
        }
    };
    let mark = values(head, "x-marker").join(",");
    let body = if wish == Wish::Switch { "" } else { "ok" };
    let text =
        format!("HTTP/1.1 {status}\r\nConnection: {connection}\r\nX-Echo: {mark}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.is_ok() && !matches!(wish, Wish::Close | Wish::Switch)
}

/// The target of a request's head.
pub(crate) fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or("")
}

/// The values of a header, in order.
pub(crate) fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}

/// Whose requests are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A gateway's: as it should write them, marked by a policy, and nothing else.
    Backend,
    /// A client's: everything that RFC 9112 lets a client write and that has one meaning.
    Client,
}

fn head_of(received: &[u8]) -> Option<String> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(String::from_utf8_lossy(&received[..end]).into_owned())
}

/// One request at the beginning of what came: head, body, and how long both are; `None` when more must come.
pub(crate) fn parse(
    received: &[u8],
    reading: Reading,
) -> Result<Option<(String, String, usize)>, &'static str> {
    // RFC 9112 §2.2: empty lines before a request mean nothing.
    let blank = if reading == Reading::Client {
        received.chunks(2).take_while(|two| *two == b"\r\n").count() * 2
    } else {
        0
    };
    let Some(end) = received[blank..].windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let end = blank + end;
    let head = &received[blank..end];
    if reading == Reading::Backend && std::str::from_utf8(head).is_err() {
        return Err("a head that is no text");
    }
    let head = String::from_utf8_lossy(head).into_owned();
    let framing = framing(&head, reading)?;
    let rest = &received[end + 4..];
    let body = match framing {
        Framing::Chunked => dechunked(rest, reading)?,
        Framing::Length(length) => whole(rest, length),
    };
    let Some((body, taken)) = body else { return Ok(None) };
    Ok(Some((head, body, end + 4 + taken)))
}

enum Framing {
    Length(usize),
    Chunked,
}

fn framing(head: &str, reading: Reading) -> Result<Framing, &'static str> {
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let is_old = reading == Reading::Client && first.ends_with(" HTTP/1.0");
    if first.split(' ').count() != 3 || !(first.ends_with(" HTTP/1.1") || is_old) {
        return Err("no request line");
    }
    let (mut length, mut chunked, mut marks, mut hosts) = (None, false, 0, 0);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("no header line")?;
        if line.contains(['\r', '\n', '\0']) || !is_name(name) {
            return Err("an ambiguous header line");
        }
        let value = value.trim_matches([' ', '\t']);
        match name.to_ascii_lowercase().as_str() {
            "content-length" if length.is_some() => return Err("two lengths"),
            "content-length"
                if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                length = Some(value.parse::<usize>().map_err(|_| "an odd length")?);
            }
            "transfer-encoding" if !chunked && is_chunked(value, reading) => chunked = true,
            "content-length" | "transfer-encoding" => return Err("odd framing"),
            "x-marker" => marks += 1,
            "host" => hosts += 1,
            _ => {}
        }
    }
    if length.is_some() && chunked {
        return Err("framed in two ways");
    }
    if is_old && chunked {
        return Err("chunks in HTTP/1.0");
    }
    if reading == Reading::Backend && marks != 1 {
        return Err("not marked once by a policy");
    }
    if hosts != 1 && !(is_old && hosts == 0) {
        return Err("not one host");
    }
    Ok(if chunked { Framing::Chunked } else { Framing::Length(length.unwrap_or(0)) })
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_chunked(value: &str, reading: Reading) -> bool {
    match reading {
        Reading::Backend => value == "chunked",
        Reading::Client => value.eq_ignore_ascii_case("chunked"),
    }
}

fn whole(rest: &[u8], length: usize) -> Option<(String, usize)> {
    Some((String::from_utf8_lossy(rest.get(..length)?).into_owned(), length))
}

fn dechunked(rest: &[u8], reading: Reading) -> Result<Option<(String, usize)>, &'static str> {
    let (mut body, mut at) = (String::new(), 0);
    loop {
        let left = &rest[at..];
        let Some(end) = left.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let line = std::str::from_utf8(&left[..end]).map_err(|_| "an odd chunk")?;
        let size = chunk_size(line, reading)?;
        if size == 0 && reading == Reading::Client {
            // Trailers, which nobody has to look at.
            let Some(trailers) = trailers(&left[end + 2..])? else { return Ok(None) };
            return Ok(Some((body, at + end + 2 + trailers)));
        }
        let length = size.checked_add(end + 4).ok_or("an odd chunk")?;
        let Some(chunk) = left.get(end + 2..length) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err("a chunk without an end");
        }
        at += length;
        if size == 0 {
            return Ok(Some((body, at)));
        }
        body.push_str(&String::from_utf8_lossy(&chunk[..size]));
    }
}

fn chunk_size(line: &str, reading: Reading) -> Result<usize, &'static str> {
    let size = match line.split_once(';') {
        Some((size, extension)) if reading == Reading::Client => {
            if extension.contains(['\r', '\n', '\0']) {
                return Err("an odd extension");
            }
            size.trim_end_matches([' ', '\t'])
        }
        _ => line,
    };
    if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("an odd chunk");
    }
    usize::from_str_radix(size, 16).map_err(|_| "an odd chunk")
}

/// How long the trailers are, the empty line behind them included.
fn trailers(rest: &[u8]) -> Result<Option<usize>, &'static str> {
    let mut at = 0;
    loop {
        let left = &rest[at..];
        let Some(end) = left.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        at += end + 2;
        if end == 0 {
            return Ok(Some(at));
        }
        let name = left[..end].split(|byte| *byte == b':').next().unwrap_or_default();
        let name = std::str::from_utf8(name).map_err(|_| "an odd trailer")?;
        if name.len() == end || !is_name(name) || left[..end].contains(&b'\n') {
            return Err("an odd trailer");
        }
    }
}
