//! `SelectToken`: Json.NET's own dialect of `JSONPath`.

mod evaluate;
mod parse;

use std::sync::Arc;

use super::{JsonHeap, JsonId, Scalar};
use crate::{Budget, Exception, ExceptionKind};

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
pub(crate) struct JsonPath {
    filters: Vec<Filter>,
}

/// A step of a path: tokens in, tokens out.
#[derive(Debug, Clone)]
enum Filter {
    /// The token the path started from.
    Root,
    /// A property; all of them without a name.
    Field(Option<Arc<str>>),
    Fields(Vec<Arc<str>>),
    /// Properties at any depth; every token without a name.
    Scan(Option<Arc<str>>),
    ScanFields(Vec<Arc<str>>),
    /// An item; all of them without a number.
    Index(Option<i32>),
    Indexes(Vec<i32>),
    Slice {
        start: Option<i32>,
        end: Option<i32>,
        step: Option<i32>,
    },
    /// Children that match.
    Query(Query),
    /// Tokens at any depth that match.
    QueryScan(Query),
}

/// The condition of a filter.
#[derive(Debug, Clone)]
enum Query {
    Compare { left: Side, operator: Operator, right: Option<Side> },
    And(Vec<Query>),
    Or(Vec<Query>),
}

/// An operand of a condition.
#[derive(Debug, Clone)]
enum Side {
    Path(Vec<Filter>),
    Value(Scalar),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Exists,
    Equals,
    StrictEquals,
    NotEquals,
    StrictNotEquals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
    Matches,
}

impl JsonPath {
    /// Parses a path; the error is the `JsonException` that `SelectToken` throws.
    pub(crate) fn parse(text: &str, budget: &mut Budget) -> Result<Self, Exception> {
        parse::parse(text, budget).map(|filters| Self { filters })
    }
}

impl JsonHeap {
    /// `SelectToken(path, errorWhenNoMatch)`.
    pub(crate) fn select_token(
        &self,
        id: JsonId,
        path: &JsonPath,
        no_match: NoMatch,
        budget: &mut Budget,
    ) -> Result<Option<JsonId>, Exception> {
        let (tokens, ended) = self.select(id, path, no_match, budget);
        match (tokens.as_slice(), ended) {
            ([_, _, ..], _) => Err(fault("Path returned multiple tokens.")),
            (_, Some(ended)) => Err(ended),
            (tokens, None) => Ok(tokens.first().copied()),
        }
    }

    /// `SelectTokens(path, errorWhenNoMatch)`: what is found, and the fault that comes behind it.
    pub(crate) fn select(
        &self,
        id: JsonId,
        path: &JsonPath,
        no_match: NoMatch,
        budget: &mut Budget,
    ) -> (Vec<JsonId>, Option<Exception>) {
        evaluate::Evaluation { heap: self, root: id, no_match }.run(&path.filters, id, budget)
    }
}

#[cold]
fn fault(message: impl Into<String>) -> Exception {
    Exception::new(ExceptionKind::Json, message)
}

#[cfg(test)]
#[expect(clippy::too_many_lines, reason = "tables of what Json.NET answers")]
mod tests;
