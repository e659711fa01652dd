//! `System.TimeSpan`.

use super::super::decl::{Kind, Member, TypeDecl, joined, p, refused};
use super::{comparisons, order, span};
use crate::eval::{Args, Cx, null_argument};
use crate::time::TimeSpan;
use crate::{Exception, ExceptionKind, Value};

/// `ParseExact` with one format or with several.
fn parse_exact(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<TimeSpan, Exception> {
    if let Value::Str(format) = a.get(1) {
        return TimeSpan::parse_exact(a.opt_str(0), Some(format));
    }
    if a.get(0).is_null() {
        return Err(null_argument("input"));
    }
    let formats = a.value(1);
    if formats.is_null() {
        let message = "String reference not set to an instance of a String. (Parameter 'formats')";
        return Err(Exception::new(ExceptionKind::ArgumentNull, message));
    }
    let formats = cx.collect(&formats)?;
    if formats.is_empty() {
        let message = "No format specifiers were provided.";
        return Err(Exception::new(ExceptionKind::Format, message));
    }
    for format in &formats {
        let Some(format) = format.as_str().filter(|format| !format.is_empty()) else {
            let message = "Format specifier '' was invalid.";
            return Err(Exception::new(ExceptionKind::Format, message));
        };
        if let Ok(span) = TimeSpan::parse_exact(a.opt_str(0), Some(format)) {
            return Ok(span);
        }
    }
    let message = format!(
        "String '{}' was not recognized as a valid TimeSpan.",
        a.opt_str(0).unwrap_or_default()
    );
    Err(Exception::new(ExceptionKind::Format, message))
}

fn one_format(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    if a.get(1).is_null() {
        let missing = if a.get(0).is_null() { "input" } else { "format" };
        return Err(null_argument(missing));
    }
    span(parse_exact(cx, a))
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn try_exact(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let read = parse_exact(cx, a).ok();
    a.set(3, Value::TimeSpan(read.unwrap_or_default()));
    Ok(Value::Bool(read.is_some()))
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn try_parse(a: &mut Args<'_>) -> Result<Value, Exception> {
    let read = TimeSpan::try_parse(a.opt_str(0));
    a.set(a.len() - 1, Value::TimeSpan(read.unwrap_or_default()));
    Ok(Value::Bool(read.is_some()))
}

const MAKING: &[Member] = &[
    p("new(long ticks)", "In ticks.", |_, a| Ok(Value::TimeSpan(TimeSpan::from_ticks(a.long(0))))),
    p("new(int hours, int minutes, int seconds)", "Of hours, minutes and seconds.", |_, a| {
        span(TimeSpan::from_parts(0, a.int(0), a.int(1), a.int(2), 0))
    }),
    p(
        "new(int days, int hours, int minutes, int seconds)",
        "Of days, hours, minutes and seconds.",
        |_, a| span(TimeSpan::from_parts(a.int(0), a.int(1), a.int(2), a.int(3), 0)),
    ),
    p(
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
    p("static TimeSpan FromDays(double value)", "Of days.", |_, a| {
        span(TimeSpan::from_days(a.double(0)))
    }),
    p("static TimeSpan FromHours(double value)", "Of hours.", |_, a| {
        span(TimeSpan::from_hours(a.double(0)))
    }),
    p("static TimeSpan FromMinutes(double value)", "Of minutes.", |_, a| {
        span(TimeSpan::from_minutes(a.double(0)))
    }),
    p("static TimeSpan FromSeconds(double value)", "Of seconds.", |_, a| {
        span(TimeSpan::from_seconds(a.double(0)))
    }),
    p("static TimeSpan FromMilliseconds(double value)", "Of milliseconds.", |_, a| {
        span(TimeSpan::from_milliseconds(a.double(0)))
    }),
    p("static TimeSpan FromTicks(long value)", "Of ticks.", |_, a| {
        Ok(Value::TimeSpan(TimeSpan::from_ticks(a.long(0))))
    }),
    p("static TimeSpan Parse(string s)", "Reads a span.", |_, a| {
        span(TimeSpan::parse(a.opt_str(0)))
    }),
    p(
        "static TimeSpan Parse(string input, IFormatProvider formatProvider)",
        "Reads a span.",
        |_, a| {
            if a.get(0).is_null() {
                return Err(null_argument("input"));
            }
            span(TimeSpan::parse(a.opt_str(0)))
        },
    ),
    p(
        "static TimeSpan ParseExact(string input, string format, IFormatProvider formatProvider)",
        "Reads a span in a format.",
        one_format,
    ),
    p(
        "static TimeSpan ParseExact(string input, string[] formats, IFormatProvider formatProvider)",
        "Reads a span in one of several formats.",
        |cx, a| span(parse_exact(cx, a)),
    ),
    p(
        "static bool TryParse(string s, out TimeSpan result)",
        "Reads a span, if it is one.",
        |_, a| try_parse(a),
    ),
    p(
        "static bool TryParse(string input, IFormatProvider formatProvider, out TimeSpan result)",
        "Reads a span, if it is one.",
        |_, a| try_parse(a),
    ),
    p(
        "static bool TryParseExact(string input, string format, IFormatProvider formatProvider, out TimeSpan result)",
        "Reads a span in a format, if it is one.",
        try_exact,
    ),
    p(
        "static bool TryParseExact(string input, string[] formats, IFormatProvider formatProvider, out TimeSpan result)",
        "Reads a span in one of several formats, if it is one.",
        try_exact,
    ),
];

const OWN: &[Member] = &[
    p("bool Equals(object value)", "Whether it is an equal span.", |cx, a| {
        crate::types::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool)
    }),
    p("int Days", "The days.", |_, a| Ok(Value::Int(a.span(0).days()))),
    p("int Hours", "The hours of the day.", |_, a| Ok(Value::Int(a.span(0).hours()))),
    p("int Minutes", "The minutes of the hour.", |_, a| Ok(Value::Int(a.span(0).minutes()))),
    p("int Seconds", "The seconds of the minute.", |_, a| Ok(Value::Int(a.span(0).seconds()))),
    p("int Milliseconds", "The milliseconds of the second.", |_, a| {
        Ok(Value::Int(a.span(0).milliseconds()))
    }),
    p("long Ticks", "In units of 100 ns.", |_, a| Ok(Value::Long(a.span(0).ticks()))),
    p("double TotalDays", "In days.", |_, a| Ok(Value::Double(a.span(0).total_days()))),
    p("double TotalHours", "In hours.", |_, a| Ok(Value::Double(a.span(0).total_hours()))),
    p("double TotalMinutes", "In minutes.", |_, a| Ok(Value::Double(a.span(0).total_minutes()))),
    p("double TotalSeconds", "In seconds.", |_, a| Ok(Value::Double(a.span(0).total_seconds()))),
    p("double TotalMilliseconds", "In milliseconds.", |_, a| {
        Ok(Value::Double(a.span(0).total_milliseconds()))
    }),
    p("TimeSpan Add(TimeSpan ts)", "Longer.", |_, a| span(a.span(0).add(a.span(1)))),
    p("TimeSpan Subtract(TimeSpan ts)", "Shorter.", |_, a| span(a.span(0).subtract(a.span(1)))),
    p("TimeSpan Negate()", "With the other sign.", |_, a| span(a.span(0).negate())),
    p("TimeSpan Duration()", "Without its sign.", |_, a| span(a.span(0).duration())),
    p("TimeSpan Multiply(double factor)", "Many times.", |_, a| {
        span(a.span(0).multiply(a.double(1)))
    }),
    p("TimeSpan Divide(double divisor)", "A part.", |_, a| span(a.span(0).divide(a.double(1)))),
    p("double Divide(TimeSpan ts)", "How often one is in the other.", |_, a| {
        Ok(Value::Double(a.span(0).ratio(a.span(1))))
    }),
    p(
        "int CompareTo(object value)",
        "The order of the two; null is less.",
        super::super::object::compare_to,
    ),
    p("string ToString(string format)", "As text in a format.", super::format),
    p(
        "string ToString(string format, IFormatProvider formatProvider)",
        "As text in a format: of the invariant culture, whatever is passed.",
        super::format,
    ),
    p("operator TimeSpan +(TimeSpan t1, TimeSpan t2)", "Longer.", |_, a| {
        span(a.span(0).add(a.span(1)))
    }),
    p("operator TimeSpan -(TimeSpan t1, TimeSpan t2)", "Shorter.", |_, a| {
        span(a.span(0).subtract(a.span(1)))
    }),
    p("operator TimeSpan -(TimeSpan t)", "With the other sign.", |_, a| span(a.span(0).negate())),
    p("operator TimeSpan +(TimeSpan t)", "The same.", |_, a| Ok(a.value(0))),
    p("operator TimeSpan *(TimeSpan timeSpan, double factor)", "Many times.", |_, a| {
        span(a.span(0).multiply(a.double(1)))
    }),
    p("operator TimeSpan *(double factor, TimeSpan timeSpan)", "Many times.", |_, a| {
        span(a.span(1).multiply(a.double(0)))
    }),
    p("operator TimeSpan /(TimeSpan timeSpan, double divisor)", "A part.", |_, a| {
        span(a.span(0).divide(a.double(1)))
    }),
    p("operator double /(TimeSpan t1, TimeSpan t2)", "How often one is in the other.", |_, a| {
        Ok(Value::Double(a.span(0).ratio(a.span(1))))
    }),
];

const COMPARED: &[Member] = comparisons!("TimeSpan", "t1", "t2");
const ORDER: &[Member] = order!("TimeSpan", "t1", "t2", "value", "obj");
const ORDERS: &[Member] = &joined::<{ COMPARED.len() + ORDER.len() }>(COMPARED, ORDER);
const REST: &[Member] = &joined::<{ OWN.len() + ORDERS.len() }>(OWN, ORDERS);

const STYLES: &str = "`TimeSpanStyles` is not in the allow-list";

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.TimeSpan",
    kind: Kind::Struct,
    bases: &[],
    docs: "A length of time.",
    members: &joined::<{ MAKING.len() + REST.len() }>(MAKING, REST),
    refused: &[
        refused(
            "static TimeSpan ParseExact(string input, string format, IFormatProvider formatProvider, TimeSpanStyles styles)",
            STYLES,
        ),
        refused(
            "static TimeSpan ParseExact(string input, string[] formats, IFormatProvider formatProvider, TimeSpanStyles styles)",
            STYLES,
        ),
        refused(
            "static bool TryParseExact(string input, string format, IFormatProvider formatProvider, TimeSpanStyles styles, out TimeSpan result)",
            STYLES,
        ),
        refused(
            "static bool TryParseExact(string input, string[] formats, IFormatProvider formatProvider, TimeSpanStyles styles, out TimeSpan result)",
            STYLES,
        ),
        refused("TryFormat", "it writes to a span, and spans are not in the allow-list"),
    ],
};
