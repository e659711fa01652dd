//! What clients and their bodies are checked against: authorities and schemas.

use std::path::PathBuf;

use tollgate_diagnostics::{Code, Span};

use super::toml_file::Table;
use super::{Reader, list, text};

/// Whom certificates are trusted to come from, in expressions and policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthoritiesConfig {
    /// PEM file of roots besides the system's, and where it was written.
    pub roots: Option<(PathBuf, Span)>,
    /// PEM file of certificates that lead to roots, likewise.
    pub intermediates: Option<(PathBuf, Span)>,
    /// Files of revocation lists, and where each was written.
    pub revocation_lists: Vec<(PathBuf, Span)>,
}

/// A schema for the validation of bodies.
#[derive(Debug, Clone)]
pub struct SchemaConfig {
    /// Identifier.
    pub id: String,
    /// The document.
    pub file: String,
    /// Where it was written.
    pub span: Span,
}

impl Reader<'_> {
    /// `[schemas]`.
    pub(super) fn schemas(&mut self, table: Option<Table<'_>>) -> Vec<SchemaConfig> {
        let mut schemas = Vec::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            if let Some(file) = text(item.table(), "file") {
                self.files.push(self.root.join(&file));
                schemas.push(SchemaConfig { id: id.to_owned(), file, span });
            } else {
                let message = format!("schema `{id}` needs `file`");
                self.report(Code::CONFIG_MISSING, message, span, "`file` is missing");
            }
        }
        schemas
    }

    /// `[ca-certificates]`.
    pub(super) fn authorities(&mut self, table: Option<Table<'_>>) -> AuthoritiesConfig {
        AuthoritiesConfig {
            roots: self.path(table, "roots"),
            intermediates: self.path(table, "intermediates"),
            revocation_lists: self.paths(table, "revocation-lists"),
        }
    }

    /// Files the configuration names in a list, likewise, each with its place.
    fn paths(&mut self, table: Option<Table<'_>>, key: &str) -> Vec<(PathBuf, Span)> {
        let written = list(table, key).unwrap_or_default().into_iter();
        let paths: Vec<_> = written.map(|(path, span)| (self.root.join(path), span)).collect();
        self.files.extend(paths.iter().map(|(path, _)| path.clone()));
        paths
    }
}
