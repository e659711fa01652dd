//! The header of a token.

use serde_json::{Map, Value};

use super::JoseError;
use super::encoding::base64url;
use super::json::parse_strict_json;

/// Longest header, as Base64.
const MAX_HEADER: usize = 8 * 1024;
/// Longest `kid` that is looked up.
pub(super) const MAX_KID: usize = 1024;

/// What a token's header says; nothing of it is acted upon but the choice among known keys.
#[derive(Debug, Clone)]
pub struct Header {
    alg: String,
    kid: Option<String>,
    members: Map<String, Value>,
}

impl Header {
    pub(super) fn parse(encoded: &str) -> Result<Self, JoseError> {
        if encoded.len() > MAX_HEADER {
            return Err(JoseError::Malformed("the header is too long"));
        }
        let bytes =
            base64url(encoded).ok_or(JoseError::Malformed("the header is not Base64url"))?;
        let members = parse_strict_json(&bytes)
            .ok_or(JoseError::Malformed("the header is not a JSON object with distinct members"))?;
        // An extension that must be understood and is not: refuse (RFC 7515 §4.1.11). None is understood here.
        for refused in ["crit", "b64"] {
            if members.contains_key(refused) {
                return Err(JoseError::HeaderMember(refused));
            }
        }
        let alg = match members.get("alg") {
            Some(Value::String(alg)) => alg.clone(),
            _ => return Err(JoseError::Malformed("the header has no `alg`")),
        };
        let kid = text(&members, "kid", MAX_KID)?;
        Ok(Self { alg, kid, members })
    }

    /// `alg` as written.
    pub fn alg(&self) -> &str {
        &self.alg
    }

    /// `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `typ`.
    pub fn typ(&self) -> Option<&str> {
        self.text("typ")
    }

    /// All members, for showing.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }
}

fn text(
    members: &Map<String, Value>,
    name: &str,
    limit: usize,
) -> Result<Option<String>, JoseError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= limit => Ok(Some(text.clone())),
        Some(_) => Err(JoseError::Malformed("the `kid` is not a string of sensible length")),
    }
}
