//! Lists, sets, queues, stacks and the interfaces of collections.

use std::collections::VecDeque;

use super::Ty;
use super::array::index_int;
use super::decl::{Kind, Member, TypeDecl, m, rw};
use super::object::equals;
use crate::collections::{Comparer, Set};
use crate::eval::{Args, Cx};
use crate::state::{Object, SLOT_COST, confusion};
use crate::{Exception, ExceptionKind, Value};

const fn interface(
    name: &'static str,
    bases: &'static [&'static str],
    docs: &'static str,
    members: &'static [Member],
) -> TypeDecl {
    TypeDecl { name, kind: Kind::Interface, bases, docs, members, refused: &[] }
}

fn count(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let n = match cx.known_length(a.get(0)) {
        Some(n) => n,
        None => cx.collect(&a.value(0))?.len(),
    };
    Ok(Value::Int(index_int(n)))
}

pub(super) const ENUMERABLE0: TypeDecl =
    interface("System.Collections.IEnumerable", &[], "A sequence.", &[]);
pub(super) const ENUMERABLE: TypeDecl =
    interface("System.Collections.Generic.IEnumerable<T>", &["IEnumerable"], "A sequence.", &[]);
pub(super) const ORDERED: TypeDecl = interface(
    "System.Linq.IOrderedEnumerable<T>",
    &["IEnumerable<T>"],
    "A sequence in order.",
    &[],
);
pub(super) const GROUPING: TypeDecl = interface(
    "System.Linq.IGrouping<TKey, TElement>",
    &["IEnumerable<TElement>"],
    "Items with a key in common.",
    &[m("TKey Key", "The key.", |_, a| match a.get(0) {
        Value::Record(record) => Ok(record.values.first().cloned().unwrap_or_default()),
        _ => Err(confusion()),
    })],
);
pub(super) const COLLECTION: TypeDecl = interface(
    "System.Collections.Generic.ICollection<T>",
    &["IEnumerable<T>"],
    "A collection.",
    &[
        m("int Count", "How many items there are.", count),
        m("void Add(T item)", "Adds an item.", add),
        m("void Clear()", "Takes all items out.", clear),
        m("bool Remove(T item)", "Takes an item out.", remove),
        m("bool Contains(T item)", "Whether an item is there.", contains),
    ],
);
pub(super) const ILIST: TypeDecl = interface(
    "System.Collections.Generic.IList<T>",
    &["ICollection<T>"],
    "A list.",
    &[
        rw("T this[int index]", "The item at an index.", get, set),
        m("int IndexOf(T item)", "The index of an item, or -1.", index_of),
        m("void Insert(int index, T item)", "Puts an item in.", insert),
        m("void RemoveAt(int index)", "Takes an item out.", remove_at),
    ],
);
pub(super) const READ_ONLY_COLLECTION: TypeDecl = interface(
    "System.Collections.Generic.IReadOnlyCollection<T>",
    &["IEnumerable<T>"],
    "A collection to read.",
    &[m("int Count", "How many items there are.", count)],
);
pub(super) const READ_ONLY_LIST: TypeDecl = interface(
    "System.Collections.Generic.IReadOnlyList<T>",
    &["IReadOnlyCollection<T>"],
    "A list to read.",
    &[m("T this[int index]", "The item at an index.", get)],
);
pub(super) const ISET: TypeDecl =
    interface("System.Collections.Generic.ISet<T>", &["ICollection<T>"], "A set.", &[]);
pub(super) const EQUALITY_COMPARER: TypeDecl = interface(
    "System.Collections.Generic.IEqualityComparer<T>",
    &[],
    "Says which values are equal.",
    &[],
);

#[cold]
fn out_of_range() -> Exception {
    Exception::new(
        ExceptionKind::ArgumentOutOfRange,
        "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')",
    )
}

/// The items of a list, to change.
fn list<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Vec<Value>, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::List { items, version, .. }) => {
            *version = version.wrapping_add(1);
            Ok(items)
        }
        Some(Object::Array { .. }) => {
            Err(Exception::new(ExceptionKind::NotSupported, "Collection was of a fixed size."))
        }
        _ => Err(confusion()),
    }
}

fn place(a: &Args<'_>, index: usize, length: usize) -> Result<usize, Exception> {
    usize::try_from(a.long(index)).ok().filter(|n| *n < length).ok_or_else(out_of_range)
}

fn get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    if let Some(Object::List { items, .. }) = cx.object_of(a.get(0)) {
        return items.get(place(a, 1, items.len())?).cloned().ok_or_else(out_of_range);
    }
    cx.array_get(a.get(0), a.long(1))
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let value = a.value(2);
    if !matches!(cx.object_of(a.get(0)), Some(Object::List { .. })) {
        cx.array_set(a.get(0), a.long(1), value.clone())?;
        return Ok(value);
    }
    let items = list(cx, a)?;
    let index = place(a, 1, items.len())?;
    if let Some(slot) = items.get_mut(index) {
        *slot = value.clone();
    }
    Ok(value)
}

fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    cx.charge(SLOT_COST)?;
    if let Some(Object::Set(_)) = cx.object_of(a.get(0)) {
        return set_add(cx, a);
    }
    list(cx, a)?.push(a.value(1));
    Ok(Value::Null)
}

fn clear(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Set(set)) => set.clear(),
        Some(Object::Dictionary(map)) => map.clear(),
        Some(Object::Queue { items, .. }) => items.clear(),
        Some(Object::Stack { items, .. }) => items.clear(),
        _ => list(cx, a)?.clear(),
    }
    Ok(Value::Null)
}

fn position(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<usize>, Exception> {
    let length = cx.known_length(a.get(0)).unwrap_or_default();
    cx.step(length as u64 / 4)?;
    let mut index = 0;
    let mut found = None;
    let wanted = a.value(1);
    cx.each(&a.value(0), &mut |cx, item| {
        if equals(cx, &item, &wanted) {
            found = Some(index);
            return Ok(false);
        }
        index += 1;
        Ok(true)
    })?;
    Ok(found)
}

fn contains(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    if let Some(Object::Set(set)) = cx.object_of(a.get(0)) {
        return Ok(Value::Bool(set.contains(a.get(1))));
    }
    Ok(Value::Bool(position(cx, a)?.is_some()))
}

fn index_of(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    Ok(Value::Int(position(cx, a)?.map_or(-1, index_int)))
}

fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let value = a.value(1);
    if let Some(Object::Set(set)) = cx.state.object_mut(a.this_object()?) {
        return Ok(Value::Bool(set.remove(&value)));
    }
    let found = position(cx, a)?;
    if let Some(index) = found {
        list(cx, a)?.remove(index);
    }
    Ok(Value::Bool(found.is_some()))
}

fn remove_at(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let items = list(cx, a)?;
    let index = place(a, 1, items.len())?;
    items.remove(index);
    Ok(Value::Null)
}

fn insert(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    cx.charge(SLOT_COST)?;
    let items = list(cx, a)?;
    let index = place(a, 1, items.len() + 1)?;
    cx.step(1)?;
    let items = list(cx, a)?;
    items.insert(index, a.value(2));
    Ok(Value::Null)
}

fn add_range(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let more = super::object::required(a, 1, "collection")?;
    let more = cx.collect(&more)?;
    list(cx, a)?.extend(more);
    Ok(Value::Null)
}

fn find(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<(usize, Value)>, Exception> {
    let test = super::object::required(a, 1, "match")?;
    let mut index = 0;
    let mut found = None;
    cx.each(&a.value(0), &mut |cx, item| {
        if cx.test(&test, item.clone())? {
            found = Some((index, item));
            return Ok(false);
        }
        index += 1;
        Ok(true)
    })?;
    Ok(found)
}

/// Sorts by the default order or by a comparison.
pub(super) fn sort(
    cx: &mut Cx<'_>,
    items: &mut [Value],
    comparison: Option<&Value>,
) -> Result<(), Exception> {
    let mut failed = None;
    cx.step(items.len() as u64 * 16)?;
    items.sort_by(|left, right| {
        let order = match comparison {
            None => cx.order_of(left, right),
            Some(comparison) => cx
                .invoke(comparison, &[left.clone(), right.clone()])
                .map(|result| result.as_int().unwrap_or_default().cmp(&0)),
        };
        order.unwrap_or_else(|exception| {
            failed = Some(exception);
            std::cmp::Ordering::Equal
        })
    });
    failed.map_or(Ok(()), Err)
}

pub(super) const LIST: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.List<T>",
    kind: Kind::Class,
    bases: &["IList<T>", "IReadOnlyList<T>"],
    docs: "A list that grows.",
    members: &[
        m("new()", "Empty.", |cx, a| cx.state.list(a.ty(0).clone(), Vec::new())),
        m("new(int capacity)", "Empty.", |cx, a| cx.state.list(a.ty(0).clone(), Vec::new())),
        m("new(IEnumerable<T> collection)", "Of items.", |cx, a| {
            let items = super::object::required(a, 0, "collection")?;
            let items = cx.collect(&items)?;
            cx.state.list(a.ty(0).clone(), items)
        }),
        m("int Count", "How many items there are.", count),
        m("int Capacity", "How many items fit.", count),
        rw("T this[int index]", "The item at an index.", get, set),
        m("void Add(T item)", "Adds an item.", add),
        m("void AddRange(IEnumerable<T> collection)", "Adds items.", add_range),
        m("void Clear()", "Takes all items out.", clear),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("int IndexOf(T item)", "The index of an item, or -1.", index_of),
        m("void Insert(int index, T item)", "Puts an item in.", insert),
        m("bool Remove(T item)", "Takes an item out.", remove),
        m("void RemoveAt(int index)", "Takes an item out.", remove_at),
        m("void RemoveRange(int index, int count)", "Takes items out.", |cx, a| {
            let items = list(cx, a)?;
            let start = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
            let end = usize::try_from(a.long(2)).ok().and_then(|n| start.checked_add(n));
            let Some(end) = end.filter(|end| *end <= items.len()) else {
                let message = "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.";
                return Err(Exception::new(ExceptionKind::Argument, message));
            };
            items.drain(start..end);
            Ok(Value::Null)
        }),
        m("int RemoveAll(Predicate<T> match)", "Takes the items out that pass.", |cx, a| {
            let test = super::object::required(a, 1, "match")?;
            let mut kept = Vec::new();
            let all = cx.collect(&a.value(0))?;
            let before = all.len();
            for item in all {
                if !cx.test(&test, item.clone())? {
                    kept.push(item);
                }
            }
            let removed = before - kept.len();
            *list(cx, a)? = kept;
            Ok(Value::Int(index_int(removed)))
        }),
        m("bool Exists(Predicate<T> match)", "Whether an item passes.", |cx, a| {
            Ok(Value::Bool(find(cx, a)?.is_some()))
        }),
        m("T Find(Predicate<T> match)", "The first item that passes.", |cx, a| {
            let default = crate::eval::default_value(a.ty(0));
            Ok(find(cx, a)?.map_or(default, |(_, item)| item))
        }),
        m(
            "int FindIndex(Predicate<T> match)",
            "The index of the first item that passes, or -1.",
            |cx, a| Ok(Value::Int(find(cx, a)?.map_or(-1, |(index, _)| index_int(index)))),
        ),
        m("List<T> FindAll(Predicate<T> match)", "The items that pass.", |cx, a| {
            let test = super::object::required(a, 1, "match")?;
            let mut found = Vec::new();
            for item in cx.collect(&a.value(0))? {
                if cx.test(&test, item.clone())? {
                    found.push(item);
                }
            }
            cx.state.list(a.ty(0).clone(), found)
        }),
        m("bool TrueForAll(Predicate<T> match)", "Whether all items pass.", |cx, a| {
            let test = super::object::required(a, 1, "match")?;
            for item in cx.collect(&a.value(0))? {
                if !cx.test(&test, item)? {
                    return Ok(Value::Bool(false));
                }
            }
            Ok(Value::Bool(true))
        }),
        m("void ForEach(Action<T> action)", "Calls a function for each item.", |cx, a| {
            let action = super::object::required(a, 1, "action")?;
            cx.each(&a.value(0), &mut |cx, item| cx.invoke(&action, &[item]).map(|_| true))?;
            Ok(Value::Null)
        }),
        m("T[] ToArray()", "An array of the items.", |cx, a| {
            let items = cx.collect(&a.value(0))?;
            cx.state.array(a.ty(0).clone(), items)
        }),
        m("List<T> GetRange(int index, int count)", "A list of some items.", |cx, a| {
            let items = cx.collect(&a.value(0))?;
            let start = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
            let end = usize::try_from(a.long(2)).ok().and_then(|n| start.checked_add(n));
            let part = end.and_then(|end| items.get(start..end)).map(<[Value]>::to_vec);
            let Some(part) = part else {
                let message = "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.";
                return Err(Exception::new(ExceptionKind::Argument, message));
            };
            cx.state.list(a.ty(0).clone(), part)
        }),
        m("void Reverse()", "Turns the order round.", |cx, a| {
            list(cx, a)?.reverse();
            Ok(Value::Null)
        }),
        m("void Sort()", "Sorts.", |cx, a| {
            let mut items = cx.collect(&a.value(0))?;
            sort(cx, &mut items, None)?;
            *list(cx, a)? = items;
            Ok(Value::Null)
        }),
        m("void Sort(Comparison<T> comparison)", "Sorts by a comparison.", |cx, a| {
            let mut items = cx.collect(&a.value(0))?;
            let comparison = a.value(1);
            sort(cx, &mut items, Some(&comparison))?;
            *list(cx, a)? = items;
            Ok(Value::Null)
        }),
        m(
            "List<TOutput> ConvertAll<TOutput>(Converter<T, TOutput> converter)",
            "A list of what a function makes of each item.",
            |cx, a| {
                let convert = super::object::required(a, 1, "converter")?;
                let mut made = Vec::new();
                for item in cx.collect(&a.value(0))? {
                    made.push(cx.invoke(&convert, &[item])?);
                }
                cx.state.list(a.ty(1).clone(), made)
            },
        ),
    ],
    refused: &[],
};

/// How a comparer object compares.
pub(super) fn comparer(value: &Value) -> Comparer {
    match value {
        Value::Enum(super::TypeId::StringComparer, number) if number % 2 == 1 => Comparer::AnyCase,
        _ => Comparer::Exact,
    }
}

fn new_set(
    cx: &mut Cx<'_>,
    item: &Ty,
    items: Vec<Value>,
    how: Comparer,
) -> Result<Value, Exception> {
    let mut set = Set::new(item.clone(), how);
    cx.charge(items.len().saturating_mul(3 * SLOT_COST))?;
    for item in items {
        set.insert(item);
    }
    cx.state.add(Object::Set(Box::new(set)))
}

fn set_add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    cx.charge(3 * SLOT_COST)?;
    let item = a.value(1);
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Set(set)) => Ok(Value::Bool(set.insert(item))),
        _ => Err(confusion()),
    }
}

/// Changes a set by the items of another sequence.
fn combine(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    keep: impl Fn(bool, bool) -> bool,
) -> Result<Value, Exception> {
    let other = super::object::required(a, 1, "other")?;
    let others = cx.collect(&other)?;
    let id = a.this_object()?;
    let Object::Set(set) = cx.state.object(id) else { return Err(confusion()) };
    let mut other_set = Set::new(set.item.clone(), set.comparer());
    for item in &others {
        other_set.insert(item.clone());
    }
    let own: Vec<Value> = set.iter().cloned().collect();
    let mut made = Set::new(set.item.clone(), set.comparer());
    for item in &own {
        if keep(true, other_set.contains(item)) {
            made.insert(item.clone());
        }
    }
    for item in others {
        if !set.contains(&item) && keep(false, true) {
            made.insert(item);
        }
    }
    cx.charge(made.len().saturating_mul(3 * SLOT_COST))?;
    if let Some(Object::Set(set)) = cx.state.object_mut(id) {
        **set = made;
    }
    Ok(Value::Null)
}

pub(super) const HASH_SET: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.HashSet<T>",
    kind: Kind::Class,
    bases: &["ISet<T>", "IReadOnlyCollection<T>"],
    docs: "A set.",
    members: &[
        m("new()", "Empty.", |cx, a| new_set(cx, a.ty(0), Vec::new(), Comparer::Exact)),
        m("new(IEnumerable<T> collection)", "Of items.", |cx, a| {
            let items = super::object::required(a, 0, "collection")?;
            let items = cx.collect(&items)?;
            new_set(cx, a.ty(0), items, Comparer::Exact)
        }),
        m("new(IEqualityComparer<T> comparer)", "Empty, with a comparison.", |cx, a| {
            new_set(cx, a.ty(0), Vec::new(), comparer(a.get(0)))
        }),
        m(
            "new(IEnumerable<T> collection, IEqualityComparer<T> comparer)",
            "Of items, with a comparison.",
            |cx, a| {
                let items = super::object::required(a, 0, "collection")?;
                let items = cx.collect(&items)?;
                new_set(cx, a.ty(0), items, comparer(a.get(1)))
            },
        ),
        m("int Count", "How many items there are.", count),
        m("bool Add(T item)", "Adds an item; whether it is new.", set_add),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("bool Remove(T item)", "Takes an item out; whether it was there.", remove),
        m("void Clear()", "Takes all items out.", clear),
        m("void UnionWith(IEnumerable<T> other)", "Adds items.", |cx, a| {
            combine(cx, a, |_, _| true)
        }),
        m("void IntersectWith(IEnumerable<T> other)", "Keeps common items.", |cx, a| {
            combine(cx, a, |own, other| own && other)
        }),
        m("void ExceptWith(IEnumerable<T> other)", "Takes items out.", |cx, a| {
            combine(cx, a, |own, other| own && !other)
        }),
        m("bool Overlaps(IEnumerable<T> other)", "Whether an item is common.", |cx, a| {
            let other = super::object::required(a, 1, "other")?;
            let others = cx.collect(&other)?;
            let Some(Object::Set(set)) = cx.object_of(a.get(0)) else { return Err(confusion()) };
            Ok(Value::Bool(others.iter().any(|item| set.contains(item))))
        }),
    ],
    refused: &[],
};

fn empty(what: &str) -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, format!("{what} empty."))
}

fn queue<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut VecDeque<Value>, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Queue { items, .. }) => Ok(items),
        _ => Err(confusion()),
    }
}

pub(super) const QUEUE: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.Queue<T>",
    kind: Kind::Class,
    bases: &["IReadOnlyCollection<T>"],
    docs: "First in, first out.",
    members: &[
        m("new()", "Empty.", |cx, a| {
            cx.state.add(Object::Queue { item: a.ty(0).clone(), items: VecDeque::new() })
        }),
        m("new(IEnumerable<T> collection)", "Of items.", |cx, a| {
            let items = super::object::required(a, 0, "collection")?;
            let items = cx.collect(&items)?.into();
            cx.state.add(Object::Queue { item: a.ty(0).clone(), items })
        }),
        m("int Count", "How many items there are.", count),
        m("void Enqueue(T item)", "Adds an item.", |cx, a| {
            cx.charge(SLOT_COST)?;
            queue(cx, a)?.push_back(a.value(1));
            Ok(Value::Null)
        }),
        m("T Dequeue()", "Takes the first item out.", |cx, a| {
            queue(cx, a)?.pop_front().ok_or_else(|| empty("Queue"))
        }),
        m("T Peek()", "The first item.", |cx, a| {
            queue(cx, a)?.front().cloned().ok_or_else(|| empty("Queue"))
        }),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("void Clear()", "Takes all items out.", clear),
    ],
    refused: &[],
};

fn stack<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Vec<Value>, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Stack { items, .. }) => Ok(items),
        _ => Err(confusion()),
    }
}

pub(super) const STACK: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.Stack<T>",
    kind: Kind::Class,
    bases: &["IReadOnlyCollection<T>"],
    docs: "Last in, first out.",
    members: &[
        m("new()", "Empty.", |cx, a| {
            cx.state.add(Object::Stack { item: a.ty(0).clone(), items: Vec::new() })
        }),
        m("new(IEnumerable<T> collection)", "Of items.", |cx, a| {
            let items = super::object::required(a, 0, "collection")?;
            let items = cx.collect(&items)?;
            cx.state.add(Object::Stack { item: a.ty(0).clone(), items })
        }),
        m("int Count", "How many items there are.", count),
        m("void Push(T item)", "Adds an item.", |cx, a| {
            cx.charge(SLOT_COST)?;
            stack(cx, a)?.push(a.value(1));
            Ok(Value::Null)
        }),
        m("T Pop()", "Takes the last item out.", |cx, a| {
            stack(cx, a)?.pop().ok_or_else(|| empty("Stack"))
        }),
        m("T Peek()", "The last item.", |cx, a| {
            stack(cx, a)?.last().cloned().ok_or_else(|| empty("Stack"))
        }),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("void Clear()", "Takes all items out.", clear),
    ],
    refused: &[],
};
