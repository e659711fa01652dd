//! HTTP/2 on both sides.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use h2::{Reason, RecvStream, SendStream, client, server};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tollgate_engine::ports::HttpVersion;

use super::backend::Upstream;
use super::harness::{Gateway, LONG, TestSite, backend, target};
use super::tls::{TlsUpstream, connect, secure, trusting};
use crate::ListenSettings;
use crate::server::ListenCertificates;

type Client = client::SendRequest<Bytes>;

async fn client(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Client {
    let (client, connection) = client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// A gateway that speaks HTTP/2 without TLS.
async fn h2c(site: TestSite) -> Gateway {
    let settings = ListenSettings {
        http: Some("127.0.0.1:0".parse().unwrap()),
        h2c: true,
        ..ListenSettings::default()
    };
    Gateway::listening(site, settings, ListenCertificates::default()).await
}

async fn h2c_client(gateway: &Gateway) -> Client {
    client(TcpStream::connect(gateway.http()).await.unwrap()).await
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://gw.test{path}")).body(()).unwrap()
}

async fn collect(mut body: RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut all = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len()).unwrap();
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

async fn send_all(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let Some(n) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else {
            return Err(Reason::STREAM_CLOSED.into());
        };
        let n = n?;
        stream.send_data(data.split_to(n), false)?;
    }
    stream.send_data(Bytes::new(), true)
}

/// A backend that speaks HTTP/2 and hands each request to the test.
struct UpstreamTwo {
    requests:
        tokio::sync::mpsc::UnboundedReceiver<(Request<RecvStream>, server::SendResponse<Bytes>)>,
}

impl UpstreamTwo {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let mut connection = server::handshake(stream).await.unwrap();
        let (send, requests) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(request)) = connection.accept().await {
                if send.send(request).is_err() {
                    return;
                }
            }
        });
        Self { requests }
    }

    async fn request(&mut self) -> (Request<RecvStream>, server::SendResponse<Bytes>) {
        tokio::time::timeout(LONG, self.requests.recv()).await.unwrap().unwrap()
    }
}

fn respond(send: &mut server::SendResponse<Bytes>, body: &'static [u8]) {
    let mut stream = send.send_response(Response::new(()), false).unwrap();
    stream.send_data(Bytes::from_static(body), true).unwrap();
}

#[tokio::test]
async fn clients_speak_http2_over_tls() {
    let (gateway, authority) = secure(TestSite::new(None, ["<t do=\"tell\"/>", "", ""])).await;
    let stream =
        connect(gateway.addresses.https.unwrap(), "gw.test", &authority, &[b"h2", b"http/1.1"])
            .await
            .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let mut client = client(stream).await;
    let request = Request::get("https://gw.test/a?b").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("connection"));
    assert_eq!(collect(response.into_body()).await.unwrap(), b"127.0.0.1 https://gw.test:443/a?b");
    assert_eq!(gateway.records.nth(0).await.protocol, http::Version::HTTP_2);
}

#[tokio::test]
async fn http2_to_http1_and_many_at_once() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let gateway = h2c(TestSite::forwarding(upstream.address)).await;
    let mut client = h2c_client(&gateway).await;
    let mut waiting = Vec::new();
    for n in 0..50 {
        let request = Request::post(format!("http://gw.test/{n}")).body(()).unwrap();
        let (response, mut stream) = client.send_request(request, false).unwrap();
        stream.send_data(Bytes::from_static(b"hello"), true).unwrap();
        waiting.push(response);
        client = client.ready().await.unwrap();
    }
    for response in waiting {
        let response = tokio::time::timeout(LONG, response).await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(collect(response.into_body()).await.unwrap(), b"ok");
    }
}

#[tokio::test]
async fn heads_over_http2_have_no_body() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    let gateway = h2c(TestSite::forwarding(upstream.address)).await;
    let mut client = h2c_client(&gateway).await;
    for _ in 0..2 {
        let request = Request::head("http://gw.test/").body(()).unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        let response = tokio::time::timeout(LONG, response).await.unwrap().unwrap();
        assert_eq!(response.headers()["content-length"], "1234");
        assert_eq!(collect(response.into_body()).await.unwrap(), b"");
        client = client.ready().await.unwrap();
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn http2_to_http2_with_trailers() {
    let mut upstream = TlsUpstream::start(&[b"h2", b"http/1.1"]).await;
    let mut backend = backend("https", upstream.address);
    trusting(&mut backend, &upstream);
    let policy = "<forward http-version=\"2or1\"/>";
    let gateway = h2c(TestSite::new(None, ["", policy, ""]).backend(backend)).await;
    let mut client = h2c_client(&gateway).await;
    let request = Request::post("http://gw.test/p?q")
        .header("x-one", "1")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    let mut two = UpstreamTwo::over(upstream.stream().await).await;
    let (seen, mut send) = two.request().await;
    assert_eq!(
        seen.uri().to_string(),
        format!("https://127.0.0.1:{}/p?q", upstream.address.port())
    );
    assert!(!seen.headers().contains_key("host"));
    assert_eq!(
        (&seen.headers()["x-one"], &seen.headers()["te"]),
        (&"1".parse().unwrap(), &"trailers".parse().unwrap())
    );
    body.send_data(Bytes::from_static(b"hello"), true).unwrap();
    assert_eq!(collect(seen.into_body()).await.unwrap(), b"hello");
    let mut answer = send.send_response(Response::new(()), false).unwrap();
    answer.send_data(Bytes::from_static(b"ok"), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    answer.send_trailers(trailers).unwrap();
    let mut body = response.await.unwrap().into_body();
    assert_eq!(body.data().await.unwrap().unwrap(), "ok");
    assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    // The next request goes over the same connection.
    let (response, _) = client.ready().await.unwrap().send_request(get("/2"), true).unwrap();
    let (_, mut send) = two.request().await;
    respond(&mut send, b"two");
    assert_eq!(collect(response.await.unwrap().into_body()).await.unwrap(), b"two");
}

#[tokio::test]
async fn crumbs_of_a_cookie_are_one_cookie_to_the_backend() {
    let mut upstream = Upstream::start().await;
    let gateway = h2c(TestSite::forwarding(upstream.address)).await;
    let mut client = h2c_client(&gateway).await;
    let mut connection = None;
    for crumbs in [&["a=1", "b=2; c=3", "d=4"][..], &["a=1; b=2; c=3; d=4"]] {
        let mut request = get("/");
        for crumb in crumbs {
            request.headers_mut().append("cookie", crumb.parse().unwrap());
        }
        let (response, _) = client.send_request(request, true).unwrap();
        if connection.is_none() {
            connection = Some(upstream.connection().await);
        }
        let connection = connection.as_mut().unwrap();
        let seen = connection.request().await.to_ascii_lowercase();
        assert_eq!(seen.matches("cookie:").count(), 1, "{seen}");
        assert!(seen.contains("cookie: a=1; b=2; c=3; d=4\r\n"), "{seen}");
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(response.await.unwrap().status(), 200);
        client = client.ready().await.unwrap();
    }
}

#[tokio::test]
async fn trailers_of_a_request_end_its_body() {
    let upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let site = |policies| TestSite::new(Some(target(upstream.address)), policies);
    for policies in [
        ["", "<forward/>", ""],
        ["<t do=\"read-request\"/>", "<forward/>", ""],
        ["<t do=\"sleep\" a=\"20\"/>", "<forward/>", ""],
        ["<t do=\"read-request\"/><t do=\"sleep\" a=\"20\"/>", "<forward/>", ""],
        // Nobody reads the body at all.
        ["<t do=\"answer\" a=\"200\" b=\"ok\"/>", "", ""],
    ] {
        let gateway = h2c(site(policies)).await;
        let mut client = h2c_client(&gateway).await;
        for data in [None, Some("hello")] {
            let request = Request::post("http://gw.test/").body(()).unwrap();
            let (response, mut stream) = client.send_request(request, false).unwrap();
            if let Some(data) = data {
                stream.send_data(Bytes::from_static(data.as_bytes()), false).unwrap();
            }
            let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), 1.into())]);
            stream.send_trailers(trailers).unwrap();
            // Another request gets its answer whatever becomes of this one.
            let (other, _) = client.ready().await.unwrap().send_request(get("/"), true).unwrap();
            for response in [response, other] {
                let response = tokio::time::timeout(LONG, response).await.unwrap().unwrap();
                assert_eq!(response.status(), 200, "{policies:?} {data:?}");
                assert_eq!(collect(response.into_body()).await.unwrap(), b"ok");
            }
            client = h2c_client(&gateway).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_behind_its_trailers_is_noticed() {
    let mut upstream = Upstream::start().await;
    let gateway = h2c(TestSite::forwarding(upstream.address)).await;
    let mut client = h2c_client(&gateway).await;
    let request = Request::post("http://gw.test/").body(()).unwrap();
    let (response, mut stream) = client.send_request(request, false).unwrap();
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), 1.into())]);
    stream.send_trailers(trailers).unwrap();
    let mut connection = upstream.connection().await;
    assert!(connection.request().await.starts_with("POST / "));
    stream.send_reset(Reason::CANCEL);
    drop(response);
    connection.rest().await;
}

#[tokio::test]
async fn http1_to_http2_and_one_connection_for_many() {
    let mut upstream = Upstream::start().await;
    let mut two = backend("http", upstream.address);
    two.http_version = Some(HttpVersion::Two);
    let gateway = Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(two)).await;
    let mut clients = Vec::new();
    for n in 0..20 {
        let mut client = gateway.client().await;
        client.send(format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        clients.push(client);
    }
    let mut server = UpstreamTwo::over(upstream.connection().await.stream).await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(server.request().await);
    }
    for (_, send) in &mut waiting {
        respond(send, b"ok");
    }
    for mut client in clients {
        let answer = client.until("0\r\n\r\n").await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("2\r\nok\r\n"),
            "{answer}"
        );
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test]
async fn a_backend_without_http2_is_spoken_to_in_http1() {
    let mut upstream = TlsUpstream::start(&[b"http/1.1"]).await;
    let mut one = backend("https", upstream.address);
    trusting(&mut one, &upstream);
    let policy = "<forward http-version=\"2or1\"/>";
    let gateway = Gateway::start(TestSite::new(None, ["", policy, ""]).backend(one)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert!(client.response().await.ends_with("ok"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    connection.request().await;
}

#[tokio::test]
async fn http2_can_be_insisted_upon() {
    let mut upstream = TlsUpstream::start(&[b"http/1.1"]).await;
    let mut two = backend("https", upstream.address);
    trusting(&mut two, &upstream);
    two.http_version = Some(HttpVersion::Two);
    let gateway = Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(two)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.response().await.starts_with("HTTP/1.1 502"));
    drop(upstream.connection().now_or_never());
}

#[tokio::test]
async fn what_the_backend_has_not_looked_at_is_sent_again() {
    let mut upstream = Upstream::start().await;
    let mut two = backend("http", upstream.address);
    two.http_version = Some(HttpVersion::Two);
    let gateway = Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(two)).await;
    let mut client = gateway.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    let mut server = UpstreamTwo::over(upstream.connection().await.stream).await;
    let (_, mut send) = server.request().await;
    send.send_reset(Reason::REFUSED_STREAM);
    // A fresh connection, so that a server that is going away is not asked again.
    let mut server = UpstreamTwo::over(upstream.connection().await.stream).await;
    let (_, mut send) = server.request().await;
    respond(&mut send, b"ok");
    assert!(client.until("0\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    // A stream that is broken off for another reason is not repeated.
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    let (_, mut send) = server.request().await;
    send.send_reset(Reason::INTERNAL_ERROR);
    assert!(client.response().await.starts_with("HTTP/1.1 502"));
}

#[tokio::test]
async fn a_large_upload_passes_over_http2() {
    const SIZE: usize = 8 << 20;
    let mut upstream = Upstream::start().await;
    let mut two = backend("http", upstream.address);
    two.http_version = Some(HttpVersion::Two);
    let gateway = h2c(TestSite::new(None, ["", "<forward/>", ""]).backend(two)).await;
    let mut client = h2c_client(&gateway).await;
    let request = Request::post("http://gw.test/").body(()).unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    let sending =
        tokio::spawn(async move { send_all(&mut body, Bytes::from(vec![b'x'; SIZE])).await });
    let mut server = UpstreamTwo::over(upstream.connection().await.stream).await;
    let (seen, mut send) = server.request().await;
    assert_eq!(collect(seen.into_body()).await.unwrap().len(), SIZE);
    sending.await.unwrap().unwrap();
    respond(&mut send, b"ok");
    assert_eq!(collect(response.await.unwrap().into_body()).await.unwrap(), b"ok");
}

#[tokio::test]
async fn an_early_answer_ends_the_upload_over_http2() {
    let mut upstream = Upstream::start().await;
    let mut two = backend("http", upstream.address);
    two.http_version = Some(HttpVersion::Two);
    let gateway = h2c(TestSite::new(None, ["", "<forward/>", ""]).backend(two)).await;
    let mut client = h2c_client(&gateway).await;
    let request = Request::post("http://gw.test/").body(()).unwrap();
    let (response, mut body) = client.send_request(request, false).unwrap();
    let sending =
        tokio::spawn(async move { send_all(&mut body, Bytes::from(vec![b'x'; 64 << 20])).await });
    let mut server = UpstreamTwo::over(upstream.connection().await.stream).await;
    // No byte of the body is taken: the windows fill up and stay so.
    let (_seen, mut send) = server.request().await;
    respond(&mut send, b"no");
    let response = tokio::time::timeout(LONG, response).await.unwrap().unwrap();
    assert_eq!(collect(response.into_body()).await.unwrap(), b"no");
    assert!(tokio::time::timeout(LONG, sending).await.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn a_reset_stream_ends_the_backends_call() {
    let mut upstream = Upstream::start().await;
    let gateway = h2c(TestSite::forwarding(upstream.address)).await;
    let mut client = h2c_client(&gateway).await;
    let (response, mut stream) = client.send_request(get("/"), true).unwrap();
    let mut connection = upstream.connection().await;
    connection.request().await;
    let left = Instant::now();
    stream.send_reset(Reason::CANCEL);
    drop(response);
    connection.rest().await;
    assert!(left.elapsed() < Duration::from_secs(1));
    // In the middle of a response, too.
    let (response, mut stream) =
        client.ready().await.unwrap().send_request(get("/"), true).unwrap();
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let response = response.await.unwrap();
    let left = Instant::now();
    stream.send_reset(Reason::CANCEL);
    connection.rest().await;
    assert!(left.elapsed() < Duration::from_secs(1));
    drop(response);
}

#[tokio::test]
async fn a_client_that_goes_resets_the_backends_stream() {
    let mut upstream = Upstream::start().await;
    let mut two = backend("http", upstream.address);
    two.http_version = Some(HttpVersion::Two);
    let gateway = Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(two)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut server = UpstreamTwo::over(upstream.connection().await.stream).await;
    let (_, mut send) = server.request().await;
    drop(client);
    let reset = std::future::poll_fn(|cx| send.poll_reset(cx));
    let reason = tokio::time::timeout(Duration::from_secs(1), reset).await.unwrap().unwrap();
    assert_eq!(reason, Reason::CANCEL);
}

#[tokio::test]
async fn a_broken_response_resets_the_clients_stream() {
    let mut upstream = Upstream::start().await;
    let gateway = h2c(TestSite::forwarding(upstream.address)).await;
    let mut client = h2c_client(&gateway).await;
    for answer in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
    {
        let (response, _) = client.send_request(get("/"), true).unwrap();
        let mut connection = upstream.connection().await;
        connection.request().await;
        connection.send(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        let mut body = response.await.unwrap().into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "abc");
        drop(connection);
        assert!(body.data().await.unwrap().is_err(), "{answer}");
        client = client.ready().await.unwrap();
    }
}

#[tokio::test]
async fn limits_hold_over_http2() {
    let small = TestSite::new(
        None,
        ["<t do=\"read-request\"/>", "<t do=\"answer\" a=\"200\" b=\"\"/>", ""],
    )
    .with(|site| {
        site.limits.header_count = 10;
        site.limits.uri_bytes = 50;
        site.timeouts.request_body = Duration::from_millis(50);
    });
    let gateway = h2c(small).await;
    let mut client = h2c_client(&gateway).await;
    let mut many = get("/");
    for n in 0..11 {
        many.headers_mut().append("x", n.into());
    }
    let connect = Request::connect("a:443").body(()).unwrap();
    let trace = Request::trace("http://gw.test/").body(()).unwrap();
    for (request, expected) in
        [(many, 431), (get(&"/long".repeat(20)), 414), (connect, 405), (trace, 405)]
    {
        let (response, _) = client.send_request(request, true).unwrap();
        assert_eq!(tokio::time::timeout(LONG, response).await.unwrap().unwrap().status(), expected);
        client = client.ready().await.unwrap();
    }
    // A body that stops coming: pingora itself would wait for ever.
    let (response, _held) =
        client.send_request(Request::post("http://gw.test/").body(()).unwrap(), false).unwrap();
    assert_eq!(tokio::time::timeout(LONG, response).await.unwrap().unwrap().status(), 408);
}

#[tokio::test]
async fn a_graceful_stop_lets_streams_finish() {
    let mut upstream = Upstream::start().await;
    let mut gateway = h2c(TestSite::forwarding(upstream.address)).await;
    let mut client = h2c_client(&gateway).await;
    let (response, _) = client.send_request(get("/"), true).unwrap();
    let mut connection = upstream.connection().await;
    connection.request().await;
    gateway.stop();
    while !gateway.status.is_draining() {
        tokio::task::yield_now().await;
    }
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(collect(response.await.unwrap().into_body()).await.unwrap(), b"ok");
    drop(client);
    gateway.ended().await;
}

#[tokio::test]
async fn idle_and_worn_connections_are_closed() {
    let site = || TestSite::new(None, ["<t do=\"answer\" a=\"200\" b=\"ok\"/>", "", ""]);
    let idle = h2c(site().with(|site| site.timeouts.keep_alive = Duration::from_millis(50))).await;
    let (client, connection) =
        client::handshake(TcpStream::connect(idle.http()).await.unwrap()).await.unwrap();
    drop(tokio::time::timeout(LONG, connection).await.unwrap());
    drop::<client::SendRequest<Bytes>>(client);

    let worn = h2c(site().with(|site| site.limits.requests_per_connection = 2)).await;
    let (mut client, connection) =
        client::handshake(TcpStream::connect(worn.http()).await.unwrap()).await.unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..2 {
        let (response, _) = client.send_request(get("/"), true).unwrap();
        assert_eq!(response.await.unwrap().status(), 200);
        let Ok(next) = client.ready().await else { break };
        client = next;
    }
    drop(tokio::time::timeout(LONG, connection).await.unwrap());
}

/// A client that hears neither `GOAWAY` nor the ping behind it gets nothing but refusals, and then the end.
#[tokio::test]
async fn a_client_that_does_not_listen_cannot_wear_a_connection_further() {
    let site = TestSite::new(None, ["<t do=\"answer\" a=\"200\" b=\"ok\"/>", "", ""]);
    let gateway = h2c(site.with(|site| site.limits.requests_per_connection = 2)).await;
    let stream = TcpStream::connect(gateway.http()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    write.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let asking = tokio::spawn(async move {
        // `:method: GET`, `:scheme: http`, `:path: /` and `:authority: a`, without Huffman's code.
        let block = b"\x82\x86\x84\x01\x01a";
        for stream in (1_u32..).step_by(2) {
            let mut frame = vec![0, 0, 6, 1, 5];
            frame.extend_from_slice(&stream.to_be_bytes());
            frame.extend_from_slice(block);
            if write.write_all(&frame).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let (mut headers, mut resets, mut goaways) = (0, 0, 0);
    let ended = async {
        let mut head = [0; 9];
        while read.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if read.read_exact(&mut payload).await.is_err() {
                return;
            }
            match head[3] {
                1 => headers += 1,
                3 => resets += 1,
                7 => goaways += 1,
                _ => {}
            }
        }
    };
    tokio::time::timeout(LONG, ended).await.expect("the connection stays open");
    asking.abort();
    assert!(headers >= 2, "{headers} answers");
    assert!(resets > 0 && goaways > 0, "{resets} refusals, {goaways} farewells");
}

#[tokio::test]
async fn a_policy_made_target_that_speaks_http2_is_pooled_too() {
    let mut upstream = Upstream::start().await;
    let site =
        TestSite::new(Some(target(upstream.address)), ["", "<forward http-version=\"2\"/>", ""]);
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut server = UpstreamTwo::over(upstream.connection().await.stream).await;
    for _ in 0..3 {
        let (_, mut send) = server.request().await;
        respond(&mut send, b"ok");
        client.until("0\r\n\r\n").await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    }
    assert_eq!(upstream.accepted(), 1);
}
