//! `HashSet<T>`.

use super::super::Ty;
use super::super::decl::{Kind, TypeDecl, m, refused};
use super::super::object::required;
use super::comparers::{comparer, comparer_object};
use super::{Run, array, clear, contains, count, index_int, passing, range};
use crate::collections::{Comparer, Key, Set};
use crate::eval::{Args, Cx, default_value};
use crate::state::{Object, SLOT_COST, confusion};
use crate::{Exception, ExceptionKind, Value};

/// A set of items.
pub(in crate::types) fn new_set(
    cx: &mut Cx<'_>,
    item: &Ty,
    items: Vec<Value>,
    how: Comparer,
) -> Run {
    cx.charge(items.len().saturating_mul(3 * SLOT_COST))?;
    let mut set = Set::new(item.clone(), how);
    for item in items {
        let key = cx.key(&item, how)?;
        set.insert(key, item);
    }
    cx.state.add(Object::Set(Box::new(set)))
}

fn sized(cx: &mut Cx<'_>, a: &Args<'_>, how: Comparer) -> Run {
    let Ok(wanted) = usize::try_from(a.long(0)) else {
        return Err(range("Specified argument was out of the range of valid values.", "capacity"));
    };
    let mut set = Set::new(a.ty(0).clone(), how);
    set.ensure_capacity(wanted);
    cx.state.add(Object::Set(Box::new(set)))
}

fn of_items(cx: &mut Cx<'_>, a: &Args<'_>, how: Comparer) -> Run {
    let source = required(a, 0, "collection")?;
    let items = cx.collect(&source)?;
    new_set(cx, a.ty(0), items, how)
}

fn read<'c>(cx: &'c Cx<'_>, a: &Args<'_>) -> Result<&'c Set, Exception> {
    match cx.object_of(a.get(0)) {
        Some(Object::Set(set)) => Ok(set),
        _ => Err(confusion()),
    }
}

fn edit<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Set, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Set(set)) => Ok(set),
        _ => Err(confusion()),
    }
}

fn key(cx: &mut Cx<'_>, a: &Args<'_>, item: &Value) -> Result<Key, Exception> {
    let how = read(cx, a)?.comparer();
    cx.key(item, how)
}

pub(super) fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    cx.charge(3 * SLOT_COST)?;
    let item = a.value(1);
    let key = key(cx, a, &item)?;
    Ok(Value::Bool(edit(cx, a)?.insert(key, item)))
}

pub(super) fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let key = key(cx, a, &a.value(1))?;
    Ok(Value::Bool(edit(cx, a)?.remove(&key)))
}

/// The other sequence, with the keys of its items.
fn others(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<(Key, Value)>, Exception> {
    let other = required(a, 1, "other")?;
    let how = read(cx, a)?.comparer();
    let mut keyed = Vec::new();
    for item in cx.collect(&other)? {
        cx.charge(2 * SLOT_COST)?;
        keyed.push((cx.key(&item, how)?, item));
    }
    Ok(keyed)
}

/// The other sequence as a set that compares as this one does.
fn other_set(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Set, Exception> {
    let mut made = Set::new(Ty::OBJECT, Comparer::Exact);
    for (key, item) in others(cx, a)? {
        made.insert(key, item);
    }
    Ok(made)
}

fn own(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<(Key, Value)>, Exception> {
    let items: Vec<Value> = read(cx, a)?.iter().cloned().collect();
    let how = read(cx, a)?.comparer();
    let mut keyed = Vec::new();
    for item in items {
        cx.step(1)?;
        keyed.push((cx.key(&item, how)?, item));
    }
    Ok(keyed)
}

pub(super) fn union_with(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    for (key, item) in others(cx, a)? {
        cx.charge(SLOT_COST)?;
        edit(cx, a)?.insert(key, item);
    }
    Ok(Value::Null)
}

pub(super) fn intersect(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = other_set(cx, a)?;
    for (key, _) in own(cx, a)? {
        if !other.contains(&key) {
            edit(cx, a)?.remove(&key);
        }
    }
    Ok(Value::Null)
}

pub(super) fn except(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    for (key, _) in others(cx, a)? {
        edit(cx, a)?.remove(&key);
    }
    Ok(Value::Null)
}

pub(super) fn symmetric(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let mut once = Set::new(Ty::OBJECT, Comparer::Exact);
    for (key, item) in others(cx, a)? {
        if once.insert(key.clone(), Value::Null) && !edit(cx, a)?.remove(&key) {
            cx.charge(SLOT_COST)?;
            edit(cx, a)?.insert(key, item);
        }
    }
    Ok(Value::Null)
}

/// Whether all own items are in the other, all of the other in this, and how many the other has.
fn relation(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<(bool, bool, usize, usize), Exception> {
    let other = other_set(cx, a)?;
    let own = own(cx, a)?;
    let common = own.iter().filter(|(key, _)| other.contains(key)).count();
    Ok((common == own.len(), common == other.len(), own.len(), other.len()))
}

pub(super) fn is_subset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    Ok(Value::Bool(relation(cx, a)?.0))
}

pub(super) fn is_superset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    Ok(Value::Bool(relation(cx, a)?.1))
}

pub(super) fn is_proper_subset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (all, _, own, other) = relation(cx, a)?;
    Ok(Value::Bool(all && own < other))
}

pub(super) fn is_proper_superset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (_, all, own, other) = relation(cx, a)?;
    Ok(Value::Bool(all && own > other))
}

pub(super) fn set_equals(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (all, others, ..) = relation(cx, a)?;
    Ok(Value::Bool(all && others))
}

pub(super) fn overlaps(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let others = others(cx, a)?;
    let set = read(cx, a)?;
    Ok(Value::Bool(others.iter().any(|(key, _)| set.contains(key))))
}

fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let target = required(a, 1, "array")?;
    let items: Vec<Value> = read(cx, a)?.iter().cloned().collect();
    let start = if a.len() > 2 { a.long(2) } else { 0 };
    let count = if a.len() > 3 { a.long(3) } else { i64::from(index_int(items.len())) };
    for (number, name) in [(start, "arrayIndex"), (count, "count")] {
        if number < 0 {
            let message = format!(
                "Non-negative number required. (Parameter '{name}')\nActual value was {number}."
            );
            return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
        }
    }
    let room = i64::from(index_int(super::length(cx, &target)?));
    if start > room || count > room - start {
        let message = "Destination array is not long enough to copy all the items in the collection. Check array index and length.";
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    let n = usize::try_from(count).unwrap_or_default();
    array::store_from(cx, &target, start, items.into_iter().take(n).collect())
}

fn remove_where(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let test = required(a, 1, "match")?;
    let items: Vec<Value> = read(cx, a)?.iter().cloned().collect();
    let found = passing(cx, items, &test)?;
    let n = found.len();
    for item in found {
        let key = key(cx, a, &item)?;
        edit(cx, a)?.remove(&key);
    }
    Ok(Value::Int(index_int(n)))
}

fn ensure_capacity(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let Ok(wanted) = usize::try_from(a.long(1)) else {
        return Err(range("Specified argument was out of the range of valid values.", "capacity"));
    };
    Ok(Value::Int(index_int(edit(cx, a)?.ensure_capacity(wanted))))
}

fn try_get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let key = key(cx, a, &a.value(1))?;
    let found = read(cx, a)?.stored(&key).cloned();
    let has = found.is_some();
    let stored = found.unwrap_or_else(|| default_value(a.ty(0)));
    a.set(2, stored);
    Ok(Value::Bool(has))
}

pub(in crate::types) const HASH_SET: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.HashSet<T>",
    kind: Kind::Class,
    bases: &["ISet<T>", "IReadOnlyCollection<T>"],
    docs: "A set.",
    members: &[
        m("new()", "Empty.", |cx, a| new_set(cx, a.ty(0), Vec::new(), Comparer::Exact)),
        m("new(int capacity)", "Empty.", |cx, a| sized(cx, a, Comparer::Exact)),
        m("new(IEnumerable<T> collection)", "Of items.", |cx, a| of_items(cx, a, Comparer::Exact)),
        m("new(IEqualityComparer<T> comparer)", "Empty, with a comparison.", |cx, a| {
            new_set(cx, a.ty(0), Vec::new(), comparer(a.get(0)))
        }),
        m("new(IEnumerable<T> collection, IEqualityComparer<T> comparer)", "Of items.", |cx, a| {
            let how = comparer(a.get(1));
            of_items(cx, a, how)
        }),
        m("new(int capacity, IEqualityComparer<T> comparer)", "Empty.", |cx, a| {
            let how = comparer(a.get(1));
            sized(cx, a, how)
        }),
        m("int Count", "How many items there are.", count),
        m("IEqualityComparer<T> Comparer", "What says which items are equal.", |cx, a| {
            Ok(comparer_object(read(cx, a)?.comparer()))
        }),
        m("bool Add(T item)", "Adds an item; whether it is new.", add),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("bool Remove(T item)", "Takes an item out; whether it was there.", remove),
        m("int RemoveWhere(Predicate<T> match)", "Takes the items out that pass.", remove_where),
        m("void Clear()", "Takes all items out.", clear),
        m("bool TryGetValue(T equalValue, out T actualValue)", "An item as it is there.", try_get),
        m("void UnionWith(IEnumerable<T> other)", "Adds items.", union_with),
        m("void IntersectWith(IEnumerable<T> other)", "Keeps common items.", intersect),
        m("void ExceptWith(IEnumerable<T> other)", "Takes items out.", except),
        m("void SymmetricExceptWith(IEnumerable<T> other)", "Keeps items of one.", symmetric),
        m("bool IsSubsetOf(IEnumerable<T> other)", "Whether all are in another.", is_subset),
        m("bool IsSupersetOf(IEnumerable<T> other)", "Whether it holds all.", is_superset),
        m(
            "bool IsProperSubsetOf(IEnumerable<T> other)",
            "Whether all are in another that has more.",
            is_proper_subset,
        ),
        m(
            "bool IsProperSupersetOf(IEnumerable<T> other)",
            "Whether it holds all and more.",
            is_proper_superset,
        ),
        m("bool Overlaps(IEnumerable<T> other)", "Whether an item is common.", overlaps),
        m("bool SetEquals(IEnumerable<T> other)", "Whether both hold the same.", set_equals),
        m("void CopyTo(T[] array)", "Copies the items to an array.", copy_to),
        m("void CopyTo(T[] array, int arrayIndex)", "Copies the items to an array.", copy_to),
        m("void CopyTo(T[] array, int arrayIndex, int count)", "Copies some items.", copy_to),
        m("int EnsureCapacity(int capacity)", "Makes room; how many fit.", ensure_capacity),
        m("void TrimExcess()", "Lets the capacity fit.", |cx, a| {
            edit(cx, a)?.trim();
            Ok(Value::Null)
        }),
        m("IEnumerator<T> GetEnumerator()", "A walk over the items.", super::enumerator::start),
    ],
    refused: &[
        refused("CreateSetComparer", "sets of sets cannot be compared in a policy"),
        refused("GetObjectData", "serialization has no use in a policy"),
        refused("OnDeserialization", "serialization has no use in a policy"),
        refused("Enumerator", "`GetEnumerator()` gives an `IEnumerator<T>`"),
    ],
};
