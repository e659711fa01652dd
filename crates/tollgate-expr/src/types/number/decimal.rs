//! `System.Decimal`.

use rust_decimal::{Decimal, RoundingStrategy};

use super::super::Ty;
use super::super::decl::{Kind, Member, TypeDecl, joined, p};
use super::{compare_to, numeric, numeric_refused};
use crate::eval::{Args, Cx, arith, negate};
use crate::number::{Number, convert, decimal as exact};
use crate::syntax::ast::BinaryOp;
use crate::{Exception, ExceptionKind, Value};

/// The decimal among the arguments.
fn decimal(a: &Args<'_>, index: usize) -> Decimal {
    match a.get(index) {
        Value::Decimal(value) => *value,
        _ => Decimal::ZERO,
    }
}

/// A value rounded to a whole number.
pub(in crate::types) fn whole_number(value: Decimal, strategy: RoundingStrategy) -> Value {
    Value::Decimal(exact::round(value, 0, strategy))
}

/// A value rounded to digits after the point, in a mode of `MidpointRounding`.
pub(in crate::types) fn rounded(
    value: Decimal,
    digits: i32,
    mode: i32,
) -> Result<Decimal, Exception> {
    let digits = u32::try_from(digits).ok().filter(|digits| *digits <= 28).ok_or_else(|| {
        let message = "Decimal can only round to between 0 and 28 digits of precision. (Parameter 'decimals')";
        Exception::new(ExceptionKind::ArgumentOutOfRange, message)
    })?;
    let strategy = match mode {
        0 => RoundingStrategy::MidpointNearestEven,
        1 => RoundingStrategy::MidpointAwayFromZero,
        2 => RoundingStrategy::ToZero,
        3 => RoundingStrategy::ToNegativeInfinity,
        4 => RoundingStrategy::ToPositiveInfinity,
        _ => return Err(bad_mode(mode)),
    };
    Ok(exact::round(value, digits, strategy))
}

#[cold]
pub(in crate::types) fn bad_mode(mode: i32) -> Exception {
    let message = format!(
        "The value '{mode}' is not valid for this usage of the type MidpointRounding. (Parameter 'mode')"
    );
    Exception::new(ExceptionKind::Argument, message)
}

fn round(a: &Args<'_>) -> Result<Value, Exception> {
    let (mut digits, mut mode) = (0, 0);
    for index in 1..a.len() {
        match a.get(index) {
            Value::Enum(_, number) => mode = *number,
            _ => digits = a.int(index),
        }
    }
    rounded(decimal(a, 0), digits, mode).map(Value::Decimal)
}

fn calculated(a: &Args<'_>, op: BinaryOp) -> Result<Value, Exception> {
    arith(op, true, a.get(0), a.get(1))
}

/// Without its fraction, in an integral type.
fn whole(a: &Args<'_>, kind: crate::number::NumberType) -> Result<Value, Exception> {
    convert(Number::Decimal(decimal(a, 0).trunc()), kind).map(Value::from)
}

fn floating(a: &Args<'_>, kind: crate::number::NumberType) -> Result<Value, Exception> {
    convert(Number::Decimal(decimal(a, 0)), kind).map(Value::from)
}

fn made(a: &Args<'_>) -> Result<Value, Exception> {
    let number = a.get(0).number().unwrap_or(Number::Int32(0));
    convert(number, crate::number::NumberType::Decimal).map(Value::from)
}

/// Of the three words of the mantissa, the lowest first.
fn of_words(words: [u32; 3], negative: bool, scale: u32) -> Value {
    let mantissa = words.iter().rev().fold(0, |all, word| all << 32 | u128::from(*word));
    Value::Decimal(exact::decimal(mantissa, scale, negative))
}

fn of_bits(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let bits = a.some(0, "bits")?;
    let bits = cx.collect(&bits)?;
    let fault = || {
        let message = "Decimal byte array constructor requires an array of length four containing valid decimal bytes.";
        Exception::new(ExceptionKind::Argument, message)
    };
    let [low, middle, high, flags] = bits.as_slice() else { return Err(fault()) };
    let int = |value: &Value| if let Value::Int(value) = value { value.cast_unsigned() } else { 0 };
    let flags = int(flags);
    let scale = flags >> 16 & 0xff;
    if flags & !0x80ff_0000 != 0 || scale > 28 {
        return Err(fault());
    }
    let negative = flags >> 31 != 0;
    Ok(of_words([int(low), int(middle), int(high)], negative, scale))
}

fn of_parts(a: &Args<'_>) -> Result<Value, Exception> {
    let part = |index: usize| a.int(index).cast_unsigned();
    let scale = part(4);
    if scale > 28 {
        let message =
            "Decimal's scale value must be between 0 and 28, inclusive. (Parameter 'scale')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    Ok(of_words([part(0), part(1), part(2)], a.bool(3), scale))
}

fn bits(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let parts = decimal(a, 0).unpack();
    let flags = parts.scale << 16 | u32::from(parts.negative) << 31;
    let all = [parts.lo, parts.mid, parts.hi, flags].map(|part| Value::Int(part.cast_signed()));
    cx.state.array(Ty::INT, all.to_vec())
}

fn to_currency(value: Decimal) -> Result<i64, Exception> {
    let rounded = rounded(value, 4, 0)?;
    let scaled = rounded.mantissa().checked_mul(10_i128.pow(4 - rounded.scale().min(4)));
    scaled.and_then(|scaled| i64::try_from(scaled).ok()).ok_or_else(|| {
        let message = "Value was either too large or too small for a Currency.";
        Exception::new(ExceptionKind::Overflow, message)
    })
}

macro_rules! operations {
    ($($name:literal $op:ident $doc:literal),*) => {
        [$(p(
            concat!("static decimal ", $name, "(decimal d1, decimal d2)"),
            $doc,
            |_, a| calculated(a, BinaryOp::$op),
        )),*]
    };
}

macro_rules! conversions {
    ($($signature:literal $how:ident $kind:ident),*) => {
        [$(p(concat!("static ", $signature), "Without its fraction, in another type.", |_, a| {
            $how(a, crate::number::NumberType::$kind)
        })),*]
    };
}

const OPERATIONS: &[Member] = &operations!(
    "Add" Add "The sum.",
    "Subtract" Sub "The difference.",
    "Multiply" Mul "The product.",
    "Divide" Div "The quotient.",
    "Remainder" Rem "What a division leaves."
);

const CONVERSIONS: &[Member] = &conversions!(
    "byte ToByte(decimal value)" whole Byte,
    "sbyte ToSByte(decimal value)" whole SByte,
    "short ToInt16(decimal value)" whole Int16,
    "ushort ToUInt16(decimal value)" whole UInt16,
    "int ToInt32(decimal d)" whole Int32,
    "uint ToUInt32(decimal d)" whole UInt32,
    "long ToInt64(decimal d)" whole Int64,
    "ulong ToUInt64(decimal d)" whole UInt64,
    "float ToSingle(decimal d)" floating Single,
    "double ToDouble(decimal d)" floating Double
);

const OWN: &[Member] = &[
    p("new(int value)", "A whole number.", |_, a| made(a)),
    p("new(uint value)", "A whole number.", |_, a| made(a)),
    p("new(long value)", "A whole number.", |_, a| made(a)),
    p("new(ulong value)", "A whole number.", |_, a| made(a)),
    p("new(float value)", "A number to 7 digits.", |_, a| made(a)),
    p("new(double value)", "A number to 15 digits.", |_, a| made(a)),
    p("new(int[] bits)", "Of what `GetBits` gives.", |cx, a| of_bits(cx, a)),
    p("new(int lo, int mid, int hi, bool isNegative, byte scale)", "Of its parts.", |_, a| {
        of_parts(a)
    }),
    p("static decimal MaxValue", "The largest.", |_, _| Ok(Value::Decimal(Decimal::MAX))),
    p("static decimal MinValue", "The smallest.", |_, _| Ok(Value::Decimal(Decimal::MIN))),
    p("static decimal Zero", "0.", |_, _| Ok(Value::Decimal(Decimal::ZERO))),
    p("static decimal One", "1.", |_, _| Ok(Value::Decimal(Decimal::ONE))),
    p("static decimal MinusOne", "-1.", |_, _| Ok(Value::Decimal(Decimal::NEGATIVE_ONE))),
    p("static decimal Negate(decimal d)", "With the other sign.", |_, a| negate(a.get(0), true)),
    p("static decimal Truncate(decimal d)", "Without its fraction.", |_, a| {
        Ok(whole_number(decimal(a, 0), RoundingStrategy::ToZero))
    }),
    p("static decimal Floor(decimal d)", "Rounded down.", |_, a| {
        Ok(whole_number(decimal(a, 0), RoundingStrategy::ToNegativeInfinity))
    }),
    p("static decimal Ceiling(decimal d)", "Rounded up.", |_, a| {
        Ok(whole_number(decimal(a, 0), RoundingStrategy::ToPositiveInfinity))
    }),
    p("static decimal Round(decimal d)", "Rounded, halves to even.", |_, a| round(a)),
    p("static decimal Round(decimal d, int decimals)", "Rounded, halves to even.", |_, a| round(a)),
    p("static decimal Round(decimal d, MidpointRounding mode)", "Rounded.", |_, a| round(a)),
    p(
        "static decimal Round(decimal d, int decimals, MidpointRounding mode)",
        "Rounded.",
        |_, a| round(a),
    ),
    p("static int Compare(decimal d1, decimal d2)", "The order of two numbers.", |_, a| {
        compare_to(a)
    }),
    p("bool Equals(object value)", "Whether it is an equal decimal.", |cx, a| {
        super::super::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool)
    }),
    p("static bool Equals(decimal d1, decimal d2)", "Whether they are equal.", |_, a| {
        Ok(Value::Bool(decimal(a, 0) == decimal(a, 1)))
    }),
    p("static int[] GetBits(decimal d)", "Its 96 bits, then scale and sign.", |cx, a| bits(cx, a)),
    p("static decimal FromOACurrency(long cy)", "From ten-thousandths.", |_, a| {
        let value = Decimal::new(a.long(0), 4);
        Ok(Value::Decimal(if value.is_zero() { value } else { value.normalize() }))
    }),
    p("static long ToOACurrency(decimal value)", "In ten-thousandths.", |_, a| {
        to_currency(decimal(a, 0)).map(Value::Long)
    }),
];

const SHARED: &[Member] =
    numeric!("decimal", Decimal, Decimal, Decimal::ZERO, 15, "value", "value");
const STATIC: &[Member] =
    &joined::<{ OPERATIONS.len() + CONVERSIONS.len() }>(OPERATIONS, CONVERSIONS);
const REST: &[Member] = &joined::<{ SHARED.len() + STATIC.len() }>(SHARED, STATIC);

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Decimal",
    kind: Kind::Struct,
    bases: &[],
    docs: "A decimal number of 28 digits.",
    members: &joined::<{ OWN.len() + REST.len() }>(OWN, REST),
    refused: numeric_refused!("decimal"),
};
