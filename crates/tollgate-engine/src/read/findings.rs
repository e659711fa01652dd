//! The findings of one document.

use tollgate_diagnostics::Diagnostic;

/// Diagnostics in the order found, up to a number of errors.
#[derive(Debug)]
pub(super) struct Findings {
    list: Vec<Diagnostic>,
    errors_left: usize,
}

impl Findings {
    pub(super) fn new(errors: usize) -> Self {
        Self { list: Vec::new(), errors_left: errors }
    }

    /// Adds one; what comes after the last error allowed is dropped.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full() {
            return;
        }
        let mut diagnostic = diagnostic;
        if diagnostic.is_error() {
            self.errors_left -= 1;
            if self.is_full() {
                diagnostic =
                    diagnostic.help("there may be more errors: reading stopped after these");
            }
        }
        self.list.push(diagnostic);
    }

    /// Whether reading on is of no use.
    pub(super) fn is_full(&self) -> bool {
        self.errors_left == 0
    }

    /// All, in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|diagnostic| diagnostic.primary.span);
        self.list
    }
}
