//! Signing keys of OpenID issuers.

use std::sync::Arc;

use crate::BoxFuture;
use crate::jose::KeySet;

/// Key sets by OpenID configuration URL. One source serves every policy that names the URL, across reloads.
pub trait KeySets: Send + Sync {
    /// The source of a URL; the same one each time. Sources are bounded in number, because a tenant can come from an
    /// expression.
    fn source(&self, openid_configuration_url: &str) -> Result<Arc<dyn KeySource>, KeyError>;
}

/// The keys of one issuer: fetched once, refreshed ahead of time, kept while the issuer is away.
pub trait KeySource: Send + Sync {
    /// The keys at hand; never waits.
    fn current(&self) -> Option<Arc<KeySet>>;

    /// Waits for keys. Callers share one fetch, and a fetch happens at most once per cool-down: within it, the answer is
    /// what is at hand.
    fn refresh<'a>(&'a self, why: Refresh<'a>) -> BoxFuture<'a, Result<Arc<KeySet>, KeyError>>;
}

/// Why keys are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh<'a> {
    /// None are at hand.
    Missing,
    /// None of them has this `kid`.
    UnknownKid(&'a str),
}

/// Why there are no keys.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The configuration or key document could not be fetched, and none is at hand.
    #[error("the OpenID configuration or its keys could not be fetched: {0}")]
    Unavailable(String),
    /// A document is not what it should be.
    #[error("the OpenID configuration or its keys could not be read: {0}")]
    Invalid(String),
    /// The URL is not one that may be fetched, or there are too many.
    #[error("the OpenID configuration may not be fetched: {0}")]
    Refused(String),
}
