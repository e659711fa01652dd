//! Calls that the gateway makes for itself: keys, identity, requests of policies.
//!
//! INVARIANT: a call for a policy never reaches a link-local or metadata address, whatever its host resolves to, unless
//! the host is allowed by name. INVARIANT: every call ends in bounded time and holds a bounded answer. Redirects are
//! not followed: each would have to be judged like a call of its own, and no caller here needs them.

mod connector;
pub(crate) mod flight;
mod guard;
mod plain;
mod proxy;
mod resolver;
mod tls;
mod via;

#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tollgate_engine::ports::Via;

pub use guard::{AddressGuard, Guard, OwnListeners};
pub(crate) use plain::{ByteStream, Protection};
pub use proxy::EgressProxy;
pub use resolver::{CachingResolver, Resolve, ResolveError, ResolverSettings, SystemResolver};

pub(crate) use connector::dial;
pub(crate) use proxy::open_tunnel;
pub(crate) use via::ViaKey;

use connector::{ConnectError, Connector, Shared};
use via::Choices;

use crate::TlsOptions;
use crate::wire::TlsIdentity;

/// Idle connections that are kept per host, and for how long.
const MAX_IDLE_PER_HOST: usize = 16;
const IDLE: Duration = Duration::from_secs(90);

/// `[egress]`: how calls leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSettings {
    /// DER of root certificates that are trusted beside the system's.
    pub roots: Vec<Bytes>,
    /// The forward proxy.
    pub proxy: Option<EgressProxy>,
    /// What policies may not call.
    pub addresses: AddressGuard,
    /// How long a connection may take to come about, TLS not included.
    pub connect_timeout: Duration,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            proxy: None,
            addresses: AddressGuard::default(),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// Bounds of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchOptions {
    /// Whose idea the call is.
    pub guard: Guard,
    /// How long it may take from beginning to end.
    pub timeout: Duration,
    /// Most bytes of the answer's body.
    pub max_bytes: usize,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address may not be called, or the URL is none.
    #[error("{0}")]
    Refused(String),
    /// No connection.
    #[error("{0}")]
    Connect(String),
    /// The connection broke or what came over it is no HTTP.
    #[error("{0}")]
    Broken(String),
    /// Not ended in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The answer's body is too long.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The settings cannot be used.
    #[error("the egress settings cannot be used: {0}")]
    Settings(String),
}

/// The gateway's own HTTP client.
///
/// Dropping a call closes its connection, or returns it to the pool when the answer was whole.
pub struct Fetcher {
    resolver: Arc<dyn Resolve>,
    generation: ArcSwap<Generation>,
}

type HttpClient = Client<HttpsConnector<Connector>, Full<Bytes>>;

/// What somebody chose for a call.
type ChoiceKey = (Guard, ViaKey, Version, Option<TlsIdentity>);

/// The pools of one version of the settings. They are made at the first call: reading the system's roots takes
/// milliseconds that a start without such a call need not spend.
struct Generation {
    settings: FetchSettings,
    pools: OnceLock<Result<Pools, FetchError>>,
}

struct Pools {
    shared: Arc<Shared>,
    roots: Arc<RootCertStore>,
    policy: HttpClient,
    configured: HttpClient,
    machine: HttpClient,
    /// Of calls for which somebody chose a certificate, a proxy, the version of HTTP or how the server is known.
    chosen: Choices<ChoiceKey, HttpClient>,
    /// For what is not HTTP.
    tls: Arc<ClientConfig>,
}

/// How a call gets to its server.
#[derive(Clone, Copy)]
pub(crate) struct Route<'a> {
    /// Whose idea it is.
    pub(crate) guard: Guard,
    /// What a policy has to say in it.
    pub(crate) via: &'a Via,
    /// The version of HTTP.
    pub(crate) version: Version,
    /// How the server is known, when its settings say more than that its certificate is good.
    pub(crate) tls: Option<&'a TlsOptions>,
}

/// The version of HTTP that a call is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Version {
    /// HTTP/2 where the server offers it.
    #[default]
    Any,
    /// HTTP/1.1.
    One,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

impl Fetcher {
    /// A client that finds hosts through `resolver`.
    pub fn new(settings: FetchSettings, resolver: Arc<dyn Resolve>) -> Self {
        let generation = ArcSwap::from_pointee(Generation::new(settings));
        Self { resolver, generation }
    }

    /// Takes over changed settings. Calls under way end with the old ones; connections are kept when nothing changed.
    pub fn apply(&self, settings: FetchSettings) {
        if self.generation.load().settings != settings {
            self.generation.store(Arc::new(Generation::new(settings)));
        }
    }

    /// The settings in force.
    pub(crate) fn settings(&self) -> FetchSettings {
        self.generation.load().settings.clone()
    }

    /// Where hosts are found; one cache for these calls and for backends.
    pub fn resolver(&self) -> &Arc<dyn Resolve> {
        &self.resolver
    }

    /// Whether something listens at a host and port, asked by connecting. For services of this machine.
    pub async fn is_reachable(&self, host: &str, port: u16, timeout: Duration) -> bool {
        let reach = async {
            let found = self.resolver.resolve(host).await.ok()?;
            let address = std::net::SocketAddr::new(*found.first()?, port);
            tokio::net::TcpStream::connect(address).await.ok()
        };
        matches!(tokio::time::timeout(timeout, reach).await, Ok(Some(_)))
    }

    /// Connects to a server of the configuration that speaks something other than HTTP; never through the egress proxy,
    /// which would not understand it.
    pub(crate) async fn connect(
        &self,
        host: &str,
        port: u16,
        protection: Protection,
        timeout: Duration,
    ) -> Result<Box<dyn ByteStream>, FetchError> {
        let tls = match protection {
            Protection::None => None,
            Protection::Tls => {
                let generation = self.generation.load_full();
                Some(Arc::clone(&generation.pools(&self.resolver)?.tls))
            }
        };
        let connecting = plain::connect(&*self.resolver, host, port, tls);
        tokio::time::timeout(timeout, connecting).await.unwrap_or(Err(FetchError::Timeout(timeout)))
    }

    /// Makes one call and reads the whole answer, whatever its status.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        options: FetchOptions,
    ) -> Result<Response<Bytes>, FetchError> {
        let via = Via::default();
        let call = async {
            let (guard, version) = (options.guard, Version::Any);
            let opened = self.open(request, Route { guard, via: &via, version, tls: None }).await;
            let (parts, body) = opened?.into_parts();
            Ok(Response::from_parts(parts, read(body, options.max_bytes).await?))
        };
        tokio::time::timeout(options.timeout, call)
            .await
            .unwrap_or(Err(FetchError::Timeout(options.timeout)))
    }

    /// Makes one call and gives status and headers of the answer, whose body is still to be read. Whoever calls this sees to
    /// it that the call ends in bounded time and that what is held of the body is bounded.
    pub(crate) async fn open(
        &self,
        mut request: Request<Bytes>,
        route: Route<'_>,
    ) -> Result<Response<Incoming>, FetchError> {
        if request.uri().host().is_none()
            || !matches!(request.uri().scheme_str(), Some("http" | "https"))
        {
            return Err(FetchError::Refused(
                "the URL is not an absolute `http` or `https` URL".to_owned(),
            ));
        }
        let generation = self.generation.load_full();
        let pools = generation.pools(&self.resolver)?;
        generation.authorize_at_proxy(&mut request, route.guard, route.via);
        request
            .headers_mut()
            .entry(header::USER_AGENT)
            .or_insert(HeaderValue::from_static("tollgate"));
        let client = pools.of(route)?;
        client.request(request.map(Full::new)).await.map_err(|error| explain(&error))
    }
}

impl Generation {
    fn new(settings: FetchSettings) -> Self {
        Self { settings, pools: OnceLock::new() }
    }

    fn pools(&self, resolver: &Arc<dyn Resolve>) -> Result<&Pools, FetchError> {
        self.pools
            .get_or_init(|| Pools::new(&self.settings, resolver))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Over TLS the tunnel carries the proxy's credentials; in plain HTTP the request does.
    fn authorize_at_proxy(&self, request: &mut Request<Bytes>, guard: Guard, via: &Via) {
        if request.uri().scheme_str() != Some("http") {
            return;
        }
        let host = request.uri().host().unwrap_or_default();
        let egress = || {
            let egress = self.settings.proxy.as_ref()?;
            (guard != Guard::Machine && egress.is_for(host)).then_some(&egress.proxy)
        };
        let proxy = via.proxy.as_deref().or_else(egress);
        if let Some(value) = proxy.and_then(|proxy| proxy.authorization.as_ref())
            && let Ok(mut value) = HeaderValue::from_str(value.expose())
        {
            value.set_sensitive(true);
            request.headers_mut().insert(header::PROXY_AUTHORIZATION, value);
        }
    }
}

impl Pools {
    fn new(settings: &FetchSettings, resolver: &Arc<dyn Resolve>) -> Result<Self, FetchError> {
        let roots = tls::roots(&settings.roots).map_err(|error| unusable(&error))?;
        let shared = Arc::new(Shared {
            resolver: Arc::clone(resolver),
            addresses: settings.addresses.clone(),
            proxy: settings.proxy.clone(),
            timeout: settings.connect_timeout,
        });
        let (via, version) = (Via::default(), Version::Any);
        let pool = |guard| client(&shared, &roots, Route { guard, via: &via, version, tls: None });
        Ok(Self {
            policy: pool(Guard::Policy)?,
            configured: pool(Guard::Configured)?,
            machine: pool(Guard::Machine)?,
            chosen: Choices::default(),
            tls: Arc::new(tls::client_config(&roots, None)?),
            shared,
            roots,
        })
    }

    fn of(&self, route: Route<'_>) -> Result<HttpClient, FetchError> {
        let Route { guard, via, version, tls } = route;
        let tls = tls.filter(|tls| !tls.is_plain());
        let is_chosen = via.certificate.is_some() || via.proxy.is_some() || tls.is_some();
        if is_chosen || version == Version::One {
            let make = || client(&self.shared, &self.roots, Route { tls, ..route });
            let tls = tls.map(|tls| TlsIdentity { options: tls.clone(), certificate: None });
            return self.chosen.get_or_make((guard, ViaKey::of(via), version, tls), make);
        }
        Ok(match guard {
            Guard::Policy => &self.policy,
            Guard::Configured => &self.configured,
            Guard::Machine => &self.machine,
        }
        .clone())
    }
}

fn client(
    shared: &Arc<Shared>,
    roots: &Arc<RootCertStore>,
    route: Route<'_>,
) -> Result<HttpClient, FetchError> {
    let Route { guard, via, version, tls: options } = route;
    let certificate = via.certificate.as_deref();
    let tls = match options {
        None => tls::client_config(roots, certificate)?,
        Some(options) => tls::backend_config(options, certificate)?,
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let builder = match options.and_then(|options| options.server_name.clone()) {
        None => builder,
        Some(name) => {
            let name = ServerName::try_from(name).map_err(|error| {
                FetchError::Settings(format!("the name of the server cannot be used: {error}"))
            })?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
    };
    let (shared, proxy) = (Arc::clone(shared), via.proxy.clone());
    let connector = Connector { shared, guard, proxy };
    let connector = match version {
        Version::Any => builder.enable_all_versions().wrap_connector(connector),
        Version::One => builder.enable_http1().wrap_connector(connector),
    };
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
        .build(connector))
}

fn unusable(error: &rustls::Error) -> FetchError {
    FetchError::Settings(error.to_string())
}

async fn read(mut body: Incoming, max_bytes: usize) -> Result<Bytes, FetchError> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Ok(chunk) = frame.into_data() {
            if read.len().saturating_add(chunk.len()) > max_bytes {
                return Err(FetchError::TooLarge(max_bytes));
            }
            read.extend_from_slice(&chunk);
        }
    }
    Ok(read.freeze())
}

/// A body that broke off.
pub(crate) fn broken(error: &hyper::Error) -> FetchError {
    FetchError::Broken(chain(error))
}

fn explain(error: &hyper_util::client::legacy::Error) -> FetchError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<ConnectError>() {
            Some(ConnectError::Refused(why)) => return FetchError::Refused(why.clone()),
            Some(error) => return FetchError::Connect(error.to_string()),
            None => cause = error.source(),
        }
    }
    if error.is_connect() {
        FetchError::Connect(chain(error))
    } else {
        FetchError::Broken(chain(error))
    }
}

/// An error with its causes. The URL is not among them, so neither is what its query holds.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
