//! Lazy sequences of nodes and attributes.

use super::super::{Ty, TypeId};
use super::{Run, name_at, this};
use crate::Value;
use crate::eval::{Args, Cx, Source, null_argument};
use crate::xml::{Axis, Name, XmlHeap, XmlId};

/// What a sequence walks over, from one node or from each of a sequence.
#[derive(Debug)]
pub(crate) struct XmlSource {
    pub(crate) from: Value,
    pub(crate) axis: Axis,
    name: Option<Name>,
}

impl XmlSource {
    /// Whether a node or attribute of the axis is one that is asked for.
    pub(crate) fn takes(&self, heap: &XmlHeap, id: XmlId) -> bool {
        (!self.axis.is_of_elements() || heap.is_element(id))
            && heap.is_named(id, self.name.as_ref())
    }
}

fn item(axis: Axis) -> Ty {
    Ty::Named(match axis {
        Axis::Attributes => TypeId::XAttribute,
        Axis::Nodes
        | Axis::DescendantNodes
        | Axis::DescendantNodesAndSelf
        | Axis::NodesAfterSelf
        | Axis::NodesBeforeSelf => TypeId::XNode,
        _ => TypeId::XElement,
    })
}

fn sequence(cx: &mut Cx<'_>, from: Value, axis: Axis, name: Option<Name>) -> Run {
    cx.lazy(item(axis), Source::Xml(Box::new(XmlSource { from, axis, name })))
}

/// All of an axis of the receiver.
pub(super) fn all(cx: &mut Cx<'_>, a: &Args<'_>, axis: Axis) -> Run {
    sequence(cx, Value::Xml(this(a)?), axis, None)
}

/// Those of an axis of the receiver that have a name; none when the name is null.
pub(super) fn named(cx: &mut Cx<'_>, a: &Args<'_>, axis: Axis) -> Run {
    let from = Value::Xml(this(a)?);
    match name_at(a, 1) {
        Some(name) => sequence(cx, from, axis, Some(name)),
        None => cx.lazy(item(axis), Source::Items(Vec::new())),
    }
}

/// All of an axis of each node of a sequence.
pub(super) fn all_of(cx: &mut Cx<'_>, a: &Args<'_>, axis: Axis) -> Run {
    if a.get(0).is_null() {
        return Err(null_argument("source"));
    }
    sequence(cx, a.value(0), axis, None)
}

/// Those of an axis of each node of a sequence that have a name; none when the name is null.
pub(super) fn named_of(cx: &mut Cx<'_>, a: &Args<'_>, axis: Axis) -> Run {
    if a.get(0).is_null() {
        return Err(null_argument("source"));
    }
    match name_at(a, 1) {
        Some(name) => sequence(cx, a.value(0), axis, Some(name)),
        None => cx.lazy(item(axis), Source::Items(Vec::new())),
    }
}
