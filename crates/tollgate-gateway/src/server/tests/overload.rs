//! More to do than can be done.

use std::collections::VecDeque;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Request;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::backend::Upstream;
use super::harness::{Client, Gateway, LONG, TestSite, body, header, status};
use crate::ListenSettings;
use crate::server::ListenCertificates;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const PROBE: &str = "GET /status-0123456789abcdef HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const REFUSED: &str =
    r#"{ "statusCode": 503, "message": "the gateway is overloaded, try again later" }"#;

fn one_at_a_time(upstream: &Upstream) -> TestSite {
    TestSite::forwarding(upstream.address).with(|site| site.limits.requests = 1)
}

async fn ask(client: &mut Client<TcpStream>, request: &str) -> String {
    client.send(request).await;
    client.response().await
}

#[track_caller]
fn check_refused(answer: &str) {
    assert_eq!((status(answer), body(answer)), ("503", REFUSED));
    assert_eq!(header(answer, "retry-after"), Some("1"));
    assert_eq!(header(answer, "content-type"), Some("application/json"));
    assert_eq!(header(answer, "connection"), Some("keep-alive"));
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_at_once() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(one_at_a_time(&upstream)).await;
    let (mut first, mut second) = (gateway.client().await, gateway.client().await);
    first.send(GET).await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    // The connection stays, and its next request is where it should be, whatever was in the one that was refused.
    for request in [GET, POST, GET] {
        check_refused(&ask(&mut second, request).await);
    }
    // Neither are requests that come in one piece, nor one that comes in two.
    second.send(format!("{GET}{POST}{GET}")).await;
    for _ in 0..3 {
        check_refused(&second.response().await);
    }
    let (head, rest) = POST.split_at(POST.len() - 3);
    second.send(head).await;
    second.send(rest).await;
    check_refused(&second.response().await);
    assert_eq!(status(&ask(&mut second, PROBE).await), "200");
    assert_eq!(upstream.accepted(), 1, "a request was forwarded");
    assert_eq!(gateway.status.load().requests, 1);
    connection.send(OK).await;
    assert_eq!(status(&first.response().await), "200");
    // The place is free once the request is over, which is a moment after its answer.
    while gateway.status.load().requests > 0 {
        tokio::task::yield_now().await;
    }
    second.send(GET).await;
    connection.request().await;
    connection.send(OK).await;
    assert_eq!(status(&second.response().await), "200");
}

#[tokio::test]
async fn streams_that_are_open_are_not_cut() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(one_at_a_time(&upstream)).await;
    let (mut stream, mut other) = (gateway.client().await, gateway.client().await);
    stream.send(GET).await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    stream.until("a\r\n").await;
    for piece in ["b", "c"] {
        check_refused(&ask(&mut other, GET).await);
        connection.send(format!("1\r\n{piece}\r\n")).await;
        assert_eq!(stream.until(&format!("{piece}\r\n")).await, format!("1\r\n{piece}\r\n"));
    }
    connection.send("0\r\n\r\n").await;
    assert_eq!(stream.until("0\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn a_body_that_is_not_worth_reading_ends_the_connection() {
    let mut upstream = Upstream::start().await;
    let gateway = Gateway::start(one_at_a_time(&upstream)).await;
    let (mut first, mut second) = (gateway.client().await, gateway.client().await);
    first.send(GET).await;
    let mut held = upstream.connection().await;
    held.request().await;
    second.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n").await;
    let answer = second.rest().await;
    assert_eq!((status(&answer), body(&answer)), ("503", REFUSED));
    assert_eq!(header(&answer, "connection"), Some("close"));
}

#[tokio::test]
async fn streams_of_http2_are_refused_one_by_one() {
    let mut upstream = Upstream::start().await;
    let settings = ListenSettings {
        http: Some("127.0.0.1:0".parse().unwrap()),
        h2c: true,
        ..ListenSettings::default()
    };
    let site = one_at_a_time(&upstream);
    let gateway = Gateway::listening(site, settings, ListenCertificates::default()).await;
    let stream = TcpStream::connect(gateway.http()).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let get = || Request::get("http://gw.test/").body(()).unwrap();
    let mut client = client.ready().await.unwrap();
    let (first, _) = client.send_request(get(), true).unwrap();
    let mut connection = upstream.connection().await;
    connection.request().await;
    for _ in 0..3 {
        client = client.ready().await.unwrap();
        let (refused, _) = client.send_request(get(), true).unwrap();
        let mut refused = tokio::time::timeout(LONG, refused).await.unwrap().unwrap();
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.body_mut().data().await.unwrap().unwrap(), REFUSED);
    }
    connection.send(OK).await;
    assert_eq!(tokio::time::timeout(LONG, first).await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn who_finds_too_many_connections_is_told_so() {
    let site = TestSite::new(None, ["<t do=\"answer\" a=\"200\" b=\"ok\"/>", "", ""]);
    let gateway = Gateway::start(site.with(|site| site.limits.connections = 1)).await;
    let mut first = gateway.client().await;
    assert_eq!(status(&ask(&mut first, GET).await), "200");
    let answer = gateway.ask(GET).await;
    assert_eq!((status(&answer), header(&answer, "retry-after")), ("503", Some("1")));
    assert_eq!(header(&answer, "connection"), Some("close"));
    let message =
        r#"{ "statusCode": 503, "message": "too many connections are open, try again later" }"#;
    assert_eq!(body(&answer), message);
    // An answer to nothing would be no answer.
    assert_eq!(gateway.client().await.rest().await, "");
    assert_eq!(status(&ask(&mut first, GET).await), "200");
}

/// Sockets that wait for the runtime's only thread at first, and how many there are at last.
const QUEUE: usize = 8;
const LONGEST_QUEUE: usize = 24;

/// Keeps a queue of sockets in front of the runtime, for each of which it has so much to do, until it is dropped. The queue grows
/// by one in the time of five: one that stands is no overload.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start(step: Duration) -> Self {
        let (busy, waiting) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let mut sockets: VecDeque<_> = (0..LONGEST_QUEUE).map(|_| socket(step, &waiting)).collect();
        let feeding = Arc::clone(&busy);
        let began = Instant::now();
        std::thread::spawn(move || {
            while feeding.load(Ordering::Relaxed) {
                let grown = began.elapsed().as_nanos() / (step * 5).as_nanos();
                let most = usize::try_from(grown).map_or(LONGEST_QUEUE, |grown| QUEUE + grown);
                if waiting.load(Ordering::Relaxed) >= most.min(LONGEST_QUEUE) {
                    std::thread::sleep(step / 10);
                    continue;
                }
                waiting.fetch_add(1, Ordering::Relaxed);
                // They are served in their order, so the first is the one that waits no more.
                sockets.rotate_left(1);
                sockets.back_mut().unwrap().write_all(&[0]).unwrap();
            }
        });
        Self(busy)
    }
}

/// One that keeps the runtime busy for so long whenever something comes.
fn socket(step: Duration, waiting: &Arc<AtomicUsize>) -> UnixStream {
    let (sender, receiver) = UnixStream::pair().unwrap();
    receiver.set_nonblocking(true).unwrap();
    let mut receiver = tokio::net::UnixStream::from_std(receiver).unwrap();
    let waiting = Arc::clone(waiting);
    tokio::spawn(async move {
        while let Ok(1..) = receiver.read(&mut [0]).await {
            std::thread::sleep(step);
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    });
    sender
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Waits until the part of requests that is refused is one that will do.
async fn refused(gateway: &Gateway, will_do: impl Fn(f64) -> bool) {
    let waiting = async {
        while !will_do(gateway.status.load().refused) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap();
}

#[tokio::test]
async fn when_work_waits_for_processors_a_part_is_refused() {
    let site = TestSite::new(None, ["<t do=\"answer\" a=\"200\" b=\"ok\"/>", "", ""])
        .with(|site| site.limits.queueing_delay = Duration::from_millis(10));
    let gateway = Gateway::start(site).await;
    let mut client = gateway.client().await;
    assert_eq!(status(&ask(&mut client, GET).await), "200");
    let busy = Busy::start(Duration::from_millis(5));
    refused(&gateway, |part| part > 0.9).await;
    assert!(gateway.status.load().queueing_delay > Duration::from_millis(10));
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(ask(&mut client, GET).await);
    }
    let n_refused = answers.iter().filter(|answer| status(answer) == "503").count();
    assert!(n_refused >= 8, "{n_refused} of 10 were refused");
    answers.iter().filter(|answer| status(answer) == "503").for_each(|it| check_refused(it));
    // A probe waits like everything else, but it is answered.
    assert_eq!(status(&ask(&mut client, PROBE).await), "200");
    drop(busy);
    refused(&gateway, |part| part <= 0.0).await;
    assert_eq!(status(&ask(&mut client, GET).await), "200");
}
