//! The checks that need nothing but this repository and the toolchain.

use std::process::Command;

use crate::repository::Repository;
use crate::step::step;
use crate::{deny, tidy};

/// Where the generated reference pages are.
const PAGES: &str = "crates/tollgate/docs";

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    cargo(repository, "fmt", &["fmt", "--all", "--check"])?;
    tidy::run(repository)?;
    deny::run(repository)?;
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    cargo(repository, "clippy", &lints)?;
    cargo(repository, "test", &["test", "--workspace", "--locked"])?;
    cargo(repository, "doc", &["doc", "--workspace", "--no-deps", "--locked"])?;
    Ok(())
}

/// Writes the generated reference pages.
pub(crate) fn docs(repository: &Repository) -> anyhow::Result<()> {
    std::fs::create_dir_all(repository.root().join(PAGES))?;
    let docs = ["run", "--quiet", "--package", "tollgate", "--", "docs", "--write", PAGES];
    cargo(repository, "docs", &docs)
}

fn cargo(repository: &Repository, name: &str, args: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(args).env("RUSTDOCFLAGS", "-D warnings").current_dir(repository.root());
    step(name, &mut command)
}
