//! `X.Parse` and `X.TryParse`, invariant culture.

use super::{Number, NumberType};
use crate::Exception;

/// `System.Globalization.NumberStyles`, with .NET's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Styles(pub(crate) u32);

impl Styles {
    /// Spaces around, sign in front.
    pub(crate) const INTEGER: Self = Self(0x7);
    /// Everything but hexadecimal and the exponent: the default of `decimal`.
    pub(crate) const NUMBER: Self = Self(0x6f);
    /// The default of `double` and `float`.
    pub(crate) const FLOAT_THOUSANDS: Self = Self(0xe7);
    /// Without thousands.
    pub(crate) const FLOAT: Self = Self(0xa7);
    /// Everything but hexadecimal.
    pub(crate) const ANY: Self = Self(0x1ff);
    /// Hexadecimal digits with spaces around.
    pub(crate) const HEX_NUMBER: Self = Self(0x203);

    /// What `X.Parse(text)` takes.
    pub(crate) fn of(kind: NumberType) -> Self {
        todo!()
    }
}

/// `X.Parse(text, styles)`.
pub(crate) fn parse(
    kind: NumberType,
    text: Option<&str>,
    styles: Styles,
) -> Result<Number, Exception> {
    todo!()
}

/// `X.TryParse(text, styles, ..)`.
pub(crate) fn try_parse(kind: NumberType, text: Option<&str>, styles: Styles) -> Option<Number> {
    todo!()
}

/// `bool.Parse`.
pub(crate) fn parse_bool(text: Option<&str>) -> Result<bool, Exception> {
    todo!()
}

/// `bool.TryParse`.
pub(crate) fn try_parse_bool(text: Option<&str>) -> Option<bool> {
    todo!()
}
