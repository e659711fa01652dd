//! Issuers with keys, and the tokens they make.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tollgate_engine::jose::KeySet;

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// A key that signs.
pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Mac(Vec<u8>),
}

impl Signer {
    /// One of two RSA keys for all tests: making one takes a while.
    pub(crate) fn rsa(index: usize) -> &'static Signer {
        static KEYS: [OnceLock<Signer>; 2] = [OnceLock::new(), OnceLock::new()];
        KEYS[index].get_or_init(|| Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub(crate) fn ec() -> Signer {
        Signer::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn pkcs8(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.as_der().unwrap().as_ref().to_vec(),
            Self::Ec(key) => key.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Self::Mac(key) => key.clone(),
        }
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "use": "sig", "kid": kid, "n": n, "e": e })
            }
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": encode(x), "y": encode(y) })
            }
            Self::Mac(key) => json!({ "kty": "oct", "kid": kid, "k": encode(key) }),
        }
    }

    /// Signs header and payload as they are written.
    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", encode(header), encode(payload));
        let signature = match self {
            Self::Rsa(key) => {
                let encoding: &'static dyn RsaEncoding =
                    if header.contains("PS256") { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => {
                key.sign(&SystemRandom::new(), input.as_bytes()).unwrap().as_ref().to_vec()
            }
            Self::Mac(key) => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), input.as_bytes())
                .as_ref()
                .to_vec(),
        };
        format!("{input}.{}", encode(signature))
    }

    /// A token with `alg` and `kid` in its header.
    pub(crate) fn token(&self, kid: &str, claims: &Value) -> String {
        let alg = match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Mac(_) => "HS256",
        };
        let header = json!({ "alg": alg, "typ": "JWT", "kid": kid });
        self.sign(&header.to_string(), &claims.to_string())
    }
}

/// A published key set.
pub(crate) fn key_set(issuer: &str, keys: &[Value], generation: u64) -> KeySet {
    let configuration =
        json!({ "issuer": issuer, "jwks_uri": "https://keys.example/" }).to_string();
    let jwks = json!({ "keys": keys }).to_string();
    KeySet::from_documents(configuration.as_bytes(), jwks.as_bytes(), generation).unwrap()
}
