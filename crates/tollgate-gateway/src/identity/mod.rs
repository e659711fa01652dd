//! Tokens of the gateway's own identities.
//!
//! `azure_identity` proves identities; everything around it is ours, because alone it renews late, fails while a good token
//! is at hand, retries for over a minute and cannot be pointed at an emulator. INVARIANT: an identity that a policy names is
//! never replaced by another; the chain of ways is for the gateway's own.

mod assertion;
mod chain;
mod resource;
mod source;
mod transport;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tollgate_engine::ports::{Clock, Identities, IdentityError, Randomness, TokenSource};

use crate::fetch::Fetcher;
use crate::telemetry::Metrics;

use chain::{Chain, ForResource};
use resource::Resource;

pub use source::TokenStatus;
pub(crate) use source::{Acquire, Acquired, Source, Surroundings};

/// Tokens that are kept; a resource can come from an expression.
const MAX_SOURCES: usize = 256;

/// How the gateway proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IdentityKind {
    /// The first of those below that is there.
    #[default]
    Auto,
    /// A service principal of the environment, by secret or certificate.
    Environment,
    /// A federated token of Kubernetes.
    Workload,
    /// The managed identity of App Service, Container Apps or a virtual machine.
    Managed,
    /// Whoever is logged in with Azure CLI; for development.
    Cli,
}

/// `[identity]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdentitySettings {
    /// How the gateway proves who it is.
    pub kind: IdentityKind,
    /// Client id of the user-assigned identity that is the gateway's own, when it is not the machine's.
    pub client_id: Option<String>,
    /// Whether Azure CLI may be used.
    pub allow_development: bool,
    /// Entra's address instead of the public cloud's or `AZURE_AUTHORITY_HOST`; `http` only on this machine.
    pub authority: Option<String>,
    /// The metadata service's address instead of Azure's or `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
    pub imds_endpoint: Option<String>,
    /// How long one attempt may take, retries included.
    pub timeout: Duration,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            kind: IdentityKind::default(),
            client_id: None,
            allow_development: false,
            authority: None,
            imds_endpoint: None,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Environment variables, from wherever: the process, or a demonstration or test that has its own.
#[derive(Clone)]
pub struct Environment(Arc<Variables>);

/// Finds a variable.
type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// Asks `variable` for each.
    pub fn new(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(variable))
    }

    /// A fixed set.
    pub fn fixed<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let variables: HashMap<String, String> = variables.into_iter().map(own).collect();
        Self::new(move |name| variables.get(name).cloned())
    }

    /// A variable; empty ones count as missing.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

/// What the pool stands on.
#[derive(Clone)]
pub struct IdentityParts {
    /// Makes the calls.
    pub fetcher: Arc<Fetcher>,
    /// Holds credentials.
    pub environment: Environment,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Spreads renewals.
    pub randomness: Arc<dyn Randomness>,
    /// Counts calls.
    pub metrics: Arc<Metrics>,
}

impl fmt::Debug for IdentityParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityParts")
    }
}

/// All tokens of the process. It outlives configurations: a token belongs to settings, identity and resource, wherever
/// these are written.
#[derive(Debug)]
pub struct IdentityPool {
    parts: IdentityParts,
    kept: Mutex<Kept>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct IdentityKey {
    settings: Arc<IdentitySettings>,
    client_id: Option<String>,
}

/// An identity, and a resource as it was written.
type SourceKey = (IdentityKey, String);

#[derive(Default)]
struct Kept {
    chains: HashMap<IdentityKey, Arc<Chain>>,
    sources: HashMap<SourceKey, Arc<Source>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("n_sources", &self.sources.len()).finish_non_exhaustive()
    }
}

impl IdentityPool {
    /// An empty pool.
    pub fn new(parts: IdentityParts) -> Arc<Self> {
        Arc::new(Self { parts, kept: Mutex::default() })
    }

    /// The pool as one configuration sees it.
    pub fn with(self: &Arc<Self>, settings: IdentitySettings) -> ConfiguredIdentities {
        ConfiguredIdentities { pool: Arc::clone(self), settings: Arc::new(settings) }
    }

    /// What all sources say of themselves, sorted.
    pub fn status(&self) -> Vec<TokenStatus> {
        let kept = self.kept.lock();
        let mut all: Vec<_> = kept
            .sources
            .iter()
            .map(|((key, resource), source)| source.status(key.describe(), resource.clone()))
            .collect();
        all.sort_by(|a, b| (&a.identity, &a.resource).cmp(&(&b.identity, &b.resource)));
        all
    }

    fn source(&self, key: IdentityKey, resource: &str) -> Result<Arc<Source>, IdentityError> {
        let parsed = Resource::parse(resource)?;
        let mut kept = self.kept.lock();
        let whole = (key, resource.to_owned());
        if let Some(source) = kept.sources.get(&whole) {
            return Ok(Arc::clone(source));
        }
        kept.make_room()?;
        let key = &whole.0;
        let chain = kept.chains.entry(key.clone()).or_insert_with(|| {
            let IdentityParts { fetcher, environment, clock, .. } = self.parts.clone();
            let settings = Arc::clone(&key.settings);
            Arc::new(Chain::new(settings, key.client_id.clone(), environment, fetcher, clock))
        });
        let around = Surroundings {
            clock: Arc::clone(&self.parts.clock),
            randomness: Arc::clone(&self.parts.randomness),
            metrics: Arc::clone(&self.parts.metrics),
        };
        let name = format!("{} for {resource}", key.describe());
        let acquire = ForResource { chain: Arc::clone(chain), resource: parsed };
        let source = Source::new(name, Arc::new(acquire), key.settings.timeout, around);
        kept.sources.insert(whole, Arc::clone(&source));
        Ok(source)
    }
}

impl Kept {
    /// Drops what no policy and no backend holds: first what nobody uses, then what was only used in passing.
    fn make_room(&mut self) -> Result<(), IdentityError> {
        if self.sources.len() < MAX_SOURCES {
            return Ok(());
        }
        let is_held = |source: &Arc<Source>| Arc::strong_count(source) > 1;
        self.sources.retain(|_, source| is_held(source) || source.is_used());
        if self.sources.len() >= MAX_SOURCES {
            self.sources.retain(|_, source| is_held(source));
        }
        let Self { chains, sources } = self;
        chains.retain(|key, _| sources.keys().any(|(used, _)| used == key));
        if self.sources.len() >= MAX_SOURCES {
            return Err(IdentityError::Unavailable(format!(
                "more than {MAX_SOURCES} tokens are in use"
            )));
        }
        Ok(())
    }
}

impl IdentityKey {
    fn describe(&self) -> String {
        self.client_id.clone().unwrap_or_else(|| "own".to_owned())
    }
}

/// The identities of one configuration.
#[derive(Debug, Clone)]
pub struct ConfiguredIdentities {
    pool: Arc<IdentityPool>,
    settings: Arc<IdentitySettings>,
}

impl Identities for ConfiguredIdentities {
    fn source(
        &self,
        client_id: Option<&str>,
        resource: &str,
    ) -> Result<Arc<dyn TokenSource>, IdentityError> {
        let own = self.settings.client_id.as_deref();
        let client_id = [client_id, own].into_iter().flatten().find(|id| !id.is_empty());
        let key = IdentityKey {
            settings: Arc::clone(&self.settings),
            client_id: client_id.map(str::to_ascii_lowercase),
        };
        self.pool.source(key, resource).map(|source| source as Arc<dyn TokenSource>)
    }
}

#[cfg(test)]
mod tests;
