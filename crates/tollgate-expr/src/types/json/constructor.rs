//! `JConstructor`.

use super::super::decl::{Kind, TypeDecl, m, refused, rw};
use super::container::add_content;
use super::{NO_READERS, Run, bad_key, token};
use crate::eval::{Args, Cx, null_argument};
use crate::json::JsonId;
use crate::{Exception, ExceptionKind, Value};

/// The index of an argument.
fn place(cx: &Cx<'_>, a: &Args<'_>, id: JsonId, verb: &str) -> Result<i32, Exception> {
    if a.get(1).is_null() {
        return Err(null_argument("key"));
    }
    match a.get(1) {
        Value::Int(place) => Ok(*place),
        other => Err(bad_key(cx, id, other, verb)),
    }
}

fn get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let id = a.this_json()?;
    let place = place(cx, a, id, "Accessed")?;
    let found = usize::try_from(place).ok().and_then(|place| cx.state.json.child(id, place));
    found.map(|id| token(Some(id))).ok_or_else(|| {
        let message = "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')";
        Exception::new(ExceptionKind::ArgumentOutOfRange, message)
    })
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let id = a.this_json()?;
    let place = place(cx, a, id, "Set")?;
    let value = a.json(2);
    cx.state.json.set_number(id, place, value, &mut cx.state.budget)?;
    Ok(a.value(2))
}

pub(in crate::types) const CONSTRUCTOR: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JConstructor",
    kind: Kind::Class,
    bases: &["JContainer"],
    docs: "A JavaScript constructor.",
    members: &[
        m("new()", "Without a name.", |cx, _| {
            cx.state.json.unnamed_constructor(&mut cx.state.budget).map(Value::Json)
        }),
        m("new(JConstructor other)", "A copy.", |cx, a| {
            let other = a.json(0).ok_or_else(|| null_argument("other"))?;
            cx.state.json.deep_clone(other, &mut cx.state.budget).map(Value::Json)
        }),
        m("new(string name)", "Of a name.", |cx, a| {
            let name = a.str(0, "name")?;
            cx.state.json.constructor(name, &mut cx.state.budget).map(Value::Json)
        }),
        m("new(string name, object content)", "Of a name and an argument.", |cx, a| {
            let id = cx.state.json.constructor(a.str(0, "name")?, &mut cx.state.budget)?;
            add_content(cx, id, &a.value(1))?;
            Ok(Value::Json(id))
        }),
        m("new(string name, params object[] content)", "Of a name and arguments.", |cx, a| {
            let id = cx.state.json.constructor(a.str(0, "name")?, &mut cx.state.budget)?;
            add_content(cx, id, &a.value(1))?;
            Ok(Value::Json(id))
        }),
        rw(
            "string Name",
            "Its name.",
            |cx, a| Ok(cx.state.json.name(a.this_json()?).cloned().map_or(Value::Null, Value::Str)),
            |cx, a| {
                let name = if let Value::Str(name) = a.get(1) { Some(name.clone()) } else { None };
                cx.state.json.rename(a.this_json()?, name);
                Ok(a.value(1))
            },
        ),
        rw("JToken this[object key]", "An argument.", get, set),
    ],
    refused: &[refused("Load", NO_READERS), refused("LoadAsync", NO_READERS)],
};
