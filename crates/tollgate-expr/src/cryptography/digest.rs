//! Hashes and keyed hashes as data: what the types of .NET are made of.

use aws_lc_rs::{digest, hmac};
use md5::{Digest as _, Md5};

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// As `HashAlgorithmName` writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        }
    }

    /// The function that `HashAlgorithmName` names.
    pub(crate) fn named(name: &str) -> Option<Algorithm> {
        [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512]
            .into_iter()
            .find(|known| known.name() == name)
    }

    /// Bytes of a hash.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Bytes that it works on at a time.
    pub(crate) fn block_len(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    /// That of the library; it has no MD5.
    pub(crate) fn digest(self) -> Option<&'static digest::Algorithm> {
        Some(match self {
            Self::Md5 => return None,
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        })
    }

    fn hmac(self) -> Option<hmac::Algorithm> {
        Some(match self {
            Self::Md5 => return None,
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        })
    }

    /// The hash of data.
    pub(crate) fn hash(self, data: &[u8]) -> Vec<u8> {
        let mut running = Running::new(self);
        running.update(data);
        running.finish()
    }
}

/// A hash that is being computed.
#[derive(Clone)]
pub(crate) enum Running {
    Md5(Md5),
    Sha(digest::Context),
    HmacMd5 { inner: Md5, outer: Md5 },
    Hmac(Box<hmac::Context>),
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What was hashed may be secret, and so may a key.
        f.write_str("Running")
    }
}

impl Running {
    pub(crate) fn new(algorithm: Algorithm) -> Running {
        match algorithm.digest() {
            Some(algorithm) => Running::Sha(digest::Context::new(algorithm)),
            None => Running::Md5(Md5::new()),
        }
    }

    /// With a key: HMAC.
    pub(crate) fn keyed(algorithm: Algorithm, key: &[u8]) -> Running {
        if let Some(algorithm) = algorithm.hmac() {
            let key = hmac::Key::new(algorithm, key);
            return Running::Hmac(Box::new(hmac::Context::with_key(&key)));
        }
        // RFC 2104, for the one hash that the library does not have.
        let hashed = if key.len() > 64 { Md5::digest(key).to_vec() } else { key.to_vec() };
        let mut block = [0u8; 64];
        for (place, byte) in block.iter_mut().zip(hashed) {
            *place = byte;
        }
        let keyed = |pad: u8| Md5::new_with_prefix(block.map(|byte| byte ^ pad));
        Running::HmacMd5 { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        match self {
            Running::Md5(hash) | Running::HmacMd5 { inner: hash, .. } => hash.update(data),
            Running::Sha(hash) => hash.update(data),
            Running::Hmac(hash) => hash.update(data),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Running::Md5(hash) => hash.finalize().to_vec(),
            Running::Sha(hash) => hash.finish().as_ref().to_vec(),
            Running::HmacMd5 { inner, outer } => {
                outer.chain_update(inner.finalize()).finalize().to_vec()
            }
            Running::Hmac(hash) => hash.sign().as_ref().to_vec(),
        }
    }
}
