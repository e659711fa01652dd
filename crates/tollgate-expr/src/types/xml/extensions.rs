//! `System.Xml.Linq.Extensions`: operations on sequences of nodes.

use super::super::Ty;
use super::super::decl::{Kind, TypeDecl, m};
use super::{Run, walk};
use crate::eval::{Args, Cx, Source};
use crate::xml::{Axis, XmlId};
use crate::{Exception, Value};

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
    if let Some(exception) = failed {
        return Err(exception);
    }
    let items = ids.into_iter().map(Value::Xml).collect();
    cx.lazy(item, Source::Items(items))
}

macro_rules! axis {
    ($item:literal, $name:literal, $of:literal, $axis:ident, $docs:literal) => {
        m(
            concat!(
                "static IEnumerable<",
                $item,
                "> ",
                $name,
                "(this IEnumerable<",
                $of,
                "> source)"
            ),
            $docs,
            |cx, a| walk::all_of(cx, a, Axis::$axis),
        )
    };
}

macro_rules! named {
    ($item:literal, $name:literal, $of:literal, $axis:ident, $docs:literal) => {
        m(
            concat!(
                "static IEnumerable<",
                $item,
                "> ",
                $name,
                "(this IEnumerable<",
                $of,
                "> source, XName name)"
            ),
            $docs,
            |cx, a| walk::named_of(cx, a, Axis::$axis),
        )
    };
}

/// Over items of any type below `$of`.
macro_rules! axis_below {
    ($item:literal, $name:literal, $of:literal, $axis:ident, $docs:literal) => {
        m(
            concat!(
                "static IEnumerable<",
                $item,
                "> ",
                $name,
                "<T>(this IEnumerable<T> source) where T : ",
                $of
            ),
            $docs,
            |cx, a| walk::all_of(cx, a, Axis::$axis),
        )
    };
}

macro_rules! named_below {
    ($item:literal, $name:literal, $of:literal, $axis:ident, $docs:literal) => {
        m(
            concat!(
                "static IEnumerable<",
                $item,
                "> ",
                $name,
                "<T>(this IEnumerable<T> source, XName name) where T : ",
                $of
            ),
            $docs,
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
        axis!("XAttribute", "Attributes", "XElement", Attributes, "The attributes of all."),
        named!("XAttribute", "Attributes", "XElement", Attributes, "Those with a name."),
        axis_below!("XElement", "Ancestors", "XNode", Ancestors, "The elements that all are in."),
        named_below!("XElement", "Ancestors", "XNode", Ancestors, "Those with a name."),
        axis!(
            "XElement",
            "AncestorsAndSelf",
            "XElement",
            AncestorsAndSelf,
            "All, and the elements they are in."
        ),
        named!("XElement", "AncestorsAndSelf", "XElement", AncestorsAndSelf, "Those with a name."),
        axis_below!("XNode", "Nodes", "XContainer", Nodes, "The nodes in all."),
        axis_below!(
            "XNode",
            "DescendantNodes",
            "XContainer",
            DescendantNodes,
            "The nodes below all."
        ),
        axis_below!(
            "XElement",
            "Descendants",
            "XContainer",
            Descendants,
            "The elements below all."
        ),
        named_below!("XElement", "Descendants", "XContainer", Descendants, "Those with a name."),
        axis!(
            "XNode",
            "DescendantNodesAndSelf",
            "XElement",
            DescendantNodesAndSelf,
            "All, and the nodes below them."
        ),
        axis!(
            "XElement",
            "DescendantsAndSelf",
            "XElement",
            DescendantsAndSelf,
            "All, and the elements below them."
        ),
        named!(
            "XElement",
            "DescendantsAndSelf",
            "XElement",
            DescendantsAndSelf,
            "Those with a name."
        ),
        axis_below!("XElement", "Elements", "XContainer", Elements, "The elements in all."),
        named_below!("XElement", "Elements", "XContainer", Elements, "Those with a name."),
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
