//! `System.DateTimeOffset`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::{DateStyles, DateTime, TimeSpan};
use crate::{Budget, Exception};

/// `System.DateTimeOffset`: a clock time and its distance from UTC. Equality, order and hash are by the UTC instant.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DateTimeOffset {
    /// Ticks of the UTC time.
    utc: i64,
    /// Minutes east of UTC.
    minutes: i16,
}

impl DateTimeOffset {
    /// `new DateTimeOffset(DateTime)`.
    pub(crate) fn from_date_time(value: DateTime) -> Self {
        todo!()
    }
    /// `new DateTimeOffset(DateTime, TimeSpan)`.
    pub(crate) fn with_offset(value: DateTime, offset: TimeSpan) -> Result<Self, Exception> {
        todo!()
    }
    /// `FromUnixTimeSeconds`.
    pub(crate) fn from_unix_seconds(seconds: i64) -> Result<Self, Exception> {
        todo!()
    }
    /// `FromUnixTimeMilliseconds`.
    pub(crate) fn from_unix_milliseconds(milliseconds: i64) -> Result<Self, Exception> {
        todo!()
    }
    /// `ToUnixTimeSeconds`.
    pub(crate) fn unix_seconds(self) -> i64 {
        todo!()
    }
    /// `ToUnixTimeMilliseconds`.
    pub(crate) fn unix_milliseconds(self) -> i64 {
        todo!()
    }
    /// `DateTime`: the clock time, kind Unspecified. Year, Month, … of the offset are those of this.
    pub(crate) fn clock(self) -> DateTime {
        todo!()
    }
    /// `UtcDateTime`.
    pub(crate) fn utc_date_time(self) -> DateTime {
        todo!()
    }
    /// `LocalDateTime`.
    pub(crate) fn local_date_time(self) -> DateTime {
        todo!()
    }
    /// `Offset`.
    pub(crate) fn offset(self) -> TimeSpan {
        todo!()
    }
    /// `ToOffset`.
    pub(crate) fn to_offset(self, offset: TimeSpan) -> Result<Self, Exception> {
        todo!()
    }
    /// `Add(TimeSpan)` and `+`.
    pub(crate) fn add(self, span: TimeSpan) -> Result<Self, Exception> {
        todo!()
    }
    /// `Subtract(TimeSpan)` and `-`.
    pub(crate) fn subtract(self, span: TimeSpan) -> Result<Self, Exception> {
        todo!()
    }
    /// `Subtract(DateTimeOffset)` and `-`.
    pub(crate) fn since(self, other: Self) -> TimeSpan {
        todo!()
    }
    /// `AddDays`, `AddHours`, …: applies one of the additions of `DateTime` to the clock time.
    pub(crate) fn map(
        self,
        change: impl FnOnce(DateTime) -> Result<DateTime, Exception>,
    ) -> Result<Self, Exception> {
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
    /// `DateTimeOffset.Parse`.
    pub(crate) fn parse(
        text: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Result<Self, Exception> {
        todo!()
    }
    /// `DateTimeOffset.TryParse`.
    pub(crate) fn try_parse(text: Option<&str>, styles: DateStyles, now: DateTime) -> Option<Self> {
        todo!()
    }
    /// `DateTimeOffset.ParseExact`.
    pub(crate) fn parse_exact(
        text: Option<&str>,
        format: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Result<Self, Exception> {
        todo!()
    }
    /// `DateTimeOffset.TryParseExact`.
    pub(crate) fn try_parse_exact(
        text: Option<&str>,
        format: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Option<Self> {
        todo!()
    }
}

impl PartialEq for DateTimeOffset {
    fn eq(&self, other: &Self) -> bool {
        self.utc == other.utc
    }
}

impl Eq for DateTimeOffset {}

impl PartialOrd for DateTimeOffset {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DateTimeOffset {
    fn cmp(&self, other: &Self) -> Ordering {
        self.utc.cmp(&other.utc)
    }
}

impl Hash for DateTimeOffset {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.utc.hash(state);
    }
}
