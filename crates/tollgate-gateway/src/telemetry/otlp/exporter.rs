//! What sends spans and metrics to one collector.
//!
//! INVARIANT: taking a span never waits. What waits is bounded in number and bytes; past that, spans are dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::attributes::{redact, redact_text, text};
use super::sender::{Sender, Sent};
use super::{OtlpSettings, Parts, exposition};
use crate::telemetry::{Signal, Undelivered};

/// Spans that may wait, and their bytes.
const MAX_WAITING: usize = 4_096;
const MAX_BYTES: usize = 8 << 20;

/// Spans that are sent together.
const MAX_BATCH: usize = 512;

/// How long spans gather before they are sent together.
const GATHER: Duration = Duration::from_secs(1);

/// The conventions that attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// One collector, by one version of the settings.
pub(super) struct Exporter {
    pub(super) settings: OtlpSettings,
    parts: Parts,
    waiting: Mutex<Waiting>,
    /// Tells that spans wait.
    wake: Notify,
    /// True once what waits is to leave and nothing more comes.
    ending: watch::Sender<bool>,
    resource: Resource,
}

#[derive(Default)]
struct Waiting {
    spans: Vec<Span>,
    bytes: usize,
}

/// The tasks of an exporter.
pub(super) struct Exporting {
    pub(super) exporter: Arc<Exporter>,
    tasks: Vec<JoinHandle<()>>,
}

impl Exporting {
    /// Begins to export.
    pub(super) fn begin(settings: OtlpSettings, parts: Parts) -> Self {
        let exporter = Arc::new(Exporter {
            resource: resource(&settings, &parts.instance),
            parts,
            waiting: Mutex::default(),
            wake: Notify::new(),
            ending: watch::Sender::new(false),
            settings,
        });
        let mut tasks = Vec::new();
        if exporter.settings.traces {
            tasks.push(tokio::spawn(Arc::clone(&exporter).export_spans()));
        }
        if exporter.settings.metrics {
            tasks.push(tokio::spawn(Arc::clone(&exporter).export_metrics()));
        }
        Self { exporter, tasks }
    }

    /// Has what waits leave; the tasks end by themselves then.
    pub(super) fn end(&self) {
        self.exporter.ending.send_replace(true);
    }

    /// Waits until the tasks have ended. When the future is dropped, they go on.
    pub(super) async fn ended(&mut self) {
        for task in &mut self.tasks {
            // A task that was broken off has ended as well.
            task.await.ok();
        }
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        self.end();
    }
}

/// Who says what is said.
fn resource(settings: &OtlpSettings, instance: &str) -> Resource {
    let own = [("service.name", &*settings.service_name), ("service.instance.id", instance)];
    let given = &settings.attributes;
    let own = own.into_iter().filter(|(key, _)| given.iter().all(|(known, _)| known != key));
    let given = given.iter().map(|(key, value)| (&**key, &**value));
    let attributes = own.chain(given).map(|(key, value)| text(key, value)).collect();
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "tollgate".to_owned(), ..InstrumentationScope::default() }
}

impl Exporter {
    /// Takes a span that has ended, or drops and counts it when too many wait.
    pub(super) fn take(&self, span: Span) {
        let size = span.encoded_len();
        let mut waiting = self.waiting.lock();
        let bytes = waiting.bytes.saturating_add(size);
        if waiting.spans.len() >= MAX_WAITING || bytes > MAX_BYTES {
            drop(waiting);
            self.parts.metrics.otlp().lost(Signal::traces, Undelivered::queue_full, 1);
            return;
        }
        waiting.bytes = bytes;
        waiting.spans.push(span);
        let n_waiting = waiting.spans.len();
        drop(waiting);
        if n_waiting == 1 || n_waiting == MAX_BATCH {
            self.wake.notify_one();
        }
    }

    fn next_batch(&self) -> Vec<Span> {
        let mut waiting = self.waiting.lock();
        let n_spans = waiting.spans.len().min(MAX_BATCH);
        let batch: Vec<Span> = waiting.spans.drain(..n_spans).collect();
        waiting.bytes = if waiting.spans.is_empty() {
            0
        } else {
            waiting.bytes.saturating_sub(batch.iter().map(Message::encoded_len).sum())
        };
        batch
    }

    fn has_batch(&self) -> bool {
        self.waiting.lock().spans.len() >= MAX_BATCH
    }

    async fn export_spans(self: Arc<Self>) {
        let mut ending = self.ending.subscribe();
        let sender = Sender::new(&self.settings, &self.parts.fetcher, "v1/traces");
        loop {
            let is_ending = *ending.borrow();
            if !is_ending {
                self.gathered(&mut ending).await;
            }
            let batch = self.next_batch();
            if !batch.is_empty() {
                self.send_spans(&sender, &mut ending, batch).await;
            } else if is_ending {
                return;
            }
        }
    }

    /// Waits for spans, and a moment longer for more of them; not when all is to leave.
    async fn gathered(&self, ending: &mut watch::Receiver<bool>) {
        let enough = async {
            self.wake.notified().await;
            let gather = tokio::time::sleep(GATHER);
            tokio::pin!(gather);
            while !self.has_batch() {
                tokio::select! {
                    () = &mut gather => return,
                    () = self.wake.notified() => {}
                }
            }
        };
        // What a batch has left over was announced before.
        if self.waiting.lock().spans.is_empty() {
            tokio::select! {
                () = enough => {}
                _ = ending.wait_for(|ending| *ending) => {}
            }
        }
    }

    async fn send_spans(
        &self,
        sender: &Sender,
        ending: &mut watch::Receiver<bool>,
        mut spans: Vec<Span>,
    ) {
        let n_spans = spans.len() as u64;
        let redactor = self.parts.redactor.load();
        for span in &mut spans {
            redact(&mut span.attributes, &redactor);
            redact_text(&mut span.name, &redactor);
            redact_text(&mut span.trace_state, &redactor);
        }
        drop(redactor);
        let scope_spans =
            vec![ScopeSpans { scope: Some(scope()), spans, schema_url: SCHEMA.to_owned() }];
        let resource = Some(self.resource.clone());
        let resource_spans =
            vec![ResourceSpans { resource, scope_spans, schema_url: SCHEMA.to_owned() }];
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let sent = sender.send(body.into(), ending).await;
        self.tell(Signal::traces, n_spans, &sent);
    }

    async fn export_metrics(self: Arc<Self>) {
        let mut ending = self.ending.subscribe();
        let sender = Sender::new(&self.settings, &self.parts.fetcher, "v1/metrics");
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.settings.interval) => {}
                _ = ending.wait_for(|ending| *ending) => {}
            }
            // What is counted until the end is told at the end.
            let is_last = *ending.borrow();
            self.send_metrics(&sender, &mut ending).await;
            if is_last {
                return;
            }
        }
    }

    async fn send_metrics(&self, sender: &Sender, ending: &mut watch::Receiver<bool>) {
        let Ok(mut metrics) = exposition::metrics(&self.parts.metrics) else { return };
        let redactor = self.parts.redactor.load();
        for metric in &mut metrics {
            exposition::redact_metric(metric, &redactor);
        }
        drop(redactor);
        let n_points = metrics.iter().map(exposition::n_points).sum();
        let scope_metrics =
            vec![ScopeMetrics { scope: Some(scope()), metrics, schema_url: SCHEMA.to_owned() }];
        let resource = Some(self.resource.clone());
        let resource_metrics =
            vec![ResourceMetrics { resource, scope_metrics, schema_url: SCHEMA.to_owned() }];
        let body = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
        let sent = sender.send(body.into(), ending).await;
        self.tell(Signal::metrics, n_points, &sent);
    }

    fn tell(&self, signal: Signal, n_items: u64, sent: &Sent) {
        let counted = self.parts.metrics.otlp();
        match sent {
            Sent::Taken { rejected: 0, .. } => counted.sent(signal, n_items),
            Sent::Taken { rejected, why } => {
                let rejected = n_items.min(*rejected);
                counted.sent(signal, n_items - rejected);
                counted.lost(signal, Undelivered::rejected, rejected);
                let redactor = self.parts.redactor.load();
                let why = redactor.redact(why);
                tracing::warn!(?signal, rejected, %why, "the collector has rejected telemetry");
            }
            Sent::Lost(why) => {
                counted.lost(signal, Undelivered::failed, n_items);
                tracing::warn!(?signal, items = n_items, %why, "telemetry is lost");
            }
        }
    }

    /// Counts what still waits as lost: the gateway stops.
    pub(super) fn give_up(&self) {
        let left = std::mem::take(&mut *self.waiting.lock()).spans.len();
        if left > 0 {
            self.parts.metrics.otlp().lost(Signal::traces, Undelivered::failed, left as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::{CachingResolver, FetchSettings, Fetcher};
    use crate::telemetry::Metrics;

    fn exporting(traces: bool) -> Exporting {
        let resolver = Arc::new(CachingResolver::default());
        let parts = Parts {
            fetcher: Arc::new(Fetcher::new(FetchSettings::default(), resolver)),
            metrics: Arc::new(Metrics::new()),
            redactor: Arc::default(),
            instance: "one".into(),
        };
        let settings = OtlpSettings {
            endpoint: "http://127.0.0.1:9/".to_owned(),
            headers: Vec::new(),
            service_name: "front".to_owned(),
            attributes: vec![("service.instance.id".to_owned(), "own".to_owned())],
            traces,
            metrics: false,
            sampling_ratio: 1.0,
            interval: Duration::from_mins(1),
            timeout: Duration::from_secs(1),
        };
        Exporting::begin(settings, parts)
    }

    fn dropped(exporting: &Exporting, reason: &str) -> String {
        let text = exporting.exporter.parts.metrics.encode().unwrap();
        let start =
            format!("tollgate_otlp_items_dropped_total{{signal=\"traces\",reason=\"{reason}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or("0").to_owned()
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_number_and_bytes() {
        let many = exporting(false);
        for _ in 0..MAX_WAITING + 7 {
            many.exporter.take(Span::default());
        }
        assert_eq!(dropped(&many, "queue_full"), "7");
        let large = exporting(false);
        let span = Span { name: "x".repeat(MAX_BYTES / 4), ..Span::default() };
        for _ in 0..5 {
            large.exporter.take(span.clone());
        }
        assert_eq!(dropped(&large, "queue_full"), "2");
        assert_eq!(large.exporter.next_batch().len(), 3);
        large.exporter.take(span);
        assert_eq!(dropped(&large, "queue_full"), "2", "there is room again");
    }

    #[tokio::test]
    async fn a_collector_that_is_away_is_tried_once_more_at_the_end() {
        let mut exporting = exporting(true);
        exporting.exporter.take(Span::default());
        exporting.end();
        tokio::time::timeout(Duration::from_secs(20), exporting.ended()).await.unwrap();
        assert_eq!(dropped(&exporting, "failed"), "1");
    }

    #[tokio::test]
    async fn attributes_of_the_configuration_go_before_the_gateways_own() {
        let resource = format!("{:?}", exporting(false).exporter.resource);
        assert!(resource.contains("\"own\"") && !resource.contains("\"one\""), "{resource}");
        assert!(resource.contains("\"front\""), "{resource}");
    }
}
