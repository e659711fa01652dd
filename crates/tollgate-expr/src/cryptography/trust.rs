//! Whom certificates may come from.

use std::time::Duration;

use bytes::Bytes;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::Certificate;

/// Roots that are trusted, and certificates that lead to them.
#[derive(Default)]
pub struct TrustStore {
    roots: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
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
        TrustStore { roots, anchors, intermediates }
    }

    /// Whether a certificate leads to a root and every certificate on the way is valid now, in seconds since 1970.
    /// Revocation is not looked at. The certificate of an authority is accepted only when it is a root.
    pub(crate) fn accepts(&self, certificate: &Certificate, now: i64) -> bool {
        let parsed = certificate.parsed();
        if !(parsed.not_before..=parsed.not_after).contains(&now) {
            return false;
        }
        // A root is its own chain.
        if self.roots.iter().any(|root| root.as_ref() == parsed.der.as_ref()) {
            return true;
        }
        let Ok(now) = u64::try_from(now) else { return false };
        let der = CertificateDer::from(parsed.der.as_ref());
        let Ok(leaf) = EndEntityCert::try_from(&der) else { return false };
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now));
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors,
            &self.intermediates,
            time,
            AnyUsage,
            None,
            None,
        )
        .is_ok()
    }
}
