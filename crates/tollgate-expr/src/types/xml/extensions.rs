//! `System.Xml.Linq.Extensions`: operations on sequences of nodes.

use super::super::Ty;
use super::super::decl::{Kind, TypeDecl, m};
use super::{Run, walk};
use crate::eval::{Args, Cx, Source};
use crate::xml::{Axis, XmlId};
use crate::{Exception, ExceptionKind, Value};

fn ids(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<XmlId>, Exception> {
    let items = cx.collect(a.get(0))?;
    Ok(items
        .into_iter()
        .filter_map(|item| match item {
            Value::Xml(id) => Some(id),
            _ => None,
        })
        .collect())
}

fn remove(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    for id in ids(cx, a)? {
        cx.state.xml.remove(id)?;
    }
    Ok(Value::Null)
}

fn in_order(cx: &mut Cx<'_>, a: &Args<'_>, item: Ty) -> Run {
    let mut ids = ids(cx, a)?;
    let mut failed = None;
    let state = &mut *cx.state;
    ids.sort_by(|left, right| {
        if failed.is_some() {
            return std::cmp::Ordering::Equal;
        }
        state.xml.order(*left, *right, &mut state.budget).unwrap_or_else(|exception| {
            failed = Some(exception);
            std::cmp::Ordering::Equal
        })
    });
    match failed {
        Some(exception) if exception.is_bound() => return Err(exception),
        // So .NET's sort says that a comparison threw.
        Some(exception) => {
            let message = "Failed to compare two elements in the array.";
            return Err(
                Exception::new(ExceptionKind::InvalidOperation, message).with_inner(exception)
            );
        }
        None => {}
    }
    let items = ids.into_iter().map(Value::Xml).collect();
    cx.lazy(item, Source::Items(items))
}

/// The nodes of an axis of all items: `of` a type, or `below` it.
macro_rules! axis {
    ($item:literal, $name:literal, of $of:literal, $axis:ident, $docs:literal) => {
        axis!(@ $item, $name, "", $of, "", $axis, $docs)
    };
    ($item:literal, $name:literal, below $of:literal, $axis:ident, $docs:literal) => {
        axis!(@ $item, $name, "<T>", "T", concat!(" where T : ", $of), $axis, $docs)
    };
    (@ $item:literal, $name:literal, $types:literal, $of:literal, $bound:expr, $axis:ident, $docs:literal) => {
        m(
            concat!("static IEnumerable<", $item, "> ", $name, $types, "(this IEnumerable<", $of, "> source)", $bound),
            $docs,
            |cx, a| walk::all_of(cx, a, Axis::$axis),
        )
    };
}

/// Those of an axis that have a name.
macro_rules! named {
    ($item:literal, $name:literal, of $of:literal, $axis:ident) => {
        named!(@ $item, $name, "", $of, "", $axis)
    };
    ($item:literal, $name:literal, below $of:literal, $axis:ident) => {
        named!(@ $item, $name, "<T>", "T", concat!(" where T : ", $of), $axis)
    };
    (@ $item:literal, $name:literal, $types:literal, $of:literal, $bound:expr, $axis:ident) => {
        m(
            concat!("static IEnumerable<", $item, "> ", $name, $types, "(this IEnumerable<", $of, "> source, XName name)", $bound),
            "Those with a name.",
            |cx, a| walk::named_of(cx, a, Axis::$axis),
        )
    };
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.Extensions",
    kind: Kind::Static,
    bases: &[],
    docs: "Operations on sequences of nodes and attributes.",
    members: &[
        axis!("XAttribute", "Attributes", of "XElement", Attributes, "The attributes of all."),
        named!("XAttribute", "Attributes", of "XElement", Attributes),
        axis!("XElement", "Ancestors", below "XNode", Ancestors, "The elements that all are in."),
        named!("XElement", "Ancestors", below "XNode", Ancestors),
        axis!("XElement", "AncestorsAndSelf", of "XElement", AncestorsAndSelf, "All, and the elements they are in."),
        named!("XElement", "AncestorsAndSelf", of "XElement", AncestorsAndSelf),
        axis!("XNode", "Nodes", below "XContainer", Nodes, "The nodes in all."),
        axis!("XNode", "DescendantNodes", below "XContainer", DescendantNodes, "The nodes below all."),
        axis!("XElement", "Descendants", below "XContainer", Descendants, "The elements below all."),
        named!("XElement", "Descendants", below "XContainer", Descendants),
        axis!("XNode", "DescendantNodesAndSelf", of "XElement", DescendantNodesAndSelf, "All, and the nodes below them."),
        axis!("XElement", "DescendantsAndSelf", of "XElement", DescendantsAndSelf, "All, and the elements below them."),
        named!("XElement", "DescendantsAndSelf", of "XElement", DescendantsAndSelf),
        axis!("XElement", "Elements", below "XContainer", Elements, "The elements in all."),
        named!("XElement", "Elements", below "XContainer", Elements),
        m(
            "static IEnumerable<T> InDocumentOrder<T>(this IEnumerable<T> source) where T : XNode",
            "All, by their place.",
            |cx, a| in_order(cx, a, a.ty(0).clone()),
        ),
        m("static void Remove(this IEnumerable<XAttribute> source)", "Takes all out.", |cx, a| {
            remove(cx, a)
        }),
        m(
            "static void Remove<T>(this IEnumerable<T> source) where T : XNode",
            "Takes all out.",
            |cx, a| remove(cx, a),
        ),
    ],
    refused: &[],
};
