//! Licences and bans of the dependency graph, as `.deny.toml` has them.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use toml::Table;

use crate::repository::Repository;

/// What `.deny.toml` says.
struct Rules {
    licences: Vec<String>,
    /// Banned crates, each with the crates that may use it all the same.
    bans: Vec<(String, Vec<String>)>,
}

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let rules = Rules::read(&repository.read(".deny.toml")?)?;
    let graph = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(repository.root())
        .output()
        .context("cargo does not run")?;
    ensure!(graph.status.success(), "{}", String::from_utf8_lossy(&graph.stderr));
    let findings = rules.findings(&serde_json::from_slice(&graph.stdout)?)?;
    for finding in &findings {
        println!("licences: {finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in the dependency graph", findings.len());
    }
    Ok(())
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    let list = value.and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect()
}

impl Rules {
    fn read(text: &str) -> anyhow::Result<Self> {
        let table: Table = text.parse().context("`.deny.toml` is not TOML")?;
        let licences = strings(table.get("licenses").and_then(|table| table.get("allow")));
        let bans = table.get("bans").and_then(|table| table.get("deny"));
        let bans = bans.and_then(toml::Value::as_array).context("there is no `bans.deny`")?;
        let bans = bans
            .iter()
            .filter_map(|ban| {
                let name = ban.get("crate")?.as_str()?.to_owned();
                Some((name, strings(ban.get("wrappers"))))
            })
            .collect();
        Ok(Self { licences, bans })
    }

    fn findings(&self, graph: &Value) -> anyhow::Result<Vec<String>> {
        let array = |value: &Value, key: &str| -> Vec<Value> {
            value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let text = |value: &Value, key: &str| {
            value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let mut findings = Vec::new();
        let mut names = BTreeMap::new();
        for package in array(graph, "packages") {
            names.insert(text(&package, "id"), text(&package, "name"));
        }
        let nodes = graph.get("resolve").map(|resolve| array(resolve, "nodes"));
        let nodes = nodes.context("the graph is not resolved")?;
        let used: Vec<String> = nodes.iter().map(|node| text(node, "id")).collect();
        for package in array(graph, "packages") {
            let licence = text(&package, "license");
            if used.contains(&text(&package, "id")) && !allowed(&licence, &self.licences) {
                findings.push(format!("`{}` has the licence `{licence}`", text(&package, "name")));
            }
        }
        for node in &nodes {
            let user = names.get(&text(node, "id")).cloned().unwrap_or_default();
            for dependency in array(node, "deps") {
                let name = names.get(&text(&dependency, "pkg")).cloned().unwrap_or_default();
                let ban = self.bans.iter().find(|(banned, _)| *banned == name);
                if ban.is_some_and(|(_, wrappers)| !wrappers.contains(&user)) {
                    findings.push(format!("`{user}` uses `{name}`"));
                }
            }
        }
        Ok(findings)
    }
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
    fn a_graph_with_a_ban() {
        let rules = "licenses.allow = [\"MIT\"]\n[[bans.deny]]\ncrate = \"b\"\nwrappers = [\"w\"]";
        let rules = Rules::read(rules).unwrap();
        let package =
            |name: &str, licence: &str| json!({"id": name, "name": name, "license": licence});
        let node = |name: &str, uses: &[&str]| {
            let deps: Vec<Value> = uses.iter().map(|name| json!({"pkg": name})).collect();
            json!({"id": name, "deps": deps})
        };
        let graph = json!({
            "packages": [package("a", "MIT"), package("b", "MIT"), package("w", "GPL-2.0"), package("x", "GPL-2.0")],
            "resolve": {"nodes": [node("a", &["b", "w"]), node("b", &[]), node("w", &["b"])]},
        });
        assert_eq!(
            rules.findings(&graph).unwrap(),
            ["`w` has the licence `GPL-2.0`", "`a` uses `b`"]
        );
    }
}
