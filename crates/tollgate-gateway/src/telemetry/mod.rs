//! What the gateway says of itself: log lines, one access line a request, metrics.
//!
//! INVARIANT: no secret of the configuration leaves through here: lines pass a [`Redactor`], and metrics have labels from
//! closed sets only (identifiers of APIs and operations, classes of status).

mod access;
mod backends;
mod certificates;
mod custom;
mod exports;
mod load;
mod logging;
mod metrics;
pub(crate) mod otlp;
mod queue;
mod redact;
mod semantic_cache;
mod series;
mod timestamp;
mod token_usage;

pub use access::{AccessError, AccessLines, AccessLog, AccessRecord, NoAccessLog};
pub use backends::BackendMetrics;
pub use certificates::CertificateMetrics;
pub use custom::{CustomMetrics, CustomSeries, Dimensions};
pub use exports::{OtlpMetrics, Signal, Undelivered};
pub use load::{LoadMetrics, Shed};
pub use logging::{LogControl, LogFormat, LogSettings, check_log_level, log_dispatch};
pub use metrics::{Delivery, Ended, Lost, Metrics, OperationMetrics, Side, Within};
pub use otlp::{Otlp, OtlpSettings};
pub use queue::LogQueue;
pub use redact::{Redactor, SharedRedactor};
pub use semantic_cache::SemanticCacheMetrics;
pub(crate) use timestamp::Timestamp;
pub use token_usage::{TokenUsageMetrics, TokenUsageSeries};
