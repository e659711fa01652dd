//! `[certificates]`: certificates and their private keys, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use aws_lc_rs::{digest, rsa};
use bytes::Bytes;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use tollgate_engine::Secret;
use tollgate_engine::jose::Certificate;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Longest PEM text that is read.
const MAX_PEM: usize = 1024 * 1024;
/// Most certificates of a chain or a bundle.
const MAX_CHAIN: usize = 1_024;

/// Where a certificate is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// PEM files.
    Files {
        /// The certificate, then the rest of its chain; perhaps its key, too.
        certificate: PathBuf,
        /// The private key, where it is in a file of its own.
        key: Option<PathBuf>,
    },
    /// PEM text, from the environment or a vault.
    Text {
        /// The certificate, then the rest of its chain; perhaps its key, too.
        certificate: Secret<String>,
        /// The private key, where it is apart.
        key: Option<Secret<String>>,
    },
}

/// Why a certificate cannot be used. No variant holds any part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
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

/// Certificates by name, as read at one moment.
#[derive(Debug, Default)]
pub struct Certificates {
    by_name: BTreeMap<String, Arc<Certificate>>,
    by_thumbprint: BTreeMap<String, Arc<Certificate>>,
}

impl Certificates {
    /// Reads all; what cannot be read is told with its name.
    pub fn load(
        sources: &BTreeMap<String, CertificateSource>,
    ) -> Result<Self, Vec<(String, CertificateError)>> {
        let mut loaded = Self::default();
        let mut errors = Vec::new();
        for (name, source) in sources {
            match source.read() {
                Ok(certificate) => loaded.insert(name.clone(), certificate),
                Err(error) => errors.push((name.clone(), error)),
            }
        }
        if errors.is_empty() { Ok(loaded) } else { Err(errors) }
    }

    fn insert(&mut self, name: String, certificate: Certificate) {
        let certificate = Arc::new(certificate);
        self.by_thumbprint.insert(thumbprint(certificate.der()), Arc::clone(&certificate));
        self.by_name.insert(name, certificate);
    }

    /// A certificate by name, else by thumbprint: SHA-1 of the certificate in hexadecimal, in any case.
    pub fn find(&self, id: &str) -> Option<&Arc<Certificate>> {
        self.by_name.get(id).or_else(|| self.by_thumbprint.get(&id.to_ascii_uppercase()))
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// SHA-1 in upper-case hexadecimal, as Azure names certificates.
fn thumbprint(der: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    let digit = |half: u8| char::from(HEX.get(usize::from(half)).copied().unwrap_or(b'0'));
    hash.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl CertificateSource {
    /// Reads the certificate and judges its key.
    pub fn read(&self) -> Result<Certificate, CertificateError> {
        let (certificate, key) = self.texts()?;
        read_certificate(certificate.expose(), key.as_ref().map(|key| key.expose().as_slice()))
    }

    /// Files to watch.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let (certificate, key) = match self {
            Self::Files { certificate, key } => (Some(certificate), key.as_ref()),
            Self::Text { .. } => (None, None),
        };
        certificate.into_iter().chain(key).map(PathBuf::as_path)
    }

    fn texts(&self) -> Result<(PemText, Option<PemText>), CertificateError> {
        match self {
            Self::Files { certificate, key } => {
                let key = key.as_deref().map(read_file).transpose()?;
                Ok((read_file(certificate)?, key))
            }
            Self::Text { certificate, key } => {
                let bytes = |text: &Secret<String>| Secret::new(text.expose().clone().into_bytes());
                Ok((bytes(certificate), key.as_ref().map(bytes)))
            }
        }
    }
}

/// May hold a key.
type PemText = Secret<Vec<u8>>;

fn read_file(path: &Path) -> Result<PemText, CertificateError> {
    let failed = |why: std::io::Error| CertificateError::File {
        path: path.to_owned(),
        why: why.to_string(),
    };
    std::fs::read(path).map(Secret::new).map_err(failed)
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

/// Certificates that follow their files. The configuration's reload makes a new store; within it, [`Self::refresh`] takes
/// over renewed files.
pub struct CertificateStore {
    sources: BTreeMap<String, CertificateSource>,
    current: ArcSwap<Certificates>,
    /// What the files held when `current` was read.
    seen: parking_lot::Mutex<Option<digest::Digest>>,
}

impl fmt::Debug for CertificateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateStore")
            .field("names", &self.sources.keys())
            .finish_non_exhaustive()
    }
}

/// What [`CertificateStore::refresh`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The files are what they were.
    Unchanged,
    /// Renewed certificates are in use.
    Changed,
    /// The files have changed and cannot be used; the certificates in use stay.
    Failed(Vec<(String, CertificateError)>),
}

impl CertificateStore {
    /// Reads all certificates.
    pub fn new(
        sources: BTreeMap<String, CertificateSource>,
    ) -> Result<Self, Vec<(String, CertificateError)>> {
        let seen = fingerprint(&sources);
        let current = Certificates::load(&sources)?;
        Ok(Self {
            sources,
            current: ArcSwap::from_pointee(current),
            seen: parking_lot::Mutex::new(Some(seen)),
        })
    }

    /// The certificates in use.
    pub fn current(&self) -> Arc<Certificates> {
        self.current.load_full()
    }

    /// Reads the files again when they have changed. Blocks on the file system; call it off the request threads, on a
    /// change that was notified and every minute or so (a mounted secret changes without telling).
    pub fn refresh(&self) -> Refreshed {
        let mut seen = self.seen.lock();
        let now = fingerprint(&self.sources);
        if seen.as_ref().is_some_and(|seen| seen.as_ref() == now.as_ref()) {
            return Refreshed::Unchanged;
        }
        // Also after a failure: the same files would fail the same way, once is enough to tell.
        *seen = Some(now);
        match Certificates::load(&self.sources) {
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                Refreshed::Changed
            }
            Err(errors) => Refreshed::Failed(errors),
        }
    }
}

fn fingerprint(sources: &BTreeMap<String, CertificateSource>) -> digest::Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for path in sources.values().flat_map(CertificateSource::files) {
        let content =
            std::fs::read(path).map(|content| digest::digest(&digest::SHA256, &content)).ok();
        context.update(&[u8::from(content.is_some())]);
        context.update(content.as_ref().map_or(&[], AsRef::as_ref));
    }
    context.finish()
}

#[cfg(test)]
mod tests;
