//! `tollgate status`.
//!
//! Writing to a string cannot fail, so what `write!` answers is not looked at.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::{Args as ClapArgs, ValueEnum};
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use serde_json::Value;
use tollgate_gateway::config::Environment as _;
use tollgate_gateway::fetch::{
    CachingResolver, FetchError, FetchOptions, FetchSettings, Fetcher, Guard,
};

use crate::registry::ProcessEnvironment;

/// Where the admin key is looked for: arguments can be seen by everybody on the machine.
const KEY: &str = "TOLLGATE_ADMIN_KEY";

/// Most bytes of a status.
const LARGEST: usize = 16 << 20;

/// Whom to ask.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "The admin key, where one is set, is taken from the variable TOLLGATE_ADMIN_KEY.\n\
                  Ends with 0 when the gateway is ready, with 1 when it is not, with 2 when it does not say."
)]
pub(crate) struct Args {
    /// The admin listener (`listen.admin`): host and port, or a URL.
    #[arg(default_value = "127.0.0.1:8081")]
    admin: String,
    /// How to print the status.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Seconds until the answer must be there.
    #[arg(long, default_value_t = 10)]
    timeout: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// As the gateway gives it, for machines.
    Json,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(ask(args))?;
    match args.format {
        Format::Human => print!("{}", human(&status)),
        Format::Json => println!("{status:#}"),
    }
    Ok(if at(&status, "/ready") == true { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn ask(args: &Args) -> anyhow::Result<Value> {
    let is_url = args.admin.contains("://");
    let base = if is_url { args.admin.clone() } else { format!("http://{}", args.admin) };
    let base = base.trim_end_matches('/');
    let mut request = Request::get(format!("{base}/status"));
    if let Some(key) = ProcessEnvironment.var(KEY) {
        request = request.header(AUTHORIZATION, format!("Bearer {key}"));
    }
    let no_address = || format!("`{}` is not an address, or {KEY} is not a key", args.admin);
    let request = request.body(Bytes::new()).with_context(no_address)?;
    let options = FetchOptions {
        guard: Guard::Machine,
        timeout: Duration::from_secs(u64::from(args.timeout)),
        max_bytes: LARGEST,
    };
    let fetcher = Fetcher::new(FetchSettings::default(), Arc::new(CachingResolver::default()));
    let answer = fetcher.send(request, options).await.map_err(|error| unanswered(base, &error))?;
    read(base, &answer)
}

fn unanswered(base: &str, error: &FetchError) -> anyhow::Error {
    match error {
        FetchError::Connect(_) | FetchError::Timeout(_) => anyhow!(
            "no gateway answers at {base}: {error}; is it running, and is this its `listen.admin`?"
        ),
        _ => anyhow!("the gateway at {base} cannot be asked: {error}"),
    }
}

fn read(base: &str, answer: &Response<Bytes>) -> anyhow::Result<Value> {
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => {
            bail!("the gateway at {base} wants its admin key: set {KEY} to `admin.key`")
        }
        status => bail!("{base} answers {status}: it is no admin listener of a gateway"),
    }
    let status = serde_json::from_slice(answer.body()).ok();
    status
        .filter(|status: &Value| status["ready"].is_boolean())
        .with_context(|| format!("{base} answers, but not as the admin listener of a gateway"))
}

fn human(status: &Value) -> String {
    let mut out = String::new();
    let readiness = if status["ready"] == true { "ready" } else { "not ready" };
    writeln!(out, "tollgate {}: {readiness}", text(&status["version"])).ok();
    let snapshot = &status["snapshot"];
    if snapshot.is_object() {
        let age = span(snapshot["age_seconds"].as_u64().unwrap_or_default());
        writeln!(out, "configuration {}, loaded {age} ago", text(&snapshot["generation"])).ok();
    }
    if at(status, "/last_reload/ok") == false {
        let errors = items(at(status, "/last_reload/diagnostics"))
            .filter(|found| found["severity"] == "error")
            .collect::<Vec<_>>();
        writeln!(out, "the last load failed, {} found; the one before serves:", errors.len()).ok();
        for found in errors.iter().take(5) {
            let place = format!("{}:{}", text(&found["file"]), text(&found["line"]));
            writeln!(out, "  {place} {}", text(&found["message"])).ok();
        }
    }
    load(&mut out, &status["load"]);
    let redis = &status["redis"];
    if redis.is_object() {
        let state = if redis["connected"] == true { "connected" } else { "away" };
        writeln!(out, "Redis {}: {state}{}", text(&redis["server"]), reason(redis)).ok();
    }
    breakers(&mut out, status);
    for pool in items(&status["backend_pools"]) {
        members(&mut out, pool);
    }
    troubles(&mut out, status);
    certificates(&mut out, status);
    out
}

/// What is refused now, and what has been so far; nothing when that is nothing.
fn load(out: &mut String, load: &Value) {
    let number = |path: &str| at(load, path).as_u64().unwrap_or_default();
    let part = at(load, "/refused_part").as_f64().unwrap_or_default();
    if part > 0.0 {
        let (part, delay) = (part * 100.0, number("/queueing_delay_ms"));
        writeln!(out, "overloaded: {part:.0} % of new requests are refused, work waits {delay} ms")
            .ok();
    }
    let requests = number("/shed/requests") + number("/shed/queueing_delay");
    let connections = number("/connections_refused");
    if requests + connections > 0 {
        writeln!(out, "refused so far: {requests} requests, {connections} connections").ok();
    }
}

fn breakers(out: &mut String, status: &Value) {
    let all: Vec<_> = items(&status["circuit_breakers"])
        .map(|breaker| {
            let left =
                breaker["open_seconds"].as_u64().map(|left| format!(", {} left", span(left)));
            let state = text(&breaker["state"]);
            (text(&breaker["backend"]), format!("{state}{}", left.unwrap_or_default()))
        })
        .collect();
    table(out, "circuit breakers", &all);
}

fn members(out: &mut String, pool: &Value) {
    let all: Vec<_> = items(&pool["members"])
        .map(|member| {
            let (priority, weight) = (text(&member["priority"]), text(&member["weight"]));
            let state = if member["available"] == true { "available" } else { "left alone" };
            (text(&member["backend"]), format!("priority {priority}, weight {weight}: {state}"))
        })
        .collect();
    table(out, &format!("pool {}", text(&pool["pool"])), &all);
}

/// What could not be fetched.
fn troubles(out: &mut String, status: &Value) {
    let mut all = Vec::new();
    for (list, what, name) in [
        ("key_sets", "keys of", "url"),
        ("identities", "token for", "resource"),
        ("key_vault", "secret", "url"),
    ] {
        for failed in items(&status[list]).filter(|one| one["error"].is_string()) {
            all.push((format!("{what} {}", text(&failed[name])), text(&failed["error"])));
        }
    }
    table(out, "not fetched", &all);
}

/// Certificates that are over or will soon be.
fn certificates(out: &mut String, status: &Value) {
    let all: Vec<_> = items(&status["certificates"])
        .filter(|certificate| certificate["needs_attention"] == true)
        .map(|certificate| {
            let days = certificate["expires_in_days"].as_i64().unwrap_or_default();
            let state = match days {
                i64::MIN..=-1 => "has expired".to_owned(),
                0 => "expires within a day".to_owned(),
                1 => "expires in 1 day".to_owned(),
                2..=i64::MAX => format!("expires in {days} days"),
            };
            (text(&certificate["name"]), state)
        })
        .collect();
    table(out, "certificates", &all);
}

/// A heading and two columns below it; nothing without rows.
fn table(out: &mut String, heading: &str, rows: &[(String, String)]) {
    if rows.is_empty() {
        return;
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    writeln!(out, "\n{heading}").ok();
    for (name, state) in rows {
        writeln!(out, "  {name:width$}  {state}").ok();
    }
}

/// What stands at a JSON pointer, or null.
fn at<'a>(status: &'a Value, pointer: &str) -> &'a Value {
    status.pointer(pointer).unwrap_or(&Value::Null)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn reason(of: &Value) -> String {
    of["error"].as_str().map(|_| format!(" ({})", text(&of["error"]))).unwrap_or_default()
}

/// A word or number for a terminal, to which whoever answers must not give orders.
fn text(value: &Value) -> String {
    let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    written.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A time in its largest unit.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
