//! Certificates of clients on the HTTPS listener, and `validate-client-certificate`.

use std::fmt::Write as _;
use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{DEADLINE, Directory, Gateway, exchange, is_like};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A client: what it presents, and the key it signs with.
#[derive(Clone)]
struct Client {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

/// Everything that is issued for a test.
struct World {
    server: (Issuer, String),
    root: Issuer,
    issuing: Issuer,
    alice: Client,
    bob: Client,
    revoked: Client,
    expired: Client,
    future: Client,
    stranger: Client,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn client(
    issuer: &Issuer,
    serial: u64,
    name: &str,
    years: (i32, i32),
    between: &[&Issuer],
) -> Client {
    let names = vec![format!("{name}.test")];
    let mut params = CertificateParams::new(names).expect("parameters");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Contoso, Inc.");
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = key();
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    let between = between.iter().map(|issuer| issuer.der().clone());
    let chain = [certificate.der().clone()].into_iter().chain(between).collect();
    Client { chain, key: key.serialize_der() }
}

impl World {
    fn new() -> Self {
        let server = Issuer::self_signed(authority("Server Root"), key()).expect("an authority");
        let params = CertificateParams::new(vec!["api.test".to_owned()]).expect("parameters");
        let server_key = key();
        let served = params.signed_by(&server_key, &server).expect("a certificate");
        let pem = format!("{}{}", served.pem(), server_key.serialize_pem());
        let root = Issuer::self_signed(authority("Root"), key()).expect("an authority");
        let mut issuing = authority("Issuing");
        issuing.serial_number = Some(SerialNumber::from(7u64));
        let issuing = Issuer::signed_by(issuing, key(), &root).expect("an authority");
        let other = Issuer::self_signed(authority("Issuing"), key()).expect("an authority");
        let one = [&issuing];
        Self {
            alice: client(&issuing, 0xA1, "alice", (2020, 4000), &one),
            bob: client(&issuing, 0xB0B, "bob", (2020, 4000), &one),
            revoked: client(&issuing, 0xBAD, "alice", (2020, 4000), &one),
            expired: client(&issuing, 0xE, "alice", (2000, 2001), &one),
            future: client(&issuing, 0xF, "alice", (3000, 4000), &one),
            stranger: client(&other, 0xA1, "alice", (2020, 4000), &[&other]),
            server: (server, pem),
            root,
            issuing,
        }
    }

    /// The lists of both authorities; one that ends in `until`.
    fn lists(&self, until: i32) -> String {
        let list = |issuer: &Issuer, revoked: &[u64]| {
            let revoked = revoked.iter().map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from(*serial),
                revocation_time: date_time_ymd(2021, 1, 1),
                reason_code: None,
                invalidity_date: None,
            });
            let params = CertificateRevocationListParams {
                this_update: date_time_ymd(2020, 1, 1),
                next_update: date_time_ymd(until, 1, 1),
                crl_number: SerialNumber::from(1u64),
                issuing_distribution_point: None,
                revoked_certs: revoked.collect(),
                key_identifier_method: KeyIdMethod::Sha256,
            };
            params.signed_by(issuer).expect("a list").pem().expect("PEM")
        };
        format!("{}{}", list(&self.root, &[]), list(&self.issuing, &[0xBAD]))
    }

    fn gateway(&self, mode: &str, lists: &str, policies: &[(&str, &str)]) -> Gateway {
        let mut config = format!(
            "[listen]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
             certificates = [\"front\"]\nclient-certificates = \"{mode}\"\n\
             [ca-certificates]\nroots = \"ca/root.pem\"\nrevocation-lists = [\"ca/lists.pem\"]\n\
             [certificates.front]\nfile = \"front.pem\"\n\
             [certificates.issuing]\nfile = \"ca/issuing.pem\"\n"
        );
        let mut directory = Directory::new("")
            .file("front.pem", &self.server.1)
            .file("ca/root.pem", &self.root.pem())
            .file("ca/issuing.pem", &self.issuing.pem())
            .file("ca/lists.pem", lists);
        for (name, policy) in policies {
            writeln!(
                config,
                "[apis.{name}]\npath = \"{name}\"\nsubscription = \"optional\"\n\
                service-url = \"http://127.0.0.1:9\""
            )
            .expect("text");
            directory = directory.api(name, &document(policy));
        }
        directory.configure(&config);
        directory.start()
    }

    fn connector(&self, client: Option<&Client>, protocol: &[u8]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.server.0.der().clone()).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions of TLS");
        let builder = builder.with_root_certificates(roots);
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some(client) => builder.with_client_cert_resolver(Arc::new(Presents(client.clone()))),
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

/// Presents a certificate, whether or not the key belongs to it.
#[derive(Clone)]
struct Presents(Client);

impl std::fmt::Debug for Presents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Presents")
    }
}

impl ResolvesClientCert for Presents {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.0.key.clone()));
        let key = any_supported_type(&key).expect("a key");
        Some(Arc::new(CertifiedKey::new(self.0.chain.clone(), key)))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Answers with the subject of the certificate, or with the reason of the refusal.
fn document(policy: &str) -> String {
    format!(
        r#"<policies>
            <inbound>
                {policy}
                <return-response>
                    <set-body>@(context.Request.Certificate == null ? "nobody" : context.Request.Certificate.Subject)</set-body>
                </return-response>
            </inbound>
            <backend><base /></backend>
            <outbound />
            <on-error>
                <set-body>@(context.LastError.Source + " " + context.Response.StatusCode + " " + context.LastError.Reason + ": " + context.LastError.Message)</set-body>
            </on-error>
        </policies>"#
    )
}

async fn connect(
    gateway: &Gateway,
    connector: &TlsConnector,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(gateway.https.expect("an HTTPS listener")).await?;
    let name = ServerName::try_from("api.test").expect("a name");
    tokio::time::timeout(DEADLINE, connector.connect(name, stream)).await.expect("in time")
}

/// The body of the answer; empty when there is none.
async fn ask(world: &World, gateway: &Gateway, client: Option<&Client>, api: &str) -> String {
    let connector = world.connector(client, b"http/1.1");
    let Ok(mut stream) = connect(gateway, &connector).await else { return String::new() };
    let call = format!("GET /{api}/ HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n");
    let answer = exchange(&mut stream, call.as_bytes()).await;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

const ALICE: &str = r#"CN=alice, O="Contoso, Inc.""#;

/// Asks one API as several clients.
async fn check(world: &World, gateway: &Gateway, api: &str, expected: &[(Option<&Client>, &str)]) {
    for (n, (client, expected)) in expected.iter().enumerate() {
        let found = ask(world, gateway, *client, api).await;
        let found = found.strip_prefix("validate-client-certificate 401 ").unwrap_or(&found);
        assert!(is_like(expected, found), "{api}, client {n}: `{found}`, not `{expected}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_decide_whom_to_believe() {
    let world = World::new();
    let rule = |more: &str| format!("<validate-client-certificate {more} />");
    let (default, trusting) = (rule(""), rule(r#"validate-revocation="false""#));
    let no_dates = rule(
        r#"validate-revocation="false" validate-not-before="false" validate-not-after="false""#,
    );
    let anybody = rule(r#"validate-revocation="false" validate-trust="false""#);
    let ignoring = rule(r#"ignore-error="true""#);
    let policies = [
        ("none", ""),
        ("default", default.as_str()),
        ("trusting", &trusting),
        ("no-dates", &no_dates),
        ("anybody", &anybody),
        ("ignoring", &ignoring),
    ];
    let gateway = world.gateway("optional", &world.lists(4000), &policies);
    let World { alice, revoked, expired, future, stranger, .. } = &world;
    let missing = "ClientCertificateNotFound: Client certificate is missing.";
    let untrusted = "ClientCertificateNotTrusted: Certificate chain is not trusted. …";
    let ended = "ClientCertificateExpired: Certificate has expired.";
    let early = "ClientCertificateNotYetValid: Certificate is not valid yet.";
    check(
        &world,
        &gateway,
        "none",
        &[(None, "nobody"), (Some(alice), ALICE), (Some(stranger), ALICE), (Some(expired), ALICE)],
    )
    .await;
    check(&world, &gateway, "default", &[
        (None, missing),
        (Some(alice), ALICE),
        (Some(revoked), "ClientCertificateRevoked: Certificate, or one on the way to its root, was revoked."),
        (Some(stranger), untrusted),
        (Some(expired), ended),
        (Some(future), early),
    ]).await;
    check(
        &world,
        &gateway,
        "trusting",
        &[
            (None, missing),
            (Some(alice), ALICE),
            (Some(revoked), ALICE),
            (Some(stranger), untrusted),
            (Some(expired), ended),
        ],
    )
    .await;
    check(
        &world,
        &gateway,
        "no-dates",
        &[(Some(expired), ALICE), (Some(future), ALICE), (Some(stranger), untrusted)],
    )
    .await;
    check(
        &world,
        &gateway,
        "anybody",
        &[(None, missing), (Some(stranger), ALICE), (Some(future), early)],
    )
    .await;
    check(
        &world,
        &gateway,
        "ignoring",
        &[(None, "nobody"), (Some(stranger), ALICE), (Some(revoked), ALICE)],
    )
    .await;

    // The same over HTTP/2, for each request of a connection.
    let stream = connect(&gateway, &world.connector(Some(alice), b"h2")).await.expect("TLS");
    let http2 = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = http2.await.expect("a connection");
    tokio::spawn(connection);
    for _ in 0..2 {
        let call = http::Request::get("https://api.test/default/");
        let call = call.body(Empty::<bytes::Bytes>::new()).expect("a request");
        let answer = sender.send_request(call).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, ALICE.as_bytes());
    }

    // Whoever has the certificate but not its key does not come in.
    let thief = Client { chain: alice.chain.clone(), key: stranger.key.clone() };
    assert_eq!(ask(&world, &gateway, Some(&thief), "none").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_are_who_may_come() {
    let world = World::new();
    let hex = |der: &[u8]| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>()
    };
    let alice = hex(&world.alice.chain[0]);
    let issuer = hex(world.issuing.der());
    let trusted = |identities: &str| {
        format!(
            r#"<validate-client-certificate validate-revocation="false"><identities>{identities}</identities></validate-client-certificate>"#
        )
    };
    let untrusted = |identity: &str| {
        trusted(identity).replace(
            r#"validate-revocation="false""#,
            r#"validate-revocation="false" validate-trust="false""#,
        )
    };
    let policies = [
        ("thumbprint", untrusted(&format!(r#"<identity thumbprint="{}" />"#, alice.join(":")))),
        ("serial-number", trusted(r#"<identity serial-number="00 a1" />"#)),
        ("common-name", trusted(r#"<identity common-name="Alice" />"#)),
        ("subject", trusted(r#"<identity subject="cn=alice,O=&quot;contoso, inc.&quot;" />"#)),
        ("dns-name", trusted(r#"<identity dns-name="ALICE.test" />"#)),
        (
            "issuer-subject",
            trusted(r#"<identity issuer-subject="CN=Issuing" common-name="alice" />"#),
        ),
        (
            "issuer-thumbprint",
            untrusted(&format!(
                r#"<identity issuer-thumbprint="{}" common-name="alice" />"#,
                issuer.concat()
            )),
        ),
        (
            "issuer-certificate-id",
            untrusted(
                r#"<identity issuer-certificate-id="issuing" subject="CN=alice, O=&quot;Contoso, Inc.&quot;" />"#,
            ),
        ),
        (
            "both",
            trusted(
                r#"<identity common-name="nobody" /><identity common-name="alice" dns-name="alice.test" />"#,
            ),
        ),
        ("neither", trusted(r#"<identity common-name="alice" dns-name="bob.test" />"#)),
        ("reversed", trusted(r#"<identity subject="O=&quot;Contoso, Inc.&quot;, CN=alice" />"#)),
        ("other-issuer", trusted(r#"<identity issuer-subject="CN=Root" />"#)),
        ("spoofed", untrusted(r#"<identity issuer-subject="CN=Issuing" common-name="alice" />"#)),
    ];
    let policies: Vec<(&str, &str)> = policies.iter().map(|(n, p)| (*n, p.as_str())).collect();
    let gateway = world.gateway("optional", &world.lists(4000), &policies);
    let other = "ClientCertificateIdentityNotMatched: Certificate does not match any of allowed identities.";
    for (api, _) in &policies[..9] {
        check(&world, &gateway, api, &[(Some(&world.alice), ALICE), (Some(&world.bob), other)])
            .await;
    }
    for (api, _) in &policies[9..12] {
        check(&world, &gateway, api, &[(Some(&world.alice), other)]).await;
    }
    // Names can be written by anybody, signatures cannot.
    check(&world, &gateway, "spoofed", &[(Some(&world.stranger), ALICE)]).await;
    for api in ["thumbprint", "issuer-thumbprint", "issuer-certificate-id"] {
        check(&world, &gateway, api, &[(Some(&world.stranger), other)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_of_revocation_refuses() {
    let world = World::new();
    let policies = [("default", "<validate-client-certificate />")];
    let unknown = "ClientCertificateRevocationUnknown: Certificate revocation status is unknown. …";
    // The lists have ended.
    let gateway = world.gateway("optional", &world.lists(2021), &policies);
    check(&world, &gateway, "default", &[(Some(&world.alice), unknown)]).await;
    // The list of one authority is not there.
    let lists = world.lists(4000);
    let second = lists.rfind("-----BEGIN").expect("two lists");
    let gateway = world.gateway("optional", &lists[..second], &policies);
    check(&world, &gateway, "default", &[(Some(&world.alice), unknown)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_may_require_a_certificate_or_not_ask() {
    let world = World::new();
    let policies = [("none", "")];
    let gateway = world.gateway("required", &world.lists(4000), &policies);
    check(&world, &gateway, "none", &[(None, ""), (Some(&world.stranger), ALICE)]).await;
    let gateway = world.gateway("off", &world.lists(4000), &policies);
    check(&world, &gateway, "none", &[(None, "nobody"), (Some(&world.alice), "nobody")]).await;
}
