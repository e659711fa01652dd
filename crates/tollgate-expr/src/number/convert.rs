//! `Convert.ToX` between numeric types: banker's rounding, `OverflowException`.

use super::{Number, NumberType};
use crate::Exception;

/// `Convert.ToX(value)`; also what `Json.NET` does with numbers.
pub(crate) fn convert(value: Number, to: NumberType) -> Result<Number, Exception> {
    todo!()
}
