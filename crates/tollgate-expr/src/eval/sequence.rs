//! Sequences: arrays, lists, strings, tokens, and the lazy ones that LINQ makes.

use std::sync::Arc;

use super::{Cx, Result};
use crate::collections::Comparer;
use crate::json::JsonType;
use crate::state::{Object, confusion};
use crate::types::{Ty, TypeId};
use crate::{Exception, ExceptionKind, Value};

/// A lazy sequence.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) ty: Ty,
    pub(crate) source: Source,
}

/// Where its items come from.
#[derive(Debug)]
pub(crate) enum Source {
    Items(Vec<Value>),
    Select { from: Value, function: Value, indexed: bool },
    SelectMany { from: Value, function: Value },
    Where { from: Value, function: Value, indexed: bool },
    Take(Value, i64),
    Skip(Value, i64),
    TakeWhile(Value, Value),
    SkipWhile(Value, Value),
    Concat(Value, Value),
    Append(Value, Value),
    Prepend(Value, Value),
    Distinct(Value, Comparer),
    Except(Value, Value, Comparer),
    Intersect(Value, Value, Comparer),
    Zip(Value, Value, Value),
    Reverse(Value),
    Order(Value, Vec<Key>),
    Range(i64, i64),
    Repeat(Value, i64),
    DefaultIfEmpty(Value, Value),
    Cast(Value, Ty),
    OfType(Value, Ty),
}

/// A key to order by.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) function: Value,
    pub(crate) descending: bool,
}

/// What a walk does with an item: whether it goes on.
type Visit<'v> = &'v mut dyn FnMut(&mut Cx<'_>, Value) -> Result<bool>;

#[cold]
fn modified() -> Exception {
    Exception::new(
        ExceptionKind::InvalidOperation,
        "Collection was modified; enumeration operation may not execute.",
    )
}

impl Cx<'_> {
    /// Walks over a sequence until `visit` says no; whether it came to the end.
    pub(crate) fn each(&mut self, source: &Value, visit: Visit<'_>) -> Result<bool> {
        match source {
            Value::Null => Err(super::null_argument("source")),
            Value::Object(id) => {
                let id = *id;
                match self.state.object(id) {
                    Object::Sequence(sequence) => {
                        let sequence = sequence.clone();
                        self.state.budget.enter()?;
                        let result = self.each_of(&sequence.source, visit);
                        self.state.budget.leave();
                        result
                    }
                    Object::Native(_) => self.each_native(source, visit),
                    _ => self.each_object(source, visit),
                }
            }
            Value::Bytes(bytes) => {
                for index in 0..bytes.len() {
                    let byte = match self.state.promoted(bytes) {
                        Some(now) => now.get(index).copied(),
                        None => bytes.get(index).copied(),
                    };
                    if !visit(self, Value::Byte(byte.unwrap_or_default()))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Value::Str(text) => {
                for unit in text.encode_utf16() {
                    if !visit(self, Value::Char(unit))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Value::Json(id) => {
                let children = self.state.json.children(*id, &mut self.state.budget)?;
                for child in children {
                    if !visit(self, Value::Json(child))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Value::Native(_) => self.each_native(source, visit),
            other => {
                let items = crate::types::context::entries(self, other)?;
                self.each_value(items, visit)
            }
        }
    }

    fn each_value(&mut self, items: Vec<Value>, visit: Visit<'_>) -> Result<bool> {
        for item in items {
            if !visit(self, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Walks by index, so that changes made on the way are seen.
    fn each_object(&mut self, source: &Value, visit: Visit<'_>) -> Result<bool> {
        let Value::Object(id) = *source else { return Err(confusion()) };
        let mut index = 0;
        let mut first_version = None;
        loop {
            let item = match self.state.object(id) {
                Object::Array { items, .. } => items.get(index).cloned(),
                Object::List { items, version, .. } => {
                    if *first_version.get_or_insert(*version) != *version {
                        return Err(modified());
                    }
                    items.get(index).cloned()
                }
                Object::Queue { items, .. } => items.get(index).cloned(),
                Object::Stack { items, .. } => items.iter().rev().nth(index).cloned(),
                Object::Set(set) => {
                    if *first_version.get_or_insert(set.version()) != set.version() {
                        return Err(modified());
                    }
                    // A copy once, then as above by version.
                    let items: Vec<Value> = set.iter().cloned().collect();
                    return self.each_checked(id, items, visit);
                }
                Object::Dictionary(map) => {
                    let ty =
                        Ty::generic(TypeId::KeyValuePair, [map.key.clone(), map.value.clone()]);
                    let pairs = map
                        .iter()
                        .map(|(key, value)| Value::pair(ty.clone(), key.clone(), value.clone()));
                    let items: Vec<Value> = pairs.collect();
                    self.charge(items.len() * 2 * crate::state::SLOT_COST)?;
                    return self.each_checked(id, items, visit);
                }
                _ => return Err(confusion()),
            };
            let Some(item) = item else { return Ok(true) };
            index += 1;
            if !visit(self, item)? {
                return Ok(false);
            }
        }
    }

    fn each_checked(
        &mut self,
        id: crate::state::ObjectId,
        items: Vec<Value>,
        visit: Visit<'_>,
    ) -> Result<bool> {
        let version = |cx: &Self| match cx.state.object(id) {
            Object::Set(set) => set.version(),
            Object::Dictionary(map) => map.version,
            _ => 0,
        };
        let first = version(self);
        for item in items {
            if version(self) != first {
                return Err(modified());
            }
            if !visit(self, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn each_of(&mut self, source: &Source, visit: Visit<'_>) -> Result<bool> {
        match source {
            Source::Items(items) => self.each_value(items.clone(), visit),
            Source::Select { from, function, indexed } => {
                let mut index = 0;
                self.each(from, &mut |cx, item| {
                    cx.step(1)?;
                    let mapped = call_indexed(cx, function, item, *indexed, &mut index)?;
                    visit(cx, mapped)
                })
            }
            Source::SelectMany { from, function } => self.each(from, &mut |cx, item| {
                let inner = cx.invoke(function, &[item])?;
                cx.each(&inner, visit)
            }),
            Source::Where { from, function, indexed } => {
                let mut index = 0;
                self.each(from, &mut |cx, item| {
                    cx.step(1)?;
                    let keep = call_indexed(cx, function, item.clone(), *indexed, &mut index)?;
                    if matches!(keep, Value::Bool(true)) { visit(cx, item) } else { Ok(true) }
                })
            }
            Source::Take(from, count) => {
                let mut left = *count;
                if left <= 0 {
                    return Ok(true);
                }
                let mut stopped = false;
                self.each(from, &mut |cx, item| {
                    left -= 1;
                    stopped = !visit(cx, item)?;
                    Ok(!stopped && left > 0)
                })?;
                Ok(!stopped)
            }
            Source::Skip(from, count) => {
                let mut left = *count;
                self.each(from, &mut |cx, item| {
                    cx.step(1)?;
                    if left > 0 {
                        left -= 1;
                        return Ok(true);
                    }
                    visit(cx, item)
                })
            }
            _ => self.each_more(source, visit),
        }
    }

    fn each_more(&mut self, source: &Source, visit: Visit<'_>) -> Result<bool> {
        match source {
            Source::TakeWhile(from, function) => {
                let mut stopped = false;
                self.each(from, &mut |cx, item| {
                    if !cx.test(function, item.clone())? {
                        return Ok(false);
                    }
                    stopped = !visit(cx, item)?;
                    Ok(!stopped)
                })?;
                Ok(!stopped)
            }
            Source::SkipWhile(from, function) => {
                let mut skipping = true;
                self.each(from, &mut |cx, item| {
                    skipping = skipping && cx.test(function, item.clone())?;
                    if skipping { Ok(true) } else { visit(cx, item) }
                })
            }
            Source::Concat(first, second) => {
                Ok(self.each(first, visit)? && self.each(second, visit)?)
            }
            Source::Append(from, item) => Ok(self.each(from, visit)? && visit(self, item.clone())?),
            Source::Prepend(from, item) => {
                Ok(visit(self, item.clone())? && self.each(from, visit)?)
            }
            Source::Distinct(from, comparer) => {
                let mut seen = crate::collections::Set::new(Ty::OBJECT, *comparer);
                self.each(from, &mut |cx, item| {
                    cx.charge(2 * crate::state::SLOT_COST)?;
                    if seen.insert(item.clone()) { visit(cx, item) } else { Ok(true) }
                })
            }
            Source::Except(from, other, comparer) | Source::Intersect(from, other, comparer) => {
                let wanted = matches!(source, Source::Intersect(..));
                let mut others = crate::collections::Set::new(Ty::OBJECT, *comparer);
                for item in self.collect(other)? {
                    others.insert(item);
                }
                let mut seen = crate::collections::Set::new(Ty::OBJECT, *comparer);
                self.each(from, &mut |cx, item| {
                    cx.charge(2 * crate::state::SLOT_COST)?;
                    let fits = others.contains(&item) == wanted && seen.insert(item.clone());
                    if fits { visit(cx, item) } else { Ok(true) }
                })
            }
            Source::Zip(first, second, function) => {
                let others = self.collect(second)?;
                let mut others = others.into_iter();
                self.each(first, &mut |cx, item| match others.next() {
                    Some(other) => {
                        let joined = cx.invoke(function, &[item, other])?;
                        visit(cx, joined)
                    }
                    None => Ok(false),
                })
            }
            _ => self.each_whole(source, visit),
        }
    }

    fn each_whole(&mut self, source: &Source, visit: Visit<'_>) -> Result<bool> {
        match source {
            Source::Reverse(from) => {
                let mut items = self.collect(from)?;
                items.reverse();
                self.each_value(items, visit)
            }
            Source::Order(from, keys) => {
                let items = self.sorted(from, keys)?;
                self.each_value(items, visit)
            }
            Source::Range(start, count) => {
                for n in *start..start.saturating_add(*count) {
                    self.step(1)?;
                    if !visit(self, Value::Int(i32::try_from(n).unwrap_or_default()))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Source::Repeat(item, count) => {
                for _ in 0..*count {
                    self.step(1)?;
                    if !visit(self, item.clone())? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Source::DefaultIfEmpty(from, default) => {
                let mut empty = true;
                let done = self.each(from, &mut |cx, item| {
                    empty = false;
                    visit(cx, item)
                })?;
                if empty { visit(self, default.clone()) } else { Ok(done) }
            }
            Source::Cast(from, ty) => self.each(from, &mut |cx, item| {
                let item = cx.cast(item, ty)?;
                visit(cx, item)
            }),
            Source::OfType(from, ty) => self.each(from, &mut |cx, item| {
                if cx.is_instance(&item, ty) { visit(cx, item) } else { Ok(true) }
            }),
            _ => Err(confusion()),
        }
    }

    /// All items.
    pub(crate) fn collect(&mut self, source: &Value) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        self.each(source, &mut |cx, item| {
            cx.step(1)?;
            cx.charge(crate::state::SLOT_COST)?;
            items.push(item);
            Ok(true)
        })?;
        Ok(items)
    }

    fn sorted(&mut self, from: &Value, keys: &[Key]) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        for item in self.collect(from)? {
            let mut values = Vec::new();
            for key in keys {
                values.push(self.invoke(&key.function, std::slice::from_ref(&item))?);
            }
            items.push((values, item));
        }
        let mut failed = None;
        // The sort compares n log n times.
        self.step(items.len() as u64 * 16)?;
        items.sort_by(|(left, _), (right, _)| {
            let pairs = left.iter().zip(right).zip(keys);
            let mut order = std::cmp::Ordering::Equal;
            for ((left, right), key) in pairs {
                match self.order_of(left, right) {
                    Ok(found) => order = if key.descending { found.reverse() } else { found },
                    Err(exception) => failed = Some(exception),
                }
                if order.is_ne() {
                    break;
                }
            }
            order
        });
        match failed {
            Some(exception) => Err(exception),
            None => Ok(items.into_iter().map(|(_, item)| item).collect()),
        }
    }

    /// `Comparer.Default`: null first, strings by culture, numbers with NaN first.
    pub(crate) fn order_of(&self, left: &Value, right: &Value) -> Result<std::cmp::Ordering> {
        use std::cmp::Ordering;
        Ok(match (left, right) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Less,
            (_, Value::Null) => Ordering::Greater,
            (Value::Str(left), Value::Str(right)) => {
                crate::text::compare_culture(left, right, false)
            }
            (Value::Json(left), Value::Json(right)) => {
                self.state.json.compare_values(*left, Some(*right))?
            }
            (Value::Guid(left), Value::Guid(right)) => left.cmp(right),
            _ => match super::number::order(left, right) {
                Some(order) => order,
                None if left.as_double().is_some_and(f64::is_nan) => Ordering::Less,
                None if right.as_double().is_some_and(f64::is_nan) => Ordering::Greater,
                None => {
                    return Err(Exception::new(
                        ExceptionKind::Argument,
                        "At least one object must implement IComparable.",
                    ));
                }
            },
        })
    }

    /// A lazy sequence with items of a type.
    pub(crate) fn lazy(&mut self, item: Ty, source: Source) -> Result<Value> {
        let sequence = Sequence { ty: Ty::enumerable(item), source };
        self.state.add(Object::Sequence(Arc::new(sequence)))
    }

    /// How many items there are, when that is known without walking.
    pub(crate) fn known_length(&self, source: &Value) -> Option<usize> {
        Some(match source {
            Value::Bytes(bytes) => bytes.len(),
            Value::Str(text) => crate::text::length(text),
            Value::Json(id) if self.state.json.token_type(*id) != JsonType::None => {
                self.state.json.count(*id)
            }
            Value::Object(id) => match self.state.object(*id) {
                Object::Array { items, .. }
                | Object::List { items, .. }
                | Object::Stack { items, .. } => items.len(),
                Object::Queue { items, .. } => items.len(),
                Object::Dictionary(map) => map.len(),
                Object::Set(set) => set.len(),
                Object::Sequence(sequence) => match &sequence.source {
                    Source::Items(items) => items.len(),
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        })
    }

    /// `array[index]`.
    pub(crate) fn array_get(&self, array: &Value, index: i64) -> Result<Value> {
        let index = usize::try_from(index).map_err(|_| out_of_bounds())?;
        let item = match array {
            Value::Null => return Err(Exception::null_reference()),
            Value::Bytes(bytes) => {
                let byte = match self.state.promoted(bytes) {
                    Some(now) => now.get(index),
                    None => bytes.get(index),
                };
                byte.map(|byte| Value::Byte(*byte))
            }
            other => match self.object_of(other) {
                Some(Object::Array { items, .. }) => items.get(index).cloned(),
                _ => return Err(confusion()),
            },
        };
        item.ok_or_else(out_of_bounds)
    }

    /// `array[index] = value`.
    pub(crate) fn array_set(&mut self, array: &Value, index: i64, value: Value) -> Result<()> {
        let index = usize::try_from(index).map_err(|_| out_of_bounds())?;
        match array {
            Value::Null => Err(Exception::null_reference()),
            Value::Bytes(bytes) => {
                let Value::Byte(byte) = value else { return Err(confusion()) };
                let now = self.state.bytes_mut(bytes)?;
                now.get_mut(index).map(|place| *place = byte).ok_or_else(out_of_bounds)
            }
            Value::Object(id) => match self.state.object_mut(*id) {
                Some(Object::Array { items, .. }) => {
                    items.get_mut(index).map(|place| *place = value).ok_or_else(out_of_bounds)
                }
                _ => Err(confusion()),
            },
            _ => Err(confusion()),
        }
    }
}

#[cold]
fn out_of_bounds() -> Exception {
    Exception::new(ExceptionKind::IndexOutOfRange, "Index was outside the bounds of the array.")
}

fn call_indexed(
    cx: &mut Cx<'_>,
    function: &Value,
    item: Value,
    indexed: bool,
    index: &mut i32,
) -> Result<Value> {
    if !indexed {
        return cx.invoke(function, &[item]);
    }
    let n = Value::Int(*index);
    *index = index.saturating_add(1);
    cx.invoke(function, &[item, n])
}
