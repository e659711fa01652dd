//! The keys of an issuer.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::verified_tokens::VerifiedTokens;
use super::{Claims, JoseError, Jws, TokenHash, VerificationKey, Verified};

/// Longest document that is read.
const MAX_DOCUMENT: usize = 1024 * 1024;
/// Most keys of a set that are used.
const MAX_KEYS: usize = 256;

/// What an OpenID configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIdConfiguration {
    /// `issuer`, possibly Entra's `{tenantid}` template.
    pub issuer: String,
    /// `jwks_uri`.
    pub jwks_uri: String,
}

impl OpenIdConfiguration {
    /// Reads the document at `…/.well-known/openid-configuration`.
    pub fn parse(document: &[u8]) -> Result<Self, String> {
        let document = object(document, "the OpenID configuration")?;
        let text = |name: &str| match document.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            _ => Err(format!("the OpenID configuration has no `{name}`")),
        };
        Ok(Self { issuer: text("issuer")?, jwks_uri: text("jwks_uri")? })
    }
}

/// One generation of an issuer's keys, and the tokens whose signature was found to hold with them.
///
/// INVARIANT: what is remembered of a token is that its signature held, and its claims. It is shared by every policy
/// that uses the keys, is never a verdict, and goes with the keys when they are replaced.
#[derive(Debug)]
pub struct KeySet {
    issuer: Option<String>,
    keys: Vec<VerificationKey>,
    generation: u64,
    verified: VerifiedTokens,
}

impl KeySet {
    /// Keys that an author wrote down.
    pub fn new(keys: Vec<VerificationKey>) -> Self {
        Self { issuer: None, keys, generation: 0, verified: VerifiedTokens::default() }
    }

    /// Reads both documents. Keys that are not for signatures, of unknown type or curve, or malformed are left out;
    /// symmetric keys are, too, because whoever can read the document could sign with them.
    pub fn from_documents(
        openid_configuration: &[u8],
        jwks: &[u8],
        generation: u64,
    ) -> Result<Self, String> {
        let configuration = OpenIdConfiguration::parse(openid_configuration)?;
        let document = object(jwks, "the key document")?;
        let Some(Value::Array(entries)) = document.get("keys") else {
            return Err("the key document has no `keys`".to_owned());
        };
        let keys: Vec<_> = entries
            .iter()
            .filter_map(Value::as_object)
            .filter(|jwk| jwk.get("kty").and_then(Value::as_str) != Some("oct"))
            .filter_map(|jwk| VerificationKey::from_jwk(jwk).ok())
            .take(MAX_KEYS)
            .collect();
        let issuer = Some(configuration.issuer);
        Ok(Self { issuer, keys, generation, verified: VerifiedTokens::default() })
    }

    /// A token that was verified with these keys before, at least twice.
    pub fn recall(&self, hash: TokenHash) -> Option<Arc<Verified<Claims>>> {
        self.verified.get(hash)
    }

    /// Checks a token's signature with these keys, unless it is known to hold, and remembers it when it does. `hash` is that of
    /// this very token.
    pub fn verify(
        &self,
        jws: &Jws<'_>,
        hash: TokenHash,
    ) -> Result<Arc<Verified<Claims>>, JoseError> {
        let signer = self.verified.signer(hash).and_then(|place| self.keys.get(place));
        let Some(key) = signer else {
            let (place, token) = jws.verify_with_place(&self.keys)?;
            self.verified.insert_signer(hash, place);
            return Ok(Arc::new(token));
        };
        let token = Arc::new(jws.claims_signed_by(key)?);
        self.verified.insert(hash, Arc::clone(&token), jws.len());
        Ok(token)
    }

    /// The `issuer` of the configuration, possibly Entra's `{tenantid}` template; none for keys written down.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The keys for signatures.
    pub fn keys(&self) -> &[VerificationKey] {
        &self.keys
    }

    /// Whether a key of this identifier is among them.
    pub fn has_key(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(kid))
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.verified.len()
    }

    /// Changes whenever the keys do.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

fn object(document: &[u8], what: &str) -> Result<Map<String, Value>, String> {
    if document.len() > MAX_DOCUMENT {
        return Err(format!("{what} is too long"));
    }
    match serde_json::from_slice(document) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(format!("{what} is not a JSON object")),
    }
}
