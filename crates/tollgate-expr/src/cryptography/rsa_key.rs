//! RSA keys.

use aws_lc_rs::rsa::{KeyPair, PrivateDecryptingKey};

use super::der::{self, BIT_STRING, NULL, OCTETS, OID, Reader, SEQUENCE};

/// `rsaEncryption`.
const RSA: [u8; 9] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];

/// A key, or the public half of one.
pub(crate) struct RsaKey {
    /// Without leading zeros.
    pub(crate) modulus: Vec<u8>,
    pub(crate) exponent: Vec<u8>,
    private: Option<Private>,
}

struct Private {
    pair: KeyPair,
    decrypting: PrivateDecryptingKey,
    /// `RSAPrivateKey`; not there when the key may not leave.
    pkcs1: Option<Vec<u8>>,
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Some(pkcs1) = &mut self.pkcs1 {
            pkcs1.fill(0);
        }
    }
}

impl std::fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RsaKey").field("bits", &self.bits()).finish_non_exhaustive()
    }
}

/// Why a key is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// Not the encoding that was expected.
    Encoding,
    /// A size or a form that is not supported.
    Unsupported,
}

/// The parts of a private key, as PKCS#1 orders them after modulus and exponent.
pub(crate) const PRIVATE_PARTS: [&str; 6] = ["D", "P", "Q", "DP", "DQ", "InverseQ"];

impl RsaKey {
    /// The public half, of its parts.
    pub(crate) fn public(modulus: &[u8], exponent: &[u8]) -> RsaKey {
        let trimmed = |digits: &[u8]| {
            digits.iter().copied().skip_while(|digit| *digit == 0).collect::<Vec<u8>>()
        };
        RsaKey { modulus: trimmed(modulus), exponent: trimmed(exponent), private: None }
    }

    /// The public half, from `RSAPublicKey`; with how many bytes were read.
    pub(crate) fn from_public(der: &[u8]) -> Result<(RsaKey, usize), KeyFault> {
        let mut reader = Reader::new(der);
        let read = |reader: &mut Reader<'_>| {
            let mut key = reader.inside(SEQUENCE)?;
            let (modulus, exponent) = (key.unsigned()?, key.unsigned()?);
            key.is_empty().then(|| RsaKey::public(modulus, exponent))
        };
        let key = read(&mut reader).ok_or(KeyFault::Encoding)?;
        Ok((key, der.len() - reader.rest().len()))
    }

    /// The public half, from `SubjectPublicKeyInfo`; with how many bytes were read.
    pub(crate) fn from_spki(der: &[u8]) -> Result<(RsaKey, usize), KeyFault> {
        let mut reader = Reader::new(der);
        let key = key_of_spki(&mut reader).ok_or(KeyFault::Encoding)?;
        let (key, _) = RsaKey::from_public(key)?;
        Ok((key, der.len() - reader.rest().len()))
    }

    /// A key, from `RSAPrivateKey` (PKCS#1); with how many bytes were read.
    pub(crate) fn from_pkcs1(der: &[u8], leaves: bool) -> Result<(RsaKey, usize), KeyFault> {
        let mut reader = Reader::new(der);
        let raw = reader.raw().ok_or(KeyFault::Encoding)?;
        let read = || {
            let mut key = Reader::new(raw).inside(SEQUENCE)?;
            let version = key.number()?;
            let parts = (key.unsigned()?, key.unsigned()?);
            for _ in PRIVATE_PARTS {
                key.unsigned()?;
            }
            (version == 0).then_some(parts)
        };
        let (modulus, exponent) = read().ok_or(KeyFault::Encoding)?;
        let mut key = RsaKey::public(modulus, exponent);
        let unsupported = |_| KeyFault::Unsupported;
        let mut pkcs8 = pkcs8(raw);
        let decrypting = PrivateDecryptingKey::from_pkcs8(&pkcs8).map_err(unsupported);
        pkcs8.fill(0);
        key.private = Some(Private {
            pair: KeyPair::from_der(raw).map_err(unsupported)?,
            decrypting: decrypting?,
            pkcs1: leaves.then(|| raw.to_vec()),
        });
        Ok((key, der.len() - reader.rest().len()))
    }

    /// A key, from PKCS#8; with how many bytes were read.
    pub(crate) fn from_pkcs8(der: &[u8], leaves: bool) -> Result<(RsaKey, usize), KeyFault> {
        let mut reader = Reader::new(der);
        let key = key_of_pkcs8(&mut reader).ok_or(KeyFault::Encoding)?;
        let (key, _) = RsaKey::from_pkcs1(key, leaves)?;
        Ok((key, der.len() - reader.rest().len()))
    }

    /// The size in bits.
    pub(crate) fn bits(&self) -> usize {
        let first = self.modulus.first().copied().unwrap_or_default();
        (self.modulus.len() * 8).saturating_sub(first.leading_zeros() as usize)
    }

    pub(crate) fn has_private(&self) -> bool {
        self.private.is_some()
    }

    /// The pair, to sign with.
    pub(crate) fn pair(&self) -> Option<&KeyPair> {
        self.private.as_ref().map(|private| &private.pair)
    }

    /// The pair, to decrypt with.
    pub(crate) fn decrypting(&self) -> Option<PrivateDecryptingKey> {
        self.private.as_ref().map(|private| private.decrypting.clone())
    }

    /// `RSAPrivateKey`; none when there is none or it may not leave.
    pub(crate) fn pkcs1(&self) -> Option<&[u8]> {
        self.private.as_ref()?.pkcs1.as_deref()
    }

    /// PKCS#8; none when there is no private key or it may not leave.
    pub(crate) fn pkcs8(&self) -> Option<Vec<u8>> {
        self.pkcs1().map(pkcs8)
    }

    /// `RSAPublicKey`.
    pub(crate) fn public_der(&self) -> Vec<u8> {
        der::values(SEQUENCE, &[der::unsigned(&self.modulus), der::unsigned(&self.exponent)])
    }

    /// `SubjectPublicKeyInfo`.
    pub(crate) fn spki(&self) -> Vec<u8> {
        let mut bits = vec![0];
        bits.extend(self.public_der());
        der::values(SEQUENCE, &[algorithm(), der::value(BIT_STRING, &bits)])
    }

    /// Whether the two have the same public half.
    pub(crate) fn matches(&self, other: &RsaKey) -> bool {
        self.modulus == other.modulus && self.exponent == other.exponent
    }
}

fn key_of_spki<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut info = reader.inside(SEQUENCE)?;
    let algorithm = info.inside(SEQUENCE)?.expect(OID)?;
    let (unused, key) = info.expect(BIT_STRING)?.split_first()?;
    (algorithm == RSA && *unused == 0).then_some(key)
}

fn key_of_pkcs8<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut info = reader.inside(SEQUENCE)?;
    info.number()?;
    let algorithm = info.inside(SEQUENCE)?.expect(OID)?;
    let key = info.expect(OCTETS)?;
    (algorithm == RSA).then_some(key)
}

fn algorithm() -> Vec<u8> {
    der::values(SEQUENCE, &[der::value(OID, &RSA), der::value(NULL, &[])])
}

fn pkcs8(pkcs1: &[u8]) -> Vec<u8> {
    der::values(SEQUENCE, &[der::unsigned(&[0]), algorithm(), der::value(OCTETS, pkcs1)])
}

/// `RSAPrivateKey` of its parts: modulus, exponent and [`PRIVATE_PARTS`].
pub(crate) fn pkcs1_of(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut values = vec![der::unsigned(&[0])];
    values.extend(parts.iter().map(|part| der::unsigned(part)));
    der::values(SEQUENCE, &values)
}
