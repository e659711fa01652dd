//! One file or folder per policy, each registered, the registry sorted.

use std::collections::BTreeMap;

use anyhow::Context;

use crate::repository::Repository;

const FOLDER: &str = "crates/tollgate-policies/src/";

pub(super) fn check(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    for file in repository.rust_files()? {
        let Some(inside) = file.strip_prefix(FOLDER) else { continue };
        let module = inside.split(['/', '.']).next().unwrap_or(inside);
        if module != "lib" {
            modules.entry(module.to_owned()).or_default().push_str(&repository.read(&file)?);
        }
    }
    let registry = repository.read(&format!("{FOLDER}lib.rs"))?;
    let registered = registered(&registry).context("the registry `ALL` is not in `lib.rs`")?;
    Ok(findings(&modules, &registered))
}

/// The modules named in the registry, in its order.
fn registered(lib: &str) -> Option<Vec<&str>> {
    let (_, rest) = lib.split_once("ALL: &[PolicyDef] = &[")?;
    let (list, _) = rest.split_once("];")?;
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    Some(entries.map(|entry| entry.strip_suffix("::POLICY").unwrap_or(entry)).collect())
}

/// `modules` is each module's name with the text of all its files.
fn findings(modules: &BTreeMap<String, String>, registered: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for (module, text) in modules {
        let n_policies = text.matches(": PolicyDef = PolicyDef {").count();
        let n_registered = registered.iter().filter(|name| *name == module).count();
        if n_policies > 1 {
            findings.push(format!("`{module}` declares {n_policies} policies"));
        }
        if n_registered != n_policies.min(1) {
            findings.push(format!("`{module}` is in the registry {n_registered} times"));
        }
        let element = module.replace('_', "-");
        if n_policies == 1 && !text.contains(&format!("name: \"{element}\"")) {
            findings.push(format!("`{module}` does not declare `{element}`"));
        }
    }
    for name in registered.iter().filter(|name| !modules.contains_key(**name)) {
        findings.push(format!("the registry names `{name}`, which has no file"));
    }
    if !registered.is_sorted() {
        findings.push("the registry is not sorted".to_owned());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(modules: &[(&str, &str)], registry: &[&str], expected: &[&str]) {
        let declaration =
            |name| format!("const POLICY: PolicyDef = PolicyDef {{ name: \"{name}\" ");
        let modules = modules
            .iter()
            .map(|(module, names)| {
                let text = names.split_whitespace().map(declaration).collect::<String>();
                ((*module).to_owned(), text)
            })
            .collect();
        assert_eq!(findings(&modules, registry), expected);
    }

    #[test]
    fn registry_and_files_agree() {
        let tidy = &[("a_b", "a-b"), ("c", "c"), ("shared", "")];
        check(tidy, &["a_b", "c"], &[]);
        check(tidy, &["c", "a_b"], &["the registry is not sorted"]);
        check(tidy, &["a_b"], &["`c` is in the registry 0 times"]);
        check(tidy, &["a_b", "c", "d"], &["the registry names `d`, which has no file"]);
        check(tidy, &["a_b", "c", "shared"], &["`shared` is in the registry 1 times"]);
        check(&[("a", "a b")], &["a"], &["`a` declares 2 policies"]);
        check(&[("a", "b")], &["a"], &["`a` does not declare `a`"]);
    }

    #[test]
    fn the_registry_is_read() {
        let lib =
            "pub const ALL: &[PolicyDef] = &[\n    choose::POLICY,\n    set_body::POLICY,\n];";
        assert_eq!(registered(lib), Some(vec!["choose", "set_body"]));
        assert_eq!(registered("pub const ALL: &[PolicyDef] = &[];"), Some(vec![]));
        assert_eq!(registered(""), None);
    }
}
