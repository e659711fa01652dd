//! `[loggers]`.

use std::path::Path;

use http::Uri;
use tollgate_diagnostics::{Code, Span};

use super::toml_file::Table;
use super::{Reader, count, text};
use crate::loggers::{Endpoint, LoggerKind, LoggerSettings};

impl Reader<'_> {
    pub(super) fn loggers(&mut self, table: Option<Table<'_>>) -> Vec<LoggerSettings> {
        let mut all: Vec<LoggerSettings> = Vec::new();
        for (name, span, item) in table.map(Table::entries).unwrap_or_default() {
            let kind = item.table().and_then(|table| self.logger(name, span, table));
            let Some(kind) = kind else { continue };
            if let LoggerKind::File { path, .. } = &kind
                && all.iter().any(|known| {
                    matches!(&known.kind, LoggerKind::File { path: taken, .. } if taken == path)
                })
            {
                let message = format!("logger `{name}` writes the file of another logger");
                self.report(Code::CONFIG_CONFLICT, message, span, "files must differ");
            }
            all.push(LoggerSettings { name: name.to_owned(), kind });
        }
        all
    }

    fn logger(&mut self, name: &str, span: Span, table: Table<'_>) -> Option<LoggerKind> {
        let Some(kind) = text(Some(table), "kind") else {
            let message = format!("logger `{name}` needs a `kind`");
            self.report(Code::CONFIG_MISSING, message, span, "`kind` is missing");
            return None;
        };
        if kind == "file" {
            let Some(path) = text(Some(table), "path") else {
                let message = format!("logger `{name}` needs a `path`");
                self.report(Code::CONFIG_MISSING, message, span, "`path` is missing");
                return None;
            };
            let path = self.root.join(path);
            if self.is_watched(&path) {
                let message = format!("logger `{name}` writes into the policy directory");
                self.report(
                    Code::CONFIG_VALUE,
                    message,
                    span,
                    "write it elsewhere: here each event would have the directory loaded again",
                );
                return None;
            }
            return Some(LoggerKind::File {
                path,
                max_bytes: count(Some(table), "max-bytes", 64 << 20),
                max_files: count(Some(table), "max-files", 5),
            });
        }
        let endpoint = self.endpoint(name, span, table)?;
        Some(if kind == "otlp" { LoggerKind::Otlp(endpoint) } else { LoggerKind::Http(endpoint) })
    }

    /// Whether a file is one whose change reloads the directory. Where either cannot be found there is nothing to watch.
    fn is_watched(&self, file: &Path) -> bool {
        let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
        let root = self.root.canonicalize().ok();
        folder.zip(root).is_some_and(|(folder, root)| folder.starts_with(root))
    }

    fn endpoint(&mut self, name: &str, span: Span, table: Table<'_>) -> Option<Endpoint> {
        let Some(item) = table.get("url") else {
            let message = format!("logger `{name}` needs a `url`");
            self.report(Code::CONFIG_MISSING, message, span, "`url` is missing");
            return None;
        };
        let url: Uri = item.text().and_then(|url| url.parse().ok())?;
        let headers = table.table("headers").map(Table::entries).unwrap_or_default();
        Some(Endpoint { url, headers: self.header_table(headers) })
    }
}
