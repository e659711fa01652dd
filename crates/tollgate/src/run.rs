//! `tollgate run`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tollgate_diagnostics::{Diagnostic, Sources, render};
use tollgate_gateway::telemetry::{LogQueue, log_dispatch};
use tollgate_gateway::{Gateway, Prepared, Setup};

use crate::registry::{ProcessEnvironment, REGISTRY};

/// Most sockets that a worker takes from the kernel at once, and how many tasks it runs before it asks again. Those that it
/// could not run until then would fill its queue and move to the one of all workers, to wait there while what comes later is
/// served; in the kernel they wait in their order.
const EVENTS: u8 = 61;

/// How many tasks a worker runs before it takes one from the queue of all workers, which holds what found no room in theirs:
/// new connections, when thousands come at once. By default that takes a fifth of a millisecond each, and some wait for
/// seconds. With one, a worker's own tasks would be those that wait.
const SHARED: u32 = 2;

/// What to run.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The policy directory.
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let setup = Setup {
        root: args.directory.clone(),
        registry: REGISTRY,
        env: Arc::new(ProcessEnvironment),
        listen: None,
    };
    runtime()?.block_on(serve(setup))
}

/// The runtime of a gateway.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .global_queue_interval(SHARED)
        .event_interval(EVENTS.into())
        .max_io_events_per_tick(EVENTS.into())
        .build()
}

async fn serve(setup: Setup) -> anyhow::Result<ExitCode> {
    let Some(gateway) = start(setup).await? else { return Ok(ExitCode::from(1)) };
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => gateway.reload().await,
            _ = terminate.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    let at_once = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    gateway.stop(at_once).await;
    Ok(ExitCode::SUCCESS)
}

/// Loads, sets up logging and starts; `None` when the directory has errors, which have then been printed.
pub(crate) async fn start(setup: Setup) -> anyhow::Result<Option<Gateway>> {
    let prepared = match Prepared::load(setup).await {
        Ok(prepared) => prepared,
        Err(loaded) => {
            print(&loaded.diagnostics, &loaded.sources);
            writeln!(
                std::io::stderr(),
                "the policy directory has errors; the gateway does not start"
            )
            .ok();
            return Ok(None);
        }
    };
    print(&prepared.diagnostics, &prepared.sources);
    raise_open_files();
    let queue = LogQueue::start(std::io::stdout(), prepared.metrics())?;
    let (dispatch, control) = log_dispatch(&prepared.log_settings(), prepared.redactor(), queue)
        .map_err(|why| anyhow::anyhow!("logging cannot be set up: {why}"))?;
    tracing::dispatcher::set_global_default(dispatch)?;
    Ok(Some(prepared.start(Some(control)).await?))
}

/// Lets the process open as many files as it may. Shells and service managers begin with 1,024, for the sake of programs that use
/// `select`; each request needs two.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // When it fails, there are as many as before.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}

/// Prints findings. A standard error that takes nothing, such as a full disc, stops nobody.
pub(crate) fn print(diagnostics: &[Diagnostic], sources: &Sources) {
    let mut out = std::io::stderr().lock();
    let (shown, rest) = render::for_people(diagnostics);
    for found in shown {
        writeln!(out, "{}\n", render::human(found, sources)).ok();
    }
    if let Some(rest) = rest {
        writeln!(out, "{rest}; `tollgate check --format json` has them all\n").ok();
    }
}
