//! Listeners, connections of clients, and the life of a request.
//!
//! We accept connections ourselves instead of running pingora's listening service: that has no place for the PROXY
//! protocol on plain connections, for a limit on connections or for our time-out on TLS handshakes, it waits without limit
//! for the preface of HTTP/2 without TLS, and it gives each idle connection buffers that ours does without. HTTP/1.1 and
//! HTTP/2 themselves are pingora's sessions.
//!
//! What a client may rely on: a connection is closed when it is idle for `keep_alive`, when its request header takes
//! longer than `request_header` *in all*, or after `requests_per_connection`. A client that closes its sending side while
//! it waits for a response counts as gone. Whoever comes when there is more to do than can be done is told so at once
//! (`load`).

mod any_client;
mod certificates;
mod client;
mod listener;
mod load;
mod one;
mod proxy_protocol;
mod raw_head;
mod request;
mod serve;
mod site;
mod spans;
mod status;
mod trace_context;
mod two;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use certificates::{ListenCertificateError, ListenCertificates};
pub use load::LoadStatus;
pub use site::Site;
pub use status::ServerStatus;

use crate::ListenSettings;
use crate::telemetry::{AccessLog, Metrics, Otlp};
use crate::wire::Connections;

/// What a server works with.
pub struct ServerParts<S> {
    /// The generation of the configuration that new requests begin with.
    pub site: Arc<ArcSwap<S>>,
    /// Connections to backends.
    pub connections: Arc<Connections>,
    /// Certificates of the HTTPS listener.
    pub certificates: Arc<ListenCertificates>,
    /// Where access records go.
    pub access: Arc<dyn AccessLog>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Traces of requests.
    pub otlp: Arc<Otlp>,
}

/// A server that has bound its listeners.
pub struct Server<S> {
    shared: Arc<Shared<S>>,
    http: Option<(TcpListener, SocketAddr)>,
    https: Option<(TcpListener, SocketAddr, TlsAcceptor)>,
}

/// What all connections share.
struct Shared<S> {
    parts: ServerParts<S>,
    settings: ListenSettings,
    status: Arc<ServerStatus>,
    /// True once the server drains: idle connections end, others after their request.
    closing: watch::Sender<bool>,
    /// True once the grace is over: everything ends.
    aborting: watch::Sender<bool>,
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for ServerParts<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerParts").finish_non_exhaustive()
    }
}

/// How long requests that were ended may take to be counted.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Whether a server is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It serves.
    No,
    /// When requests in flight have ended, within the time for that.
    Gracefully,
    /// Whatever is in flight.
    AtOnce,
}

/// Until the server is told to end at once.
async fn at_once(shutdown: &mut watch::Receiver<Stop>) {
    if shutdown.wait_for(|stop| *stop == Stop::AtOnce).await.is_err() {
        // Nobody is left who could tell.
        std::future::pending().await
    }
}

/// Addresses that were bound, with the ports the system chose where 0 was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundAddresses {
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// HTTPS.
    pub https: Option<SocketAddr>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {why}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl<S: Site> Server<S> {
    /// Binds the HTTP and HTTPS listeners of the settings. The admin listener is not this server's.
    #[expect(
        clippy::unused_async,
        reason = "sockets can only be bound inside the runtime, which this enforces"
    )]
    pub async fn bind(
        settings: &ListenSettings,
        parts: ServerParts<S>,
    ) -> Result<Self, ServerError> {
        let http = match settings.http {
            Some(address) => Some(listener::bind(address)?),
            None => None,
        };
        let https = match settings.https {
            Some(address) => {
                let acceptor = listener::acceptor(
                    Arc::clone(&parts.certificates),
                    settings.client_certificates,
                )?;
                let (listener, address) = listener::bind(address)?;
                Some((listener, address, acceptor))
            }
            None => None,
        };
        let shared = Shared {
            parts,
            settings: settings.clone(),
            status: Arc::default(),
            closing: watch::Sender::new(false),
            aborting: watch::Sender::new(false),
        };
        Ok(Self { shared: Arc::new(shared), http, https })
    }

    /// The addresses that were bound.
    pub fn addresses(&self) -> BoundAddresses {
        BoundAddresses {
            http: self.http.as_ref().map(|it| it.1),
            https: self.https.as_ref().map(|it| it.1),
        }
    }

    /// What the server says of itself.
    pub fn status(&self) -> Arc<ServerStatus> {
        Arc::clone(&self.shared.status)
    }

    /// Serves until it is told to stop (or nobody is left who could), then lets requests in flight finish within
    /// `timeouts.graceful_stop`, and ends the rest.
    ///
    /// When the future is dropped, no more connections are accepted; those that are open go on.
    pub async fn run(self, mut shutdown: watch::Receiver<Stop>) {
        let Self { shared, http, https } = self;
        let mut listeners = JoinSet::new();
        if let Some((listener, address)) = http {
            listeners.spawn(listener::accept(Arc::clone(&shared), listener, address, None));
        }
        if let Some((listener, address, acceptor)) = https {
            listeners.spawn(listener::accept(
                Arc::clone(&shared),
                listener,
                address,
                Some(acceptor),
            ));
        }
        let _watching = load::watch(&shared);
        let idle = || shared.parts.site.load().timeouts().backend_idle;
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop != Stop::No) => {}
            () = shared.parts.connections.sweep(idle) => {}
            // A listener ends only when it is told to.
            Some(_) = listeners.join_next() => {}
        }
        shared.status.drain();
        shared.closing.send_replace(true);
        while listeners.join_next().await.is_some() {}
        let grace = shared.parts.site.load().timeouts().graceful_stop;
        let why = tokio::select! {
            biased;
            () = shared.status.idle() => return,
            () = at_once(&mut shutdown) => "it was told to stop at once",
            () = tokio::time::sleep(grace) => "the time for a graceful stop is over",
        };
        tracing::warn!(
            connections = shared.status.connections(),
            requests = shared.status.requests(),
            why,
            "requests in flight are ended"
        );
        shared.aborting.send_replace(true);
        // What still tells counters of its end is soon done, unless whoever counts is away.
        drop(tokio::time::timeout(LAST_WORDS, shared.status.idle()).await);
    }
}
