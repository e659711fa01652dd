//! `DateTime`, `DateTimeOffset` and `TimeSpan`, invariant culture. The local zone is UTC, as it is in the gateway.

mod calendar;
mod date_time;
mod format;
mod names;
mod offset;
mod parse;
mod parse_exact;
mod span;
mod span_text;
mod windows_zones;
mod zone;

pub(crate) use date_time::{DateTime, Kind};
pub(crate) use offset::DateTimeOffset;
pub(crate) use parse::DateStyles;
pub(crate) use span::TimeSpan;
pub(crate) use windows_zones::{ALL as WINDOWS_ZONES, find as windows_zone};
pub(crate) use zone::{Local, Period, Rules};

use crate::{Exception, ExceptionKind};

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
    fn of(index: i64) -> Self {
        match index {
            0 => Self::Sunday,
            1 => Self::Monday,
            2 => Self::Tuesday,
            3 => Self::Wednesday,
            4 => Self::Thursday,
            5 => Self::Friday,
            _ => Self::Saturday,
        }
    }
}

/// `DateTime.DaysInMonth`.
pub(crate) fn days_in_month(year: i32, month: i32) -> Result<i32, Exception> {
    if !(1..=12).contains(&month) {
        return Err(out_of_range("Month must be between one and twelve.", "month"));
    }
    is_leap_year(year)?;
    Ok(calendar::month_days(year, month))
}

/// `DateTime.IsLeapYear`.
pub(crate) fn is_leap_year(year: i32) -> Result<bool, Exception> {
    if !(1..=9999).contains(&year) {
        return Err(out_of_range("Year must be between 1 and 9999.", "year"));
    }
    Ok(calendar::is_leap(year))
}

#[cold]
fn out_of_range(message: &str, parameter: &str) -> Exception {
    Exception::new(
        ExceptionKind::ArgumentOutOfRange,
        format!("{message} (Parameter '{parameter}')"),
    )
}

#[cold]
fn null(parameter: &str) -> Exception {
    Exception::new(
        ExceptionKind::ArgumentNull,
        format!("Value cannot be null. (Parameter '{parameter}')"),
    )
}

#[cfg(test)]
#[expect(clippy::too_many_lines, reason = "tables of what C# answers")]
mod tests;
