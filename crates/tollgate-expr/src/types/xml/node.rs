//! `XNode`.

use std::cmp::Ordering;

use super::super::decl::{Kind, TypeDecl, m, refused};
use super::{NO_STREAMS, Run, comparers, content, id_at, this, walk, xml};
use crate::eval::{Args, Cx};
use crate::xml::{Axis, SaveOptions, missing_parent};
use crate::{Exception, Value};

/// Two nodes in document order; null comes first.
pub(super) fn order(cx: &mut Cx<'_>, a: &Args<'_>, first: usize) -> Result<Ordering, Exception> {
    match (id_at(a, first), id_at(a, first + 1)) {
        (None, None) => Ok(Ordering::Equal),
        (None, Some(_)) => Ok(Ordering::Less),
        (Some(_), None) => Ok(Ordering::Greater),
        (Some(left), Some(right)) => cx.state.xml.order(left, right, &mut cx.state.budget),
    }
}

/// Whether two nodes and all under them are equal.
pub(super) fn deep_equals(cx: &mut Cx<'_>, a: &Args<'_>, first: usize) -> Run {
    Ok(Value::Bool(match (id_at(a, first), id_at(a, first + 1)) {
        (None, None) => true,
        (Some(left), Some(right)) => cx.state.xml.deep_equals(left, right, &mut cx.state.budget)?,
        _ => false,
    }))
}

fn after(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let parent = cx.state.xml.parent(id).ok_or_else(missing_parent)?;
    content::insert(cx, parent, Some(id), &a.value(1)).map(|()| Value::Null)
}

fn before(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let parent = cx.state.xml.parent(id).ok_or_else(missing_parent)?;
    let previous = cx.state.xml.previous(id);
    content::insert(cx, parent, previous, &a.value(1)).map(|()| Value::Null)
}

fn replace(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let id = this(a)?;
    let parent = cx.state.xml.parent(id).ok_or_else(missing_parent)?;
    let previous = cx.state.xml.previous(id);
    cx.state.xml.remove(id)?;
    content::insert(cx, parent, previous, &a.value(1)).map(|()| Value::Null)
}

/// `Remove()`.
pub(super) fn remove(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    cx.state.xml.remove(this(a)?).map(|()| Value::Null)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XNode",
    kind: Kind::Class,
    bases: &["XObject"],
    docs: "An element, a text, a comment or another node.",
    members: &[
        m("static XNodeDocumentOrderComparer DocumentOrderComparer", "Compares places.", |_, _| {
            Ok(comparers::order())
        }),
        m("static XNodeEqualityComparer EqualityComparer", "Compares content.", |_, _| {
            Ok(comparers::equality())
        }),
        m(
            "static int CompareDocumentOrder(XNode n1, XNode n2)",
            "Which node comes first.",
            |cx, a| Ok(Value::Int(order(cx, a, 0)? as i32)),
        ),
        m("static bool DeepEquals(XNode n1, XNode n2)", "Whether two trees are equal.", |cx, a| {
            deep_equals(cx, a, 0)
        }),
        m("XNode NextNode", "The node after it, or null.", |cx, a| {
            Ok(xml(cx.state.xml.next(this(a)?)))
        }),
        m("XNode PreviousNode", "The node before it, or null.", |cx, a| {
            Ok(xml(cx.state.xml.previous(this(a)?)))
        }),
        m("void AddAfterSelf(object content)", "Adds content after it.", |cx, a| after(cx, a)),
        m("void AddAfterSelf(params object[] content)", "Adds content after it.", |cx, a| {
            after(cx, a)
        }),
        m("void AddBeforeSelf(object content)", "Adds content before it.", |cx, a| before(cx, a)),
        m("void AddBeforeSelf(params object[] content)", "Adds content before it.", |cx, a| {
            before(cx, a)
        }),
        m("void ReplaceWith(object content)", "Puts content in its place.", |cx, a| replace(cx, a)),
        m("void ReplaceWith(params object[] content)", "Puts content in its place.", |cx, a| {
            replace(cx, a)
        }),
        m("void Remove()", "Takes it out.", |cx, a| remove(cx, a)),
        m(
            "IEnumerable<XElement> Ancestors()",
            "The elements it is in, innermost first.",
            |cx, a| walk::all(cx, a, Axis::Ancestors),
        ),
        m("IEnumerable<XElement> Ancestors(XName name)", "Those with a name.", |cx, a| {
            walk::named(cx, a, Axis::Ancestors)
        }),
        m("IEnumerable<XElement> ElementsAfterSelf()", "The elements after it.", |cx, a| {
            walk::all(cx, a, Axis::ElementsAfterSelf)
        }),
        m("IEnumerable<XElement> ElementsAfterSelf(XName name)", "Those with a name.", |cx, a| {
            walk::named(cx, a, Axis::ElementsAfterSelf)
        }),
        m("IEnumerable<XElement> ElementsBeforeSelf()", "The elements before it.", |cx, a| {
            walk::all(cx, a, Axis::ElementsBeforeSelf)
        }),
        m("IEnumerable<XElement> ElementsBeforeSelf(XName name)", "Those with a name.", |cx, a| {
            walk::named(cx, a, Axis::ElementsBeforeSelf)
        }),
        m("IEnumerable<XNode> NodesAfterSelf()", "The nodes after it.", |cx, a| {
            walk::all(cx, a, Axis::NodesAfterSelf)
        }),
        m("IEnumerable<XNode> NodesBeforeSelf()", "The nodes before it.", |cx, a| {
            walk::all(cx, a, Axis::NodesBeforeSelf)
        }),
        m("bool IsAfter(XNode node)", "Whether it comes after a node.", |cx, a| {
            Ok(Value::Bool(order(cx, a, 0)?.is_gt()))
        }),
        m("bool IsBefore(XNode node)", "Whether it comes before a node.", |cx, a| {
            Ok(Value::Bool(order(cx, a, 0)?.is_lt()))
        }),
        m("string ToString()", "Its XML, indented.", super::super::object::to_string),
        m("string ToString(SaveOptions options)", "Its XML.", |cx, a| {
            let (id, options) = (this(a)?, SaveOptions::of(a.int(1)));
            let text = cx.state.xml.to_text(id, options, &mut cx.state.budget)?;
            Ok(Value::from(text))
        }),
    ],
    refused: &[
        refused("CreateReader", NO_STREAMS),
        refused("ReadFrom", NO_STREAMS),
        refused("ReadFromAsync", NO_STREAMS),
        refused("WriteTo", NO_STREAMS),
        refused("WriteToAsync", NO_STREAMS),
    ],
};
