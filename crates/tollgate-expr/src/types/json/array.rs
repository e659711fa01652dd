//! `JArray`.

use super::super::collections::index_int;
use super::super::decl::{Kind, TypeDecl, m, refused, rw};
use super::container::add_content;
use super::{NO_READERS, NO_SERIALIZERS, NO_SETTINGS, Run, index, parsed, set_index};
use crate::eval::{Cx, null_argument};
use crate::json::{JsonHeap, JsonId};
use crate::{Exception, ExceptionKind, Value};

pub(in crate::types) const ARRAY: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JArray",
    kind: Kind::Class,
    bases: &["JContainer"],
    docs: "A JSON array.",
    members: &[
        m("new()", "Empty.", |cx, _| cx.state.json.array(&mut cx.state.budget).map(Value::Json)),
        m("new(JArray other)", "A copy.", |cx, a| {
            let other = a.json(0).ok_or_else(|| null_argument("other"))?;
            cx.state.json.deep_clone(other, &mut cx.state.budget).map(Value::Json)
        }),
        m("new(params object[] content)", "Of tokens.", |cx, a| {
            let id = cx.state.json.array(&mut cx.state.budget)?;
            add_content(cx, id, &a.value(0))?;
            Ok(Value::Json(id))
        }),
        m("new(object content)", "Of tokens.", |cx, a| {
            let id = cx.state.json.array(&mut cx.state.budget)?;
            add_content(cx, id, &a.value(0))?;
            Ok(Value::Json(id))
        }),
        m("static JArray Parse(string json)", "Reads a JSON array.", |cx, a| {
            parsed(cx, a, JsonHeap::parse_array)
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
        m(
            "IEnumerator<JToken> GetEnumerator()",
            "A walk over the items.",
            super::super::collections::enumerator::start,
        ),
        m("bool IsReadOnly", "Whether it cannot change: it can.", |_, _| Ok(Value::Bool(false))),
        m("void CopyTo(JToken[] array, int arrayIndex)", "Copies the items.", |cx, a| {
            copy_to(cx, a.this_json()?, a.get(1), a.long(2))
        }),
        m("void Clear()", "Takes all items out.", |cx, a| {
            cx.state.json.remove_all(a.this_json()?, &mut cx.state.budget).map(|()| Value::Null)
        }),
    ],
    refused: &[
        refused("static JArray Parse(string json, JsonLoadSettings settings)", NO_SETTINGS),
        refused(
            "static JArray FromObject(object o, JsonSerializer jsonSerializer)",
            NO_SERIALIZERS,
        ),
        refused("Load", NO_READERS),
        refused("LoadAsync", NO_READERS),
    ],
};

/// `CopyTo`, whose messages are Json.NET's own.
pub(in crate::types) fn copy_to(cx: &mut Cx<'_>, id: JsonId, target: &Value, start: i64) -> Run {
    if target.is_null() {
        return Err(null_argument("array"));
    }
    if start < 0 {
        let message = "arrayIndex is less than 0. (Parameter 'arrayIndex')";
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    }
    let room = i64::from(index_int(cx.known_length(target).unwrap_or_default()));
    let outside = |message: &str| Exception::new(ExceptionKind::Argument, message);
    if start >= room && start != 0 {
        return Err(outside("arrayIndex is equal to or greater than the length of array."));
    }
    let ids = cx.state.json.children(id, &mut cx.state.budget)?;
    if i64::from(index_int(ids.len())) > room - start {
        return Err(outside(
            "The number of elements in the source JObject is greater than the available space from arrayIndex to the end of the destination array.",
        ));
    }
    for (place, id) in (start..).zip(ids) {
        cx.array_set(target, place, Value::Json(id))?;
    }
    Ok(Value::Null)
}
