//! From the text of a policy document to a lossless tree with places in the author's text.
//!
//! Policy documents are XML with two additions that keep six of ten from being well-formed: named values, `{{name}}`,
//! stand for text anywhere, also where XML wants quotes; and C# expressions, `@(…)` and `@{…}`, stand in attributes and
//! text as they are, quotes, `<` and `&` included. So reading goes in three steps:
//!
//! 1. `named_values` puts the named values in.
//! 2. `mask` finds the expressions and writes filler of the same length over them and over everything else an XML
//!    reader would stumble over, reporting what is a mistake.
//! 3. `build` lets an XML reader read what is left and makes the tree, taking values from the text of step 1.
//!
//! What one step does not touch keeps its place, so every span is a span of what the author wrote.
//!
//! INVARIANT: a named value is never markup. Whatever quotes and angle brackets it holds, the elements and attributes of
//! a document are those its author wrote; inside an expression a named value is C# text, as in Azure.

mod build;
mod csharp;
mod findings;
mod mask;
mod named_values;
mod options;
mod reference;
mod report;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, FileId};

pub use options::{NamedValue, NamedValues, NoNamedValues, ReadLimits, ReadOptions, UnknownNames};
pub use tree::{Attribute, Comment, Document, Element, Node, Text, TextKind, Value};

/// Reads a document.
///
/// The tree is given as far as it could be made out, also when there are errors, so that later phases can report what
/// they find; it is to be used only when there are none.
pub fn read(
    file: FileId,
    text: &str,
    options: &ReadOptions<'_>,
) -> (Option<Document>, Vec<Diagnostic>) {
    let mut findings = findings::Findings::new(options.limits.errors);
    // Editors on Windows write a byte order mark, which is no text.
    let start = if text.starts_with('\u{FEFF}') { '\u{FEFF}'.len_utf8() } else { 0 };
    let limit = options.limits.document;
    let too_large = |message: String| {
        let place = file.span(start..start);
        let limit = format!("the limit is {} KiB", limit / 1024);
        (None, vec![Diagnostic::new(Code::TOO_LARGE, message, place).help(limit)])
    };
    if text.len() > limit {
        return too_large(format!("the document has {} KiB", text.len().div_ceil(1024)));
    }
    let named_values = options.named_values;
    let Ok(names) = named_values::substitute(file, text, start, named_values, limit) else {
        return too_large("the document is too large with its named values in it".to_owned());
    };
    let masked = mask::mask(&names, options.limits.attributes, &mut findings);
    let document = Arc::new(names.text.clone());
    let source = build::Source { document: &document, names: &names, masked: &masked, options };
    let built = build::build(source, &mut findings);
    for diagnostic in report::unknown(build::unknown_names(source, &built.quiet), source) {
        findings.push(diagnostic);
    }
    (built.document, findings.finish())
}
