//! `System.TimeSpan`.

use super::calendar::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE, TICKS_PER_SECOND,
};
use super::span_text;
use crate::{Budget, Exception, ExceptionKind};

const TOO_LONG: &str = "TimeSpan overflowed because the duration is too long.";
const NOT_A_NUMBER: &str = "TimeSpan does not accept floating point Not-a-Number values.";

/// `System.TimeSpan`: 100 ns ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct TimeSpan {
    ticks: i64,
}

impl TimeSpan {
    /// `TimeSpan.Zero`.
    pub(crate) const ZERO: Self = Self { ticks: 0 };
    /// `TimeSpan.MinValue`.
    pub(crate) const MIN: Self = Self { ticks: i64::MIN };
    /// `TimeSpan.MaxValue`.
    pub(crate) const MAX: Self = Self { ticks: i64::MAX };

    /// `new TimeSpan(ticks)`.
    pub(crate) const fn from_ticks(ticks: i64) -> Self {
        Self { ticks }
    }
    /// `new TimeSpan(days, hours, minutes, seconds, milliseconds)`.
    pub(crate) fn from_parts(
        days: i32,
        hours: i32,
        minutes: i32,
        seconds: i32,
        milliseconds: i32,
    ) -> Result<Self, Exception> {
        let seconds = (i64::from(days) * 24 + i64::from(hours)) * 3600
            + i64::from(minutes) * 60
            + i64::from(seconds);
        let milliseconds = seconds * 1000 + i64::from(milliseconds);
        milliseconds
            .checked_mul(TICKS_PER_MILLISECOND)
            .map(Self::from_ticks)
            .ok_or_else(|| Exception::new(ExceptionKind::ArgumentOutOfRange, TOO_LONG))
    }
    /// `FromDays`.
    pub(crate) fn from_days(value: f64) -> Result<Self, Exception> {
        Self::scaled(value, TICKS_PER_DAY)
    }
    /// `FromHours`.
    pub(crate) fn from_hours(value: f64) -> Result<Self, Exception> {
        Self::scaled(value, TICKS_PER_HOUR)
    }
    /// `FromMinutes`.
    pub(crate) fn from_minutes(value: f64) -> Result<Self, Exception> {
        Self::scaled(value, TICKS_PER_MINUTE)
    }
    /// `FromSeconds`.
    pub(crate) fn from_seconds(value: f64) -> Result<Self, Exception> {
        Self::scaled(value, TICKS_PER_SECOND)
    }
    /// `FromMilliseconds`.
    pub(crate) fn from_milliseconds(value: f64) -> Result<Self, Exception> {
        Self::scaled(value, TICKS_PER_MILLISECOND)
    }
    /// `Ticks`.
    pub(crate) const fn ticks(self) -> i64 {
        self.ticks
    }
    /// `Days`.
    pub(crate) fn days(self) -> i32 {
        self.part(TICKS_PER_DAY, i64::MAX)
    }
    /// `Hours`.
    pub(crate) fn hours(self) -> i32 {
        self.part(TICKS_PER_HOUR, 24)
    }
    /// `Minutes`.
    pub(crate) fn minutes(self) -> i32 {
        self.part(TICKS_PER_MINUTE, 60)
    }
    /// `Seconds`.
    pub(crate) fn seconds(self) -> i32 {
        self.part(TICKS_PER_SECOND, 60)
    }
    /// `Milliseconds`.
    pub(crate) fn milliseconds(self) -> i32 {
        self.part(TICKS_PER_MILLISECOND, 1000)
    }
    /// `TotalDays`.
    pub(crate) fn total_days(self) -> f64 {
        self.total(TICKS_PER_DAY)
    }
    /// `TotalHours`.
    pub(crate) fn total_hours(self) -> f64 {
        self.total(TICKS_PER_HOUR)
    }
    /// `TotalMinutes`.
    pub(crate) fn total_minutes(self) -> f64 {
        self.total(TICKS_PER_MINUTE)
    }
    /// `TotalSeconds`.
    pub(crate) fn total_seconds(self) -> f64 {
        self.total(TICKS_PER_SECOND)
    }
    /// `TotalMilliseconds`.
    pub(crate) fn total_milliseconds(self) -> f64 {
        // .NET keeps this one within whole milliseconds.
        self.total(TICKS_PER_MILLISECOND).clamp(-922_337_203_685_477.0, 922_337_203_685_477.0)
    }
    /// `Add` and `+`.
    pub(crate) fn add(self, other: Self) -> Result<Self, Exception> {
        self.ticks.checked_add(other.ticks).map(Self::from_ticks).ok_or_else(too_long)
    }
    /// `Subtract` and `-`.
    pub(crate) fn subtract(self, other: Self) -> Result<Self, Exception> {
        self.ticks.checked_sub(other.ticks).map(Self::from_ticks).ok_or_else(too_long)
    }
    /// `Negate` and unary `-`.
    pub(crate) fn negate(self) -> Result<Self, Exception> {
        self.ticks.checked_neg().map(Self::from_ticks).ok_or_else(|| {
            Exception::new(
                ExceptionKind::Overflow,
                "Negating the minimum value of a twos complement number is invalid.",
            )
        })
    }
    /// `Duration`.
    pub(crate) fn duration(self) -> Result<Self, Exception> {
        self.ticks.checked_abs().map(Self::from_ticks).ok_or_else(|| {
            Exception::new(
                ExceptionKind::Overflow,
                "The duration cannot be returned for TimeSpan.MinValue because the absolute value of TimeSpan.MinValue exceeds the value of TimeSpan.MaxValue.",
            )
        })
    }
    /// `Multiply` and `*`.
    pub(crate) fn multiply(self, factor: f64) -> Result<Self, Exception> {
        if factor.is_nan() {
            return Err(Exception::new(
                ExceptionKind::Argument,
                format!("{NOT_A_NUMBER} (Parameter 'factor')"),
            ));
        }
        Self::of_double((as_double(self.ticks) * factor).round_ties_even())
    }
    /// `Divide(double)` and `/`.
    pub(crate) fn divide(self, divisor: f64) -> Result<Self, Exception> {
        if divisor.is_nan() {
            return Err(Exception::new(
                ExceptionKind::Argument,
                format!("{NOT_A_NUMBER} (Parameter 'divisor')"),
            ));
        }
        let ticks = (as_double(self.ticks) / divisor).round_ties_even();
        if ticks.is_nan() { Err(too_long()) } else { Self::of_double(ticks) }
    }
    /// `Divide(TimeSpan)` and `/`.
    pub(crate) fn ratio(self, other: Self) -> f64 {
        as_double(self.ticks) / as_double(other.ticks)
    }
    /// `ToString()`.
    pub(crate) fn text(self) -> String {
        let mut out = String::new();
        span_text::constant(self, &mut out);
        out
    }
    /// `ToString(format)`.
    pub(crate) fn format(self, format: &str, budget: &mut Budget) -> Result<String, Exception> {
        span_text::format(self, format, budget)
    }
    /// `TimeSpan.Parse`.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Exception> {
        span_text::parse(text)
    }
    /// `TimeSpan.TryParse`.
    pub(crate) fn try_parse(text: Option<&str>) -> Option<Self> {
        span_text::parse(text).ok()
    }
    /// `TimeSpan.ParseExact(text, format, invariant)`.
    pub(crate) fn parse_exact(text: Option<&str>, format: Option<&str>) -> Result<Self, Exception> {
        span_text::parse_exact(text, format)
    }

    fn scaled(value: f64, unit: i64) -> Result<Self, Exception> {
        if value.is_nan() {
            return Err(Exception::new(ExceptionKind::Argument, NOT_A_NUMBER));
        }
        Self::of_double(value * as_double(unit))
    }

    /// As .NET converts, without a check of what is just too large, nor, of a product, of what is no number: both come out as
    /// the smallest.
    fn of_double(ticks: f64) -> Result<Self, Exception> {
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if ticks.abs() > LIMIT {
            return Err(too_long());
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above; .NET truncates too")]
        Ok(if ticks < LIMIT { Self { ticks: ticks as i64 } } else { Self::MIN })
    }

    fn part(self, unit: i64, wrap: i64) -> i32 {
        i32::try_from(self.ticks / unit % wrap).unwrap_or(0)
    }

    fn total(self, unit: i64) -> f64 {
        as_double(self.ticks) / as_double(unit)
    }
}

#[expect(clippy::cast_precision_loss, reason = "what .NET does")]
fn as_double(ticks: i64) -> f64 {
    ticks as f64
}

#[cold]
fn too_long() -> Exception {
    Exception::new(ExceptionKind::Overflow, TOO_LONG)
}
