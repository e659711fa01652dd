//! Numbers in other bases: `Convert.ToInt32(text, 16)`, `Convert.ToString(number, 2)`.

use super::super::decl::{Member, p};
use crate::eval::{Args, Cx};
use crate::number::NumberType;
use crate::{Exception, ExceptionKind, Value};

#[cold]
fn bad_base() -> Exception {
    Exception::new(ExceptionKind::Argument, "Invalid Base.")
}

/// The bits of a number; a minus sign only in base 10.
fn bits(a: &Args<'_>, kind: NumberType, width: u32, signed: bool) -> Result<u64, Exception> {
    let base = u32::try_from(a.int(1)).unwrap_or_default();
    if !matches!(base, 2 | 8 | 10 | 16) {
        return Err(bad_base());
    }
    let Some(text) = a.opt_str(0) else { return Ok(0) };
    if text.is_empty() {
        let message = "Specified argument was out of the range of valid values. (Parameter 'Index was out of range. Must be non-negative and less than the size of the collection.')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    let (negative, rest) = match text.strip_prefix('-') {
        Some(_) if base != 10 => {
            let message = "String cannot contain a minus sign if the base is not 10.";
            return Err(Exception::new(ExceptionKind::Argument, message));
        }
        Some(_) if !signed => {
            let message = "The string was being parsed as an unsigned number and could not have a negative sign.";
            return Err(Exception::new(ExceptionKind::Overflow, message));
        }
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = match base {
        16 => rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")).unwrap_or(rest),
        _ => rest,
    };
    let end = digits.find(|c: char| !c.is_digit(base)).unwrap_or(digits.len());
    let (number, after) = digits.split_at_checked(end).unwrap_or((digits, ""));
    if number.is_empty() {
        let message = "Could not find any recognizable digits.";
        return Err(Exception::new(ExceptionKind::Format, message));
    }
    // .NET reads into 32 or 64 bits first.
    let wide = match (width, base == 10 && signed) {
        (64, true) => NumberType::Int64,
        (64, false) => NumberType::UInt64,
        (_, true) => NumberType::Int32,
        (_, false) => NumberType::UInt32,
    };
    let value = u64::from_str_radix(number, base).ok();
    let value = value.filter(|value| width == 64 || u32::try_from(*value).is_ok());
    let Some(value) = value else { return Err(wide.overflow()) };
    if !after.is_empty() {
        let message = "Additional non-parsable characters are at the end of the string.";
        return Err(Exception::new(ExceptionKind::Format, message));
    }
    let most = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    // In base 10 the number counts, in others its bits.
    let limit = match (base, signed, negative) {
        (10, true, false) => most >> 1,
        (10, true, true) => (most >> 1) + 1,
        _ => most,
    };
    if value > limit {
        return Err(kind.overflow());
    }
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// The digits of the bits of a number; of the number itself in base 10.
fn digits(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let bits = match a.get(0) {
        Value::Byte(value) => u64::from(*value),
        Value::Short(value) => u64::from(value.cast_unsigned()),
        Value::Int(value) => u64::from(value.cast_unsigned()),
        other => other.as_int().unwrap_or_default().cast_unsigned(),
    };
    let text = match a.int(1) {
        2 => format!("{bits:b}"),
        8 => format!("{bits:o}"),
        16 => format!("{bits:x}"),
        10 => a.long(0).to_string(),
        _ => return Err(bad_base()),
    };
    cx.string(text)
}

macro_rules! readers {
    ($($method:literal $ty:literal $kind:ident $variant:ident $rust:ty, $width:literal $signed:literal;)*) => {
        [$(p(
            concat!("static ", $ty, " ", $method, "(string value, int fromBase)"),
            "A number in base 2, 8, 10 or 16.",
            |_, a| {
                let bits = bits(a, NumberType::$kind, $width, $signed)?.to_le_bytes();
                let bytes = std::array::from_fn(|n| bits.get(n).copied().unwrap_or_default());
                Ok(Value::$variant(<$rust>::from_le_bytes(bytes)))
            },
        ),)*
        p("static string ToString(byte value, int toBase)", "In base 2, 8, 10 or 16.", |cx, a| digits(cx, a)),
        p("static string ToString(short value, int toBase)", "In base 2, 8, 10 or 16.", |cx, a| digits(cx, a)),
        p("static string ToString(int value, int toBase)", "In base 2, 8, 10 or 16.", |cx, a| digits(cx, a)),
        p("static string ToString(long value, int toBase)", "In base 2, 8, 10 or 16.", |cx, a| digits(cx, a))]
    };
}

pub(super) const MEMBERS: &[Member] = &readers!(
    "ToSByte" "sbyte" SByte SByte i8, 8 true;
    "ToByte" "byte" Byte Byte u8, 8 false;
    "ToInt16" "short" Int16 Short i16, 16 true;
    "ToUInt16" "ushort" UInt16 UShort u16, 16 false;
    "ToInt32" "int" Int32 Int i32, 32 true;
    "ToUInt32" "uint" UInt32 UInt u32, 32 false;
    "ToInt64" "long" Int64 Long i64, 64 true;
    "ToUInt64" "ulong" UInt64 ULong u64, 64 false;
);
