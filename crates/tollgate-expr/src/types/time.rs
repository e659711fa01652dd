//! `DateTime`, `DateTimeOffset`, `TimeSpan`.

use super::TypeId;
use super::decl::{Kind, Member, TypeDecl, joined, m, not_allowed, p};
use crate::eval::{Args, Cx, formatted, order};
use crate::time::{
    DateStyles, DateTime, DateTimeOffset, Kind as TimeKind, TimeSpan, days_in_month, is_leap_year,
};
use crate::{Exception, Value};

pub(super) const KIND: TypeDecl = TypeDecl {
    name: "System.DateTimeKind",
    kind: Kind::Enum(&[("Unspecified", 0), ("Utc", 1), ("Local", 2)]),
    bases: &[],
    docs: "What zone a time is in.",
    members: &[],
    refused: &[],
};

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

fn now(cx: &Cx<'_>, kind: TimeKind) -> DateTime {
    DateTime::from_ticks(cx.host.utc_now(), kind).unwrap_or(DateTime::MIN)
}

fn date(value: Result<DateTime, Exception>) -> Result<Value, Exception> {
    value.map(Value::DateTime)
}

fn span(value: Result<TimeSpan, Exception>) -> Result<Value, Exception> {
    value.map(Value::TimeSpan)
}

/// `DateTime.Parse(text)`.
pub(super) fn parse(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    date(DateTime::parse(a.opt_str(0), DateStyles::NONE, now(cx, TimeKind::Local)))
}

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

fn kind(number: i32) -> TimeKind {
    match number {
        1 => TimeKind::Utc,
        2 => TimeKind::Local,
        _ => TimeKind::Unspecified,
    }
}

fn parts(a: &Args<'_>, kind: TimeKind) -> Result<Value, Exception> {
    let part = |index: usize| if matches!(a.get(index), Value::Int(_)) { a.int(index) } else { 0 };
    date(DateTime::from_parts(part(0), part(1), part(2), part(3), part(4), part(5), part(6), kind))
}

macro_rules! comparisons {
    ($ty:literal) => {
        &[
            p(
                concat!("operator bool ==(", $ty, " a, ", $ty, " b)"),
                "Whether they are equal.",
                |_, a| compared(a, std::cmp::Ordering::is_eq),
            ),
            p(
                concat!("operator bool !=(", $ty, " a, ", $ty, " b)"),
                "Whether they differ.",
                |_, a| compared(a, std::cmp::Ordering::is_ne),
            ),
            p(
                concat!("operator bool <(", $ty, " a, ", $ty, " b)"),
                "Whether it is before.",
                |_, a| compared(a, std::cmp::Ordering::is_lt),
            ),
            p(
                concat!("operator bool <=(", $ty, " a, ", $ty, " b)"),
                "Whether it is not after.",
                |_, a| compared(a, std::cmp::Ordering::is_le),
            ),
            p(
                concat!("operator bool >(", $ty, " a, ", $ty, " b)"),
                "Whether it is after.",
                |_, a| compared(a, std::cmp::Ordering::is_gt),
            ),
            p(
                concat!("operator bool >=(", $ty, " a, ", $ty, " b)"),
                "Whether it is not before.",
                |_, a| compared(a, std::cmp::Ordering::is_ge),
            ),
            m(concat!("int CompareTo(", $ty, " value)"), "The order of the two.", |_, a| {
                Ok(Value::Int(order(a.get(0), a.get(1)).map_or(0, |order| order as i32)))
            }),
            m(concat!("bool Equals(", $ty, " value)"), "Whether they are equal.", |_, a| {
                compared(a, std::cmp::Ordering::is_eq)
            }),
            m(
                concat!("static int Compare(", $ty, " t1, ", $ty, " t2)"),
                "The order of the two.",
                |_, a| Ok(Value::Int(order(a.get(0), a.get(1)).map_or(0, |order| order as i32))),
            ),
        ]
    };
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn compared(a: &Args<'_>, holds: fn(std::cmp::Ordering) -> bool) -> Result<Value, Exception> {
    Ok(Value::Bool(order(a.get(0), a.get(1)).is_some_and(holds)))
}

const DATES: &[Member] = &[
    m("new(int year, int month, int day)", "A day.", |_, a| parts(a, TimeKind::Unspecified)),
    m("new(int year, int month, int day, int hour, int minute, int second)", "A time.", |_, a| {
        parts(a, TimeKind::Unspecified)
    }),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, DateTimeKind kind)",
        "A time.",
        |_, a| parts(a, kind(a.int(6))),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond)",
        "A time.",
        |_, a| parts(a, TimeKind::Unspecified),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond, DateTimeKind kind)",
        "A time.",
        |_, a| parts(a, kind(a.int(7))),
    ),
    m("new(long ticks)", "A time in ticks.", |_, a| {
        date(DateTime::from_ticks(a.long(0), TimeKind::Unspecified))
    }),
    m("new(long ticks, DateTimeKind kind)", "A time in ticks.", |_, a| {
        date(DateTime::from_ticks(a.long(0), kind(a.int(1))))
    }),
    p("static DateTime MinValue", "The first time.", |_, _| Ok(Value::DateTime(DateTime::MIN))),
    p("static DateTime MaxValue", "The last time.", |_, _| Ok(Value::DateTime(DateTime::MAX))),
    m("static DateTime Now", "Now, local time: UTC here.", |cx, _| {
        Ok(Value::DateTime(now(cx, TimeKind::Local)))
    }),
    m("static DateTime UtcNow", "Now, UTC.", |cx, _| Ok(Value::DateTime(now(cx, TimeKind::Utc)))),
    m("static DateTime Today", "Today.", |cx, _| {
        Ok(Value::DateTime(now(cx, TimeKind::Local).date()))
    }),
    m("static DateTime Parse(string s)", "Reads a time.", |cx, a| parse(cx, a)),
    m("static int DaysInMonth(int year, int month)", "How many days a month has.", |_, a| {
        days_in_month(a.int(0), a.int(1)).map(Value::Int)
    }),
    m("static bool IsLeapYear(int year)", "Whether a year is a leap year.", |_, a| {
        is_leap_year(a.int(0)).map(Value::Bool)
    }),
    m("DateTime Date", "The day.", |_, a| Ok(Value::DateTime(a.date(0).date()))),
    m("int Day", "The day of the month.", |_, a| Ok(Value::Int(a.date(0).day()))),
    m("DayOfWeek DayOfWeek", "The day of the week.", |_, a| {
        Ok(Value::Enum(TypeId::DayOfWeek, a.date(0).day_of_week() as i32))
    }),
    m("int DayOfYear", "The day of the year.", |_, a| Ok(Value::Int(a.date(0).day_of_year()))),
    m("int Hour", "The hour.", |_, a| Ok(Value::Int(a.date(0).hour()))),
    m("int Minute", "The minute.", |_, a| Ok(Value::Int(a.date(0).minute()))),
    m("int Second", "The second.", |_, a| Ok(Value::Int(a.date(0).second()))),
    m("int Millisecond", "The millisecond.", |_, a| Ok(Value::Int(a.date(0).millisecond()))),
    m("int Month", "The month.", |_, a| Ok(Value::Int(a.date(0).month()))),
    m("int Year", "The year.", |_, a| Ok(Value::Int(a.date(0).year()))),
    m("long Ticks", "In units of 100 ns since the year 1.", |_, a| {
        Ok(Value::Long(a.date(0).ticks()))
    }),
    m("TimeSpan TimeOfDay", "The time since midnight.", |_, a| {
        Ok(Value::TimeSpan(a.date(0).time_of_day()))
    }),
    m("bool IsDaylightSavingTime()", "False: the local zone is UTC.", |_, _| {
        Ok(Value::Bool(false))
    }),
    m("DateTime Add(TimeSpan value)", "Later.", |_, a| date(a.date(0).add(a.span(1)))),
    m("DateTime AddDays(double value)", "Later by days.", |_, a| {
        date(a.date(0).add_days(a.double(1)))
    }),
    m("DateTime AddHours(double value)", "Later by hours.", |_, a| {
        date(a.date(0).add_hours(a.double(1)))
    }),
    m("DateTime AddMinutes(double value)", "Later by minutes.", |_, a| {
        date(a.date(0).add_minutes(a.double(1)))
    }),
    m("DateTime AddSeconds(double value)", "Later by seconds.", |_, a| {
        date(a.date(0).add_seconds(a.double(1)))
    }),
    m("DateTime AddMilliseconds(double value)", "Later by milliseconds.", |_, a| {
        date(a.date(0).add_milliseconds(a.double(1)))
    }),
    m("DateTime AddTicks(long value)", "Later by ticks.", |_, a| {
        date(a.date(0).add_ticks(a.long(1)))
    }),
    m("DateTime AddMonths(int months)", "Later by months.", |_, a| {
        date(a.date(0).add_months(a.int(1)))
    }),
    m("DateTime AddYears(int value)", "Later by years.", |_, a| {
        date(a.date(0).add_years(a.int(1)))
    }),
    m("TimeSpan Subtract(DateTime value)", "The time between.", |_, a| {
        Ok(Value::TimeSpan(a.date(0).since(a.date(1))))
    }),
    m("DateTime Subtract(TimeSpan value)", "Earlier.", |_, a| date(a.date(0).subtract(a.span(1)))),
    m("string ToString(string format)", "As text in a format.", format),
    m("operator DateTime +(DateTime d, TimeSpan t)", "Later.", |_, a| {
        date(a.date(0).add(a.span(1)))
    }),
    m("operator DateTime -(DateTime d, TimeSpan t)", "Earlier.", |_, a| {
        date(a.date(0).subtract(a.span(1)))
    }),
    m("operator TimeSpan -(DateTime d1, DateTime d2)", "The time between.", |_, a| {
        Ok(Value::TimeSpan(a.date(0).since(a.date(1))))
    }),
];
const DATE_ORDER: &[Member] = comparisons!("DateTime");

const NOT_LISTED: &str =
    "the allow-list of `DateTime` does not have it; `DateTimeOffset` allows all members";

pub(super) const DATE_TIME: TypeDecl = TypeDecl {
    name: "System.DateTime",
    kind: Kind::Struct,
    bases: &[],
    docs: "A time.",
    members: &joined::<{ DATES.len() + DATE_ORDER.len() }>(DATES, DATE_ORDER),
    refused: &[
        not_allowed("ParseExact", NOT_LISTED),
        not_allowed("TryParse", NOT_LISTED),
        not_allowed("TryParseExact", NOT_LISTED),
        not_allowed("ToLocalTime", NOT_LISTED),
        not_allowed("ToUniversalTime", NOT_LISTED),
        not_allowed("Kind", NOT_LISTED),
        not_allowed("SpecifyKind", NOT_LISTED),
        not_allowed("ToFileTime", NOT_LISTED),
        not_allowed("ToOADate", NOT_LISTED),
        not_allowed("FromBinary", NOT_LISTED),
        not_allowed("ToBinary", NOT_LISTED),
        not_allowed("Compare", NOT_LISTED),
        not_allowed("CompareTo", NOT_LISTED),
        not_allowed("ToShortDateString", NOT_LISTED),
        not_allowed("ToLongDateString", NOT_LISTED),
        not_allowed("UnixEpoch", NOT_LISTED),
    ],
};

fn offset(value: Result<DateTimeOffset, Exception>) -> Result<Value, Exception> {
    value.map(Value::DateTimeOffset)
}

const OFFSETS: &[Member] = &[
    m("new(DateTime dateTime)", "A time in its own zone.", |_, a| {
        Ok(Value::DateTimeOffset(DateTimeOffset::from_date_time(a.date(0))))
    }),
    m("new(DateTime dateTime, TimeSpan offset)", "A time with its distance from UTC.", |_, a| {
        offset(DateTimeOffset::with_offset(a.date(0), a.span(1)))
    }),
    m("new(long ticks, TimeSpan offset)", "A time in ticks.", |_, a| {
        let clock = DateTime::from_ticks(a.long(0), TimeKind::Unspecified)?;
        offset(DateTimeOffset::with_offset(clock, a.span(1)))
    }),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, TimeSpan offset)",
        "A time.",
        |_, a| {
            let clock = DateTime::from_parts(
                a.int(0),
                a.int(1),
                a.int(2),
                a.int(3),
                a.int(4),
                a.int(5),
                0,
                TimeKind::Unspecified,
            )?;
            offset(DateTimeOffset::with_offset(clock, a.span(6)))
        },
    ),
    m("implicit DateTimeOffset(DateTime dateTime)", "A time in its own zone.", |_, a| {
        Ok(Value::DateTimeOffset(DateTimeOffset::from_date_time(a.date(0))))
    }),
    m("static DateTimeOffset Now", "Now, local time: UTC here.", |cx, _| {
        Ok(Value::DateTimeOffset(DateTimeOffset::from_date_time(now(cx, TimeKind::Local))))
    }),
    m("static DateTimeOffset UtcNow", "Now, UTC.", |cx, _| {
        Ok(Value::DateTimeOffset(DateTimeOffset::from_date_time(now(cx, TimeKind::Utc))))
    }),
    p("static DateTimeOffset MinValue", "The first time.", |_, _| {
        Ok(Value::DateTimeOffset(DateTimeOffset::from_date_time(
            DateTime::MIN.with_kind(TimeKind::Utc),
        )))
    }),
    p("static DateTimeOffset MaxValue", "The last time.", |_, _| {
        Ok(Value::DateTimeOffset(DateTimeOffset::from_date_time(
            DateTime::MAX.with_kind(TimeKind::Utc),
        )))
    }),
    p("static DateTimeOffset UnixEpoch", "1970-01-01.", |_, _| {
        Ok(Value::DateTimeOffset(DateTimeOffset::from_date_time(DateTime::UNIX_EPOCH)))
    }),
    m(
        "static DateTimeOffset FromUnixTimeSeconds(long seconds)",
        "From seconds since 1970.",
        |_, a| offset(DateTimeOffset::from_unix_seconds(a.long(0))),
    ),
    m(
        "static DateTimeOffset FromUnixTimeMilliseconds(long milliseconds)",
        "From milliseconds since 1970.",
        |_, a| offset(DateTimeOffset::from_unix_milliseconds(a.long(0))),
    ),
    m("static DateTimeOffset Parse(string input)", "Reads a time.", |cx, a| {
        offset(DateTimeOffset::parse(a.opt_str(0), DateStyles::NONE, now(cx, TimeKind::Local)))
    }),
    m(
        "static bool TryParse(string input, out DateTimeOffset result)",
        "Reads a time, if it is one.",
        |cx, a| {
            let read =
                DateTimeOffset::try_parse(a.opt_str(0), DateStyles::NONE, now(cx, TimeKind::Local));
            a.set(1, Value::DateTimeOffset(read.unwrap_or_default()));
            Ok(Value::Bool(read.is_some()))
        },
    ),
    m("long ToUnixTimeSeconds()", "Seconds since 1970.", |_, a| {
        Ok(Value::Long(a.offset(0).unix_seconds()))
    }),
    m("long ToUnixTimeMilliseconds()", "Milliseconds since 1970.", |_, a| {
        Ok(Value::Long(a.offset(0).unix_milliseconds()))
    }),
    m("DateTime DateTime", "The clock time.", |_, a| Ok(Value::DateTime(a.offset(0).clock()))),
    m("DateTime UtcDateTime", "The time in UTC.", |_, a| {
        Ok(Value::DateTime(a.offset(0).utc_date_time()))
    }),
    m("DateTime LocalDateTime", "The local time.", |_, a| {
        Ok(Value::DateTime(a.offset(0).local_date_time()))
    }),
    m("DateTime Date", "The day.", |_, a| Ok(Value::DateTime(a.offset(0).clock().date()))),
    m("TimeSpan Offset", "The distance from UTC.", |_, a| {
        Ok(Value::TimeSpan(a.offset(0).offset()))
    }),
    m("TimeSpan TimeOfDay", "The time since midnight.", |_, a| {
        Ok(Value::TimeSpan(a.offset(0).clock().time_of_day()))
    }),
    m("int Year", "The year.", |_, a| Ok(Value::Int(a.offset(0).clock().year()))),
    m("int Month", "The month.", |_, a| Ok(Value::Int(a.offset(0).clock().month()))),
    m("int Day", "The day of the month.", |_, a| Ok(Value::Int(a.offset(0).clock().day()))),
    m("int Hour", "The hour.", |_, a| Ok(Value::Int(a.offset(0).clock().hour()))),
    m("int Minute", "The minute.", |_, a| Ok(Value::Int(a.offset(0).clock().minute()))),
    m("int Second", "The second.", |_, a| Ok(Value::Int(a.offset(0).clock().second()))),
    m("int Millisecond", "The millisecond.", |_, a| {
        Ok(Value::Int(a.offset(0).clock().millisecond()))
    }),
    m("int DayOfYear", "The day of the year.", |_, a| {
        Ok(Value::Int(a.offset(0).clock().day_of_year()))
    }),
    m("DayOfWeek DayOfWeek", "The day of the week.", |_, a| {
        Ok(Value::Enum(TypeId::DayOfWeek, a.offset(0).clock().day_of_week() as i32))
    }),
    m("long Ticks", "The clock time in ticks.", |_, a| {
        Ok(Value::Long(a.offset(0).clock().ticks()))
    }),
    m("long UtcTicks", "The time in UTC in ticks.", |_, a| {
        Ok(Value::Long(a.offset(0).utc_date_time().ticks()))
    }),
    m("DateTimeOffset ToUniversalTime()", "In UTC.", |_, a| {
        offset(a.offset(0).to_offset(TimeSpan::ZERO))
    }),
    m("DateTimeOffset ToLocalTime()", "In local time: UTC here.", |_, a| {
        offset(a.offset(0).to_offset(TimeSpan::ZERO))
    }),
    m("DateTimeOffset ToOffset(TimeSpan offset)", "At another distance from UTC.", |_, a| {
        offset(a.offset(0).to_offset(a.span(1)))
    }),
    m("DateTimeOffset Add(TimeSpan timeSpan)", "Later.", |_, a| offset(a.offset(0).add(a.span(1)))),
    m("DateTimeOffset AddDays(double days)", "Later by days.", |_, a| {
        offset(a.offset(0).map(|t| t.add_days(a.double(1))))
    }),
    m("DateTimeOffset AddHours(double hours)", "Later by hours.", |_, a| {
        offset(a.offset(0).map(|t| t.add_hours(a.double(1))))
    }),
    m("DateTimeOffset AddMinutes(double minutes)", "Later by minutes.", |_, a| {
        offset(a.offset(0).map(|t| t.add_minutes(a.double(1))))
    }),
    m("DateTimeOffset AddSeconds(double seconds)", "Later by seconds.", |_, a| {
        offset(a.offset(0).map(|t| t.add_seconds(a.double(1))))
    }),
    m("DateTimeOffset AddMilliseconds(double milliseconds)", "Later by milliseconds.", |_, a| {
        offset(a.offset(0).map(|t| t.add_milliseconds(a.double(1))))
    }),
    m("DateTimeOffset AddTicks(long ticks)", "Later by ticks.", |_, a| {
        offset(a.offset(0).map(|t| t.add_ticks(a.long(1))))
    }),
    m("DateTimeOffset AddMonths(int months)", "Later by months.", |_, a| {
        offset(a.offset(0).map(|t| t.add_months(a.int(1))))
    }),
    m("DateTimeOffset AddYears(int years)", "Later by years.", |_, a| {
        offset(a.offset(0).map(|t| t.add_years(a.int(1))))
    }),
    m("TimeSpan Subtract(DateTimeOffset value)", "The time between.", |_, a| {
        Ok(Value::TimeSpan(a.offset(0).since(a.offset(1))))
    }),
    m("DateTimeOffset Subtract(TimeSpan value)", "Earlier.", |_, a| {
        offset(a.offset(0).subtract(a.span(1)))
    }),
    m("string ToString(string format)", "As text in a format.", format),
    m("operator DateTimeOffset +(DateTimeOffset d, TimeSpan t)", "Later.", |_, a| {
        offset(a.offset(0).add(a.span(1)))
    }),
    m("operator DateTimeOffset -(DateTimeOffset d, TimeSpan t)", "Earlier.", |_, a| {
        offset(a.offset(0).subtract(a.span(1)))
    }),
    m(
        "operator TimeSpan -(DateTimeOffset left, DateTimeOffset right)",
        "The time between.",
        |_, a| Ok(Value::TimeSpan(a.offset(0).since(a.offset(1)))),
    ),
];
const OFFSET_ORDER: &[Member] = comparisons!("DateTimeOffset");

pub(super) const OFFSET: TypeDecl = TypeDecl {
    name: "System.DateTimeOffset",
    kind: Kind::Struct,
    bases: &[],
    docs: "A time with its distance from UTC.",
    members: &joined::<{ OFFSETS.len() + OFFSET_ORDER.len() }>(OFFSETS, OFFSET_ORDER),
    refused: &[],
};

const SPANS: &[Member] = &[
    m("new(long ticks)", "In ticks.", |_, a| Ok(Value::TimeSpan(TimeSpan::from_ticks(a.long(0))))),
    m("new(int hours, int minutes, int seconds)", "Of hours, minutes and seconds.", |_, a| {
        span(TimeSpan::from_parts(0, a.int(0), a.int(1), a.int(2), 0))
    }),
    m(
        "new(int days, int hours, int minutes, int seconds)",
        "Of days, hours, minutes and seconds.",
        |_, a| span(TimeSpan::from_parts(a.int(0), a.int(1), a.int(2), a.int(3), 0)),
    ),
    m(
        "new(int days, int hours, int minutes, int seconds, int milliseconds)",
        "Of all its parts.",
        |_, a| span(TimeSpan::from_parts(a.int(0), a.int(1), a.int(2), a.int(3), a.int(4))),
    ),
    p("static TimeSpan Zero", "None.", |_, _| Ok(Value::TimeSpan(TimeSpan::ZERO))),
    p("static TimeSpan MinValue", "The shortest.", |_, _| Ok(Value::TimeSpan(TimeSpan::MIN))),
    p("static TimeSpan MaxValue", "The longest.", |_, _| Ok(Value::TimeSpan(TimeSpan::MAX))),
    p("static long TicksPerSecond", "10,000,000.", |_, _| Ok(Value::Long(10_000_000))),
    p("static long TicksPerMillisecond", "10,000.", |_, _| Ok(Value::Long(10_000))),
    p("static long TicksPerMinute", "600,000,000.", |_, _| Ok(Value::Long(600_000_000))),
    p("static long TicksPerHour", "36,000,000,000.", |_, _| Ok(Value::Long(36_000_000_000))),
    p("static long TicksPerDay", "864,000,000,000.", |_, _| Ok(Value::Long(864_000_000_000))),
    m("static TimeSpan FromDays(double value)", "Of days.", |_, a| {
        span(TimeSpan::from_days(a.double(0)))
    }),
    m("static TimeSpan FromHours(double value)", "Of hours.", |_, a| {
        span(TimeSpan::from_hours(a.double(0)))
    }),
    m("static TimeSpan FromMinutes(double value)", "Of minutes.", |_, a| {
        span(TimeSpan::from_minutes(a.double(0)))
    }),
    m("static TimeSpan FromSeconds(double value)", "Of seconds.", |_, a| {
        span(TimeSpan::from_seconds(a.double(0)))
    }),
    m("static TimeSpan FromMilliseconds(double value)", "Of milliseconds.", |_, a| {
        span(TimeSpan::from_milliseconds(a.double(0)))
    }),
    m("static TimeSpan FromTicks(long value)", "Of ticks.", |_, a| {
        Ok(Value::TimeSpan(TimeSpan::from_ticks(a.long(0))))
    }),
    m("static TimeSpan Parse(string s)", "Reads a span.", |_, a| {
        span(TimeSpan::parse(a.opt_str(0)))
    }),
    m(
        "static bool TryParse(string s, out TimeSpan result)",
        "Reads a span, if it is one.",
        |_, a| {
            let read = TimeSpan::try_parse(a.opt_str(0));
            a.set(1, Value::TimeSpan(read.unwrap_or_default()));
            Ok(Value::Bool(read.is_some()))
        },
    ),
    m("int Days", "The days.", |_, a| Ok(Value::Int(a.span(0).days()))),
    m("int Hours", "The hours of the day.", |_, a| Ok(Value::Int(a.span(0).hours()))),
    m("int Minutes", "The minutes of the hour.", |_, a| Ok(Value::Int(a.span(0).minutes()))),
    m("int Seconds", "The seconds of the minute.", |_, a| Ok(Value::Int(a.span(0).seconds()))),
    m("int Milliseconds", "The milliseconds of the second.", |_, a| {
        Ok(Value::Int(a.span(0).milliseconds()))
    }),
    m("long Ticks", "In units of 100 ns.", |_, a| Ok(Value::Long(a.span(0).ticks()))),
    m("double TotalDays", "In days.", |_, a| Ok(Value::Double(a.span(0).total_days()))),
    m("double TotalHours", "In hours.", |_, a| Ok(Value::Double(a.span(0).total_hours()))),
    m("double TotalMinutes", "In minutes.", |_, a| Ok(Value::Double(a.span(0).total_minutes()))),
    m("double TotalSeconds", "In seconds.", |_, a| Ok(Value::Double(a.span(0).total_seconds()))),
    m("double TotalMilliseconds", "In milliseconds.", |_, a| {
        Ok(Value::Double(a.span(0).total_milliseconds()))
    }),
    m("TimeSpan Add(TimeSpan ts)", "Longer.", |_, a| span(a.span(0).add(a.span(1)))),
    m("TimeSpan Subtract(TimeSpan ts)", "Shorter.", |_, a| span(a.span(0).subtract(a.span(1)))),
    m("TimeSpan Negate()", "With the other sign.", |_, a| span(a.span(0).negate())),
    m("TimeSpan Duration()", "Without its sign.", |_, a| span(a.span(0).duration())),
    m("TimeSpan Multiply(double factor)", "Many times.", |_, a| {
        span(a.span(0).multiply(a.double(1)))
    }),
    m("TimeSpan Divide(double divisor)", "A part.", |_, a| span(a.span(0).divide(a.double(1)))),
    m("string ToString(string format)", "As text in a format.", format),
    m("operator TimeSpan +(TimeSpan t1, TimeSpan t2)", "Longer.", |_, a| {
        span(a.span(0).add(a.span(1)))
    }),
    m("operator TimeSpan -(TimeSpan t1, TimeSpan t2)", "Shorter.", |_, a| {
        span(a.span(0).subtract(a.span(1)))
    }),
    m("operator TimeSpan -(TimeSpan t)", "With the other sign.", |_, a| span(a.span(0).negate())),
    m("operator TimeSpan *(TimeSpan t, double factor)", "Many times.", |_, a| {
        span(a.span(0).multiply(a.double(1)))
    }),
    m("operator TimeSpan *(double factor, TimeSpan t)", "Many times.", |_, a| {
        span(a.span(1).multiply(a.double(0)))
    }),
    m("operator TimeSpan /(TimeSpan t, double divisor)", "A part.", |_, a| {
        span(a.span(0).divide(a.double(1)))
    }),
    m("operator double /(TimeSpan t1, TimeSpan t2)", "How often one is in the other.", |_, a| {
        Ok(Value::Double(a.span(0).ratio(a.span(1))))
    }),
];
const SPAN_ORDER: &[Member] = comparisons!("TimeSpan");

pub(super) const SPAN: TypeDecl = TypeDecl {
    name: "System.TimeSpan",
    kind: Kind::Struct,
    bases: &[],
    docs: "A length of time.",
    members: &joined::<{ SPANS.len() + SPAN_ORDER.len() }>(SPANS, SPAN_ORDER),
    refused: &[],
};
