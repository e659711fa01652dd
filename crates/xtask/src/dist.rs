//! `cargo xtask dist`: the binary that ships, with its code laid out by what runs.
//!
//! A request runs through a thousand functions that lie scattered over 22 MiB of code, and what it waits for most is code that no
//! cache holds. LLVM's BOLT counts what runs while the soak sends its mixture of requests, and writes the linked binary anew with
//! what runs side by side and what does not elsewhere. The laid out binary replaces the one that was built only after the
//! black-box tests have passed with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::repository::Repository;
use crate::step::step;

/// Versions of LLVM whose BOLT is looked for where Debian has it. It also has names in `/usr/bin` for it, but called by those it
/// does not find its library.
const VERSIONS: std::ops::RangeInclusive<u32> = 19..=29;

/// AWS-LC stays as it was compiled: parts of it are verified as machine code, and BOLT warns of its assembler.
const AS_WRITTEN: &str = "--skip-funcs=aws_lc_.*";

/// Minutes of the soak. Memory may grow meanwhile: what counts has buffers of its own.
const MINUTES: &str = "1";
const GROWTH: &str = "100";

pub(crate) fn run(repository: &Repository) -> anyhow::Result<()> {
    let bolt = bolt()?;
    let built = build(repository)?;
    let beside = |name: &str| built.with_file_name(name);
    let (counting, profile, laid_out) =
        (beside("tollgate.counting"), beside("tollgate.profile"), beside("tollgate.laid-out"));

    let mut count = Command::new(&bolt);
    count.arg(&built).args(["--instrument", AS_WRITTEN]);
    count.arg(option("--instrumentation-file", &profile)).arg("-o").arg(&counting);
    quiet("count", &mut count)?;

    if profile.exists() {
        std::fs::remove_file(&profile)?;
    }
    let mut soak = Command::new("cargo");
    soak.args(["run", "--release", "--locked", "--bin", "soak", "--"]);
    soak.args(["--minutes", MINUTES, "--growth", GROWTH]).arg(&counting);
    step("run", soak.current_dir(repository.root().join("benches/pipeline")))?;
    ensure!(profile.exists(), "nothing was counted");

    let mut lay_out = Command::new(&bolt);
    lay_out.arg(&built).arg(option("--data", &profile)).arg(AS_WRITTEN);
    lay_out.args(["--reorder-functions=cdsort", "--reorder-blocks=ext-tsp"]);
    lay_out.args(["--split-functions", "--split-all-cold", "--split-eh", "--icf=1"]);
    // Not `--use-gnu-stack`, as others have it: without that header the threads' stacks would be executable.
    lay_out.arg("--remove-symtab").arg("-o").arg(&laid_out);
    quiet("lay out", &mut lay_out)?;

    let mut test = Command::new("cargo");
    test.args(["test", "--locked", "--package", "tollgate", "--test", "it"]);
    step("test", test.env("TOLLGATE_BINARY", &laid_out).current_dir(repository.root()))?;

    // Never written in place: cargo has the same file under another name.
    std::fs::rename(&laid_out, &built)?;
    for used in [counting, profile] {
        std::fs::remove_file(used)?;
    }
    println!("{}: {} MiB", built.display(), built.metadata()?.len() >> 20);
    Ok(())
}

/// BOLT's program.
fn bolt() -> anyhow::Result<String> {
    let versions = VERSIONS.rev().map(|version| format!("/usr/lib/llvm-{version}/bin/llvm-bolt"));
    let mut names = std::iter::once("llvm-bolt".to_owned()).chain(versions);
    let runs = |name: &String| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    names.find(runs).context("there is no `llvm-bolt`; it is in Debian's package `bolt-19`")
}

/// Builds the binary with what BOLT needs, relocations and symbols, and gives its path.
fn build(repository: &Repository) -> anyhow::Result<PathBuf> {
    println!("--- build: profile dist");
    let mut build = Command::new("cargo");
    build.args(["rustc", "--profile", "dist", "--locked", "--package", "tollgate"]);
    build.args(["--bin", "tollgate", "--message-format", "json-render-diagnostics"]);
    build.args(["--", "-C", "strip=none", "-C", "link-arg=-Wl,--emit-relocs"]);
    let built = build.stderr(Stdio::inherit()).current_dir(repository.root()).output();
    let built = built.context("cargo does not run")?;
    ensure!(built.status.success(), "build failed");
    let built = String::from_utf8(built.stdout).context("cargo does not print UTF-8")?;
    let mut executables = built.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    executables.next().context("cargo names no executable")
}

/// An option whose value is a path.
fn option(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// A step of which is shown what it printed only when it fails: BOLT warns of every assembler function.
fn quiet(name: &str, command: &mut Command) -> anyhow::Result<()> {
    println!("--- {name}: {}", command.get_program().display());
    let done = command.output().context("BOLT does not run")?;
    if !done.status.success() {
        print!("{}", String::from_utf8_lossy(&done.stdout));
        eprint!("{}", String::from_utf8_lossy(&done.stderr));
    }
    ensure!(done.status.success(), "{name} failed");
    Ok(())
}
