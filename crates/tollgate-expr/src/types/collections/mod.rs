//! Collections: one file per type, and here what they share.

macro_rules! interface {
    ($name:literal, $bases:expr, $docs:literal, $members:expr) => {
        crate::types::decl::TypeDecl {
            name: $name,
            kind: crate::types::decl::Kind::Interface,
            bases: $bases,
            docs: $docs,
            members: $members,
            refused: &[],
        }
    };
}

pub(super) mod array;
pub(super) mod array_order;
pub(super) mod array_search;
pub(super) mod comparers;
pub(super) mod dictionary;
pub(super) mod enumerator;
pub(super) mod hash_set;
pub(super) mod interfaces;
pub(super) mod key_value_pair;
pub(super) mod line;
pub(super) mod list;

use super::Ty;
use super::context::Lookup;
use super::object::{equals, required};
use crate::eval::{Args, Cx, Order, Source, default_value, null_argument, uncomparable};
use crate::json::JsonId;
use crate::state::{Object, SLOT_COST, confusion};
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// A count or an index as .NET has it.
pub(super) fn index_int(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

#[cold]
fn range(message: &str, name: &str) -> Exception {
    Exception::new(ExceptionKind::ArgumentOutOfRange, format!("{message} (Parameter '{name}')"))
}

#[cold]
fn bad_index(name: &str) -> Exception {
    let message =
        "Index was out of range. Must be non-negative and less than the size of the collection.";
    range(message, name)
}

#[cold]
fn bad_count() -> Exception {
    let message = "Count must be positive and count must refer to a location within the string/array/collection.";
    range(message, "count")
}

#[cold]
fn not_supported(message: &str) -> Exception {
    Exception::new(ExceptionKind::NotSupported, message)
}

#[cold]
fn bad_part() -> Exception {
    let message = "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.";
    Exception::new(ExceptionKind::Argument, message)
}

/// A part by index and count, checked as most members of collections do.
fn part(
    a: &Args<'_>,
    index: usize,
    length: usize,
    count_name: &str,
) -> Result<std::ops::Range<usize>, Exception> {
    let number = |at: usize, name: &str| {
        usize::try_from(a.long(at)).map_err(|_| range("Non-negative number required.", name))
    };
    let (start, count) = (number(index, "index")?, number(index + 1, count_name)?);
    match start.checked_add(count).filter(|end| *end <= length) {
        Some(end) => Ok(start..end),
        None => Err(bad_part()),
    }
}

/// The number of items of what an array or collection is.
fn length(cx: &mut Cx<'_>, value: &Value) -> Result<usize, Exception> {
    match cx.known_length(value) {
        Some(n) => Ok(n),
        None => Ok(cx.collect(value)?.len()),
    }
}

fn count(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    Ok(Value::Int(index_int(length(cx, &a.value(0))?)))
}

/// Whether .NET has it as an `ICollection<T>`, whose length is known.
pub(super) fn is_collection(cx: &Cx<'_>, value: &Value) -> bool {
    match value {
        Value::Str(_) => false,
        Value::Record(record) => matches!(record.ty, Ty::Generic(super::TypeId::IGrouping, _)),
        Value::Object(_) => match cx.object_of(value) {
            Some(Object::Sequence(sequence)) => {
                is_view(&sequence.ty)
                    || matches!(sequence.source, Source::Items(_) | Source::Pairs(..))
            }
            Some(Object::Line { .. }) | None => false,
            Some(_) => cx.known_length(value).is_some(),
        },
        _ => cx.known_length(value).is_some(),
    }
}

fn is_view(ty: &Ty) -> bool {
    ty.is(super::TypeId::ReadOnlyCollection)
}

/// What a collection says when it is told to change and cannot.
#[cold]
fn fixed(cx: &Cx<'_>, value: &Value) -> Exception {
    not_supported(match cx.object_of(value) {
        Some(Object::Sequence(sequence)) => match &sequence.source {
            Source::Pairs(_, 0) => {
                "Mutating a key collection derived from a dictionary is not allowed."
            }
            Source::Pairs(..) => {
                "Mutating a value collection derived from a dictionary is not allowed."
            }
            _ => "Collection is read-only.",
        },
        _ if matches!(cx.state.type_of(value), Ty::Array(_)) => "Collection was of a fixed size.",
        _ => "Collection is read-only.",
    })
}

/// The items of a list, to change.
fn list<'c>(cx: &'c mut Cx<'_>, value: &Value) -> Result<&'c mut Vec<Value>, Exception> {
    let Some(Object::List { .. }) = cx.object_of(value) else { return Err(fixed(cx, value)) };
    let Value::Object(id) = value else { return Err(confusion()) };
    match cx.state.object_mut(*id) {
        Some(Object::List { items, version, .. }) => {
            *version = version.wrapping_add(1);
            Ok(items)
        }
        _ => Err(confusion()),
    }
}

fn json(value: &Value) -> Option<JsonId> {
    match value {
        Value::Json(id) => Some(*id),
        _ => None,
    }
}

fn get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let target = a.value(0);
    item_at(cx, &target, a.long(1))
}

/// `list[index]`.
fn item_at(cx: &mut Cx<'_>, list: &Value, index: i64) -> Run {
    let place = usize::try_from(index).map_err(|_| bad_index("index"))?;
    if let Some(id) = json(list) {
        return cx.state.json.child(id, place).map(Value::Json).ok_or_else(|| bad_index("index"));
    }
    match cx.object_of(list) {
        Some(Object::List { items, .. }) => {
            items.get(place).cloned().ok_or_else(|| bad_index("index"))
        }
        Some(Object::Sequence(sequence)) => match &sequence.source {
            Source::Items(items) => items.get(place).cloned().ok_or_else(|| bad_index("index")),
            Source::View(inner) => {
                let inner = inner.clone();
                item_at(cx, &inner, index)
            }
            _ => Err(confusion()),
        },
        _ => cx.array_get(list, index).map_err(|_| bad_index("index")),
    }
}

fn is_outside(exception: &Exception) -> bool {
    exception.kind() == ExceptionKind::IndexOutOfRange
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (target, value) = (a.value(0), a.value(2));
    if let Some(id) = json(&target) {
        let item = json(&value);
        cx.state.json.set_number(id, a.int(1), item, &mut cx.state.budget)?;
        return Ok(value);
    }
    match cx.object_of(&target) {
        Some(Object::List { items, .. }) => {
            let place = usize::try_from(a.long(1)).ok().filter(|n| *n < items.len());
            let place = place.ok_or_else(|| bad_index("index"))?;
            if let Some(slot) = list(cx, &target)?.get_mut(place) {
                *slot = value.clone();
            }
        }
        Some(Object::Sequence(_)) => return Err(fixed(cx, &target)),
        _ => {
            let outside = |at: Exception| if is_outside(&at) { bad_index("index") } else { at };
            cx.array_set(&target, a.long(1), value.clone()).map_err(outside)?;
        }
    }
    Ok(value)
}

/// What `Capacity` becomes when a list must hold so many.
fn grow(cx: &mut Cx<'_>, target: &Value, needed: usize) {
    let Value::Object(id) = target else { return };
    if let Some(Object::List { capacity, .. }) = cx.state.object_mut(*id)
        && *capacity < needed
    {
        *capacity = needed.max(if *capacity == 0 { 4 } else { capacity.saturating_mul(2) });
    }
}

fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    cx.charge(SLOT_COST)?;
    let (target, item) = (a.value(0), a.value(1));
    if let Some(id) = json(&target) {
        let item = json(&item);
        cx.state.json.add(id, item, &mut cx.state.budget)?;
        return Ok(Value::Null);
    }
    match cx.object_of(&target) {
        Some(Object::Set(_)) => {
            hash_set::add(cx, a)?;
        }
        Some(Object::Dictionary(_)) => {
            let Value::Record(pair) = item else { return Err(confusion()) };
            let at = |n: usize| pair.values.get(n).cloned().unwrap_or_default();
            dictionary::insert(cx, &target, at(0), at(1))?;
        }
        _ => {
            let items = list(cx, &target)?;
            items.push(item);
            let n = items.len();
            grow(cx, &target, n);
        }
    }
    Ok(Value::Null)
}

fn clear(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let target = a.value(0);
    if let Some(id) = json(&target) {
        return cx.state.json.remove_all(id, &mut cx.state.budget).map(|()| Value::Null);
    }
    let Value::Object(id) = target else {
        return Err(not_supported("Collection is read-only."));
    };
    match cx.state.object_mut(id) {
        Some(Object::Set(set)) => set.clear(),
        Some(Object::Dictionary(map)) => map.clear(),
        Some(Object::Line { items, version, .. }) => {
            items.clear();
            *version = version.wrapping_add(1);
        }
        Some(Object::Array { .. }) => return Err(not_supported("Collection is read-only.")),
        _ => list(cx, &target)?.clear(),
    }
    Ok(Value::Null)
}

/// The place of the first item that equals a value.
fn position(cx: &mut Cx<'_>, target: &Value, wanted: &Value) -> Result<Option<usize>, Exception> {
    if let Some(id) = json(target) {
        // Tokens look for the very token.
        let found = cx.state.json.index_of(id, json(wanted), &mut cx.state.budget)?;
        return Ok(usize::try_from(found).ok());
    }
    let mut index = 0;
    let mut found = None;
    cx.each(target, &mut |cx, item| {
        cx.step(1)?;
        if equals(cx, &item, wanted)? {
            found = Some(index);
            return Ok(false);
        }
        index += 1;
        Ok(true)
    })?;
    Ok(found)
}

fn contains(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    holds(cx, &a.value(0), &a.value(1)).map(Value::Bool)
}

/// Whether a collection says that it contains a value: sets by their comparer, the keys of a dictionary by its.
pub(super) fn holds(cx: &mut Cx<'_>, target: &Value, wanted: &Value) -> Result<bool, Exception> {
    match cx.object_of(target) {
        Some(Object::Set(set)) => {
            let how = set.comparer();
            let key = cx.key(wanted, how)?;
            let Some(Object::Set(set)) = cx.object_of(target) else { return Err(confusion()) };
            return Ok(set.contains(&key));
        }
        Some(Object::Dictionary(_)) => {
            let Value::Record(pair) = wanted else { return Err(confusion()) };
            let at = |n: usize| pair.values.get(n).cloned().unwrap_or_default();
            let found = dictionary::look_up(cx, target, &at(0))?;
            return match found {
                Lookup::Found(value) => equals(cx, &value, &at(1)),
                _ => Ok(false),
            };
        }
        Some(Object::Sequence(sequence)) => match &sequence.source {
            Source::Pairs(map, 0) => {
                let map = map.clone();
                let found = dictionary::look_up(cx, &map, wanted)?;
                return Ok(matches!(found, Lookup::Found(_)));
            }
            Source::View(inner) if is_view(&sequence.ty) => {
                let inner = inner.clone();
                return holds(cx, &inner, wanted);
            }
            _ => {}
        },
        _ => {}
    }
    Ok(position(cx, target, wanted)?.is_some())
}

fn index_of(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (target, wanted) = (a.value(0), a.value(1));
    Ok(Value::Int(position(cx, &target, &wanted)?.map_or(-1, index_int)))
}

fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (target, value) = (a.value(0), a.value(1));
    if let Some(id) = json(&target) {
        let item = json(&value);
        return cx.state.json.remove_item(id, item, &mut cx.state.budget).map(Value::Bool);
    }
    match cx.object_of(&target) {
        Some(Object::Set(_)) => return hash_set::remove(cx, a),
        Some(Object::Dictionary(_)) => {
            let Value::Record(pair) = &value else { return Err(confusion()) };
            let key = pair.values.first().cloned().unwrap_or_default();
            let found = holds(cx, &target, &value)?;
            if found {
                dictionary::take(cx, &target, &key)?;
            }
            return Ok(Value::Bool(found));
        }
        Some(Object::List { .. }) => {}
        _ => return Err(fixed(cx, &target)),
    }
    let found = position(cx, &target, &value)?;
    if let Some(index) = found {
        list(cx, &target)?.remove(index);
    }
    Ok(Value::Bool(found.is_some()))
}

fn remove_at(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let target = a.value(0);
    if let Some(id) = json(&target) {
        return cx.state.json.remove_at(id, a.int(1), &mut cx.state.budget).map(|()| Value::Null);
    }
    let length = cx.known_length(&target).unwrap_or_default();
    cx.step(length as u64 / 16)?;
    let index = usize::try_from(a.long(1)).ok().filter(|n| *n < length);
    if let Some(Object::List { .. }) = cx.object_of(&target) {
        let index = index.ok_or_else(|| bad_index("index"))?;
        list(cx, &target)?.remove(index);
        return Ok(Value::Null);
    }
    Err(fixed(cx, &target))
}

fn insert(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    cx.charge(SLOT_COST)?;
    let (target, item) = (a.value(0), a.value(2));
    if let Some(id) = json(&target) {
        let item = json(&item);
        cx.state.json.insert(id, a.int(1), item, &mut cx.state.budget)?;
        return Ok(Value::Null);
    }
    let Some(Object::List { items, .. }) = cx.object_of(&target) else {
        return Err(fixed(cx, &target));
    };
    let length = items.len();
    let Some(index) = usize::try_from(a.long(1)).ok().filter(|n| *n <= length) else {
        return Err(range("Index must be within the bounds of the List.", "index"));
    };
    cx.step(length as u64 / 16)?;
    list(cx, &target)?.insert(index, item);
    grow(cx, &target, length + 1);
    Ok(Value::Null)
}

/// `collection.CopyTo(array, index)`.
fn copy_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let start = if a.len() > 2 { a.long(2) } else { 0 };
    copy_all(cx, &a.value(0), &a.value(1), start)
}

/// Copies all items to an array. Each collection has its own words for what is wrong with the array.
fn copy_all(cx: &mut Cx<'_>, source: &Value, target: &Value, start: i64) -> Run {
    if let Some(id) = json(source) {
        return super::json::copy_to(cx, id, target, start);
    }
    let keyed = match cx.object_of(source) {
        Some(Object::Set(set)) => {
            let count = i64::from(index_int(set.len()));
            return hash_set::copy_part(cx, source, target, start, count);
        }
        Some(Object::Dictionary(_)) => true,
        Some(Object::Sequence(sequence)) => match &sequence.source {
            Source::View(inner) => {
                let inner = inner.clone();
                return copy_all(cx, &inner, target, start);
            }
            Source::Pairs(..) => true,
            _ => false,
        },
        _ => false,
    };
    let items = cx.collect(source)?;
    if keyed {
        check_keyed_target(cx, target, start, items.len())?;
    } else {
        array::check_target(cx, target, start, items.len())?;
    }
    array::store_from(cx, target, start, items)
}

/// What `CopyTo` of dictionaries, their keys and values says of its target.
fn check_keyed_target(
    cx: &mut Cx<'_>,
    target: &Value,
    start: i64,
    n: usize,
) -> Result<(), Exception> {
    if target.is_null() {
        return Err(null_argument("array"));
    }
    let room = i64::from(index_int(length(cx, target)?)).saturating_sub(start);
    if start < 0 || room < 0 {
        return Err(range("Non-negative number required.", "index"));
    }
    if room < i64::from(index_int(n)) {
        return Err(no_room());
    }
    Ok(())
}

#[cold]
fn no_room() -> Exception {
    let message = "Destination array is not long enough to copy all the items in the collection. Check array index and length.";
    Exception::new(ExceptionKind::Argument, message)
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn is_read_only(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let changes = match cx.object_of(a.get(0)) {
        Some(
            Object::List { .. } | Object::Set(_) | Object::Dictionary(_) | Object::Line { .. },
        ) => true,
        _ => json(a.get(0)).is_some(),
    };
    Ok(Value::Bool(!changes))
}

/// Sorts by an order; what goes with the keys moves with them.
fn sort(
    cx: &mut Cx<'_>,
    keys: Vec<Value>,
    values: Vec<Value>,
    how: Order<'_>,
) -> Result<(Vec<Value>, Vec<Value>), Exception> {
    cx.charge(keys.len().saturating_mul(2 * SLOT_COST))?;
    let mut values = values.into_iter();
    let mut items: Vec<(Value, Value)> =
        keys.into_iter().map(|key| (key, values.next().unwrap_or_default())).collect();
    cx.introsort(&mut items, &mut |cx, (left, _), (right, _)| {
        cx.compare_by(left, right, how).map_err(uncomparable)
    })?;
    Ok(items.into_iter().unzip())
}

/// How a comparer argument orders: null by default.
fn order_by(value: &Value) -> Order<'_> {
    if value.is_null() { Order::Default } else { Order::Comparer(value) }
}

/// A binary search of sorted items: the place, or the complement of where it would go.
fn binary_search(
    cx: &mut Cx<'_>,
    items: &[Value],
    start: usize,
    wanted: &Value,
    how: Order<'_>,
) -> Run {
    let (mut low, mut high) = (0, items.len());
    while low < high {
        cx.step(1)?;
        let middle = low + (high - low - 1) / 2;
        let item = items.get(middle).cloned().unwrap_or_default();
        let order = cx.compare_by(&item, wanted, how).map_err(uncomparable)?;
        match order {
            std::cmp::Ordering::Equal => return Ok(Value::Int(index_int(start + middle))),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(Value::Int(!index_int(start + low)))
}

/// Which items a search by `Predicate` or value looks at, from where it is told to begin.
struct Window {
    start: usize,
    end: usize,
}

/// The window of `FindIndex(startIndex[, count], …)`; `at` is the argument after the collection.
fn window(a: &Args<'_>, at: usize, given: usize, length: usize) -> Result<Window, Exception> {
    let start = if given > 0 { a.long(at) } else { 0 };
    let Some(start) = usize::try_from(start).ok().filter(|start| *start <= length) else {
        return Err(bad_index("startIndex"));
    };
    if given < 2 {
        return Ok(Window { start, end: length });
    }
    let end = usize::try_from(a.long(at + 1)).ok().and_then(|count| start.checked_add(count));
    match end.filter(|end| *end <= length) {
        Some(end) => Ok(Window { start, end }),
        None => Err(bad_count()),
    }
}

/// The window of `FindLastIndex(startIndex[, count], …)`, which looks backwards from its start.
fn last_window(a: &Args<'_>, at: usize, given: usize, length: usize) -> Result<Window, Exception> {
    let start = if given > 0 { a.long(at) } else { i64::from(index_int(length)) - 1 };
    // Nothing has one place to look back from: before the first.
    let nothing = length == 0 && start == -1;
    let inside = usize::try_from(start).is_ok_and(|start| start < length);
    if !nothing && !inside {
        return Err(bad_index("startIndex"));
    }
    let end = usize::try_from(start + 1).unwrap_or_default();
    if given < 2 {
        return Ok(Window { start: 0, end });
    }
    match usize::try_from(a.long(at + 1)).ok().and_then(|count| end.checked_sub(count)) {
        Some(first) => Ok(Window { start: first, end }),
        None => Err(bad_count()),
    }
}

/// An item of a list or array as it is now; functions that look at items may change them.
fn item_now(cx: &Cx<'_>, source: &Value, place: usize) -> Option<Value> {
    match cx.object_of(source) {
        Some(Object::List { items, .. } | Object::Array { items, .. }) => items.get(place).cloned(),
        _ => cx.array_get(source, i64::from(index_int(place))).ok(),
    }
}

/// The first item of a window that passes and its place, or the last.
fn find_in(
    cx: &mut Cx<'_>,
    source: &Value,
    window: &Window,
    test: &Value,
    last: bool,
) -> Result<Option<(usize, Value)>, Exception> {
    let mut places = window.start..window.end;
    while let Some(place) = if last { places.next_back() } else { places.next() } {
        cx.step(1)?;
        let Some(item) = item_now(cx, source, place) else { continue };
        if cx.test(test, item.clone())? {
            return Ok(Some((place, item)));
        }
    }
    Ok(None)
}

/// `FindIndex` and `FindLastIndex` of a list or array: the place, or -1.
fn find_index(cx: &mut Cx<'_>, a: &Args<'_>, last: bool) -> Run {
    let (source, given) = (a.value(0), a.len() - 2);
    let n = cx.known_length(&source).unwrap_or_default();
    let test = || required(a, a.len() - 1, "match");
    let (window, test) = if last {
        let test = test()?;
        (last_window(a, 1, given, n)?, test)
    } else {
        (window(a, 1, given, n)?, test()?)
    };
    let found = find_in(cx, &source, &window, &test, last)?;
    Ok(Value::Int(found.map_or(-1, |(place, _)| index_int(place))))
}

/// `Find` and `FindLast`.
fn find(cx: &mut Cx<'_>, a: &Args<'_>, last: bool) -> Run {
    let (source, test) = (a.value(0), required(a, 1, "match")?);
    let all = Window { start: 0, end: cx.known_length(&source).unwrap_or_default() };
    let found = find_in(cx, &source, &all, &test, last)?;
    Ok(found.map_or_else(|| default_value(a.ty(0)), |(_, item)| item))
}

/// Whether all items pass a test.
fn all_pass(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let (source, test) = (a.value(0), required(a, 1, "match")?);
    let mut places = 0..;
    while let Some(item) = places.next().and_then(|place| item_now(cx, &source, place)) {
        cx.step(1)?;
        if !cx.test(&test, item)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

/// The items that pass a test.
fn passing(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Exception> {
    let (source, test) = (a.value(0), required(a, 1, "match")?);
    let mut found = Vec::new();
    let mut places = 0..;
    while let Some(item) = places.next().and_then(|place| item_now(cx, &source, place)) {
        cx.step(1)?;
        if cx.test(&test, item.clone())? {
            cx.charge(SLOT_COST)?;
            found.push(item);
        }
    }
    Ok(found)
}

/// What a function makes of each item: there is room for as many as there were at first.
fn converted(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Value>, Exception> {
    let (source, function) = (a.value(0), required(a, 1, "converter")?);
    let room = cx.known_length(&source).unwrap_or_default();
    let mut made = Vec::new();
    while let Some(item) = item_now(cx, &source, made.len()) {
        cx.step(1)?;
        let value = cx.invoke(&function, &[item])?;
        if made.len() == room {
            return Err(Exception::new(ExceptionKind::IndexOutOfRange, array::OUTSIDE));
        }
        cx.charge(SLOT_COST)?;
        made.push(value);
    }
    Ok(made)
}

/// A collection that shows another and cannot change it.
fn read_only(cx: &mut Cx<'_>, item: &Ty, target: Value) -> Run {
    let ty = Ty::generic(super::TypeId::ReadOnlyCollection, [item.clone()]);
    cx.sequence(ty, Source::View(target))
}
