//! `tollgate demo DIRECTORY`: somebody's policies in front of emulators.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use http_body_util::BodyExt;
use tollgate_emulator::{Emulator, Options, Running};
use tollgate_gateway::config::Environment;
use tollgate_gateway::telemetry::{LogQueue, log_dispatch};
use tollgate_gateway::{CONFIG_FILE, ListenSettings, Prepared, Setup};

use super::{Args, PATH, environment, question, send, token};
use crate::registry::{ProcessEnvironment, REGISTRY};

/// More resources are not emulated.
const MAX_RESOURCES: usize = 8;

/// What begins the names of services that are not Azure OpenAI.
const OTHERS: [&str; 2] = ["CONTENT_SAFETY", "ENTRA"];

/// The environment of this process, and behind it what the emulators give.
struct Given(BTreeMap<String, String>);

/// A client's key, and how it is written on the terminal.
struct Key {
    value: String,
    shown: String,
}

impl Environment for Given {
    fn var(&self, name: &str) -> Option<String> {
        ProcessEnvironment.var(name).or_else(|| self.0.get(name).cloned())
    }
}

pub(super) async fn show(directory: &Path, args: &Args) -> anyhow::Result<ExitCode> {
    let file = directory.join(CONFIG_FILE);
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    let names = variables(&text);
    let resources = resources(&names).await?;
    let azure = resources.values().next().context("there are no emulators")?;
    let given = given(&names, azure, &resources);
    // A client's key is one that no resource has.
    let key = |name: &&String| name.ends_with("_KEY") && !is_of_resource(name, &resources);
    let key = names.iter().find(key).and_then(|name| {
        // What somebody has set may be a secret.
        let is_set = ProcessEnvironment.var(name).is_some();
        let value = given.var(name)?;
        Some(Key { shown: if is_set { format!("${name}") } else { value.clone() }, value })
    });
    println!(
        "emulators   OpenID issuer, managed identity, Azure OpenAI and Content Safety on loopback"
    );
    for name in names.iter().filter(|name| ProcessEnvironment.var(name).is_none()) {
        if let Some(value) = given.var(name) {
            println!("  {name}={value}");
        }
    }
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let listen = ListenSettings {
        http: Some(args.listen),
        admin: Some(loopback),
        ..ListenSettings::default()
    };
    let setup = Setup {
        root: directory.to_owned(),
        registry: REGISTRY,
        env: Arc::new(given),
        listen: Some(listen),
    };
    let prepared = match Prepared::load(setup).await {
        Ok(prepared) => prepared,
        Err(loaded) => {
            crate::run::print(&loaded.diagnostics, &loaded.sources);
            anyhow::bail!("`{}` does not load", directory.display());
        }
    };
    let queue = LogQueue::start(std::io::stderr(), prepared.metrics())?;
    let (dispatch, log) = log_dispatch(&prepared.log_settings(), prepared.redactor(), queue)
        .map_err(|why| anyhow::anyhow!("logging cannot be set up: {why}"))?;
    tracing::dispatcher::set_global_default(dispatch)?;
    let gateway = prepared.start(None).await?;
    let address = gateway.http().context("the gateway does not listen")?;
    println!("gateway     http://{address}, with the policies of `{}`", directory.display());
    if let Some(admin) = gateway.admin() {
        println!("status      tollgate status {admin}");
    }
    let token = azure.entra.mint(&token())?;
    let good = call(address, &token, key.as_ref()).await?;
    if !args.once {
        println!("\nserving until Ctrl-C");
        tokio::signal::ctrl_c().await?;
    }
    gateway.stop(async { drop(tokio::signal::ctrl_c().await) }).await;
    for (_, resource) in resources {
        resource.stop().await;
    }
    log.flush();
    Ok(if good || !args.once { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One streaming chat, with all that a client may need to prove.
async fn call(address: SocketAddr, token: &str, key: Option<&Key>) -> anyhow::Result<bool> {
    let proof = key.map(|key| format!(" -H \"api-key: {}\"", key.shown)).unwrap_or_default();
    println!(
        "\ncurl -N 'http://{address}{PATH}' -H 'content-type: application/json' \
         -H 'authorization: Bearer {token}'{proof} -d '{}'\n",
        question()
    );
    let response = send(address, Some(token), key.map(|key| key.value.as_str())).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("{status}\n{}", String::from_utf8_lossy(&body).trim_end());
    Ok(status.is_success())
}

/// What the configuration takes from the environment.
fn variables(config: &str) -> Vec<String> {
    let mut names: Vec<String> = config
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split("env = \"").skip(1))
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// An emulated resource for each `X_ENDPOINT`, by its X; the first is there in any case.
async fn resources(names: &[String]) -> anyhow::Result<BTreeMap<String, Running>> {
    let mut prefixes: Vec<&str> =
        names.iter().filter_map(|name| name.strip_suffix("_ENDPOINT")).collect();
    prefixes.retain(|prefix| !OTHERS.contains(prefix));
    prefixes.truncate(MAX_RESOURCES);
    if prefixes.is_empty() {
        prefixes.push("AZURE_OPENAI");
    }
    let mut resources = BTreeMap::new();
    for prefix in prefixes {
        let azure = Emulator::start(Options::default()).await;
        resources.insert(prefix.to_owned(), azure.context("the emulators do not start")?);
    }
    Ok(resources)
}

fn is_of_resource(name: &str, resources: &BTreeMap<String, Running>) -> bool {
    let prefix = name.strip_suffix("_API_KEY").or_else(|| name.strip_suffix("_KEY"));
    prefix.is_some_and(|prefix| resources.contains_key(prefix) || OTHERS.contains(&prefix))
}

/// A value for each name that the emulators know something about.
fn given(names: &[String], azure: &Running, resources: &BTreeMap<String, Running>) -> Given {
    let known = environment(azure).0.into_iter();
    let mut given: BTreeMap<String, String> =
        known.map(|(name, value)| (name.to_owned(), value)).collect();
    for name in names.iter().filter(|name| name.ends_with("_KEY")) {
        given.insert(name.clone(), format!("demo-{}", name.to_lowercase().replace('_', "-")));
    }
    let safety = &azure.content_safety;
    given.insert("CONTENT_SAFETY_ENDPOINT".to_owned(), safety.server().url().to_owned());
    given.insert("CONTENT_SAFETY_KEY".to_owned(), safety.key());
    for (prefix, resource) in resources {
        let (url, key) = (resource.openai.server().url(), resource.openai.key());
        given.insert(format!("{prefix}_ENDPOINT"), url.to_owned());
        given.insert(format!("{prefix}_KEY"), key.clone());
        given.insert(format!("{prefix}_API_KEY"), key);
    }
    Given(given)
}
