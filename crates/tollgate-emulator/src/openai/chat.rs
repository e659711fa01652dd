//! Chat completions, whole and streamed.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::ids::unix_now;
use crate::openai::behaviour::{filter_results, prompt_filter_results};
use crate::openai::deployments::{ModelKind, Remaining};
use crate::openai::errors::ApiError;
use crate::openai::stream;
use crate::openai::text::{Answer, content_text, new_id, prompt_tokens, usage};
use crate::openai::{Call, OpenAi};
use crate::reply::{Reply, json as json_reply};

/// Choices of one call.
const MAX_CHOICES: u64 = 128;
/// What the emulated model calls its configuration.
const FINGERPRINT: &str = "fp_emulator";
const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

/// What a chat request asks for.
#[derive(Debug)]
struct Wanted<'a> {
    messages: &'a [Value],
    n_choices: u64,
    stream: bool,
    include_usage: bool,
    /// The function that must be called.
    tool: Option<String>,
    limit: Option<u64>,
}

impl OpenAi {
    pub(super) fn chat(&self, call: &Call) -> Result<(Reply, Remaining), ApiError> {
        call.needs(ModelKind::Chat, "chatCompletion")?;
        let wanted = Wanted::read(call)?;
        let last = wanted.messages.last();
        let prompt =
            last.and_then(|message| message.get("content")).map(content_text).unwrap_or_default();
        let prompt_tokens = prompt_tokens(wanted.messages);
        let remaining = self.take(call, prompt_tokens + wanted.limit.unwrap_or(16))?;
        self.filter(&prompt)?;
        let received = format!(
            "{} received {} message(s). The last one says: {prompt}",
            call.deployment.name,
            wanted.messages.len()
        );
        let mut wanted = wanted;
        wanted.include_usage &= self.gives_usage();
        let answer = self.answer(&prompt, &received, wanted.limit);
        let told = Told {
            id: new_id("chatcmpl-"),
            created: unix_now(),
            model: call.deployment.model.clone(),
            answer,
            prompt_tokens,
            wanted,
        };
        let reply = if told.wanted.stream {
            let mut chunks = told.chunks();
            self.strip(&mut chunks);
            let events = stream::data_events(&chunks);
            stream::reply(events, self.stream_plan(), self.state.streams.open())
        } else {
            let mut whole = told.whole();
            self.strip([&mut whole]);
            json_reply(StatusCode::OK, &whole)
        };
        Ok((reply, remaining))
    }
}

impl<'a> Wanted<'a> {
    fn read(call: &'a Call) -> Result<Self, ApiError> {
        let messages = read_messages(call.body.get("messages"))?;
        let n_choices = call.number("n")?.unwrap_or(1);
        if n_choices > MAX_CHOICES {
            let message = format!("Invalid value for 'n': expected a value <= {MAX_CHOICES}.");
            return Err(ApiError::wrong_value("n", &message));
        }
        let stream = call.flag("stream")?;
        let options = call.body.get("stream_options").filter(|options| !options.is_null());
        if options.is_some() && !stream {
            let message =
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(ApiError::invalid(message, Some("stream_options"), None));
        }
        let include_usage =
            options.and_then(|options| options.get("include_usage")) == Some(&Value::Bool(true));
        let (old, new) = (call.number("max_tokens")?, call.number("max_completion_tokens")?);
        if old.is_some() && new.is_some() {
            let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
            return Err(ApiError::invalid(
                message,
                Some("max_tokens"),
                Some("invalid_parameter_combination"),
            ));
        }
        Ok(Self {
            messages,
            n_choices,
            stream,
            include_usage,
            tool: forced_tool(call)?,
            limit: new.or(old),
        })
    }
}

fn read_messages(messages: Option<&Value>) -> Result<&[Value], ApiError> {
    let messages = messages.ok_or_else(|| ApiError::missing("messages"))?;
    let messages = messages
        .as_array()
        .ok_or_else(|| ApiError::wrong_type("messages", "an array of objects"))?;
    if messages.is_empty() {
        let message = "[] is too short - 'messages'";
        return Err(ApiError::invalid(message, Some("messages"), Some("empty_array")));
    }
    for (position, message) in messages.iter().enumerate() {
        let param = format!("messages[{position}]");
        let Some(message) = message.as_object() else {
            return Err(ApiError::wrong_type(&param, "an object"));
        };
        let role_param = format!("{param}.role");
        let role = message.get("role").ok_or_else(|| ApiError::missing(&role_param))?;
        if !role.as_str().is_some_and(|role| ROLES.contains(&role)) {
            let text =
                format!("Invalid value: {role}. Supported values are: '{}'.", ROLES.join("', '"));
            return Err(ApiError::wrong_value(&role_param, &text));
        }
        let content = message.get("content");
        if content.is_some_and(|content| {
            !(content.is_string() || content.is_array() || content.is_null())
        }) {
            return Err(ApiError::wrong_type(
                &format!("{param}.content"),
                "one of a string or array of objects",
            ));
        }
    }
    Ok(messages)
}

/// The function that `tool_choice` wants called.
fn forced_tool(call: &Call) -> Result<Option<String>, ApiError> {
    let name =
        |tool: &Value| tool.pointer("/function/name").and_then(Value::as_str).map(str::to_owned);
    let tools = call.body.get("tools").and_then(Value::as_array);
    match (call.body.get("tool_choice"), tools) {
        (None | Some(Value::Null), _) => Ok(None),
        (Some(_), None) => {
            let message = "'tool_choice' is only allowed when 'tools' are specified.";
            Err(ApiError::invalid(message, Some("tool_choice"), None))
        }
        (Some(Value::String(choice)), Some(tools)) if choice == "required" => {
            Ok(tools.first().and_then(name))
        }
        (Some(choice @ Value::Object(_)), Some(_)) => Ok(name(choice)),
        (Some(_), Some(_)) => Ok(None),
    }
}

/// What is told to the client, in one piece or many.
struct Told<'a> {
    id: String,
    created: i64,
    model: String,
    answer: Answer,
    prompt_tokens: u64,
    wanted: Wanted<'a>,
}

impl Told<'_> {
    fn usage(&self) -> Value {
        let one = if self.wanted.tool.is_some() { 8 } else { self.answer.tokens() };
        usage(self.prompt_tokens, one * self.wanted.n_choices)
    }

    fn finish_reason(&self) -> &'static str {
        if self.wanted.tool.is_some() { "tool_calls" } else { self.answer.finish_reason }
    }

    /// What the content filter has found; it does not look at calls of tools here.
    fn found(&self) -> Option<&str> {
        self.answer.found.as_deref().filter(|_| self.wanted.tool.is_none())
    }

    /// The call of `name`; Azure gives the arguments as text.
    fn tool_call(name: &str) -> Value {
        json!({"id": new_id("call_"), "type": "function", "function": {"name": name, "arguments": "{}"}})
    }

    fn whole(&self) -> Value {
        let choice = |index: u64| {
            let mut message = json!({
                "annotations": [], "content": self.answer.text(), "refusal": null, "role": "assistant",
            });
            if let (Some(tool), Some(message)) = (&self.wanted.tool, message.as_object_mut()) {
                message.insert("content".to_owned(), Value::Null);
                message.insert("tool_calls".to_owned(), json!([Self::tool_call(tool)]));
            } else if self.answer.found.is_some() {
                // Azure gives no content of an answer that it has filtered.
                message = json!({"role": "assistant"});
            }
            json!({
                "content_filter_results": filter_results(self.found()), "finish_reason": self.finish_reason(), "index": index,
                "logprobs": null, "message": message,
            })
        };
        let choices: Vec<Value> = (0..self.wanted.n_choices).map(choice).collect();
        json!({
            "choices": choices,
            "created": self.created,
            "id": self.id,
            "model": self.model,
            "object": "chat.completion",
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": prompt_filter_results(None)}],
            "system_fingerprint": FINGERPRINT,
            "usage": self.usage(),
        })
    }

    fn chunks(&self) -> Vec<Value> {
        let mut chunks = vec![self.annotation()];
        for index in 0..self.wanted.n_choices {
            let first = json!({"content": "", "refusal": null, "role": "assistant"});
            chunks.push(self.chunk(index, &json!({}), &first, None));
            if let Some(tool) = &self.wanted.tool {
                let mut call = Self::tool_call(tool);
                if let Some(call) = call.as_object_mut() {
                    call.insert("index".to_owned(), json!(0));
                }
                chunks.push(self.chunk(index, &json!({}), &json!({"tool_calls": [call]}), None));
            } else {
                for piece in &self.answer.pieces {
                    chunks.push(self.chunk(
                        index,
                        &filter_results(None),
                        &json!({"content": piece}),
                        None,
                    ));
                }
            }
            let results = self.found().map_or_else(|| json!({}), |it| filter_results(Some(it)));
            chunks.push(self.chunk(index, &results, &json!({}), Some(self.finish_reason())));
        }
        if self.wanted.include_usage {
            let mut last = self.frame(&json!([]));
            if let Some(object) = last.as_object_mut() {
                object.insert("usage".to_owned(), self.usage());
            }
            chunks.push(last);
        }
        chunks
    }

    /// Azure's first chunk: what the filter found in the prompt, and nothing else.
    fn annotation(&self) -> Value {
        let mut chunk = json!({
            "choices": [], "created": 0, "id": "", "model": "", "object": "",
            "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": prompt_filter_results(None)}],
        });
        self.null_usage(&mut chunk);
        chunk
    }

    fn chunk(
        &self,
        index: u64,
        filter: &Value,
        delta: &Value,
        finish_reason: Option<&str>,
    ) -> Value {
        self.frame(&json!([{
            "content_filter_results": filter, "delta": delta, "finish_reason": finish_reason, "index": index,
            "logprobs": null,
        }]))
    }

    fn frame(&self, choices: &Value) -> Value {
        let mut chunk = json!({
            "choices": choices, "created": self.created, "id": self.id, "model": self.model,
            "object": "chat.completion.chunk", "system_fingerprint": FINGERPRINT,
        });
        self.null_usage(&mut chunk);
        chunk
    }

    /// Every chunk but the last has a null usage, if usage was asked for; otherwise none has any.
    fn null_usage(&self, chunk: &mut Value) {
        if let (true, Some(chunk)) = (self.wanted.include_usage, chunk.as_object_mut()) {
            chunk.insert("usage".to_owned(), Value::Null);
        }
    }
}
