//! What is put into elements and documents.

use std::sync::Arc;

use super::super::TypeId;
use crate::eval::{Cx, null_argument};
use crate::xml::{Inserter, XmlId, XmlKind, simple_text};
use crate::{Exception, ExceptionKind, Value};

#[cold]
fn argument(message: &str) -> Exception {
    Exception::new(ExceptionKind::Argument, message)
}

/// Whether the items of a value are content, and not the value itself.
fn is_sequence(cx: &Cx<'_>, value: &Value) -> bool {
    match value {
        Value::Null | Value::Xml(_) | Value::Str(_) => false,
        Value::Json(_) | Value::Bytes(_) => true,
        other => {
            let ty = cx.state.type_of(other);
            ty.item().is_some() || ty.as_instance_of(TypeId::IEnumerable).is_some()
        }
    }
}

/// The text of a value in XML.
pub(super) fn string_value(cx: &mut Cx<'_>, value: &Value) -> Result<Arc<str>, Exception> {
    if let Value::Xml(_) = value {
        return Err(argument("An XObject cannot be used as a value."));
    }
    if let Some(text) = simple_text(value) {
        cx.charge(text.len())?;
        return Ok(text.into());
    }
    cx.text(value)?.ok_or_else(|| argument("The argument cannot be converted to a string."))
}

/// The text of a value that must not be null.
pub(super) fn some_string_value(cx: &mut Cx<'_>, value: &Value) -> Result<Arc<str>, Exception> {
    if value.is_null() {
        return Err(null_argument("value"));
    }
    string_value(cx, value)
}

/// Calls `each` with a value or, when it is a sequence, with its items, whatever their depth.
fn flat(
    cx: &mut Cx<'_>,
    content: &Value,
    each: &mut dyn FnMut(&mut Cx<'_>, &Value) -> Result<(), Exception>,
) -> Result<(), Exception> {
    if content.is_null() {
        return Ok(());
    }
    if !is_sequence(cx, content) {
        return each(cx, content);
    }
    cx.state.budget.enter()?;
    let walked = cx.each(content, &mut |cx, item| {
        cx.step(1)?;
        flat(cx, &item, each).map(|()| true)
    });
    cx.state.budget.leave();
    walked.map(|_| ())
}

/// `Add(content)`.
pub(super) fn add(cx: &mut Cx<'_>, container: XmlId, content: &Value) -> Result<(), Exception> {
    flat(cx, content, &mut |cx, item| {
        if let Value::Xml(id) = item {
            let state = &mut *cx.state;
            return if state.xml.kind(*id) == XmlKind::Attribute {
                state.xml.add_attribute(container, *id, &mut state.budget)
            } else {
                state.xml.add_node(container, *id, &mut state.budget)
            };
        }
        let text = string_value(cx, item)?;
        let state = &mut *cx.state;
        state.xml.add_text(container, &text, &mut state.budget)
    })
}

/// Puts content in after a node, or before all.
pub(super) fn insert(
    cx: &mut Cx<'_>,
    container: XmlId,
    previous: Option<XmlId>,
    content: &Value,
) -> Result<(), Exception> {
    let mut inserter = Inserter::new(container, previous);
    flat(cx, content, &mut |cx, item| {
        if let Value::Xml(id) = item {
            let state = &mut *cx.state;
            if state.xml.kind(*id) == XmlKind::Attribute {
                return Err(argument("An attribute cannot be added to content."));
            }
            return inserter.node(&mut state.xml, *id, &mut state.budget);
        }
        let text = string_value(cx, item)?;
        let state = &mut *cx.state;
        inserter.text(&state.xml, &text, &mut state.budget)
    })?;
    let state = &mut *cx.state;
    inserter.finish(&mut state.xml, &mut state.budget)
}

/// Content read once, before what it may come from is taken out.
pub(super) fn snapshot(cx: &mut Cx<'_>, content: &Value) -> Result<Vec<Value>, Exception> {
    let mut items = Vec::new();
    flat(cx, content, &mut |cx, item| {
        cx.charge(crate::state::SLOT_COST)?;
        items.push(item.clone());
        Ok(())
    })?;
    Ok(items)
}

/// Adds what a snapshot holds.
pub(super) fn add_all(
    cx: &mut Cx<'_>,
    container: XmlId,
    contents: &[Value],
) -> Result<(), Exception> {
    contents.iter().try_for_each(|content| add(cx, container, content))
}
