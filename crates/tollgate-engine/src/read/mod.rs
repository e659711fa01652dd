//! From text to a lossless tree with spans.

mod options;
mod tree;
mod value;

pub use options::{NamedValue, NamedValues, NoNamedValues, ReadLimits, ReadOptions, UnknownNames};
pub use tree::{Attribute, Comment, Document, Element, Node, Text, TextKind, Value};
