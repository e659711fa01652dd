use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::{SOON, get, start, start_with};
use crate::ids::hex;
use crate::{Fault, Running, Server, SigningKey, Tls};

#[tokio::test]
async fn planted_faults_happen() {
    let running = start().await;
    let server = running.echo.server();
    let url = |path: &str| format!("{}{path}", server.url());
    server.fail_next("/a", 1, Fault::Status(503));
    server.fail_next("/a", 1, Fault::Close);
    let body = bytes::Bytes::from_static(b"no");
    let headers =
        vec![("x-why".to_owned(), "planted".to_owned()), ("x-why".to_owned(), "twice".to_owned())];
    server.fail_next("/a", 1, Fault::Answer { status: 418, headers, body });
    server.fail_next("/a", 1, Fault::Throttle(Duration::from_millis(1)));
    server.fail_next("/a", 1, Fault::Delay(Duration::from_millis(30)));
    get(url("/b")).expect(200).await;
    assert_eq!(get(url("/a")).expect(503).await.at("/status"), json!(503));
    assert!(get(url("/a")).open().await.is_err());
    let canned = get(url("/a")).expect(418).await;
    assert_eq!((canned.headers.get_all("x-why").iter().count(), &canned.body[..]), (2, &b"no"[..]));
    let throttled = get(url("/a")).expect(429).await;
    assert_eq!((throttled.header("retry-after"), throttled.header("retry-after-ms")), ("1", "1"));
    let begun = Instant::now();
    get(url("/a")).expect(200).await;
    assert!(begun.elapsed() >= Duration::from_millis(30));

    server.fail("/hang", Fault::Hang);
    let hanging = tokio::spawn(get(url("/hang")).open());
    assert!(server.wait_for("/hang", 1, SOON).await);
    hanging.abort();
    assert!(server.call_tally().until(SOON, |counts| counts.open() == 0).await.is_some());
    server.clear_faults();
    get(url("/hang")).expect(200).await;
    assert_eq!((server.count("/hang"), server.count("*")), (2, 8));
    server.forget();
    assert_eq!((server.count("*"), server.received().len()), (0, 0));
    get(url("/after")).expect(200).await;
    assert_eq!(server.received()[0].path, "/after");
    assert!(!server.wait_for("/never", 1, Duration::from_millis(1)).await);
}

#[tokio::test]
async fn servers_go_offline_and_come_back() {
    let running = start().await;
    let url = format!("{}/x", running.echo.server().url());
    get(&url).expect(200).await;
    running.echo.server().fail("/hang", Fault::Hang);
    let hanging = tokio::spawn(get(format!("{}/hang", running.echo.server().url())).open());
    assert!(running.echo.server().wait_for("/hang", 1, SOON).await);
    running.echo.server().go_offline();
    assert!(hanging.await.unwrap().is_err());
    assert!(get(&url).open().await.is_err());
    running.echo.server().go_online();
    get(&url).expect(200).await;
}

/// The JSON at `path` over TLS as `name`, by `protocol`, with a client certificate if there is one.
async fn over_tls(
    running: &Running,
    server: &Server,
    (protocol, name): (&str, &str),
    path: &str,
    client: Option<&SigningKey>,
) -> Value {
    let url = server.https_url().unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(running.ca_pem().unwrap().as_bytes()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => builder.with_no_client_auth(),
        Some(key) => {
            let certificate =
                CertificateDer::from_pem_slice(key.certificate_pem().as_bytes()).unwrap();
            let private = PrivateKeyDer::from_pem_slice(key.private_pem().as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], private).unwrap()
        }
    };
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(url.replace("https://localhost", "127.0.0.1")).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    let io = TokioIo::new(stream);
    let request = |uri: String| {
        Request::get(uri).header("host", "localhost").body(Empty::<bytes::Bytes>::new()).unwrap()
    };
    let response = if protocol == "h2" {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request(format!("{url}{path}"))).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request(path.to_owned())).await.unwrap()
    };
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn tls_speaks_both_versions() {
    let running =
        start_with(|options| options.tls = Tls::On(vec!["login.emulator.example".to_owned()]))
            .await;
    let server = running.entra.server();
    for by in [("h2", "localhost"), ("http/1.1", "login.emulator.example"), ("h2", "127.0.0.1")] {
        let document =
            over_tls(&running, server, by, "/common/v2.0/.well-known/openid-configuration", None)
                .await;
        // Endpoints are at the listener that was asked, the issuer is the same everywhere.
        let https = server.https_url().unwrap();
        assert_eq!(document["jwks_uri"], json!(format!("{https}/common/discovery/v2.0/keys")));
        assert_eq!(document["issuer"], json!(format!("{}/{{tenantid}}/v2.0", server.url())));
    }
}

#[tokio::test]
async fn client_certificates_are_told() {
    let running = start_with(|options| options.tls = Tls::On(Vec::new())).await;
    let key = SigningKey::generate("client").unwrap();
    let server = running.echo.server();
    for protocol in ["h2", "http/1.1"] {
        let by = (protocol, "localhost");
        let without = over_tls(&running, server, by, "/echo", None).await;
        assert_eq!(without["client_certificate"], json!({"sha1": null, "sha256": null}));
        let with = over_tls(&running, server, by, "/echo", Some(&key)).await;
        let sha256 = URL_SAFE_NO_PAD.decode(key.thumbprint_sha256()).unwrap();
        assert_eq!(with["client_certificate"]["sha256"], json!(hex(&sha256)));
    }
}

#[tokio::test]
async fn stopping_ends_everything_within_the_grace() {
    let running = start().await;
    let url = running.echo.server().url().to_owned();
    let server = running.echo.server().clone();
    let slow = tokio::spawn(get(format!("{url}/slow?ms=100")).open());
    server.fail("/hang", Fault::Hang);
    let hanging = tokio::spawn(get(format!("{url}/hang")).open());
    assert!(server.wait_for("/*", 2, SOON).await);
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(slow.await.unwrap().is_ok(), "a call that ends within the grace was cut");
    assert!(hanging.await.unwrap().is_err());
    assert!(get(&url).open().await.is_err());
}
