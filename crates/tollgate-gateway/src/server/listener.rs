//! Accepting connections, and what comes before HTTP: the PROXY protocol, TLS, and finding out the version.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::StatusCode;
use pingora::protocols::{ALPN, Ssl as _};
use rustls::ServerConfig;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::any_client::AnyClient;
use super::client::Peer;
use super::proxy_protocol::read_header;
use super::{ListenCertificates, ServerError, Shared, Site, one, two};
use crate::settings::ClientCertificates;
use crate::wire::{Socket, tls_provider, tune};

/// Connections that the system keeps for us while we are busy.
const BACKLOG: u32 = 4_096;

/// What a client says first that speaks HTTP/2 without TLS.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Clients that are told at a time that too many connections are open; others find theirs closed.
const MAX_TOLD: usize = 256;

/// How long such a client has for its request. An answer to nothing would be taken for a breach of the protocol.
const SPEAKING: Duration = Duration::from_secs(1);

/// How long accepting rests when the system is out of descriptors.
const BREATHER: Duration = Duration::from_millis(100);

/// Binds an address.
pub(super) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the connections of the last run.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    bind().map_err(|why: io::Error| ServerError::Bind { address, why })
}

/// TLS of the HTTPS listener.
pub(super) fn acceptor(
    certificates: Arc<ListenCertificates>,
    clients: ClientCertificates,
) -> Result<TlsAcceptor, ServerError> {
    let failed = |error: rustls::Error| ServerError::Tls(error.to_string());
    let builder = ServerConfig::builder_with_provider(tls_provider());
    let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
    let builder = match AnyClient::new(clients) {
        Some(verifier) => builder.with_client_cert_verifier(Arc::new(verifier)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(failed)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts connections until the server closes.
pub(super) async fn accept<S: Site>(
    shared: Arc<Shared<S>>,
    listener: TcpListener,
    local: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let mut closing = shared.closing.subscribe();
    // One per connection that is open; the listener itself holds one more.
    let open = Arc::new(());
    let told = Arc::new(Semaphore::new(MAX_TOLD));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATHER).await;
                continue;
            }
        };
        if Arc::strong_count(&open) > shared.parts.site.load().limits().connections {
            shared.parts.metrics.load().connection_refused();
            // A handshake would be too much work for a refusal.
            if tls.is_none()
                && let Ok(place) = Arc::clone(&told).try_acquire_owned()
            {
                tokio::spawn(async move {
                    refuse(stream).await;
                    drop(place);
                });
            }
            continue;
        }
        let (shared, tls, open) = (Arc::clone(&shared), tls.clone(), Arc::clone(&open));
        let counted = shared.status.connection();
        let metric = shared.parts.metrics.connection_opens();
        tokio::spawn(async move {
            let mut aborting = shared.aborting.subscribe();
            tokio::select! {
                biased;
                () = serve(Arc::clone(&shared), stream, remote, local, tls) => {}
                _ = aborting.wait_for(|aborting| *aborting) => {}
            }
            drop((metric, counted, open));
        });
    }
}

/// Tells a client that too many connections are open.
async fn refuse(stream: TcpStream) {
    let mut first = [0];
    if matches!(tokio::time::timeout(SPEAKING, stream.peek(&mut first)).await, Ok(Ok(1))) {
        let message = "too many connections are open, try again later";
        one::refuse(Socket::tcp(stream), StatusCode::SERVICE_UNAVAILABLE, message).await;
    }
}

async fn serve<S: Site>(
    shared: Arc<Shared<S>>,
    stream: TcpStream,
    remote: SocketAddr,
    local: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let closing = shared.closing.subscribe();
    match open(&shared, stream, remote, local, tls).await {
        Ok((socket, peer, Version::One)) => one::serve(shared, peer, socket, closing).await,
        Ok((socket, peer, Version::Two)) => two::serve(shared, peer, socket, closing).await,
        Err(error) => tracing::debug!(client = %remote.ip(), %error, "a connection was not opened"),
    }
}

enum Version {
    One,
    Two,
}

async fn open<S: Site>(
    shared: &Shared<S>,
    mut stream: TcpStream,
    remote: SocketAddr,
    local: SocketAddr,
    tls: Option<TlsAcceptor>,
) -> io::Result<(Box<Socket>, Peer, Version)> {
    tune(&stream)?;
    let timeouts = shared.parts.site.load_full();
    let timeouts = timeouts.timeouts();
    let trusted = &shared.settings.trusted_proxies;
    let mut ip = remote.ip().to_canonical();
    let is_proxy = shared.settings.proxy_protocol && trusted.iter().any(|net| net.contains(&ip));
    if is_proxy
        && let Some(client) = within(timeouts.tls_handshake, read_header(&mut stream)).await?
    {
        ip = client.ip();
    }
    let mut peer = Peer::new(ip, local, tls.is_some(), trusted);
    if let Some(acceptor) = tls {
        let stream = within(timeouts.tls_handshake, acceptor.accept(stream)).await?;
        let socket = Box::new(Socket::tls(stream.into()));
        peer.certificate = socket.peer_certificate();
        let version = if matches!(socket.selected_alpn_proto(), Some(ALPN::H2)) {
            Version::Two
        } else {
            Version::One
        };
        return Ok((socket, peer, version));
    }
    if !shared.settings.h2c {
        return Ok((Box::new(Socket::tcp(stream)), peer, Version::One));
    }
    let (start, version) = within(timeouts.request_header, first_words(&mut stream)).await?;
    Ok((Box::new(Socket::tcp_after(stream, start)), peer, version))
}

/// Reads until it is clear whether the client speaks HTTP/2: at the first byte that differs from the preface it does not.
/// pingora would wait for as many bytes as the preface has, which a short HTTP/1.0 request never brings.
async fn first_words(stream: &mut TcpStream) -> io::Result<(BytesMut, Version)> {
    let mut start = BytesMut::new();
    loop {
        if stream.read_buf(&mut start).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let n = start.len().min(PREFACE.len());
        if start.get(..n) != PREFACE.get(..n) {
            return Ok((start, Version::One));
        }
        if n == PREFACE.len() {
            return Ok((start, Version::Two));
        }
    }
}

async fn within<T>(limit: Duration, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Ends when the server closes.
pub(super) async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    drop(closing.wait_for(|closing| *closing).await);
}
