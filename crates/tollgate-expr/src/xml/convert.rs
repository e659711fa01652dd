//! Values as XML writes them, and back: `XmlConvert`.

use crate::json::parse_guid;
use crate::number::{Number, NumberType, Styles, parse};
use crate::time::{DateStyles, DateTime, DateTimeOffset, Kind, TimeSpan};
use crate::{Exception, ExceptionKind, Value};

use super::name::is_whitespace;

/// A type that the text of an element or attribute converts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Simple {
    Bool,
    Number(NumberType),
    DateTime,
    DateTimeOffset,
    TimeSpan,
    Guid,
}

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
const TICKS_PER_HOUR: i64 = 60 * TICKS_PER_MINUTE;
const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;

/// The text of a value that XML writes in its own way; none for the others.
pub(crate) fn simple_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Double(number) if number.is_infinite() => infinity(*number < 0.0),
        Value::Float(number) if number.is_infinite() => infinity(*number < 0.0),
        Value::DateTime(value) => {
            let zone = match value.kind() {
                Kind::Unspecified => "",
                Kind::Utc => "Z",
                Kind::Local => "+00:00",
            };
            clock_text(*value) + zone
        }
        Value::DateTimeOffset(value) => offset_text(*value),
        Value::TimeSpan(value) => span_text(*value),
        _ => return None,
    })
}

fn infinity(negative: bool) -> String {
    if negative { "-INF" } else { "INF" }.to_owned()
}

fn clock_text(value: DateTime) -> String {
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        value.year(),
        value.month(),
        value.day(),
        value.hour(),
        value.minute(),
        value.second()
    );
    text.push_str(&fraction_text(value.ticks().rem_euclid(TICKS_PER_SECOND)));
    text
}

fn fraction_text(ticks: i64) -> String {
    if ticks == 0 {
        return String::new();
    }
    format!(".{ticks:07}").trim_end_matches('0').to_owned()
}

fn offset_text(value: DateTimeOffset) -> String {
    let minutes = value.offset().ticks() / TICKS_PER_MINUTE;
    let zone = if minutes == 0 {
        "Z".to_owned()
    } else {
        let sign = if minutes < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
    };
    clock_text(value.clock()) + &zone
}

fn span_text(value: TimeSpan) -> String {
    let ticks = i128::from(value.ticks());
    let left = ticks.unsigned_abs();
    let take = |unit: i64, wrap: u128| left / u128::from(unit.unsigned_abs()) % wrap;
    let (days, hours) = (take(TICKS_PER_DAY, u128::MAX), take(TICKS_PER_HOUR, 24));
    let (minutes, seconds) = (take(TICKS_PER_MINUTE, 60), take(TICKS_PER_SECOND, 60));
    let fraction = i64::try_from(take(1, 10_000_000)).unwrap_or_default();
    let mut text = if ticks < 0 { "-P" } else { "P" }.to_owned();
    let push = |number: u128, unit: &str, text: &mut String| {
        if number != 0 {
            text.push_str(&number.to_string());
            text.push_str(unit);
        }
    };
    push(days, "D", &mut text);
    if hours == 0 && minutes == 0 && seconds == 0 && fraction == 0 {
        if days == 0 {
            text.push_str("T0S");
        }
        return text;
    }
    text.push('T');
    push(hours, "H", &mut text);
    push(minutes, "M", &mut text);
    if seconds != 0 || fraction != 0 {
        text.push_str(&seconds.to_string());
        text.push_str(&fraction_text(fraction));
        text.push('S');
    }
    text
}

#[cold]
fn invalid(text: &str, what: &str) -> Exception {
    Exception::new(
        ExceptionKind::Format,
        format!("The string '{text}' is not a valid {what} value."),
    )
}

/// The text of an element or attribute as a value; `now` completes a time without a date.
pub(crate) fn parse_simple(text: &str, to: Simple, now: DateTime) -> Result<Value, Exception> {
    let trimmed = text.trim_matches(is_whitespace);
    match to {
        Simple::Bool => match trimmed.to_lowercase().as_str() {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(invalid(&trimmed.to_lowercase(), "Boolean")),
        },
        Simple::Number(kind) => number(text, trimmed, kind).map(Value::from),
        Simple::DateTime => {
            DateTime::parse(Some(text), DateStyles::ROUNDTRIP_KIND, now).map(Value::DateTime)
        }
        Simple::DateTimeOffset => {
            let (date, minutes) = read_date(trimmed, now).ok_or_else(|| invalid(text, "AllXsd"))?;
            let offset = TimeSpan::from_ticks(minutes * TICKS_PER_MINUTE);
            DateTimeOffset::with_offset(date.with_kind(Kind::Unspecified), offset)
                .map(Value::DateTimeOffset)
        }
        Simple::TimeSpan => match read_span(trimmed) {
            Some(ticks) => match i64::try_from(ticks) {
                Ok(ticks) => Ok(Value::TimeSpan(TimeSpan::from_ticks(ticks))),
                Err(_) => Err(Exception::new(
                    ExceptionKind::Overflow,
                    "Value 'Duration' was either too large or too small for TimeSpan.",
                )),
            },
            None => Err(invalid(text, "TimeSpan")),
        },
        Simple::Guid => parse_guid(Some(text)).map(Value::guid),
    }
}

fn number(text: &str, trimmed: &str, kind: NumberType) -> Result<Number, Exception> {
    match (kind, trimmed) {
        (NumberType::Double, "INF") => return Ok(Number::Double(f64::INFINITY)),
        (NumberType::Double, "-INF") => return Ok(Number::Double(f64::NEG_INFINITY)),
        (NumberType::Single, "INF") => return Ok(Number::Single(f32::INFINITY)),
        (NumberType::Single, "-INF") => return Ok(Number::Single(f32::NEG_INFINITY)),
        _ => {}
    }
    let styles = match kind {
        NumberType::Double | NumberType::Single => Styles::FLOAT,
        NumberType::Decimal => Styles(0x27),
        NumberType::UInt32 | NumberType::UInt64 => Styles(0x3),
        _ => Styles::INTEGER,
    };
    parse(kind, Some(text), styles)
}

/// Steps over so many digits.
fn digits(text: &mut &str, min: usize, max: usize) -> Option<i64> {
    let len = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let len = len.min(max);
    let number = text.get(..len).filter(|_| len >= min)?;
    *text = text.get(len..)?;
    number.parse().ok()
}

fn eat(text: &mut &str, mark: char) -> bool {
    match text.strip_prefix(mark) {
        Some(rest) => {
            *text = rest;
            true
        }
        None => false,
    }
}

/// The ticks of a fraction after its point; digits after the seventh are dropped.
fn fraction(text: &mut &str) -> Option<i64> {
    let mut ticks = 0;
    let mut count = 0;
    while let Some(digit) = text.chars().next().and_then(|c| c.to_digit(10)) {
        if count < 7 {
            ticks = ticks * 10 + i64::from(digit);
        }
        count += 1;
        *text = text.get(1..)?;
    }
    let missing = 7_u32.saturating_sub(count);
    (count > 0).then(|| ticks * 10_i64.pow(missing))
}

/// `hh:mm:ss` with a fraction, in ticks.
fn clock(text: &mut &str) -> Option<i64> {
    let hour = digits(text, 2, 2).filter(|hour| *hour < 24)?;
    let minute = eat(text, ':').then(|| digits(text, 2, 2))?.filter(|minute| *minute < 60)?;
    let second = eat(text, ':').then(|| digits(text, 2, 2))?.filter(|second| *second < 60)?;
    let part = if eat(text, '.') { fraction(text)? } else { 0 };
    Some(((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + part)
}

/// A date with a time, a date, a month, a year, or a time, with or without a zone.
fn read_date(text: &str, now: DateTime) -> Option<(DateTime, i64)> {
    if text.starts_with("--") {
        return without_year(text, now);
    }
    let mut rest = text;
    let value = if text.as_bytes().get(2) == Some(&b':') {
        now.date().add_ticks(clock(&mut rest)?).ok()?
    } else {
        let part = |rest: &mut &str| {
            if eat(rest, '-') { digits(rest, 2, 2).map(Some) } else { Some(None) }
        };
        let year = digits(&mut rest, 4, 4)?;
        let month = part(&mut rest)?;
        let day = if month.is_some() { part(&mut rest)? } else { None };
        let ticks = if day.is_some() && eat(&mut rest, 'T') { clock(&mut rest)? } else { 0 };
        let narrow = |number: i64| i32::try_from(number).ok();
        let date = DateTime::from_date(
            narrow(year)?,
            narrow(month.unwrap_or(1))?,
            narrow(day.unwrap_or(1))?,
        );
        date.ok()?.add_ticks(ticks).ok()?
    };
    let minutes = zone(&mut rest)?;
    rest.is_empty().then_some((value, minutes))
}

/// `--MM-DD` of a leap year, or `--MM`, `--MM--` and `---DD` of this year; with its zone in minutes.
fn without_year(text: &str, now: DateTime) -> Option<(DateTime, i64)> {
    let date = |year: i32, month: i64, day: i64| {
        DateTime::from_date(year, i32::try_from(month).ok()?, i32::try_from(day).ok()?).ok()
    };
    let zoned = |mut rest: &str| zone(&mut rest).filter(|_| rest.is_empty());
    let mut rest = text.strip_prefix("--")?;
    if eat(&mut rest, '-') {
        let day = digits(&mut rest, 2, 2)?;
        return Some((date(now.year(), 1, day)?, zoned(rest)?));
    }
    let month = digits(&mut rest, 2, 2)?;
    let with_day = || {
        let mut rest = rest.strip_prefix('-')?;
        let day = digits(&mut rest, 2, 2)?;
        Some((date(1904, month, day)?, zoned(rest)?))
    };
    let alone = || {
        let zone = zoned(rest).or_else(|| zoned(rest.strip_prefix("--")?))?;
        Some((date(now.year(), month, 1)?, zone))
    };
    with_day().or_else(alone)
}

fn zone(text: &mut &str) -> Option<i64> {
    if text.is_empty() || eat(text, 'Z') {
        return Some(0);
    }
    let sign = if eat(text, '-') {
        -1
    } else if eat(text, '+') {
        1
    } else {
        return None;
    };
    let hours = digits(text, 2, 2)?;
    let minutes = eat(text, ':').then(|| digits(text, 2, 2)).flatten()?;
    Some(sign * (hours * 60 + minutes))
}

/// A duration such as `P1DT2H`, in ticks, however long.
fn read_span(text: &str) -> Option<i128> {
    let mut rest = text;
    let negative = eat(&mut rest, '-');
    eat(&mut rest, 'P').then_some(())?;
    let mut total: i128 = 0;
    let mut any = false;
    let mut timed = false;
    let mut units: &[(char, i64)] = &[('Y', 365), ('M', 30), ('D', 1)];
    while !rest.is_empty() {
        if !timed && eat(&mut rest, 'T') {
            timed = true;
            units = &[('H', TICKS_PER_HOUR), ('M', TICKS_PER_MINUTE), ('S', TICKS_PER_SECOND)];
        }
        let is_digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
        let whole = is_digit(rest);
        let number = if whole { digits(&mut rest, 1, 18)? } else { 0 };
        let part = if timed && eat(&mut rest, '.') {
            Some(if is_digit(rest) { fraction(&mut rest)? } else { 0 })
        } else {
            whole.then_some(())?;
            None
        };
        let (index, unit) =
            units.iter().enumerate().find(|(_, (mark, _))| eat(&mut rest, *mark))?;
        (part.is_none() || unit.0 == 'S').then_some(())?;
        let scale = if timed { unit.1 } else { unit.1 * TICKS_PER_DAY };
        total += i128::from(number) * i128::from(scale) + i128::from(part.unwrap_or_default());
        units = units.get(index + 1..)?;
        any = true;
    }
    any.then_some(())?;
    Some(if negative { -total } else { total })
}
