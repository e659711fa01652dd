//! What Prometheus reads.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tollgate_engine::ports::CacheStatus;

use super::series::SeriesCount;
use super::{
    BackendMetrics, CertificateMetrics, CustomMetrics, LoadMetrics, OtlpMetrics,
    SemanticCacheMetrics, TokenUsageMetrics,
};

/// Pairs of API and operation that have series of their own; the rest share one. Names come from the configuration, but
/// a process that lives through many configurations must not keep them all.
const MAX_OPERATIONS: usize = 2_000;

/// What the rest is called.
const OTHER: &str = "other";

/// Upper bounds in seconds: APIM's, and longer ones because model answers stream for minutes.
const BUCKETS: [f64; 15] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

type CacheLookups = Family<CacheLabels, Counter>;
type Histograms = Family<OperationLabels, Histogram, fn() -> Histogram>;

/// By API and operation.
type Operations = HashMap<Arc<str>, Arc<HashMap<Arc<str>, Arc<OperationMetrics>>>>;

/// All metrics of the gateway.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Histograms,
    backend_durations: Histograms,
    cache_lookups: CacheLookups,
    /// Replaced when there is a new one: each request looks here, and waits for no other.
    operations: ArcSwap<Operations>,
    beginning: Mutex<()>,
    unmatched: OnceLock<Arc<OperationMetrics>>,
    in_flight: Gauge,
    connections: Gauge,
    connections_accepted: Counter,
    broken: Family<SideLabels, Counter>,
    one_way: Family<DeliveryLabels, Counter>,
    token_fetches: Family<ResultLabels, Counter>,
    key_fetches: Family<ResultLabels, Counter>,
    secret_fetches: Family<ResultLabels, Counter>,
    reloads: Family<ResultLabels, Counter>,
    snapshot_generation: Gauge<u64, AtomicU64>,
    snapshot_loaded: Gauge,
    buffered_bytes: Gauge,
    log_lines_dropped: Counter,
    events_sent: Family<LoggerLabels, Counter>,
    events_lost: Family<LostLabels, Counter>,
    custom: CustomMetrics,
    token_usage: TokenUsageMetrics,
    /// Of the two above, whose names and labels policies choose.
    of_policies: Registry,
    otlp: OtlpMetrics,
    /// Nanoseconds since 1970.
    began: u64,
    backends: BackendMetrics,
    load: LoadMetrics,
    certificates: CertificateMetrics,
    semantic_cache: SemanticCacheMetrics,
    redis_connected: Gauge,
    redis_failures: Counter,
    counters_unavailable: Counter,
}

/// The series of one operation.
#[derive(Debug)]
pub struct OperationMetrics {
    classes: [Counter; 6],
    duration: Histogram,
    backend_duration: Histogram,
    labels: OperationLabels,
    cache_lookups: CacheLookups,
}

/// How something that is tried ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Ended {
    /// Well.
    ok,
    /// Not.
    failed,
}

/// Who broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Side {
    /// The client, before it had the whole response.
    client,
    /// The backend, in the middle of its response.
    backend,
    /// The gateway, which stopped.
    gateway,
}

/// Why an event was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Lost {
    /// Too many waited.
    queue_full,
    /// The file or server did not take it.
    failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoggerLabels {
    logger: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LostLabels {
    logger: Arc<str>,
    reason: Lost,
}

/// What became of a request that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are label values")]
pub enum Delivery {
    /// It was answered.
    answered,
    /// It was not.
    failed,
    /// It was never made, because too many were under way.
    dropped,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    result: Delivery,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    api: Arc<str>,
    operation: Arc<str>,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    api: Arc<str>,
    operation: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    api: Arc<str>,
    operation: Arc<str>,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SideLabels {
    side: Side,
}

const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Metrics at zero.
    pub fn new() -> Self {
        let histograms: fn() -> Histogram = || Histogram::new(BUCKETS);
        let count = SeriesCount::default();
        let mut metrics = Self {
            registry: Registry::with_prefix("tollgate"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histograms),
            backend_durations: Family::new_with_constructor(histograms),
            cache_lookups: Family::default(),
            operations: ArcSwap::default(),
            beginning: Mutex::default(),
            unmatched: OnceLock::new(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_accepted: Counter::default(),
            broken: Family::default(),
            one_way: Family::default(),
            token_fetches: Family::default(),
            key_fetches: Family::default(),
            secret_fetches: Family::default(),
            reloads: Family::default(),
            snapshot_generation: Gauge::default(),
            snapshot_loaded: Gauge::default(),
            buffered_bytes: Gauge::default(),
            log_lines_dropped: Counter::default(),
            events_sent: Family::default(),
            events_lost: Family::default(),
            custom: CustomMetrics::new(&count),
            token_usage: TokenUsageMetrics::new(&count),
            of_policies: Registry::with_prefix("tollgate"),
            otlp: OtlpMetrics::default(),
            began: unix_nanoseconds(SystemTime::now()),
            backends: BackendMetrics::default(),
            load: LoadMetrics::default(),
            certificates: CertificateMetrics::default(),
            semantic_cache: SemanticCacheMetrics::default(),
            redis_connected: Gauge::default(),
            redis_failures: Counter::default(),
            counters_unavailable: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        self.register_requests();
        self.register_upkeep();
        self.register_policies();
        self.backends.register(&mut self.registry);
        self.load.register(&mut self.registry);
        self.certificates.register(&mut self.registry);
        self.semantic_cache.register(&mut self.registry);
        self.begin_at_zero();
    }

    /// What clients ask for and get.
    fn register_requests(&mut self) {
        let Self { registry: r, .. } = self;
        r.register(
            "requests",
            "Requests by API, operation and class of the status",
            self.requests.clone(),
        );
        r.register_with_unit(
            "request_duration",
            "From the first byte of a request to the last of its response",
            Unit::Seconds,
            self.durations.clone(),
        );
        r.register_with_unit(
            "backend_duration",
            "Waiting for backends and reading from them, per request",
            Unit::Seconds,
            self.backend_durations.clone(),
        );
        r.register(
            "cache_lookups",
            "Requests that came to a cache of responses, by what it did: hit, miss, or bypass when it was not asked",
            self.cache_lookups.clone(),
        );
        r.register(
            "requests_in_flight",
            "Requests that have begun and not ended",
            self.in_flight.clone(),
        );
        r.register("connections", "Open client connections", self.connections.clone());
        r.register(
            "connections_accepted",
            "Client connections accepted",
            self.connections_accepted.clone(),
        );
        r.register(
            "broken_responses",
            "Responses that were broken off, by who did",
            self.broken.clone(),
        );
        r.register_with_unit(
            "buffered",
            "Memory held by buffered bodies",
            Unit::Bytes,
            self.buffered_bytes.clone(),
        );
    }

    /// What the gateway does for itself.
    fn register_upkeep(&mut self) {
        let Self { registry: r, .. } = self;
        r.register(
            "token_fetches",
            "Calls for tokens of the gateway's identities",
            self.token_fetches.clone(),
        );
        r.register("key_fetches", "Calls for keys of OpenID issuers", self.key_fetches.clone());
        r.register("secret_fetches", "Calls for secrets of Key Vault", self.secret_fetches.clone());
        r.register("reloads", "Reloads of the configuration", self.reloads.clone());
        r.register(
            "snapshot_generation",
            "Configuration in force",
            self.snapshot_generation.clone(),
        );
        r.register(
            "snapshot_loaded_timestamp_seconds",
            "When the configuration in force was loaded",
            self.snapshot_loaded.clone(),
        );
        r.register(
            "log_lines_dropped",
            "Log lines that were dropped because nobody took them",
            self.log_lines_dropped.clone(),
        );
        r.register(
            "redis_connected",
            "Whether the Redis server can be used; 0 also when none is configured",
            self.redis_connected.clone(),
        );
        r.register(
            "redis_failures",
            "Commands that Redis did not carry out, those included that were not sent because it is away",
            self.redis_failures.clone(),
        );
        r.register(
            "counters_unavailable",
            "Times that a shared counter could not be reached, and `counters.when-unavailable` held",
            self.counters_unavailable.clone(),
        );
    }

    /// What policies send and count.
    fn register_policies(&mut self) {
        let Self { registry: r, .. } = self;
        r.register(
            "one_way_requests",
            "Requests of policies that nobody waits for, by what became of them",
            self.one_way.clone(),
        );
        r.register(
            "events_sent",
            "Events of policies that a logger has sent",
            self.events_sent.clone(),
        );
        r.register(
            "events_dropped",
            "Events of policies that were dropped: too many waited, or the logger failed",
            self.events_lost.clone(),
        );
        self.of_policies.register_collector(Box::new(self.custom.clone()));
        self.of_policies.register_collector(Box::new(self.token_usage.clone()));
        self.otlp.register(&mut self.registry);
    }

    /// A counter that is missing until its first failure cannot be alerted upon.
    fn begin_at_zero(&self) {
        for result in [Ended::ok, Ended::failed] {
            for family in
                [&self.token_fetches, &self.key_fetches, &self.secret_fetches, &self.reloads]
            {
                drop(family.get_or_create(&ResultLabels { result }));
            }
        }
        for side in [Side::client, Side::backend, Side::gateway] {
            drop(self.broken.get_or_create(&SideLabels { side }));
        }
        for result in [Delivery::answered, Delivery::failed, Delivery::dropped] {
            drop(self.one_way.get_or_create(&DeliveryLabels { result }));
        }
    }

    /// The series of an operation. An API without operations has one named `-`.
    pub fn operation(&self, api: &str, operation: Option<&str>) -> Arc<OperationMetrics> {
        let operation = operation.unwrap_or("-");
        let found = find(&self.operations.load(), api, operation);
        found.unwrap_or_else(|| self.begin_operation(api, operation))
    }

    fn begin_operation(&self, api: &str, operation: &str) -> Arc<OperationMetrics> {
        let _alone = self.beginning.lock();
        let mut operations = Operations::clone(&self.operations.load());
        let n_operations: usize = operations.values().map(|of_api| of_api.len()).sum();
        let (api, operation) =
            if n_operations >= MAX_OPERATIONS { (OTHER, OTHER) } else { (api, operation) };
        if let Some(found) = find(&operations, api, operation) {
            return found;
        }
        let labels = OperationLabels { api: api.into(), operation: operation.into() };
        let made = Arc::new(self.series(&labels));
        let of_api = Arc::make_mut(operations.entry(labels.api).or_default());
        of_api.insert(labels.operation, Arc::clone(&made));
        self.operations.store(Arc::new(operations));
        made
    }

    /// The series of requests that matched no API, or were refused before one was looked for.
    pub fn unmatched(&self) -> &OperationMetrics {
        self.unmatched.get_or_init(|| self.operation("-", None))
    }

    fn series(&self, labels: &OperationLabels) -> OperationMetrics {
        let counter = |status| {
            let OperationLabels { api, operation } = labels.clone();
            self.requests.get_or_create(&RequestLabels { api, operation, status }).clone()
        };
        OperationMetrics {
            classes: CLASSES.map(counter),
            duration: self.durations.get_or_create(labels).clone(),
            backend_duration: self.backend_durations.get_or_create(labels).clone(),
            labels: labels.clone(),
            cache_lookups: self.cache_lookups.clone(),
        }
    }

    /// Counts a request in flight until the guard is dropped.
    pub fn request_begins(&self) -> Within {
        Within::new(&self.in_flight)
    }

    /// Counts an open client connection until the guard is dropped.
    pub fn connection_opens(&self) -> Within {
        self.connections_accepted.inc();
        Within::new(&self.connections)
    }

    /// Counts a response that was broken off.
    pub fn response_broken(&self, side: Side) {
        self.broken.get_or_create(&SideLabels { side }).inc();
    }

    /// Counts a request that nobody waits for.
    pub fn one_way_request(&self, result: Delivery) {
        self.one_way.get_or_create(&DeliveryLabels { result }).inc();
    }

    /// Counts a call for a token.
    pub fn token_fetched(&self, result: Ended) {
        self.token_fetches.get_or_create(&ResultLabels { result }).inc();
    }

    /// Counts a call for keys.
    pub fn keys_fetched(&self, result: Ended) {
        self.key_fetches.get_or_create(&ResultLabels { result }).inc();
    }

    /// Counts a call for a secret.
    pub fn secret_fetched(&self, result: Ended) {
        self.secret_fetches.get_or_create(&ResultLabels { result }).inc();
    }

    /// Counts a reload; when it went well, says what is in force now.
    pub fn reloaded(&self, loaded: Option<(u64, i64)>) {
        let result = if loaded.is_some() { Ended::ok } else { Ended::failed };
        self.reloads.get_or_create(&ResultLabels { result }).inc();
        if let Some((generation, unix_seconds)) = loaded {
            self.snapshot_generation.set(generation);
            self.snapshot_loaded.set(unix_seconds);
        }
    }

    /// What is counted by backend.
    pub fn backends(&self) -> &BackendMetrics {
        &self.backends
    }

    /// What is refused, and how long work waits.
    pub fn load(&self) -> &LoadMetrics {
        &self.load
    }

    /// When certificates end.
    pub fn certificates(&self) -> &CertificateMetrics {
        &self.certificates
    }

    /// What is counted of semantic caches.
    pub fn semantic_cache(&self) -> &SemanticCacheMetrics {
        &self.semantic_cache
    }

    /// Says whether the Redis server can be used.
    pub fn redis_connected(&self, connected: bool) {
        self.redis_connected.set(i64::from(connected));
    }

    /// Counts a command that Redis did not carry out.
    pub fn redis_failed(&self) {
        self.redis_failures.inc();
    }

    /// Counts that shared counters could not be reached.
    pub fn counters_unavailable(&self) {
        self.counters_unavailable.inc();
    }

    /// Bytes held by buffered bodies, added and taken away by who holds them.
    pub fn buffered_bytes(&self) -> &Gauge {
        &self.buffered_bytes
    }

    /// Counts log lines that were dropped.
    pub(super) fn log_lines_dropped(&self) -> &Counter {
        &self.log_lines_dropped
    }

    /// Counts events that a logger has sent.
    pub fn events_sent(&self, logger: &Arc<str>, n_events: usize) {
        let labels = LoggerLabels { logger: Arc::clone(logger) };
        self.events_sent.get_or_create(&labels).inc_by(n_events as u64);
    }

    /// Counts events that a logger has lost.
    pub fn events_lost(&self, logger: &Arc<str>, reason: Lost, n_events: usize) {
        let labels = LostLabels { logger: Arc::clone(logger), reason };
        self.events_lost.get_or_create(&labels).inc_by(n_events as u64);
    }

    /// Metrics that policies define.
    pub fn custom(&self) -> &CustomMetrics {
        &self.custom
    }

    /// Tokens that calls of models used.
    pub fn token_usage(&self) -> &TokenUsageMetrics {
        &self.token_usage
    }

    /// What is sent to a collector.
    pub fn otlp(&self) -> &OtlpMetrics {
        &self.otlp
    }

    /// When counting began, in nanoseconds since 1970.
    pub(super) fn began(&self) -> u64 {
        self.began
    }

    /// All metrics in the `OpenMetrics` text format.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = self.encode_own()?;
        encode_registry(&mut text, &self.of_policies)?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    /// Those of the gateway's own, likewise.
    pub(super) fn encode_own(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Nanoseconds since 1970.
pub(super) fn unix_nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn find(all: &Operations, api: &str, operation: &str) -> Option<Arc<OperationMetrics>> {
    all.get(api)?.get(operation).map(Arc::clone)
}

impl OperationMetrics {
    /// Counts a request that has ended; status 0 when none was sent.
    pub fn ended(&self, status: u16, total: Duration, backend: Option<Duration>) {
        let class = match status {
            100..=599 => usize::from(status / 100 - 1),
            _ => CLASSES.len() - 1,
        };
        if let Some(counter) = self.classes.get(class) {
            counter.inc();
        }
        self.duration.observe(total.as_secs_f64());
        if let Some(backend) = backend {
            self.backend_duration.observe(backend.as_secs_f64());
        }
    }

    /// Counts what a cache of responses did. Most operations have none, so their series are made when they are needed.
    pub fn looked_up(&self, status: CacheStatus) {
        let OperationLabels { api, operation } = self.labels.clone();
        let labels = CacheLabels { api, operation, result: status.name() };
        self.cache_lookups.get_or_create(&labels).inc();
    }
}

/// Counts one while it lives.
#[derive(Debug)]
pub struct Within(Gauge);

impl Within {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
