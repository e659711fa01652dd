//! Certificates and private keys in PEM.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use bytes::Bytes;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use tollgate_engine::jose::Certificate;
use tollgate_engine::{Secret, TrustStore};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Longest PEM text that is read.
const MAX_PEM: usize = 1024 * 1024;
/// Most certificates of a chain or a bundle.
const MAX_CHAIN: usize = 1_024;

/// Why a certificate cannot be used. No variant holds any part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text is too long.
    #[error(
        "the PEM text is longer than {MAX_PEM} bytes or has more than {MAX_CHAIN} certificates"
    )]
    TooLong,
    /// The text is no PEM.
    #[error("the PEM text is damaged: a section does not end, or is not base64")]
    Pem,
    /// No certificate in the text.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// The leaf is no certificate.
    #[error("certificate number {0} in the PEM text cannot be read")]
    Certificate(usize),
    /// More than one key.
    #[error("there is more than one private key")]
    TwoKeys,
    /// The key has a password.
    #[error(
        "the private key is encrypted with a password, which is not supported; give it without one"
    )]
    EncryptedKey,
    /// The key text holds no key.
    #[error("there is no private key in the text that should hold it")]
    NoKey,
    /// The key cannot be used.
    #[error(
        "the private key cannot be read, or is neither RSA of at least 2048 bits, P-256, P-384, P-521 nor Ed25519"
    )]
    Key,
    /// The key is another certificate's.
    #[error("the private key does not belong to the certificate, which must come first")]
    OtherKey,
}

/// Reads a certificate with its chain, and the private key that is beside it or in a text of its own.
pub fn read_certificate(
    certificate: &[u8],
    key: Option<&[u8]>,
) -> Result<Certificate, CertificateError> {
    let mut sections = read_sections(certificate)?;
    if let Some(key) = key {
        let apart = read_sections(key)?;
        if apart.keys.is_empty() {
            return Err(CertificateError::NoKey);
        }
        sections.keys.extend(apart.keys);
    }
    let leaf = sections.certificates.first().cloned().ok_or(CertificateError::NoCertificate)?;
    for (n, der) in sections.certificates.iter().enumerate() {
        X509Certificate::from_der(der).map_err(|_| CertificateError::Certificate(n + 1))?;
    }
    let private_key = match sections.keys.as_slice() {
        [] => None,
        [key] => Some(normalize(key, &leaf)?),
        _ => return Err(CertificateError::TwoKeys),
    };
    let chain = sections.certificates.into_iter().skip(1).collect();
    Ok(Certificate::new(leaf, chain, private_key))
}

/// Reads a bundle of root certificates.
pub fn read_bundle(pem: &[u8]) -> Result<Vec<Bytes>, CertificateError> {
    let certificates = read_sections(pem)?.certificates;
    if certificates.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    for (n, der) in certificates.iter().enumerate() {
        X509Certificate::from_der(der).map_err(|_| CertificateError::Certificate(n + 1))?;
    }
    Ok(certificates)
}

/// Reads a file with a bundle of root certificates.
pub(crate) fn read_bundle_file(path: &Path) -> Result<Vec<Bytes>, String> {
    let pem = std::fs::read(path).map_err(|error| error.kind().to_string())?;
    read_bundle(&pem).map_err(|error| error.to_string())
}

/// Reads revocation lists: any number in PEM, or one in DER.
pub fn read_revocation_lists(bytes: &[u8]) -> Result<Vec<Bytes>, String> {
    const LONGEST: usize = 16 << 20;
    if bytes.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let mut lists = Vec::new();
    if bytes.starts_with(b"0") {
        lists.push(Bytes::copy_from_slice(bytes));
    } else {
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
            let (kind, der) = section.map_err(|_| CertificateError::Pem.to_string())?;
            if kind == SectionKind::Crl {
                lists.push(der.into());
            }
        }
    }
    if lists.is_empty() {
        return Err("there is no revocation list in it".to_owned());
    }
    if lists.iter().all(|list| TrustStore::is_revocation_list(list)) {
        Ok(lists)
    } else {
        Err("a revocation list in it cannot be read".to_owned())
    }
}

struct Sections {
    certificates: Vec<Bytes>,
    keys: Vec<(SectionKind, Secret<Vec<u8>>)>,
}

fn read_sections(pem: &[u8]) -> Result<Sections, CertificateError> {
    if pem.len() > MAX_PEM {
        return Err(CertificateError::TooLong);
    }
    if pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        return Err(CertificateError::EncryptedKey);
    }
    let mut sections = Sections { certificates: Vec::new(), keys: Vec::new() };
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        // The error holds the line at fault, which may be the key's.
        let (kind, der) = section.map_err(|_| CertificateError::Pem)?;
        match kind {
            SectionKind::Certificate if sections.certificates.len() >= MAX_CHAIN => {
                return Err(CertificateError::TooLong);
            }
            SectionKind::Certificate => sections.certificates.push(der.into()),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                sections.keys.push((kind, Secret::new(der)));
            }
            _ => {}
        }
    }
    Ok(sections)
}

/// In the marker of PKCS#8 and in the header of the older form (`Proc-Type: 4,ENCRYPTED`).
const ENCRYPTED: &[u8] = b"ENCRYPTED";

/// The key as PKCS#8, when it belongs to the certificate.
fn normalize(
    (kind, der): &(SectionKind, Secret<Vec<u8>>),
    leaf: &[u8],
) -> Result<Secret<Bytes>, CertificateError> {
    let (_, leaf) =
        X509Certificate::from_der(leaf).map_err(|_| CertificateError::Certificate(1))?;
    let expected = leaf.public_key().subject_public_key.data.as_ref();
    let (pkcs8, public) = match kind {
        SectionKind::RsaPrivateKey => from_pkcs1(der.expose()),
        SectionKind::EcPrivateKey => from_sec1(der.expose()),
        _ => from_pkcs8(der.expose()),
    }
    .ok_or(CertificateError::Key)?;
    if public == expected { Ok(Secret::new(pkcs8)) } else { Err(CertificateError::OtherKey) }
}

type KeyAndPublic = (Bytes, Vec<u8>);

const CURVES: [&EcdsaSigningAlgorithm; 3] = [
    &ECDSA_P256_SHA256_ASN1_SIGNING,
    &ECDSA_P384_SHA384_ASN1_SIGNING,
    &ECDSA_P521_SHA512_ASN1_SIGNING,
];

fn from_pkcs1(der: &[u8]) -> Option<KeyAndPublic> {
    let key = rsa::KeyPair::from_der(der).ok()?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().ok()?;
    Some((Bytes::copy_from_slice(pkcs8.as_ref()), key.public_key().as_ref().to_vec()))
}

fn from_sec1(der: &[u8]) -> Option<KeyAndPublic> {
    let key =
        CURVES.iter().find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())?;
    let pkcs8 = key.to_pkcs8v1().ok()?;
    Some((Bytes::copy_from_slice(pkcs8.as_ref()), key.public_key().as_ref().to_vec()))
}

fn from_pkcs8(der: &[u8]) -> Option<KeyAndPublic> {
    let public = RsaKeyPair::from_pkcs8(der)
        .map(|key| key.public_key().as_ref().to_vec())
        .ok()
        .or_else(|| {
            let key = CURVES.iter().find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok())?;
            Some(key.public_key().as_ref().to_vec())
        })
        .or_else(|| {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
            Some(key.public_key().as_ref().to_vec())
        })?;
    Some((Bytes::copy_from_slice(der), public))
}

pub(crate) use validity::{Concern, Validity, shown};

mod validity;

#[cfg(test)]
mod tests;
