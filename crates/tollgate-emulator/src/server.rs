//! One emulated server: listeners on loopback, connections, recording, planted faults, stopping.
//!
//! A [`Server`] is the handle that a test or the demo keeps; a [`Service`] is what answers. Every request is recorded and
//! counted before the service sees it, so that a refused or cut-off request shows up too.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::EmulatorError;
use crate::exchange::{Arrival, Exchange};
use crate::faults::{Fault, Faults};
use crate::recorder::{Received, Recorder};
use crate::reply::{Closed, Reply, bytes, set_header, status};
use crate::tally::{Counted, Counts, Tally};

/// How long calls may go on after the emulator was told to stop.
const GRACE: Duration = Duration::from_secs(1);
/// How long a client may take for a TLS handshake or a request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    /// Answers one request, or ends its connection.
    fn answer(&self, exchange: Exchange) -> impl Future<Output = Result<Reply, Closed>> + Send;

    /// The service's own way to fail with `status`; `retry_after` is when to come back.
    fn failure(
        &self,
        exchange: &Exchange,
        status: StatusCode,
        retry_after: Option<Duration>,
    ) -> Reply;
}

/// One emulated server: where it is, what it received, and what shall go wrong.
#[derive(Clone, Debug)]
pub struct Server {
    site: Arc<Site>,
}

#[derive(Debug)]
struct Site {
    url: String,
    https_url: Option<String>,
    recorder: Recorder,
    faults: Faults,
    calls: Tally,
    offline: watch::Sender<bool>,
}

impl Server {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.site.url
    }

    /// `https://localhost:port`, when TLS was asked for.
    pub fn https_url(&self) -> Option<&str> {
        self.site.https_url.as_deref()
    }

    /// The requests received, oldest first; the newest 10,000 are kept.
    pub fn received(&self) -> Vec<Received> {
        self.site.recorder.received("*")
    }

    /// The requests received to paths like `pattern`, in which `*` stands for any text.
    pub fn received_at(&self, pattern: &str) -> Vec<Received> {
        self.site.recorder.received(pattern)
    }

    /// How many requests were received for paths like `pattern`.
    pub fn count(&self, pattern: &str) -> u64 {
        self.site.recorder.count(pattern)
    }

    /// Waits until at least `n` requests were received for paths like `pattern`; `false` when that takes longer than `within`.
    pub async fn wait_for(&self, pattern: &str, n: u64, within: Duration) -> bool {
        self.site.recorder.wait_for(pattern, n, within).await
    }

    /// Forgets what was received and counted.
    pub fn forget(&self) {
        self.site.recorder.clear();
    }

    /// Open, completed and aborted calls of all kinds.
    pub fn calls(&self) -> Counts {
        self.site.calls.counts()
    }

    /// The live figures behind [`Server::calls`].
    pub fn call_tally(&self) -> &Tally {
        &self.site.calls
    }

    /// Plants `fault` for paths like `pattern` until [`Server::clear_faults`].
    pub fn fail(&self, pattern: &str, fault: Fault) {
        self.site.faults.plant(pattern, None, fault);
    }

    /// Plants `fault` for the next `n` requests to paths like `pattern`.
    pub fn fail_next(&self, pattern: &str, n: usize, fault: Fault) {
        self.site.faults.plant(pattern, Some(n), fault);
    }

    /// Takes back every planted fault that was not used up.
    pub fn clear_faults(&self) {
        self.site.faults.clear();
    }

    /// Cuts every open connection and closes new ones at once, until [`Server::go_online`].
    pub fn go_offline(&self) {
        self.site.offline.send_replace(true);
    }

    /// Accepts connections again.
    pub fn go_online(&self) {
        self.site.offline.send_replace(false);
    }
}

/// The bound but not yet serving listeners of one server.
pub(crate) struct Listeners {
    plain: TcpListener,
    tls: Option<(TcpListener, TlsAcceptor)>,
    server: Server,
}

impl Listeners {
    /// Binds port 0 of 127.0.0.1, twice if there is TLS.
    pub(crate) async fn bind(tls: Option<&TlsAcceptor>) -> Result<Self, EmulatorError> {
        let (plain, port) = bind_one().await?;
        let mut https_url = None;
        let tls = match tls {
            None => None,
            Some(acceptor) => {
                let (listener, port) = bind_one().await?;
                https_url = Some(format!("https://localhost:{port}"));
                Some((listener, acceptor.clone()))
            }
        };
        let site = Site {
            url: format!("http://127.0.0.1:{port}"),
            https_url,
            recorder: Recorder::default(),
            faults: Faults::default(),
            calls: Tally::default(),
            offline: watch::Sender::new(false),
        };
        Ok(Self { plain, tls, server: Server { site: Arc::new(site) } })
    }

    /// The handle of the server to be.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until `stop` is true or gone; the tasks end after their connections.
    pub(crate) fn serve<S: Service>(
        self,
        service: &Arc<S>,
        stop: &watch::Receiver<bool>,
    ) -> Vec<JoinHandle<()>> {
        let door = |tls| Door {
            server: self.server.clone(),
            service: Arc::clone(service),
            stop: stop.clone(),
            offline: self.server.site.offline.subscribe(),
            tls,
        };
        let mut tasks = Vec::with_capacity(2);
        let plain = door(None);
        let secure = self.tls.map(|(listener, acceptor)| (listener, door(Some(acceptor))));
        tasks.push(tokio::spawn(plain.accept(self.plain)));
        if let Some((listener, door)) = secure {
            tasks.push(tokio::spawn(door.accept(listener)));
        }
        tasks
    }
}

async fn bind_one() -> Result<(TcpListener, u16), EmulatorError> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(EmulatorError::Bind)?;
    let port = listener.local_addr().map_err(EmulatorError::Bind)?.port();
    Ok((listener, port))
}

/// One listener's side of a server.
struct Door<S> {
    server: Server,
    service: Arc<S>,
    stop: watch::Receiver<bool>,
    offline: watch::Receiver<bool>,
    tls: Option<TlsAcceptor>,
}

impl<S> Clone for Door<S> {
    fn clone(&self) -> Self {
        Self {
            server: self.server.clone(),
            service: Arc::clone(&self.service),
            stop: self.stop.clone(),
            offline: self.offline.clone(),
            tls: self.tls.clone(),
        }
    }
}

impl<S: Service> Door<S> {
    async fn accept(self, listener: TcpListener) {
        let mut stop = self.stop.clone();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        if !*self.offline.borrow() {
                            connections.spawn(self.clone().connection(stream));
                        }
                    }
                    // Out of file descriptors, most likely: wait for connections to end.
                    Err(_) => sleep(Duration::from_millis(20)).await,
                },
                () = stopped(&mut stop) => break,
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        // Whatever is still open after the grace is cut when the set is dropped.
        timeout(GRACE, drained).await.ok();
    }

    async fn connection(self, stream: TcpStream) {
        stream.set_nodelay(true).ok();
        match self.tls.clone() {
            None => self.speak(stream, None).await,
            Some(acceptor) => {
                if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await {
                    let chain = stream.get_ref().1.peer_certificates();
                    let certificate =
                        chain.and_then(<[_]>::first).map(|first| Arc::from(first.as_ref()));
                    self.speak(stream, certificate).await;
                }
            }
        }
    }

    async fn speak<T>(self, stream: T, certificate: Option<Arc<[u8]>>)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        builder.http2().timer(TokioTimer::new());
        let door = self.clone();
        let service = service_fn(move |request| door.clone().answer(request, certificate.clone()));
        let mut connection =
            pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let (mut stop, mut offline) = (self.stop, self.offline);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = when_true(&mut offline) => return,
            () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = when_true(&mut offline) => {}
        }
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        certificate: Option<Arc<[u8]>>,
    ) -> Result<Reply, Closed> {
        let site = &self.server.site;
        let (parts, body) = request.into_parts();
        let id = site.recorder.begin(&parts);
        let mut open = site.calls.open();
        let origin = match (&self.tls, &site.https_url) {
            (Some(_), Some(https)) => https.clone(),
            _ => site.url.clone(),
        };
        let (path, head) = (parts.uri.path().to_owned(), parts.method == Method::HEAD);
        let arrival = Arrival { origin, id, certificate, stop: self.stop.clone() };
        let exchange = Exchange::new(parts, body, arrival, site.recorder.clone());
        let answered = match site.faults.due(&path) {
            None => self.service.answer(exchange).await,
            Some(Fault::Delay(delay)) => {
                sleep(delay).await;
                self.service.answer(exchange).await
            }
            Some(fault) => self.misbehave(exchange, fault).await,
        };
        match answered {
            Ok(reply) => {
                site.recorder.answered(id, reply.status().as_u16());
                let (parts, body) = reply.into_parts();
                // hyper takes nothing from either body; an upgraded connection is counted by who speaks on it.
                if head || parts.status == StatusCode::SWITCHING_PROTOCOLS {
                    open.complete();
                    return Ok(Reply::from_parts(parts, body));
                }
                let counted = Counted::new(body, open);
                Ok(Reply::from_parts(parts, http_body_util::BodyExt::boxed_unsync(counted)))
            }
            Err(closed) => Err(closed),
        }
    }

    /// Reads the body as a proper answer would, so that the record is whole, then fails.
    async fn misbehave(&self, mut exchange: Exchange, fault: Fault) -> Result<Reply, Closed> {
        exchange.body().await?;
        let reply = match fault {
            Fault::Status(code) => {
                let retry_after = (code == 429).then_some(Duration::from_secs(1));
                self.service.failure(&exchange, status(code), retry_after)
            }
            Fault::Throttle(after) => {
                self.service.failure(&exchange, StatusCode::TOO_MANY_REQUESTS, Some(after))
            }
            Fault::Answer { status: code, headers, body } => canned(code, &headers, body),
            Fault::Hang | Fault::Delay(_) => hang().await,
            Fault::Close => return Err(Closed),
        };
        Ok(reply)
    }
}

fn canned(code: u16, headers: &[(String, String)], body: Bytes) -> Reply {
    let mut reply = bytes(status(code), "", body);
    for (name, value) in headers {
        let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
        let value = hyper::header::HeaderValue::from_str(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            reply.headers_mut().append(name, value);
        }
    }
    reply
}

async fn hang() -> Reply {
    match std::future::pending::<Infallible>().await {}
}

/// Ends when the emulator was told to stop, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    stop.wait_for(|stop| *stop).await.ok();
}

async fn when_true(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|set| *set).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Adds `Retry-After` (whole seconds, rounded up) and Azure's `retry-after-ms`.
pub(crate) fn retry_after(reply: &mut Reply, after: Duration) {
    set_header(reply, "retry-after", after.as_millis().div_ceil(1_000).to_string());
    set_header(reply, "retry-after-ms", after.as_millis().to_string());
}
