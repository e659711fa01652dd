//! Versions and revisions: APIs that share a path.

use http::HeaderName;
use tollgate_diagnostics::{Code, Diagnostic, Span, closest};

use super::toml_file::Table;
use super::{ApiConfig, Reader, text};

/// Versions of one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSet {
    /// Identifier.
    pub id: String,
    /// Where requests name the version.
    pub scheme: VersionScheme,
}

/// Where requests name the version of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionScheme {
    /// In the segment behind the API's path.
    Segment,
    /// In a query parameter of this name.
    Query(String),
    /// In this header.
    Header(HeaderName),
}

impl ApiConfig {
    /// URL suffix with the version, where that is a segment of it.
    pub(crate) fn routing_path(&self) -> String {
        let in_path =
            self.version_set.as_ref().is_some_and(|set| set.scheme == VersionScheme::Segment);
        match (in_path, self.path.is_empty()) {
            (false, _) => self.path.clone(),
            (true, _) if self.version.is_empty() => self.path.clone(),
            (true, true) => self.version.clone(),
            (true, false) => format!("{}/{}", self.path, self.version),
        }
    }

    /// Whether a request could be for either of two APIs.
    fn is_mistaken_for(&self, other: &ApiConfig) -> bool {
        let one_set = self.version_set.is_some() && self.version_set == other.version_set;
        let versions_differ = one_set && !self.version.eq_ignore_ascii_case(&other.version);
        let revisions_differ = self.revision != other.revision && !(self.current && other.current);
        !versions_differ && !revisions_differ
    }
}

impl Reader<'_> {
    pub(super) fn version_sets(&mut self, table: Option<Table<'_>>) -> Vec<VersionSet> {
        let mut all = Vec::new();
        for (id, span, item) in table.map(Table::entries).unwrap_or_default() {
            let table = item.table();
            let name = text(table, "name");
            let scheme = text(table, "scheme").unwrap_or_default();
            let scheme = match (scheme.as_str(), name) {
                ("query", Some(name)) => VersionScheme::Query(name),
                ("header", Some(name)) => {
                    let header = self.header_names(&[(name, span)]).pop();
                    header.map_or(VersionScheme::Segment, VersionScheme::Header)
                }
                ("query" | "header", None) => {
                    let message = format!("version set `{id}` needs a `name`");
                    self.report(Code::CONFIG_MISSING, message, span, "the name of what?");
                    VersionScheme::Segment
                }
                _ => VersionScheme::Segment,
            };
            all.push(VersionSet { id: id.to_owned(), scheme });
        }
        all
    }

    /// The version set an API names.
    pub(super) fn version_set(
        &mut self,
        table: Table<'_>,
        sets: &[VersionSet],
    ) -> Option<VersionSet> {
        let item = table.get("version-set")?;
        let (name, span) = (item.text()?, item.span());
        let found = sets.iter().find(|set| set.id == name).cloned();
        if found.is_none() {
            let message = format!("there is no version set `{name}`");
            let known = sets.iter().map(|set| set.id.as_str());
            self.diagnostics.push(
                Diagnostic::new(Code::CONFIG_REFERENCE, message, span)
                    .label("not in the configuration")
                    .suggest(closest(name, known)),
            );
        }
        found
    }

    /// Says that requests could be for an API or for another one of the same path, if they could.
    pub(super) fn check_path(&mut self, api: &ApiConfig, span: Span, same_path: &[&ApiConfig]) {
        if let Some(other) = same_path.iter().find(|other| api.is_mistaken_for(other)) {
            let message = format!("APIs `{}` and `{}` have the same path", other.id, api.id);
            self.diagnostics.push(
                Diagnostic::new(Code::CONFIG_CONFLICT, message, span)
                    .label("a request could go to either")
                    .also(other.span, "the other one")
                    .help("let them differ in `path`, in `version` within a `version-set`, or in `revision`, with one of them `current`"),
            );
        }
    }
}
