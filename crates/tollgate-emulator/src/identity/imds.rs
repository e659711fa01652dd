//! The Instance Metadata Service's token endpoint.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::entra::Entra;
use crate::exchange::Exchange;
use crate::identity::{IdNames, Machine, ManagedIdentity, Unknown, answered_resource};
use crate::reply::{Closed, Reply, json_utf8};
use crate::server::{Server, Service, retry_after};

/// Where tokens are.
const TOKEN_PATH: &str = "/metadata/identity/oauth2/token";
/// The version of the token endpoint.
const API_VERSION: &str = "2018-02-01";

const IDS: IdNames = IdNames {
    client: &["client_id"],
    object: &["object_id"],
    resource: &["msi_res_id", "mi_res_id"],
};

/// What answers at `169.254.169.254` on a virtual machine.
#[derive(Clone, Debug)]
pub struct Imds {
    server: Server,
    machine: Arc<Machine>,
}

impl Imds {
    pub(crate) fn new(server: Server, entra: Entra, identities: Vec<ManagedIdentity>) -> Self {
        Self { server, machine: Arc::new(Machine::new(entra, identities)) }
    }

    /// Its server; its address stands for `http://169.254.169.254`.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The path of the token endpoint, for planting faults and counting.
    pub fn token_path(&self) -> &'static str {
        TOKEN_PATH
    }

    /// The assigned identities.
    pub fn identities(&self) -> &[ManagedIdentity] {
        &self.machine.identities
    }

    /// How long tokens given from now on are good.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        *self.machine.lifetime.write() = lifetime;
    }

    fn token(&self, exchange: &Exchange) -> Result<Value, (StatusCode, Value)> {
        check_head(exchange)?;
        let query = exchange.query();
        let Some(asked) = query.get("resource") else {
            return Err(bad("invalid_request", "Required query variable 'resource' is missing"));
        };
        let identity = self.machine.find(&query, &IDS).map_err(|unknown| match unknown {
            Unknown::NotFound => bad("invalid_request", "Identity not found"),
            Unknown::Several => bad(
                "invalid_request",
                "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity \
                 in the token request",
            ),
            Unknown::TwoIds => {
                bad("invalid_request", "Only one of client_id, object_id and msi_res_id may be specified")
            }
        })?;
        let resource = self.machine.entra.resource(asked).ok_or_else(|| {
            let text = format!(
                "AADSTS500011: The resource principal named {asked} was not found in the tenant named {}. This can \
                 happen if the application has not been installed by the administrator of the tenant or consented \
                 to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
                self.machine.entra.tenant_id()
            );
            bad("invalid_resource", &text)
        })?;
        let issued = self.machine.issue(identity, &resource).map_err(|_| unknown_failure())?;
        let lives = issued.expires_on - issued.not_before;
        // Every number is a string here, and there is a refresh token that is always empty.
        Ok(json!({
            "access_token": issued.token,
            "client_id": identity.client_id,
            "expires_in": lives.to_string(),
            "expires_on": issued.expires_on.to_string(),
            "ext_expires_in": lives.to_string(),
            "not_before": issued.not_before.to_string(),
            "refresh_token": "",
            "resource": answered_resource(asked),
            "token_type": "Bearer",
        }))
    }
}

/// What IMDS wants of every request before it looks at the parameters.
fn check_head(exchange: &Exchange) -> Result<(), (StatusCode, Value)> {
    // Both guard against requests that were forged through a proxy or a redirect.
    let metadata: Vec<_> = exchange.headers().get_all("metadata").iter().collect();
    if !matches!(metadata.as_slice(), [value] if value.as_bytes() == b"true") {
        return Err(bad("bad_request_102", "Required metadata header not specified"));
    }
    if exchange.headers().contains_key("x-forwarded-for") {
        return Err(bad("invalid_request", "Requests with an X-Forwarded-For header are rejected"));
    }
    if exchange.query().get("api-version") != Some(API_VERSION) {
        let text = "Bad request. api-version is invalid or was not specified in the request.";
        return Err((
            StatusCode::BAD_REQUEST,
            json!({"error": text, "newest-versions": [API_VERSION]}),
        ));
    }
    Ok(())
}

fn bad(error: &str, description: &str) -> (StatusCode, Value) {
    (StatusCode::BAD_REQUEST, json!({"error": error, "error_description": description}))
}

fn unknown_failure() -> (StatusCode, Value) {
    let body = json!({
        "error": "unknown",
        "error_description": "Failed to retrieve token from the Active directory. For details see logs in \
                              /var/log/imds",
    });
    (StatusCode::INTERNAL_SERVER_ERROR, body)
}

impl Service for Imds {
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        exchange.body().await?;
        let reply = if exchange.path() != TOKEN_PATH {
            json_utf8(StatusCode::NOT_FOUND, &json!({"error": "Not found"}))
        } else if exchange.method() != Method::GET {
            json_utf8(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "Method not allowed"}))
        } else {
            match self.token(&exchange) {
                Ok(body) => json_utf8(StatusCode::OK, &body),
                Err((status, body)) => json_utf8(status, &body),
            }
        };
        Ok(reply)
    }

    fn failure(&self, _: &Exchange, status: StatusCode, after: Option<Duration>) -> Reply {
        let body = match status.as_u16() {
            400 => {
                bad(
                    "invalid_resource",
                    "AADSTS50001: The application was not found in the directory",
                )
                .1
            }
            401 => json!({"error": "unknown_source", "error_description": "Unknown Source"}),
            404 => json!({"error": "Not found"}),
            410 => json!({"error": "gone", "error_description": "The service is being updated"}),
            429 => json!({"error": "too_many_requests", "error_description": "Too many requests"}),
            _ => unknown_failure().1,
        };
        let mut reply = json_utf8(status, &body);
        if let Some(after) = after {
            retry_after(&mut reply, after);
        }
        reply
    }
}
