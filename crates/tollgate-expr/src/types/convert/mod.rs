//! `System.Convert`.

mod base64;
mod radix;
mod text;

pub(in crate::types) use base64::FORMATTING;

use super::decl::{Kind, Member, TypeDecl, joined, m, p, refused};
use super::json::scalar_value;
use super::{Ty, TypeId};
use crate::eval::{Args, Cx, null_argument, primitive_type, primitive_value};
use crate::json::JsonId;
use crate::number::{Number, NumberType, Styles, convert, parse, parse_bool};
use crate::{Exception, ExceptionKind, Value};

/// What a value is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Boolean,
    Char,
    DateTime,
    Number(NumberType),
}

impl Target {
    fn name(self) -> String {
        match self {
            Target::Number(kind) => format!("{kind:?}"),
            other => format!("{other:?}"),
        }
    }

    fn ty(self) -> Ty {
        match self {
            Target::Boolean => Ty::BOOL,
            Target::Char => Ty::CHAR,
            Target::DateTime => Ty::DATE_TIME,
            Target::Number(NumberType::SByte) => Ty::SBYTE,
            Target::Number(NumberType::Byte) => Ty::BYTE,
            Target::Number(NumberType::Int16) => Ty::SHORT,
            Target::Number(NumberType::UInt16) => Ty::USHORT,
            Target::Number(NumberType::Int32) => Ty::INT,
            Target::Number(NumberType::UInt32) => Ty::UINT,
            Target::Number(NumberType::Int64) => Ty::LONG,
            Target::Number(NumberType::UInt64) => Ty::ULONG,
            Target::Number(NumberType::Single) => Ty::FLOAT,
            Target::Number(NumberType::Double) => Ty::DOUBLE,
            Target::Number(NumberType::Decimal) => Ty::DECIMAL,
        }
    }

    fn default(self) -> Value {
        crate::eval::default_value(&self.ty())
    }

    /// Whether it is a whole number.
    fn is_integral(self) -> bool {
        use NumberType::{Decimal, Double, Single};
        matches!(self, Target::Number(kind) if !matches!(kind, Single | Double | Decimal))
    }
}

/// `Convert.ToX(value)`.
fn converted(cx: &mut Cx<'_>, a: &Args<'_>, to: Target) -> Result<Value, Exception> {
    let value = a.get(0);
    match (value, to) {
        (Value::Null, _) => Ok(to.default()),
        (Value::Str(text), Target::Boolean) => parse_bool(Some(text)).map(Value::Bool),
        (Value::Str(_), Target::Char) => text::character(a),
        (Value::Str(_), Target::DateTime) => super::time::parse(cx, a),
        (Value::Str(text), Target::Number(kind)) => {
            parse(kind, Some(text), Styles::of(kind)).map(Value::from)
        }
        (Value::Bool(_), Target::Boolean)
        | (Value::Char(_), Target::Char)
        | (Value::DateTime(_), Target::DateTime) => Ok(value.clone()),
        (Value::Bool(value), Target::Number(kind)) => {
            convert(Number::Int32(i32::from(*value)), kind).map(Value::from)
        }
        (Value::Char(unit), Target::Number(kind)) if to.is_integral() => {
            convert(Number::UInt16(*unit), kind).map(Value::from)
        }
        (Value::Enum(id, _), _) if !super::info(*id).is_enum() => of_number(cx, value, to),
        (Value::Enum(_, number), Target::Number(kind)) => {
            convert(Number::Int32(*number), kind).map(Value::from)
        }
        (Value::Enum(_, number), Target::Char) => of_number(cx, &Value::Int(*number), to),
        (Value::Enum(..), Target::DateTime) => {
            let message = "Invalid cast from 'Enum' to 'DateTime'.";
            Err(Exception::new(ExceptionKind::InvalidCast, message))
        }
        (Value::Enum(_, number), Target::Boolean) => Ok(Value::Bool(*number != 0)),
        (Value::Json(_), _) => of_token(cx, value, to),
        _ => of_number(cx, value, to),
    }
}

fn of_number(cx: &Cx<'_>, value: &Value, to: Target) -> Result<Value, Exception> {
    let invalid = || {
        let from = cx.cast_name(value);
        let known = matches!(value, Value::Bool(_) | Value::Char(_) | Value::DateTime(_))
            || value.number().is_some();
        let message = if known {
            let from = from.rsplit('.').next().unwrap_or_default();
            format!("Invalid cast from '{from}' to '{}'.", to.name())
        } else {
            no_conversion(&from)
        };
        Exception::new(ExceptionKind::InvalidCast, message)
    };
    let number = value.number().ok_or_else(invalid)?;
    let whole = !matches!(value, Value::Float(_) | Value::Double(_) | Value::Decimal(_));
    match to {
        Target::Number(kind) => convert(number, kind).map(Value::from),
        Target::Boolean => Ok(Value::Bool(value.as_double() != Some(0.0))),
        Target::Char if whole => {
            let unit = value.as_int().and_then(|unit| u16::try_from(unit).ok());
            unit.map(Value::Char).ok_or_else(text::no_character)
        }
        Target::Char | Target::DateTime => Err(invalid()),
    }
}

fn no_conversion(from: &str) -> String {
    format!("Unable to cast object of type '{from}' to type 'System.IConvertible'.")
}

/// Of the value of a token; containers have none.
fn of_token(cx: &mut Cx<'_>, value: &Value, to: Target) -> Result<Value, Exception> {
    let Value::Json(id) = value else { return Err(crate::state::confusion()) };
    let class = cx.state.json.class_name(*id);
    let scalar = class.ends_with("JValue") || class.ends_with("JRaw");
    let Some((kind, nullable)) = primitive_type(&to.ty()).filter(|_| scalar) else {
        return Err(Exception::new(ExceptionKind::InvalidCast, no_conversion(class)));
    };
    cx.state.json.cast(Some(*id), kind, nullable, &mut cx.state.budget).map(primitive_value)
}

macro_rules! conversion {
    ($name:ident, $method:literal, $result:literal, $target:expr, [$($from:literal),*]) => {
        const $name: &[Member] = &[
            p(
                concat!("static ", $result, " ", $method, "(object value, IFormatProvider provider)"),
                "A value in another type.",
                |cx, a| converted(cx, a, $target),
            ),
            p(
                concat!("static ", $result, " ", $method, "(string value, IFormatProvider provider)"),
                "A value in another type.",
                |cx, a| match ($target, a.get(0)) {
                    (Target::Char, Value::Null) => Err(null_argument("value")),
                    // Alone among the numbers it is parsed at once.
                    (Target::Number(NumberType::SByte), Value::Null) => Err(null_argument("s")),
                    _ => converted(cx, a, $target),
                },
            ),
            p(
                concat!("static ", $result, " ", $method, "(string value)"),
                "A value in another type.",
                |cx, a| match ($target, a.get(0)) {
                    (Target::Char, Value::Null) => Err(null_argument("value")),
                    _ => converted(cx, a, $target),
                },
            ),
            $(p(
                concat!("static ", $result, " ", $method, "(", $from, " value)"),
                "A value in another type.",
                |cx, a| converted(cx, a, $target),
            )),*
        ];
    };
    ($($name:ident $method:literal $result:literal $target:expr;)*) => {
        $(conversion!($name, $method, $result, $target, [
            "object", "bool", "char", "sbyte", "byte", "short", "ushort", "int", "uint", "long", "ulong",
            "float", "double", "decimal", "DateTime"
        ]);)*
    };
}

conversion! {
    TO_BOOLEAN "ToBoolean" "bool" Target::Boolean;
    TO_CHAR "ToChar" "char" Target::Char;
    TO_SBYTE "ToSByte" "sbyte" Target::Number(NumberType::SByte);
    TO_BYTE "ToByte" "byte" Target::Number(NumberType::Byte);
    TO_INT16 "ToInt16" "short" Target::Number(NumberType::Int16);
    TO_UINT16 "ToUInt16" "ushort" Target::Number(NumberType::UInt16);
    TO_INT32 "ToInt32" "int" Target::Number(NumberType::Int32);
    TO_UINT32 "ToUInt32" "uint" Target::Number(NumberType::UInt32);
    TO_INT64 "ToInt64" "long" Target::Number(NumberType::Int64);
    TO_UINT64 "ToUInt64" "ulong" Target::Number(NumberType::UInt64);
    TO_SINGLE "ToSingle" "float" Target::Number(NumberType::Single);
    TO_DOUBLE "ToDouble" "double" Target::Number(NumberType::Double);
    TO_DECIMAL "ToDecimal" "decimal" Target::Number(NumberType::Decimal);
    TO_DATE_TIME "ToDateTime" "DateTime" Target::DateTime;
}

/// `Convert.GetTypeCode(value)`.
fn type_code(value: &Value) -> Value {
    let number = match value {
        Value::Null => 0,
        Value::Bool(_) => 3,
        Value::Char(_) => 4,
        Value::SByte(_) => 5,
        Value::Byte(_) => 6,
        Value::Short(_) => 7,
        Value::UShort(_) => 8,
        Value::Int(_) => 9,
        Value::Enum(id, _) if Ty::Named(*id).is_enum() => 9,
        Value::UInt(_) => 10,
        Value::Long(_) => 11,
        Value::ULong(_) => 12,
        Value::Float(_) => 13,
        Value::Double(_) => 14,
        Value::Decimal(_) => 15,
        Value::DateTime(_) => 16,
        Value::Str(_) => 18,
        _ => 1,
    };
    Value::Enum(TypeId::TypeCode, number)
}

const OTHER: &[Member] = &[
    p("static bool IsDBNull(object value)", "False: nothing here is of a database.", |_, _| {
        Ok(Value::Bool(false))
    }),
    m("static TypeCode GetTypeCode(object value)", "The code of its type.", |cx, a| {
        // A token says that of its value.
        let scalar = |id: &JsonId| cx.state.json.scalar(*id);
        let held = if let Value::Json(id) = a.get(0) { scalar(id).map(scalar_value) } else { None };
        Ok(type_code(held.as_ref().unwrap_or(a.get(0))))
    }),
];

const A: &[Member] = &joined::<{ TO_BOOLEAN.len() + TO_CHAR.len() }>(TO_BOOLEAN, TO_CHAR);
const B: &[Member] = &joined::<{ TO_SBYTE.len() + TO_BYTE.len() }>(TO_SBYTE, TO_BYTE);
const C: &[Member] = &joined::<{ TO_INT16.len() + TO_UINT16.len() }>(TO_INT16, TO_UINT16);
const D: &[Member] = &joined::<{ TO_INT32.len() + TO_UINT32.len() }>(TO_INT32, TO_UINT32);
const E: &[Member] = &joined::<{ TO_INT64.len() + TO_UINT64.len() }>(TO_INT64, TO_UINT64);
const F: &[Member] = &joined::<{ TO_SINGLE.len() + TO_DOUBLE.len() }>(TO_SINGLE, TO_DOUBLE);
const G: &[Member] = &joined::<{ TO_DECIMAL.len() + TO_DATE_TIME.len() }>(TO_DECIMAL, TO_DATE_TIME);
const SMALL: &[Member] = &joined::<{ A.len() + B.len() }>(A, B);
const WHOLE: &[Member] = &joined::<{ C.len() + D.len() }>(C, D);
const LARGE: &[Member] = &joined::<{ E.len() + F.len() }>(E, F);
const NUMBERS: &[Member] = &joined::<{ SMALL.len() + WHOLE.len() }>(SMALL, WHOLE);
const VALUES: &[Member] = &joined::<{ LARGE.len() + G.len() }>(LARGE, G);
const TYPED: &[Member] = &joined::<{ NUMBERS.len() + VALUES.len() }>(NUMBERS, VALUES);
const BASES: &[Member] =
    &joined::<{ radix::MEMBERS.len() + base64::MEMBERS.len() }>(radix::MEMBERS, base64::MEMBERS);
const TEXTS: &[Member] = &joined::<{ text::MEMBERS.len() + OTHER.len() }>(text::MEMBERS, OTHER);
const REST: &[Member] = &joined::<{ BASES.len() + TEXTS.len() }>(BASES, TEXTS);

const SPANS: &str = "spans are not in the allow-list";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Convert",
    kind: Kind::Static,
    bases: &[],
    docs: "Conversions between types.",
    members: &joined::<{ TYPED.len() + REST.len() }>(TYPED, REST),
    refused: &[
        refused(
            "ChangeType",
            "expressions cannot look at types at run time; there is a method for each type",
        ),
        refused("DBNull", "`DBNull` is not in the allow-list"),
        refused(
            "static string ToBase64String(ReadOnlySpan<byte> bytes, Base64FormattingOptions options = None)",
            SPANS,
        ),
        refused("TryToBase64Chars", SPANS),
        refused("TryFromBase64String", SPANS),
        refused("TryFromBase64Chars", SPANS),
    ],
};
