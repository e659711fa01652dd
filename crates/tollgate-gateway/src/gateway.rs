//! A running gateway: load, serve, reload, stop.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tollgate_diagnostics::{Diagnostic, Sources, render};
use tollgate_engine::Clock as _;

use crate::adapters::Adapters;
use crate::config::{Config, Environment};
use crate::directory::{LoadCx, Loaded, Registry, load};
use crate::system::SystemClock;
use crate::telemetry::{LogControl, LogFormat, LogSettings, Redactor, SharedRedactor};
use crate::watch::Watch;
use crate::{ListenSettings, Snapshot};

/// What a gateway is started with.
#[derive(Clone)]
pub struct Setup {
    /// The policy directory.
    pub root: PathBuf,
    /// Policies that exist.
    pub registry: Registry,
    /// The environment.
    pub env: Arc<dyn Environment>,
    /// Listeners instead of the configured ones.
    pub listen: Option<ListenSettings>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("root", &self.root).finish_non_exhaustive()
    }
}

/// A gateway whose directory is loaded and that does not listen yet: the moment to set up logging.
#[derive(Debug)]
pub struct Prepared {
    setup: Setup,
    adapters: Adapters,
    snapshot: Snapshot,
    config: Config,
    /// Warnings of the load.
    pub diagnostics: Vec<Diagnostic>,
    /// The files they are about.
    pub sources: Sources,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// Settings that only show their fault at start.
    #[error("{0}")]
    Settings(String),
}

impl Prepared {
    /// Loads the directory. When it has an error, gives back all findings.
    pub async fn load(setup: Setup) -> Result<Self, Box<Loaded>> {
        let adapters = Adapters::new(&setup.env);
        match load_blocking(&setup, &adapters).await {
            Loaded { snapshot: Some(snapshot), config: Some(config), diagnostics, sources } => {
                take_over(&adapters, &config);
                Ok(Self { setup, adapters, snapshot, config, diagnostics, sources })
            }
            loaded => Err(Box::new(loaded)),
        }
    }

    /// How to log.
    pub fn log_settings(&self) -> LogSettings {
        log_settings(&self.config)
    }

    /// What masks secrets in log lines, now and after each reload.
    pub fn redactor(&self) -> Arc<SharedRedactor> {
        Arc::clone(&self.adapters.redactor)
    }
}

fn log_settings(config: &Config) -> LogSettings {
    let format = if config.log.json { LogFormat::Json } else { LogFormat::Text };
    LogSettings { format, level: config.log.level.clone() }
}

/// Puts a configuration into force where it is not part of the snapshot.
fn take_over(adapters: &Adapters, config: &Config) {
    adapters.redactor.store(Redactor::new(config.secrets.iter().map(|secret| secret.expose().as_str())));
    adapters.apply(config);
}

/// Loading reads files and compiles policies: not on a thread that serves requests.
async fn load_blocking(setup: &Setup, adapters: &Adapters) -> Loaded {
    let (setup, adapters) = (setup.clone(), adapters.clone());
    let loading = tokio::task::spawn_blocking(move || {
        let ports = |config: &Config| adapters.ports(config);
        load(&setup.root, &LoadCx { registry: setup.registry, env: &*setup.env, ports: &ports })
    });
    loading.await.unwrap_or_else(|_| Loaded {
        snapshot: None,
        config: None,
        diagnostics: Vec::new(),
        sources: Sources::default(),
    })
}
