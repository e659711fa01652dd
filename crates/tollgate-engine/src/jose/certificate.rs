//! Certificates by name.

use bytes::Bytes;

use crate::Secret;

/// A certificate with its chain and, when configured, its private key.
#[derive(Debug, Clone)]
pub struct Certificate {
    chain: Vec<Bytes>,
    der: Bytes,
    private_key: Option<Secret<Bytes>>,
}

impl Certificate {
    /// From DER: the leaf, the rest of the chain, and the private key as PKCS#8.
    pub fn new(der: Bytes, chain: Vec<Bytes>, private_key: Option<Secret<Bytes>>) -> Self {
        Self { chain, der, private_key }
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
}
