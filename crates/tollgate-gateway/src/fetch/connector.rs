//! Connections of calls of the gateway's own: look-up, guard, forward proxy.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tollgate_engine::BoxFuture;
use tollgate_engine::ports::Proxy;
use tower_service::Service;

use super::guard::{AddressGuard, Guard, canonical};
use super::proxy::{EgressProxy, open_tunnel};
use super::resolver::{Resolve, ResolveError};

/// How long one address may take before the next is tried beside it (RFC 8305 §5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// Addresses of a host that are tried.
const MAX_ADDRESSES: usize = 8;

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("no connection within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("{0}")]
    Failed(String),
}

/// What all connectors of a client share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) addresses: AddressGuard,
    pub(super) proxy: Option<EgressProxy>,
    pub(super) timeout: Duration,
}

/// Makes connections for one kind of caller. Each kind has a pool of its own, because a pooled connection would
/// otherwise carry a guarded caller to where an unguarded one may go.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub(super) shared: Arc<Shared>,
    pub(super) guard: Guard,
    /// The proxy that a policy names; it takes the place of `[egress]`'s.
    pub(super) proxy: Option<Arc<Proxy>>,
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Stream, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let timeout = this.shared.timeout;
            let connected = tokio::time::timeout(timeout, this.connect(&uri)).await;
            connected.unwrap_or(Err(ConnectError::Timeout(timeout)))
        })
    }
}

impl Connector {
    async fn connect(&self, uri: &Uri) -> Result<Stream, ConnectError> {
        let host =
            uri.host().ok_or_else(|| ConnectError::Refused("the URL has no host".to_owned()))?;
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = canonical(host);
        if let Some(proxy) = &self.proxy {
            let found = self.find(&proxy.host, proxy.port).await?;
            return self.through((proxy, found), &host, port, is_tls).await;
        }
        let egress = self.shared.proxy.as_ref();
        if let Some(EgressProxy { proxy, .. }) =
            egress.filter(|egress| self.guard != Guard::Machine && egress.is_for(&host))
        {
            let found = self.shared.resolver.resolve(&proxy.host).await?;
            let found = found.iter().map(|ip| SocketAddr::new(*ip, proxy.port)).collect();
            return self.through((proxy, found), &host, port, is_tls).await;
        }
        let addresses = self.find(&host, port).await?;
        let stream = dial(&addresses).await.map_err(|error| {
            self.shared.resolver.doubt(&host);
            ConnectError::Failed(error.to_string())
        })?;
        Ok(Stream { io: TokioIo::new(stream), is_proxied: false })
    }

    /// The addresses of a host, judged.
    async fn find(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        if self.guard == Guard::Policy {
            self.shared.addresses.check_host(host).map_err(ConnectError::Refused)?;
        }
        let found = self.shared.resolver.resolve(host).await?;
        let found: Vec<_> = found.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        if self.guard == Guard::Policy {
            // One refused address refuses them all: a name that mixes them is up to no good.
            for address in &found {
                self.shared
                    .addresses
                    .check_address(host, *address)
                    .map_err(ConnectError::Refused)?;
            }
        }
        Ok(found)
    }

    async fn through(
        &self,
        (proxy, found): (&Proxy, Vec<SocketAddr>),
        host: &str,
        port: u16,
        is_tls: bool,
    ) -> Result<Stream, ConnectError> {
        // The proxy looks the host up; what we find ourselves can only refuse. Where we cannot look it up at all, the
        // proxy's own rules decide.
        if self.guard == Guard::Policy
            && let Err(ConnectError::Refused(why)) = self.find(host, port).await
        {
            return Err(ConnectError::Refused(why));
        }
        let mut stream = dial(&found).await.map_err(|error| {
            ConnectError::Failed(format!("the proxy cannot be reached: {error}"))
        })?;
        if is_tls {
            open_tunnel(proxy, &mut stream, host, port).await.map_err(ConnectError::Failed)?;
        }
        Ok(Stream { io: TokioIo::new(stream), is_proxied: !is_tls })
    }
}

/// Connects to the first address that answers, families in turn, each with a head start over the next.
pub(crate) async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = in_turn(addresses).into_iter().take(MAX_ADDRESSES);
    let mut attempts = FuturesUnordered::new();
    let mut last = None;
    loop {
        let next = waiting.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            attempts.push(async move { (address, TcpStream::connect(address).await) });
        }
        let head_start = async {
            if is_last {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(NEXT_ADDRESS_AFTER).await;
        };
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some((_, Ok(stream))) => {
                    // A call waits for its answer, so there is nothing to gather packets for.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY could not be set");
                    }
                    return Ok(stream);
                }
                Some((address, Err(error))) => {
                    let why = format!("cannot connect to {address}: {error}");
                    last = Some(io::Error::new(error.kind(), why));
                }
                None => break,
            },
            () = head_start => {}
        }
    }
    let none = || io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    Err(last.unwrap_or_else(none))
}

/// Interleaves address families, beginning with the first one's (RFC 8305 §4).
fn in_turn(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let is_first = |address: &&SocketAddr| matches!(address.ip(), IpAddr::V6(_)) == first_is_v6;
    let mut first = addresses.iter().filter(is_first);
    let mut second = addresses.iter().filter(|address| !is_first(address));
    let mut all = Vec::with_capacity(addresses.len());
    while all.len() < addresses.len() {
        all.extend(first.next());
        all.extend(second.next());
    }
    all
}

/// A connection to a host, or to a proxy on its behalf.
#[derive(Debug)]
pub(super) struct Stream {
    io: TokioIo<TcpStream>,
    /// Requests go to the proxy in absolute form.
    is_proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let check = |addresses: &[&str], expected: &[&str]| {
            let parse = |list: &[&str]| {
                list.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>()
            };
            assert_eq!(in_turn(&parse(addresses)), parse(expected));
        };
        check(&[], &[]);
        check(&["[::1]:1", "[::2]:1", "10.0.0.1:1"], &["[::1]:1", "10.0.0.1:1", "[::2]:1"]);
        check(
            &["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"],
            &["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"],
        );
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_live_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap();
        let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = {
            let address = dead.local_addr().unwrap();
            drop(dead);
            address
        };
        assert_eq!(dial(&[dead, live]).await.unwrap().peer_addr().unwrap(), live);
        let error = dial(&[dead]).await.unwrap_err().to_string();
        assert!(error.contains(&dead.to_string()), "{error}");
        assert!(dial(&[]).await.is_err());
    }
}
