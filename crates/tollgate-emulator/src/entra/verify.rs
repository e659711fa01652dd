//! Checking signed tokens as the emulated services receive them.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Seconds that clocks may differ.
const SKEW: i64 = 300;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the token is not a signed JWT")]
    Malformed,
    #[error("the algorithm is not accepted")]
    Algorithm,
    #[error("no key matches")]
    UnknownKey,
    #[error("the signature does not hold")]
    Signature,
    #[error("the token is outside its time")]
    Time,
    #[error("the issuer is not accepted")]
    Issuer,
    #[error("the audience is not accepted")]
    Audience,
}

/// A token taken apart; nothing in it is verified.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) header: Map<String, Value>,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// The claims of a token whose signature held.
#[derive(Clone, Debug)]
pub(crate) struct Claims(Map<String, Value>);

impl<'a> Parsed<'a> {
    pub(crate) fn new(token: &'a str) -> Result<Self, Refused> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
        let object = |part: &str| match serde_json::from_slice(&bytes(part)?) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(Refused::Malformed),
        };
        Ok(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed,
            signature: bytes(signature)?,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// An unverified claim, for choosing which key must have signed.
    pub(crate) fn unverified(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// The claims, if `key` (an RSA `SubjectPublicKeyInfo`) has signed in one of the ways of `algorithms`.
    pub(crate) fn verify(self, key: &[u8], algorithms: &[&str]) -> Result<Claims, Refused> {
        let named = self.header("alg").filter(|alg| algorithms.contains(alg));
        let algorithm: &'static dyn VerificationAlgorithm = match named {
            Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
            Some("PS256") => &RSA_PSS_2048_8192_SHA256,
            _ => return Err(Refused::Algorithm),
        };
        if self.header.contains_key("crit") {
            return Err(Refused::Malformed);
        }
        UnparsedPublicKey::new(algorithm, key)
            .verify(self.signed.as_bytes(), &self.signature)
            .map_err(|_| Refused::Signature)?;
        Ok(Claims(self.claims))
    }
}

impl Claims {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Whether `aud`, alone or in a list, is one that `accepted` takes.
    pub(crate) fn audience(&self, accepted: impl Fn(&str) -> bool) -> Result<(), Refused> {
        let held = match self.0.get("aud") {
            Some(Value::String(one)) => accepted(one),
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).any(accepted),
            _ => false,
        };
        held.then_some(()).ok_or(Refused::Audience)
    }

    /// Whether `now` lies between `nbf`, if there is one, and `exp`, which there must be.
    pub(crate) fn times(&self, now: i64) -> Result<(), Refused> {
        let starts = match self.0.get("nbf") {
            None => i64::MIN,
            Some(nbf) => nbf.as_i64().ok_or(Refused::Time)?,
        };
        let ends = self.0.get("exp").and_then(Value::as_i64).ok_or(Refused::Time)?;
        let held = starts.saturating_sub(SKEW) <= now && now < ends.saturating_add(SKEW);
        held.then_some(()).ok_or(Refused::Time)
    }
}
