//! `XContainer`.

use super::super::decl::{Kind, TypeDecl, m, refused};
use super::{NO_STREAMS, Run, content, name_at, this, walk, xml};
use crate::Value;
use crate::eval::{Args, Cx};
use crate::xml::Axis;

fn add(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    content::add(cx, this(a)?, &a.value(1)).map(|()| Value::Null)
}

fn add_first(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    content::insert(cx, this(a)?, None, &a.value(1)).map(|()| Value::Null)
}

fn replace(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let contents = content::snapshot(cx, &a.value(1))?;
    cx.state.xml.remove_nodes(id, &mut cx.state.budget)?;
    content::add_all(cx, id, &contents).map(|()| Value::Null)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XContainer",
    kind: Kind::Class,
    bases: &["XNode"],
    docs: "A node that holds others: an element or a document.",
    members: &[
        m("XNode FirstNode", "The first node in it, or null.", |cx, a| {
            Ok(xml(cx.state.xml.first_node(this(a)?)))
        }),
        m("XNode LastNode", "The last node in it, or null.", |cx, a| {
            Ok(xml(cx.state.xml.last_node(this(a)?)))
        }),
        m("void Add(object content)", "Adds content at the end.", |cx, a| add(cx, a)),
        m("void Add(params object[] content)", "Adds content at the end.", |cx, a| add(cx, a)),
        m("void AddFirst(object content)", "Adds content at the start.", |cx, a| add_first(cx, a)),
        m("void AddFirst(params object[] content)", "Adds content at the start.", |cx, a| {
            add_first(cx, a)
        }),
        m(
            "XElement Element(XName name)",
            "The first element in it of a name, or null.",
            |cx, a| {
                let id = this(a)?;
                let Some(name) = name_at(a, 1) else { return Ok(Value::Null) };
                cx.state.xml.element_named(id, &name, &mut cx.state.budget).map(xml)
            },
        ),
        m("IEnumerable<XElement> Elements()", "The elements in it.", |cx, a| {
            walk::all(cx, a, Axis::Elements)
        }),
        m("IEnumerable<XElement> Elements(XName name)", "Those with a name.", |cx, a| {
            walk::named(cx, a, Axis::Elements)
        }),
        m("IEnumerable<XElement> Descendants()", "All elements below it.", |cx, a| {
            walk::all(cx, a, Axis::Descendants)
        }),
        m("IEnumerable<XElement> Descendants(XName name)", "Those with a name.", |cx, a| {
            walk::named(cx, a, Axis::Descendants)
        }),
        m("IEnumerable<XNode> DescendantNodes()", "All nodes below it.", |cx, a| {
            walk::all(cx, a, Axis::DescendantNodes)
        }),
        m("IEnumerable<XNode> Nodes()", "The nodes in it.", |cx, a| walk::all(cx, a, Axis::Nodes)),
        m("void RemoveNodes()", "Takes all nodes out.", |cx, a| {
            cx.state.xml.remove_nodes(this(a)?, &mut cx.state.budget).map(|()| Value::Null)
        }),
        m("void ReplaceNodes(object content)", "Puts other nodes in.", |cx, a| replace(cx, a)),
        m("void ReplaceNodes(params object[] content)", "Puts other nodes in.", |cx, a| {
            replace(cx, a)
        }),
    ],
    refused: &[refused("CreateWriter", NO_STREAMS)],
};
