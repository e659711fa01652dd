//! Bodies that pass while they come, in both directions, and what happens when one side goes away.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::backend::Upstream;
use super::harness::{Client, Gateway, LONG, TestSite, body, header, status, target};

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Time within which the backend must notice that the client has gone.
const SOON: Duration = Duration::from_secs(1);

async fn streaming(
    site: TestSite,
    upstream: &mut Upstream,
) -> (Gateway, Client<tokio::net::TcpStream>, Client<tokio::net::TcpStream>) {
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send(STREAM).await;
    (gateway, client, connection)
}

#[tokio::test]
async fn events_leave_one_by_one_and_silence_is_no_error() {
    let mut upstream = Upstream::start().await;
    let short = Duration::from_millis(30);
    let site = TestSite::forwarding(upstream.address).with(|site| {
        // Everything that is limited is limited to less than the silence below.
        site.timeouts.request_header = short;
        site.timeouts.request_body = short;
        site.timeouts.client_write = short;
        site.timeouts.keep_alive = short;
        site.timeouts.backend_first_byte = LONG;
        site.timeouts.backend_body = Some(short);
        site.timeouts.backend_write = short;
        site.timeouts.backend_idle = short;
    });
    let (_gateway, mut client, mut connection) = streaming(site, &mut upstream).await;
    // The header is there before anything of the body.
    let head = client.until("\r\n\r\n").await;
    assert_eq!(header(&head, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&head, "transfer-encoding"), Some("chunked"));
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        connection.send(format!("{:x}\r\n{event}\r\n", event.len())).await;
        client.until(event).await;
        tokio::time::sleep(short * 4).await;
    }
    connection.send("0\r\n\r\n").await;
    client.until("0\r\n\r\n").await;
}

#[tokio::test]
async fn a_response_that_is_no_event_stream_may_be_given_a_time() {
    let mut upstream = Upstream::start().await;
    let site = TestSite::forwarding(upstream.address)
        .with(|site| site.timeouts.backend_body = Some(Duration::from_millis(30)));
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    let answer = client.rest().await;
    assert_eq!((status(&answer), body(&answer)), ("200", "half"));
    assert!(gateway.records.nth(0).await.error.unwrap().message.contains("nothing in time"));
}

#[tokio::test]
async fn a_slow_body_of_known_length_is_not_held_back() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n").await;
    client.until("\r\n\r\n").await;
    for piece in ["ab", "cd", "ef", "gh"] {
        connection.send(piece).await;
        assert_eq!(client.exactly(2).await, piece);
    }
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(connection.request().await.starts_with("GET "));
}

#[tokio::test]
async fn a_client_that_vanishes_ends_the_backends_call() {
    let mut upstream = Upstream::start().await;
    // In the silence of a stream.
    let (gateway, mut client, mut connection) =
        streaming(TestSite::forwarding(upstream.address), &mut upstream).await;
    client.until("\r\n\r\n").await;
    let left = Instant::now();
    drop(client);
    connection.rest().await;
    assert!(left.elapsed() < SOON);
    assert!(gateway.records.nth(0).await.error.unwrap().message.contains("client closed"));
    // While the backend thinks.
    let mut client = gateway.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    let left = Instant::now();
    drop(client);
    connection.rest().await;
    assert!(left.elapsed() < SOON);
    let record = gateway.records.nth(1).await;
    assert_eq!(record.error.unwrap().reason, "ClientGone");
    // While it sends its body.
    let mut client = gateway.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nhi").await;
    let mut connection = upstream.connection().await;
    connection.until("hi").await;
    let left = Instant::now();
    drop(client);
    connection.rest().await;
    assert!(left.elapsed() < SOON);
}

#[tokio::test]
async fn a_client_that_vanishes_ends_a_policys_wait() {
    let site = TestSite::new(None, ["<t do=\"sleep\" a=\"60000\"/>", "", ""]);
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    drop(client);
    assert_eq!(gateway.records.nth(0).await.error.unwrap().reason, "Sleep");
}

#[tokio::test]
async fn a_backend_that_breaks_off_is_never_a_clean_end() {
    let mut upstream = Upstream::start().await;
    for (request, answer) in [
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde",
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
        (
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ),
    ] {
        let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
        let mut client = gateway.client().await;
        client.send(request).await;
        let mut connection = upstream.connection().await;
        connection.request().await;
        connection.send(answer).await;
        client.until("abc").await;
        drop(connection);
        let (rest, failed) = client.rest_or_error().await;
        let rest = String::from_utf8(rest).unwrap();
        assert!(!rest.contains("0\r\n\r\n"), "{answer:?}: {rest:?}");
        assert_eq!(failed, request.contains("1.0"), "{answer:?}");
        let record = gateway.records.nth(0).await;
        assert_eq!(
            (record.status, &*record.error.unwrap().reason),
            (200, "BackendConnectionFailure")
        );
    }
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_is_whole() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    for (version, body) in [("1.1", "3\r\nabc\r\n0\r\n\r\n"), ("1.0", "abc")] {
        let mut client = gateway.client().await;
        client.send(format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        let mut connection = upstream.connection().await;
        connection.request().await;
        connection.send("HTTP/1.1 200 OK\r\n\r\nabc").await;
        drop(connection);
        let answer = client.rest().await;
        assert_eq!(super::harness::body(&answer), body);
    }
}

#[tokio::test]
async fn forty_mebibytes_pass_upwards_without_being_held() {
    const SIZE: usize = 40 << 20;
    let mut upstream = Upstream::start().await;
    let site = TestSite::forwarding(upstream.address).with(|site| {
        site.limits.buffered_body = 1 << 20;
        site.limits.buffers_total = 1 << 20;
    });
    let gateway = Gateway::start(site).await;
    for chunked in [false, true] {
        let client = gateway.client().await;
        let (mut read, mut write) = client.stream.into_split();
        let sending = tokio::spawn(async move {
            let framing = if chunked {
                "Transfer-Encoding: chunked".to_owned()
            } else {
                format!("Content-Length: {SIZE}")
            };
            let head =
                format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framing}\r\n\r\n");
            write.write_all(head.as_bytes()).await.unwrap();
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..SIZE >> 20 {
                if chunked {
                    write.write_all(b"100000\r\n").await.unwrap();
                }
                write.write_all(&piece).await.unwrap();
                if chunked {
                    write.write_all(b"\r\n").await.unwrap();
                }
            }
            if chunked {
                write.write_all(b"0\r\n\r\n").await.unwrap();
            }
            write
        });
        let mut connection = upstream.connection().await;
        let seen = connection.until("\r\n\r\n").await;
        assert_eq!(header(&seen, "transfer-encoding").is_some(), chunked);
        let length = connection.body_of(&seen).await.len();
        assert_eq!(length, SIZE);
        connection
            .send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\n{length}"
            ))
            .await;
        let _write = sending.await.unwrap();
        let mut answer = String::new();
        read.read_to_string(&mut answer).await.unwrap();
        assert_eq!(body(&answer), "41943040");
    }
}

#[tokio::test]
async fn forty_mebibytes_pass_downwards() {
    const SIZE: usize = 40 << 20;
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    let sending = tokio::spawn(async move {
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")).await;
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..SIZE >> 20 {
            connection.send(&piece).await;
        }
        connection
    });
    let (answer, failed) = client.rest_or_error().await;
    assert!(!failed);
    assert!(answer.len() > SIZE && answer.ends_with(b"x"));
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn an_early_answer_ends_the_upload() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let client = gateway.client().await;
    let (read, mut write) = client.stream.into_split();
    let sending = tokio::spawn(async move {
        write
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
            .await
            .unwrap();
        let piece = vec![b'x'; 1 << 16];
        while write.write_all(&piece).await.is_ok() {}
    });
    let mut connection = upstream.connection().await;
    connection.until("\r\n\r\n").await;
    // The backend has read no more than the header, and the upload is stuck in full buffers.
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
    let mut answer = Client::over(tokio::io::join(read, tokio::io::sink()));
    let head = answer.until("big").await;
    assert_eq!((status(&head), header(&head, "connection")), ("413", Some("close")));
    sending.await.unwrap();
}

#[tokio::test]
async fn both_directions_flow_at_once() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(TestSite::forwarding(upstream.address)).await;
    let mut client = gateway.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.until("\r\n\r\n").await;
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.until("\r\n\r\n").await;
    for word in ["one", "two", "six"] {
        client.send(format!("3\r\n{word}\r\n")).await;
        connection.until(word).await;
        connection.send(format!("3\r\n{word}\r\n")).await;
        client.until(word).await;
    }
    client.send("0\r\n\r\n").await;
    connection.until("0\r\n\r\n").await;
    connection.send("0\r\n\r\n").await;
    client.until("0\r\n\r\n").await;
    // Both connections are as good as before.
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(connection.request().await.starts_with("GET "));
}

#[tokio::test]
async fn a_replaced_response_leaves_no_trace_of_the_stream() {
    let mut upstream = Upstream::start().await;
    let policies = ["", "<forward/>", "<t do=\"answer\" a=\"418\" b=\"tea\"/>"];
    let site = TestSite::new(Some(target(upstream.address)), policies);
    let (_gateway, mut client, mut connection) = streaming(site, &mut upstream).await;
    let answer = client.response().await;
    assert_eq!((status(&answer), body(&answer)), ("418", "tea"));
    connection.rest().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(upstream.connection().await.request().await.starts_with("GET "));
}
