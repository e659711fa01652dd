//! The values of a template.

use std::cmp::Ordering;
use std::sync::Arc;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};
use tollgate_expr::EvalState;

use super::lookup::Part;
use super::xml::XmlElement;

/// Bytes of a text that is read as a number: a longer one is none, and is not looked through time and again.
const LONGEST_NUMBER: usize = 512;

/// A value. Containers are cheap to copy.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Decimal(Decimal),
    Text(Arc<str>),
    /// A time or another scalar of .NET.
    Other(tollgate_expr::Value),
    Array(Arc<[Value]>),
    /// A name and a value, as loops over objects give them.
    Pair(Arc<(Arc<str>, Value)>),
    /// An object of the template itself: `forloop`.
    Object(Arc<[(&'static str, Value)]>),
    /// An object or array of JSON.
    Json(Owner, tollgate_expr::Value),
    /// An element of XML, or the document as one.
    Xml(Arc<XmlElement>),
    /// A part of `context`.
    Context(Part),
    /// `blank` and `empty`: equal to more than themselves.
    Blank,
    Empty,
}

/// Whose tokens a JSON value is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The template's: the body.
    Template,
    /// The request's: a variable.
    Request,
}

/// A number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Int(i64),
    Decimal(Decimal),
    Double(f64),
}

impl Number {
    pub(super) fn double(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as .NET converts")]
            Self::Int(value) => value as f64,
            Self::Decimal(value) => value.to_f64().unwrap_or(f64::NAN),
            Self::Double(value) => value,
        }
    }

    /// As `Convert.ToDecimal` does; none when it does not fit.
    pub(super) fn decimal(self) -> Option<Decimal> {
        match self {
            Self::Int(value) => Some(value.into()),
            Self::Decimal(value) => Some(value),
            Self::Double(value) => Decimal::from_f64(value),
        }
    }

    /// As `Convert.ToInt32` rounds, but of 64 bits.
    pub(super) fn int(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            other => other.decimal()?.round().to_i64(),
        }
    }
}

impl Value {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn list(items: Vec<Value>) -> Self {
        Self::Array(items.into())
    }

    /// A scalar of .NET; none of a container.
    pub(super) fn scalar(value: &tollgate_expr::Value) -> Option<Self> {
        use tollgate_expr::Value as Net;
        Some(match value {
            Net::Null => Self::Nil,
            Net::Bool(value) => Self::Bool(*value),
            Net::Str(text) => Self::Text(text.clone()),
            Net::Double(value) => Self::Double(*value),
            Net::Float(value) => Self::Double((*value).into()),
            Net::Decimal(value) => Self::Decimal(*value),
            Net::Char(unit) => Self::text(String::from_utf16_lossy(&[*unit])),
            Net::Guid(_) => Self::Other(value.clone()),
            time if time.is_time() => Self::Other(value.clone()),
            other => Self::Int(other.as_int()?),
        })
    }

    /// Whether a condition that asks for nothing else holds.
    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Self::Nil | Self::Bool(false))
    }

    /// The number, when it is one.
    pub(super) fn number(&self) -> Option<Number> {
        Some(match self {
            Self::Int(value) => Number::Int(*value),
            Self::Double(value) => Number::Double(*value),
            Self::Decimal(value) => Number::Decimal(*value),
            _ => return None,
        })
    }

    /// The number, when it is one or a text that says one.
    pub(super) fn parsed_number(&self) -> Option<Number> {
        let text = match self {
            Self::Text(text) => Some(text).filter(|text| text.len() <= LONGEST_NUMBER)?.trim(),
            Self::Xml(element) if element.size() > LONGEST_NUMBER => return None,
            Self::Xml(element) => return Self::text(element.text()).parsed_number(),
            other => return other.number(),
        };
        let plain = text.replace(',', "");
        let int = plain.parse().ok().map(Number::Int);
        int.or_else(|| plain.parse().ok().map(Number::Decimal))
            .or_else(|| Decimal::from_scientific(&plain).ok().map(Number::Decimal))
    }
}

/// Text of a decimal without zeros that mean nothing.
pub(super) fn decimal_text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// As .NET writes a scalar.
pub(super) fn scalar_text(value: &tollgate_expr::Value, state: &EvalState) -> String {
    value.to_text(state).ok().flatten().map_or_else(String::new, |text| text.to_string())
}

/// The order of two numbers.
pub(super) fn order_numbers(left: Number, right: Number) -> Option<Ordering> {
    match (left, right) {
        (Number::Int(left), Number::Int(right)) => Some(left.cmp(&right)),
        (left, right) => match (left.decimal(), right.decimal()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.double().partial_cmp(&right.double()),
        },
    }
}

/// The order of two times, through their sortable text.
pub(super) fn order_times(
    left: &tollgate_expr::Value,
    right: &tollgate_expr::Value,
    state: &mut EvalState,
) -> Option<Ordering> {
    let left = state.format(left, "yyyyMMddHHmmssfffffff")?.ok()?;
    let right = state.format(right, "yyyyMMddHHmmssfffffff")?.ok()?;
    Some(left.cmp(&right))
}
