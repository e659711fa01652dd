//! Backends as configured.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tollgate_engine::jose::Certificate;
use tollgate_engine::ports::{HttpVersion, TokenSource};
use tollgate_engine::{Secret, Url};

use crate::breaker::Breaker;

/// A backend: where it is, how the gateway proves itself to it, and how it is spoken to.
#[derive(Debug)]
pub struct Backend {
    /// Identifier.
    pub id: Arc<str>,
    /// Base URL.
    pub url: Url,
    /// What is added to each request.
    pub credentials: Credentials,
    /// TLS towards it.
    pub tls: TlsOptions,
    /// HTTP version; `None` leaves it to `forward-request`.
    pub http_version: Option<HttpVersion>,
    /// Overrides of the gateway's time-outs.
    pub connect_timeout: Option<Duration>,
    /// Likewise, for status and headers.
    pub first_byte_timeout: Option<Duration>,
    /// Deployments that it has by other names: those of callers, and its own.
    pub deployments: HashMap<String, String>,
    /// What keeps requests away while it fails.
    pub breaker: Option<Arc<Breaker>>,
}

/// What is added to each request for a backend. Applied last, over what client and policies have set.
#[derive(Default)]
pub struct Credentials {
    /// Headers; the values are marked as sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Query parameters, percent-encoded when sent.
    pub query: Vec<(String, Secret<String>)>,
    /// The whole `Authorization` value.
    pub authorization: Option<HeaderValue>,
    /// A token of the gateway's own replaces `Authorization`.
    pub managed_identity: Option<Arc<dyn TokenSource>>,
    /// Client certificate.
    pub certificate: Option<Arc<Certificate>>,
}

impl Credentials {
    /// Whether the gateway proves itself to the backend. A query alone, such as a version, does not.
    pub(crate) fn prove_something(&self) -> bool {
        !self.headers.is_empty()
            || self.authorization.is_some()
            || self.managed_identity.is_some()
            || self.certificate.is_some()
    }

    /// Puts the headers over those that are there.
    pub(crate) fn put_headers(&self, headers: &mut HeaderMap) {
        // One name may be given several values: the first replaces, the rest are added.
        for (index, (name, value)) in self.headers.iter().enumerate() {
            if self.headers.iter().take(index).all(|(earlier, _)| earlier != name) {
                headers.insert(name, value.clone());
            } else {
                headers.append(name, value.clone());
            }
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// TLS towards a backend.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// Whether the chain must lead to a trusted root.
    pub verify_chain: bool,
    /// Whether the certificate must be for the host.
    pub verify_name: bool,
    /// DER of the roots to trust instead of the system's.
    pub roots: Option<Arc<Vec<bytes::Bytes>>>,
    /// Name to ask for instead of the host.
    pub server_name: Option<String>,
}

impl TlsOptions {
    /// Whether it asks for no more than a certificate for the host that leads to one of the system's roots.
    pub(crate) fn is_plain(&self) -> bool {
        let Self { verify_chain, verify_name, roots, server_name } = self;
        *verify_chain && *verify_name && roots.is_none() && server_name.is_none()
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { verify_chain: true, verify_name: true, roots: None, server_name: None }
    }
}
