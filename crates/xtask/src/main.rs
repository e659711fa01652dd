//! Repository chores: what no compiler checks, scaffolds, generated pages, and the whole of continuous integration.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "chores report to the terminal")]

mod ci;
mod licences;
mod new_policy;
mod repository;
mod tidy;

use std::process::ExitCode;

use repository::Repository;

const USAGE: &str = "usage: cargo xtask <chore>

  ci                 format, lints, tests, documentation, licences, tidy
  docs               writes the generated reference pages
  new-policy <name>  scaffolds a policy and registers it
  tidy               arrows between crates, the policy registry, files and their texts";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let repository = Repository::of_this_crate();
    let done = match args.as_slice() {
        ["ci"] => ci::run(&repository),
        ["docs"] => ci::docs(&repository),
        ["new-policy", name] => new_policy::run(&repository, name),
        ["tidy"] => tidy::run(&repository),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
