//! `Newtonsoft.Json` 12: the tree of tokens, its reader, writer, conversions and paths.
//!
//! All tokens of a request live in one [`JsonHeap`] and are named by [`JsonId`], which is what C# calls a reference: two
//! ids are the same token or not, a token knows its parent, and adding a token that has a parent adds a copy.
//!
//! INVARIANT: nothing here recurses over the tree; nesting made by a policy is bounded by the memory budget alone, and
//! nesting read from text by `read::MAX_DEPTH`.

mod access;
mod build;
mod compare;
mod convert;
mod edit;
mod guid;
mod heap;
mod merge;
mod path;
mod place;
mod read;
mod scalar;
mod source;
mod write;

pub(crate) use compare::char_as_text;
pub(crate) use convert::{
    Primitive, PrimitiveType, bare_text, base64_bytes as bytes_of_base64, change_type,
    is_convertible, of_big, unit_of,
};
pub(crate) use guid::{format_guid, parse_guid, parse_guid_exact};
pub(crate) use heap::{JsonHeap, JsonId, JsonType};
pub(crate) use path::{JsonPath, NoMatch};
pub(crate) use place::SourceText;
pub(crate) use read::{DateParse, Reader, Token, Want, date_of_json};
pub(crate) use scalar::{HeldUri, Scalar, small_constant, small_number};
pub(crate) use source::{TokenSource, TreeReader};
pub(crate) use write::{Formatting, JsonWriter, quoted, write_scalar};

#[cfg(test)]
#[expect(clippy::too_many_lines, reason = "tables of what Json.NET answers")]
mod tests;
