//! `Stack<T>`.

use super::super::decl::{Kind, TypeDecl, m, refused};
use super::super::object::required;
use super::queue::{check_capacity, copy_to};
use super::{Run, clear, contains, count};
use crate::eval::{Args, Cx, default_value};
use crate::state::{Object, SLOT_COST, confusion};
use crate::{Exception, ExceptionKind, Value};

fn new(cx: &mut Cx<'_>, a: &Args<'_>, items: Vec<Value>) -> Run {
    cx.state.add(Object::Stack { item: a.ty(0).clone(), items, version: 0 })
}

fn edit<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Vec<Value>, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Stack { items, version, .. }) => {
            *version = version.wrapping_add(1);
            Ok(items)
        }
        _ => Err(confusion()),
    }
}

fn top(cx: &Cx<'_>, a: &Args<'_>) -> Option<Value> {
    match cx.object_of(a.get(0)) {
        Some(Object::Stack { items, .. }) => items.last().cloned(),
        _ => None,
    }
}

#[cold]
fn empty() -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, "Stack empty.")
}

fn or_default(a: &mut Args<'_>, item: Option<Value>) -> Value {
    let found = item.is_some();
    let item = item.unwrap_or_else(|| default_value(a.ty(0)));
    a.set(1, item);
    Value::Bool(found)
}

pub(in crate::types) const STACK: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.Stack<T>",
    kind: Kind::Class,
    bases: &["IReadOnlyCollection<T>"],
    docs: "Last in, first out.",
    members: &[
        m("new()", "Empty.", |cx, a| new(cx, a, Vec::new())),
        m("new(int capacity)", "Empty.", |cx, a| {
            check_capacity(a)?;
            new(cx, a, Vec::new())
        }),
        m("new(IEnumerable<T> collection)", "Of items.", |cx, a| {
            let items = required(a, 0, "collection")?;
            let items = cx.collect(&items)?;
            new(cx, a, items)
        }),
        m("int Count", "How many items there are.", count),
        m("void Push(T item)", "Adds an item.", |cx, a| {
            cx.charge(SLOT_COST)?;
            edit(cx, a)?.push(a.value(1));
            Ok(Value::Null)
        }),
        m("T Pop()", "Takes the last item out.", |cx, a| edit(cx, a)?.pop().ok_or_else(empty)),
        m("T Peek()", "The last item.", |cx, a| top(cx, a).ok_or_else(empty)),
        m("bool TryPop(out T result)", "Takes the last item out, if any.", |cx, a| {
            let item = if top(cx, a).is_some() { edit(cx, a)?.pop() } else { None };
            Ok(or_default(a, item))
        }),
        m("bool TryPeek(out T result)", "The last item, if any.", |cx, a| {
            let item = top(cx, a);
            Ok(or_default(a, item))
        }),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("void Clear()", "Takes all items out.", clear),
        m("T[] ToArray()", "An array of the items, last in first.", |cx, a| {
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
