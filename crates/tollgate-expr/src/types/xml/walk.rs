//! Lazy sequences of nodes and attributes.

use super::super::{Ty, TypeId};
use super::{Run, name_at, this};
use crate::eval::{Args, Cx, Source, null_argument};
use crate::xml::{Axis, Name, Walk, XmlId};
use crate::{Exception, Value};

/// What a sequence walks over, from one node or from each of a sequence.
#[derive(Debug)]
pub(crate) struct XmlSource {
    from: Value,
    axis: Axis,
    name: Option<Name>,
}

type Visit<'v> = &'v mut dyn FnMut(&mut Cx<'_>, Value) -> Result<bool, Exception>;

/// Walks until `visit` says no; whether it came to the end.
pub(crate) fn each(
    cx: &mut Cx<'_>,
    source: &XmlSource,
    visit: Visit<'_>,
) -> Result<bool, Exception> {
    if let Value::Xml(id) = source.from {
        return walk(cx, source, id, visit);
    }
    cx.each(&source.from, &mut |cx, item| match item {
        Value::Xml(id) => walk(cx, source, id, visit),
        _ => Ok(true),
    })
}

fn walk(
    cx: &mut Cx<'_>,
    source: &XmlSource,
    from: XmlId,
    visit: Visit<'_>,
) -> Result<bool, Exception> {
    let mut walk = Walk::new(source.axis, from);
    while let Some(id) = walk.next(&cx.state.xml)? {
        cx.step(1)?;
        let fits = (!walk.of_elements() || cx.state.xml.is_element(id))
            && cx.state.xml.is_named(id, source.name.as_ref());
        if fits && !visit(cx, Value::Xml(id))? {
            return Ok(false);
        }
    }
    Ok(true)
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
