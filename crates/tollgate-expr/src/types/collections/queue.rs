//! `Queue<T>`.

use std::collections::VecDeque;

use super::super::decl::{Kind, TypeDecl, m, refused};
use super::super::object::required;
use super::{Run, clear, contains, count};
use crate::eval::{Args, Cx, default_value};
use crate::state::{Object, SLOT_COST, confusion};
use crate::{Exception, ExceptionKind, Value};

fn new(cx: &mut Cx<'_>, a: &Args<'_>, items: VecDeque<Value>) -> Run {
    cx.state.add(Object::Queue { item: a.ty(0).clone(), items, version: 0 })
}

fn edit<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut VecDeque<Value>, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Queue { items, version, .. }) => {
            *version = version.wrapping_add(1);
            Ok(items)
        }
        _ => Err(confusion()),
    }
}

fn first(cx: &Cx<'_>, a: &Args<'_>) -> Option<Value> {
    match cx.object_of(a.get(0)) {
        Some(Object::Queue { items, .. }) => items.front().cloned(),
        _ => None,
    }
}

#[cold]
fn empty() -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, "Queue empty.")
}

fn or_default(a: &mut Args<'_>, item: Option<Value>) -> Value {
    let found = item.is_some();
    let item = item.unwrap_or_else(|| default_value(a.ty(0)));
    a.set(1, item);
    Value::Bool(found)
}

/// `CopyTo` of queues and stacks.
pub(super) fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>, name: &str) -> Run {
    let target = required(a, 1, "array")?;
    let items = cx.collect(&a.value(0))?;
    let room = super::length(cx, &target)?;
    let start = usize::try_from(a.long(2)).ok().filter(|start| *start <= room);
    let Some(start) = start else {
        let number = a.long(2);
        let message = format!(
            "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter '{name}')\nActual value was {number}."
        );
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
    };
    if room - start < items.len() {
        let message = "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    super::array::store_from(cx, &target, a.long(2), items)
}

pub(in crate::types) const QUEUE: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.Queue<T>",
    kind: Kind::Class,
    bases: &["IReadOnlyCollection<T>"],
    docs: "First in, first out.",
    members: &[
        m("new()", "Empty.", |cx, a| new(cx, a, VecDeque::new())),
        m("new(int capacity)", "Empty.", |cx, a| {
            check_capacity(a)?;
            new(cx, a, VecDeque::new())
        }),
        m("new(IEnumerable<T> collection)", "Of items.", |cx, a| {
            let items = required(a, 0, "collection")?;
            let items = cx.collect(&items)?.into();
            new(cx, a, items)
        }),
        m("int Count", "How many items there are.", count),
        m("void Enqueue(T item)", "Adds an item.", |cx, a| {
            cx.charge(SLOT_COST)?;
            edit(cx, a)?.push_back(a.value(1));
            Ok(Value::Null)
        }),
        m("T Dequeue()", "Takes the first item out.", |cx, a| {
            edit(cx, a)?.pop_front().ok_or_else(empty)
        }),
        m("T Peek()", "The first item.", |cx, a| first(cx, a).ok_or_else(empty)),
        m("bool TryDequeue(out T result)", "Takes the first item out, if any.", |cx, a| {
            let item = if first(cx, a).is_some() { edit(cx, a)?.pop_front() } else { None };
            Ok(or_default(a, item))
        }),
        m("bool TryPeek(out T result)", "The first item, if any.", |cx, a| {
            let item = first(cx, a);
            Ok(or_default(a, item))
        }),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("void Clear()", "Takes all items out.", clear),
        m("T[] ToArray()", "An array of the items.", |cx, a| {
            let items = cx.collect(&a.value(0))?;
            cx.state.array(a.ty(0).clone(), items)
        }),
        m("void CopyTo(T[] array, int arrayIndex)", "Copies the items to an array.", |cx, a| {
            copy_to(cx, a, "arrayIndex")
        }),
        m("void TrimExcess()", "Lets the capacity fit.", |_, _| Ok(Value::Null)),
        m("IEnumerator<T> GetEnumerator()", "A walk over the items.", super::enumerator::start),
    ],
    refused: &[refused("Enumerator", "`GetEnumerator()` gives an `IEnumerator<T>`")],
};

/// The `capacity` of a stack or queue.
pub(super) fn check_capacity(a: &Args<'_>) -> Result<(), Exception> {
    if a.long(0) >= 0 {
        return Ok(());
    }
    let message = format!(
        "Non-negative number required. (Parameter 'capacity')\nActual value was {}.",
        a.long(0)
    );
    Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message))
}
