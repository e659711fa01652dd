//! Certificates by name.

use std::fmt::Write as _;
use std::sync::OnceLock;

use aws_lc_rs::digest;
use bytes::Bytes;

use super::{DecryptionKey, VerificationKey};
use crate::Secret;

/// A certificate with its chain and, when configured, its private key.
#[derive(Debug, Clone)]
pub struct Certificate {
    chain: Vec<Bytes>,
    der: Bytes,
    private_key: Option<Secret<Bytes>>,
    /// As expressions see it, read when one first asks.
    seen: OnceLock<Option<tollgate_expr::Certificate>>,
}

impl Certificate {
    /// From DER: the leaf, the rest of the chain, and the private key as PKCS#8.
    pub fn new(der: Bytes, chain: Vec<Bytes>, private_key: Option<Secret<Bytes>>) -> Self {
        Self { chain, der, private_key, seen: OnceLock::new() }
    }

    /// DER of the leaf.
    pub fn der(&self) -> &Bytes {
        &self.der
    }

    /// DER of the certificates after the leaf.
    pub fn chain(&self) -> &[Bytes] {
        &self.chain
    }

    /// The private key as PKCS#8 DER.
    pub fn private_key(&self) -> Option<&Secret<Bytes>> {
        self.private_key.as_ref()
    }

    /// As expressions see it: they work with the private key and cannot read it.
    pub fn for_expressions(&self) -> Option<tollgate_expr::Certificate> {
        let read = || {
            let key = self.private_key.as_ref().map(|key| key.expose().clone());
            tollgate_expr::Certificate::new(&self.der, key)
        };
        self.seen.get_or_init(read).clone()
    }

    /// SHA-1 of the leaf in upper-case hexadecimal, as Azure names certificates.
    pub fn thumbprint(&self) -> String {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der);
        hash.as_ref().iter().fold(String::with_capacity(40), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ok = write!(text, "{byte:02X}");
            text
        })
    }

    /// The public key, to verify signatures with.
    pub fn verification_key(&self, id: Option<String>) -> Result<VerificationKey, String> {
        VerificationKey::from_certificate(id, &self.der)
    }

    /// The private key, to decrypt tokens with.
    pub fn decryption_key(&self, id: Option<String>) -> Result<DecryptionKey, String> {
        let key = self.private_key.as_ref().ok_or("the certificate has no private key")?;
        DecryptionKey::from_pkcs8(id, key.expose())
    }
}
