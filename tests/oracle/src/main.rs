#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command of the terminal")]

mod cases;
mod corpus;
mod coverage;
mod csharp;
mod differential;
mod reference;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value as Json;
use tollgate_expr::cases::{run, same};

use crate::cases::Case;
use crate::csharp::{CSharp, Question};

const USAGE: &str = "\
tollgate-oracle ask FILE             what real C# says to the expressions of a text file, and Tollgate where it differs
tollgate-oracle record TOPIC FILE    asks and appends to tests/oracle/cases/TOPIC.jsonl
tollgate-oracle verify [TOPIC]       asks again about all recorded cases
tollgate-oracle differential         random expressions, here and in real C# [--count 4000] [--seed 1] [--only TEXT] [--record FILE]
tollgate-oracle corpus FOLDER        compares what both say to every expression of the documents below
tollgate-oracle coverage [TYPE]      which of those are missing here
tollgate-oracle reference            writes the reference page, with recorded cases as examples
tollgate-oracle members              lists the API of .NET into tests/oracle/members.txt
--oracle DIR                         where tests/oracle/install put it (target/oracle)";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let oracle = option(&mut arguments, "--oracle").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/oracle"),
        PathBuf::from,
    );
    let mut number = |name: &str, default| {
        option(&mut arguments, name).map_or(Some(default), |text| text.parse().ok())
    };
    let (count, seed) = (number("--count", 4_000), number("--seed", 1));
    let only = option(&mut arguments, "--only");
    let keep = option(&mut arguments, "--record");
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match *words.as_slice() {
        ["ask", file] => ask(&oracle, Path::new(file)),
        ["record", topic, file] => record(&oracle, topic, Path::new(file)),
        ["verify"] => verify(&oracle, None),
        ["differential"] => compare(&oracle, (count, seed), only.as_deref(), keep.as_deref()),
        ["corpus", folder] => corpus::compare(&oracle, Path::new(folder)),
        ["coverage"] => Ok(covered(None)),
        ["coverage", ty] => Ok(covered(Some(ty))),
        ["reference"] => reference::write(),
        ["members"] => members(&oracle),
        ["verify", topic] => verify(&oracle, Some(topic)),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes an option with its value out of the arguments.
fn option(arguments: &mut Vec<String>, name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    let value = arguments.get(at + 1).cloned();
    arguments.drain(at..(at + 2).min(arguments.len()));
    value
}

fn read(file: &Path) -> Result<Vec<Question>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    cases::read_text(&text)
}

fn ours(question: &Question) -> Json {
    run(&question.expression, &question.context)
        .unwrap_or_else(|error| serde_json::json!({ "fault": error }))
}

fn ask(oracle: &Path, file: &Path) -> Result<bool, String> {
    let questions = read(file)?;
    let answers = CSharp::open(oracle)?.ask(&questions)?;
    for (question, answer) in questions.iter().zip(&answers) {
        println!("{}\n    C#       {answer}", question.expression);
        let ours = ours(question);
        if !same(answer, &ours) {
            println!("    Tollgate {ours}");
        }
    }
    Ok(true)
}

fn record(oracle: &Path, topic: &str, file: &Path) -> Result<bool, String> {
    let target = cases::folder().join(format!("{topic}.jsonl"));
    let known = cases::read(&target)?;
    let mut questions = read(file)?;
    let asked = |question: &Question| {
        known.iter().any(|case| {
            case.question.expression == question.expression
                && case.question.context == question.context
        })
    };
    questions.retain(|question| !asked(question));
    let answers = CSharp::open(oracle)?.ask(&questions)?;
    let numbers = known.iter().filter_map(|case| case.id.rsplit('.').next()?.parse::<usize>().ok());
    let mut next = numbers.max().unwrap_or_default();
    let mut lines = String::new();
    let (mut n_recorded, mut n_different) = (0, 0);
    for (question, expected) in questions.into_iter().zip(answers) {
        if expected.get("crash").is_some() {
            println!("not recorded, {expected}: {}", question.expression);
            continue;
        }
        next += 1;
        n_recorded += 1;
        let case = Case { id: format!("{topic}.{next}"), question, expected };
        let ours = ours(&case.question);
        if !same(&case.expected, &ours) {
            n_different += 1;
            println!(
                "{} {}\n    C#       {}\n    Tollgate {ours}",
                case.id, case.question.expression, case.expected
            );
        }
        lines.push_str(&case.line());
    }
    let mut options = fs::OpenOptions::new();
    let mut out = options
        .create(true)
        .append(true)
        .open(&target)
        .map_err(|error| format!("{}: {error}", target.display()))?;
    out.write_all(lines.as_bytes()).map_err(|error| error.to_string())?;
    println!("{n_recorded} recorded, {} known, {n_different} different in Tollgate", known.len());
    Ok(true)
}

/// Compares random expressions; writes some on which both agree to a file, for `record`.
fn compare(
    oracle: &Path,
    (count, seed): (Option<u64>, Option<u64>),
    only: Option<&str>,
    keep: Option<&str>,
) -> Result<bool, String> {
    let (Some(count), Some(seed)) = (count, seed) else { return Err(USAGE.to_owned()) };
    let csharp = CSharp::open(oracle)?;
    let count = usize::try_from(count).map_err(|error| error.to_string())?;
    let outcome = differential::differential(&csharp, count, seed, only)?;
    for (n, cause) in &outcome.causes {
        println!("{n:5} x {cause}");
    }
    println!(
        "seed {seed}: {} expressions; both gave {} values and {} exceptions, both refused {}; {} at a bound, \
         {} refused here by design; {} disagreements of {} kinds",
        outcome.n_asked,
        outcome.n_values,
        outcome.n_errors,
        outcome.n_refused,
        outcome.n_bounds,
        outcome.n_by_design,
        outcome.n_disagreements,
        outcome.causes.len()
    );
    println!("{:.0} s here, {:.0} s in real C#", outcome.seconds_here, outcome.seconds_there);
    if let Some(file) = keep {
        let plain = |question: &Question| {
            question.context.as_object().is_none_or(serde_json::Map::is_empty)
        };
        let kept = outcome.survivors.iter().filter(|(question, _)| plain(question));
        let lines: Vec<&str> = kept.map(|(question, _)| question.expression.as_str()).collect();
        fs::write(file, lines.join("\n") + "\n").map_err(|error| error.to_string())?;
    }
    Ok(outcome.n_disagreements == 0)
}

fn covered(wanted: Option<&str>) -> bool {
    let coverage = coverage::coverage();
    let mut n_missing = 0;
    for (ty, missing) in &coverage.missing {
        n_missing += missing.len();
        match wanted {
            None => println!("{:5} {ty}", missing.len()),
            Some(wanted) if ty.contains(wanted) => {
                for signature in missing {
                    println!("{ty}: {signature}");
                }
            }
            Some(_) => {}
        }
    }
    for refused in &coverage.invented {
        println!("refused, and declared or not of .NET: {refused}");
    }
    println!(
        "{} declared, {} refused, {} out of reach, {n_missing} missing",
        coverage.n_declared, coverage.n_refused, coverage.n_unreachable
    );
    n_missing == 0 && coverage.invented.is_empty()
}

fn members(oracle: &Path) -> Result<bool, String> {
    let listed = CSharp::open(oracle)?.program("Members.cs")?;
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("members.txt");
    fs::write(&target, &listed).map_err(|error| format!("{}: {error}", target.display()))?;
    println!("{} members", listed.lines().count());
    Ok(true)
}

fn verify(oracle: &Path, topic: Option<&str>) -> Result<bool, String> {
    let csharp = CSharp::open(oracle)?;
    let (mut n, mut n_drifted) = (0, 0);
    for file in cases::files()? {
        if topic.is_some_and(|topic| file.file_stem().is_none_or(|stem| stem != topic)) {
            continue;
        }
        let recorded = cases::read(&file)?;
        let questions: Vec<Question> = recorded.iter().map(|case| case.question.clone()).collect();
        for (case, answer) in recorded.iter().zip(csharp.ask(&questions)?) {
            n += 1;
            if !same(&case.expected, &answer) {
                n_drifted += 1;
                println!("{}: recorded {}, now {answer}", case.id, case.expected);
            }
        }
    }
    println!("{n} cases asked again, {n_drifted} answered otherwise");
    Ok(n_drifted == 0)
}
