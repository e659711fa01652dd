//! Elements and attributes as values.

use super::super::decl::{Member, m};
use super::{Run, id_at};
use crate::eval::{Args, Cx, null_argument};
use crate::number::NumberType;
use crate::time::{DateTime, Kind};
use crate::xml::{Simple, parse_simple};
use crate::{Exception, Value};

/// The text of an element or attribute as a value; null of null when the type takes it.
fn convert(cx: &mut Cx<'_>, a: &Args<'_>, to: Simple, null: Option<&str>) -> Run {
    let Some(id) = id_at(a, 0) else {
        return null.map_or(Ok(Value::Null), |name| Err(null_argument(name)));
    };
    let text = cx.state.xml.text(id, &mut cx.state.budget)?;
    let now = DateTime::from_ticks(cx.host.utc_now(), Kind::Local).unwrap_or(DateTime::MIN);
    parse_simple(&text, to, now)
}

fn text(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    match id_at(a, 0) {
        Some(id) => cx.state.xml.text(id, &mut cx.state.budget).map(Value::Str),
        None => Ok(Value::Null),
    }
}

macro_rules! conversions {
    ($name:ident, $class:literal, $param:literal) => {
        conversions! { @ $name, $class, $param:
            "bool", Simple::Bool;
            "int", Simple::Number(NumberType::Int32);
            "uint", Simple::Number(NumberType::UInt32);
            "long", Simple::Number(NumberType::Int64);
            "ulong", Simple::Number(NumberType::UInt64);
            "float", Simple::Number(NumberType::Single);
            "double", Simple::Number(NumberType::Double);
            "decimal", Simple::Number(NumberType::Decimal);
            "DateTime", Simple::DateTime;
            "DateTimeOffset", Simple::DateTimeOffset;
            "TimeSpan", Simple::TimeSpan;
            "Guid", Simple::Guid;
        }
    };
    (@ $name:ident, $class:literal, $param:literal: $($ty:literal, $to:expr;)*) => {
        /// The explicit conversions of the class.
        pub(super) const $name: &[Member] = &[
            m(concat!("explicit string(", $class, " ", $param, ")"), "Its text; null of null.", |cx, a| {
                text(cx, a)
            }),
            $(
                m(concat!("explicit ", $ty, "(", $class, " ", $param, ")"), "Its text as a value.", |cx, a| {
                    convert(cx, a, $to, Some($param))
                }),
                m(concat!("explicit ", $ty, "?(", $class, " ", $param, ")"), "Its text as a value; null of null.", |cx, a| {
                    convert(cx, a, $to, None)
                }),
            )*
        ];
    };
}

conversions!(ELEMENT, "XElement", "element");
conversions!(ATTRIBUTE, "XAttribute", "attribute");
