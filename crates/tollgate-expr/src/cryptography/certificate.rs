//! Certificates with their keys, as hosts give them to expressions.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::digest::Algorithm;
use super::oid;
use super::parse::{Alternative, Parsed};
use super::rsa_key::RsaKey;

/// A certificate, with its private key if there is one. Cheap to clone; what is read of it is read once.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    parsed: Parsed,
    /// PKCS#8; never printed.
    private_key: Option<Bytes>,
    /// Whether expressions may see the private key itself.
    leaves: bool,
    rsa: OnceLock<Option<Arc<RsaKey>>>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subject = self.0.parsed.subject.text();
        f.debug_struct("Certificate").field("subject", &subject).finish_non_exhaustive()
    }
}

impl Certificate {
    /// From DER, with the private key as PKCS#8. Expressions sign and decrypt with the key and cannot read it.
    pub fn new(der: &Bytes, private_key: Option<Bytes>) -> Option<Certificate> {
        Certificate::build(der, private_key, false)
    }

    /// From what an expression gave, which may read back what it gave.
    pub(crate) fn given(der: &Bytes, private_key: Option<Bytes>) -> Option<Certificate> {
        Certificate::build(der, private_key, true)
    }

    fn build(der: &Bytes, private_key: Option<Bytes>, leaves: bool) -> Option<Certificate> {
        let parsed = Parsed::read(der)?;
        Some(Certificate(Arc::new(Inner { parsed, private_key, leaves, rsa: OnceLock::new() })))
    }

    /// Whether the two are one.
    pub(crate) fn is(&self, other: &Certificate) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn parsed(&self) -> &Parsed {
        &self.0.parsed
    }

    /// The certificate as it stands.
    pub fn der(&self) -> &Bytes {
        &self.0.parsed.der
    }

    /// SHA-1 in upper-case hexadecimal, as Azure names certificates.
    pub fn thumbprint(&self) -> String {
        let hash = Algorithm::Sha1.hash(self.der());
        hex(&hash)
    }

    /// The name of its owner, as .NET writes it.
    pub fn subject(&self) -> String {
        self.parsed().subject.text()
    }

    /// The name of who made it, as .NET writes it.
    pub fn issuer(&self) -> String {
        self.parsed().issuer.text()
    }

    /// The common name of its owner.
    pub fn common_name(&self) -> Option<&str> {
        self.parsed().subject.last(oid::COMMON_NAME)
    }

    /// Serial number in upper-case hexadecimal.
    pub fn serial_number(&self) -> String {
        hex(&self.parsed().serial)
    }

    /// From when until when it is valid, in seconds since 1970, both inclusive.
    pub fn validity(&self) -> (i64, i64) {
        (self.parsed().not_before, self.parsed().not_after)
    }

    /// DNS names among its alternative names.
    pub fn dns_names(&self) -> Vec<String> {
        self.parsed().alternatives(oid::SUBJECT_ALTERNATIVE, Alternative::Dns)
    }

    pub(crate) fn has_private_key(&self) -> bool {
        self.0.private_key.is_some() || matches!(self.0.rsa.get(), Some(Some(_)))
    }

    /// The private key, to work with; none when it is not RSA.
    pub(crate) fn rsa(&self) -> Option<Arc<RsaKey>> {
        let read = || {
            let key = RsaKey::from_pkcs8(self.0.private_key.as_deref()?, self.0.leaves);
            key.ok().map(|(key, _)| Arc::new(key))
        };
        self.0.rsa.get_or_init(read).clone()
    }

    /// With a private key.
    pub(crate) fn with_rsa(&self, key: Arc<RsaKey>) -> Option<Certificate> {
        let made = Certificate::given(self.der(), None)?;
        made.0.rsa.set(Some(key)).ok()?;
        Some(made)
    }
}

/// Upper-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ok = write!(text, "{byte:02X}");
        text
    })
}
