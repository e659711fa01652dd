//! Tokens of the gateway's own identities.

use std::sync::Arc;

use crate::{BoxFuture, Secret};

/// Token sources by identity and resource. One source serves every policy and backend that asks the same, across
/// reloads.
pub trait Identities: Send + Sync {
    /// The source for a resource as written (`https://cognitiveservices.azure.com`, with or without `/.default`) and an
    /// identity: a user-assigned one by client id, else the gateway's own.
    fn source(
        &self,
        client_id: Option<&str>,
        resource: &str,
    ) -> Result<Arc<dyn TokenSource>, IdentityError>;
}

/// One token, kept fresh.
pub trait TokenSource: Send + Sync {
    /// A token that is still good; never waits.
    fn current(&self) -> Option<AccessToken>;

    /// Waits for a token. Callers share one request to the identity endpoint.
    fn fetch(&self) -> BoxFuture<'_, Result<AccessToken, IdentityError>>;
}

/// A token of the gateway's own.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token, without `Bearer `.
    pub token: Secret<Arc<str>>,
    /// `Authorization` value: `Bearer ` and the token, marked as sensitive.
    pub authorization: http::HeaderValue,
    /// Seconds since 1970 at which it ends.
    pub expires_at: i64,
    /// What else the answer of an OAuth 2.0 token endpoint said; empty for identities of Azure.
    pub claims: Arc<serde_json::Map<String, serde_json::Value>>,
}

/// Why there is no token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    /// No source of identity is available here.
    #[error("no identity is available: {0}")]
    Unavailable(String),
    /// The identity endpoint refused or failed.
    #[error("the identity endpoint refused or failed: {0}")]
    Failed(String),
    /// The resource cannot be asked for.
    #[error("no token can be had for the resource: {0}")]
    Resource(String),
}
