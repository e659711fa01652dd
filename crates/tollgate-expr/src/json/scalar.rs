//! What a `JValue` holds.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::JsonType;
use crate::time::{DateTime, DateTimeOffset, TimeSpan};

/// `JValue.Value` with the token type it implies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    /// JSON null.
    Null,
    /// `undefined`.
    Undefined,
    /// Boolean.
    Bool(bool),
    /// Integer: `long`, and everything smaller.
    Int(i64),
    /// Integer: `ulong`.
    UInt(u64),
    /// Integer: `BigInteger`, as its decimal digits with a `-` in front when negative.
    BigInt(Arc<str>),
    /// Float: `double`.
    Double(f64),
    /// Float: `float`.
    Single(f32),
    /// Float: `decimal`.
    Decimal(Decimal),
    /// String.
    Str(Arc<str>),
    /// Date: `DateTime`.
    Date(DateTime),
    /// Date: `DateTimeOffset`.
    DateOffset(DateTimeOffset),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Guid, in the order of its text.
    Guid(u128),
    /// Uri: its original text.
    Uri(Arc<str>),
    /// TimeSpan.
    TimeSpan(TimeSpan),
    /// A comment.
    Comment(Arc<str>),
    /// `JRaw`.
    Raw(Arc<str>),
}

impl Scalar {
    /// The token type.
    pub(crate) fn token_type(&self) -> JsonType {
        todo!()
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}
