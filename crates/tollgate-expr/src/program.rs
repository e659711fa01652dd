//! Compiled expressions.

use std::fmt;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, MappedText};

use crate::{EvalCx, Exception, Value};

/// What the place that holds an expression wants of its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Target {
    /// Any value, kept as it is.
    #[default]
    Any,
    /// Text: anything, through `ToString()`; null stays null.
    Text,
    /// `bool`.
    Bool,
    /// A whole number.
    Int,
}

/// How to compile an expression.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CompileOptions {
    /// What the place wants.
    pub target: Target,
}

impl CompileOptions {
    /// Options for a place that wants `target`.
    pub fn for_target(target: Target) -> Self {
        Self { target }
    }
}

/// What an expression does with bodies and the response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Reads `context.Request.Body`.
    pub reads_request_body: bool,
    /// Reads `context.Response.Body`.
    pub reads_response_body: bool,
    /// May consume the body of the request.
    pub consumes_request_body: bool,
    /// May consume the body of the response.
    pub consumes_response_body: bool,
    /// Reads `context.Response`.
    pub reads_response: bool,
}

/// A compiled expression. Cheap to clone, and shared between threads.
#[derive(Clone)]
pub struct Program(Arc<Compiled>);

struct Compiled {
    source: MappedText,
    type_name: String,
    facts: Facts,
    constant: Option<Value>,
}

impl Program {
    /// The value for one request.
    pub fn eval(&self, _cx: &mut EvalCx<'_>) -> Result<Value, Exception> {
        Ok(self.0.constant.clone().unwrap_or_default())
    }

    /// What it does with bodies and the response.
    pub fn facts(&self) -> Facts {
        self.0.facts
    }

    /// The static type, in C# words.
    pub fn type_name(&self) -> String {
        self.0.type_name.clone()
    }

    /// The value, when it is the same for every request.
    pub fn constant(&self) -> Option<&Value> {
        self.0.constant.as_ref()
    }

    /// The text it was compiled from.
    pub fn source(&self) -> &MappedText {
        &self.0.source
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.0.source.has_secret() { "***" } else { self.0.source.as_str() };
        f.debug_struct("Program").field("source", &text).finish_non_exhaustive()
    }
}

/// Compiles an expression: the whole of it, with its `@(…)` or `@{…}` and any white space around.
///
/// Gives no program exactly when one of the diagnostics is an error.
pub fn compile(
    source: &MappedText,
    _options: &CompileOptions,
) -> (Option<Program>, Vec<Diagnostic>) {
    let unsupported =
        Diagnostic::new(Code::EXPR_UNSUPPORTED, "expressions are not supported", source.whole());
    (None, vec![unsupported])
}
