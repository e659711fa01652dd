//! The adapters of the engine's ports, put together. They outlive reloads: keys, tokens and connections belong to what
//! they are for, not to a generation of the configuration.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::Ports;
use tollgate_engine::ports::Identities;

use crate::authorizations::AuthorizationPool;
use crate::breaker::Breakers;
use crate::cache::Caches;
use crate::calls::{CallParts, CallPool, CallSettings};
use crate::certificates;
use crate::config::{CACHE_SIZE, Config, Environment, IdentityConfig, KeysConfig};
use crate::counters::GatewayCounters;
use crate::events::PolicyEvents;
use crate::fetch::{
    AddressGuard, CachingResolver, FetchSettings, Fetcher, OwnListeners, Resolve, ResolverSettings,
    SystemResolver,
};
use crate::identity::{
    self, IdentityKind, IdentityParts, IdentityPool, IdentitySettings, Surroundings,
};
use crate::key_vault::KeyVault;
use crate::keys::{KeyParts, KeyPool, KeySettings};
use crate::loggers::{LoggerPool, LoggerSettings};
use crate::redis::Redis;
use crate::semantic_cache::SemanticCaches;
use crate::system::{NoTrace, RuntimeTasks, SystemClock, SystemRandomness};
use crate::telemetry::{Metrics, Otlp, SharedRedactor};
use crate::wire::{Budget, system_root_certificates};

/// Everything that reaches the outside for one gateway.
#[derive(Debug, Clone)]
pub(crate) struct Adapters {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) fetcher: Arc<Fetcher>,
    pub(crate) authorizations: Arc<AuthorizationPool>,
    pub(crate) calls: Arc<CallPool>,
    /// What all buffered bodies hold.
    pub(crate) budget: Arc<Budget>,
    pub(crate) identities: Arc<IdentityPool>,
    pub(crate) keys: Arc<KeyPool>,
    pub(crate) redis: Arc<Redis>,
    pub(crate) caches: Arc<Caches>,
    pub(crate) semantic_caches: Arc<SemanticCaches>,
    pub(crate) counters: Arc<GatewayCounters>,
    pub(crate) key_vault: Arc<KeyVault>,
    pub(crate) loggers: Arc<LoggerPool>,
    pub(crate) breakers: Arc<Breakers>,
    pub(crate) metrics: Arc<Metrics>,
    /// What no policy may call, as soon as it is known.
    pub(crate) own_listeners: OwnListeners,
    pub(crate) redactor: Arc<SharedRedactor>,
    pub(crate) otlp: Arc<Otlp>,
}

impl Adapters {
    /// Adapters that nothing has asked anything yet.
    pub(crate) fn new(env: &Arc<dyn Environment>) -> Self {
        let system: Arc<dyn Resolve> = Arc::new(SystemResolver);
        let resolver: Arc<dyn Resolve> =
            Arc::new(CachingResolver::new(system, ResolverSettings::default()));
        let fetcher = Arc::new(Fetcher::new(FetchSettings::default(), Arc::clone(&resolver)));
        let metrics = Arc::new(Metrics::new());
        let variables = Arc::clone(env);
        let identities = IdentityPool::new(IdentityParts {
            fetcher: Arc::clone(&fetcher),
            environment: identity::Environment::new(move |name| variables.var(name)),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            metrics: Arc::clone(&metrics),
        });
        let parts = KeyParts {
            fetcher: Arc::clone(&fetcher),
            randomness: Arc::new(SystemRandomness),
            metrics: Arc::clone(&metrics),
        };
        let around = Surroundings {
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            metrics: Arc::clone(&metrics),
        };
        let authorizations = Arc::new(AuthorizationPool::new(Arc::clone(&fetcher), around));
        let redactor = Arc::new(SharedRedactor::default());
        let (fetch, counted) = (Arc::clone(&fetcher), Arc::clone(&metrics));
        let otlp = Arc::new(Otlp::new(fetch, counted, Arc::clone(&redactor)));
        let budget = Arc::<Budget>::default();
        let calls = CallPool::new(CallParts {
            fetcher: Arc::clone(&fetcher),
            budget: Arc::clone(&budget),
            metrics: Arc::clone(&metrics),
            otlp: Arc::clone(&otlp),
        });
        let keys = Arc::new(KeyPool::new(parts, KeySettings::default()));
        let redis = Arc::new(Redis::new(Arc::clone(&fetcher), Arc::clone(&metrics)));
        let caches = Arc::new(Caches::new(CACHE_SIZE, Arc::clone(&redis)));
        let semantic_caches =
            Arc::new(SemanticCaches::new(Arc::clone(&redis), Arc::clone(&metrics)));
        let counters = Arc::new(GatewayCounters::new(Arc::clone(&redis), Arc::clone(&metrics)));
        let (fetch, clock) = (Arc::clone(&fetcher), Arc::new(SystemClock));
        let key_vault = Arc::new(KeyVault::new(fetch, clock, Arc::clone(&metrics)));
        let loggers = Arc::new(LoggerPool::new(Arc::clone(&fetcher), Arc::clone(&metrics)));
        let breakers = Arc::new(Breakers::new(metrics.backends().clone()));
        Self {
            resolver,
            fetcher,
            authorizations,
            calls,
            budget,
            identities,
            keys,
            redis,
            caches,
            semantic_caches,
            counters,
            key_vault,
            loggers,
            breakers,
            metrics,
            own_listeners: OwnListeners::default(),
            redactor,
            otlp,
        }
    }

    /// The ports as a configuration wants them. Nothing that serves changes by it.
    pub(crate) fn ports(&self, config: &Config) -> Ports {
        Ports {
            keys: Arc::clone(&self.keys) as _,
            identities: self.identities(config),
            authorizations: Arc::new(self.authorizations.with(&config.connections)),
            cache: Arc::new(self.caches.with(config.redis.is_some())),
            semantic_cache: Arc::new(
                self.semantic_caches.with(config.semantic_cache, config.redis.is_some()),
            ),
            calls: Arc::new(self.calls.with(call_settings(config))),
            counters: Arc::clone(&self.counters) as _,
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            trace: Arc::new(NoTrace),
            events: Arc::new(self.events(config)),
            tasks: Arc::new(RuntimeTasks),
        }
    }

    /// The identities of a configuration.
    pub(crate) fn identities(&self, config: &Config) -> Arc<dyn Identities> {
        Arc::new(self.identities.with(identity_settings(&config.identity)))
    }

    fn events(&self, config: &Config) -> PolicyEvents {
        let logger =
            |settings: &LoggerSettings| (settings.name.clone(), self.loggers.logger(settings));
        PolicyEvents::new(Arc::clone(&self.metrics), config.loggers.iter().map(logger).collect())
    }

    /// Takes over the settings of a configuration that is now in force.
    pub(crate) async fn apply(&self, config: &Config) {
        self.keys.apply(key_settings(&config.keys));
        self.apply_egress(config);
        self.caches.resize(config.cache_size);
        self.semantic_caches.apply(config.semantic_cache, config.redis.as_ref());
        self.counters.apply(config.counters);
        self.otlp.apply(config.otlp.as_ref());
        self.redis.apply(config.redis.clone()).await;
    }

    /// Takes over how the gateway's own calls leave.
    pub(crate) fn apply_egress(&self, config: &Config) {
        if let Ok(settings) = fetch_settings(config, &self.own_listeners) {
            self.fetcher.apply(settings);
        }
    }
}

pub(crate) fn call_settings(config: &Config) -> CallSettings {
    CallSettings {
        timeout: config.timeouts.policy_request,
        body: config.limits.buffered_body,
        inflated_body: config.limits.inflated_body,
        buffers_total: config.limits.buffers_total,
        detached: config.limits.one_way_requests,
    }
}

fn identity_settings(config: &IdentityConfig) -> IdentitySettings {
    IdentitySettings {
        kind: match config.kind.as_str() {
            "environment" => IdentityKind::Environment,
            "workload" => IdentityKind::Workload,
            "managed" => IdentityKind::Managed,
            "cli" => IdentityKind::Cli,
            _ => IdentityKind::Auto,
        },
        client_id: config.client_id.clone(),
        allow_development: config.development,
        authority: config.authority.clone(),
        imds_endpoint: config.imds_endpoint.clone(),
        ..IdentitySettings::default()
    }
}

fn key_settings(config: &KeysConfig) -> KeySettings {
    KeySettings {
        lifetime: config.lifetime,
        cooldown: config.cool_down,
        stale: config.stale,
        allow_http: config.allow_http,
        ..KeySettings::default()
    }
}

/// What policies may not call: link-local addresses, and the gateway's own listeners.
pub(crate) fn address_guard(config: &Config, own: &OwnListeners) -> AddressGuard {
    AddressGuard::new(config.egress.allow_link_local.iter().cloned(), own.clone())
}

/// Roots to trust towards backends that name none: the system's and those of `[egress]`. `None` is the system's alone.
pub(crate) fn backend_roots(config: &Config) -> Option<Arc<Vec<Bytes>>> {
    config.egress.ca_file.as_ref()?;
    let own = egress_roots(config).ok()?;
    Some(Arc::new(system_root_certificates().into_iter().chain(own).collect()))
}

fn egress_roots(config: &Config) -> Result<Vec<Bytes>, String> {
    let Some((file, _)) = &config.egress.ca_file else { return Ok(Vec::new()) };
    certificates::read_bundle_file(file)
}

fn fetch_settings(config: &Config, own: &OwnListeners) -> Result<FetchSettings, String> {
    Ok(FetchSettings {
        roots: egress_roots(config)?,
        proxy: config.egress.proxy.clone(),
        addresses: address_guard(config, own),
        connect_timeout: Duration::from_secs(5),
    })
}

/// Says what of the egress settings cannot be used.
pub(crate) fn check_egress(config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    if let (Err(why), Some((_, span))) = (egress_roots(config), &config.egress.ca_file) {
        let message = format!("the file of `egress.ca-file` cannot be used: {why}");
        diagnostics.push(Diagnostic::new(Code::CONFIG_VALUE, message, *span).label("not usable"));
    }
}
