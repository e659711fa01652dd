//! Prints the table of ratios: `cargo run --release -- --table [shape]`. Criterion's report: `cargo bench`.

use std::time::{Duration, Instant};

use tollgate_bench_expressions::{Engine, Runner, SHAPES, runner};

/// How long one batch of evaluations takes, about.
const BATCH: Duration = Duration::from_millis(2);
/// How many batches each language gets for a shape, in turns.
const ROUNDS: usize = 31;

fn main() -> anyhow::Result<()> {
    let mut only = None;
    let mut repeat = None;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--table" => {}
            "--repeat" => repeat = args.next().and_then(|n| n.parse::<u64>().ok()),
            name => only = Some(name.to_owned()),
        }
    }
    if let Some(n) = repeat {
        return repeated(only.as_deref().unwrap_or_default(), n);
    }
    println!("| shape | share | ours, ns | CEL | Rhai | by hand |");
    println!("|---|---:|---:|---:|---:|---:|");
    let mut missed = Vec::new();
    for shape in SHAPES {
        if only.as_deref().is_some_and(|only| !shape.name.contains(only)) {
            continue;
        }
        let mut runners = Vec::new();
        for engine in Engine::ALL {
            runners.push((engine, runner(engine, shape)?));
        }
        let times = measure(&mut runners);
        let ours = times.first().copied().flatten().unwrap_or(f64::NAN);
        let mut row =
            format!("| {} | {:.1} % | {ours:.1} |", shape.name, f64::from(shape.share) / 10.0);
        for (engine, time) in Engine::ALL.iter().zip(&times).skip(1) {
            let ratio = time.map(|time| time / ours);
            row += &ratio.map_or(" – |".to_owned(), |ratio| format!(" {ratio:.2} |"));
            let bar = match engine {
                Engine::Cel => 1.0,
                Engine::Rhai => 2.0,
                Engine::Hand => 1.0 / 3.0,
                Engine::Ours => 0.0,
            };
            if ratio.is_some_and(|ratio| ratio < bar) {
                missed.push(format!("{} beside {}", shape.name, engine.name()));
            }
        }
        println!("{row}");
    }
    println!();
    println!("Ratios: the time of the other over ours. The bars: CEL 1, Rhai 2, by hand 0.33.");
    println!("–: the language cannot say it (random numbers from a seed; assignment in CEL).");
    if missed.is_empty() {
        println!("Every shape is within its bars.");
        return Ok(());
    }
    anyhow::bail!("not within its bar: {}", missed.join(", "))
}

/// The time of an evaluation in ns, the languages taking turns: of the fastest batch, because what another process takes
/// is nobody's.
fn measure(runners: &mut [(Engine, Option<Runner>)]) -> Vec<Option<f64>> {
    let counts: Vec<u32> = runners
        .iter_mut()
        .map(|(_, runner)| runner.as_mut().map_or(0, |run| batch_size(run)))
        .collect();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); runners.len()];
    for _ in 0..ROUNDS {
        for (((_, runner), count), times) in runners.iter_mut().zip(&counts).zip(&mut times) {
            let Some(run) = runner else { continue };
            let began = Instant::now();
            for _ in 0..*count {
                run();
            }
            times.push(began.elapsed().as_secs_f64() * 1e9 / f64::from(*count));
        }
    }
    times.into_iter().map(|times| times.into_iter().min_by(f64::total_cmp)).collect()
}

fn batch_size(run: &mut Runner) -> u32 {
    let mut count = 1;
    loop {
        let began = Instant::now();
        for _ in 0..count {
            run();
        }
        if began.elapsed() >= BATCH || count >= 1 << 24 {
            return count;
        }
        count *= 2;
    }
}

/// Evaluates one shape of ours many times, for a profiler.
fn repeated(name: &str, n: u64) -> anyhow::Result<()> {
    for shape in SHAPES.iter().filter(|shape| shape.name.contains(name)) {
        let Some(mut run) = runner(Engine::Ours, shape)? else { continue };
        for _ in 0..n {
            run();
        }
    }
    Ok(())
}
