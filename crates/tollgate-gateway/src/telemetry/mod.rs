//! What the gateway says of itself: log lines, one access line a request, metrics.
//!
//! INVARIANT: no secret of the configuration leaves through here: lines pass a [`Redactor`], and metrics have labels from
//! closed sets only (identifiers of APIs and operations, classes of status).

mod access;
mod logging;
mod metrics;
mod redact;

pub use access::{AccessError, AccessLog, AccessRecord, TracingAccessLog};
pub use logging::{LogControl, LogFormat, LogSettings, check_log_level, log_dispatch};
pub use metrics::{Ended, Metrics, OperationMetrics, Side, Within};
pub use redact::{Redactor, SharedRedactor};
