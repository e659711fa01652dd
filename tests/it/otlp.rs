//! Metrics and traces for a collector of OpenTelemetry, in front of one that can be away, slow, busy and particular.

pub(crate) mod collector;

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;
use tollgate_emulator::Running;

use crate::harness::{Call, Directory, Gateway, azure, until};
use collector::{Collector, Reply, attribute, children, shown};

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

const POLICY: &str = r#"<policies>
    <inbound>
        <base />
        <llm-emit-token-metric namespace="Teams"><dimension name="API ID" /></llm-emit-token-metric>
        <choose><when condition="@(context.Request.Headers.ContainsKey("x-ask"))">
            <send-request mode="new" response-variable-name="asked">
                <set-url>{{echo}}/echo/asked?code={{secret}}&amp;plain</set-url>
                <set-method>GET</set-method>
            </send-request>
        </when></choose>
    </inbound>
    <backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error>
</policies>"#;

const RETRYING: &str = r#"<policies><inbound><base /></inbound>
    <backend><retry condition="@(context.Response.StatusCode == 503)" count="2" interval="0"><forward-request /></retry></backend>
    <outbound><base /></outbound><on-error><base /></on-error></policies>"#;

fn start(azure: &Running, collector: &str, more: &str) -> Gateway {
    let echo = azure.echo.server().url();
    let config = format!(
        "[otlp]\nendpoint = \"{collector}\"\nservice-name = \"front\"\n\
         headers = {{ x-key = {{ value = \"key of the collector\", development = true }} }}\n\
         attributes = {{ \"deployment.environment.name\" = \"test\" }}\n{more}\n\
         [named-values]\necho = \"{echo}\"\nsecret = {{ value = \"hunter22\", development = true, secret = true }}\n\
         [backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [backends.status]\nurl = \"{echo}/status\"\n[backends.echo]\nurl = \"{echo}/echo\"\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n\
         [apis.openai.operations.chat]\nmethod = \"POST\"\nurl-template = \"/deployments/{{id}}/chat/completions\"\n\
         [apis.status]\npath = \"status\"\nbackend = \"status\"\nsubscription = \"optional\"\n\
         [apis.echo]\npath = \"echo\"\nbackend = \"echo\"\nsubscription = \"optional\"\n",
        azure.openai.base(),
        azure.openai.key(),
    );
    let directory = Directory::new(&config).api("openai", POLICY).api("status", RETRYING);
    directory.start()
}

fn chat(stream: bool) -> Call {
    let body = json!({"messages": [{"role": "user", "content": "hello"}], "stream": stream});
    Call::json(&format!("{CHAT}?api-version=2024-10-21&secret=hunter22"), &body)
}

/// The span of a kind below another one.
fn only(mut spans: Vec<Span>) -> Span {
    assert_eq!(spans.len(), 1, "{spans:#?}");
    spans.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_traced_with_all_its_calls() {
    let (azure, collector) = (azure().await, Collector::start().await);
    let gateway = start(&azure, collector.url(), "");
    for stream in [false, true] {
        let call = chat(stream).header("traceparent", PARENT).header("x-ask", "1");
        let call = call.header("user-agent", "it hunter22");
        gateway.send(call).await.expect(200);
    }
    let spans = collector.spans(6).await;
    let servers = children(&spans, "00f067aa0ba902b7");
    assert_eq!(servers.len(), 2);
    for server in &servers {
        assert_eq!(shown(&server.trace_id), TRACE);
        assert_eq!(server.name, "POST /openai/deployments/{id}/chat/completions");
        for (key, value) in [
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("http.route", "/openai/deployments/{id}/chat/completions"),
            ("url.path", CHAT),
            ("url.query", "api-version=REDACTED&secret=REDACTED"),
            ("user_agent.original", "it ***"),
            ("client.address", "127.0.0.1"),
            ("tollgate.api.id", "openai"),
            ("tollgate.operation.id", "chat"),
        ] {
            assert_eq!(attribute(&server.attributes, key), value, "{key}");
        }
        let calls = children(&spans, &shown(&server.span_id));
        assert_eq!(calls.len(), 2, "{calls:#?}");
        let asked = only(calls.iter().filter(|it| it.name == "GET").cloned().collect());
        let url = format!("{}/echo/asked?code=REDACTED&REDACTED", azure.echo.server().url());
        assert_eq!(attribute(&asked.attributes, "url.full"), url);
        let model = only(calls.iter().filter(|it| it.name == "chat gpt-4o").cloned().collect());
        for (key, value) in [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "azure.ai.openai"),
            ("gen_ai.request.model", "gpt-4o"),
            ("gen_ai.response.model", "gpt-4o-2024-11-20"),
            ("gen_ai.response.finish_reasons", "stop"),
            ("gen_ai.usage.input_tokens", "7"),
            ("gen_ai.usage.output_tokens", "9"),
            ("http.response.status_code", "200"),
            ("tollgate.backend.id", "openai"),
        ] {
            assert_eq!(attribute(&model.attributes, key), value, "{key}");
        }
        assert!(model.end_time_unix_nano >= model.start_time_unix_nano);
    }
    let said = format!("{:?}", collector.traces());
    assert!(!said.contains("hunter22"), "{said}");
    let resource = collector.traces()[0].resource_spans[0].resource.clone().expect("a resource");
    assert_eq!(attribute(&resource.attributes, "service.name"), "front");
    assert_eq!(attribute(&resource.attributes, "deployment.environment.name"), "test");
    assert!(!attribute(&resource.attributes, "service.instance.id").is_empty());
    assert!(collector.headers().iter().all(|headers| {
        headers["x-key"] == "key of the collector"
            && headers["content-type"] == "application/x-protobuf"
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_continue_the_trace_below_their_own_span() {
    let (azure, collector) = (azure().await, Collector::start().await);
    let gateway = start(&azure, collector.url(), "sampling-ratio = 0");
    gateway.send(Call::get("/echo/sampled").header("traceparent", PARENT)).await.expect(200);
    let unsampled = PARENT.replace("e4736-00f067aa0ba902b7-01", "e4737-00f067aa0ba902b7-00");
    gateway.send(Call::get("/echo/unsampled").header("traceparent", &unsampled)).await.expect(200);
    gateway.send(Call::get("/echo/own")).await.expect(200);
    let spans = collector.spans(2).await;
    let server = only(children(&spans, "00f067aa0ba902b7"));
    let client = only(children(&spans, &shown(&server.span_id)));
    let received = azure.echo.server().received();
    let sent = |path: &str| {
        let call = received.iter().find(|call| call.path == path).expect("the call");
        let header = call.headers.iter().find(|(name, _)| name == "traceparent");
        header.expect("a traceparent").1.clone()
    };
    assert_eq!(sent("/echo/sampled"), format!("00-{TRACE}-{}-01", shown(&client.span_id)));
    let passed = sent("/echo/unsampled");
    assert!(passed.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4737-") && passed.ends_with("-00"));
    assert!(sent("/echo/own").ends_with("-00"), "the gateway does not sample what begins here");
    assert_eq!(collector.all_spans().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_has_a_span() {
    let (azure, collector) = (azure().await, Collector::start().await);
    let gateway = start(&azure, collector.url(), "");
    gateway.send(Call::get("/status/503").header("traceparent", PARENT)).await.expect(503);
    let spans = collector.spans(4).await;
    let server = only(children(&spans, "00f067aa0ba902b7"));
    assert_eq!(server.status.as_ref().map(|status| status.code), Some(2), "an error");
    let attempts = children(&spans, &shown(&server.span_id));
    let mut resent: Vec<String> = attempts
        .iter()
        .map(|it| {
            assert_eq!(attribute(&it.attributes, "error.type"), "503");
            attribute(&it.attributes, "http.request.resend_count")
        })
        .collect();
    resent.sort();
    assert_eq!(resent, ["", "1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_sent_under_all_their_names() {
    let (azure, collector) = (azure().await, Collector::start().await);
    let gateway = start(&azure, collector.url(), "traces = false\ninterval = \"1s\"");
    gateway.send(chat(false)).await.expect(200);
    gateway.send(chat(true)).await.expect(200);
    let wanted = |name: &str, labels: &[&str], value: &str| {
        let found = collector.points(name);
        let fits = |line: &&String| {
            labels.iter().all(|label| line.contains(label)) && line.ends_with(value)
        };
        found.iter().find(fits).cloned()
    };
    for (name, labels, value) in [
        ("Total Tokens", ["namespace=Teams", "API ID=openai"].as_slice(), " 32"),
        ("Prompt Tokens", &["namespace=Teams"], " 14"),
        ("Completion Tokens", &["namespace=Teams"], " 18"),
        ("gen_ai.client.token.usage", &["gen_ai.token.type=input", "API ID=openai"], " n=2 14"),
        (
            "gen_ai.client.token.usage",
            &["gen_ai.token.type=output", "gen_ai.request.model=gpt-4o"],
            " n=2 18",
        ),
        ("tollgate_requests", &["api=openai", "operation=chat", "status=2xx"], " 2"),
    ] {
        until(&format!("{name} {labels:?}"), async || wanted(name, labels, value)).await;
    }
    assert!(collector.traces().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_cannot_take_now_is_sent_again() {
    let (azure, collector) = (azure().await, Collector::start().await);
    collector.reply([
        Reply::status(503),
        Reply::status(429).header("retry-after", "1"),
        Reply::rejecting(1, "one is too old"),
    ]);
    let gateway = start(&azure, collector.url(), "metrics = false");
    gateway.send(Call::get("/echo/one")).await.expect(200);
    until("three tries", async || (collector.traces().len() == 3).then_some(())).await;
    let first = collector.traces()[0].clone();
    assert!(collector.traces().iter().all(|it| *it == first), "it is the same each time");
    let metric = |line: &'static str| async move {
        until(line, async || {
            let text = gateway.admin("/metrics").await.text();
            text.lines().any(|found| found == line).then_some(())
        })
        .await;
        gateway
    };
    let gateway =
        metric(r#"tollgate_otlp_items_dropped_total{signal="traces",reason="rejected"} 1"#).await;
    let metrics = gateway.admin("/metrics").await.text();
    assert!(metrics.contains("tollgate_otlp_items_sent_total{signal=\"traces\"} 1"), "{metrics}");
    gateway.logged(|line| line.contains("one is too old")).await;
    // What it will never take is not sent again.
    collector.reply([Reply::status(400)]);
    gateway.send(Call::get("/echo/two")).await.expect(200);
    let dropped = r#"tollgate_otlp_items_dropped_total{signal="traces",reason="failed"} 2"#;
    until(dropped, async || {
        gateway.admin("/metrics").await.text().lines().any(|it| it == dropped).then_some(())
    })
    .await;
    assert_eq!(collector.traces().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_do_not_suffer_from_a_collector_that_is_away_or_hangs() {
    let azure = azure().await;
    let hanging = Collector::start().await;
    hanging.reply([Reply::after(Duration::from_mins(1)), Reply::after(Duration::from_mins(1))]);
    for url in ["http://127.0.0.1:9", hanging.url()] {
        let mut gateway = start(&azure, url, "timeout = \"1s\"");
        let begun = Instant::now();
        for n in 0..50 {
            gateway.send(Call::get(&format!("/echo/{n}"))).await.expect(200);
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        gateway.signal("TERM");
        let begun = Instant::now();
        gateway.ended().await;
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
        gateway.logged(|line| line.contains("telemetry")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_when_the_gateway_stops() {
    let (azure, collector) = (azure().await, Collector::start().await);
    let mut gateway = start(&azure, collector.url(), "");
    gateway.send(Call::get("/echo/last")).await.expect(200);
    gateway.signal("TERM");
    gateway.ended().await;
    assert_eq!(collector.all_spans().len(), 2);
    let requests = collector.points("tollgate_requests");
    assert!(requests.iter().any(|line| line.contains("api=echo") && line.ends_with(" 1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_can_be_changed_while_requests_are_served() {
    let (azure, first) = (azure().await, Collector::start().await);
    let second = Collector::start().await;
    let gateway = start(&azure, first.url(), "");
    gateway.send(Call::get("/echo/first")).await.expect(200);
    let config = std::fs::read_to_string(gateway.directory.path().join("tollgate.toml"));
    let config = config.expect("tollgate.toml").replace(first.url(), second.url());
    gateway.directory.configure(&config);
    gateway.reload().await;
    gateway.send(Call::get("/echo/second")).await.expect(200);
    first.spans(2).await;
    second.spans(2).await;
    gateway.directory.configure(&config.replace("[otlp]", "[otlp]\ntraces = false"));
    gateway.reload().await;
    gateway.send(Call::get("/echo/third")).await.expect(200);
    let received = azure.echo.server().received();
    let third = received.iter().find(|call| call.path == "/echo/third").expect("the call");
    let header = third.headers.iter().find(|(name, _)| name == "traceparent").expect("a header");
    assert!(header.1.ends_with("-01"), "as without a collector");
}

#[test]
fn settings_that_cannot_be_are_said() {
    let config = "[otlp]\nservice-name = \"front\"\nsampling-ratio = \"1.5\"\n\
                  [apis.a]\npath = \"a\"\nsubscription = \"optional\"\n";
    let policy = "<policies><inbound><return-response /></inbound></policies>";
    let checked = Directory::new(config).api("a", policy).check();
    let found = String::from_utf8_lossy(&checked.stderr).into_owned();
    for wanted in ["`otlp` needs an `endpoint`", "expected a number from 0 to 1"] {
        assert!(found.contains(wanted), "{found}");
    }
}
