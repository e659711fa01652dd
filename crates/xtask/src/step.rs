//! Running a program as one step of a chore.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

/// Runs a program to its end and says how long it took. That it fails is an error.
pub(crate) fn step(name: &str, command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_owned();
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    println!("--- {name}: {} {}", program.display(), args.join(" "));
    let began = Instant::now();
    let status = command.status().with_context(|| format!("{} does not run", program.display()))?;
    println!("--- {name}: {} s", began.elapsed().as_secs());
    ensure!(status.success(), "{name} failed");
    Ok(())
}
