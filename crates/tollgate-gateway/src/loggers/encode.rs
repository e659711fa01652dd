//! Events as they leave.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tollgate_engine::ports::{Event, Partition};

use crate::telemetry::Timestamp;

/// One line of JSON for each event.
pub(super) fn lines(logger: &str, events: &[Event]) -> Vec<u8> {
    let mut text = Vec::new();
    for event in events {
        let time = Timestamp(UNIX_EPOCH + since_epoch(event.ticks)).to_string();
        let mut line = Map::from_iter([
            ("time".to_owned(), time.into()),
            ("logger".to_owned(), logger.into()),
            ("request_id".to_owned(), event.request_id.to_string().into()),
        ]);
        line.extend(partition(event).map(|(name, value)| (name.to_owned(), value.into())));
        line.insert("body".to_owned(), body(event));
        text.extend_from_slice(Value::from(line).to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

/// A request of OTLP/HTTP in JSON: one log record for each event.
pub(super) fn otlp(logger: &str, events: &[Event]) -> Vec<u8> {
    let records: Vec<Value> = events
        .iter()
        .map(|event| {
            let mut attributes = vec![
                attribute("logger", logger),
                attribute("request_id", &event.request_id.to_string()),
            ];
            attributes.extend(partition(event).map(|(name, value)| attribute(name, value)));
            let time = since_epoch(event.ticks).as_nanos().to_string();
            json!({
                "timeUnixNano": time,
                "observedTimeUnixNano": time,
                "body": { "stringValue": body(event) },
                "attributes": attributes,
            })
        })
        .collect();
    let request = json!({
        "resourceLogs": [{
            "resource": { "attributes": [attribute("service.name", "tollgate")] },
            "scopeLogs": [{ "scope": { "name": "tollgate.log-to-eventhub" }, "logRecords": records }],
        }],
    });
    request.to_string().into_bytes()
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

fn partition(event: &Event) -> Option<(&'static str, &str)> {
    match &event.partition {
        Partition::Any => None,
        Partition::Id(id) => Some(("partition_id", id)),
        Partition::Key(key) => Some(("partition_key", key)),
    }
}

fn body(event: &Event) -> Value {
    String::from_utf8_lossy(&event.body).into()
}

/// From .NET ticks.
fn since_epoch(ticks: i64) -> Duration {
    const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
    let ticks = u64::try_from(ticks.saturating_sub(TICKS_AT_UNIX_EPOCH)).unwrap_or(0);
    Duration::from_nanos(ticks.saturating_mul(100))
}
