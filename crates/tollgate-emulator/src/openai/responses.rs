//! The Responses API: create, stream, get, delete, list input.

use std::collections::VecDeque;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::ids::unix_now;
use crate::openai::deployments::{ModelKind, Remaining};
use crate::openai::errors::ApiError;
use crate::openai::stream;
use crate::openai::text::{Answer, content_text, new_id, prompt_tokens, tokens};
use crate::openai::{Call, OpenAi};
use crate::reply::{Reply, json as json_reply};

/// Responses kept; the oldest are forgotten.
const MAX_STORED: usize = 1_000;

/// Responses that can be asked for again.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// Response and its input items.
    all: VecDeque<(Value, Vec<Value>)>,
}

impl Stored {
    fn position(&self, id: &str) -> Result<usize, ApiError> {
        let found =
            self.all.iter().position(|(response, _)| response.get("id") == Some(&json!(id)));
        found.ok_or_else(|| ApiError::no_response(id))
    }

    fn keep(&mut self, response: Value, input: Vec<Value>) {
        if self.all.len() == MAX_STORED {
            self.all.pop_front();
        }
        self.all.push_back((response, input));
    }
}

impl OpenAi {
    pub(super) fn create_response(&self, call: &Call) -> Result<(Reply, Remaining), ApiError> {
        call.needs(ModelKind::Chat, "responses")?;
        let input = read_input(call.body.get("input"))?;
        let limit = call.number("max_output_tokens")?;
        let stream = call.flag("stream")?;
        let previous = call.body.get("previous_response_id").and_then(Value::as_str);
        if let Some(id) = previous {
            self.state.stored.lock().position(id).map_err(|_| {
                let message = format!("Previous response with id '{id}' not found.");
                ApiError::invalid(
                    &message,
                    Some("previous_response_id"),
                    Some("previous_response_not_found"),
                )
            })?;
        }
        let last = input.last().and_then(|item| item.get("content"));
        let prompt = last.map(content_text).unwrap_or_default();
        let instructions =
            call.body.get("instructions").and_then(Value::as_str).unwrap_or_default();
        let input_tokens = prompt_tokens(&input) + tokens(instructions);
        let remaining = self.take(call, input_tokens + limit.unwrap_or(16))?;
        self.filter(&prompt)?;
        let received = format!(
            "{} received {} item(s). The last one says: {prompt}",
            call.deployment.name,
            input.len()
        );
        let answer = self.answer(&prompt, &received, limit);
        let told =
            Told { gives_usage: self.gives_usage(), ..Told::new(call, answer, input_tokens) };
        let whole = told.response(Progress::Done);
        if call.body.get("store") != Some(&Value::Bool(false)) {
            self.state.stored.lock().keep(whole.clone(), input);
        }
        let reply = if stream {
            let events = stream::named_events(&told.events());
            stream::reply(events, self.stream_plan(), self.state.streams.open())
        } else {
            json_reply(StatusCode::OK, &whole)
        };
        Ok((reply, remaining))
    }

    pub(super) fn stored_response(&self, method: &Method, id: &str) -> Result<Reply, ApiError> {
        let mut stored = self.state.stored.lock();
        let position = stored.position(id)?;
        let body = if method == Method::DELETE {
            stored.all.remove(position);
            json!({"id": id, "object": "response", "deleted": true})
        } else {
            stored.all.get(position).map(|(response, _)| response.clone()).unwrap_or_default()
        };
        Ok(json_reply(StatusCode::OK, &body))
    }

    pub(super) fn stored_input(&self, id: &str) -> Result<Reply, ApiError> {
        let stored = self.state.stored.lock();
        let position = stored.position(id)?;
        let items = stored.all.get(position).map(|(_, input)| input.clone()).unwrap_or_default();
        let id = |item: Option<&Value>| {
            item.and_then(|item| item.get("id")).cloned().unwrap_or_default()
        };
        let body = json!({
            "object": "list", "first_id": id(items.first()), "last_id": id(items.last()), "has_more": false,
            "data": items,
        });
        Ok(json_reply(StatusCode::OK, &body))
    }
}

/// The input as items: a text is one message of the user.
fn read_input(input: Option<&Value>) -> Result<Vec<Value>, ApiError> {
    let message = |role: &Value, content: Value| json!({"id": new_id("msg_"), "type": "message", "status": "completed", "role": role, "content": content});
    match input {
        None | Some(Value::Null) => Err(ApiError::missing("input")),
        Some(Value::String(text)) => {
            Ok(vec![message(&json!("user"), json!([{"type": "input_text", "text": text}]))])
        }
        Some(Value::Array(items)) if !items.is_empty() => items
            .iter()
            .map(|item| match (item.get("role"), item.get("type").and_then(Value::as_str)) {
                (Some(role), None | Some("message")) => {
                    Ok(message(role, item.get("content").cloned().unwrap_or_default()))
                }
                (None, Some(_)) => Ok(item.clone()),
                _ => Err(ApiError::wrong_type("input", "a list of input items")),
            })
            .collect(),
        Some(_) => Err(ApiError::wrong_type("input", "one of a string or array of input items")),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Begun,
    Done,
}

/// What is told to the client, in one piece or many.
struct Told<'a> {
    call: &'a Call,
    id: String,
    message_id: String,
    created: i64,
    answer: Answer,
    input_tokens: u64,
    gives_usage: bool,
}

impl<'a> Told<'a> {
    fn new(call: &'a Call, answer: Answer, input_tokens: u64) -> Self {
        Self {
            call,
            id: new_id("resp_"),
            message_id: new_id("msg_"),
            created: unix_now(),
            answer,
            input_tokens,
            gives_usage: true,
        }
    }

    /// Whether the answer was cut off.
    fn incomplete(&self) -> bool {
        self.answer.finish_reason != "stop"
    }

    fn status(&self) -> &'static str {
        if self.incomplete() { "incomplete" } else { "completed" }
    }

    fn part(text: &str) -> Value {
        json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
    }

    fn message(&self, status: &str, content: &[Value]) -> Value {
        json!({
            "id": self.message_id, "type": "message", "status": status, "content": content, "role": "assistant",
        })
    }

    fn response(&self, progress: Progress) -> Value {
        let done = progress == Progress::Done;
        let given =
            |name: &str, default: Value| self.call.body.get(name).cloned().unwrap_or(default);
        let output = if done {
            vec![self.message(self.status(), &[Self::part(&self.answer.text())])]
        } else {
            vec![]
        };
        let usage = json!({
            "input_tokens": self.input_tokens, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": self.answer.tokens(), "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.input_tokens + self.answer.tokens(),
        });
        let is_filtered = self.answer.found.is_some();
        let why =
            json!({"reason": if is_filtered { "content_filter" } else { "max_output_tokens" }});
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": if done { self.status() } else { "in_progress" },
            "background": false,
            "error": null,
            "incomplete_details": if done && self.incomplete() { why } else { Value::Null },
            "instructions": given("instructions", Value::Null),
            "max_output_tokens": given("max_output_tokens", Value::Null),
            "model": self.call.deployment.name,
            "output": output,
            "parallel_tool_calls": given("parallel_tool_calls", json!(true)),
            "previous_response_id": given("previous_response_id", Value::Null),
            "store": given("store", json!(true)),
            "temperature": given("temperature", json!(1.0)),
            "text": {"format": {"type": "text"}},
            "tool_choice": given("tool_choice", json!("auto")),
            "tools": given("tools", json!([])),
            "top_p": given("top_p", json!(1.0)),
            "truncation": "disabled",
            "usage": if done && self.gives_usage { usage } else { Value::Null },
            "user": given("user", Value::Null),
            "metadata": given("metadata", json!({})),
        })
    }

    fn events(&self) -> Vec<Value> {
        let begun = self.response(Progress::Begun);
        let (item, text) = (&self.message_id, self.answer.text());
        let mut events = vec![
            json!({"type": "response.created", "response": begun}),
            json!({"type": "response.in_progress", "response": begun}),
            json!({
                "type": "response.output_item.added", "output_index": 0, "item": self.message("in_progress", &[]),
            }),
            json!({
                "type": "response.content_part.added", "item_id": item, "output_index": 0, "content_index": 0,
                "part": Self::part(""),
            }),
        ];
        events.extend(self.answer.pieces.iter().map(|piece| {
            json!({
                "type": "response.output_text.delta", "item_id": item, "output_index": 0, "content_index": 0,
                "delta": piece, "logprobs": [],
            })
        }));
        events.extend([
            json!({
                "type": "response.output_text.done", "item_id": item, "output_index": 0, "content_index": 0,
                "text": text, "logprobs": [],
            }),
            json!({
                "type": "response.content_part.done", "item_id": item, "output_index": 0, "content_index": 0,
                "part": Self::part(&text),
            }),
            json!({
                "type": "response.output_item.done", "output_index": 0,
                "item": self.message(self.status(), &[Self::part(&text)]),
            }),
            json!({"type": format!("response.{}", self.status()), "response": self.response(Progress::Done)}),
        ]);
        for (number, event) in events.iter_mut().enumerate() {
            if let Some(event) = event.as_object_mut() {
                event.insert("sequence_number".to_owned(), json!(number));
            }
        }
        events
    }
}
