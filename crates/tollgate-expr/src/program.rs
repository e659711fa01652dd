//! Compiled expressions.

use std::fmt;
use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic, MappedText, Span, has_errors};

use crate::check::{Checked, Root, check};
use crate::eval::{Cx, Function, FunctionBody, Node, fuse};
use crate::syntax::{At, SyntaxError, lex, parse_block, parse_expression};
use crate::types::{MemberInfo, Ty};
use crate::{EvalCx, EvalState, Exception, Limits, Value};

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
    /// Leaves the lowered tree as it is: what fused evaluation is tested against.
    pub(crate) plain: bool,
}

impl CompileOptions {
    /// Options for a place that wants `target`.
    pub fn for_target(target: Target) -> Self {
        Self { target, ..Self::default() }
    }
}

/// What an expression does with bodies and the response.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
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
    target: Target,
    ty: Ty,
    facts: Facts,
    constant: Option<Value>,
    /// Lambdas and local functions; the expression itself is the last.
    functions: Arc<Vec<Function>>,
}

impl Program {
    /// The value for one request.
    pub fn eval(&self, cx: &mut EvalCx<'_>) -> Result<Value, Exception> {
        if let Some(value) = &self.0.constant {
            return Ok(value.clone());
        }
        let mut cx = Cx::new(cx.host, cx.state, &self.0.functions);
        let value = cx.run()?;
        match self.0.target {
            Target::Text if matches!(value, Value::Str(_) | Value::Null) => Ok(value),
            Target::Text => Ok(cx.text(&value)?.map_or(Value::Null, Value::Str)),
            Target::Any | Target::Bool | Target::Int => Ok(value),
        }
    }

    /// Where an exception that it threw was thrown, in the author's text; the whole expression when that is not known.
    pub fn place(&self, exception: &Exception) -> Span {
        let source = &self.0.source;
        exception.offset().map_or_else(|| source.whole(), |offset| source.span(offset..offset))
    }

    /// What it does with bodies and the response.
    pub fn facts(&self) -> Facts {
        self.0.facts
    }

    /// The static type, in C# words.
    pub fn type_name(&self) -> String {
        self.0.ty.to_string()
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

/// Longest text of an expression.
const LONGEST: usize = 64 << 10;

/// Compiles an expression: the whole of it, with its `@(…)` or `@{…}` and any white space around.
///
/// Gives no program exactly when one of the diagnostics is an error.
pub fn compile(
    source: &MappedText,
    options: &CompileOptions,
) -> (Option<Program>, Vec<Diagnostic>) {
    let checked = match read_anywhere(source, options) {
        Ok(checked) => checked,
        Err(error) => return (None, vec![error.diagnostic(source)]),
    };
    if has_errors(&checked.diagnostics) {
        return (None, checked.diagnostics);
    }
    let constant = match checked.functions.as_slice() {
        [Function { body: FunctionBody::Expr(Node::Const(value)), .. }] => {
            constant(value, options.target)
        }
        _ => None,
    };
    let compiled = Compiled {
        source: source.clone(),
        target: options.target,
        ty: checked.ty,
        facts: checked.facts,
        constant,
        functions: Arc::new(checked.functions),
    };
    (Some(Program(Arc::new(compiled))), checked.diagnostics)
}

/// The declared members that an expression uses, overloads chosen; none when it does not compile.
pub(crate) fn used(source: &MappedText) -> Vec<&'static MemberInfo> {
    match read_anywhere(source, &CompileOptions::default()) {
        Ok(checked) if !has_errors(&checked.diagnostics) => checked.used,
        _ => Vec::new(),
    }
}

/// A constant as the place wants it.
fn constant(value: &Value, target: Target) -> Option<Value> {
    match (value, target) {
        (Value::Host(_), _) => None,
        (value, Target::Text) => {
            let state = EvalState::new(Limits::default());
            value.to_text(&state).ok().map(|text| text.map_or(Value::Null, Value::Str))
        }
        (value, _) => Some(value.clone()),
    }
}

/// How many characters that may nest an expression has before it is read on a stack of its own.
const SHALLOW: usize = 40;
/// The size of that stack: enough for the deepest nesting that is allowed, without optimisation.
const STACK: usize = 16 << 20;

/// Reads an expression; one that may nest deeply on a stack that is large enough whoever calls.
fn read_anywhere(source: &MappedText, options: &CompileOptions) -> Result<Checked, SyntaxError> {
    let text = source.as_str();
    let brackets = text.bytes().filter(|byte| b"([{!-+~?=".contains(byte)).count();
    let words = text.matches("do").count() + text.matches("throw").count();
    if brackets + words <= SHALLOW {
        return read(source, options);
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        let thread = builder.spawn_scoped(scope, || read(source, options));
        let result = thread.ok().and_then(|thread| thread.join().ok());
        result.unwrap_or_else(|| Err(SyntaxError::too_deep(At::new(0, text.len()))))
    })
}

/// Reads, checks, and makes it quick.
fn read(source: &MappedText, options: &CompileOptions) -> Result<Checked, SyntaxError> {
    let mut checked = check_text(source, options.target)?;
    if !has_errors(&checked.diagnostics) && !options.plain {
        fuse(&mut checked.functions);
    }
    Ok(checked)
}

fn check_text(source: &MappedText, target: Target) -> Result<Checked, SyntaxError> {
    let text = source.as_str();
    if text.len() > LONGEST {
        let at = At::new(0, text.len());
        let mut error = SyntaxError::new(at, "the expression is longer than 64 KiB");
        error.code = Code::TOO_LARGE;
        return Err(error);
    }
    let start = text.len() - text.trim_start().len();
    let end = text.trim_end().len();
    let inner = text.get(start..end).unwrap_or_default();
    let inside = At::new(start + 2, end.saturating_sub(1));
    let (tokens, block) = if inner.starts_with("@(") && inner.ends_with(')') {
        (lex(text, start + 2, end - 1)?, false)
    } else if inner.starts_with("@{") && inner.ends_with('}') {
        (lex(text, start + 2, end - 1)?, true)
    } else {
        let at = At::new(start, end);
        let error = SyntaxError::new(
            at,
            "an expression begins with `@(` or `@{` and ends with its bracket",
        );
        return Err(error);
    };
    if block {
        let block = parse_block(&tokens, At::new(start, end).to(inside))?;
        return Ok(check(Root::Block(&block), source, target));
    }
    let expr = parse_expression(&tokens)?;
    Ok(check(Root::Expr(&expr), source, target))
}

#[cfg(test)]
mod tests;
