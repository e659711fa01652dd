//! Numbers as .NET writes, reads and converts them, invariant culture.

mod composite;
mod convert;
mod custom;
mod digits;
mod parse;
mod standard;

pub(crate) use composite::{Piece, pad, pieces};
pub(crate) use convert::convert;
pub(crate) use parse::{Styles, parse, parse_bool, try_parse, try_parse_bool};

use rust_decimal::Decimal;

use crate::{Budget, Exception};

/// A .NET numeric type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NumberType {
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
}

/// A number with its .NET type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
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
}

impl Number {
    /// The type.
    pub(crate) fn kind(self) -> NumberType {
        todo!()
    }

    /// `ToString()`.
    pub(crate) fn text(self) -> String {
        todo!()
    }

    /// Appends `ToString()`.
    pub(crate) fn write(self, out: &mut String) {
        todo!()
    }

    /// `ToString(format)`: standard and custom format strings.
    pub(crate) fn format(self, format: &str, budget: &mut Budget) -> Result<String, Exception> {
        todo!()
    }
}
