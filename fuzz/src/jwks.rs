//! Key documents of issuers.

use tollgate_engine::jose::{
    Algorithm, Jws, KeySet, OpenIdConfiguration, TokenHash, VerificationKey,
};

use super::plain_json::Json;
use super::signer::{jwk, tokens};

/// Most keys of a document that are used.
const MAX_KEYS: usize = 256;

const CONFIGURATION: &[u8] =
    br#"{"issuer":"https://issuer.example/","jwks_uri":"https://issuer.example/keys"}"#;

/// Reads an input as a key document, as a single key and as an OpenID configuration. No symmetric key is taken, and a token
/// is good only when the document holds the key that signed it.
pub(crate) fn read(data: &[u8]) {
    if let Ok(configuration) = OpenIdConfiguration::parse(data) {
        assert!(!configuration.issuer.is_empty() && !configuration.jwks_uri.is_empty());
    }
    if let Ok(serde_json::Value::Object(key)) = serde_json::from_slice(data)
        && let Ok(key) = VerificationKey::from_jwk(&key)
    {
        assert!(key.algorithms().count() > 0, "a key for nothing");
    }
    let Ok(keys) = KeySet::from_documents(CONFIGURATION, data, 1) else { return };
    assert!(keys.keys().len() <= MAX_KEYS);
    for key in keys.keys() {
        let mut algorithms = key.algorithms();
        let is_symmetric =
            |it| matches!(it, Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512);
        assert!(!algorithms.any(is_symmetric), "a published secret is taken as a key");
        assert!(key.id().is_none_or(|id| keys.has_key(id)));
    }
    for token in tokens() {
        let Ok(jws) = Jws::parse(token) else { continue };
        if keys.verify(&jws, TokenHash::of(token)).is_ok() {
            assert!(has_our_key(data), "a token is good by a key that is not there");
        }
    }
}

/// Whether the document has the public key that signed, in one of its keys.
fn has_our_key(data: &[u8]) -> bool {
    // Members that are repeated are no reason to doubt a published document, so this looks at its text alone when the
    // strict reader refuses it.
    let text = String::from_utf8_lossy(data);
    let ours = jwk().get("x").and_then(|x| x.as_str()).unwrap_or_default().to_owned();
    match Json::read(&text) {
        Some(document) => {
            let Some(Json::List(keys)) = document.get("keys") else { return false };
            keys.iter().any(|key| key.get("x").and_then(Json::text) == Some(&ours))
        }
        None => text.contains(&ours) || text.contains('\\'),
    }
}
