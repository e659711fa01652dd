//! `System.DateTime`, as far as the allow-list goes.

use super::super::decl::{Kind, Member, TypeDecl, joined, m, not_allowed, p, refused};
use super::{clock_members, comparisons, date, now, parts};
use crate::eval::{Args, Cx};
use crate::time::{DateStyles, DateTime, Kind as TimeKind, days_in_month, is_leap_year};
use crate::{Exception, Value};

/// `DateTime.Parse(text)`.
pub(in crate::types) fn parse(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    date(DateTime::parse(a.opt_str(0), DateStyles::NONE, now(cx, TimeKind::Local)))
}

fn kind(number: i32) -> TimeKind {
    match number {
        1 => TimeKind::Utc,
        2 => TimeKind::Local,
        _ => TimeKind::Unspecified,
    }
}

const OWN: &[Member] = &[
    p("bool Equals(object value)", "Whether it is an equal time.", |cx, a| {
        crate::types::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool)
    }),
    p("new(int year, int month, int day)", "A day.", |_, a| date(parts(a, TimeKind::Unspecified))),
    p("new(int year, int month, int day, int hour, int minute, int second)", "A time.", |_, a| {
        date(parts(a, TimeKind::Unspecified))
    }),
    p(
        "new(int year, int month, int day, int hour, int minute, int second, DateTimeKind kind)",
        "A time.",
        |_, a| date(parts(a, kind(a.int(6)))),
    ),
    p(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond)",
        "A time.",
        |_, a| date(parts(a, TimeKind::Unspecified)),
    ),
    p(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond, DateTimeKind kind)",
        "A time.",
        |_, a| date(parts(a, kind(a.int(7)))),
    ),
    p("new(long ticks)", "A time in ticks.", |_, a| {
        date(DateTime::from_ticks(a.long(0), TimeKind::Unspecified))
    }),
    p("new(long ticks, DateTimeKind kind)", "A time in ticks.", |_, a| {
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
    m(
        "static DateTime Parse(string s, IFormatProvider provider)",
        "Reads a time of the invariant culture, whatever is passed.",
        |cx, a| parse(cx, a),
    ),
    p("static int DaysInMonth(int year, int month)", "How many days a month has.", |_, a| {
        days_in_month(a.int(0), a.int(1)).map(Value::Int)
    }),
    p("static bool IsLeapYear(int year)", "Whether a year is a leap year.", |_, a| {
        is_leap_year(a.int(0)).map(Value::Bool)
    }),
    p("bool IsDaylightSavingTime()", "False: the local zone is UTC.", |_, _| {
        Ok(Value::Bool(false))
    }),
    p("TimeSpan Subtract(DateTime value)", "The time between.", |_, a| {
        Ok(Value::TimeSpan(a.date(0).since(a.date(1))))
    }),
    p("operator DateTime +(DateTime d, TimeSpan t)", "Later.", |_, a| {
        date(a.date(0).plus(a.span(1)))
    }),
    p("operator DateTime -(DateTime d, TimeSpan t)", "Earlier.", |_, a| {
        date(a.date(0).minus(a.span(1)))
    }),
    p("operator TimeSpan -(DateTime d1, DateTime d2)", "The time between.", |_, a| {
        Ok(Value::TimeSpan(a.date(0).since(a.date(1))))
    }),
];
const CLOCK: &[Member] = clock_members!(
    "DateTime", "value", "value", "value", "value", "value", "value", "value", "months", "value",
    "provider"
);
const ORDER: &[Member] = comparisons!("DateTime", "d1", "d2");
const TIMES: &[Member] = &joined::<{ CLOCK.len() + ORDER.len() }>(CLOCK, ORDER);

const NOT_LISTED: &str =
    "the allow-list of `DateTime` does not have it; `DateTimeOffset` allows all members";
const CALENDAR: &str = "calendars are not in the allow-list";

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.DateTime",
    kind: Kind::Struct,
    bases: &[],
    docs: "A time.",
    members: &joined::<{ OWN.len() + TIMES.len() }>(OWN, TIMES),
    refused: &[
        refused("new(int year, int month, int day, Calendar calendar)", CALENDAR),
        refused(
            "new(int year, int month, int day, int hour, int minute, int second, Calendar calendar)",
            CALENDAR,
        ),
        refused(
            "new(int year, int month, int day, int hour, int minute, int second, int millisecond, Calendar calendar)",
            CALENDAR,
        ),
        refused(
            "new(int year, int month, int day, int hour, int minute, int second, int millisecond, Calendar calendar, DateTimeKind kind)",
            CALENDAR,
        ),
        refused(
            "static DateTime Parse(string s, IFormatProvider provider, DateTimeStyles styles)",
            "`DateTimeStyles` is not in the allow-list",
        ),
        refused(
            "static DateTime Parse(ReadOnlySpan<char> s, IFormatProvider provider = null, DateTimeStyles styles = None)",
            "spans are not in the allow-list",
        ),
        not_allowed("Compare", NOT_LISTED),
        not_allowed("CompareTo", NOT_LISTED),
        not_allowed("bool Equals(DateTime value)", NOT_LISTED),
        not_allowed("static bool Equals(DateTime t1, DateTime t2)", NOT_LISTED),
        not_allowed("FromBinary", NOT_LISTED),
        not_allowed("FromFileTime", NOT_LISTED),
        not_allowed("FromFileTimeUtc", NOT_LISTED),
        not_allowed("FromOADate", NOT_LISTED),
        not_allowed("GetDateTimeFormats", NOT_LISTED),
        not_allowed("GetTypeCode", NOT_LISTED),
        not_allowed("Kind", NOT_LISTED),
        not_allowed("ParseExact", NOT_LISTED),
        not_allowed("SpecifyKind", NOT_LISTED),
        not_allowed("ToBinary", NOT_LISTED),
        not_allowed("ToFileTime", NOT_LISTED),
        not_allowed("ToFileTimeUtc", NOT_LISTED),
        not_allowed("ToLocalTime", NOT_LISTED),
        not_allowed("ToLongDateString", NOT_LISTED),
        not_allowed("ToLongTimeString", NOT_LISTED),
        not_allowed("ToOADate", NOT_LISTED),
        not_allowed("ToShortDateString", NOT_LISTED),
        not_allowed("ToShortTimeString", NOT_LISTED),
        not_allowed("ToUniversalTime", NOT_LISTED),
        not_allowed("TryFormat", NOT_LISTED),
        not_allowed("TryParse", NOT_LISTED),
        not_allowed("TryParseExact", NOT_LISTED),
        not_allowed("UnixEpoch", NOT_LISTED),
    ],
};
