//! Certificates that end and are renewed: the gateway's own, and those of backends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use rcgen::CertificateParams;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::super::tell;
use super::metric;
use crate::harness::{Call, DEADLINE, Directory, Gateway, exchange, read_until, until};
use crate::tls::Authority;

const DAY: i64 = 86_400;

/// A certificate and its key for a name, that begins and ends so many days from now.
fn issued(authority: &Authority, name: &str, (begins, ends): (i64, i64)) -> (String, Vec<u8>) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let from_now = |days: i64| {
        // An hour less, so that a moment more or less does not make another day of it.
        let seconds = days * DAY - 3_600;
        let span = Duration::from_secs(seconds.unsigned_abs());
        let now = SystemTime::now();
        if seconds < 0 { now - span } else { now + span }.into()
    };
    (params.not_before, params.not_after) = (from_now(begins), from_now(ends));
    authority.issue_with(params)
}

fn front(pem: &str) -> Gateway {
    let config = "[listen]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
        certificates = [\"front\"]\n[certificates.front]\nfile = \"tls/front.pem\"\n\
        [apis.a]\npath = \"a\"\nsubscription = \"optional\"\n";
    let policy = "<policies><inbound><return-response /></inbound></policies>";
    Directory::new(config).api("a", policy).file("tls/front.pem", pem).start()
}

async fn handshake(
    gateway: &Gateway,
    client: &TlsConnector,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(gateway.https.expect("an HTTPS listener")).await?;
    let name = ServerName::try_from("front.test").expect("a name");
    tokio::time::timeout(DEADLINE, client.connect(name, stream)).await.expect("in time")
}

const REQUEST: &[u8] = b"GET /a/x HTTP/1.1\r\nHost: front.test\r\n\r\n";

/// What is said of the listener's certificate: by the status, and by the metric in whole days from now.
async fn told(gateway: &Gateway) -> (i64, bool, i64) {
    let status = gateway.admin("/status").await.expect(200).json();
    let certificate = &status["certificates"][0];
    assert_eq!(certificate["name"], "front", "{status}");
    let text = gateway.admin("/metrics").await.text();
    let name = "tollgate_certificate_expires_timestamp_seconds";
    let ends = metric(&text, name, "certificate=\"front\"");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs();
    let left = i64::try_from(ends).expect("a time") - i64::try_from(now).expect("a time");
    let days = certificate["expires_in_days"].as_i64().expect("days");
    (days, certificate["needs_attention"] == true, left.div_euclid(DAY))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_is_told_of_and_renewed_while_it_serves() {
    let authority = Authority::new();
    let client = authority.client(&[b"http/1.1"]);
    let gateway = front(&issued(&authority, "front.test", (-60, -3)).0);
    // It is shown all the same: whoever looks refuses it, and says why.
    let error = handshake(&gateway, &client).await.expect_err("an expired certificate");
    assert!(error.to_string().contains("xpired"), "{error}");
    gateway.logged(|line| line.contains("W0410") && line.contains("has expired on")).await;
    assert_eq!(told(&gateway).await, (-4, true, -4));
    for (begins, ends, message, expected) in [
        (-60, 5, "certificate `front` expires in 4 days", (4, true, 4)),
        (-300, 29, "certificate `front` expires in 28 days", (28, true, 28)),
        (2, 90, "certificate `front` is not valid before", (89, true, 89)),
        (-1, 90, "", (89, false, 89)),
    ] {
        let (pem, der) = issued(&authority, "front.test", (begins, ends));
        let n_warned = gateway.count_log(|line| line.contains("W0410"));
        gateway.directory.write("tls/front.pem", &pem);
        gateway.reload().await;
        assert_eq!(told(&gateway).await, expected, "{message}");
        if message.is_empty() {
            assert_eq!(gateway.count_log(|line| line.contains("W0410")), n_warned);
        } else {
            gateway.logged(|line| line.contains("W0410") && line.contains(message)).await;
        }
        if begins < 0 {
            let stream = handshake(&gateway, &client).await.expect("a handshake");
            let shown = stream.get_ref().1.peer_certificates().expect("a certificate");
            assert_eq!(shown[0].as_ref(), der);
        }
    }
}

/// Rotations under load: no handshake and no request fails, whatever becomes of the file.
#[tokio::test(flavor = "multi_thread")]
async fn rotations_cost_no_connection_and_no_request() {
    const ROTATIONS: usize = 12;
    let began = Instant::now();
    let authority = Authority::new();
    let good = || issued(&authority, "front.test", (-1, 90));
    let gateway = front(&good().0);
    let client = authority.client(&[b"http/1.1"]);
    let is_over = AtomicBool::new(false);
    let kept = async {
        let mut stream = handshake(&gateway, &client).await.expect("a handshake");
        let mut n = 0_usize;
        while !is_over.load(Ordering::Relaxed) {
            stream.write_all(REQUEST).await.expect("the connection goes on");
            let answer = read_until(&mut stream, "\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            n += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        n
    };
    let made = async {
        let mut n = 0_usize;
        while !is_over.load(Ordering::Relaxed) {
            let mut stream = handshake(&gateway, &client).await.expect("a handshake");
            let request = String::from_utf8_lossy(REQUEST)
                .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
            let answer = exchange(&mut stream, request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            n += 1;
        }
        n
    };
    let rotating = async {
        let is_refusal = |line: &str| line.contains("reload failed");
        for n in 0..ROTATIONS {
            let (pem, der) = good();
            gateway.directory.write("tls/front.pem", &pem);
            gateway.reload().await;
            let stream = handshake(&gateway, &client).await.expect("a handshake");
            let shown = stream.get_ref().1.peer_certificates().expect("a certificate");
            assert_eq!(shown[0].as_ref(), der, "{n}");
            // Half a file, another key, no key, nothing.
            let (other, _) = good();
            let key_at = pem.find("-----BEGIN PRIVATE").expect("a key");
            let broken = match n % 4 {
                0 => pem[..pem.len() / 2].to_owned(),
                1 => format!(
                    "{}{}",
                    &pem[..key_at],
                    &other[other.find("-----BEGIN PRIVATE").expect("a key")..]
                ),
                2 => pem[..key_at].to_owned(),
                _ => String::new(),
            };
            let before = gateway.count_log(is_refusal);
            gateway.directory.write("tls/front.pem", &broken);
            gateway.signal("HUP");
            gateway.logged_times(before + 1, is_refusal).await;
            let stream = handshake(&gateway, &client).await.expect("a handshake");
            let shown = stream.get_ref().1.peer_certificates().expect("a certificate");
            assert_eq!(shown[0].as_ref(), der, "the old one serves, {n}");
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let (n_kept, n_made, ()) = tokio::join!(kept, made, rotating);
    assert!(n_kept > 0 && n_made > 0);
    let more = format!(
        "{n_kept} requests over a connection from before all of them, {n_made} over new ones"
    );
    tell("rotations of a certificate", 2 * ROTATIONS, began, &more);
}

/// A backend over TLS whose certificate the test changes.
struct Backend {
    address: SocketAddr,
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

fn server_config(pem: &str) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let config = builder.with_no_client_auth().with_single_cert(vec![certificate], key);
    Arc::new(config.expect("a configuration"))
}

impl Backend {
    async fn start(pem: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let config = Arc::new(Mutex::new(server_config(pem)));
        let current = Arc::clone(&config);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor =
                    TlsAcceptor::from(Arc::clone(&current.lock().expect("a configuration")));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    read_until(&mut stream, "\r\n\r\n").await;
                    let answer =
                        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                    stream.write_all(answer).await.ok();
                    stream.shutdown().await.ok();
                });
            }
        });
        Self { address, config }
    }

    fn show(&self, pem: &str) {
        *self.config.lock().expect("a configuration") = server_config(pem);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_whose_certificate_ends_is_refused_with_the_reason_and_heals() {
    let began = Instant::now();
    let authority = Authority::new();
    let good = || issued(&authority, "localhost", (-1, 90)).0;
    let backend = Backend::start(&good()).await;
    let config = format!(
        "[backends.b]\nurl = \"https://localhost:{}\"\ntls = {{ ca-file = \"ca.pem\" }}\n\
         [apis.a]\npath = \"a\"\nbackend = \"b\"\nsubscription = \"optional\"\n",
        backend.address.port()
    );
    let gateway = Directory::new(&config).file("ca.pem", &authority.pem()).start();
    let bad = [
        ("expired", issued(&authority, "localhost", (-60, -1)).0, "xpired"),
        ("early", issued(&authority, "localhost", (1, 60)).0, "valid"),
        ("other-name", issued(&authority, "other.test", (-1, 90)).0, "localhost"),
        (
            "other-issuer",
            issued(&Authority::new(), "localhost", (-1, 90)).0,
            "invalid peer certificate",
        ),
    ];
    let mut n = 0;
    for (what, pem, reason) in bad {
        gateway.send(Call::get("/a/good")).await.expect(200);
        backend.show(&pem);
        for _ in 0..5 {
            let path = format!("/a/{what}-{n}");
            let answer = gateway.send(Call::get(&path)).await.expect(500);
            assert!(!answer.text().contains(reason), "{}", answer.text());
            let line = gateway.access(&path).await.to_string();
            assert!(line.contains("BackendConnectionFailure") && line.contains(reason), "{line}");
            n += 1;
        }
        backend.show(&good());
        until("it heals", async || {
            (gateway.send(Call::get("/a/healed")).await.status == 200).then_some(())
        })
        .await;
    }
    tell(
        "certificates of a backend",
        n,
        began,
        "refused with their reason, and each renewal was taken",
    );
}
