//! What happens beyond saturation: the gateway on one core, this program on another.
//!
//! For two directories, one that passes requests through and one with sixty policies: what the gateway can do; three times of
//! that for a minute; and whether everything is as before a second later. Then a backend that takes a second, with three times
//! as many requests as are let in.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use tollgate_bench_pipeline::backends::{Manner, backend};
use tollgate_bench_pipeline::directory::{self, KEY};
use tollgate_bench_pipeline::free_address;
use tollgate_bench_pipeline::gateway::{Gateway, pin};
use tollgate_bench_pipeline::load::{Answered, Outcome, as_fast_as_possible, at_rate, quantiles};

/// How much more than the gateway can do.
const TIMES: f64 = 3.0;

/// Connections over which its capacity is found and half of it is asked for: the same, because a request costs half as much again
/// where 256 of them are busy instead of 64 (in proxies of C likewise: no cache holds what they touch), and half of what 64 can get
/// would keep 256 busy for long once they are.
const CONNECTIONS: usize = 256;

/// Most connections of the overload.
const MOST: usize = 8_000;

/// Requests in flight while the backend is slow.
const IN_FLIGHT: usize = 2_000;

/// The first seconds, which are told one by one.
const SECONDS: u32 = 3;

const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You answer in one sentence and never apologise."},{"role":"user","content":"Name three rivers of Europe that flow into the Black Sea, and say in which country each of them has its source."}],"temperature":0.2,"max_tokens":200}"#;

fn main() -> Result<()> {
    // The runtime's threads are to inherit it.
    pin(1)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/tollgate");
    let mut arguments = std::env::args_os().skip(1);
    let binary = arguments.next().map_or(default, PathBuf::from);
    let seconds = arguments.next().map_or(Ok(60), |it| it.to_string_lossy().parse())?;
    let time = Duration::from_secs(seconds);
    for (name, sixty) in [("pass-through", false), ("sixty policies", true)] {
        let measured =
            Measured::start(&binary, Manner::Answer(600, Duration::ZERO), sixty, "").await?;
        measured.fast_backend(name, time).await?;
    }
    let slow = Manner::Answer(600, Duration::from_secs(1));
    let limit = format!("requests = {IN_FLIGHT}\n");
    Measured::start(&binary, slow, false, &limit).await?.slow_backend(time / 3).await
}

struct Measured {
    gateway: Gateway,
    address: String,
    request: Arc<[u8]>,
    _directory: tempfile::TempDir,
}

impl Measured {
    async fn start(binary: &Path, manner: Manner, sixty: bool, limits: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (address, admin) = (free_address()?, free_address()?);
        let url = format!("http://{}", backend(manner).await?);
        directory::write(folder.path(), &address, &admin, &url, sixty)?;
        let file = folder.path().join("tollgate.toml");
        let config =
            std::fs::read_to_string(&file)?.replace("[limits]\n", &format!("[limits]\n{limits}"));
        std::fs::write(&file, config)?;
        let key =
            if sixty { format!("ocp-apim-subscription-key: {KEY}\r\n") } else { String::new() };
        let request = format!(
            "POST /measured/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nx-team: blue\r\n{key}content-length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        let gateway = Gateway::start_on(Some(0), binary, folder.path(), &address).await?;
        Ok(Self { gateway, address, request: request.into_bytes().into(), _directory: folder })
    }

    async fn fast_backend(&self, name: &str, time: Duration) -> Result<()> {
        let warm = Duration::from_secs(3);
        as_fast_as_possible(&self.address, &self.request, CONNECTIONS, warm).await?;
        let most = as_fast_as_possible(&self.address, &self.request, CONNECTIONS, warm * 2).await?;
        let capacity = most.rate();
        println!(
            "{name}: {capacity:.0} requests/s over {CONNECTIONS} connections, {}",
            quantiles(&most.ok)
        );
        self.half("before", capacity, CONNECTIONS).await?;
        let before = self.gateway.resident()?;
        let (cpu, rate) = (self.gateway.cpu()?, TIMES * capacity);
        let outcome = self.over(rate, 0..MOST, time).await?;
        println!(
            "  at {TIMES} times of it for {} s: {:.2} of the capacity answered with 200, {:.2} of a core busy",
            time.as_secs(),
            outcome.rate() / capacity,
            (self.gateway.cpu()? - cpu).as_secs_f64() / outcome.time.as_secs_f64()
        );
        tell(&outcome);
        self.afterwards(before, capacity, CONNECTIONS).await
    }

    async fn slow_backend(&self, time: Duration) -> Result<()> {
        let before = self.gateway.resident()?;
        let outcome = self.over(TIMES * IN_FLIGHT as f64, 0..MOST, time).await?;
        println!(
            "a backend that takes a second, {IN_FLIGHT} requests in flight, {TIMES} times as many for {} s: {:.0} requests/s answered with 200",
            time.as_secs(),
            outcome.rate()
        );
        tell(&outcome);
        self.afterwards(before, IN_FLIGHT as f64, IN_FLIGHT).await
    }

    /// Says what memory it took, and what a second later becomes of half of what it can do.
    async fn afterwards(&self, before: u64, capacity: f64, kept: usize) -> Result<()> {
        let peak = self.gateway.peak()?;
        println!("    memory {} MiB before, at most {} MiB", before >> 10, peak >> 10);
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.half("a second after", capacity, kept).await
    }

    async fn over(&self, rate: f64, connections: Range<usize>, time: Duration) -> Result<Outcome> {
        at_rate(&self.address, &self.request, rate, connections, time).await
    }

    /// Half of what it can do is done without a refusal, over connections that are kept.
    async fn half(&self, when: &str, capacity: f64, kept: usize) -> Result<()> {
        let outcome = self.over(capacity / 2.0, kept..kept, Duration::from_secs(5)).await?;
        println!(
            "  half of it {when}: {:.0} requests/s with 200, {} refused, {} failed, {} not sent; {}; this program at most {:.1} ms late",
            outcome.rate(),
            outcome.shed.len(),
            outcome.other,
            outcome.unsent,
            quantiles(&outcome.ok),
            outcome.late.as_secs_f64() * 1e3
        );
        Ok(())
    }
}

fn tell(outcome: &Outcome) {
    println!("    200: {} answers, {}", outcome.ok.len(), quantiles(&outcome.ok));
    by_second(&outcome.ok);
    println!(
        "    503: {} answers with Retry-After, {}",
        outcome.shed.len(),
        quantiles(&outcome.shed)
    );
    by_second(&outcome.shed);
    println!(
        "    other answers and broken connections: {}; not sent, because all connections waited: {}; connections: {}",
        outcome.other, outcome.unsent, outcome.connections
    );
}

/// The first seconds, in which the gateway has yet to see that it is overloaded, and all that follow.
fn by_second(answers: &[Answered]) {
    for second in 0..=SECONDS {
        let of_it = |it: &&Answered| (it.due / 1_000_000).min(SECONDS) == second;
        let of_it: Vec<_> = answers.iter().filter(of_it).collect();
        let name = if second < SECONDS { "in" } else { "from" };
        println!(
            "      {name} second {}: {} answers, {}",
            second + 1,
            of_it.len(),
            quantiles(of_it.iter().copied())
        );
    }
}
