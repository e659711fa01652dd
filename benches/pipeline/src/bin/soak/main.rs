//! Whether the gateway stays as it is: minutes of mixed load that keep it busy for a share of its processor's time, with a reload
//! every ten seconds, no request of which may fail, and memory that must not grow.
//!
//! The gateway has the first processor, load and backend the second. Requests begin when they are due, whatever became of those
//! before, as long as one of the connections is free, so a gateway that is slow for a moment gets more of them at once and not fewer.

mod backend;
mod load;
mod site;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tollgate_bench_pipeline::gateway::{Gateway, pin};

use load::{Load, Rate};
use site::Site;

const USAGE: &str =
    "usage: soak [--minutes 30] [--share 0.8] [--rate REQUESTS/S] [--growth 1] [BINARY]";

/// How often the directory changes.
const RELOAD: Duration = Duration::from_secs(10);
/// How long a change may take until an answer shows it.
const SEEN: Duration = Duration::from_secs(30);
/// How long the capacity is measured, after a while of getting warm.
const WARM: Duration = Duration::from_secs(5);
const MEASURE: Duration = Duration::from_secs(10);

/// How often the cost of a request is looked at, and what the newest look weighs beside those before.
const LOOK: Duration = Duration::from_millis(250);
const NEWEST: f64 = 0.2;

/// How long the gateway may take to end when it is told to.
const STOP: Duration = Duration::from_secs(30);

struct Options {
    minutes: f64,
    /// Of the processor's time.
    share: f64,
    /// Requests per second, instead of as many as keep that share busy.
    rate: Option<f64>,
    /// What memory may grow by after the warm-up, in per cent.
    growth: f64,
    binary: PathBuf,
}

impl Options {
    fn read() -> Result<Self> {
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/tollgate");
        let mut options =
            Self { minutes: 30.0, share: 0.8, rate: None, growth: 1.0, binary: default };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut number = || args.next().and_then(|it| it.parse().ok()).context(USAGE);
            match arg.as_str() {
                "--minutes" => options.minutes = number()?,
                "--share" => options.share = number()?,
                "--growth" => options.growth = number()?,
                "--rate" => options.rate = Some(number()?),
                flag if flag.starts_with('-') => bail!(USAGE),
                binary => options.binary = binary.into(),
            }
        }
        Ok(options)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::read()?;
    pin(1)?;
    let site = Site::new().await?;
    let root = site.root();
    let gateway = Gateway::start_on(Some(0), &options.binary, &root, &site.address).await?;
    let load = Arc::new(Load::new(&site)?);

    load.connect().await?;
    load.every_token().await?;
    load.closed(WARM).await?;
    let (before, began) = (gateway.cpu()?, Instant::now());
    let done = load.closed(MEASURE).await?;
    let (spent, elapsed) = (gateway.cpu()? - before, began.elapsed());
    let capacity = done as f64 / elapsed.as_secs_f64();
    println!(
        "capacity {capacity:.0} requests/s at {:.0} us of CPU each; the gateway had {:.0} % of its processor",
        spent.as_secs_f64() * 1e6 / done as f64,
        spent.as_secs_f64() / elapsed.as_secs_f64() * 100.0
    );
    // Requests that come when they are due come over more connections than those, and cost more.
    let (before, done) = (gateway.cpu()?, load.done());
    Arc::clone(&load).open(Rate::new(capacity / 2.0), MEASURE).await?;
    let each = (gateway.cpu()? - before).as_secs_f64() / (load.done() - done) as f64;
    println!(
        "at half of it {:.0} us each: what it can do is {:.0} requests/s",
        each * 1e6,
        1.0 / each
    );
    let minutes = Duration::from_secs_f64(options.minutes * 60.0);
    let rate = Rate::new(options.rate.unwrap_or(options.share / each));
    let share = options.rate.is_none().then_some(options.share);
    match share {
        Some(share) => println!("{:.0} % busy for {:.1} minutes", share * 100.0, options.minutes),
        None => println!("{:.0} requests/s for {:.1} minutes", rate.get(), options.minutes),
    }
    let sending = tokio::spawn(Arc::clone(&load).open(Arc::clone(&rate), minutes));
    let following = async {
        match share {
            Some(share) => follow(&gateway, &load, &rate, share, each).await,
            None => std::future::pending().await,
        }
    };
    let watched = tokio::select! {
        watched = watch(&gateway, &site, &load, &rate, minutes) => watched?,
        failed = following => return failed,
    };
    sending.await??;
    gateway.stop(STOP).await?;
    watched.judge(&load, options.growth)
}

/// Holds the gateway at this share of its processor: what a request costs changes by half and more with what else the machine
/// does, so that a fixed rate would be idleness at one time and overload at another. `each` is that cost in seconds at first.
/// Ends only with an error.
async fn follow(
    gateway: &Gateway,
    load: &Load,
    rate: &Rate,
    share: f64,
    mut each: f64,
) -> Result<()> {
    let mut looks = tokio::time::interval(LOOK);
    let (mut cpu, mut done) = (gateway.cpu()?, load.done());
    loop {
        looks.tick().await;
        let spent = (gateway.cpu()? - std::mem::replace(&mut cpu, gateway.cpu()?)).as_secs_f64();
        let answered = load.done() - std::mem::replace(&mut done, load.done());
        if answered > 0 {
            each += (spent / answered as f64 - each) * NEWEST;
        }
        rate.set(share / each);
    }
}

/// What was seen of the gateway meanwhile.
#[derive(Default)]
struct Watched {
    /// Resident memory in KiB, every second.
    resident: Vec<u64>,
    /// Files and threads when it was warm, and at the end.
    at_first: (usize, usize),
    at_last: (usize, usize),
    reloads: usize,
    /// Changes that were not seen in time, and the last of them.
    unseen: usize,
    missed: usize,
}

/// Changes the directory again and again, and looks at the gateway every second.
async fn watch(
    gateway: &Gateway,
    site: &Site,
    load: &Load,
    rate: &Rate,
    time: Duration,
) -> Result<Watched> {
    let began = Instant::now();
    let mut watched = Watched::default();
    let mut changes: Vec<Instant> = Vec::new();
    let mut changed = Instant::now();
    let mut cpu = gateway.cpu()?;
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    while began.elapsed() < time {
        every_second.tick().await;
        watched.resident.push(gateway.resident()?);
        watched.at_last = gateway.files_and_threads()?;
        if watched.resident.len() == warm_up(time) {
            watched.at_first = watched.at_last;
        }
        // The oldest change that no answer has shown yet; each is missed once.
        let oldest = load.generation().max(watched.missed);
        if changes.get(oldest).is_some_and(|change| change.elapsed() > SEEN) {
            watched.missed = oldest + 1;
            watched.unseen += 1;
            println!("change {} was not seen", watched.missed);
        }
        if changed.elapsed() >= RELOAD {
            let (files, threads) = watched.at_last;
            let spent = gateway.cpu()? - std::mem::replace(&mut cpu, gateway.cpu()?);
            println!(
                "{:5.0} s  {}  {:5.0}/s  {:3.0} % busy  {:6} KiB  {files} files  {threads} threads  generation {}",
                began.elapsed().as_secs_f64(),
                load.so_far(),
                rate.get(),
                spent.as_secs_f64() / changed.elapsed().as_secs_f64() * 100.0,
                watched.resident.last().copied().unwrap_or_default(),
                load.generation()
            );
            watched.reloads += 1;
            site.change(watched.reloads)?;
            changed = Instant::now();
            changes.push(changed);
        }
    }
    Ok(watched)
}

/// Seconds of the warm-up: a quarter of the time, five minutes at most.
fn warm_up(time: Duration) -> usize {
    (time.as_secs() / 4).min(300) as usize
}

impl Watched {
    /// Prints the result, and fails where it is not as it should be.
    fn judge(&self, load: &Load, growth_allowed: f64) -> Result<()> {
        let n = self.resident.len();
        let warm = warm_up(Duration::from_secs(n as u64));
        let window = (n / 10).max(1);
        let first = median(self.resident.get(warm..warm + window).context("too short")?);
        let last = median(self.resident.get(n - window..).context("too short")?);
        let most = self.resident.iter().max().copied().unwrap_or_default();
        let growth = (last as f64 / first as f64 - 1.0) * 100.0;
        let (failed, done) = (load.failed(), load.done());
        println!("{done} requests, {failed} failed; {}", load.so_far());
        println!("{} reloads, {} not seen in time", self.reloads, self.unseen);
        println!(
            "memory {first} KiB after {warm} s, {last} KiB at the end ({growth:+.2} %), at most {most} KiB"
        );
        let ((files, threads), (files_then, threads_then)) = (self.at_last, self.at_first);
        println!(
            "files {files_then} then, {files} now; threads {threads_then} then, {threads} now"
        );
        for why in load.reasons() {
            println!("failed: {why}");
        }
        if failed > 0 || self.unseen > 0 || growth >= growth_allowed {
            bail!("it did not stay as it was");
        }
        Ok(())
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
