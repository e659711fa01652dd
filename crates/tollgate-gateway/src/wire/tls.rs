//! TLS towards backends.

use std::sync::{Arc, OnceLock};

use pingora::tls::{CertificateDer, PrivateKeyDer, load_native_certs};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tollgate_engine::jose::Certificate;

use crate::TlsOptions;

/// Why TLS towards a backend cannot be set up.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum TlsError {
    /// A private root certificate cannot be used.
    #[error("a root certificate of the backend cannot be used: {0}")]
    Root(String),
    /// The client certificate cannot be used.
    #[error("the client certificate cannot be used: {0}")]
    ClientCertificate(String),
    /// rustls refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(String),
}

/// The protocols offered in ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// HTTP/1.1.
    One,
    /// HTTP/2, else HTTP/1.1.
    TwoOrOne,
    /// HTTP/2.
    Two,
}

impl Offer {
    fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::One => vec![b"http/1.1".to_vec()],
            Self::TwoOrOne => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Two => vec![b"h2".to_vec()],
        }
    }
}

/// The provider is named wherever one is needed: two are in the dependency graph, and rustls would panic rather than
/// choose.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// Settings for one backend. Made once and kept: session tickets live in it.
pub(crate) fn client_config(
    options: &TlsOptions,
    certificate: Option<&Certificate>,
    offer: Offer,
) -> Result<Arc<ClientConfig>, TlsError> {
    let settings = |error: rustls::Error| TlsError::Settings(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(settings)?;
    let verifier = Verifier::new(options)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let (chain, key) = client_identity(certificate)?;
            let unusable = |error: rustls::Error| TlsError::ClientCertificate(error.to_string());
            builder.with_client_auth_cert(chain, key).map_err(unusable)?
        }
    };
    config.alpn_protocols = offer.alpn();
    Ok(Arc::new(config))
}

/// A client certificate with its chain, and its key.
pub(crate) fn client_identity(
    certificate: &Certificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let key = certificate
        .private_key()
        .ok_or_else(|| TlsError::ClientCertificate("it has no private key".to_owned()))?;
    let chain = std::iter::once(certificate.der()).chain(certificate.chain());
    let chain = chain.map(|der| CertificateDer::from(der.to_vec())).collect();
    Ok((chain, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.expose().to_vec()))))
}

/// The system's roots, read at the first use.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut store = RootCertStore::empty();
        match load_native_certs() {
            Ok(native) => {
                let (_, ignored) = store.add_parsable_certificates(native);
                if ignored > 0 {
                    tracing::debug!(
                        ignored,
                        "some of the system's root certificates cannot be read"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "the system's root certificates cannot be read"),
        }
        Arc::new(store)
    };
    Arc::clone(ROOTS.get_or_init(read))
}

/// DER of the system's roots, for a configuration that trusts others besides.
pub(crate) fn system_root_certificates() -> Vec<bytes::Bytes> {
    let native = load_native_certs().unwrap_or_default();
    native.into_iter().map(|der| bytes::Bytes::copy_from_slice(der.as_ref())).collect()
}

/// Checks what the backend's options leave to check.
#[derive(Debug)]
struct Verifier {
    /// None when the chain need not lead to a trusted root.
    chain: Option<Arc<WebPkiServerVerifier>>,
    verify_name: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let provider = provider();
        let chain = if options.verify_chain {
            let roots = match &options.roots {
                None => system_roots(),
                Some(roots) => {
                    let mut store = RootCertStore::empty();
                    for root in roots.iter() {
                        let added = store.add(CertificateDer::from(root.to_vec()));
                        added.map_err(|error| TlsError::Root(error.to_string()))?;
                    }
                    Arc::new(store)
                }
            };
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
            Some(verifier.build().map_err(|error| TlsError::Root(error.to_string()))?)
        } else {
            None
        };
        Ok(Self { chain, verify_name: options.verify_name, provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            if self.verify_name {
                rustls::client::verify_server_name(
                    &ParsedCertificate::try_from(end_entity)?,
                    server_name,
                )?;
            }
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is judged last, so nothing else is wrong with the certificate.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.verify_name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
