//! The numeric types.

use super::decl::{Kind, TypeDecl, m, p};
use crate::eval::{Args, Cx, formatted};
use crate::number::{NumberType, Styles, parse, try_parse};
use crate::{Exception, Value};
use rust_decimal::Decimal;

fn to_string(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let value = a.value(0);
    let format = a.opt_str(1).unwrap_or_default().to_owned();
    if format.is_empty() {
        return super::object::to_string(cx, a);
    }
    let text = formatted(cx, &value, &format)?;
    cx.string(text)
}

fn read(a: &Args<'_>, kind: NumberType) -> Result<Value, Exception> {
    parse(kind, a.opt_str(0), Styles::of(kind)).map(Value::from)
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn try_read(a: &mut Args<'_>, kind: NumberType, zero: Value) -> Result<Value, Exception> {
    let read = try_parse(kind, a.opt_str(0), Styles::of(kind));
    a.set(1, read.map_or(zero, Value::from));
    Ok(Value::Bool(read.is_some()))
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn compare_to(a: &Args<'_>) -> Result<Value, Exception> {
    let order = crate::eval::order(a.get(0), a.get(1));
    let nan = |value: &Value| value.as_double().is_some_and(f64::is_nan);
    // NaN is less than everything and equal to itself.
    let order = order.unwrap_or_else(|| nan(a.get(1)).cmp(&nan(a.get(0))));
    Ok(Value::Int(order as i32))
}

macro_rules! number {
    ($name:ident, $full:literal, $short:literal, $kind:ident, $variant:ident, $zero:expr, $min:expr, $max:expr, [$($extra:expr),*]) => {
        pub(super) const $name: TypeDecl = TypeDecl {
            name: $full,
            kind: Kind::Struct,
            bases: &[],
            docs: "A number.",
            members: &[
                p(concat!("static ", $short, " MaxValue"), "The largest.", |_, _| Ok(Value::$variant($max))),
                p(concat!("static ", $short, " MinValue"), "The smallest.", |_, _| Ok(Value::$variant($min))),
                m(concat!("static ", $short, " Parse(string s)"), "Reads a number.", |_, a| {
                    read(a, NumberType::$kind)
                }),
                m(
                    concat!("static bool TryParse(string s, out ", $short, " result)"),
                    "Reads a number, if it is one.",
                    |_, a| try_read(a, NumberType::$kind, Value::$variant($zero)),
                ),
                m("string ToString(string format)", "As text in a format.", to_string),
                m(concat!("int CompareTo(", $short, " value)"), "The order of two numbers.", |_, a| compare_to(a)),
                m(concat!("bool Equals(", $short, " obj)"), "Whether they are equal.", |cx, a| {
                    Ok(Value::Bool(super::object::equals(cx, a.get(0), a.get(1))))
                }),
                $($extra),*
            ],
    refused: &[],
};
    };
}

number!(SBYTE, "System.SByte", "sbyte", SByte, SByte, 0, i8::MIN, i8::MAX, []);
number!(BYTE, "System.Byte", "byte", Byte, Byte, 0, u8::MIN, u8::MAX, []);
number!(INT16, "System.Int16", "short", Int16, Short, 0, i16::MIN, i16::MAX, []);
number!(UINT16, "System.UInt16", "ushort", UInt16, UShort, 0, u16::MIN, u16::MAX, []);
number!(INT32, "System.Int32", "int", Int32, Int, 0, i32::MIN, i32::MAX, []);
number!(UINT32, "System.UInt32", "uint", UInt32, UInt, 0, u32::MIN, u32::MAX, []);
number!(INT64, "System.Int64", "long", Int64, Long, 0, i64::MIN, i64::MAX, []);
number!(UINT64, "System.UInt64", "ulong", UInt64, ULong, 0, u64::MIN, u64::MAX, []);
number!(
    SINGLE,
    "System.Single",
    "float",
    Single,
    Float,
    0.0,
    f32::MIN,
    f32::MAX,
    [
        p("static float NaN", "Not a number.", |_, _| Ok(Value::Float(f32::NAN))),
        m("static bool IsNaN(float f)", "Whether it is no number.", |_, a| Ok(Value::Bool(
            a.double(0).is_nan()
        )))
    ]
);
number!(
    DOUBLE,
    "System.Double",
    "double",
    Double,
    Double,
    0.0,
    f64::MIN,
    f64::MAX,
    [
        p("static double NaN", "Not a number.", |_, _| Ok(Value::Double(f64::NAN))),
        p("static double Epsilon", "The smallest above zero.", |_, _| Ok(Value::Double(
            f64::from_bits(1)
        ))),
        p("static double PositiveInfinity", "Infinity.", |_, _| Ok(Value::Double(f64::INFINITY))),
        p("static double NegativeInfinity", "Minus infinity.", |_, _| Ok(Value::Double(
            f64::NEG_INFINITY
        ))),
        m("static bool IsNaN(double d)", "Whether it is no number.", |_, a| Ok(Value::Bool(
            a.double(0).is_nan()
        ))),
        m("static bool IsInfinity(double d)", "Whether it is infinite.", |_, a| {
            Ok(Value::Bool(a.double(0).is_infinite()))
        })
    ]
);
number!(
    DECIMAL,
    "System.Decimal",
    "decimal",
    Decimal,
    Decimal,
    Decimal::ZERO,
    Decimal::MIN,
    Decimal::MAX,
    [
        p("static decimal Zero", "0.", |_, _| Ok(Value::Decimal(Decimal::ZERO))),
        p("static decimal One", "1.", |_, _| Ok(Value::Decimal(Decimal::ONE)))
    ]
);
