//! What the fuzz targets of expressions do with an input; the replay of the seeds does the same in `cargo test`.

use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_diagnostics::{MappedText, Sources};
use tollgate_expr::{
    CompileOptions, EvalCx, EvalState, FixedHost, Limits, Program, Target, compile,
};

/// Longest time that compiling or evaluating one input may take.
const LONGEST: Duration = Duration::from_secs(5);

/// Compiles an input for every kind of place, as it is and as the inside of an expression.
pub(crate) fn parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let began = Instant::now();
    for text in [text.to_owned(), format!("@({text})"), format!("@{{{text}}}")] {
        for target in [Target::Any, Target::Text, Target::Bool, Target::Int] {
            compiled(&text, target);
        }
    }
    assert!(began.elapsed() < LONGEST, "compiling took {:?}", began.elapsed());
}

/// Evaluates an input that compiles, twice, and looks whether both give the same.
pub(crate) fn eval(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(program) = compiled(text, Target::Any) else { return };
    let began = Instant::now();
    assert_eq!(answer(&program), answer(&program), "the same request, another answer");
    assert!(began.elapsed() < LONGEST, "evaluating took {:?}", began.elapsed());
}

fn compiled(text: &str, target: Target) -> Option<Program> {
    let mut sources = Sources::default();
    let file = sources.add("expression", text);
    let source = MappedText::verbatim(text, file.span(0..text.len()));
    let (program, diagnostics) = compile(&source, &CompileOptions::for_target(target));
    assert_eq!(
        program.is_none(),
        diagnostics.iter().any(tollgate_diagnostics::Diagnostic::is_error)
    );
    for found in &diagnostics {
        // Diagnostics point into the text, between characters.
        tollgate_diagnostics::render::human(found, &sources);
    }
    program
}

/// Type and text of the value, or the exception.
fn answer(program: &Program) -> String {
    let limits = Limits { steps: 100_000, memory: 8 << 20, depth: 32 };
    let mut state = EvalState::new(limits);
    let context = json!({
        "request": {
            "method": "POST",
            "url": "https://gateway.example/openai/deployments/gpt-4o/chat?api-version=2024-10-21&a=1&a=2",
            "headers": { "Content-Type": ["application/json"], "X-Many": ["1", "2"], "Authorization": ["Bearer e30.e30.c2ln"] },
            "ip": "203.0.113.9",
            "body": "{\"model\": \"gpt-4o\", \"messages\": [{\"role\": \"user\", \"content\": \"h\\u00e9llo\"}], \"n\": 1.5, \"date\": \"2024-01-02T03:04:05Z\", \"none\": null}",
            "matched-parameters": { "deployment-id": "gpt-4o" },
        },
        "response": { "status": 429, "reason": "Too Many Requests", "headers": { "Retry-After": ["10"] }, "body": "<a b=\"c\"><d/>text</a>" },
        "variables": { "s": "text", "i": 1, "l": { "$type": "long", "value": 5 }, "d": 1.5, "b": true, "none": null, "o": { "a": [1, { "b": 2 }] }, "a": [1, 2] },
        "api": { "Id": "openai", "Name": "Azure OpenAI", "Path": "openai" },
        "subscription": { "Id": "sub-1", "Name": "team-a", "Key": "k" },
        "user": { "Id": "u-1", "Email": "ada@example.com" },
    });
    let Ok(mut host) = FixedHost::from_json(&context, &mut state) else { return String::new() };
    match program.eval(&mut EvalCx { host: &mut host, state: &mut state }) {
        Ok(value) => format!("{:?} {:?}", value.type_name(&state), value.to_text(&state)),
        Err(exception) => format!("{}: {}", exception.kind().full_name(), exception.message()),
    }
}
