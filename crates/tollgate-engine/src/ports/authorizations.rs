//! Connections of the credential manager: tokens for services that are not Azure's.

use std::sync::Arc;

use super::TokenSource;

/// The connections of the configuration.
pub trait Authorizations: Send + Sync {
    /// Where the tokens of a provider's connection come from; `None` when there is no such connection.
    fn connection(&self, provider: &str, id: &str) -> Option<Arc<dyn TokenSource>>;

    /// Provider and identifier of every connection, for suggestions.
    fn connections(&self) -> Vec<(&str, &str)>;
}
