//! A WebSocket server that sends back what it receives, strict about RFC 6455.
//!
//! Written by hand: an echo needs frames and not messages, and a test of a gateway wants to see each frame as it came,
//! fragmented or not, which message-level libraries hide.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

use crate::exchange::Exchange;
use crate::reply::{Reply, bytes, set_header};
use crate::server::stopped;
use crate::tally::{Open, Tally};

/// Payload of one frame; a longer one closes the connection with 1009.
const MAX_PAYLOAD: u64 = 4 << 20;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// RFC 6455 close codes that this server gives.
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_TEXT: u16 = 1007;
const TOO_BIG: u16 = 1009;
const GOING_AWAY: u16 = 1001;

/// What is sent for a whole text in place of it; `None` for an echo.
pub(crate) type Answers = fn(&str) -> Option<Vec<String>>;

/// What the server does beside echoing.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// A text message sent before anything is received.
    pub(crate) greeting: Option<String>,
    /// The subprotocol chosen.
    pub(crate) protocol: Option<&'static str>,
    /// Answers some messages instead of echoing them.
    pub(crate) answers: Option<Answers>,
}

/// Answers the handshake and echoes from then on; refuses a request that is no proper handshake.
pub(crate) fn upgrade(exchange: &mut Exchange, session: Session, sessions: &Tally) -> Reply {
    let accept = match check_handshake(exchange) {
        Ok(accept) => accept,
        Err(refusal) => return refusal.reply(),
    };
    let Some(upgrade) = exchange.upgrade() else {
        return Refusal::Malformed("the connection cannot be upgraded").reply();
    };
    let mut reply = bytes(StatusCode::SWITCHING_PROTOCOLS, "", "");
    set_header(&mut reply, "upgrade", "websocket");
    set_header(&mut reply, "connection", "Upgrade");
    set_header(&mut reply, "sec-websocket-accept", accept);
    if let Some(protocol) = session.protocol {
        set_header(&mut reply, "sec-websocket-protocol", protocol);
    }
    tokio::spawn(run(upgrade, session, sessions.open(), exchange.stop()));
    reply
}

enum Refusal {
    NotWebSocket,
    Version,
    Malformed(&'static str),
}

impl Refusal {
    fn reply(&self) -> Reply {
        let refuse = |status, text: &'static str| bytes(status, "text/plain", text);
        match self {
            Self::NotWebSocket => {
                let mut reply =
                    refuse(StatusCode::UPGRADE_REQUIRED, "a WebSocket handshake is expected");
                set_header(&mut reply, "upgrade", "websocket");
                set_header(&mut reply, "connection", "Upgrade");
                reply
            }
            Self::Version => {
                let mut reply = refuse(StatusCode::UPGRADE_REQUIRED, "only WebSocket version 13");
                set_header(&mut reply, "sec-websocket-version", "13");
                reply
            }
            Self::Malformed(why) => refuse(StatusCode::BAD_REQUEST, why),
        }
    }
}

fn check_handshake(exchange: &Exchange) -> Result<String, Refusal> {
    let lists = |name: &str, token: &str| {
        exchange
            .headers()
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    };
    if !lists(UPGRADE.as_str(), "websocket") || !lists(CONNECTION.as_str(), "upgrade") {
        return Err(Refusal::NotWebSocket);
    }
    if exchange.method() != Method::GET || exchange.version() != Version::HTTP_11 {
        return Err(Refusal::Malformed("a handshake is a GET over HTTP/1.1"));
    }
    if exchange.header(SEC_WEBSOCKET_VERSION.as_str()) != Some("13") {
        return Err(Refusal::Version);
    }
    let key = exchange.header(SEC_WEBSOCKET_KEY.as_str()).unwrap_or_default().trim();
    if STANDARD.decode(key).map(|bytes| bytes.len()) != Ok(16) {
        return Err(Refusal::Malformed("Sec-WebSocket-Key is not 16 bytes in base64"));
    }
    Ok(accept_key(key))
}

/// The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
fn accept_key(key: &str) -> String {
    let salted = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, salted.as_bytes()))
}

async fn run(
    upgrade: OnUpgrade,
    session: Session,
    mut open: Open,
    mut stop: watch::Receiver<bool>,
) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut io = TokioIo::new(upgraded);
    let (greeting, answers) = (session.greeting.unwrap_or_default(), session.answers);
    if !greeting.is_empty() && write(&mut io, true, TEXT, greeting.as_bytes()).await.is_err() {
        return;
    }
    let ended = tokio::select! {
        ended = echo(&mut io, answers) => ended,
        () = stopped(&mut stop) => Err(Broken::Close(GOING_AWAY)),
    };
    match ended {
        Ok(()) => open.complete(),
        Err(Broken::Close(code)) => {
            // The client may be gone already; there is nobody to tell then.
            write(&mut io, true, CLOSE, &code.to_be_bytes()).await.ok();
        }
        Err(Broken::Gone) => {}
    }
    io.shutdown().await.ok();
}

enum Broken {
    /// The connection is to be closed with this code.
    Close(u16),
    /// The connection has ended without a closing handshake.
    Gone,
}

impl From<std::io::Error> for Broken {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

#[derive(Debug)]
struct Received {
    last: bool,
    opcode: u8,
    payload: Vec<u8>,
}

async fn echo<T: AsyncRead + AsyncWrite + Unpin>(
    io: &mut T,
    answers: Option<Answers>,
) -> Result<(), Broken> {
    let mut within_message = false;
    loop {
        let frame = read(io).await?;
        match frame.opcode {
            CLOSE => {
                write(io, true, CLOSE, &frame.payload).await?;
                return Ok(());
            }
            PING => write(io, true, PONG, &frame.payload).await?,
            PONG => {}
            CONTINUATION | TEXT | BINARY => {
                if (frame.opcode == CONTINUATION) != within_message {
                    return Err(Broken::Close(PROTOCOL_ERROR));
                }
                let whole_text = frame.opcode == TEXT && frame.last;
                within_message = !frame.last;
                if whole_text {
                    let text = std::str::from_utf8(&frame.payload)
                        .map_err(|_| Broken::Close(INVALID_TEXT))?;
                    if let Some(events) = answers.and_then(|answers| answers(text)) {
                        for event in events {
                            write(io, true, TEXT, event.as_bytes()).await?;
                        }
                        continue;
                    }
                }
                write(io, frame.last, frame.opcode, &frame.payload).await?;
            }
            _ => return Err(Broken::Close(PROTOCOL_ERROR)),
        }
    }
}

async fn read<T: AsyncRead + Unpin>(io: &mut T) -> Result<Received, Broken> {
    let [first, second] = read_array(io).await?;
    let (last, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
    let masked = second & 0x80 != 0;
    let length = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(read_array(io).await?)),
        127 => u64::from_be_bytes(read_array(io).await?),
        short => u64::from(short),
    };
    let control = opcode >= CLOSE;
    if reserved != 0
        || !masked
        || control && (!last || length > 125)
        || opcode == CLOSE && length == 1
    {
        return Err(Broken::Close(PROTOCOL_ERROR));
    }
    if length > MAX_PAYLOAD {
        return Err(Broken::Close(TOO_BIG));
    }
    let mask: [u8; 4] = read_array(io).await?;
    let mut payload = vec![0; usize::try_from(length).unwrap_or(0)];
    io.read_exact(&mut payload).await?;
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Received { last, opcode, payload })
}

async fn read_array<const N: usize, T: AsyncRead + Unpin>(io: &mut T) -> Result<[u8; N], Broken> {
    let mut bytes = [0; N];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write<T: AsyncWrite + Unpin>(
    io: &mut T,
    last: bool,
    opcode: u8,
    payload: &[u8],
) -> Result<(), Broken> {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    frame.push(u8::from(last) << 7 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => frame.push(short),
        (_, Ok(medium)) => {
            frame.push(126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    io.write_all(&frame).await?;
    io.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Broken, accept_key, echo};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    /// A client frame with a mask of 1, 2, 3, 4.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
            medium => {
                bytes.push(0x80 | 0x7e);
                bytes.extend_from_slice(&u16::try_from(medium).unwrap().to_be_bytes());
            }
        }
        bytes.extend_from_slice(&[1, 2, 3, 4]);
        bytes.extend(
            payload.iter().zip([1u8, 2, 3, 4].iter().cycle()).map(|(byte, mask)| byte ^ mask),
        );
        bytes
    }

    /// What is sent back for `sent`, and the close code that ends it (0: a proper close, 1: the client left).
    async fn check(sent: &[Vec<u8>], want: &[u8], code: u16) {
        let (mut client, mut server) = tokio::io::duplex(1 << 20);
        client.write_all(&sent.concat()).await.unwrap();
        client.shutdown().await.unwrap();
        let ended = match echo(&mut server, None).await {
            Ok(()) => 0,
            Err(Broken::Gone) => 1,
            Err(Broken::Close(code)) => code,
        };
        drop(server);
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, want, "{sent:?}");
        assert_eq!(ended, code, "{sent:?}");
    }

    #[tokio::test]
    async fn frames_come_back_as_they_were() {
        check(&[frame(0x81, b"hi"), frame(0x88, &[3, 232])], b"\x81\x02hi\x88\x02\x03\xe8", 0)
            .await;
        check(
            &[frame(0x01, b"a"), frame(0x89, b"p"), frame(0x80, b"b")],
            b"\x01\x01a\x8a\x01p\x80\x01b",
            1,
        )
        .await;
        let long = vec![7u8; 300];
        let want = [&[0x82, 126, 1, 44][..], &long].concat();
        check(&[frame(0x82, &long), frame(0x88, b"")], &[&want[..], b"\x88\x00"].concat(), 0).await;
    }

    #[tokio::test]
    async fn what_the_rfc_forbids_closes() {
        for (sent, code) in [
            (vec![0x81, 0x02, b'h', b'i'], 1002),
            (frame(0xc1, b"rsv"), 1002),
            (frame(0x80, b"no message to continue"), 1002),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
            (frame(0x09, b"fragmented ping"), 1002),
            (frame(0x89, &[0; 126]), 1002),
            (frame(0x88, b"x"), 1002),
            (frame(0x83, b"opcode"), 1002),
            (frame(0x81, b"\xff\xfe"), 1007),
            ([&[0x82, 0xff][..], &(5u64 << 20).to_be_bytes()].concat(), 1009),
        ] {
            let want: &[u8] = if sent.first() == Some(&0x01) { b"\x01\x01a" } else { b"" };
            check(&[sent], want, code).await;
        }
    }
}
