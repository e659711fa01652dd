//! Masks secrets in text that is about to be shown.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in place of a secret.
const MASK: &str = "***";

/// Shorter values are not looked for: they occur in any text, and masking them would tell where.
const MIN_LENGTH: usize = 4;

/// The secrets of one configuration, as they are and as they look in JSON, in URLs and in Rust's `Debug` text.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that a secret within another does not leave the rest of it.
    secrets: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("n_secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor of these values.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Vec::new();
        for secret in secrets.into_iter().map(str::trim).filter(|secret| secret.len() >= MIN_LENGTH)
        {
            all.push(secret.to_owned());
            all.push(utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string());
            let quoted = [serde_json::to_string(secret).unwrap_or_default(), format!("{secret:?}")];
            let unquoted =
                |text: &String| text.get(1..text.len().saturating_sub(1)).map(str::to_owned);
            all.extend(quoted.iter().filter_map(unquoted));
            // Of a secret of several lines, such as a key, any line gives it away in part.
            all.extend(
                secret.lines().map(str::trim).filter(|line| line.len() >= 16).map(str::to_owned),
            );
        }
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        all.retain(|secret| secret.len() >= MIN_LENGTH);
        Self { secrets: all }
    }

    /// The text with every secret masked.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), MASK));
            }
        }
        text
    }
}

/// The redactor of the configuration that is in force.
pub struct SharedRedactor(ArcSwap<Redactor>);

impl fmt::Debug for SharedRedactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.load().fmt(f)
    }
}

impl Default for SharedRedactor {
    fn default() -> Self {
        Self(ArcSwap::from_pointee(Redactor::default()))
    }
}

impl SharedRedactor {
    /// Takes over the secrets of a new configuration.
    pub fn store(&self, redactor: Redactor) {
        self.0.store(Arc::new(redactor));
    }

    /// The redactor in force.
    pub fn load(&self) -> Guard<Arc<Redactor>> {
        self.0.load()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secrets: &[&str], text: &str, expected: &str) {
        assert_eq!(Redactor::new(secrets.iter().copied()).redact(text), expected);
    }

    #[test]
    fn secrets_are_masked_in_every_form() {
        check(&[], "nothing to hide", "nothing to hide");
        check(&["hunter22"], "key=hunter22&x hunter22", "key=***&x ***");
        check(&["pass word/1"], "?k=pass%20word%2F1", "?k=***");
        check(&["say \"x\"\\y"], r#"{"k":"say \"x\"\\y"}"#, r#"{"k":"***"}"#);
        check(&["päss\nwörd"], &format!("{:?}", "päss\nwörd"), "\"***\"");
    }

    #[test]
    fn a_secret_within_another_leaves_nothing() {
        check(&["abcd", "abcd-efgh"], "abcd-efgh abcd", "*** ***");
    }

    #[test]
    fn short_values_are_left_alone_and_lines_of_long_ones_are_not() {
        check(&["ab", " "], "ab cab", "ab cab");
        check(
            &["-----BEGIN-----\nMIIEvQIBADANBgkqhkiG\nshort\n"],
            "near MIIEvQIBADANBgkqhkiG, short",
            "near ***, short",
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", Redactor::new(["hunter22"])), "Redactor { n_secrets: 1, .. }");
    }
}
