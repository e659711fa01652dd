//! What counts as a failure, and how many are too many.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tollgate_engine::ports::{BodyError, ForwardError};

use super::retry_after::retry_after;
use super::window::Window;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Its name, for the log.
    pub name: String,
    /// How many failures are too many.
    pub threshold: Threshold,
    /// Within which time they are counted.
    pub interval: Duration,
    /// Statuses of responses that are failures, as ranges with both ends.
    pub statuses: Vec<(u16, u16)>,
    /// Failures without a response, or with a part of one.
    pub reasons: Vec<ErrorReason>,
    /// How long the breaker stays open.
    pub trip: Duration,
    /// Whether a response that says when to come back decides instead of `trip`.
    pub accept_retry_after: bool,
}

/// How many failures are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Threshold {
    /// This number.
    Count(u32),
    /// A proportion of all requests, when there are enough to speak of one.
    Percentage {
        /// 1 to 100.
        percentage: u32,
        /// Fewer requests in the interval say nothing.
        minimum_requests: u32,
    },
}

/// Why there was no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorReason {
    /// None came in time, or no more of it.
    Timeout,
    /// The connection could not be made, or broke, also in the middle of a response.
    Connection,
}

impl ErrorReason {
    /// What Azure calls the reasons; their case does not count.
    pub fn named(name: &str) -> Option<&'static [Self]> {
        const NAMES: [(&str, &[ErrorReason]); 3] = [
            ("Timeout", &[ErrorReason::Timeout]),
            ("BackendConnectionFailure", &[ErrorReason::Connection]),
            ("Server errors", &[ErrorReason::Timeout, ErrorReason::Connection]),
        ];
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, reasons)| *reasons)
    }
}

/// How a call of a backend ended, as far as its breaker is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// With a response.
    Answered(StatusCode, &'a HeaderMap),
    /// With a response that is no failure, and all of its body.
    Well,
    /// Without a response, or without all of its body.
    Failed(ErrorReason),
    /// It says nothing about the backend: it was not asked, or the client was in the way.
    Unknown,
}

impl<'a> Outcome<'a> {
    /// Why a call ended without a response.
    pub fn of(error: &ForwardError) -> Outcome<'a> {
        match error {
            ForwardError::Timeout(_) => Outcome::Failed(ErrorReason::Timeout),
            ForwardError::Connection(_) | ForwardError::Body(BodyError::Backend(_)) => {
                Outcome::Failed(ErrorReason::Connection)
            }
            ForwardError::ClientGone
            | ForwardError::Body(_)
            | ForwardError::UnknownBackend(_)
            | ForwardError::NoTarget
            | ForwardError::Refused(_)
            | ForwardError::Identity(_)
            | ForwardError::BreakerOpen { .. }
            | ForwardError::PoolUnavailable { .. } => Outcome::Unknown,
        }
    }
}

impl Rule {
    pub(super) fn is_failure(&self, outcome: Outcome<'_>) -> bool {
        match outcome {
            Outcome::Answered(status, _) => {
                let status = status.as_u16();
                self.statuses.iter().any(|(min, max)| (*min..=*max).contains(&status))
            }
            Outcome::Failed(reason) => self.reasons.contains(&reason),
            Outcome::Well | Outcome::Unknown => false,
        }
    }

    /// How long the breaker opens by this failure.
    pub(super) fn open_time(
        &self,
        outcome: Outcome<'_>,
        unix_seconds: impl FnOnce() -> i64,
    ) -> Duration {
        let said = match outcome {
            Outcome::Answered(_, headers) if self.accept_retry_after => {
                retry_after(headers, unix_seconds)
            }
            _ => None,
        };
        said.unwrap_or(self.trip)
    }
}

/// A rule, and what it has seen.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) rule: Rule,
    window: Window,
}

impl Judge {
    pub(super) fn new(rule: Rule) -> Self {
        Self { window: Window::new(rule.interval), rule }
    }

    /// Counts what ended now, in milliseconds; whether that was one failure too many.
    pub(super) fn trips(&self, outcome: Outcome<'_>, now: u64) -> bool {
        let failed = self.rule.is_failure(outcome);
        match self.rule.threshold {
            Threshold::Count(1) => failed,
            Threshold::Count(count) => {
                failed && self.window.add(now, true).failed >= u64::from(count)
            }
            Threshold::Percentage { percentage, minimum_requests } => {
                let tally = self.window.add(now, failed);
                failed
                    && tally.total >= u64::from(minimum_requests)
                    && tally.failed * 100 >= tally.total * u64::from(percentage)
            }
        }
    }

    pub(super) fn forget(&self) {
        self.window.forget();
    }
}
