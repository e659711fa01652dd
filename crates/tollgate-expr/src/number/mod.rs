//! Numbers as .NET writes, reads and converts them, invariant culture.

mod composite;
mod convert;
mod custom;
pub(crate) mod decimal;
mod digits;
mod parse;
mod standard;

pub(crate) use composite::{Piece, check_composite, pad, pieces};
pub(crate) use convert::{convert, double_of};
pub(crate) use parse::{Styles, parse, parse_bool, try_parse, try_parse_bool};

use std::ops::Range;

use rust_decimal::Decimal;

use crate::{Budget, Exception, ExceptionKind};

/// `double.NaN`: .NET's has its sign bit set.
pub(crate) const NAN: f64 = -f64::NAN;

/// A .NET numeric type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NumberType {
    SByte,
    Byte,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Single,
    Double,
    Decimal,
}

impl NumberType {
    /// The least and the greatest value, and the size in bits, of an integral type.
    fn range(self) -> Option<(i128, i128, u32)> {
        Some(match self {
            Self::SByte => (i8::MIN.into(), i8::MAX.into(), 8),
            Self::Byte => (0, u8::MAX.into(), 8),
            Self::Int16 => (i16::MIN.into(), i16::MAX.into(), 16),
            Self::UInt16 => (0, u16::MAX.into(), 16),
            Self::Int32 => (i32::MIN.into(), i32::MAX.into(), 32),
            Self::UInt32 => (0, u32::MAX.into(), 32),
            Self::Int64 => (i64::MIN.into(), i64::MAX.into(), 64),
            Self::UInt64 => (0, u64::MAX.into(), 64),
            Self::Single | Self::Double | Self::Decimal => return None,
        })
    }

    /// The `OverflowException` of a value the type cannot hold.
    #[cold]
    pub(crate) fn overflow(self) -> Exception {
        let what = match self {
            Self::SByte => "a signed byte",
            Self::Byte => "an unsigned byte",
            Self::Int16 => "an Int16",
            Self::UInt16 => "a UInt16",
            Self::Int32 => "an Int32",
            Self::UInt32 => "a UInt32",
            Self::Int64 => "an Int64",
            Self::UInt64 => "a UInt64",
            Self::Single => "a Single",
            Self::Double => "a Double",
            Self::Decimal => "a Decimal",
        };
        Exception::new(
            ExceptionKind::Overflow,
            format!("Value was either too large or too small for {what}."),
        )
    }
}

/// A number with its .NET type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    SByte(i8),
    Byte(u8),
    Int16(i16),
    UInt16(u16),
    Int32(i32),
    UInt32(u32),
    Int64(i64),
    UInt64(u64),
    Single(f32),
    Double(f64),
    Decimal(Decimal),
}

impl Number {
    /// An integral type's number, if it fits.
    fn integral(kind: NumberType, value: i128) -> Option<Self> {
        Some(match kind {
            NumberType::SByte => Self::SByte(value.try_into().ok()?),
            NumberType::Byte => Self::Byte(value.try_into().ok()?),
            NumberType::Int16 => Self::Int16(value.try_into().ok()?),
            NumberType::UInt16 => Self::UInt16(value.try_into().ok()?),
            NumberType::Int32 => Self::Int32(value.try_into().ok()?),
            NumberType::UInt32 => Self::UInt32(value.try_into().ok()?),
            NumberType::Int64 => Self::Int64(value.try_into().ok()?),
            NumberType::UInt64 => Self::UInt64(value.try_into().ok()?),
            NumberType::Single | NumberType::Double | NumberType::Decimal => return None,
        })
    }

    /// The value, when the type is integral.
    fn whole(self) -> Option<i128> {
        Some(match self {
            Self::SByte(value) => value.into(),
            Self::Byte(value) => value.into(),
            Self::Int16(value) => value.into(),
            Self::UInt16(value) => value.into(),
            Self::Int32(value) => value.into(),
            Self::UInt32(value) => value.into(),
            Self::Int64(value) => value.into(),
            Self::UInt64(value) => value.into(),
            Self::Single(_) | Self::Double(_) | Self::Decimal(_) => return None,
        })
    }

    /// The type.
    pub(crate) fn kind(self) -> NumberType {
        match self {
            Self::SByte(_) => NumberType::SByte,
            Self::Byte(_) => NumberType::Byte,
            Self::Int16(_) => NumberType::Int16,
            Self::UInt16(_) => NumberType::UInt16,
            Self::Int32(_) => NumberType::Int32,
            Self::UInt32(_) => NumberType::UInt32,
            Self::Int64(_) => NumberType::Int64,
            Self::UInt64(_) => NumberType::UInt64,
            Self::Single(_) => NumberType::Single,
            Self::Double(_) => NumberType::Double,
            Self::Decimal(_) => NumberType::Decimal,
        }
    }

    /// `ToString()`.
    pub(crate) fn text(self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Appends `ToString()`.
    pub(crate) fn write(self, out: &mut String) {
        match self {
            Self::SByte(value) => push_signed(value.into(), out),
            Self::Byte(value) => push_unsigned(value.into(), out),
            Self::Int16(value) => push_signed(value.into(), out),
            Self::UInt16(value) => push_unsigned(value.into(), out),
            Self::Int32(value) => push_signed(value.into(), out),
            Self::UInt32(value) => push_unsigned(value.into(), out),
            Self::Int64(value) => push_signed(value, out),
            Self::UInt64(value) => push_unsigned(value, out),
            Self::Double(value) if PLAIN.contains(&value.abs()) && push_short(value, out) => {}
            Self::Single(_) | Self::Double(_) | Self::Decimal(_) => standard::general(self, out),
        }
    }

    /// `ToString(format)`: standard and custom format strings.
    pub(crate) fn format(self, format: &str, budget: &mut Budget) -> Result<String, Exception> {
        standard::format(self, format, budget)
    }
}

/// Floats that `ToString()` surely writes without an exponent.
const PLAIN: Range<f64> = 1e-4..1e15;

fn push_signed(value: i64, out: &mut String) {
    if value < 0 {
        out.push('-');
    }
    push_unsigned(value.unsigned_abs(), out);
}

/// Appends a number with at most four digits behind its point; whether it is one.
///
/// Digits that give the number when they are divided by a power of ten are the fewest that do, trailing zeros apart: of
/// numbers with at most 15 digits no two are the same `double`.
#[expect(clippy::float_cmp, reason = "only the very number has these digits")]
#[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and bounded")]
fn push_short(value: f64, out: &mut String) -> bool {
    const MOST: u64 = 1_000_000_000_000_000;
    let magnitude = value.abs();
    for (places, scale) in [(0, 1_u64), (1, 10), (2, 100), (3, 1_000), (4, 10_000)] {
        let digits = (magnitude * scale as f64 + 0.5) as u64;
        if digits >= MOST {
            return false;
        }
        if digits as f64 / scale as f64 == magnitude {
            if value < 0.0 {
                out.push('-');
            }
            push_unsigned(digits / scale, out);
            if places > 0 {
                out.push('.');
                push_whole((digits % scale).into(), places, out);
            }
            return true;
        }
    }
    false
}

/// Appends a whole number.
fn push_unsigned(value: u64, out: &mut String) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut used) = (value, 0);
    for place in digits.iter_mut().rev() {
        *place += (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(20 - used..).unwrap_or_default();
    out.push_str(str::from_utf8(digits).unwrap_or_default());
}

/// Appends a whole number with at least `width` digits.
#[expect(clippy::cast_possible_truncation, reason = "single digits, and a value that fits")]
pub(crate) fn push_whole(value: u128, width: usize, out: &mut String) {
    let mut digits = [b'0'; 40];
    let mut used = 0;
    // Almost everything fits 64 bits, where division is cheap.
    let mut high = value;
    let mut places = digits.iter_mut().rev();
    while high > u128::from(u64::MAX) {
        if let Some(place) = places.next() {
            *place += (high % 10) as u8;
        }
        high /= 10;
        used += 1;
    }
    let mut low = high as u64;
    while low > 0 {
        if let Some(place) = places.next() {
            *place += (low % 10) as u8;
        }
        low /= 10;
        used += 1;
    }
    out.extend(std::iter::repeat_n('0', width.saturating_sub(used)));
    let digits = digits.get(40 - used..).unwrap_or(&[]);
    out.push_str(str::from_utf8(digits).unwrap_or_default());
}

#[cfg(test)]
#[expect(clippy::too_many_lines, clippy::unreadable_literal, reason = "tables of what C# answers")]
mod tests;
