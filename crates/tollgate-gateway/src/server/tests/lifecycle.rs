//! Stopping.

use std::time::Duration;

use tokio::net::TcpStream;

use super::backend::Upstream;
use super::harness::{Gateway, TestSite, body, header};

#[tokio::test]
async fn a_graceful_stop_lets_requests_finish_and_closes_what_is_idle() {
    let mut upstream = Upstream::start().await;
    let mut gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut idle = gateway.client().await;
    let mut busy = gateway.client().await;
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    busy.until("a\r\n").await;
    assert!(!gateway.status.is_draining());
    assert_eq!((gateway.status.connections(), gateway.status.requests()), (2, 1));

    gateway.stop();
    assert_eq!(idle.rest().await, "");
    assert!(gateway.status.is_draining());
    // Nobody accepts any more, while the stream goes on.
    while TcpStream::connect(gateway.http()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    connection.send("1\r\nb\r\n0\r\n\r\n").await;
    assert_eq!(busy.rest().await, "1\r\nb\r\n0\r\n\r\n");
    gateway.ended().await;
    assert_eq!((gateway.status.connections(), gateway.status.requests()), (0, 0));
}

#[tokio::test]
async fn responses_say_that_the_connection_ends() {
    let mut upstream = Upstream::start().await;
    let mut gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    gateway.stop();
    let mut idle = TcpStream::connect(gateway.http()).await;
    while idle.is_ok() {
        idle = TcpStream::connect(gateway.http()).await;
    }
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let answer = client.rest().await;
    assert_eq!((header(&answer, "connection"), body(&answer)), (Some("close"), "ok"));
    gateway.ended().await;
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_ended() {
    let mut upstream = Upstream::start().await;
    let site = TestSite::forwarding(upstream.address)
        .with(|site| site.timeouts.graceful_stop = Duration::from_millis(50));
    let mut gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    gateway.stop();
    gateway.ended().await;
    connection.rest().await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_request_keeps_the_configuration_it_began_with() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let policies = [
        "<t do=\"read-request\"/>",
        "<forward/>",
        "<t do=\"set-response-header\" a=\"x-gen\" b=\"1\"/>",
    ];
    let gateway =
        Gateway::start(TestSite::new(Some(super::harness::target(upstream.address)), policies))
            .await;
    let mut client = gateway.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n").await;
    while gateway.status.requests() == 0 {
        tokio::task::yield_now().await;
    }
    gateway.site.store(TestSite::new(None, ["<t do=\"answer\" a=\"404\" b=\"\"/>", "", ""]).into());
    client.send("hi").await;
    assert_eq!(header(&client.response().await, "x-gen"), Some("1"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.response().await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_connection_that_was_idle_gets_the_new_configuration() {
    let answering = |status: &str| {
        let policy = format!("<t do=\"answer\" a=\"{status}\" b=\"\"/>");
        TestSite::new(None, [&policy, "", ""])
    };
    let gateway = Gateway::start(answering("200")).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.response().await.starts_with("HTTP/1.1 200"));
    while gateway.status.requests() > 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    gateway.site.store(answering("404").into());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.response().await.starts_with("HTTP/1.1 404"));
}
