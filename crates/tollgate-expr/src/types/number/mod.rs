//! The numeric types.

mod decimal;
mod floating;
mod integral;

pub(in crate::types) use decimal::{DECL as DECIMAL, bad_mode, rounded};
pub(in crate::types) use floating::{DOUBLE, SINGLE};
pub(in crate::types) use integral::{BYTE, INT16, INT32, INT64, SBYTE, UINT16, UINT32, UINT64};

use super::TypeId;
use crate::eval::{Args, Cx, formatted};
use crate::number::{NumberType, Styles, parse, try_parse};
use crate::{Exception, ExceptionKind, Value};

/// `ToString(format)`; null and empty are the general format.
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

/// `CompareTo`: the distance of two small numbers, the order of others.
fn compare_to(a: &Args<'_>) -> i32 {
    let small = |value: &Value| match value {
        Value::SByte(value) => Some(i32::from(*value)),
        Value::Byte(value) => Some(i32::from(*value)),
        Value::Short(value) => Some(i32::from(*value)),
        Value::UShort(value) => Some(i32::from(*value)),
        _ => None,
    };
    if let Some((left, right)) = small(a.get(0)).zip(small(a.get(1))) {
        return left - right;
    }
    let order = crate::eval::order(a.get(0), a.get(1));
    let nan = |value: &Value| value.as_double().is_some_and(f64::is_nan);
    // NaN is less than everything and equal to itself.
    order.unwrap_or_else(|| nan(a.get(1)).cmp(&nan(a.get(0)))) as i32
}

/// `CompareTo(object)`.
fn compare_to_object(a: &Args<'_>, name: &str) -> Result<Value, Exception> {
    match a.get(1) {
        Value::Null => Ok(Value::Int(1)),
        other if std::mem::discriminant(other) == std::mem::discriminant(a.get(0)) => {
            Ok(Value::Int(compare_to(a)))
        }
        _ => {
            let message = format!("Object must be of type {name}.");
            Err(Exception::new(ExceptionKind::Argument, message))
        }
    }
}

/// A constant of `TypeCode`.
const fn type_code(number: i32) -> Value {
    Value::Enum(TypeId::TypeCode, number)
}

const STYLES: &str = "`NumberStyles` is not in the allow-list";
const SPANS: &str = "it writes to a span, and spans are not in the allow-list";

/// What all numeric types have: `$full` is the name in messages, `$code` the number of `TypeCode`.
macro_rules! numeric {
    ($short:literal, $full:literal, $kind:ident, $variant:ident, $zero:expr, $code:literal) => {{
        use super::{compare_to, compare_to_object, read, to_string, try_read, type_code};
        use $crate::Value;
        use $crate::number::NumberType;
        use $crate::types::decl::p;
        &[
            p(concat!("static ", $short, " Parse(string s)"), "Reads a number.", |_, a| {
                read(a, NumberType::$kind)
            }),
            p(
                concat!("static ", $short, " Parse(string s, IFormatProvider provider)"),
                "Reads a number of the invariant culture, whatever is passed.",
                |_, a| read(a, NumberType::$kind),
            ),
            p(
                concat!("static bool TryParse(string s, out ", $short, " result)"),
                "Reads a number, if it is one.",
                |_, a| try_read(a, NumberType::$kind, Value::$variant($zero)),
            ),
            p("string ToString(string format)", "As text in a format.", to_string),
            p(
                "string ToString(IFormatProvider provider)",
                "As text: of the invariant culture, whatever is passed.",
                $crate::types::object::to_string,
            ),
            p(
                "string ToString(string format, IFormatProvider provider)",
                "As text in a format: of the invariant culture, whatever is passed.",
                to_string,
            ),
            p(
                concat!("int CompareTo(", $short, " value)"),
                "The order of two numbers; the distance of small ones.",
                |_, a| Ok(Value::Int(compare_to(a))),
            ),
            p("int CompareTo(object value)", "The order of two numbers; null is less.", |_, a| {
                compare_to_object(a, $full)
            }),
            p(concat!("bool Equals(", $short, " obj)"), "Whether they are equal.", |cx, a| {
                Ok(Value::Bool($crate::types::object::equals(cx, a.get(0), a.get(1))))
            }),
            p("TypeCode GetTypeCode()", "The code of its type.", |_, _| Ok(type_code($code))),
        ]
    }};
}

/// What numeric types of .NET have and policies cannot use.
macro_rules! numeric_refused {
    ($short:literal) => {{
        use super::{SPANS, STYLES};
        use $crate::types::decl::refused;
        &[
            refused(concat!("static ", $short, " Parse(string s, NumberStyles style)"), STYLES),
            refused(
                concat!(
                    "static ",
                    $short,
                    " Parse(string s, NumberStyles style, IFormatProvider provider)"
                ),
                STYLES,
            ),
            refused(
                concat!(
                    "static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out ",
                    $short,
                    " result)"
                ),
                STYLES,
            ),
            refused("TryFormat", SPANS),
        ]
    }};
}

use {numeric, numeric_refused};
