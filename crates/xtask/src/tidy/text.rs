//! What files there are, how long they are, and what must not stand in them.

use std::collections::BTreeSet;

use crate::repository::Repository;

/// What may be at the top of the repository, besides files that begin with a dot.
const TOP_LEVEL: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "benches",
    "crates",
    "examples",
    "fuzz",
    "policies",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
];

/// A file longer than this usually holds two subjects.
const LONGEST: usize = 700;
/// Longer ones, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[
    (
        "crates/tollgate-engine/src/pipeline/tests.rs",
        "one world of fakes and a test for each rule of it",
    ),
    ("crates/tollgate-engine/src/read/tests/mistakes.rs", "golden diagnostics, whole"),
    ("crates/tollgate-expr/src/json/tests.rs", "one table of cases for each member"),
    ("crates/tollgate-expr/src/time/tests.rs", "one table of cases for each member"),
];

pub(super) fn top_level(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let files = repository.files()?;
    let names: BTreeSet<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    let strange =
        names.into_iter().filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name));
    Ok(strange.map(|name| format!("`{name}` does not belong at the top")).collect())
}

pub(super) fn long_files(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in &repository.rust_files()? {
        let n_lines = repository.read(file)?.lines().count();
        let listed = LONG_FILES.iter().any(|(long, _)| long == file);
        if n_lines > LONGEST && !listed {
            findings.push(format!("`{file}` has {n_lines} lines"));
        }
        if n_lines <= LONGEST && listed {
            findings.push(format!("`{file}` is listed as long and is not"));
        }
    }
    Ok(findings)
}

/// Texts that would tie the repository to one machine or one package registry.
pub(super) fn texts(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in repository.files()? {
        // The lockfile names the registry by its nature.
        if file == "Cargo.lock" {
            continue;
        }
        let Ok(text) = repository.read(&file) else { continue };
        for (index, line) in text.lines().enumerate() {
            if let Some(what) = machine_path(line).or_else(|| registry_host(line)) {
                findings.push(format!("`{file}:{}` names `{what}`", index + 1));
            }
        }
    }
    Ok(findings)
}

/// A folder of somebody's machine at the beginning of an absolute path.
fn machine_path(line: &str) -> Option<&str> {
    let absolute = |at: usize| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || "_.-}*:/<".contains(c))
    };
    line.match_indices('/').filter(|(at, _)| absolute(*at)).find_map(|(at, _)| {
        let path = line.get(at..)?;
        let mut names = path.split('/').skip(1);
        let (first, second) = (names.next()?, names.next()?);
        let found = match first {
            "work" | "root" => true,
            "home" => second.starts_with(|c: char| c.is_ascii_lowercase()),
            _ => false,
        };
        found.then_some(path.get(..=first.len() + 1)?)
    })
}

/// The host of a package registry: which one is used is for each machine to say.
fn registry_host(line: &str) -> Option<&'static str> {
    const HOSTS: &[(&str, &str)] = &[
        ("index.", "crates.io"),
        ("static.", "crates.io"),
        ("registry.", "npmjs.org"),
        ("files.", "pythonhosted.org"),
        ("pypi.org", "/simple"),
    ];
    HOSTS.iter().find_map(|(name, rest)| {
        let at = line.find(name)?;
        line.get(at + name.len()..)?.starts_with(rest).then_some(*rest)
    })
}

/// Only the binary installs what belongs to the whole process.
pub(super) fn globals(repository: &Repository) -> anyhow::Result<Vec<String>> {
    const CALLS: &[&str] =
        &[".install_default(", "set_global_default(", "panic::set_hook(", "global_allocator"];
    let mut findings = Vec::new();
    for file in repository.rust_files()? {
        let library = file.starts_with("crates/");
        let free =
            ["crates/tollgate/", "crates/xtask/"].iter().any(|folder| file.starts_with(folder));
        let for_tests = ["/tests/", "/tests.rs", "/testing"].iter().any(|part| file.contains(part));
        if !library || free || for_tests {
            continue;
        }
        let text = repository.read(&file)?;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in CALLS.iter().filter(|call| code.contains(**call)) {
            findings.push(format!("`{file}` calls `{call}`, which is for the binary"));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found() {
        for (first, rest) in [("root", "x"), ("work", "x/y"), ("home", "somebody/x")] {
            let line = format!("see \"/{first}/{rest}\"");
            assert_eq!(machine_path(&line), Some(format!("/{first}/").as_str()), "{line}");
        }
        for line in [
            "let root = path;",
            "a/work/b",
            "https://host/work/x",
            "$HOME/work/x",
            "//! /homes/x/y",
            "{base}/root/x",
        ] {
            assert_eq!(machine_path(line), None, "{line}");
        }
    }

    #[test]
    fn registry_hosts_are_found() {
        let line = ["https://registry", "npmjs.org/openai"].join(".");
        assert_eq!(registry_host(&line), Some("npmjs.org"));
        assert_eq!(registry_host("[patch.crates-io]"), None);
    }
}
