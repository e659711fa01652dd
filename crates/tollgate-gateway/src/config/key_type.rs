//! What a key of `tollgate.toml` is.

/// A key.
#[derive(Debug)]
pub struct KeyDef {
    /// Dotted path; `*` stands for a name the author chooses.
    pub path: &'static str,
    /// What its value must be.
    pub ty: KeyType,
    /// The value when it is absent, as an author would write it; empty when there is none.
    pub default: &'static str,
    /// One line for the reference page.
    pub doc: &'static str,
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// Text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number, 0 to 2147483647.
    Count,
    /// A part of a whole: a number from 0 to 1.
    Ratio,
    /// Bytes: a whole number, or text such as `"8 MiB"`.
    Size,
    /// A duration of at most 366 days: whole seconds, or text such as `"500ms"`, `"15s"`, `"5m"`, `"1h"`; `"unlimited"`
    /// where the default is.
    Duration,
    /// A date, with or without a time; UTC when it says no other.
    Date,
    /// `host:port`.
    Address,
    /// An absolute `http` or `https` URL.
    Url,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of text.
    List,
    /// A secret: `{ env = "NAME" }`, `{ file = "path" }`, or `{ value = "…", development = true }`.
    Secret,
    /// A list of secrets.
    Secrets,
    /// Secrets by name.
    SecretTable,
    /// Text, or a secret with `secret = true`.
    NamedValue,
    /// A URL; a secret when it holds a password.
    ServerUrl,
}

impl KeyType {
    /// Whether `{ env = "NAME", default = "…" }` may stand for it.
    pub(crate) fn may_be_variable(self) -> bool {
        match self {
            Self::Text
            | Self::Bool
            | Self::Size
            | Self::Ratio
            | Self::Duration
            | Self::Address
            | Self::Url
            | Self::Word(_) => true,
            Self::Count
            | Self::Date
            | Self::List
            | Self::Secret
            | Self::Secrets
            | Self::SecretTable
            | Self::NamedValue
            | Self::ServerUrl => false,
        }
    }

    /// As the reference page prints it.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Count => "whole number".to_owned(),
            Self::Ratio => "number from 0 to 1".to_owned(),
            Self::Size => "bytes".to_owned(),
            Self::Duration => "duration".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Address => "`host:port`".to_owned(),
            Self::Url => "URL".to_owned(),
            Self::Word(words) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
            }
            Self::List => "list of text".to_owned(),
            Self::Secret => "secret".to_owned(),
            Self::Secrets => "list of secrets".to_owned(),
            Self::SecretTable => "secrets by name".to_owned(),
            Self::NamedValue => {
                "text, or `{ env }`, `{ file }`, `{ value }` or `{ key-vault }`, each with `secret`"
                    .to_owned()
            }
            Self::ServerUrl => "URL, or as a secret".to_owned(),
        }
    }
}
