//! The JSON tree: `JToken` and its kin.

macro_rules! walk {
    ($signature:literal, $doc:literal, $method:ident) => {
        m($signature, $doc, |cx, a| {
            let ids = cx.state.json.$method(a.this_json()?, &mut cx.state.budget)?;
            tokens(cx, Ty::JTOKEN, ids)
        })
    };
}

mod containers;

pub(crate) use containers::json_pairs;
pub(super) use containers::{ARRAY, CONTAINER, OBJECT, PROPERTY};

use super::decl::{Kind, Member, TypeDecl, joined, m, rw};
use super::{Ty, TypeId, is_assignable};
use crate::eval::{
    Args, Cx, Source, default_value, null_argument, primitive_type, primitive_value, scalar_of,
};
use crate::json::{
    DateParse, Formatting, JsonId, JsonPath, JsonType, NoMatch, PrimitiveType, Scalar,
};
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

pub(super) const TOKEN_TYPE: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JTokenType",
    kind: Kind::Enum(&[
        ("None", 0),
        ("Object", 1),
        ("Array", 2),
        ("Constructor", 3),
        ("Property", 4),
        ("Comment", 5),
        ("Integer", 6),
        ("Float", 7),
        ("String", 8),
        ("Boolean", 9),
        ("Null", 10),
        ("Undefined", 11),
        ("Date", 12),
        ("Raw", 13),
        ("Bytes", 14),
        ("Guid", 15),
        ("Uri", 16),
        ("TimeSpan", 17),
    ]),
    bases: &[],
    docs: "What a token is.",
    members: &[],
    refused: &[],
};

pub(super) const FORMATTING: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Formatting",
    kind: Kind::Enum(&[("None", 0), ("Indented", 1)]),
    bases: &[],
    docs: "How JSON is written.",
    members: &[],
    refused: &[],
};

pub(super) const ENUMERABLE: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JEnumerable<T>",
    kind: Kind::Struct,
    bases: &["IEnumerable<T>"],
    docs: "Tokens in a row.",
    members: &[],
    refused: &[],
};

/// A token, or C# null.
fn token(id: Option<JsonId>) -> Value {
    id.map_or(Value::Null, Value::Json)
}

/// A value as a token: a token is itself, everything else becomes a `JValue`.
pub(super) fn to_token(cx: &mut Cx<'_>, value: &Value) -> Result<Option<JsonId>, Exception> {
    match value {
        Value::Null => Ok(None),
        Value::Json(id) => Ok(Some(*id)),
        other => {
            let scalar = scalar_of(other).ok_or_else(|| {
                let name = cx.state.type_of(other).full_name();
                let message = format!("Could not determine JSON object type for type {name}.");
                Exception::new(ExceptionKind::Argument, message)
            })?;
            cx.state.json.value(scalar, &mut cx.state.budget).map(Some)
        }
    }
}

/// A value as a token of its own: null is a JSON null.
fn new_value(cx: &mut Cx<'_>, value: &Value) -> Run {
    match to_token(cx, value)? {
        Some(id) => Ok(Value::Json(id)),
        None => cx.state.json.value(Scalar::Null, &mut cx.state.budget).map(Value::Json),
    }
}

/// An implicit conversion to `JToken`: null strings become JSON nulls, too.
fn implicit(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    if a.get(0).is_null() {
        return cx.state.json.value(Scalar::Null, &mut cx.state.budget).map(Value::Json);
    }
    new_value(cx, &a.value(0))
}

fn cast(cx: &mut Cx<'_>, a: &Args<'_>, to: PrimitiveType, nullable: bool) -> Run {
    let id = a.json(0);
    cx.state.json.cast(id, to, nullable, &mut cx.state.budget).map(primitive_value)
}

macro_rules! conversions {
    ($($ty:literal, $kind:ident;)*) => {
        &[
            $(
                m(concat!("implicit JToken(", $ty, " value)"), "A token of a value.", implicit),
                m(concat!("explicit ", $ty, "(JToken value)"), "The value of a token.", |cx, a| {
                    cast(cx, a, PrimitiveType::$kind, false)
                }),
                m(concat!("implicit JToken(", $ty, "? value)"), "A token of a value.", implicit),
                m(concat!("explicit ", $ty, "?(JToken value)"), "The value of a token.", |cx, a| {
                    cast(cx, a, PrimitiveType::$kind, true)
                }),
            )*
            m("implicit JToken(string value)", "A token of text.", implicit),
            m("explicit string(JToken value)", "The text of a token.", |cx, a| cast(cx, a, PrimitiveType::Str, true)),
            m("implicit JToken(byte[] value)", "A token of bytes.", implicit),
            m("explicit byte[](JToken value)", "The bytes of a token.", |cx, a| cast(cx, a, PrimitiveType::Bytes, true)),
            m("implicit JToken(Uri value)", "A token of a URI.", implicit),
            m("explicit Uri(JToken value)", "The URI of a token.", |cx, a| cast(cx, a, PrimitiveType::Uri, true)),
        ]
    };
}

const CONVERSIONS: &[Member] = conversions! {
    "bool", Bool;
    "int", Int32;
    "long", Int64;
    "double", Double;
    "decimal", Decimal;
    "float", Single;
    "DateTime", DateTime;
    "DateTimeOffset", DateTimeOffset;
    "TimeSpan", TimeSpan;
    "Guid", Guid;
    "byte", Byte;
    "sbyte", SByte;
    "short", Int16;
    "ushort", UInt16;
    "uint", UInt32;
    "ulong", UInt64;
    "char", Char;
};

fn index(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    match a.get(1) {
        Value::Str(name) => cx.state.json.index_name(id, Some(name)).map(token),
        Value::Null => cx.state.json.index_name(id, None).map(token),
        other => match other.as_int().and_then(|n| i32::try_from(n).ok()) {
            Some(n) => cx.state.json.index_number(id, n).map(token),
            None => Err(bad_key(cx, id, other)),
        },
    }
}

#[cold]
fn bad_key(cx: &Cx<'_>, id: JsonId, key: &Value) -> Exception {
    let shown = cx.state.type_of(key).full_name();
    let message = match cx.state.json.token_type(id) {
        JsonType::Object => {
            format!(
                "Accessed JObject values with invalid key value: {shown}. Object property name expected."
            )
        }
        _ => format!(
            "Accessed JArray values with invalid key value: {shown}. Int32 array index expected."
        ),
    };
    Exception::new(ExceptionKind::Argument, message)
}

fn set_index(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let id = a.this_json()?;
    let value = a.json(2);
    let state = &mut *cx.state;
    match a.get(1) {
        Value::Str(name) => {
            state.json.set_name(id, Some(name.clone()), value, &mut state.budget)?;
        }
        Value::Null => state.json.set_name(id, None, value, &mut state.budget)?,
        other => match other.as_int().and_then(|n| i32::try_from(n).ok()) {
            Some(n) => state.json.set_number(id, n, value, &mut state.budget)?,
            None => return Err(bad_key(cx, id, other)),
        },
    }
    Ok(a.value(2))
}

/// A token as a value of a type: casts of references, conversions of values.
fn convert(cx: &mut Cx<'_>, id: Option<JsonId>, ty: &Ty, whole: bool) -> Run {
    if let Some((kind, nullable)) = primitive_type(ty) {
        if whole && let Some(id) = id {
            return cx
                .state
                .json
                .to_object(id, kind, nullable, &mut cx.state.budget)
                .map(primitive_value);
        }
        if id.is_none() {
            return Ok(default_value(ty));
        }
        return cx
            .state
            .json
            .value_of(id, kind, nullable, &mut cx.state.budget)
            .map(primitive_value);
    }
    let Some(id) = id else { return Ok(Value::Null) };
    let value = Value::Json(id);
    let own = cx.state.type_of(&value);
    if is_assignable(&own, ty) && *ty != Ty::OBJECT {
        if whole {
            return cx.state.json.deep_clone(id, &mut cx.state.budget).map(Value::Json);
        }
        return Ok(value);
    }
    if whole || *ty == Ty::OBJECT {
        return super::json_convert::from_token(cx, id, ty);
    }
    if let Some(scalar) = cx.state.json.scalar(id)
        && matches!(scalar, Scalar::Null)
    {
        return Ok(Value::Null);
    }
    let message = format!("Cannot cast {} to {}.", own.full_name(), ty.full_name());
    Err(Exception::new(ExceptionKind::InvalidCast, message))
}

fn formatting(a: &Args<'_>, index: usize) -> Formatting {
    if a.int(index) == 1 { Formatting::Indented } else { Formatting::None }
}

fn tokens(cx: &mut Cx<'_>, item: Ty, ids: Vec<JsonId>) -> Run {
    let items = ids.into_iter().map(Value::Json).collect();
    cx.lazy(item, Source::Items(items))
}

fn values(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    let children = cx.state.json.children(id, &mut cx.state.budget)?;
    let mut out = Vec::new();
    for child in children {
        let value = match cx.state.json.property_value(child) {
            Some(value) => value,
            None => child,
        };
        out.push(convert(cx, Some(value), a.ty(0), false)?);
    }
    cx.lazy(a.ty(0).clone(), Source::Items(out))
}

fn select(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<JsonId>, Exception> {
    let (id, path) = (a.this_json()?, a.str(1, "path")?);
    let state = &mut *cx.state;
    let path = JsonPath::parse(&path, &mut state.budget)?;
    let no_match = if a.bool(2) { NoMatch::Error } else { NoMatch::Null };
    state.json.select_tokens(id, &path, no_match, &mut state.budget)
}

/// One of the operations that give a token next to another.
macro_rules! step {
    ($signature:literal, $doc:literal, $method:ident) => {
        m($signature, $doc, |cx, a| Ok(token(cx.state.json.$method(a.this_json()?))))
    };
}

const TOKENS: &[Member] = &[
    m("static JToken Parse(string json)", "Reads JSON.", |cx, a| {
        let text = a.str(0, "s")?;
        cx.step(text.len() as u64 / 16)?;
        cx.state.json.parse(&text, DateParse::DateTime, &mut cx.state.budget).map(Value::Json)
    }),
    m("static JToken FromObject(object o)", "A tree of a value.", |cx, a| {
        super::json_convert::to_tree(cx, a)
    }),
    m("static bool DeepEquals(JToken t1, JToken t2)", "Whether two trees are equal.", |cx, a| {
        cx.state.json.deep_equals(a.json(0), a.json(1), &mut cx.state.budget).map(Value::Bool)
    }),
    m("JTokenType Type", "What it is.", |cx, a| {
        Ok(Value::Enum(TypeId::JTokenType, cx.state.json.token_type(a.this_json()?) as i32))
    }),
    m("bool HasValues", "Whether it holds tokens.", |cx, a| {
        Ok(Value::Bool(cx.state.json.has_values(a.this_json()?)))
    }),
    m("string Path", "Where it stands in its tree.", |cx, a| {
        let path = cx.state.json.path(a.this_json()?, &mut cx.state.budget)?;
        cx.string(path)
    }),
    step!("JContainer Parent", "What it stands in.", parent),
    step!("JToken Next", "The token after it.", next),
    step!("JToken Previous", "The token before it.", previous),
    m("JToken Root", "The top of its tree.", |cx, a| {
        cx.state.json.root(a.this_json()?, &mut cx.state.budget).map(Value::Json)
    }),
    m("JToken First", "Its first token.", |cx, a| cx.state.json.first(a.this_json()?).map(token)),
    m("JToken Last", "Its last token.", |cx, a| cx.state.json.last(a.this_json()?).map(token)),
    rw("JToken this[object key]", "A child by name or index.", |cx, a| index(cx, a), set_index),
    m("T Value<T>(object key)", "A child as a value of a type.", |cx, a| {
        let child = index(cx, a)?;
        let id = if let Value::Json(id) = child { Some(id) } else { None };
        let ty = a.ty(0).clone();
        convert(cx, id, &ty, false)
    }),
    m("T Value<T>()", "It as a value of a type.", |cx, a| {
        let (id, ty) = (a.this_json()?, a.ty(0).clone());
        convert(cx, Some(id), &ty, false)
    }),
    m("T ToObject<T>()", "It as a value of a type, all it holds included.", |cx, a| {
        let (id, ty) = (a.this_json()?, a.ty(0).clone());
        convert(cx, Some(id), &ty, true)
    }),
    m("string ToString()", "As text: JSON with line ends, or the bare value.", |cx, a| {
        super::object::to_string(cx, a)
    }),
    m("string ToString(Formatting formatting)", "As JSON.", |cx, a| {
        let (id, how) = (a.this_json()?, formatting(a, 1));
        let text = cx.state.json.to_json(id, how, &mut cx.state.budget)?;
        cx.string(text)
    }),
    m("JToken SelectToken(string path)", "The token at a path, or null.", |cx, a| one(cx, a)),
    m("JToken SelectToken(string path, bool errorWhenNoMatch)", "The token at a path.", |cx, a| {
        one(cx, a)
    }),
    m("IEnumerable<JToken> SelectTokens(string path)", "The tokens at a path.", |cx, a| {
        let ids = select(cx, a)?;
        tokens(cx, Ty::JTOKEN, ids)
    }),
    m(
        "IEnumerable<JToken> SelectTokens(string path, bool errorWhenNoMatch)",
        "The tokens at a path.",
        |cx, a| {
            let ids = select(cx, a)?;
            tokens(cx, Ty::JTOKEN, ids)
        },
    ),
    walk!("JEnumerable<JToken> Children()", "The tokens it holds.", children),
    m("JEnumerable<T> Children<T>()", "The tokens it holds of a type.", |cx, a| {
        let ids = cx.state.json.children(a.this_json()?, &mut cx.state.budget)?;
        let ty = a.ty(0).clone();
        let all = ids.into_iter().map(Value::Json);
        let items = all.filter(|value| cx.is_instance(value, &ty)).collect();
        cx.lazy(ty.clone(), Source::Items(items))
    }),
    walk!("IEnumerable<JToken> Ancestors()", "What it stands in, innermost first.", ancestors),
    m("IEnumerable<JToken> AncestorsAndSelf()", "It and what it stands in.", |cx, a| {
        let id = a.this_json()?;
        let mut ids = cx.state.json.ancestors(id, &mut cx.state.budget)?;
        ids.insert(0, id);
        tokens(cx, Ty::JTOKEN, ids)
    }),
    m("IEnumerable<T> Values<T>()", "The values it holds.", |cx, a| values(cx, a)),
    m("JToken DeepClone()", "A copy.", |cx, a| {
        cx.state.json.deep_clone(a.this_json()?, &mut cx.state.budget).map(Value::Json)
    }),
    m("void Remove()", "Takes it out of its tree.", |cx, a| {
        cx.state.json.remove(a.this_json()?, &mut cx.state.budget).map(|()| Value::Null)
    }),
    m("void Replace(JToken value)", "Puts another in its place.", |cx, a| {
        let value = a.json(1);
        cx.state.json.replace(a.this_json()?, value, &mut cx.state.budget).map(|()| Value::Null)
    }),
    m("void AddAfterSelf(object content)", "Puts a token after it.", |cx, a| {
        let content = to_token(cx, &a.value(1))?;
        cx.state
            .json
            .add_after_self(a.this_json()?, content, &mut cx.state.budget)
            .map(|()| Value::Null)
    }),
    m("void AddBeforeSelf(object content)", "Puts a token before it.", |cx, a| {
        let content = to_token(cx, &a.value(1))?;
        cx.state
            .json
            .add_before_self(a.this_json()?, content, &mut cx.state.budget)
            .map(|()| Value::Null)
    }),
];

fn one(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let (id, path) = (a.this_json()?, a.str(1, "path")?);
    let state = &mut *cx.state;
    let path = JsonPath::parse(&path, &mut state.budget)?;
    let no_match = if a.bool(2) { NoMatch::Error } else { NoMatch::Null };
    state.json.select_token(id, &path, no_match, &mut state.budget).map(token)
}

pub(super) const TOKEN: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JToken",
    kind: Kind::Class,
    bases: &["IEnumerable<JToken>"],
    docs: "A token of a JSON tree.",
    members: &joined::<{ TOKENS.len() + CONVERSIONS.len() }>(TOKENS, CONVERSIONS),
    refused: &[],
};

fn scalar_value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Null | Scalar::Undefined => Value::Null,
        Scalar::Bool(value) => Value::Bool(*value),
        Scalar::Int(value) => Value::Long(*value),
        Scalar::UInt(value) => Value::ULong(*value),
        Scalar::Double(value) => Value::Double(*value),
        Scalar::Single(value) => Value::Float(*value),
        Scalar::Decimal(value) => Value::Decimal(*value),
        Scalar::Str(text)
        | Scalar::BigInt(text)
        | Scalar::Uri(text)
        | Scalar::Comment(text)
        | Scalar::Raw(text) => Value::Str(text.clone()),
        Scalar::Date(value) => Value::DateTime(*value),
        Scalar::DateOffset(value) => Value::DateTimeOffset(*value),
        Scalar::Bytes(bytes) => Value::Bytes(bytes.clone()),
        Scalar::Guid(guid) => Value::Guid(*guid),
        Scalar::TimeSpan(value) => Value::TimeSpan(*value),
    }
}

/// The value of a token that holds one.
pub(super) fn value_in(cx: &Cx<'_>, id: JsonId) -> Option<Value> {
    cx.state.json.scalar(id).map(scalar_value)
}

pub(super) const VALUE: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JValue",
    kind: Kind::Class,
    bases: &["JToken"],
    docs: "A JSON value.",
    members: &[
        m("new(object value)", "Of a value.", |cx, a| new_value(cx, &a.value(0))),
        m("static JValue CreateNull()", "A JSON null.", |cx, _| {
            cx.state.json.value(Scalar::Null, &mut cx.state.budget).map(Value::Json)
        }),
        m("static JValue CreateString(string value)", "Text.", |cx, a| new_value(cx, &a.value(0))),
        rw(
            "object Value",
            "The value.",
            |cx, a| Ok(value_in(cx, a.this_json()?).unwrap_or_default()),
            |cx, a| {
                let scalar = scalar_of(a.get(1)).ok_or_else(confusion)?;
                cx.state.json.set_scalar(a.this_json()?, scalar, &mut cx.state.budget)?;
                Ok(a.value(1))
            },
        ),
        m("string ToString(string format)", "As text in a format.", |cx, a| {
            let id = a.this_json()?;
            let text = cx.state.json.value_format(id, a.opt_str(1), &mut cx.state.budget)?;
            cx.string(text)
        }),
        m("int CompareTo(JValue obj)", "The order of two values.", |cx, a| {
            Ok(Value::Int(cx.state.json.compare_values(a.this_json()?, a.json(1))? as i32))
        }),
    ],
    refused: &[],
};

pub(super) const RAW: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JRaw",
    kind: Kind::Class,
    bases: &["JValue"],
    docs: "JSON that is written as it is.",
    members: &[m("new(object rawJson)", "Of JSON text.", |cx, a| {
        let text = cx.text(a.get(0))?.unwrap_or_default();
        cx.state.json.value(Scalar::Raw(text), &mut cx.state.budget).map(Value::Json)
    })],
    refused: &[],
};

pub(super) const CONSTRUCTOR: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JConstructor",
    kind: Kind::Class,
    bases: &["JContainer"],
    docs: "A JavaScript constructor.",
    members: &[
        m("new(string name, params object[] content)", "Of a name and arguments.", |cx, a| {
            let id = cx.state.json.constructor(a.str(0, "name")?, &mut cx.state.budget)?;
            containers::add_all(cx, id, &a.value(1))?;
            Ok(Value::Json(id))
        }),
        m("string Name", "Its name.", |cx, a| {
            Ok(cx.state.json.name(a.this_json()?).cloned().map_or(Value::Null, Value::Str))
        }),
    ],
    refused: &[],
};

pub(super) const EXTENSIONS: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.Extensions",
    kind: Kind::Static,
    bases: &[],
    docs: "What can be done with sequences of tokens.",
    members: &[
        m(
            "static U Value<U>(this IEnumerable<JToken> value)",
            "A token as a value of a type.",
            |cx, a| {
                let id = a.json(0).ok_or_else(|| null_argument("value"))?;
                let ty = a.ty(0).clone();
                convert(cx, Some(id), &ty, false)
            },
        ),
        m(
            "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source)",
            "Tokens as values of a type.",
            |cx, a| {
                let items = cx.collect(&super::object::required(a, 0, "source")?)?;
                let ty = a.ty(0).clone();
                let mut out = Vec::new();
                for item in items {
                    let id = if let Value::Json(id) = item { Some(id) } else { None };
                    let id = id.map(|id| cx.state.json.property_value(id).unwrap_or(id));
                    out.push(convert(cx, id, &ty, false)?);
                }
                cx.lazy(ty, Source::Items(out))
            },
        ),
        m(
            "static IEnumerable<JToken> Children(this IEnumerable<JToken> source)",
            "The tokens that tokens hold.",
            |cx, a| {
                let mut all = Vec::new();
                for item in cx.collect(&super::object::required(a, 0, "source")?)? {
                    if let Value::Json(id) = item {
                        all.extend(cx.state.json.children(id, &mut cx.state.budget)?);
                    }
                }
                tokens(cx, Ty::JTOKEN, all)
            },
        ),
    ],
    refused: &[],
};
