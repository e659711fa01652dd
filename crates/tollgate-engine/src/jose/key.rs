//! Keys that verify signatures.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use serde_json::{Map, Value};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::encoding::base64url;
use super::header::MAX_KID;
use super::{Algorithm, rsa};

/// A key that verifies signatures, with the algorithms it may be used with.
#[derive(Clone)]
pub struct VerificationKey {
    id: Option<String>,
    issuer: Option<String>,
    ready: Vec<(Algorithm, Verifier)>,
}

#[derive(Clone)]
enum Verifier {
    Public(ParsedPublicKey),
    Mac(Box<hmac::Key>),
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms =
            self.ready.iter().map(|(algorithm, _)| algorithm.name()).collect::<Vec<_>>();
        f.debug_struct("VerificationKey")
            .field("id", &self.id)
            .field("algorithms", &algorithms)
            .finish_non_exhaustive()
    }
}

impl VerificationKey {
    /// Reads a JSON Web Key. A key for another use, of an unknown type, or whose `alg` does not belong to it is an error:
    /// readers of key sets skip it.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, String> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if let Some(purpose) = jwk.get("use")
            && purpose.as_str() != Some("sig")
        {
            return Err("the key is not for signatures".to_owned());
        }
        if let Some(operations) = jwk.get("key_ops") {
            let verifies = |operation: &Value| operation.as_str() == Some("verify");
            if !operations.as_array().is_some_and(|operations| operations.iter().any(verifies)) {
                return Err("the key is not for verifying".to_owned());
            }
        }
        let only = match jwk.get("alg") {
            None => None,
            Some(alg) => Some(
                alg.as_str()
                    .and_then(Algorithm::from_name)
                    .ok_or("the key's `alg` is not a signature algorithm")?,
            ),
        };
        let bytes = |name: &str| {
            text(name)
                .and_then(base64url)
                .ok_or_else(|| format!("the key's `{name}` is missing or not Base64url"))
        };
        let ready = match text("kty").unwrap_or_default() {
            "RSA" => public(rsa::ready_keys(&bytes("n")?, &bytes("e")?, only)?),
            "EC" => {
                let curve = Curve::from_name(text("crv").unwrap_or_default())
                    .ok_or("the key's curve is unknown")?;
                let (x, y) = (bytes("x")?, bytes("y")?);
                if x.len() != curve.coordinate || y.len() != curve.coordinate {
                    return Err(
                        "the key's coordinates do not have the length of its curve".to_owned()
                    );
                }
                curve.ready(&[&[4][..], &x, &y].concat())?
            }
            "OKP" if text("crv") == Some("Ed25519") => ed25519(&bytes("x")?)?,
            "oct" => symmetric(&bytes("k")?, only)?,
            _ => return Err("the key's type is unknown".to_owned()),
        };
        let ready: Vec<_> = ready
            .into_iter()
            .filter(|(algorithm, _)| only.is_none_or(|only| only == *algorithm))
            .collect();
        if ready.is_empty() {
            return Err("the key's `alg` does not belong to its type".to_owned());
        }
        let id = match text("kid") {
            Some(id) if id.len() > MAX_KID => return Err("the key's `kid` is too long".to_owned()),
            id => id.map(str::to_owned),
        };
        Ok(Self { id, issuer: text("issuer").map(str::to_owned), ready })
    }

    /// An RSA key from modulus and exponent in Base64url.
    pub fn from_modulus(id: Option<String>, n: &str, e: &str) -> Result<Self, String> {
        let n = base64url(n.trim().trim_end_matches('=')).ok_or("the modulus is not Base64url")?;
        let e = base64url(e.trim().trim_end_matches('=')).ok_or("the exponent is not Base64url")?;
        Ok(Self { id, issuer: None, ready: public(rsa::ready_keys(&n, &e, None)?) })
    }

    /// The public key of a certificate in DER.
    pub fn from_certificate(id: Option<String>, der: &[u8]) -> Result<Self, String> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| "the certificate is malformed")?;
        let spki = certificate.public_key();
        let ready = match spki.parsed().map_err(|_| "the certificate's public key is malformed")? {
            PublicKey::RSA(key) => public(rsa::ready_keys(key.modulus, key.exponent, None)?),
            PublicKey::EC(point) => {
                let oid = spki
                    .algorithm
                    .parameters
                    .as_ref()
                    .and_then(|parameters| parameters.as_oid().ok());
                let curve = oid.and_then(|oid| Curve::from_oid(&oid.to_id_string()));
                curve.ok_or("the curve of the certificate's key is unknown")?.ready(point.data())?
            }
            PublicKey::Unknown(key) if spki.algorithm.algorithm.to_id_string() == "1.3.101.112" => {
                ed25519(key)?
            }
            _ => return Err("the type of the certificate's public key is unknown".to_owned()),
        };
        Ok(Self { id, issuer: None, ready })
    }

    /// A symmetric key. It serves the HMAC algorithms it is long enough for (RFC 7518 §3.2).
    pub fn from_symmetric(id: Option<String>, key: &[u8]) -> Result<Self, String> {
        Ok(Self { id, issuer: None, ready: symmetric(key, None)? })
    }

    /// `kid`, or the identifier the author gave.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The `issuer` that Entra publishes with a key; may hold the `{tenantid}` template.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The algorithms the key may be used with.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.ready.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether the key may have made a signature with this `kid` and algorithm.
    pub(super) fn fits(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        let named = match (self.id(), kid) {
            (Some(id), Some(kid)) => id == kid,
            _ => true,
        };
        named && self.algorithms().any(|known| known == algorithm)
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.ready.iter().filter(|(known, _)| *known == algorithm).any(|(_, verifier)| {
            match verifier {
                Verifier::Public(key) => key.verify_sig(message, signature).is_ok(),
                Verifier::Mac(key) => hmac::verify(key, message, signature).is_ok(),
            }
        })
    }
}

fn public(keys: Vec<(Algorithm, ParsedPublicKey)>) -> Vec<(Algorithm, Verifier)> {
    keys.into_iter().map(|(algorithm, key)| (algorithm, Verifier::Public(key))).collect()
}

fn symmetric(key: &[u8], only: Option<Algorithm>) -> Result<Vec<(Algorithm, Verifier)>, String> {
    let sizes = [
        (Algorithm::Hs256, hmac::HMAC_SHA256, 32),
        (Algorithm::Hs384, hmac::HMAC_SHA384, 48),
        (Algorithm::Hs512, hmac::HMAC_SHA512, 64),
    ];
    let ready: Vec<_> = sizes
        .into_iter()
        .filter(|(algorithm, _, size)| {
            key.len() >= *size && only.is_none_or(|only| only == *algorithm)
        })
        .map(|(algorithm, hmac_algorithm, _)| {
            (algorithm, Verifier::Mac(Box::new(hmac::Key::new(hmac_algorithm, key))))
        })
        .collect();
    if ready.is_empty() {
        return Err(format!(
            "a symmetric key needs 32, 48 or 64 bytes for HS256, HS384 or HS512, this one has {}",
            key.len()
        ));
    }
    Ok(ready)
}

fn ed25519(key: &[u8]) -> Result<Vec<(Algorithm, Verifier)>, String> {
    let key = ParsedPublicKey::new(&ED25519, key).map_err(|_| "the Ed25519 key is malformed")?;
    Ok(vec![(Algorithm::EdDsa, Verifier::Public(key))])
}

/// A curve; its algorithm is bound to it.
struct Curve {
    name: &'static str,
    oid: &'static str,
    coordinate: usize,
    algorithm: Algorithm,
    verification: &'static EcdsaVerificationAlgorithm,
}

const CURVES: &[Curve] = &[
    Curve {
        name: "P-256",
        oid: "1.2.840.10045.3.1.7",
        coordinate: 32,
        algorithm: Algorithm::Es256,
        verification: &ECDSA_P256_SHA256_FIXED,
    },
    Curve {
        name: "P-384",
        oid: "1.3.132.0.34",
        coordinate: 48,
        algorithm: Algorithm::Es384,
        verification: &ECDSA_P384_SHA384_FIXED,
    },
    Curve {
        name: "P-521",
        oid: "1.3.132.0.35",
        coordinate: 66,
        algorithm: Algorithm::Es512,
        verification: &ECDSA_P521_SHA512_FIXED,
    },
];

impl Curve {
    fn from_name(name: &str) -> Option<&'static Self> {
        CURVES.iter().find(|curve| curve.name == name)
    }

    fn from_oid(oid: &str) -> Option<&'static Self> {
        CURVES.iter().find(|curve| curve.oid == oid)
    }

    /// An uncompressed point; a point that is not on the curve is refused.
    fn ready(&self, point: &[u8]) -> Result<Vec<(Algorithm, Verifier)>, String> {
        let key = ParsedPublicKey::new(self.verification, point)
            .map_err(|_| "the point is not one of its curve")?;
        Ok(vec![(self.algorithm, Verifier::Public(key))])
    }
}
