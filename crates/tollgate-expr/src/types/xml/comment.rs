//! `XComment`.

use super::super::decl::{Kind, TypeDecl, m, rw};
use super::text::{copy, set_value, value};
use crate::Value;

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XComment",
    kind: Kind::Class,
    bases: &["XNode"],
    docs: "A comment.",
    members: &[
        m("new(string value)", "Of a string.", |cx, a| {
            let text = a.str(0, "value")?;
            cx.state.xml.comment(text, &mut cx.state.budget).map(Value::Xml)
        }),
        m("new(XComment other)", "A copy.", copy),
        rw("string Value", "The text.", value, set_value),
    ],
    refused: &[],
};
