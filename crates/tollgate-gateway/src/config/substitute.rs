//! `{ env = "NAME", default = "…" }` where plain text is expected: what differs between sites need not stand in the file.
//! A URL may add a `path` to what the variable holds.

use std::borrow::Cow;

use tollgate_diagnostics::{Code, Diagnostic, FileId, closest};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;
use super::keys::{KEYS, KeyType};
use super::toml_file::matches;

const ALLOWED: &[&str] = &["env", "default"];
const ALLOWED_FOR_URL: &[&str] = &["env", "default", "path"];

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
        let Some(def) = KEYS.iter().find(|def| matches(def.path, path, true)) else {
            return Fate::Stay;
        };
        let text = |key: &str| table.get(key).and_then(|value| value.get_ref().as_str());
        match def.ty {
            KeyType::Text
            | KeyType::Url
            | KeyType::Address
            | KeyType::Word(_)
            | KeyType::Size
            | KeyType::Duration => {}
            // Without a default it may be a secret, which is read elsewhere.
            KeyType::NamedValue if table.get("default").is_some() => {}
            _ => return Fate::Stay,
        }
        let allowed = if def.ty == KeyType::Url { ALLOWED_FOR_URL } else { ALLOWED };
        for key in table.keys().filter(|key| !allowed.contains(&&**key.get_ref())) {
            let span = self.file.span(key.span());
            self.diagnostics.push(
                Diagnostic::new(
                    Code::CONFIG_UNKNOWN_KEY,
                    format!("unknown key `{}`", key.get_ref()),
                    span,
                )
                .label(format!("no such key in `{}`", path.join(".")))
                .suggest(closest(key.get_ref(), allowed.iter().copied())),
            );
        }
        let Some(name) = text("env") else { return Fate::Stay };
        // Deployment tools set variables that have no value to the empty text.
        let found = self.env.var(name).filter(|value| !value.is_empty());
        let whole = |value: &str| match text("path") {
            None => Fate::Text(value.to_owned()),
            Some(path) => Fate::Text(format!(
                "{}/{}",
                value.trim_end_matches('/'),
                path.trim_start_matches('/')
            )),
        };
        match (found, text("default")) {
            (Some(value), _) => whole(&value),
            (None, Some("")) => Fate::Absent,
            (None, Some(default)) => whole(default),
            (None, None) => {
                let message = format!("the environment variable `{name}` is not set");
                let span = self.file.span(value.span());
                self.diagnostics.push(
                    Diagnostic::new(Code::CONFIG_MISSING, message, span).label("no value").help(
                        "set the variable, or write what holds without it as `default = \"…\"`",
                    ),
                );
                Fate::Absent
            }
        }
    }
}
