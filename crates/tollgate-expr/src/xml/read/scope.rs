//! Namespaces in scope.

use std::sync::Arc;

/// The declared prefixes, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope<'t> {
    declared: Vec<(&'t str, Arc<str>)>,
}

impl<'t> Scope<'t> {
    pub(super) fn len(&self) -> usize {
        self.declared.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.declared.truncate(len);
    }

    pub(super) fn declare(&mut self, prefix: &'t str, namespace: Arc<str>) {
        self.declared.push((prefix, namespace));
    }

    /// The namespace of a prefix.
    pub(super) fn lookup(&self, prefix: &str) -> Option<&Arc<str>> {
        self.declared.iter().rev().find(|(own, _)| *own == prefix).map(|(_, namespace)| namespace)
    }
}
