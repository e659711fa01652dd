//! A setting of a policy: known at load, or an expression.

use tollgate_expr::Program;

use crate::{Facts, PolicyError, RequestCx, Typed};

/// A setting of a policy. Literals and constant expressions were read at load; anything else is evaluated per request.
#[derive(Debug, Clone)]
pub enum Value<T> {
    /// Known at load.
    Literal(T),
    /// Evaluated per request.
    Expression(Program),
}

impl<T: Typed> Value<T> {
    /// The value for this request.
    pub fn eval(&self, cx: &mut RequestCx) -> Result<T, PolicyError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression(program) => {
                let value = cx.evaluate(program)?;
                T::from_value(&value, &cx.eval)
            }
        }
    }

    /// What evaluating it needs.
    pub fn facts(&self) -> Facts {
        match self {
            Self::Literal(_) => Facts::default(),
            Self::Expression(program) => program.facts().into(),
        }
    }

    /// The value, when it does not depend on the request.
    pub fn literal(&self) -> Option<&T> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Expression(_) => None,
        }
    }
}
