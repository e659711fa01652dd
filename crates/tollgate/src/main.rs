//! The `tollgate` command: runs policy directories, checks them, asks running gateways, evaluates expressions.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the binary is what talks to the terminal"
)]

mod check;
mod demo;
mod docs;
mod eval;
mod registry;
mod run;
mod shipped;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Runs Azure API Management policy documents outside Azure.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves a policy directory; reloads it when it changes.
    Run(run::Args),
    /// Shows the whole thing on this machine, without Azure.
    Demo(demo::Args),
    /// Reports what is wrong in a policy directory or in single documents.
    Check(check::Args),
    /// Asks a running gateway what it is doing: readiness, circuit breakers, pools.
    Status(status::Args),
    /// Evaluates an expression, or many.
    Eval(eval::Args),
    /// Prints or writes the reference pages.
    Docs(docs::Args),
}

fn main() -> ExitCode {
    // First of all: with two providers in the build, rustls would otherwise not know which one to use.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("error: a cryptography provider is installed already");
        return ExitCode::from(2);
    }
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Docs(args) => docs::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
