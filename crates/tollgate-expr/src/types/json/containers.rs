//! Tokens that hold others: objects, arrays, properties.

use std::sync::Arc;

use super::super::collections::index_int;
use super::super::decl::{Kind, TypeDecl, m, rw};
use super::super::{Ty, TypeId};
use super::{Run, index, set_index, to_token, token, tokens};
use crate::eval::{Args, Cx, Source, null_argument, scalar_of};
use crate::json::{DateParse, JsonId, MergeSettings};
use crate::{Exception, Value};

/// Adds content to a container: a token, a value, or a sequence of them.
fn add_content(cx: &mut Cx<'_>, container: JsonId, content: &Value) -> Result<(), Exception> {
    let sequence = match content {
        Value::Object(_) => true,
        Value::Null | Value::Json(_) | Value::Str(_) => false,
        other => scalar_of(other).is_none(),
    };
    if !sequence {
        let id = to_token(cx, content)?;
        return cx.state.json.add(container, id, &mut cx.state.budget);
    }
    for item in cx.collect(content)? {
        cx.state.budget.enter()?;
        let added = add_content(cx, container, &item);
        cx.state.budget.leave();
        added?;
    }
    Ok(())
}

/// Adds what a `params object[]` holds.
pub(super) fn add_all(
    cx: &mut Cx<'_>,
    container: JsonId,
    contents: &Value,
) -> Result<(), Exception> {
    if let Value::Null = contents {
        cx.state.json.add(container, None, &mut cx.state.budget)
    } else if let Value::Object(id) = contents {
        // What is being added cannot change the array it comes from.
        let mut next = 0;
        while let Some(content) = cx.state.item(*id, next).cloned() {
            add_content(cx, container, &content)?;
            next += 1;
        }
        Ok(())
    } else {
        for content in cx.collect(contents)? {
            add_content(cx, container, &content)?;
        }
        Ok(())
    }
}

pub(in crate::types) const CONTAINER: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JContainer",
    kind: Kind::Class,
    bases: &["JToken"],
    docs: "A token that holds others.",
    members: &[
        m("int Count", "How many tokens it holds.", |cx, a| {
            Ok(Value::Int(index_int(cx.state.json.count(a.this_json()?))))
        }),
        m("void Add(object content)", "Adds a token.", |cx, a| {
            let id = a.this_json()?;
            add_content(cx, id, &a.value(1)).map(|()| Value::Null)
        }),
        m("void AddFirst(object content)", "Adds a token at the start.", |cx, a| {
            let content = to_token(cx, &a.value(1))?;
            cx.state
                .json
                .add_first(a.this_json()?, content, &mut cx.state.budget)
                .map(|()| Value::Null)
        }),
        walk!("IEnumerable<JToken> Descendants()", "All tokens below it.", descendants),
        m("IEnumerable<JToken> DescendantsAndSelf()", "It and all tokens below it.", |cx, a| {
            let id = a.this_json()?;
            let mut ids = cx.state.json.descendants(id, &mut cx.state.budget)?;
            ids.insert(0, id);
            tokens(cx, Ty::JTOKEN, ids)
        }),
        m("void Merge(object content)", "Takes in what another tree holds.", |cx, a| {
            let content = to_token(cx, &a.value(1))?;
            cx.state
                .json
                .merge(a.this_json()?, content, MergeSettings::default(), &mut cx.state.budget)
                .map(|()| Value::Null)
        }),
        m("void RemoveAll()", "Takes all tokens out.", |cx, a| {
            cx.state.json.remove_all(a.this_json()?, &mut cx.state.budget).map(|()| Value::Null)
        }),
        m("void ReplaceAll(object content)", "Puts other tokens in.", |cx, a| {
            let id = a.this_json()?;
            cx.state.json.remove_all(id, &mut cx.state.budget)?;
            add_content(cx, id, &a.value(1)).map(|()| Value::Null)
        }),
    ],
    refused: &[],
};

/// Pairs of the names and values of an object, for `foreach`.
pub(crate) fn json_pairs(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let id = a.this_json()?;
    let ty = Ty::generic(TypeId::KeyValuePair, [Ty::STRING, Ty::JTOKEN]);
    let names = cx.state.json.property_names(id, &mut cx.state.budget)?;
    let pair = |name: &Arc<str>| {
        let value = token(cx.state.json.get(id, name));
        Value::pair(ty.clone(), Value::Str(name.clone()), value)
    };
    let items: Vec<Value> = names.iter().map(pair).collect();
    cx.charge(items.len() * 2 * crate::state::SLOT_COST)?;
    cx.lazy(ty, Source::Items(items))
}

fn parse_object(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let text = a.str(0, "s")?;
    cx.step(text.len() as u64 / 16)?;
    cx.state.json.parse_object(&text, DateParse::DateTime, &mut cx.state.budget).map(Value::Json)
}

fn get_value(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = a.this_json()?;
    let Some(name) = a.opt_str(1) else { return Ok(Value::Null) };
    let any_case = matches!(a.get(2), Value::Enum(_, number) if number % 2 == 1);
    if any_case {
        let property = cx.state.json.property_any_case(id, name, &mut cx.state.budget)?;
        return Ok(token(property.and_then(|property| cx.state.json.property_value(property))));
    }
    Ok(token(cx.state.json.get(id, name)))
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
            add_all(cx, id, &a.value(0))?;
            Ok(Value::Json(id))
        }),
        m("static JObject Parse(string json)", "Reads a JSON object.", |cx, a| parse_object(cx, a)),
        m("static JObject FromObject(object o)", "A tree of a value.", |cx, a| {
            super::super::json_convert::to_object_tree(cx, a)
        }),
        rw(
            "JToken this[string propertyName]",
            "The value of a property, or null.",
            |cx, a| index(cx, a),
            set_index,
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
            let ids = ids.into_iter().filter_map(|id| cx.state.json.property_value(id)).collect();
            tokens(cx, Ty::JTOKEN, ids)
        }),
        m("int Count", "How many properties it has.", |cx, a| {
            Ok(Value::Int(index_int(cx.state.json.count(a.this_json()?))))
        }),
    ],
    refused: &[],
};

pub(in crate::types) const ARRAY: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JArray",
    kind: Kind::Class,
    bases: &["JContainer", "IList<JToken>"],
    docs: "A JSON array.",
    members: &[
        m("new()", "Empty.", |cx, _| cx.state.json.array(&mut cx.state.budget).map(Value::Json)),
        m("new(JArray other)", "A copy.", |cx, a| {
            let other = a.json(0).ok_or_else(|| null_argument("other"))?;
            cx.state.json.deep_clone(other, &mut cx.state.budget).map(Value::Json)
        }),
        m("new(params object[] content)", "Of tokens.", |cx, a| {
            let id = cx.state.json.array(&mut cx.state.budget)?;
            add_all(cx, id, &a.value(0))?;
            Ok(Value::Json(id))
        }),
        m("new(object content)", "Of tokens.", |cx, a| {
            let id = cx.state.json.array(&mut cx.state.budget)?;
            add_content(cx, id, &a.value(0))?;
            Ok(Value::Json(id))
        }),
        m("static JArray Parse(string json)", "Reads a JSON array.", |cx, a| {
            let text = a.str(0, "s")?;
            cx.step(text.len() as u64 / 16)?;
            cx.state
                .json
                .parse_array(&text, DateParse::DateTime, &mut cx.state.budget)
                .map(Value::Json)
        }),
        m("static JArray FromObject(object o)", "A tree of a value.", |cx, a| {
            super::super::json_convert::to_array_tree(cx, a)
        }),
        rw("JToken this[int index]", "An item.", |cx, a| index(cx, a), set_index),
        rw("JToken this[object key]", "An item.", |cx, a| index(cx, a), set_index),
        m("int Count", "How many items it has.", |cx, a| {
            Ok(Value::Int(index_int(cx.state.json.count(a.this_json()?))))
        }),
        m("void Add(JToken item)", "Adds an item.", |cx, a| {
            let item = a.json(1);
            cx.state.json.add(a.this_json()?, item, &mut cx.state.budget).map(|()| Value::Null)
        }),
        m("void Insert(int index, JToken item)", "Puts an item in.", |cx, a| {
            let item = a.json(2);
            cx.state
                .json
                .insert(a.this_json()?, a.int(1), item, &mut cx.state.budget)
                .map(|()| Value::Null)
        }),
        m("void RemoveAt(int index)", "Takes an item out.", |cx, a| {
            cx.state
                .json
                .remove_at(a.this_json()?, a.int(1), &mut cx.state.budget)
                .map(|()| Value::Null)
        }),
        m("bool Remove(JToken item)", "Takes an item out; whether it was there.", |cx, a| {
            let item = a.json(1);
            cx.state.json.remove_item(a.this_json()?, item, &mut cx.state.budget).map(Value::Bool)
        }),
        m("int IndexOf(JToken item)", "The index of an item, or -1.", |cx, a| {
            let item = a.json(1);
            cx.state.json.index_of(a.this_json()?, item, &mut cx.state.budget).map(Value::Int)
        }),
        m("bool Contains(JToken item)", "Whether an item is there.", |cx, a| {
            let item = a.json(1);
            let found = cx.state.json.index_of(a.this_json()?, item, &mut cx.state.budget)?;
            Ok(Value::Bool(found >= 0))
        }),
        m("void Clear()", "Takes all items out.", |cx, a| {
            cx.state.json.remove_all(a.this_json()?, &mut cx.state.budget).map(|()| Value::Null)
        }),
    ],
    refused: &[],
};

fn new_property(cx: &mut Cx<'_>, a: &Args<'_>, content: &Value) -> Run {
    let name = a.str(0, "name")?;
    let value = content_value(cx, content)?;
    cx.state.json.property(name, value, &mut cx.state.budget).map(Value::Json)
}

/// The one token of a property: a sequence becomes an array.
fn content_value(cx: &mut Cx<'_>, content: &Value) -> Result<Option<JsonId>, Exception> {
    if let Value::Object(_) = content {
        let id = cx.state.json.array(&mut cx.state.budget)?;
        add_content(cx, id, content)?;
        return Ok(Some(id));
    }
    to_token(cx, content)
}

pub(in crate::types) const PROPERTY: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JProperty",
    kind: Kind::Class,
    bases: &["JContainer"],
    docs: "A property of a JSON object.",
    members: &[
        m("new(string name, object content)", "Of a name and a value.", |cx, a| {
            let content = a.value(1);
            new_property(cx, a, &content)
        }),
        m(
            "new(string name, params object[] content)",
            "Of a name and the items of an array.",
            |cx, a| {
                let contents = cx.collect(&a.value(1))?;
                if let [only] = contents.as_slice() {
                    new_property(cx, a, only)
                } else {
                    let id = cx.state.json.array(&mut cx.state.budget)?;
                    add_all(cx, id, &a.value(1))?;
                    new_property(cx, a, &Value::Json(id))
                }
            },
        ),
        m("string Name", "Its name.", |cx, a| {
            Ok(cx.state.json.name(a.this_json()?).cloned().map_or(Value::Null, Value::Str))
        }),
        rw(
            "JToken Value",
            "Its value.",
            |cx, a| Ok(token(cx.state.json.property_value(a.this_json()?))),
            |cx, a| {
                let value = a.json(1);
                cx.state.json.set_property_value(a.this_json()?, value, &mut cx.state.budget)?;
                Ok(a.value(1))
            },
        ),
    ],
    refused: &[],
};
