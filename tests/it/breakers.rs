//! Circuit breakers of backends, as clients and operators see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tollgate_emulator::{Fault, Running};

use crate::harness::{Call, Directory, Gateway, azure, find, until};

/// Says in on-error what policies see.
const POLICY: &str = r#"<policies>
    <inbound><base /></inbound>
    <backend><forward-request /></backend>
    <outbound><base /></outbound>
    <on-error>
        <set-header name="x-reason" exists-action="override"><value>@(context.LastError.Source + " " + context.LastError.Reason)</value></set-header>
    </on-error>
</policies>"#;

fn config(azure: &Running, rule: &str) -> String {
    format!(
        "[backends.ptu]\nurl = \"{}\"\n[backends.ptu.circuit-breaker.throttled]\n{rule}\n\
         [apis.a]\npath = \"a\"\nbackend = \"ptu\"\nsubscription = \"optional\"\n",
        azure.echo.server().url()
    )
}

const THROTTLED: &str =
    "count = 1\nstatus-codes = [\"429\"]\ntrip-duration = \"1h\"\naccept-retry-after = true\n";

async fn breaker(gateway: &Gateway) -> Value {
    gateway.admin("/status").await.expect(200).json()["circuit_breakers"][0].clone()
}

fn logged(line: &str, message: &str) -> bool {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    find(&line, "message").is_some_and(|found| found == message)
        && find(&line, "backend").is_some_and(|found| found == "ptu")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_backend_is_left_alone_for_as_long_as_it_says() {
    let azure = azure().await;
    let gateway = Directory::new(&config(&azure, THROTTLED)).api("a", POLICY).start();
    let (echo, call) = (azure.echo.server(), || Call::get("/a/echo"));
    gateway.send(call()).await.expect(200);
    assert_eq!(breaker(&gateway).await["state"], "closed");

    echo.fail_next("/echo", 1, Fault::Throttle(Duration::from_millis(1_500)));
    let opened = Instant::now();
    assert_eq!(gateway.send(call()).await.expect(429).header("retry-after"), "2");
    gateway.logged(|line| logged(line, "circuit breaker opened")).await;
    let refused = gateway.send(call()).await.expect(503);
    assert!(opened.elapsed() < Duration::from_millis(1_500), "too slow to see it open");
    assert_eq!(refused.header("x-reason"), "forward-request BackendConnectionFailure");
    assert!(["1", "2"].contains(&refused.header("retry-after")));
    assert_eq!(refused.json()["message"], "Service Unavailable");
    assert_eq!(echo.received().len(), 2);
    assert_eq!(breaker(&gateway).await["state"], "open");
    let metrics = gateway.admin("/metrics").await.text();
    assert!(metrics.contains("tollgate_backend_breaker_open{backend=\"ptu\"} 1"), "{metrics}");
    assert!(metrics.contains("tollgate_backend_breaker_trips_total{backend=\"ptu\"} 1"));

    let half_open = async || (breaker(&gateway).await["state"] == "half-open").then_some(());
    until("its time is over", half_open).await;
    assert!(opened.elapsed() >= Duration::from_millis(1_490));
    gateway.send(call()).await.expect(200);
    gateway.logged(|line| logged(line, "circuit breaker closed")).await;
    assert_eq!(breaker(&gateway).await["state"], "closed");
    let metrics = gateway.admin("/metrics").await.text();
    assert!(metrics.contains("tollgate_backend_breaker_open{backend=\"ptu\"} 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_the_breaker_of_a_backend_that_stays_the_same() {
    let azure = azure().await;
    let text = config(&azure, THROTTLED);
    let directory = Directory::new(&text).api("a", POLICY);
    let gateway = directory.start();
    azure.echo.server().fail_next("/echo", 1, Fault::Throttle(Duration::from_mins(10)));
    gateway.send(Call::get("/a/echo")).await.expect(429);
    gateway.directory.configure(&format!("{text}[backends.other]\nurl = \"https://other\"\n"));
    gateway.reload().await;
    gateway.send(Call::get("/a/echo")).await.expect(503);
    let changed = config(&azure, &THROTTLED.replace("1h", "2h"));
    gateway.directory.configure(&changed);
    gateway.reload().await;
    gateway.send(Call::get("/a/echo")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_without_a_response_count_when_a_rule_says_so() {
    let azure = azure().await;
    let rule = "count = 2\nerror-reasons = [\"BackendConnectionFailure\"]\n";
    let gateway = Directory::new(&config(&azure, rule)).api("a", POLICY).start();
    azure.echo.server().fail("/echo", Fault::Close);
    gateway.send(Call::get("/a/status/500")).await.expect(500);
    for expected in [500, 500, 503] {
        gateway.send(Call::get("/a/echo")).await.expect(expected);
    }
    assert_eq!(breaker(&gateway).await["state"], "open");
}

/// A backend that sends the head of a response and a part of its body, and closes; it counts its calls.
async fn breaking_off() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut header = Vec::new();
            while !header.ends_with(b"\r\n\r\n") && stream.read_buf(&mut header).await.is_ok() {}
            count.fetch_add(1, Ordering::Relaxed);
            let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(head).await.ok();
            stream.write_all(b"9\r\ndata: a\n\n\r\n").await.ok();
        }
    });
    (address, calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_a_failure() {
    let (backend, calls) = breaking_off().await;
    let config = format!(
        "[backends.ptu]\nurl = \"http://{backend}\"\n\
         circuit-breaker.broken = {{ count = 2, error-reasons = [\"Server errors\"] }}\n\
         [apis.a]\npath = \"a\"\nbackend = \"ptu\"\nsubscription = \"optional\"\n"
    );
    let gateway = Directory::new(&config).api("a", POLICY).start();
    for _ in 0..2 {
        assert_eq!(breaker(&gateway).await["state"], "closed");
        // Who reads to the end notices.
        let answer = gateway.open(Call::get("/a/echo")).await;
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.expect_err("a body that breaks off");
    }
    gateway.logged(|line| logged(line, "circuit breaker opened")).await;
    gateway.send(Call::get("/a/echo")).await.expect(503);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}
