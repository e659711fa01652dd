//! Whether a request costs the same however much is loaded: instructions of the gateway per request, counted by callgrind, with
//! more and more policy documents and subscriptions. Needs valgrind.
//!
//! `instructions [BINARY [apis|operations|subscriptions [FOLDER]]]`; what callgrind has counted is left in the folder, for
//! `callgrind_annotate`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tollgate_bench_pipeline::backends::{Manner, backend};
use tollgate_bench_pipeline::gateway::Gateway;
use tollgate_bench_pipeline::http1::Connection;
use tollgate_bench_pipeline::{directory, free_address};

/// Requests before the instructions are counted, and of each count. The median of some counts is taken, because the gateway also
/// looks at its files every ten seconds, which are many here.
const WARM_UP: usize = 300;
const REQUESTS: usize = 400;
const COUNTS: usize = 5;

/// What the most may cost beside the least.
const FLAT: f64 = 1.02;

/// The processor that valgrind makes is slow.
const START: Duration = Duration::from_mins(3);

#[tokio::main]
async fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/tollgate");
    let binary = std::env::args_os().nth(1).map_or(default, PathBuf::from);
    let only = std::env::args().nth(2);
    let folder = std::env::args_os().nth(3).map(PathBuf::from);
    let backend = format!("http://{}", backend(Manner::Answer(600, Duration::ZERO)).await?);
    let rows = [
        (Loaded::Apis, [1, 10, 100, 1_000]),
        (Loaded::Operations, [1, 10, 100, 1_000]),
        (Loaded::Subscriptions, [10, 100, 1_000, 10_000]),
    ];
    let mut steep = Vec::new();
    for (loaded, counts) in rows {
        if only.as_deref().is_some_and(|only| only != loaded.name()) {
            continue;
        }
        let mut figures = Vec::new();
        for n in counts {
            let kept = folder.as_ref().map(|it| it.join(format!("{}-{n}", loaded.name())));
            let each = measure(&binary, &backend, loaded, n, kept.as_deref()).await?;
            figures.push(each);
            let ratio = each / figures.first().copied().unwrap_or(each);
            println!(
                "{n:6} {:<14} {each:9.0} instructions per request, {ratio:.4} of the first",
                loaded.name()
            );
        }
        let (least, most) = figures
            .iter()
            .fold((f64::MAX, 0.0_f64), |(least, most), each| (least.min(*each), most.max(*each)));
        if most / least > FLAT {
            steep.push(format!("{}: {:.4}", loaded.name(), most / least));
        }
    }
    if steep.is_empty() {
        println!("flat within {:.0} %", (FLAT - 1.0) * 100.0);
        return Ok(());
    }
    bail!("not flat: {}", steep.join(", "))
}

/// What there are many of.
#[derive(Debug, Clone, Copy)]
enum Loaded {
    /// APIs, each with a document of its own and three operations.
    Apis,
    /// Operations of one API, each with a document of its own.
    Operations,
    /// Subscriptions, each with two keys.
    Subscriptions,
}

impl Loaded {
    fn name(self) -> &'static str {
        match self {
            Self::Apis => "apis",
            Self::Operations => "operations",
            Self::Subscriptions => "subscriptions",
        }
    }

    /// Writes a directory with so many, and gives the request for the one in the middle.
    fn write(self, root: &Path, address: &str, backend: &str, n: usize) -> Result<String> {
        let admin = free_address()?;
        let mut config = format!(
            "[listen]\nhttp = \"{address}\"\nadmin = \"{admin}\"\n\n[log]\nlevel = \"warn\"\n\n\
             [limits]\nrequests-per-connection = 1000000\n\n[backends.model]\nurl = \"{backend}\"\n"
        );
        let file = |path: String, text: &str| -> Result<()> {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(root))?;
            Ok(std::fs::write(path, text)?)
        };
        file("fragments/shared.xml".to_owned(), directory::FRAGMENT)?;
        let (n_apis, n_operations, n_subscriptions) = match self {
            Self::Apis => (n, 3, 10),
            Self::Operations => (1, n, 10),
            Self::Subscriptions => (1, 3, n),
        };
        for api in (0..n_apis).map(nth) {
            write!(
                config,
                "\n[apis.api-{api}]\npath = \"team-{api}/models\"\nbackend = \"model\"\n"
            )?;
            file(format!("apis/api-{api}/policy.xml"), &directory::fifteen("api"))?;
            for operation in (0..n_operations).map(nth) {
                write!(
                    config,
                    "\n[apis.api-{api}.operations.op-{operation}]\nmethod = \"POST\"\n\
                     url-template = \"/deployments/{{deployment}}/kind-{operation}\"\n"
                )?;
                if matches!(self, Self::Operations) {
                    let path = format!("apis/api-{api}/operations/op-{operation}.xml");
                    file(path, &directory::fifteen("operation"))?;
                }
            }
        }
        for subscription in 0..n_subscriptions {
            write!(
                config,
                "\n[subscriptions.s-{subscription}]\nall-apis = true\nkeys = [{{ value = \"{}\", development = true }}, {{ value = \"{}\", development = true }}]\n",
                key(subscription, 'a'),
                key(subscription, 'b')
            )?;
        }
        file("tollgate.toml".to_owned(), &config)?;
        Ok(format!(
            "POST /team-{}/models/deployments/gpt-4o/kind-{}?api-version=2024-10-21 HTTP/1.1\r\nhost: {address}\r\n\
             content-type: application/json\r\nx-team: blue\r\nocp-apim-subscription-key: {}\r\ncontent-length: 2\r\n\r\n{{}}",
            nth(n_apis / 2),
            nth(n_operations / 2),
            key(n_subscriptions / 2, 'a')
        ))
    }
}

/// A number of so many digits that every request is as long as any other.
fn nth(n: usize) -> String {
    format!("{n:04}")
}

fn key(subscription: usize, which: char) -> String {
    format!("{which}{subscription:031}")
}

/// Instructions per request, counted in a file that is kept or not.
async fn measure(
    binary: &Path,
    backend: &str,
    loaded: Loaded,
    n: usize,
    kept: Option<&Path>,
) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let address = free_address()?;
    let policies = folder.path().join("policies");
    let request = loaded.write(&policies, &address, backend, n)?;
    let counts = kept.map_or_else(|| folder.path().join("counts"), Path::to_owned);
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=no"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(binary)
        .arg("run")
        .arg(&policies);
    let gateway = Gateway::start_by(command, &address, START).await?;
    let mut client = Connection::open(&address).await?;
    send(&mut client, &request, WARM_UP).await?;
    control(&gateway, &["-i", "on"])?;
    for _ in 0..COUNTS {
        send(&mut client, &request, REQUESTS).await?;
        control(&gateway, &["-d"])?;
    }
    control(&gateway, &["-i", "off"])?;
    gateway.stop(START).await?;
    let mut totals = (1..=COUNTS)
        .map(|part| total(Path::new(&format!("{}.{part}", counts.display()))))
        .collect::<Result<Vec<_>>>()?;
    totals.sort_unstable();
    let median = totals.get(COUNTS / 2).copied().unwrap_or_default();
    Ok(median as f64 / REQUESTS as f64)
}

/// Instructions that a file of callgrind has.
fn total(counts: &Path) -> Result<u64> {
    let text = std::fs::read_to_string(counts).context("callgrind has written nothing")?;
    let mut totals = text.lines().filter_map(|line| line.strip_prefix("totals:"));
    let total = totals.next().and_then(|total| total.trim().parse().ok());
    total.context("callgrind has counted nothing")
}

async fn send(client: &mut Connection, request: &str, n: usize) -> Result<()> {
    for _ in 0..n {
        let answer = client.exchange(request.as_bytes()).await?;
        ensure!(answer.status == 200, "status {}", answer.status);
    }
    Ok(())
}

/// Tells callgrind what to do.
fn control(gateway: &Gateway, what: &[&str]) -> Result<()> {
    let done = Command::new("callgrind_control").args(what).arg(gateway.id().to_string()).output();
    let done = done.context("callgrind_control does not run")?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
