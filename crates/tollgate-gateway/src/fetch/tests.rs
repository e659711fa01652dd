use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tollgate_engine::BoxFuture;

use super::*;
use crate::loopback::{Loopback, answer, fetcher};

const OPTIONS: FetchOptions =
    FetchOptions { guard: Guard::Configured, timeout: Duration::from_secs(5), max_bytes: 1_000 };

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

/// Knows some hosts.
#[derive(Debug)]
struct Hosts(&'static [(&'static str, [u8; 4])]);

impl Resolve for Hosts {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<[IpAddr]>, ResolveError>> {
        let found: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| *name == host)
            .map(|(_, ip)| IpAddr::from(*ip))
            .collect();
        let why = || ResolveError::Failed { host: host.to_owned(), why: "unknown".to_owned() };
        Box::pin(std::future::ready(if found.is_empty() { Err(why()) } else { Ok(found.into()) }))
    }
}

const HOSTS: Hosts = Hosts(&[
    ("good.test", [127, 0, 0, 1]),
    ("rebound.test", [169, 254, 169, 254]),
    ("mixed.test", [127, 0, 0, 1]),
    ("mixed.test", [169, 254, 1, 1]),
    ("proxy.test", [127, 0, 0, 1]),
]);

fn with(settings: FetchSettings) -> Fetcher {
    Fetcher::new(settings, Arc::new(HOSTS))
}

#[tokio::test]
async fn a_call_brings_status_headers_and_body_over_one_connection() {
    let server = Loopback::start(|request| match request.uri().path() {
        "/echo" => answer(418, request.body().clone()),
        _ => answer(200, "hello"),
    })
    .await;
    let fetcher = fetcher();
    let request =
        Request::post(format!("{}/echo?q=1", server.url())).body(Bytes::from("ping")).unwrap();
    let response = fetcher.send(request, OPTIONS).await.unwrap();
    assert_eq!(
        (response.status(), response.body().as_ref()),
        (StatusCode::IM_A_TEAPOT, &b"ping"[..])
    );
    let response = fetcher.send(get(&server.url()), OPTIONS).await.unwrap();
    assert_eq!(response.body().as_ref(), b"hello");
    let requests = server.requests();
    assert_eq!(requests[0].uri(), "/echo?q=1");
    assert_eq!(requests[1].headers()["user-agent"], "tollgate");
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let server = Loopback::start(|_| answer(200, vec![b'x'; 2_000])).await;
    let fetcher = fetcher();
    let sent = fetcher.send(get(&server.url()), OPTIONS).await;
    assert_eq!(sent.unwrap_err(), FetchError::TooLarge(1_000));

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let timeout = Duration::from_millis(50);
    let sent = fetcher.send(get(&url), FetchOptions { timeout, ..OPTIONS }).await;
    assert_eq!(sent.unwrap_err(), FetchError::Timeout(timeout));
    drop(silent);
    let sent = fetcher.send(get(&url), OPTIONS).await;
    assert!(
        matches!(sent, Err(FetchError::Connect(why)) if why.contains("cannot connect to 127.0.0.1"))
    );
}

#[tokio::test]
async fn what_is_no_http_url_is_refused() {
    for url in ["/path", "ftp://host.test/", "good.test:80"] {
        let sent = fetcher().send(get(url), OPTIONS).await;
        assert!(matches!(sent, Err(FetchError::Refused(_))), "{url}: {sent:?}");
    }
}

#[tokio::test]
async fn policies_cannot_reach_metadata_by_number_name_or_pooled_connection() {
    let server = Loopback::start(|_| answer(200, "")).await;
    let port = server.address.port();
    let own = vec![server.address];
    let fetcher =
        with(FetchSettings { addresses: AddressGuard::new([], own), ..FetchSettings::default() });
    let policy = FetchOptions { guard: Guard::Policy, ..OPTIONS };
    for host in [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "rebound.test",
        "mixed.test",
        "metadata",
        "Metadata.",
    ] {
        let literal = Fetcher::new(
            FetchSettings::default(),
            Arc::new(CachingResolver::new(Arc::new(HOSTS), ResolverSettings::default())),
        );
        let sent = literal.send(get(&format!("http://{host}/metadata")), policy).await;
        assert!(
            matches!(&sent, Err(FetchError::Refused(why)) if why.contains("may not be called")),
            "{host}: {sent:?}"
        );
    }
    // The configuration opens a connection that stays in its pool; a policy's call finds none.
    let url = format!("http://good.test:{port}/");
    fetcher.send(get(&url), OPTIONS).await.unwrap();
    assert!(matches!(fetcher.send(get(&url), policy).await, Err(FetchError::Refused(_))));
    assert_eq!(server.n_requests(), 1);

    let allowed = AddressGuard::new(["good.test".to_owned()], vec![server.address]);
    fetcher.apply(FetchSettings { addresses: allowed, ..FetchSettings::default() });
    assert_eq!(fetcher.send(get(&url), policy).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn redirects_are_handed_back() {
    let server = Loopback::start(|_| {
        Response::builder()
            .status(302)
            .header("location", "http://169.254.169.254/")
            .body(Bytes::new())
            .unwrap()
    })
    .await;
    let response = fetcher().send(get(&server.url()), OPTIONS).await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn plain_http_goes_through_the_proxy_in_absolute_form() {
    let proxy = Loopback::start(|_| answer(200, "proxied")).await;
    let url = format!("http://me:secret@proxy.test:{}", proxy.address.port());
    let egress = EgressProxy::new(&url, ["direct.test".to_owned()]).unwrap();
    let fetcher = with(FetchSettings { proxy: Some(egress), ..FetchSettings::default() });
    let response = fetcher.send(get("http://elsewhere.test/a?b"), OPTIONS).await.unwrap();
    assert_eq!(response.body().as_ref(), b"proxied");
    let request = &proxy.requests()[0];
    assert_eq!(request.uri(), "http://elsewhere.test/a?b");
    assert_eq!(request.headers()["proxy-authorization"], "Basic bWU6c2VjcmV0");
    // Not for the machine's own services, not for hosts that are called directly, and not past the guard.
    let machine = FetchOptions { guard: Guard::Machine, ..OPTIONS };
    assert!(fetcher.send(get("http://elsewhere.test/"), machine).await.is_err());
    assert!(fetcher.send(get("http://direct.test/"), OPTIONS).await.is_err());
    let policy = FetchOptions { guard: Guard::Policy, ..OPTIONS };
    let sent = fetcher.send(get("http://rebound.test/"), policy).await;
    assert!(matches!(sent, Err(FetchError::Refused(_))), "{sent:?}");
    assert_eq!(proxy.n_requests(), 1);
}

/// A server with a certificate of its own authority, and the authority's root.
async fn tls_server(answered: &'static str) -> (SocketAddrAndTask, Bytes) {
    let key = rcgen::generate_simple_self_signed(vec!["good.test".to_owned()]).unwrap();
    let root = Bytes::copy_from_slice(key.cert.der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let private =
        rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut read = vec![0; 4_096];
            let _n = stream.read(&mut read).await;
            let text =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answered}", answered.len());
            let _written = stream.write_all(text.as_bytes()).await;
            let _closed = stream.shutdown().await;
        }
    });
    ((address, task), root)
}

type SocketAddrAndTask = (std::net::SocketAddr, tokio::task::JoinHandle<()>);

#[tokio::test]
async fn tls_trusts_the_bundle_and_nothing_else() {
    let ((address, _task), root) = tls_server("over tls").await;
    let url = format!("https://good.test:{}/", address.port());
    let sent = with(FetchSettings::default()).send(get(&url), OPTIONS).await;
    assert!(
        matches!(&sent, Err(FetchError::Connect(why)) if why.contains("certificate")),
        "{sent:?}"
    );
    let trusting = FetchSettings { roots: vec![root], ..FetchSettings::default() };
    let fetcher = with(FetchSettings::default());
    fetcher.apply(trusting);
    assert_eq!(fetcher.send(get(&url), OPTIONS).await.unwrap().body().as_ref(), b"over tls");
}

/// A proxy that knows `CONNECT`, refuses the first `n_refused` and counts.
async fn connect_proxy(
    to: std::net::SocketAddr,
    asked: Arc<AtomicUsize>,
    n_refused: usize,
) -> SocketAddrAndTask {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            assert!(head.starts_with("CONNECT good.test:"), "{head}");
            assert!(head.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
            if asked.fetch_add(1, Ordering::SeqCst) < n_refused {
                client.write_all(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                continue;
            }
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(to).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut client, &mut server).await },
            );
        }
    });
    (address, task)
}

#[tokio::test]
async fn tls_goes_through_a_tunnel() {
    let ((address, _task), root) = tls_server("tunnelled").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let (proxy, _proxy_task) = connect_proxy(address, Arc::clone(&asked), 1).await;
    let egress =
        EgressProxy::new(&format!("http://me:secret@proxy.test:{}", proxy.port()), []).unwrap();
    let fetcher =
        with(FetchSettings { roots: vec![root], proxy: Some(egress), ..FetchSettings::default() });
    let sent = fetcher.send(get("https://good.test/"), OPTIONS).await;
    assert_eq!(
        sent.unwrap_err(),
        FetchError::Connect("the proxy wants other credentials".to_owned())
    );
    let response = fetcher.send(get("https://good.test/"), OPTIONS).await.unwrap();
    assert_eq!(response.body().as_ref(), b"tunnelled");
    assert!(!response.headers().contains_key("proxy-authorization"));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn reachability_is_asked_by_connecting() {
    let server = Loopback::start(|_| answer(200, "")).await;
    let fetcher = fetcher();
    let second = Duration::from_secs(1);
    assert!(fetcher.is_reachable("127.0.0.1", server.address.port(), second).await);
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    assert!(!fetcher.is_reachable("127.0.0.1", port, second).await);
}
