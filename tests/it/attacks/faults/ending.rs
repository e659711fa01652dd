//! An end under load: who has been promised an answer gets it, and who does not get all of it can see that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tollgate_emulator::{Gate, Pace, Running, StreamPlan};

use super::super::tell;
use crate::harness::{Call, Connection, DEADLINE, Directory, Gateway, azure, find, until};

const STREAMS: usize = 40;

fn start(azure: &Running, more: &str) -> Gateway {
    let config = format!(
        "{more}\n[backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [apis.echo]\npath = \"echo\"\nservice-url = \"{}\"\nsubscription = \"optional\"\n",
        azure.openai.base(),
        azure.openai.key(),
        azure.echo.server().url(),
    );
    Directory::new(&config).start()
}

/// Streams that go on when the gate says so.
async fn streams(azure: &Running, gateway: &Gateway, gate: &Gate) -> Vec<Response<Incoming>> {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        azure.openai.plan_next_stream(StreamPlan {
            pace: Pace::Gated(gate.clone()),
            ..StreamPlan::default()
        });
        let body = serde_json::json!({"messages": [{"role": "user", "content": "Count."}], "stream": true});
        let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
        streams.push(gateway.open(Call::json(path, &body)).await);
    }
    streams
}

/// Which streams came to their end.
async fn ends(streams: Vec<Response<Incoming>>) -> Vec<bool> {
    join_all(streams.into_iter().map(async |stream| {
        let body =
            tokio::time::timeout(DEADLINE, stream.into_body().collect()).await.expect("in time");
        body.is_ok_and(|body| body.to_bytes().ends_with(b"data: [DONE]\n\n"))
    }))
    .await
}

fn access_lines(gateway: &Gateway) -> Vec<serde_json::Value> {
    let log = gateway.log();
    let lines = log.iter().filter(|line| line.contains(r#""target":"access""#));
    lines.map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn is_broken(line: &serde_json::Value) -> bool {
    find(line, "error_reason").is_some_and(|reason| !reason.is_null())
}

/// Streams that are open and requests that are under way when the process is told to end are finished; none is cut, and
/// each has been counted once.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_under_load_cuts_nobody() {
    let began = Instant::now();
    let azure = azure().await;
    let mut gateway = start(&azure, "");
    let gate = Gate::default();
    let streams = streams(&azure, &gateway, &gate).await;
    // Clients that ask on and on: what they have been promised they get, and then the connection ends.
    let (http, answered) = (gateway.http, Arc::new(AtomicUsize::new(0)));
    let asking = (0..8).map(|_| {
        let answered = Arc::clone(&answered);
        tokio::spawn(async move {
            let mut connection = Connection::to(http).await;
            loop {
                match connection.open(Call::get("/echo/bytes/100000")).await {
                    Ok(response) => {
                        let closes =
                            response.headers().get("connection").is_some_and(|it| it == "close");
                        let length =
                            response.into_body().collect().await.map(|body| body.to_bytes().len());
                        assert_eq!(length.ok(), Some(100_000), "an answer was cut");
                        answered.fetch_add(1, Ordering::Relaxed);
                        if closes {
                            return true;
                        }
                    }
                    // A request that was not taken any more: the connection was closed before it was looked at.
                    Err(_) => return false,
                }
            }
        })
    });
    let asking: Vec<_> = asking.collect();
    until("they are under way", async || (answered.load(Ordering::Relaxed) > 20).then_some(()))
        .await;
    gateway.signal("TERM");
    until("nobody is let in any more", async || TcpStream::connect(http).await.err()).await;
    let mut n_told = 0;
    for client in asking {
        n_told += usize::from(client.await.expect("nobody is cut"));
    }
    gate.open();
    let ended = ends(streams).await;
    assert!(ended.iter().all(|whole| *whole), "streams were cut: {ended:?}");
    assert_eq!(gateway.ended().await.code(), Some(0));
    let n = STREAMS + answered.load(Ordering::Relaxed);
    gateway.logged(|line| line.contains("\"stopped\"")).await;
    let lines = access_lines(&gateway);
    assert_eq!(lines.iter().filter(|line| is_broken(line)).count(), 0, "a request failed");
    assert_eq!(lines.len(), n, "each request has one line");
    let backend = azure.echo.server().count("*") + azure.openai.server().count("*");
    assert_eq!(backend, n as u64, "and one call of a backend");
    let more = format!("all of them whole, {n_told} of 8 connections were told that they end");
    tell("an end under load", n, began, &more);
}

/// What does not end in time is ended, and what is cut looks cut; a second signal does not wait for the time.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_by_the_end_looks_cut() {
    let began = Instant::now();
    let azure = azure().await;
    for (grace, is_hurried) in [("1s", false), ("10m", true)] {
        let mut gateway = start(&azure, &format!("[timeouts]\ngraceful-stop = \"{grace}\"\n"));
        let gate = Gate::default();
        let mut streams = streams(&azure, &gateway, &gate).await;
        gate.release(STREAMS);
        for stream in &mut streams {
            let frame = tokio::time::timeout(DEADLINE, stream.body_mut().frame()).await;
            assert!(frame.expect("in time").is_some_and(|frame| frame.is_ok()), "an event");
        }
        gateway.signal("TERM");
        gateway.logged(|line| line.contains("\"stopping\"")).await;
        if is_hurried {
            until("it drains", async || TcpStream::connect(gateway.http).await.err()).await;
            gateway.signal("TERM");
        }
        let ended = ends(streams).await;
        assert!(ended.iter().all(|whole| !whole), "streams look whole: {ended:?}");
        let told = Instant::now();
        assert_eq!(gateway.ended().await.code(), Some(0), "{grace}");
        assert!(told.elapsed() < Duration::from_secs(20), "{grace}: {:?}", told.elapsed());
        gateway.logged(|line| line.contains("\"stopped\"")).await;
        let lines = access_lines(&gateway);
        let broken = lines.iter().filter(|line| is_broken(line)).count();
        assert_eq!((lines.len(), broken), (STREAMS, STREAMS), "each has one line that says so");
        let why = if is_hurried { "at once" } else { "the time for a graceful stop is over" };
        let said = |line: &str| line.contains("requests in flight are ended") && line.contains(why);
        assert_eq!(gateway.count_log(said), 1, "{grace}");
        drop(gate);
    }
    tell("an end that cuts streams", 2 * STREAMS, began, "all of them visibly cut");
}
