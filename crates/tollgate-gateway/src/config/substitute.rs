//! `{ env = "NAME", default = "…" }` where plain text is expected: what differs between sites need not stand in the file.

use std::borrow::Cow;

use tollgate_diagnostics::{Code, Diagnostic, FileId, closest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;
use super::keys::{KeyType, keys};
use super::toml_file::matches;

const ALLOWED: [&str; 2] = ["env", "default"];

/// Puts the environment's values in their places. A key whose variable is unset and whose default is empty goes away.
pub(super) fn substitute(
    file: FileId,
    document: &mut Spanned<DeTable<'_>>,
    env: &dyn Environment,
    diagnostics: &mut Vec<Diagnostic>,
) {
    Substitution { file, env, diagnostics }.table(document.get_mut(), &mut Vec::new());
}

struct Substitution<'a> {
    file: FileId,
    env: &'a dyn Environment,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// What becomes of a value.
enum Fate {
    Stay,
    Text(String),
    Flag(bool),
    Absent,
}

impl Substitution<'_> {
    fn table(&mut self, table: &mut DeTable<'_>, path: &mut Vec<String>) {
        let mut absent = Vec::new();
        for (key, value) in table.iter_mut() {
            path.push(key.get_ref().to_string());
            match self.fate(value, path) {
                Fate::Stay => {
                    if let DeValue::Table(inside) = value.get_mut() {
                        self.table(inside, path);
                    }
                }
                Fate::Text(text) => *value.get_mut() = DeValue::String(Cow::Owned(text)),
                Fate::Flag(flag) => *value.get_mut() = DeValue::Boolean(flag),
                Fate::Absent => absent.push(key.get_ref().to_string()),
            }
            path.pop();
        }
        for key in absent {
            table.remove(key.as_str());
        }
    }

    fn fate(&mut self, value: &Spanned<DeValue<'_>>, path: &[String]) -> Fate {
        let Some(table) = value.get_ref().as_table() else { return Fate::Stay };
        let Some(def) = keys().find(|def| matches(def.path, path, true)) else {
            return Fate::Stay;
        };
        let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str());
        // Secrets and named values come from the environment too, and are read elsewhere.
        if !def.ty.may_be_variable() {
            return Fate::Stay;
        }
        for key in table.keys().filter(|key| !ALLOWED.contains(&&**key.get_ref())) {
            let span = self.file.span(key.span());
            self.diagnostics.push(
                Diagnostic::new(
                    Code::CONFIG_UNKNOWN_KEY,
                    format!("unknown key `{}`", key.get_ref()),
                    span,
                )
                .label(format!("no such key in `{}`", path.join(".")))
                .suggest(closest(key.get_ref(), ALLOWED)),
            );
        }
        let Some(name) = text("env") else { return Fate::Stay };
        // Deployment tools set variables that have no value to the empty text.
        let found = self.env.var(name).filter(|value| !value.is_empty());
        let typed = |value: String| match (def.ty, value.parse()) {
            (KeyType::Bool, Ok(flag)) => Fate::Flag(flag),
            _ => Fate::Text(value),
        };
        match (found, text("default")) {
            (Some(value), _) => typed(value),
            (None, Some("")) => Fate::Absent,
            (None, Some(default)) => typed(default.to_owned()),
            (None, None) => {
                let message = format!("the environment variable `{name}` is not set");
                let span = self.file.span(value.span());
                self.diagnostics.push(
                    Diagnostic::new(Code::CONFIG_MISSING, message, span).label("no value").help(
                        "set the variable, or write what holds without it as `default = \"…\"`",
                    ),
                );
                Fate::Stay
            }
        }
    }
}
