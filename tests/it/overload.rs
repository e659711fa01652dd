//! What clients and operators see of a gateway that has more to do than it may.

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::harness::{Answer, Call, DEADLINE, Directory, Gateway, until};

/// Requests that the gateway takes on.
const MOST: usize = 6;

/// A backend that holds its answers until it is told to go on, half of them in their middle.
struct Backend {
    url: String,
    go_on: watch::Sender<bool>,
    /// How many requests it has got.
    received: watch::Receiver<usize>,
}

impl Backend {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (go_on, going_on) = watch::channel(false);
        let (counting, received) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, going_on.clone(), counting.clone()));
            }
        });
        Self { url, go_on, received }
    }

    /// Waits until it has got so many requests.
    async fn received(&self, n: usize) {
        let mut received = self.received.clone();
        let waiting = received.wait_for(|received| *received == n);
        tokio::time::timeout(DEADLINE, waiting).await.expect("requests in time").expect("a count");
    }
}

/// Answers the requests of a connection.
async fn answer(
    mut stream: TcpStream,
    mut going_on: watch::Receiver<bool>,
    counting: watch::Sender<usize>,
) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        counting.send_modify(|n| *n += 1);
        let head_of = |length| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let streams = head.starts_with(b"GET /stream");
        if streams {
            stream.write_all(format!("{}begun", head_of(10)).as_bytes()).await?;
        }
        going_on.wait_for(|go_on| *go_on).await.ok();
        let rest = if streams { String::new() } else { head_of(5) };
        stream.write_all(format!("{rest}ended").as_bytes()).await?;
    }
}

fn gateway(backend: &str) -> Gateway {
    let config = format!(
        "[limits]\nrequests = {MOST}\nqueueing-delay = \"1h\"\n[apis.it]\npath = \"it\"\nservice-url = \"{backend}\"\nsubscription = \"optional\"\n"
    );
    // Whoever is refused must not get here.
    let policy = "<policies><inbound><set-header name=\"x-seen\" exists-action=\"override\"><value>1</value></set-header></inbound>\
         <backend><forward-request/></backend></policies>";
    Directory::new(&config).api("it", policy).start()
}

/// Requests under way: some that wait for their answers, and some in the middle of theirs.
struct UnderWay {
    waiting: Vec<tokio::task::JoinHandle<Answer>>,
    streams: Vec<Response<Incoming>>,
}

impl UnderWay {
    /// As many as the gateway takes on.
    async fn fill(gateway: &Gateway, backend: &Backend) -> Self {
        let mut streams = Vec::new();
        for _ in 0..MOST / 2 {
            let mut stream = gateway.open(Call::get("/it/stream")).await;
            assert_eq!(next(&mut stream).await, "begun");
            streams.push(stream);
        }
        let mut waiting = Vec::new();
        for _ in MOST / 2..MOST {
            let mut connection = gateway.connect().await;
            let asking = async move { connection.send(Call::get("/it/wait")).await };
            waiting.push(tokio::spawn(async { asking.await.expect("an answer") }));
        }
        backend.received(MOST).await;
        Self { waiting, streams }
    }

    /// Every one of them ends as if nothing had been.
    async fn end_well(self) {
        for mut stream in self.streams {
            assert_eq!(next(&mut stream).await, "ended");
        }
        for waiting in self.waiting {
            assert_eq!(waiting.await.expect("no panic").expect(200).text(), "ended");
        }
    }
}

/// The next piece of a body.
async fn next(response: &mut Response<Incoming>) -> Bytes {
    let frame = tokio::time::timeout(DEADLINE, response.body_mut().frame()).await;
    let frame = frame.expect("a piece in time").expect("a piece").expect("a whole one");
    frame.into_data().expect("data")
}

fn check_refused(answer: Answer) {
    let answer = answer.expect(503);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("content-type"), "application/json");
    let message = "the gateway is overloaded, try again later";
    assert_eq!(answer.json(), json!({ "statusCode": 503, "message": message }));
}

fn is_told(line: &str) -> bool {
    line.contains("there is more to do than can be done")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_is_refused_and_nothing_else_suffers() {
    const REFUSED: usize = 40;
    let backend = Backend::start().await;
    let gateway = gateway(&backend.url);
    let under_way = UnderWay::fill(&gateway, &backend).await;

    let mut connection = gateway.connect().await;
    for n in 0..REFUSED {
        let call = if n % 2 == 0 { Call::get("/it/x") } else { Call::post("/it/x", "a body") };
        check_refused(connection.send(call).await.expect("an answer on the same connection"));
    }
    // Whoever asks after the gateway's health is answered, on either listener.
    gateway.send(Call::get("/status-0123456789abcdef")).await.expect(200);
    gateway.admin("/health/ready").await.expect(200);
    let metrics = gateway.admin("/metrics").await.expect(200).text();
    let count = format!("tollgate_shed_requests_total{{reason=\"requests\"}} {REFUSED}");
    assert!(metrics.lines().any(|line| line == count), "{metrics}");
    let load = &gateway.admin("/status").await.expect(200).json()["load"];
    assert_eq!((&load["requests"], &load["refused_part"]), (&json!(MOST), &json!(0.0)));
    assert_eq!(load["shed"], json!({ "requests": REFUSED, "queueing_delay": 0 }));
    gateway.logged(is_told).await;
    // The first line speaks of the first refusals, and the next would come seconds later.
    assert!(gateway.count_log(is_told) <= 2);
    assert_eq!(gateway.count_log(|line| line.contains("/it/x")), 0, "each has a line of its own");
    assert_eq!(*backend.received.borrow(), MOST, "a request was forwarded");

    backend.go_on.send_replace(true);
    under_way.end_well().await;
    until("everything is as before", async || {
        let load = &gateway.admin("/status").await.expect(200).json()["load"];
        (load["requests"] == 0).then_some(())
    })
    .await;
    for _ in 0..2 * MOST {
        let answer = connection.send(Call::get("/it/x")).await.expect("an answer");
        assert_eq!(answer.expect(200).text(), "ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_bound_holds_from_the_reload_on() {
    let backend = Backend::start().await;
    let gateway = gateway(&backend.url);
    let under_way = UnderWay::fill(&gateway, &backend).await;
    check_refused(gateway.send(Call::get("/it/x")).await);
    let config = std::fs::read_to_string(gateway.directory.path().join("tollgate.toml"));
    let config = config.expect("tollgate.toml").replace("requests = 6", "requests = 7");
    gateway.directory.configure(&config);
    gateway.reload().await;
    let mut stream = gateway.open(Call::get("/it/stream")).await;
    assert_eq!(next(&mut stream).await, "begun");
    check_refused(gateway.send(Call::get("/it/x")).await);
    backend.go_on.send_replace(true);
    assert_eq!(next(&mut stream).await, "ended");
    under_way.end_well().await;
}
