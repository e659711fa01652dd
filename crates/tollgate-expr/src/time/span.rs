//! `System.TimeSpan`.

use crate::{Budget, Exception};

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
        todo!()
    }
    /// `FromDays`.
    pub(crate) fn from_days(value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `FromHours`.
    pub(crate) fn from_hours(value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `FromMinutes`.
    pub(crate) fn from_minutes(value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `FromSeconds`.
    pub(crate) fn from_seconds(value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `FromMilliseconds`.
    pub(crate) fn from_milliseconds(value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `Ticks`.
    pub(crate) const fn ticks(self) -> i64 {
        self.ticks
    }
    /// `Days`.
    pub(crate) fn days(self) -> i32 {
        todo!()
    }
    /// `Hours`.
    pub(crate) fn hours(self) -> i32 {
        todo!()
    }
    /// `Minutes`.
    pub(crate) fn minutes(self) -> i32 {
        todo!()
    }
    /// `Seconds`.
    pub(crate) fn seconds(self) -> i32 {
        todo!()
    }
    /// `Milliseconds`.
    pub(crate) fn milliseconds(self) -> i32 {
        todo!()
    }
    /// `TotalDays`.
    pub(crate) fn total_days(self) -> f64 {
        todo!()
    }
    /// `TotalHours`.
    pub(crate) fn total_hours(self) -> f64 {
        todo!()
    }
    /// `TotalMinutes`.
    pub(crate) fn total_minutes(self) -> f64 {
        todo!()
    }
    /// `TotalSeconds`.
    pub(crate) fn total_seconds(self) -> f64 {
        todo!()
    }
    /// `TotalMilliseconds`.
    pub(crate) fn total_milliseconds(self) -> f64 {
        todo!()
    }
    /// `Add` and `+`.
    pub(crate) fn add(self, other: Self) -> Result<Self, Exception> {
        todo!()
    }
    /// `Subtract` and `-`.
    pub(crate) fn subtract(self, other: Self) -> Result<Self, Exception> {
        todo!()
    }
    /// `Negate` and unary `-`.
    pub(crate) fn negate(self) -> Result<Self, Exception> {
        todo!()
    }
    /// `Duration`.
    pub(crate) fn duration(self) -> Result<Self, Exception> {
        todo!()
    }
    /// `Multiply` and `*`.
    pub(crate) fn multiply(self, factor: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `Divide(double)` and `/`.
    pub(crate) fn divide(self, divisor: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `Divide(TimeSpan)` and `/`.
    pub(crate) fn ratio(self, other: Self) -> f64 {
        todo!()
    }
    /// `ToString()`.
    pub(crate) fn text(self) -> String {
        todo!()
    }
    /// `ToString(format)`.
    pub(crate) fn format(self, format: &str, budget: &mut Budget) -> Result<String, Exception> {
        todo!()
    }
    /// `TimeSpan.Parse`.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Exception> {
        todo!()
    }
    /// `TimeSpan.TryParse`.
    pub(crate) fn try_parse(text: Option<&str>) -> Option<Self> {
        todo!()
    }
    /// `TimeSpan.ParseExact(text, format, invariant)`.
    pub(crate) fn parse_exact(text: Option<&str>, format: Option<&str>) -> Result<Self, Exception> {
        todo!()
    }
}
