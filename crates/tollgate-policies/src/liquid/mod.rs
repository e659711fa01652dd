//! Liquid templates as `DotLiquid` 2.0 renders them, with C# names, as Azure API Management has it.
//!
//! A template is parsed at load; what is wrong in it is found there. Rendering is bounded in steps and output and touches
//! nothing but the message, the variables of the request and the clock.

mod ast;
mod conditions;
mod filters;
mod lookup;
mod loops;
mod markup;
mod parse;
mod render;
mod value;
mod xml;

#[cfg(test)]
mod tests;

use std::ops::Range;

use tollgate_diagnostics::Code;
use tollgate_engine::{Message, PolicyError, RequestCx};

use self::ast::Node;

/// A template.
#[derive(Debug)]
pub(crate) struct Template {
    nodes: Vec<Node>,
    reads_body: bool,
}

/// How a template sees the message it works on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// The message that is `body`.
    pub(crate) message: Message,
    /// Whether text that looks like a date is one.
    pub(crate) dates: tollgate_expr::Dates,
    /// Whether an XML element with `xsi:nil` is null; otherwise it is an empty text.
    pub(crate) nil_is_null: bool,
}

/// Something to tell the author of a template.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// Where in the template.
    pub(crate) range: Range<usize>,
    pub(crate) label: String,
    pub(crate) suggestion: Option<&'static str>,
}

impl Finding {
    /// Something that keeps a template from being used.
    fn wrong(range: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        let (message, label) = (message.into(), label.into());
        Self { code: Code::INVALID_VALUE, message, range, label, suggestion: None }
    }

    /// Something that is most likely not meant so.
    fn suspicious(
        range: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        suggestion: Option<&'static str>,
    ) -> Self {
        Self { code: Code::SUSPICIOUS, suggestion, ..Self::wrong(range, message, label) }
    }
}

impl Template {
    /// Reads a template. It is none when one of the findings is an error.
    pub(crate) fn parse(text: &str) -> (Option<Self>, Vec<Finding>) {
        parse::parse(text)
    }

    /// Whether it refers to the body.
    pub(crate) fn reads_body(&self) -> bool {
        self.reads_body
    }

    /// What it makes of this request.
    pub(crate) fn render(
        &self,
        cx: &mut RequestCx,
        reading: Reading,
    ) -> Result<String, PolicyError> {
        render::render(&self.nodes, cx, reading)
    }
}
