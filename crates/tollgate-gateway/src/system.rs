//! The ports that need nothing but the operating system, and the ones of a load that must reach nothing.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tollgate_engine::counters::MemoryCounters;
use tollgate_engine::ports::{
    AccessToken, Answer, Authorizations, Cache, CacheKey, CachePlace, Call, CallError, Calls,
    Distance, Embedding, Identities, IdentityError, KeyError, KeySets, KeySource, Lease, Near,
    NoEvents, NoTasks, Refresh, SemanticCache, SemanticCacheSettings, SemanticCacheUnavailable,
    SemanticLookup, Tasks, TokenSource,
};
use tollgate_engine::{BoxFuture, Clock, Ports, Randomness, Response, TraceSink, jose::KeySet};
use uuid::Uuid;

use crate::config::Config;
use crate::semantic_cache::SemanticCacheConfig;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn ticks(&self) -> i64 {
        const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ticks = i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX);
        TICKS_AT_UNIX_EPOCH.saturating_add(ticks)
    }

    fn steady_ms(&self) -> i64 {
        static BEGAN: OnceLock<(Instant, i64)> = OnceLock::new();
        let (began, unix_ms) = BEGAN.get_or_init(|| (Instant::now(), self.unix_ms()));
        let passed = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        unix_ms.saturating_add(passed)
    }
}

/// Random numbers of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn next(&self) -> u64 {
        Uuid::new_v4().as_u64_pair().1.rotate_left(17) ^ Uuid::new_v4().as_u64_pair().0
    }
}

/// Tasks of the runtime that serves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RuntimeTasks;

impl Tasks for RuntimeTasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        // Without a runtime the process is ending, and nobody is left to be told.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Nobody listens to traces.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl TraceSink for NoTrace {
    fn enabled(&self) -> bool {
        false
    }

    fn message(&self, _: Uuid, _: &str, _: &str) {}
}

/// Ports for a load that is only checked: nothing is ever fetched.
pub fn offline_ports() -> Ports {
    Ports {
        keys: Arc::new(Offline),
        identities: Arc::new(Offline),
        cache: Arc::new(Offline),
        semantic_cache: Arc::new(Unkept(SemanticCacheConfig::default())),
        calls: Arc::new(Offline),
        authorizations: Arc::new(Named(Vec::new())),
        counters: Arc::new(MemoryCounters::new(Arc::new(SystemClock), 1)),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        trace: Arc::new(NoTrace),
        events: Arc::new(NoEvents),
        tasks: Arc::new(NoTasks),
    }
}

/// Likewise; the connections of the configuration are known by name.
pub fn ports_of_check(config: &Config) -> Ports {
    let names = config.connections.iter();
    let names = names.map(|known| (known.provider.clone(), known.id.clone())).collect();
    Ports {
        authorizations: Arc::new(Named(names)),
        semantic_cache: Arc::new(Unkept(config.semantic_cache)),
        ..offline_ports()
    }
}

/// A semantic cache that keeps nothing; what documents are judged by is the configuration's.
struct Unkept(SemanticCacheConfig);

impl SemanticCache for Unkept {
    fn nearest(
        &self,
        _: &CacheKey,
        _: &Embedding,
        _: Distance,
    ) -> BoxFuture<'static, Result<Option<Near>, SemanticCacheUnavailable>> {
        Box::pin(async { Ok(None) })
    }

    fn keep(&self, _: &CacheKey, _: &Embedding, _: Bytes, _: Duration) -> Answer<'static, ()> {
        Answer::Ready(())
    }

    fn largest(&self) -> usize {
        0
    }

    fn settings(&self) -> SemanticCacheSettings {
        self.0.settings()
    }

    fn looked_up(&self, _: SemanticLookup) {}
}

/// Connections by name.
struct Named(Vec<(String, String)>);

impl Authorizations for Named {
    fn connection(&self, provider: &str, id: &str) -> Option<Arc<dyn TokenSource>> {
        let is_known = self.connections().contains(&(provider, id));
        is_known.then(|| Arc::new(Offline) as Arc<dyn TokenSource>)
    }

    fn connections(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(provider, id)| (provider.as_str(), id.as_str())).collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Offline;

impl KeySets for Offline {
    fn source(&self, _: &str) -> Result<Arc<dyn KeySource>, KeyError> {
        Ok(Arc::new(Offline))
    }
}

impl KeySource for Offline {
    fn current(&self) -> Option<Arc<KeySet>> {
        None
    }

    fn refresh<'a>(&'a self, _: Refresh<'a>) -> BoxFuture<'a, Result<Arc<KeySet>, KeyError>> {
        Box::pin(async { Err(KeyError::Unavailable("nothing is fetched here".to_owned())) })
    }
}

impl Identities for Offline {
    fn source(&self, _: Option<&str>, _: &str) -> Result<Arc<dyn TokenSource>, IdentityError> {
        Ok(Arc::new(Offline))
    }
}

impl TokenSource for Offline {
    fn current(&self) -> Option<AccessToken> {
        None
    }

    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>> {
        Box::pin(async { Err(IdentityError::Unavailable("nothing is fetched here".to_owned())) })
    }
}

impl Cache for Offline {
    fn get(&self, _: CachePlace, _: &CacheKey) -> Answer<'static, Option<Bytes>> {
        Answer::Ready(None)
    }

    fn set(&self, _: CachePlace, _: &CacheKey, _: Bytes, _: Duration) -> Answer<'static, ()> {
        Answer::Ready(())
    }

    fn remove(&self, _: CachePlace, _: &CacheKey) -> Answer<'static, ()> {
        Answer::Ready(())
    }

    fn lease(&self, _: &CacheKey) -> Answer<'static, Lease> {
        Answer::Ready(Lease::new(()))
    }

    fn is_local(&self, _: CachePlace) -> bool {
        true
    }

    fn largest(&self) -> usize {
        0
    }

    fn has_external(&self) -> bool {
        // Where the policies will run is not known.
        true
    }
}

impl Calls for Offline {
    fn send(&self, _: Call) -> BoxFuture<'static, Result<Response, CallError>> {
        Box::pin(async { Err(CallError::Connection("nothing is called here".to_owned())) })
    }

    fn send_detached(&self, _: Call) -> Result<(), CallError> {
        Ok(())
    }
}
