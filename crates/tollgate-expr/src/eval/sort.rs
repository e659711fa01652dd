//! Order: `Comparer<T>.Default`, `OrderBy`, and the sort of arrays and lists, which is not stable.

use std::cmp::Ordering;
use std::ops::Range;

use super::sequence::Key;
use super::{Cx, Result};
use crate::text::Comparison;
use crate::types::TypeId;
use crate::{Exception, ExceptionKind, Value};

/// How two values are compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order<'a> {
    /// `Comparer<T>.Default`.
    Default,
    /// An `IComparer<T>` object.
    Comparer(&'a Value),
    /// A function.
    Comparison(&'a Value),
}

/// How a sort compares two items.
type Compare<'c, T> = &'c mut dyn FnMut(&mut Cx<'_>, &T, &T) -> Result<Ordering>;

/// Longest part that is sorted by insertion.
const SMALL: usize = 16;

impl Cx<'_> {
    /// What `OrderBy` and `ThenBy` give of the places in a part: in order of the keys, equal items as they came.
    pub(crate) fn sorted(
        &mut self,
        from: &Value,
        keys: &[Key],
        part: &Range<i64>,
    ) -> Result<Vec<Value>> {
        let items = self.collect(from)?;
        let place = |place: i64| usize::try_from(place).unwrap_or(0).min(items.len());
        let (start, end) = (place(part.start), place(part.end));
        if start >= end {
            return Ok(Vec::new());
        }
        let mut columns = Vec::new();
        for key in keys {
            let mut column = Vec::with_capacity(items.len());
            for item in &items {
                self.step(1)?;
                self.charge(crate::state::SLOT_COST)?;
                column.push(self.invoke(&key.function, std::slice::from_ref(item))?);
            }
            columns.push(column);
        }
        // .NET sorts all of them as it sorts arrays; parts it sorts in a way of its own, which has no words of its own.
        let whole = part.start == 0 && part.end == i64::MAX;
        let mut places: Vec<usize> = (0..items.len()).collect();
        self.introsort(&mut places, &mut |cx, left, right| {
            for (column, key) in columns.iter().zip(keys) {
                let (Some(a), Some(b)) = (column.get(*left), column.get(*right)) else { continue };
                let order = cx.compare_by(a, b, key.order());
                let order = if whole { order.map_err(uncomparable)? } else { order? };
                if order.is_ne() {
                    return Ok(if key.descending { order.reverse() } else { order });
                }
            }
            Ok(left.cmp(right))
        })?;
        let mut items: Vec<Option<Value>> = items.into_iter().map(Some).collect();
        let places = places.get(start..end).unwrap_or_default();
        Ok(places.iter().filter_map(|place| items.get_mut(*place)?.take()).collect())
    }

    /// The first or last in order of the keys, of the items that pass a test if there is one. Nothing is sorted for it.
    pub(crate) fn ordered_end(
        &mut self,
        from: &Value,
        keys: &[Key],
        test: Option<&Value>,
        last: bool,
    ) -> Result<Option<Value>> {
        let mut best = None;
        let mut known: Vec<Value> = Vec::new();
        self.each(from, &mut |cx, item| {
            cx.step(1)?;
            if let Some(test) = test
                && !cx.test(test, item.clone())?
            {
                return Ok(true);
            }
            let better = match best {
                None => {
                    cx.renew(&mut known, keys, 0, &item)?;
                    true
                }
                Some(_) => cx.is_beyond(&mut known, keys, &item, last)?,
            };
            if better {
                best = Some(item);
            }
            Ok(true)
        })?;
        Ok(best)
    }

    /// Puts the keys of an item from a place on in the place of those known.
    fn renew(
        &mut self,
        known: &mut Vec<Value>,
        keys: &[Key],
        place: usize,
        item: &Value,
    ) -> Result<()> {
        known.truncate(place);
        for key in keys.iter().skip(place) {
            known.push(self.invoke(&key.function, std::slice::from_ref(item))?);
        }
        Ok(())
    }

    /// Whether an item comes before the one with the known keys, or not before it when `last`; the keys are its then.
    fn is_beyond(
        &mut self,
        known: &mut Vec<Value>,
        keys: &[Key],
        item: &Value,
        last: bool,
    ) -> Result<bool> {
        for (place, key) in keys.iter().enumerate() {
            let own = self.invoke(&key.function, std::slice::from_ref(item))?;
            let Some(held) = known.get(place) else { break };
            let order = if key.descending {
                self.compare_by(held, &own, key.order())?
            } else {
                self.compare_by(&own, held, key.order())?
            };
            if order.is_eq() {
                continue;
            }
            let beyond = order.is_lt() != last;
            if beyond {
                known.truncate(place);
                known.push(own);
                self.renew(known, keys, place + 1, item)?;
            }
            return Ok(beyond);
        }
        Ok(last)
    }

    /// The order of two values.
    pub(crate) fn compare_by(
        &mut self,
        left: &Value,
        right: &Value,
        how: Order<'_>,
    ) -> Result<Ordering> {
        match how {
            Order::Comparer(Value::Enum(TypeId::StringComparer, number)) => match (left, right) {
                (Value::Str(left), Value::Str(right)) => {
                    Ok(crate::text::compare(left, right, Comparison::of(*number)))
                }
                _ => self.order_of(left, right),
            },
            Order::Comparer(Value::Enum(TypeId::XNodeDocumentOrderComparer, _)) => {
                match (left, right) {
                    (Value::Xml(left), Value::Xml(right)) => {
                        self.state.xml.order(*left, *right, &mut self.state.budget)
                    }
                    _ => self.order_of(left, right),
                }
            }
            Order::Default | Order::Comparer(_) => self.order_of(left, right),
            Order::Comparison(function) => {
                self.step(1)?;
                let result = self.invoke(function, &[left.clone(), right.clone()])?;
                Ok(result.as_int().unwrap_or_default().cmp(&0))
            }
        }
    }

    /// `Comparer<T>.Default`: null first, strings by culture, NaN before all numbers.
    pub(crate) fn order_of(&self, left: &Value, right: &Value) -> Result<Ordering> {
        Ok(match (left, right) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Less,
            (_, Value::Null) => Ordering::Greater,
            (Value::Str(left), Value::Str(right)) => {
                crate::text::compare_culture(left, right, false)
            }
            (Value::Json(left), Value::Json(right))
                if self.state.json.scalar(*left).is_some()
                    && self.state.json.scalar(*right).is_some() =>
            {
                self.state.json.compare_values(*left, Some(*right))?
            }
            (Value::Guid(left), Value::Guid(right)) => left.cmp(right),
            (Value::Record(left), Value::Record(right))
                if left.ty == right.ty && super::is_tuple(&left.ty) =>
            {
                for (left, right) in left.values.iter().zip(&right.values) {
                    let order = self.order_of(left, right)?;
                    if order.is_ne() {
                        return Ok(order);
                    }
                }
                Ordering::Equal
            }
            (Value::Enum(..), _) => self.compare_objects(left, right)?.cmp(&0),
            _ => match super::number::order(left, right) {
                Some(order) => order,
                None => self.compare_objects(left, right)?.cmp(&0),
            },
        })
    }

    /// Sorts as `Array.Sort` does, step by step, so that items that are equal end where .NET leaves them.
    pub(crate) fn introsort<T>(&mut self, items: &mut [T], compare: Compare<'_, T>) -> Result<()> {
        if items.len() < 2 {
            return Ok(());
        }
        self.step(items.len() as u64)?;
        let mut limit = 2 * (items.len().ilog2() + 1);
        let mut parts = vec![(0, items.len() - 1, limit)];
        while let Some((low, mut high, depth)) = parts.pop() {
            limit = depth;
            while high > low {
                self.step((high - low) as u64 / 4 + 1)?;
                let size = high - low + 1;
                if size <= SMALL {
                    self.sort_small(items, low, high, compare)?;
                    break;
                }
                if limit == 0 {
                    self.heapsort(items, low, high, compare)?;
                    break;
                }
                limit -= 1;
                let pivot = self.partition(items, low, high, compare)?;
                // .NET calls itself for the right part first; the parts do not meet, so the order does not show.
                parts.push((pivot + 1, high, limit));
                match pivot.checked_sub(1) {
                    Some(end) => high = end,
                    None => break,
                }
            }
        }
        Ok(())
    }

    fn places_order<T>(
        &mut self,
        items: &[T],
        left: usize,
        right: usize,
        compare: Compare<'_, T>,
    ) -> Result<Ordering> {
        self.step(1)?;
        match (items.get(left), items.get(right)) {
            (Some(left), Some(right)) => compare(self, left, right),
            _ => Err(bogus()),
        }
    }

    fn swap_if_greater<T>(
        &mut self,
        items: &mut [T],
        left: usize,
        right: usize,
        compare: Compare<'_, T>,
    ) -> Result<()> {
        if left != right && self.places_order(items, left, right, compare)?.is_gt() {
            items.swap(left, right);
        }
        Ok(())
    }

    fn sort_small<T>(
        &mut self,
        items: &mut [T],
        low: usize,
        high: usize,
        compare: Compare<'_, T>,
    ) -> Result<()> {
        match high - low {
            0 => Ok(()),
            1 => self.swap_if_greater(items, low, high, compare),
            2 => {
                self.swap_if_greater(items, low, high - 1, compare)?;
                self.swap_if_greater(items, low, high, compare)?;
                self.swap_if_greater(items, high - 1, high, compare)
            }
            _ => {
                for next in low..high {
                    let mut place = next + 1;
                    while place > low
                        && self.places_order(items, place, place - 1, compare)?.is_lt()
                    {
                        items.swap(place, place - 1);
                        place -= 1;
                    }
                }
                Ok(())
            }
        }
    }

    fn partition<T>(
        &mut self,
        items: &mut [T],
        low: usize,
        high: usize,
        compare: Compare<'_, T>,
    ) -> Result<usize> {
        let middle = low + (high - low) / 2;
        self.swap_if_greater(items, low, middle, compare)?;
        self.swap_if_greater(items, low, high, compare)?;
        self.swap_if_greater(items, middle, high, compare)?;
        let pivot = high - 1;
        items.swap(middle, pivot);
        let (mut left, mut right) = (low, pivot);
        while left < right {
            left += 1;
            while self.places_order(items, left, pivot, compare)?.is_lt() {
                left += 1;
            }
            right = right.checked_sub(1).ok_or_else(bogus)?;
            while self.places_order(items, pivot, right, compare)?.is_lt() {
                right = right.checked_sub(1).ok_or_else(bogus)?;
            }
            if left >= right {
                break;
            }
            items.swap(left, right);
        }
        if left < items.len() {
            items.swap(left, pivot);
        }
        Ok(left)
    }

    fn heapsort<T>(
        &mut self,
        items: &mut [T],
        low: usize,
        high: usize,
        compare: Compare<'_, T>,
    ) -> Result<()> {
        let n = high - low + 1;
        for place in (1..=n / 2).rev() {
            self.sift(items, place, n, low, compare)?;
        }
        for place in (2..=n).rev() {
            items.swap(low, low + place - 1);
            self.sift(items, 1, place - 1, low, compare)?;
        }
        Ok(())
    }

    fn sift<T>(
        &mut self,
        items: &mut [T],
        mut place: usize,
        n: usize,
        low: usize,
        compare: Compare<'_, T>,
    ) -> Result<()> {
        while place <= n / 2 {
            let mut child = 2 * place;
            if child < n && self.places_order(items, low + child - 1, low + child, compare)?.is_lt()
            {
                child += 1;
            }
            if !self.places_order(items, low + place - 1, low + child - 1, compare)?.is_lt() {
                break;
            }
            items.swap(low + place - 1, low + child - 1);
            place = child;
        }
        Ok(())
    }
}

/// What a sort throws when a comparison does.
#[cold]
pub(crate) fn uncomparable(exception: Exception) -> Exception {
    if exception.is_bound() {
        return exception;
    }
    let message = "Failed to compare two elements in the array.";
    Exception::new(ExceptionKind::InvalidOperation, message).with_inner(exception)
}

/// A comparison that contradicts itself leads out of the array.
#[cold]
fn bogus() -> Exception {
    let message = "Unable to sort because the IComparer.Compare() method returns inconsistent results. Either a value does not compare equal to itself, or one value repeatedly compared to another value yields different results. IComparer: 'System.Comparison'.";
    Exception::new(ExceptionKind::Argument, message)
}
