use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{SOON, get, raw, start};
use crate::{Running, TokenSpec};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn handshake(path: &str, extra: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: emulator\r\nupgrade: websocket\r\nconnection: keep-alive, Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n{extra}\r\n"
    )
}

async fn connect(running: &Running, path: &str, extra: &str) -> (TcpStream, String) {
    let (stream, head) =
        raw(running.openai.server().url(), handshake(path, extra).as_bytes(), "\r\n\r\n").await;
    (stream, String::from_utf8_lossy(&head).into_owned())
}

async fn exactly(stream: &mut TcpStream, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    timeout(SOON, stream.read_exact(&mut bytes)).await.expect("bytes in time").unwrap();
    bytes
}

#[tokio::test]
async fn realtime_echoes_after_a_greeting() {
    let running = start().await;
    let auth = format!("api-key: {}\r\n", running.openai.key());
    let classic = "/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-4o";
    let (_, received) = connect(&running, classic, &auth).await;
    assert!(received.starts_with("HTTP/1.1 101 "), "{received}");
    assert!(received.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{received}");

    running.openai.greet(false);
    let token = running.entra.mint(&TokenSpec::v1("https://cognitiveservices.azure.com")).unwrap();
    let auth =
        format!("authorization: Bearer {token}\r\nsec-websocket-protocol: realtime, other\r\n");
    let (mut stream, head) = connect(&running, "/openai/v1/realtime?model=gpt-4o", &auth).await;
    assert!(head.contains("sec-websocket-protocol: realtime\r\n"), "{head}");
    // "hi", masked with zeros, then a close.
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i', 0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(exactly(&mut stream, 6).await, [0x81, 2, b'h', b'i', 0x88, 0]);
    assert!(running.openai.sockets().until(SOON, |counts| counts.completed == 1).await.is_some());
}

#[tokio::test]
async fn a_socket_whose_client_vanishes_is_aborted() {
    let running = start().await;
    let path = format!("/openai/v1/realtime?model=gpt-4o&api-key={}", running.openai.key());
    let (stream, _) = connect(&running, &path, "").await;
    assert_eq!(running.openai.sockets().counts().open(), 1);
    drop(stream);
    assert!(running.openai.sockets().until(SOON, |counts| counts.aborted == 1).await.is_some());
}

#[tokio::test]
async fn handshakes_are_checked() {
    let running = start().await;
    let key = format!("api-key: {}\r\n", running.openai.key());
    for (path, extra, status) in [
        ("/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-4o", "", 401),
        (
            "/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-4o",
            "api-key: x\r\n",
            401,
        ),
        ("/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-4o&api-key=x", "", 401),
        ("/openai/realtime?deployment=gpt-4o", key.as_str(), 404),
        ("/openai/realtime?api-version=2024-02-01&deployment=gpt-4o", &key, 400),
        ("/openai/realtime?api-version=2025-04-01-preview", &key, 400),
        ("/openai/realtime?api-version=2025-04-01-preview&deployment=none", &key, 404),
        ("/openai/v1/realtime", &key, 400),
    ] {
        let (_, head) = connect(&running, path, extra).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
    }
    let plain = format!("{}/v1/realtime?model=gpt-4o", running.openai.base());
    let answer = get(plain).header("api-key", &running.openai.key()).expect(426).await;
    assert_eq!(answer.header("upgrade"), "websocket");
    let old =
        handshake("/openai/v1/realtime?model=gpt-4o", &key).replace("version: 13", "version: 8");
    let (_, head) = raw(running.openai.server().url(), old.as_bytes(), "\r\n\r\n").await;
    assert!(String::from_utf8_lossy(&head).contains("sec-websocket-version: 13"));
    let short = handshake("/openai/v1/realtime?model=gpt-4o", &key).replace(KEY, "c2hvcnQ=");
    let (_, head) = raw(running.openai.server().url(), short.as_bytes(), "\r\n\r\n").await;
    assert!(head.starts_with(b"HTTP/1.1 400 "));
}
