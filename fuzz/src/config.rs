//! `tollgate.toml`.

use std::path::Path;

use tollgate_diagnostics::{Sources, has_errors, render};
use tollgate_gateway::config::{self, Environment};

use super::outside::CANARY;

/// Variables of the environment: secrets are canaries, plain values are not.
struct Variables;

impl Environment for Variables {
    fn var(&self, name: &str) -> Option<String> {
        match name {
            "KEY" => Some(CANARY.to_owned()),
            "URL" => Some("https://backend.example/base".to_owned()),
            "FLAG" => Some("true".to_owned()),
            "NUMBER" => Some("7".to_owned()),
            "LINES" => Some("a\nb".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }
}

/// Reads an input twice and looks whether what is found is the same and can be shown, and whether what was read as a secret
/// stays one.
pub(crate) fn read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Files are those of whoever writes the configuration, who may name devices that never end.
    if text.contains(CANARY) || text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let (found, printed, is_good) = configured(text);
    assert_eq!(configured(text), (found.clone(), printed.clone(), is_good), "read twice");
    if keeps_secrets(text) {
        assert!(!found.contains(CANARY), "a finding shows the secret: {found}");
        assert!(!printed.contains(CANARY), "the configuration shows the secret: {printed}");
    }
}

/// Whether the secret variable stands only where secrets are meant to stand: elsewhere its author has said that it is none.
fn keeps_secrets(text: &str) -> bool {
    let is_secret = |line: &str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        ["keys", "headers", "query", "admin-key", "client-secret", "secret"].contains(&key)
            && line.matches("KEY").count() == 1
    };
    !text.contains("false") && text.lines().filter(|line| line.contains("KEY")).all(is_secret)
}

/// What was found, for people and machines; what prints of the configuration; and whether it is good.
fn configured(text: &str) -> (String, String, bool) {
    let mut sources = Sources::default();
    let file = sources.add("tollgate.toml", text);
    let mut findings = Vec::new();
    let root = Path::new("/nonexistent");
    let config = config::read(file, text, root, &Variables, &mut findings);
    for span in &config.secret_spans {
        sources.mask(*span);
    }
    let shown: String = findings.iter().map(|found| render::human(found, &sources)).collect();
    let machine = render::json(&findings, &sources);
    let printed = format!(
        "{config:?}{:?}{:?}{:?}{:?}{:?}",
        config.backends,
        config.named_values,
        config.subscriptions,
        config.loggers,
        config.connections
    );
    (shown + &machine, printed, !has_errors(&findings))
}
