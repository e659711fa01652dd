//! The interfaces of collections.

use super::super::decl::{Kind, TypeDecl, m, refused, rw};
use super::super::object::required;
use super::{
    add, clear, contains, copy_to, count, get, hash_set, index_of, insert, is_read_only, remove,
    remove_at, set,
};
use crate::Value;
use crate::eval::{Args, Cx};
use crate::state::confusion;

pub(in crate::types) const ENUMERABLE0: TypeDecl = interface!(
    "System.Collections.IEnumerable",
    &[],
    "A sequence.",
    &[m("IEnumerator GetEnumerator()", "A walk over the items.", super::enumerator::start)]
);

pub(in crate::types) const ENUMERABLE: TypeDecl = interface!(
    "System.Collections.Generic.IEnumerable<T>",
    &["IEnumerable"],
    "A sequence.",
    &[m("IEnumerator<T> GetEnumerator()", "A walk over the items.", super::enumerator::start)]
);

pub(in crate::types) const ORDERED: TypeDecl = TypeDecl {
    refused: &[refused("CreateOrderedEnumerable", "`ThenBy` and `ThenByDescending` do the same")],
    ..interface!(
        "System.Linq.IOrderedEnumerable<T>",
        &["IEnumerable<T>"],
        "A sequence in order.",
        &[]
    )
};

pub(in crate::types) const GROUPING: TypeDecl = interface!(
    "System.Linq.IGrouping<TKey, TElement>",
    &["IEnumerable<TElement>"],
    "Items with a key in common.",
    &[m("TKey Key", "The key.", |_, a| match a.get(0) {
        Value::Record(record) => Ok(record.values.first().cloned().unwrap_or_default()),
        _ => Err(confusion()),
    })]
);

/// The group of a key.
fn group(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Option<Value>, crate::Exception> {
    let Value::Record(record) = a.get(0) else { return Err(confusion()) };
    let map = record.values.first().cloned().unwrap_or_default();
    super::dictionary::find(cx, &map, a.get(1))
}

pub(in crate::types) const LOOKUP: TypeDecl = interface!(
    "System.Linq.ILookup<TKey, TElement>",
    &["IEnumerable<IGrouping<TKey, TElement>>"],
    "Groups of items by key.",
    &[
        m("int Count", "How many groups there are.", count),
        m("bool Contains(TKey key)", "Whether there is a group of a key.", |cx, a| {
            Ok(Value::Bool(group(cx, a)?.is_some()))
        }),
        m(
            "IEnumerable<TElement> this[TKey key]",
            "The items of a key; none when it is missing.",
            |cx, a| match group(cx, a)? {
                Some(Value::Record(found)) => Ok(found.values.get(1).cloned().unwrap_or_default()),
                _ => cx.state.shared(crate::state::Shared::Sequence, a.ty(1)),
            }
        ),
    ]
);

pub(in crate::types) const COLLECTION: TypeDecl = interface!(
    "System.Collections.Generic.ICollection<T>",
    &["IEnumerable<T>"],
    "A collection.",
    &[
        m("int Count", "How many items there are.", count),
        m("bool IsReadOnly", "Whether it cannot change.", is_read_only),
        m("void Add(T item)", "Adds an item.", add),
        m("void Clear()", "Takes all items out.", clear),
        m("bool Remove(T item)", "Takes an item out; whether it was there.", remove),
        m("bool Contains(T item)", "Whether an item is there.", contains),
        m("void CopyTo(T[] array, int arrayIndex)", "Copies the items to an array.", copy_to),
    ]
);

pub(in crate::types) const ILIST: TypeDecl = interface!(
    "System.Collections.Generic.IList<T>",
    &["ICollection<T>"],
    "A list.",
    &[
        rw("T this[int index]", "The item at an index.", get, set),
        m("int IndexOf(T item)", "The index of an item, or -1.", index_of),
        m("void Insert(int index, T item)", "Puts an item in.", insert),
        m("void RemoveAt(int index)", "Takes an item out.", remove_at),
    ]
);

pub(in crate::types) const READ_ONLY_COLLECTION: TypeDecl = interface!(
    "System.Collections.Generic.IReadOnlyCollection<T>",
    &["IEnumerable<T>"],
    "A collection to read.",
    &[m("int Count", "How many items there are.", count)]
);

pub(in crate::types) const READ_ONLY_LIST: TypeDecl = interface!(
    "System.Collections.Generic.IReadOnlyList<T>",
    &["IReadOnlyCollection<T>"],
    "A list to read.",
    &[m("T this[int index]", "The item at an index.", get)]
);

pub(in crate::types) const READ_ONLY_VIEW: TypeDecl = TypeDecl {
    name: "System.Collections.ObjectModel.ReadOnlyCollection<T>",
    kind: Kind::Class,
    bases: &["IList<T>", "IReadOnlyList<T>"],
    docs: "A list that shows another.",
    members: &[
        m("new(IList<T> list)", "A view of a list.", |cx, a| {
            let list = required(a, 0, "list")?;
            let item = a.ty(0).clone();
            super::read_only(cx, &item, list)
        }),
        m("int Count", "How many items there are.", count),
        m("T this[int index]", "The item at an index.", get),
        m("int IndexOf(T value)", "The index of an item, or -1.", index_of),
        m("bool Contains(T value)", "Whether an item is there.", contains),
        m("void CopyTo(T[] array, int index)", "Copies the items to an array.", copy_to),
        m("IEnumerator<T> GetEnumerator()", "A walk over the items.", super::enumerator::start),
    ],
    refused: &[],
};

pub(in crate::types) const ISET: TypeDecl = interface!(
    "System.Collections.Generic.ISet<T>",
    &["ICollection<T>"],
    "A set.",
    &[
        m("bool Add(T item)", "Adds an item; whether it is new.", hash_set::add),
        m("void UnionWith(IEnumerable<T> other)", "Adds items.", hash_set::union_with),
        m("void IntersectWith(IEnumerable<T> other)", "Keeps common items.", hash_set::intersect),
        m("void ExceptWith(IEnumerable<T> other)", "Takes items out.", hash_set::except),
        m(
            "void SymmetricExceptWith(IEnumerable<T> other)",
            "Keeps items that are in one of both.",
            hash_set::symmetric
        ),
        m(
            "bool IsSubsetOf(IEnumerable<T> other)",
            "Whether all are in another.",
            hash_set::is_subset
        ),
        m(
            "bool IsSupersetOf(IEnumerable<T> other)",
            "Whether it holds all.",
            hash_set::is_superset
        ),
        m(
            "bool IsProperSubsetOf(IEnumerable<T> other)",
            "Whether all are in another that has more.",
            hash_set::is_proper_subset
        ),
        m(
            "bool IsProperSupersetOf(IEnumerable<T> other)",
            "Whether it holds all and more.",
            hash_set::is_proper_superset
        ),
        m("bool Overlaps(IEnumerable<T> other)", "Whether an item is common.", hash_set::overlaps),
        m(
            "bool SetEquals(IEnumerable<T> other)",
            "Whether both hold the same.",
            hash_set::set_equals
        ),
    ]
);
