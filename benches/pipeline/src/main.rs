//! What policies cost: CPU time of the gateway's process per request, with sixty policies over four scopes beside passing
//! the request through, in one run; and how long a directory of many documents takes to load.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use tollgate_bench_pipeline::gateway::{self, Gateway};
use tollgate_bench_pipeline::{directory, free_address};

/// Requests of one round, over this many connections.
const REQUESTS: usize = 20_000;
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 5;
const DOCUMENTS: usize = 1_000;

const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"You answer in one sentence and never apologise."},{"role":"user","content":"Name three rivers of Europe that flow into the Black Sea, and say in which country each of them has its source. Then tell how long they are, in kilometres, and which large towns stand on their banks. Keep the answer short, and do not use a list."}],"temperature":0.2,"max_tokens":200,"user":"6f1c2a0e-3d4b-4c5d-8e6f-7a8b9c0d1e2f","stream":false,"metadata":{"team":"blue","purpose":"benchmark"}}"#;

#[tokio::main]
async fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/tollgate");
    let binary = std::env::args_os().nth(1).map_or(default, PathBuf::from);
    let backend = backend().await?;
    let (plain, sixty) =
        (start(&binary, backend, false).await?, start(&binary, backend, true).await?);
    let (mut least_plain, mut least_sixty) = (f64::MAX, f64::MAX);
    // The first round warms up.
    for round in 0..=ROUNDS {
        let now_plain = plain.round().await?;
        let now_sixty = sixty.round().await?;
        if round > 0 {
            least_plain = least_plain.min(now_plain);
            least_sixty = least_sixty.min(now_sixty);
        }
    }
    let policies = least_sixty - least_plain;
    println!("pass-through        {least_plain:6.1} us of CPU per request");
    println!("sixty policies      {least_sixty:6.1} us of CPU per request");
    println!(
        "policies alone      {policies:6.1} us, {:.2} of the pass-through",
        policies / least_plain
    );

    let many = tempfile::tempdir()?;
    directory::write_many(many.path(), DOCUMENTS)?;
    let (mut least, mut most_memory) = (f64::MAX, 0);
    for _ in 0..ROUNDS {
        let (time, memory) = gateway::check(&binary, many.path())?;
        least = least.min(time.as_secs_f64());
        most_memory = most_memory.max(memory);
    }
    println!("{DOCUMENTS} documents      {least:6.2} s, at most {} MiB", most_memory / 1024);
    Ok(())
}

/// A gateway with its clients.
struct Measured {
    gateway: Gateway,
    address: String,
    /// The subscription key that its clients send.
    key: Option<&'static str>,
    _directory: tempfile::TempDir,
}

async fn start(binary: &Path, backend: SocketAddr, policies: bool) -> Result<Measured> {
    let folder = tempfile::tempdir()?;
    let (address, admin) = (free_address()?, free_address()?);
    directory::write(folder.path(), &address, &admin, &format!("http://{backend}"), policies)?;
    let gateway = Gateway::start(binary, folder.path(), &address).await?;
    let key = policies.then_some(directory::KEY);
    Ok(Measured { gateway, address, key, _directory: folder })
}

impl Measured {
    /// Microseconds of CPU per request.
    async fn round(&self) -> Result<f64> {
        let before = self.gateway.cpu()?;
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| tokio::spawn(client(self.address.clone(), self.key)))
            .collect();
        for client in clients {
            client.await??;
        }
        let spent = self.gateway.cpu()? - before;
        Ok(spent.as_secs_f64() * 1e6 / REQUESTS as f64)
    }
}

/// One connection with its share of the requests.
async fn client(address: String, key: Option<&str>) -> Result<()> {
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    for _ in 0..REQUESTS / CONNECTIONS {
        let mut request = Request::post("/measured/chat/completions")
            .header("host", &address)
            .header("content-type", "application/json")
            .header("x-team", "blue");
        if let Some(key) = key {
            request = request.header("ocp-apim-subscription-key", key);
        }
        let request = request.body(Full::new(Bytes::from_static(BODY.as_bytes())))?;
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        response.into_body().collect().await?;
    }
    Ok(())
}

/// A backend that reads each request and answers with a short JSON body.
async fn backend() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            let answer = service_fn(|request: Request<hyper::body::Incoming>| async move {
                request.into_body().collect().await?;
                let body = Full::new(Bytes::from_static(BODY.as_bytes()));
                Ok::<_, hyper::Error>(
                    Response::builder()
                        .header("content-type", "application/json")
                        .body(body)
                        .unwrap_or_default(),
                )
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer),
            );
        }
    });
    Ok(address)
}
