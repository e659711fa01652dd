//! Bounds on headers, time and connections.

use std::time::Duration;

use super::backend::Upstream;
use super::harness::{Client, Gateway, LONG, TestSite, header, status};
use crate::ListenSettings;
use crate::server::ListenCertificates;

const SHORT: Duration = Duration::from_millis(80);

fn local() -> TestSite {
    TestSite::new(None, ["<t do=\"answer\" a=\"200\" b=\"ok\"/>", "", ""])
}

async fn check(site: TestSite, request: &str, expected: &str) {
    let gateway = Gateway::start(site).await;
    let answer = gateway.ask(request).await;
    assert_eq!(status(&answer), expected, "{request}");
    assert_eq!(header(&answer, "connection"), Some("close"));
}

#[tokio::test]
async fn headers_and_targets_are_bounded() {
    let small = || {
        local().with(|site| {
            site.limits.header_bytes = 2_000;
            site.limits.header_count = 10;
            site.limits.uri_bytes = 100;
        })
    };
    let long = "a".repeat(3_000);
    check(small(), &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), "431").await;
    check(small(), &format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(10)), "431")
        .await;
    check(small(), &format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100)), "414").await;
    // One that never ends is cut off as soon as it is too long.
    check(small(), &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}"), "431").await;
    let fits = format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\nX: {}\r\nConnection: close\r\n\r\n",
        "a".repeat(99),
        "b".repeat(1_800)
    );
    check(small(), &fits, "200").await;
    // What pingora itself refuses.
    check(local(), &format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(300)), "400")
        .await;
}

#[tokio::test]
async fn a_body_behind_a_short_header_does_not_count_as_header() {
    let site = local().with(|site| site.limits.header_bytes = 300);
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n{}",
            "x".repeat(3_000)
        ))
        .await;
    assert_eq!(status(&client.response().await), "200");
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.response().await), "200");
}

#[tokio::test]
async fn the_header_as_a_whole_has_a_time() {
    let gateway = Gateway::start(local().with(|site| site.timeouts.request_header = SHORT)).await;
    let mut client = gateway.client().await;
    // A byte now and then keeps pingora's own clock from running out.
    let dribble = async {
        loop {
            client.send("G").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    drop(tokio::time::timeout(SHORT * 2, std::panic::AssertUnwindSafe(dribble)).await);
    assert_eq!(status(&client.rest().await), "408");
}

#[tokio::test]
async fn the_second_header_has_a_time_too() {
    let gateway = Gateway::start(local().with(|site| site.timeouts.request_header = SHORT)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.response().await;
    client.send("GET / HTTP/1.1\r\n").await;
    assert_eq!(status(&client.rest().await), "408");
}

#[tokio::test]
async fn silent_and_idle_connections_are_closed() {
    let gateway = Gateway::start(local().with(|site| site.timeouts.request_header = SHORT)).await;
    assert_eq!(gateway.client().await.rest().await, "");
    let gateway = Gateway::start(local().with(|site| site.timeouts.keep_alive = SHORT)).await;
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.response().await;
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_the_request() {
    let read = ["<t do=\"read-request\"/>", "<t do=\"answer\" a=\"200\" b=\"ok\"/>", ""];
    let site = TestSite::new(None, read).with(|site| site.timeouts.request_body = SHORT);
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    let answer = client.rest().await;
    assert_eq!(
        (status(&answer), header(&answer, "connection")),
        ("408", Some("close")),
        "{answer}"
    );
}

#[tokio::test]
async fn connections_carry_so_many_requests() {
    let gateway =
        Gateway::start(local().with(|site| site.limits.requests_per_connection = 3)).await;
    let mut client = gateway.client().await;
    for connection in ["keep-alive", "keep-alive", "close"] {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(header(&client.response().await, "connection"), Some(connection));
    }
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn connections_are_bounded() {
    let gateway = Gateway::start(local().with(|site| site.limits.connections = 2)).await;
    let (mut first, mut second) = (gateway.client().await, gateway.client().await);
    for client in [&mut first, &mut second] {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.response().await;
    }
    assert_eq!(gateway.client().await.rest().await, "");
    drop(first);
    // The place is free as soon as the server has noticed.
    let served = async {
        loop {
            let mut client = gateway.client().await;
            if client
                .stream
                .try_write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .is_ok()
                && client.rest().await.contains("200")
            {
                return;
            }
        }
    };
    tokio::time::timeout(LONG, served).await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_is_given_up() {
    let mut upstream = Upstream::start().await;
    let site =
        TestSite::forwarding(upstream.address).with(|site| site.timeouts.client_write = SHORT);
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    // The backend is cut off once the buffers on the way are full and stay so.
    let cut = async {
        while tokio::io::AsyncWriteExt::write_all(&mut connection.stream, piece.as_bytes())
            .await
            .is_ok()
        {}
    };
    tokio::time::timeout(LONG, cut).await.unwrap();
    let record = gateway.records.nth(0).await;
    assert!(record.error.unwrap().message.contains("did not read"));
}

#[tokio::test]
async fn a_backend_that_does_not_read_is_given_up() {
    let mut upstream = Upstream::start().await;
    let site = TestSite::forwarding(upstream.address).with(|site| {
        site.timeouts.backend_write = SHORT;
        // On a busy machine it takes a while until nothing more fits on the way.
        site.timeouts.backend_first_byte = LONG;
    });
    let gateway = Gateway::start(site).await;
    let client = gateway.client().await;
    let (mut read, mut write) = client.stream.into_split();
    let sending = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        write
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
            .await
            .unwrap();
        let piece = vec![0; 1 << 16];
        while write.write_all(&piece).await.is_ok() {}
    });
    let _held = upstream.connection().await;
    let mut answer = Client::over(tokio::io::join(&mut read, tokio::io::sink()));
    let head = answer.until("\r\n\r\n").await;
    assert_eq!((status(&head), header(&head, "x-reason")), ("502", Some("Connection")));
    sending.abort();
}

#[tokio::test]
async fn short_requests_do_not_hang_where_http2_is_offered_without_tls() {
    let settings = ListenSettings {
        http: Some("127.0.0.1:0".parse().unwrap()),
        h2c: true,
        ..ListenSettings::default()
    };
    let site = local().with(|site| site.timeouts.request_header = SHORT);
    let gateway = Gateway::listening(site, settings, ListenCertificates::default()).await;
    assert_eq!(status(&gateway.ask("GET / HTTP/1.0\r\n\r\n").await), "200");
    assert_eq!(status(&gateway.ask("PRIx / HTTP/1.0\r\n\r\n").await), "200");
    assert_eq!(gateway.client().await.rest().await, "");
    assert_eq!(gateway.ask("PRI * HT").await, "");
}
