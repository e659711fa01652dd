//! Order: `Comparer<T>.Default`, `OrderBy`, and the sort of arrays and lists, which is not stable.

use std::cmp::Ordering;

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

/// Longest part that is sorted by insertion.
const SMALL: usize = 16;

impl Cx<'_> {
    /// What `OrderBy` and `ThenBy` give: in order of the keys, equal items as they came.
    pub(super) fn sorted(&mut self, from: &Value, keys: &[Key]) -> Result<Vec<Value>> {
        let items = self.collect(from)?;
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
        let mut failed = None;
        // The sort compares n log n times.
        self.step(items.len() as u64 * 16)?;
        let mut places: Vec<usize> = (0..items.len()).collect();
        places.sort_by(|left, right| {
            for (column, key) in columns.iter().zip(keys) {
                let (Some(left), Some(right)) = (column.get(*left), column.get(*right)) else {
                    continue;
                };
                let how = match &key.comparer {
                    Value::Null => Order::Default,
                    comparer => Order::Comparer(comparer),
                };
                match self.compare_by(left, right, how) {
                    Ok(Ordering::Equal) => {}
                    Ok(found) => return if key.descending { found.reverse() } else { found },
                    Err(exception) => {
                        failed.get_or_insert(exception);
                        return Ordering::Equal;
                    }
                }
            }
            Ordering::Equal
        });
        if let Some(exception) = failed {
            return Err(uncomparable(exception));
        }
        let mut items: Vec<Option<Value>> = items.into_iter().map(Some).collect();
        Ok(places.iter().filter_map(|place| items.get_mut(*place)?.take()).collect())
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
            (Value::Json(left), Value::Json(right)) => {
                self.state.json.compare_values(*left, *right)?
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
            _ => match super::number::order(left, right) {
                Some(order) => order,
                None => self.rare_order(left, right)?,
            },
        })
    }

    fn rare_order(&self, left: &Value, right: &Value) -> Result<Ordering> {
        let nan = |value: &Value| value.as_double().is_some_and(f64::is_nan);
        if std::mem::discriminant(left) == std::mem::discriminant(right) {
            match (nan(left), nan(right)) {
                (true, true) => return Ok(Ordering::Equal),
                (true, false) => return Ok(Ordering::Less),
                (false, true) => return Ok(Ordering::Greater),
                // Exceptions have no identity here: two of them are two objects.
                _ if matches!(left, Value::Exception(_)) => {}
                _ if super::number::same(left, right) => return Ok(Ordering::Equal),
                _ => {}
            }
        }
        let comparable = |value: &Value| {
            matches!(value, Value::Str(_) | Value::Bool(_) | Value::DateTime(_) | Value::Guid(_))
                || value.number().is_some()
        };
        let message = if comparable(left) {
            let own = self.state.type_of(left).full_name();
            let own = own.rsplit('.').next().unwrap_or_default();
            format!("Object must be of type {own}.")
        } else {
            "At least one object must implement IComparable.".to_owned()
        };
        Err(Exception::new(ExceptionKind::Argument, message))
    }

    /// Sorts as `Array.Sort` does, step by step, so that items that are equal end where .NET leaves them. `places` says
    /// which of the items go where: keys and what they carry move together.
    pub(crate) fn introsort(&mut self, items: &mut [(Value, Value)], how: Order<'_>) -> Result<()> {
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
                    self.sort_small(items, low, high, how)?;
                    break;
                }
                if limit == 0 {
                    self.heapsort(items, low, high, how)?;
                    break;
                }
                limit -= 1;
                let pivot = self.partition(items, low, high, how)?;
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

    fn key_order(
        &mut self,
        items: &[(Value, Value)],
        left: usize,
        right: usize,
        how: Order<'_>,
    ) -> Result<Ordering> {
        match (items.get(left), items.get(right)) {
            (Some((left, _)), Some((right, _))) => self.compare_keys(left, right, how),
            _ => Ok(Ordering::Equal),
        }
    }

    fn compare_keys(&mut self, left: &Value, right: &Value, how: Order<'_>) -> Result<Ordering> {
        self.step(1)?;
        let order = self.compare_by(left, right, how);
        order.map_err(uncomparable)
    }

    fn swap_if_greater(
        &mut self,
        items: &mut [(Value, Value)],
        left: usize,
        right: usize,
        how: Order<'_>,
    ) -> Result<()> {
        if left != right && self.key_order(items, left, right, how)?.is_gt() {
            items.swap(left, right);
        }
        Ok(())
    }

    fn sort_small(
        &mut self,
        items: &mut [(Value, Value)],
        low: usize,
        high: usize,
        how: Order<'_>,
    ) -> Result<()> {
        match high - low {
            0 => Ok(()),
            1 => self.swap_if_greater(items, low, high, how),
            2 => {
                self.swap_if_greater(items, low, high - 1, how)?;
                self.swap_if_greater(items, low, high, how)?;
                self.swap_if_greater(items, high - 1, high, how)
            }
            _ => {
                for next in low..high {
                    let mut place = next + 1;
                    while place > low && self.key_order(items, place, place - 1, how)?.is_lt() {
                        items.swap(place, place - 1);
                        place -= 1;
                    }
                }
                Ok(())
            }
        }
    }

    fn partition(
        &mut self,
        items: &mut [(Value, Value)],
        low: usize,
        high: usize,
        how: Order<'_>,
    ) -> Result<usize> {
        let middle = low + (high - low) / 2;
        self.swap_if_greater(items, low, middle, how)?;
        self.swap_if_greater(items, low, high, how)?;
        self.swap_if_greater(items, middle, high, how)?;
        items.swap(middle, high - 1);
        let pivot = items.get(high - 1).map(|(key, _)| key.clone()).unwrap_or_default();
        let (mut left, mut right) = (low, high - 1);
        while left < right {
            loop {
                left += 1;
                let at = items.get(left).map(|(key, _)| key.clone());
                let Some(at) = at else { return Err(bogus()) };
                if !self.compare_keys(&at, &pivot, how)?.is_lt() {
                    break;
                }
            }
            loop {
                right = right.checked_sub(1).ok_or_else(bogus)?;
                let at = items.get(right).map(|(key, _)| key.clone()).unwrap_or_default();
                if !self.compare_keys(&pivot, &at, how)?.is_lt() {
                    break;
                }
            }
            if left >= right {
                break;
            }
            items.swap(left, right);
        }
        if left < items.len() && high >= 1 {
            items.swap(left, high - 1);
        }
        Ok(left)
    }

    fn heapsort(
        &mut self,
        items: &mut [(Value, Value)],
        low: usize,
        high: usize,
        how: Order<'_>,
    ) -> Result<()> {
        let n = high - low + 1;
        for place in (1..=n / 2).rev() {
            self.sift(items, place, n, low, how)?;
        }
        for place in (2..=n).rev() {
            items.swap(low, low + place - 1);
            self.sift(items, 1, place - 1, low, how)?;
        }
        Ok(())
    }

    fn sift(
        &mut self,
        items: &mut [(Value, Value)],
        mut place: usize,
        n: usize,
        low: usize,
        how: Order<'_>,
    ) -> Result<()> {
        while place <= n / 2 {
            let mut child = 2 * place;
            if child < n && self.key_order(items, low + child - 1, low + child, how)?.is_lt() {
                child += 1;
            }
            if !self.key_order(items, low + place - 1, low + child - 1, how)?.is_lt() {
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
