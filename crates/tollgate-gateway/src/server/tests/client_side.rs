//! What a client sees: connections, pipelining, addresses, probes.

use super::backend::Upstream;
use super::harness::{Gateway, TestSite, body, header, status};
use crate::ListenSettings;
use crate::server::ListenCertificates;

fn telling() -> TestSite {
    TestSite::new(None, ["<t do=\"tell\"/>", "", ""])
}

async fn proxied(proxy_protocol: bool) -> Gateway {
    let settings = ListenSettings {
        http: Some("127.0.0.1:0".parse().unwrap()),
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        proxy_protocol,
        ..ListenSettings::default()
    };
    Gateway::listening(telling(), settings, ListenCertificates::default()).await
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let gateway = Gateway::start(telling()).await;
    let mut client = gateway.client().await;
    let requests: Vec<String> =
        (0..10).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(requests.concat()).await;
    for n in 0..10 {
        assert_eq!(body(&client.response().await), format!("127.0.0.1 http://a:80/{n}?"));
    }
}

#[tokio::test]
async fn a_request_that_comes_while_the_backend_thinks_waits_its_turn() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    client.send("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1").await;
    assert_eq!(body(&client.response().await), "1");
    let second = connection.request().await;
    assert!(second.starts_with("POST /2 "), "{second}");
    assert_eq!(body(&second), "hi");
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2").await;
    assert_eq!(body(&client.response().await), "2");
}

#[tokio::test]
async fn http_1_0_closes_unless_asked_not_to() {
    let gateway = Gateway::start(telling()).await;
    let answer = gateway.ask("GET /a HTTP/1.0\r\n\r\n").await;
    assert_eq!((status(&answer), header(&answer, "connection")), ("200", Some("close")));
    let port = gateway.http().port();
    assert_eq!(body(&answer), format!("127.0.0.1 http://127.0.0.1:{port}/a?"));
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!(header(&client.response().await, "connection"), Some("keep-alive"));
    }
}

#[tokio::test]
async fn absolute_targets_and_odd_bytes_are_understood() {
    let gateway = Gateway::start(telling()).await;
    for (request, told) in [
        (
            "GET http://a.test:8080/p?q HTTP/1.1\r\nHost: a.test:8080\r\n\r\n",
            "http://a.test:8080/p?q",
        ),
        ("GET http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n", "http://a.test:80/?"),
        ("GET /p%2Fq/ü?a=%20 HTTP/1.1\r\nHost: a\r\n\r\n", "http://a:80/p%2Fq/%C3%BC?a=%20"),
        ("GET /a?b=c?d HTTP/1.1\r\nHost: [::1]:81\r\n\r\n", "http://[::1]:81/a?b=c?d"),
        ("\r\nGET /crlf HTTP/1.1\r\nHost: a\r\n\r\n", "http://a:80/crlf?"),
    ] {
        let mut client = gateway.client().await;
        client.send(request).await;
        assert_eq!(body(&client.response().await), format!("127.0.0.1 {told}"), "{request:?}");
    }
}

#[tokio::test]
async fn only_trusted_peers_speak_for_others() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9, 203.0.113.5\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
    let gateway = Gateway::start(telling()).await;
    assert_eq!(body(&gateway.ask(request).await), "127.0.0.1 http://a:80/?");
    let gateway = proxied(false).await;
    assert_eq!(body(&gateway.ask(request).await), "203.0.113.5 https://a:443/?");
    let record = gateway.records.nth(0).await;
    assert_eq!(record.client_ip.to_string(), "203.0.113.5");
    // The PROXY protocol is not read unless it is switched on.
    let header = "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n";
    assert_eq!(status(&gateway.ask(&format!("{header}{request}")).await), "400");
}

#[tokio::test]
async fn the_proxy_protocol_names_the_client() {
    let gateway = proxied(true).await;
    let request =
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nConnection: close\r\n\r\n";
    let answer = gateway.ask(&format!("PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n{request}")).await;
    assert_eq!(body(&answer), "203.0.113.7 http://a:80/?");
    // A health check speaks for the load balancer itself, which is trusted.
    let answer = gateway.ask(&format!("PROXY UNKNOWN\r\n{request}")).await;
    assert_eq!(body(&answer), "9.9.9.9 http://a:80/?");
    // From a trusted peer it is required.
    assert_eq!(gateway.ask(request).await, "");
}

#[tokio::test]
async fn probes_are_answered_without_a_route() {
    let site = TestSite::new(None, ["<t do=\"answer\" a=\"500\" b=\"no\"/>", "", ""]);
    let mut gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    for path in ["/status-0123456789abcdef", "/status-012345678990abcdef"] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let answer = client.response().await;
        assert_eq!((status(&answer), header(&answer, "content-length")), ("200", Some("0")));
    }
    client
        .send("POST /status-0123456789abcdef HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(status(&client.response().await), "500");
    gateway.stop();
    gateway.ended().await;
}
