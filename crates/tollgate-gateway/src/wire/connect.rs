//! New connections to backends.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pingora::connectors::http::v2::{ConnectionRef, H2HandshakeSettings, handshake};
use pingora::protocols::{ALPN, Ssl as _};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tollgate_engine::ports::Proxy;

use super::exchange::in_words;
use super::socket::{Socket, tune};
use super::tls::{Offer, TlsError};
use crate::fetch::{dial, open_tunnel};

/// Streams that one HTTP/2 connection carries at once. pingora's default is one.
const MAX_STREAMS: usize = 250;

/// What may wait unread in one stream, and in all streams of one connection: bounds what a slow client makes us hold.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The host is not found.
    #[error("{0}")]
    Resolve(String),
    /// The address may not be called.
    #[error("{0}")]
    Refused(String),
    /// No address accepted.
    #[error("the connection to `{0}` failed: {1}")]
    Failed(String, String),
    /// Not made in time.
    #[error("the connection to `{host}` was not made within {} ms", .within.as_millis())]
    Timeout {
        /// The host.
        host: String,
        /// The limit.
        within: Duration,
    },
    /// TLS failed.
    #[error("TLS with `{0}` failed: {1}")]
    Tls(String, String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Settings(#[from] TlsError),
    /// The backend does not speak HTTP/2.
    #[error("`{0}` does not speak HTTP/2: {1}")]
    Http2(String, String),
}

/// A connection that has just been made.
pub(crate) enum Connection {
    /// HTTP/1.1.
    One(Box<Socket>),
    /// HTTP/2.
    Two(ConnectionRef),
}

/// What is connected to.
pub(crate) struct Destination<'a> {
    /// For messages and the certificate.
    pub(crate) host: &'a str,
    /// Port.
    pub(crate) port: u16,
    /// Where the host is, best first.
    pub(crate) addresses: &'a [IpAddr],
    /// TLS settings and the name to ask for; none is plain.
    pub(crate) tls: Option<(Arc<ClientConfig>, &'a str)>,
    /// HTTP version.
    pub(crate) offer: Offer,
    /// The proxy that `addresses` are of; TLS goes through it in a tunnel.
    pub(crate) proxy: Option<&'a Proxy>,
}

/// Connects, TLS and the HTTP/2 preface included.
pub(crate) async fn connect(
    destination: Destination<'_>,
    limit: Duration,
) -> Result<Connection, ConnectError> {
    let host = destination.host;
    match tokio::time::timeout(limit, connect_unlimited(destination)).await {
        Ok(connected) => connected,
        Err(_) => Err(ConnectError::Timeout { host: host.to_owned(), within: limit }),
    }
}

async fn connect_unlimited(to: Destination<'_>) -> Result<Connection, ConnectError> {
    let failed = |error: io::Error| ConnectError::Failed(to.host.to_owned(), error.to_string());
    let port = to.proxy.map_or(to.port, |proxy| proxy.port);
    let addresses: Vec<_> = to.addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let mut stream = dial(&addresses).await.map_err(failed)?;
    tune(&stream).map_err(failed)?;
    if let Some(proxy) = to.proxy.filter(|_| to.tls.is_some()) {
        let tunnel = open_tunnel(proxy, &mut stream, to.host, to.port).await;
        tunnel.map_err(|why| ConnectError::Failed(to.host.to_owned(), why))?;
    }
    let socket = match to.tls {
        None => Socket::tcp(stream),
        Some((config, name)) => {
            let failed = |why: String| ConnectError::Tls(to.host.to_owned(), why);
            let name =
                ServerName::try_from(name.to_owned()).map_err(|error| failed(error.to_string()))?;
            let stream = TlsConnector::from(config).connect(name, stream).await;
            Socket::tls(stream.map_err(|error| failed(error.to_string()))?.into())
        }
    };
    let two = match socket.selected_alpn_proto() {
        Some(ALPN::H2) => true,
        // Without TLS there is nothing to negotiate with: HTTP/2 must have been asked for.
        None if !socket.is_tls() => to.offer == Offer::Two,
        _ => false,
    };
    if !two {
        if to.offer == Offer::Two {
            return Err(ConnectError::Http2(
                to.host.to_owned(),
                "it was not negotiated".to_owned(),
            ));
        }
        return Ok(Connection::One(Box::new(socket)));
    }
    let mut settings = H2HandshakeSettings::new();
    settings.max_streams = MAX_STREAMS;
    settings.stream_window_size = Some(STREAM_WINDOW);
    settings.connection_window_size = Some(CONNECTION_WINDOW);
    let connection = handshake(Box::new(socket), settings).await;
    Ok(Connection::Two(
        connection.map_err(|error| {
            ConnectError::Http2(to.host.to_owned(), in_words(&error).to_owned())
        })?,
    ))
}
