//! A Redis server behind a network that breaks: cut, silent, or silent in one direction only.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::super::tell;
use crate::harness::{Call, Connection, Gateway};
use crate::redis::{RedisServer, connected, gateway};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Works,
    /// Connections are reset, and none is made.
    Cut,
    /// Nothing arrives, and nobody is told.
    Silent,
    /// Commands arrive and are carried out; their answers get lost.
    Deaf,
}

/// Stands between the gateway and the server.
struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
}

impl Proxy {
    async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("its address");
        let (network, state) = watch::channel(Network::Works);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                if *state.borrow() == Network::Cut {
                    stream.set_zero_linger().ok();
                    continue;
                }
                tokio::spawn(async move {
                    let Ok(onward) = TcpStream::connect(("127.0.0.1", server)).await else {
                        return;
                    };
                    let mut cut = state.clone();
                    let (from_client, to_client) = stream.into_split();
                    let (from_server, to_server) = onward.into_split();
                    tokio::select! {
                        () = carry(from_client, to_server, state.clone(), &[Network::Silent]) => {}
                        () = carry(from_server, to_client, state, &[Network::Silent, Network::Deaf]) => {}
                        _ = cut.wait_for(|network| *network == Network::Cut) => {}
                    }
                });
            }
        });
        Self { address, network }
    }

    fn becomes(&self, network: Network) {
        self.network.send_replace(network);
    }
}

/// Passes bytes on, but for those that come while the network is so.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: watch::Receiver<Network>,
    loses: &[Network],
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(n) = from.read(&mut buffer).await else { return };
        if n == 0 {
            return;
        }
        if !loses.contains(&state.borrow()) && to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

const CALLS: usize = 20;

async fn calls(gateway: &Gateway) -> BTreeMap<u16, usize> {
    let mut connection = Connection::to(gateway.http).await;
    let mut counts = BTreeMap::new();
    for _ in 0..CALLS {
        let answer = connection.send(Call::get("/it/x")).await.expect("an answer");
        *counts.entry(answer.status.as_u16()).or_default() += 1;
    }
    counts
}

/// How many calls the server has counted, this one included.
async fn n_counted(gateway: &Gateway) -> usize {
    let answer = gateway.send(Call::get("/it/x")).await.expect(200);
    1_000 - answer.header("x-remaining").parse::<usize>().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_counts_nothing_twice_and_loses_what_the_setting_says() {
    let began = Instant::now();
    let mut n_tried = 0;
    for setting in ["fail-open", "fail-closed", "local"] {
        for broken in [Network::Cut, Network::Silent, Network::Deaf] {
            let Some(server) = RedisServer::plain() else { return };
            let proxy = Proxy::start(server.port).await;
            let config = format!(
                "[redis]\nurl = \"redis://{}\"\nresponse-timeout = \"200ms\"\nconnect-timeout = \"500ms\"\n\
                 [counters]\nwhen-unavailable = \"{setting}\"",
                proxy.address
            );
            let policy = r#"<rate-limit-by-key calls="1000" renewal-period="300" counter-key="k"
                remaining-calls-header-name="x-remaining" />"#;
            let gateway = gateway(&config, policy);
            connected(&gateway, true).await;
            assert_eq!(calls(&gateway).await, BTreeMap::from([(200, CALLS)]));
            proxy.becomes(broken);
            let status = if setting == "fail-closed" { 503 } else { 200 };
            let seen = calls(&gateway).await;
            assert_eq!(seen, BTreeMap::from([(status, CALLS)]), "{setting} {broken:?}");
            proxy.becomes(Network::Works);
            connected(&gateway, true).await;
            let counted = n_counted(&gateway).await;
            // What got through before it was known that no answer comes counts, and once.
            let most = if broken == Network::Deaf { CALLS } else { 0 };
            let expected = CALLS + 1..=CALLS + 1 + most;
            assert!(expected.contains(&counted), "{setting} {broken:?}: {counted} of {expected:?}");
            assert_eq!(calls(&gateway).await, BTreeMap::from([(200, CALLS)]));
            assert_eq!(n_counted(&gateway).await, counted + CALLS + 1, "{setting} {broken:?}");
            n_tried += 3 * CALLS + 2;
        }
    }
    tell("partitions of Redis", n_tried, began, "nothing was counted twice");
}
