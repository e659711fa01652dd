//! What breaks gateways, tried on the real binary. Each suite says how many inputs it tried, and that none of them got through.
//!
//! INVARIANT: a suite is the same in every run (its random numbers have a fixed seed) and ends by itself: whatever hangs is cut
//! off by a time-out of the gateway or of the test.

mod bombs;
mod desync;
mod faults;
mod http2;
mod injection;
mod memory;
mod slow;
mod spoofing;
mod ssrf;

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::harness::{Call, Connection, DEADLINE, Gateway};

/// Longest that others may wait while a suite is at work, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(15);

/// Says what a suite has done, also where the output of tests that pass is not shown.
pub(crate) fn tell(suite: &str, n_inputs: usize, began: Instant, more: &str) {
    let taken = began.elapsed();
    let line =
        format!("attacks: {suite}: {n_inputs} inputs, none got through; {more} ({taken:.1?})\n");
    std::io::stderr().write_all(line.as_bytes()).ok();
}

/// Numbers that look random and are the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound that is not zero.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("a number below the bound")
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The address that the client with this number comes from: all of 127.0.0.0/8 is this machine.
fn source(n: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x7f01_0000 + u32::try_from(n).expect("a small number"))
}

/// Connects to a gateway from an address of its own.
async fn connect_from(n: usize, gateway: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((IpAddr::V4(source(n)), 0).into()).expect("an address");
    let connecting = socket.connect(gateway);
    let connected = tokio::time::timeout(DEADLINE, connecting).await.expect("a connection in time");
    connected.expect("a connection")
}

/// Sends bytes and takes what comes until the gateway closes, however it does.
async fn talk(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    // The gateway may refuse and close before all is sent.
    stream.write_all(bytes).await.ok();
    let mut received = Vec::new();
    let reading = async {
        // A reset is an end like any other; what came before it counts.
        while stream.read_buf(&mut received).await.is_ok_and(|n| n > 0) {}
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the gateway closes in time");
    received
}

/// Every byte as an escape.
fn percent(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

/// Peak memory of a gateway in MiB, which must stay below a bound.
fn memory_below(gateway: &Gateway, most: u64) -> String {
    let peak = gateway.peak_memory();
    let kib: u64 = peak.trim_end_matches(" kB").trim().parse().expect("the peak of memory");
    assert!(kib < most << 10, "{peak} are more than {most} MiB");
    format!("peak memory {} MiB", kib >> 10)
}

/// Asks for something ordinary again and again, until it is told that it is over: what tells it, how many answers there were, and
/// then how long the slowest took.
fn bystander(
    gateway: SocketAddr,
    path: &'static str,
) -> (Arc<AtomicBool>, Arc<AtomicUsize>, JoinHandle<Duration>) {
    let (done, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (until, count) = (Arc::clone(&done), Arc::clone(&served));
    let task = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        let mut began = Instant::now();
        while !until.load(Ordering::Relaxed) {
            // On a machine that has much else to do a connection may be too late itself; what counts is when there is an answer.
            let mut connection = Connection::to(gateway).await;
            let Ok(answer) = connection.send(Call::get(path)).await else { continue };
            answer.expect(200);
            longest = longest.max(began.elapsed());
            count.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            began = Instant::now();
        }
        longest
    });
    (done, served, task)
}
