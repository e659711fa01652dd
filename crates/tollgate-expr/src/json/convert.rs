//! Tokens as values of C# types: casts, `Value<T>`, `ToObject<T>`, `ToString`.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Formatting, JsonHeap, JsonId};
use crate::time::{DateTime, DateTimeOffset, TimeSpan};
use crate::{Budget, Exception};

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
    Uri(Arc<str>),
    Bytes(Arc<[u8]>),
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
        todo!()
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
        todo!()
    }
    /// `token.ToObject<T>()`.
    pub(crate) fn to_object(
        &self,
        id: JsonId,
        to: PrimitiveType,
        nullable: bool,
        budget: &mut Budget,
    ) -> Result<Primitive, Exception> {
        todo!()
    }
    /// `ToString()`: bare text for a value, indented JSON for a container.
    pub(crate) fn to_text(&self, id: JsonId, budget: &mut Budget) -> Result<Arc<str>, Exception> {
        todo!()
    }
    /// `ToString(formatting)`: JSON.
    pub(crate) fn to_json(
        &self,
        id: JsonId,
        formatting: Formatting,
        budget: &mut Budget,
    ) -> Result<String, Exception> {
        todo!()
    }
    /// `JValue.ToString(format)`.
    pub(crate) fn value_format(
        &self,
        id: JsonId,
        format: Option<&str>,
        budget: &mut Budget,
    ) -> Result<String, Exception> {
        todo!()
    }
}
