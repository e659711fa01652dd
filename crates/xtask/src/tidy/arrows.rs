//! Which crate may use which.

use std::collections::BTreeSet;

use anyhow::Context;
use toml::{Table, Value};

use crate::deny;
use crate::repository::Repository;

/// What a crate may and must not have among its dependencies.
struct Rule {
    name: &'static str,
    /// Ours that it may use.
    ours: &'static [&'static str],
    /// Outside crates it must not name, by prefix.
    never: &'static [&'static str],
}

/// Crates that open sockets, or run those that do.
const OUTSIDE: &[&str] =
    &["tokio", "hyper", "pingora", "rustls", "azure_", "notify", "redis", "reqwest", "axum"];
/// Crates that a prefix of those catches and that only work on certificates.
const PURE: &[&str] = &["rustls-webpki", "rustls-pki-types"];
const HTTP_AND_XML: &[&str] = &[
    "http",
    "quick-xml",
    "tokio",
    "hyper",
    "pingora",
    "rustls",
    "azure_",
    "notify",
    "redis",
    "futures",
    "async-trait",
];

const RULES: &[Rule] = &[
    Rule { name: "libz-ng-sys", ours: &[], never: OUTSIDE },
    Rule { name: "tollgate-diagnostics", ours: &[], never: HTTP_AND_XML },
    Rule { name: "tollgate-expr", ours: &["tollgate-diagnostics"], never: HTTP_AND_XML },
    Rule {
        name: "tollgate-engine",
        ours: &["tollgate-diagnostics", "tollgate-expr"],
        never: OUTSIDE,
    },
    Rule {
        name: "tollgate-policies",
        ours: &["tollgate-diagnostics", "tollgate-engine", "tollgate-expr", "tollgate-llm"],
        never: OUTSIDE,
    },
    Rule {
        name: "tollgate-gateway",
        ours: &["tollgate-diagnostics", "tollgate-engine", "tollgate-llm"],
        never: &["reqwest", "openssl", "native-tls"],
    },
    Rule { name: "tollgate-llm", ours: &[], never: HTTP_AND_XML },
    Rule { name: "tollgate-emulator", ours: &[], never: &["pingora", "reqwest"] },
    Rule {
        name: "tollgate",
        ours: &[
            "tollgate-diagnostics",
            "tollgate-emulator",
            "tollgate-engine",
            "tollgate-expr",
            "tollgate-gateway",
            "tollgate-llm",
            "tollgate-policies",
        ],
        never: &["pingora", "reqwest"],
    },
    Rule {
        name: "tollgate-oracle",
        ours: &["tollgate-diagnostics", "tollgate-engine", "tollgate-expr"],
        never: OUTSIDE,
    },
    Rule { name: "xtask", ours: &[], never: OUTSIDE },
];

/// The crate that lives with the cases it records.
const ORACLE: (&str, &str) = ("tests/oracle", "tollgate-oracle");

/// Packages with a build of their own, which nothing here depends on.
const OUTSIDE_THE_WORKSPACE: &[&str] =
    &["benches/expressions", "benches/pipeline", "benches/policies", "fuzz"];

/// Only these may use it: errors without a type are for programs, not for libraries.
const MAY_USE_ANYHOW: &[&str] = &["tollgate", "xtask"];
/// Tests of any crate may use it.
const FOR_TESTS: &str = "tollgate-emulator";

pub(super) fn check(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for file in repository.files()? {
        let Some(folder) = file.strip_suffix("/Cargo.toml") else { continue };
        if OUTSIDE_THE_WORKSPACE.contains(&folder) {
            continue;
        }
        let manifest: Table = repository.read(&file)?.parse().with_context(|| file.clone())?;
        let name = manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        if folder != format!("crates/{name}") && (folder, name) != ORACLE {
            findings.push(format!("`{file}` is not in a folder of `crates/` that has its name"));
        }
        match RULES.iter().find(|rule| rule.name == name) {
            Some(rule) => rule.check(&manifest, &mut findings),
            None => findings.push(format!("`{name}` has no rule in `arrows.rs`")),
        }
        seen.insert(name.to_owned());
    }
    for rule in RULES.iter().filter(|rule| !seen.contains(rule.name)) {
        findings.push(format!("there is a rule for `{}` and no such crate", rule.name));
    }
    findings.extend(unlike_rules(&deny::Rules::read(&repository.read(deny::FILE)?)?));
    Ok(findings)
}

/// Where the arrows of `.deny.toml` are not those of here: every crate that another one uses is to be named there with all
/// that may use it.
fn unlike_rules(deny: &deny::Rules) -> Vec<String> {
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.name != FOR_TESTS) {
        let users = RULES.iter().filter(|user| user.ours.contains(&rule.name));
        let users: BTreeSet<&str> = users.map(|user| user.name).collect();
        let banned = deny.bans.iter().find(|(name, _)| name == rule.name);
        let wrappers = banned.map(|(_, wrappers)| wrappers.as_slice()).unwrap_or_default();
        let wrappers: BTreeSet<&str> = wrappers.iter().map(String::as_str).collect();
        if users != wrappers {
            let (file, name) = (deny::FILE, rule.name);
            findings
                .push(format!("`{file}` lets {wrappers:?} use `{name}`, `arrows.rs` {users:?}"));
        }
    }
    findings
}

impl Rule {
    fn check(&self, manifest: &Table, findings: &mut Vec<String>) {
        let name = self.name;
        for dependency in tables(manifest, &["dependencies", "build-dependencies"]) {
            let ours = RULES.iter().any(|rule| rule.name == dependency);
            let anyhow = dependency == "anyhow" && !MAY_USE_ANYHOW.contains(&name);
            let forbidden = self.never.iter().any(|prefix| dependency.starts_with(prefix))
                && !PURE.contains(&dependency);
            if ours && !self.ours.contains(&dependency) || anyhow || forbidden {
                findings.push(format!("`{name}` must not use `{dependency}`"));
            }
        }
        for dependency in tables(manifest, &["dev-dependencies"]) {
            let ours = RULES.iter().any(|rule| rule.name == dependency);
            if ours && !self.ours.contains(&dependency) && dependency != FOR_TESTS {
                findings.push(format!("tests of `{name}` must not use `{dependency}`"));
            }
        }
    }
}

/// The names in some dependency tables, those of single platforms included.
fn tables<'a>(manifest: &'a Table, kinds: &[&str]) -> Vec<&'a str> {
    let platforms = manifest.get("target").and_then(Value::as_table);
    let platforms = platforms.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(platforms)
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)))
        .filter_map(Value::as_table)
        .flat_map(Table::keys)
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, manifest: &str) -> Vec<String> {
        let mut findings = Vec::new();
        let rule = RULES.iter().find(|rule| rule.name == name).unwrap();
        rule.check(&manifest.parse().unwrap(), &mut findings);
        findings
    }

    #[test]
    fn another_table_must_agree() {
        let every = |deny: &str| unlike_rules(&deny::Rules::read(deny).unwrap());
        let none = every("bans.deny = []");
        assert!(none.contains(
            &"`.deny.toml` lets {} use `tollgate-gateway`, `arrows.rs` {\"tollgate\"}".to_owned()
        ));
        let one = r#"bans.deny = [{ crate = "tollgate-gateway", wrappers = ["tollgate"] }]"#;
        assert_eq!(every(one).len(), none.len() - 1);
        let wrong =
            r#"bans.deny = [{ crate = "tollgate-gateway", wrappers = ["tollgate", "xtask"] }]"#;
        assert_eq!(every(wrong).len(), none.len());
    }

    #[test]
    fn arrows_are_one_way() {
        let check = |name, dependency: &str, n| {
            for table in ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
                let manifest = format!("[{table}]\n{dependency} = {{ workspace = true }}");
                assert_eq!(findings(name, &manifest).len(), n, "{name} {manifest}");
            }
        };
        check("tollgate-engine", "tollgate-expr", 0);
        check("tollgate-engine", "tollgate-policies", 1);
        check("tollgate-gateway", "tollgate-emulator", 1);
        check("tollgate-gateway", "pingora", 0);
        check("tollgate", "pingora-core", 1);
        check("tollgate-expr", "http", 1);
        check("tollgate-llm", "tollgate-engine", 1);
        check("tollgate-policies", "tollgate-llm", 0);
        check("tollgate-policies", "anyhow", 1);
        assert!(
            findings("tollgate-gateway", "[dev-dependencies]\ntollgate-emulator = 1").is_empty()
        );
        assert_eq!(findings("tollgate-engine", "[dev-dependencies]\ntollgate = 1").len(), 1);
    }
}
