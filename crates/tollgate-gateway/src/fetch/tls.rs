//! TLS towards what the gateway calls for itself.

use std::sync::Arc;

use bytes::Bytes;
use pingora::tls::{CertificateDer, load_native_certs};
use rustls::{ClientConfig, RootCertStore};

/// Trusts the system's roots and these.
///
/// The provider is named because two are in the dependency graph; rustls would panic rather than choose.
pub(super) fn client_config(roots: &[Bytes]) -> Result<ClientConfig, rustls::Error> {
    let mut store = RootCertStore::empty();
    match load_native_certs() {
        Ok(native) => {
            let (_, ignored) = store.add_parsable_certificates(native);
            if ignored > 0 {
                tracing::debug!(ignored, "some of the system's root certificates cannot be read");
            }
        }
        Err(error) => tracing::warn!(%error, "the system's root certificates cannot be read"),
    }
    for root in roots {
        store.add(CertificateDer::from(root.to_vec()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth())
}
