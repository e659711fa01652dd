//! Signing keys of the issuer, as Entra publishes them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

use crate::EmulatorError;

/// One RSA key of 2048 bits with its self-signed certificate.
pub struct SigningKey {
    pair: RsaKeyPair,
    kid: String,
    certificate_der: Vec<u8>,
    certificate_pem: String,
    private_pem: String,
    spki: Vec<u8>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a key; takes some tenths of a second.
    pub fn generate(common_name: &str) -> Result<Self, EmulatorError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| EmulatorError::Key)?;
        let pkcs8 = pair.as_der().map_err(|_| EmulatorError::Key)?;
        let pkcs8 = PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec());
        let certified = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_RSA_SHA256)?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        let certificate = parameters.self_signed(&certified)?;
        let spki = pair.public_key().as_der().map_err(|_| EmulatorError::Key)?.as_ref().to_vec();
        Ok(Self {
            kid: URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate.der())),
            certificate_der: certificate.der().to_vec(),
            certificate_pem: certificate.pem(),
            private_pem: certified.serialize_pem(),
            pair,
            spki,
        })
    }

    /// Key id; as with Entra it is the certificate's SHA-1 thumbprint in base64url, which is `x5t` too.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The certificate in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key in PEM (PKCS #8).
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// The certificate's SHA-256 thumbprint in base64url: `x5t#S256` of a client assertion.
    pub fn thumbprint_sha256(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.certificate_der))
    }

    /// The public key as `SubjectPublicKeyInfo`.
    pub fn public_der(&self) -> &[u8] {
        &self.spki
    }

    /// The public key in PEM: the "secret" of an RS/HS confusion attack.
    pub fn public_pem(&self) -> String {
        let text = STANDARD.encode(&self.spki);
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for (position, letter) in text.chars().enumerate() {
            if position > 0 && position % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        pem
    }

    /// Modulus and exponent in base64url.
    pub fn components(&self) -> (String, String) {
        let public = self.pair.public_key();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        (
            text(public.modulus().big_endian_without_leading_zero()),
            text(public.exponent().big_endian_without_leading_zero()),
        )
    }

    /// The JWK as Entra writes it: no `alg`; `issuer` only where Entra's document has one.
    pub fn jwk(&self, issuer: Option<&str>) -> Value {
        let (n, e) = self.components();
        let mut jwk = json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": n,
            "e": e,
            "x5c": [STANDARD.encode(&self.certificate_der)],
            "cloud_instance_name": "microsoftonline.com",
        });
        if let (Some(issuer), Some(object)) = (issuer, jwk.as_object_mut()) {
            object.insert("issuer".to_owned(), Value::from(issuer));
        }
        jwk
    }

    pub(crate) fn pair(&self) -> &RsaKeyPair {
        &self.pair
    }
}

/// An elliptic curve key (P-256), which Entra never has: for tokens that must be refused, or published on demand.
pub(crate) struct CurveKey {
    pub(crate) pair: EcdsaKeyPair,
    pub(crate) kid: String,
}

impl fmt::Debug for CurveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurveKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl CurveKey {
    pub(crate) fn generate() -> Result<Self, EmulatorError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| EmulatorError::Key)?;
        let kid =
            URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, pair.public_key().as_ref()));
        Ok(Self { pair, kid })
    }

    pub(crate) fn jwk(&self) -> Value {
        // An uncompressed point: 0x04, then x and y of 32 bytes each.
        let point = self.pair.public_key().as_ref();
        let part =
            |from: usize| URL_SAFE_NO_PAD.encode(point.get(from..from + 32).unwrap_or_default());
        json!({"kty": "EC", "use": "sig", "crv": "P-256", "kid": self.kid, "x": part(1), "y": part(33)})
    }
}

/// A published key; `issuer` is the literal that its JWK names, if it serves one issuer only.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) key: Arc<SigningKey>,
    pub(crate) issuer: Option<String>,
}

/// The published keys and the one that signs.
#[derive(Debug)]
pub(crate) struct KeyRing {
    keys: RwLock<Keys>,
}

#[derive(Debug)]
struct Keys {
    published: Vec<Published>,
    signing: Arc<SigningKey>,
}

impl KeyRing {
    /// Publishes `others` and `signing`, which signs.
    pub(crate) fn new(others: Vec<SigningKey>, signing: SigningKey) -> Self {
        let signing = Arc::new(signing);
        let others = others.into_iter().map(Arc::new);
        let published =
            others.chain([Arc::clone(&signing)]).map(|key| Published { key, issuer: None });
        Self { keys: RwLock::new(Keys { published: published.collect(), signing }) }
    }

    pub(crate) fn signing(&self) -> Arc<SigningKey> {
        Arc::clone(&self.keys.read().signing)
    }

    pub(crate) fn published(&self) -> Vec<Published> {
        self.keys.read().published.clone()
    }

    /// The published key with this id.
    pub(crate) fn find(&self, kid: &str) -> Option<Published> {
        self.keys.read().published.iter().find(|published| published.key.kid() == kid).cloned()
    }

    /// Publishes one more key; it does not sign yet.
    pub(crate) fn publish(&self, key: Arc<SigningKey>, issuer: Option<String>) {
        self.keys.write().published.push(Published { key, issuer });
    }

    /// Signs with `key` from now on, published or not.
    pub(crate) fn sign_with(&self, key: Arc<SigningKey>) {
        self.keys.write().signing = key;
    }

    /// Takes every key back for which `keep` is false.
    pub(crate) fn retain(&self, keep: impl Fn(&SigningKey) -> bool) {
        self.keys.write().published.retain(|published| keep(&published.key));
    }
}
