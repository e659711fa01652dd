//! Serves the emulators for clients in other languages: prints where everything is as one line of JSON, obeys commands on
//! standard input, and ends when that ends, so that it cannot outlive who started it.
//!
//! `POST {control}/script` tells the emulators what to do: answers, faults, streams that break off, headers of rates. The crate's
//! `script.rs` says how; `GET {control}/received?server=openai` gives what they were sent.
//!
//! Commands, each answered by a line of JSON: `roll` makes Entra sign with a new key; `credentials` prints what Azure OpenAI
//! was called with, `calls` how often and how it was last; `throttle DEPLOYMENT SECONDS` has it answer 429 until `unthrottle
//! DEPLOYMENT`.
#![expect(clippy::print_stdout, reason = "its output is how callers find it")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::BufRead;
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, channel};
use tollgate_emulator::{Application, CONTOSO, Deployment, Emulator, Options, Running, Tls};

const CLIENT: &str = "6d1c5a37-6f0e-4d68-9f5a-3b8f1c1de001";
const API: &str = "0a5e7d0c-9a43-4f0b-8a57-2f1c9a55e002";
const API_URI: &str = "api://tollgate-clients";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = std::env::var("CLIENT_SECRET")?;
    let client = Application::new(CLIENT).secret(secret).granted(API_URI, "Chat.Invoke");
    let api = Application::new(API).uri(API_URI);
    let mut options =
        Options { applications: vec![client, api], tls: Tls::On(Vec::new()), ..Options::default() };
    options.deployments.push(Deployment::chat("gpt-4o-busy", "gpt-4o-2024-11-20"));
    let running = Emulator::start(options).await?;
    running.content_safety.set_blocklist("blocklist1", ["forbidden"]);
    running.openai.throttle("gpt-4o-busy", None, Duration::from_secs(1));

    let (ca, certificate) = certificate()?;
    let place = json!({
        "tenant": CONTOSO,
        "client_id": CLIENT,
        "audience": API,
        "scope": format!("{API_URI}/.default"),
        "entra": running.entra.server().url(),
        "entra_https": running.entra.server().https_url(),
        "entra_ca": running.ca_pem(),
        "imds": running.imds.server().url(),
        "openai": running.openai.server().url(),
        "openai_key": running.openai.key(),
        "content_safety": running.content_safety.server().url(),
        "content_safety_key": running.content_safety.key(),
        "control": running.control.server().url(),
        "gateway_ca": ca,
        "gateway_certificate": certificate,
    });
    println!("{place}");
    let mut commands = commands();
    while let Some(command) = commands.recv().await {
        let words: Vec<&str> = command.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["roll"] => json!({"kid": running.entra.roll_keys()?.kid()}),
            ["credentials"] => json!(credentials(&running)),
            ["calls"] => calls(&running),
            ["throttle", deployment, seconds] => {
                let after = Duration::from_secs(seconds.parse()?);
                running.openai.throttle(deployment, None, after);
                json!({"throttled": deployment})
            }
            ["unthrottle", deployment] => {
                running.openai.unthrottle(deployment);
                json!({"throttled": null})
            }
            _ => json!({"error": "unknown command"}),
        };
        println!("{answer}");
    }
    running.stop().await;
    Ok(())
}

/// An authority, and a certificate from it for loopback with its key, for a gateway's own listener.
fn certificate() -> Result<(String, String), rcgen::Error> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Tollgate test authority");
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned))?;
    let leaf = leaf.signed_by(&key, &authority)?;
    Ok((authority.pem(), format!("{}{}", leaf.pem(), key.serialize_pem())))
}

/// Lines of standard input.
fn commands() -> Receiver<String> {
    let (sender, receiver) = channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line.trim().to_owned()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// How often Azure OpenAI was called, and its last call.
fn calls(running: &Running) -> Value {
    let server = running.openai.server();
    let calls = server.received();
    let last = calls.last().map(|call| {
        json!({
            "method": call.method,
            "path": call.path,
            "headers": call.headers.iter().cloned().collect::<BTreeMap<_, _>>(),
            "status": call.status,
        })
    });
    let mut paths = BTreeMap::<&str, usize>::new();
    for call in &calls {
        *paths.entry(&call.path).or_default() += 1;
    }
    json!({"count": server.count("*"), "paths": paths, "last": last})
}

/// Every key and token that reached Azure OpenAI.
fn credentials(running: &Running) -> BTreeSet<String> {
    let calls = running.openai.server().received();
    let headers = calls.iter().flat_map(|call| {
        ["authorization", "api-key"].map(|name| call.header(name).unwrap_or_default().to_owned())
    });
    headers
        .map(|value| value.strip_prefix("Bearer ").unwrap_or(&value).to_owned())
        .filter(|value| !value.is_empty())
        .collect()
}
