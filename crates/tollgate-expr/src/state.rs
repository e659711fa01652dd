//! What lives as long as a request: its objects and its budget.

use crate::{Budget, Host, Limits};

/// The objects and the budget of one request's expressions.
#[derive(Debug)]
pub struct EvalState {
    pub(crate) budget: Budget,
}

impl EvalState {
    /// The state of a new request.
    pub fn new(limits: Limits) -> Self {
        Self { budget: Budget::new(limits) }
    }

    /// What is left of the limits.
    pub fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }
}

/// What an evaluation works on.
pub struct EvalCx<'a> {
    /// The request's world.
    pub host: &'a mut dyn Host,
    /// The request's objects and budget.
    pub state: &'a mut EvalState,
}

impl std::fmt::Debug for EvalCx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvalCx").field("state", &self.state).finish_non_exhaustive()
    }
}
