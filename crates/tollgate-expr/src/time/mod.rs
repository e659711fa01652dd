//! `DateTime`, `DateTimeOffset` and `TimeSpan`, invariant culture. The local zone is UTC, as it is in the gateway.

mod calendar;
mod date_time;
mod format;
mod offset;
mod parse;
mod span;

pub(crate) use date_time::{DateTime, Kind};
pub(crate) use offset::DateTimeOffset;
pub(crate) use parse::DateStyles;
pub(crate) use span::TimeSpan;

/// `System.DayOfWeek`: Sunday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DayOfWeek {
    Sunday,
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
}

impl DayOfWeek {
    /// The name of the constant.
    pub(crate) fn name(self) -> &'static str {
        todo!()
    }
}

/// `DateTime.DaysInMonth`.
pub(crate) fn days_in_month(year: i32, month: i32) -> Result<i32, crate::Exception> {
    todo!()
}

/// `DateTime.IsLeapYear`.
pub(crate) fn is_leap_year(year: i32) -> Result<bool, crate::Exception> {
    todo!()
}
