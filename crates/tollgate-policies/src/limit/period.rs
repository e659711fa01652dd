//! Periods and moments as authors write them.

use tollgate_engine::{PolicyError, Typed};
use tollgate_expr::{EvalState, Target};

/// A length of time in seconds, within bounds; 0 only when `MIN` is 0 or `OR_ZERO` says so, and then it stands for all time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period<const MIN: u64, const MAX: u64, const OR_ZERO: bool>(u64);

impl<const MIN: u64, const MAX: u64, const OR_ZERO: bool> Period<MIN, MAX, OR_ZERO> {
    /// In milliseconds; none for all time.
    pub(crate) fn ms(self) -> Option<u64> {
        (self.0 > 0).then(|| self.0.saturating_mul(1_000))
    }

    fn new(seconds: u64) -> Result<Self, String> {
        if (MIN..=MAX).contains(&seconds) || OR_ZERO && seconds == 0 {
            return Ok(Self(seconds));
        }
        let zero = if OR_ZERO { "0, or " } else { "" };
        Err(if MAX == u64::MAX {
            format!("expected {zero}{MIN} seconds or more")
        } else {
            format!("expected {zero}{MIN} to {MAX} seconds")
        })
    }
}

impl<const MIN: u64, const MAX: u64, const OR_ZERO: bool> Typed for Period<MIN, MAX, OR_ZERO> {
    const TARGET: Target = Target::Any;

    fn parse(text: &str) -> Result<Self, String> {
        Self::new(seconds(text.trim()).ok_or("expected seconds, or a duration such as `PT1M`")?)
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let period = match value.as_int() {
            Some(seconds) => u64::try_from(seconds)
                .map_err(|_| "the period is negative".to_owned())
                .and_then(Self::new),
            None => Self::parse(&<std::sync::Arc<str>>::from_value(value, state)?),
        };
        period.map_err(|why| PolicyError::unfit_value(format!("The period does not fit: {why}.")))
    }
}

/// Seconds, or an ISO 8601 duration of days, hours, minutes and seconds: `P1DT12H30M5S`.
fn seconds(text: &str) -> Option<u64> {
    let Some(rest) = text.strip_prefix('P') else { return text.parse().ok() };
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (rest, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    units(days, &[('W', 604_800), ('D', 86_400)])?
        .checked_add(units(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)
}

/// The sum of numbers with units, each at most once and in this order.
fn units(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut sum = 0u64;
    for (unit, seconds) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(sum)
}

/// A moment, in milliseconds since 1970: `yyyy-MM-ddTHH:mm:ssZ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) i64);

impl Typed for Instant {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        moment(text.trim())
            .map(Self)
            .ok_or_else(|| "expected a moment such as `2026-01-31T00:00:00Z`".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <std::sync::Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("{why}.")))
    }
}

fn moment(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if year == 0 || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Days since 1970-01-01 of the Gregorian calendar, counted in years that begin in March so that the leap day is last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 719_469;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_seconds_or_iso_8601() {
        for (text, expected) in [
            ("90", Some(90)),
            ("0", Some(0)),
            ("PT1M", Some(60)),
            ("PT1H30M", Some(5_400)),
            ("P1D", Some(86_400)),
            ("P2W", Some(1_209_600)),
            ("P1DT12H30M5S", Some(131_405)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("P1M", None),
            ("PT1S1M", None),
            ("PT-1S", None),
            ("1.5", None),
            ("-1", None),
            ("P99999999999999999999D", None),
            ("P300000000000000D", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn periods_are_within_bounds() {
        type Rate = Period<1, 300, false>;
        type Quota = Period<300, { u64::MAX }, true>;
        assert_eq!(Rate::parse("300").unwrap().ms(), Some(300_000));
        assert_eq!(Rate::parse("301").unwrap_err(), "expected 1 to 300 seconds");
        assert!(Rate::parse("0").is_err());
        assert_eq!(Quota::parse("0").unwrap().ms(), None);
        assert_eq!(Quota::parse("299").unwrap_err(), "expected 0, or 300 seconds or more");
        assert_eq!(Quota::parse("P1D").unwrap().ms(), Some(86_400_000));
    }

    #[test]
    fn moments_are_counted_from_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("0001-01-01T00:00:00Z", Some(-62_135_596_800_000)),
            ("2000-02-29T12:00:01Z", Some(951_825_601_000)),
            ("2026-11-21T13:02:04Z", Some(1_795_266_124_000)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("1900-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-04-31T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01 00:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-1-01T00:00:00Z", None),
            ("0000-01-01T00:00:00Z", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
    }
}
