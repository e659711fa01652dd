//! What a client says, in every place where a policy writes a header, a URL, a status, a method, a cookie or a line of a log.
//!
//! INVARIANT: it never becomes a line of its own, on neither side.

use std::fmt::Write as _;
use std::time::Instant;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{percent, talk, tell};
use crate::harness::{Directory, Gateway};
use crate::strict::{Strict, target, values};

/// Names of the APIs with what is in their inbound and outbound. `V` is what the client says.
const SINKS: &[(&str, &str, &str)] = &[
    ("header", r#"<set-header name="x-in"><value>@(V)</value></set-header>"#, ""),
    (
        "header-many",
        r#"<set-header name="x-in" exists-action="append"><value>@(V)</value><value>@(V)</value></set-header>"#,
        "",
    ),
    ("header-name", r#"<set-header name="@(V)"><value>1</value></set-header>"#, ""),
    ("cookie", r#"<set-header name="Cookie"><value>@("a=" + V)</value></set-header>"#, ""),
    ("host", r#"<set-header name="Host"><value>@(V)</value></set-header>"#, ""),
    (
        "framing",
        r#"<set-header name="Transfer-Encoding"><value>@(V)</value></set-header><set-header name="Content-Length"><value>@(V)</value></set-header>
        <set-header name="Connection"><value>@(V)</value></set-header><set-header name="Upgrade"><value>@(V)</value></set-header>
        <set-header name="Expect"><value>@(V)</value></set-header>"#,
        "",
    ),
    ("query", r#"<set-query-parameter name="q"><value>@(V)</value></set-query-parameter>"#, ""),
    (
        "query-name",
        r#"<set-query-parameter name="@(V)"><value>1</value></set-query-parameter>"#,
        "",
    ),
    ("rewrite", r#"<rewrite-uri template="@("/r/" + V)" />"#, ""),
    ("rewrite-whole", r#"<rewrite-uri template="@(V)" />"#, ""),
    ("rewrite-query", r#"<rewrite-uri template="@("/r?a=" + V)" />"#, ""),
    ("base-url", r#"<set-backend-service base-url="@("BACKEND/base/" + V)" />"#, ""),
    ("method", r#"<set-method>@(V)</set-method>"#, ""),
    ("basic", r#"<authentication-basic username="@(V)" password="@(V)" />"#, ""),
    ("status", r#"<return-response><set-status code="200" reason="@(V)" /></return-response>"#, ""),
    (
        "return-header",
        r#"<return-response><set-header name="x-out"><value>@(V)</value></set-header></return-response>"#,
        "",
    ),
    (
        "return-name",
        r#"<return-response><set-header name="@(V)"><value>1</value></set-header></return-response>"#,
        "",
    ),
    (
        "redirect",
        r#"<return-response><set-status code="302" /><set-header name="Location"><value>@("https://app.test/?to=" + V)</value></set-header></return-response>"#,
        "",
    ),
    (
        "set-cookie",
        r#"<return-response><set-header name="Set-Cookie"><value>@("a=" + V + "; HttpOnly")</value></set-header></return-response>"#,
        "",
    ),
    (
        "type",
        r#"<return-response><set-header name="Content-Type"><value>@(V)</value></set-header><set-header name="Content-Length"><value>@(V)</value></set-header><set-body>@(V)</set-body></return-response>"#,
        "",
    ),
    ("out", "", r#"<set-header name="x-out"><value>@(V)</value></set-header>"#),
    (
        "out-framing",
        "",
        r#"<set-header name="Transfer-Encoding"><value>@(V)</value></set-header><set-header name="Content-Length"><value>@(V)</value></set-header>
        <set-header name="Connection"><value>@(V)</value></set-header><set-header name="Trailer"><value>@(V)</value></set-header>"#,
    ),
    ("out-status", "", r#"<set-status code="200" reason="@(V)" />"#),
    ("jsonp", "", r#"<jsonp callback-parameter-name="cb" />"#),
    (
        "cors-origin",
        r#"<cors allow-credentials="true"><allowed-origins><origin>@(V)</origin></allowed-origins><expose-headers><header>@(V)</header></expose-headers></cors>"#,
        "",
    ),
    (
        "send",
        r#"<send-request mode="copy" response-variable-name="r"><set-url>@("BACKEND/base/s?a=" + V)</set-url><set-method>GET</set-method>
        <set-header name="x-marker"><value>1</value></set-header><set-header name="x-in"><value>@(V)</value></set-header></send-request>"#,
        "",
    ),
    (
        "send-path",
        r#"<send-request mode="new" response-variable-name="r"><set-url>@("BACKEND/base/" + V)</set-url><set-method>GET</set-method>
        <set-header name="x-marker"><value>1</value></set-header></send-request>"#,
        "",
    ),
    (
        "send-name",
        r#"<send-request mode="new" response-variable-name="r"><set-url>BACKEND/base/s</set-url><set-method>GET</set-method>
        <set-header name="x-marker"><value>1</value></set-header><set-header name="@(V)"><value>1</value></set-header></send-request>"#,
        "",
    ),
    (
        "send-method",
        r#"<send-request mode="new" response-variable-name="r"><set-url>BACKEND/base/s</set-url><set-method>@(V)</set-method>
        <set-header name="x-marker"><value>1</value></set-header></send-request>"#,
        "",
    ),
    (
        "send-host",
        r#"<send-request mode="new" response-variable-name="r"><set-url>BACKEND/base/s</set-url><set-method>GET</set-method>
        <set-header name="Host"><value>@(V)</value></set-header><set-header name="x-marker"><value>1</value></set-header></send-request>"#,
        "",
    ),
    (
        "one-way",
        r#"<send-one-way-request mode="new"><set-url>@("BACKEND/base/o?a=" + V)</set-url><set-method>GET</set-method>
        <set-header name="x-marker"><value>1</value></set-header><set-header name="x-in"><value>@(V)</value></set-header></send-one-way-request>"#,
        "",
    ),
    (
        "log",
        r#"<trace source="it" severity="information"><message>@(V)</message><metadata name="m" value="@(V)" /></trace>
        <log-to-eventhub logger-id="audit" partition-key="@(V)">@(V)</log-to-eventhub>"#,
        "",
    ),
    (
        "metric",
        r#"<emit-metric name="it" value="1"><dimension name="v" value="@(V)" /></emit-metric>"#,
        "",
    ),
    (
        "header-check",
        r#"<check-header name="x-missing" failed-check-httpcode="403" failed-check-error-message="@(V)" />"#,
        "",
    ),
    ("cast", r#"<set-variable name="n" value="@(int.Parse(V))" />"#, ""),
    ("lookup", r#"<set-variable name="n" value="@((string)context.Variables[V])" />"#, ""),
];

/// What the client says: what ends lines, in every letter that some step may turn into one.
fn payloads() -> Vec<String> {
    let injected = "x-injected: yes";
    let mut all: Vec<String> = [
        "\r\n",
        "\n",
        "\r",
        "\r\r\n",
        "\n\r",
        "\0\r\n",
        "\u{b}",
        "\u{c}",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{10d}\u{10a}",
        "\u{560d}\u{560a}",
        "\u{ff0d}\u{ff0a}",
        "\u{240d}\u{240a}",
        "%0d%0a",
        "%0D%0A",
        "%0a",
        "%250d%250a",
        "%u000d%u000a",
        "%c0%8d%c0%8a",
        "%E5%98%8D%E5%98%8A",
        "\\r\\n",
        "&#13;&#10;",
        "\r\n ",
        "\r\n\t",
        " \r\n",
        "\u{7f}\r\n",
        "\u{1b}[2K\r",
        "\u{8d}\u{8a}",
        "é\r\n",
        "\u{feff}\r\n",
        "😀\n",
    ]
    .iter()
    .map(|end| format!("a{end}{injected}"))
    .collect();
    for whole in [
        "",
        " ",
        "\t",
        "\0",
        "\u{7f}",
        "é",
        "日本",
        "a\0b",
        "\"",
        "';--",
        "a b",
        "a#b",
        "a?b=c&d",
        "a;b",
        "\\",
        "{",
        "<",
        "//injected/x",
        "..",
        "../../injected",
        "/injected",
        "a\r\n\r\nGET /base/injected HTTP/1.1\r\nHost: a\r\nx-marker: 1\r\n\r\n",
        "a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nx-injected: yes\r\n\r\n",
        "a HTTP/1.1\r\nx-injected: yes\r\nx: ",
        "chunked",
        "0",
        "5",
        "close",
        "100-continue",
        "x-injected: yes",
        "x-injected",
        ":authority",
        "x y",
        "application/json\r\nx-injected: yes",
        "it} 1\ninjected_metric 1",
        "\"} 1\ninjected_metric{a=\"",
        "{\"level\":\"INFO\"}\n{\"x-injected\":1}",
    ] {
        all.push(whole.to_owned());
    }
    all.push("x".repeat(60_000));
    all
}

async fn start(events: &str) -> (Strict, Gateway) {
    let (backend, address) = Strict::start().await;
    let mut config = format!(
        "[timeouts]\nkeep-alive = \"300ms\"\nbackend-first-byte = \"2s\"\npolicy-request = \"2s\"\n\
         [loggers.audit]\nkind = \"file\"\npath = \"{events}\"\n[backends.strict]\nurl = \"http://{address}/base\"\n"
    );
    let mut directory = Directory::new("");
    // Nothing here depends on how text is decoded: a body in JSON says any text at all.
    let said = "((string)context.Request.Body.As<JObject>(preserveContent: true)[\"v\"])";
    for (name, inbound, outbound) in SINKS {
        write!(
            config,
            "[apis.{name}]\npath = \"{name}\"\nbackend = \"strict\"\nsubscription = \"optional\"\n"
        )
        .expect("text");
        let [inbound, outbound] = [inbound, outbound].map(|it| {
            it.replace("BACKEND", &format!("http://{address}"))
                .replace("(V", &format!("({said}"))
                .replace("+ V", &format!("+ {said}"))
                .replace("[V]", &format!("[{said}]"))
        });
        let policy = format!(
            "<policies><inbound>{inbound}<set-header name=\"x-marker\"><value>1</value></set-header></inbound>\
             <backend><forward-request /></backend><outbound>{outbound}</outbound>\
             <on-error><set-header name=\"x-message\"><value>@(context.LastError.Message)</value></set-header>\
             <set-header name=\"x-said\"><value>@{said}</value></set-header></on-error></policies>"
        );
        directory = directory.api(name, &policy);
    }
    directory.configure(&config);
    (backend, directory.start())
}

/// One answer, and nothing but: its status and the names of its headers.
fn answer(bytes: &[u8]) -> Result<(u16, Vec<String>), String> {
    let wrong = |what: &str| {
        format!("{what}: {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(800)]))
    };
    let end =
        bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| wrong("no head"))?;
    let mut lines = Vec::new();
    let mut rest = &bytes[..end];
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    if bytes[..end]
        .iter()
        .any(|byte| matches!(byte, 0 | 0x7f) || (*byte < b' ' && !b"\r\n\t".contains(byte)))
    {
        return Err(wrong("a control character"));
    }
    if lines.iter().any(|line| line.contains(&b'\r') || line.contains(&b'\n')) {
        return Err(wrong("a line within a line"));
    }
    let first = String::from_utf8_lossy(lines[0]).into_owned();
    let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| wrong("no status"))?;
    let mut names = Vec::new();
    let mut length = None;
    for line in &lines[1..] {
        let line = String::from_utf8_lossy(line).into_owned();
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("no header"))?;
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>().map_err(|_| wrong("an odd length"))?);
        }
        names.push(name.to_ascii_lowercase());
    }
    if names.iter().any(|name| name == "transfer-encoding") {
        return Err(wrong("a coding"));
    }
    match length {
        Some(length) if bytes.len() == end + 4 + length => Ok((status, names)),
        _ => Err(wrong("more or less than was said")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_a_client_says_becomes_a_line() {
    let began = Instant::now();
    let folder = tempfile::tempdir().expect("a folder");
    let events = folder.path().join("events.jsonl");
    let (backend, gateway) = start(&events.to_string_lossy()).await;
    let payloads = payloads();
    let inputs: Vec<(&str, &String)> = SINKS
        .iter()
        .flat_map(|(sink, ..)| payloads.iter().map(move |payload| (*sink, payload)))
        .collect();
    let sending = inputs.iter().map(async |(sink, payload)| {
        let body = json!({ "v": payload }).to_string();
        let said = percent(&payload.as_bytes()[..payload.len().min(2_000)]);
        let request = format!(
            "POST /{sink}/x?cb={said} HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(gateway.http).await.expect("a connection");
        talk(&mut stream, request.as_bytes()).await
    });
    let answers: Vec<Vec<u8>> = futures::stream::iter(sending).buffered(48).collect().await;
    let (mut wrong, mut n_refused) = (Vec::new(), 0);
    for ((sink, payload), bytes) in inputs.iter().zip(&answers) {
        match answer(bytes) {
            Ok((status, names)) => {
                n_refused += usize::from(status >= 400);
                // Whoever lets a client name a header has let it.
                let is_named = sink.ends_with("name") && *payload == "x-injected";
                if names.iter().any(|name| name == "x-injected") && !is_named {
                    wrong.push(format!("{sink}: {payload:?} became a header of the answer"));
                }
            }
            Err(why) => wrong.push(format!(
                "{sink}: {:?}: {why}",
                &payload.chars().take(80).collect::<String>()
            )),
        }
    }
    let seen = backend.take();
    assert!(
        seen.violations.is_empty(),
        "{}",
        seen.violations.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
    for (head, _) in &seen.requests {
        let is_named = target(head).starts_with("/base/s") || values(head, "x-injected") == ["1"];
        if !values(head, "x-injected").is_empty() && !is_named {
            wrong.push(format!("a header at the backend: {head:?}"));
        }
        // A URL that a policy calls is read as .NET reads it, which resolves dot segments.
        let is_below =
            target(head).starts_with("/base") || values(head, "user-agent") == ["tollgate"];
        if !is_below || !target(head).bytes().all(|byte| byte.is_ascii_graphic()) {
            wrong.push(format!("another target: {head:?}"));
        }
    }
    let metrics = gateway.admin("/metrics").await.expect(200).text();
    wrong.extend(metrics.lines().filter(|line| line.starts_with("injected")).map(str::to_owned));
    let said = gateway.log().into_iter().filter(|line| line.contains("injected"));
    wrong.extend(said.filter(|line| serde_json::from_str::<Value>(line).is_err()));
    let events = std::fs::read_to_string(&events).unwrap_or_default();
    assert!(events.lines().count() > 10, "no events");
    wrong.extend(
        events
            .lines()
            .filter(|line| serde_json::from_str::<Value>(line).is_err())
            .map(str::to_owned),
    );
    assert!(
        wrong.is_empty(),
        "{} times:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(seen.requests.len() > inputs.len() / 4 && n_refused > inputs.len() / 20);
    let more = format!(
        "{} places, {n_refused} refused, {} calls of backends in order",
        SINKS.len(),
        seen.requests.len()
    );
    tell("header injection", inputs.len(), began, &more);
}
