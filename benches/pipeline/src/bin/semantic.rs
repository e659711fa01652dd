//! What a look-up in the semantic cache costs: its time among 10,000 answers whose embeddings have 1,536 dimensions, beside one
//! among none, and the memory that they take.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tollgate_bench_pipeline::free_address;
use tollgate_bench_pipeline::gateway::Gateway;

const ENTRIES: usize = 10_000;
const DIMENSIONS: usize = 1_536;
const LOOKUPS: usize = 400;
const CLIENTS: usize = 8;

const ANSWER: &str = r#"{"id":"chatcmpl-0","object":"chat.completion","created":1763750000,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"The Danube has its source in Germany, the Dniester in Ukraine, and the Dnieper in Russia."},"finish_reason":"stop"}],"usage":{"prompt_tokens":67,"completion_tokens":24,"total_tokens":91}}"#;

const POLICY: &str = "<policies><inbound><llm-semantic-cache-lookup score-threshold=\"0.05\" embeddings-backend-id=\"embeddings\" embeddings-backend-auth=\"system-assigned\"><vary-by>@(context.Request.Headers.GetValueOrDefault(\"x-team\", \"\"))</vary-by></llm-semantic-cache-lookup></inbound><backend><forward-request /></backend><outbound><llm-semantic-cache-store duration=\"36000\" /></outbound><on-error /></policies>";

#[tokio::main]
async fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/tollgate");
    let binary = std::env::args_os().nth(1).map_or(default, PathBuf::from);
    let backend = backend().await?;
    let folder = tempfile::tempdir()?;
    let (address, admin) = (free_address()?, free_address()?);
    let config = format!(
        "[listen]\nhttp = \"{address}\"\nadmin = \"{admin}\"\n\n[log]\nlevel = \"warn\"\n\n\
         [limits]\nrequests-per-connection = 1000000\n\n[semantic-cache]\nsize = \"256 MiB\"\n\n\
         [backends.openai]\nurl = \"http://{backend}\"\n\n\
         [backends.embeddings]\nurl = \"http://{backend}/embeddings\"\nheaders = {{ api-key = {{ value = \"k\", development = true }} }}\n\n\
         [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n"
    );
    std::fs::write(folder.path().join("tollgate.toml"), config)?;
    std::fs::create_dir_all(folder.path().join("apis/openai"))?;
    std::fs::write(folder.path().join("apis/openai/policy.xml"), POLICY)?;
    let gateway = Gateway::start(&binary, folder.path(), &address).await?;

    let mut client = Client::connect(&address).await?;
    client.ask("none", 0).await?;
    let before = gateway.resident()?;
    let began = Instant::now();
    let filling = (0..CLIENTS).map(|first| {
        let address = address.clone();
        tokio::spawn(async move {
            let mut client = Client::connect(&address).await?;
            for question in (first..ENTRIES).step_by(CLIENTS) {
                client.ask("many", question).await?;
            }
            anyhow::Ok(())
        })
    });
    for client in filling.collect::<Vec<_>>() {
        client.await??;
    }
    let after = gateway.resident()?;
    println!(
        "{ENTRIES} entries of {DIMENSIONS} dimensions, kept in {:.1} s: {} MiB before, {} MiB after, {:.1} KiB each",
        began.elapsed().as_secs_f64(),
        before / 1024,
        after / 1024,
        after.saturating_sub(before) as f64 / ENTRIES as f64
    );
    // A question that nobody has asked goes to the model in either partition; only the first of each is kept anew.
    let mut figures = Vec::new();
    for (name, team, question) in [
        ("none, a miss", "none", ENTRIES),
        ("10,000, a miss", "many", ENTRIES),
        ("10,000, a hit", "many", 0),
    ] {
        let before = gateway.cpu()?;
        let mut times = Vec::new();
        for n in 0..LOOKUPS {
            // Misses would be kept, and found: each is another one. Those in the small partition are in one of their own.
            let (team, question) = match question {
                0 => (team.to_owned(), n),
                _ if team == "none" => (format!("none{n}"), question + n),
                _ => (team.to_owned(), question + n),
            };
            let began = Instant::now();
            client.ask(&team, question).await?;
            times.push(began.elapsed());
        }
        times.sort();
        let median = times.get(LOOKUPS / 2).context("no times")?.as_secs_f64() * 1e6;
        let cpu = (gateway.cpu()? - before).as_secs_f64() * 1e6 / LOOKUPS as f64;
        println!("among {name:<15} median {median:7.0} us, CPU {cpu:7.0} us a request");
        figures.push((median, cpu));
    }
    if let [none, many, _] = figures[..] {
        println!(
            "a look-up among {ENTRIES}: {:.0} us, CPU {:.0} us",
            many.0 - none.0,
            many.1 - none.1
        );
    }
    Ok(())
}

struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: String,
}

impl Client {
    async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, address: address.to_owned() })
    }

    async fn ask(&mut self, team: &str, question: usize) -> Result<()> {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{question}"}}]}}"#);
        let request =
            Request::post("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21")
                .header("host", &self.address)
                .header("content-type", "application/json")
                .header("x-team", team)
                .body(Full::new(Bytes::from(body)))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = tokio::time::timeout(Duration::from_secs(30), response.into_body().collect());
        let body = body.await??.to_bytes();
        if !status.is_success() {
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(())
    }
}

/// A model, and one for embeddings that gives each number a direction of its own.
async fn backend() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            tokio::spawn(async move {
                let service = service_fn(answer);
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                served.await.ok();
            });
        }
    });
    Ok(address)
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_embedding = request.uri().path().ends_with("/embeddings");
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = if is_embedding { embedding(&body) } else { ANSWER.to_owned() };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let kind = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

fn embedding(body: &[u8]) -> String {
    let digits = body.iter().filter(|byte| byte.is_ascii_digit());
    let mut state = digits
        .fold(1_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    let mut text = String::with_capacity(DIMENSIONS * 12);
    for n in 0..DIMENSIONS {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = ((mixed ^ mixed >> 31) >> 48) as f64 / 32_767.5 - 1.0;
        let comma = if n > 0 { "," } else { "" };
        write!(text, "{comma}{number:.7}").ok();
    }
    format!(
        r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":[{text}]}}]}}"#
    )
}
