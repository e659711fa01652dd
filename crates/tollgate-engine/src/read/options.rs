//! What reading a document needs to know.

use std::fmt;

/// What a named value stands for.
#[derive(Clone, Copy)]
pub struct NamedValue<'a> {
    /// The text.
    pub text: &'a str,
    /// Whether the text may never be shown.
    pub secret: bool,
}

impl fmt::Debug for NamedValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.secret { "***" } else { self.text };
        f.debug_struct("NamedValue").field("text", &text).field("secret", &self.secret).finish()
    }
}

/// The named values a document may refer to.
pub trait NamedValues {
    /// The named value of this name.
    fn lookup(&self, name: &str) -> Option<NamedValue<'_>>;

    /// Whether a named value exists whose text is not at hand: values that hold it are
    /// [opaque](super::Value::is_opaque), without a finding.
    fn is_withheld(&self, _name: &str) -> bool {
        false
    }

    /// All names, for suggestions.
    fn names(&self) -> Vec<&str>;
}

/// No named values at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNamedValues;

impl NamedValues for NoNamedValues {
    fn lookup(&self, _name: &str) -> Option<NamedValue<'_>> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// What a name that is not a named value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownNames {
    /// A mistake: the document belongs to a directory that defines all names.
    #[default]
    Refuse,
    /// Unknown yet: the document is checked alone. One warning per name; values that hold it are
    /// [opaque](super::Value::is_opaque).
    Tolerate,
}

/// Bounds on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of a document, before and after named values are substituted.
    pub document: usize,
    /// Elements inside one another.
    pub nesting: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Bytes of one expression.
    pub expression: usize,
    /// Errors after which reading stops.
    pub errors: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            document: 1024 * 1024,
            nesting: 64,
            attributes: 128,
            expression: 64 * 1024,
            errors: 100,
        }
    }
}

/// What [`read`](super::read) needs to know.
#[derive(Clone, Copy)]
pub struct ReadOptions<'a> {
    /// The named values.
    pub named_values: &'a dyn NamedValues,
    /// What a name that is none of them means.
    pub unknown_names: UnknownNames,
    /// Bounds.
    pub limits: ReadLimits,
    /// Elements whose inner markup is text, not policies.
    pub raw_elements: &'a [&'a str],
}

impl<'a> ReadOptions<'a> {
    /// Options for a document of a directory with these named values.
    pub fn new(named_values: &'a dyn NamedValues) -> Self {
        Self {
            named_values,
            unknown_names: UnknownNames::default(),
            limits: ReadLimits::default(),
            raw_elements: &["set-body"],
        }
    }
}

impl fmt::Debug for ReadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOptions")
            .field("named_values", &self.named_values.names())
            .field("unknown_names", &self.unknown_names)
            .field("limits", &self.limits)
            .field("raw_elements", &self.raw_elements)
            .finish()
    }
}
