//! The realtime API: a handshake as strict as Azure's, then an answer for each `response.create` and an echo of all else.

use serde_json::{Value, json};

use crate::exchange::Exchange;
use crate::openai::OpenAi;
use crate::openai::deployments::ModelKind;
use crate::openai::errors::ApiError;
use crate::openai::routes::Style;
use crate::openai::text::{new_id, tokens};
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
        let session = Session { greeting, protocol, answers: Some(answers) };
        Ok(websocket::upgrade(exchange, session, &self.state.sockets))
    }
}

/// What the model says in one response.
const TEXT: &str = "Nobody but an emulator.";

/// The events of a response, for `response.create`. Azure's text is `response.output_text` or `response.text` by version.
fn answers(text: &str) -> Option<Vec<String>> {
    let event: Value = serde_json::from_str(text).ok()?;
    if event.get("type")? != "response.create" {
        return None;
    }
    let (id, item) = (new_id("resp_"), new_id("item_"));
    let (input, output) = (tokens(text) + 20, tokens(TEXT) + 9);
    let done = json!({
        "type": "response.done", "event_id": new_id("event_"),
        "response": {
            "object": "realtime.response", "id": id, "status": "completed",
            "output": [{
                "id": item, "object": "realtime.item", "type": "message", "status": "completed", "role": "assistant",
                "content": [{"type": "text", "text": TEXT}],
            }],
            "usage": {
                "total_tokens": input + output, "input_tokens": input, "output_tokens": output,
                "input_token_details": {"text_tokens": input - 20, "audio_tokens": 20, "cached_tokens": 0},
                "output_token_details": {"text_tokens": output - 9, "audio_tokens": 9},
            },
        },
    });
    let created = json!({
        "type": "response.created", "event_id": new_id("event_"),
        "response": {"object": "realtime.response", "id": id, "status": "in_progress", "output": [], "usage": null},
    });
    let delta = json!({
        "type": "response.text.delta", "event_id": new_id("event_"), "response_id": id, "item_id": item,
        "output_index": 0, "content_index": 0, "delta": TEXT,
    });
    Some([created, delta, done].iter().map(Value::to_string).collect())
}
