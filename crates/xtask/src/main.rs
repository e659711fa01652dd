//! Repository chores: what no compiler checks, scaffolds, generated pages, and the whole of continuous integration.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "chores report to the terminal")]

mod ci;
mod deny;
mod dist;
mod new_policy;
mod repository;
mod sbom;
mod step;
mod tidy;

use std::process::ExitCode;

use repository::Repository;

/// The platform whose dependencies are looked at, unless another is asked for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

const USAGE: &str = "usage: cargo xtask <chore>

  ci                 format, lints, tests, documentation, licences and bans, tidy
  dist               the binary that ships, its code laid out by what runs; needs BOLT
  docs               writes the generated reference pages
  new-policy <name>  scaffolds a policy and registers it
  sbom [<target>]    prints what the binary is made of, in CycloneDX's JSON
  tidy               arrows between crates, the policy registry, files and their texts";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let repository = Repository::of_this_crate();
    let done = match args.as_slice() {
        ["ci"] => ci::run(&repository),
        ["dist"] => dist::run(&repository),
        ["docs"] => ci::docs(&repository),
        ["new-policy", name] => new_policy::run(&repository, name),
        ["sbom"] => sbom::run(&repository, TARGET),
        ["sbom", target] => sbom::run(&repository, target),
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
