//! `Convert.ToX` between numeric types: banker's rounding, `OverflowException`.

use rust_decimal::{Decimal, RoundingStrategy};

use super::decimal::decimal;
use super::{Number, NumberType};
use crate::{Exception, ExceptionKind};

/// `Convert.ToX(value)`; also what `Json.NET` does with numbers.
pub(crate) fn convert(value: Number, to: NumberType) -> Result<Number, Exception> {
    match to {
        NumberType::Double => Ok(Number::Double(to_double(value))),
        NumberType::Single => Ok(Number::Single(to_single(value))),
        NumberType::Decimal => to_decimal(value).map(Number::Decimal),
        _ => to_integral(value, to),
    }
}

fn to_integral(value: Number, to: NumberType) -> Result<Number, Exception> {
    let whole = match value {
        Number::Single(value) => return float_to_integral(value.into(), to),
        Number::Double(value) => return float_to_integral(value, to),
        Number::Decimal(value) => value
            .round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven)
            .trunc()
            .mantissa(),
        _ => value.whole().unwrap_or(0),
    };
    Number::integral(to, whole).ok_or_else(|| to.overflow())
}

/// .NET goes through `int` for the small types, and through `checked((long)Math.Round(x))` for the large ones.
fn float_to_integral(value: f64, to: NumberType) -> Result<Number, Exception> {
    let rounded = value.round_ties_even();
    let is_large = matches!(to, NumberType::Int64 | NumberType::UInt64);
    let through = if is_large || to == NumberType::UInt32 { to } else { NumberType::Int32 };
    let fault = || {
        if is_large {
            let message = "Arithmetic operation resulted in an overflow.";
            Exception::new(ExceptionKind::Overflow, message)
        } else {
            through.overflow()
        }
    };
    // 2^64 and beyond fit no integral type, and NaN none either.
    if rounded.is_nan() || rounded.abs() > 1e20 {
        return Err(fault());
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let whole = rounded as i128;
    Number::integral(through, whole).ok_or_else(fault)?;
    Number::integral(to, whole).ok_or_else(|| to.overflow())
}

#[expect(clippy::cast_precision_loss, reason = "what C# does")]
fn to_double(value: Number) -> f64 {
    match value {
        Number::Single(value) => value.into(),
        Number::Double(value) => value,
        Number::Decimal(value) => double_of(value),
        _ => value.whole().unwrap_or(0) as f64,
    }
}

#[expect(clippy::cast_precision_loss, reason = "what C# does")]
#[expect(clippy::cast_possible_truncation, reason = "what C# does")]
fn to_single(value: Number) -> f32 {
    match value {
        Number::Single(value) => value,
        Number::Double(value) => value as f32,
        Number::Decimal(value) => double_of(value) as f32,
        _ => value.whole().unwrap_or(0) as f32,
    }
}

/// .NET divides the two halves of the mantissa as doubles: not always the nearest, but always the same.
#[expect(clippy::cast_precision_loss, reason = "what .NET does")]
#[expect(clippy::cast_possible_truncation, reason = "the halves of the mantissa")]
pub(crate) fn double_of(value: Decimal) -> f64 {
    const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
    let mantissa = value.mantissa().unsigned_abs();
    let high = (mantissa >> 64) as u32;
    let magnitude = ((mantissa as u64) as f64 + f64::from(high) * TWO_TO_64) / power(value.scale());
    if value.is_sign_negative() { -magnitude } else { magnitude }
}

/// A power of ten up to 80, as the nearest double.
fn power(exponent: u32) -> f64 {
    POWERS.get(exponent as usize).copied().unwrap_or(f64::INFINITY)
}

const POWERS: [f64; 81] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32,
    1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48,
    1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63, 1e64,
    1e65, 1e66, 1e67, 1e68, 1e69, 1e70, 1e71, 1e72, 1e73, 1e74, 1e75, 1e76, 1e77, 1e78, 1e79, 1e80,
];

fn to_decimal(value: Number) -> Result<Decimal, Exception> {
    match value {
        Number::Decimal(value) => Ok(value),
        Number::Double(value) => float_to_decimal(value, 15),
        Number::Single(value) => float_to_decimal(value.into(), 7),
        _ => {
            let whole = value.whole().unwrap_or(0);
            Ok(decimal(whole.unsigned_abs(), 0, whole < 0))
        }
    }
}

/// `new decimal(double)`: 15 significant digits (7 of a `float`), found with arithmetic on doubles as .NET does it.
fn float_to_decimal(value: f64, digits: i32) -> Result<Decimal, Exception> {
    // The binary exponent, of a fraction below 1.
    let exponent = i32::try_from((value.to_bits() >> 52) & 0x7ff).unwrap_or(0) - 1022;
    if exponent < -94 {
        return Ok(Decimal::ZERO);
    }
    if exponent > 96 {
        return Err(NumberType::Decimal.overflow());
    }
    let mut scaled = value.abs();
    let mut places = digits - 1 - ((exponent * 19_728) >> 16);
    if places >= 0 {
        places = places.min(28);
        scaled *= power(places.unsigned_abs());
    } else if places != -1 || scaled >= power(digits.unsigned_abs()) {
        scaled /= power(places.unsigned_abs());
    } else {
        places = 0;
    }
    if scaled < power((digits - 1).unsigned_abs()) && places < 28 {
        scaled *= 10.0;
        places += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 15 digits")]
    #[expect(clippy::cast_sign_loss, reason = "an absolute value")]
    let mut mantissa = scaled.round_ties_even() as u128;
    if mantissa == 0 {
        return Ok(Decimal::ZERO);
    }
    if places < 0 {
        mantissa = mantissa.saturating_mul(10_u128.saturating_pow(places.unsigned_abs()));
        if mantissa >> 96 != 0 {
            return Err(NumberType::Decimal.overflow());
        }
        places = 0;
    }
    let mut spare = places.min(digits - 1);
    while spare > 0 && mantissa.is_multiple_of(10) {
        mantissa /= 10;
        places -= 1;
        spare -= 1;
    }
    Ok(decimal(mantissa, places.unsigned_abs(), value < 0.0))
}
