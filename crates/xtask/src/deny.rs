//! Licences, bans and sources of the dependency graph, as `.deny.toml` has them. What cargo-deny reads of the file beside
//! these, it reads where it is installed.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value as Json;
use toml::{Table, Value};

use crate::TARGET;
use crate::repository::Repository;

/// Where the rules are.
pub(crate) const FILE: &str = ".deny.toml";

/// What `.deny.toml` says.
pub(crate) struct Rules {
    licences: Vec<String>,
    /// Banned crates, each with the crates that may use it all the same.
    pub(crate) bans: Vec<(String, Vec<String>)>,
    /// Indexes of registries that crates may come from.
    registries: Vec<String>,
}

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let rules = Rules::read(&repository.read(FILE)?)?;
    let graph = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET])
        .current_dir(repository.root())
        .output()
        .context("cargo does not run")?;
    ensure!(graph.status.success(), "{}", String::from_utf8_lossy(&graph.stderr));
    let findings = rules.findings(&serde_json::from_slice(&graph.stdout)?)?;
    for finding in &findings {
        println!("dependencies: {finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in the dependency graph", findings.len());
    }
    Ok(())
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Rules {
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        let table: Table = text.parse().context("`.deny.toml` is not TOML")?;
        let licences = strings(table.get("licenses").and_then(|table| table.get("allow")));
        let sources = table.get("sources");
        let registries = strings(sources.and_then(|table| table.get("allow-registry")));
        let bans = table.get("bans").and_then(|table| table.get("deny"));
        let bans = bans.and_then(Value::as_array).context("there is no `bans.deny`")?;
        let bans = bans
            .iter()
            .filter_map(|ban| {
                let name = ban.get("crate")?.as_str()?.to_owned();
                Some((name, strings(ban.get("wrappers"))))
            })
            .collect();
        Ok(Self { licences, bans, registries })
    }

    /// What is wrong in the graph of `cargo metadata`.
    fn findings(&self, graph: &Json) -> anyhow::Result<Vec<String>> {
        let nodes = graph.get("resolve").filter(|resolve| !resolve.is_null());
        let nodes = array(nodes.context("the graph is not resolved")?, "nodes");
        let packages = array(graph, "packages");
        let names: BTreeMap<&str, &str> =
            packages.iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
        let name = |id: &str| names.get(id).copied().unwrap_or_default();
        let mut findings = Vec::new();
        for package in packages {
            if !nodes.iter().any(|node| text(node, "id") == text(package, "id")) {
                continue;
            }
            let (name, licence) = (text(package, "name"), text(package, "license"));
            if !allowed(licence, &self.licences) {
                findings.push(format!("`{name}` has the licence `{licence}`"));
            }
            let source = text(package, "source");
            let is_known = |index: &str| self.registries.iter().any(|known| known == index);
            if !source.is_empty() && !source.strip_prefix("registry+").is_some_and(is_known) {
                findings.push(format!("`{name}` comes from `{source}`"));
            }
        }
        for node in nodes {
            let user = name(text(node, "id"));
            for used in array(node, "deps").iter().map(|used| name(text(used, "pkg"))) {
                let ban = self.bans.iter().find(|(banned, _)| banned == used);
                if ban.is_some_and(|(_, wrappers)| !wrappers.iter().any(|known| known == user)) {
                    findings.push(format!("`{user}` uses `{used}`"));
                }
            }
        }
        Ok(findings)
    }
}

fn array<'a>(value: &'a Json, key: &str) -> &'a [Json] {
    value.get(key).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Json, key: &str) -> &'a str {
    value.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// Whether an SPDX expression can be met by the allowed licences.
fn allowed(expression: &str, licences: &[String]) -> bool {
    // The older form of `OR`.
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let mut parser = Spdx { tokens: &tokens, licences };
    !tokens.is_empty() && parser.any() && parser.tokens.is_empty()
}

struct Spdx<'a> {
    tokens: &'a [&'a str],
    licences: &'a [String],
}

impl Spdx<'_> {
    fn next_is(&mut self, token: &str) -> bool {
        match self.tokens {
            [first, rest @ ..] if *first == token => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn any(&mut self) -> bool {
        let mut met = self.all();
        while self.next_is("OR") {
            met |= self.all();
        }
        met
    }

    fn all(&mut self) -> bool {
        let mut met = self.one();
        while self.next_is("AND") {
            met &= self.one();
        }
        met
    }

    fn one(&mut self) -> bool {
        if self.next_is("(") {
            let met = self.any();
            return self.next_is(")") && met;
        }
        let name = match self.tokens {
            [licence, "WITH", exception, rest @ ..] => {
                self.tokens = rest;
                format!("{licence} WITH {exception}")
            }
            [licence, rest @ ..] => {
                self.tokens = rest;
                (*licence).to_owned()
            }
            [] => return false,
        };
        self.licences.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions() {
        let licences =
            ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"].map(str::to_owned);
        let check = |expression: &str, expected: bool| {
            assert_eq!(allowed(expression, &licences), expected, "{expression}");
        };
        check("MIT", true);
        check("GPL-3.0", false);
        check("", false);
        check("MIT/GPL-3.0", true);
        check("GPL-3.0 OR MIT", true);
        check("GPL-3.0 AND MIT", false);
        check("ISC AND (GPL-3.0 OR Apache-2.0)", true);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("MIT WITH LLVM-exception", false);
        check("(MIT", false);
    }

    #[test]
    fn a_graph_with_findings() {
        let rules = r#"
            licenses.allow = ["MIT"]
            sources.allow-registry = ["https://good"]
            [[bans.deny]]
            crate = "b"
            wrappers = ["w"]"#;
        let rules = Rules::read(rules).unwrap();
        let package = |name: &str, licence: &str, source: Option<&str>| json!({"id": name, "name": name, "license": licence, "source": source});
        let node = |name: &str, uses: &[&str]| {
            let deps: Vec<_> = uses.iter().map(|name| json!({"pkg": name})).collect();
            json!({"id": name, "deps": deps})
        };
        let graph = json!({
            "packages": [
                package("a", "MIT", None),
                package("b", "MIT", Some("registry+https://good")),
                package("w", "GPL-2.0", Some("registry+https://bad")),
                package("x", "GPL-2.0", None),
                package("y", "MIT", Some("git+https://good")),
            ],
            "resolve": {
                "nodes": [node("a", &["b", "w"]), node("b", &[]), node("w", &["b"]), node("y", &[])],
            },
        });
        assert_eq!(
            rules.findings(&graph).unwrap(),
            [
                "`w` has the licence `GPL-2.0`",
                "`w` comes from `registry+https://bad`",
                "`y` comes from `git+https://good`",
                "`a` uses `b`",
            ]
        );
    }
}
