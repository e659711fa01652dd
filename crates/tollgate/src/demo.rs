//! `tollgate demo`: the whole thing on one machine, without Azure.

mod directory;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use clap::Args as ClapArgs;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tollgate_emulator::{CONTOSO, Emulator, Options, Running, TokenSpec};
use tollgate_gateway::config::Environment;
use tollgate_gateway::telemetry::{LogFormat, LogQueue, LogSettings, log_dispatch};
use tollgate_gateway::{ListenSettings, Prepared, Setup};

use crate::registry::REGISTRY;
use crate::shipped;

/// How to show it.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// A policy directory to serve instead of the shipped one; variables that it takes from the environment and that are
    /// not set get values of the emulators.
    directory: Option<PathBuf>,
    /// Ends after its calls instead of serving on.
    #[arg(long)]
    once: bool,
    /// Where the gateway listens; a free port unless given.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// What the demo's client and API are called in the emulated tenant.
const CLIENT: &str = "6d1c5a37-6f0e-4d68-9f5a-3b8f1c1de001";
const API: &str = "api://tollgate-demo";
const CALL: Duration = Duration::from_secs(30);

/// The environment of the demo's gateway: what an operator would set.
struct DemoEnvironment(HashMap<&'static str, String>);

impl Environment for DemoEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &args.directory {
        None => runtime.block_on(show(args)),
        Some(directory) => runtime.block_on(directory::show(directory, args)),
    }
}

async fn show(args: &Args) -> anyhow::Result<ExitCode> {
    let azure = Emulator::start(Options::default()).await.context("the emulators do not start")?;
    let folder = tempfile::tempdir()?;
    shipped::write(folder.path())?;
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let setup = Setup {
        root: folder.path().to_owned(),
        registry: REGISTRY,
        env: Arc::new(environment(&azure)),
        listen: Some(ListenSettings {
            http: Some(args.listen),
            admin: Some(loopback),
            ..ListenSettings::default()
        }),
    };
    let prepared = Prepared::load(setup).await.map_err(|loaded| {
        let first = loaded.diagnostics.first().map(|found| found.message.clone());
        anyhow::anyhow!("the shipped policies do not load: {}", first.unwrap_or_default())
    })?;
    // Only what goes wrong: standard output is the show.
    let quiet = LogSettings { level: "warn".to_owned(), format: LogFormat::Text };
    let queue = LogQueue::start(std::io::stderr(), prepared.metrics())?;
    let (dispatch, log) = log_dispatch(&quiet, prepared.redactor(), queue)
        .map_err(|why| anyhow::anyhow!("logging cannot be set up: {why}"))?;
    tracing::dispatcher::set_global_default(dispatch)?;
    let gateway = prepared.start(None).await?;
    let address = gateway.http().context("the gateway does not listen")?;
    println!("emulators   OpenID issuer, managed identity and Azure OpenAI on loopback");
    println!("gateway     http://{address}, with the policies of `policies/`\n");

    let token = azure.entra.mint(&token())?;
    let accepted = streaming_call(address, &token).await?;
    let refused = refused_call(address).await?;
    print_curl(address, &token);
    let received = azure.openai.server().received_at("*/chat/completions");
    let own_token = received
        .iter()
        .all(|call| call.header("authorization") != Some(&format!("Bearer {token}")));
    println!(
        "the backend saw {} call, with the gateway's own token in place of the client's: {own_token}",
        received.len()
    );

    let good = accepted && refused && own_token && received.len() == 1;
    if !args.once && good {
        println!("\nserving until Ctrl-C");
        tokio::signal::ctrl_c().await?;
    }
    gateway.stop(async { drop(tokio::signal::ctrl_c().await) }).await;
    azure.stop().await;
    log.flush();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn token() -> TokenSpec {
    TokenSpec::v2(API).app(CLIENT).roles(["Chat.Invoke"]).lifetime(Duration::from_hours(12))
}

fn environment(azure: &Running) -> DemoEnvironment {
    DemoEnvironment(HashMap::from([
        ("AZURE_OPENAI_ENDPOINT", azure.openai.server().url().to_owned()),
        ("TENANT_ID", CONTOSO.to_owned()),
        ("CLIENT_APP_ID", CLIENT.to_owned()),
        ("API_AUDIENCE", API.to_owned()),
        ("ENTRA_ENDPOINT", azure.entra.server().url().to_owned()),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.imds.server().url().to_owned()),
    ]))
}

fn question() -> Value {
    json!({
        "messages": [{"role": "user", "content": "Say hello to the platform team."}],
        "stream": true,
        "stream_options": {"include_usage": true},
    })
}

const PATH: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

async fn send(
    address: SocketAddr,
    token: Option<&str>,
    key: Option<&str>,
) -> anyhow::Result<http::Response<hyper::body::Incoming>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::post(PATH)
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some(key) = key {
        request = request.header("api-key", key);
    }
    let request = request.body(Full::new(Bytes::from(question().to_string())))?;
    tokio::time::timeout(CALL, sender.send_request(request))
        .await
        .context("no answer in time")?
        .map_err(Into::into)
}

/// One validated streaming call; prints the answer as it arrives.
async fn streaming_call(address: SocketAddr, token: &str) -> anyhow::Result<bool> {
    let response = send(address, Some(token), None).await?;
    let status = response.status();
    println!("a client with a token of the tenant: {status}");
    let mut body = response.into_body();
    let mut text = String::new();
    let mut answer = String::new();
    while let Some(frame) =
        tokio::time::timeout(CALL, body.frame()).await.context("the stream stalls")?
    {
        if let Ok(data) = frame?.into_data() {
            text.push_str(&String::from_utf8_lossy(&data));
        }
    }
    for event in
        text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]")
    {
        let event: Value = serde_json::from_str(event)?;
        if let Some(piece) = event.pointer("/choices/0/delta/content").and_then(Value::as_str) {
            answer.push_str(piece);
        }
        if let Some(usage) = event.get("usage").filter(|usage| usage.is_object()) {
            println!("  usage  {usage}");
        }
    }
    println!("  answer {answer}\n");
    Ok(status == StatusCode::OK && text.contains("[DONE]") && !answer.is_empty())
}

/// The same call without a token.
async fn refused_call(address: SocketAddr) -> anyhow::Result<bool> {
    let response = send(address, None, None).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("the same call without a token: {status}\n  {}\n", String::from_utf8_lossy(&body));
    Ok(status == StatusCode::UNAUTHORIZED)
}

fn print_curl(address: SocketAddr, token: &str) {
    let url = format!("http://{address}{PATH}");
    let body = question();
    println!("try it:\n");
    println!(
        "curl -N '{url}' -H 'content-type: application/json' -H 'authorization: Bearer {token}' -d '{body}'\n"
    );
    println!("curl -i '{url}' -H 'content-type: application/json' -d '{body}'\n");
}
