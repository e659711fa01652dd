//! The keys of an issuer.

/// What an OpenID configuration and its JWKS say.
#[derive(Debug)]
pub struct KeySet {
    issuer: String,
    generation: u64,
}

impl KeySet {
    /// The `issuer` of the configuration, possibly Entra's `{tenantid}` template.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Changes whenever the keys do.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}
