//! A running gateway: load, serve, reload, stop.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::FutureExt as _;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};
use tollgate_diagnostics::{Diagnostic, Sources, has_errors, render};
use tollgate_engine::ports::Identities;
use tollgate_engine::{Clock as _, Secret};

use crate::adapters::{Adapters, backend_roots};
use crate::admin::{AdminServer, AdminState, Reload, serve_admin};
use crate::background::behind;
use crate::config::{Config, Environment, SecretReference};
use crate::directory::{LoadCx, Loaded, Registry, VaultSecrets, load};
use crate::key_vault::KeyVault;
use crate::server::{BoundAddresses, ListenCertificates, Server, ServerError, ServerParts, Stop};
use crate::state_homes::StateHomes;
use crate::system::SystemClock;
use crate::telemetry::{
    AccessLog, LogControl, LogFormat, LogSettings, Metrics, NoAccessLog, SharedRedactor,
};
use crate::watch::Watch;
use crate::wire::Connections;
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
    /// Began before the directory was read.
    watch: Watch,
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
    /// A listener of the data path.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The admin listener.
    #[error("cannot listen on {address}: {error}")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// A certificate of the HTTPS listener.
    #[error("the HTTPS listener has no usable certificate: {0}")]
    Certificates(String),
}

impl Prepared {
    /// Loads the directory. When it has an error, gives back all findings.
    pub async fn load(setup: Setup) -> Result<Self, Box<Loaded>> {
        let adapters = Adapters::new(&setup.env);
        let watch = Watch::new(&setup.root);
        match load_blocking(&setup, &adapters, Pace::AtOnce).await {
            Loaded { snapshot: Some(snapshot), config: Some(config), diagnostics, sources } => {
                mask(&adapters, config.secrets.iter());
                Ok(Self { setup, adapters, watch, snapshot, config, diagnostics, sources })
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

    /// What counts, log lines that are dropped included.
    pub fn metrics(&self) -> &Metrics {
        &self.adapters.metrics
    }

    /// Listens, and serves from now on. `log` is told when a reload changes the level.
    pub async fn start(self, log: Option<LogControl>) -> Result<Gateway, StartError> {
        let Self { setup, adapters, mut watch, snapshot, config, diagnostics, sources } = self;
        // Not before there is a log that can say what cannot be reached.
        adapters.apply(&config).await;
        let listen = setup.listen.clone().unwrap_or_else(|| config.listen.clone());
        let certificates = Arc::new(ListenCertificates::default());
        certificates
            .replace(&snapshot.listen_certificates)
            .map_err(|error| StartError::Certificates(error.to_string()))?;
        let names = Arc::clone(&snapshot.names);
        let site = Arc::new(ArcSwap::from_pointee(snapshot));
        let (resolver, budget) = (Arc::clone(&adapters.resolver), Arc::clone(&adapters.budget));
        let homes = Arc::new(StateHomes::shared(Arc::clone(&adapters.redis)));
        let connections = Arc::new(Connections::sharing(resolver, budget, homes));
        connections.trust(backend_roots(&config));
        let parts = ServerParts {
            site: Arc::clone(&site),
            connections: Arc::clone(&connections),
            certificates: Arc::clone(&certificates),
            access: log.as_ref().map_or_else(no_access_log, LogControl::access_log),
            metrics: Arc::clone(&adapters.metrics),
            otlp: Arc::clone(&adapters.otlp),
        };
        let server = Server::bind(&listen, parts).await?;
        let addresses = server.addresses();
        let admin = admin_state(&adapters, &config);
        admin.set_connections(Arc::clone(&connections));
        admin.set_server(server.status());
        admin.set_names(names);
        let admin_server = listen.admin.map(|address| bind_admin(address, &admin)).transpose()?;
        let bound =
            [addresses.http, addresses.https, admin_server.as_ref().map(AdminServer::address)];
        adapters.own_listeners.set(bound.into_iter().flatten().collect());
        watch.also_look_at(&config.files);
        let vault = VaultReads::new(&adapters, &config);
        let reloader = Arc::new(Reloader {
            setup,
            adapters,
            site,
            connections,
            certificates,
            admin,
            log,
            listen: config.listen.clone(),
            loaded: Notify::new(),
            state: Mutex::new(Generation {
                number: 1,
                vault,
                load_again: None,
                files: config.files,
                secrets: config.secrets,
            }),
        });
        reloader.report(Some(1), &diagnostics, &sources);
        let shown = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        let [http, https, admin] = bound.map(shown);
        tracing::info!(http, https, admin, "listening");
        let (stop, stopping) = watch::channel(Stop::No);
        let serving = tokio::spawn(server.run(stopping));
        let watching = [
            tokio::spawn(watch_directory(Arc::clone(&reloader), watch)),
            tokio::spawn(refresh_secrets(Arc::clone(&reloader))),
        ];
        Ok(Gateway { reloader, addresses, admin: admin_server, stop, serving, watching })
    }
}

fn no_access_log() -> Arc<dyn AccessLog> {
    Arc::new(NoAccessLog)
}

fn admin_state(adapters: &Adapters, config: &Config) -> Arc<AdminState> {
    let state = AdminState::new(
        Arc::clone(&adapters.metrics),
        Arc::clone(&adapters.identities),
        Arc::clone(&adapters.keys),
        Arc::clone(&adapters.redis),
        Arc::clone(&adapters.key_vault),
        Arc::clone(&adapters.redactor),
        Arc::new(SystemClock),
    );
    state.set_key(config.admin_key.clone());
    Arc::new(state)
}

fn bind_admin(address: SocketAddr, state: &Arc<AdminState>) -> Result<AdminServer, StartError> {
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        serve_admin(tokio::net::TcpListener::from_std(listener)?, Arc::clone(state))
    });
    bound.map_err(|error| StartError::Admin { address, error })
}

/// How long a stopping gateway waits for spans and metrics to leave.
const TELEMETRY_FLUSH: Duration = Duration::from_secs(5);

/// How long a stopping gateway waits for shared counters to be told what the last requests used.
const LAST_COMMANDS: Duration = Duration::from_secs(2);

/// How long a gateway waits for spans and metrics that is to stop at once.
const LAST_FLUSH: Duration = Duration::from_secs(1);

/// A gateway that serves. Dropping it stops nothing; call [`Gateway::stop`].
#[derive(Debug)]
pub struct Gateway {
    reloader: Arc<Reloader>,
    addresses: BoundAddresses,
    admin: Option<AdminServer>,
    stop: watch::Sender<Stop>,
    serving: JoinHandle<()>,
    /// What looks for changes.
    watching: [JoinHandle<()>; 2],
}

impl Gateway {
    /// Where plain HTTP is served.
    pub fn http(&self) -> Option<SocketAddr> {
        self.addresses.http
    }

    /// Where HTTPS is served.
    pub fn https(&self) -> Option<SocketAddr> {
        self.addresses.https
    }

    /// Where health, metrics and status are served.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminServer::address)
    }

    /// Loads the directory again. What is wrong is logged, and the old generation goes on serving.
    pub async fn reload(&self) {
        self.reloader.reload().await;
    }

    /// Stops: no new connections, not ready any more, and what is in flight ends within the time for it, or as soon as
    /// `at_once` is ready.
    pub async fn stop(mut self, at_once: impl Future<Output = ()>) {
        self.watching.iter().for_each(JoinHandle::abort);
        self.reloader.admin.drain();
        tracing::info!("stopping");
        let (began, grace) = (Instant::now(), self.reloader.site.load().timeouts.graceful_stop);
        self.stop.send_replace(Stop::Gracefully);
        let at_once = at_once.shared();
        let served = tokio::select! {
            served = &mut self.serving => served,
            () = at_once.clone() => {
                self.stop.send_replace(Stop::AtOnce);
                self.serving.await
            }
        };
        if served.is_err() {
            tracing::error!("the server ended before it was told to");
        }
        let Adapters { calls, loggers, otlp, redis, .. } = &self.reloader.adapters;
        tokio::select! {
            () = calls.drain(grace.saturating_sub(began.elapsed())) => {}
            () = at_once.clone() => calls.drain(Duration::ZERO).await,
        }
        redis.settle(LAST_COMMANDS).await;
        let hurry = async {
            at_once.await;
            tokio::time::sleep(LAST_FLUSH).await;
        };
        tokio::select! {
            _ = async { tokio::join!(loggers.flush(), otlp.stop(TELEMETRY_FLUSH)) } => {}
            () = hurry => tracing::warn!("events and telemetry that still wait are lost"),
        }
        tracing::info!("stopped");
        if let Some(log) = &self.reloader.log {
            log.flush();
        }
    }
}

/// Puts new generations into force.
struct Reloader {
    setup: Setup,
    adapters: Adapters,
    site: Arc<ArcSwap<Snapshot>>,
    connections: Arc<Connections>,
    certificates: Arc<ListenCertificates>,
    admin: Arc<AdminState>,
    log: Option<LogControl>,
    /// Listeners as they were when the gateway started.
    listen: ListenSettings,
    /// Told of each load, however it ended.
    loaded: Notify,
    /// One reload at a time.
    state: Mutex<Generation>,
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("setup", &self.setup).finish_non_exhaustive()
    }
}

/// The generation in force.
struct Generation {
    number: u64,
    /// What it reads from Key Vault.
    vault: VaultReads,
    /// When to try a later configuration again that lacks nothing but a secret of Key Vault.
    load_again: Option<Duration>,
    /// Files elsewhere that it was made from.
    files: Vec<PathBuf>,
    /// Its secrets.
    secrets: Vec<Secret<String>>,
}

/// What a generation reads from Key Vault, how often, and as whom.
#[derive(Clone)]
struct VaultReads {
    secrets: Vec<SecretReference>,
    interval: Duration,
    identities: Arc<dyn Identities>,
}

impl VaultReads {
    fn new(adapters: &Adapters, config: &Config) -> Self {
        Self {
            secrets: config.vault_secrets.clone(),
            interval: config.vault_refresh,
            identities: adapters.identities(config),
        }
    }
}

impl Reloader {
    /// Loads the directory again. Runs to its end wherever it is not dropped, which it is only when the gateway stops.
    async fn reload(&self) {
        let mut state = self.state.lock().await;
        let loaded = load_blocking(&self.setup, &self.adapters, Pace::Behind).await;
        state.load_again = None;
        match loaded {
            Loaded { snapshot: Some(snapshot), config: Some(config), diagnostics, sources } => {
                self.replace(&mut state, snapshot, config, &diagnostics, &sources).await;
            }
            Loaded { config, diagnostics, sources, .. } => {
                let lacks_secrets = |config: &Config| {
                    !self.adapters.key_vault.missing(&config.vault_secrets).is_empty()
                };
                let config = config.filter(lacks_secrets);
                state.load_again = config.map(|config| config.vault_refresh.min(VAULT_RETRY));
                tracing::error!(
                    errors = diagnostics.iter().filter(|found| found.is_error()).count(),
                    generation = state.number,
                    "reload failed; the old policies go on serving"
                );
                self.report(None, &diagnostics, &sources);
            }
        }
        self.loaded.notify_one();
    }

    /// Puts a generation into force.
    async fn replace(
        &self,
        state: &mut Generation,
        snapshot: Snapshot,
        config: Config,
        diagnostics: &[Diagnostic],
        sources: &Sources,
    ) {
        if let Err(error) = self.certificates.replace(&snapshot.listen_certificates) {
            tracing::error!(%error, "reload failed: a certificate of the HTTPS listener cannot be used");
            self.report(None, diagnostics, sources);
            return;
        }
        if self.setup.listen.is_none() && config.listen != self.listen {
            tracing::warn!("the listeners have changed; restart the gateway to move them");
        }
        // Secrets are masked before anything can say them, and those of the requests that still run stay masked.
        mask(&self.adapters, config.secrets.iter().chain(&state.secrets));
        // What the new policies rely on is there before they are.
        self.adapters.apply(&config).await;
        self.connections.trust(backend_roots(&config));
        self.admin.set_names(Arc::clone(&snapshot.names));
        let old = self.site.swap(Arc::new(snapshot));
        tokio::spawn(discard(old));
        self.adapters.key_vault.forget_others(&config.vault_secrets);
        self.admin.set_key(config.admin_key.clone());
        if let Some(log) = &self.log
            && let Err(why) = log.apply(&log_settings(&config))
        {
            tracing::warn!(%why, "the log level stays as it was");
        }
        state.number += 1;
        state.vault = VaultReads::new(&self.adapters, &config);
        state.files = config.files;
        state.secrets = config.secrets;
        self.report(Some(state.number), diagnostics, sources);
        tracing::info!(generation = state.number, "reloaded");
    }

    /// Logs what a load found and shows it on the admin listener.
    fn report(&self, generation: Option<u64>, diagnostics: &[Diagnostic], sources: &Sources) {
        let (shown, rest) = render::for_people(diagnostics);
        for found in shown {
            let text = render::human(found, sources);
            if found.is_error() {
                tracing::error!(code = found.code.as_str(), diagnostic = %text, "{}", found.message);
            } else {
                tracing::warn!(code = found.code.as_str(), diagnostic = %text, "{}", found.message);
            }
        }
        if let Some(rest) = rest {
            tracing::warn!("{rest}; the status has them all");
        }
        let json = serde_json::from_str(&render::json(diagnostics, sources)).unwrap_or_default();
        let unix_seconds = SystemClock.unix_seconds();
        self.admin.loaded(Reload { unix_seconds, generation, diagnostics: json });
    }
}

/// Frees a generation behind what is being served, as soon as the last of its requests has ended. One that goes on for long
/// frees it itself.
async fn discard(old: Arc<Snapshot>) {
    const LOOK: Duration = Duration::from_millis(100);
    const LOOKS: usize = 100;
    for _ in 0..LOOKS {
        if Arc::strong_count(&old) == 1 {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    behind("discard", move || drop(old)).await;
}

/// Reloads whenever the directory changes. Ends when it is aborted.
async fn watch_directory(reloader: Arc<Reloader>, mut watch: Watch) {
    loop {
        watch.changed().await;
        reloader.reload().await;
        watch.also_look_at(&reloader.state.lock().await.files);
    }
}

/// A vault that failed is asked again after this time, when it is not asked anyway.
const VAULT_RETRY: Duration = Duration::from_mins(1);

/// Reads the secrets of Key Vault again and again, and reloads when one has changed; and loads again what did not load
/// for want of one. Ends when it is aborted.
async fn refresh_secrets(reloader: Arc<Reloader>) {
    let mut last = Instant::now();
    let mut failed = false;
    loop {
        let (reads, load_again) = {
            let state = reloader.state.lock().await;
            (state.vault.clone(), state.load_again)
        };
        let pause = if failed { reads.interval.min(VAULT_RETRY) } else { reads.interval };
        tokio::select! {
            () = reloader.loaded.notified() => continue,
            () = tokio::time::sleep(load_again.unwrap_or_default()), if load_again.is_some() => {
                reloader.reload().await;
                continue;
            }
            () = tokio::time::sleep_until(last + pause), if !reads.secrets.is_empty() => {}
        }
        let vault = &reloader.adapters.key_vault;
        let refreshed = vault.refresh(&*reads.identities, &reads.secrets).await;
        (last, failed) = (Instant::now(), refreshed.failed);
        if refreshed.changed {
            tracing::info!("a secret of Key Vault has changed");
            reloader.reload().await;
        }
    }
}

fn log_settings(config: &Config) -> LogSettings {
    let format = if config.log.json { LogFormat::Json } else { LogFormat::Text };
    LogSettings { format, level: config.log.level.clone() }
}

/// Masks these secrets in everything that is shown.
fn mask<'a>(adapters: &Adapters, secrets: impl Iterator<Item = &'a Secret<String>>) {
    adapters.redactor.know(secrets.map(|secret| secret.expose().as_str()));
}

/// How loading is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Nothing is served before.
    AtOnce,
    /// Behind what is being served.
    Behind,
}

/// Loads the directory with what it needs of Key Vault. What was fetched before is not fetched again: that is done at its
/// own time.
async fn load_blocking(setup: &Setup, adapters: &Adapters, pace: Pace) -> Loaded {
    let loaded = read_blocking(setup, adapters, pace, |vault| Box::new(vault.at_hand())).await;
    let Some(config) = &loaded.config else { return loaded };
    let missing = adapters.key_vault.missing(&config.vault_secrets);
    if missing.is_empty() || has_errors(&loaded.diagnostics) {
        return loaded;
    }
    // The way to the vault may be a proxy or an authority that this configuration is the first to name. Should it not load
    // in the end, the one in force has its own way back.
    let before = adapters.fetcher.settings();
    adapters.apply_egress(config);
    adapters.key_vault.provide(&*adapters.identities(config), &missing).await;
    let loaded = read_blocking(setup, adapters, pace, |vault| Box::new(vault)).await;
    if loaded.snapshot.is_none() {
        adapters.fetcher.apply(before);
    }
    loaded
}

/// Loading reads files and compiles policies: not on a thread that serves requests.
async fn read_blocking(
    setup: &Setup,
    adapters: &Adapters,
    pace: Pace,
    vault: fn(&KeyVault) -> Box<dyn VaultSecrets + '_>,
) -> Loaded {
    let (setup, adapters) = (setup.clone(), adapters.clone());
    let reading = move || {
        let ports = |config: &Config| adapters.ports(config);
        let cx = LoadCx {
            registry: setup.registry,
            env: &*setup.env,
            ports: &ports,
            vault: &*vault(&adapters.key_vault),
            calls: Some(&adapters.calls),
            breakers: &adapters.breakers,
            own_listeners: &adapters.own_listeners,
        };
        load(&setup.root, &cx)
    };
    let loaded = match pace {
        Pace::AtOnce => tokio::task::spawn_blocking(reading).await.ok(),
        Pace::Behind => behind("reload", reading).await,
    };
    loaded.unwrap_or_else(|| Loaded {
        snapshot: None,
        config: None,
        diagnostics: Vec::new(),
        sources: Sources::default(),
    })
}
