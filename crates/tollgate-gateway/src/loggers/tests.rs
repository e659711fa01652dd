use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use uuid::Uuid;

use super::*;
use crate::loopback::{Loopback, answer, fetcher};

/// 2027-01-15T08:00:00.0000005Z.
const TICKS: i64 = 621_355_968_000_000_000 + 18_000_000_000_000_005;

fn event(partition: Partition, body: &str) -> Event {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Event { request_id: Uuid::nil(), ticks: TICKS, partition, body }
}

fn pool() -> (LoggerPool, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    (LoggerPool::new(fetcher(), Arc::clone(&metrics)), metrics)
}

fn settings(kind: LoggerKind) -> LoggerSettings {
    LoggerSettings { name: "audit".to_owned(), kind }
}

fn to_file(path: &Path, max_bytes: u64) -> LoggerKind {
    LoggerKind::File { path: path.to_owned(), max_bytes, max_files: 3 }
}

fn to_server(server: &Loopback) -> Endpoint {
    let mut key = HeaderValue::from_static("secret");
    key.set_sensitive(true);
    Endpoint {
        url: server.url().parse().unwrap(),
        headers: vec![(HeaderName::from_static("x-key"), key)],
    }
}

fn counted(metrics: &Metrics, line: &str) -> bool {
    metrics.encode().unwrap().lines().any(|found| found == line)
}

#[tokio::test]
async fn events_become_lines_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let (pool, metrics) = pool();
    let logger = pool.logger(&settings(to_file(&path, 1_000)));
    logger.send(event(Partition::Any, "plain \"text\"\n"));
    logger.send(event(Partition::Id("3".into()), "{\"a\":1}"));
    logger.send(event(Partition::Key("k".into()), "é"));
    pool.flush().await;
    expect_test::expect![[r#"
        {"time":"2027-01-15T08:00:00.000000Z","logger":"audit","request_id":"00000000-0000-0000-0000-000000000000","body":"plain \"text\"\n"}
        {"time":"2027-01-15T08:00:00.000000Z","logger":"audit","request_id":"00000000-0000-0000-0000-000000000000","partition_id":"3","body":"{\"a\":1}"}
        {"time":"2027-01-15T08:00:00.000000Z","logger":"audit","request_id":"00000000-0000-0000-0000-000000000000","partition_key":"k","body":"é"}
    "#]]
    .assert_eq(&std::fs::read_to_string(&path).unwrap());
    assert!(counted(&metrics, r#"tollgate_events_sent_total{logger="audit"} 3"#));
}

#[tokio::test]
async fn files_are_put_aside_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let (pool, _) = pool();
    let logger = pool.logger(&settings(to_file(&path, 300)));
    for n in 1..=9 {
        logger.send(event(Partition::Any, &format!("event {n}")));
        pool.flush().await;
    }
    let of = |suffix: &str| {
        let name = format!("events.jsonl{suffix}");
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        let n = |line: &str| line.rsplit("event ").next()?.chars().next();
        text.lines().filter_map(n).collect::<String>()
    };
    // Two lines of 130 bytes fit.
    assert_eq!(
        (of(""), of(".1"), of(".2"), of(".3")),
        ("9".into(), "78".into(), "56".into(), String::new())
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_written_loses_events_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, metrics) = pool();
    let logger = pool.logger(&settings(to_file(&folder.path().join("missing/file"), 300)));
    logger.send(event(Partition::Any, "x"));
    pool.flush().await;
    assert!(counted(
        &metrics,
        r#"tollgate_events_dropped_total{logger="audit",reason="failed"} 1"#
    ));
}

#[tokio::test]
async fn events_are_posted_together_and_again_when_the_server_is_busy() {
    let calls = AtomicUsize::new(0);
    let server = Loopback::start(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => answer(503, ""),
        _ => answer(204, ""),
    })
    .await;
    let (pool, metrics) = pool();
    let logger = pool.logger(&settings(LoggerKind::Http(to_server(&server))));
    logger.send(event(Partition::Any, "one"));
    logger.send(event(Partition::Any, "two"));
    pool.flush().await;
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let last = &requests[1];
    assert_eq!(last.headers()["content-type"], "application/x-ndjson");
    assert_eq!(last.headers()["x-key"], "secret");
    assert_eq!(requests[0].body(), last.body());
    assert_eq!(last.body().split(|byte| *byte == b'\n').count(), 3);
    assert!(counted(&metrics, r#"tollgate_events_sent_total{logger="audit"} 2"#));
}

#[tokio::test]
async fn a_server_that_refuses_is_not_asked_again() {
    let server = Loopback::start(|_| answer(401, "")).await;
    let (pool, metrics) = pool();
    let logger = pool.logger(&settings(LoggerKind::Http(to_server(&server))));
    logger.send(event(Partition::Any, "one"));
    pool.flush().await;
    assert_eq!(server.requests().len(), 1);
    assert!(counted(
        &metrics,
        r#"tollgate_events_dropped_total{logger="audit",reason="failed"} 1"#
    ));
}

#[tokio::test]
async fn log_records_go_to_a_collector() {
    let server = Loopback::start(|_| answer(200, "{}")).await;
    let (pool, _) = pool();
    let logger = pool.logger(&settings(LoggerKind::Otlp(to_server(&server))));
    logger.send(event(Partition::Key("k".into()), "body"));
    pool.flush().await;
    let requests = server.requests();
    assert_eq!(requests[0].uri(), "/v1/logs");
    assert_eq!(requests[0].headers()["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_slice(requests[0].body()).unwrap();
    expect_test::expect![[r#"
        {
          "resourceLogs": [
            {
              "resource": {
                "attributes": [
                  {
                    "key": "service.name",
                    "value": {
                      "stringValue": "tollgate"
                    }
                  }
                ]
              },
              "scopeLogs": [
                {
                  "scope": {
                    "name": "tollgate.log-to-eventhub"
                  },
                  "logRecords": [
                    {
                      "timeUnixNano": "1800000000000000500",
                      "observedTimeUnixNano": "1800000000000000500",
                      "body": {
                        "stringValue": "body"
                      },
                      "attributes": [
                        {
                          "key": "logger",
                          "value": {
                            "stringValue": "audit"
                          }
                        },
                        {
                          "key": "request_id",
                          "value": {
                            "stringValue": "00000000-0000-0000-0000-000000000000"
                          }
                        },
                        {
                          "key": "partition_key",
                          "value": {
                            "stringValue": "k"
                          }
                        }
                      ]
                    }
                  ]
                }
              ]
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&body).unwrap());
}

#[tokio::test]
async fn what_waits_is_bounded_in_number_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let (pool, metrics) = pool();
    // Nothing is written before this task waits for something.
    let logger = pool.logger(&settings(to_file(&path, u64::MAX)));
    for _ in 0..MAX_WAITING + 7 {
        logger.send(event(Partition::Any, "x"));
    }
    assert!(counted(
        &metrics,
        r#"tollgate_events_dropped_total{logger="audit",reason="queue_full"} 7"#
    ));
    pool.flush().await;
    let large = "x".repeat(200 << 10);
    for _ in 0..MAX_BYTES / large.len() + 3 {
        logger.send(event(Partition::Any, &large));
    }
    pool.flush().await;
    assert!(counted(
        &metrics,
        r#"tollgate_events_dropped_total{logger="audit",reason="queue_full"} 10"#
    ));
}

#[tokio::test]
async fn a_logger_outlives_reloads_and_ends_with_its_last_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let (pool, _) = pool();
    let one = pool.logger(&settings(to_file(&path, 1_000)));
    let same = pool.logger(&settings(to_file(&path, 1_000)));
    assert!(Arc::ptr_eq(&one, &same));
    let other = pool.logger(&settings(to_file(&path, 1_001)));
    assert!(!Arc::ptr_eq(&one, &other));
    one.send(event(Partition::Any, "last"));
    drop((one, same, other));
    // A stop right after the reload waits for it too.
    pool.flush().await;
    assert!(std::fs::read_to_string(&path).unwrap().contains("last"));
    assert!(pool.loggers.lock().iter().all(|known| known.logger.strong_count() == 0));
}

#[tokio::test]
async fn keys_of_partitions_count_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, metrics) = pool();
    let logger = pool.logger(&settings(to_file(&folder.path().join("events.jsonl"), u64::MAX)));
    let large = "k".repeat(MAX_BYTES / 2);
    for _ in 0..3 {
        logger.send(event(Partition::Key(large.as_str().into()), "x"));
    }
    assert!(counted(
        &metrics,
        r#"tollgate_events_dropped_total{logger="audit",reason="queue_full"} 2"#
    ));
}
