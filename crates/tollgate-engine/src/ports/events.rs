//! What policies tell about requests: lines for the gateway's log, metrics of the author's own, and events for loggers.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

/// Where policies report. Nothing here waits or fails: a request does not suffer from who watches it.
pub trait Events: Send + Sync {
    /// Whether lines of this severity are written; when not, callers need not make them.
    fn writes(&self, severity: Severity) -> bool;

    /// Writes a line of a policy into the gateway's log. Implementations mask secrets.
    fn write(&self, line: &TraceLine<'_>);

    /// The metric of this namespace and name; the same one each time. Asked at load.
    fn metric(&self, namespace: &str, name: &str) -> Arc<dyn CustomMetric>;

    /// Counts what a call of a model used.
    fn token_usage(&self, _usage: &TokenUsage<'_>) {}

    /// A logger of the configuration, for [`Names::logger`](super::Names::logger).
    fn logger(&self, _id: &str) -> Option<Arc<dyn EventLogger>> {
        None
    }
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Details.
    Verbose,
    /// What happened.
    Information,
    /// What went wrong.
    Error,
}

/// A line of a policy for the gateway's log.
#[derive(Debug, Clone, Copy)]
pub struct TraceLine<'a> {
    /// The request.
    pub request_id: Uuid,
    /// Identifier of the API.
    pub api: Option<&'a str>,
    /// Identifier of the operation.
    pub operation: Option<&'a str>,
    /// What the author calls the source.
    pub source: &'a str,
    /// How much it matters.
    pub severity: Severity,
    /// The message.
    pub message: &'a str,
    /// Names and values.
    pub metadata: &'a [(Arc<str>, Arc<str>)],
}

/// What a call of a model used, in the words of OpenTelemetry's conventions for generative AI.
#[derive(Debug, Clone, Copy)]
pub struct TokenUsage<'a> {
    /// What was asked for: `chat`, `embeddings`, ….
    pub operation: &'a str,
    /// Who was asked: `azure.ai.openai`, `anthropic`, ….
    pub provider: &'a str,
    /// The model or deployment that the request names; empty when it is not known.
    pub request_model: &'a str,
    /// The model that the response names; empty when it names none.
    pub response_model: &'a str,
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the completion.
    pub output: u64,
    /// Further dimensions.
    pub dimensions: &'a [(Arc<str>, Arc<str>)],
}

/// A metric that an author defines.
pub trait CustomMetric: Send + Sync {
    /// Counts one emission and adds its value to the series of these dimensions. A value that is negative or not finite
    /// is not added.
    fn add(&self, value: f64, dimensions: &[(Arc<str>, Arc<str>)]);
}

/// Takes the events of a logger of the configuration.
pub trait EventLogger: Send + Sync {
    /// Takes an event on its way, or drops and counts it when too many wait.
    fn send(&self, event: Event);
}

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// The request.
    pub request_id: Uuid,
    /// When, in .NET ticks, UTC.
    pub ticks: i64,
    /// Where in the event hub.
    pub partition: Partition,
    /// What the author wrote, in UTF-8.
    pub body: Bytes,
}

/// The partition of an event hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partition {
    /// Any.
    Any,
    /// This one.
    Id(Arc<str>),
    /// One for all events of this key.
    Key(Arc<str>),
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvents;

impl Events for NoEvents {
    fn writes(&self, _: Severity) -> bool {
        false
    }

    fn write(&self, _: &TraceLine<'_>) {}

    fn metric(&self, _: &str, _: &str) -> Arc<dyn CustomMetric> {
        Arc::new(Self)
    }
}

impl CustomMetric for NoEvents {
    fn add(&self, _: f64, _: &[(Arc<str>, Arc<str>)]) {}
}

impl EventLogger for NoEvents {
    fn send(&self, _: Event) {}
}
