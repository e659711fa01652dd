//! `List<T>`.

use super::super::decl::{Kind, Member, TypeDecl, joined, m, refused, rw};
use super::super::object::{place_of, required};
use super::{
    Run, add, all_pass, bad_count, bad_index, bad_part, binary_search, clear, contains, converted,
    copy_to, count, find, find_index, get, grow, index_int, index_of, insert, is_collection, list,
    order_by, part, passing, range, read_only, remove, remove_at, set, sort, window,
};
use crate::eval::{Args, Cx, Order};
use crate::state::{Object, SLOT_COST, Shared, confusion};
use crate::{Exception, Value};

fn items(cx: &Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Exception> {
    match cx.object_of(a.get(0)) {
        Some(Object::List { items, .. }) => Ok(items.clone()),
        _ => Err(confusion()),
    }
}

/// The items, to look at each with a function: that is charged for the copy.
fn looked_at(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Exception> {
    let items = items(cx, a)?;
    cx.charge(items.len().saturating_mul(SLOT_COST))?;
    Ok(items)
}

fn length(cx: &Cx<'_>, a: &Args<'_>) -> usize {
    cx.known_length(a.get(0)).unwrap_or_default()
}

fn edit(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    change: impl FnOnce(&mut Vec<Value>) -> Result<(), Exception>,
) -> Run {
    let target = a.value(0);
    let n = length(cx, a);
    cx.step(n as u64 / 16)?;
    change(list(cx, &target)?)?;
    let n = length(cx, a);
    grow(cx, &target, n);
    Ok(Value::Null)
}

fn new_with(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let Ok(wanted) = usize::try_from(a.long(0)) else {
        return Err(range("Non-negative number required.", "capacity"));
    };
    let made = cx.state.list(a.ty(0).clone(), Vec::new())?;
    if let Value::Object(id) = made
        && let Some(Object::List { capacity, .. }) = cx.state.object_mut(id)
    {
        *capacity = wanted;
    }
    Ok(made)
}

fn new_of(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let source = required(a, 0, "collection")?;
    let sized = cx.known_length(&source).is_some();
    let items = cx.collect(&source)?;
    let n = items.len();
    let made = cx.state.list(a.ty(0).clone(), items)?;
    if !sized
        && let Value::Object(id) = made
        && let Some(Object::List { capacity, .. }) = cx.state.object_mut(id)
    {
        // Items that come one by one make it double.
        *capacity = if n == 0 { 0 } else { n.next_power_of_two().max(4) };
    }
    Ok(made)
}

fn capacity(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    match cx.object_of(a.get(0)) {
        Some(Object::List { capacity, .. }) => Ok(Value::Int(index_int(*capacity))),
        _ => Err(confusion()),
    }
}

fn set_capacity(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let n = length(cx, a);
    let Some(wanted) = usize::try_from(a.long(1)).ok().filter(|wanted| *wanted >= n) else {
        return Err(range("capacity was less than the current size.", "value"));
    };
    if let Some(Object::List { capacity, .. }) = cx.state.object_mut(a.this_object()?) {
        *capacity = wanted;
    }
    Ok(a.value(1))
}

fn trim(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let n = length(cx, a);
    if let Some(Object::List { capacity, .. }) = cx.state.object_mut(a.this_object()?)
        && n.saturating_mul(10) < capacity.saturating_mul(9)
    {
        *capacity = n;
    }
    Ok(Value::Null)
}

fn add_range(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let source = required(a, 1, "collection")?;
    let end = length(cx, a);
    insert_all(cx, a, end, &source)
}

fn insert_range(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let source = required(a, 2, "collection")?;
    let n = length(cx, a);
    let place = usize::try_from(a.long(1)).ok().filter(|place| *place <= n);
    insert_all(cx, a, place.ok_or_else(|| bad_index("index"))?, &source)
}

/// Puts in the items of a collection at once, those of other sequences one by one: a walk over this list fails then.
fn insert_all(cx: &mut Cx<'_>, a: &Args<'_>, mut place: usize, source: &Value) -> Run {
    if is_collection(cx, source) {
        let more = cx.collect(source)?;
        return edit(cx, a, |items| {
            items.splice(place..place, more);
            Ok(())
        });
    }
    cx.each(source, &mut |cx, item| {
        cx.charge(SLOT_COST)?;
        edit(cx, a, |items| {
            let end = items.len();
            items.insert(place.min(end), item);
            Ok(())
        })?;
        place += 1;
        Ok(true)
    })?;
    Ok(Value::Null)
}

fn remove_all(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let test = required(a, 1, "match")?;
    let all = looked_at(cx, a)?;
    let before = all.len();
    let mut kept = Vec::new();
    for item in all {
        cx.step(1)?;
        if !cx.test(&test, item.clone())? {
            kept.push(item);
        }
    }
    let removed = before - kept.len();
    if removed > 0 {
        *list(cx, a.get(0))? = kept;
    }
    Ok(Value::Int(index_int(removed)))
}

fn index_from(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let items = items(cx, a)?;
    let length = items.len();
    let (start, size) = (a.long(2), i64::from(index_int(length)));
    if start > size {
        return Err(bad_index("index"));
    }
    if a.len() > 3 && (a.long(3) < 0 || start > size - a.long(3)) {
        return Err(bad_count());
    }
    let window = window(a, 2, a.len() - 2, length)?;
    cx.step(length as u64)?;
    let found = place_of(cx, &items, window.start..window.end, a.get(1))?;
    Ok(Value::Int(found.map_or(-1, index_int)))
}

fn last_index(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let items = items(cx, a)?;
    let size = i64::from(index_int(items.len()));
    let start = if a.len() > 2 { a.long(2) } else { size - 1 };
    if a.len() == 3 && start >= size {
        return Err(bad_index("index"));
    }
    if size == 0 {
        return Ok(Value::Int(-1));
    }
    let count = if a.len() > 3 { a.long(3) } else { start + 1 };
    for (number, name) in [(start, "index"), (count, "count")] {
        if number < 0 {
            return Err(range("Non-negative number required.", name));
        }
    }
    for (number, most, name) in [(start, size - 1, "index"), (count, start + 1, "count")] {
        if number > most {
            return Err(range("Larger than collection size.", name));
        }
    }
    cx.step(items.len() as u64)?;
    let place = |number: i64| usize::try_from(number).unwrap_or_default();
    let places = place(start + 1 - count)..place(start + 1);
    let found = place_of(cx, &items, places.rev(), a.get(1))?;
    Ok(Value::Int(found.map_or(-1, index_int)))
}

/// Sorts a part of the list.
fn sort_part(cx: &mut Cx<'_>, a: &Args<'_>, part: std::ops::Range<usize>, how: Order<'_>) -> Run {
    let all = looked_at(cx, a)?;
    let (keys, _) = sort(cx, all.get(part.clone()).unwrap_or_default().to_vec(), Vec::new(), how)?;
    edit(cx, a, |items| {
        // A comparison may have taken items out meanwhile.
        for (slot, key) in items.iter_mut().take(part.end).skip(part.start).zip(keys) {
            *slot = key;
        }
        Ok(())
    })
}

fn sort_all(cx: &mut Cx<'_>, a: &Args<'_>, how: Order<'_>) -> Run {
    let all = 0..length(cx, a);
    sort_part(cx, a, all, how)
}

fn search(cx: &mut Cx<'_>, a: &Args<'_>, wanted: &Value, comparer: &Value, whole: bool) -> Run {
    let items = looked_at(cx, a)?;
    let range = if whole { 0..items.len() } else { part(a, 1, items.len(), "count")? };
    let window = items.get(range.clone()).unwrap_or_default();
    binary_search(cx, window, range.start, wanted, order_by(comparer))
}

/// Copies a part of the list to an array.
fn copy_part(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let items = items(cx, a)?;
    let (start, count) = (a.long(1), a.long(4));
    // The difference wraps around.
    if i64::from(index_int(items.len()).wrapping_sub(a.int(1))) < count {
        return Err(bad_part());
    }
    let target = a.value(2);
    super::array::copy_items(cx, (a.get(0), start), (&target, a.long(3)), count)
}

const CREATE: &[Member] = &[
    m("new()", "Empty.", |cx, a| cx.state.list(a.ty(0).clone(), Vec::new())),
    m("new(int capacity)", "Empty.", |cx, a| new_with(cx, a)),
    m("new(IEnumerable<T> collection)", "Of items.", |cx, a| new_of(cx, a)),
    m("int Count", "How many items there are.", count),
    rw("int Capacity", "How many items fit before it grows.", capacity, set_capacity),
    rw("T this[int index]", "The item at an index.", get, set),
    m("void Add(T item)", "Adds an item.", add),
    m("void AddRange(IEnumerable<T> collection)", "Adds items.", add_range),
    m("void Clear()", "Takes all items out.", clear),
    m("void Insert(int index, T item)", "Puts an item in.", insert),
    m("void InsertRange(int index, IEnumerable<T> collection)", "Puts items in.", insert_range),
    m("bool Remove(T item)", "Takes an item out; whether it was there.", remove),
    m("void RemoveAt(int index)", "Takes an item out.", remove_at),
    m("void RemoveRange(int index, int count)", "Takes items out.", |cx, a| {
        let part = part(a, 1, length(cx, a), "count")?;
        edit(cx, a, |items| {
            items.drain(part);
            Ok(())
        })
    }),
    m("int RemoveAll(Predicate<T> match)", "Takes the items out that pass.", remove_all),
    m("void Reverse()", "Turns the order round.", |cx, a| {
        edit(cx, a, |items| {
            items.reverse();
            Ok(())
        })
    }),
    m("void Reverse(int index, int count)", "Turns the order of a part round.", |cx, a| {
        let part = part(a, 1, length(cx, a), "count")?;
        edit(cx, a, |items| {
            items.get_mut(part).unwrap_or_default().reverse();
            Ok(())
        })
    }),
    m("void Sort()", "Sorts.", |cx, a| sort_all(cx, a, Order::Default)),
    m("void Sort(IComparer<T> comparer)", "Sorts with a comparer.", |cx, a| {
        let comparer = a.value(1);
        sort_all(cx, a, order_by(&comparer))
    }),
    m("void Sort(Comparison<T> comparison)", "Sorts by a comparison.", |cx, a| {
        let comparison = required(a, 1, "comparison")?;
        sort_all(cx, a, Order::Comparison(&comparison))
    }),
    m("void Sort(int index, int count, IComparer<T> comparer)", "Sorts a part.", |cx, a| {
        let (part, comparer) = (part(a, 1, length(cx, a), "count")?, a.value(3));
        sort_part(cx, a, part, order_by(&comparer))
    }),
    m("void TrimExcess()", "Lets the capacity fit.", trim),
];

const LOOK: &[Member] = &[
    m("bool Contains(T item)", "Whether an item is there.", contains),
    m("int IndexOf(T item)", "The index of an item, or -1.", index_of),
    m("int IndexOf(T item, int index)", "The index of an item from a place, or -1.", index_from),
    m("int IndexOf(T item, int index, int count)", "The index in a part, or -1.", index_from),
    m("int LastIndexOf(T item)", "The last index of an item, or -1.", last_index),
    m("int LastIndexOf(T item, int index)", "The last index up to a place, or -1.", last_index),
    m("int LastIndexOf(T item, int index, int count)", "The last index in a part.", last_index),
    m("bool Exists(Predicate<T> match)", "Whether an item passes.", |cx, a| {
        let found = find_index(cx, a, false)?;
        Ok(Value::Bool(!matches!(found, Value::Int(-1))))
    }),
    m("T Find(Predicate<T> match)", "The first item that passes.", |cx, a| find(cx, a, false)),
    m("T FindLast(Predicate<T> match)", "The last item that passes.", |cx, a| find(cx, a, true)),
    m("List<T> FindAll(Predicate<T> match)", "The items that pass.", |cx, a| {
        let found = passing(cx, a)?;
        cx.state.list(a.ty(0).clone(), found)
    }),
    m("int FindIndex(Predicate<T> match)", "The first index that passes, or -1.", |cx, a| {
        find_index(cx, a, false)
    }),
    m("int FindIndex(int startIndex, Predicate<T> match)", "The first from a place.", |cx, a| {
        find_index(cx, a, false)
    }),
    m(
        "int FindIndex(int startIndex, int count, Predicate<T> match)",
        "The first in a part, or -1.",
        |cx, a| find_index(cx, a, false),
    ),
    m("int FindLastIndex(Predicate<T> match)", "The last index that passes, or -1.", |cx, a| {
        find_index(cx, a, true)
    }),
    m("int FindLastIndex(int startIndex, Predicate<T> match)", "The last up to one.", |cx, a| {
        find_index(cx, a, true)
    }),
    m(
        "int FindLastIndex(int startIndex, int count, Predicate<T> match)",
        "The last in a part, or -1.",
        |cx, a| find_index(cx, a, true),
    ),
    m("bool TrueForAll(Predicate<T> match)", "Whether all items pass.", |cx, a| all_pass(cx, a)),
    m("int BinarySearch(T item)", "The index in a sorted list.", |cx, a| {
        let wanted = a.value(1);
        search(cx, a, &wanted, &Value::Null, true)
    }),
    m("int BinarySearch(T item, IComparer<T> comparer)", "The index in one.", |cx, a| {
        let (wanted, comparer) = (a.value(1), a.value(2));
        search(cx, a, &wanted, &comparer, true)
    }),
    m(
        "int BinarySearch(int index, int count, T item, IComparer<T> comparer)",
        "The index in a part of one.",
        |cx, a| {
            let (wanted, comparer) = (a.value(3), a.value(4));
            search(cx, a, &wanted, &comparer, false)
        },
    ),
    m("void ForEach(Action<T> action)", "Calls a function for each item.", |cx, a| {
        let action = required(a, 1, "action")?;
        cx.each(&a.value(0), &mut |cx, item| cx.invoke(&action, &[item]).map(|_| true))?;
        Ok(Value::Null)
    }),
    m("T[] ToArray()", "An array of the items.", |cx, a| {
        let items = items(cx, a)?;
        cx.state.array_or_shared(Shared::ListArray, a.ty(0).clone(), items)
    }),
    m("List<T> GetRange(int index, int count)", "A list of some items.", |cx, a| {
        let items = items(cx, a)?;
        let part = part(a, 1, items.len(), "count")?;
        let part = items.get(part).unwrap_or_default().to_vec();
        cx.state.list(a.ty(0).clone(), part)
    }),
    m(
        "List<TOutput> ConvertAll<TOutput>(Converter<T, TOutput> converter)",
        "A list of what a function makes of each item.",
        |cx, a| {
            let made = converted(cx, a)?;
            cx.state.list(a.ty(1).clone(), made)
        },
    ),
    m("void CopyTo(T[] array)", "Copies the items to an array.", copy_to),
    m("void CopyTo(T[] array, int arrayIndex)", "Copies the items to an array.", copy_to),
    m(
        "void CopyTo(int index, T[] array, int arrayIndex, int count)",
        "Copies some items to an array.",
        copy_part,
    ),
    m("ReadOnlyCollection<T> AsReadOnly()", "A view that cannot change it.", |cx, a| {
        let (item, target) = (a.ty(0).clone(), a.value(0));
        read_only(cx, &item, target)
    }),
    m("IEnumerator<T> GetEnumerator()", "A walk over the items.", super::enumerator::start),
];

pub(in crate::types) const LIST: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.List<T>",
    kind: Kind::Class,
    bases: &["IList<T>", "IReadOnlyList<T>"],
    docs: "A list that grows.",
    members: &joined::<{ CREATE.len() + LOOK.len() }>(CREATE, LOOK),
    refused: &[refused("Enumerator", "`GetEnumerator()` gives an `IEnumerator<T>`")],
};
