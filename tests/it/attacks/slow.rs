//! Clients that take their time: headers and bodies that drip, and answers that nobody reads.
//!
//! INVARIANT: each of them is given up within its time-out, others are served meanwhile, and what they hold is bounded.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::{PATIENCE, bystander, memory_below, tell};
use crate::harness::{Directory, Gateway, azure};

/// What each time-out of the gateway is.
const TIME_OUT: Duration = Duration::from_secs(1);

/// More than the buffers of two sockets hold.
const MUCH: usize = 20_000_000;

/// Longest that a client may be kept: its time-out, once more for what lies in buffers, and patience with a busy machine.
const LATEST: Duration = Duration::from_secs(25);

fn start(echo: &str) -> Gateway {
    let config = format!(
        "[timeouts]\nrequest-header = \"1s\"\nrequest-body = \"1s\"\nclient-write = \"1s\"\nkeep-alive = \"1s\"\n\
         [limits]\nbuffered-body = \"64 KiB\"\nbuffers-total = \"8 MiB\"\n\
         [apis.open]\npath = \"open\"\nservice-url = \"{echo}\"\nsubscription = \"optional\"\n\
         [apis.read]\npath = \"read\"\nservice-url = \"{echo}\"\nsubscription = \"optional\"\n"
    );
    let read = "<policies><inbound><set-variable name=\"body\" value=\"@(context.Request.Body.As<string>(preserveContent: true).Length)\"/>\
         </inbound><backend><forward-request/></backend></policies>";
    let open = "<policies><inbound/><backend><forward-request/></backend></policies>";
    Directory::new(&config).api("open", open).api("read", read).start()
}

/// Sends a beginning, and then a byte of something every now and then. How long it took the gateway to end it, and its answer.
async fn drip(gateway: &Gateway, beginning: &str, drop: &[u8]) -> (Duration, String) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
    stream.write_all(beginning.as_bytes()).await.ok();
    let (mut read, mut write) = stream.into_split();
    let dripping = async {
        for byte in drop.iter().cycle() {
            tokio::time::sleep(TIME_OUT / 5).await;
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    let reading = async { while read.read_buf(&mut answer).await.is_ok_and(|n| n > 0) {} };
    tokio::select! {
        () = reading => {}
        () = dripping => {}
        () = tokio::time::sleep(LATEST) => panic!("not given up: {beginning:?}"),
    }
    (began.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

/// Asks for much and reads nothing, with little room of its own.
async fn unread(gateway: &Gateway) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a small buffer");
    let mut stream = socket.connect(gateway.http).await.expect("a connection");
    let request = format!("GET /open/bytes/{MUCH} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    stream
}

/// Whether a line of the access log says that such a client was given up.
fn is_given_up(line: &str) -> bool {
    line.contains("/open/bytes/") && line.contains("ClientConnectionFailure")
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_given_up_and_others_served() {
    const OF_EACH: usize = 150;
    let began = Instant::now();
    let azure = azure().await;
    let gateway = start(azure.echo.server().url());
    let (done, served, task) = bystander(gateway.http, "/open/plain");
    let body = "POST /read/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let whole_in_time = join_all((0..OF_EACH).map(async |n| {
        let drips: [(&str, &[u8]); 6] = [
            ("", b""),
            ("GET /open/x HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
            ("GET /open/x HTTP/1.1\r\nX", b"y"),
            ("", b"\r\n"),
            ("POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx", b""),
            ("POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx", b""),
        ];
        let (beginning, drop) = drips[n % drips.len()];
        drip(&gateway, beginning, drop).await
    }));
    let unread = join_all((0..OF_EACH).map(async |_| unread(&gateway).await)).await;
    let stopped = join_all((0..OF_EACH).map(async |_| drip(&gateway, body, b"").await));
    let (ended, stopped) = tokio::join!(whole_in_time, stopped);
    gateway.logged_times(OF_EACH, is_given_up).await;
    drop(unread);
    for (taken, answer) in ended.iter().chain(&stopped) {
        assert!(*taken < LATEST, "given up after {taken:?}");
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let longest = ended.iter().chain(&stopped).map(|(taken, _)| *taken).max().expect("some");
    done.store(true, Ordering::Relaxed);
    let slowest = task.await.expect("others are served");
    assert!(slowest < PATIENCE, "another waited for {slowest:?}");
    // A body that streams has begun; a head that was not whole has not, nor has a request whose body is to be read first.
    let arrived = azure.echo.server().received();
    let begun = arrived.iter().filter(|it| it.path == "/x");
    assert!(
        begun.into_iter().all(|it| it.method == "POST" && it.body.len() < 10),
        "more arrived than was sent"
    );
    let memory = memory_below(&gateway, 256);
    let more = format!(
        "each given up within {longest:.1?}, {} others served, the slowest in {slowest:.1?}; {memory}",
        served.load(Ordering::Relaxed)
    );
    tell("slow clients", 3 * OF_EACH, began, &more);
}
