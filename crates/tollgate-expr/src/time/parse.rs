//! Reading of dates.

/// `System.Globalization.DateTimeStyles`, with .NET's bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DateStyles(pub(crate) u32);

impl DateStyles {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALLOW_LEADING_WHITE: Self = Self(1);
    pub(crate) const ALLOW_TRAILING_WHITE: Self = Self(2);
    pub(crate) const ALLOW_INNER_WHITE: Self = Self(4);
    pub(crate) const NO_CURRENT_DATE_DEFAULT: Self = Self(8);
    pub(crate) const ADJUST_TO_UNIVERSAL: Self = Self(16);
    pub(crate) const ASSUME_LOCAL: Self = Self(32);
    pub(crate) const ASSUME_UNIVERSAL: Self = Self(64);
    pub(crate) const ROUNDTRIP_KIND: Self = Self(128);
}
