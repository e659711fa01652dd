//! The numeric types.

mod decimal;
mod floating;
mod integral;

pub(in crate::types) use decimal::{DECL as DECIMAL, bad_mode, rounded, whole_number};
pub(in crate::types) use floating::{DOUBLE, SINGLE};
pub(in crate::types) use integral::{BYTE, INT16, INT32, INT64, SBYTE, UINT16, UINT32, UINT64};

use super::TypeId;
use crate::eval::{Args, Cx, distance, formatted};
use crate::number::{NumberType, Styles, parse, try_parse};
use crate::state::confusion;
use crate::{Exception, Value};

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

/// `CompareTo`.
fn compare_to(a: &Args<'_>) -> Result<Value, Exception> {
    distance(a.get(0), a.get(1)).map(Value::Int).ok_or_else(confusion)
}

/// A constant of `TypeCode`.
const fn type_code(number: i32) -> Value {
    Value::Enum(TypeId::TypeCode, number)
}

const STYLES: &str = "`NumberStyles` is not in the allow-list";
const SPANS: &str = "it writes to a span, and spans are not in the allow-list";

/// What all numeric types have: `$code` is the number of `TypeCode`, `$object` and `$equal` are the parameters of
/// `CompareTo(object)` and `Equals`.
macro_rules! numeric {
    ($short:literal, $kind:ident, $variant:ident, $zero:expr, $code:literal, $object:literal, $equal:literal) => {{
        use super::{compare_to, read, to_string, try_read, type_code};
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
                |_, a| compare_to(a),
            ),
            p(
                concat!("int CompareTo(object ", $object, ")"),
                "The order of two numbers; null is less.",
                $crate::types::object::compare_to,
            ),
            p(
                concat!("bool Equals(", $short, " ", $equal, ")"),
                "Whether they are equal.",
                |cx, a| $crate::types::object::equals(cx, a.get(0), a.get(1)).map(Value::Bool),
            ),
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
