//! `JObject`.

use super::super::collections::{enumerator, index_int};
use super::super::decl::{Kind, TypeDecl, m, refused, rw};
use super::super::{Ty, TypeId};
use super::container::add_content;
use super::{
    NO_EVENTS, NO_READERS, NO_SERIALIZERS, NO_SETTINGS, Run, index, parsed, set_index, token,
    tokens,
};
use crate::eval::{Args, Cx, Source, null_argument};
use crate::json::JsonHeap;
use crate::json::JsonId;
use crate::text::Comparison;
use crate::types::string::{comparison, equal};
use crate::{Exception, Value};

/// Pairs of the names and values of an object.
pub(in crate::types) fn json_pairs(cx: &mut Cx<'_>, object: Value) -> Run {
    let ty = Ty::generic(TypeId::KeyValuePair, [Ty::STRING, Ty::JTOKEN]);
    cx.lazy(ty, Source::Named(object))
}

/// A `JObject` as pairs; any other dictionary is a sequence of them by itself.
pub(crate) fn pairs(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let object = a.value(0);
    if matches!(object, Value::Json(_)) { json_pairs(cx, object) } else { Ok(object) }
}

fn get_value(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    let Some(name) = a.opt_str(1) else { return Ok(Value::Null) };
    if a.len() > 2 && matches!(a.get(2), Value::Enum(..)) {
        let property = property_by(cx, a, id, name)?;
        return Ok(token(property.and_then(|property| cx.state.json.property_value(property))));
    }
    Ok(token(cx.state.json.get(id, name)))
}

/// The property of the very name, or else the first whose name is equal to it in a `StringComparison`.
fn property_by(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    object: JsonId,
    name: &str,
) -> Result<Option<JsonId>, Exception> {
    let exact = cx.state.json.property_named(object, name);
    if exact.is_some() || cx.state.json.count(object) == 0 {
        return Ok(exact);
    }
    match comparison(a, 2)? {
        Comparison::Ordinal { any_case: false } => Ok(None),
        Comparison::Ordinal { any_case: true } => {
            cx.state.json.property_any_case(object, name, &mut cx.state.budget)
        }
        how @ Comparison::Culture { .. } => {
            let properties = cx.state.json.children(object, &mut cx.state.budget)?;
            let is_named = |property: &JsonId| {
                equal(cx.state.json.name(*property).map(|name| &**name), Some(name), how)
            };
            Ok(properties.into_iter().find(is_named))
        }
    }
}

fn try_get_value(cx: &mut Cx<'_>, a: &mut Args<'_>, out: usize) -> Run {
    let found = get_value(cx, a)?;
    let has = !found.is_null();
    a.set(out, found);
    Ok(Value::Bool(has))
}

pub(in crate::types) const OBJECT: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JObject",
    kind: Kind::Class,
    bases: &["JContainer", "IDictionary<string, JToken>"],
    docs: "A JSON object.",
    members: &[
        m("new()", "Empty.", |cx, _| cx.state.json.object(&mut cx.state.budget).map(Value::Json)),
        m("new(JObject other)", "A copy.", |cx, a| {
            let other = a.json(0).ok_or_else(|| null_argument("other"))?;
            cx.state.json.deep_clone(other, &mut cx.state.budget).map(Value::Json)
        }),
        m("new(params object[] content)", "Of properties.", |cx, a| {
            let id = cx.state.json.object(&mut cx.state.budget)?;
            add_content(cx, id, &a.value(0))?;
            Ok(Value::Json(id))
        }),
        m("static JObject Parse(string json)", "Reads a JSON object.", |cx, a| {
            parsed(cx, a, JsonHeap::parse_object)
        }),
        m("static JObject FromObject(object o)", "A tree of a value.", |cx, a| {
            super::super::json_convert::to_object_tree(cx, a)
        }),
        rw(
            "JToken this[string propertyName]",
            "The value of a property, or null.",
            |cx, a| {
                if a.get(1).is_null() {
                    a.this_json()?;
                    return Err(null_argument("propertyName"));
                }
                index(cx, a)
            },
            |cx, a| {
                if a.get(1).is_null() {
                    a.this_json()?;
                    return Err(null_argument("name"));
                }
                set_index(cx, a)
            },
        ),
        rw(
            "JToken this[object key]",
            "The value of a property, or null.",
            |cx, a| index(cx, a),
            set_index,
        ),
        m("void Add(string propertyName, JToken value)", "Adds a property.", |cx, a| {
            let name = if let Value::Str(name) = a.get(1) { Some(name.clone()) } else { None };
            let value = a.json(2);
            cx.state
                .json
                .add_property(a.this_json()?, name, value, &mut cx.state.budget)
                .map(|()| Value::Null)
        }),
        m(
            "bool Remove(string propertyName)",
            "Takes a property out; whether it was there.",
            |cx, a| {
                let state = &mut *cx.state;
                state
                    .json
                    .remove_name(a.this_json()?, a.opt_str(1), &mut state.budget)
                    .map(Value::Bool)
            },
        ),
        m("JProperty Property(string name)", "A property, or null.", |cx, a| {
            let id = a.this_json()?;
            Ok(token(a.opt_str(1).and_then(|name| cx.state.json.property_named(id, name))))
        }),
        m(
            "JProperty Property(string name, StringComparison comparison)",
            "One, or null.",
            |cx, a| {
                let id = a.this_json()?;
                let Some(name) = a.opt_str(1) else { return Ok(Value::Null) };
                property_by(cx, a, id, name).map(token)
            },
        ),
        m("new(object content)", "Of a property, or what a sequence holds.", |cx, a| {
            let id = cx.state.json.object(&mut cx.state.budget)?;
            add_content(cx, id, &a.value(0))?;
            Ok(Value::Json(id))
        }),
        m(
            "IEnumerator<KeyValuePair<string, JToken>> GetEnumerator()",
            "A walk over the names and values.",
            |cx, a| {
                let pairs = json_pairs(cx, a.value(0))?;
                let ty = Ty::generic(TypeId::KeyValuePair, [Ty::STRING, Ty::JTOKEN]);
                enumerator::start_as(cx, pairs, ty)
            },
        ),
        m("JToken GetValue(string propertyName)", "The value of a property, or null.", |cx, a| {
            get_value(cx, a)
        }),
        m(
            "JToken GetValue(string propertyName, StringComparison comparison)",
            "The value of a property, or null.",
            |cx, a| get_value(cx, a),
        ),
        m(
            "bool TryGetValue(string propertyName, out JToken value)",
            "The value of a property, if it is there.",
            |cx, a| try_get_value(cx, a, 2),
        ),
        m(
            "bool TryGetValue(string propertyName, StringComparison comparison, out JToken value)",
            "The value of a property, if it is there.",
            |cx, a| try_get_value(cx, a, 3),
        ),
        m("bool ContainsKey(string propertyName)", "Whether a property is there.", |cx, a| {
            let id = a.this_json()?;
            let name = a.str(1, "propertyName")?;
            Ok(Value::Bool(cx.state.json.get(id, &name).is_some()))
        }),
        m("IEnumerable<JProperty> Properties()", "Its properties.", |cx, a| {
            let ids = cx.state.json.children(a.this_json()?, &mut cx.state.budget)?;
            tokens(cx, Ty::Named(TypeId::JProperty), ids)
        }),
        m("JEnumerable<JToken> PropertyValues()", "The values of its properties.", |cx, a| {
            let ids = cx.state.json.children(a.this_json()?, &mut cx.state.budget)?;
            let values = ids.into_iter().filter_map(|id| cx.state.json.property_value(id));
            let values = values.map(Value::Json).collect();
            super::rows(cx, Ty::JTOKEN, values)
        }),
        m("int Count", "How many properties it has.", |cx, a| {
            Ok(Value::Int(index_int(cx.state.json.count(a.this_json()?))))
        }),
    ],
    refused: &[
        refused("static JObject Parse(string json, JsonLoadSettings settings)", NO_SETTINGS),
        refused(
            "static JObject FromObject(object o, JsonSerializer jsonSerializer)",
            NO_SERIALIZERS,
        ),
        refused("Load", NO_READERS),
        refused("LoadAsync", NO_READERS),
        refused("PropertyChanged", NO_EVENTS),
        refused("PropertyChanging", NO_EVENTS),
    ],
};
