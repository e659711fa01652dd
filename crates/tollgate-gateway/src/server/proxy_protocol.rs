//! The PROXY protocol, versions 1 and 2: how a load balancer says whom it speaks for.
//!
//! It is read only from peers that are trusted, and from these it is required: a connection of theirs without it would
//! otherwise pass for one of the load balancer itself.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Both versions are at least this long, so that reading this much never takes a byte of what follows.
const SHORTEST: usize = 12;
const SIGNATURE: [u8; SHORTEST] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Longest line of version 1, its end included.
const MAX_LINE: usize = 107;

/// Longest payload of version 2; the rest of it are extensions that we skip.
const MAX_PAYLOAD: usize = 4_096;

/// Reads the header. The answer is the client's address, or none when the peer speaks for itself (health checks).
pub(super) async fn read_header(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<SocketAddr>> {
    let mut start = [0; SHORTEST];
    stream.read_exact(&mut start).await?;
    if start == SIGNATURE {
        return read_binary(stream).await;
    }
    if start.starts_with(b"PROXY ") {
        return read_line(stream, &start).await;
    }
    Err(malformed("no PROXY header"))
}

async fn read_line(
    stream: &mut (impl AsyncRead + Unpin),
    start: &[u8],
) -> io::Result<Option<SocketAddr>> {
    let mut line = start.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() == MAX_LINE {
            return Err(malformed("the PROXY line is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    let line = std::str::from_utf8(&line).map_err(|_| malformed("the PROXY line is not text"))?;
    let mut words = line.trim_end().split(' ').skip(1);
    let family = words.next();
    if family == Some("UNKNOWN") {
        return Ok(None);
    }
    let bad = || malformed("the PROXY line cannot be read");
    let ip: IpAddr = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    let _destination: IpAddr = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    let port: u16 = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
    match (family, ip) {
        (Some("TCP4"), IpAddr::V4(_)) | (Some("TCP6"), IpAddr::V6(_)) => {
            Ok(Some(SocketAddr::new(ip, port)))
        }
        _ => Err(bad()),
    }
}

async fn read_binary(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let version_and_command = stream.read_u8().await?;
    let family = stream.read_u8().await?;
    let length = usize::from(stream.read_u16().await?);
    if length > MAX_PAYLOAD {
        return Err(malformed("the PROXY header is too long"));
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    let mut payload = payload.as_slice();
    let address = match (version_and_command, family) {
        // LOCAL: the peer itself. Of PROXY, only TCP over IP has an address that means anything to us.
        (0x20, _) => None,
        (0x21, 0x11) => {
            let ip = Ipv4Addr::from(payload.read_u32().await?);
            payload.read_u32().await?;
            Some(SocketAddr::new(ip.into(), payload.read_u16().await?))
        }
        (0x21, 0x21) => {
            let ip = Ipv6Addr::from(payload.read_u128().await?);
            payload.read_u128().await?;
            Some(SocketAddr::new(ip.into(), payload.read_u16().await?))
        }
        (0x21, _) => None,
        _ => return Err(malformed("unknown version or command in the PROXY header")),
    };
    Ok(address)
}

fn malformed(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(bytes: &[u8], expected: Option<Option<&str>>, rest: &[u8]) {
        let all = [bytes, rest].concat();
        let mut stream = all.as_slice();
        let read = read_header(&mut stream).await.ok();
        assert_eq!(
            read,
            expected.map(|it| it.map(|it| it.parse().unwrap())),
            "{:?}",
            bytes.escape_ascii().to_string()
        );
        if read.is_some() {
            assert_eq!(stream, rest);
        }
    }

    fn binary(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        header.extend(payload);
        header
    }

    #[tokio::test]
    async fn lines() {
        check(
            b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n",
            Some(Some("203.0.113.7:56324")),
            b"GET /",
        )
        .await;
        check(b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", Some(Some("[2001:db8::7]:1")), b"x").await;
        check(b"PROXY UNKNOWN\r\n", Some(None), b"GET /").await;
        check(b"PROXY UNKNOWN ffff:f...f ffff 65535 65535\r\n", Some(None), b"").await;
        for wrong in [
            b"PROXY TCP6 203.0.113.7 10.0.0.1 1 2\r\n".as_slice(),
            b"PROXY TCP4 203.0.113.7\r\n",
            b"PROXY TCP4 a b c d\r\n",
            b"PROXY TCP4 203.0.113.7 10.0.0.1 99999 2\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PROXY",
            &[b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat(),
        ] {
            check(wrong, None, b"").await;
        }
    }

    #[tokio::test]
    async fn binary_headers() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x1f, 0x90, 1, 187];
        check(&binary(0x21, 0x11, &v4), Some(Some("203.0.113.7:8080")), b"GET").await;
        let with_extensions = [v4.as_slice(), &[4, 0, 1, 0]].concat();
        check(&binary(0x21, 0x11, &with_extensions), Some(Some("203.0.113.7:8080")), b"GET").await;
        let mut v6 = [0; 36];
        v6[15] = 1;
        v6[33] = 80;
        check(&binary(0x21, 0x21, &v6), Some(Some("[::1]:80")), b"").await;
        check(&binary(0x20, 0, &[]), Some(None), b"GET").await;
        check(&binary(0x21, 0x31, &[0; 216]), Some(None), b"GET").await;
        check(&binary(0x21, 0x11, &[1, 2]), None, b"").await;
        check(&binary(0x31, 0x11, &v4), None, b"").await;
        check(&binary(0x21, 0x11, &vec![0; 5_000]), None, b"").await;
    }
}
