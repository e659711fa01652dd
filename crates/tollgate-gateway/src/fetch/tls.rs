//! TLS towards what the gateway calls for itself.

use std::sync::Arc;

use bytes::Bytes;
use pingora::tls::{CertificateDer, load_native_certs};
use rustls::{ClientConfig, RootCertStore};
use tollgate_engine::jose::Certificate;

use super::{FetchError, unusable};
use crate::TlsOptions;
use crate::wire::{self, client_identity, tls_provider};

/// The system's roots and these.
pub(super) fn roots(own: &[Bytes]) -> Result<Arc<RootCertStore>, rustls::Error> {
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
    for root in own {
        store.add(CertificateDer::from(root.to_vec()))?;
    }
    Ok(Arc::new(store))
}

/// Trusts these roots and proves itself with this certificate.
pub(super) fn client_config(
    roots: &Arc<RootCertStore>,
    certificate: Option<&Certificate>,
) -> Result<ClientConfig, FetchError> {
    let builder = ClientConfig::builder_with_provider(tls_provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(Arc::clone(roots));
    let Some(certificate) = certificate else { return Ok(builder.with_no_client_auth()) };
    let refused = |why: String| FetchError::Refused(why);
    let (chain, key) = client_identity(certificate).map_err(|error| refused(error.to_string()))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| refused(format!("the client certificate cannot be used: {error}")))
}

/// Knows a server as the settings of a backend say.
pub(super) fn backend_config(
    options: &TlsOptions,
    certificate: Option<&Certificate>,
) -> Result<ClientConfig, FetchError> {
    let config = wire::client_config(options, certificate, wire::Offer::One);
    let config = config.map_err(|error| FetchError::Refused(error.to_string()))?;
    // The connector puts in what it offers.
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols.clear();
    Ok(config)
}
