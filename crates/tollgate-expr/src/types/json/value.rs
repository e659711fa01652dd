//! `JValue` and `JRaw`.

use super::super::BigInteger;
use super::super::decl::{Kind, TypeDecl, m, refused, rw};
use super::{NO_READERS, Run, unknown_type};
use crate::eval::{Args, Cx, scalar_of};
use crate::json::{JsonId, Scalar, small_constant, small_number, unit_of};
use crate::{Exception, Value};

/// The value that a token holds, as .NET has it.
pub(crate) fn scalar_value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Null | Scalar::Undefined | Scalar::NullStr => Value::Null,
        Scalar::Bool(value) => Value::Bool(*value),
        Scalar::Int(value) => Value::Long(*value),
        Scalar::Small(ty, value) => {
            small_constant(*ty, *value).unwrap_or_else(|| small_number(*ty, *value).into())
        }
        Scalar::UInt(value) => Value::ULong(*value),
        Scalar::Double(value) => Value::Double(*value),
        Scalar::Single(value) => Value::Float(*value),
        Scalar::Decimal(value) => Value::Decimal(*value),
        Scalar::Str(text) | Scalar::Comment(text) | Scalar::Raw(text) => Value::Str(text.clone()),
        Scalar::BigInt(digits) => Value::native(BigInteger(digits.clone())),
        Scalar::Char(text) => Value::Char(unit_of(text)),
        Scalar::Date(value) => Value::DateTime(*value),
        Scalar::DateOffset(value) => Value::DateTimeOffset(*value),
        Scalar::Bytes(bytes) => Value::Bytes(bytes.clone()),
        Scalar::Guid(guid) => Value::Guid(*guid),
        Scalar::Uri(uri) => uri.clone().into_value(),
        Scalar::TimeSpan(value) => Value::TimeSpan(*value),
    }
}

/// The value of a token that holds one.
fn value_in(cx: &Cx<'_>, id: JsonId) -> Option<Value> {
    cx.state.json.scalar(id).map(scalar_value)
}

/// `new JValue(value)`.
fn new_value(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let Some(scalar) = scalar_of(a.get(0)) else { return Err(unknown_type(cx, a.get(0))) };
    cx.state.json.value(scalar, &mut cx.state.budget).map(Value::Json)
}

/// `new JValue(value)` of a string: null is one, too.
pub(super) fn new_text(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let scalar = match a.get(0) {
        Value::Str(text) => Scalar::Str(text.clone()),
        _ => Scalar::NullStr,
    };
    cx.state.json.value(scalar, &mut cx.state.budget).map(Value::Json)
}

/// `new JValue(value)` of an object: characters are none of JSON's values.
fn new_of_object(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    if let Value::Char(_) = a.get(0) {
        return Err(unknown_type(cx, a.get(0)));
    }
    new_value(cx, a)
}

/// `new JValue(other)`, which looks at what it is given without a check.
fn copy(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = a.json(0).ok_or_else(Exception::null_reference)?;
    cx.state.json.deep_clone(other, &mut cx.state.budget).map(Value::Json)
}

macro_rules! constructors {
    ($($signature:literal;)*) => {
        [$(m($signature, "Of a value.", new_value),)*]
    };
}

const CONSTRUCTORS: [super::Member; 12] = constructors! {
    "new(long value)";
    "new(ulong value)";
    "new(decimal value)";
    "new(double value)";
    "new(float value)";
    "new(bool value)";
    "new(char value)";
    "new(DateTime value)";
    "new(DateTimeOffset value)";
    "new(TimeSpan value)";
    "new(Guid value)";
    "new(Uri value)";
};

const REST: &[super::Member] = &[
    m("new(string value)", "Of a value.", new_text),
    m("new(object value)", "Of a value.", new_of_object),
    m("new(JValue other)", "A copy.", copy),
    m("static JValue CreateNull()", "A JSON null.", |cx, _| {
        cx.state.json.value(Scalar::Null, &mut cx.state.budget).map(Value::Json)
    }),
    m("static JValue CreateUndefined()", "JavaScript's undefined.", |cx, _| {
        cx.state.json.value(Scalar::Undefined, &mut cx.state.budget).map(Value::Json)
    }),
    m("static JValue CreateComment(string value)", "A comment.", |cx, a| {
        let text = a.opt_str(0).unwrap_or_default().into();
        cx.state.json.value(Scalar::Comment(text), &mut cx.state.budget).map(Value::Json)
    }),
    m("static JValue CreateString(string value)", "Text.", new_text),
    rw(
        "object Value",
        "The value.",
        |cx, a| Ok(value_in(cx, a.this_json()?).unwrap_or_default()),
        |cx, a| {
            let id = a.this_json()?;
            let scalar = match (cx.state.json.scalar(id), a.get(1)) {
                // Characters are none of JSON's values, but one may follow another.
                (held, Value::Char(_)) if !matches!(held, Some(Scalar::Char(_))) => None,
                (_, value) => scalar_of(value),
            };
            let scalar = scalar.ok_or_else(|| unknown_type(cx, a.get(1)))?;
            let scalar = match (cx.state.json.scalar(id), scalar) {
                // What is of the .NET type of before keeps the token's type.
                (Some(held), Scalar::Null) if held.is_null() => held.clone(),
                (Some(Scalar::Comment(_)), Scalar::Str(text)) => Scalar::Comment(text),
                (Some(Scalar::Raw(_)), Scalar::Str(text)) => Scalar::Raw(text),
                (_, scalar) => scalar,
            };
            cx.state.json.set_scalar(id, scalar, &mut cx.state.budget)?;
            Ok(a.value(1))
        },
    ),
    m("string ToString()", "The bare value.", super::super::object::to_string),
    m("string ToString(string format)", "As text in a format.", |cx, a| {
        let id = a.this_json()?;
        let text = cx.state.json.value_format(id, a.opt_str(1), &mut cx.state.budget)?;
        cx.string(text)
    }),
    m("bool Equals(JValue other)", "Whether both hold the same.", |cx, a| {
        let id = a.this_json()?;
        let Some(other) = a.json(1) else { return Ok(Value::Bool(false)) };
        cx.state.json.token_equals(id, other).map(Value::Bool)
    }),
    m("bool Equals(object obj)", "Whether both hold the same.", |cx, a| {
        let id = a.this_json()?;
        let Some(other) = a.json(1) else { return Ok(Value::Bool(false)) };
        cx.state.json.token_equals(id, other).map(Value::Bool)
    }),
    m("int GetHashCode()", "A number that is the same for equal values.", |cx, a| {
        Ok(Value::Int(cx.state.json.hash_code(a.this_json()?)))
    }),
    m("int CompareTo(JValue obj)", "The order of two values.", |cx, a| {
        cx.state.json.value_distance(a.this_json()?, a.json(1)).map(Value::Int)
    }),
];

pub(in crate::types) const VALUE: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JValue",
    kind: Kind::Class,
    bases: &["JToken"],
    docs: "A JSON value.",
    members: &super::joined::<{ CONSTRUCTORS.len() + REST.len() }>(&CONSTRUCTORS, REST),
    refused: &[refused("WriteTo", NO_READERS), refused("WriteToAsync", NO_READERS)],
};

pub(in crate::types) const RAW: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JRaw",
    kind: Kind::Class,
    bases: &["JValue"],
    docs: "JSON that is written as it is.",
    members: &[
        m("new(JRaw other)", "A copy.", copy),
        m("new(object rawJson)", "Of JSON text.", |cx, a| {
            let text = cx.text(a.get(0))?.unwrap_or_default();
            cx.state.json.value(Scalar::Raw(text), &mut cx.state.budget).map(Value::Json)
        }),
    ],
    refused: &[refused("Create", NO_READERS), refused("CreateAsync", NO_READERS)],
};
