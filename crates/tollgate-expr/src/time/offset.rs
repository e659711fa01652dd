//! `System.DateTimeOffset`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::calendar::{TICKS_PER_MILLISECOND, TICKS_PER_MINUTE, TICKS_PER_SECOND};
use super::{DateStyles, DateTime, Kind, TimeSpan, format, out_of_range, parse, parse_exact};
use crate::{Budget, Exception, ExceptionKind};

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
        Self { utc: value.ticks(), minutes: 0 }
    }
    /// `new DateTimeOffset(DateTime, TimeSpan)`.
    pub(crate) fn with_offset(value: DateTime, offset: TimeSpan) -> Result<Self, Exception> {
        let apart = offset.ticks() != 0;
        if value.kind() == Kind::Utc && apart {
            return Err(Exception::new(
                ExceptionKind::Argument,
                "The UTC Offset for Utc DateTime instances must be 0. (Parameter 'offset')",
            ));
        }
        if value.kind() == Kind::Local && apart {
            return Err(Exception::new(
                ExceptionKind::Argument,
                "The UTC Offset of the local dateTime parameter does not match the offset argument. (Parameter 'offset')",
            ));
        }
        let minutes = whole_minutes(offset)?;
        let utc = value.ticks() - offset.ticks();
        if DateTime::from_ticks(utc, Kind::Utc).is_err() {
            return Err(out_of_range(
                "The UTC time represented when the offset is applied must be between year 0 and 10,000.",
                "offset",
            ));
        }
        Ok(Self { utc, minutes })
    }
    /// `FromUnixTimeSeconds`.
    pub(crate) fn from_unix_seconds(seconds: i64) -> Result<Self, Exception> {
        if !(-62_135_596_800..=253_402_300_799).contains(&seconds) {
            return Err(out_of_range(
                "Valid values are between -62135596800 and 253402300799, inclusive.",
                "seconds",
            ));
        }
        Ok(Self { utc: DateTime::UNIX_EPOCH.ticks() + seconds * TICKS_PER_SECOND, minutes: 0 })
    }
    /// `FromUnixTimeMilliseconds`.
    pub(crate) fn from_unix_milliseconds(milliseconds: i64) -> Result<Self, Exception> {
        if !(-62_135_596_800_000..=253_402_300_799_999).contains(&milliseconds) {
            return Err(out_of_range(
                "Valid values are between -62135596800000 and 253402300799999, inclusive.",
                "milliseconds",
            ));
        }
        let ticks = DateTime::UNIX_EPOCH.ticks() + milliseconds * TICKS_PER_MILLISECOND;
        Ok(Self { utc: ticks, minutes: 0 })
    }
    /// `ToUnixTimeSeconds`.
    pub(crate) fn unix_seconds(self) -> i64 {
        (self.utc / TICKS_PER_SECOND) - DateTime::UNIX_EPOCH.ticks() / TICKS_PER_SECOND
    }
    /// `ToUnixTimeMilliseconds`.
    pub(crate) fn unix_milliseconds(self) -> i64 {
        self.utc / TICKS_PER_MILLISECOND - DateTime::UNIX_EPOCH.ticks() / TICKS_PER_MILLISECOND
    }
    /// `DateTime`: the clock time, kind Unspecified. Year, Month, … of the offset are those of this.
    pub(crate) fn clock(self) -> DateTime {
        let ticks = self.utc + self.offset().ticks();
        DateTime::from_ticks(ticks, Kind::Unspecified).unwrap_or(DateTime::MIN)
    }
    /// `UtcDateTime`.
    pub(crate) fn utc_date_time(self) -> DateTime {
        DateTime::from_ticks(self.utc, Kind::Utc).unwrap_or(DateTime::MIN)
    }
    /// `LocalDateTime`.
    pub(crate) fn local_date_time(self) -> DateTime {
        self.utc_date_time().with_kind(Kind::Local)
    }
    /// `Offset`.
    pub(crate) fn offset(self) -> TimeSpan {
        TimeSpan::from_ticks(i64::from(self.minutes) * TICKS_PER_MINUTE)
    }
    /// `ToOffset`.
    pub(crate) fn to_offset(self, offset: TimeSpan) -> Result<Self, Exception> {
        let clock = self.utc_date_time().with_kind(Kind::Unspecified).plus(offset)?;
        Self::with_offset(clock, offset)
    }
    /// `Subtract(DateTimeOffset)` and `-`.
    pub(crate) fn since(self, other: Self) -> TimeSpan {
        TimeSpan::from_ticks(self.utc - other.utc)
    }
    /// `AddDays`, `AddHours`, …: applies one of the additions of `DateTime` to the clock time.
    pub(crate) fn map(
        self,
        change: impl FnOnce(DateTime) -> Result<DateTime, Exception>,
    ) -> Result<Self, Exception> {
        Self::with_offset(change(self.clock())?, self.offset())
    }
    /// `ToString()`.
    pub(crate) fn text(self) -> String {
        format::general(self.clock(), Some(self.offset()))
    }
    /// `ToString(format)`.
    pub(crate) fn format(self, format: &str, budget: &mut Budget) -> Result<String, Exception> {
        format::date_time(self.clock(), Some(self.offset()), format, budget)
    }
    /// `DateTimeOffset.Parse`.
    pub(crate) fn parse(
        text: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Result<Self, Exception> {
        parse::date_time_offset(text, styles, now)
    }
    /// `DateTimeOffset.TryParse`.
    pub(crate) fn try_parse(text: Option<&str>, styles: DateStyles, now: DateTime) -> Option<Self> {
        Self::parse(text, styles, now).ok()
    }
    /// `DateTimeOffset.ParseExact`.
    pub(crate) fn parse_exact(
        text: Option<&str>,
        format: Option<&str>,
        styles: DateStyles,
        now: DateTime,
    ) -> Result<Self, Exception> {
        parse_exact::date_time_offset(text, format, styles, now)
    }
}

/// An offset in minutes, if .NET takes it.
fn whole_minutes(offset: TimeSpan) -> Result<i16, Exception> {
    let ticks = offset.ticks();
    if ticks % TICKS_PER_MINUTE != 0 {
        return Err(Exception::new(
            ExceptionKind::Argument,
            "Offset must be specified in whole minutes. (Parameter 'offset')",
        ));
    }
    i16::try_from(ticks / TICKS_PER_MINUTE)
        .ok()
        .filter(|minutes| (-14 * 60..=14 * 60).contains(minutes))
        .ok_or_else(|| out_of_range("Offset must be within plus or minus 14 hours.", "offset"))
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
