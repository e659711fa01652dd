//! What the admin listener shows.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use tollgate_engine::{Clock, Secret};

use crate::backend_pool::{BackendPool, Member};
use crate::breaker::{Breaker, BreakerState};
use crate::certificates::Validity;
use crate::identity::{IdentityPool, TokenStatus};
use crate::key_vault::{KeyVault, SecretStatus};
use crate::keys::{KeyPool, KeyStatus};
use crate::redis::{Redis, RedisStatus};
use crate::server::{LoadStatus, ServerStatus};
use crate::snapshot::SnapshotNames;
use crate::telemetry::{LoadMetrics, Metrics, SharedRedactor, Shed};
use crate::wire::Connections;

/// What the gateway says of itself. Whoever loads and stops the gateway tells it here.
pub struct AdminState {
    metrics: Arc<Metrics>,
    identities: Arc<IdentityPool>,
    keys: Arc<KeyPool>,
    redis: Arc<Redis>,
    key_vault: Arc<KeyVault>,
    redactor: Arc<SharedRedactor>,
    clock: Arc<dyn Clock>,
    admin_key: ArcSwapOption<Secret<String>>,
    connections: OnceLock<Arc<Connections>>,
    server: OnceLock<Arc<ServerStatus>>,
    names: ArcSwapOption<SnapshotNames>,
    told: Mutex<Told>,
    /// Held while the metrics are brought up to date and written, so that none is missing when two ask at a time.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Told {
    snapshot: Option<Loaded>,
    last_reload: Option<Reload>,
    is_draining: bool,
}

struct Loaded {
    generation: u64,
    unix_seconds: i64,
}

/// How a load of the configuration ended.
#[derive(Debug, Clone)]
pub struct Reload {
    /// When, in seconds since 1970.
    pub unix_seconds: i64,
    /// Generation that is in force by it; `None` when it failed and the old one stayed.
    pub generation: Option<u64>,
    /// What was found, as `tollgate check --format json` gives it.
    pub diagnostics: Value,
}

/// Why the gateway wants no requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// No configuration was loaded yet.
    Starting,
    /// It is stopping; requests under way may end.
    Draining,
}

impl fmt::Debug for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminState")
    }
}

impl AdminState {
    /// A gateway that has loaded nothing.
    pub fn new(
        metrics: Arc<Metrics>,
        identities: Arc<IdentityPool>,
        keys: Arc<KeyPool>,
        redis: Arc<Redis>,
        key_vault: Arc<KeyVault>,
        redactor: Arc<SharedRedactor>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (admin_key, told) = (ArcSwapOption::empty(), Mutex::default());
        let (connections, server) = (OnceLock::new(), OnceLock::new());
        let names = ArcSwapOption::empty();
        Self {
            metrics,
            identities,
            keys,
            redis,
            key_vault,
            redactor,
            clock,
            admin_key,
            connections,
            server,
            names,
            told,
            writing: Mutex::default(),
        }
    }

    /// Tells whose buffers the metrics speak of.
    pub fn set_connections(&self, connections: Arc<Connections>) {
        // The connections are made once a process, so a second call brings nothing new.
        self.connections.set(connections).ok();
    }

    /// Tells whose load the status and the metrics speak of.
    pub fn set_server(&self, server: Arc<ServerStatus>) {
        // Likewise.
        self.server.set(server).ok();
    }

    /// Tells which backends and certificates there are.
    pub fn set_names(&self, names: Arc<SnapshotNames>) {
        let ends = names.validities.iter().map(|(name, validity)| (name, validity.ends));
        self.metrics.certificates().replace(ends);
        self.names.store(Some(names));
    }

    /// Takes over the key of the configuration.
    pub fn set_key(&self, key: Option<Secret<String>>) {
        self.admin_key.store(key.filter(|key| !key.expose().is_empty()).map(Arc::new));
    }

    /// Takes over how a load ended, the first one included, and counts it.
    pub fn loaded(&self, reload: Reload) {
        self.metrics
            .reloaded(reload.generation.map(|generation| (generation, reload.unix_seconds)));
        let mut told = self.told.lock();
        if let Some(generation) = reload.generation {
            told.snapshot = Some(Loaded { generation, unix_seconds: reload.unix_seconds });
        }
        told.last_reload = Some(reload);
    }

    /// From now on the gateway is not ready any more.
    pub fn drain(&self) {
        self.told.lock().is_draining = true;
    }

    /// Whether the gateway wants requests.
    pub fn ready(&self) -> Result<(), NotReady> {
        let told = self.told.lock();
        match (told.is_draining, &told.snapshot) {
            (true, _) => Err(NotReady::Draining),
            (false, None) => Err(NotReady::Starting),
            (false, Some(_)) => Ok(()),
        }
    }

    /// All metrics in the text format of Prometheus.
    pub(super) fn metrics(&self) -> Result<String, fmt::Error> {
        let _writing = self.writing.lock();
        if let Some(connections) = self.connections.get() {
            let held = i64::try_from(connections.buffered_bytes()).unwrap_or(i64::MAX);
            self.metrics.buffered_bytes().set(held);
        }
        if let Some(server) = self.server.get() {
            let LoadStatus { queueing_delay, refused, .. } = server.load();
            self.metrics.load().measured(queueing_delay, refused);
        }
        let redis = self.redis.status();
        self.metrics.redis_connected(redis.is_some_and(|status| status.connected));
        if let Some(names) = self.names.load().as_ref() {
            let now = Instant::now();
            let is_open = |breaker: &Breaker| breaker.state(now) != BreakerState::Closed;
            let breakers = names.breakers();
            let breakers = breakers.iter().map(|(id, breaker)| (*id, is_open(breaker)));
            self.metrics.backends().breakers(breakers);
            let pools = names.pools();
            let available = |pool: &BackendPool| {
                pool.members().filter(|member| member.is_available(now)).count()
            };
            let pools = pools.iter().map(|pool| (&pool.id, available(pool)));
            self.metrics.backends().pools(pools);
        }
        self.metrics.encode()
    }

    /// Whether a caller may see the status. In constant time for keys of one length.
    pub(super) fn admits(&self, presented: Option<&str>, listener_is_loopback: bool) -> bool {
        match self.admin_key.load().as_ref() {
            Some(key) => {
                let presented = presented.unwrap_or_default().as_bytes();
                bool::from(key.expose().as_bytes().ct_eq(presented))
            }
            None => listener_is_loopback,
        }
    }

    /// Everything, with secrets masked.
    pub(super) fn status(&self) -> String {
        let now = self.clock.unix_seconds();
        let (ready, snapshot, last_reload) = {
            let told = self.told.lock();
            let snapshot = told.snapshot.as_ref().map(|loaded| {
                json!({
                    "generation": loaded.generation,
                    "loaded_at": loaded.unix_seconds,
                    "age_seconds": now.saturating_sub(loaded.unix_seconds),
                })
            });
            let last_reload = told.last_reload.as_ref().map(|reload| {
                json!({
                    "at": reload.unix_seconds,
                    "ok": reload.generation.is_some(),
                    "diagnostics": reload.diagnostics,
                })
            });
            (!told.is_draining && told.snapshot.is_some(), snapshot, last_reload)
        };
        let keys: Vec<_> = self.keys.status().iter().map(key_set).collect();
        let identities: Vec<_> =
            self.identities.status().iter().map(|token| identity(token, now)).collect();
        let secrets: Vec<_> =
            self.key_vault.status().iter().map(|secret| vault_secret(secret, now)).collect();
        let (names, instant) = (self.names.load(), Instant::now());
        let breakers: Vec<_> = names
            .iter()
            .flat_map(|names| names.breakers())
            .map(|(id, it)| breaker(id, it.state(instant)))
            .collect();
        let pools: Vec<_> =
            names.iter().flat_map(|names| names.pools()).map(|it| pool(it, instant)).collect();
        let certificates: Vec<_> = names
            .iter()
            .flat_map(|names| &names.validities)
            .map(|(name, validity)| certificate(name, *validity, now))
            .collect();
        let status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": ready,
            "load": self.server.get().map(|server| load(&server.load(), self.metrics.load())),
            "snapshot": snapshot,
            "last_reload": last_reload,
            "key_sets": keys,
            "identities": identities,
            "redis": self.redis.status().as_ref().map(redis),
            "key_vault": secrets,
            "certificates": certificates,
            "circuit_breakers": breakers,
            "backend_pools": pools,
        });
        self.redactor.load().redact(&status.to_string()).into_owned()
    }
}

fn load(now: &LoadStatus, so_far: &LoadMetrics) -> Value {
    json!({
        "connections": now.connections,
        "requests": now.requests,
        "queueing_delay_ms": now.queueing_delay.as_millis(),
        "refused_part": now.refused,
        "shed": {
            "requests": so_far.shed_so_far(Shed::requests),
            "queueing_delay": so_far.shed_so_far(Shed::queueing_delay),
        },
        "connections_refused": so_far.connections_refused_so_far(),
    })
}

fn key_set(status: &KeyStatus) -> Value {
    json!({
        "url": status.url,
        "issuer": status.issuer,
        "keys": status.n_keys,
        "generation": status.generation,
        "age_seconds": status.age.map(|age| age.as_secs()),
        "error": status.error,
    })
}

fn certificate(name: &str, validity: Validity, now: i64) -> Value {
    json!({
        "name": name,
        "expires_at": validity.ends,
        "expires_in_days": validity.days_left(now),
        "needs_attention": validity.concern(now).is_some(),
    })
}

/// Whole seconds, rounded up.
fn seconds_up(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn breaker(backend: &str, state: BreakerState) -> Value {
    let (state, left) = match state {
        BreakerState::Closed => ("closed", None),
        BreakerState::Open(left) => ("open", Some(seconds_up(left))),
        BreakerState::HalfOpen { .. } => ("half-open", None),
    };
    json!({ "backend": backend, "state": state, "open_seconds": left })
}

fn pool(pool: &BackendPool, now: Instant) -> Value {
    let member = |member: &Member| {
        json!({
            "backend": &*member.backend.id,
            "priority": member.priority,
            "weight": member.weight,
            "available": member.is_available(now),
        })
    };
    json!({ "pool": &*pool.id, "members": pool.members().map(member).collect::<Vec<_>>() })
}

fn redis(status: &RedisStatus) -> Value {
    json!({ "server": status.server, "connected": status.connected, "error": status.error })
}

fn vault_secret(status: &SecretStatus, now: i64) -> Value {
    json!({
        "url": status.url,
        "identity": status.identity,
        "age_seconds": status.fetched_at.map(|at| now.saturating_sub(at)),
        "error": status.error,
    })
}

fn identity(status: &TokenStatus, now: i64) -> Value {
    json!({
        "identity": status.identity,
        "resource": status.resource,
        "expires_in_seconds": status.expires_at.map(|at| at.saturating_sub(now)),
        "error": status.error,
    })
}
