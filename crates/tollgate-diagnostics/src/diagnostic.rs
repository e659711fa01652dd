//! One finding about what an author wrote.

use crate::{Code, Span};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document loads; something in it is doubtful.
    Warning,
    /// The document does not load.
    Error,
}

/// A place with a few words about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is there; may be empty.
    pub text: String,
}

/// One finding: what is wrong, where, and what to do.
///
/// The message is one line, lower case, without a full stop, and stands alone. Advice goes in `help`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The kind of mistake.
    pub code: Code,
    /// One line that stands alone.
    pub message: String,
    /// The place and what is wrong with it.
    pub primary: Label,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// Advice, one line each.
    pub help: Vec<String>,
    /// Whether the author's text at the place is a secret: only the place is shown then.
    pub hides_source: bool,
}

impl Diagnostic {
    /// A finding with the severity its code implies: codes that begin with `W` are warnings.
    pub fn new(code: Code, message: impl Into<String>, span: Span) -> Self {
        let severity =
            if code.as_str().starts_with('W') { Severity::Warning } else { Severity::Error };
        Self {
            severity,
            code,
            message: message.into(),
            primary: Label { span, text: String::new() },
            secondary: Vec::new(),
            help: Vec::new(),
            hides_source: false,
        }
    }

    /// Says what is at the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Adds a line of advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds ``did you mean `x`?`` when there is a suggestion.
    #[must_use]
    pub fn suggest(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Shows the place without the author's text, which holds a secret.
    #[must_use]
    pub fn hide_source(mut self) -> Self {
        self.hides_source = true;
        self
    }

    /// Whether the document must not be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether any of the findings is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}
