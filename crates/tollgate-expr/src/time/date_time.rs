//! `System.DateTime`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::{DateStyles, DayOfWeek, TimeSpan};
use crate::{Budget, Exception};

/// `System.DateTimeKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) enum Kind {
    #[default]
    Unspecified,
    Utc,
    Local,
}

/// `System.DateTime`: 100 ns ticks since 0001-01-01, and a kind. Equality, order and hash are by ticks alone, as in .NET.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DateTime {
    ticks: i64,
    kind: Kind,
}

impl DateTime {
    /// `DateTime.MinValue`.
    pub(crate) const MIN: Self = Self { ticks: 0, kind: Kind::Unspecified };
    /// `DateTime.MaxValue`.
    pub(crate) const MAX: Self = Self { ticks: 3_155_378_975_999_999_999, kind: Kind::Unspecified };
    /// `DateTime.UnixEpoch`.
    pub(crate) const UNIX_EPOCH: Self = Self { ticks: 621_355_968_000_000_000, kind: Kind::Utc };

    /// `new DateTime(ticks, kind)`.
    pub(crate) fn from_ticks(ticks: i64, kind: Kind) -> Result<Self, Exception> {
        todo!()
    }

    /// From the host's clock: nanoseconds since the Unix epoch; clamped to what `DateTime` holds.
    pub(crate) fn from_unix_nanos(nanos: i128, kind: Kind) -> Self {
        todo!()
    }

    /// `new DateTime(year, month, day)`.
    pub(crate) fn from_date(year: i32, month: i32, day: i32) -> Result<Self, Exception> {
        todo!()
    }

    /// `new DateTime(year, month, day, hour, minute, second, millisecond, kind)`.
    #[expect(clippy::too_many_arguments, reason = ".NET's constructor")]
    pub(crate) fn from_parts(
        year: i32,
        month: i32,
        day: i32,
        hour: i32,
        minute: i32,
        second: i32,
        millisecond: i32,
        kind: Kind,
    ) -> Result<Self, Exception> {
        todo!()
    }

    /// `Ticks`.
    pub(crate) fn ticks(self) -> i64 {
        self.ticks
    }
    /// `Kind`.
    pub(crate) fn kind(self) -> Kind {
        self.kind
    }
    /// `DateTime.SpecifyKind`.
    pub(crate) fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
    /// `Year`.
    pub(crate) fn year(self) -> i32 {
        todo!()
    }
    /// `Month`.
    pub(crate) fn month(self) -> i32 {
        todo!()
    }
    /// `Day`.
    pub(crate) fn day(self) -> i32 {
        todo!()
    }
    /// `DayOfYear`.
    pub(crate) fn day_of_year(self) -> i32 {
        todo!()
    }
    /// `DayOfWeek`.
    pub(crate) fn day_of_week(self) -> DayOfWeek {
        todo!()
    }
    /// `Hour`.
    pub(crate) fn hour(self) -> i32 {
        todo!()
    }
    /// `Minute`.
    pub(crate) fn minute(self) -> i32 {
        todo!()
    }
    /// `Second`.
    pub(crate) fn second(self) -> i32 {
        todo!()
    }
    /// `Millisecond`.
    pub(crate) fn millisecond(self) -> i32 {
        todo!()
    }
    /// `Date`.
    pub(crate) fn date(self) -> Self {
        todo!()
    }
    /// `TimeOfDay`.
    pub(crate) fn time_of_day(self) -> TimeSpan {
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
    /// `Subtract(DateTime)` and `-`.
    pub(crate) fn since(self, other: Self) -> TimeSpan {
        todo!()
    }
    /// `AddTicks`.
    pub(crate) fn add_ticks(self, ticks: i64) -> Result<Self, Exception> {
        todo!()
    }
    /// `AddDays`.
    pub(crate) fn add_days(self, value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `AddHours`.
    pub(crate) fn add_hours(self, value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `AddMinutes`.
    pub(crate) fn add_minutes(self, value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `AddSeconds`.
    pub(crate) fn add_seconds(self, value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `AddMilliseconds`.
    pub(crate) fn add_milliseconds(self, value: f64) -> Result<Self, Exception> {
        todo!()
    }
    /// `AddMonths`.
    pub(crate) fn add_months(self, months: i32) -> Result<Self, Exception> {
        todo!()
    }
    /// `AddYears`.
    pub(crate) fn add_years(self, years: i32) -> Result<Self, Exception> {
        todo!()
    }
    /// `ToUniversalTime()`.
    pub(crate) fn to_universal(self) -> Self {
        todo!()
    }
    /// `ToLocalTime()`.
    pub(crate) fn to_local(self) -> Self {
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
    /// `DateTime.Parse(text, invariant, styles)`. Text without a date takes that of `now`, the host's local time.
    pub(crate) fn parse(
        text: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Result<Self, Exception> {
        todo!()
    }
    /// `DateTime.TryParse(text, invariant, styles, ..)`.
    pub(crate) fn try_parse(text: Option<&str>, styles: DateStyles, now: DateTime) -> Option<Self> {
        todo!()
    }
    /// `DateTime.ParseExact(text, format, invariant, styles)`.
    pub(crate) fn parse_exact(
        text: Option<&str>,
        format: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Result<Self, Exception> {
        todo!()
    }
    /// `DateTime.TryParseExact(text, format, invariant, styles, ..)`.
    pub(crate) fn try_parse_exact(
        text: Option<&str>,
        format: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Option<Self> {
        todo!()
    }
}

impl PartialEq for DateTime {
    fn eq(&self, other: &Self) -> bool {
        self.ticks == other.ticks
    }
}

impl Eq for DateTime {}

impl PartialOrd for DateTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DateTime {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ticks.cmp(&other.ticks)
    }
}

impl Hash for DateTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ticks.hash(state);
    }
}
