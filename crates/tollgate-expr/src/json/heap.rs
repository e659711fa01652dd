//! The arena of tokens.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::Scalar;
use crate::{Budget, Exception};

/// A token: a reference to a `JToken`. It belongs to the heap that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JsonId(NonZeroU32);

/// `Newtonsoft.Json.Linq.JTokenType`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum JsonType {
    None,
    Object,
    Array,
    Constructor,
    Property,
    Comment,
    Integer,
    Float,
    String,
    Boolean,
    Null,
    Undefined,
    Date,
    Raw,
    Bytes,
    Guid,
    Uri,
    TimeSpan,
}

impl JsonType {
    /// The name of the constant.
    pub(crate) fn name(self) -> &'static str {
        todo!()
    }
}

/// Every token of a request.
#[derive(Debug, Default)]
pub(crate) struct JsonHeap {}

impl JsonHeap {
    /// A heap without tokens.
    pub(crate) fn new() -> Self {
        Self::default()
    }
    /// `new JObject()`.
    pub(crate) fn object(&mut self, budget: &mut Budget) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `new JArray()`.
    pub(crate) fn array(&mut self, budget: &mut Budget) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `new JProperty(name, value)`; a null value becomes a JSON null.
    pub(crate) fn property(
        &mut self,
        name: Arc<str>,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `new JConstructor(name)`.
    pub(crate) fn constructor(
        &mut self,
        name: Arc<str>,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `new JValue(value)`, `new JRaw(value)`, `JValue.CreateComment`.
    pub(crate) fn value(
        &mut self,
        value: Scalar,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        todo!()
    }
    /// `Type`.
    pub(crate) fn token_type(&self, id: JsonId) -> JsonType {
        todo!()
    }
    /// The full name of the token's class, such as `Newtonsoft.Json.Linq.JObject`.
    pub(crate) fn class_name(&self, id: JsonId) -> &'static str {
        todo!()
    }
    /// Whether the token is a `JContainer`.
    pub(crate) fn is_container(&self, id: JsonId) -> bool {
        todo!()
    }
    /// `JValue.Value`; none for containers.
    pub(crate) fn scalar(&self, id: JsonId) -> Option<&Scalar> {
        todo!()
    }
    /// `JValue.Value = value`; nothing happens to a container.
    pub(crate) fn set_scalar(
        &mut self,
        id: JsonId,
        value: Scalar,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        todo!()
    }
    /// `JProperty.Name`, `JConstructor.Name`.
    pub(crate) fn name(&self, id: JsonId) -> Option<&Arc<str>> {
        todo!()
    }
}
