//! Files, spans, diagnostics and their renderers.
//!
//! Every phase that reads what an author wrote reports through [`Diagnostic`]: a code, one line of message, the place
//! in the author's text and advice. A diagnostic is data; [`render`] turns it into rustc-style text or JSON.
//!
//! ```
//! use tollgate_diagnostics::{Diagnostic, Sources, Code, render};
//!
//! let mut sources = Sources::default();
//! let file = sources.add("policies/global.xml", "<inbond />");
//! let diagnostic = Diagnostic::new(Code::UNKNOWN_ELEMENT, "unknown section `inbond`", file.span(1..7))
//!     .label("not a section")
//!     .help("did you mean `inbound`?");
//! assert!(render::human(&diagnostic, &sources).contains("policies/global.xml:1:2"));
//! ```

mod code;
mod diagnostic;
mod mapped;
pub mod render;
mod source;
mod suggest;

pub use code::{ALL_CODES, Code};
pub use diagnostic::{Diagnostic, Label, Severity, has_errors};
pub use mapped::{MappedText, MappedTextBuilder, Piece};
pub use source::{FileId, Position, SourceFile, Sources, Span};
pub use suggest::closest;
