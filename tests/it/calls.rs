//! Calls that policies make, and how they prove themselves: client certificates, proxies, one-way requests, connections.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tollgate_emulator::{Application, Emulator, Options, Received};

use crate::harness::{Call, Directory, Gateway, read_until, repository, until};

/// A certificate for the server or a client: PEM with its key, and what it is.
struct Identity {
    pem: String,
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn new(name: &str) -> Self {
        Self::of(&CertificateParams::new(vec![name.to_owned()]).expect("parameters"))
    }

    /// One that was good for a year, long ago.
    fn expired(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        Self::of(&params)
    }

    fn of(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            pem: format!("{}{}", certificate.pem(), key.serialize_pem()),
            der: certificate.der().clone(),
            key: PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        }
    }

    fn thumbprint(&self) -> String {
        thumbprint(&self.der)
    }
}

fn thumbprint(der: &[u8]) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, der);
    hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02X}").expect("text");
        text
    })
}

/// Takes any client certificate, as long as the client has its key.
#[derive(Debug)]
struct AnyClient {
    is_needed: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.is_needed
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Says who called: `<thumbprint or -> <number of the connection> <version of HTTP> <path>`.
async fn tls_server(identity: &Identity, is_needed: bool) -> SocketAddr {
    let provider = Arc::new(default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_client_cert_verifier(Arc::new(AnyClient { is_needed, algorithms }))
        .with_single_cert(vec![identity.der.clone()], identity.key.clone_key())
        .expect("a certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let n_connections = AtomicUsize::new(0);
        while let Ok((stream, _)) = listener.accept().await {
            let number = n_connections.fetch_add(1, Ordering::Relaxed) + 1;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let peer = stream.get_ref().1.peer_certificates();
                let peer = peer.map_or("-".to_owned(), |chain| thumbprint(&chain[0]));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (version, path) = (request.version(), request.uri().path().to_owned());
                    let text = format!("{peer} {number} {version:?} {path}");
                    async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text)))) }
                });
                let server = auto::Builder::new(TokioExecutor::new());
                server.serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    });
    address
}

const CALL: &str = r#"<send-request response-variable-name="r">
    <set-url>@("{{tls}}" + "/called")</set-url><set-method>GET</set-method>INSIDE
</send-request><return-response response-variable-name="r" />"#;

fn policy(inbound: &str) -> String {
    format!(
        r#"<policies><inbound>{inbound}</inbound><backend><forward-request /></backend><outbound />
        <on-error><set-header name="x-error"><value>@(context.LastError.Source + " " + context.LastError.Reason + ": " + context.LastError.Message)</value></set-header></on-error></policies>"#
    )
}

/// APIs in front of a server, each with its policy.
fn config(server: &str, apis: &[&str]) -> String {
    let mut config = format!(
        "[egress]\nca-file = \"server.pem\"\n[named-values]\ntls = \"{server}\"\n\
         pfx = {{ env = \"PFX\" }}\npfx-password = {{ env = \"PFX_PASSWORD\" }}\n"
    );
    for api in apis {
        writeln!(
            config,
            "[apis.{api}]\npath = \"{api}\"\nsubscription = \"optional\"\nservice-url = \"{server}\""
        )
        .expect("text");
    }
    config
}

async fn text(gateway: &Gateway, path: &str, certificate: &str) -> String {
    let call = Call::get(path).header("x-certificate", certificate);
    let answer = gateway.send(call).await;
    let error = answer.header("x-error").to_owned();
    if error.is_empty() { answer.text() } else { error }
}

/// Asks again until the connection of an earlier answer is used: it is given back a moment after the answer has gone out, so
/// that a question may come too early for it, and be answered over a new one.
async fn again(gateway: &Gateway, path: &str, certificate: &str, earlier: &str) {
    let seen = Mutex::new(HashSet::from([earlier.to_owned()]));
    until("a connection is used again", async || {
        let now = text(gateway, path, certificate).await;
        assert_eq!(now.split(' ').next(), earlier.split(' ').next(), "the same certificate");
        (!seen.lock().expect("a lock").insert(now)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_are_presented_and_keep_connections_apart() {
    let server = Identity::new("127.0.0.1");
    let (one, two) = (Identity::new("one.test"), Identity::new("two.test"));
    let address = tls_server(&server, true).await;
    let fixture = repository().join("crates/tollgate-expr/src/types/crypto/tests/signing.pfx");
    let pfx = STANDARD.encode(std::fs::read(fixture).expect("a file"));
    let by = r#"@(context.Request.Headers.GetValueOrDefault("x-certificate", ""))"#;
    let apis = ["none", "named", "thumb", "file", "call", "own", "replaced"];
    let config = config(&format!("https://{address}"), &apis)
        + &format!(
            "[certificates.one]\nfile = \"one.pem\"\n[certificates.two]\nfile = \"two.pem\"\n\
             [backends.own]\nurl = \"https://{address}\"\ncertificate = \"two\"\n"
        );
    let certificate = |attributes: &str| format!("<authentication-certificate {attributes} />");
    let own = r#"<set-backend-service backend-id="own" />"#;
    let gateway = Directory::new(&config)
        .file("server.pem", &server.pem)
        .file("one.pem", &one.pem)
        .file("two.pem", &two.pem)
        .env("PFX", pfx)
        .env("PFX_PASSWORD", "secret")
        .api("none", &policy(""))
        .api("named", &policy(&certificate(&format!("certificate-id=\"{by}\""))))
        .api("thumb", &policy(&certificate(&format!("thumbprint=\"{}\"", two.thumbprint()))))
        .api("file", &policy(&certificate(r#"body="@("{{pfx}}")" password="{{pfx-password}}""#)))
        .api(
            "call",
            &policy(&CALL.replace("INSIDE", &certificate(&format!("certificate-id=\"{by}\"")))),
        )
        .api("own", &policy(own))
        .api("replaced", &policy(&format!("{own}{}", certificate("certificate-id=\"one\""))))
        .start();

    let none = text(&gateway, "/none/x", "").await;
    assert!(none.starts_with("forward-request BackendConnectionFailure"), "{none}");
    let first = text(&gateway, "/named/x", "one").await;
    assert!(first.starts_with(&one.thumbprint()), "{first}");
    let second = text(&gateway, "/named/x", "two").await;
    assert!(second.starts_with(&two.thumbprint()), "{second}");
    again(&gateway, "/named/x", "one", &first).await;
    again(&gateway, "/named/x", &one.thumbprint(), &first).await;
    again(&gateway, "/thumb/x", "", &second).await;
    let file = text(&gateway, "/file/x", "").await;
    assert!(file.ends_with("HTTP/1.1 /x"), "{file}");
    assert_eq!(file.find(' '), Some(40), "a thumbprint");
    let missing = text(&gateway, "/named/x", "three").await;
    assert!(missing.starts_with("authentication-certificate CertificateNotFound"), "{missing}");

    let called = text(&gateway, "/call/x", "one").await;
    assert!(
        called.starts_with(&one.thumbprint()) && called.ends_with("HTTP/2.0 /called"),
        "{called}"
    );
    let other = text(&gateway, "/call/x", "two").await;
    assert!(other.starts_with(&two.thumbprint()), "{other}");
    again(&gateway, "/call/x", "one", &called).await;

    assert!(text(&gateway, "/own/x", "").await.starts_with(&two.thumbprint()));
    assert!(text(&gateway, "/replaced/x", "").await.starts_with(&one.thumbprint()));
    assert!(text(&gateway, "/own/x", "").await.starts_with(&two.thumbprint()));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_cannot_be_trusted_get_nothing() {
    let (server, other) = (Identity::new("127.0.0.1"), Identity::new("other.test"));
    let expired = Identity::expired("127.0.0.1");
    for (server, trusted, why) in
        [(&server, &other, "certificate"), (&expired, &expired, "certificate expired")]
    {
        let address = tls_server(server, false).await;
        let gateway = Directory::new(&config(&format!("https://{address}"), &["call", "pass"]))
            .file("server.pem", &trusted.pem)
            .env("PFX", "x")
            .env("PFX_PASSWORD", "x")
            .api("call", &policy(&CALL.replace("INSIDE", "")))
            .api("pass", &policy(""))
            .start();
        for (path, policy) in [("/call/x", "send-request"), ("/pass/x", "forward-request")] {
            let failed = text(&gateway, path, "").await;
            let started = format!("{policy} BackendConnectionFailure: ");
            assert!(failed.starts_with(&started) && failed.contains(why), "{failed}");
        }
    }
}

/// A forward proxy that wants credentials: it tunnels, and answers plain requests itself. What it was asked, in order.
async fn proxy() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(through(stream, Arc::clone(&log)));
        }
    });
    (address, seen)
}

async fn through(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let head = read_until(&mut stream, "\r\n\r\n").await;
    let line = head.lines().next().unwrap_or_default().to_owned();
    seen.lock().expect("the log").push(line.clone());
    // `user:p@ss`.
    if !head.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpwqhnz") {
        stream
            .write_all(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .await
            .ok();
        return;
    }
    if let Some(target) = line.strip_prefix("CONNECT ") {
        let target = target.split(' ').next().unwrap_or_default();
        let mut backend = TcpStream::connect(target).await.expect("the server");
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
        copy_bidirectional(&mut stream, &mut backend).await.ok();
    } else {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nvia proxy";
        stream.write_all(answer.as_bytes()).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_through_the_proxy_that_a_policy_names() {
    let server = Identity::new("127.0.0.1");
    let address = tls_server(&server, false).await;
    let (proxy, seen) = proxy().await;
    let through = |password: &str| {
        format!(r#"<proxy url="http://{proxy}" username="user" password="{password}" />"#)
    };
    let plain = r#"<set-backend-service base-url="http://127.0.0.1:9/base" />"#;
    let apis = ["tunnel", "plain", "call", "callplain", "wrong", "callwrong", "direct"];
    let gateway = Directory::new(&config(&format!("https://{address}"), &apis))
        .file("server.pem", &server.pem)
        .env("PFX", "x")
        .env("PFX_PASSWORD", "x")
        .api("tunnel", &policy(&through("p@ss")))
        .api("plain", &policy(&format!("{plain}{}", through("p@ss"))))
        .api("call", &policy(&CALL.replace("INSIDE", &through("p@ss"))))
        .api(
            "callplain",
            &policy(
                &CALL.replace("INSIDE", &through("p@ss")).replace("{{tls}}", "http://127.0.0.1:9"),
            ),
        )
        .api("wrong", &policy(&through("other")))
        .api("callwrong", &policy(&CALL.replace("INSIDE", &through("other"))))
        .api("direct", &policy(&format!("{}{}", through("p@ss"), CALL.replace("INSIDE", ""))))
        .start();
    let asked = |path: &'static str| {
        let (gateway, seen) = (&gateway, Arc::clone(&seen));
        async move {
            seen.lock().expect("the log").clear();
            let text = text(gateway, path, "").await;
            (text, seen.lock().expect("the log").clone())
        }
    };
    let connect = format!("CONNECT {address} HTTP/1.1");
    let (text, seen) = asked("/tunnel/x").await;
    assert!(text.starts_with("- ") && text.ends_with(" HTTP/1.1 /x"), "{text}");
    assert_eq!(seen.concat(), connect);
    until("the tunnel is used again", async || asked("/tunnel/x").await.1.is_empty().then_some(()))
        .await;
    let (text, seen) = asked("/plain/x?y=1").await;
    assert_eq!(
        (text.as_str(), &*seen),
        ("via proxy", &["GET http://127.0.0.1:9/base/x?y=1 HTTP/1.1".to_owned()][..])
    );
    let (text, seen) = asked("/call/x").await;
    assert!(text.ends_with(" HTTP/2.0 /called"), "{text}");
    assert_eq!(seen.concat(), connect);
    let (text, seen) = asked("/callplain/x").await;
    assert_eq!(
        (text.as_str(), &*seen),
        ("via proxy", &["GET http://127.0.0.1:9/called HTTP/1.1".to_owned()][..])
    );
    let (text, seen) = asked("/wrong/x").await;
    assert!(text.ends_with("the proxy wants other credentials"), "{text}");
    assert_eq!(seen.concat(), connect);
    let (text, _) = asked("/callwrong/x").await;
    assert!(
        text.starts_with("send-request BackendConnectionFailure")
            && text.contains("other credentials"),
        "{text}"
    );
    // The proxy of the request to the backend is not that of a call.
    let (text, seen) = asked("/direct/x").await;
    assert!(text.ends_with("/called") && seen.is_empty(), "{text} {seen:?}");
}

/// Accepts the next call and reads it.
async fn hook(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.expect("a call");
    let text = read_until(&mut stream, "of the alert").await;
    (stream, text)
}

async fn answer(mut stream: TcpStream) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.expect("an answer");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_requests_outlive_their_request_and_hold_up_the_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let policy = policy(&format!(
        r#"<send-one-way-request><set-url>http://{}/hook</set-url><set-method>POST</set-method>
            <set-header name="x-path"><value>@(context.Request.Url.Path)</value></set-header>
            <set-body>@("body " + "of the alert")</set-body></send-one-way-request>
        <return-response><set-status code="202" /></return-response>"#,
        listener.local_addr().expect("an address")
    ));
    let config =
        "[limits]\none-way-requests = 1\n[apis.a]\npath = \"a\"\nsubscription = \"optional\"\n";
    let mut gateway = Directory::new(config).api("a", &policy).start();
    gateway.send(Call::get("/a/first")).await.expect(202);
    let (first, text) = hook(&listener).await;
    assert!(text.starts_with("POST /hook HTTP/1.1") && text.contains("x-path: /first"), "{text}");
    // The first one is still under way; there is no room for another, and nobody minds.
    gateway.send(Call::get("/a/second")).await.expect(202);
    gateway.logged(|line| line.contains("a one-way request was dropped")).await;
    answer(first).await;
    let metrics = async || gateway.admin("/metrics").await.text();
    until("the first one is counted", async || {
        metrics()
            .await
            .contains(r#"tollgate_one_way_requests_total{result="answered"} 1"#)
            .then_some(())
    })
    .await;
    assert!(metrics().await.contains(r#"tollgate_one_way_requests_total{result="dropped"} 1"#));

    gateway.send(Call::get("/a/third")).await.expect(202);
    let (third, _) = hook(&listener).await;
    gateway.signal("TERM");
    gateway.logged(|line| line.contains("\"stopping\"")).await;
    assert_eq!(gateway.count_log(|line| line.contains("\"stopped\"")), 0);
    answer(third).await;
    assert!(gateway.ended().await.success());
    assert_eq!(gateway.count_log(|line| line.contains("\"stopped\"")), 1);
    assert_eq!(gateway.count_log(|line| line.contains("one-way requests are ended")), 0);
}

/// `{"id":7}`.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\x4c\x51\xb2\x32\xaf\x05\x00\x43\x5f\x07\x12\x08\x00\x00\x00";

#[tokio::test(flavor = "multi_thread")]
async fn one_way_requests_copy_and_fill_templates() {
    let azure = Emulator::start(Options::default()).await.expect("the emulators start");
    let echo = azure.echo.server();
    let url = echo.url();
    let inbound = format!(
        r#"<send-one-way-request mode="copy"><set-url>{url}/echo/copy</set-url></send-one-way-request>
        <send-one-way-request mode="copy" timeout="20"><set-url>{url}/echo/template</set-url><set-method>PUT</set-method>
            <set-header name="x-a" exists-action="delete" />
            <set-body template="liquid">{{{{body.id}}}} by {{{{context.Request.Method}}}}</set-body></send-one-way-request>
        <return-response />"#
    );
    let config = "[apis.a]\npath = \"a\"\nsubscription = \"optional\"\n";
    let gateway = Directory::new(config).api("a", &policy(&inbound)).start();
    let call = Call::post("/a/x", GZIP).header("content-type", "application/json");
    gateway.send(call.header("content-encoding", "gzip").header("x-a", "1")).await.expect(200);
    let mut received = until("both have come", async || {
        Some(echo.received()).filter(|received| received.len() == 2)
    })
    .await;
    received.sort_by(|one, other| one.path.cmp(&other.path));
    let [copy, template] = &*received else { panic!("{received:?}") };
    let header = |received: &Received, name: &str| {
        let found = received.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!((copy.method.as_str(), copy.path.as_str()), ("POST", "/echo/copy"));
    assert_eq!(
        (header(copy, "x-a"), header(copy, "content-encoding")),
        ("1".into(), "gzip".into())
    );
    assert_eq!(copy.body, GZIP);
    assert_eq!((template.method.as_str(), template.path.as_str()), ("PUT", "/echo/template"));
    assert_eq!(header(template, "x-a") + &header(template, "content-encoding"), "");
    assert_eq!(String::from_utf8_lossy(&template.body), "7 by POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_bring_tokens_of_a_real_endpoint() {
    const CLIENT: &str = "0c3d1a52-9a77-4f9c-8a1e-6c2f1f1f0a11";
    const SECRET: &str = "connection-secret~1:2&3";
    let options = Options {
        applications: vec![Application::new(CLIENT).secret(SECRET)],
        ..Options::default()
    };
    let azure = Emulator::start(options).await.expect("the emulators start");
    let server = azure.entra.server();
    let endpoint = format!("{}/{}/oauth2/v2.0/token", server.url(), azure.entra.tenant_id());
    let connection = |name: &str, authentication: &str, secret: &str| {
        format!(
            "[connections.entra.{name}]\ntoken-url = \"{endpoint}\"\nclient-id = \"{CLIENT}\"\n\
             client-secret = {{ env = \"{secret}\" }}\nscopes = [\"https://vault.azure.net/.default\"]\n\
             authentication = \"{authentication}\"\n"
        )
    };
    let config = format!(
        "{}{}{}[backends.echo]\nurl = \"{}/echo\"\n[apis.a]\npath = \"a\"\nbackend = \"echo\"\nsubscription = \"optional\"\n",
        connection("basic", "basic", "SECRET"),
        connection("body", "body", "SECRET"),
        connection("wrong", "basic", "WRONG"),
        azure.echo.server().url()
    );
    let inbound = r#"<get-authorization-context provider-id="entra" authorization-id="@(context.Request.Headers.GetValueOrDefault("x-certificate", ""))"
            context-variable-name="auth" identity-type="managed" ignore-error="@(context.Request.Url.Path.EndsWith("ignored"))" />
        <return-response>
            <set-body>@{
                var auth = (Authorization)context.Variables["auth"];
                return auth == null ? "null" : auth.AccessToken.AsJwt().Claims["aud"][0] + " " + auth.Claims["token_type"];
            }</set-body>
        </return-response>"#;
    let gateway = Directory::new(&config)
        .env("SECRET", SECRET)
        .env("WRONG", "another-secret")
        .api("a", &policy(inbound))
        .start();
    server.forget();
    for name in ["basic", "body", "basic"] {
        let got = text(&gateway, "/a/x", name).await;
        assert!(got.contains("vault.azure.net") && got.ends_with(" Bearer"), "{name}: {got}");
    }
    let asked = || server.received().iter().filter(|one| one.path.ends_with("/token")).count();
    assert_eq!(asked(), 2, "one call for each connection");
    let wrong = text(&gateway, "/a/x", "wrong").await;
    assert!(wrong.starts_with("get-authorization-context AuthorizationTokenFailed: "), "{wrong}");
    assert!(wrong.contains("invalid_client"), "{wrong}");
    assert_eq!(text(&gateway, "/a/ignored", "wrong").await, "null");
    let missing = text(&gateway, "/a/x", "missing").await;
    assert!(missing.starts_with("get-authorization-context AuthorizationNotFound"), "{missing}");
    // A reload keeps the tokens.
    let before = asked();
    gateway.reload().await;
    assert!(text(&gateway, "/a/x", "basic").await.ends_with(" Bearer"));
    assert_eq!(asked(), before);
    assert_eq!(gateway.count_log(|line| line.contains(SECRET)), 0);
}

const TO_ANYBODY: &str = r#"<policies>
    <inbound>
        <send-request mode="new" response-variable-name="answer">
            <set-url>@("http://" + context.Request.Headers.GetValueOrDefault("x-to", ""))</set-url>
            <set-method>GET</set-method>
        </send-request>
        <return-response>
            <set-body>@(((IResponse)context.Variables["answer"]).Body.As<string>())</set-body>
        </return-response>
    </inbound>
</policies>"#;

#[tokio::test(flavor = "multi_thread")]
async fn no_policy_calls_the_gateways_own_listeners() {
    let azure = Emulator::start(Options::default()).await.expect("the emulators start");
    let elsewhere = azure.imds.server().url().trim_start_matches("http://").to_owned();
    // On all addresses, with ports that only the system knows beforehand.
    let config = "[listen]\nhttp = \"0.0.0.0:0\"\nadmin = \"127.0.0.1:0\"\n\n\
                  [apis.a]\npath = \"a\"\nsubscription = \"optional\"\n";
    let mut gateway = Directory::new(config).api("a", TO_ANYBODY).start();
    gateway.http.set_ip([127, 0, 0, 1].into());
    let call = async |to: String| gateway.send(Call::get("/a").header("x-to", &to)).await;
    assert_eq!(call(elsewhere).await.status, 200);
    for own in [gateway.admin, gateway.http] {
        assert_eq!(call(format!("{own}/health/live")).await.status, 500);
        let port = own.port();
        let why = format!("port {port} is the gateway's own listener");
        gateway.logged(|line| line.contains(&why)).await;
    }
}
