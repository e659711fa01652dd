//! A client of HTTP/1.1 that costs little, so that the gateway is what is busy: what it sends is ready as bytes, of what it gets
//! only the framing is read.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// The longest head of an answer.
const MAX_HEAD: usize = 64 * 1024;

/// A connection that is kept.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer whose body has been read and forgotten.
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Bytes of the body, without what frames it.
    pub length: usize,
    head: String,
}

impl Answer {
    /// A header; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Whether the connection is good for another request.
    pub fn keeps_alive(&self) -> bool {
        !self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A header in a head; its name in lower case.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

impl Connection {
    /// Connects.
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(16 * 1024, stream) })
    }

    /// Sends a request as it is, and reads the whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.get_mut().write_all(request).await?;
        let head = head(&mut self.stream).await?.context("the connection was closed")?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("no status in `{head}`"))?;
        let length = if let Some(length) = header(&head, "content-length") {
            let length = length.parse()?;
            skip(&mut self.stream, length).await?;
            length
        } else if header(&head, "transfer-encoding").is_some() {
            skip_chunks(&mut self.stream).await?
        } else {
            bail!("an answer whose end is not known: `{head}`");
        };
        Ok(Answer { status, length, head })
    }
}

/// The lines up to an empty one; none when the connection has ended before.
pub async fn head(stream: &mut BufReader<TcpStream>) -> Result<Option<String>> {
    let mut head = Vec::with_capacity(1024);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_until(b'\n', &mut head).await? == 0 {
            return if head.is_empty() { Ok(None) } else { bail!("it ends in its head") };
        }
        if head.len() > MAX_HEAD {
            bail!("an endless head");
        }
    }
    Ok(Some(String::from_utf8(head)?))
}

/// Reads so many bytes and forgets them.
pub async fn skip(stream: &mut BufReader<TcpStream>, mut length: usize) -> Result<()> {
    while length > 0 {
        let at_hand = stream.fill_buf().await?.len().min(length);
        if at_hand == 0 {
            bail!("it ends {length} bytes early");
        }
        stream.consume(at_hand);
        length -= at_hand;
    }
    Ok(())
}

/// Reads chunks to their end and gives how many bytes were in them.
async fn skip_chunks(stream: &mut BufReader<TcpStream>) -> Result<usize> {
    let (mut all, mut line) = (0, String::new());
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let length = usize::from_str_radix(line.trim_end(), 16);
        let length = length.with_context(|| format!("no length of a chunk: `{line}`"))?;
        skip(stream, length + 2).await?;
        if length == 0 {
            return Ok(all);
        }
        all += length;
    }
}
