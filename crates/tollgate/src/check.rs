//! `tollgate check`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use tollgate_diagnostics::{Diagnostic, Sources, has_errors, render};
use tollgate_gateway::breaker::Breakers;
use tollgate_gateway::fetch::OwnListeners;
use tollgate_gateway::{
    CONFIG_FILE, LoadCx, Loaded, NoVault, check_document, load, ports_of_check,
};

use crate::registry::{ProcessEnvironment, REGISTRY};

/// What to check.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Policy directories (with a `tollgate.toml`), single documents, or folders of single documents.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How to print findings.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// One array for machines.
    Json,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let cx = LoadCx {
        registry: REGISTRY,
        env: &ProcessEnvironment,
        ports: &ports_of_check,
        vault: &NoVault,
        calls: None,
        breakers: &Breakers::default(),
        own_listeners: &OwnListeners::default(),
    };
    let mut all: Vec<Loaded> = Vec::new();
    for path in &args.paths {
        if !path.exists() {
            anyhow::bail!("`{}` does not exist", path.display());
        }
        if path.join(CONFIG_FILE).is_file() {
            all.push(load(path, &cx));
        } else {
            all.extend(documents(path)?.iter().map(|document| check_document(document, &cx)));
        }
    }
    match args.format {
        Format::Human => human(&all),
        Format::Json => println!("{}", json(&all)),
    }
    let failed = all.iter().any(|loaded| has_errors(&loaded.diagnostics));
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// The documents at a path: itself, or every `.xml` file below it, sorted.
fn documents(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut folders = vec![path.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            // Links are not followed, so a loop of them ends nothing.
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "xml") {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        anyhow::bail!("`{}` holds neither a `{CONFIG_FILE}` nor a policy document", path.display());
    }
    files.sort();
    Ok(files)
}

fn human(all: &[Loaded]) {
    let colours = std::io::stderr().is_terminal();
    let show: fn(&Diagnostic, &Sources) -> String =
        if colours { render::coloured } else { render::human };
    for loaded in all {
        let (shown, rest) = render::for_people(&loaded.diagnostics);
        for found in shown {
            eprintln!("{}\n", show(found, &loaded.sources));
        }
        if let Some(rest) = rest {
            eprintln!("{rest}; `--format json` has them all\n");
        }
    }
    let count = |errors: bool| {
        all.iter()
            .flat_map(|loaded| &loaded.diagnostics)
            .filter(|found| found.is_error() == errors)
            .count()
    };
    let (errors, warnings) = (count(true), count(false));
    let plural =
        |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    eprintln!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
}

/// One array over all files.
fn json(all: &[Loaded]) -> String {
    let mut findings = Vec::new();
    for loaded in all {
        let text = render::json(&loaded.diagnostics, &loaded.sources);
        if let Ok(serde_json::Value::Array(items)) = serde_json::from_str(&text) {
            findings.extend(items);
        }
    }
    serde_json::to_string_pretty(&findings).unwrap_or_else(|_| "[]".to_owned())
}
