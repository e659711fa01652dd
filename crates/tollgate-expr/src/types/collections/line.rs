//! `Queue<T>` and `Stack<T>`: items in a line, of which the first is taken. New ones come in at the end of a queue and at
//! the start of a stack.

use std::collections::VecDeque;

use super::super::decl::{Kind, TypeDecl, m, refused};
use super::super::object::required;
use super::super::{Ty, TypeId};
use super::{Run, bad_part, clear, contains, count};
use crate::eval::{Args, Cx, default_value};
use crate::state::{Object, SLOT_COST, Shared, confusion};
use crate::{Exception, ExceptionKind, Value};

/// A queue or stack of items in the order they came.
pub(in crate::types) fn new_line(
    cx: &mut Cx<'_>,
    id: TypeId,
    item: &Ty,
    mut items: Vec<Value>,
) -> Run {
    if id == TypeId::Stack {
        items.reverse();
    }
    cx.state.add(Object::Line { id, item: item.clone(), items: items.into(), version: 0 })
}

/// Of items, or of a capacity, which changes nothing.
fn new(cx: &mut Cx<'_>, a: &Args<'_>, id: TypeId, of_items: bool) -> Run {
    let items = if of_items {
        let items = required(a, 0, "collection")?;
        cx.collect(&items)?
    } else {
        check_capacity(a)?;
        Vec::new()
    };
    new_line(cx, id, a.ty(0), items)
}

fn check_capacity(a: &Args<'_>) -> Result<(), Exception> {
    if a.long(0) >= 0 {
        return Ok(());
    }
    let message = format!(
        "Non-negative number required. (Parameter 'capacity')\nActual value was {}.",
        a.long(0)
    );
    Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message))
}

fn read<'c>(cx: &'c Cx<'_>, a: &Args<'_>) -> Result<(TypeId, &'c VecDeque<Value>), Exception> {
    match cx.object_of(a.get(0)) {
        Some(Object::Line { id, items, .. }) => Ok((*id, items)),
        _ => Err(confusion()),
    }
}

fn edit<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut VecDeque<Value>, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Line { items, version, .. }) => {
            *version = version.wrapping_add(1);
            Ok(items)
        }
        _ => Err(confusion()),
    }
}

fn put(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    cx.charge(SLOT_COST)?;
    let (id, _) = read(cx, a)?;
    let items = edit(cx, a)?;
    if id == TypeId::Stack {
        items.push_front(a.value(1));
    } else {
        items.push_back(a.value(1));
    }
    Ok(Value::Null)
}

/// The first item; taken out when `take`.
fn first(cx: &mut Cx<'_>, a: &Args<'_>, take: bool) -> Result<Option<Value>, Exception> {
    let item = read(cx, a)?.1.front().cloned();
    if take && item.is_some() {
        edit(cx, a)?.pop_front();
    }
    Ok(item)
}

fn first_of(cx: &mut Cx<'_>, a: &Args<'_>, take: bool) -> Run {
    if let Some(item) = first(cx, a, take)? {
        return Ok(item);
    }
    let empty = if read(cx, a)?.0 == TypeId::Stack { "Stack empty." } else { "Queue empty." };
    Err(Exception::new(ExceptionKind::InvalidOperation, empty))
}

fn try_first(cx: &mut Cx<'_>, a: &mut Args<'_>, take: bool) -> Run {
    let item = first(cx, a, take)?;
    let found = item.is_some();
    let item = item.unwrap_or_else(|| default_value(a.ty(0)));
    a.set(1, item);
    Ok(Value::Bool(found))
}

fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let target = required(a, 1, "array")?;
    let items = cx.collect(&a.value(0))?;
    let room = super::length(cx, &target)?;
    let Some(start) = usize::try_from(a.long(2)).ok().filter(|start| *start <= room) else {
        let number = a.long(2);
        let message = format!(
            "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'arrayIndex')\nActual value was {number}."
        );
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    };
    if room - start < items.len() {
        return Err(bad_part());
    }
    super::array::store_from(cx, &target, a.long(2), items)
}

macro_rules! line {
    ($id:ident, $docs:literal, $put:literal, $take:literal) => {
        TypeDecl {
            name: concat!("System.Collections.Generic.", stringify!($id), "<T>"),
            kind: Kind::Class,
            bases: &["IReadOnlyCollection<T>"],
            docs: $docs,
            members: &[
                m("new()", "Empty.", |cx, a| new_line(cx, TypeId::$id, a.ty(0), Vec::new())),
                m("new(int capacity)", "Empty.", |cx, a| new(cx, a, TypeId::$id, false)),
                m("new(IEnumerable<T> collection)", "Of items.", |cx, a| {
                    new(cx, a, TypeId::$id, true)
                }),
                m("int Count", "How many items there are.", count),
                m(concat!("void ", $put, "(T item)"), "Adds an item.", put),
                m(concat!("T ", $take, "()"), "Takes an item out.", |cx, a| first_of(cx, a, true)),
                m("T Peek()", "The item that is next.", |cx, a| first_of(cx, a, false)),
                m(
                    concat!("bool Try", $take, "(out T result)"),
                    "Takes an item out, if there is one.",
                    |cx, a| try_first(cx, a, true),
                ),
                m("bool TryPeek(out T result)", "The item that is next, if any.", |cx, a| {
                    try_first(cx, a, false)
                }),
                m("bool Contains(T item)", "Whether an item is there.", contains),
                m("void Clear()", "Takes all items out.", clear),
                m("T[] ToArray()", "An array of the items, the next one first.", |cx, a| {
                    let items = cx.collect(&a.value(0))?;
                    cx.state.array_or_shared(Shared::Array, a.ty(0).clone(), items)
                }),
                m(
                    "void CopyTo(T[] array, int arrayIndex)",
                    "Copies the items to an array.",
                    copy_to,
                ),
                m("void TrimExcess()", "Lets the capacity fit.", |_, _| Ok(Value::Null)),
                m(
                    "IEnumerator<T> GetEnumerator()",
                    "A walk over the items.",
                    super::enumerator::start,
                ),
            ],
            refused: &[refused("Enumerator", "`GetEnumerator()` gives an `IEnumerator<T>`")],
        }
    };
}

pub(in crate::types) const QUEUE: TypeDecl =
    line!(Queue, "First in, first out.", "Enqueue", "Dequeue");

pub(in crate::types) const STACK: TypeDecl = line!(Stack, "Last in, first out.", "Push", "Pop");
