//! `XText` and `XCData`.

use super::super::decl::{Kind, TypeDecl, m, rw};
use super::{Run, some_id, this};
use crate::Value;
use crate::eval::{Args, Cx};

/// The text of a text or comment.
pub(super) fn value(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    Ok(cx.state.xml.value(this(a)?).cloned().map_or(Value::Null, Value::Str))
}

/// Sets the text of a text or comment.
pub(super) fn set_value(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let text = a.str(1, "value")?;
    cx.state.xml.set_value(this(a)?, text);
    Ok(a.value(1))
}

/// A copy of a node.
pub(super) fn copy(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = some_id(a, 0, "other")?;
    cx.state.xml.copy(other, &mut cx.state.budget).map(Value::Xml)
}

pub(in crate::types) const TEXT: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XText",
    kind: Kind::Class,
    bases: &["XNode"],
    docs: "Text.",
    members: &[
        m("new(string value)", "Of a string.", |cx, a| {
            let text = a.str(0, "value")?;
            cx.state.xml.text_node(text, &mut cx.state.budget).map(Value::Xml)
        }),
        m("new(XText other)", "A copy.", copy),
        rw("string Value", "The text.", value, set_value),
    ],
    refused: &[],
};

pub(in crate::types) const CDATA: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XCData",
    kind: Kind::Class,
    bases: &["XText"],
    docs: "Text in a CDATA section.",
    members: &[
        m("new(string value)", "Of a string.", |cx, a| {
            let text = a.str(0, "value")?;
            cx.state.xml.cdata(text, &mut cx.state.budget).map(Value::Xml)
        }),
        m("new(XCData other)", "A copy.", copy),
    ],
    refused: &[],
};
