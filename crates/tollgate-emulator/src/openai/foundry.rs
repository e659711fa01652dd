//! A Foundry project's paths: tokens for another audience, no keys, and an echo of what was asked.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::exchange::Exchange;
use crate::openai::auth::{Caller, FOUNDRY, Keys};
use crate::openai::errors::ApiError;
use crate::openai::routes::{Place, Style};
use crate::openai::{OpenAi, versions};
use crate::reply::{Reply, json as json_reply};

impl OpenAi {
    /// `/api/projects/{project}/…`: below `openai` the model operations, elsewhere an echo.
    pub(super) async fn project(
        &self,
        exchange: &mut Exchange,
        body: &[u8],
        project: &str,
        rest: &[&str],
    ) -> Result<Reply, ApiError> {
        if project.is_empty() {
            return Err(ApiError::no_resource());
        }
        if let ["openai", below @ ..] = rest {
            // The segment `v1` may stand there or not; both are the v1 style.
            let below = below.strip_prefix(&["v1"]).unwrap_or(below);
            let place = Place::after_base(Style::V1, exchange.method(), below)
                .ok_or_else(ApiError::no_resource)?;
            self.admit(exchange, Keys::None, FOUNDRY)?;
            return self.perform(exchange, body, place, "v1".to_owned()).await;
        }
        let version = versions::foundry(&exchange.query())?;
        let caller = self.admit(exchange, Keys::None, FOUNDRY)?;
        let principal = match caller {
            Caller::Principal(principal) => Value::from(principal),
            Caller::Key => Value::Null,
        };
        let body = json!({
            "object": "project.echo",
            "project": project,
            "method": exchange.method().as_str(),
            "path": rest.join("/"),
            "api_version": version,
            "principal": principal,
            "body": serde_json::from_slice::<Value>(body).unwrap_or_default(),
        });
        Ok(json_reply(StatusCode::OK, &body))
    }
}
