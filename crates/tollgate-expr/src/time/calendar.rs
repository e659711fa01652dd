//! The proleptic Gregorian calendar.

pub(super) const TICKS_PER_MILLISECOND: i64 = 10_000;
pub(super) const TICKS_PER_SECOND: i64 = 10_000_000;
pub(super) const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
pub(super) const TICKS_PER_HOUR: i64 = 60 * TICKS_PER_MINUTE;
pub(super) const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The name of a month, 1 to 12.
pub(super) fn month_name(month: i32) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).copied().unwrap_or("")
}

/// The name of a day, 0 for Sunday.
pub(super) fn day_name(day: usize) -> &'static str {
    DAYS.get(day).copied().unwrap_or("")
}

/// The first three letters.
pub(super) fn abbreviated(name: &'static str) -> &'static str {
    name.get(..3).unwrap_or(name)
}

pub(super) fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month of a year that is in range; 0 when the month is not.
pub(super) fn month_days(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// Days from 0001-01-01 to the first of a year.
fn days_before_year(year: i32) -> i64 {
    let year = i64::from(year) - 1;
    year * 365 + year / 4 - year / 100 + year / 400
}

/// Days from the first of the year to the first of a month.
fn days_before_month(year: i32, month: i32) -> i32 {
    (1..month).map(|month| month_days(year, month)).sum()
}

/// Days since 0001-01-01 of a date that exists.
pub(super) fn days_of_date(year: i32, month: i32, day: i32) -> Option<i64> {
    if !(1..=9999).contains(&year) || day < 1 || day > month_days(year, month) {
        return None;
    }
    Some(days_before_year(year) + i64::from(days_before_month(year, month) + day - 1))
}

/// A date and its day of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: i32,
    pub(super) month: i32,
    pub(super) day: i32,
    pub(super) day_of_year: i32,
}

/// The date that many days after 0001-01-01.
pub(super) fn date_of_days(days: i64) -> Date {
    // An estimate that is right or one too large, as 400 years have 146,097 days.
    let mut year = i32::try_from(days * 400 / 146_097).unwrap_or(0) + 1;
    while year > 1 && days_before_year(year) > days {
        year -= 1;
    }
    if days_before_year(year + 1) <= days {
        year += 1;
    }
    let mut rest = i32::try_from(days - days_before_year(year)).unwrap_or(0);
    let day_of_year = rest + 1;
    let mut month = 1;
    while month < 12 && rest >= month_days(year, month) {
        rest -= month_days(year, month);
        month += 1;
    }
    Date { year, month, day: rest + 1, day_of_year }
}
