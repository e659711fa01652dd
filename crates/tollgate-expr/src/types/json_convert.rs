//! `JsonConvert`: any value to JSON and back.

use super::decl::{Kind, TypeDecl, m, not_allowed};
use super::deserialize::from_text;
use super::{Ty, TypeId, info};
use crate::eval::{Args, Cx, scalar_of};
use crate::json::{DateParse, Formatting, JsonId, JsonType, JsonWriter, Scalar};
use crate::xml::write_json;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

const ONLY: &str = "`JsonConvert` allows `SerializeObject` and `DeserializeObject`";

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.JsonConvert",
    kind: Kind::Static,
    bases: &[],
    docs: "Values as JSON and back.",
    members: &[
        m("static string SerializeObject(object value)", "A value as JSON.", |cx, a| {
            let text = write(cx, &a.value(0), Formatting::None)?;
            cx.string(text)
        }),
        m(
            "static string SerializeObject(object value, Formatting formatting)",
            "A value as JSON.",
            |cx, a| {
                let how = if a.int(1) == 1 { Formatting::Indented } else { Formatting::None };
                let text = write(cx, &a.value(0), how)?;
                cx.string(text)
            },
        ),
        m(
            "static object DeserializeObject(string value)",
            "JSON as a tree or a value.",
            |cx, a| {
                let text = a.str(0, "value")?;
                cx.step(text.len() as u64 / 16)?;
                from_text(cx, &text, None)
            },
        ),
        m("static T DeserializeObject<T>(string value)", "JSON as a value of a type.", |cx, a| {
            let (text, ty) = (a.str(0, "value")?, a.ty(0).clone());
            cx.step(text.len() as u64 / 16)?;
            from_text(cx, &text, Some(&ty))
        }),
    ],
    refused: &[
        not_allowed("ToString", ONLY),
        not_allowed("PopulateObject", ONLY),
        not_allowed("DeserializeAnonymousType", ONLY),
        not_allowed("DeserializeXNode", ONLY),
        not_allowed("SerializeXNode", ONLY),
        not_allowed("DeserializeXmlNode", ONLY),
        not_allowed("SerializeXmlNode", ONLY),
        not_allowed("DefaultSettings", ONLY),
        not_allowed("True", ONLY),
        not_allowed("False", ONLY),
        not_allowed("Null", ONLY),
        not_allowed("Undefined", ONLY),
        not_allowed("NaN", ONLY),
        not_allowed("PositiveInfinity", ONLY),
        not_allowed("NegativeInfinity", ONLY),
    ],
};

/// A value as JSON text.
fn write(cx: &mut Cx<'_>, value: &Value, formatting: Formatting) -> Result<String, Exception> {
    let mut writer = JsonWriter::new(formatting);
    write_value(cx, &mut writer, value)?;
    Ok(writer.finish())
}

fn write_value(cx: &mut Cx<'_>, writer: &mut JsonWriter, value: &Value) -> Result<(), Exception> {
    cx.step(1)?;
    if let Value::Json(id) = value {
        return writer.token(&cx.state.json, *id, &mut cx.state.budget);
    }
    if let Value::Xml(id) = value {
        let declaration = cx.state.xml.declaration(*id);
        let declaration = super::xml::declaration_parts(cx.state, &declaration);
        let state = &mut *cx.state;
        return write_json(&state.xml, *id, declaration, writer, &mut state.budget);
    }
    if let Some(scalar) = written_scalar(cx, value) {
        return writer.value(&scalar, &mut cx.state.budget);
    }
    cx.state.budget.enter()?;
    let written = write_object(cx, writer, value);
    cx.state.budget.leave();
    written
}

/// A value as the content of a token, as it is now.
fn written_scalar(cx: &Cx<'_>, value: &Value) -> Option<Scalar> {
    if let Value::Bytes(bytes) = value
        && let Some(now) = cx.state.promoted(bytes)
    {
        return Some(Scalar::Bytes(now.into()));
    }
    scalar_of(value)
}

fn write_object(cx: &mut Cx<'_>, writer: &mut JsonWriter, value: &Value) -> Result<(), Exception> {
    if let Some(members) = members(cx, value)? {
        writer.start_object(&mut cx.state.budget)?;
        for (name, value) in members {
            writer.name(&name, &mut cx.state.budget)?;
            write_value(cx, writer, &value)?;
        }
        return writer.end_object(&mut cx.state.budget);
    }
    writer.start_array(&mut cx.state.budget)?;
    for item in cx.collect(value)? {
        write_value(cx, writer, &item)?;
    }
    writer.end_array(&mut cx.state.budget)
}

/// Whether it is a sequence that is kept as a record.
fn is_group(ty: &Ty) -> bool {
    ty.is(TypeId::IGrouping) || ty.is(TypeId::ILookup)
}

/// The names and values of what becomes a JSON object; none for sequences.
fn members(cx: &mut Cx<'_>, value: &Value) -> Result<Option<Vec<(String, Value)>>, Exception> {
    if let Value::Record(record) = value
        && (record.has_value() || is_group(&record.ty))
    {
        let names: Vec<String> = match &record.ty {
            Ty::Record(shape) if shape.tuple => {
                (1..=record.values.len()).map(|n| format!("Item{n}")).collect()
            }
            Ty::Record(shape) => shape.members.iter().map(|(name, _)| name.to_string()).collect(),
            Ty::Generic(TypeId::KeyValuePair, _) => vec!["Key".to_owned(), "Value".to_owned()],
            Ty::Generic(TypeId::IGrouping | TypeId::ILookup, _) => return Ok(None),
            _ => (1..=record.values.len()).map(|n| format!("Item{n}")).collect(),
        };
        return Ok(Some(names.into_iter().zip(record.values.iter().cloned()).collect()));
    }
    if let Value::Exception(exception) = value {
        let message = Value::from(exception.message());
        let class = Value::from(exception.kind().full_name());
        return Ok(Some(vec![("ClassName".to_owned(), class), ("Message".to_owned(), message)]));
    }
    if let Some(members) = super::xml::json_members(cx.state, value) {
        return Ok(Some(members));
    }
    if let Some(builder) = super::string_builder::numbers(cx, value) {
        return Ok(Some(builder));
    }
    let is_map = cx.state.type_of(value).as_instance_of(TypeId::IReadOnlyDictionary).is_some();
    if !is_map {
        return super::context::members(cx, value);
    }
    let mut members = Vec::new();
    for pair in cx.collect(value)? {
        if let Value::Record(record) = pair
            && let [key, value] = &*record.values
        {
            let name = match key {
                // Dates as in JSON.
                Value::DateTime(_) | Value::DateTimeOffset(_) => {
                    write(cx, key, Formatting::None)?.trim_matches('"').to_owned()
                }
                key => cx.text(key)?.unwrap_or_default().to_string(),
            };
            members.push((name, value.clone()));
        }
    }
    Ok(Some(members))
}

/// A tree of a value.
fn tree(cx: &mut Cx<'_>, value: &Value) -> Result<JsonId, Exception> {
    if value.is_null() {
        return Err(crate::eval::null_argument("o"));
    }
    node(cx, value)
}

/// What a writer of tokens makes of a value.
fn node(cx: &mut Cx<'_>, value: &Value) -> Result<JsonId, Exception> {
    cx.step(1)?;
    if let Value::Json(id) = value {
        return cx.state.json.rewritten(*id, &mut cx.state.budget);
    }
    if let Value::Xml(_) = value {
        let text = write(cx, value, Formatting::None)?;
        return cx.state.json.parse(&text, DateParse::None, &mut cx.state.budget);
    }
    if let Some(scalar) = written_scalar(cx, value) {
        let scalar = match scalar {
            Scalar::Char(text) => Scalar::Str(text),
            Scalar::Small(ty, number) if info(ty).is_enum() => Scalar::Small(TypeId::Int32, number),
            other => other,
        };
        return cx.state.json.value(scalar, &mut cx.state.budget);
    }
    cx.state.budget.enter()?;
    let made = container(cx, value);
    cx.state.budget.leave();
    made
}

fn container(cx: &mut Cx<'_>, value: &Value) -> Result<JsonId, Exception> {
    let Some(members) = members(cx, value)? else {
        let array = cx.state.json.array(&mut cx.state.budget)?;
        for item in cx.collect(value)? {
            let item = node(cx, &item)?;
            cx.state.json.add(array, Some(item), &mut cx.state.budget)?;
        }
        return Ok(array);
    };
    let object = cx.state.json.object(&mut cx.state.budget)?;
    for (name, value) in members {
        let value = node(cx, &value)?;
        let state = &mut *cx.state;
        state.json.set_name(object, Some(name.into()), Some(value), &mut state.budget)?;
    }
    Ok(object)
}

pub(super) fn to_tree(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    tree(cx, a.get(0)).map(Value::Json)
}

fn wanted(cx: &mut Cx<'_>, a: &Args<'_>, kind: JsonType, name: &str) -> Run {
    let id = tree(cx, a.get(0))?;
    let found = cx.state.json.token_type(id);
    if found == kind {
        return Ok(Value::Json(id));
    }
    let message = format!("Object serialized to {}. {name} instance expected.", found.name());
    Err(Exception::new(ExceptionKind::Argument, message))
}

pub(super) fn to_object_tree(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    wanted(cx, a, JsonType::Object, "JObject")
}

pub(super) fn to_array_tree(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    wanted(cx, a, JsonType::Array, "JArray")
}
