//! Backends of the benchmarks: raw, so that they cost little beside what is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a backend does with each request.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// Answers with so many bytes, after so long.
    Answer(usize, Duration),
    /// Streams an event of so many bytes, again and again after so long.
    Stream(usize, Duration),
}

/// A backend that behaves so.
pub async fn backend(manner: Manner) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answer: Arc<[u8]> = match manner {
        Manner::Answer(length, _) => {
            let body = "x".repeat(length);
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        }
        Manner::Stream(length, _) => {
            let event = format!("data: {}\n\n", "x".repeat(length));
            format!("{:x}\r\n{event}\r\n", event.len())
        }
    }
    .into_bytes()
    .into();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            tokio::spawn(serve(stream, manner, Arc::clone(&answer)));
        }
    });
    Ok(address)
}

/// Answers requests until the connection ends.
async fn serve(mut stream: TcpStream, manner: Manner, answer: Arc<[u8]>) -> Result<()> {
    const HEAD: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut buffer = Vec::with_capacity(4 << 10);
    while request(&mut stream, &mut buffer).await? {
        match manner {
            Manner::Answer(_, after) => {
                if !after.is_zero() {
                    tokio::time::sleep(after).await;
                }
                stream.write_all(&answer).await?;
            }
            Manner::Stream(_, every) => {
                stream.write_all(HEAD).await?;
                loop {
                    stream.write_all(&answer).await?;
                    tokio::time::sleep(every).await;
                }
            }
        }
    }
    Ok(())
}

/// Reads a request whose body has a length. False at the end of the connection.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<bool> {
    loop {
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
            if let Some(rest) = buffer.get(head + 4 + length..) {
                *buffer = rest.to_vec();
                return Ok(true);
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
}
