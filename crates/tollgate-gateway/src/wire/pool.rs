//! Connections to backends that wait for their next request.
//!
//! pingora's pool spawns a task for each connection that is given back, does not tell apart backends that differ only in
//! the roots they trust, and loads the system's roots twice at start. This one is a stack under a short lock; whether a
//! connection is still good is asked when it is taken.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use pingora::connectors::http::v2::ConnectionRef;
use pingora::protocols::http::v1::client::HttpSession as Http1;
use pingora::protocols::http::v2::client::Http2Session;
use rustls::ClientConfig;
use tollgate_engine::Secret;
use tollgate_engine::jose::Certificate;
use tollgate_engine::ports::Proxy;

use super::connect::{ConnectError, Connection, Destination, connect};
use super::exchange::in_words;
use super::socket::Socket;
use super::tls::{Offer, TlsError, client_config};
use crate::TlsOptions;

/// Idle HTTP/1.1 connections kept per pool.
const MAX_IDLE: usize = 1_024;

/// A connection is not given another request after this long, so that changes of DNS are followed also by a busy pool.
const MAX_AGE: Duration = Duration::from_mins(10);

/// What makes two connections interchangeable.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PoolKey {
    /// Host, in lower case.
    pub(crate) host: Box<str>,
    /// Port.
    pub(crate) port: u16,
    /// TLS; none is plain.
    pub(crate) tls: Option<TlsIdentity>,
    /// Whether addresses were judged by the guard.
    pub(crate) guarded: bool,
    /// The proxy that it is reached through.
    pub(crate) proxy: Option<Arc<Proxy>>,
}

/// TLS settings, compared by content: they outlive the snapshot they came with.
#[derive(Clone)]
pub(crate) struct TlsIdentity {
    /// What is checked.
    pub(crate) options: TlsOptions,
    /// Client certificate.
    pub(crate) certificate: Option<Arc<Certificate>>,
}

impl TlsIdentity {
    fn checks(&self) -> (bool, bool, Option<&str>, Option<&Vec<Bytes>>) {
        let TlsOptions { verify_chain, verify_name, roots, server_name } = &self.options;
        (*verify_chain, *verify_name, server_name.as_deref(), roots.as_deref())
    }

    fn proof(&self) -> Option<(&Bytes, &[Bytes], Option<&Bytes>)> {
        let certificate = self.certificate.as_deref()?;
        Some((
            certificate.der(),
            certificate.chain(),
            certificate.private_key().map(Secret::expose),
        ))
    }
}

impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.checks() == other.checks() && self.proof() == other.proof()
    }
}

impl Eq for TlsIdentity {}

impl Hash for TlsIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.checks().hash(state);
        self.proof().hash(state);
    }
}

/// The connections of one key.
pub(crate) struct Pool {
    key: PoolKey,
    one: Mutex<Vec<IdleOne>>,
    two: Mutex<Vec<OpenTwo>>,
    /// The backend asked for HTTP/1.1 where HTTP/2 was offered, or failed at it.
    prefers_one: AtomicBool,
    /// Holds back a second HTTP/2 connection while the first is being made.
    connecting: tokio::sync::Mutex<()>,
    configs: [OnceLock<Result<Arc<ClientConfig>, TlsError>>; 3],
}

struct IdleOne {
    socket: Box<Socket>,
    made: Instant,
    since: Instant,
}

struct OpenTwo {
    connection: ConnectionRef,
    made: Instant,
    used: Instant,
}

/// A connection that carries one request.
pub(crate) enum Session {
    /// HTTP/1.1.
    One {
        /// pingora's session.
        session: Box<Http1>,
        /// The same connection, for writing while the session reads.
        socket: Socket,
        /// When the connection was made.
        made: Instant,
    },
    /// One stream of HTTP/2.
    Two {
        /// pingora's session.
        session: Box<Http2Session>,
    },
}

/// How a connection is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// HTTP version.
    pub(crate) offer: Offer,
    /// Whether one that has been used before will do.
    pub(crate) may_reuse: bool,
    /// How long making one may take.
    pub(crate) connect: Duration,
    /// How long an idle one is good.
    pub(crate) idle: Duration,
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(key: PoolKey) -> Self {
        Self {
            key,
            one: Mutex::default(),
            two: Mutex::default(),
            prefers_one: AtomicBool::new(false),
            connecting: tokio::sync::Mutex::default(),
            configs: [const { OnceLock::new() }; 3],
        }
    }

    /// A connection that has waited here, if there is one; never waits for the network.
    pub(crate) async fn reuse(&self, wanted: Wanted) -> Option<Session> {
        let offer = self.effective(wanted.offer);
        if offer != Offer::One
            && let Some(session) = self.open_stream(wanted.idle).await
        {
            return Some(session);
        }
        if offer == Offer::Two { None } else { self.take_one(wanted.idle) }
    }

    /// A new connection.
    pub(crate) async fn connect(
        &self,
        addresses: &[IpAddr],
        wanted: Wanted,
    ) -> Result<Session, ConnectError> {
        let offer = self.effective(wanted.offer);
        if offer == Offer::One {
            return self.make(addresses, offer, wanted.connect).await;
        }
        // Waiting for another request's attempt counts as connecting: were it not so, a backend that does not answer
        // would be tried by one request after the other, each for the full time.
        let deadline = tokio::time::Instant::now() + wanted.connect;
        let connecting = tokio::time::timeout_at(deadline, self.connecting.lock()).await;
        let connecting = connecting.map_err(|_| ConnectError::Timeout {
            host: self.key.host.to_string(),
            within: wanted.connect,
        })?;
        if wanted.may_reuse
            && let Some(session) = self.open_stream(wanted.idle).await
        {
            return Ok(session);
        }
        let rest = deadline.saturating_duration_since(tokio::time::Instant::now());
        let made = self.make(addresses, offer, rest).await;
        drop(connecting);
        made
    }

    /// Gives an HTTP/1.1 connection back.
    pub(crate) fn give_back(&self, socket: Box<Socket>, made: Instant, idle: Duration) {
        let now = Instant::now();
        if now.saturating_duration_since(made) > MAX_AGE || !socket.is_reusable() {
            return;
        }
        socket.release_buffers();
        let mut one = self.one.lock();
        // The oldest are at the front: a busy pool forgets what a burst left behind.
        let expired =
            one.iter().take_while(|it| now.saturating_duration_since(it.since) > idle).count();
        let surplus = (one.len() + 1).saturating_sub(MAX_IDLE);
        one.drain(..expired.max(surplus));
        one.push(IdleOne { socket, made, since: now });
    }

    /// From now on HTTP/1.1 is used where HTTP/2 is not asked for.
    pub(crate) fn prefer_one(&self) {
        self.prefers_one.store(true, Ordering::Relaxed);
    }

    /// Closes what has been idle for too long. Returns whether nothing is left.
    pub(crate) fn sweep(&self, idle: Duration) -> bool {
        let now = Instant::now();
        let mut one = self.one.lock();
        one.retain(|it| now.saturating_duration_since(it.since) <= idle && it.socket.is_reusable());
        let mut two = self.two.lock();
        two.retain(|it| {
            let expired = it.connection.is_idle() && now.saturating_duration_since(it.used) > idle;
            !it.connection.is_closed() && !it.connection.is_shutting_down() && !expired
        });
        one.is_empty() && two.is_empty()
    }

    fn effective(&self, offer: Offer) -> Offer {
        match offer {
            // Plain connections cannot negotiate.
            Offer::TwoOrOne
                if self.key.tls.is_none() || self.prefers_one.load(Ordering::Relaxed) =>
            {
                Offer::One
            }
            offer => offer,
        }
    }

    fn take_one(&self, idle: Duration) -> Option<Session> {
        let now = Instant::now();
        loop {
            let IdleOne { socket, made, since } = self.one.lock().pop()?;
            let expired = now.saturating_duration_since(since) > idle
                || now.saturating_duration_since(made) > MAX_AGE;
            if !expired && socket.is_reusable() {
                return Some(session_one(socket, made));
            }
        }
    }

    async fn open_stream(&self, idle: Duration) -> Option<Session> {
        loop {
            let connection = {
                let now = Instant::now();
                let mut two = self.two.lock();
                two.retain(|it| !it.connection.is_closed() && !it.connection.is_shutting_down());
                // The youngest first: an old one may be about to go away.
                let usable = two.iter_mut().rev().find(|it| {
                    now.saturating_duration_since(it.made) <= MAX_AGE
                        && (!it.connection.is_idle()
                            || now.saturating_duration_since(it.used) <= idle)
                        && it.connection.can_accept_streams(1)
                })?;
                usable.used = now;
                usable.connection.clone()
            };
            match connection.spawn_stream().await {
                Ok(Some(session)) => return Some(Session::Two { session: Box::new(session) }),
                Ok(None) => {
                    // It filled up or began to close meanwhile.
                    if connection.can_accept_streams(1) {
                        return None;
                    }
                }
                Err(_) => connection.mark_shutdown(),
            }
        }
    }

    async fn make(
        &self,
        addresses: &[IpAddr],
        offer: Offer,
        limit: Duration,
    ) -> Result<Session, ConnectError> {
        let PoolKey { host, port, tls, proxy, .. } = &self.key;
        let tls = match tls {
            None => None,
            Some(identity) => {
                let name = identity.options.server_name.as_deref().unwrap_or(host);
                Some((self.config(identity, offer)?, name))
            }
        };
        let made = Instant::now();
        let proxy = proxy.as_deref();
        let to = Destination { host, port: *port, addresses, tls, offer, proxy };
        match connect(to, limit).await? {
            Connection::One(socket) => {
                if offer == Offer::TwoOrOne {
                    // It does not speak HTTP/2; the next connection need not ask again.
                    self.prefer_one();
                }
                Ok(session_one(socket, made))
            }
            Connection::Two(connection) => {
                let failed = |why: String| ConnectError::Http2(host.to_string(), why);
                let session = connection.spawn_stream().await;
                let session = session.map_err(|error| failed(in_words(&error).to_owned()))?;
                let session = session.ok_or_else(|| failed("it accepts no stream".to_owned()))?;
                self.two.lock().push(OpenTwo { connection, made, used: made });
                Ok(Session::Two { session: Box::new(session) })
            }
        }
    }

    fn config(&self, identity: &TlsIdentity, offer: Offer) -> Result<Arc<ClientConfig>, TlsError> {
        let [one, two_or_one, two] = &self.configs;
        let slot = match offer {
            Offer::One => one,
            Offer::TwoOrOne => two_or_one,
            Offer::Two => two,
        };
        slot.get_or_init(|| {
            client_config(&identity.options, identity.certificate.as_deref(), offer)
        })
        .clone()
    }
}

fn session_one(socket: Box<Socket>, made: Instant) -> Session {
    let handle = Socket::clone(&socket);
    Session::One { session: Box::new(Http1::new(socket)), socket: handle, made }
}
