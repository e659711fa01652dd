//! Connections for protocols other than HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::FetchError;
use super::connector::dial;
use super::guard::canonical;
use super::resolver::Resolve;

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// It is not.
    None,
    /// TLS; the certificate must be for the host and lead to a trusted root.
    Tls,
}

/// Bytes both ways.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

/// Looks the host up, connects, and encrypts when there are settings for it.
pub(super) async fn connect(
    resolver: &dyn Resolve,
    host: &str,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Box<dyn ByteStream>, FetchError> {
    let failed = |error: &dyn std::fmt::Display| FetchError::Connect(error.to_string());
    let host = canonical(host);
    let found = resolver.resolve(&host).await.map_err(|error| failed(&error))?;
    let found: Vec<_> = found.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let stream = dial(&found).await.map_err(|error| failed(&error))?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(host).map_err(|error| failed(&error))?;
    let stream = TlsConnector::from(tls).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| failed(&error))?))
}
