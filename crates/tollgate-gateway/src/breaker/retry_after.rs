//! When a response says to come back.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// A backend cannot ask to be left alone for longer than this.
const LONGEST: Duration = Duration::from_hours(24);

/// How long to stay away, as Azure OpenAI and others say it: `retry-after-ms`, `Retry-After` as seconds or as a date (RFC 9110
/// §10.2.3), or the `x-ratelimit-reset-*` of what there is nothing left of. `None` when nothing of it is there, or makes sense.
/// `unix_seconds` is asked for a date when the response has none of its own.
pub(crate) fn retry_after(
    headers: &HeaderMap,
    unix_seconds: impl FnOnce() -> i64,
) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let precise = text("retry-after-ms").and_then(|text| number(text, Duration::from_millis(1)));
    let plain = || {
        let written = text(RETRY_AFTER.as_str())?;
        number(written, Duration::from_secs(1)).or_else(|| {
            let now = text(DATE.as_str()).and_then(date);
            let left = date(written)? - now.unwrap_or_else(unix_seconds);
            Some(Duration::from_secs(u64::try_from(left).unwrap_or(0)))
        })
    };
    let reset = |what: &str| {
        let left = text(&format!("x-ratelimit-remaining-{what}"));
        let is_used_up = left.is_none_or(|left| left.parse().is_ok_and(|left: i64| left <= 0));
        span(text(&format!("x-ratelimit-reset-{what}")).filter(|_| is_used_up)?)
    };
    let limits = || reset("tokens").max(reset("requests"));
    let says_something = |time: &Duration| !time.is_zero();
    let said = precise.filter(says_something).or_else(|| plain().filter(says_something));
    said.or_else(|| limits().filter(says_something)).map(|time| time.min(LONGEST))
}

/// So many units, also in fractions of them; as digits, so that nothing that a backend writes is negative or no number.
fn number(text: &str, unit: Duration) -> Option<Duration> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = text.parse().ok().filter(|_| is_plain)?;
    let seconds = number * unit.as_secs_f64();
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

/// Seconds, or what OpenAI writes: `1s`, `6m0s`, `250ms`, `1h2m3.5s`.
fn span(text: &str) -> Option<Duration> {
    if let Some(seconds) = number(text, Duration::from_secs(1)) {
        return Some(seconds);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at_checked(rest.find(|c: char| c.is_alphabetic())?)?;
        let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(end)?;
        let unit = match unit {
            "h" => Duration::from_hours(1),
            "m" => Duration::from_mins(1),
            "s" => Duration::from_secs(1),
            "ms" => Duration::from_millis(1),
            _ => return None,
        };
        total = total.saturating_add(number(digits, unit)?);
        rest = next;
    }
    Some(total)
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of a date that is still sent.
fn date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = text.split_once(", ")?.1.strip_suffix(" GMT")?.split(' ');
    let mut part = || parts.next();
    let day: i64 = part()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = part()?;
    let month = i64::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let year: i64 = part()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = part()?.split(':').map(|number| number.parse().ok().filter(|n| *n <= 60));
    let mut number = || -> Option<i64> { clock.next()?.map(i64::from as fn(u8) -> i64) };
    let seconds = number()? * 3_600 + number()? * 60 + number()?;
    // Years that begin in March put the leap day at their end, and months have 30.6 days.
    let year = year - i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    Some(days * 86_400 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 784_111_777;

    fn check(headers: &[(&'static str, &str)], expected_ms: Option<u64>) {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = headers.collect();
        let found = retry_after(&headers, || NOW);
        assert_eq!(found, expected_ms.map(Duration::from_millis), "{headers:?}");
    }

    #[test]
    fn the_most_precise_word_counts() {
        check(&[], None);
        check(&[("retry-after", "7")], Some(7_000));
        check(&[("retry-after", "7"), ("retry-after-ms", "6500")], Some(6_500));
        check(&[("retry-after", "7"), ("x-ratelimit-reset-tokens", "60")], Some(7_000));
        check(&[("retry-after", "7"), ("retry-after-ms", "0")], Some(7_000));
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "-1")], None);
        check(&[("retry-after", "0")], None);
        check(&[("retry-after", "2.5")], Some(2_500));
        check(&[("retry-after-ms", "12.0")], Some(12));
        for far in ["4294967295", "18446744073709551616", &"9".repeat(400)] {
            check(&[("retry-after", far)], Some(86_400_000));
        }
        for wrong in ["", ".", "1.2.3", "+1", "1e3", "inf", "NaN", "0x10", "1,5"] {
            check(&[("retry-after", wrong)], None);
            check(&[("retry-after-ms", wrong)], None);
        }
    }

    #[test]
    fn dates_count_from_the_date_of_the_response() {
        let at = "Sun, 06 Nov 1994 08:49:42 GMT";
        check(&[("retry-after", at)], Some(5_000));
        check(&[("retry-after", at), ("date", "Sun, 06 Nov 1994 08:49:40 GMT")], Some(2_000));
        check(&[("retry-after", at), ("date", "Sun, 06 Nov 1994 08:49:43 GMT")], None);
        check(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(86_400_000));
        check(&[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], None);
        for wrong in ["Sun, 06 Nov 1994", "Sun, 32 Nov 1994 08:49:42 GMT", "Sun, 06 Nov 1994 8 GMT"]
        {
            check(&[("retry-after", wrong)], None);
        }
        assert_eq!(date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
    }

    #[test]
    fn limits_that_are_used_up_say_when_they_are_renewed() {
        check(
            &[("x-ratelimit-reset-requests", "10"), ("x-ratelimit-reset-tokens", "20")],
            Some(20_000),
        );
        let tokens_left = ("x-ratelimit-remaining-tokens", "5");
        check(
            &[
                ("x-ratelimit-reset-requests", "10"),
                ("x-ratelimit-reset-tokens", "20"),
                tokens_left,
            ],
            Some(10_000),
        );
        check(&[("x-ratelimit-reset-tokens", "20"), tokens_left], None);
        check(&[("x-ratelimit-reset-tokens", "1m2.5s")], Some(62_500));
        check(&[("x-ratelimit-reset-tokens", "250ms")], Some(250));
        // As far as a number goes, and twice that.
        let far = format!("{0}s{0}s", "10000000000000000000");
        check(&[("x-ratelimit-reset-tokens", &far)], Some(86_400_000));
        for wrong in ["s", "1x", "1m2", "NaNs", "infs", "1e300s", "-1s", "-1", "1s-"] {
            check(&[("x-ratelimit-reset-tokens", wrong)], None);
        }
    }
}
