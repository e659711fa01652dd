//! TLS on both sides: certificates by name and renewed, HTTP/2, and backends whose certificates are looked at.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tollgate_emulator::{Emulator, Gate, Options, Pace, Running, StreamPlan, Tls};

use crate::harness::{Call, DEADLINE, Directory, Gateway, exchange};

/// Makes certificates that its roots verify.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        Self { issuer }
    }

    /// A certificate for these names and its key, as PEM, and the certificate as DER.
    pub(crate) fn issue(&self, names: &[&str]) -> (String, CertificateDer<'static>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("parameters");
        let (pem, der) = self.issue_with(params);
        (pem, der.into())
    }

    /// A certificate as it is asked for, with its key as PEM, and as DER.
    pub(crate) fn issue_with(&self, params: CertificateParams) -> (String, Vec<u8>) {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        (pem, certificate.der().to_vec())
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client that trusts it and offers these protocols.
    pub(crate) fn client(&self, protocols: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.issuer.pem().as_bytes()).expect("a root");
        roots.add(root).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions of TLS");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        // A resumed session shows the certificate of the first one.
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

/// A gateway with HTTPS, an API in front of the echo backend and one in front of Azure OpenAI.
fn gateway(azure: &Running, certificates: &[(&str, &str)]) -> Gateway {
    let names: Vec<String> = certificates.iter().map(|(name, _)| format!("{name:?}")).collect();
    let mut config = format!(
        "[listen]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         certificates = [{}]\n\
         [backends.echo]\nurl = \"{}\"\n\
         [backends.openai]\nurl = \"{}\"\nheaders = {{ api-key = {{ value = \"{}\", development = true }} }}\n\
         [apis.echo]\npath = \"echo\"\nbackend = \"echo\"\nsubscription = \"optional\"\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n",
        names.join(", "),
        azure.echo.server().url(),
        azure.openai.base(),
        azure.openai.key(),
    );
    for (name, _) in certificates {
        writeln!(config, "[certificates.{name}]\nfile = \"tls/{name}.pem\"").expect("text");
    }
    let directory = Directory::new(&config);
    for (name, pem) in certificates {
        directory.write(&format!("tls/{name}.pem"), pem);
    }
    directory.start()
}

async fn handshake(
    gateway: &Gateway,
    client: &TlsConnector,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(gateway.https.expect("an HTTPS listener")).await?;
    let name = ServerName::try_from(name.to_owned()).expect("a server name");
    tokio::time::timeout(DEADLINE, client.connect(name, stream)).await.expect("a handshake in time")
}

/// What the gateway shows to a client that asks for this name.
async fn shown(gateway: &Gateway, client: &TlsConnector, name: &str) -> CertificateDer<'static> {
    let stream = handshake(gateway, client, name).await.expect("a handshake");
    let chain = stream.get_ref().1.peer_certificates().expect("a certificate");
    chain[0].clone().into_owned()
}

async fn http2(gateway: &Gateway, client: &TlsConnector, name: &str) -> SendRequest<Full<Bytes>> {
    let stream = handshake(gateway, client, name).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a connection");
    tokio::spawn(connection);
    sender
}

fn request(uri: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(uri).body(Full::new(body.into())).expect("a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_choose_their_version_of_http() {
    let azure = crate::harness::azure().await;
    let authority = Authority::new();
    let (pem, _) = authority.issue(&["api.test"]);
    let gateway = gateway(&azure, &[("front", &pem)]);

    let client = authority.client(&[b"h2", b"http/1.1"]);
    let sender = http2(&gateway, &client, "api.test").await;
    // Many at once over one connection.
    let calls = (0..50).map(async |n| {
        let mut sender = sender.clone();
        let call = request(&format!("https://api.test/echo/{n}"), format!("body {n}"));
        let response = sender.send_request(call).await.expect("an answer");
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            (&body["path"], &body["body"]),
            (&format!("/{n}").into(), &format!("body {n}").into())
        );
        assert!(body["headers"].to_string().contains(r#"["x-forwarded-proto","https"]"#), "{body}");
    });
    futures::future::join_all(calls).await;

    let client = authority.client(&[b"http/1.1"]);
    let mut stream = handshake(&gateway, &client, "api.test").await.expect("a handshake");
    let call = b"GET /echo/x HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n";
    let answer = exchange(&mut stream, call).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    // Plain text on the TLS port, and TLS for a name that the certificate is not for.
    let mut stream =
        TcpStream::connect(gateway.https.expect("an address")).await.expect("a connection");
    assert!(!exchange(&mut stream, call).await.contains("200 OK"));
    assert!(handshake(&gateway, &client, "other.test").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_not_held_back_over_http2() {
    let azure = crate::harness::azure().await;
    let authority = Authority::new();
    let (pem, _) = authority.issue(&["api.test"]);
    let gateway = gateway(&azure, &[("front", &pem)]);
    let gate = Gate::default();
    azure
        .openai
        .plan_streams(StreamPlan { pace: Pace::Gated(gate.clone()), ..StreamPlan::default() });
    let mut sender = http2(&gateway, &authority.client(&[b"h2"]), "api.test").await;
    let call = request(
        "https://api.test/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        r#"{"messages": [{"role": "user", "content": "Hello."}], "stream": true}"#,
    );
    let mut body = sender.send_request(call).await.expect("an answer").into_body();
    for n in 0..3 {
        gate.release(1);
        let frame = tokio::time::timeout(DEADLINE, body.frame()).await.expect("an event in time");
        let data = frame.expect("an event").expect("an unbroken body").into_data().expect("data");
        assert!(data.starts_with(b"data: ") && data.ends_with(b"\n\n"), "event {n}: {data:?}");
    }
    // The client loses interest in this stream; the connection goes on.
    drop(body);
    let ended = azure
        .openai
        .streams()
        .until(std::time::Duration::from_secs(1), |counts| counts.aborted == 1);
    assert!(ended.await.is_some(), "the backend still streams");
    let other =
        sender.send_request(request("https://api.test/echo/x", "")).await.expect("an answer");
    assert_eq!(other.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_chosen_by_name_and_renewed() {
    let azure = crate::harness::azure().await;
    let authority = Authority::new();
    let (one_pem, one) = authority.issue(&["one.test"]);
    let (two_pem, two) = authority.issue(&["two.test", "*.two.test"]);
    let gateway = gateway(&azure, &[("one", &one_pem), ("two", &two_pem)]);
    let client = authority.client(&[b"h2"]);
    assert_eq!(shown(&gateway, &client, "one.test").await, one);
    assert_eq!(shown(&gateway, &client, "two.test").await, two);
    assert_eq!(shown(&gateway, &client, "a.two.test").await, two);

    // Renewed without being told, and no connection suffers.
    let mut open = http2(&gateway, &client, "one.test").await;
    let (renewed_pem, renewed) = authority.issue(&["one.test"]);
    gateway.directory.write("tls/one.pem", &renewed_pem);
    gateway.logged(|line| line.contains("\"reloaded\"")).await;
    assert_eq!(shown(&gateway, &client, "one.test").await, renewed);
    assert_eq!(shown(&gateway, &client, "two.test").await, two);
    let answer =
        open.send_request(request("https://one.test/echo/x", "")).await.expect("an answer");
    assert_eq!(answer.status(), 200);

    // A file that makes no sense changes nothing, and the log has nothing of it.
    let broken = renewed_pem.replace("BEGIN PRIVATE KEY", "BEGIN PRIVATE KEYS");
    gateway.directory.write("tls/one.pem", &broken);
    let line = gateway.logged(|line| line.contains("reload failed")).await;
    assert!(line.contains("ERROR"), "{line}");
    assert_eq!(shown(&gateway, &client, "one.test").await, renewed);
    let secret = broken.lines().rev().nth(1).expect("a line of the key");
    assert_eq!(gateway.count_log(|line| line.contains(secret)), 0);
}

/// A gateway in front of the echo backend over https; `backend` is more of its configuration.
fn before_tls(azure: &Running, backend: &str, ca: &str, client: &str) -> Gateway {
    let url = azure.echo.server().https_url().expect("https");
    Directory::new(&format!(
        "[backends.echo]\nurl = \"{url}\"\n{backend}\n\
         [certificates.client]\nfile = \"client.pem\"\n\
         [apis.echo]\npath = \"echo\"\nbackend = \"echo\"\nsubscription = \"optional\"\n"
    ))
    .file("ca.pem", ca)
    .file("client.pem", client)
    .start()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificates_of_backends_are_looked_at() {
    let options = Options { tls: Tls::On(vec!["backend.test".to_owned()]), ..Options::default() };
    let azure = Emulator::start(options).await.expect("the emulators start");
    let ca = azure.ca_pem().expect("a root").to_owned();
    let (client, _) = Authority::new().issue(&["gateway.test"]);
    for (backend, passes) in [
        ("tls = { ca-file = \"ca.pem\" }", true),
        ("tls = { ca-file = \"ca.pem\", server-name = \"backend.test\" }", true),
        ("tls = { ca-file = \"ca.pem\", server-name = \"other.test\" }", false),
        ("tls = { ca-file = \"ca.pem\", server-name = \"other.test\", verify-name = false }", true),
        ("", false),
        ("tls = { verify-name = false }", false),
        ("tls = { verify-chain = false }", true),
        ("[egress]\nca-file = \"ca.pem\"", true),
    ] {
        let gateway = before_tls(&azure, backend, &ca, &client);
        let before = azure.echo.server().count("*");
        let answer = gateway.send(Call::get("/echo/x")).await;
        assert_eq!(answer.status, if passes { 200 } else { 500 }, "{backend}: {}", answer.text());
        assert_eq!(azure.echo.server().count("*") - before, u64::from(passes), "{backend}");
        if !passes {
            let line = gateway.access("/echo/x").await.to_string();
            assert!(line.contains("BackendConnectionFailure"), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_get_a_client_certificate_and_http2_when_asked() {
    let options = Options { tls: Tls::On(Vec::new()), ..Options::default() };
    let azure = Emulator::start(options).await.expect("the emulators start");
    let ca = azure.ca_pem().expect("a root").to_owned();
    let (client, certificate) = Authority::new().issue(&["gateway.test"]);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificate);
    let thumbprint = hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text");
        text
    });
    for (more, version, sent) in [
        ("", "HTTP/1.1", serde_json::Value::Null),
        ("certificate = \"client\"\nhttp-version = \"2\"", "HTTP/2.0", thumbprint.clone().into()),
        (
            "certificate = \"client\"\nhttp-version = \"2or1\"",
            "HTTP/2.0",
            thumbprint.clone().into(),
        ),
        ("certificate = \"client\"\nhttp-version = \"1\"", "HTTP/1.1", thumbprint.clone().into()),
    ] {
        let gateway =
            before_tls(&azure, &format!("{more}\ntls = {{ ca-file = \"ca.pem\" }}"), &ca, &client);
        let echo = gateway.send(Call::post("/echo/x", "body")).await.expect(200).json();
        assert_eq!((&echo["version"], &echo["body"]), (&version.into(), &"body".into()), "{more}");
        assert_eq!(echo["client_certificate"]["sha256"], sent, "{more}");
    }
}
