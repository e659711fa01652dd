//! Values as bytes, for what outlives a request.
//!
//! Objects belong to the [`EvalState`] of a request, so they are copied into the bytes, and made anew in the state of the
//! request that reads them. The bytes may have passed through a server that others write to: reading them is bounded by
//! their length and by the budget, and gives nothing rather than something wrong.

mod read;
mod write;

#[cfg(test)]
mod tests;

use crate::types::{Ty, TypeId};
use crate::{EvalState, Exception, Value};

/// A value cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unstorable {
    /// Its type is one that means nothing outside the request.
    #[error("a value of type {0} cannot be kept")]
    Type(String),
    /// It holds itself, or is nested too deeply.
    #[error("the value is nested too deeply to be kept")]
    Depth,
    /// It is longer than the bound.
    #[error("the value is longer than {0} bytes")]
    Length(usize),
}

/// Objects inside one another.
const MAX_DEPTH: usize = 32;

/// What a value is; part of the form that is kept, so numbers stay what they are.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const CHAR: u8 = 3;
    pub(super) const SBYTE: u8 = 4;
    pub(super) const BYTE: u8 = 5;
    pub(super) const SHORT: u8 = 6;
    pub(super) const USHORT: u8 = 7;
    pub(super) const INT: u8 = 8;
    pub(super) const UINT: u8 = 9;
    pub(super) const LONG: u8 = 10;
    pub(super) const ULONG: u8 = 11;
    pub(super) const FLOAT: u8 = 12;
    pub(super) const DOUBLE: u8 = 13;
    pub(super) const DECIMAL: u8 = 14;
    pub(super) const STRING: u8 = 15;
    pub(super) const BYTES: u8 = 16;
    pub(super) const DATE_TIME: u8 = 17;
    pub(super) const DATE_TIME_OFFSET: u8 = 18;
    pub(super) const TIME_SPAN: u8 = 19;
    pub(super) const GUID: u8 = 20;
    pub(super) const JSON: u8 = 21;
    pub(super) const XML_DOCUMENT: u8 = 22;
    pub(super) const XML_ELEMENT: u8 = 23;
    pub(super) const JWT: u8 = 24;
    pub(super) const RESPONSE: u8 = 25;
    pub(super) const ARRAY: u8 = 26;
    pub(super) const LIST: u8 = 27;
    pub(super) const DICTIONARY: u8 = 28;

    /// What a JSON token is.
    pub(super) mod json {
        pub(in super::super) const OBJECT: u8 = 0;
        pub(in super::super) const ARRAY: u8 = 1;
        pub(in super::super) const PROPERTY: u8 = 2;
        pub(in super::super) const NULL: u8 = 3;
        pub(in super::super) const UNDEFINED: u8 = 4;
        pub(in super::super) const FALSE: u8 = 5;
        pub(in super::super) const TRUE: u8 = 6;
        pub(in super::super) const INT: u8 = 7;
        pub(in super::super) const UINT: u8 = 8;
        pub(in super::super) const BIG: u8 = 9;
        pub(in super::super) const DOUBLE: u8 = 10;
        pub(in super::super) const SINGLE: u8 = 11;
        pub(in super::super) const DECIMAL: u8 = 12;
        pub(in super::super) const STRING: u8 = 13;
        pub(in super::super) const NULL_STRING: u8 = 14;
        pub(in super::super) const CHAR: u8 = 15;
        pub(in super::super) const DATE: u8 = 16;
        pub(in super::super) const DATE_OFFSET: u8 = 17;
        pub(in super::super) const BYTES: u8 = 18;
        pub(in super::super) const GUID: u8 = 19;
        pub(in super::super) const URI: u8 = 20;
        pub(in super::super) const TIME_SPAN: u8 = 21;
        pub(in super::super) const COMMENT: u8 = 22;
        pub(in super::super) const RAW: u8 = 23;
        pub(in super::super) const SMALL: u8 = 24;
    }
}

/// Types of items of collections that can be kept, each with its number.
const ITEM_TYPES: [Ty; 17] = [
    Ty::OBJECT,
    Ty::STRING,
    Ty::BOOL,
    Ty::CHAR,
    Ty::SBYTE,
    Ty::BYTE,
    Ty::SHORT,
    Ty::USHORT,
    Ty::INT,
    Ty::UINT,
    Ty::LONG,
    Ty::ULONG,
    Ty::FLOAT,
    Ty::DOUBLE,
    Ty::DECIMAL,
    Ty::JTOKEN,
    Ty::DATE_TIME,
];

/// Types of whole numbers in JSON that are not `long`, each with its number.
const SMALL_TYPES: [TypeId; 6] =
    [TypeId::Int32, TypeId::UInt32, TypeId::Int16, TypeId::UInt16, TypeId::SByte, TypeId::Byte];

impl EvalState {
    /// The value as bytes, of which there may be so many.
    pub fn store(&self, value: &Value, limit: usize) -> Result<Vec<u8>, Unstorable> {
        let mut writer = write::Writer { state: self, out: Vec::new(), limit };
        writer.value(value, 0)?;
        Ok(writer.out)
    }

    /// The value that these bytes hold, made in this state; `None` when they hold none.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<Option<Value>, Exception> {
        let mut reader = read::Reader { rest: bytes };
        let Some(value) = reader.value(self, 0)? else { return Ok(None) };
        Ok(reader.rest.is_empty().then_some(value))
    }
}
