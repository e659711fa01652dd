//! Tokens as values of C# types: casts, `Value<T>`, `ToObject<T>`, `ToString`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rust_decimal::Decimal;

use super::{
    Formatting, HeldUri, JsonHeap, JsonId, JsonType, JsonWriter, Scalar, format_guid, parse_guid,
    small_number,
};
use crate::eval::enum_format;
use crate::number::{self, Number, NumberType, Styles};
use crate::state::enum_text;
use crate::time::{DateStyles, DateTime, DateTimeOffset, TimeSpan};
use crate::types::{TypeId, info};
use crate::uri::{Fault, Uri};
use crate::{Budget, Exception, ExceptionKind};

/// A C# type a token converts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PrimitiveType {
    Bool,
    Char,
    SByte,
    Byte,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Single,
    Double,
    Decimal,
    Str,
    DateTime,
    DateTimeOffset,
    TimeSpan,
    Guid,
    Uri,
    Bytes,
}

/// A value of a [`PrimitiveType`], or null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Primitive {
    Null,
    Bool(bool),
    Char(u16),
    SByte(i8),
    Byte(u8),
    Int16(i16),
    UInt16(u16),
    Int32(i32),
    UInt32(u32),
    Int64(i64),
    UInt64(u64),
    Single(f32),
    Double(f64),
    Decimal(Decimal),
    Str(Arc<str>),
    DateTime(DateTime),
    DateTimeOffset(DateTimeOffset),
    TimeSpan(TimeSpan),
    Guid(u128),
    Uri(HeldUri),
    Bytes(Arc<[u8]>),
}

impl From<Number> for Primitive {
    fn from(number: Number) -> Self {
        match number {
            Number::SByte(value) => Self::SByte(value),
            Number::Byte(value) => Self::Byte(value),
            Number::Int16(value) => Self::Int16(value),
            Number::UInt16(value) => Self::UInt16(value),
            Number::Int32(value) => Self::Int32(value),
            Number::UInt32(value) => Self::UInt32(value),
            Number::Int64(value) => Self::Int64(value),
            Number::UInt64(value) => Self::UInt64(value),
            Number::Single(value) => Self::Single(value),
            Number::Double(value) => Self::Double(value),
            Number::Decimal(value) => Self::Decimal(value),
        }
    }
}

impl PrimitiveType {
    /// The number type, when it is one.
    fn number(self) -> Option<NumberType> {
        Some(match self {
            Self::SByte => NumberType::SByte,
            Self::Byte => NumberType::Byte,
            Self::Int16 => NumberType::Int16,
            Self::UInt16 => NumberType::UInt16,
            Self::Int32 => NumberType::Int32,
            Self::UInt32 => NumberType::UInt32,
            Self::Int64 => NumberType::Int64,
            Self::UInt64 => NumberType::UInt64,
            Self::Single => NumberType::Single,
            Self::Double => NumberType::Double,
            Self::Decimal => NumberType::Decimal,
            _ => return None,
        })
    }

    /// The name of the .NET type.
    fn name(self) -> &'static str {
        match self {
            Self::Bool => "Boolean",
            Self::Char => "Char",
            Self::SByte => "SByte",
            Self::Byte => "Byte",
            Self::Int16 => "Int16",
            Self::UInt16 => "UInt16",
            Self::Int32 => "Int32",
            Self::UInt32 => "UInt32",
            Self::Int64 => "Int64",
            Self::UInt64 => "UInt64",
            Self::Single => "Single",
            Self::Double => "Double",
            Self::Decimal => "Decimal",
            Self::Str => "String",
            Self::DateTime => "DateTime",
            Self::DateTimeOffset => "DateTimeOffset",
            Self::TimeSpan => "TimeSpan",
            Self::Guid => "Guid",
            Self::Uri => "Uri",
            Self::Bytes => "Byte[]",
        }
    }

    fn is_reference(self) -> bool {
        matches!(self, Self::Str | Self::Uri | Self::Bytes)
    }

    /// `default(T)`.
    fn default_value(self) -> Primitive {
        match self {
            Self::Bool => Primitive::Bool(false),
            Self::Char => Primitive::Char(0),
            Self::SByte => Primitive::SByte(0),
            Self::Byte => Primitive::Byte(0),
            Self::Int16 => Primitive::Int16(0),
            Self::UInt16 => Primitive::UInt16(0),
            Self::Int32 => Primitive::Int32(0),
            Self::UInt32 => Primitive::UInt32(0),
            Self::Int64 => Primitive::Int64(0),
            Self::UInt64 => Primitive::UInt64(0),
            Self::Single => Primitive::Single(0.0),
            Self::Double => Primitive::Double(0.0),
            Self::Decimal => Primitive::Decimal(Decimal::ZERO),
            Self::DateTime => Primitive::DateTime(DateTime::MIN),
            Self::DateTimeOffset => Primitive::DateTimeOffset(DateTimeOffset::default()),
            Self::TimeSpan => Primitive::TimeSpan(TimeSpan::ZERO),
            Self::Guid => Primitive::Guid(0),
            Self::Str | Self::Uri | Self::Bytes => Primitive::Null,
        }
    }

    /// Whether `System.Convert` makes it of null.
    fn converts_null(self) -> bool {
        !self.is_reference() && !matches!(self, Self::Guid | Self::TimeSpan)
    }

    /// Whether the cast takes tokens of this type.
    fn casts_from(self, from: JsonType) -> bool {
        let is_text = matches!(from, JsonType::String | JsonType::Comment | JsonType::Raw);
        let is_number = matches!(from, JsonType::Integer | JsonType::Float);
        is_text
            || match self {
                Self::Char => is_number,
                Self::DateTime | Self::DateTimeOffset => from == JsonType::Date,
                Self::Guid => matches!(from, JsonType::Guid | JsonType::Bytes),
                Self::TimeSpan => from == JsonType::TimeSpan,
                Self::Uri => from == JsonType::Uri,
                Self::Bytes => matches!(from, JsonType::Bytes | JsonType::Integer),
                Self::Str => {
                    is_number
                        || matches!(
                            from,
                            JsonType::Date
                                | JsonType::Boolean
                                | JsonType::Bytes
                                | JsonType::Guid
                                | JsonType::TimeSpan
                                | JsonType::Uri
                        )
                }
                _ => is_number || from == JsonType::Boolean,
            }
    }
}

impl JsonHeap {
    /// The cast `(T)token`, `(T?)token` when `nullable`; `T` that are references are always nullable. `id` may be C#
    /// null.
    pub(crate) fn cast(
        &self,
        id: Option<JsonId>,
        to: PrimitiveType,
        nullable: bool,
        budget: &mut Budget,
    ) -> Result<Primitive, Exception> {
        budget.step(1)?;
        let nullable = nullable || to.is_reference();
        let Some(id) = id else {
            return if nullable { Ok(Primitive::Null) } else { Err(null_value()) };
        };
        let id = self.property_value(id).unwrap_or(id);
        match self.scalar(id) {
            // The cast to `byte[]` alone takes C# null but not a JSON null.
            Some(value) if nullable && value.is_null() && to != PrimitiveType::Bytes => {
                Ok(Primitive::Null)
            }
            // `Convert` makes the first value of its types of null, and its text is empty.
            Some(Scalar::NullStr) if to.converts_null() => Ok(to.default_value()),
            Some(value) if to.casts_from(value.token_type()) => cast_scalar(value, to, budget),
            _ => Err(self.bad_cast(id, to)),
        }
    }

    /// `token.Value<T>()`, and `token.Value<T>(key)` with what the key gave: C# null gives `default(T)`, which is
    /// [`Primitive::Null`] for nullable types.
    pub(crate) fn value_of(
        &self,
        id: Option<JsonId>,
        to: PrimitiveType,
        nullable: bool,
        budget: &mut Budget,
    ) -> Result<Primitive, Exception> {
        budget.step(1)?;
        let nullable = nullable || to.is_reference();
        let Some(id) = id else {
            return Ok(if nullable { Primitive::Null } else { to.default_value() });
        };
        match self.scalar(id) {
            None => Err(Exception::new(
                ExceptionKind::InvalidCast,
                format!("Cannot cast {} to Newtonsoft.Json.Linq.JToken.", self.class_name(id)),
            )),
            Some(value) if value.is_null() && nullable => Ok(Primitive::Null),
            Some(value) if value.is_null() => Err(Exception::new(
                ExceptionKind::InvalidCast,
                "Null object cannot be converted to a value type.",
            )),
            Some(value) => change_type(value, to, budget),
        }
    }

    /// `ToString()`: bare text for a value, indented JSON for a container.
    pub(crate) fn to_text(&self, id: JsonId, budget: &mut Budget) -> Result<Arc<str>, Exception> {
        match self.scalar(id) {
            Some(value) => bare_text(value, budget),
            None => self.to_json(id, Formatting::Indented, budget).map(Arc::from),
        }
    }

    /// `ToString(formatting)`: JSON.
    pub(crate) fn to_json(
        &self,
        id: JsonId,
        formatting: Formatting,
        budget: &mut Budget,
    ) -> Result<String, Exception> {
        let mut writer = JsonWriter::with_room(formatting, self.room());
        writer.token(self, id, budget)?;
        Ok(writer.finish())
    }

    /// `JValue.ToString(format)`.
    pub(crate) fn value_format(
        &self,
        id: JsonId,
        format: Option<&str>,
        budget: &mut Budget,
    ) -> Result<String, Exception> {
        let format = format.unwrap_or("");
        match self.scalar(id) {
            Some(Scalar::Date(date)) => date.format(format, budget),
            Some(Scalar::DateOffset(date)) => date.format(format, budget),
            Some(Scalar::TimeSpan(span)) => span.format(format, budget),
            Some(Scalar::Guid(guid)) => format_guid(u128::from_be_bytes(*guid), Some(format)),
            Some(Scalar::Small(ty, value)) if info(*ty).is_enum() => {
                enum_format(*ty, i32::try_from(*value).unwrap_or_default(), format)
            }
            Some(value) => match as_number(value) {
                Some(number) => number.format(format, budget),
                None => bare_text(value, budget).map(|text| text.as_ref().to_owned()),
            },
            None => self.to_text(id, budget).map(|text| text.as_ref().to_owned()),
        }
    }

    #[cold]
    fn bad_cast(&self, id: JsonId, to: PrimitiveType) -> Exception {
        let from = self.token_type(id).name();
        let to = if to == PrimitiveType::Bytes { "byte array" } else { to.name() };
        Exception::new(ExceptionKind::Argument, format!("Can not convert {from} to {to}."))
    }
}

#[cold]
fn null_value() -> Exception {
    Exception::new(ExceptionKind::ArgumentNull, "Value cannot be null. (Parameter 'value')")
}

/// The number a value holds; none when it holds none or one too big for .NET's types.
fn as_number(value: &Scalar) -> Option<Number> {
    Some(match value {
        Scalar::Int(value) => Number::Int64(*value),
        Scalar::Small(ty, value) => small_number(*ty, *value),
        Scalar::UInt(value) => Number::UInt64(*value),
        Scalar::Double(value) => Number::Double(*value),
        Scalar::Single(value) => Number::Single(*value),
        Scalar::Decimal(value) => Number::Decimal(*value),
        _ => return None,
    })
}

/// `Value.ToString()`.
pub(crate) fn bare_text(value: &Scalar, budget: &mut Budget) -> Result<Arc<str>, Exception> {
    Ok(match value {
        Scalar::Null | Scalar::Undefined | Scalar::NullStr => Arc::from(""),
        Scalar::Str(text)
        | Scalar::Char(text)
        | Scalar::BigInt(text)
        | Scalar::Comment(text)
        | Scalar::Raw(text) => Arc::clone(text),
        Scalar::Bytes(_) => Arc::from("System.Byte[]"),
        Scalar::Uri(uri) => {
            budget.memory(uri.original().len().saturating_mul(2))?;
            Arc::from(uri.shown())
        }
        _ => {
            budget.memory(64)?;
            Arc::from(short_text(value))
        }
    })
}

/// The name of a constant of an enumeration.
fn small_text(ty: TypeId, value: i64) -> String {
    enum_text(ty, i32::try_from(value).unwrap_or_default())
}

/// The invariant text of a value that is not text itself.
fn short_text(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => (if *value { "True" } else { "False" }).to_owned(),
        Scalar::Date(date) => date.text(),
        Scalar::DateOffset(date) => date.text(),
        Scalar::TimeSpan(span) => span.text(),
        Scalar::Guid(guid) => format_guid(u128::from_be_bytes(*guid), None).unwrap_or_default(),
        Scalar::Small(ty, value) if info(*ty).is_enum() => small_text(*ty, *value),
        _ => as_number(value).map(Number::text).unwrap_or_default(),
    }
}

/// `(string)token` of a value.
pub(super) fn string_of(value: &Scalar, budget: &mut Budget) -> Result<Arc<str>, Exception> {
    match value {
        Scalar::Bytes(bytes) => {
            budget.memory(bytes.len() / 3 * 4 + 4)?;
            Ok(Arc::from(STANDARD.encode(bytes)))
        }
        _ => bare_text(value, budget),
    }
}

/// The text of a string, comment or raw value.
fn text_of(value: &Scalar) -> Option<&Arc<str>> {
    match value {
        Scalar::Str(text) | Scalar::Comment(text) | Scalar::Raw(text) => Some(text),
        _ => None,
    }
}

/// A number of type `to`, by the rules of `System.Convert`.
pub(super) fn to_number(value: &Scalar, to: NumberType) -> Result<Number, Exception> {
    match value {
        Scalar::Bool(value) => number::convert(Number::Int32(i32::from(*value)), to),
        Scalar::Char(text) => match to {
            NumberType::Double => Err(invalid_cast(value, PrimitiveType::Double)),
            NumberType::Single => Err(invalid_cast(value, PrimitiveType::Single)),
            NumberType::Decimal => Err(invalid_cast(value, PrimitiveType::Decimal)),
            _ => number::convert(Number::Int32(i32::from(unit_of(text))), to),
        },
        Scalar::BigInt(text) => match to {
            // `double` and `float` come nearest, all others must hold it.
            NumberType::Double | NumberType::Single => number::parse(to, Some(text), Styles::FLOAT),
            // By way of `int`.
            NumberType::SByte | NumberType::Byte | NumberType::Int16 | NumberType::UInt16 => {
                number::parse(NumberType::Int32, Some(text), Styles::INTEGER)
            }
            _ => number::parse(to, Some(text), Styles::INTEGER),
        },
        _ => match (as_number(value), text_of(value)) {
            (Some(number), _) => number::convert(number, to),
            (None, text) => number::parse(to, text.map(AsRef::as_ref), Styles::of(to)),
        },
    }
}

/// The character of a value that is one.
pub(crate) fn unit_of(text: &str) -> u16 {
    text.encode_utf16().next().unwrap_or_default()
}

/// `Convert.ToBoolean`.
pub(super) fn to_bool(value: &Scalar) -> Result<bool, Exception> {
    match value {
        Scalar::Bool(value) => Ok(*value),
        Scalar::Int(value) | Scalar::Small(_, value) => Ok(*value != 0),
        Scalar::UInt(value) => Ok(*value != 0),
        Scalar::Double(value) => Ok(*value != 0.0),
        Scalar::Single(value) => Ok(*value != 0.0),
        Scalar::Decimal(value) => Ok(!value.is_zero()),
        // Json.NET takes a `BigInteger` through `int`.
        Scalar::BigInt(_) => to_number(value, NumberType::Int32).map(|_| true),
        Scalar::Char(_) => Err(invalid_cast(value, PrimitiveType::Bool)),
        _ => number::parse_bool(text_of(value).map(AsRef::as_ref)),
    }
}

fn to_char(value: &Scalar) -> Result<u16, Exception> {
    let too_large = || {
        Exception::new(
            ExceptionKind::Overflow,
            "Value was either too large or too small for a character.",
        )
    };
    match value {
        Scalar::Int(value) | Scalar::Small(_, value) => {
            u16::try_from(*value).map_err(|_| too_large())
        }
        Scalar::UInt(value) => u16::try_from(*value).map_err(|_| too_large()),
        Scalar::Char(text) => Ok(unit_of(text)),
        Scalar::BigInt(_) => to_number(value, NumberType::Int32).and(Err(too_large())),
        _ => match text_of(value) {
            Some(text) => {
                let mut units = text.encode_utf16();
                match (units.next(), units.next()) {
                    (Some(unit), None) => Ok(unit),
                    _ => Err(Exception::new(
                        ExceptionKind::Format,
                        "String must be exactly one character long.",
                    )),
                }
            }
            None => Err(invalid_cast(value, PrimitiveType::Char)),
        },
    }
}

/// `DateTime.Parse` of text whose date is complete or taken from the first day there is: a token knows no clock.
fn date_of_text(text: &str) -> Result<DateTime, Exception> {
    DateTime::parse(Some(text), DateStyles::NONE, DateTime::MIN)
}

/// `Convert.ToDateTime`.
pub(super) fn date_of(value: &Scalar) -> Result<DateTime, Exception> {
    match value {
        Scalar::Date(date) => Ok(*date),
        _ => match text_of(value) {
            Some(text) => date_of_text(text),
            None => Err(invalid_cast(value, PrimitiveType::DateTime)),
        },
    }
}

/// The cast of a value whose token type is allowed.
fn cast_scalar(
    value: &Scalar,
    to: PrimitiveType,
    budget: &mut Budget,
) -> Result<Primitive, Exception> {
    if let Some(number) = to.number() {
        return to_number(value, number).map(Primitive::from);
    }
    let text = text_of(value).or(value.string()).map_or("", AsRef::as_ref);
    Ok(match to {
        PrimitiveType::Bool => Primitive::Bool(to_bool(value)?),
        PrimitiveType::Char => Primitive::Char(to_char(value)?),
        PrimitiveType::DateTime => Primitive::DateTime(match value {
            Scalar::Date(date) => *date,
            Scalar::DateOffset(date) => date.clock(),
            other => date_of(other)?,
        }),
        PrimitiveType::DateTimeOffset => Primitive::DateTimeOffset(match value {
            Scalar::Date(date) => DateTimeOffset::from_date_time(*date),
            Scalar::DateOffset(date) => *date,
            Scalar::Char(_) => return Err(invalid_cast(value, PrimitiveType::DateTime)),
            _ => DateTimeOffset::parse(Some(text), DateStyles::NONE, DateTime::MIN)?,
        }),
        PrimitiveType::TimeSpan => Primitive::TimeSpan(match value {
            Scalar::TimeSpan(span) => *span,
            _ => TimeSpan::parse(Some(text))?,
        }),
        PrimitiveType::Guid => Primitive::Guid(match value {
            Scalar::Guid(guid) => u128::from_be_bytes(*guid),
            Scalar::Bytes(bytes) => guid_of_bytes(bytes)?,
            _ => parse_guid(Some(text))?,
        }),
        PrimitiveType::Uri => Primitive::Uri(if let Scalar::Uri(uri) = value {
            uri.clone()
        } else {
            let text = bare_text(value, budget)?;
            let fault = |fault: Fault| Exception::new(ExceptionKind::UriFormat, fault.message());
            Uri::absolute(&text).map_err(fault)?;
            (&*text).into()
        }),
        PrimitiveType::Bytes => Primitive::Bytes(match value {
            Scalar::Bytes(bytes) => Arc::clone(bytes),
            Scalar::Str(text) | Scalar::Comment(text) | Scalar::Raw(text) => {
                base64_bytes(text, budget)?
            }
            _ => {
                let from = value.token_type().name();
                return Err(Exception::new(
                    ExceptionKind::Argument,
                    format!("Can not convert {from} to byte array."),
                ));
            }
        }),
        _ => Primitive::Str(string_of(value, budget)?),
    })
}

/// `new Guid(bytes)`: the first three fields are little-endian.
pub(super) fn guid_of_bytes(bytes: &[u8]) -> Result<u128, Exception> {
    let Ok(mut ordered) = <[u8; 16]>::try_from(bytes) else {
        return Err(Exception::new(
            ExceptionKind::Argument,
            "Byte array for GUID must be exactly 16 bytes long. (Parameter 'b')",
        ));
    };
    for field in [0..4, 4..6, 6..8] {
        if let Some(field) = ordered.get_mut(field) {
            field.reverse();
        }
    }
    Ok(u128::from_be_bytes(ordered))
}

/// `Convert.FromBase64String`: white space is ignored, padding is needed.
pub(crate) fn base64_bytes(text: &str, budget: &mut Budget) -> Result<Arc<[u8]>, Exception> {
    budget.memory(text.len())?;
    let packed: Vec<u8> =
        text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).collect();
    STANDARD.decode(packed).map(Arc::from).map_err(|_| {
        Exception::new(
            ExceptionKind::Format,
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.",
        )
    })
}

/// Whether the .NET type of a value implements `IConvertible`.
pub(crate) fn is_convertible(value: &Scalar) -> bool {
    !matches!(
        value,
        Scalar::DateOffset(_)
            | Scalar::TimeSpan(_)
            | Scalar::Guid(_)
            | Scalar::Uri(_)
            | Scalar::Bytes(_)
            | Scalar::BigInt(_)
    )
}

/// `ConvertUtils.FromBigInteger`: what is none of the large numbers goes through `long`.
pub(crate) fn of_big(
    value: &Scalar,
    to: PrimitiveType,
    budget: &mut Budget,
) -> Result<Primitive, Exception> {
    if to == PrimitiveType::Bool {
        return Ok(Primitive::Bool(true));
    }
    let direct = matches!(
        to,
        PrimitiveType::Decimal
            | PrimitiveType::Double
            | PrimitiveType::Single
            | PrimitiveType::UInt64
    );
    if direct && let Some(number) = to.number() {
        return to_number(value, number).map(Primitive::from);
    }
    let made = to_number(value, NumberType::Int64).and_then(|number| match number {
        Number::Int64(value) => change_type(&Scalar::Int(value), to, budget),
        other => Err(other.kind().overflow()),
    });
    made.map_err(|cause| {
        let message = format!("Can not convert from BigInteger to System.{}.", to.name());
        Exception::new(ExceptionKind::InvalidOperation, message).with_inner(cause)
    })
}

/// `Convert.ChangeType`, with a value of the very type taken as it is.
pub(crate) fn change_type(
    value: &Scalar,
    to: PrimitiveType,
    budget: &mut Budget,
) -> Result<Primitive, Exception> {
    match (value, to) {
        (Scalar::DateOffset(date), PrimitiveType::DateTimeOffset) => {
            return Ok(Primitive::DateTimeOffset(*date));
        }
        (Scalar::TimeSpan(span), PrimitiveType::TimeSpan) => {
            return Ok(Primitive::TimeSpan(*span));
        }
        (Scalar::Guid(guid), PrimitiveType::Guid) => {
            return Ok(Primitive::Guid(u128::from_be_bytes(*guid)));
        }
        (Scalar::Uri(uri), PrimitiveType::Uri) => return Ok(Primitive::Uri(uri.clone())),
        (Scalar::Bytes(bytes), PrimitiveType::Bytes) => {
            return Ok(Primitive::Bytes(Arc::clone(bytes)));
        }
        _ => {}
    }
    if !is_convertible(value) {
        return Err(Exception::new(
            ExceptionKind::InvalidCast,
            "Object must implement IConvertible.",
        ));
    }
    let is_date = matches!(value, Scalar::Date(_));
    let is_text = text_of(value).is_some();
    let allowed = match to {
        PrimitiveType::Str => true,
        PrimitiveType::DateTime => is_date || is_text,
        PrimitiveType::Char => {
            is_text
                || matches!(
                    value,
                    Scalar::Int(_) | Scalar::Small(..) | Scalar::UInt(_) | Scalar::Char(_)
                )
        }
        _ if to.number().is_some() || to == PrimitiveType::Bool => !is_date,
        _ => false,
    };
    if !allowed {
        return Err(invalid_cast(value, to));
    }
    cast_scalar(value, to, budget)
}

#[cold]
fn invalid_cast(value: &Scalar, to: PrimitiveType) -> Exception {
    let full = value.type_name();
    let from = match value {
        Scalar::Small(ty, _) if info(*ty).is_enum() => "Enum",
        _ => full.rsplit('.').next().unwrap_or(full),
    };
    // .NET names the types in full where it has no conversion of its own for the target.
    let message = match to {
        PrimitiveType::Guid
        | PrimitiveType::TimeSpan
        | PrimitiveType::DateTimeOffset
        | PrimitiveType::Uri
        | PrimitiveType::Bytes => {
            format!("Invalid cast from '{full}' to 'System.{}'.", to.name())
        }
        _ => format!("Invalid cast from '{from}' to '{}'.", to.name()),
    };
    Exception::new(ExceptionKind::InvalidCast, message)
}
