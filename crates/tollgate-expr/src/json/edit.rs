//! Changing the tree. A value that is C# null becomes a JSON null; one that has a parent already is copied.

use std::sync::Arc;

use super::{JsonHeap, JsonId};
use crate::{Budget, Exception};

impl JsonHeap {
    /// `Add(content)` of one token.
    pub(crate) fn add(
        &mut self,
        container: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `AddFirst(content)` of one token.
    pub(crate) fn add_first(
        &mut self,
        container: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `JObject.Add(name, value)`.
    pub(crate) fn add_property(
        &mut self,
        object: JsonId,
        name: Option<Arc<str>>,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `JArray.Insert(index, item)`.
    pub(crate) fn insert(
        &mut self,
        array: JsonId,
        index: i32,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `token["name"] = value` whatever the token is.
    pub(crate) fn set_name(
        &mut self,
        id: JsonId,
        name: Option<Arc<str>>,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `token[index] = value` whatever the token is.
    pub(crate) fn set_number(
        &mut self,
        id: JsonId,
        index: i32,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `JProperty.Value = value`.
    pub(crate) fn set_property_value(
        &mut self,
        property: JsonId,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `Remove()` of a token from its parent.
    pub(crate) fn remove(&mut self, id: JsonId, budget: &mut Budget) -> Result<(), Exception> {
        todo!()
    }
    /// `JArray.RemoveAt(index)`.
    pub(crate) fn remove_at(
        &mut self,
        array: JsonId,
        index: i32,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `JArray.Remove(item)`.
    pub(crate) fn remove_item(
        &mut self,
        array: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        todo!()
    }
    /// `JObject.Remove(name)`.
    pub(crate) fn remove_name(
        &mut self,
        object: JsonId,
        name: Option<&str>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        todo!()
    }
    /// `RemoveAll()`, `Clear()`.
    pub(crate) fn remove_all(
        &mut self,
        container: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `Replace(value)`.
    pub(crate) fn replace(
        &mut self,
        id: JsonId,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `AddAfterSelf(content)` of one token.
    pub(crate) fn add_after_self(
        &mut self,
        id: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `AddBeforeSelf(content)` of one token.
    pub(crate) fn add_before_self(
        &mut self,
        id: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `DeepClone()`.
    pub(crate) fn deep_clone(
        &mut self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
    /// A copy of a token of another heap: what leaves a request through a cache.
    pub(crate) fn import(
        &mut self,
        from: &JsonHeap,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
}
