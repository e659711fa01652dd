//! What goes wrong around the gateway: backends that break off, discs that are full, an end under load.
//!
//! INVARIANT: the client gets a truthful end. What is not whole does not look whole.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::join_all;
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tollgate_emulator::{Gate, Pace, StreamPlan};

use super::{talk, tell};
use crate::harness::{
    Call, Connection, DEADLINE, Directory, Gateway, azure, find, read_until, until,
};
use crate::strict::target;

/// What a backend says when it is left alone: with a length, in chunks, in events.
const ANSWERS: &[(&str, &str)] = &[
    (
        "length",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 29\r\n\r\nzw\u{f6}lf K\u{e4}rtchen f\u{fc}r 12 \u{20ac}.",
    ),
    (
        "chunks",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
         8\r\nzw\u{f6}lf K\r\n3;x=y\r\n\u{e4}r\r\n11\r\ntchen f\u{fc}r 12 \u{20ac}\r\n0\r\nx-sum: 1\r\n\r\n",
    ),
    (
        "events",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         16\r\ndata: {\"a\":\"zw\u{f6}lf\"}\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
    ),
];

#[derive(Debug, Clone, Copy)]
enum End {
    /// An orderly end of the connection.
    Close,
    Reset,
}

/// Says so many bytes of an answer as the path wants, and ends as it wants: `/<answer>/<bytes>/<end>`.
async fn breaking() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = read_until(&mut stream, "\r\n\r\n").await;
                let mut wish = target(&head).split('/').skip(1);
                let name = wish.next().unwrap_or_default();
                let answer = ANSWERS.iter().find(|(known, _)| *known == name).expect("an answer").1;
                let n: usize = wish.next().and_then(|n| n.parse().ok()).expect("a number");
                stream.write_all(&answer.as_bytes()[..n]).await.ok();
                stream.flush().await.ok();
                if wish.next() == Some("Reset") {
                    // What was said is to arrive before the reset does.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    stream.set_zero_linger().ok();
                }
            });
        }
    });
    address
}

fn start(backend: SocketAddr) -> Gateway {
    let mut config = String::new();
    let forward = "<forward-request />";
    let mut directory = Directory::new("");
    for (name, outbound) in [
        ("pass", ""),
        (
            "read",
            "<set-variable name=\"v\" value=\"@(context.Response.Body.As<string>(preserveContent: true).Length)\" />",
        ),
        ("edit", "<find-and-replace from=\"K\" to=\"C\" />"),
    ] {
        writeln!(
            config,
            "[apis.{name}]\npath = \"{name}\"\nservice-url = \"http://{backend}\"\nsubscription = \"optional\""
        )
        .expect("text");
        let policy = format!(
            "<policies><inbound /><backend>{forward}</backend><outbound>{outbound}</outbound>\
             <on-error><return-response><set-status code=\"502\" /><set-body>broken</set-body></return-response></on-error></policies>"
        );
        directory = directory.api(name, &policy);
    }
    directory.configure(&config);
    directory.start()
}

/// What a client makes of bytes of HTTP/1.1.
#[derive(Debug, PartialEq, Eq)]
enum Understood {
    /// An answer that is whole.
    Whole(u16, Vec<u8>),
    /// One that is not, and does not look so.
    Cut,
    Nothing,
}

fn understood(bytes: &[u8]) -> Understood {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.is_empty() { Understood::Nothing } else { Understood::Cut };
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
    let rest = &bytes[end + 4..];
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    if let Some(length) = length {
        return if rest.len() == length {
            Understood::Whole(status, rest.to_vec())
        } else {
            Understood::Cut
        };
    }
    assert!(head.contains("transfer-encoding: chunked"), "a body without an end: {head}");
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = rest[at..].windows(2).position(|two| two == b"\r\n") else {
            return Understood::Cut;
        };
        let size = std::str::from_utf8(&rest[at..at + line]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        let Some(chunk) = rest.get(at + line + 2..at + line + 4 + size) else {
            return Understood::Cut;
        };
        body.extend_from_slice(&chunk[..size]);
        at += line + 4 + size;
        if size == 0 {
            assert_eq!(at, rest.len(), "more than was said");
            return Understood::Whole(status, body);
        }
    }
}

/// The body of an answer of [`ANSWERS`] and how many bytes of the answer make it whole.
fn meant(name: &str, answer: &str) -> (Vec<u8>, usize) {
    let body = match name {
        "events" => "data: {\"a\":\"zw\u{f6}lf\"}\n\ndata: [DONE]\n\n",
        _ => "zw\u{f6}lf K\u{e4}rtchen f\u{fc}r 12 \u{20ac}.",
    };
    let body = if name == "chunks" { body.trim_end_matches('.') } else { body };
    (body.as_bytes().to_vec(), answer.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_anywhere_has_a_truthful_end() {
    let began = Instant::now();
    let gateway = start(breaking().await);
    let mut inputs = Vec::new();
    for (name, answer) in ANSWERS {
        for n in 0..=answer.len() {
            for end in [End::Close, End::Reset] {
                inputs.extend(["pass", "read", "edit"].map(|api| (api, *name, *answer, n, end)));
            }
        }
    }
    let sending = inputs.iter().map(async |(api, name, _, n, end)| {
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        let request = format!(
            "GET /{api}/{name}/{n}/{end:?} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );
        talk(&mut stream, request.as_bytes()).await
    });
    let answers: Vec<Vec<u8>> = futures::stream::iter(sending).buffered(64).collect().await;
    let (mut wrong, mut n_whole, mut n_cut, mut n_errors) = (Vec::new(), 0, 0, 0);
    for ((api, name, answer, n, end), bytes) in inputs.iter().zip(&answers) {
        let (body, whole) = meant(name, answer);
        let body = if *api == "edit" {
            String::from_utf8_lossy(&body).replace('K', "C").into_bytes()
        } else {
            body
        };
        let fits = match understood(bytes) {
            Understood::Whole(502, _) => {
                n_errors += 1;
                *n < whole
            }
            Understood::Whole(200, got) => {
                n_whole += 1;
                // The trailers are nobody's, so a body may be whole before them.
                let enough = answer.find("\r\n0\r\n").map_or(whole, |at| at + 5);
                got == body && *n >= enough
            }
            Understood::Cut => {
                n_cut += 1;
                *api == "pass" && *n < whole
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!(
                "{api} {name} {n} of {whole} {end:?}: {:?}",
                String::from_utf8_lossy(bytes)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} times:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(n_whole > 0 && n_cut > 0 && n_errors > 0);
    let more = format!("{n_whole} whole, {n_cut} visibly cut, {n_errors} answered with an error");
    tell("answers that break off", inputs.len(), began, &more);
}

/// A process whose log has no room goes on serving, and so does one whose events have none.
#[tokio::test(flavor = "multi_thread")]
async fn full_discs_stop_nobody() {
    const CALLS: usize = 300;
    let began = Instant::now();
    let free =
        TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address");
    let config = format!(
        "[listen]\nhttp = \"{free}\"\nadmin = \"127.0.0.1:0\"\n[loggers.audit]\nkind = \"file\"\npath = \"/dev/full\"\n\
         [apis.a]\npath = \"a\"\nsubscription = \"optional\"\n"
    );
    let policy = "<policies><inbound><trace source=\"it\" severity=\"error\"><message>said</message></trace>\
         <log-to-eventhub logger-id=\"audit\">@(new string('x', 10000))</log-to-eventhub><return-response /></inbound></policies>";
    let directory = Directory::new(&config).api("a", policy);
    let full =
        || std::fs::File::options().write(true).open("/dev/full").expect("a disc that is full");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("run")
        .arg(directory.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(full())
        .stderr(full())
        .spawn()
        .expect("the binary runs");
    until("it listens", async || TcpStream::connect(free).await.ok()).await;
    let mut connection = Connection::to(free).await;
    for _ in 0..CALLS {
        connection.send(Call::get("/a/x")).await.expect("an answer").expect(200);
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    let ended = until("it ends", async || child.try_wait().expect("the process")).await;
    assert_eq!(ended.code(), Some(0));
    tell("full discs", CALLS, began, "all of them answered");
}

/// Streams that are open and requests that are under way when the process is told to end are finished; none is cut.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_under_load_cuts_nobody() {
    const STREAMS: usize = 40;
    let began = Instant::now();
    let azure = azure().await;
    let config = format!(
        "[backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [apis.echo]\npath = \"echo\"\nservice-url = \"{}\"\nsubscription = \"optional\"\n",
        azure.openai.base(),
        azure.openai.key(),
        azure.echo.server().url(),
    );
    let mut gateway = Directory::new(&config).start();
    let gate = Gate::default();
    let chat = || {
        let body = serde_json::json!({"messages": [{"role": "user", "content": "Count."}], "stream": true});
        Call::json("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", &body)
    };
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        azure.openai.plan_next_stream(StreamPlan {
            pace: Pace::Gated(gate.clone()),
            ..StreamPlan::default()
        });
        streams.push(gateway.open(chat()).await);
    }
    // Clients that ask on and on: what they have been promised they get, and then the connection ends.
    let (http, answered) = (gateway.http, Arc::new(AtomicUsize::new(0)));
    let asking = (0..8).map(|_| {
        let answered = Arc::clone(&answered);
        tokio::spawn(async move {
            let mut connection = Connection::to(http).await;
            loop {
                match connection.open(Call::get("/echo/bytes/100000")).await {
                    Ok(response) => {
                        let length =
                            response.into_body().collect().await.map(|body| body.to_bytes().len());
                        assert_eq!(length.ok(), Some(100_000), "an answer was cut");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    // A request that was not taken any more: the connection was closed before it was looked at.
                    Err(_) => return,
                }
            }
        })
    });
    let asking: Vec<_> = asking.collect();
    until("they are under way", async || (answered.load(Ordering::Relaxed) > 20).then_some(()))
        .await;
    gateway.signal("TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    gate.open();
    let ended = join_all(streams.into_iter().map(async |stream| {
        let body =
            tokio::time::timeout(DEADLINE, stream.into_body().collect()).await.expect("in time");
        body.is_ok_and(|body| body.to_bytes().ends_with(b"data: [DONE]\n\n"))
    }))
    .await;
    assert!(ended.iter().all(|whole| *whole), "streams were cut: {ended:?}");
    for client in asking {
        client.await.expect("nobody is cut");
    }
    assert_eq!(gateway.ended().await.code(), Some(0));
    let broken = gateway.log().into_iter().filter(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        find(&line, "error_reason").is_some_and(|reason| !reason.is_null())
    });
    assert_eq!(broken.count(), 0, "a request failed");
    tell(
        "an end under load",
        STREAMS + answered.load(Ordering::Relaxed),
        began,
        "all of them whole",
    );
}
