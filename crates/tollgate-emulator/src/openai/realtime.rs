//! The realtime API: a handshake as strict as Azure's, then an echo.

use serde_json::json;

use crate::exchange::Exchange;
use crate::openai::OpenAi;
use crate::openai::deployments::ModelKind;
use crate::openai::errors::ApiError;
use crate::openai::routes::Style;
use crate::openai::text::new_id;
use crate::reply::Reply;
use crate::websocket::{self, Session};

impl OpenAi {
    pub(super) fn realtime(
        &self,
        exchange: &mut Exchange,
        style: Style,
    ) -> Result<Reply, ApiError> {
        let query = exchange.query();
        let parameter = if style == Style::Classic { "deployment" } else { "model" };
        let name = query.get(parameter).ok_or_else(|| ApiError::missing(parameter))?;
        let deployment = self.deployment(name)?;
        if deployment.kind != ModelKind::Chat {
            return Err(ApiError::wrong_operation("realtime", &deployment.model));
        }
        let greeting = self.state.controls.read().greeting.then(|| {
            json!({
                "type": "session.created", "event_id": new_id("event_"),
                "session": {
                    "id": new_id("sess_"), "object": "realtime.session", "model": deployment.model,
                    "modalities": ["text", "audio"],
                },
            })
            .to_string()
        });
        // Browsers offer the key in a subprotocol beside this one, which is the only one that is ever chosen.
        let offered = exchange.header("sec-websocket-protocol").unwrap_or_default();
        let protocol = offered.split(',').any(|one| one.trim() == "realtime").then_some("realtime");
        let session = Session { greeting, protocol };
        Ok(websocket::upgrade(exchange, session, &self.state.sockets))
    }
}
