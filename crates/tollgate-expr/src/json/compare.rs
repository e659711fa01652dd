//! Equality and order of tokens.

use std::cmp::Ordering;

use super::{JsonHeap, JsonId};
use crate::{Budget, Exception};

impl JsonHeap {
    /// `JToken.DeepEquals`.
    pub(crate) fn deep_equals(
        &self,
        left: Option<JsonId>,
        right: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        todo!()
    }
    /// `JValue.CompareTo(other)`.
    pub(crate) fn compare_values(
        &self,
        left: JsonId,
        right: Option<JsonId>,
    ) -> Result<Ordering, Exception> {
        todo!()
    }
    /// `token.Equals(other)`: by value for two `JValue`s, by identity otherwise.
    pub(crate) fn token_equals(&self, left: JsonId, right: JsonId) -> bool {
        todo!()
    }
    /// `GetHashCode()`: equal for equal `JValue`s.
    pub(crate) fn hash_code(&self, id: JsonId) -> i32 {
        todo!()
    }
}
