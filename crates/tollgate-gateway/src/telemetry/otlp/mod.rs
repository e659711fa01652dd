//! Metrics and traces for a collector of OpenTelemetry, by OTLP over HTTP.
//!
//! Off unless the configuration names an endpoint, and then a request asks once whether it is. A request that is sampled makes
//! its spans as it goes and hands each on when it ends; a task of its own sends them.
//!
//! INVARIANT: no request waits for a collector. INVARIANT: no secret of the configuration and no value of a query is in what
//! is sent.

mod attributes;
mod exporter;
mod exposition;
mod sender;
mod span;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::fetch::Fetcher;
use crate::telemetry::{Metrics, SharedRedactor};
use exporter::{Exporter, Exporting};

pub(crate) use attributes::{number, redacted_query, text, texts};
pub(crate) use span::{CallSpan, Place, RequestSpan, RequestTrace, TRACEPARENT};

/// `[otlp]`.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpSettings {
    /// Base URL of the collector; `/v1/traces` and `/v1/metrics` are below it.
    pub endpoint: String,
    /// Headers of each request; values are secret and marked so.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// `service.name`.
    pub service_name: String,
    /// More attributes of the resource.
    pub attributes: Vec<(String, String)>,
    /// Whether traces are sent.
    pub traces: bool,
    /// Whether metrics are sent.
    pub metrics: bool,
    /// Which part of the traces that begin here is sampled, 0 to 1.
    pub sampling_ratio: f64,
    /// How often metrics are sent.
    pub interval: Duration,
    /// How long the collector may take for an answer.
    pub timeout: Duration,
}

/// What exporters stand on.
#[derive(Clone)]
struct Parts {
    fetcher: Arc<Fetcher>,
    metrics: Arc<Metrics>,
    redactor: Arc<SharedRedactor>,
    /// `service.instance.id`: tells the counts of several gateways apart.
    instance: Arc<str>,
}

/// The collector of the configuration in force, and the requests that are traced.
pub struct Otlp {
    parts: Parts,
    /// The exporter that takes spans, when there is one.
    tracing: ArcSwapOption<Tracing>,
    exporting: Mutex<Option<Exporting>>,
    /// Traced requests under way, for those who know a request by its identifier only.
    under_way: Mutex<HashMap<Uuid, Weak<RequestTrace>>>,
}

struct Tracing {
    exporter: Arc<Exporter>,
    sampling: Sampling,
}

/// Which traces are sampled, or which of anything with a random identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// Traces whose random part is less.
    below: u64,
}

impl Sampling {
    /// The part of a trace's identifier that is random: the low 56 bits, as in level 2 of Trace Context.
    const RANDOM_BITS: u32 = 56;

    /// Those of a part, 0 to 1.
    pub(crate) fn new(ratio: f64) -> Self {
        let all = 1_u64 << Self::RANDOM_BITS;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a part of a number between 0 and 1 is one"
        )]
        let below = (ratio.clamp(0.0, 1.0) * all as f64) as u64;
        Self { below }
    }

    /// Whether one of this identifier is among them.
    pub(crate) fn takes(self, trace: u128) -> bool {
        let random = trace & ((1 << Self::RANDOM_BITS) - 1);
        random < u128::from(self.below)
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otlp")
    }
}

impl Otlp {
    /// No collector yet.
    pub fn new(
        fetcher: Arc<Fetcher>,
        metrics: Arc<Metrics>,
        redactor: Arc<SharedRedactor>,
    ) -> Self {
        let instance = Uuid::new_v4().to_string().into();
        Self {
            parts: Parts { fetcher, metrics, redactor, instance },
            tracing: ArcSwapOption::empty(),
            exporting: Mutex::default(),
            under_way: Mutex::default(),
        }
    }

    /// One that nothing is ever sent by.
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        let resolver = Arc::new(crate::fetch::CachingResolver::default());
        let fetcher = Arc::new(Fetcher::new(crate::fetch::FetchSettings::default(), resolver));
        Self::new(fetcher, Arc::new(Metrics::new()), Arc::default())
    }

    /// Takes over the settings of a configuration that is now in force. What an exporter of before still has leaves by it. Must
    /// be called within the runtime.
    pub fn apply(&self, settings: Option<&OtlpSettings>) {
        let mut exporting = self.exporting.lock();
        if exporting.as_ref().map(|known| &known.exporter.settings) == settings {
            return;
        }
        *exporting = settings.map(|it| Exporting::begin(it.clone(), self.parts.clone()));
        let begun = exporting.as_ref().map(|begun| &begun.exporter);
        let tracing = begun.filter(|exporter| exporter.settings.traces).map(|exporter| {
            let sampling = Sampling::new(exporter.settings.sampling_ratio);
            Arc::new(Tracing { exporter: Arc::clone(exporter), sampling })
        });
        self.tracing.store(tracing);
    }

    /// Whether requests are traced at all.
    pub(crate) fn is_tracing(&self) -> bool {
        self.tracing.load().is_some()
    }

    /// Whether a trace that begins here is sampled.
    pub(crate) fn samples(&self, trace: u128) -> bool {
        self.tracing.load().as_ref().is_some_and(|tracing| tracing.sampling.takes(trace))
    }

    /// The span of a request that is sampled.
    pub(crate) fn begin(self: &Arc<Self>, request_id: Uuid, place: Place) -> Option<Traced> {
        let exporter = Arc::clone(&self.tracing.load().as_ref()?.exporter);
        let span = RequestTrace::new(exporter, place).server_span();
        self.under_way.lock().insert(request_id, Arc::downgrade(span.trace()));
        Some(Traced { span, request_id, otlp: Arc::clone(self) })
    }

    /// The trace of a request that is under way, if it is traced.
    pub(crate) fn trace_of(&self, request_id: Uuid) -> Option<Arc<RequestTrace>> {
        if !self.is_tracing() {
            return None;
        }
        self.under_way.lock().get(&request_id)?.upgrade()
    }

    /// Sends what waits, for as long at most. Nothing is taken after that.
    pub(crate) async fn stop(&self, within: Duration) {
        self.tracing.store(None);
        let Some(mut exporting) = self.exporting.lock().take() else { return };
        exporting.end();
        if tokio::time::timeout(within, exporting.ended()).await.is_err() {
            exporting.exporter.give_up();
            tracing::warn!("telemetry was not all sent before the gateway stopped");
        }
    }
}

/// A request that is traced, until this is dropped.
pub(crate) struct Traced {
    pub(crate) span: RequestSpan,
    request_id: Uuid,
    otlp: Arc<Otlp>,
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.otlp.under_way.lock().remove(&self.request_id);
    }
}
