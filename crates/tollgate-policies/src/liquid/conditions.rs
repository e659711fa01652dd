//! Whether conditions hold.

use std::cmp::Ordering;

use super::ast::{Condition, Expr, Operator};
use super::render::{Render, Result};
use super::value::{Value, order_numbers, order_times};

impl Render<'_> {
    /// Whether a condition holds. Nesting is bounded when the template is read.
    pub(super) fn holds(&mut self, condition: &Condition) -> Result<bool> {
        self.step(1)?;
        Ok(match condition {
            Condition::Always => true,
            Condition::Not(inner) => !self.holds(inner)?,
            Condition::Truth(value) => self.eval(value)?.is_true(),
            Condition::And(left, right) => self.holds(left)? && self.holds(right)?,
            Condition::Or(left, right) => self.holds(left)? || self.holds(right)?,
            Condition::Compare(left, operator, right) => self.compare(left, *operator, right)?,
        })
    }

    fn compare(&mut self, left: &Expr, operator: Operator, right: &Expr) -> Result<bool> {
        let (left, right) = (self.eval(left)?, self.eval(right)?);
        let ordered = |fits: fn(Ordering) -> bool, order: Option<Ordering>| order.is_some_and(fits);
        Ok(match operator {
            Operator::Equal => self.equal(&left, &right)?,
            Operator::NotEqual => !self.equal(&left, &right)?,
            Operator::Less => ordered(Ordering::is_lt, self.order(&left, &right)?),
            Operator::Greater => ordered(Ordering::is_gt, self.order(&left, &right)?),
            Operator::LessOrEqual => ordered(Ordering::is_le, self.order(&left, &right)?),
            Operator::GreaterOrEqual => ordered(Ordering::is_ge, self.order(&left, &right)?),
            Operator::Contains => match &left {
                Value::Text(text) => {
                    self.charge(text.len())?;
                    !matches!(right, Value::Nil) && text.contains(&*self.text(&right)?)
                }
                other => self.any_equal(other, &right)?,
            },
            Operator::StartsWith => match (&left, &right) {
                (Value::Text(left), Value::Text(right)) => {
                    self.charge(left.len().min(right.len()))?;
                    left.starts_with(&**right)
                }
                (left, right) => {
                    let first = self.items(left)?.and_then(|items| items.into_iter().next());
                    first.map_or(Ok(false), |first| self.equal(&first, right))?
                }
            },
            Operator::EndsWith => match (&left, &right) {
                (Value::Text(left), Value::Text(right)) => {
                    self.charge(left.len().min(right.len()))?;
                    left.ends_with(&**right)
                }
                (left, right) => {
                    let last = self.items(left)?.and_then(|items| items.into_iter().next_back());
                    last.map_or(Ok(false), |last| self.equal(&last, right))?
                }
            },
            Operator::HasKey => {
                let key = self.text(&right)?;
                !matches!(right, Value::Nil)
                    && self.pairs(&left)?.iter().any(|(own, _)| **own == *key)
            }
            Operator::HasValue => {
                let pairs = self.pairs(&left)?;
                let mut found = false;
                for (_, value) in &pairs {
                    found = found || self.equal(value, &right)?;
                }
                found
            }
        })
    }

    fn any_equal(&mut self, list: &Value, wanted: &Value) -> Result<bool> {
        for item in self.items(list)?.unwrap_or_default() {
            if self.equal(&item, wanted)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether two values are equal, as `DotLiquid` sees it.
    pub(super) fn equal(&mut self, left: &Value, right: &Value) -> Result<bool> {
        self.step(1)?;
        Ok(match (left, right) {
            (Value::Blank, other) | (other, Value::Blank) => self.is_blank(other)?,
            (Value::Empty, other) | (other, Value::Empty) => self.is_empty(other)?,
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Text(left), Value::Text(right)) => {
                // Only those of one length are compared.
                self.step(if left.len() == right.len() { left.len() as u64 / 64 } else { 0 })?;
                left == right
            }
            (Value::Other(left), Value::Other(right)) => {
                let state = self.state();
                order_times(left, right, state) == Some(Ordering::Equal)
            }
            (left, right) => match (left.number(), right.number()) {
                (Some(left), Some(right)) => order_numbers(left, right) == Some(Ordering::Equal),
                _ => false,
            },
        })
    }

    fn is_blank(&mut self, value: &Value) -> Result<bool> {
        Ok(match value {
            Value::Nil | Value::Bool(false) => true,
            Value::Text(text) => {
                self.charge(text.len())?;
                text.trim().is_empty()
            }
            other => self.is_empty(other)?,
        })
    }

    fn is_empty(&mut self, value: &Value) -> Result<bool> {
        Ok(match value {
            Value::Text(text) => text.is_empty(),
            other => self.items(other)?.is_some_and(|items| items.is_empty()),
        })
    }

    /// The order of two values: the right one is made what the left one is. None when they have none.
    pub(super) fn order(&mut self, left: &Value, right: &Value) -> Result<Option<Ordering>> {
        Ok(match (left, right) {
            (Value::Nil, _) | (_, Value::Nil) => None,
            (Value::Text(left), right) => {
                let right = self.text(right)?;
                self.charge(left.len().min(right.len()))?;
                Some((**left).cmp(&*right))
            }
            (Value::Other(left), Value::Other(right)) => {
                let state = self.state();
                order_times(left, right, state)
            }
            (left, right) => match (left.number(), right.parsed_number()) {
                (Some(left), Some(right)) => order_numbers(left, right),
                _ => return Err(self.fault("Values of these types cannot be compared.")),
            },
        })
    }
}
