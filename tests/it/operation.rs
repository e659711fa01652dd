//! What somebody who operates the gateway sees: probes, metrics, status, access lines, traces.

use serde_json::Value;

use crate::harness::{Answer, Call, Connection, Directory, Gateway, azure, find};

fn start(echo: &str, more: &str) -> Gateway {
    let config = format!(
        "{more}[backends.echo]\nurl = \"{echo}/echo\"\n\
         [apis.orders]\npath = \"orders\"\nbackend = \"echo\"\n\
         [apis.orders.operations.get-order]\nmethod = \"GET\"\nurl-template = \"/{{id}}\"\n\
         [subscriptions.shop]\nkeys = [{{ value = \"key-of-the-shop\", development = true }}]\nall-apis = true\n"
    );
    Directory::new(&config).start()
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_on_both_sides() {
    let azure = azure().await;
    let gateway = start(azure.echo.server().url(), "");
    for path in ["/status-0123456789abcdef", "/status-012345678990abcdef"] {
        assert_eq!(gateway.send(Call::get(path)).await.expect(200).text(), "");
    }
    for path in ["/health/live", "/health/ready", "/metrics", "/status"] {
        gateway.admin(path).await.expect(200);
        // The data listener has no admin surface, and the admin listener no APIs.
        gateway.send(Call::get(path)).await.expect(404);
    }
    gateway.admin("/orders/1").await.expect(404);
    let mut connection = Connection::to(gateway.admin).await;
    connection.send(Call::post("/status", "x")).await.expect("an answer").expect(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_leaves_a_line_and_counts() {
    let azure = azure().await;
    let gateway = start(azure.echo.server().url(), "");
    let call = |path: &str| Call::get(path).header("api-key", "key-of-the-shop");
    gateway.send(call("/orders/1?secret=in-the-query")).await.expect(200);
    let line = gateway.access("/orders/1").await;
    let is =
        |key: &str, value: &Value| assert_eq!(find(&line, key), Some(value), "{key} of {line}");
    is("api", &"orders".into());
    is("operation", &"get-order".into());
    is("subscription", &"shop".into());
    is("status", &200.into());
    is("backend", &"echo".into());
    is("backend_status", &200.into());
    is("client_ip", &"127.0.0.1".into());
    for key in ["request_id", "total_ms", "backend_ms", "bytes_out"] {
        assert!(find(&line, key).is_some_and(|value| !value.is_null()), "{key} of {line}");
    }
    assert_eq!(gateway.count_log(|line| line.contains("in-the-query")), 0);

    gateway.send(Call::get("/orders/2")).await.expect(401);
    let line = gateway.access("/orders/2").await;
    assert_eq!(find(&line, "error_reason"), Some(&"SubscriptionKeyNotFound".into()), "{line}");
    gateway.send(call("/nothing")).await.expect(404);

    let metrics = gateway.admin("/metrics").await.expect(200);
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    let text = metrics.text();
    for line in [
        r#"tollgate_requests_total{api="orders",operation="get-order",status="2xx"} 1"#,
        r#"tollgate_requests_total{api="orders",operation="get-order",status="4xx"} 1"#,
        r#"tollgate_backend_duration_seconds_count{api="orders",operation="get-order"} 1"#,
        "tollgate_snapshot_generation 1",
    ] {
        assert!(text.lines().any(|known| known == line), "no `{line}` in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_expression_is_placed() {
    let policy = r#"<policies>
  <inbound>
    <return-response>
      <set-status code="200" />
      <set-body>@{
        var id = context.Request.MatchedParameters["id"];
        return int.Parse(id).ToString();
      }</set-body>
    </return-response>
  </inbound>
  <on-error>
    <return-response>
      <set-status code="500" />
      <set-body>@(context.LastError.Message + "|" + context.LastError.Path)</set-body>
    </return-response>
  </on-error>
</policies>"#;
    let config = r#"[apis.orders]
path = "orders"
subscription = "optional"
[apis.orders.operations.get-order]
method = "GET"
url-template = "/{id}"
"#;
    let gateway = Directory::new(config).api("orders", policy).start();
    assert_eq!(gateway.send(Call::get("/orders/7")).await.expect(200).text(), "7");
    // The client reads what the policy says; type and place are the operator's.
    let answer = gateway.send(Call::get("/orders/seven")).await.expect(500).text();
    assert_eq!(
        answer,
        "Expression evaluation failed. Input string was not in a correct format.|return-response[1]\\set-body[1]"
    );
    let line = gateway.access("/orders/seven").await;
    let detail = find(&line, "error_detail").and_then(Value::as_str).unwrap_or_default();
    assert_eq!(detail, "System.FormatException at apis/orders/policy.xml:7:20", "{line}");
}

/// Ids of trace and span of what the backend got.
async fn traced(
    gateway: &Gateway,
    azure: &tollgate_emulator::Running,
    sent: Option<&str>,
) -> (String, String) {
    let mut call = Call::get("/orders/1").header("api-key", "key-of-the-shop");
    if let Some(sent) = sent {
        call = call.header("traceparent", sent).header("tracestate", "vendor=1");
    }
    gateway.send(call).await.expect(200);
    let received = azure.echo.server().received().pop().expect("a request");
    let parent = received.header("traceparent").expect("a traceparent").to_owned();
    let parts: Vec<&str> = parent.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else { panic!("{parent}") };
    assert_eq!((*version, trace.len(), span.len(), flags.len()), ("00", 32, 16, 2), "{parent}");
    ((*trace).to_owned(), (*span).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_continued_or_begun() {
    let azure = azure().await;
    let gateway = start(azure.echo.server().url(), "");
    let (first, _) = traced(&gateway, &azure, None).await;
    let (second, _) = traced(&gateway, &azure, None).await;
    assert_ne!(first, second);
    let (id, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let (trace, own) = traced(&gateway, &azure, Some(&format!("00-{id}-{span}-01"))).await;
    assert_eq!(trace, id);
    assert_ne!(own, span);
    let (trace, _) = traced(&gateway, &azure, Some(&format!("00-{id}-nonsense-01"))).await;
    assert_ne!(trace, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_needs_the_admin_key_where_there_is_one() {
    let azure = azure().await;
    let key = "[admin]\nkey = { value = \"key-of-the-operator\", development = true }\n";
    let gateway = start(azure.echo.server().url(), key);
    let status = async |authorization: &str| -> Answer {
        let mut connection = Connection::to(gateway.admin).await;
        let host = gateway.admin.to_string();
        let call =
            Call::get("/status").header("host", &host).header("authorization", authorization);
        connection.send(call).await.expect("an answer")
    };
    gateway.admin("/status").await.expect(401);
    status("Bearer wrong").await.expect(401);
    status("Bearer key-of-the-operato").await.expect(401);
    let told = status("Bearer key-of-the-operator").await.expect(200).json();
    assert_eq!(told["snapshot"]["generation"], 1);
    gateway.admin("/health/ready").await.expect(200);
    gateway.admin("/metrics").await.expect(200);
    assert_eq!(gateway.count_log(|line| line.contains("key-of-the-operator")), 0);
}

#[tokio::test]
async fn a_server_that_is_away_at_the_start_is_named_in_the_log() {
    let gateway = Directory::new("[redis]\nurl = \"redis://127.0.0.1:9\"\n").start();
    let line = gateway.logged(|line| line.contains("the Redis server cannot be reached")).await;
    assert!(line.contains("127.0.0.1:9"), "{line}");
}
