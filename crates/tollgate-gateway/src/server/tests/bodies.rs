//! Bodies that a policy reads, and bodies that pass.

use std::time::{Duration, Instant};

use async_compression::tokio::write::GzipEncoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::backend::Upstream;
use super::harness::{Gateway, LONG, TestSite, body, header, status, target};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn reading() -> TestSite {
    TestSite::new(None, ["<t do=\"read-request\"/><t do=\"echo-request\"/>", "", ""])
}

async fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(text).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

#[tokio::test]
async fn policies_read_bodies_however_they_are_framed() {
    let gateway = Gateway::start(reading()).await;
    let mut client = gateway.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(body(&client.response().await), "hello");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: t\r\n\r\n").await;
    assert_eq!(body(&client.response().await), "hello");
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(body(&client.response().await), "");
}

#[tokio::test]
async fn a_compressed_body_is_read_decoded_and_forwarded_as_it_came() {
    let mut upstream = Upstream::start().await;
    let policies = [
        "<t do=\"read-request\"/>",
        "<forward/>",
        "<t do=\"read-response\"/><t do=\"echo-response\"/>",
    ];
    let gateway = Gateway::start(TestSite::new(Some(target(upstream.address)), policies)).await;
    let mut client = gateway.client().await;
    let zipped = gzip(b"what a policy reads").await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        zipped.len()
    );
    client.send([head.as_bytes(), &zipped].concat()).await;
    let mut connection = upstream.connection().await;
    let seen = connection.until("\r\n\r\n").await;
    assert_eq!(header(&seen, "content-length"), Some(zipped.len().to_string().as_str()));
    assert_eq!(header(&seen, "content-encoding"), Some("gzip"));
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        zipped.len()
    );
    connection.send([head.as_bytes(), &zipped].concat()).await;
    let answer = client.until("\r\n\r\n").await;
    assert_eq!(header(&answer, "x-read"), Some("what a policy reads"));
    assert_eq!(header(&answer, "content-encoding"), Some("gzip"));
    assert_eq!(header(&answer, "content-length"), Some(zipped.len().to_string().as_str()));
    assert_eq!(gateway.connections.buffered_bytes(), 0);
}

#[tokio::test]
async fn bodies_that_are_read_are_bounded() {
    let small = || {
        reading().with(|site| {
            site.limits.buffered_body = 1_000;
            site.limits.inflated_body = 5_000;
        })
    };
    let gateway = Gateway::start(small()).await;
    let answer = gateway
        .ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n")
        .await;
    assert_eq!(status(&answer), "413");
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1_001));
    let request = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
    );
    assert_eq!(status(&gateway.ask(&request).await), "413");
    for (plain, expected) in [(vec![b'x'; 5_001], "413"), (vec![b'x'; 5_000], "200")] {
        let zipped = gzip(&plain).await;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            zipped.len()
        );
        let mut client = gateway.client().await;
        client.send([head.as_bytes(), &zipped].concat()).await;
        assert_eq!(status(&client.rest().await), expected);
    }
    let unknown = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: zip\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(status(&gateway.ask(unknown).await), "415");
    // What all of the process may hold.
    let gateway = Gateway::start(reading().with(|site| site.limits.buffers_total = 10)).await;
    let request =
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 11\r\n\r\nhello world";
    assert_eq!(status(&gateway.ask(request).await), "503");
    assert_eq!(gateway.connections.buffered_bytes(), 0);
}

/// Sends `at_once` bytes and then one after the other, until the gateway has answered.
async fn trickle(head: &str, at_once: usize, hold_pace: bool) -> (String, Duration) {
    let site = reading().with(|site| site.timeouts.request_body = Duration::from_millis(100));
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    let began = Instant::now();
    client.send(format!("{head}\r\n\r\n{}", "x".repeat(at_once))).await;
    let (mut read, mut write) = tokio::io::split(client.stream);
    let mut answer = vec![0; 1_024];
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let piece = if hold_pace { "x".repeat(100) } else { "x".to_owned() };
    let n = loop {
        tokio::select! {
            biased;
            n = read.read(&mut answer) => break n.unwrap(),
            _ = ticks.tick() => {
                assert!(began.elapsed() < LONG, "a slow client is never given up");
                drop(write.write_all(piece.as_bytes()).await);
            }
        }
    };
    assert_eq!(gateway.connections.buffered_bytes(), 0);
    (String::from_utf8_lossy(&answer[..n]).into_owned(), began.elapsed())
}

#[tokio::test]
async fn a_body_that_is_held_must_come_fast_enough() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000";
    // Each byte comes in time, and they lead nowhere.
    let (answer, took) = trickle(head, 0, false).await;
    assert_eq!(status(&answer), "408");
    assert!(took < Duration::from_millis(900), "{took:?}");
    // A fast beginning does not pay for the rest, nor does a rate that is just enough.
    for (at_once, hold_pace) in [(60_000, false), (0, true)] {
        let (answer, took) = trickle(head, at_once, hold_pace).await;
        assert_eq!(status(&answer), "408");
        assert!(took >= Duration::from_millis(900), "{took:?}");
    }
    // What keeps the pace is read to its end, though that takes longer than the time between two reads.
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1500";
    let (answer, took) = trickle(head, 0, true).await;
    assert_eq!(status(&answer), "200");
    assert!(took >= Duration::from_millis(200), "{took:?}");
}

#[tokio::test]
async fn a_response_that_is_read_is_bounded() {
    let upstream =
        Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world").await;
    for (limit, expected) in [(10, "502"), (11, "200")] {
        let site = TestSite::new(
            Some(target(upstream.address)),
            ["", "<forward/>", "<t do=\"read-response\"/>"],
        );
        let gateway = Gateway::start(site.with(|site| site.limits.buffered_body = limit)).await;
        let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
}

#[tokio::test]
async fn a_buffered_body_is_sent_again_and_a_streamed_one_is_not() {
    let upstream = Upstream::answering(OK).await;
    for (inbound, expected) in [("<t do=\"read-request\"/>", "200"), ("", "502")] {
        let inbound = format!("{inbound}<forward/>");
        let site = TestSite::new(Some(target(upstream.address)), [&inbound, "<forward/>", ""]);
        let gateway = Gateway::start(site).await;
        let request =
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
        let answer = gateway.ask(request).await;
        assert_eq!(status(&answer), expected, "{inbound}");
    }
}

#[tokio::test]
async fn a_client_that_waits_for_leave_gets_it_when_its_body_is_wanted() {
    let upstream = Upstream::answering(OK).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    for site in [reading(), TestSite::forwarding(upstream.address)] {
        let gateway = Gateway::start(site).await;
        let mut client = gateway.client().await;
        client.send(head).await;
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hello").await;
        assert_eq!(status(&client.response().await), "200");
    }
}

#[tokio::test]
async fn a_backend_is_asked_for_leave_when_a_time_is_set() {
    let mut upstream = Upstream::start().await;
    let policy = "<forward continue-ms=\"10000\"/>";
    let gateway =
        Gateway::start(TestSite::new(Some(target(upstream.address)), ["", policy, ""])).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let mut client = gateway.client().await;
    client.send(head).await;
    let mut connection = upstream.connection().await;
    let seen = connection.until("\r\n\r\n").await;
    assert_eq!(header(&seen, "expect"), Some("100-continue"));
    connection.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.until("100 Continue\r\n\r\n").await;
    client.send("hello").await;
    assert_eq!(connection.exactly(5).await, "hello");
    connection.send(OK).await;
    assert_eq!(status(&client.response().await), "200");
    // A backend that refuses at once spares the client its body.
    let mut client = gateway.client().await;
    client.send(head).await;
    connection.until("\r\n\r\n").await;
    connection.send("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").await;
    let answer = client.rest().await;
    assert_eq!(
        (status(&answer), header(&answer, "connection")),
        ("417", Some("close")),
        "{answer}"
    );
    // One that says nothing gets the body when the time is over.
    let policy = "<forward continue-ms=\"30\"/>";
    let gateway =
        Gateway::start(TestSite::new(Some(target(upstream.address)), ["", policy, ""])).await;
    let mut client = gateway.client().await;
    client.send(head).await;
    client.until("100 Continue\r\n\r\n").await;
    client.send("hello").await;
    let mut connection = upstream.connection().await;
    assert_eq!(body(&connection.request().await), "hello");
    connection.send(OK).await;
    assert_eq!(status(&client.response().await), "200");
}
