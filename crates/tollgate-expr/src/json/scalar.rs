//! What a `JValue` holds.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::JsonType;
use crate::Value;
use crate::number::Number;
use crate::time::{DateTime, DateTimeOffset, TimeSpan};
use crate::types::{TypeId, any_uri, info, original_text};
use crate::uri::Uri;

/// `JValue.Value` with the token type it implies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    /// JSON null.
    Null,
    /// `undefined`.
    Undefined,
    /// Boolean.
    Bool(bool),
    /// Integer: `long`, and what was converted to it.
    Int(i64),
    /// Integer: of a type smaller than `long`, or a constant of an enumeration, as the `object` was that it came in.
    Small(TypeId, i64),
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
    /// Uri.
    Uri(HeldUri),
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
            Self::Int(_) | Self::Small(..) | Self::UInt(_) | Self::BigInt(_) => JsonType::Integer,
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
            Self::Small(ty, _) => info(*ty).full,
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

/// The number of a [`Scalar::Small`], of its type; of an enumeration the `int` below it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was made of a value of the type"
)]
pub(crate) fn small_number(ty: TypeId, value: i64) -> Number {
    match ty {
        TypeId::SByte => Number::SByte(value as i8),
        TypeId::Byte => Number::Byte(value as u8),
        TypeId::Int16 => Number::Int16(value as i16),
        TypeId::UInt16 => Number::UInt16(value as u16),
        TypeId::UInt32 => Number::UInt32(value as u32),
        _ => Number::Int32(value as i32),
    }
}

/// The constant of an enumeration that a [`Scalar::Small`] is, if it is one.
pub(crate) fn small_constant(ty: TypeId, value: i64) -> Option<Value> {
    let number = i32::try_from(value).ok()?;
    info(ty).is_enum().then_some(Value::Enum(ty, number))
}

/// A `System.Uri`, the object itself.
#[derive(Debug, Clone)]
pub(crate) struct HeldUri(Value);

impl HeldUri {
    /// Of a value that is one.
    pub(crate) fn of(value: &Value) -> Option<HeldUri> {
        original_text(value).map(|_| HeldUri(value.clone()))
    }

    /// The text that it was made of.
    pub(crate) fn original(&self) -> &str {
        original_text(&self.0).unwrap_or_default()
    }

    /// The text that it shows.
    pub(crate) fn shown(&self) -> String {
        self.0.as_native::<Uri>().map(Uri::text).unwrap_or_default()
    }

    /// The object.
    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

impl From<&str> for HeldUri {
    fn from(text: &str) -> Self {
        HeldUri(any_uri(text))
    }
}

impl PartialEq for HeldUri {
    fn eq(&self, other: &Self) -> bool {
        self.original() == other.original()
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}
