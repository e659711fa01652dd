//! Standard numeric format strings: a letter and a precision.

use super::custom;
use super::digits::{Cut, Digits, Source};
use super::{Number, NumberType, push_whole};
use crate::{Budget, Exception, ExceptionKind};

/// Digits that `double.ToString("0.##…")` has at most.
const DOUBLE_DIGITS: usize = 15;
/// The same for `float`.
const SINGLE_DIGITS: usize = 7;
/// Digits before the point from which on `double.ToString()` takes an exponent.
const DOUBLE_WHOLE: usize = 17;
/// The same for `float`.
const SINGLE_WHOLE: usize = 9;
/// A float written in full takes at most this many bytes before its fraction.
const FLOAT_WIDTH: usize = 330;

/// A format string, looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spec {
    Standard { letter: char, precision: Option<usize> },
    Custom,
}

fn spec(format: &str) -> Spec {
    let mut chars = format.chars();
    let letter = match chars.next() {
        None | Some('\0') => return Spec::Standard { letter: 'G', precision: None },
        Some(letter) => letter,
    };
    if !letter.is_ascii_alphabetic() {
        return Spec::Custom;
    }
    let rest = chars.as_str();
    if rest.is_empty() {
        return Spec::Standard { letter, precision: None };
    }
    // Two digits count, however many zeros stand before them.
    let mut precision = 0;
    let mut bytes = rest.bytes().peekable();
    while let Some(digit) = bytes.next_if(|byte| byte.is_ascii_digit() && precision < 10) {
        precision = precision * 10 + usize::from(digit - b'0');
    }
    match bytes.next() {
        None | Some(0) => Spec::Standard { letter, precision: Some(precision) },
        Some(_) => Spec::Custom,
    }
}

/// `ToString(format)`.
pub(super) fn format(
    value: Number,
    format: &str,
    budget: &mut Budget,
) -> Result<String, Exception> {
    let mut out = String::new();
    match spec(format) {
        Spec::Standard { letter, precision } => {
            budget.memory(FLOAT_WIDTH + precision.unwrap_or(0))?;
            standard(value, letter, precision, &mut out)?;
        }
        Spec::Custom => {
            budget.memory(FLOAT_WIDTH + 2 * format.len())?;
            match not_finite(value) {
                Some(symbol) => out.push_str(symbol),
                None => custom::format(custom_digits(unsigned(value, format)), format, &mut out),
            }
        }
    }
    Ok(out)
}

/// `ToString()` of a float or decimal.
pub(super) fn general(value: Number, out: &mut String) {
    if let Some(symbol) = not_finite(value) {
        out.push_str(symbol);
        return;
    }
    let (digits, max) = general_digits(value, None);
    write_general(&digits, max, 'E', out);
}

fn not_finite(value: Number) -> Option<&'static str> {
    let value = match value {
        Number::Single(value) => f64::from(value),
        Number::Double(value) => value,
        _ => return None,
    };
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

fn custom_digits(value: Number) -> Digits {
    match value {
        Number::Double(value) => Digits::double(value, Cut::Significant(DOUBLE_DIGITS)),
        Number::Single(value) => Digits::single(value, Cut::Significant(SINGLE_DIGITS)),
        Number::Decimal(value) => Digits::decimal(value),
        _ => Digits::integer(value.whole().unwrap_or(0)),
    }
}

/// The smallest signed numbers count as unsigned where a format begins like the one of hexadecimal digits.
fn unsigned(value: Number, format: &str) -> Number {
    match value {
        Number::SByte(value) if format.starts_with(['x', 'X']) => {
            Number::Byte(value.cast_unsigned())
        }
        Number::Int16(value) if format.starts_with(['x', 'X']) => {
            Number::UInt16(value.cast_unsigned())
        }
        _ => value,
    }
}

/// Digits cut as a format needs them; only floats have a choice.
fn digits(value: Number, cut: Cut) -> Digits {
    match value {
        Number::Double(value) => Digits::double(value, cut),
        Number::Single(value) => Digits::single(value, cut),
        _ => custom_digits(value),
    }
}

fn standard(
    value: Number,
    letter: char,
    precision: Option<usize>,
    out: &mut String,
) -> Result<(), Exception> {
    if let Some(symbol) = not_finite(value) {
        out.push_str(symbol);
        return Ok(());
    }
    let is_integral = value.whole().is_some();
    let upper = letter.to_ascii_uppercase();
    let known = match upper {
        'C' | 'E' | 'F' | 'G' | 'N' | 'P' => true,
        'D' | 'X' => is_integral,
        'R' => !is_integral && value.kind() != NumberType::Decimal,
        _ => false,
    };
    if !known {
        return Err(bad_specifier());
    }
    match upper {
        'D' => write_decimal(value.whole().unwrap_or(0), precision.unwrap_or(0), out),
        'G' if is_integral && precision.unwrap_or(0) == 0 => {
            write_decimal(value.whole().unwrap_or(0), 0, out);
        }
        'X' => write_hex(value, letter, precision.unwrap_or(0), out),
        'E' => {
            let count = precision.unwrap_or(6) + 1;
            let mut digits = digits(value, Cut::Significant(count));
            round(&mut digits, to_i32(count));
            sign(&digits, out);
            write_scientific(&digits, count, letter, out);
        }
        'F' | 'N' | 'C' | 'P' => write_fixed_style(value, upper, precision.unwrap_or(2), out),
        _ => {
            let precision = precision.filter(|_| upper == 'G');
            let (digits, max) = general_digits(value, precision);
            let exponent = if letter.is_ascii_uppercase() { 'E' } else { 'e' };
            write_general(&digits, max, exponent, out);
        }
    }
    Ok(())
}

#[cold]
fn bad_specifier() -> Exception {
    Exception::new(ExceptionKind::Format, "Format specifier was invalid.")
}

fn round(digits: &mut Digits, count: i32) {
    let exact = digits.source == Source::Float;
    digits.round(count, exact);
}

fn sign(digits: &Digits, out: &mut String) {
    if digits.negative {
        out.push('-');
    }
}

fn to_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn write_decimal(value: i128, width: usize, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    push_whole(value.unsigned_abs(), width.max(1), out);
}

fn write_hex(value: Number, letter: char, width: usize, out: &mut String) {
    let whole = value.whole().unwrap_or(0);
    let bits = value.kind().range().map_or(64, |(_, _, bits)| bits);
    let mask = u128::MAX >> (128 - bits);
    let value = whole.cast_unsigned() & mask;
    let text =
        if letter == 'X' { format!("{value:0width$X}") } else { format!("{value:0width$x}") };
    out.push_str(&text);
}

fn write_fixed_style(value: Number, style: char, precision: usize, out: &mut String) {
    // Percent moves the point two places, so two more digits must be right.
    let cut = if style == 'P' { precision + 2 } else { precision };
    let mut digits = digits(value, Cut::Fraction(cut));
    if style == 'P' && !digits.is_zero() {
        digits.scale += 2;
    }
    let count = digits.scale.saturating_add(to_i32(precision));
    round(&mut digits, count);
    let (before, after) = match (style, digits.negative) {
        ('C', false) => ("¤", ""),
        ('C', true) => ("(¤", ")"),
        ('P', false) => ("", " %"),
        ('P', true) => ("-", " %"),
        (_, false) => ("", ""),
        (_, true) => ("-", ""),
    };
    out.push_str(before);
    write_fixed(&digits, precision, style != 'F', out);
    out.push_str(after);
}

fn write_fixed(digits: &Digits, precision: usize, groups: bool, out: &mut String) {
    let whole = usize::try_from(digits.scale).unwrap_or(0);
    if whole == 0 {
        out.push('0');
    }
    for index in 0..whole {
        if groups && index > 0 && (whole - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(char::from(digits.at(index)));
    }
    if precision == 0 {
        return;
    }
    out.push('.');
    let zeros = usize::try_from(digits.scale.min(0).unsigned_abs()).unwrap_or(0).min(precision);
    out.extend(std::iter::repeat_n('0', zeros));
    for index in whole..whole + precision - zeros {
        out.push(char::from(digits.at(index)));
    }
}

/// The digits of `G`, and how many may stand before the point; none: any number.
fn general_digits(value: Number, precision: Option<usize>) -> (Digits, Option<i32>) {
    let precision = match (value, precision) {
        (Number::Decimal(_), None) => return (custom_digits(value), None),
        (_, precision) => precision.filter(|&count| count > 0),
    };
    let least = if value.kind() == NumberType::Single { SINGLE_WHOLE } else { DOUBLE_WHOLE };
    let is_float = matches!(value, Number::Single(_) | Number::Double(_));
    let mut digits = match precision {
        Some(count) => digits(value, Cut::Significant(count)),
        None => digits(value, Cut::Shortest),
    };
    let max = to_i32(match precision {
        Some(count) => count,
        None if is_float => digits.places.len().max(least),
        None => digits.places.len(),
    });
    round(&mut digits, max);
    (digits, Some(max))
}

fn write_general(digits: &Digits, max: Option<i32>, exponent: char, out: &mut String) {
    if !(digits.is_zero() && digits.source == Source::Decimal) {
        sign(digits, out);
    }
    let scientific = max.is_some_and(|max| digits.scale > max || digits.scale < -3);
    let point = if scientific { 1 } else { digits.scale };
    let whole = usize::try_from(point).unwrap_or(0);
    if whole == 0 {
        out.push('0');
    }
    for index in 0..whole {
        out.push(char::from(digits.at(index)));
    }
    if digits.places.len() > whole || point < 0 {
        out.push('.');
        let zeros = usize::try_from(point.min(0).unsigned_abs()).unwrap_or(0);
        out.extend(std::iter::repeat_n('0', zeros));
        out.extend(digits.places.iter().skip(whole).map(|&digit| char::from(digit)));
    }
    if scientific {
        write_exponent(digits.scale - 1, exponent, 2, true, out);
    }
}

fn write_scientific(digits: &Digits, count: usize, letter: char, out: &mut String) {
    out.push(char::from(digits.at(0)));
    if count > 1 {
        out.push('.');
        for index in 1..count {
            out.push(char::from(digits.at(index)));
        }
    }
    let exponent = if digits.is_zero() { 0 } else { digits.scale - 1 };
    write_exponent(exponent, letter, 3, true, out);
}

/// `E+05`.
pub(super) fn write_exponent(value: i32, letter: char, width: usize, plus: bool, out: &mut String) {
    out.push(letter);
    if value < 0 {
        out.push('-');
    } else if plus {
        out.push('+');
    }
    push_whole(value.unsigned_abs().into(), width, out);
}
