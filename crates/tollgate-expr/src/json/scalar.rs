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
    /// Integer: `BigInteger`, as its decimal digits with a `-` in front when negative and no leading zeros.
    BigInt(Arc<str>),
    /// Float: `double`.
    Double(f64),
    /// Float: `float`.
    Single(f32),
    /// Float: `decimal`.
    Decimal(Decimal),
    /// String.
    Str(Arc<str>),
    /// String: that of a null reference to a string. It is written as null.
    NullStr,
    /// String: `char`, as text.
    Char(Arc<str>),
    /// Date: `DateTime`.
    Date(DateTime),
    /// Date: `DateTimeOffset`.
    DateOffset(DateTimeOffset),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// Guid: the bytes in the order of its text, so that a token stays small.
    Guid([u8; 16]),
    /// Uri: its original text.
    Uri(Arc<str>),
    /// `TimeSpan`.
    TimeSpan(TimeSpan),
    /// A comment.
    Comment(Arc<str>),
    /// `JRaw`.
    Raw(Arc<str>),
}

impl Scalar {
    /// The token type.
    pub(crate) fn token_type(&self) -> JsonType {
        match self {
            Self::Null => JsonType::Null,
            Self::Undefined => JsonType::Undefined,
            Self::Bool(_) => JsonType::Boolean,
            Self::Int(_) | Self::UInt(_) | Self::BigInt(_) => JsonType::Integer,
            Self::Double(_) | Self::Single(_) | Self::Decimal(_) => JsonType::Float,
            Self::Str(_) | Self::NullStr | Self::Char(_) => JsonType::String,
            Self::Date(_) | Self::DateOffset(_) => JsonType::Date,
            Self::Bytes(_) => JsonType::Bytes,
            Self::Guid(_) => JsonType::Guid,
            Self::Uri(_) => JsonType::Uri,
            Self::TimeSpan(_) => JsonType::TimeSpan,
            Self::Comment(_) => JsonType::Comment,
            Self::Raw(_) => JsonType::Raw,
        }
    }
}

impl Scalar {
    /// Whether `Value` is C# null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Undefined | Self::NullStr)
    }

    /// The text of a string.
    pub(crate) fn string(&self) -> Option<&Arc<str>> {
        match self {
            Self::Str(text) | Self::Char(text) => Some(text),
            _ => None,
        }
    }

    /// The .NET type of what it holds.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null | Self::Undefined | Self::NullStr => "{null}",
            Self::Bool(_) => "System.Boolean",
            Self::Int(_) => "System.Int64",
            Self::UInt(_) => "System.UInt64",
            Self::BigInt(_) => "System.Numerics.BigInteger",
            Self::Double(_) => "System.Double",
            Self::Single(_) => "System.Single",
            Self::Decimal(_) => "System.Decimal",
            Self::Str(_) | Self::Comment(_) | Self::Raw(_) => "System.String",
            Self::Char(_) => "System.Char",
            Self::Date(_) => "System.DateTime",
            Self::DateOffset(_) => "System.DateTimeOffset",
            Self::Bytes(_) => "System.Byte[]",
            Self::Guid(_) => "System.Guid",
            Self::Uri(_) => "System.Uri",
            Self::TimeSpan(_) => "System.TimeSpan",
        }
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}
