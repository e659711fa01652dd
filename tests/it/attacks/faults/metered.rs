//! Streams of models that break off at every byte: their tokens are counted, and once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::super::{talk, tell};
use super::{End, Understood, counted, metric, understood};
use crate::harness::{Call, Directory, read_until, until};

/// What the last event but one says was used: prompt and completion.
const USED: u64 = 7 + 5;
const QUOTA: u64 = 1_000;

fn answer() -> Vec<u8> {
    let chunk = |choices: &str, usage: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{choices}]{usage}}}\n\n"
        )
    };
    let said = |text: &str| {
        let delta =
            format!("{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}");
        chunk(&delta, "")
    };
    let usage = ",\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"total_tokens\":12}";
    let events =
        [said("zw\u{f6}lf"), said(" \u{20ac}"), chunk("", usage), "data: [DONE]\n\n".to_owned()];
    let mut all =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for event in events {
        all.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

/// Breaks off as the header `x-wish` says.
async fn breaking(answer: Arc<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let request = read_until(&mut stream, "\"stream\":true}").await;
                let wish = request.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("x-wish").then_some(value)
                });
                let (n, end) = wish.and_then(|wish| wish.split_once(' ')).expect("a wish");
                let n: usize = n.parse().expect("a number");
                stream.write_all(&answer[..n]).await.ok();
                let end = if end == "Reset" { End::Reset } else { End::Close };
                end.of(stream).await;
            });
        }
    });
    address
}

const POLICY: &str = r#"<policies>
    <inbound>
        <llm-token-limit counter-key="@(context.Request.Headers.GetValueOrDefault("x-wish"))" token-quota="1000"
            token-quota-period="Yearly" estimate-prompt-tokens="false" remaining-quota-tokens-header-name="x-left" />
        <choose><when condition="@(context.Request.Method == "GET")"><return-response /></when></choose>
        <llm-emit-token-metric namespace="it"><dimension name="API ID" /></llm-emit-token-metric>
    </inbound>
    <backend><forward-request buffer-response="false" /></backend><outbound />
    <on-error><return-response><set-status code="502" /></return-response></on-error>
</policies>"#;

const CHAT: &str = "/openai/deployments/m/chat/completions?api-version=2024-10-21";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_stream_that_breaks_off_anywhere_are_counted_once() {
    let began = Instant::now();
    let answer = Arc::new(answer());
    let backend = breaking(Arc::clone(&answer)).await;
    let config = format!(
        "[apis.openai]\npath = \"openai\"\nservice-url = \"http://{backend}/openai\"\nsubscription = \"optional\"\n"
    );
    let gateway = Directory::new(&config).api("openai", POLICY).start();
    let body = r#"{"messages":[{"role":"user","content":"Count."}],"stream":true}"#;
    let mut inputs = Vec::new();
    for n in 0..=answer.len() {
        inputs.extend(End::ALL.map(|end| (n, end)));
    }
    let sending = inputs.iter().map(async |(n, end)| {
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        let request = format!(
            "POST {CHAT} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
             x-wish: {n} {end:?}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        talk(&mut stream, request.as_bytes()).await
    });
    let replies: Vec<Vec<u8>> = futures::stream::iter(sending).buffered(64).collect().await;
    // The gateway's end of a request is later than the client's.
    counted(&gateway, inputs.len()).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let told = text.find("\"total_tokens\":12}}\n\n").expect("the usage") + 19;
    let (mut sum, mut by_kind) = (0, BTreeMap::<String, usize>::new());
    for ((n, end), bytes) in inputs.iter().zip(&replies) {
        let (whole, refused) = match understood(bytes) {
            Understood::Whole(200, ..) => (true, false),
            // Nothing came, perhaps because a connection that had been whole was closed meanwhile.
            Understood::Whole(502, ..) => (false, true),
            Understood::Cut => (false, false),
            other => panic!("{n} {end:?}: {other:?}"),
        };
        let (least, all) = (answer.len() - 2, answer.len());
        assert!(*n == all || !whole || (least..all).contains(n), "{n} {end:?} looks whole");
        assert!(*n < all || whole, "{n} {end:?} does not look whole");
        let left = until("what is left is known", async || {
            let probe = Call::get(CHAT).header("x-wish", &format!("{n} {end:?}"));
            gateway.send(probe).await.expect(200).header("x-left").parse::<u64>().ok()
        })
        .await;
        let used = QUOTA - left;
        // What the backend has said of its usage counts; before that, what passed and what was asked.
        let fits = match refused {
            true => used == 0,
            false if *n >= told + 2 => used == USED,
            false => used < 2 * USED,
        };
        assert!(fits, "{n} of {} {end:?}: {used} tokens", answer.len());
        sum += used;
        *by_kind.entry(format!("{used}")).or_default() += 1;
    }
    let metrics = gateway.admin("/metrics").await.text();
    let emitted = metric(&metrics, "tollgate_custom_total_tokens_total", "");
    assert_eq!(emitted, sum, "the metric has what the counters have");
    let more = format!("tokens by how many inputs used them: {by_kind:?}, {sum} in all");
    tell("metered streams that break off", inputs.len(), began, &more);
}
