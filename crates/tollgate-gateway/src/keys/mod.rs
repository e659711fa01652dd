//! Signing keys of OpenID issuers: fetched by the URL of their configuration, kept fresh, kept while the issuer is away.
//!
//! INVARIANT: however many requests come with however many unknown `kid`s, an issuer is asked for them at most once per
//! cool-down. INVARIANT: an issuer that is away is answered for from its last keys, but never longer than
//! [`KeySettings::stale`].

mod documents;
mod source;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tollgate_engine::ports::{KeyError, KeySets, KeySource, Randomness};

use crate::fetch::Fetcher;
use crate::telemetry::Metrics;

use documents::{Documents, HttpDocuments, checked_url};
use source::{Source, Surroundings};

pub use source::KeyStatus;

/// Issuers that are kept; a tenant can come from an expression.
const MAX_SOURCES: usize = 256;

/// `[keys]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// How long keys are good; they are fetched anew a little earlier.
    pub lifetime: Duration,
    /// How often a `kid` that is not among the keys may cause a fetch.
    pub cooldown: Duration,
    /// How long keys are used when the issuer cannot be reached.
    pub stale: Duration,
    /// How long fetching one document may take.
    pub timeout: Duration,
    /// Whether `http` URLs are fetched from other machines too.
    pub allow_http: bool,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_hours(1),
            cooldown: Duration::from_secs(30),
            stale: Duration::from_hours(24),
            timeout: Duration::from_secs(10),
            allow_http: false,
        }
    }
}

/// What the pool stands on.
#[derive(Clone)]
pub struct KeyParts {
    /// Makes the calls.
    pub fetcher: Arc<Fetcher>,
    /// Spreads renewals.
    pub randomness: Arc<dyn Randomness>,
    /// Counts calls.
    pub metrics: Arc<Metrics>,
}

impl fmt::Debug for KeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyParts")
    }
}

/// All key sets of the process. It outlives configurations: keys belong to the URL they came from.
pub struct KeyPool {
    documents: Arc<dyn Documents>,
    around: Surroundings,
    sources: Mutex<HashMap<String, Arc<Source>>>,
}

impl fmt::Debug for KeyPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPool")
            .field("n_sources", &self.sources.lock().len())
            .finish_non_exhaustive()
    }
}

impl KeyPool {
    /// An empty pool.
    pub fn new(parts: KeyParts, settings: KeySettings) -> Self {
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let documents = HttpDocuments { fetcher: parts.fetcher, settings: Arc::clone(&settings) };
        let around = Surroundings {
            settings,
            randomness: parts.randomness,
            metrics: parts.metrics,
            generations: Arc::new(AtomicU64::new(1)),
        };
        Self { documents: Arc::new(documents), around, sources: Mutex::default() }
    }

    /// Takes over changed settings; keys at hand are judged by them from now on.
    pub fn apply(&self, settings: KeySettings) {
        self.around.settings.store(Arc::new(settings));
    }

    /// What all sources say of themselves, sorted.
    pub fn status(&self) -> Vec<KeyStatus> {
        let mut all: Vec<_> = self.sources.lock().values().map(|source| source.status()).collect();
        all.sort_by(|a, b| a.url.cmp(&b.url));
        all
    }
}

impl KeySets for KeyPool {
    fn source(&self, openid_configuration_url: &str) -> Result<Arc<dyn KeySource>, KeyError> {
        let url = checked_url(openid_configuration_url, self.around.settings.load().allow_http)?;
        let mut sources = self.sources.lock();
        if let Some(source) = sources.get(url.as_str()) {
            return Ok(Arc::clone(source) as _);
        }
        make_room(&mut sources)?;
        let source = Source::new(url.clone(), Arc::clone(&self.documents), self.around.clone());
        sources.insert(url.into(), Arc::clone(&source));
        Ok(source)
    }
}

/// Drops what no policy holds: first what nobody uses, then what was only used in passing.
fn make_room(sources: &mut HashMap<String, Arc<Source>>) -> Result<(), KeyError> {
    let is_held = |source: &Arc<Source>| Arc::strong_count(source) > 1;
    if sources.len() >= MAX_SOURCES {
        sources.retain(|_, source| is_held(source) || source.is_used());
    }
    if sources.len() >= MAX_SOURCES {
        sources.retain(|_, source| is_held(source));
    }
    if sources.len() >= MAX_SOURCES {
        return Err(KeyError::Refused(format!("more than {MAX_SOURCES} issuers are in use")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
