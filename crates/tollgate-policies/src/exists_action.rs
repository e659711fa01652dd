//! What `set-header` and `set-query-parameter` do when the name is there already.

use tollgate_engine::{PolicyError, Typed};
use tollgate_expr::{EvalState, Target, Value};

/// The words of `exists-action`.
pub(crate) const WORDS: &[&str] = &["override", "skip", "append", "delete"];

/// What to do when the name is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExistsAction {
    /// Replace what is there.
    Override,
    /// Leave what is there.
    Skip,
    /// Add to what is there.
    Append,
    /// Remove it.
    Delete,
}

impl Typed for ExistsAction {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "override" => Ok(Self::Override),
            "skip" => Ok(Self::Skip),
            "append" => Ok(Self::Append),
            "delete" => Ok(Self::Delete),
            _ => Err("expected `override`, `skip`, `append` or `delete`".to_owned()),
        }
    }

    fn from_value(value: &Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <std::sync::Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("exists-action: {why}.")))
    }
}
