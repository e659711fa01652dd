//! JSON as values of C# types, as Json.NET's serializer reads it.
//!
//! It reads a tree, not the text: messages say the path of what is wrong and not its line.

use super::collections::{dictionary, hash_set};
use super::{Ty, TypeId};
use crate::collections::Comparer;
use crate::eval::{Cx, default_value, primitive_type, primitive_value};
use crate::json::{JsonId, JsonType, Primitive, PrimitiveType, Scalar};
use crate::state::SLOT_COST;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// Where the JSON comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Text,
    Tree,
}

/// Whether a type holds times with an offset, so that dates in text are read by it alone.
pub(super) fn reads_dates(ty: &Ty) -> bool {
    ty.strip_nullable().is(TypeId::DateTimeOffset) || ty.args().iter().any(reads_dates)
}

/// A token as a value of a type, all it holds included.
pub(super) fn read(cx: &mut Cx<'_>, id: JsonId, ty: &Ty, from: From) -> Run {
    cx.step(1)?;
    if let Ty::Named(tree) = ty
        && super::xml::is_tree(*tree)
    {
        return super::xml::from_json(cx, id, *tree);
    }
    let kind = cx.state.json.token_type(id);
    let value = Value::Json(id);
    let own = cx.state.type_of(&value);
    if ty.is(TypeId::JToken)
        || own == *ty
        || ty.is(TypeId::JContainer) && own != Ty::Named(TypeId::JValue)
    {
        return Ok(value);
    }
    if *ty == Ty::OBJECT {
        return Ok(super::json::value_in(cx, id).unwrap_or(value));
    }
    if matches!(kind, JsonType::Null | JsonType::Undefined) && ty.takes_null() {
        return Ok(Value::Null);
    }
    if let Ty::Named(tree) = ty
        && super::xml::is_tree(*tree)
    {
        return super::xml::from_json(cx, id, *tree);
    }
    if super::is_assignable(ty, &Ty::JTOKEN) {
        return cx.cast(value, ty);
    }
    if ty.strip_nullable().is_enum() {
        return enumeration(cx, id, ty.strip_nullable());
    }
    if let Some((primitive, nullable)) = primitive_type(ty) {
        return leaf(cx, id, ty, (primitive, nullable), from);
    }
    cx.state.budget.enter()?;
    let made = whole(cx, id, kind, ty, from);
    cx.state.budget.leave();
    made
}

fn path(cx: &mut Cx<'_>, id: JsonId) -> Result<String, Exception> {
    cx.state.json.path(id, &mut cx.state.budget)
}

/// `JsonSerializationException`: a value that is none of the type.
fn bad_value(cx: &mut Cx<'_>, id: JsonId, ty: &Ty, cause: Option<Exception>) -> Exception {
    let shown = match cx.state.json.scalar(id) {
        Some(Scalar::Str(text)) => format!("\"{text}\""),
        Some(Scalar::Null | Scalar::Undefined) => "{null}".to_owned(),
        _ => match cx.text(&Value::Json(id)) {
            Ok(text) => text.unwrap_or_default().to_string(),
            Err(exception) => return exception,
        },
    };
    let path = match path(cx, id) {
        Ok(path) => path,
        Err(exception) => return exception,
    };
    let ty = ty.full_name();
    let message = format!("Error converting value {shown} to type '{ty}'. Path '{path}'.");
    let exception = Exception::new(ExceptionKind::JsonSerialization, message);
    match cause {
        Some(cause) => exception.with_inner(cause),
        None => exception,
    }
}

/// `JsonSerializationException`: an object where the type wants an array, and its like.
fn bad_shape(cx: &mut Cx<'_>, id: JsonId, ty: &Ty) -> Exception {
    const ARRAY: &str = "JSON array (e.g. [1,2,3])";
    const OBJECT: &str = "JSON object (e.g. {\"name\":\"value\"})";
    const VALUE: &str = "JSON primitive value (e.g. string, number, boolean, null)";
    let path = match path(cx, id) {
        Ok(path) => path,
        Err(exception) => return exception,
    };
    let wanted = if primitive_type(ty).is_some() || ty.is_enum() {
        VALUE
    } else if is_map(ty) || ty.item().is_none() {
        OBJECT
    } else {
        ARRAY
    };
    let (found, advice) = if cx.state.json.is_object(id) {
        (
            OBJECT,
            "so that it is a normal .NET type (e.g. not a primitive type like integer, not a collection type like an array or List<T>) that can be deserialized from a JSON object. JsonObjectAttribute can also be added to the type to force it to deserialize from a JSON object.",
        )
    } else {
        (
            ARRAY,
            "to an array or a type that implements a collection interface (e.g. ICollection, IList) like List<T> that can be deserialized from a JSON array. JsonArrayAttribute can also be added to the type to force it to deserialize from a JSON array.",
        )
    };
    let ty = ty.full_name();
    let message = format!(
        "Cannot deserialize the current {found} into type '{ty}' because the type requires a {wanted} to deserialize correctly.\nTo fix this error either change the JSON to a {wanted} or change the deserialized type {advice}\nPath '{path}'."
    );
    Exception::new(ExceptionKind::JsonSerialization, message)
}

/// What the readers of single types call what they read; none for types that are converted.
fn reader_name(primitive: PrimitiveType) -> Option<&'static str> {
    Some(match primitive {
        PrimitiveType::Int32 => "integer",
        PrimitiveType::Double => "double",
        PrimitiveType::Decimal => "decimal",
        PrimitiveType::Bool => "boolean",
        PrimitiveType::DateTime => "DateTime",
        PrimitiveType::DateTimeOffset => "DateTimeOffset",
        PrimitiveType::Str => "string",
        PrimitiveType::Bytes => "bytes",
        _ => return None,
    })
}

/// A value of a built-in type.
fn leaf(
    cx: &mut Cx<'_>,
    id: JsonId,
    ty: &Ty,
    (primitive, nullable): (PrimitiveType, bool),
    from: From,
) -> Run {
    let kind = cx.state.json.token_type(id);
    if kind == JsonType::Null {
        return Err(bad_value(cx, id, ty, None));
    }
    if primitive == PrimitiveType::Bytes && kind == JsonType::Array {
        let mut items = Vec::new();
        for child in cx.state.json.children(id, &mut cx.state.budget)? {
            items.push(read(cx, child, &Ty::BYTE, from)?);
        }
        return cx.state.array(Ty::BYTE, items);
    }
    let name = reader_name(primitive);
    if cx.state.json.is_container(id) {
        return Err(match name {
            None => bad_shape(cx, id, ty),
            Some(name) => {
                let found = if kind == JsonType::Array { "StartArray" } else { "StartObject" };
                unexpected(cx, id, name, found)
            }
        });
    }
    if let (Some(Scalar::Bool(value)), PrimitiveType::Str, From::Text) =
        (cx.state.json.scalar(id), primitive, from)
    {
        return Ok(Value::from(if *value { "true" } else { "false" }));
    }
    let fraction = matches!(cx.state.json.scalar(id), Some(Scalar::Double(_) | Scalar::Decimal(_)));
    let boolean = kind == JsonType::Boolean;
    let number = matches!(kind, JsonType::Integer | JsonType::Float);
    let mismatch = match primitive {
        PrimitiveType::Int32 => boolean || fraction && from == From::Text,
        PrimitiveType::Double | PrimitiveType::Decimal => boolean,
        PrimitiveType::DateTime | PrimitiveType::DateTimeOffset => boolean || number,
        _ => false,
    };
    if mismatch && let Some(name) = name {
        let found = kind.name();
        return Err(unexpected(cx, id, name, found));
    }
    // A reader takes relative URIs, too; a cast does not.
    let uri = match cx.state.json.scalar(id) {
        Some(Scalar::Str(text)) if primitive == PrimitiveType::Uri => Some(text.clone()),
        _ => None,
    };
    let cast = match uri {
        Some(text) => Ok(Primitive::Uri(text)),
        None => cx.state.json.cast(Some(id), primitive, nullable, &mut cx.state.budget),
    };
    cast.map(primitive_value).map_err(|cause| {
        if cause.is_bound() {
            return cause;
        }
        match name {
            Some(name) => unreadable(cx, id, name, cause),
            None => bad_value(cx, id, ty, Some(cause)),
        }
    })
}

/// `JsonReaderException`: a token that a reader does not take.
fn unexpected(cx: &mut Cx<'_>, id: JsonId, name: &str, found: &str) -> Exception {
    match path(cx, id) {
        Err(exception) => exception,
        Ok(path) => {
            let message =
                format!("Error reading {name}. Unexpected token: {found}. Path '{path}'.");
            Exception::new(ExceptionKind::JsonReader, message)
        }
    }
}

/// `JsonReaderException`: text or a number that a reader cannot convert.
fn unreadable(cx: &mut Cx<'_>, id: JsonId, name: &str, cause: Exception) -> Exception {
    let shown = match cx.text(&Value::Json(id)) {
        Ok(text) => text.unwrap_or_default(),
        Err(exception) => return exception,
    };
    let path = match path(cx, id) {
        Ok(path) => path,
        Err(exception) => return exception,
    };
    let text = matches!(cx.state.json.scalar(id), Some(Scalar::Str(_)));
    let message = if text {
        format!("Could not convert string to {name}: {shown}. Path '{path}'.")
    } else if name == "integer" {
        format!("JSON integer {shown} is too large or small for an Int32. Path '{path}'.")
    } else {
        format!("Could not convert to {name}: {shown}. Path '{path}'.")
    };
    Exception::new(ExceptionKind::JsonReader, message).with_inner(cause)
}

/// A constant of an enumeration, by name or number.
pub(super) fn enumeration(cx: &mut Cx<'_>, id: JsonId, ty: &Ty) -> Run {
    let Some(enumeration) = ty.id() else { return Err(bad_shape(cx, id, ty)) };
    let number = match cx.state.json.scalar(id) {
        Some(Scalar::Int(number)) => i32::try_from(*number).ok(),
        Some(Scalar::Str(text)) => constant(enumeration, text),
        Some(_) => None,
        None => return Err(bad_shape(cx, id, ty)),
    };
    match number {
        Some(number) => Ok(Value::Enum(enumeration, number)),
        None => Err(bad_value(cx, id, ty, None)),
    }
}

/// The number of a constant's name, of several joined by commas, or of digits.
pub(super) fn constant(enumeration: TypeId, text: &str) -> Option<i32> {
    if let Ok(number) = text.trim().parse() {
        return Some(number);
    }
    let constants = super::info(enumeration).constants();
    let mut all = 0;
    for name in text.split(',') {
        let name = name.trim();
        let exact = constants.iter().find(|(known, _)| *known == name);
        let any_case = || constants.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        all |= exact.or_else(any_case)?.1;
    }
    Some(all)
}

fn is_map(ty: &Ty) -> bool {
    matches!(
        ty,
        Ty::Generic(TypeId::Dictionary | TypeId::IDictionary | TypeId::IReadOnlyDictionary, _)
    )
}

/// A collection, or an object with members.
fn whole(cx: &mut Cx<'_>, id: JsonId, kind: JsonType, ty: &Ty, from: From) -> Run {
    if !matches!(kind, JsonType::Object | JsonType::Array) {
        return Err(bad_value(cx, id, ty, None));
    }
    if is_map(ty) {
        if kind != JsonType::Object {
            return Err(bad_shape(cx, id, ty));
        }
        return map(cx, id, ty, from);
    }
    if let Ty::Generic(id_of, args) = ty
        && let Some(names) = member_names(*id_of, args.len())
    {
        if kind != JsonType::Object {
            return Err(bad_shape(cx, id, ty));
        }
        return members(cx, id, ty, &names, from);
    }
    let Some(item) = ty.item() else { return Err(bad_shape(cx, id, ty)) };
    if kind != JsonType::Array {
        return Err(bad_shape(cx, id, ty));
    }
    let mut items = Vec::new();
    for child in cx.state.json.children(id, &mut cx.state.budget)? {
        cx.charge(SLOT_COST)?;
        items.push(read(cx, child, &item, from)?);
    }
    match ty {
        Ty::Array(_) => cx.state.array(item, items),
        Ty::Generic(TypeId::HashSet | TypeId::ISet, _) => {
            hash_set::new_set(cx, &item, items, Comparer::Exact)
        }
        Ty::Generic(id @ (TypeId::Queue | TypeId::Stack), _) => {
            super::collections::line::new_line(cx, *id, &item, items)
        }
        Ty::Generic(TypeId::IReadOnlyList | TypeId::IReadOnlyCollection, _) => {
            cx.state.list(item, items)
        }
        _ => cx.state.list(item, items),
    }
}

fn map(cx: &mut Cx<'_>, id: JsonId, ty: &Ty, from: From) -> Run {
    let (key, value) = (ty.args().first().cloned(), ty.args().get(1).cloned());
    let (key, value) = (key.unwrap_or(Ty::STRING), value.unwrap_or(Ty::OBJECT));
    let made = dictionary::empty(cx, &key, &value, Comparer::Exact)?;
    for property in cx.state.json.children(id, &mut cx.state.budget)? {
        let (Some(name), Some(child)) =
            (cx.state.json.name(property).cloned(), cx.state.json.property_value(property))
        else {
            continue;
        };
        let own = if key == Ty::STRING || key == Ty::OBJECT {
            Value::Str(name)
        } else {
            map_key(cx, child, &name, &key)?
        };
        let child = read(cx, child, &value, from)?;
        dictionary::put(cx, &made, own, child)?;
    }
    Ok(made)
}

/// The name of a property as a key of a type.
fn map_key(cx: &mut Cx<'_>, at: JsonId, name: &std::sync::Arc<str>, key: &Ty) -> Run {
    let text = cx.state.json.value(Scalar::Str(name.clone()), &mut cx.state.budget)?;
    let made = if key.is_enum() {
        enumeration(cx, text, key)
    } else if let Some((primitive, nullable)) = primitive_type(key) {
        let cast = cx.state.json.cast(Some(text), primitive, nullable, &mut cx.state.budget);
        cast.map(primitive_value)
    } else {
        Err(Exception::null_reference())
    };
    let path = path(cx, at)?;
    made.map_err(|cause| {
        if cause.is_bound() {
            return cause;
        }
        let ty = key.full_name();
        let message = format!(
            "Could not convert string '{name}' to dictionary key type '{ty}'. Create a TypeConverter to convert from the string to the key type object. Path '{path}'."
        );
        Exception::new(ExceptionKind::JsonSerialization, message).with_inner(cause)
    })
}

/// The members of pairs and tuples, in order.
fn member_names(id: TypeId, n: usize) -> Option<Vec<String>> {
    match id {
        TypeId::KeyValuePair => Some(vec!["Key".to_owned(), "Value".to_owned()]),
        TypeId::Tuple1
        | TypeId::Tuple2
        | TypeId::Tuple3
        | TypeId::Tuple4
        | TypeId::Tuple5
        | TypeId::Tuple6
        | TypeId::Tuple7 => Some((1..=n).map(|number| format!("Item{number}")).collect()),
        _ => None,
    }
}

fn members(cx: &mut Cx<'_>, id: JsonId, ty: &Ty, names: &[String], from: From) -> Run {
    let mut values = Vec::new();
    for (name, ty) in names.iter().zip(ty.args()) {
        let found = match cx.state.json.property_named(id, name) {
            Some(found) => Some(found),
            None => cx.state.json.property_any_case(id, name, &mut cx.state.budget)?,
        };
        values.push(match found.and_then(|found| cx.state.json.property_value(found)) {
            Some(child) => read(cx, child, ty, from)?,
            None => default_value(ty),
        });
    }
    cx.charge(values.len().saturating_mul(SLOT_COST))?;
    Ok(Value::record(ty.clone(), values))
}
