//! Hostile expressions end within their bounds. Prints the time and the memory that each took:
//! `cargo test -p tollgate-expr --test hostile -- --nocapture`.

#[cfg(test)]
mod programs;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::{Duration, Instant};

    use peak_alloc::PeakAlloc;
    use serde_json::{Value as Json, json};
    use tollgate_diagnostics::{MappedText, Sources};
    use tollgate_expr::{CompileOptions, EvalCx, EvalState, FixedHost, Limits, compile};

    use super::programs::programs;

    /// What is allocated, by whichever thread: this binary runs one test.
    #[global_allocator]
    static MEMORY: PeakAlloc = PeakAlloc;

    /// Memory that an evaluation may take for real, over the bound on what it may charge: a text that grows doubles its
    /// space, has the old beside the new while it does, and is then copied to be shared.
    const FACTOR: usize = 4;
    /// Memory that checking may take.
    const CHECKING: usize = 192 << 20;
    /// How long anything may take, unoptimised on a busy machine.
    const LONGEST: Duration = Duration::from_secs(20);

    /// A quarter of the default, so that a debug build is through in seconds; all of it where a body has to fit.
    fn limits(name: &str) -> Limits {
        let all = Limits::default();
        if name.starts_with("a body") {
            return all;
        }
        Limits { steps: all.steps / 4, memory: all.memory / 4, ..all }
    }

    struct Outcome {
        ends: String,
        compile: (Duration, usize),
        run: (Duration, usize),
    }

    /// Does something; how long it took and how much memory on top of what there was.
    fn measured<T>(what: impl FnOnce() -> T) -> (T, (Duration, usize)) {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let began = Instant::now();
        let result = what();
        let took = began.elapsed();
        (result, (took, MEMORY.peak_usage().saturating_sub(before)))
    }

    fn outcome(text: &str, context: &Json, limits: Limits) -> Outcome {
        let file = Sources::default().add("policy.xml", text);
        let source = MappedText::verbatim(text, file.span(0..text.len()));
        let ((program, diagnostics), compile) =
            measured(|| compile(&source, &CompileOptions::default()));
        let Some(program) = program else {
            let ends = diagnostics.first().map(|first| first.message.clone()).unwrap_or_default();
            return Outcome { ends: format!("refused: {ends}"), compile, run: Default::default() };
        };
        let mut state = EvalState::new(Limits { memory: u64::MAX, ..Limits::default() });
        let mut host = FixedHost::from_json(context, &mut state).unwrap();
        let mut state = EvalState::new(limits);
        let (result, run) = measured(|| {
            let result = program.eval(&mut EvalCx { host: &mut host, state: &mut state });
            let ends = match result {
                Ok(value) => value.type_name(&state).unwrap_or_else(|| "null".to_owned()),
                Err(exception) => exception.message().chars().take(60).collect(),
            };
            drop(state);
            ends
        });
        Outcome { ends: result, compile, run }
    }

    #[test]
    fn programs_end_within_their_bounds() {
        let body = body();
        let context = json!({
            "request": { "method": "POST", "url": "https://h.example/", "body": body },
            "variables": { "long": "x".repeat(1 << 20), "pattern": "^((a+)+|(a|aa)*)$" }
        });
        // The declarations are read once.
        let _ = outcome("@(context.Request.Method)", &context, Limits::default());
        let mut out = std::io::stdout();
        writeln!(out, "| program | ends with | checked in ms | MiB | run in ms | MiB |").unwrap();
        writeln!(out, "|---|---|---:|---:|---:|---:|").unwrap();
        let mut wrong = Vec::new();
        for (name, text) in programs() {
            let Outcome { ends, compile, run } = outcome(&text, &context, limits(name));
            let bound = usize::try_from(limits(name).memory).unwrap() * FACTOR;
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            let mib = |bytes: usize| bytes / 100 * 100 / (1 << 20);
            writeln!(
                out,
                "| {name} | {ends} | {:.0} | {} | {:.0} | {} |",
                ms(compile.0),
                mib(compile.1),
                ms(run.0),
                mib(run.1)
            )
            .unwrap();
            let slow = compile.0 > LONGEST || run.0 > LONGEST;
            if slow || compile.1 > CHECKING || run.1 > bound {
                wrong.push(format!("{name}: {ends}, {compile:?}, {run:?}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Ten megabytes of JSON.
    fn body() -> String {
        let item = r#"{"id":12345,"name":"a name of an item","tags":["a","b","c"],"price":12.5,"nested":{"x":null}},"#;
        let items = item.repeat((10 << 20) / item.len());
        format!(r#"{{"items":[{}]}}"#, items.trim_end_matches(','))
    }
}
