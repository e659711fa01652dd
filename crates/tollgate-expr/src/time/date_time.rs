//! `System.DateTime`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::calendar::{
    Date, TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE, TICKS_PER_SECOND,
    date_of_days, days_of_date, month_days,
};
use super::{DateStyles, DayOfWeek, TimeSpan, format, out_of_range, parse};
use crate::{Budget, Exception, ExceptionKind};

const UNREPRESENTABLE: &str =
    "The added or subtracted value results in an un-representable DateTime.";

/// 1601-01-01.
const FILE_TIME_EPOCH: i64 = 504_911_232_000_000_000;
const NO_FILE_TIME: &str = "Not a valid Win32 FileTime.";

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
        if (Self::MIN.ticks..=Self::MAX.ticks).contains(&ticks) {
            return Ok(Self { ticks, kind });
        }
        Err(out_of_range(
            "Ticks must be between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks.",
            "ticks",
        ))
    }

    /// `new DateTime(year, month, day)`.
    pub(crate) fn from_date(year: i32, month: i32, day: i32) -> Result<Self, Exception> {
        let days = days_of_date(year, month, day).ok_or_else(|| {
            Exception::new(
                ExceptionKind::ArgumentOutOfRange,
                "Year, Month, and Day parameters describe an un-representable DateTime.",
            )
        })?;
        Ok(Self { ticks: days * TICKS_PER_DAY, kind: Kind::Unspecified })
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
        if !(0..1000).contains(&millisecond) {
            let message = "Valid values are between 0 and 999, inclusive.";
            return Err(out_of_range(message, "millisecond"));
        }
        let date = Self::from_date(year, month, day)?;
        if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
            return Err(Exception::new(
                ExceptionKind::ArgumentOutOfRange,
                "Hour, Minute, and Second parameters describe an un-representable DateTime.",
            ));
        }
        let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
        let ticks = seconds * TICKS_PER_SECOND + i64::from(millisecond) * TICKS_PER_MILLISECOND;
        Ok(Self { ticks: date.ticks + ticks, kind })
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
        self.calendar().year
    }
    /// `Month`.
    pub(crate) fn month(self) -> i32 {
        self.calendar().month
    }
    /// `Day`.
    pub(crate) fn day(self) -> i32 {
        self.calendar().day
    }
    /// `DayOfYear`.
    pub(crate) fn day_of_year(self) -> i32 {
        self.calendar().day_of_year
    }
    /// `DayOfWeek`.
    pub(crate) fn day_of_week(self) -> DayOfWeek {
        DayOfWeek::of((self.ticks / TICKS_PER_DAY + 1) % 7)
    }
    /// `Hour`.
    pub(crate) fn hour(self) -> i32 {
        part(self.ticks, TICKS_PER_HOUR, 24)
    }
    /// `Minute`.
    pub(crate) fn minute(self) -> i32 {
        part(self.ticks, TICKS_PER_MINUTE, 60)
    }
    /// `Second`.
    pub(crate) fn second(self) -> i32 {
        part(self.ticks, TICKS_PER_SECOND, 60)
    }
    /// `Millisecond`.
    pub(crate) fn millisecond(self) -> i32 {
        part(self.ticks, TICKS_PER_MILLISECOND, 1000)
    }
    /// `Date`.
    pub(crate) fn date(self) -> Self {
        Self { ticks: self.ticks - self.ticks % TICKS_PER_DAY, kind: self.kind }
    }
    /// `TimeOfDay`.
    pub(crate) fn time_of_day(self) -> TimeSpan {
        TimeSpan::from_ticks(self.ticks % TICKS_PER_DAY)
    }
    /// `Add(TimeSpan)` and `+`.
    pub(crate) fn add(self, span: TimeSpan) -> Result<Self, Exception> {
        self.add_ticks(span.ticks())
    }
    /// `Subtract(TimeSpan)` and `-`.
    pub(crate) fn subtract(self, span: TimeSpan) -> Result<Self, Exception> {
        self.shift(span.ticks().checked_neg(), "value")
    }
    /// `Subtract(DateTime)` and `-`.
    pub(crate) fn since(self, other: Self) -> TimeSpan {
        TimeSpan::from_ticks(self.ticks - other.ticks)
    }
    /// `AddTicks`.
    pub(crate) fn add_ticks(self, ticks: i64) -> Result<Self, Exception> {
        self.shift(Some(ticks), "value")
    }
    /// `AddDays`.
    pub(crate) fn add_days(self, value: f64) -> Result<Self, Exception> {
        self.add_scaled(value, 86_400_000.0)
    }
    /// `AddHours`.
    pub(crate) fn add_hours(self, value: f64) -> Result<Self, Exception> {
        self.add_scaled(value, 3_600_000.0)
    }
    /// `AddMinutes`.
    pub(crate) fn add_minutes(self, value: f64) -> Result<Self, Exception> {
        self.add_scaled(value, 60_000.0)
    }
    /// `AddSeconds`.
    pub(crate) fn add_seconds(self, value: f64) -> Result<Self, Exception> {
        self.add_scaled(value, 1_000.0)
    }
    /// `AddMilliseconds`.
    pub(crate) fn add_milliseconds(self, value: f64) -> Result<Self, Exception> {
        self.add_scaled(value, 1.0)
    }
    /// `AddMonths`.
    pub(crate) fn add_months(self, months: i32) -> Result<Self, Exception> {
        if !(-120_000..=120_000).contains(&months) {
            return Err(out_of_range("Months value must be between +/-120000.", "months"));
        }
        let date = self.calendar();
        let total = date.year * 12 + date.month - 1 + months;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        let day = date.day.min(month_days(year, month));
        let days = days_of_date(year, month, day)
            .ok_or_else(|| out_of_range(UNREPRESENTABLE, "months"))?;
        Ok(Self { ticks: days * TICKS_PER_DAY + self.ticks % TICKS_PER_DAY, kind: self.kind })
    }
    /// `AddYears`.
    pub(crate) fn add_years(self, years: i32) -> Result<Self, Exception> {
        if !(-10_000..=10_000).contains(&years) {
            return Err(out_of_range("Years value must be between +/-10000.", "years"));
        }
        self.add_months(years * 12)
    }
    /// `FromFileTimeUtc`.
    pub(crate) fn from_file_time(ticks: i64) -> Result<Self, Exception> {
        let ticks = ticks.checked_add(FILE_TIME_EPOCH).filter(|_| ticks >= 0);
        let made = ticks.and_then(|ticks| Self::from_ticks(ticks, Kind::Utc).ok());
        made.ok_or_else(|| out_of_range(NO_FILE_TIME, "fileTime"))
    }
    /// `ToFileTimeUtc`.
    pub(crate) fn file_time(self) -> Result<i64, Exception> {
        let ticks = self.ticks - FILE_TIME_EPOCH;
        if ticks < 0 {
            return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, NO_FILE_TIME));
        }
        Ok(ticks)
    }
    /// `ToString()`.
    pub(crate) fn text(self) -> String {
        format::general(self, None)
    }
    /// `ToString(format)`.
    pub(crate) fn format(self, format: &str, budget: &mut Budget) -> Result<String, Exception> {
        format::date_time(self, None, format, budget)
    }
    /// `DateTime.Parse(text, invariant, styles)`. Text without a date takes that of `now`, the host's local time.
    pub(crate) fn parse(
        text: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Result<Self, Exception> {
        parse::date_time(text, styles, now)
    }
    /// The operator `+` of a span: as [`DateTime::add`], but its exception names the parameter `t`.
    pub(crate) fn plus(self, span: TimeSpan) -> Result<Self, Exception> {
        self.shift(Some(span.ticks()), "t")
    }

    /// The operator `-` of a span.
    pub(crate) fn minus(self, span: TimeSpan) -> Result<Self, Exception> {
        self.shift(span.ticks().checked_neg(), "t")
    }

    fn shift(self, ticks: Option<i64>, parameter: &str) -> Result<Self, Exception> {
        ticks
            .and_then(|ticks| self.ticks.checked_add(ticks))
            .filter(|ticks| (Self::MIN.ticks..=Self::MAX.ticks).contains(ticks))
            .map(|ticks| Self { ticks, kind: self.kind })
            .ok_or_else(|| out_of_range(UNREPRESENTABLE, parameter))
    }

    /// .NET rounds to milliseconds before it adds.
    fn add_scaled(self, value: f64, scale: f64) -> Result<Self, Exception> {
        const MAX_MILLISECONDS: f64 = 315_537_897_600_000.0;
        let milliseconds = value * scale + if value >= 0.0 { 0.5 } else { -0.5 };
        // .NET converts this to an integer without a check, which comes out as nothing.
        if milliseconds.is_nan() {
            return Ok(self);
        }
        if !(milliseconds > -MAX_MILLISECONDS && milliseconds < MAX_MILLISECONDS) {
            return Err(out_of_range("Value to add was out of range.", "value"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        let milliseconds = milliseconds as i64;
        self.add_ticks(milliseconds * TICKS_PER_MILLISECOND)
    }

    pub(super) fn calendar(self) -> Date {
        date_of_days(self.ticks / TICKS_PER_DAY)
    }
}

/// How many whole `unit`s, modulo `wrap`.
fn part(ticks: i64, unit: i64, wrap: i64) -> i32 {
    i32::try_from(ticks / unit % wrap).unwrap_or(0)
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
