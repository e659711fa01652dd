//! `JContainer`: tokens that hold others.

use super::super::Ty;
use super::super::collections::index_int;
use super::super::decl::{Kind, TypeDecl, m, refused};
use super::{NO_EVENTS, NO_READERS, to_token, tokens};
use crate::eval::{Cx, scalar_of};
use crate::json::JsonId;
use crate::{Exception, Value};

/// Whether content is a sequence of what is added one by one.
pub(super) fn is_many(cx: &Cx<'_>, content: &Value) -> bool {
    match content {
        Value::Null | Value::Json(_) | Value::Str(_) | Value::Bytes(_) => false,
        Value::Object(_) => cx.state.type_of(content).item().is_some(),
        other => scalar_of(other).is_none() && cx.state.type_of(other).item().is_some(),
    }
}

/// Adds content to a container at a place: a token, a value, or a sequence of them.
pub(crate) fn insert_content(
    cx: &mut Cx<'_>,
    container: JsonId,
    place: usize,
    content: &Value,
) -> Result<(), Exception> {
    if !is_many(cx, content) {
        let id = to_token(cx, content)?;
        return cx.state.json.insert_item(container, place, id, &mut cx.state.budget);
    }
    // Json.NET counts the items it is given, not those that sequences among them give.
    for (item, place) in cx.collect(content)?.iter().zip(place..) {
        cx.state.budget.enter()?;
        let added = insert_content(cx, container, place, item);
        cx.state.budget.leave();
        added?;
    }
    Ok(())
}

/// Adds content to a container at its end.
pub(super) fn add_content(
    cx: &mut Cx<'_>,
    container: JsonId,
    content: &Value,
) -> Result<(), Exception> {
    insert_content(cx, container, cx.state.json.count(container), content)
}

pub(in crate::types) const CONTAINER: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JContainer",
    kind: Kind::Class,
    bases: &["JToken", "IList<JToken>"],
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
            let id = a.this_json()?;
            insert_content(cx, id, 0, &a.value(1)).map(|()| Value::Null)
        }),
        walk!("IEnumerable<JToken> Descendants()", "All tokens below it.", descendants),
        m("IEnumerable<JToken> DescendantsAndSelf()", "It and all tokens below it.", |cx, a| {
            let id = a.this_json()?;
            let mut ids = cx.state.json.descendants(id, &mut cx.state.budget)?;
            ids.insert(0, id);
            tokens(cx, Ty::JTOKEN, ids)
        }),
        m("void Merge(object content)", "Takes in what another tree holds.", |cx, a| {
            // Only containers merge; other content is passed over.
            let content = match a.get(1) {
                Value::Json(id) => Some(*id),
                other => merged(cx, a.this_json()?, &other.clone())?,
            };
            cx.state.json.merge(a.this_json()?, content, &mut cx.state.budget).map(|()| Value::Null)
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
    refused: &[
        refused("void Merge(object content, JsonMergeSettings settings)", super::NO_SETTINGS),
        refused("CreateWriter", NO_READERS),
        refused("CollectionChanged", NO_EVENTS),
        refused("AddingNew", NO_EVENTS),
        refused("ListChanged", NO_EVENTS),
    ],
};

/// What of a value that is no token is merged: the tokens that an array takes from a sequence.
fn merged(cx: &mut Cx<'_>, into: JsonId, content: &Value) -> Result<Option<JsonId>, Exception> {
    let array = cx.state.json.token_type(into) == crate::json::JsonType::Array;
    if !array || !matches!(content, Value::Object(_)) {
        return Ok(None);
    }
    let made = cx.state.json.array(&mut cx.state.budget)?;
    for item in cx.collect(content)? {
        let Value::Json(id) = cx.cast(item, &Ty::JTOKEN)? else { continue };
        cx.state.json.add(made, Some(id), &mut cx.state.budget)?;
    }
    Ok(Some(made))
}
