//! Trees that are made at once: no token is looked for, checked or moved on its way to its place.

use std::sync::Arc;

use super::heap::{Body, CONTAINER_BYTES, Children, Container, INDEX_FROM, NODE_BYTES};
use super::{JsonHeap, JsonId, Scalar};
use crate::{Budget, Exception};

impl JsonHeap {
    /// `new JProperty(name, value)` of a value that is no token yet.
    pub(crate) fn scalar_property(
        &mut self,
        name: Arc<str>,
        value: Scalar,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        budget.memory(2 * NODE_BYTES)?;
        self.push_property(name, value).ok_or_else(too_many)
    }

    /// `new JObject(properties)`. They have different names.
    pub(crate) fn object_of(
        &mut self,
        properties: &[JsonId],
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        if properties.len() <= INDEX_FROM {
            return self.container_of(properties, Body::Object, budget);
        }
        let object = self.object(budget)?;
        for &property in properties {
            self.add(object, Some(property), budget)?;
        }
        Ok(object)
    }

    /// `new JArray(items)`.
    pub(crate) fn array_of(
        &mut self,
        items: &[JsonId],
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        self.container_of(items, Body::Array, budget)
    }

    fn container_of(
        &mut self,
        items: &[JsonId],
        body: fn(Box<Container>) -> Body,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        budget.memory(CONTAINER_BYTES + NODE_BYTES + size_of_val(items))?;
        budget.step(1 + items.len() as u64)?;
        let id = self.push_alone(body(Box::default())).ok_or_else(too_many)?;
        let mut children = Children::with_capacity(items.len());
        for (slot, &item) in items.iter().enumerate() {
            // What has found a place since it was made is copied.
            let is_taken = self.parent(item).is_some();
            let item = if is_taken { self.deep_clone(item, budget)? } else { item };
            self.place(item, id, slot);
            children.push(item);
        }
        self.fill(id, &children, None);
        Ok(id)
    }
}

#[cold]
fn too_many() -> Exception {
    Exception::bound("the expression makes too many JSON tokens")
}
