//! `JContainer.Merge`.

use std::sync::Arc;

use super::{JsonHeap, JsonId, JsonType, Scalar};
use crate::{Budget, Exception, ExceptionKind};

/// Containers still to be merged: into, from.
type Pending = Vec<(JsonId, JsonId)>;

impl JsonHeap {
    /// `Merge(content)`: arrays are joined, nulls passed over, as without settings.
    pub(crate) fn merge(
        &mut self,
        container: JsonId,
        content: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let Some(content) = content else { return Ok(()) };
        let mut pending = vec![(container, content)];
        while let Some((target, source)) = pending.pop() {
            budget.step(1)?;
            match (self.token_type(target), self.token_type(source)) {
                (JsonType::Object, JsonType::Object) => {
                    self.merge_object(target, source, &mut pending, budget)?;
                }
                (JsonType::Array, JsonType::Array) => {
                    self.merge_items(target, source, budget)?;
                }
                (JsonType::Constructor, JsonType::Constructor) => {
                    if let Some(name) = self.name(source).map(Arc::clone) {
                        self.rename(target, Some(name));
                    }
                    self.merge_items(target, source, budget)?;
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
            let Some(existing) = self.property_named(target, &name) else {
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
            } else if !self.scalar(value).is_some_and(Scalar::is_null) {
                self.set_property_value(existing, Some(value), budget)?;
            }
        }
        Ok(())
    }

    fn merge_items(
        &mut self,
        target: JsonId,
        source: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let items = self.children(source, budget)?;
        if target == source && !items.is_empty() {
            return Err(Exception::new(
                ExceptionKind::InvalidOperation,
                "Collection was modified; enumeration operation may not execute.",
            ));
        }
        for item in items {
            budget.step(1)?;
            self.add(target, Some(item), budget)?;
        }
        Ok(())
    }
}
