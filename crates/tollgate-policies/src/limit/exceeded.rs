//! What a client is told that has gone past a limit.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tollgate_engine::PolicyError;

use super::Output;

/// What a quota is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QuotaKind {
    Calls,
    Bandwidth,
}

/// Whole seconds, at least one: a client that comes back a moment too early is refused again.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX).max(1)
}

/// A rate is exceeded: 429.
pub(crate) fn rate_exceeded(output: &Output, wait: Duration) -> PolicyError {
    let seconds = whole_seconds(wait);
    PolicyError::refused(
        "RateLimitExceeded",
        "Rate limit is exceeded",
        StatusCode::TOO_MANY_REQUESTS,
    )
    .client_message(format!("Rate limit is exceeded. Try again in {seconds} seconds."))
    .header(output.retry_after_header.clone(), HeaderValue::from(seconds))
}

/// A quota is used up: 403. Without a time to wait for it is never replenished.
pub(crate) fn quota_exceeded(kind: QuotaKind, wait: Option<Duration>) -> PolicyError {
    let kind = match kind {
        QuotaKind::Calls => "call volume",
        QuotaKind::Bandwidth => "bandwidth",
    };
    let mut message = format!("Out of {kind} quota.");
    let seconds = wait.map(whole_seconds);
    if let Some(seconds) = seconds {
        message = format!("{message} Quota will be replenished in {}.", span(seconds));
    }
    let error = PolicyError::refused("QuotaExceeded", message, StatusCode::FORBIDDEN);
    match seconds {
        Some(seconds) => error.header(RETRY_AFTER, HeaderValue::from(seconds)),
        None => error,
    }
}

/// As .NET prints a `TimeSpan`: `[d.]hh:mm:ss`.
fn span(seconds: u64) -> String {
    let (minutes, second) = (seconds / 60, seconds % 60);
    let (hours, minute) = (minutes / 60, minutes % 60);
    let (days, hour) = (hours / 24, hours % 24);
    let days = if days > 0 { format!("{days}.") } else { String::new() };
    format!("{days}{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_printed_as_dotnet_does() {
        for (seconds, expected) in
            [(1, "00:00:01"), (11_657, "03:14:17"), (780_863, "9.00:54:23"), (86_400, "1.00:00:00")]
        {
            assert_eq!(span(seconds), expected);
        }
    }

    #[test]
    fn waits_are_whole_seconds_and_never_none() {
        for (ms, expected) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), expected);
        }
    }
}
