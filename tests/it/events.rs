//! What policies tell about requests: lines of the log, metrics, events.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Answer, Call, Directory, Gateway, azure, find, until};

const POLICY: &str = r#"<policies>
    <inbound>
        <base />
        <trace source="shop" severity="information">
            <message>@("ordered by " + context.Request.Headers.GetValueOrDefault("x-by", "nobody"))</message>
            <metadata name="tenant" value="{{tenant}}" />
        </trace>
        <trace source="shop"><message>not written at this level</message></trace>
        <trace source="older" severity="error">
            @("an older form by " + context.Request.Headers.GetValueOrDefault("x-by", "nobody"))
        </trace>
        <emit-metric name="Orders" namespace="Shop" value="2.5">
            <dimension name="API ID" />
            <dimension name="By" value="@(context.Request.Headers.GetValueOrDefault("x-by", "nobody"))" />
        </emit-metric>
        <emit-metric name="known">
            <dimension name="API ID" /><dimension name="Operation ID" /><dimension name="Product ID" /><dimension name="User ID" />
            <dimension name="Subscription ID" /><dimension name="Location" /><dimension name="Gateway ID" /><dimension name="Backend ID" />
        </emit-metric>
        <emit-metric name="below" value="@(-1.5)"><dimension name="API ID" /></emit-metric>
        <log-to-eventhub logger-id="lines" partition-key="k">@("event of " + context.Request.Headers.GetValueOrDefault("x-by", "nobody"))</log-to-eventhub>
        <log-to-eventhub logger-id="posted">posted</log-to-eventhub>
        <log-to-eventhub logger-id="collected">collected</log-to-eventhub>
        <return-response />
    </inbound>
</policies>"#;

fn start(echo: &str, lines: &Path) -> Gateway {
    let config = format!(
        "[named-values]\ntenant = {{ value = \"hunter22\", development = true, secret = true }}\n\
         [loggers.lines]\nkind = \"file\"\npath = \"{}\"\nmax-bytes = \"1 MiB\"\nmax-files = 2\n\
         [loggers.posted]\nkind = \"http\"\nurl = \"{echo}/echo/events\"\n\
         headers = {{ x-key = {{ value = \"key of the server\", development = true }} }}\n\
         [loggers.collected]\nkind = \"otlp\"\nurl = \"{echo}\"\n\
         [apis.orders]\npath = \"orders\"\nsubscription = \"optional\"\n",
        lines.display()
    );
    Directory::new(&config).api("orders", POLICY).start()
}

async fn order(gateway: &Gateway, by: &str) -> Answer {
    gateway.send(Call::get("/orders").header("x-by", by)).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_lines_of_the_log() {
    let azure = azure().await;
    let gateway = start(azure.echo.server().url(), Path::new("/dev/null"));
    order(&gateway, "ann \"x\"").await;
    let line = gateway.logged(|line| line.contains("ordered by")).await;
    let line: Value = serde_json::from_str(&line).expect("a JSON log line");
    let is = |key: &str, value: &str| {
        assert_eq!(find(&line, key).and_then(Value::as_str), Some(value), "{key} of {line}");
    };
    is("level", "INFO");
    is("source", "shop");
    is("api", "orders");
    is("metadata", r#"{"tenant":"***"}"#);
    let line = gateway.logged(|line| line.contains("an older form by ann")).await;
    assert!(line.contains("ERROR") && line.contains("older"), "{line}");
    assert_eq!(
        gateway.count_log(|line| line.contains("not written") || line.contains("hunter22")),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_policies_are_read_by_prometheus() {
    let azure = azure().await;
    let gateway = start(azure.echo.server().url(), Path::new("/dev/null"));
    order(&gateway, "ann").await;
    order(&gateway, "ann").await;
    order(&gateway, "bob").await;
    let metrics = gateway.admin("/metrics").await.expect(200).text();
    for line in [
        r#"tollgate_custom_orders_total{namespace="Shop",api_id="orders",by="ann"} 5.0"#,
        r#"tollgate_emitted_orders_total{namespace="Shop",api_id="orders",by="ann"} 2"#,
        r#"tollgate_custom_orders_total{namespace="Shop",api_id="orders",by="bob"} 2.5"#,
        r#"tollgate_custom_known_total{namespace="API Management",api_id="orders",backend_id="",gateway_id="managed",location="",operation_id="",product_id="",subscription_id="",user_id=""} 3.0"#,
        r#"tollgate_emitted_below_total{namespace="API Management",api_id="orders"} 3"#,
        r#"tollgate_custom_below_total{namespace="API Management",api_id="orders"} 0.0"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "no `{line}` in:\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_files_servers_and_collectors() {
    let azure = azure().await;
    let folder = tempfile::tempdir().expect("a folder for events");
    let path = folder.path().join("events.jsonl");
    let mut gateway = start(azure.echo.server().url(), &path);
    order(&gateway, "ann").await;
    gateway.reload().await;
    order(&gateway, "bob").await;
    let lines = until("both lines are written", async || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        (text.lines().count() == 2).then_some(text)
    });
    let lines = lines.await;
    assert!(lines.contains(r#""partition_key":"k","body":"event of ann"}"#), "{lines}");
    // What is on its way when the gateway stops still leaves.
    order(&gateway, "eve").await;
    gateway.signal("TERM");
    gateway.ended().await;
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default().lines().count(), 3);
    let received = azure.echo.server().received();
    let of = |path: &str| {
        let at = received.iter().filter(|request| request.path == path);
        at.map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect::<String>()
    };
    assert_eq!(of("/echo/events").lines().count(), 3, "{received:?}");
    assert_eq!(of("/v1/logs").matches(r#""body":{"stringValue":"collected"}"#).count(), 3);
    let keyed = received.iter().filter(|request| request.path == "/echo/events");
    for request in keyed {
        assert!(
            request
                .headers
                .iter()
                .any(|(name, value)| name == "x-key" && value == "key of the server")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_events_are_cut() {
    let folder = tempfile::tempdir().expect("a folder for events");
    let path = folder.path().join("events.jsonl");
    let config = format!(
        "[loggers.lines]\nkind = \"file\"\npath = \"{}\"\n\
         [apis.long]\npath = \"long\"\nsubscription = \"optional\"\n",
        path.display()
    );
    let policy = r#"<policies><inbound>
        <log-to-eventhub logger-id="lines" partition-id="3">@("x" + new string('é', 150000))</log-to-eventhub>
        <return-response /></inbound></policies>"#;
    let gateway = Directory::new(&config).api("long", policy).start();
    gateway.send(Call::get("/long")).await.expect(200);
    let line = until("the line is written", async || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.ends_with('\n').then_some(text)
    });
    let line: Value = serde_json::from_str(&line.await).expect("a line of JSON");
    let body = line["body"].as_str().expect("a text");
    // A character that would be cut in two is left out.
    assert_eq!((body.len(), body.ends_with('é')), (200 * 1024 - 1, true));
    assert_eq!(line["partition_id"], "3");
}
