//! `cargo xtask sbom`: what the binary is made of, as a bill of materials of `CycloneDX` 1.6.
//!
//! It is the same for the same commit: no time, no serial number. What only tests use is not in it; what only runs while the
//! binary is built is, with the scope `excluded`. Crates of this repository have neither an address nor a hash of a package.
//!
//! It is made of what `cargo tree` prints, because `cargo metadata` also lists what only features of other packages want.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};
use toml::Table;

use crate::repository::Repository;

/// The package whose binary it is.
const BINARY: &str = "tollgate";

/// What is in the binary, and what it is built with as well: edges as `cargo tree` calls them.
const LINKED: &str = "normal,no-proc-macro";
const BUILT: &str = "normal,build";

pub(crate) fn run(repository: &Repository, target: &str) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(&bill_of(repository, target)?)?);
    Ok(())
}

fn bill_of(repository: &Repository, target: &str) -> anyhow::Result<Value> {
    let checksums = checksums(&repository.read("Cargo.lock")?)?;
    let linked = Tree::read(&tree(repository, target, LINKED)?)?;
    let built = Tree::read(&tree(repository, target, BUILT)?)?;
    bill(&linked, &built, &checksums, target)
}

/// A line for each use of a package: how deep it is, what it is, its licence and its repository.
fn tree(repository: &Repository, target: &str, edges: &str) -> anyhow::Result<String> {
    let tree = Command::new("cargo")
        .args(["tree", "--locked", "--package", BINARY, "--target", target, "--edges", edges])
        .args(["--prefix", "depth", "--format", " {p}|{l}|{r}", "--charset", "ascii"])
        .current_dir(repository.root())
        .output()
        .context("cargo does not run")?;
    ensure!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8(tree.stdout).context("`cargo tree` does not print UTF-8")
}

/// Packages by `name@version`.
#[derive(Debug, Default)]
struct Tree(BTreeMap<String, Package>);

#[derive(Debug, Default)]
struct Package {
    name: String,
    version: String,
    /// SPDX expression; empty when the manifest says none.
    licence: String,
    /// Address; empty when the manifest says none.
    repository: String,
    /// What it uses itself.
    uses: BTreeSet<String>,
}

impl Tree {
    fn read(text: &str) -> anyhow::Result<Self> {
        let mut tree = Self::default();
        // From the root to the line before.
        let mut path: Vec<String> = Vec::new();
        for line in text.lines() {
            let package = Package::read(line);
            let (depth, package) = package.with_context(|| format!("no package: {line}"))?;
            let reference = format!("{}@{}", package.name, package.version);
            path.truncate(depth);
            if let Some(user) = path.last().and_then(|user| tree.0.get_mut(user)) {
                user.uses.insert(reference.clone());
            }
            // What was there before is printed without what it uses.
            tree.0.entry(reference.clone()).or_insert(package);
            path.push(reference);
        }
        Ok(tree)
    }
}

impl Package {
    /// Of a line as `3 serde v1.0.0 (proc-macro)|MIT OR Apache-2.0|https://… (*)`, with its depth.
    fn read(line: &str) -> Option<(usize, Self)> {
        let (depth, rest) = line.split_once(' ')?;
        let mut parts = rest.trim_end_matches(" (*)").split('|');
        let mut words = parts.next()?.split(' ');
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        let (licence, repository) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let uses = BTreeSet::new();
        Some((depth.parse().ok()?, Self { name, version, licence, repository, uses }))
    }
}

/// SHA-256 of each package by name and version, in hexadecimal; none of ours is there.
type Checksums = BTreeMap<String, String>;

fn checksums(lock: &str) -> anyhow::Result<Checksums> {
    let table: Table = lock.parse().context("`Cargo.lock` is not TOML")?;
    let packages = table.get("package").and_then(toml::Value::as_array);
    let packages = packages.context("`Cargo.lock` has no packages")?;
    let known = packages.iter().filter_map(|package| {
        let text = |key: &str| package.get(key)?.as_str();
        Some((format!("{}@{}", text("name")?, text("version")?), text("checksum")?.to_owned()))
    });
    Ok(known.collect())
}

fn bill(linked: &Tree, built: &Tree, checksums: &Checksums, target: &str) -> anyhow::Result<Value> {
    let is_root = |package: &&Package| package.name == BINARY;
    let root = built.0.values().find(is_root).context("the binary is not in the tree")?;
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (reference, package) in &built.0 {
        if package.name != BINARY {
            let is_linked = linked.0.contains_key(reference);
            let mut component = component(package, "library", checksums);
            let scope = if is_linked { "required" } else { "excluded" };
            component.insert("scope".to_owned(), scope.into());
            components.push(Value::from(component));
        }
        dependencies.push(json!({"ref": reference, "dependsOn": package.uses}));
    }
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": component(root, "application", checksums),
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(package: &Package, kind: &str, checksums: &Checksums) -> Map<String, Value> {
    let Package { name, version, licence, repository, .. } = package;
    let reference = format!("{name}@{version}");
    let checksum = checksums.get(&reference);
    let mut component = Map::new();
    let mut set = |name: &str, value: Value| component.insert(name.to_owned(), value);
    set("type", kind.into());
    set("bom-ref", reference.into());
    set("name", name.as_str().into());
    set("version", version.as_str().into());
    if !licence.is_empty() {
        // The older form of `OR`.
        set("licenses", json!([{"expression": licence.replace('/', " OR ")}]));
    }
    if let Some(checksum) = checksum {
        // `+` of a version's build metadata means something else in a URL.
        let version = version.replace('+', "%2B");
        set("purl", format!("pkg:cargo/{name}@{version}").into());
        set("hashes", json!([{"alg": "SHA-256", "content": checksum}]));
    }
    if !repository.is_empty() {
        set("externalReferences", json!([{"type": "vcs", "url": repository}]));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TARGET;

    #[test]
    fn what_is_in_the_binary() {
        let bill = bill_of(&Repository::of_this_crate(), TARGET).unwrap();
        let scope = |name: &str| {
            let mut all = bill["components"].as_array().unwrap().iter();
            all.find(|it| it["name"] == name).map(|it| it["scope"].as_str().unwrap().to_owned())
        };
        assert_eq!(bill["metadata"]["component"]["name"], BINARY);
        for linked in ["pingora", "rustls", "tollgate-gateway", "quick-xml"] {
            assert_eq!(scope(linked).as_deref(), Some("required"), "{linked}");
        }
        for built_with in ["cc", "serde_derive"] {
            assert_eq!(scope(built_with).as_deref(), Some("excluded"), "{built_with}");
        }
        for only_tested_with in ["expect-test", "xtask", "tollgate-oracle"] {
            assert_eq!(scope(only_tested_with), None, "{only_tested_with}");
        }
    }

    #[test]
    fn what_the_schema_wants_is_there() {
        let bill = bill_of(&Repository::of_this_crate(), TARGET).unwrap();
        assert_eq!(
            (&bill["bomFormat"], &bill["specVersion"]),
            (&"CycloneDX".into(), &"1.6".into())
        );
        let components = bill["components"].as_array().unwrap();
        let mut known = BTreeSet::new();
        for component in components.iter().chain([&bill["metadata"]["component"]]) {
            let has = |name: &str| component[name].as_str().is_some_and(|text| !text.is_empty());
            assert!(has("type") && has("name") && has("version"), "{component}");
            assert!(known.insert(component["bom-ref"].as_str().unwrap()), "{component} twice");
            assert_eq!(component["licenses"].as_array().unwrap().len(), 1, "{component}");
            let name = component["name"].as_str().unwrap();
            let is_ours = name.starts_with("tollgate") || name == "libz-ng-sys";
            assert_eq!(is_ours, component.get("purl").is_none(), "{component}");
            if !is_ours {
                let hash = component["hashes"][0]["content"].as_str().unwrap();
                let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(is_hash, "{component}");
            }
        }
        let mut listed = BTreeSet::new();
        for dependency in bill["dependencies"].as_array().unwrap() {
            assert!(listed.insert(dependency["ref"].as_str().unwrap()), "{dependency}");
            for used in dependency["dependsOn"].as_array().unwrap() {
                assert!(known.contains(used.as_str().unwrap()), "{dependency}");
            }
        }
        assert_eq!(known, listed);
    }

    #[test]
    fn a_tree() {
        let built = "0 tollgate v0.0.0 (/x)|MIT|\n1 macro v1.0.0 (proc-macro)|MIT|\n2 code v1.0.0+x|MIT/ISC|https://x (*)\n1 code v1.0.0+x|MIT/ISC|https://x\n2 below v2.0.0||\n";
        let linked =
            "0 tollgate v0.0.0 (/x)|MIT|\n1 code v1.0.0+x|MIT/ISC|https://x\n2 below v2.0.0||\n";
        let known = Checksums::from([("code@1.0.0+x".to_owned(), "0a".to_owned())]);
        let (linked, built) = (Tree::read(linked).unwrap(), Tree::read(built).unwrap());
        let bill = bill(&linked, &built, &known, "t").unwrap();
        assert_eq!(
            bill["components"],
            json!([
                {"type": "library", "bom-ref": "below@2.0.0", "name": "below", "version": "2.0.0", "scope": "required"},
                {
                    "type": "library",
                    "bom-ref": "code@1.0.0+x",
                    "name": "code",
                    "version": "1.0.0+x",
                    "licenses": [{"expression": "MIT OR ISC"}],
                    "purl": "pkg:cargo/code@1.0.0%2Bx",
                    "hashes": [{"alg": "SHA-256", "content": "0a"}],
                    "externalReferences": [{"type": "vcs", "url": "https://x"}],
                    "scope": "required",
                },
                {
                    "type": "library",
                    "bom-ref": "macro@1.0.0",
                    "name": "macro",
                    "version": "1.0.0",
                    "licenses": [{"expression": "MIT"}],
                    "scope": "excluded",
                },
            ])
        );
        assert_eq!(
            bill["dependencies"],
            json!([
                {"ref": "below@2.0.0", "dependsOn": []},
                {"ref": "code@1.0.0+x", "dependsOn": ["below@2.0.0"]},
                {"ref": "macro@1.0.0", "dependsOn": ["code@1.0.0+x"]},
                {"ref": "tollgate@0.0.0", "dependsOn": ["code@1.0.0+x", "macro@1.0.0"]},
            ])
        );
        Tree::read("no package").unwrap_err();
    }
}
