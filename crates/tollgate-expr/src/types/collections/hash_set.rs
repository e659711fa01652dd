//! `HashSet<T>`.

use std::collections::HashSet;

use super::super::Ty;
use super::super::decl::{Kind, TypeDecl, m, refused};
use super::super::object::required;
use super::comparers::{comparer, comparer_object};
use super::{Run, array, clear, contains, count, index_int, is_collection, no_room, range};
use crate::collections::{Comparer, Key, Set};
use crate::eval::{Args, Cx, default_value, null_argument};
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

/// Walks over another sequence with the keys that its items have here, until `visit` says no.
fn each(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    other: &Value,
    visit: &mut dyn FnMut(&mut Cx<'_>, Key, Value) -> Result<bool, Exception>,
) -> Result<bool, Exception> {
    let how = read(cx, a)?.comparer();
    cx.each(other, &mut |cx, item| {
        cx.step(1)?;
        let key = cx.key(&item, how)?;
        visit(cx, key, item)
    })
}

/// What is known of another sequence without walking over it.
struct Other {
    value: Value,
    /// Whether it is this set.
    itself: bool,
    /// How many items it has when it is a set that compares as this one does.
    set: Option<usize>,
    /// How many items it has when it is a collection.
    count: Option<usize>,
}

fn other(cx: &Cx<'_>, a: &Args<'_>) -> Result<Other, Exception> {
    let value = required(a, 1, "other")?;
    let how = read(cx, a)?.comparer();
    let set = match cx.object_of(&value) {
        Some(Object::Set(set)) if set.comparer() == how => Some(set.len()),
        _ => None,
    };
    let count = if is_collection(cx, &value) { cx.known_length(&value) } else { None };
    Ok(Other { itself: crate::eval::same(a.get(0), &value), set, count, value })
}

/// How many different items of another sequence are here, and how many are not.
struct Common {
    here: usize,
    missing: usize,
}

fn common(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    other: &Value,
    stop_at_missing: bool,
) -> Result<Common, Exception> {
    let nothing = read(cx, a)?.len() == 0;
    let mut seen = HashSet::new();
    let mut missing = 0;
    each(cx, a, other, &mut |cx, key, _| {
        if read(cx, a)?.contains(&key) {
            cx.charge(2 * SLOT_COST)?;
            seen.insert(key);
            return Ok(true);
        }
        missing += 1;
        Ok(!stop_at_missing && !nothing)
    })?;
    Ok(Common { here: seen.len(), missing })
}

/// Whether all items of another sequence are here.
fn holds_all(cx: &mut Cx<'_>, a: &Args<'_>, other: &Value) -> Result<bool, Exception> {
    each(cx, a, other, &mut |cx, key, _| Ok(read(cx, a)?.contains(&key)))
}

fn remove_all(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    edit(cx, a)?.clear();
    Ok(Value::Null)
}

pub(super) fn union_with(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = required(a, 1, "other")?;
    let a = &*a;
    each(cx, a, &other, &mut |cx, key, item| {
        cx.charge(3 * SLOT_COST)?;
        edit(cx, a)?.insert(key, item);
        Ok(true)
    })?;
    Ok(Value::Null)
}

pub(super) fn intersect(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = other(cx, a)?;
    if read(cx, a)?.len() == 0 || other.itself {
        return Ok(Value::Null);
    }
    if other.count == Some(0) {
        return remove_all(cx, a);
    }
    let mut kept = HashSet::new();
    each(cx, a, &other.value, &mut |cx, key, _| {
        cx.charge(2 * SLOT_COST)?;
        kept.insert(key);
        Ok(true)
    })?;
    remove_if(cx, a, &mut |_, key, _| Ok(!kept.contains(key)))?;
    Ok(Value::Null)
}

pub(super) fn except(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = other(cx, a)?;
    if read(cx, a)?.len() == 0 {
        return Ok(Value::Null);
    }
    if other.itself {
        return remove_all(cx, a);
    }
    let a = &*a;
    each(cx, a, &other.value, &mut |cx, key, _| {
        edit(cx, a)?.remove(&key);
        Ok(true)
    })?;
    Ok(Value::Null)
}

pub(super) fn symmetric(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = other(cx, a)?;
    if read(cx, a)?.len() == 0 {
        return union_with(cx, a);
    }
    if other.itself {
        return remove_all(cx, a);
    }
    // The items of a set come once and go at once; those of other sequences go when all have come.
    let at_once = other.set.is_some();
    let (mut added, mut common) = (HashSet::new(), HashSet::new());
    let known = &*a;
    each(cx, known, &other.value, &mut |cx, key, item| {
        cx.charge(3 * SLOT_COST)?;
        let set = edit(cx, known)?;
        if at_once && set.remove(&key) {
            return Ok(true);
        }
        if set.insert(key.clone(), item) {
            added.insert(key);
        } else if !added.contains(&key) {
            common.insert(key);
        }
        Ok(true)
    })?;
    remove_if(cx, a, &mut |_, key, _| Ok(common.contains(key)))?;
    Ok(Value::Null)
}

pub(super) fn is_subset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (other, n) = (other(cx, a)?, read(cx, a)?.len());
    if n == 0 || other.itself {
        return Ok(Value::Bool(true));
    }
    if other.set.is_some_and(|count| n > count) {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(common(cx, a, &other.value, false)?.here == n))
}

pub(super) fn is_superset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (other, n) = (other(cx, a)?, read(cx, a)?.len());
    if other.itself || other.count == Some(0) {
        return Ok(Value::Bool(true));
    }
    if other.set.is_some_and(|count| count > n) {
        return Ok(Value::Bool(false));
    }
    holds_all(cx, a, &other.value).map(Value::Bool)
}

pub(super) fn is_proper_subset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (other, n) = (other(cx, a)?, read(cx, a)?.len());
    if other.itself {
        return Ok(Value::Bool(false));
    }
    match other.count {
        Some(0) => return Ok(Value::Bool(false)),
        Some(_) if n == 0 => return Ok(Value::Bool(true)),
        _ => {}
    }
    if other.set.is_some_and(|count| n >= count) {
        return Ok(Value::Bool(false));
    }
    let common = common(cx, a, &other.value, false)?;
    Ok(Value::Bool(common.here == n && common.missing > 0))
}

pub(super) fn is_proper_superset(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (other, n) = (other(cx, a)?, read(cx, a)?.len());
    if n == 0 || other.itself {
        return Ok(Value::Bool(false));
    }
    if other.count == Some(0) {
        return Ok(Value::Bool(true));
    }
    if let Some(count) = other.set {
        return Ok(Value::Bool(count < n && holds_all(cx, a, &other.value)?));
    }
    let common = common(cx, a, &other.value, true)?;
    Ok(Value::Bool(common.here < n && common.missing == 0))
}

pub(super) fn set_equals(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (other, n) = (other(cx, a)?, read(cx, a)?.len());
    if other.itself {
        return Ok(Value::Bool(true));
    }
    if let Some(count) = other.set {
        return Ok(Value::Bool(count == n && holds_all(cx, a, &other.value)?));
    }
    if n == 0 && other.count.is_some_and(|count| count > 0) {
        return Ok(Value::Bool(false));
    }
    let common = common(cx, a, &other.value, true)?;
    Ok(Value::Bool(common.here == n && common.missing == 0))
}

pub(super) fn overlaps(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let other = other(cx, a)?;
    if read(cx, a)?.len() == 0 || other.itself {
        return Ok(Value::Bool(other.itself && read(cx, a)?.len() > 0));
    }
    let a = &*a;
    let none = each(cx, a, &other.value, &mut |cx, key, _| Ok(!read(cx, a)?.contains(&key)))?;
    Ok(Value::Bool(!none))
}

fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let start = if a.len() > 2 { a.long(2) } else { 0 };
    let all = i64::from(index_int(read(cx, a)?.len()));
    let count = if a.len() > 3 { a.long(3) } else { all };
    copy_part(cx, a.get(0), a.get(1), start, count)
}

/// Copies so many items of a set to an array.
pub(super) fn copy_part(
    cx: &mut Cx<'_>,
    set: &Value,
    target: &Value,
    start: i64,
    count: i64,
) -> Run {
    if target.is_null() {
        return Err(null_argument("array"));
    }
    for (number, name) in [(start, "arrayIndex"), (count, "count")] {
        if number < 0 {
            let message = format!(
                "Non-negative number required. (Parameter '{name}')\nActual value was {number}."
            );
            return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, message));
        }
    }
    let room = i64::from(index_int(super::length(cx, target)?));
    if start > room || count > room - start {
        return Err(no_room());
    }
    let items = cx.collect(set)?;
    let n = usize::try_from(count).unwrap_or_default();
    array::store_from(cx, target, start, items.into_iter().take(n).collect())
}

/// Takes items out as it comes to them; how many.
fn remove_if(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    test: &mut dyn FnMut(&mut Cx<'_>, &Key, &Value) -> Result<bool, Exception>,
) -> Result<usize, Exception> {
    let (mut place, mut n) = (0, 0);
    while let Some((found, item)) = read(cx, a)?.next_from(place) {
        let item = item.clone();
        place = found + 1;
        cx.step(1)?;
        let key = key(cx, a, &item)?;
        if test(cx, &key, &item)? && edit(cx, a)?.remove(&key) {
            n += 1;
        }
    }
    Ok(n)
}

fn remove_where(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let test = required(a, 1, "match")?;
    let n = remove_if(cx, a, &mut |cx, _, item| cx.test(&test, item.clone()))?;
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
            Ok(comparer_object(read(cx, a)?.comparer(), a.ty(0)))
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
