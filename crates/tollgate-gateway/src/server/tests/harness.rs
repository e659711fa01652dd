//! A gateway on port 0 with policies of its own, and a raw client.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderMap, Method};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollgate_diagnostics::Sources;
use tollgate_engine::read::{NoNamedValues, ReadOptions, read};
use tollgate_engine::{
    Chain, CompileEnv, Deployment, DocumentInfo, Fragments, Names, Ports, Scope, Target, Url,
    compile_document,
};

use super::policies::POLICIES;
use crate::fetch::{AddressGuard, CachingResolver, Resolve};
use crate::server::{
    BoundAddresses, ListenCertificates, Server, ServerParts, ServerStatus, Site, Stop,
};
use crate::telemetry::{AccessLog, AccessRecord, Metrics, Otlp};
use crate::wire::{Backends, Connections};
use crate::{
    Backend, Credentials, Limits, ListenSettings, Matched, Refusal, Timeouts, TlsOptions,
    offline_ports,
};

/// Nothing here takes this long.
pub(super) const LONG: Duration = Duration::from_secs(10);

/// A generation of the configuration with one API that takes everything.
pub(super) struct TestSite {
    pub(super) limits: Limits,
    pub(super) timeouts: Timeouts,
    pub(super) backends: HashMap<Arc<str>, Arc<Backend>>,
    pub(super) chain: Chain,
    pub(super) target: Option<Target>,
    pub(super) keys: Vec<crate::PresentedKey>,
    pub(super) addresses: AddressGuard,
    ports: Ports,
    deployment: Arc<Deployment>,
}

impl TestSite {
    /// `inbound`, `backend` and `outbound` are policies of [`POLICIES`].
    pub(super) fn new(target: Option<Target>, [inbound, backend, outbound]: [&str; 3]) -> Self {
        Self {
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            backends: HashMap::new(),
            chain: chain(&format!(
                "<policies><inbound>{inbound}</inbound><backend>{backend}</backend><outbound>{outbound}</outbound>\
                 <on-error><t do=\"note-error\"/></on-error></policies>"
            )),
            target,
            keys: Vec::new(),
            addresses: AddressGuard::default(),
            ports: offline_ports(),
            deployment: Arc::default(),
        }
    }

    pub(super) fn forwarding(address: SocketAddr) -> Self {
        Self::new(Some(target(address)), ["", "<forward/>", ""])
    }

    pub(super) fn backend(mut self, backend: Backend) -> Self {
        self.target = Some(Target::Backend(Arc::clone(&backend.id)));
        self.backends.insert(Arc::clone(&backend.id), Arc::new(backend));
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

pub(super) fn target(address: SocketAddr) -> Target {
    Target::Url(Arc::new(url("http", address)))
}

pub(super) fn url(scheme: &str, address: SocketAddr) -> Url {
    Url {
        scheme: scheme.to_owned(),
        host: address.ip().to_string(),
        port: address.port(),
        path: String::new(),
        query: String::new(),
    }
}

pub(super) fn backend(scheme: &str, address: SocketAddr) -> Backend {
    Backend {
        id: "main".into(),
        url: url(scheme, address),
        credentials: Credentials::default(),
        tls: TlsOptions::default(),
        http_version: None,
        connect_timeout: None,
        first_byte_timeout: None,
        deployments: HashMap::new(),
        breaker: None,
    }
}

impl Backends for TestSite {
    fn backend(&self, id: &str) -> Option<&Arc<Backend>> {
        self.backends.get(id)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    fn addresses(&self) -> &AddressGuard {
        &self.addresses
    }
}

impl Site for TestSite {
    fn route(
        &self,
        _: &Method,
        _: &str,
        path: &str,
        query: &str,
        _: &HeaderMap,
    ) -> Result<Matched, Refusal> {
        Ok(Matched {
            chain: self.chain.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            target: self.target.clone(),
            keys: self.keys.clone(),
            ..Matched::default()
        })
    }

    fn names(&self) -> Arc<dyn Names> {
        Arc::new(NoNames)
    }

    fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn expression_limits(&self) -> tollgate_engine::ExpressionLimits {
        tollgate_engine::ExpressionLimits::default()
    }
}

struct NoNames;

impl Names for NoNames {
    fn backend(&self, _: &str) -> Option<Url> {
        None
    }

    fn backend_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn certificate(&self, _: &str) -> Option<Arc<tollgate_engine::jose::Certificate>> {
        None
    }

    fn certificate_ids(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// A gateway that serves until it is dropped.
pub(super) struct Gateway {
    pub(super) addresses: BoundAddresses,
    pub(super) status: Arc<ServerStatus>,
    pub(super) site: Arc<ArcSwap<TestSite>>,
    pub(super) connections: Arc<Connections>,
    pub(super) records: Arc<Records>,
    shutdown: watch::Sender<Stop>,
    task: JoinHandle<()>,
}

impl Gateway {
    pub(super) async fn start(site: TestSite) -> Self {
        let settings = ListenSettings {
            http: Some("127.0.0.1:0".parse().unwrap()),
            ..ListenSettings::default()
        };
        Self::listening(site, settings, ListenCertificates::default()).await
    }

    pub(super) async fn listening(
        site: TestSite,
        settings: ListenSettings,
        certificates: ListenCertificates,
    ) -> Self {
        let resolver = Arc::new(CachingResolver::default());
        Self::resolving(site, settings, certificates, resolver).await
    }

    /// Likewise; hosts are found through `resolver`.
    pub(super) async fn resolving(
        site: TestSite,
        settings: ListenSettings,
        certificates: ListenCertificates,
        resolver: Arc<dyn Resolve>,
    ) -> Self {
        let site = Arc::new(ArcSwap::from_pointee(site));
        let records = Arc::new(Records::default());
        let connections = Arc::new(Connections::new(resolver));
        let parts = ServerParts {
            site: Arc::clone(&site),
            connections: Arc::clone(&connections),
            certificates: Arc::new(certificates),
            access: Arc::clone(&records) as Arc<dyn AccessLog>,
            metrics: Arc::new(Metrics::new()),
            otlp: Arc::new(Otlp::idle()),
        };
        let server = Server::bind(&settings, parts).await.unwrap();
        let (addresses, status) = (server.addresses(), server.status());
        let (shutdown, watch) = watch::channel(Stop::No);
        let task = tokio::spawn(server.run(watch));
        Self { addresses, status, site, connections, records, shutdown, task }
    }

    pub(super) fn http(&self) -> SocketAddr {
        self.addresses.http.unwrap()
    }

    pub(super) async fn client(&self) -> Client<TcpStream> {
        Client::connect(self.http()).await
    }

    /// Sends one request on a connection of its own and returns all of the answer.
    pub(super) async fn ask(&self, request: &str) -> String {
        let mut client = self.client().await;
        client.send(request).await;
        client.rest().await
    }

    pub(super) fn stop(&self) {
        self.shutdown.send_replace(Stop::Gracefully);
    }

    /// Waits until the server has ended.
    pub(super) async fn ended(&mut self) {
        tokio::time::timeout(LONG, &mut self.task).await.unwrap().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Access records as they came.
#[derive(Debug, Default)]
pub(super) struct Records {
    seen: Mutex<Vec<AccessRecord>>,
    told: tokio::sync::Notify,
}

impl AccessLog for Records {
    fn record(&self, record: &AccessRecord) {
        self.seen.lock().push(record.clone());
        self.told.notify_waiters();
    }
}

impl Records {
    /// Waits for a record.
    pub(super) async fn nth(&self, index: usize) -> AccessRecord {
        let found = async {
            loop {
                let told = self.told.notified();
                if let Some(record) = self.seen.lock().get(index).cloned() {
                    return record;
                }
                told.await;
            }
        };
        tokio::time::timeout(LONG, found).await.unwrap()
    }
}

/// A client that writes and reads bytes.
pub(super) struct Client<T> {
    pub(super) stream: T,
    buffer: Vec<u8>,
}

impl Client<TcpStream> {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(super) fn over(stream: T) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Says that nothing more is coming.
    pub(super) async fn shutdown(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads up to and including this text.
    pub(super) async fn until(&mut self, end: &str) -> String {
        let read = tokio::time::timeout(LONG, self.try_until(end)).await;
        let text = read.unwrap_or_else(|_| {
            panic!("no `{end}` in time: {}", String::from_utf8_lossy(&self.buffer))
        });
        text.unwrap_or_else(|| {
            panic!("ended before `{end}`: {}", String::from_utf8_lossy(&self.buffer))
        })
    }

    /// Likewise; none when the connection ends before.
    pub(super) async fn try_until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = find(&self.buffer, end.as_bytes()) {
                let rest = self.buffer.split_off(at + end.len());
                return Some(String::from_utf8(std::mem::replace(&mut self.buffer, rest)).unwrap());
            }
            let n = self.stream.read_buf(&mut self.buffer).await.unwrap_or(0);
            if n == 0 {
                return None;
            }
        }
    }

    /// Reads one response with `Content-Length`.
    pub(super) async fn response(&mut self) -> String {
        let head = self.until("\r\n\r\n").await;
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let body = self.exactly(length).await;
        format!("{head}{body}")
    }

    pub(super) async fn exactly(&mut self, length: usize) -> String {
        let read = async {
            while self.buffer.len() < length {
                let n = self.stream.read_buf(&mut self.buffer).await.unwrap_or(0);
                assert!(n > 0, "ended early");
            }
            let rest = self.buffer.split_off(length);
            String::from_utf8(std::mem::replace(&mut self.buffer, rest)).unwrap()
        };
        tokio::time::timeout(LONG, read).await.unwrap()
    }

    /// Reads to the end of the connection, however it ends.
    pub(super) async fn rest(&mut self) -> String {
        String::from_utf8_lossy(&self.rest_or_error().await.0).into_owned()
    }

    /// Reads to the end of the connection, and says whether it ended with an error.
    pub(super) async fn rest_or_error(&mut self) -> (Vec<u8>, bool) {
        let read = async {
            loop {
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(_) => return true,
                }
            }
        };
        let failed = tokio::time::timeout(LONG, read).await.expect("the connection stays open");
        (std::mem::take(&mut self.buffer), failed)
    }
}

fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

/// A header of a message.
pub(super) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

pub(super) fn status(message: &str) -> &str {
    message.split(' ').nth(1).unwrap_or(message)
}

pub(super) fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn chain(document: &str) -> Chain {
    let file = Sources::default().add("test.xml", document);
    let options = ReadOptions::new(&NoNamedValues);
    let (read, found) = read(file, document, &options);
    assert!(found.is_empty(), "{found:?}");
    let ports = offline_ports();
    let env = CompileEnv {
        policies: POLICIES,
        unsupported: &[],
        names: &NoNames,
        ports: &ports,
        fragments: Fragments::default(),
        standalone: false,
        token_limits: tollgate_engine::TokenLimits::default(),
    };
    let mut diagnostics = Vec::new();
    let info = DocumentInfo { scope: Scope::Api, template_parameters: None };
    let compiled = compile_document(&read.unwrap().root, info, &env, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    Chain::new([Arc::new(compiled)])
}
