//! The JSON tree: `JToken` and its kin.

macro_rules! walk {
    ($signature:literal, $doc:literal, $method:ident) => {
        m($signature, $doc, |cx, a| {
            let ids = cx.state.json.$method(a.this_json()?, &mut cx.state.budget)?;
            tokens(cx, Ty::JTOKEN, ids)
        })
    };
}

mod array;
mod constructor;
mod container;
mod enumerable;
mod extensions;
mod object;
mod property;
mod value;
mod walk;

pub(super) use array::{ARRAY, copy_to};
pub(super) use constructor::CONSTRUCTOR;
pub(super) use container::CONTAINER;
pub(crate) use container::insert_content;
pub(crate) use enumerable::unmade as unmade_row;
pub(super) use enumerable::{ENUMERABLE, IENUMERABLE};
pub(super) use extensions::EXTENSIONS;
pub(super) use object::OBJECT;
pub(in crate::types) use object::json_pairs;
pub(crate) use object::pairs;
pub(super) use property::PROPERTY;
pub(crate) use property::content_value;
pub(crate) use value::scalar_value;
pub(super) use value::{RAW, VALUE};
pub(crate) use walk::{TokenWalk, Walk, given as tokens_given};

use std::sync::Arc;

use super::decl::{Kind, Member, TypeDecl, joined, m, refused, rw};
use super::{Ty, TypeId, is_assignable};
use crate::eval::{
    Args, Cx, Source, default_value, null_argument, primitive_type, primitive_value, scalar_of,
};
use crate::json::{
    DateParse, Formatting, JsonHeap, JsonId, JsonPath, JsonType, NoMatch, PrimitiveType, Scalar,
    SourceText, bare_text,
};
use crate::native::Native;
use crate::state::SLOT_COST;
use crate::{Budget, Exception, ExceptionKind, Value};

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

/// Why members that take readers and writers are refused.
const NO_READERS: &str =
    "readers and writers have no use in a policy; parse text and use `ToString`";
const NO_SERIALIZERS: &str = "`JsonSerializer` is not a type that policies may use";
const NO_SETTINGS: &str = "settings are not types that policies may use";
const NO_EVENTS: &str = "events have no use in a policy";
const NO_TYPES: &str = "types as values are not in policy expressions; name the type in `<…>`";

/// A token, or C# null.
fn token(id: Option<JsonId>) -> Value {
    id.map_or(Value::Null, Value::Json)
}

/// A value as a token: a token is itself, everything else becomes a `JValue`.
pub(super) fn to_token(cx: &mut Cx<'_>, value: &Value) -> Result<Option<JsonId>, Exception> {
    match value {
        Value::Null => Ok(None),
        Value::Json(id) => Ok(Some(*id)),
        // The tree has no characters.
        Value::Char(_) => Err(unknown_type(cx, value)),
        other => {
            let scalar = scalar_of(other).ok_or_else(|| unknown_type(cx, other))?;
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

/// An implicit conversion to `JToken`: whole numbers go through `long`, but for `ulong`.
fn implicit(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    match a.get(0) {
        Value::ULong(_) => new_value(cx, &a.value(0)),
        value => {
            let value = value.as_int().map_or_else(|| value.clone(), Value::Long);
            new_value(cx, &value)
        }
    }
}

/// The same of what may be null, through `object`: nulls become JSON nulls.
fn implicit_object(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
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
                m(
                    concat!("implicit JToken(", $ty, "? value)"),
                    "A token of a value.",
                    implicit_object,
                ),
                m(concat!("explicit ", $ty, "?(JToken value)"), "The value of a token.", |cx, a| {
                    cast(cx, a, PrimitiveType::$kind, true)
                }),
            )*
            m("explicit char(JToken value)", "The character of a token.", |cx, a| cast(cx, a, PrimitiveType::Char, false)),
            m("explicit char?(JToken value)", "The character of a token.", |cx, a| cast(cx, a, PrimitiveType::Char, true)),
            m("implicit JToken(string value)", "A token of text.", value::new_text),
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
};

fn index(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    index_by(cx, id, a.get(1))
}

/// `token[key]`.
fn index_by(cx: &mut Cx<'_>, id: JsonId, key: &Value) -> Run {
    match key {
        Value::Str(name) => cx.state.json.index_name(id, Some(name)).map(token),
        Value::Null => cx.state.json.index_name(id, None).map(token),
        Value::Int(n) => cx.state.json.index_number(id, *n).map(token),
        other => Err(bad_key(cx, id, other, "Accessed")),
    }
}

/// Tokens in a row.
fn rows(cx: &mut Cx<'_>, item: Ty, items: Vec<Value>) -> Run {
    cx.sequence(Ty::generic(TypeId::JEnumerable, [item]), Source::Items(items))
}

/// Tokens that a token holds, seen as they are when they are walked over.
fn children(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    let ty = Ty::generic(TypeId::JEnumerable, [Ty::JTOKEN]);
    if cx.state.json.is_container(id) {
        return cx.sequence(ty, Source::View(Value::Json(id)));
    }
    cx.sequence(ty, Source::Items(Vec::new()))
}

/// What `new JValue` says of values that are none of JSON's.
#[cold]
fn unknown_type(cx: &Cx<'_>, value: &Value) -> Exception {
    let own = || cx.state.type_of(value).full_name();
    // Encodings and comparers show the class they are of.
    let name = match value {
        Value::Enum(..) => {
            value.to_text(cx.state).ok().flatten().map_or_else(own, |text| text.to_string())
        }
        _ => own(),
    };
    let message = format!("Could not determine JSON object type for type {name}.");
    Exception::new(ExceptionKind::Argument, message)
}

/// The tokens after a token.
fn after(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let mut at = a.this_json()?;
    let mut ids = Vec::new();
    while let Some(next) = cx.state.json.next(at) {
        cx.step(1)?;
        ids.push(next);
        at = next;
    }
    tokens(cx, Ty::JTOKEN, ids)
}

/// The annotations of a token that are of a type.
fn annotations(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Exception> {
    let id = a.this_json()?;
    cx.step(cx.state.annotations.len() as u64 / 8 + 1)?;
    let own = cx.state.annotations.iter().filter(|(token, _)| *token == id);
    let own: Vec<Value> = own.map(|(_, annotation)| annotation.clone()).collect();
    let ty = a.ty(0).clone();
    Ok(own.into_iter().filter(|annotation| cx.is_instance(annotation, &ty)).collect())
}

#[cold]
fn bad_key(cx: &Cx<'_>, id: JsonId, key: &Value, verb: &str) -> Exception {
    let shown = match key {
        Value::Str(text) => format!("\"{text}\""),
        other => other
            .to_text(cx.state)
            .ok()
            .flatten()
            .map_or_else(|| cx.state.type_of(other).full_name(), |text| text.to_string()),
    };
    if !cx.state.json.takes_keys(id) {
        let verb = if verb == "Set" { "set" } else { "access" };
        return cx.state.json.no_children(id, verb);
    }
    let message = match cx.state.json.token_type(id) {
        JsonType::Object => {
            format!(
                "{verb} JObject values with invalid key value: {shown}. Object property name expected."
            )
        }
        JsonType::Constructor => format!(
            "{verb} JConstructor values with invalid key value: {shown}. Argument position index expected."
        ),
        _ => format!(
            "{verb} JArray values with invalid key value: {shown}. Int32 array index expected."
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
        Value::Null if state.json.takes_keys(id) => return Err(null_argument("key")),
        Value::Int(n) => state.json.set_number(id, *n, value, &mut state.budget)?,
        other => return Err(bad_key(cx, id, other, "Set")),
    }
    Ok(a.value(2))
}

/// `token.Convert<JToken, T>()`: what `Value<T>` and `Values<T>` give of a token.
fn convert(cx: &mut Cx<'_>, id: Option<JsonId>, ty: &Ty) -> Run {
    let Some(id) = id else { return Ok(default_value(ty)) };
    if let Some((kind, nullable)) = primitive_type(ty) {
        let made = cx.state.json.value_of(Some(id), kind, nullable, &mut cx.state.budget);
        return made.map(primitive_value);
    }
    let value = Value::Json(id);
    let own = cx.state.type_of(&value);
    if is_assignable(&own, ty) {
        return Ok(value);
    }
    let Some(scalar) = cx.state.json.scalar(id) else {
        let message = format!("Cannot cast {} to Newtonsoft.Json.Linq.JToken.", own.full_name());
        return Err(Exception::new(ExceptionKind::InvalidCast, message));
    };
    let message = match scalar {
        scalar if scalar.is_null() && ty.takes_null() => return Ok(Value::Null),
        scalar if scalar.is_null() => "Null object cannot be converted to a value type.".to_owned(),
        scalar if !crate::json::is_convertible(scalar) => {
            "Object must implement IConvertible.".to_owned()
        }
        scalar => {
            let held = scalar_value(scalar);
            if cx.is_instance(&held, ty) {
                return Ok(held);
            }
            let (from, to) = (cx.state.type_of(&held).full_name(), ty.strip_nullable().full_name());
            if ty.is(TypeId::Enum) {
                let message = format!("Unable to cast object of type '{from}' to type '{to}'.");
                return Err(Exception::new(ExceptionKind::InvalidCast, message));
            }
            format!("Invalid cast from '{from}' to '{to}'.")
        }
    };
    Err(Exception::new(ExceptionKind::InvalidCast, message))
}

/// The same of an item of a sequence of tokens.
pub(crate) fn convert_token(cx: &mut Cx<'_>, token: &Value, ty: &Ty) -> Run {
    convert(cx, if let Value::Json(id) = token { Some(*id) } else { None }, ty)
}

/// `ToObject<T>()`.
fn to_object(cx: &mut Cx<'_>, id: JsonId, ty: &Ty) -> Run {
    match primitive_type(ty) {
        Some((kind, nullable)) if kind != PrimitiveType::Bytes => {
            let made = cx.state.json.cast(Some(id), kind, nullable, &mut cx.state.budget);
            made.map(primitive_value)
        }
        _ if ty.strip_nullable().is_enum() => enumeration(cx, id, ty),
        _ => super::deserialize::from_tree(cx, id, ty),
    }
}

/// `ToObject` of an enumeration: names are looked up, whole numbers taken, and all else is cast to `int`.
fn enumeration(cx: &mut Cx<'_>, id: JsonId, ty: &Ty) -> Run {
    let plain = ty.strip_nullable();
    match cx.state.json.scalar(id) {
        Some(text @ (Scalar::Str(_) | Scalar::NullStr | Scalar::Char(_))) => {
            let text = bare_text(text, &mut cx.state.budget)?;
            let message = format!("Could not convert '{text}' to {plain}.");
            super::deserialize::from_tree(cx, id, ty).map_err(|cause| {
                if cause.is_bound() {
                    return cause;
                }
                Exception::new(ExceptionKind::Argument, message).with_inner(cause)
            })
        }
        Some(number) if number.token_type() == JsonType::Integer => {
            super::deserialize::enumeration(number, plain)
        }
        _ => {
            let budget = &mut cx.state.budget;
            let nullable = plain != ty;
            let made = cx.state.json.cast(Some(id), PrimitiveType::Int32, nullable, budget)?;
            cx.cast(primitive_value(made), ty)
        }
    }
}

fn formatting(a: &Args<'_>, index: usize) -> Formatting {
    if a.int(index) == 1 { Formatting::Indented } else { Formatting::None }
}

fn tokens(cx: &mut Cx<'_>, item: Ty, ids: Vec<JsonId>) -> Run {
    let items = ids.into_iter().map(Value::Json).collect();
    cx.lazy(item, Source::Items(items))
}

/// What a walk from one token gives.
fn walk_from(cx: &mut Cx<'_>, a: &Args<'_>, walk: Walk) -> Run {
    let from = Value::Json(a.this_json()?);
    cx.lazy(Ty::JTOKEN, Source::Tokens(Box::new(TokenWalk { from, single: true, walk })))
}

fn values(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    if !cx.state.json.is_container(id) {
        return Err(cx.state.json.no_children(id, "access"));
    }
    let ty = a.ty(0).clone();
    cx.lazy(ty.clone(), Source::Converted(Value::Json(id), ty))
}

/// A path that was parsed when the policy was loaded.
#[derive(Debug)]
struct Path(Arc<JsonPath>);

impl Native for Path {
    fn id(&self) -> TypeId {
        TypeId::String
    }
}

/// Parses a literal path when the policy is loaded.
fn parse_path(args: &mut [Option<Value>]) -> Result<(), String> {
    let Some(place @ Some(Value::Str(_))) = args.get_mut(1) else { return Ok(()) };
    let Some(Value::Str(text)) = place else { return Ok(()) };
    let mut budget = crate::Budget::new(crate::Limits::default());
    match JsonPath::parse(text, &mut budget) {
        Ok(path) => {
            *place = Some(Value::native(Path(Arc::new(path))));
            Ok(())
        }
        Err(fault) => Err(format!("the path is not well formed: {}", fault.message())),
    }
}

fn select(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    a.this_json()?;
    let no_match = if a.bool(2) { NoMatch::Error } else { NoMatch::Null };
    let path = if let Some(Path(path)) = a.get(1).as_native() {
        Arc::clone(path)
    } else {
        let text = a.str(1, "expression")?;
        Arc::new(JsonPath::parse(&text, &mut cx.state.budget)?)
    };
    walk_from(cx, a, Walk::Path(path, no_match))
}

/// `Parse` of a kind of token, which knows its place in the text.
fn parsed(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    parse: fn(&mut JsonHeap, &str, DateParse, &mut Budget) -> Result<JsonId, Exception>,
) -> Run {
    let text = a.str(0, "s")?;
    cx.step(text.len() as u64 / 16)?;
    let id = parse(&mut cx.state.json, &text, DateParse::DateTime, &mut cx.state.budget)?;
    cx.state.json.keep_source(id, SourceText::Str(text));
    Ok(Value::Json(id))
}

/// One of the operations that give a token next to another.
macro_rules! step {
    ($signature:literal, $doc:literal, $method:ident) => {
        m($signature, $doc, |cx, a| Ok(token(cx.state.json.$method(a.this_json()?))))
    };
}

const TOKENS: &[Member] = &[
    m("static JToken Parse(string json)", "Reads JSON.", |cx, a| parsed(cx, a, JsonHeap::parse)),
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
        convert(cx, id, &ty)
    }),
    m("T ToObject<T>()", "It as a value of a type, all it holds included.", |cx, a| {
        let (id, ty) = (a.this_json()?, a.ty(0).clone());
        to_object(cx, id, &ty)
    }),
    m("string ToString()", "As text: JSON with line ends, or the bare value.", |cx, a| {
        super::object::to_string(cx, a)
    }),
    m("string ToString(Formatting formatting)", "As JSON.", |cx, a| {
        let (id, how) = (a.this_json()?, formatting(a, 1));
        let text = cx.state.json.to_json(id, how, &mut cx.state.budget)?;
        cx.string(text)
    }),
    m("JToken SelectToken(string path)", "The token at a path, or null.", |cx, a| one(cx, a))
        .prepared(parse_path),
    m("JToken SelectToken(string path, bool errorWhenNoMatch)", "The token at a path.", |cx, a| {
        one(cx, a)
    })
    .prepared(parse_path),
    m("IEnumerable<JToken> SelectTokens(string path)", "The tokens at a path.", |cx, a| {
        select(cx, a)
    })
    .prepared(parse_path),
    m(
        "IEnumerable<JToken> SelectTokens(string path, bool errorWhenNoMatch)",
        "The tokens at a path.",
        |cx, a| select(cx, a),
    )
    .prepared(parse_path),
    m("JEnumerable<JToken> Children()", "The tokens it holds.", |cx, a| children(cx, a)),
    m("IEnumerable<JToken> AfterSelf()", "The tokens after it.", |cx, a| after(cx, a)),
    m("IEnumerable<JToken> BeforeSelf()", "The tokens before it.", |cx, a| {
        walk_from(cx, a, Walk::Before)
    }),
    m("static IEqualityComparer<JToken> EqualityComparer", "By what trees hold.", |_, _| {
        Ok(super::collections::comparers::comparer_object(
            crate::collections::Comparer::Deep,
            &Ty::JTOKEN,
        ))
    }),
    m("void AddAnnotation(object annotation)", "Adds a note.", |cx, a| {
        let annotation = a.some(1, "annotation")?;
        cx.charge(2 * SLOT_COST)?;
        let id = a.this_json()?;
        cx.state.annotations.push((id, annotation));
        Ok(Value::Null)
    }),
    m("T Annotation<T>() where T : class", "The first note of a type, or null.", |cx, a| {
        let mut found = annotations(cx, a)?.into_iter();
        Ok(found.next().unwrap_or_else(|| default_value(a.ty(0))))
    }),
    m("IEnumerable<T> Annotations<T>() where T : class", "The notes of a type.", |cx, a| {
        let found = annotations(cx, a)?;
        cx.lazy(a.ty(0).clone(), Source::Items(found))
    }),
    m("void RemoveAnnotations<T>() where T : class", "Takes the notes of a type away.", |cx, a| {
        let (id, ty) = (a.this_json()?, a.ty(0).clone());
        let all = std::mem::take(&mut cx.state.annotations);
        let stays = |(token, note): &(JsonId, Value)| *token != id || !cx.is_instance(note, &ty);
        let kept = all.into_iter().filter(stays).collect();
        cx.state.annotations = kept;
        Ok(Value::Null)
    }),
    m(
        "JEnumerable<T> Children<T>() where T : JToken",
        "The tokens it holds of a type.",
        |cx, a| {
            let ids = cx.state.json.children(a.this_json()?, &mut cx.state.budget)?;
            let ty = a.ty(0).clone();
            let all = ids.into_iter().map(Value::Json);
            let items = all.filter(|value| cx.is_instance(value, &ty)).collect();
            let found = cx.lazy(ty.clone(), Source::Items(items))?;
            cx.sequence(Ty::generic(TypeId::JEnumerable, [ty]), Source::View(found))
        },
    ),
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
        let (parent, slot) = cx.state.json.place_in_parent(a.this_json()?)?;
        container::insert_content(cx, parent, slot + 1, &a.value(1)).map(|()| Value::Null)
    }),
    m("void AddBeforeSelf(object content)", "Puts a token before it.", |cx, a| {
        let (parent, slot) = cx.state.json.place_in_parent(a.this_json()?)?;
        container::insert_content(cx, parent, slot, &a.value(1)).map(|()| Value::Null)
    }),
];

fn one(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    let no_match = if a.bool(2) { NoMatch::Error } else { NoMatch::Null };
    let state = &mut *cx.state;
    if let Some(Path(path)) = a.get(1).as_native() {
        return state.json.select_token(id, path, no_match, &mut state.budget).map(token);
    }
    let path = JsonPath::parse(&a.str(1, "expression")?, &mut state.budget)?;
    state.json.select_token(id, &path, no_match, &mut state.budget).map(token)
}

pub(super) const TOKEN: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JToken",
    kind: Kind::Class,
    bases: &["IJEnumerable<JToken>"],
    docs: "A token of a JSON tree.",
    members: &joined::<{ TOKENS.len() + CONVERSIONS.len() }>(TOKENS, CONVERSIONS),
    refused: &[
        refused("static JToken Parse(string json, JsonLoadSettings settings)", NO_SETTINGS),
        refused("CreateReader", NO_READERS),
        refused("WriteTo", NO_READERS),
        refused("WriteToAsync", NO_READERS),
        refused("Load", NO_READERS),
        refused("LoadAsync", NO_READERS),
        refused("ReadFrom", NO_READERS),
        refused("ReadFromAsync", NO_READERS),
        refused(
            "static JToken FromObject(object o, JsonSerializer jsonSerializer)",
            NO_SERIALIZERS,
        ),
        refused("T ToObject<T>(JsonSerializer jsonSerializer)", NO_SERIALIZERS),
        refused("object ToObject(Type objectType)", NO_TYPES),
        refused("object ToObject(Type objectType, JsonSerializer jsonSerializer)", NO_TYPES),
        refused("object Annotation(Type type)", NO_TYPES),
        refused("IEnumerable<object> Annotations(Type type)", NO_TYPES),
        refused("void RemoveAnnotations(Type type)", NO_TYPES),
    ],
};
