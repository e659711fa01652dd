//! Grouping and joining: what LINQ's lookups are made of.

use std::collections::HashMap;

use super::cursor::Lazy;
use super::{Cx, Result};
use crate::Value;
use crate::collections::{Comparer, Key};
use crate::eval::Source;
use crate::state::SLOT_COST;
use crate::types::{Ty, TypeId};

/// `GroupBy`.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) from: Value,
    pub(crate) key: Value,
    pub(crate) element: Option<Value>,
    pub(crate) result: Option<Value>,
    pub(crate) comparer: Comparer,
    pub(crate) key_ty: Ty,
    pub(crate) item_ty: Ty,
}

/// `Join` and `GroupJoin`.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) outer: Value,
    pub(crate) inner: Value,
    pub(crate) outer_key: Value,
    pub(crate) inner_key: Value,
    pub(crate) result: Value,
    pub(crate) comparer: Comparer,
    pub(crate) inner_ty: Ty,
    pub(crate) grouped: bool,
}

/// Items by key, keys in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    places: HashMap<Key, usize>,
    pub(crate) groups: Vec<(Value, Vec<Value>)>,
}

impl Groups {
    fn find(&self, key: &Key) -> Option<&[Value]> {
        let place = self.places.get(key)?;
        self.groups.get(*place).map(|(_, items)| items.as_slice())
    }

    fn add(&mut self, hashed: Key, key: Value, item: Value) {
        let place = *self.places.entry(hashed).or_insert_with(|| {
            self.groups.push((key, Vec::new()));
            self.groups.len() - 1
        });
        if let Some((_, items)) = self.groups.get_mut(place) {
            items.push(item);
        }
    }
}

impl Cx<'_> {
    /// The items of a sequence by what a function makes of them.
    pub(crate) fn groups(
        &mut self,
        from: &Value,
        key: &Value,
        element: Option<&Value>,
        how: Comparer,
        skip_null: bool,
    ) -> Result<Groups> {
        let mut groups = Groups::default();
        self.each(from, &mut |cx, item| {
            cx.step(1)?;
            cx.charge(4 * SLOT_COST)?;
            let own = cx.invoke(key, std::slice::from_ref(&item))?;
            if skip_null && own.is_null() {
                return Ok(true);
            }
            let item = match element {
                Some(element) => cx.invoke(element, &[item])?,
                None => item,
            };
            let hashed = cx.key(&own, how)?;
            groups.add(hashed, own, item);
            Ok(true)
        })?;
        Ok(groups)
    }

    /// A group as an object.
    pub(crate) fn grouping(
        &mut self,
        key_ty: &Ty,
        item_ty: &Ty,
        key: Value,
        items: Vec<Value>,
    ) -> Result<Value> {
        let ty = Ty::generic(TypeId::IGrouping, [key_ty.clone(), item_ty.clone()]);
        let items = self.lazy(item_ty.clone(), Source::Items(items))?;
        Ok(Value::pair(ty, key, items))
    }

    /// The groups that `GroupBy` makes.
    pub(crate) fn grouped(&mut self, group: &Group) -> Result<Groups> {
        self.groups(&group.from, &group.key, group.element.as_ref(), group.comparer, false)
    }

    /// The next group that `GroupBy` gives, or what a function makes of it.
    pub(super) fn advance_group(
        &mut self,
        lazy: &mut Lazy,
        group: &Group,
    ) -> Result<Option<Value>> {
        if lazy.groups.is_none() {
            lazy.groups = Some(self.grouped(group)?);
        }
        let place = usize::try_from(lazy.index).unwrap_or(usize::MAX);
        let next = lazy.groups.as_mut().and_then(|known| known.groups.get_mut(place));
        let Some((key, items)) = next.map(std::mem::take) else { return Ok(None) };
        lazy.index += 1;
        Ok(Some(match &group.result {
            None => self.grouping(&group.key_ty, &group.item_ty, key, items)?,
            Some(result) => {
                let items = self.lazy(group.item_ty.clone(), Source::Items(items))?;
                self.invoke(result, &[key, items])?
            }
        }))
    }

    fn inner_groups(&mut self, join: &Join) -> Result<Groups> {
        self.groups(&join.inner, &join.inner_key, None, join.comparer, true)
    }

    /// What `GroupJoin` gives of the next item.
    pub(super) fn advance_group_join(
        &mut self,
        lazy: &mut Lazy,
        join: &Join,
    ) -> Result<Option<Value>> {
        let Some(outer) = self.pull(lazy, &join.outer)? else { return Ok(None) };
        if lazy.groups.is_none() {
            lazy.groups = Some(self.inner_groups(join)?);
        }
        let key = self.invoke(&join.outer_key, std::slice::from_ref(&outer))?;
        let hashed = self.key(&key, join.comparer)?;
        let found = lazy.groups.as_ref().and_then(|groups| groups.find(&hashed));
        let items = found.filter(|_| !key.is_null()).unwrap_or_default();
        self.state.budget.memory(items.len().saturating_mul(SLOT_COST))?;
        let items = self.lazy(join.inner_ty.clone(), Source::Items(items.to_vec()))?;
        self.invoke(&join.result, &[outer, items]).map(Some)
    }

    /// The next pair that `Join` finds.
    pub(super) fn advance_join(&mut self, lazy: &mut Lazy, join: &Join) -> Result<Option<Value>> {
        loop {
            self.step(1)?;
            if let Some(inner) = lazy.kept.pop_front() {
                return self.invoke(&join.result, &[lazy.outer.clone(), inner]).map(Some);
            }
            if lazy.groups.as_ref().is_some_and(|known| known.groups.is_empty()) {
                return Ok(None);
            }
            let Some(outer) = self.pull(lazy, &join.outer)? else { return Ok(None) };
            if lazy.groups.is_none() {
                let groups = self.inner_groups(join)?;
                let none = groups.groups.is_empty();
                lazy.groups = Some(groups);
                if none {
                    return Ok(None);
                }
            }
            let key = self.invoke(&join.outer_key, std::slice::from_ref(&outer))?;
            let hashed = self.key(&key, join.comparer)?;
            let found = lazy.groups.as_ref().and_then(|groups| groups.find(&hashed));
            if let Some(items) = found.filter(|_| !key.is_null()) {
                self.state.budget.memory(items.len().saturating_mul(SLOT_COST))?;
                lazy.kept = items.iter().cloned().collect();
                lazy.outer = outer;
            }
        }
    }
}
