//! Bodies that stream, both ways, and their ends.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate_emulator::{Fault, Gate, Pace, Running, StreamPlan};

use crate::harness::{
    Answer, Call, DEADLINE, Directory, Gateway, azure, exchange, find, read_until,
};

/// Every time-out that could cut a stream short, at its shortest.
const SHORT: &str = "[timeouts]\nrequest-header = \"1s\"\nrequest-body = \"1s\"\nkeep-alive = \"1s\"\n\
                     backend-first-byte = \"1s\"\nbackend-body = \"1s\"\nbackend-idle = \"1s\"\ntls-handshake = \"1s\"\nclient-write = \"1s\"\nbackend-connect = \"1s\"\nbackend-write = \"1s\"\n";

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

const PLAIN: &str = "<policies><inbound><base/></inbound><backend><base/></backend><outbound><base/></outbound>\
                     <on-error><base/></on-error></policies>";

/// Azure OpenAI below `/openai`, the echo backend below `/echo` (read by no policy) and `/read` (read by one).
fn gateway(azure: &Running, more: &str) -> Gateway {
    let config = format!(
        "{more}\n[backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [backends.echo]\nurl = \"{}\"\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [apis.echo]\npath = \"echo\"\nbackend = \"echo\"\nsubscription = \"optional\"\n\
         [apis.read]\npath = \"read\"\nbackend = \"echo\"\nsubscription = \"optional\"\n",
        azure.openai.base(),
        azure.openai.key(),
        azure.echo.server().url(),
    );
    let read = "<policies><inbound><base/><set-variable name=\"length\" \
                value=\"@(context.Request.Body == null ? 0 : context.Request.Body.As<string>(preserveContent: true).Length)\"/></inbound>\
                <backend><base/></backend><outbound><base/><set-header name=\"x-length\" exists-action=\"override\">\
                <value>@(((int)context.Variables[\"length\"]).ToString())</value></set-header>\
                <set-header name=\"x-answer\" exists-action=\"override\">\
                <value>@(context.Response.Body.As<string>(preserveContent: true).Length.ToString())</value></set-header>\
                </outbound><on-error><base/></on-error></policies>";
    Directory::new(&config).api("openai", PLAIN).api("echo", PLAIN).api("read", read).start()
}

fn chat() -> Call {
    let body =
        serde_json::json!({"messages": [{"role": "user", "content": "Count."}], "stream": true});
    Call::json(CHAT, &body)
}

/// The next piece of a body.
async fn piece(body: &mut Incoming) -> Option<Bytes> {
    let frame = tokio::time::timeout(DEADLINE, body.frame()).await.expect("a piece in time")?;
    frame.expect("an unbroken body").into_data().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_streams_through() {
    let azure = azure().await;
    let gateway = gateway(&azure, "[limits]\nbuffered-body = \"64 KiB\"\n");
    let body = Bytes::from(vec![b'x'; 40 << 20]);
    let answer = gateway.send(Call::post("/echo/upload", body)).await.expect(200).json();
    assert_eq!(answer["length"], 40 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_not_held_back() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let gate = Gate::default();
    azure
        .openai
        .plan_next_stream(StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() });
    let response = gateway.open(chat()).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut body = response.into_body();
    // Each event leaves the backend only once the one before it has arrived here.
    for n in 0..4 {
        gate.release(1);
        let event = piece(&mut body).await.unwrap_or_else(|| panic!("event {n}"));
        assert!(event.starts_with(b"data: ") && event.ends_with(b"\n\n"), "event {n}: {event:?}");
    }
    gate.open();
    let rest = body.collect().await.expect("the rest").to_bytes();
    assert!(rest.ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_outlives_every_time_out() {
    let azure = azure().await;
    let gateway = gateway(&azure, SHORT);
    let silence = Some((2, Duration::from_millis(2_500)));
    azure.openai.plan_next_stream(StreamPlan { silence, ..StreamPlan::default() });
    let begun = Instant::now();
    let answer = gateway.send(chat()).await.expect(200);
    assert!(begun.elapsed() > Duration::from_secs(2), "the backend was not silent");
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_ends_the_call_of_the_backend() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let gate = Gate::default();
    azure
        .openai
        .plan_next_stream(StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() });
    let mut connection = gateway.connect().await;
    let mut body = connection.open(chat()).await.expect("an answer").into_body();
    gate.release(1);
    piece(&mut body).await.expect("the first event");
    let aborted = azure.openai.streams().counts().aborted;
    drop((body, connection));
    let ended = azure
        .openai
        .streams()
        .until(Duration::from_secs(1), |counts| counts.aborted > aborted)
        .await;
    assert!(ended.is_some(), "the backend still streams: {:?}", azure.openai.streams().counts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_while_waiting_ends_the_call_too() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let calls = azure.echo.server().call_tally().clone();
    let mut connection = gateway.connect().await;
    let waiting =
        tokio::spawn(
            async move { connection.open(Call::get("/echo/slow?ms=20000")).await.map(drop) },
        );
    assert!(azure.echo.server().wait_for("/slow", 1, DEADLINE).await, "the backend was not called");
    let aborted = calls.counts().aborted;
    waiting.abort();
    let ended = calls.until(Duration::from_secs(1), |counts| counts.aborted > aborted).await;
    assert!(ended.is_some(), "the backend still works: {:?}", calls.counts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_off_its_body_is_an_error_of_the_request() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
    let sent = b"POST /read/half HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhalf";
    stream.write_all(sent).await.expect("bytes are taken");
    drop(stream);
    let line = gateway.access("/read/half").await;
    assert_eq!(find(&line, "error_reason"), Some(&"ClientConnectionFailure".into()), "{line}");
    assert_eq!(find(&line, "error_source"), Some(&"set-variable".into()), "{line}");
    assert!(azure.echo.server().received().is_empty(), "the backend was called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_breaks_off_is_no_clean_end() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let response = gateway.open(Call::get("/echo/cut?n=3")).await;
    assert_eq!(response.status(), 200);
    assert!(Answer::try_read(response).await.is_err(), "the answer looks whole");
    let line = gateway.logged(|line| line.contains("/echo/cut")).await;
    assert!(line.contains("BackendConnectionFailure"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_policies_read_have_limits() {
    let azure = azure().await;
    let gateway = gateway(&azure, "[limits]\nbuffered-body = \"64 KiB\"\n");
    let fits = gateway.send(Call::post("/read/echo", vec![b'x'; 60_000])).await.expect(200);
    assert_eq!(fits.header("x-length"), "60000");
    let too_large = gateway.send(Call::post("/read/echo", vec![b'x'; 70_000])).await.expect(413);
    assert_eq!(
        too_large.text(),
        "{ \"statusCode\": 413, \"message\": \"The request body is too large.\" }"
    );
    let answer = gateway.send(Call::get("/read/bytes/70000")).await.expect(502);
    assert!(answer.text().contains("activityId"), "{}", answer.text());
    let line = gateway.logged(|line| line.contains("/read/bytes/70000")).await;
    assert!(line.contains("ResponseBodyTooLarge"), "{line}");
    // What no policy reads has no limit.
    assert_eq!(
        gateway.send(Call::get("/echo/bytes/1000000")).await.expect(200).body.len(),
        1_000_000
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_expectations_are_as_they_should() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let head = gateway.send(Call::new("HEAD", "/echo/bytes/1234")).await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("1234", 0));
    let raw = gateway
        .raw(b"POST /echo/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\nhi")
        .await;
    assert!(raw.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{raw}");
}

#[tokio::test(flavor = "multi_thread")]
async fn web_sockets_pass_both_ways() {
    let azure = azure().await;
    let gateway = gateway(&azure, SHORT);
    azure.openai.greet(false);
    let mut socket = TcpStream::connect(gateway.http).await.expect("a connection");
    let handshake = "GET /openai/realtime?api-version=2025-04-01-preview&deployment=gpt-4o HTTP/1.1\r\nHost: a\r\n\
                     Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(handshake.as_bytes()).await.expect("a handshake");
    let switched = read_until(&mut socket, "\r\n\r\n").await;
    assert!(switched.starts_with("HTTP/1.1 101 "), "{switched}");
    assert!(switched.to_ascii_lowercase().contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{switched}");
    // A masked text frame; the mask is zero.
    let text = b"is anybody there";
    let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).expect("a short text"), 0, 0, 0, 0];
    frame.extend_from_slice(text);
    socket.write_all(&frame).await.expect("a frame");
    read_until(&mut socket, "is anybody there").await;
}

pub(crate) async fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = async_compression::tokio::bufread::GzipEncoder::new(text);
    encoder.read_to_end(&mut packed).await.expect("a packed text");
    packed
}

/// What a policy reads is the text; what is sent on is what came.
#[tokio::test(flavor = "multi_thread")]
async fn packed_bodies_are_read_unpacked() {
    let azure = azure().await;
    let gateway =
        gateway(&azure, "[limits]\nbuffered-body = \"64 KiB\"\ninflated-body = \"1 MiB\"\n");
    let text = "the same again, ".repeat(3_000);
    let packed = gzip(text.as_bytes()).await;
    let call = |body: Vec<u8>| Call::post("/read/echo", body).header("content-encoding", "gzip");
    let answer = gateway.send(call(packed.clone())).await.expect(200);
    assert_eq!(answer.header("x-length"), text.len().to_string());
    assert_eq!(answer.json()["length"], packed.len());

    // A small body that becomes a large one, and one that is not what it says.
    let bomb = gzip(&vec![0; 8 << 20]).await;
    assert!(bomb.len() < 64 << 10);
    gateway.send(call(bomb)).await.expect(413);
    let broken = gateway.send(call(b"not packed at all".to_vec())).await;
    assert!(broken.status.is_client_error(), "{} {}", broken.status, broken.text());
    assert_eq!(azure.echo.server().count("/echo"), 1);

    // The same of what the backend sends.
    let answer = |body: Vec<u8>| Fault::Answer {
        status: 200,
        headers: vec![("content-encoding".to_owned(), "gzip".to_owned())],
        body: body.into(),
    };
    azure.echo.server().fail_next("/packed", 1, answer(packed.clone()));
    let got =
        gateway.send(Call::get("/read/packed").header("accept-encoding", "gzip")).await.expect(200);
    assert_eq!(got.header("x-answer"), text.len().to_string());
    assert_eq!((got.header("content-encoding"), got.body.len()), ("gzip", packed.len()));
    azure.echo.server().fail_next("/packed", 1, answer(gzip(&vec![0; 8 << 20]).await));
    gateway.send(Call::get("/read/packed")).await.expect(502);
}

/// A socket whose client is gone is gone for the backend too, and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn web_sockets_end_on_both_sides() {
    let azure = azure().await;
    let gateway = gateway(&azure, "");
    let handshake = "GET /echo/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut socket = TcpStream::connect(gateway.http).await.expect("a connection");
    socket.write_all(handshake.as_bytes()).await.expect("a handshake");
    read_until(&mut socket, "\r\n\r\n").await;
    drop(socket);
    let sockets = azure.echo.sockets();
    let gone = sockets.until(Duration::from_secs(1), |counts| counts.aborted == 1).await;
    assert!(gone.is_some(), "the backend's socket is open: {:?}", sockets.counts());

    let mut socket = TcpStream::connect(gateway.http).await.expect("a connection");
    socket.write_all(handshake.as_bytes()).await.expect("a handshake");
    read_until(&mut socket, "\r\n\r\n").await;
    // A closing handshake; the backend then ends the connection, and so does the gateway.
    assert_eq!(exchange(&mut socket, &[0x88, 0x80, 0, 0, 0, 0]).await, "\u{fffd}\0");

    // A backend that does not switch has answered like any other.
    let refused = handshake
        .replace("/echo/ws", "/echo/status/403")
        .replace("Upgrade\r\n", "Upgrade, close\r\n");
    let answer = gateway.raw(refused.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}
