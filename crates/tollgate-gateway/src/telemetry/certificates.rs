//! Metrics of certificates.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// When the certificates of the configuration end. Clones speak of the same.
#[derive(Debug, Clone, Default)]
pub struct CertificateMetrics {
    ends: Family<CertificateLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    certificate: Arc<str>,
}

impl CertificateMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "certificate_expires_timestamp_seconds",
            "When a certificate of the configuration ends",
            self.ends.clone(),
        );
    }

    /// Says which certificates there are, and when each ends, in seconds since 1970.
    pub fn replace<'a>(&self, certificates: impl Iterator<Item = (&'a Arc<str>, i64)>) {
        self.ends.clear();
        for (certificate, ends) in certificates {
            let labels = CertificateLabels { certificate: Arc::clone(certificate) };
            self.ends.get_or_create(&labels).set(ends);
        }
    }
}
