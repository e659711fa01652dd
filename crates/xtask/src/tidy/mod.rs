//! What the house style asks for and no compiler checks.
//!
//! Each check gives findings, one line each; all of them also run as tests, so `cargo test --workspace` is enough.

mod arrows;
mod policies;
mod text;

use anyhow::bail;

use crate::repository::Repository;

/// A check and its name.
type Check = (&'static str, fn(&Repository) -> anyhow::Result<Vec<String>>);

const CHECKS: &[Check] = &[
    ("arrows", arrows::check),
    ("policies", policies::check),
    ("top level", text::top_level),
    ("long files", text::long_files),
    ("texts", text::texts),
    ("globals", text::globals),
];

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let mut n_findings = 0;
    for (name, check) in CHECKS {
        for finding in check(repository)? {
            n_findings += 1;
            println!("{name}: {finding}");
        }
    }
    if n_findings > 0 {
        bail!("{n_findings} findings");
    }
    println!("tidy");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let repository = Repository::of_this_crate();
        for (name, check) in CHECKS {
            assert_eq!(check(&repository).unwrap(), Vec::<String>::new(), "{name}");
        }
    }
}
