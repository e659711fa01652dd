//! `DateTime`, `DateTimeOffset`, `TimeSpan`, `TimeZoneInfo` and `TimeZone`.

mod date_time;
mod legacy_zone;
mod offset;
mod span;
mod zone;

pub(in crate::types) use date_time::{DECL as DATE_TIME, parse};
pub(in crate::types) use legacy_zone::DECL as TIME_ZONE;
pub(in crate::types) use offset::DECL as OFFSET;
pub(in crate::types) use span::DECL as SPAN;
pub(in crate::types) use zone::DECL as TIME_ZONE_INFO;

use super::decl::{Kind, TypeDecl, not_allowed};
use crate::eval::{Args, Cx, formatted};
use crate::time::{DateTime, Kind as TimeKind, TimeSpan};
use crate::{Exception, Value};

pub(super) const KIND: TypeDecl = TypeDecl {
    name: "System.DateTimeKind",
    kind: Kind::Enum(&[("Unspecified", 0), ("Utc", 1), ("Local", 2)]),
    bases: &[],
    docs: "What zone a time is in.",
    members: &[],
    refused: &[not_allowed("Unspecified", ONLY_UTC), not_allowed("Local", ONLY_UTC)],
};

const ONLY_UTC: &str = "the allow-list has `DateTimeKind.Utc` only";

pub(super) const DAY_OF_WEEK: TypeDecl = TypeDecl {
    name: "System.DayOfWeek",
    kind: Kind::Enum(&[
        ("Sunday", 0),
        ("Monday", 1),
        ("Tuesday", 2),
        ("Wednesday", 3),
        ("Thursday", 4),
        ("Friday", 5),
        ("Saturday", 6),
    ]),
    bases: &[],
    docs: "A day of the week.",
    members: &[],
    refused: &[],
};

/// The local time, which is UTC here.
fn now(cx: &Cx<'_>, kind: TimeKind) -> DateTime {
    DateTime::from_ticks(cx.host.utc_now(), kind).unwrap_or(DateTime::MIN)
}

fn date(value: Result<DateTime, Exception>) -> Result<Value, Exception> {
    value.map(Value::DateTime)
}

fn span(value: Result<TimeSpan, Exception>) -> Result<Value, Exception> {
    value.map(Value::TimeSpan)
}

/// The clock time of a `DateTime` or a `DateTimeOffset`.
fn clock(a: &Args<'_>) -> DateTime {
    match a.get(0) {
        Value::DateTimeOffset(value) => value.clock(),
        _ => a.date(0),
    }
}

/// A `DateTime`, or a `DateTimeOffset` that keeps its distance from UTC, with another clock time.
fn moved(
    a: &Args<'_>,
    change: impl FnOnce(DateTime) -> Result<DateTime, Exception>,
) -> Result<Value, Exception> {
    match a.get(0) {
        Value::DateTimeOffset(value) => value.map(change).map(Value::DateTimeOffset),
        _ => change(a.date(0)).map(Value::DateTime),
    }
}

/// `ToString(format)`; null and empty are the general format.
fn format(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let value = a.value(0);
    match a.opt_str(1).filter(|format| !format.is_empty()) {
        Some(format) => {
            let format = format.to_owned();
            let text = formatted(cx, &value, &format)?;
            cx.string(text)
        }
        None => super::object::to_string(cx, a),
    }
}

/// The clock time of seven numbers.
fn parts(a: &Args<'_>, kind: TimeKind) -> Result<DateTime, Exception> {
    let part = |index: usize| if matches!(a.get(index), Value::Int(_)) { a.int(index) } else { 0 };
    DateTime::from_parts(part(0), part(1), part(2), part(3), part(4), part(5), part(6), kind)
}

fn compared(a: &Args<'_>) -> std::cmp::Ordering {
    crate::eval::order(a.get(0), a.get(1)).unwrap_or(std::cmp::Ordering::Equal)
}

/// Operators that compare two values of a type.
macro_rules! comparisons {
    ($ty:literal, $left:literal, $right:literal) => {
        &[
            $crate::types::decl::p(
                concat!("operator bool ==(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "Whether they are equal.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_eq())),
            ),
            $crate::types::decl::p(
                concat!("operator bool !=(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "Whether they differ.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_ne())),
            ),
            $crate::types::decl::p(
                concat!("operator bool <(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "Whether the first is less.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_lt())),
            ),
            $crate::types::decl::p(
                concat!("operator bool <=(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "Whether the first is not greater.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_le())),
            ),
            $crate::types::decl::p(
                concat!("operator bool >(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "Whether the first is greater.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_gt())),
            ),
            $crate::types::decl::p(
                concat!("operator bool >=(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "Whether the first is not less.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_ge())),
            ),
        ]
    };
}

/// `Compare`, `CompareTo` and the forms of `Equals`.
macro_rules! order {
    ($ty:literal, $left:literal, $right:literal, $other:literal, $equal:literal) => {
        &[
            $crate::types::decl::p(
                concat!("static int Compare(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "The order of the two.",
                |_, a| Ok($crate::Value::Int(super::compared(a) as i32)),
            ),
            $crate::types::decl::p(
                concat!("int CompareTo(", $ty, " ", $other, ")"),
                "The order of the two.",
                |_, a| Ok($crate::Value::Int(super::compared(a) as i32)),
            ),
            $crate::types::decl::p(
                concat!("bool Equals(", $ty, " ", $equal, ")"),
                "Whether they are equal.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_eq())),
            ),
            $crate::types::decl::p(
                concat!("static bool Equals(", $ty, " ", $left, ", ", $ty, " ", $right, ")"),
                "Whether they are equal.",
                |_, a| Ok($crate::Value::Bool(super::compared(a).is_eq())),
            ),
        ]
    };
}

/// Fields of the clock time and the additions, which `DateTime` and `DateTimeOffset` share.
macro_rules! clock_members {
    ($ty:literal, $span:literal, $days:literal, $hours:literal, $minutes:literal, $seconds:literal,
     $milliseconds:literal, $ticks:literal, $months:literal, $years:literal, $provider:literal) => {{
        use super::{clock, moved};
        use $crate::Value;
        use $crate::types::decl::p;
        &[
            p("int Day", "The day of the month.", |_, a| Ok(Value::Int(clock(a).day()))),
            p("DayOfWeek DayOfWeek", "The day of the week.", |_, a| {
                let day = clock(a).day_of_week() as i32;
                Ok(Value::Enum($crate::types::TypeId::DayOfWeek, day))
            }),
            p("int DayOfYear", "The day of the year.", |_, a| {
                Ok(Value::Int(clock(a).day_of_year()))
            }),
            p("int Hour", "The hour.", |_, a| Ok(Value::Int(clock(a).hour()))),
            p("int Millisecond", "The millisecond.", |_, a| Ok(Value::Int(clock(a).millisecond()))),
            p("int Minute", "The minute.", |_, a| Ok(Value::Int(clock(a).minute()))),
            p("int Month", "The month.", |_, a| Ok(Value::Int(clock(a).month()))),
            p("int Second", "The second.", |_, a| Ok(Value::Int(clock(a).second()))),
            p("int Year", "The year.", |_, a| Ok(Value::Int(clock(a).year()))),
            p("long Ticks", "The clock time in units of 100 ns since the year 1.", |_, a| {
                Ok(Value::Long(clock(a).ticks()))
            }),
            p("TimeSpan TimeOfDay", "The time since midnight.", |_, a| {
                Ok(Value::TimeSpan(clock(a).time_of_day()))
            }),
            p("DateTime Date", "The day.", |_, a| Ok(Value::DateTime(clock(a).date()))),
            p(concat!($ty, " Add(TimeSpan ", $span, ")"), "Later.", |_, a| {
                moved(a, |t| t.add(a.span(1)))
            }),
            p(concat!($ty, " AddDays(double ", $days, ")"), "Later by days.", |_, a| {
                moved(a, |t| t.add_days(a.double(1)))
            }),
            p(concat!($ty, " AddHours(double ", $hours, ")"), "Later by hours.", |_, a| {
                moved(a, |t| t.add_hours(a.double(1)))
            }),
            p(concat!($ty, " AddMinutes(double ", $minutes, ")"), "Later by minutes.", |_, a| {
                moved(a, |t| t.add_minutes(a.double(1)))
            }),
            p(concat!($ty, " AddSeconds(double ", $seconds, ")"), "Later by seconds.", |_, a| {
                moved(a, |t| t.add_seconds(a.double(1)))
            }),
            p(
                concat!($ty, " AddMilliseconds(double ", $milliseconds, ")"),
                "Later by milliseconds.",
                |_, a| moved(a, |t| t.add_milliseconds(a.double(1))),
            ),
            p(concat!($ty, " AddTicks(long ", $ticks, ")"), "Later by ticks.", |_, a| {
                moved(a, |t| t.add_ticks(a.long(1)))
            }),
            p(concat!($ty, " AddMonths(int ", $months, ")"), "Later by months.", |_, a| {
                moved(a, |t| t.add_months(a.int(1)))
            }),
            p(concat!($ty, " AddYears(int ", $years, ")"), "Later by years.", |_, a| {
                moved(a, |t| t.add_years(a.int(1)))
            }),
            p(concat!($ty, " Subtract(TimeSpan value)"), "Earlier.", |_, a| {
                moved(a, |t| t.subtract(a.span(1)))
            }),
            p("string ToString(string format)", "As text in a format.", super::format),
            p(
                concat!("string ToString(IFormatProvider ", $provider, ")"),
                "As text: of the invariant culture, whatever is passed.",
                $crate::types::object::to_string,
            ),
            p(
                concat!("string ToString(string format, IFormatProvider ", $provider, ")"),
                "As text in a format: of the invariant culture, whatever is passed.",
                super::format,
            ),
        ]
    }};
}

use {clock_members, comparisons, order};
