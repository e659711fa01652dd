//! TLS on both sides.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use tollgate_engine::Secret;
use tollgate_engine::jose::Certificate;

use super::harness::{Client, Gateway, TestSite, backend, body, header, status};
use crate::server::ListenCertificates;
use crate::wire::tls_provider;
use crate::{Backend, ListenSettings, TlsOptions};

/// A private authority.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn root(&self) -> Bytes {
        Bytes::copy_from_slice(self.0.der())
    }

    pub(super) fn issue(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Arc<Certificate> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let issued = params.signed_by(&key, &self.0).unwrap();
        let private = Secret::new(Bytes::from(key.serialize_der()));
        Arc::new(Certificate::new(Bytes::copy_from_slice(issued.der()), Vec::new(), Some(private)))
    }

    fn store(&self) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add(CertificateDer::from(self.root().to_vec())).unwrap();
        Arc::new(store)
    }
}

fn key(certificate: &Certificate) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = certificate.private_key().unwrap().expose().to_vec();
    (
        vec![CertificateDer::from(certificate.der().to_vec())],
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
    )
}

/// A backend over TLS whose connections are the test's.
pub(super) struct TlsUpstream {
    pub(super) address: SocketAddr,
    pub(super) authority: Authority,
    connections: mpsc::UnboundedReceiver<server::TlsStream<TcpStream>>,
    task: JoinHandle<()>,
}

impl TlsUpstream {
    pub(super) async fn start(alpn: &[&[u8]]) -> Self {
        Self::asking(alpn, false).await
    }

    async fn asking(alpn: &[&[u8]], client_certificate: bool) -> Self {
        let authority = Authority::new();
        let certificate = authority.issue("backend.test", ExtendedKeyUsagePurpose::ServerAuth);
        let builder = ServerConfig::builder_with_provider(tls_provider())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if client_certificate {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authority.store(), tls_provider());
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (chain, private) = key(&certificate);
        let mut config = builder.with_single_cert(chain, private).unwrap();
        config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (send, connections) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    drop(send.send(stream));
                }
            }
        });
        Self { address, authority, connections, task }
    }

    pub(super) async fn connection(&mut self) -> Client<server::TlsStream<TcpStream>> {
        let connection = tokio::time::timeout(super::harness::LONG, self.connections.recv()).await;
        Client::over(connection.unwrap().unwrap())
    }

    pub(super) async fn stream(&mut self) -> server::TlsStream<TcpStream> {
        self.connection().await.stream
    }
}

impl Drop for TlsUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes a backend trust the authority of an upstream, under the name its certificate is for.
pub(super) fn trusting(backend: &mut Backend, upstream: &TlsUpstream) {
    backend.tls.roots = Some(Arc::new(vec![upstream.authority.root()]));
    backend.tls.server_name = Some("backend.test".to_owned());
}

async fn check(options: impl FnOnce(&TlsUpstream) -> TlsOptions, expected: &str) {
    let mut upstream = TlsUpstream::start(&[]).await;
    let mut backend = backend("https", upstream.address);
    backend.tls = options(&upstream);
    let gateway =
        Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(backend)).await;
    let serving = tokio::spawn(async move {
        while let Some(stream) = upstream.connections.recv().await {
            let mut connection = Client::over(stream);
            connection.request().await;
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    });
    let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), expected, "{answer}");
    serving.abort();
}

#[tokio::test]
async fn backends_are_verified_as_configured() {
    let roots = |upstream: &TlsUpstream| Some(Arc::new(vec![upstream.authority.root()]));
    let named = |name: &str| Some(name.to_owned());
    let defaults = TlsOptions::default;
    check(
        |it| TlsOptions { roots: roots(it), server_name: named("backend.test"), ..defaults() },
        "200",
    )
    .await;
    check(
        |it| TlsOptions { roots: roots(it), server_name: named("other.test"), ..defaults() },
        "502",
    )
    .await;
    // The address is not in the certificate.
    check(|it| TlsOptions { roots: roots(it), ..defaults() }, "502").await;
    check(|it| TlsOptions { roots: roots(it), verify_name: false, ..defaults() }, "200").await;
    let stranger = || Some(Arc::new(vec![Authority::new().root()]));
    check(
        |_| TlsOptions { roots: stranger(), server_name: named("backend.test"), ..defaults() },
        "502",
    )
    .await;
    check(|_| TlsOptions { roots: stranger(), verify_name: false, ..defaults() }, "502").await;
    let no_chain = || TlsOptions { verify_chain: false, ..TlsOptions::default() };
    check(|_| TlsOptions { server_name: named("backend.test"), ..no_chain() }, "200").await;
    check(|_| TlsOptions { server_name: named("other.test"), ..no_chain() }, "502").await;
    check(|_| TlsOptions { verify_name: false, ..no_chain() }, "200").await;
}

#[tokio::test]
async fn connections_are_not_shared_between_backends_that_trust_differently() {
    let mut upstream = TlsUpstream::start(&[]).await;
    let mut trusted = backend("https", upstream.address);
    trusting(&mut trusted, &upstream);
    let mut untrusted = backend("https", upstream.address);
    untrusted.tls.server_name.clone_from(&trusted.tls.server_name);
    untrusted.tls.roots = Some(Arc::new(vec![Authority::new().root()]));
    let gateway =
        Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(trusted)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(body(&client.response().await), "ok");
    // The same host, port and name; the connection that waits there was made under another trust.
    gateway.site.store(TestSite::new(None, ["", "<forward/>", ""]).backend(untrusted).into());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.response().await), "502");
}

#[tokio::test]
async fn the_backend_gets_the_client_certificate() {
    let mut upstream = TlsUpstream::asking(&[], true).await;
    let certificate = upstream.authority.issue("gateway.test", ExtendedKeyUsagePurpose::ClientAuth);
    let mut with = backend("https", upstream.address);
    trusting(&mut with, &upstream);
    with.credentials.certificate = Some(Arc::clone(&certificate));
    let gateway = Gateway::start(TestSite::new(None, ["", "<forward/>", ""]).backend(with)).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = upstream.connection().await;
    connection.request().await;
    let presented = connection.stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    assert_eq!(presented, certificate.der().to_vec());
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(body(&client.response().await), "ok");
    let mut without = backend("https", upstream.address);
    trusting(&mut without, &upstream);
    gateway.site.store(TestSite::new(None, ["", "<forward/>", ""]).backend(without).into());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&client.response().await), "502");
}

async fn https(site: TestSite, certificates: ListenCertificates) -> Gateway {
    let settings =
        ListenSettings { https: Some("127.0.0.1:0".parse().unwrap()), ..ListenSettings::default() };
    Gateway::listening(site, settings, certificates).await
}

pub(super) async fn connect(
    address: SocketAddr,
    name: &str,
    authority: &Authority,
    alpn: &[&[u8]],
) -> std::io::Result<client::TlsStream<TcpStream>> {
    let builder = ClientConfig::builder_with_provider(tls_provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = builder.with_root_certificates(authority.store()).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(name.to_owned()).unwrap(), stream)
        .await
}

/// A gateway over HTTPS with a certificate for `gw.test`, and the authority that vouches for it.
pub(super) async fn secure(site: TestSite) -> (Gateway, Authority) {
    let authority = Authority::new();
    let certificates = ListenCertificates::default();
    certificates
        .replace(&[authority.issue("gw.test", ExtendedKeyUsagePurpose::ServerAuth)])
        .unwrap();
    (https(site, certificates).await, authority)
}

#[tokio::test]
async fn requests_over_tls() {
    let site = TestSite::new(None, ["<t do=\"tell\"/>", "", ""]);
    let (gateway, authority) = secure(site).await;
    let address = gateway.addresses.https.unwrap();
    let mut client =
        Client::over(connect(address, "gw.test", &authority, &[b"http/1.1"]).await.unwrap());
    for _ in 0..2 {
        client.send("GET /x HTTP/1.1\r\nHost: gw.test\r\n\r\n").await;
        let answer = client.response().await;
        assert_eq!(body(&answer), "127.0.0.1 https://gw.test:443/x?");
        assert_eq!(header(&answer, "connection"), Some("keep-alive"));
    }
    // Two requests in one record: what rustls has decrypted already is not waited for.
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.response().await.ends_with("/1?"));
    assert!(client.response().await.ends_with("/2?"));
}

#[tokio::test]
async fn a_handshake_has_a_time() {
    let site = TestSite::new(None, ["<t do=\"tell\"/>", "", ""])
        .with(|site| site.timeouts.tls_handshake = std::time::Duration::from_millis(50));
    let (gateway, _) = secure(site).await;
    let mut client = Client::connect(gateway.addresses.https.unwrap()).await;
    assert_eq!(client.rest().await, "");
}

#[test]
fn certificates_are_chosen_by_name_and_replaced() {
    let authority = Authority::new();
    let issue = |name: &str| authority.issue(name, ExtendedKeyUsagePurpose::ServerAuth);
    let (first, exact, wildcard) =
        (issue("first.test"), issue("a.wild.test"), issue("*.wild.test"));
    let certificates = ListenCertificates::default();
    let found = |name: Option<&str>| certificates.find(name).map(|it| it.cert[0].to_vec());
    assert_eq!(found(Some("first.test")), None);
    certificates.replace(&[Arc::clone(&first), Arc::clone(&wildcard), Arc::clone(&exact)]).unwrap();
    for (name, expected) in [
        (None, &first),
        (Some("first.test"), &first),
        (Some("A.Wild.Test."), &exact),
        (Some("b.wild.test"), &wildcard),
        (Some("b.a.wild.test"), &first),
        (Some("wild.test"), &first),
    ] {
        assert_eq!(found(name), Some(expected.der().to_vec()), "{name:?}");
    }
    let keyless = Arc::new(Certificate::new(first.der().clone(), Vec::new(), None));
    assert!(certificates.replace(&[keyless]).is_err());
    assert_eq!(
        found(Some("a.wild.test")),
        Some(exact.der().to_vec()),
        "an error leaves the old ones"
    );
    certificates.replace(&[Arc::clone(&exact)]).unwrap();
    assert_eq!(found(None), Some(exact.der().to_vec()));
}
