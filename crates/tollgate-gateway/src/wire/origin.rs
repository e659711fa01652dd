//! Where requests go, and the connections there.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use parking_lot::RwLock;
use tollgate_engine::Url;
use tollgate_engine::ports::{Proxy, Via};

use super::budget::Budget;
use super::connect::ConnectError;
use super::pool::{Pool, PoolKey, Session, TlsIdentity, Wanted};
use crate::fetch::{AddressGuard, Resolve};
use crate::state_homes::StateHomes;
use crate::{Backend, TlsOptions};

/// Destinations that are remembered; a policy can make up any number of URLs.
const MAX_ORIGINS: usize = 1_024;

/// How often idle connections are looked through.
const SWEEP: Duration = Duration::from_secs(15);

/// All connections to backends, and what outlives a reload with them. One per process.
pub struct Connections {
    resolver: Arc<dyn Resolve>,
    backends: RwLock<HashMap<Arc<str>, Arc<Origin>>>,
    urls: RwLock<HashMap<UrlKey, Arc<Origin>>>,
    /// TLS towards what is no configured backend.
    url_tls: RwLock<TlsOptions>,
    pools: RwLock<HashMap<PoolKey, Arc<Pool>>>,
    pub(super) budget: Arc<Budget>,
    pub(super) homes: Arc<StateHomes>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct UrlKey {
    secure: bool,
    host: Box<str>,
    port: u16,
}

/// A destination.
pub(crate) struct Origin {
    /// The backend, when it is a configured one.
    pub(crate) backend: Option<Arc<Backend>>,
    /// Whether it is reached over TLS.
    pub(crate) secure: bool,
    /// Host, in lower case.
    pub(crate) host: Box<str>,
    /// Port.
    pub(crate) port: u16,
    /// What goes into `Host`.
    pub(crate) authority: HeaderValue,
    /// The proxy that it is reached through.
    pub(crate) proxy: Option<Arc<Proxy>>,
    pool: Arc<Pool>,
}

/// A URL that names no destination.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is not an `http` or `https` URL that can be called")]
pub(crate) struct NotAnOrigin(String);

impl Connections {
    /// No connections yet. Hosts are found through `resolver`.
    pub fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self::sharing(resolver, Arc::default(), Arc::default())
    }

    /// Likewise; buffered bodies count towards this budget, and these know where state lives.
    pub(crate) fn sharing(
        resolver: Arc<dyn Resolve>,
        budget: Arc<Budget>,
        homes: Arc<StateHomes>,
    ) -> Self {
        Self {
            resolver,
            backends: RwLock::default(),
            urls: RwLock::default(),
            url_tls: RwLock::default(),
            pools: RwLock::default(),
            budget,
            homes,
        }
    }

    /// Sets which roots are trusted towards what is no configured backend: the system's unless given. Connections that
    /// are open stay.
    pub fn trust(&self, roots: Option<Arc<Vec<bytes::Bytes>>>) {
        *self.url_tls.write() = TlsOptions { roots, ..TlsOptions::default() };
        self.urls.write().clear();
    }

    /// Bytes that buffered bodies hold now.
    pub fn buffered_bytes(&self) -> usize {
        self.budget.used()
    }

    /// The destination of a configured backend. What policies say of the connection takes the place of its own settings.
    pub(crate) fn backend(
        &self,
        backend: &Arc<Backend>,
        via: &Via,
    ) -> Result<Arc<Origin>, NotAnOrigin> {
        if is_chosen(via) {
            let own = backend.credentials.certificate.as_ref();
            let certificate = via.certificate.as_ref().or(own).cloned();
            let tls = TlsIdentity { options: backend.tls.clone(), certificate };
            let origin =
                self.origin(&backend.url, tls, Some(Arc::clone(backend)), via.proxy.clone());
            return origin.map(Arc::new);
        }
        let known = self.backends.read().get(&backend.id).cloned();
        // A reload may have given the name to a backend with other settings.
        if let Some(origin) =
            known.filter(|it| it.backend.as_ref().is_some_and(|it| Arc::ptr_eq(it, backend)))
        {
            return Ok(origin);
        }
        let tls = TlsIdentity {
            options: backend.tls.clone(),
            certificate: backend.credentials.certificate.clone(),
        };
        let origin = Arc::new(self.origin(&backend.url, tls, Some(Arc::clone(backend)), None)?);
        self.backends.write().insert(Arc::clone(&backend.id), Arc::clone(&origin));
        Ok(origin)
    }

    /// The destination of a URL that a policy or the API names.
    pub(crate) fn url(&self, url: &Url, via: &Via) -> Result<Arc<Origin>, NotAnOrigin> {
        if is_chosen(via) {
            let options = self.url_tls.read().clone();
            let tls = TlsIdentity { options, certificate: via.certificate.clone() };
            return self.origin(url, tls, None, via.proxy.clone()).map(Arc::new);
        }
        let key = UrlKey {
            secure: is_secure(url)?,
            host: url.host.to_ascii_lowercase().into(),
            port: url.port,
        };
        if let Some(origin) = self.urls.read().get(&key) {
            return Ok(Arc::clone(origin));
        }
        let tls = TlsIdentity { options: self.url_tls.read().clone(), certificate: None };
        let origin = Arc::new(self.origin(url, tls, None, None)?);
        let mut urls = self.urls.write();
        if urls.len() >= MAX_ORIGINS {
            urls.clear();
        }
        urls.insert(key, Arc::clone(&origin));
        Ok(origin)
    }

    /// Closes connections that have been idle for too long, until the future is dropped.
    pub(crate) async fn sweep(&self, idle: impl Fn() -> Duration) {
        loop {
            tokio::time::sleep(SWEEP).await;
            let idle = idle();
            // A pool that somebody still refers to is kept, also when it is empty.
            self.pools.write().retain(|_, pool| !pool.sweep(idle) || Arc::strong_count(pool) > 1);
        }
    }

    /// Closes all connections that wait for a request.
    #[cfg(test)]
    pub(crate) fn close_idle(&self) {
        self.pools.read().values().for_each(|pool| drop(pool.sweep(Duration::ZERO)));
    }

    fn origin(
        &self,
        url: &Url,
        tls: TlsIdentity,
        backend: Option<Arc<Backend>>,
        proxy: Option<Arc<Proxy>>,
    ) -> Result<Origin, NotAnOrigin> {
        let secure = is_secure(url)?;
        let bad = || NotAnOrigin(format!("{}://{}:{}", url.scheme, url.host, url.port));
        let host: Box<str> = url.host.to_ascii_lowercase().into();
        // An IPv6 address may come with or without its brackets; connecting and certificates want none.
        let bare: Box<str> =
            host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(&host).into();
        if bare.is_empty() || url.port == 0 {
            return Err(bad());
        }
        let shown = if bare.contains(':') { format!("[{bare}]") } else { bare.to_string() };
        let default_port = if secure { 443 } else { 80 };
        let authority =
            if url.port == default_port { shown } else { format!("{shown}:{}", url.port) };
        let authority = HeaderValue::try_from(authority).map_err(|_| bad())?;
        let key = PoolKey {
            host: bare.clone(),
            port: url.port,
            tls: secure.then_some(tls),
            guarded: backend.is_none(),
            proxy: proxy.clone(),
        };
        let pool = Arc::clone(
            self.pools.write().entry(key.clone()).or_insert_with(|| Arc::new(Pool::new(key))),
        );
        Ok(Origin { backend, secure, host: bare, port: url.port, authority, proxy, pool })
    }

    /// Where a host is. The resolver remembers it, so it is asked for each connection.
    async fn addresses(&self, host: &str) -> Result<Arc<[IpAddr]>, ConnectError> {
        let found = self.resolver.resolve(host).await;
        found.map_err(|error| ConnectError::Resolve(error.to_string()))
    }

    /// Where the proxy of a destination is. A policy chose it, so it is judged, and so is what the proxy will look up, as far
    /// as it can be found here: where it cannot, the proxy's own rules decide.
    async fn addresses_of_proxy(
        &self,
        origin: &Origin,
        proxy: &Proxy,
        guard: &AddressGuard,
    ) -> Result<Arc<[IpAddr]>, ConnectError> {
        if origin.backend.is_none()
            && let Ok(found) = self.resolver.resolve(&origin.host).await
        {
            judge(guard, &origin.host, origin.port, &found)?;
        }
        guard.check_host(&proxy.host).map_err(ConnectError::Refused)?;
        let found = self.addresses(&proxy.host).await?;
        judge(guard, &proxy.host, proxy.port, &found)?;
        Ok(found)
    }

    /// A connection to the destination, and whether it has carried requests before.
    ///
    /// INVARIANT: an address that a policy chose is judged by the guard each time a connection to it is made; pools of
    /// judged and configured destinations are apart, so that neither uses the other's connections.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        guard: &AddressGuard,
        wanted: Wanted,
    ) -> Result<(Session, bool), ConnectError> {
        if origin.backend.is_none() {
            guard.check_host(&origin.host).map_err(ConnectError::Refused)?;
        }
        if wanted.may_reuse
            && let Some(session) = origin.pool.reuse(wanted).await
        {
            return Ok((session, true));
        }
        let addresses = match &origin.proxy {
            None => {
                let found = self.addresses(&origin.host).await?;
                if origin.backend.is_none() {
                    judge(guard, &origin.host, origin.port, &found)?;
                }
                found
            }
            Some(proxy) => self.addresses_of_proxy(origin, proxy, guard).await?,
        };
        let made = origin.pool.connect(&addresses, wanted).await;
        if made.is_err() {
            // The name may stand for something else by now.
            self.resolver.doubt(origin.proxy.as_ref().map_or(&*origin.host, |proxy| &proxy.host));
        }
        Ok((made?, false))
    }
}

impl Origin {
    /// The connections there.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }
}

fn judge(
    guard: &AddressGuard,
    host: &str,
    port: u16,
    found: &[IpAddr],
) -> Result<(), ConnectError> {
    let judged =
        found.iter().try_for_each(|ip| guard.check_address(host, SocketAddr::new(*ip, port)));
    judged.map_err(ConnectError::Refused)
}

/// Whether policies have a say in how the connection is made.
fn is_chosen(via: &Via) -> bool {
    via.certificate.is_some() || via.proxy.is_some()
}

fn is_secure(url: &Url) -> Result<bool, NotAnOrigin> {
    match url.scheme.as_str() {
        "https" | "wss" => Ok(true),
        "http" | "ws" => Ok(false),
        _ => Err(NotAnOrigin(format!("{}://{}", url.scheme, url.host))),
    }
}
