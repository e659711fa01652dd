//! `tollgate eval`.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::Value;
use tollgate_diagnostics::{MappedText, Sources, has_errors, render};
use tollgate_expr::{CompileOptions, EvalCx, EvalState, FixedHost, Limits, cases};

/// What to evaluate.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The expression, with or without its `@(…)`.
    #[arg(required_unless_present = "cases", conflicts_with = "cases")]
    expression: Option<String>,
    /// JSON file with the context the expression sees.
    #[arg(long, conflicts_with = "cases")]
    context: Option<PathBuf>,
    /// File of JSON lines `{"id", "expr", "context"}`; answers go to standard output, one a line, in order.
    #[arg(long)]
    cases: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match (&args.cases, &args.expression) {
        (Some(file), _) => run_cases(file),
        (None, Some(expression)) => run_one(expression, args.context.as_ref()),
        (None, None) => anyhow::bail!("nothing to evaluate"),
    }
}

fn run_cases(file: &PathBuf) -> anyhow::Result<ExitCode> {
    let name = file.display();
    let lines =
        BufReader::new(std::fs::File::open(file).with_context(|| format!("cannot read `{name}`"))?);
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (index, line) in lines.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer =
            cases::run_line(&line).map_err(|why| anyhow::anyhow!("{name}:{}: {why}", index + 1))?;
        writeln!(out, "{answer}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn run_one(expression: &str, context: Option<&PathBuf>) -> anyhow::Result<ExitCode> {
    let context = match context {
        None => Value::Object(serde_json::Map::new()),
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("`{}` is not JSON", file.display()))?
        }
    };
    let trimmed = expression.trim();
    let text = if trimmed.starts_with("@(") || trimmed.starts_with("@{") {
        trimmed.to_owned()
    } else {
        format!("@({trimmed})")
    };
    let mut sources = Sources::default();
    let file = sources.add("expression", text.as_str());
    let source = MappedText::verbatim(text.as_str(), file.span(0..text.len()));
    let (program, diagnostics) = tollgate_expr::compile(&source, &CompileOptions::default());
    for found in &diagnostics {
        eprintln!("{}\n", render::human(found, &sources));
    }
    let Some(program) = program.filter(|_| !has_errors(&diagnostics)) else {
        return Ok(ExitCode::from(1));
    };
    let mut state = EvalState::new(Limits::default());
    let mut host = FixedHost::from_json(&context, &mut state)
        .map_err(|why| anyhow::anyhow!("the context: {why}"))?;
    let mut cx = EvalCx { host: &mut host, state: &mut state };
    let result = program.eval(&mut cx);
    let shown = result.and_then(|value| Ok((value.type_name(cx.state), cx.text(&value)?)));
    for message in &host.traced {
        eprintln!("trace: {message}");
    }
    match shown {
        Ok((type_name, text)) => {
            println!("{}", text.as_deref().unwrap_or("null"));
            eprintln!("{}", type_name.as_deref().unwrap_or("null"));
            Ok(ExitCode::SUCCESS)
        }
        Err(exception) => {
            eprintln!("{exception}");
            Ok(ExitCode::from(1))
        }
    }
}
