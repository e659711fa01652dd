//! The XML tree of `System.Xml.Linq`.
//!
//! Nodes and attributes live in an [`XmlHeap`] that belongs to a request and are named by [`XmlId`]s, so they have
//! identity as in .NET: two values are the same node or not, a node knows its parent, and adding a node that has a
//! parent adds a copy.
//!
//! INVARIANT: nothing here recurses over the tree; depth, made by a policy or read from text, is bounded by the memory
//! budget alone.

mod compare;
mod convert;
mod edit;
mod heap;
mod name;
mod navigate;
mod read;
mod to_json;
mod write;

pub(crate) use convert::{Simple, parse_simple, simple_text};
pub(crate) use edit::{Inserter, missing_parent, verify_attribute};
pub(crate) use heap::{DocumentType, XmlHeap, XmlId, XmlKind};
pub(crate) use name::{Name, XML, XMLNS, verify_colon_name, verify_name};
pub(crate) use navigate::{Axis, Walk};
pub(crate) use read::{Declared, Dtd, Parsed, ReadOptions};
pub(crate) use to_json::{encode_name, write_json};
pub(crate) use write::SaveOptions;

#[cfg(test)]
mod tests;
