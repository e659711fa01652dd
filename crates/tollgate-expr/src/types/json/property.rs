//! `JProperty`.

use super::super::decl::{Kind, TypeDecl, m, refused, rw};
use super::container::{add_content, is_many};
use super::{NO_READERS, Run, to_token, token};
use crate::eval::{Args, Cx, null_argument};
use crate::json::JsonId;
use crate::{Exception, Value};

fn new_property(cx: &mut Cx<'_>, a: &Args<'_>, content: &Value) -> Run {
    let name = a.str(0, "name")?;
    let value = content_value(cx, content)?;
    cx.state.json.property(name, value, &mut cx.state.budget).map(Value::Json)
}

/// The one token of a property: a sequence becomes an array.
pub(crate) fn content_value(cx: &mut Cx<'_>, content: &Value) -> Result<Option<JsonId>, Exception> {
    if is_many(cx, content) {
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
        m("new(JProperty other)", "A copy.", |cx, a| {
            let other = a.json(0).ok_or_else(|| null_argument("other"))?;
            cx.state.json.deep_clone(other, &mut cx.state.budget).map(Value::Json)
        }),
        m("new(string name, object content)", "Of a name and a value.", |cx, a| {
            let content = a.value(1);
            new_property(cx, a, &content)
        }),
        m(
            "new(string name, params object[] content)",
            "Of a name and the items of an array.",
            |cx, a| {
                let content = a.value(1);
                new_property(cx, a, &content)
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
    refused: &[refused("Load", NO_READERS), refused("LoadAsync", NO_READERS)],
};
