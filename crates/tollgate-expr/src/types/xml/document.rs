//! `XDocument`.

use super::super::decl::{Kind, TypeDecl, m, not_allowed, refused, rw};
use super::{NO_STREAMS, Run, content, parse, some_id, this, xml};
use crate::Value;
use crate::eval::{Args, Cx};
use crate::xml::XmlKind;

fn new(cx: &mut Cx<'_>, declaration: Value, contents: &Value) -> Run {
    let id = cx.state.xml.document(&mut cx.state.budget)?;
    cx.state.xml.set_declaration(id, declaration);
    content::add(cx, id, contents)?;
    Ok(Value::Xml(id))
}

fn copy(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let other = some_id(a, 0, "other")?;
    let id = cx.state.xml.copy(other, &mut cx.state.budget)?;
    let declaration = cx.state.xml.declaration(other);
    let declaration = super::declaration::copy(cx, &declaration)?;
    cx.state.xml.set_declaration(id, declaration);
    Ok(Value::Xml(id))
}

fn first(cx: &mut Cx<'_>, a: &Args<'_>, kind: XmlKind) -> Run {
    cx.state.xml.first_of(this(a)?, kind, &mut cx.state.budget).map(xml)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XDocument",
    kind: Kind::Class,
    bases: &["XContainer"],
    docs: "An XML document.",
    members: &[
        m("new()", "Empty.", |cx, _| new(cx, Value::Null, &Value::Null)),
        m("new(params object[] content)", "Of content.", |cx, a| new(cx, Value::Null, &a.value(0))),
        m("new(XDeclaration declaration, params object[] content)", "Of content.", |cx, a| {
            new(cx, a.value(0), &a.value(1))
        }),
        m("new(XDocument other)", "A copy.", |cx, a| copy(cx, a)),
        m("static XDocument Parse(string text)", "Reads a document.", |cx, a| {
            parse::document(cx, a)
        }),
        m(
            "static XDocument Parse(string text, LoadOptions options)",
            "Reads a document.",
            |cx, a| parse::document(cx, a),
        ),
        rw(
            "XDeclaration Declaration",
            "What `<?xml …?>` says, or null.",
            |cx, a| Ok(cx.state.xml.declaration(this(a)?)),
            |cx, a| {
                cx.state.xml.set_declaration(this(a)?, a.value(1));
                Ok(a.value(1))
            },
        ),
        m("XDocumentType DocumentType", "The document type, or null.", |cx, a| {
            first(cx, a, XmlKind::DocumentType)
        }),
        m("XElement Root", "The root element, or null.", |cx, a| first(cx, a, XmlKind::Element)),
    ],
    refused: &[
        not_allowed("Load", "policies may use `XDocument` without `Load`"),
        not_allowed("LoadAsync", "policies may use `XDocument` without `Load`"),
        refused("Save", NO_STREAMS),
        refused("SaveAsync", NO_STREAMS),
    ],
};
