//! What the expressions of one request may use up together.

use crate::{Exception, ExceptionKind};

/// The bounds of one request's expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Evaluation steps; regular expressions and library loops count theirs here too.
    pub steps: u64,
    /// Bytes that values may take, counted as they are made and never given back.
    pub memory: u64,
    /// Depth of nested calls of lambdas and local functions.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000_000, memory: 32 << 20, depth: 128 }
    }
}

/// What is left of the [`Limits`].
#[derive(Debug, Clone)]
pub struct Budget {
    steps: u64,
    memory: u64,
    depth: u32,
}

impl Budget {
    /// A full budget.
    pub fn new(limits: Limits) -> Self {
        Self { steps: limits.steps, memory: limits.memory, depth: limits.depth }
    }

    /// Takes `n` steps.
    #[inline]
    pub fn step(&mut self, n: u64) -> Result<(), Exception> {
        if let Some(left) = self.steps.checked_sub(n) {
            self.steps = left;
            Ok(())
        } else {
            self.steps = 0;
            Err(Exception::bound("the expression takes too many steps"))
        }
    }

    /// Takes `bytes` of memory.
    #[inline]
    pub fn memory(&mut self, bytes: usize) -> Result<(), Exception> {
        if let Some(left) = self.memory.checked_sub(bytes as u64) {
            self.memory = left;
            Ok(())
        } else {
            self.memory = 0;
            Err(Exception::bound("the expression uses too much memory"))
        }
    }

    /// Enters a call; [`Budget::leave`] undoes it.
    pub fn enter(&mut self) -> Result<(), Exception> {
        match self.depth.checked_sub(1) {
            Some(left) => {
                self.depth = left;
                Ok(())
            }
            None => Err(Exception::new(
                ExceptionKind::InsufficientExecutionStack,
                "Insufficient stack to continue executing the program safely.",
            )),
        }
    }

    /// Leaves a call.
    pub fn leave(&mut self) {
        self.depth += 1;
    }
}
