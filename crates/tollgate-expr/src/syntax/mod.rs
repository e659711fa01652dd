//! The text of an expression: tokens and tree.

pub(crate) mod ast;
mod creation;
mod keywords;
mod lexer;
mod parser;
mod postfix;
mod primary;
mod query;
mod signature;
mod statements;
mod type_syntax;

pub(crate) use lexer::lex;
pub(crate) use parser::{parse_block, parse_expression};
pub(crate) use signature::{Signature, SignatureKind, parse_signature};

use tollgate_diagnostics::{Code, Diagnostic, MappedText};

/// Deepest nesting of an expression's tree.
pub(crate) const MAX_NESTING: u16 = 200;

/// A range of bytes in the expression's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct At {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl At {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end) }
    }

    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(crate) fn to(self, other: At) -> At {
        At { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A mistake found while reading text; becomes a [`Diagnostic`].
#[derive(Debug, Clone)]
pub(crate) struct SyntaxError {
    pub(crate) code: Code,
    pub(crate) at: At,
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

impl SyntaxError {
    pub(crate) fn new(at: At, message: impl Into<String>) -> Self {
        Self { code: Code::EXPR_SYNTAX, at, message: message.into(), help: None }
    }

    pub(crate) fn too_deep(at: At) -> Self {
        let message = "the expression nests too deeply".to_owned();
        Self { code: Code::TOO_LARGE, at, message, help: None }
    }

    /// A construct of C# that is not supported here.
    pub(crate) fn unsupported(at: At, message: impl Into<String>) -> Self {
        Self { code: Code::EXPR_UNSUPPORTED, at, message: message.into(), help: None }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }

    pub(crate) fn diagnostic(self, source: &MappedText) -> Diagnostic {
        let secret = source.is_secret(self.at.range());
        let message = if secret && self.message.contains('`') {
            "syntax error in the value of a secret".to_owned()
        } else {
            self.message
        };
        let diagnostic = Diagnostic::new(self.code, message, source.span(self.at.range()));
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
