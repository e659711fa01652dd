//! The emulators' own server: what they shall do, and what they have received, for clients in other languages.
//!
//! - `POST /script`: a script, as `script.rs` describes it; 400 with `error` when it is wrong, and then nothing of it is done.
//! - `GET /received?server=openai&path=*`: the requests of a server to paths like this, the oldest first.
//! - `POST /forget`: forgets what was received.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::content_safety::ContentSafety;
use crate::echo::Echo;
use crate::entra::Entra;
use crate::exchange::Exchange;
use crate::identity::{AppService, Imds};
use crate::key_vault::KeyVault;
use crate::openai::OpenAi;
use crate::recorder::Received;
use crate::reply::{Closed, Reply, json as json_reply};
use crate::script::{ScriptError, apply};
use crate::server::{Server, Service};

/// Everything that can be told what to do.
#[derive(Clone, Debug)]
pub(crate) struct Emulated {
    pub(crate) entra: Entra,
    pub(crate) imds: Imds,
    pub(crate) app_service: AppService,
    pub(crate) openai: OpenAi,
    pub(crate) content_safety: ContentSafety,
    pub(crate) key_vault: KeyVault,
    pub(crate) echo: Echo,
}

impl Emulated {
    /// The server of a name in scripts.
    pub(crate) fn server(&self, name: &str) -> Option<&Server> {
        Some(match name {
            "entra" => self.entra.server(),
            "imds" => self.imds.server(),
            "app_service" => self.app_service.server(),
            "openai" => self.openai.server(),
            "content_safety" => self.content_safety.server(),
            "key_vault" => self.key_vault.server(),
            "echo" => self.echo.server(),
            _ => return None,
        })
    }

    fn servers(&self) -> [&Server; 7] {
        [
            self.entra.server(),
            self.imds.server(),
            self.app_service.server(),
            self.openai.server(),
            self.content_safety.server(),
            self.key_vault.server(),
            self.echo.server(),
        ]
    }
}

/// Takes scripts.
#[derive(Clone, Debug)]
pub struct Control {
    server: Server,
    emulated: Emulated,
}

impl Control {
    pub(crate) fn new(server: Server, emulated: Emulated) -> Self {
        Self { server, emulated }
    }

    /// Its server: `{url}/script` takes scripts.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Does what a script says; when it is wrong somewhere, nothing of it is done.
    pub fn script(&self, script: &Value) -> Result<(), ScriptError> {
        apply(&self.emulated, script)
    }

    fn respond(&self, exchange: &Exchange, body: &[u8]) -> (StatusCode, Value) {
        match (exchange.method(), exchange.path()) {
            (&Method::POST, "/script") => {
                let done = match serde_json::from_slice(body) {
                    Ok(script) => self.script(&script).map_err(|error| error.to_string()),
                    Err(error) => Err(format!("the script is not JSON: {error}")),
                };
                match done {
                    Ok(()) => (StatusCode::OK, json!({})),
                    Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error})),
                }
            }
            (&Method::GET, "/received") => {
                let query = exchange.query();
                let server = query.get("server").and_then(|name| self.emulated.server(name));
                let Some(server) = server else {
                    let error = "`server` names no emulated server";
                    return (StatusCode::BAD_REQUEST, json!({"error": error}));
                };
                let received = server.received_at(query.get("path").unwrap_or("*"));
                (StatusCode::OK, received.iter().map(told).collect())
            }
            (&Method::POST, "/forget") => {
                self.emulated.servers().into_iter().for_each(Server::forget);
                (StatusCode::OK, json!({}))
            }
            _ => {
                let error = "expected `POST /script`, `GET /received` or `POST /forget`";
                (StatusCode::NOT_FOUND, json!({"error": error}))
            }
        }
    }
}

/// A request as JSON; a header that came twice has its values joined.
fn told(received: &Received) -> Value {
    let mut headers = serde_json::Map::new();
    for (name, value) in &received.headers {
        let known =
            headers.get(name).and_then(Value::as_str).map(|known| format!("{known}, {value}"));
        headers.insert(name.clone(), Value::from(known.unwrap_or_else(|| value.clone())));
    }
    json!({
        "method": received.method, "path": received.path, "query": received.query, "headers": headers,
        "body": String::from_utf8_lossy(&received.body), "status": received.status,
    })
}

impl Service for Control {
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        let body = exchange.body().await?;
        let (status, answer) = self.respond(&exchange, &body);
        Ok(json_reply(status, &answer))
    }

    fn failure(&self, _: &Exchange, status: StatusCode, _: Option<Duration>) -> Reply {
        json_reply(status, &json!({"error": "planted"}))
    }
}
