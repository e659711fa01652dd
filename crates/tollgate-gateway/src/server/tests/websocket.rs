//! Connections that are upgraded.

use std::time::{Duration, Instant};

use tollgate_engine::Target;

use super::backend::Upstream;
use super::harness::{Client, Gateway, TestSite, backend, header, status, target};
use super::tls::{TlsUpstream, trusting};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn site(target: Target) -> TestSite {
    let inbound = "<t do=\"set-header\" a=\"x-policy\" b=\"ran\"/>";
    let outbound = "<t do=\"set-response-header\" a=\"x-out\" b=\"ran\"/>";
    TestSite::new(Some(target), [inbound, "<forward/>", outbound]).with(|site| {
        // No time-out is for an upgraded connection.
        site.timeouts.keep_alive = Duration::from_millis(20);
        site.timeouts.client_write = Duration::from_millis(20);
        site.timeouts.backend_body = Some(Duration::from_millis(20));
        site.timeouts.request_body = Duration::from_millis(20);
    })
}

#[tokio::test]
async fn frames_pass_both_ways() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(site(target(upstream.address))).await;
    let mut client = gateway.client().await;
    // What follows the handshake at once is not lost, on either side.
    client.send(format!("{HANDSHAKE}early-up")).await;
    let mut connection = upstream.connection().await;
    let seen = connection.until("\r\n\r\n").await;
    assert_eq!(header(&seen, "connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(
        (header(&seen, "upgrade"), header(&seen, "x-policy")),
        (Some("websocket"), Some("ran"))
    );
    assert_eq!(header(&seen, "sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    connection.send(format!("{SWITCH}early-down")).await;
    let head = client.until("\r\n\r\n").await;
    assert_eq!((status(&head), header(&head, "x-out")), ("101", Some("ran")));
    assert_eq!(header(&head, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(header(&head, "content-length"), None);
    client.until("early-down").await;
    connection.until("early-up").await;
    for word in ["one", "two"] {
        tokio::time::sleep(Duration::from_millis(60)).await;
        client.send(word).await;
        connection.until(word).await;
        connection.send(word.to_uppercase()).await;
        client.until(&word.to_uppercase()).await;
    }
    drop(connection);
    assert_eq!(client.rest().await, "");
    let record = gateway.records.nth(0).await;
    assert_eq!((record.status, record.bytes_in, record.bytes_out), (101, 14, 16));
}

#[tokio::test]
async fn much_passes_both_ways_at_once() {
    const SIZE: usize = 4 << 20;
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(site(target(upstream.address))).await;
    let mut client = gateway.client().await;
    client.send(HANDSHAKE).await;
    let mut connection = upstream.connection().await;
    connection.until("\r\n\r\n").await;
    connection.send(SWITCH).await;
    client.until("\r\n\r\n").await;
    // Both write everything before either reads: one direction must not wait for the other.
    let pour = |mut side: Client<tokio::net::TcpStream>| {
        tokio::spawn(async move {
            let (mut read, mut write) = side.stream.split();
            let data = vec![b'x'; SIZE];
            let mut got = vec![0; SIZE];
            let write = tokio::io::AsyncWriteExt::write_all(&mut write, &data);
            let read = tokio::io::AsyncReadExt::read_exact(&mut read, &mut got);
            tokio::try_join!(write, read).unwrap().1
        })
    };
    let (down, up) = (pour(client), pour(connection));
    assert_eq!((down.await.unwrap(), up.await.unwrap()), (SIZE, SIZE));
}

#[tokio::test]
async fn a_client_that_vanishes_closes_the_backends_side() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(site(target(upstream.address))).await;
    let mut client = gateway.client().await;
    client.send(HANDSHAKE).await;
    let mut connection = upstream.connection().await;
    connection.until("\r\n\r\n").await;
    connection.send(SWITCH).await;
    client.until("\r\n\r\n").await;
    let left = Instant::now();
    drop(client);
    connection.rest().await;
    assert!(left.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_backend_that_declines_answers_as_usual() {
    let upstream = Upstream::answering("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.send(HANDSHAKE).await;
        assert_eq!(status(&client.response().await), "403");
    }
}

#[tokio::test]
async fn a_wrong_switch_is_refused() {
    for wrong in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let upstream = Upstream::answering(wrong).await;
        let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
        let mut client = gateway.client().await;
        client.send(HANDSHAKE).await;
        assert_eq!(status(&client.response().await), "502");
    }
}

#[tokio::test]
async fn policies_refuse_handshakes() {
    let gateway =
        Gateway::start(TestSite::new(None, ["<t do=\"answer\" a=\"401\" b=\"no\"/>", "", ""]))
            .await;
    let mut client = gateway.client().await;
    client.send(HANDSHAKE).await;
    assert_eq!(status(&client.response().await), "401");
    // A status that a policy makes up switches nothing.
    let gateway =
        Gateway::start(TestSite::new(None, ["<t do=\"answer\" a=\"101\" b=\"no\"/>", "", ""]))
            .await;
    let mut client = gateway.client().await;
    client.send(HANDSHAKE).await;
    assert_eq!(status(&client.response().await), "500");
}

#[tokio::test]
async fn an_upgrade_over_tls() {
    let mut upstream = TlsUpstream::start(&[b"http/1.1"]).await;
    let mut backend = backend("https", upstream.address);
    trusting(&mut backend, &upstream);
    let gateway = Gateway::start(
        TestSite::new(None, ["", "<forward http-version=\"2or1\"/>", ""]).backend(backend),
    )
    .await;
    let mut client = gateway.client().await;
    client.send(HANDSHAKE).await;
    let mut connection = upstream.connection().await;
    connection.until("\r\n\r\n").await;
    connection.send(format!("{SWITCH}early")).await;
    client.until("early").await;
    client.send("up").await;
    connection.until("up").await;
    connection.send("down").await;
    client.until("down").await;
    drop(client);
    connection.rest().await;
}
