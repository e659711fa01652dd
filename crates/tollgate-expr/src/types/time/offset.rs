//! `System.DateTimeOffset`.

use super::super::decl::{Kind, Member, TypeDecl, joined, m, p, refused};
use super::{clock_members, comparisons, now, order, parts};
use crate::eval::{Args, Cx};
use crate::time::{DateStyles, DateTime, DateTimeOffset, Kind as TimeKind, TimeSpan};
use crate::{Exception, Value};

fn offset(value: Result<DateTimeOffset, Exception>) -> Result<Value, Exception> {
    value.map(Value::DateTimeOffset)
}

/// A time in its own zone: the local one is UTC.
fn of_date(value: DateTime) -> Value {
    Value::DateTimeOffset(DateTimeOffset::from_date_time(value))
}

fn parse(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    offset(DateTimeOffset::parse(a.opt_str(0), DateStyles::NONE, now(cx, TimeKind::Local)))
}

const MAKING: &[Member] = &[
    p("new(DateTime dateTime)", "A time in its own zone.", |_, a| Ok(of_date(a.date(0)))),
    p("new(DateTime dateTime, TimeSpan offset)", "A time with its distance from UTC.", |_, a| {
        offset(DateTimeOffset::with_offset(a.date(0), a.span(1)))
    }),
    p("new(long ticks, TimeSpan offset)", "A time in ticks.", |_, a| {
        // .NET looks at the distance first.
        DateTimeOffset::with_offset(
            DateTime::UNIX_EPOCH.with_kind(TimeKind::Unspecified),
            a.span(1),
        )?;
        let clock = DateTime::from_ticks(a.long(0), TimeKind::Unspecified)?;
        offset(DateTimeOffset::with_offset(clock, a.span(1)))
    }),
    p(
        "new(int year, int month, int day, int hour, int minute, int second, TimeSpan offset)",
        "A time.",
        |_, a| {
            DateTimeOffset::with_offset(
                DateTime::UNIX_EPOCH.with_kind(TimeKind::Unspecified),
                a.span(6),
            )?;
            offset(DateTimeOffset::with_offset(parts(a, TimeKind::Unspecified)?, a.span(6)))
        },
    ),
    p(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond, TimeSpan offset)",
        "A time.",
        |_, a| {
            DateTimeOffset::with_offset(
                DateTime::UNIX_EPOCH.with_kind(TimeKind::Unspecified),
                a.span(7),
            )?;
            offset(DateTimeOffset::with_offset(parts(a, TimeKind::Unspecified)?, a.span(7)))
        },
    ),
    p("implicit DateTimeOffset(DateTime dateTime)", "A time in its own zone.", |_, a| {
        Ok(of_date(a.date(0)))
    }),
    m("static DateTimeOffset Now", "Now, local time: UTC here.", |cx, _| {
        Ok(of_date(now(cx, TimeKind::Local)))
    }),
    m("static DateTimeOffset UtcNow", "Now, UTC.", |cx, _| Ok(of_date(now(cx, TimeKind::Utc)))),
    p("static DateTimeOffset MinValue", "The first time.", |_, _| Ok(of_date(DateTime::MIN))),
    p("static DateTimeOffset MaxValue", "The last time.", |_, _| Ok(of_date(DateTime::MAX))),
    p("static DateTimeOffset UnixEpoch", "1970-01-01.", |_, _| Ok(of_date(DateTime::UNIX_EPOCH))),
    p(
        "static DateTimeOffset FromUnixTimeSeconds(long seconds)",
        "From seconds since 1970.",
        |_, a| offset(DateTimeOffset::from_unix_seconds(a.long(0))),
    ),
    p(
        "static DateTimeOffset FromUnixTimeMilliseconds(long milliseconds)",
        "From milliseconds since 1970.",
        |_, a| offset(DateTimeOffset::from_unix_milliseconds(a.long(0))),
    ),
    p("static DateTimeOffset FromFileTime(long fileTime)", "From 100 ns since 1601.", |_, a| {
        DateTime::from_file_time(a.long(0)).map(of_date)
    }),
    m("static DateTimeOffset Parse(string input)", "Reads a time.", parse),
    m(
        "static DateTimeOffset Parse(string input, IFormatProvider formatProvider)",
        "Reads a time of the invariant culture, whatever is passed.",
        parse,
    ),
    m(
        "static DateTimeOffset ParseExact(string input, string format, IFormatProvider formatProvider)",
        "Reads a time in a format.",
        |cx, a| {
            let now = now(cx, TimeKind::Local);
            offset(DateTimeOffset::parse_exact(a.opt_str(0), a.opt_str(1), DateStyles::NONE, now))
        },
    ),
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
];

const OWN: &[Member] = &[
    p("DateTime DateTime", "The clock time.", |_, a| Ok(Value::DateTime(a.offset(0).clock()))),
    p("DateTime UtcDateTime", "The time in UTC.", |_, a| {
        Ok(Value::DateTime(a.offset(0).utc_date_time()))
    }),
    p("DateTime LocalDateTime", "The local time: UTC here.", |_, a| {
        Ok(Value::DateTime(a.offset(0).local_date_time()))
    }),
    p("TimeSpan Offset", "The distance from UTC.", |_, a| {
        Ok(Value::TimeSpan(a.offset(0).offset()))
    }),
    p("long UtcTicks", "The time in UTC in ticks.", |_, a| {
        Ok(Value::Long(a.offset(0).utc_date_time().ticks()))
    }),
    p("long ToUnixTimeSeconds()", "Seconds since 1970.", |_, a| {
        Ok(Value::Long(a.offset(0).unix_seconds()))
    }),
    p("long ToUnixTimeMilliseconds()", "Milliseconds since 1970.", |_, a| {
        Ok(Value::Long(a.offset(0).unix_milliseconds()))
    }),
    p("long ToFileTime()", "In 100 ns since 1601.", |_, a| {
        a.offset(0).utc_date_time().file_time().map(Value::Long)
    }),
    p("DateTimeOffset ToUniversalTime()", "In UTC.", |_, a| {
        offset(a.offset(0).to_offset(TimeSpan::ZERO))
    }),
    p("DateTimeOffset ToLocalTime()", "In local time: UTC here.", |_, a| {
        offset(a.offset(0).to_offset(TimeSpan::ZERO))
    }),
    p("DateTimeOffset ToOffset(TimeSpan offset)", "At another distance from UTC.", |_, a| {
        offset(a.offset(0).to_offset(a.span(1)))
    }),
    p("TimeSpan Subtract(DateTimeOffset value)", "The time between.", |_, a| {
        Ok(Value::TimeSpan(a.offset(0).since(a.offset(1))))
    }),
    p(
        "bool EqualsExact(DateTimeOffset other)",
        "Whether both the time and the distance from UTC are equal.",
        |_, a| {
            let (left, right) = (a.offset(0), a.offset(1));
            Ok(Value::Bool(left == right && left.offset() == right.offset()))
        },
    ),
    p(
        "operator DateTimeOffset +(DateTimeOffset dateTimeOffset, TimeSpan timeSpan)",
        "Later.",
        |_, a| offset(a.offset(0).map(|t| t.plus(a.span(1)))),
    ),
    p(
        "operator DateTimeOffset -(DateTimeOffset dateTimeOffset, TimeSpan timeSpan)",
        "Earlier.",
        |_, a| offset(a.offset(0).map(|t| t.minus(a.span(1)))),
    ),
    p(
        "operator TimeSpan -(DateTimeOffset left, DateTimeOffset right)",
        "The time between.",
        |_, a| Ok(Value::TimeSpan(a.offset(0).since(a.offset(1)))),
    ),
];

const CLOCK: &[Member] = clock_members!(
    "DateTimeOffset",
    "timeSpan",
    "days",
    "hours",
    "minutes",
    "seconds",
    "milliseconds",
    "ticks",
    "months",
    "years",
    "formatProvider"
);
const COMPARED: &[Member] = comparisons!("DateTimeOffset", "left", "right");
const ORDER: &[Member] = order!("DateTimeOffset", "first", "second", "other", "other");
const ORDERS: &[Member] = &joined::<{ COMPARED.len() + ORDER.len() }>(COMPARED, ORDER);
const FIELDS: &[Member] = &joined::<{ CLOCK.len() + OWN.len() }>(CLOCK, OWN);
const REST: &[Member] = &joined::<{ FIELDS.len() + ORDERS.len() }>(FIELDS, ORDERS);

const STYLES: &str = "`DateTimeStyles` is not in the allow-list";

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.DateTimeOffset",
    kind: Kind::Struct,
    bases: &[],
    docs: "A time with its distance from UTC.",
    members: &joined::<{ MAKING.len() + REST.len() }>(MAKING, REST),
    refused: &[
        refused(
            "new(int year, int month, int day, int hour, int minute, int second, int millisecond, Calendar calendar, TimeSpan offset)",
            "calendars are not in the allow-list",
        ),
        refused(
            "static DateTimeOffset Parse(string input, IFormatProvider formatProvider, DateTimeStyles styles)",
            STYLES,
        ),
        refused(
            "static DateTimeOffset ParseExact(string input, string format, IFormatProvider formatProvider, DateTimeStyles styles)",
            STYLES,
        ),
        refused(
            "static DateTimeOffset ParseExact(string input, string[] formats, IFormatProvider formatProvider, DateTimeStyles styles)",
            STYLES,
        ),
        refused(
            "static bool TryParse(string input, IFormatProvider formatProvider, DateTimeStyles styles, out DateTimeOffset result)",
            STYLES,
        ),
        refused("TryParseExact", STYLES),
        refused("TryFormat", "it writes to a span, and spans are not in the allow-list"),
    ],
};
