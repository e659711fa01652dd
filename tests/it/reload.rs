//! Reloads, starts and stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use tollgate_emulator::{Gate, Pace, StreamPlan};

use crate::harness::{Answer, Call, Connection, DEADLINE, Directory, azure, until};

/// Answers without a backend; `generation` shows which document is in force.
fn policy(generation: usize) -> String {
    format!(
        "<policies><inbound><return-response><set-header name=\"x-generation\" exists-action=\"override\">\
         <value>{generation}</value></set-header></return-response></inbound></policies>"
    )
}

const API: &str = "[apis.a]\npath = \"a\"\nsubscription = \"optional\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn fifty_reloads_under_load_lose_no_request() {
    let azure = azure().await;
    let echo = azure.echo.server();
    let config = format!(
        "{API}[backends.echo]\nurl = \"{}\"\n\
         [apis.b]\npath = \"b\"\nbackend = \"echo\"\nsubscription = \"optional\"\n",
        echo.url()
    );
    let gateway = Directory::new(&config).api("a", &policy(0)).start();
    let done = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|client| {
            // Half of them need the backend, with a body both ways.
            let call = if client % 2 == 0 {
                Call::get("/a/x")
            } else {
                Call::post("/b/echo", vec![b'x'; 20_000])
            };
            let (done, served, address) = (Arc::clone(&done), Arc::clone(&served), gateway.http);
            tokio::spawn(async move {
                let mut connection = Connection::to(address).await;
                let mut failures = Vec::new();
                for n in 0..100_000 {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    // Connections end after a number of requests; the next one is as good.
                    if n % 500 == 499 {
                        connection = Connection::to(address).await;
                    }
                    match connection.send(call.clone()).await {
                        Ok(answer) if answer.status == 200 => {}
                        Ok(answer) => failures.push(format!("{}", answer.status)),
                        Err(error) => failures.push(error.to_string()),
                    }
                    served.fetch_add(1, Ordering::Relaxed);
                }
                failures
            })
        })
        .collect();
    for generation in 1..=50 {
        gateway.directory.write("apis/a/policy.xml", &policy(generation));
        gateway.reload().await;
        // The reload that was waited for may be one of the watch that began before the file was written; another follows.
        until("the new generation", async || {
            let answer = gateway.send(Call::get("/a/now")).await.expect(200);
            (answer.header("x-generation") == generation.to_string()).then_some(())
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        let failures = tokio::time::timeout(DEADLINE, client)
            .await
            .expect("a client in time")
            .expect("a client");
        assert!(failures.is_empty(), "{failures:?}");
    }
    assert!(served.load(Ordering::Relaxed) > 500, "hardly any load: {served:?}");
    assert!(echo.count("/echo") > 100, "hardly any load for the backend");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_document_leaves_the_old_one_serving() {
    let gateway = Directory::new(API).api("a", &policy(1)).start();
    let generation = async || {
        gateway.send(Call::get("/a/x")).await.expect(200).header("x-generation").to_owned()
    };
    // The change is noticed without being told.
    gateway
        .directory
        .write("apis/a/policy.xml", &policy(1).replace("return-response", "retrun-response"));
    let line = gateway.logged(|line| line.contains("retrun-response")).await;
    assert!(line.contains("E0201") && line.contains("return-response"), "{line}");
    assert_eq!(generation().await, "1");
    let status = gateway.admin("/status").await.expect(200).json();
    assert_eq!(
        (&status["last_reload"]["ok"], &status["snapshot"]["generation"]),
        (&false.into(), &1.into())
    );
    assert_eq!(status["last_reload"]["diagnostics"][0]["code"], "E0201");
    assert_eq!(gateway.admin("/health/ready").await.status, 200);
    gateway.directory.write("apis/a/policy.xml", &policy(2));
    gateway.logged(|line| line.contains("\"reloaded\"")).await;
    assert_eq!(generation().await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_with_errors_does_not_start() {
    let broken =
        Directory::new("[apis.a]\npath = \"a\"\nbackend = \"none\"\nsubscription = \"optional\"\n")
            .api("a", "<policies><inbound><set-header nmae=\"a\"/></inbound></policies>")
            .file("global.xml", "<policies><inbond/></policies>");
    let output = broken.run_to_the_end();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in
        ["there is no backend `none`", "unknown attribute `nmae`", "unknown section `inbond`"]
    {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_streams_finish() {
    let azure = azure().await;
    let config = format!(
        "[backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n",
        azure.openai.base(),
        azure.openai.key()
    );
    let mut gateway = Directory::new(&config).start();
    let gate = Gate::default();
    azure
        .openai
        .plan_next_stream(StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() });
    let body =
        serde_json::json!({"messages": [{"role": "user", "content": "Hello."}], "stream": true});
    let path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    let mut streaming = gateway.open(Call::json(path, &body)).await.into_body();
    gate.release(1);
    assert!(streaming.frame().await.is_some());
    assert_eq!(gateway.admin("/health/ready").await.status, 200);
    gateway.signal("TERM");
    gateway.logged(|line| line.contains("\"stopping\"")).await;
    assert_eq!(gateway.admin("/health/ready").await.status, 503);
    // No new connections, but what is under way ends as it should.
    let refused = tokio::time::timeout(Duration::from_secs(5), async {
        while tokio::net::TcpStream::connect(gateway.http).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    refused.await.expect("the listener closes");
    gate.open();
    let rest = streaming.collect().await.expect("the rest of the stream").to_bytes();
    assert!(rest.ends_with(b"data: [DONE]\n\n"));
    assert!(gateway.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_issuer_does_not_keep_the_gateway_from_starting() {
    let config = format!("[keys]\nallow-http = true\n{API}");
    let policy = "<policies><inbound><validate-jwt header-name=\"Authorization\">\
                  <openid-config url=\"http://127.0.0.1:9/.well-known/openid-configuration\"/></validate-jwt></inbound></policies>";
    let gateway = Directory::new(&config).api("a", policy).start();
    let answer: Answer =
        gateway.send(Call::get("/a/x").bearer("eyJhbGciOiJSUzI1NiJ9.e30.AAAA")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(gateway.admin("/health/ready").await.status, 200);
}
