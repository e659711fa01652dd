//! Names that stand for something else from one moment to the next, over real connections on loopback.
//!
//! INVARIANT: a connection goes where the name points when it is made; what a policy named is judged each time.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tollgate_engine::{BoxFuture, Target};

use super::backend::Upstream;
use super::harness::{Gateway, LONG, TestSite, backend, body, header, status, url};
use crate::fetch::{
    AddressGuard, CachingResolver, FetchError, FetchOptions, FetchSettings, Fetcher, Guard,
    Resolve, ResolveError, ResolverSettings,
};
use crate::loopback::{Loopback, answer};
use crate::server::ListenCertificates;
use crate::{Backend, ListenSettings};

const HOST: &str = "host.test";

/// Answers of DNS as a test wants them.
#[derive(Debug, Default)]
struct Zone {
    hosts: Mutex<HashMap<String, Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Zone {
    fn at(addresses: &[&str]) -> Arc<Self> {
        let zone = Arc::new(Self::default());
        zone.move_to(addresses);
        zone
    }

    /// From now on the host is there; nowhere, when there is no address.
    fn move_to(&self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.hosts.lock().insert(HOST.to_owned(), addresses);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Zone {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<[IpAddr]>, ResolveError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.hosts.lock().get(host).filter(|found| !found.is_empty()).cloned();
        let none = || ResolveError::Failed { host: host.to_owned(), why: "NXDOMAIN".to_owned() };
        Box::pin(std::future::ready(found.map(Arc::from).ok_or_else(none)))
    }
}

/// Asks for each connection; an old answer counts for so long where there is no new one.
fn eager(stale: Duration) -> ResolverSettings {
    ResolverSettings {
        fresh: Duration::ZERO,
        usable: Duration::ZERO,
        stale,
        negative: Duration::ZERO,
        ..ResolverSettings::default()
    }
}

/// Two backends with one port, at 127.0.0.1 and 127.0.0.2, that say who they are.
async fn pair() -> (Upstream, Upstream) {
    for _ in 0..100 {
        let one = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none").await;
        let address = SocketAddr::new([127, 0, 0, 2].into(), one.address.port());
        if std::net::TcpListener::bind(address).is_ok() {
            let two = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo";
            return (one, Upstream::answering_at(address, two).await);
        }
    }
    panic!("no port is free at both addresses");
}

/// Whose idea the host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    ByConfiguration,
    ByPolicy,
}

async fn gateway(zone: &Arc<Zone>, settings: ResolverSettings, port: u16, named: Named) -> Gateway {
    let named_url = {
        let mut named = url("http", SocketAddr::new([127, 0, 0, 1].into(), port));
        HOST.clone_into(&mut named.host);
        named
    };
    let site = match named {
        Named::ByConfiguration => {
            let any = SocketAddr::new([127, 0, 0, 1].into(), port);
            let backend = Backend { url: named_url, ..backend("http", any) };
            TestSite::new(None, ["", "<forward/>", ""]).backend(backend)
        }
        Named::ByPolicy => {
            let target = Target::Url(Arc::new(named_url));
            TestSite::new(Some(target), ["", "<forward/>", ""])
        }
    };
    let listen =
        ListenSettings { http: Some("127.0.0.1:0".parse().unwrap()), ..ListenSettings::default() };
    let resolver = Arc::new(CachingResolver::new(Arc::clone(zone) as _, settings));
    Gateway::resolving(site, listen, ListenCertificates::default(), resolver).await
}

/// Who answers one request: `one`, `two`, or a reason why nobody does.
async fn who(gateway: &Gateway) -> String {
    let answer = gateway.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    match status(&answer) {
        "200" => body(&answer).to_owned(),
        _ => header(&answer, "x-reason").unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn new_connections_follow_the_name_and_old_ones_serve_out() {
    let (one, two) = pair().await;
    let zone = Zone::at(&["127.0.0.1"]);
    let port = one.address.port();
    for named in [Named::ByConfiguration, Named::ByPolicy] {
        zone.move_to(&["127.0.0.1"]);
        let gateway = gateway(&zone, eager(Duration::ZERO), port, named).await;
        assert_eq!(who(&gateway).await, "one");
        let made = one.accepted() + two.accepted();
        zone.move_to(&["127.0.0.2"]);
        // What is open and idle is still good, and costs no look-up.
        let asked = zone.asked();
        assert_eq!(who(&gateway).await, "one", "{named:?}");
        assert_eq!((one.accepted() + two.accepted(), zone.asked()), (made, asked));
        gateway.connections.close_idle();
        assert_eq!(who(&gateway).await, "two", "{named:?}");
        // Several with a dead one, first or last.
        for addresses in [["127.0.0.3", "127.0.0.2"], ["127.0.0.2", "127.0.0.3"]] {
            zone.move_to(&addresses);
            gateway.connections.close_idle();
            assert_eq!(who(&gateway).await, "two", "{named:?} {addresses:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_open_goes_on_where_it_began() {
    let mut first = Upstream::start().await;
    let zone = Zone::at(&["127.0.0.1"]);
    let port = first.address.port();
    let gateway = gateway(&zone, eager(Duration::ZERO), port, Named::ByConfiguration).await;
    let mut client = gateway.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut connection = first.connection().await;
    connection.request().await;
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
    client.until("a\r\n").await;
    zone.move_to(&[]);
    assert_eq!(who(&gateway).await, "Connection");
    connection.send("1\r\nb\r\n0\r\n\r\n").await;
    assert_eq!(client.until("0\r\n\r\n").await, "1\r\nb\r\n0\r\n\r\n");
}

#[tokio::test]
async fn without_an_answer_the_last_one_serves_for_its_time_and_then_the_truth_is_told() {
    let (one, _two) = pair().await;
    let port = one.address.port();
    let zone = Zone::at(&["127.0.0.1"]);
    let patient = gateway(&zone, eager(LONG * 60), port, Named::ByConfiguration).await;
    let strict = gateway(&zone, eager(Duration::ZERO), port, Named::ByConfiguration).await;
    for gateway in [&patient, &strict] {
        assert_eq!(who(gateway).await, "one");
        gateway.connections.close_idle();
    }
    zone.move_to(&[]);
    assert_eq!(who(&patient).await, "one");
    assert_eq!(who(&strict).await, "Connection");
    let error = strict.records.nth(1).await.error.expect("an error");
    assert!(error.message.contains("`host.test` cannot be resolved: NXDOMAIN"), "{error:?}");
    // It heals by itself.
    zone.move_to(&["127.0.0.2"]);
    for gateway in [&patient, &strict] {
        gateway.connections.close_idle();
        assert_eq!(who(gateway).await, "two");
    }
}

/// An answer may be kept for as long as it likes: nobody there, and it is asked for again.
#[tokio::test]
async fn an_address_where_nobody_answers_is_looked_up_again_at_once() {
    let (one, _two) = pair().await;
    let zone = Zone::at(&["127.0.0.3"]);
    let hour = LONG * 360;
    let lazy = ResolverSettings { fresh: hour, usable: hour, stale: hour, ..eager(hour) };
    let gateway = gateway(&zone, lazy, one.address.port(), Named::ByConfiguration).await;
    assert_eq!(who(&gateway).await, "Connection");
    let error = gateway.records.nth(0).await.error.expect("an error");
    assert!(error.message.contains("127.0.0.3"), "{error:?}");
    zone.move_to(&["127.0.0.2"]);
    // The look-up runs beside the requests; one of the next finds its answer.
    let healed = async {
        while who(&gateway).await != "two" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, healed).await.expect("the move is noticed");
}

/// Where a name that a policy chose must never lead.
const FORBIDDEN: &[&[&str]] = &[
    &["169.254.169.254"],
    &["168.63.129.16"],
    &["100.100.100.200"],
    &["192.0.0.192"],
    &["169.254.0.1"],
    &["0.0.0.0"],
    &["::"],
    &["fe80::1"],
    &["fd00:ec2::254"],
    &["::ffff:169.254.169.254"],
    &["64:ff9b::a9fe:a9fe"],
    &["2002:a9fe:a9fe::"],
    &["255.255.255.255"],
    &["224.0.0.1"],
    &["127.0.0.1", "169.254.169.254"],
    &["169.254.169.254", "127.0.0.1"],
    &["::1", "127.0.0.1", "fe80::1"],
];

#[tokio::test]
async fn a_name_that_is_rebound_is_judged_for_each_connection() {
    let (one, two) = pair().await;
    let zone = Zone::at(&["127.0.0.1"]);
    let gateway = gateway(&zone, eager(Duration::ZERO), one.address.port(), Named::ByPolicy).await;
    let mut n_tried = 0;
    for forbidden in FORBIDDEN {
        zone.move_to(&["127.0.0.1"]);
        gateway.connections.close_idle();
        assert_eq!(who(&gateway).await, "one");
        let made = one.accepted() + two.accepted();
        zone.move_to(forbidden);
        // The connection to where the name was harmless may go on, a new one is refused.
        assert_eq!(who(&gateway).await, "one");
        gateway.connections.close_idle();
        for _ in 0..3 {
            assert_eq!(who(&gateway).await, "Refused", "{forbidden:?}");
            n_tried += 1;
        }
        assert_eq!(one.accepted() + two.accepted(), made, "{forbidden:?}");
    }
    println!("names that are rebound: {n_tried} tried, all refused");
}

#[tokio::test]
async fn a_name_that_is_rebound_is_judged_for_each_call_of_a_policy() {
    let server = Loopback::start(|_| answer(200, "")).await;
    let zone = Zone::at(&["127.0.0.1"]);
    let resolver = CachingResolver::new(Arc::clone(&zone) as _, eager(Duration::ZERO));
    let fetcher = Fetcher::new(FetchSettings::default(), Arc::new(resolver));
    let options = FetchOptions { guard: Guard::Policy, timeout: LONG, max_bytes: 1_000 };
    let call = async || {
        // Closed by the server's side of the test each time, so that the next one is made anew.
        let request = http::Request::get(format!("http://{HOST}:{}/", server.address.port()))
            .header("connection", "close")
            .body(bytes::Bytes::new());
        fetcher.send(request.unwrap(), options).await
    };
    let mut n_tried = 0;
    for forbidden in FORBIDDEN {
        zone.move_to(&["127.0.0.1"]);
        call().await.unwrap();
        let seen = server.n_requests();
        zone.move_to(forbidden);
        // The answer may come before the connection is known to have ended.
        let refused = async {
            loop {
                match call().await {
                    Err(FetchError::Refused(_)) => return,
                    Err(other) => panic!("{forbidden:?}: {other}"),
                    Ok(_) => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(LONG, refused).await.expect("it is refused");
        n_tried += 1;
        assert!(server.n_requests() <= seen + 1, "{forbidden:?}");
    }
    println!("names that are rebound under calls of policies: {n_tried} tried, all refused");
    // What the guard lets through by name may go anywhere: to the backend here.
    let allowed = AddressGuard::new([HOST.to_owned()], Vec::new());
    fetcher.apply(FetchSettings { addresses: allowed, ..FetchSettings::default() });
    zone.move_to(&["127.0.0.1"]);
    call().await.unwrap();
}
