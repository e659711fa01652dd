//! What connections hold: resident memory of the gateway for each of many that are idle, that stream, that wait for a slow
//! backend, and whose clients read nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use tollgate_bench_pipeline::backends::{Manner, backend};
use tollgate_bench_pipeline::gateway::Gateway;
use tollgate_bench_pipeline::{directory, free_address};

const IDLE: usize = 5_000;
const STREAMS: usize = 1_000;
const WAITING: usize = 2_000;
const UNREAD: usize = 500;

/// Events of the streams.
const EVENT: usize = 200;
const PAUSE: Duration = Duration::from_millis(200);

/// Bytes of an answer that nobody reads: far more than the buffers of two sockets.
const LARGE: usize = 64 << 20;

/// How long things are left to settle before memory is looked at.
const SETTLING: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/tollgate");
    let binary = std::env::args_os().nth(1).map_or(default, PathBuf::from);
    let quick = Manner::Answer(600, Duration::ZERO);
    measure(&binary, "idle connections", IDLE, quick, Client::Idle).await?;
    measure(&binary, "streams", STREAMS, Manner::Stream(EVENT, PAUSE), Client::Reads).await?;
    let slow = Manner::Answer(600, Duration::from_secs(600));
    measure(&binary, "requests whose backend is slow", WAITING, slow, Client::Waits).await?;
    let large = Manner::Answer(LARGE, Duration::ZERO);
    measure(&binary, "answers that nobody reads", UNREAD, large, Client::ReadsNothing).await
}

/// What a client does once it is connected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    /// Asks, reads the answer, and stays.
    Idle,
    /// Reads what comes.
    Reads,
    /// Waits for an answer.
    Waits,
    /// Has little room of its own, and never reads.
    ReadsNothing,
}

impl Client {
    /// Asks. What is left to do goes on until it is ended.
    async fn start(self, address: SocketAddr, request: &[u8]) -> Result<JoinHandle<()>> {
        let mut stream = match self {
            Self::ReadsNothing => {
                let socket = TcpSocket::new_v4()?;
                socket.set_recv_buffer_size(4 << 10)?;
                socket.connect(address).await?
            }
            _ => TcpStream::connect(address).await?,
        };
        stream.write_all(request).await?;
        if matches!(self, Self::Idle | Self::Reads) {
            let mut first = vec![0; 4 << 10];
            if stream.read(&mut first).await? == 0 || !first.starts_with(b"HTTP/1.1 200") {
                bail!("refused: {}", String::from_utf8_lossy(&first));
            }
        }
        Ok(tokio::spawn(async move {
            let mut buffer = vec![0; 4 << 10];
            while self == Self::Reads && stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
            std::future::pending::<()>().await;
        }))
    }
}

async fn measure(
    binary: &Path,
    what: &str,
    n: usize,
    manner: Manner,
    client: Client,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (address, admin) = (free_address()?, free_address()?);
    let url = format!("http://{}", backend(manner).await?);
    directory::write(folder.path(), &address, &admin, &url, false)?;
    let gateway = Gateway::start(binary, folder.path(), &address).await?;
    let request = format!("GET /measured/x HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes();
    let address: SocketAddr = address.parse()?;
    // What the first request makes is not a connection's.
    let first = client.start(address, &request).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (before, kernel_before) = (gateway.resident()?, kernel()?);
    let mut clients = vec![first];
    for _ in 0..n {
        clients.push(client.start(address, &request).await?);
    }
    tokio::time::sleep(SETTLING).await;
    let (during, kernel_during) = (gateway.resident()?, kernel()?);
    println!(
        "{n} {what}: {:.1} KiB each; {} MiB before, {} MiB during, at most {} MiB; of the system, on all sides, {:.0} KiB each",
        during.saturating_sub(before) as f64 / n as f64,
        before >> 10,
        during >> 10,
        gateway.peak()? >> 10,
        kernel_during.saturating_sub(kernel_before) as f64 / n as f64
    );
    clients.iter().for_each(JoinHandle::abort);
    tokio::time::sleep(SETTLING).await;
    println!("    {} MiB after they have gone", gateway.resident()? >> 10);
    Ok(())
}

/// KiB that the system's buffers of all TCP connections hold, in pages of 4 KiB.
fn kernel() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/net/sockstat")?;
    let line = text.lines().find(|line| line.starts_with("TCP:")).context("no TCP in sockstat")?;
    let mut words = line.split_whitespace().skip_while(|word| *word != "mem").skip(1);
    Ok(words.next().context("no memory in sockstat")?.parse::<u64>()? * 4)
}
