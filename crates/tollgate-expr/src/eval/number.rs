//! Arithmetic, comparison and equality of values.

use std::cmp::Ordering;
use std::sync::Arc;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};

use super::Result;
use crate::number::{Number, NumberType, decimal as exact, double_of};
use crate::syntax::ast::BinaryOp;
use crate::types::Numeric;
use crate::{Exception, ExceptionKind, Value};

#[cold]
fn overflow() -> Exception {
    Exception::new(ExceptionKind::Overflow, "Arithmetic operation resulted in an overflow.")
}

#[cold]
fn decimal_overflow() -> Exception {
    Exception::new(
        ExceptionKind::Overflow,
        "Value was either too large or too small for a Decimal.",
    )
}

#[cold]
fn by_zero() -> Exception {
    Exception::new(ExceptionKind::DivideByZero, "Attempted to divide by zero.")
}

macro_rules! integral {
    ($op:expr, $checked:expr, $a:expr, $b:expr, $wrap:path) => {{
        let (a, b) = ($a, $b);
        let pick = |checked: Option<_>, wrapped| {
            if $checked { checked.ok_or_else(overflow) } else { Ok(wrapped) }
        };
        match $op {
            BinaryOp::Add => $wrap(pick(a.checked_add(b), a.wrapping_add(b))?),
            BinaryOp::Sub => $wrap(pick(a.checked_sub(b), a.wrapping_sub(b))?),
            BinaryOp::Mul => $wrap(pick(a.checked_mul(b), a.wrapping_mul(b))?),
            BinaryOp::Div if b == 0 => return Err(by_zero()),
            BinaryOp::Rem if b == 0 => return Err(by_zero()),
            BinaryOp::Div => $wrap(a.checked_div(b).ok_or_else(overflow)?),
            BinaryOp::Rem => $wrap(a.checked_rem(b).ok_or_else(overflow)?),
            BinaryOp::BitAnd => $wrap(a & b),
            BinaryOp::BitOr => $wrap(a | b),
            BinaryOp::BitXor => $wrap(a ^ b),
            _ => return Err(crate::state::confusion()),
        }
    }};
}

macro_rules! real {
    ($op:expr, $a:expr, $b:expr, $wrap:path) => {
        match $op {
            BinaryOp::Add => $wrap($a + $b),
            BinaryOp::Sub => $wrap($a - $b),
            BinaryOp::Mul => $wrap($a * $b),
            BinaryOp::Div => $wrap($a / $b),
            BinaryOp::Rem => $wrap($a % $b),
            _ => return Err(crate::state::confusion()),
        }
    };
}

/// An operation on two values of one type; shifts take an `int` on the right. Null with anything is null.
pub(crate) fn arith(op: BinaryOp, checked: bool, left: &Value, right: &Value) -> Result<Value> {
    if matches!(op, BinaryOp::Shl | BinaryOp::Shr) {
        return Ok(shift(op, left, right));
    }
    Ok(match (left, right) {
        (Value::Int(a), Value::Int(b)) => integral!(op, checked, *a, *b, Value::Int),
        (Value::Long(a), Value::Long(b)) => integral!(op, checked, *a, *b, Value::Long),
        (Value::UInt(a), Value::UInt(b)) => integral!(op, checked, *a, *b, Value::UInt),
        (Value::ULong(a), Value::ULong(b)) => integral!(op, checked, *a, *b, Value::ULong),
        (Value::Double(a), Value::Double(b)) => real!(op, *a, *b, Value::Double),
        (Value::Float(a), Value::Float(b)) => real!(op, *a, *b, Value::Float),
        (Value::Decimal(a), Value::Decimal(b)) => decimal(op, *a, *b)?,
        (Value::Bool(a), Value::Bool(b)) => Value::Bool(match op {
            BinaryOp::BitAnd => a & b,
            BinaryOp::BitOr => a | b,
            _ => a ^ b,
        }),
        (Value::Enum(id, a), Value::Enum(_, b)) => match op {
            BinaryOp::BitAnd => Value::Enum(*id, a & b),
            BinaryOp::BitOr => Value::Enum(*id, a | b),
            BinaryOp::BitXor => Value::Enum(*id, a ^ b),
            _ => Value::Int(a.wrapping_sub(*b)),
        },
        // Three-valued logic of bool?.
        (Value::Bool(false), Value::Null) | (Value::Null, Value::Bool(false))
            if op == BinaryOp::BitAnd =>
        {
            Value::Bool(false)
        }
        (Value::Bool(true), Value::Null) | (Value::Null, Value::Bool(true))
            if op == BinaryOp::BitOr =>
        {
            Value::Bool(true)
        }
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        _ => return Err(crate::state::confusion()),
    })
}

fn shift(op: BinaryOp, left: &Value, right: &Value) -> Value {
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "C# masks the count"
    )]
    let count = right.as_int().unwrap_or_default() as u32;
    let up = op == BinaryOp::Shl;
    match (left, right) {
        (_, Value::Null) => Value::Null,
        (Value::Int(a), _) if up => Value::Int(a.wrapping_shl(count)),
        (Value::Int(a), _) => Value::Int(a.wrapping_shr(count)),
        (Value::UInt(a), _) if up => Value::UInt(a.wrapping_shl(count)),
        (Value::UInt(a), _) => Value::UInt(a.wrapping_shr(count)),
        (Value::Long(a), _) if up => Value::Long(a.wrapping_shl(count)),
        (Value::Long(a), _) => Value::Long(a.wrapping_shr(count)),
        (Value::ULong(a), _) if up => Value::ULong(a.wrapping_shl(count)),
        (Value::ULong(a), _) => Value::ULong(a.wrapping_shr(count)),
        _ => Value::Null,
    }
}

fn decimal(op: BinaryOp, a: Decimal, b: Decimal) -> Result<Value> {
    let result = match op {
        BinaryOp::Add => exact::sum(a, b),
        BinaryOp::Sub => exact::sum(a, -b),
        BinaryOp::Mul => exact::product(a, b),
        BinaryOp::Div | BinaryOp::Rem if b.is_zero() => return Err(by_zero()),
        BinaryOp::Div => exact::divide(a, b),
        BinaryOp::Rem => Some(exact::remainder(a, b)),
        _ => None,
    };
    result.map(Value::Decimal).ok_or_else(decimal_overflow)
}

/// `-x`.
pub(crate) fn negate(value: &Value, checked: bool) -> Result<Value> {
    Ok(match value {
        Value::Int(a) if checked => Value::Int(a.checked_neg().ok_or_else(overflow)?),
        Value::Int(a) => Value::Int(a.wrapping_neg()),
        Value::Long(a) if checked => Value::Long(a.checked_neg().ok_or_else(overflow)?),
        Value::Long(a) => Value::Long(a.wrapping_neg()),
        Value::Double(a) => Value::Double(-a),
        Value::Float(a) => Value::Float(-a),
        Value::Decimal(a) => Value::Decimal(-a),
        other => other.clone(),
    })
}

/// `~x`.
pub(crate) fn complement(value: &Value) -> Value {
    match value {
        Value::Int(a) => Value::Int(!a),
        Value::UInt(a) => Value::UInt(!a),
        Value::Long(a) => Value::Long(!a),
        Value::ULong(a) => Value::ULong(!a),
        Value::Enum(id, a) => Value::Enum(*id, !a),
        other => other.clone(),
    }
}

/// The order of two values of one type; none with NaN, null, or different types.
#[expect(clippy::match_same_arms, reason = "the arms compare values of different types")]
pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Long(a), Value::Long(b)) => Some(a.cmp(b)),
        (Value::UInt(a), Value::UInt(b)) => Some(a.cmp(b)),
        (Value::ULong(a), Value::ULong(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => Some(a.cmp(b)),
        (Value::Char(a), Value::Char(b)) => Some(a.cmp(b)),
        (Value::Byte(a), Value::Byte(b)) => Some(a.cmp(b)),
        (Value::SByte(a), Value::SByte(b)) => Some(a.cmp(b)),
        (Value::Short(a), Value::Short(b)) => Some(a.cmp(b)),
        (Value::UShort(a), Value::UShort(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Enum(x, a), Value::Enum(y, b)) if x == y => Some(a.cmp(b)),
        (Value::DateTime(a), Value::DateTime(b)) => Some(a.cmp(b)),
        (Value::DateTimeOffset(a), Value::DateTimeOffset(b)) => Some(a.cmp(b)),
        (Value::TimeSpan(a), Value::TimeSpan(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// `<`, `<=`, `>`, `>=`.
pub(crate) fn compare(op: BinaryOp, left: &Value, right: &Value) -> bool {
    let Some(order) = order(left, right) else { return false };
    match op {
        BinaryOp::Lt => order.is_lt(),
        BinaryOp::Le => order.is_le(),
        BinaryOp::Gt => order.is_gt(),
        BinaryOp::Ge => order.is_ge(),
        _ => false,
    }
}

/// Whether two values of one type are equal; null equals null.
pub(crate) fn equal_values(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Guid(a), Value::Guid(b)) => a == b,
        (Value::Enum(x, a), Value::Enum(y, b)) => x == y && a == b,
        (Value::Record(a), Value::Record(b)) => {
            Arc::ptr_eq(a, b)
                || (a.ty == b.ty
                    && a.has_value()
                    && a.values.len() == b.values.len()
                    && a.values.iter().zip(&b.values).all(|(x, y)| equal_values(x, y)))
        }
        (Value::Native(a), Value::Native(b)) => {
            Arc::ptr_eq(a, b)
                || (a.id() == b.id() && a.key().is_some_and(|key| b.key() == Some(key)))
        }
        _ => match order(left, right) {
            Some(order) => order.is_eq(),
            None => same(left, right),
        },
    }
}

/// Whether two references are the same object; strings, which may be interned, compare by value.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Json(a), Value::Json(b)) => a == b,
        (Value::Object(a), Value::Object(b)) => a == b,
        (Value::Host(a), Value::Host(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => Arc::ptr_eq(a, b),
        (Value::Jwt(a), Value::Jwt(b)) | (Value::Claims(a), Value::Claims(b)) => Arc::ptr_eq(a, b),
        (Value::Response(a), Value::Response(b)) => Arc::ptr_eq(a, b),
        (Value::ResponsePart(a, x), Value::ResponsePart(b, y)) => Arc::ptr_eq(a, b) && x == y,
        (Value::Record(a), Value::Record(b)) => Arc::ptr_eq(a, b),
        (Value::Native(a), Value::Native(b)) => {
            Arc::ptr_eq(a, b)
                || (a.is_interned()
                    && a.id() == b.id()
                    && a.key().is_some_and(|key| b.key() == Some(key)))
        }
        (Value::Xml(a), Value::Xml(b)) => a == b,
        (Value::Exception(a), Value::Exception(b)) => a.is_same(b),
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Guid(a), Value::Guid(b)) => a == b,
        _ => order(left, right).is_some_and(Ordering::is_eq),
    }
}

/// A numeric conversion. Out of range: wraps, or throws when checked.
pub(crate) fn convert_number(value: &Value, to: Numeric, checked: bool) -> Result<Value> {
    if let Some(whole) = whole(value) {
        return whole_to(whole, to, checked);
    }
    match value {
        Value::Double(value) => real_to(*value, to, checked),
        Value::Float(value) => match to {
            Numeric::Float => Ok(Value::Float(*value)),
            Numeric::Decimal => decimal_of(Number::Single(*value)),
            _ => real_to(f64::from(*value), to, checked),
        },
        Value::Decimal(value) => decimal_to(*value, to),
        Value::Enum(_, number) => whole_to(i128::from(*number), to, checked),
        other => Ok(other.clone()),
    }
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Char(unit) => Some(i128::from(*unit)),
        Value::ULong(value) => Some(i128::from(*value)),
        other => other.as_int().map(i128::from),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "unchecked conversions of C# wrap and round"
)]
fn whole_to(value: i128, to: Numeric, checked: bool) -> Result<Value> {
    let range = match to {
        Numeric::SByte => (i128::from(i8::MIN), i128::from(i8::MAX)),
        Numeric::Byte => (0, i128::from(u8::MAX)),
        Numeric::Short => (i128::from(i16::MIN), i128::from(i16::MAX)),
        Numeric::UShort | Numeric::Char => (0, i128::from(u16::MAX)),
        Numeric::Int => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Numeric::UInt => (0, i128::from(u32::MAX)),
        Numeric::Long => (i128::from(i64::MIN), i128::from(i64::MAX)),
        Numeric::ULong => (0, i128::from(u64::MAX)),
        Numeric::Float | Numeric::Double | Numeric::Decimal => (i128::MIN, i128::MAX),
    };
    if checked && !(range.0..=range.1).contains(&value) {
        return Err(overflow());
    }
    Ok(match to {
        Numeric::SByte => Value::SByte(value as i8),
        Numeric::Byte => Value::Byte(value as u8),
        Numeric::Short => Value::Short(value as i16),
        Numeric::UShort => Value::UShort(value as u16),
        Numeric::Char => Value::Char(value as u16),
        Numeric::Int => Value::Int(value as i32),
        Numeric::UInt => Value::UInt(value as u32),
        Numeric::Long => Value::Long(value as i64),
        Numeric::ULong => Value::ULong(value as u64),
        Numeric::Float => Value::Float(value as f32),
        Numeric::Double => Value::Double(value as f64),
        Numeric::Decimal => Value::Decimal(Decimal::from_i128(value).unwrap_or_default()),
    })
}

fn decimal_of(number: Number) -> Result<Value> {
    crate::number::convert(number, NumberType::Decimal).map(Value::from)
}

const TWO_31: f64 = 2_147_483_648.0;
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// What .NET Core gives on x64: out of range is the smallest number of the type that the processor converts to.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn real_to(value: f64, to: Numeric, checked: bool) -> Result<Value> {
    match to {
        Numeric::Double => return Ok(Value::Double(value)),
        Numeric::Float => return Ok(Value::Float(value as f32)),
        Numeric::Decimal => return decimal_of(Number::Double(value)),
        _ => {}
    }
    let cut = value.trunc();
    if checked {
        // `as` would saturate: what no type holds is told apart first.
        let outside = cut.is_nan() || cut.abs() >= 1.9e19;
        return if outside { Err(overflow()) } else { whole_to(cut as i128, to, true) };
    }
    let long = |cut: f64| if cut.abs() < TWO_63 { cut as i64 } else { i64::MIN };
    let whole = match to {
        Numeric::Long | Numeric::UInt => long(cut),
        Numeric::ULong if cut < TWO_63 => long(cut),
        Numeric::ULong => long(cut - TWO_63).wrapping_add(i64::MIN),
        _ if cut.abs() < TWO_31 || cut == -TWO_31 => cut as i64,
        _ => i64::from(i32::MIN),
    };
    whole_to(i128::from(whole), to, false)
}

/// Conversions from decimal always throw.
fn decimal_out_of_range(to: Numeric) -> Exception {
    let name = match to {
        Numeric::SByte => "a signed byte",
        Numeric::Byte => "an unsigned byte",
        Numeric::Short => "an Int16",
        Numeric::UShort => "a UInt16",
        Numeric::Char => "a character",
        Numeric::UInt => "a UInt32",
        Numeric::Long => "an Int64",
        Numeric::ULong => "a UInt64",
        _ => "an Int32",
    };
    let message = format!("Value was either too large or too small for {name}.");
    let overflow = Exception::new(ExceptionKind::Overflow, message);
    // Characters are made by way of `ushort`.
    if to == Numeric::Char {
        return overflow.with_inner(decimal_out_of_range(Numeric::UShort));
    }
    overflow
}

fn decimal_to(value: Decimal, to: Numeric) -> Result<Value> {
    match to {
        Numeric::Decimal => Ok(Value::Decimal(value)),
        Numeric::Double => Ok(Value::Double(double_of(value))),
        #[expect(clippy::cast_possible_truncation, reason = "what .NET does")]
        Numeric::Float => Ok(Value::Float(double_of(value) as f32)),
        _ => value
            .trunc()
            .to_i128()
            .and_then(|whole| whole_to(whole, to, true).ok())
            .ok_or_else(|| decimal_out_of_range(to)),
    }
}
