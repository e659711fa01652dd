//! The files of a policy directory.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use tollgate_diagnostics::{Code, Diagnostic, FileId, Sources};
use tollgate_engine::Fragments;
use tollgate_engine::read::{self, NamedValue, NamedValues, ReadOptions};

use crate::config::{Config, NamedValueConfig, NamedValueText};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    IsError,
    IsFine,
}

/// The files of the directory.
pub(super) struct Files<'a> {
    pub(super) root: &'a Path,
    pub(super) sources: Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A document larger than this is not read at all; the reader's own limit is about text after substitution.
const LARGEST_FILE: u64 = 4 << 20;

/// Azure's limit.
const LARGEST_FRAGMENT: u64 = 512 << 10;

impl Files<'_> {
    /// Reads a file relative to the root; its name is what the author would write.
    pub(super) fn read(&mut self, path: &Path, missing: Missing) -> Option<(FileId, String)> {
        let full = self.root.join(path);
        let shown = path.to_string_lossy().replace('\\', "/");
        let too_large = std::fs::metadata(&full).is_ok_and(|meta| meta.len() > LARGEST_FILE);
        let failed = match std::fs::read(&full) {
            _ if too_large => {
                (Code::TOO_LARGE, format!("`{shown}` is larger than {LARGEST_FILE} bytes"))
            }
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => {
                    let file = self.sources.add(shown, text.clone());
                    return Some((file, text));
                }
                Err(_) => (Code::NOT_UTF8, format!("`{shown}` is not UTF-8 text")),
            },
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && missing == Missing::IsFine =>
            {
                return None;
            }
            Err(error) => (Code::IO, format!("`{shown}` cannot be read: {}", error.kind())),
        };
        let file = self.sources.add(shown, "");
        self.diagnostics.push(Diagnostic::new(failed.0, failed.1, file.span(0..0)));
        None
    }

    pub(super) fn document(&mut self, path: &Path, config: &Config) -> Option<read::Document> {
        let (file, text) = self.read(path, Missing::IsFine)?;
        let (document, found) =
            read::read(file, &text, &ReadOptions::new(&Values(&config.named_values)));
        self.diagnostics.extend(found);
        document
    }

    /// Names in a folder that end with `.xml`, sorted; the folder may be missing.
    pub(super) fn xml_files(&self, folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| folder.join(entry.file_name()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
            .collect();
        files.sort();
        files
    }

    /// Names of what is in a folder, sorted; the folder may be missing.
    pub(super) fn folders(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(super) fn fragments(&mut self, config: &Config) -> Fragments {
        let mut documents = HashMap::new();
        for path in self.xml_files(Path::new("fragments")) {
            let id = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default();
            let too_large = |meta: std::fs::Metadata| meta.len() > LARGEST_FRAGMENT;
            let too_large = std::fs::metadata(self.root.join(&path)).is_ok_and(too_large);
            if let Some(document) = self.document(&path, config) {
                if too_large {
                    let message = format!("a fragment may have {LARGEST_FRAGMENT} bytes");
                    let place = document.root.name_span;
                    let found = Diagnostic::new(Code::TOO_LARGE, message, place);
                    self.diagnostics.push(found.label("this one is larger"));
                }
                documents.insert(id, document.root);
            }
        }
        Fragments::new(documents)
    }
}

/// The named values of a configuration, as documents refer to them.
struct Values<'a>(&'a BTreeMap<String, NamedValueConfig>);

impl NamedValues for Values<'_> {
    fn lookup(&self, name: &str) -> Option<NamedValue<'_>> {
        let value = self.0.get(name)?;
        match &value.text {
            NamedValueText::Known(text) => {
                Some(NamedValue { text: text.expose(), secret: value.secret })
            }
            NamedValueText::Vault(..) => None,
        }
    }

    fn is_withheld(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(value) if matches!(value.text, NamedValueText::Vault(..)))
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}
