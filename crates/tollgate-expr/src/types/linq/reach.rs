//! What .NET finds out about a sequence without walking over it, and which items it takes without those before them: of
//! lists, of what `Select`, `Skip` and `Take` make of them, and of `OrderBy`, which sorts no more than it must.

use super::Run;
use crate::eval::{Cx, Source};
use crate::state::{Object, Shared};
use crate::types::collections::{index_int, is_collection};
use crate::types::{Ty, TypeId};
use crate::{Exception, Value};

/// The lazy sequence that a value is.
pub(super) fn lazy_source<'c>(cx: &'c Cx<'_>, value: &Value) -> Option<&'c Source> {
    match cx.object_of(value) {
        Some(Object::Sequence(sequence)) => Some(&sequence.source),
        _ => None,
    }
}

/// Whether it is an `IList<T>`.
pub(super) fn is_list(cx: &Cx<'_>, value: &Value) -> bool {
    match value {
        Value::Bytes(_) => true,
        Value::Json(id) => cx.state.json.is_container(*id),
        Value::Record(record) => matches!(record.ty, Ty::Generic(TypeId::IGrouping, _)),
        _ => match cx.object_of(value) {
            Some(Object::Array { .. } | Object::List { .. }) => true,
            Some(Object::Sequence(sequence)) => sequence.ty.is(TypeId::ReadOnlyCollection),
            _ => false,
        },
    }
}

/// Whether items are reached by index.
fn is_indexed(cx: &Cx<'_>, value: &Value) -> bool {
    match lazy_source(cx, value) {
        Some(Source::Items(_) | Source::Range(..) | Source::Repeat(..)) => true,
        Some(
            Source::Select { from, indexed: false, .. }
            | Source::Take(from, _)
            | Source::Skip(from, _),
        ) => is_indexed(cx, from),
        _ => is_list(cx, value),
    }
}

/// Whether `Select` looks at no items of it but those that are taken.
pub(super) fn is_partition(cx: &Cx<'_>, value: &Value) -> bool {
    match lazy_source(cx, value) {
        Some(Source::Take(..) | Source::Skip(..) | Source::Order(..)) => true,
        Some(Source::Select { from, indexed: false, .. }) => is_partition(cx, from),
        _ => is_indexed(cx, value),
    }
}

/// What `Select` makes of a sequence some of whose items can be taken alone: that sequence and the function.
pub(super) fn selected(cx: &Cx<'_>, value: &Value) -> Option<(Value, Value)> {
    match lazy_source(cx, value) {
        Some(Source::Select { from, function, indexed: false }) if is_partition(cx, from) => {
            Some((from.clone(), function.clone()))
        }
        _ => None,
    }
}

/// How many items an indexed sequence has.
fn indexed_length(cx: &Cx<'_>, value: &Value) -> usize {
    let number = |count: i64| usize::try_from(count).unwrap_or_default();
    match lazy_source(cx, value) {
        Some(Source::Range(_, count) | Source::Repeat(_, count)) => number(*count),
        Some(Source::Select { from, .. }) => indexed_length(cx, from),
        Some(Source::Take(from, count)) => indexed_length(cx, from).min(number(*count)),
        Some(Source::Skip(from, count)) => indexed_length(cx, from).saturating_sub(number(*count)),
        _ => cx.known_length(value).unwrap_or_default(),
    }
}

/// The item at an index of an indexed sequence.
fn indexed_item(cx: &mut Cx<'_>, value: &Value, index: usize) -> Result<Option<Value>, Exception> {
    let place = i64::from(index_int(index));
    let number = |count: i64| usize::try_from(count).unwrap_or_default();
    match lazy_source(cx, value) {
        Some(Source::Range(start, count)) => {
            let n = start.saturating_add(place);
            let item = Value::Int(i32::try_from(n).unwrap_or_default());
            return Ok((place < *count).then_some(item));
        }
        Some(Source::Repeat(item, count)) => return Ok((place < *count).then(|| item.clone())),
        Some(Source::Select { from, function, .. }) => {
            let (from, function) = (from.clone(), function.clone());
            return match indexed_item(cx, &from, index)? {
                Some(item) => cx.invoke(&function, &[item]).map(Some),
                None => Ok(None),
            };
        }
        Some(Source::Take(from, count)) => {
            let (from, count) = (from.clone(), number(*count));
            return if index < count { indexed_item(cx, &from, index) } else { Ok(None) };
        }
        Some(Source::Skip(from, count)) => {
            let (from, count) = (from.clone(), number(*count));
            return indexed_item(cx, &from, index.saturating_add(count));
        }
        Some(Source::View(inner)) => {
            let inner = inner.clone();
            return indexed_item(cx, &inner, index);
        }
        Some(Source::Items(items)) => return Ok(items.get(index).cloned()),
        _ => {}
    }
    Ok(match value {
        Value::Json(id) => cx.state.json.child(*id, index).map(Value::Json),
        Value::Record(record) => {
            let items = record.values.get(1).cloned().unwrap_or_default();
            return indexed_item(cx, &items, index);
        }
        _ => match cx.object_of(value) {
            Some(Object::List { items, .. } | Object::Array { items, .. }) => {
                items.get(index).cloned()
            }
            _ => cx.array_get(value, place).ok(),
        },
    })
}

/// The first item.
pub(super) fn first(cx: &mut Cx<'_>, value: &Value) -> Result<Option<Value>, Exception> {
    if let Some((from, function)) = selected(cx, value) {
        return match first(cx, &from)? {
            Some(item) => cx.invoke(&function, &[item]).map(Some),
            None => Ok(None),
        };
    }
    if let Some(Source::Order(..)) = lazy_source(cx, value) {
        return at(cx, value, 0);
    }
    let mut found = None;
    cx.each(value, &mut |_, item| {
        found = Some(item);
        Ok(false)
    })?;
    Ok(found)
}

/// The last item.
pub(super) fn last(cx: &mut Cx<'_>, value: &Value) -> Result<Option<Value>, Exception> {
    if is_indexed(cx, value) {
        return match indexed_length(cx, value).checked_sub(1) {
            Some(place) => indexed_item(cx, value, place),
            None => Ok(None),
        };
    }
    if let Some((from, function)) = selected(cx, value) {
        return match last(cx, &from)? {
            Some(item) => cx.invoke(&function, &[item]).map(Some),
            None => Ok(None),
        };
    }
    if let Some(Source::Order(from, keys, part)) = lazy_source(cx, value) {
        let (from, keys, part) = (from.clone(), keys.clone(), part.clone());
        if part.start == 0 && part.end == i64::MAX {
            return cx.ordered_end(&from, &keys, None, true);
        }
        let items = cx.collect(&from)?;
        let n = i64::from(index_int(items.len()));
        if part.start >= n {
            return Ok(None);
        }
        let items = cx.lazy(Ty::OBJECT, Source::Items(items))?;
        if part.end >= n {
            return cx.ordered_end(&items, &keys, None, true);
        }
        return Ok(cx.sorted(&items, &keys, &(part.end - 1..part.end))?.pop());
    }
    let mut found = None;
    cx.each(value, &mut |cx, item| {
        cx.step(1)?;
        found = Some(item);
        Ok(true)
    })?;
    Ok(found)
}

/// The item at an index.
pub(super) fn at(cx: &mut Cx<'_>, value: &Value, index: usize) -> Result<Option<Value>, Exception> {
    if is_indexed(cx, value) {
        return indexed_item(cx, value, index);
    }
    if let Some((from, function)) = selected(cx, value) {
        return match at(cx, &from, index)? {
            Some(item) => cx.invoke(&function, &[item]).map(Some),
            None => Ok(None),
        };
    }
    if let Some(Source::Order(from, keys, part)) = lazy_source(cx, value) {
        let (from, keys, part) = (from.clone(), keys.clone(), part.clone());
        let place = part.start.saturating_add(i64::from(index_int(index)));
        return if place >= part.end {
            Ok(None)
        } else if place == 0 {
            cx.ordered_end(&from, &keys, None, false)
        } else {
            Ok(cx.sorted(&from, &keys, &(place..place.saturating_add(1)))?.pop())
        };
    }
    let (mut left, mut found) = (index, None);
    cx.each(value, &mut |cx, item| {
        cx.step(1)?;
        if left == 0 {
            found = Some(item);
            return Ok(false);
        }
        left -= 1;
        Ok(true)
    })?;
    Ok(found)
}

/// The number of items: keys and results that it does not hang on are not asked for.
pub(super) fn count(cx: &mut Cx<'_>, value: &Value) -> Result<usize, Exception> {
    if is_collection(cx, value)
        && let Some(n) = cx.known_length(value)
    {
        return Ok(n);
    }
    match lazy_source(cx, value) {
        Some(Source::Order(from, _, part)) => {
            let (from, part) = (from.clone(), part.clone());
            let n = i64::from(index_int(count(cx, &from)?)).min(part.end) - part.start;
            Ok(usize::try_from(n).unwrap_or_default())
        }
        Some(Source::Concat(one, other)) => {
            let (one, other) = (one.clone(), other.clone());
            Ok(count(cx, &one)?.saturating_add(count(cx, &other)?))
        }
        Some(Source::Append(from, _) | Source::Prepend(from, _)) => {
            let from = from.clone();
            Ok(count(cx, &from)?.saturating_add(1))
        }
        Some(Source::DefaultIfEmpty(from, _)) => {
            let from = from.clone();
            Ok(count(cx, &from)?.max(1))
        }
        Some(Source::Reverse(from)) => {
            let from = from.clone();
            count(cx, &from)
        }
        Some(Source::SelectMany { from, function, indexed: false, result: None }) => {
            let (from, function) = (from.clone(), function.clone());
            let mut n: usize = 0;
            inner(cx, &from, &function, "source", &mut |cx, items| {
                n = n.saturating_add(count(cx, &items)?);
                Ok(())
            })?;
            Ok(n)
        }
        Some(Source::Group(_)) => {
            let Some(Object::Sequence(sequence)) = cx.object_of(value) else { return Ok(0) };
            let sequence = sequence.clone();
            let Source::Group(group) = &sequence.source else { return Ok(0) };
            Ok(cx.grouped(group)?.groups.len())
        }
        _ => {
            let mut n: usize = 0;
            cx.each(value, &mut |cx, _| {
                cx.step(1)?;
                n = n.saturating_add(1);
                Ok(true)
            })?;
            Ok(n)
        }
    }
}

/// Hands on each sequence that a function makes, which must not be null.
fn inner(
    cx: &mut Cx<'_>,
    from: &Value,
    function: &Value,
    name: &str,
    visit: &mut dyn FnMut(&mut Cx<'_>, Value) -> Result<(), Exception>,
) -> Result<(), Exception> {
    cx.each(from, &mut |cx, item| {
        cx.step(1)?;
        let items = cx.invoke(function, &[item])?;
        if items.is_null() {
            return Err(crate::eval::null_argument(name));
        }
        visit(cx, items).map(|()| true)
    })?;
    Ok(())
}

/// `ToArray()` of a sequence, given its items. What is made by way of a set or of groups is a new array even when it is empty.
pub(super) fn to_array(cx: &mut Cx<'_>, value: &Value, item: &Ty, items: Vec<Value>) -> Run {
    let anew = matches!(
        lazy_source(cx, value),
        Some(Source::Distinct(..) | Source::Union(..) | Source::Group(_))
    );
    if anew {
        return cx.state.array(item.clone(), items);
    }
    cx.state.array_or_shared(Shared::Array, item.clone(), items)
}

/// Whether it is an array without items.
pub(super) fn is_empty_array(cx: &Cx<'_>, value: &Value) -> bool {
    match value {
        Value::Bytes(bytes) => bytes.is_empty(),
        _ => {
            matches!(cx.object_of(value), Some(Object::Array { items, .. }) if items.is_empty())
        }
    }
}

/// Whether `Skip` takes nothing from it by giving it as it is.
pub(super) fn is_iterator(cx: &Cx<'_>, value: &Value) -> bool {
    matches!(
        lazy_source(cx, value),
        Some(
            Source::Select { indexed: false, .. }
                | Source::SelectMany { indexed: false, result: None, .. }
                | Source::Where { indexed: false, .. }
                | Source::Take(..)
                | Source::Skip(..)
                | Source::Concat(..)
                | Source::Append(..)
                | Source::Prepend(..)
                | Source::Distinct(..)
                | Source::Union(..)
                | Source::Reverse(_)
                | Source::Order(..)
                | Source::Range(..)
                | Source::Repeat(..)
                | Source::DefaultIfEmpty(..)
        )
    )
}

/// How many items it has, where `Skip` and `Take` compare their number with it: numbers in a row, a value many times, and
/// what is selected of an array.
pub(super) fn compared_length(cx: &Cx<'_>, value: &Value) -> Option<i64> {
    match lazy_source(cx, value)? {
        Source::Range(_, count) | Source::Repeat(_, count) => Some(*count),
        Source::Select { from, indexed: false, .. } => {
            let array = matches!(from, Value::Bytes(_))
                || matches!(cx.object_of(from), Some(Object::Array { .. }));
            if array { i64::try_from(cx.known_length(from)?).ok() } else { None }
        }
        _ => None,
    }
}

/// A list of the items. `SelectMany` adds each of its sequences to it.
pub(super) fn to_list(cx: &mut Cx<'_>, value: &Value, item: &Ty) -> Run {
    let many = match lazy_source(cx, value) {
        Some(Source::SelectMany { from, function, indexed: false, result: None }) => {
            Some((from.clone(), function.clone()))
        }
        _ => None,
    };
    let Some((from, function)) = many else {
        let items = cx.collect(value)?;
        return cx.state.list(item.clone(), items);
    };
    let mut all = Vec::new();
    inner(cx, &from, &function, "collection", &mut |cx, items| {
        all.extend(cx.collect(&items)?);
        Ok(())
    })?;
    cx.state.list(item.clone(), all)
}
