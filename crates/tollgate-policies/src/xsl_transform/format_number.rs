//! `format-number()`: numbers by the patterns of Java's `DecimalFormat`.

/// The characters of numbers and patterns.
#[derive(Debug, Clone)]
pub(super) struct DecimalFormat {
    pub(super) point: char,
    pub(super) group: char,
    pub(super) infinity: String,
    pub(super) minus: char,
    pub(super) nan: String,
    pub(super) percent: char,
    pub(super) per_mille: char,
    pub(super) zero: char,
    pub(super) digit: char,
    pub(super) separator: char,
}

impl Default for DecimalFormat {
    fn default() -> Self {
        Self {
            point: '.',
            group: ',',
            infinity: "Infinity".to_owned(),
            minus: '-',
            nan: "NaN".to_owned(),
            percent: '%',
            per_mille: '\u{2030}',
            zero: '0',
            digit: '#',
            separator: ';',
        }
    }
}

/// One half of a pattern.
#[derive(Debug, Default)]
struct Half {
    prefix: String,
    suffix: String,
    least_whole: usize,
    least_fraction: usize,
    most_fraction: usize,
    /// Digits between separators; none without them.
    group: Option<usize>,
    scale: i32,
}

/// Most digits that a pattern may ask for.
const MOST_DIGITS: usize = 100;

/// A number by a pattern; none when the pattern is malformed.
pub(super) fn format(number: f64, pattern: &str, format: &DecimalFormat) -> Option<String> {
    if number.is_nan() {
        return Some(format.nan.clone());
    }
    let mut halves = pattern.split(format.separator);
    let positive = half(halves.next()?, format)?;
    let negative = match halves.next() {
        Some(text) => Some(half(text, format)?),
        None => None,
    };
    if halves.next().is_some() {
        return None;
    }
    let is_negative = number.is_sign_negative() && number != 0.0;
    let (prefix, suffix) = match (&negative, is_negative) {
        (Some(negative), true) => (negative.prefix.clone(), &negative.suffix),
        (None, true) => (format!("{}{}", format.minus, positive.prefix), &positive.suffix),
        _ => (positive.prefix.clone(), &positive.suffix),
    };
    if number.is_infinite() {
        return Some(format!("{prefix}{}{suffix}", format.infinity));
    }
    let digits = digits(number.abs(), &positive, format);
    Some(format!("{prefix}{digits}{suffix}"))
}

fn half(text: &str, format: &DecimalFormat) -> Option<Half> {
    let mut half = Half::default();
    let is_active =
        |c: char| c == format.digit || c == format.zero || c == format.group || c == format.point;
    let start = text.find(is_active)?;
    let end = text
        .rfind(is_active)
        .map(|at| at + text.get(at..).and_then(|it| it.chars().next()).map_or(1, char::len_utf8))?;
    text.get(..start)?.clone_into(&mut half.prefix);
    text.get(end..)?.clone_into(&mut half.suffix);
    for part in [&half.prefix, &half.suffix] {
        if part.contains(format.percent) {
            half.scale = 2;
        } else if part.contains(format.per_mille) {
            half.scale = 3;
        }
    }
    let (mut in_fraction, mut since_group) = (false, None);
    for c in text.get(start..end)?.chars() {
        if c == format.point {
            if in_fraction {
                return None;
            }
            in_fraction = true;
        } else if c == format.group {
            if in_fraction {
                return None;
            }
            since_group = Some(0);
        } else if !is_active(c) {
            return None;
        } else if in_fraction {
            half.most_fraction += 1;
            half.least_fraction =
                if c == format.zero { half.most_fraction } else { half.least_fraction };
        } else {
            half.least_whole += usize::from(c == format.zero);
            since_group = since_group.map(|count| count + 1);
        }
    }
    half.group = since_group.filter(|count| *count > 0);
    let is_sane = half.most_fraction <= MOST_DIGITS && half.least_whole <= MOST_DIGITS;
    is_sane.then_some(half)
}

/// The digits of a number that is not negative.
fn digits(number: f64, half: &Half, format: &DecimalFormat) -> String {
    let scaled = shifted(&number.to_string(), half.scale);
    let rounded = rounded(&scaled, half.most_fraction);
    let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let whole = whole.trim_start_matches('0');
    let mut fraction = fraction.trim_end_matches('0').to_owned();
    while fraction.len() < half.least_fraction {
        fraction.push('0');
    }
    let mut padded = "0".repeat(half.least_whole.saturating_sub(whole.len()));
    padded.push_str(whole);
    if padded.is_empty() && fraction.is_empty() {
        padded.push('0');
    }
    let zero = u32::from(format.zero);
    let own = |digit: char| char::from_u32(zero + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit);
    let mut out = String::new();
    for (index, digit) in padded.chars().enumerate() {
        let left = padded.len() - index;
        if index > 0 && half.group.is_some_and(|group| left.is_multiple_of(group)) {
            out.push(format.group);
        }
        out.push(own(digit));
    }
    if !fraction.is_empty() {
        out.push(format.point);
        out.extend(fraction.chars().map(own));
    }
    out
}

/// Decimal digits with the point moved to the right.
fn shifted(digits: &str, places: i32) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = usize::try_from(places).unwrap_or(0);
    let mut moved = format!("{fraction:0<places$}");
    let rest = moved.split_off(places.min(moved.len()));
    format!("{whole}{moved}.{rest}")
}

/// Decimal digits with so many behind the point; halves go to the even digit.
fn rounded(digits: &str, places: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() <= places {
        return digits.to_owned();
    }
    let (kept, dropped) = fraction.split_at_checked(places).unwrap_or((fraction, ""));
    let last = kept.chars().next_back().or_else(|| whole.chars().next_back());
    let is_odd = last.and_then(|digit| digit.to_digit(10)).is_some_and(|digit| digit % 2 == 1);
    let rest = dropped.trim_end_matches('0');
    let is_up = match rest.chars().next() {
        Some('5') if rest.len() == 1 => is_odd,
        Some(first) => first >= '5',
        None => false,
    };
    let mut all: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    if is_up {
        let mut carries = true;
        for digit in all.iter_mut().rev() {
            if !carries {
                break;
            }
            carries = *digit == b'9';
            *digit = if carries { b'0' } else { *digit + 1 };
        }
        if carries {
            all.insert(0, b'1');
        }
    }
    let fraction = all.split_off(all.len().saturating_sub(kept.len()));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
    format!("{}.{}", text(all), text(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_patterns() {
        for (number, pattern, expected) in [
            (1_234_567.891, "#,##0.00", "1,234,567.89"),
            (0.5, "0", "0"),
            (1.5, "0", "2"),
            (2.5, "0", "2"),
            (0.0, "#", "0"),
            (0.25, "#.##", ".25"),
            (5.0, "000.0", "005.0"),
            (-5.0, "0.0", "-5.0"),
            (-5.0, "0.0;(0.0)", "(5.0)"),
            (0.256, "0.0%", "25.6%"),
            (0.5, "0\u{2030}", "500\u{2030}"),
            (9.999, "0.##", "10"),
            (1e15, "#,###", "1,000,000,000,000,000"),
            (12.0, "$0.00 each", "$12.00 each"),
            (f64::NAN, "0", "NaN"),
            (f64::NEG_INFINITY, "0", "-Infinity"),
        ] {
            let found = format(number, pattern, &DecimalFormat::default());
            assert_eq!(found.as_deref(), Some(expected), "{number} {pattern}");
        }
        for wrong in ["", "abc", "0.0.0", "0;0;0", "0.0,0"] {
            assert!(format(1.0, wrong, &DecimalFormat::default()).is_none(), "{wrong}");
        }
        let german = DecimalFormat { point: ',', group: '.', ..DecimalFormat::default() };
        assert_eq!(format(1234.5, "#.##0,00", &german).as_deref(), Some("1.234,50"));
    }
}
