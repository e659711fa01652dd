//! `SelectToken`: Json.NET's own dialect of JSONPath.

use super::{JsonHeap, JsonId};
use crate::{Budget, Exception};

/// Whether a path that leads nowhere is an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum NoMatch {
    #[default]
    Null,
    Error,
}

/// Runs the `=~` of a filter: input, pattern, options as letters.
pub(crate) type RegexMatch =
    fn(input: &str, pattern: &str, options: &str, budget: &mut Budget) -> Result<bool, Exception>;

/// A parsed path: literal paths are parsed at load.
#[derive(Debug, Clone)]
pub(crate) struct JsonPath {}

impl JsonPath {
    /// Parses a path; the error is the `JsonException` that `SelectToken` throws.
    pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Self, Exception> {
        todo!()
    }
}

impl JsonHeap {
    /// `SelectToken(path, errorWhenNoMatch)`.
    pub(crate) fn select_token(
        &mut self,
        id: JsonId,
        path: &JsonPath,
        no_match: NoMatch,
        budget: &mut Budget,
    ) -> Result<Option<JsonId>, Exception> {
        todo!()
    }
    /// `SelectTokens(path, errorWhenNoMatch)`.
    pub(crate) fn select_tokens(
        &mut self,
        id: JsonId,
        path: &JsonPath,
        no_match: NoMatch,
        budget: &mut Budget,
    ) -> Result<Vec<JsonId>, Exception> {
        todo!()
    }
}
