//! Guids as 128 bits in the order of their text.

use crate::{Exception, ExceptionKind};

/// `Guid.ToString(format)`: `D`, `N`, `B`, `P` or `X`; null and empty are `D`.
pub(crate) fn format_guid(guid: u128, format: Option<&str>) -> Result<String, Exception> {
    todo!()
}

/// `Guid.Parse(text)`.
pub(crate) fn parse_guid(text: Option<&str>) -> Result<u128, Exception> {
    todo!()
}
