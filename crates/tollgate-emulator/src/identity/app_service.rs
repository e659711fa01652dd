//! The token endpoint inside App Service, Functions and Container Apps.

use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::entra::Entra;
use crate::exchange::Exchange;
use crate::identity::{IdNames, Machine, ManagedIdentity, Unknown, answered_resource};
use crate::ids::{guid, hex, random};
use crate::reply::{Closed, Reply, json_utf8};
use crate::server::{Server, Service, retry_after};

/// Where tokens are.
const TOKEN_PATH: &str = "/msi/token";
/// The version of the token endpoint.
const API_VERSION: &str = "2019-08-01";

const IDS: IdNames = IdNames {
    client: &["client_id"],
    object: &["principal_id", "object_id"],
    resource: &["mi_res_id"],
};

/// What answers at `IDENTITY_ENDPOINT`.
#[derive(Clone, Debug)]
pub struct AppService {
    server: Server,
    machine: Arc<Machine>,
    secret: Arc<str>,
}

impl AppService {
    pub(crate) fn new(server: Server, entra: Entra, identities: Vec<ManagedIdentity>) -> Self {
        let secret = hex(&random::<16>()).to_uppercase();
        Self { server, machine: Arc::new(Machine::new(entra, identities)), secret: secret.into() }
    }

    /// Its server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The value of `IDENTITY_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("{}{TOKEN_PATH}", self.server.url())
    }

    /// The value of `IDENTITY_HEADER`, which every request must bring.
    pub fn header(&self) -> &str {
        &self.secret
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
        let bad = |text: &str| failed(StatusCode::BAD_REQUEST, text);
        if exchange.header("x-identity-header") != Some(&*self.secret) {
            return Err(failed(
                StatusCode::UNAUTHORIZED,
                "The X-IDENTITY-HEADER header is missing or wrong.",
            ));
        }
        let query = exchange.query();
        if query.get("api-version") != Some(API_VERSION) {
            return Err(bad("The api-version is missing or is not supported."));
        }
        let Some(asked) = query.get("resource") else {
            return Err(bad("The resource parameter is missing."));
        };
        let identity = self.machine.find(&query, &IDS).map_err(|unknown| match unknown {
            Unknown::TwoIds => bad("Only one of client_id, principal_id and mi_res_id may be given."),
            Unknown::NotFound | Unknown::Several => bad(
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            ),
        })?;
        let unavailable = || {
            failed(
                StatusCode::INTERNAL_SERVER_ERROR,
                "An unexpected error occured while fetching the AAD Token.",
            )
        };
        let resource = self.machine.entra.resource(asked).ok_or_else(unavailable)?;
        let issued = self.machine.issue(identity, &resource).map_err(|_| unavailable())?;
        Ok(json!({
            "access_token": issued.token,
            "client_id": identity.client_id,
            "expires_on": issued.expires_on.to_string(),
            "not_before": issued.not_before.to_string(),
            "resource": answered_resource(asked),
            "token_type": "Bearer",
        }))
    }
}

fn failed(status: StatusCode, message: &str) -> (StatusCode, Value) {
    (status, json!({"statusCode": status.as_u16(), "message": message, "correlationId": guid()}))
}

impl Service for AppService {
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        exchange.body().await?;
        let (status, body) = if exchange.path() != TOKEN_PATH || exchange.method() != Method::GET {
            failed(StatusCode::NOT_FOUND, "There is nothing here.")
        } else {
            self.token(&exchange).map_or_else(|refusal| refusal, |body| (StatusCode::OK, body))
        };
        Ok(json_utf8(status, &body))
    }

    fn failure(&self, _: &Exchange, status: StatusCode, after: Option<Duration>) -> Reply {
        let body = failed(status, "An unexpected error occured while fetching the AAD Token.").1;
        let mut reply = json_utf8(status, &body);
        if let Some(after) = after {
            retry_after(&mut reply, after);
        }
        reply
    }
}
