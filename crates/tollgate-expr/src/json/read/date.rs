//! Text that Json.NET takes for a date.

use super::super::Scalar;
use super::reader::{Reader, Token, located};
use crate::time::{DateTime, DateTimeOffset, Kind, TimeSpan, days_in_month};
use crate::{Budget, Exception, ExceptionKind};

/// Reads `2024-01-31T12:00:00[.fraction][zone]` and `/Date(milliseconds[zone])/`; nothing else is a date.
pub(crate) fn parse(text: &str) -> Option<DateTime> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'/' => microsoft(text),
        b'0'..=b'9' if (19..=40).contains(&bytes.len()) && bytes.get(10) == Some(&b'T') => {
            iso(bytes)
        }
        _ => None,
    }
}

/// What `new Date(…)` is, whose start was read: milliseconds, or the parts of a time from the year on.
pub(super) fn constructed(
    reader: &mut Reader<'_>,
    budget: &mut Budget,
) -> Result<Scalar, Exception> {
    let fault =
        |message: &str| Exception::new(ExceptionKind::JsonWriter, located(message, "", None));
    let mut parts = Vec::new();
    while parts.len() < 7 {
        if !reader.read(budget)? {
            return Err(fault("Unexpected end when reading date constructor."));
        }
        match (reader.token, &reader.value) {
            (Token::EndConstructor, _) => break,
            (Token::Integer, Scalar::Int(part)) => parts.push(*part),
            (other, _) => {
                return Err(fault(&format!(
                    "Unexpected token when reading date constructor. Expected Integer, got {}.",
                    other.name()
                )));
            }
        }
    }
    let date = match parts.as_slice() {
        [] => return Err(fault("Date constructor has no arguments.")),
        [milliseconds] => milliseconds
            .checked_mul(10_000)
            .and_then(|ticks| DateTime::UNIX_EPOCH.add_ticks(ticks).ok())
            .map(|date| date.with_kind(Kind::Utc)),
        [year, month, rest @ ..] => {
            let part = |index: usize, default| {
                rest.get(index).map_or(Some(default), |part| i32::try_from(*part).ok())
            };
            let day = part(0, 1).map(|day| day.max(1));
            constructed_of([
                i32::try_from(*year).ok(),
                i32::try_from(*month).ok().and_then(|month| month.checked_add(1)),
                day,
                part(1, 0),
                part(2, 0),
                part(3, 0),
                part(4, 0),
            ])
        }
    };
    date.map(Scalar::Date).ok_or_else(|| fault("Unexpected date constructor."))
}

fn constructed_of(parts: [Option<i32>; 7]) -> Option<DateTime> {
    let [year, month, day, hour, minute, second, millisecond] = parts;
    let kind = Kind::Unspecified;
    DateTime::from_parts(year?, month?, day?, hour?, minute?, second?, millisecond?, kind).ok()
}

/// The same with its offset; that of a time without one is zero.
pub(super) fn parse_offset(text: &str) -> Option<DateTimeOffset> {
    let bytes = text.as_bytes();
    let (date, offset) = match bytes.first()? {
        b'/' => {
            let (utc, _, offset) = microsoft_parts(text)?;
            (utc.add_ticks(offset).ok()?, offset)
        }
        b'0'..=b'9' if (19..=40).contains(&bytes.len()) && bytes.get(10) == Some(&b'T') => {
            match iso_parts(bytes)? {
                (date, Zone::Offset(ticks)) => (date, ticks),
                (date, _) => (date, 0),
            }
        }
        _ => return None,
    };
    let date = date.with_kind(Kind::Unspecified);
    DateTimeOffset::with_offset(date, TimeSpan::from_ticks(offset)).ok()
}

/// How a time is meant.
enum Zone {
    None,
    Utc,
    /// Ticks east of UTC.
    Offset(i64),
}

fn digits(bytes: &[u8], from: usize, count: usize) -> Option<i32> {
    let digits = bytes.get(from..from.checked_add(count)?)?;
    digits.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i32::from(byte - b'0'))
    })
}

fn iso(bytes: &[u8]) -> Option<DateTime> {
    iso_parts(bytes).map(|(date, zone)| in_zone(date, &zone))
}

/// The clock's time and the zone beside it.
fn iso_parts(bytes: &[u8]) -> Option<(DateTime, Zone)> {
    let is = |at: usize, expected: u8| bytes.get(at) == Some(&expected);
    let (year, month, day) = (digits(bytes, 0, 4)?, digits(bytes, 5, 2)?, digits(bytes, 8, 2)?);
    let (hour, minute, second) =
        (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?, digits(bytes, 17, 2)?);
    let separated = is(4, b'-') && is(7, b'-') && is(13, b':') && is(16, b':');
    if !separated || !(1..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let is_midnight = hour == 24 && minute == 0 && second == 0;
    let is_time = minute < 60 && second < 60 && (hour < 24 || is_midnight);
    if day < 1 || day > days_in_month(year, month).ok()? || !is_time {
        return None;
    }
    let (fraction, at) = fraction(bytes, 19)?;
    if hour == 24 && fraction != 0 {
        return None;
    }
    let zone = zone(bytes, at)?;
    let date =
        DateTime::from_parts(year, month, day, hour % 24, minute, second, 0, Kind::Unspecified)
            .and_then(|date| date.add_ticks(fraction))
            .ok()?;
    let date = if hour == 24 { date.add_days(1.0).ok()? } else { date };
    Some((date, zone))
}

fn in_zone(date: DateTime, zone: &Zone) -> DateTime {
    match zone {
        Zone::None => date,
        Zone::Utc => date.with_kind(Kind::Utc),
        Zone::Offset(ticks) => {
            let shifted = date.ticks() - ticks;
            let shifted = shifted.clamp(DateTime::MIN.ticks(), DateTime::MAX.ticks());
            DateTime::from_ticks(shifted, Kind::Local).unwrap_or(DateTime::MIN)
        }
    }
}

/// A fraction of at most seven digits; how many ticks, and where it ends.
fn fraction(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    if bytes.get(at) != Some(&b'.') {
        return Some((0, at));
    }
    let rest = bytes.get(at + 1..)?;
    let count = rest.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let mut ticks = 0;
    for index in 0..7 {
        let digit = rest.get(index).filter(|_| index < count).map_or(0, |byte| byte - b'0');
        ticks = ticks * 10 + i64::from(digit);
    }
    Some((ticks, at + 1 + count))
}

/// `Z`, `+01:00`, `-0530`, `+01` or nothing, up to the end.
fn zone(bytes: &[u8], at: usize) -> Option<Zone> {
    let Some(first) = bytes.get(at) else { return Some(Zone::None) };
    let mut at = at;
    let mut zone = Zone::None;
    let mut minutes = 0;
    let sign = match first {
        b'Z' | b'z' => {
            return (at + 1 == bytes.len()).then_some(Zone::Utc);
        }
        b'+' => 1,
        b'-' => -1,
        _ => 0,
    };
    let hours = digits(bytes, at + 1, 2).filter(|_| sign != 0);
    if let Some(hours) = hours {
        minutes = i64::from(hours) * 60;
        zone = Zone::Offset(0);
        at += 3;
    }
    if bytes.get(at) == Some(&b':') {
        at += 1;
    }
    if let Some(more) = digits(bytes, at, 2) {
        minutes += i64::from(more);
        at += 2;
    }
    if at != bytes.len() {
        return None;
    }
    Some(match zone {
        Zone::Offset(_) => Zone::Offset(sign * minutes * 600_000_000),
        other => other,
    })
}

/// `/Date(1234656000000+0200)/`: the offset only makes it local.
fn microsoft(text: &str) -> Option<DateTime> {
    microsoft_parts(text).map(|(utc, kind, _)| utc.with_kind(kind))
}

/// The time in UTC, its kind, and the ticks of its offset.
fn microsoft_parts(text: &str) -> Option<(DateTime, Kind, i64)> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let sign = inner.char_indices().skip(1).find(|(_, char)| matches!(char, '+' | '-'));
    let (milliseconds, kind, minutes) = match sign {
        Some((at, sign)) => {
            let (value, offset) = inner.split_at_checked(at)?;
            let offset = offset.as_bytes();
            let minutes = digits(offset, 1, 2)? * 60 + digits(offset, 3, 2).unwrap_or_default();
            (value, Kind::Local, i64::from(if sign == '-' { -minutes } else { minutes }))
        }
        None => (inner, Kind::Utc, 0),
    };
    let milliseconds: i64 = milliseconds.parse().ok()?;
    let ticks = milliseconds.checked_mul(10_000)?;
    let date = DateTime::UNIX_EPOCH.add(TimeSpan::from_ticks(ticks)).ok()?;
    Some((date, kind, minutes * 600_000_000))
}
