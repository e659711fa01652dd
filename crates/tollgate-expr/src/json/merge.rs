//! `JContainer.Merge`.

use std::sync::Arc;

use super::heap::Body;
use super::{JsonHeap, JsonId, JsonType};
use crate::{Budget, Exception, ExceptionKind};

/// `MergeArrayHandling`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MergeArrays {
    #[default]
    Concat,
    Union,
    Replace,
    Merge,
}

/// `MergeNullValueHandling`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MergeNulls {
    #[default]
    Ignore,
    Merge,
}

/// `JsonMergeSettings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MergeSettings {
    /// What happens to arrays.
    pub(crate) arrays: MergeArrays,
    /// What happens to nulls.
    pub(crate) nulls: MergeNulls,
    /// Whether property names are compared without regard to case.
    pub(crate) any_case: bool,
}

/// Containers still to be merged: into, from.
type Pending = Vec<(JsonId, JsonId)>;

impl JsonHeap {
    /// `Merge(content, settings)`.
    pub(crate) fn merge(
        &mut self,
        container: JsonId,
        content: Option<JsonId>,
        settings: MergeSettings,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let Some(content) = content else { return Ok(()) };
        let mut pending = vec![(container, content)];
        while let Some((target, source)) = pending.pop() {
            budget.step(1)?;
            match (self.token_type(target), self.token_type(source)) {
                (JsonType::Object, JsonType::Object) => {
                    self.merge_object(target, source, settings, &mut pending, budget)?;
                }
                (JsonType::Array, JsonType::Array) => {
                    self.merge_items(target, source, settings, &mut pending, budget)?;
                }
                (JsonType::Constructor, JsonType::Constructor) => {
                    if let Some(name) = self.name(source).map(Arc::clone) {
                        self.rename(target, name);
                    }
                    self.merge_items(target, source, settings, &mut pending, budget)?;
                }
                (JsonType::Property, JsonType::Property) => {
                    let value = self.property_value(source);
                    if value.is_some_and(|value| self.token_type(value) != JsonType::Null) {
                        self.set_property_value(target, value, budget)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn merge_object(
        &mut self,
        target: JsonId,
        source: JsonId,
        settings: MergeSettings,
        pending: &mut Pending,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        for property in self.children(source, budget)? {
            budget.step(1)?;
            let (Some(name), Some(value)) =
                (self.name(property).cloned(), self.property_value(property))
            else {
                continue;
            };
            let existing = if settings.any_case {
                self.property_any_case(target, &name, budget)?
            } else {
                self.property_named(target, &name)
            };
            let Some(existing) = existing else {
                self.add_property(target, Some(name), Some(value), budget)?;
                continue;
            };
            let old = self.property_value(existing);
            let both = old.filter(|&old| {
                self.is_container(old) && self.token_type(old) == self.token_type(value)
            });
            if let Some(old) = both {
                budget.memory(size_of::<(JsonId, JsonId)>())?;
                pending.push((old, value));
            } else if self.token_type(value) != JsonType::Null
                || settings.nulls == MergeNulls::Merge
            {
                self.set_property_value(existing, Some(value), budget)?;
            }
        }
        Ok(())
    }

    fn merge_items(
        &mut self,
        target: JsonId,
        source: JsonId,
        settings: MergeSettings,
        pending: &mut Pending,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let items = self.children(source, budget)?;
        if target == source && !items.is_empty() {
            return Err(Exception::new(
                ExceptionKind::InvalidOperation,
                "Collection was modified; enumeration operation may not execute.",
            ));
        }
        match settings.arrays {
            MergeArrays::Replace => self.remove_all(target, budget)?,
            MergeArrays::Concat | MergeArrays::Union | MergeArrays::Merge => {}
        }
        for (index, item) in items.into_iter().enumerate() {
            budget.step(1)?;
            match settings.arrays {
                MergeArrays::Union if self.holds(target, item, budget)? => {}
                MergeArrays::Merge if index < self.count(target) => {
                    let Some(old) = self.child(target, index) else { continue };
                    if self.is_container(old) {
                        budget.memory(size_of::<(JsonId, JsonId)>())?;
                        pending.push((old, item));
                    } else if self.token_type(item) != JsonType::Null {
                        self.set_item(target, index, Some(item), budget)?;
                    }
                }
                _ => self.add(target, Some(item), budget)?,
            }
        }
        Ok(())
    }

    /// Whether an array has an item that is deeply equal.
    fn holds(&self, array: JsonId, item: JsonId, budget: &mut Budget) -> Result<bool, Exception> {
        for index in 0..self.count(array) {
            if self.deep_equals(self.child(array, index), Some(item), budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
