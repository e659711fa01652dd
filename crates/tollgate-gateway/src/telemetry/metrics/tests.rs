use super::*;

fn check(metrics: &Metrics, line: &str) {
    let text = metrics.encode().unwrap();
    assert!(text.lines().any(|found| found == line), "no `{line}` in:\n{text}");
}

#[test]
fn requests_are_counted_by_operation_and_class() {
    let metrics = Metrics::new();
    let chat = metrics.operation("openai", Some("chat"));
    chat.ended(200, Duration::from_millis(7), Some(Duration::from_millis(6)));
    chat.ended(429, Duration::from_millis(1), None);
    metrics.operation("openai", Some("chat")).ended(0, Duration::from_secs(400), None);
    check(&metrics, r#"tollgate_requests_total{api="openai",operation="chat",status="2xx"} 1"#);
    check(&metrics, r#"tollgate_requests_total{api="openai",operation="chat",status="4xx"} 1"#);
    check(&metrics, r#"tollgate_requests_total{api="openai",operation="chat",status="none"} 1"#);
    check(
        &metrics,
        r#"tollgate_request_duration_seconds_bucket{le="0.005",api="openai",operation="chat"} 1"#,
    );
    check(&metrics, r#"tollgate_request_duration_seconds_count{api="openai",operation="chat"} 3"#);
    check(&metrics, r#"tollgate_backend_duration_seconds_count{api="openai",operation="chat"} 1"#);
}

#[test]
fn caches_are_counted_where_there_are_any() {
    let metrics = Metrics::new();
    let chat = metrics.operation("openai", Some("chat"));
    chat.ended(200, Duration::ZERO, None);
    assert!(!metrics.encode().unwrap().contains("cache_lookups_total{"));
    chat.looked_up(CacheStatus::Hit);
    check(
        &metrics,
        r#"tollgate_cache_lookups_total{api="openai",operation="chat",result="hit"} 1"#,
    );
}

#[test]
fn names_are_bounded() {
    let metrics = Metrics::new();
    for n in 0..MAX_OPERATIONS + 50 {
        metrics.operation(&format!("api{n}"), None).ended(200, Duration::ZERO, None);
    }
    let known = metrics.operations.load();
    assert_eq!(known.values().map(|of_api| of_api.len()).sum::<usize>(), MAX_OPERATIONS + 1);
    check(&metrics, r#"tollgate_requests_total{api="other",operation="other",status="2xx"} 50"#);
}

#[test]
fn gauges_follow_their_guards() {
    let metrics = Metrics::new();
    let (one, two) = (metrics.request_begins(), metrics.request_begins());
    drop(one);
    check(&metrics, "tollgate_requests_in_flight 1");
    drop(two);
    check(&metrics, "tollgate_requests_in_flight 0");
    drop(metrics.connection_opens());
    check(&metrics, "tollgate_connections 0");
    check(&metrics, "tollgate_connections_accepted_total 1");
}

#[test]
fn failures_are_there_before_they_happen() {
    let metrics = Metrics::new();
    check(&metrics, r#"tollgate_token_fetches_total{result="failed"} 0"#);
    check(&metrics, r#"tollgate_key_fetches_total{result="failed"} 0"#);
    metrics.reloaded(Some((7, 1_700_000_000)));
    metrics.reloaded(None);
    check(&metrics, r#"tollgate_reloads_total{result="failed"} 1"#);
    check(&metrics, "tollgate_snapshot_generation 7");
    check(&metrics, "tollgate_snapshot_loaded_timestamp_seconds 1700000000");
    metrics.buffered_bytes().inc_by(12);
    check(&metrics, "tollgate_buffered_bytes 12");
}
