//! One Key Vault's secrets on loopback: reading them as the REST interface has it, strict about versions and tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use parking_lot::RwLock;
use serde_json::{Value, json};

use crate::entra::{Claims, Entra, Refused};
use crate::exchange::Exchange;
use crate::ids::{guid, hex, random, unix_now};
use crate::reply::{Closed, Reply, json_utf8, set_header, with_header};
use crate::server::{Server, Service, retry_after};

/// The audience of tokens, without a slash at the end.
const VAULT: &str = "https://vault.azure.net";
/// Versions of the interface that have secrets.
const VERSIONS: [&str; 9] =
    ["2015-06-01", "2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6"];
/// Most characters of a secret's name.
const LONGEST_NAME: usize = 127;

/// Key Vault: its secrets, who may read them, what it received, and what shall go wrong.
#[derive(Clone, Debug)]
pub struct KeyVault {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    entra: Entra,
    /// By name in lower case.
    secrets: RwLock<BTreeMap<String, Stored>>,
    /// Object ids that may read; `None`: everyone of the tenant may.
    principals: RwLock<Option<BTreeSet<String>>>,
}

/// A secret with its versions, the newest last.
#[derive(Debug)]
struct Stored {
    name: String,
    versions: Vec<Version>,
    enabled: bool,
}

#[derive(Clone, Debug)]
struct Version {
    id: String,
    value: String,
    created: i64,
}

/// A refusal: status, `code`, `message`, and the inner code if there is one.
#[derive(Debug)]
struct Refusal(StatusCode, &'static str, String, Option<&'static str>);

impl KeyVault {
    pub(crate) fn new(server: Server, entra: Entra) -> Self {
        let (secrets, principals) = (RwLock::default(), RwLock::default());
        Self { server, state: Arc::new(State { entra, secrets, principals }) }
    }

    /// Its server: address, what it received, planted faults.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The address of a secret, without a version.
    pub fn secret_url(&self, name: &str) -> String {
        format!("{}/secrets/{name}", self.server.url())
    }

    /// Adds a version of a secret, which is enabled, and gives back its id.
    pub fn set_secret(&self, name: &str, value: &str) -> String {
        let id = hex(&random::<16>());
        let version = Version { id: id.clone(), value: value.to_owned(), created: unix_now() };
        let mut secrets = self.state.secrets.write();
        let stored = secrets.entry(name.to_ascii_lowercase()).or_insert_with(|| Stored {
            name: name.to_owned(),
            versions: Vec::new(),
            enabled: true,
        });
        stored.versions.push(version);
        stored.enabled = true;
        id
    }

    /// Disables a secret until its next version.
    pub fn disable_secret(&self, name: &str) {
        if let Some(stored) = self.state.secrets.write().get_mut(&name.to_ascii_lowercase()) {
            stored.enabled = false;
        }
    }

    /// Deletes a secret.
    pub fn delete_secret(&self, name: &str) {
        self.state.secrets.write().remove(&name.to_ascii_lowercase());
    }

    /// Only these object ids may read secrets; `None`: every principal of the tenant may.
    pub fn permit(&self, principals: Option<BTreeSet<String>>) {
        *self.state.principals.write() = principals;
    }

    fn respond(&self, exchange: &Exchange) -> Result<Value, Refusal> {
        let claims = self.admit(exchange)?;
        let query = exchange.query();
        match query.get("api-version") {
            None => {
                let message = "api-version must be specified".to_owned();
                return Err(Refusal(StatusCode::BAD_REQUEST, "BadParameter", message, None));
            }
            Some(version) if !VERSIONS.contains(&version) => {
                let message = format!(
                    "The specified version ({version}) is not recognized. Consider using the latest supported version (7.6)."
                );
                return Err(Refusal(StatusCode::BAD_REQUEST, "BadParameter", message, None));
            }
            Some(_) => {}
        }
        let segments = exchange.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (exchange.method(), segments.as_slice()) {
            (&Method::GET, ["secrets", name] | ["secrets", name, ""]) => {
                self.secret(exchange, &claims, name, None)
            }
            (&Method::GET, ["secrets", name, version]) => {
                self.secret(exchange, &claims, name, Some(version))
            }
            (_, ["secrets", ..]) => {
                let message = "Method Not Allowed".to_owned();
                Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, None))
            }
            _ => Err(Refusal(StatusCode::NOT_FOUND, "NotFound", "Not Found".to_owned(), None)),
        }
    }

    /// Checks the token: from this tenant, for the vault, good now.
    fn admit(&self, exchange: &Exchange) -> Result<Claims, Refusal> {
        let unauthorized =
            |message: String| Refusal(StatusCode::UNAUTHORIZED, "Unauthorized", message, None);
        let token = exchange
            .header("authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let Some(token) = token else {
            let message = "AKV10000: Request is missing a Bearer or PoP token.";
            return Err(unauthorized(message.to_owned()));
        };
        let accepted = |audience: &str| audience.strip_suffix('/').unwrap_or(audience) == VAULT;
        let claims = self.state.entra.verify(token, accepted).map_err(|refused| {
            unauthorized(match refused {
                Refused::Audience => {
                    format!("AKV10022: Invalid audience. Expected {VAULT}.")
                }
                Refused::Issuer => "AKV10032: Invalid issuer.".to_owned(),
                Refused::Time => "[TokenExpired] Error validating token: 'S2S12086'.".to_owned(),
                other => format!("[BearerReadAccessTokenFailed] Error validating token: {other}."),
            })
        })?;
        if claims.text("tid") != Some(self.state.entra.tenant_id()) {
            return Err(unauthorized("AKV10032: Invalid issuer.".to_owned()));
        }
        Ok(claims)
    }

    fn secret(
        &self,
        exchange: &Exchange,
        claims: &Claims,
        name: &str,
        version: Option<&str>,
    ) -> Result<Value, Refusal> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
            let message = format!("The request URI contains an invalid name: {name}");
            return Err(Refusal(StatusCode::BAD_REQUEST, "BadParameter", message, None));
        }
        let principal = claims.text("oid").unwrap_or_default();
        let permitted =
            self.state.principals.read().as_ref().is_none_or(|only| only.contains(principal));
        if !permitted {
            let application = claims.text("appid").or_else(|| claims.text("azp"));
            let message = format!(
                "The user, group or application 'appid={};oid={principal};iss={}' does not have secrets get permission on \
                 key vault 'emulator;location=swedencentral'.",
                application.unwrap_or_default(),
                claims.text("iss").unwrap_or_default(),
            );
            let inner = Some("AccessDenied");
            return Err(Refusal(StatusCode::FORBIDDEN, "Forbidden", message, inner));
        }
        let secrets = self.state.secrets.read();
        let stored = secrets.get(&name.to_ascii_lowercase());
        let found = stored.and_then(|stored| {
            let found = match version {
                None => stored.versions.last(),
                Some(id) => stored.versions.iter().find(|version| version.id == id),
            };
            found.map(|version| (stored, version))
        });
        let Some((stored, version)) = found else {
            let message = format!(
                "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may \
                 be able to recover it using the correct recovery command."
            );
            return Err(Refusal(StatusCode::NOT_FOUND, "SecretNotFound", message, None));
        };
        if !stored.enabled {
            let message = "Operation get is not allowed on a disabled secret.".to_owned();
            let inner = Some("SecretDisabled");
            return Err(Refusal(StatusCode::FORBIDDEN, "Forbidden", message, inner));
        }
        Ok(json!({
            "value": version.value,
            "id": format!("{}/secrets/{}/{}", exchange.origin(), stored.name, version.id),
            "attributes": {
                "enabled": true, "created": version.created, "updated": version.created,
                "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90,
            },
            "tags": {},
        }))
    }

    fn refuse(&self, refusal: &Refusal) -> Reply {
        let Refusal(status, code, message, inner) = refusal;
        let error = match inner {
            None => json!({"code": code, "message": message}),
            Some(inner) => json!({"code": code, "message": message, "innererror": {"code": inner}}),
        };
        let mut reply = json_utf8(*status, &json!({ "error": error }));
        if *status == StatusCode::UNAUTHORIZED {
            let entra = &self.state.entra;
            let authority = format!("{}/{}", entra.server().url(), entra.tenant_id());
            let challenge = format!("Bearer authorization=\"{authority}\", resource=\"{VAULT}\"");
            set_header(&mut reply, "www-authenticate", challenge);
        }
        reply
    }
}

impl Service for KeyVault {
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        exchange.body().await?;
        let reply = match self.respond(&exchange) {
            Ok(body) => json_utf8(StatusCode::OK, &body),
            Err(refusal) => self.refuse(&refusal),
        };
        let reply = with_header(reply, "cache-control", "no-cache");
        let reply = with_header(reply, "x-ms-keyvault-service-version", "1.9.2");
        Ok(with_header(reply, "x-ms-request-id", guid()))
    }

    fn failure(&self, _: &Exchange, status: StatusCode, after: Option<Duration>) -> Reply {
        let (code, message, inner) = match status.as_u16() {
            401 => ("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.", None),
            403 => ("Forbidden", "Client address is not authorized.", Some("ForbiddenByFirewall")),
            404 => ("SecretNotFound", "A secret was not found in this key vault.", None),
            429 => (
                "Throttled",
                "Request was not processed because too many requests were received.",
                None,
            ),
            _ => ("InternalServerError", "An internal error occurred.", None),
        };
        let mut reply = self.refuse(&Refusal(status, code, message.to_owned(), inner));
        if let Some(after) = after {
            retry_after(&mut reply, after);
        }
        reply
    }
}
