//! Whom certificates may come from.

use std::time::Duration;

use bytes::Bytes;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator,
    KeyPurposeIdIter, OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder,
    UnknownStatusPolicy,
};

use super::Certificate;

/// Roots that are trusted, and certificates that lead to them.
#[derive(Default)]
pub struct TrustStore {
    roots: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
    revoked: Vec<CertRevocationList<'static>>,
}

/// Whether what authorities have revoked is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Each certificate on the way to the root must be on its authority's list, as not revoked.
    Checked,
    /// It is not.
    Unchecked,
}

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untrusted {
    /// It leads to no root, and why.
    NoRoot(String),
    /// It or one on the way to its root was revoked.
    Revoked,
    /// Whether it was revoked is not known, and why.
    Unknown(String),
}

impl std::fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustStore")
            .field("roots", &self.roots.len())
            .field("intermediates", &self.intermediates.len())
            .finish_non_exhaustive()
    }
}

/// Certificates are checked for no particular use, as `X509Certificate2.Verify` does.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

impl TrustStore {
    /// Of DER. Roots that cannot be read are left out.
    pub fn new(
        roots: impl IntoIterator<Item = Bytes>,
        intermediates: impl IntoIterator<Item = Bytes>,
    ) -> TrustStore {
        let owned = |der: Bytes| CertificateDer::from(der.to_vec());
        let roots: Vec<CertificateDer<'static>> = roots.into_iter().map(owned).collect();
        let anchors = roots
            .iter()
            .filter_map(|root| webpki::anchor_from_trusted_cert(root).ok())
            .map(|anchor| anchor.to_owned())
            .collect();
        let intermediates = intermediates.into_iter().map(owned).collect();
        TrustStore { roots, anchors, intermediates, revoked: Vec::new() }
    }

    /// With lists of what authorities have revoked, in DER. Those that cannot be read are left out.
    #[must_use]
    pub fn with_revocation_lists(mut self, lists: &[Bytes]) -> TrustStore {
        let read = lists.iter().filter_map(|list| OwnedCertRevocationList::from_der(list).ok());
        self.revoked = read.map(CertRevocationList::Owned).collect();
        self
    }

    /// Whether DER is a revocation list that can be used.
    pub fn is_revocation_list(der: &[u8]) -> bool {
        OwnedCertRevocationList::from_der(der).is_ok()
    }

    /// Whether there is any revocation list.
    pub fn has_revocation_lists(&self) -> bool {
        !self.revoked.is_empty()
    }

    /// Whether a certificate leads to a root, by the certificates that came with it and those that are known, and every
    /// certificate on the way is valid at a time, in seconds since 1970.
    pub fn verify(
        &self,
        certificate: &Certificate,
        presented: &[Bytes],
        at: i64,
        revocation: Revocation,
    ) -> Result<(), Untrusted> {
        let parsed = certificate.parsed();
        // A root is its own chain.
        if self.roots.iter().any(|root| root.as_ref() == parsed.der.as_ref()) {
            return Ok(());
        }
        let unreadable = |error: &dyn std::fmt::Display| Untrusted::NoRoot(error.to_string());
        let der = CertificateDer::from(parsed.der.as_ref());
        let leaf = EndEntityCert::try_from(&der).map_err(|error| unreadable(&error))?;
        let at = u64::try_from(at).map_err(|error| unreadable(&error))?;
        let presented = presented.iter().map(|der| CertificateDer::from(der.as_ref()));
        let between: Vec<CertificateDer<'_>> =
            presented.chain(self.intermediates.iter().cloned()).collect();
        let lists: Vec<&CertRevocationList<'_>> = self.revoked.iter().collect();
        let revocation = match (revocation, RevocationOptionsBuilder::new(&lists)) {
            (Revocation::Unchecked, _) => None,
            (Revocation::Checked, Err(_)) => {
                return Err(Untrusted::Unknown("there are no revocation lists".to_owned()));
            }
            (Revocation::Checked, Ok(options)) => Some(
                options
                    .with_depth(RevocationCheckDepth::Chain)
                    .with_status_policy(UnknownStatusPolicy::Deny)
                    .with_expiration_policy(ExpirationPolicy::Enforce)
                    .build(),
            ),
        };
        let verdict = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors,
            &between,
            UnixTime::since_unix_epoch(Duration::from_secs(at)),
            AnyUsage,
            revocation,
            None,
        );
        verdict.map(|_| ()).map_err(|error| match error {
            Error::CertRevoked => Untrusted::Revoked,
            Error::UnknownRevocationStatus
            | Error::CrlExpired { .. }
            | Error::IssuerNotCrlSigner
            | Error::InvalidCrlSignatureForPublicKey => Untrusted::Unknown(error.to_string()),
            other => Untrusted::NoRoot(other.to_string()),
        })
    }

    /// Whether one certificate signed another.
    pub fn signed(issuer: &Bytes, certificate: &Certificate) -> bool {
        let parsed = certificate.parsed();
        let (issuer, der) =
            (CertificateDer::from(issuer.as_ref()), CertificateDer::from(parsed.der.as_ref()));
        let (Ok(anchor), Ok(leaf), Ok(at)) = (
            webpki::anchor_from_trusted_cert(&issuer),
            EndEntityCert::try_from(&der),
            // Only the signature is asked about.
            u64::try_from(parsed.not_before),
        ) else {
            return false;
        };
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        leaf.verify_for_usage(algorithms, &[anchor], &[], at, AnyUsage, None, None).is_ok()
    }

    /// DER of the roots and of what leads to them.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.roots.iter().chain(&self.intermediates).map(AsRef::as_ref)
    }

    /// Whether a certificate leads to a root and every certificate on the way is valid now, in seconds since 1970.
    /// Revocation is not looked at. The certificate of an authority is accepted only when it is a root.
    pub(crate) fn accepts(&self, certificate: &Certificate, now: i64) -> bool {
        let parsed = certificate.parsed();
        if !(parsed.not_before..=parsed.not_after).contains(&now) {
            return false;
        }
        self.verify(certificate, &[], now, Revocation::Unchecked).is_ok()
    }
}
