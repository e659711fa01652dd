//! Named values: texts that stand for `{{name}}` in policies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tollgate_diagnostics::{Code, Span};
use tollgate_engine::Secret;

use super::toml_file::{Item, Table};
use super::{Reader, Shown, duration, flag, parse_url, text};

/// Domains under which clouds have their vaults; tokens for them name the domain without its first dot.
const VAULT_DOMAINS: [&str; 3] =
    [".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net"];

/// Vaults are not asked more often, whatever the configuration says.
const LEAST_REFRESH: Duration = Duration::from_secs(1);

/// A named value.
#[derive(Debug, Clone)]
pub struct NamedValueConfig {
    /// Its text.
    pub text: NamedValueText,
    /// Whether it may never be shown.
    pub secret: bool,
}

/// Where the text of a named value is.
#[derive(Debug, Clone)]
pub enum NamedValueText {
    /// Here.
    Known(Secret<String>),
    /// In Key Vault; the place is where the configuration says so.
    Vault(SecretReference, Span),
}

/// A secret of Key Vault, and the identity that reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretReference {
    /// `https://{vault}.vault.azure.net/secrets/{name}`, and `/{version}` when it is to stay at one.
    pub url: String,
    /// Resource that tokens for the vault are for.
    pub resource: String,
    /// Client id of a user-assigned identity; `None` for the gateway's own.
    pub client_id: Option<String>,
}

impl SecretReference {
    /// A reference as it is written; `Err` says what it should look like. The gateway's token goes to the vault, so
    /// nothing else than a vault's domain is taken, and loopback for emulators.
    pub fn parse(url: &str, client_id: Option<String>) -> Result<Self, &'static str> {
        let example = "expected `https://<vault>.vault.azure.net/secrets/<name>`";
        let parsed = parse_url(url).filter(|url| url.query.is_empty()).ok_or(example)?;
        let domain = VAULT_DOMAINS.into_iter().find(|domain| parsed.host.ends_with(domain));
        let is_loopback = matches!(parsed.host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        if !is_loopback && (parsed.scheme != "https" || parsed.port != 443 || domain.is_none()) {
            return Err(example);
        }
        let mut parts = parsed.path.trim_end_matches('/').split('/').skip(1);
        let fits = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let names_secret = parts.next() == Some("secrets") && parts.next().is_some_and(fits);
        if !names_secret || !parts.next().is_none_or(fits) || parts.next().is_some() {
            return Err(example);
        }
        let domain = domain.unwrap_or(".vault.azure.net").trim_start_matches('.');
        let resource = format!("https://{domain}");
        Ok(Self { url: url.trim_end_matches('/').to_owned(), resource, client_id })
    }
}

impl Reader<'_> {
    pub(super) fn named_values(
        &mut self,
        table: Option<Table<'_>>,
    ) -> BTreeMap<String, NamedValueConfig> {
        let mut values = BTreeMap::new();
        for (name, span, item) in table.map(Table::entries).unwrap_or_default() {
            if name.is_empty()
                || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            {
                let message = format!("`{name}` cannot name a named value");
                self.report(
                    Code::CONFIG_VALUE,
                    message,
                    span,
                    "use letters, digits, `-`, `_` and `.`",
                );
                continue;
            }
            let table = item.table();
            // What comes from outside the file is a secret unless the author says otherwise.
            let outside = table.is_some_and(|table| table.get("value").is_none());
            let secret = flag(table, "secret", outside);
            let shown = if secret { Shown::Never } else { Shown::Freely };
            let text = match table.and_then(|table| table.get("key-vault")) {
                Some(url) => self.vault_text(table, url),
                None => self.secret(item, shown).map(NamedValueText::Known),
            };
            if let Some(text) = text {
                values.insert(name.to_owned(), NamedValueConfig { text, secret });
            }
        }
        values
    }

    fn vault_text(&mut self, table: Option<Table<'_>>, url: Item<'_>) -> Option<NamedValueText> {
        let client_id = text(table, "client-id").filter(|id| !id.is_empty());
        match SecretReference::parse(url.text()?, client_id) {
            Ok(reference) => Some(NamedValueText::Vault(reference, url.span())),
            Err(expected) => {
                let message = "this is no secret of Key Vault".to_owned();
                self.report(Code::CONFIG_VALUE, message, url.span(), expected);
                None
            }
        }
    }
}

/// What some named values need of Key Vault, each secret once.
pub(super) fn vault_secrets(values: &BTreeMap<String, NamedValueConfig>) -> Vec<SecretReference> {
    let references = values.values().filter_map(|value| match &value.text {
        NamedValueText::Vault(reference, _) => Some(reference.clone()),
        NamedValueText::Known(_) => None,
    });
    references.collect::<BTreeSet<_>>().into_iter().collect()
}

/// How often Key Vault is asked for newer secrets.
pub(super) fn refresh(table: Option<Table<'_>>) -> Duration {
    duration(table, "refresh", Duration::from_mins(15)).max(LEAST_REFRESH)
}
