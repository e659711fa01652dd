//! Reading and walking tokens.

use std::sync::Arc;

use super::{JsonHeap, JsonId};
use crate::{Budget, Exception};

impl JsonHeap {
    /// `Parent`.
    pub(crate) fn parent(&self, id: JsonId) -> Option<JsonId> {
        todo!()
    }
    /// `Root`.
    pub(crate) fn root(&self, id: JsonId, budget: &mut Budget) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `Next`.
    pub(crate) fn next(&self, id: JsonId) -> Option<JsonId> {
        todo!()
    }
    /// `Previous`.
    pub(crate) fn previous(&self, id: JsonId) -> Option<JsonId> {
        todo!()
    }
    /// `First`: an exception on a `JValue`.
    pub(crate) fn first(&self, id: JsonId) -> Result<Option<JsonId>, Exception> {
        todo!()
    }
    /// `Last`: an exception on a `JValue`.
    pub(crate) fn last(&self, id: JsonId) -> Result<Option<JsonId>, Exception> {
        todo!()
    }
    /// `HasValues`.
    pub(crate) fn has_values(&self, id: JsonId) -> bool {
        todo!()
    }
    /// `JContainer.Count`; 0 for a `JValue`.
    pub(crate) fn count(&self, id: JsonId) -> usize {
        todo!()
    }
    /// The `index`-th of `Children()`: properties of an object, items of an array, the value of a property.
    pub(crate) fn child(&self, id: JsonId, index: usize) -> Option<JsonId> {
        todo!()
    }
    /// `Children()`, as they are now; empty for a `JValue`.
    pub(crate) fn children(
        &self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<JsonId>, Exception> {
        todo!()
    }
    /// `Descendants()`, in document order.
    pub(crate) fn descendants(
        &self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<JsonId>, Exception> {
        todo!()
    }
    /// `Ancestors()`, innermost first.
    pub(crate) fn ancestors(
        &self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<JsonId>, Exception> {
        todo!()
    }
    /// `Path`.
    pub(crate) fn path(&self, id: JsonId, budget: &mut Budget) -> Result<String, Exception> {
        todo!()
    }
    /// The value of an object's property: what `JObject["name"]` gives, and nothing for other tokens.
    pub(crate) fn get(&self, object: JsonId, name: &str) -> Option<JsonId> {
        todo!()
    }
    /// `JObject.Property(name)`.
    pub(crate) fn property_named(&self, object: JsonId, name: &str) -> Option<JsonId> {
        todo!()
    }
    /// `JObject.Property(name, StringComparison.OrdinalIgnoreCase)`: an exact match first.
    pub(crate) fn property_any_case(
        &self,
        object: JsonId,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Option<JsonId>, Exception> {
        todo!()
    }
    /// `JProperty.Value`.
    pub(crate) fn property_value(&self, property: JsonId) -> Option<JsonId> {
        todo!()
    }
    /// `token["name"]` whatever the token is; C# null is `None`.
    pub(crate) fn index_name(
        &self,
        id: JsonId,
        name: Option<&str>,
    ) -> Result<Option<JsonId>, Exception> {
        todo!()
    }
    /// `token[index]` whatever the token is.
    pub(crate) fn index_number(&self, id: JsonId, index: i32) -> Result<Option<JsonId>, Exception> {
        todo!()
    }
    /// The names of an object's properties, in order.
    pub(crate) fn property_names(
        &self,
        object: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<Arc<str>>, Exception> {
        todo!()
    }
    /// `JArray.IndexOf(item)`: -1 when it is not there.
    pub(crate) fn index_of(
        &self,
        array: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<i32, Exception> {
        todo!()
    }
}
