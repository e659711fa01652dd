//! What metering costs a stream: CPU time of the gateway per chunk, time to the first token, and memory of many streams at
//! once, with `llm-emit-token-metric` and with `llm-token-limit` beside passing the stream through, in one run. A second gateway
//! that passes shows which differences are the measurement's own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tollgate_bench_pipeline::free_address;
use tollgate_bench_pipeline::gateway::Gateway;

/// Streams at once, chunks of each and the time between two of them, where the CPU is measured.
const STREAMS: usize = 50;
const CHUNKS: usize = 200;
const PAUSE: Duration = Duration::from_millis(10);
const ROUNDS: usize = 5;

/// Streams, one after the other, whose first token is timed.
const FIRST_TOKENS: usize = 2_000;
const IN_A_ROW: usize = 20;

/// Streams that are open at once where memory is measured.
const OPEN: usize = 2_000;
/// Time between the beginnings of two of them.
const OPENING: Duration = Duration::from_millis(2);

const ASK: &str = r#"{"messages":[{"role":"system","content":"You answer in one sentence and never apologise."},{"role":"user","content":"Name three rivers of Europe that flow into the Black Sea, and say in which country each of them has its source. Then tell how long they are, in kilometres, and which large towns stand on their banks."}],"stream":true}"#;

/// Events as Azure OpenAI sends them: with a word each, then the reason of the end, then what was used.
const WORD: &str = "data: {\"choices\":[{\"content_filter_results\":{\"hate\":{\"filtered\":false,\"severity\":\"safe\"},\"self_harm\":{\"filtered\":false,\"severity\":\"safe\"},\"sexual\":{\"filtered\":false,\"severity\":\"safe\"},\"violence\":{\"filtered\":false,\"severity\":\"safe\"}},\"delta\":{\"content\":\" river\"},\"finish_reason\":null,\"index\":0,\"logprobs\":null}],\"created\":1763750000,\"id\":\"chatcmpl-0123456789abcdefghijklmnopqrs\",\"model\":\"gpt-4o-2024-11-20\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"fp_0123456789\"}\n\n";
const END: &str = "data: {\"choices\":[{\"content_filter_results\":{},\"delta\":{},\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null}],\"created\":1763750000,\"id\":\"chatcmpl-0123456789abcdefghijklmnopqrs\",\"model\":\"gpt-4o-2024-11-20\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"fp_0123456789\"}\n\ndata: {\"choices\":[],\"created\":1763750000,\"id\":\"chatcmpl-0123456789abcdefghijklmnopqrs\",\"model\":\"gpt-4o-2024-11-20\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"fp_0123456789\",\"usage\":{\"completion_tokens\":200,\"prompt_tokens\":67,\"total_tokens\":267}}\n\ndata: [DONE]\n\n";

const PASS: &str = "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>";
const METERED: &str = "<policies><inbound><llm-emit-token-metric namespace=\"bench\"><dimension name=\"API ID\" /></llm-emit-token-metric></inbound><backend><forward-request /></backend><outbound /><on-error /></policies>";
const LIMITED: &str = "<policies><inbound><llm-token-limit counter-key=\"@(context.Request.Headers.GetValueOrDefault(&quot;x-team&quot;, &quot;none&quot;))\" tokens-per-minute=\"100000000\" estimate-prompt-tokens=\"true\" remaining-tokens-header-name=\"x-remaining-tokens\" /></inbound><backend><forward-request /></backend><outbound /><on-error /></policies>";

/// What is measured; all else is compared with the first.
const POLICIES: [(&str, &str); 4] =
    [("passed", PASS), ("passed too", PASS), ("metered", METERED), ("limited", LIMITED)];

#[tokio::main]
async fn main() -> Result<()> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/tollgate");
    let binary = std::env::args_os().nth(1).map_or(default, PathBuf::from);
    let backend = backend().await?;
    let mut all = Vec::new();
    for (name, policy) in POLICIES {
        all.push(Measured::start(name, &binary, backend, policy).await?);
    }

    let mut least = vec![f64::MAX; all.len()];
    // The first round warms up.
    for round in 0..=ROUNDS {
        for (least, gateway) in least.iter_mut().zip(&all) {
            let now = gateway.per_chunk().await?;
            if round > 0 {
                *least = least.min(now);
            }
        }
    }
    for (gateway, us) in all.iter().zip(&least) {
        let times = us / least[0];
        println!("CPU per chunk  {:10}: {us:6.2} us, {times:.2} times", gateway.name);
    }

    // What a gateway does that has nothing else to do comes out of cold caches, so this is the most that it can be.
    first_tokens("alone", Next::AfterEnd, &all).await?;
    first_tokens("one after another", Next::AtOnce, &all).await?;

    for gateway in &all {
        let (before, during) = gateway.open_streams().await?;
        let each = during.saturating_sub(before) as f64 / OPEN as f64;
        println!(
            "{OPEN} open streams  {:10}: {} MiB before, {} MiB during, {each:.1} KiB each",
            gateway.name,
            before / 1024,
            during / 1024
        );
    }
    Ok(())
}

/// When the next stream is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// When the one before has ended.
    AfterEnd,
    /// When the one before has given its first token.
    AtOnce,
}

/// Times the first tokens of streams, some of one gateway and then some of the next. Printed are the median and the quartiles of
/// all, and of how much the medians of [`IN_A_ROW`] differ from those that the first gateway had in the same turn.
async fn first_tokens(how: &str, next: Next, all: &[Measured]) -> Result<()> {
    let mut times = vec![Vec::new(); all.len()];
    let mut more = vec![Vec::new(); all.len()];
    for turn in 0..FIRST_TOKENS / IN_A_ROW {
        let mut medians = vec![0.0; all.len()];
        for place in 0..all.len() {
            // None is always the one after the same other.
            let place = (place + turn) % all.len();
            let mut row = Vec::with_capacity(IN_A_ROW);
            for _ in 0..IN_A_ROW {
                row.push(all[place].first_token(next).await?.as_secs_f64() * 1e6);
            }
            times[place].extend_from_slice(&row);
            medians[place] = quartiles(&mut row)[1];
        }
        for (more, median) in more.iter_mut().zip(&medians) {
            more.push(median - medians[0]);
        }
    }
    for ((gateway, times), more) in all.iter().zip(&mut times).zip(&mut more) {
        let ([low, median, high], [least, differs, most]) = (quartiles(times), quartiles(more));
        println!(
            "first token {how}  {:10}: {median:.0} us ({low:.0} to {high:.0}), {differs:+.0} us ({least:+.0} to {most:+.0})",
            gateway.name
        );
    }
    Ok(())
}

fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|part| values.get(values.len() * part / 4).copied().unwrap_or_default())
}

/// A gateway with its address.
struct Measured {
    name: &'static str,
    gateway: Gateway,
    address: String,
    _directory: tempfile::TempDir,
}

impl Measured {
    async fn start(
        name: &'static str,
        binary: &Path,
        backend: SocketAddr,
        policy: &str,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (address, admin) = (free_address()?, free_address()?);
        let config = format!(
            "[listen]\nhttp = \"{address}\"\nadmin = \"{admin}\"\n\n[log]\nlevel = \"warn\"\n\n\
             [backends.openai]\nurl = \"http://{backend}\"\n\n\
             [apis.openai]\npath = \"openai\"\nbackend = \"openai\"\nsubscription = \"optional\"\n"
        );
        std::fs::write(folder.path().join("tollgate.toml"), config)?;
        std::fs::create_dir_all(folder.path().join("apis/openai"))?;
        std::fs::write(folder.path().join("apis/openai/policy.xml"), policy)?;
        let gateway = Gateway::start(binary, folder.path(), &address).await?;
        Ok(Self { name, gateway, address, _directory: folder })
    }

    /// Microseconds of CPU per chunk, the request included.
    async fn per_chunk(&self) -> Result<f64> {
        let before = self.gateway.cpu()?;
        let clients = (0..STREAMS).map(|_| {
            let address = self.address.clone();
            tokio::spawn(async move {
                let mut body = ask(&address, CHUNKS).await?;
                while let Some(frame) = body.frame().await {
                    frame?;
                }
                anyhow::Ok(())
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await??;
        }
        let spent = self.gateway.cpu()? - before;
        Ok(spent.as_secs_f64() * 1e6 / (STREAMS * CHUNKS) as f64)
    }

    async fn first_token(&self, next: Next) -> Result<Duration> {
        let began = Instant::now();
        let mut body = ask(&self.address, 1).await?;
        body.frame().await.context("an empty answer")??;
        let time = began.elapsed();
        let rest = tokio::spawn(async move {
            while let Some(frame) = body.frame().await {
                frame?;
            }
            anyhow::Ok(())
        });
        if next == Next::AfterEnd {
            rest.await??;
        }
        Ok(time)
    }

    /// Resident memory in KiB before the streams begin, and while all of them are in their middle.
    async fn open_streams(&self) -> Result<(u64, u64)> {
        let before = self.gateway.resident()?;
        let all = Arc::new(Barrier::new(OPEN + 1));
        let clients = (0..OPEN).map(|place| {
            let (address, all) = (self.address.clone(), Arc::clone(&all));
            tokio::spawn(async move {
                // All at once would be more than the gateway can do, and a part of them refused.
                tokio::time::sleep(OPENING * u32::try_from(place)?).await;
                // They are read half, and the rest is left with the gateway.
                let mut body = ask(&address, CHUNKS).await?;
                for _ in 0..CHUNKS / 2 {
                    body.frame().await.context("a stream that ended early")??;
                }
                all.wait().await;
                all.wait().await;
                anyhow::Ok(())
            })
        });
        let clients = clients.collect::<Vec<_>>();
        let reached = tokio::time::timeout(Duration::from_mins(2), all.wait()).await;
        reached.context("the streams did not come to their middle")?;
        let during = self.gateway.resident()?;
        all.wait().await;
        for client in clients {
            client.await??;
        }
        Ok((before, during))
    }
}

/// Asks on a new connection for a stream of so many chunks.
async fn ask(address: &str, chunks: usize) -> Result<Incoming> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request =
        Request::post("/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21")
            .header("host", address)
            .header("content-type", "application/json")
            .header("x-team", "blue")
            .header("x-chunks", chunks)
            .body(Full::new(Bytes::from_static(ASK.as_bytes())))?;
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(response.into_body())
}

/// A backend that answers with as many words as `x-chunks` says.
async fn backend() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            let service = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(service);
        }
    });
    Ok(address)
}

async fn answer(
    request: Request<Incoming>,
) -> Result<Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>>> {
    let chunks = request.headers().get("x-chunks").context("no x-chunks")?.to_str()?.parse()?;
    request.into_body().collect().await?;
    let events = futures::stream::iter(0..=chunks).then(move |index: usize| async move {
        if index > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let event = if index == chunks { END } else { WORD };
        Ok(Frame::data(Bytes::from_static(event.as_bytes())))
    });
    Ok(Response::builder()
        .header("content-type", "text/event-stream")
        .body(StreamBody::new(events))?)
}
