//! An answer in the form of a response, and of a stream.

use serde_json::{Value as Json, json};

use crate::api::Api;
use crate::usage::Usage;

use super::{Answer, AnswerChoice, ToolCall};

impl Answer {
    /// The answer as the body of a response. `None` for protocols that have no answers in text.
    pub fn to_response(&self, api: Api, usage: Usage) -> Option<Vec<u8>> {
        let body = match api {
            Api::ChatCompletions => {
                self.chat("chat.completion", "message", Some(usage), &|choice| message(choice))
            }
            Api::Completions => self.completion(Some(usage)),
            Api::Responses => {
                self.response(usage, self.first().map(|c| output_items(c, "completed")))
            }
            Api::Messages => self.message(usage),
            Api::GenerateContent => self.google(usage),
            Api::Embeddings | Api::Images | Api::Audio | Api::Realtime => return None,
        };
        Some(body.to_string().into_bytes())
    }

    /// The answer as the body of a stream, its text in one piece. `include_usage` adds the usage where it is only there
    /// when it is asked for (chat completions and completions). `None` for protocols that have no such streams.
    pub fn to_stream(&self, api: Api, usage: Usage, include_usage: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let wanted = include_usage.then_some(usage);
        match api {
            Api::ChatCompletions => self.stream_chat(wanted, &mut out),
            Api::Completions => {
                event(&mut out, None, &self.completion(None));
                self.stream_end("text_completion", wanted, &mut out);
            }
            Api::Responses => self.stream_response(usage, &mut out),
            Api::Messages => self.stream_message(usage, &mut out),
            Api::GenerateContent => event(&mut out, None, &self.google(usage)),
            Api::Embeddings | Api::Images | Api::Audio | Api::Realtime => return None,
        }
        Some(out)
    }

    fn first(&self) -> Option<&AnswerChoice> {
        self.choices.first()
    }

    /// A body or chunk of chat completions; `body` makes what stands under `name` of a choice.
    fn chat(
        &self,
        object: &str,
        name: &str,
        usage: Option<Usage>,
        body: &dyn Fn(&AnswerChoice) -> Json,
    ) -> Json {
        let choice = |choice: &AnswerChoice| {
            json!({
                "index": choice.index, name: body(choice), "logprobs": null,
                "finish_reason": choice.finish.as_deref().unwrap_or("stop"),
            })
        };
        let choices: Vec<Json> = self.choices.iter().map(choice).collect();
        self.openai(object, &choices, usage)
    }

    fn completion(&self, usage: Option<Usage>) -> Json {
        let choice = |choice: &AnswerChoice| {
            json!({
                "text": choice.text, "index": choice.index, "logprobs": null,
                "finish_reason": choice.finish.as_deref().unwrap_or("stop"),
            })
        };
        let choices: Vec<Json> = self.choices.iter().map(choice).collect();
        self.openai("text_completion", &choices, usage)
    }

    fn openai(&self, object: &str, choices: &[Json], usage: Option<Usage>) -> Json {
        let mut body = json!({
            "id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices,
        });
        if let (Some(usage), Some(members)) = (usage, body.as_object_mut()) {
            members.insert("usage".to_owned(), usage_of_chat(usage));
        }
        body
    }

    fn stream_chat(&self, usage: Option<Usage>, out: &mut Vec<u8>) {
        const OBJECT: &str = "chat.completion.chunk";
        for choice in &self.choices {
            let mut delta = message(choice);
            for (index, call) in (0..)
                .zip(delta.get_mut("tool_calls").and_then(Json::as_array_mut).into_iter().flatten())
            {
                if let Some(members) = call.as_object_mut() {
                    members.insert("index".to_owned(), Json::from(index));
                }
            }
            let chunk = json!({"index": choice.index, "delta": delta, "logprobs": null, "finish_reason": null});
            event(out, None, &self.openai(OBJECT, &[chunk], None));
        }
        event(out, None, &self.chat(OBJECT, "delta", None, &|_| json!({})));
        self.stream_end(OBJECT, usage, out);
    }

    fn stream_end(&self, object: &str, usage: Option<Usage>, out: &mut Vec<u8>) {
        if usage.is_some() {
            event(out, None, &self.openai(object, &[], usage));
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn response(&self, usage: Usage, output: Option<Vec<Json>>) -> Json {
        let status =
            self.first().and_then(|choice| choice.finish.as_deref()).unwrap_or("completed");
        json!({
            "id": self.id, "object": "response", "created_at": self.created, "status": status, "error": null,
            "incomplete_details": null, "instructions": null, "metadata": {}, "model": self.model,
            "output": output.unwrap_or_default(), "parallel_tool_calls": true, "temperature": null,
            "tool_choice": "auto", "tools": [], "top_p": null, "usage": usage_of_responses(usage),
        })
    }

    fn stream_response(&self, usage: Usage, out: &mut Vec<u8>) {
        let mut sequence = 0_u64;
        let mut send = |kind: &str, mut body: Json| {
            if let Some(members) = body.as_object_mut() {
                members.insert("type".to_owned(), Json::from(kind));
                members.insert("sequence_number".to_owned(), Json::from(sequence));
            }
            sequence += 1;
            event(out, Some(kind), &body);
        };
        let mut created = self.response(usage, None);
        if let Some(members) = created.as_object_mut() {
            members.insert("status".to_owned(), Json::from("in_progress"));
            members.insert("usage".to_owned(), Json::Null);
        }
        send("response.created", json!({"response": created}));
        let items =
            self.first().map(|choice| output_items(choice, "completed")).unwrap_or_default();
        for (place, item) in items.iter().enumerate() {
            send("response.output_item.added", json!({"output_index": place, "item": begun(item)}));
            let id = item.get("id");
            let parts = item.get("content").and_then(Json::as_array).into_iter().flatten();
            for (index, part) in parts.enumerate() {
                let at = |name: &str, value: &Json| json!({"item_id": id, "output_index": place, "content_index": index, name: value});
                let of = if part.get("refusal").is_some() { "refusal" } else { "output_text" };
                let name = if of == "refusal" { "refusal" } else { "text" };
                let text = part.get(name).cloned().unwrap_or_default();
                let mut empty = part.clone();
                empty.get_mut(name).into_iter().for_each(|text| *text = Json::from(""));
                send("response.content_part.added", at("part", &empty));
                send(&format!("response.{of}.delta"), at("delta", &text));
                send(&format!("response.{of}.done"), at(name, &text));
                send("response.content_part.done", at("part", part));
            }
            if let Some(arguments) = item.get("arguments") {
                let kind = "response.function_call_arguments";
                let at =
                    |name: &str| json!({"item_id": id, "output_index": place, name: arguments});
                send(&format!("{kind}.delta"), at("delta"));
                send(&format!("{kind}.done"), at("arguments"));
            }
            send("response.output_item.done", json!({"output_index": place, "item": item}));
        }
        let whole = self.response(usage, Some(items));
        let is_incomplete = whole.get("status").is_some_and(|status| status == "incomplete");
        let last = if is_incomplete { "response.incomplete" } else { "response.completed" };
        send(last, json!({"response": whole}));
    }

    fn message(&self, usage: Usage) -> Json {
        let choice = self.first();
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model,
            "content": choice.map(blocks).unwrap_or_default(),
            "stop_reason": choice.and_then(|choice| choice.finish.as_deref()).unwrap_or("end_turn"),
            "stop_sequence": null, "usage": usage_of_messages(usage),
        })
    }

    fn stream_message(&self, usage: Usage, out: &mut Vec<u8>) {
        let mut send = |kind: &str, mut body: Json| {
            if let Some(members) = body.as_object_mut() {
                members.insert("type".to_owned(), Json::from(kind));
            }
            event(out, Some(kind), &body);
        };
        let whole = self.message(usage);
        let mut start = whole.clone();
        if let Some(members) = start.as_object_mut() {
            members.insert("content".to_owned(), json!([]));
            members.insert("stop_reason".to_owned(), Json::Null);
            members.insert("usage".to_owned(), usage_of_messages(Usage { completion: 0, ..usage }));
        }
        send("message_start", json!({"message": start}));
        for (index, block) in
            whole.get("content").and_then(Json::as_array).into_iter().flatten().enumerate()
        {
            let (empty, delta) = if let Some(text) = block.get("text") {
                (json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}))
            } else {
                let mut empty = block.clone();
                empty.get_mut("input").into_iter().for_each(|input| *input = json!({}));
                let input = block.get("input").map(ToString::to_string);
                (empty, json!({"type": "input_json_delta", "partial_json": input}))
            };
            send("content_block_start", json!({"index": index, "content_block": empty}));
            send("content_block_delta", json!({"index": index, "delta": delta}));
            send("content_block_stop", json!({"index": index}));
        }
        let delta = json!({"stop_reason": whole.get("stop_reason"), "stop_sequence": null});
        send(
            "message_delta",
            json!({"delta": delta, "usage": {"output_tokens": usage.completion}}),
        );
        send("message_stop", json!({}));
    }

    fn google(&self, usage: Usage) -> Json {
        let candidate = |choice: &AnswerChoice| {
            let text = Some(&choice.text)
                .filter(|text| !text.is_empty())
                .map(|text| json!({"text": text}));
            let calls = choice
                .calls
                .iter()
                .map(|call| json!({"functionCall": {"name": call.name, "args": arguments(call)}}));
            let parts: Vec<Json> = text.into_iter().chain(calls).collect();
            json!({
                "content": {"parts": parts, "role": "model"}, "index": choice.index,
                "finishReason": choice.finish.as_deref().unwrap_or("STOP"),
            })
        };
        let candidates: Vec<Json> = self.choices.iter().map(candidate).collect();
        json!({
            "candidates": candidates, "usageMetadata": usage_of_google(usage),
            "modelVersion": self.model, "responseId": self.id,
        })
    }
}

/// Writes an event.
pub(crate) fn event(out: &mut Vec<u8>, name: Option<&str>, data: &Json) {
    if let Some(name) = name {
        out.extend_from_slice(format!("event: {name}\n").as_bytes());
    }
    out.extend_from_slice(format!("data: {data}\n\n").as_bytes());
}

/// The arguments of a call as JSON; text that is none as a string.
fn arguments(call: &ToolCall) -> Json {
    serde_json::from_str(&call.arguments).unwrap_or_else(|_| Json::from(&*call.arguments))
}

/// The message of chat completions.
fn message(choice: &AnswerChoice) -> Json {
    let said = |text: &String| Some(text).filter(|text| !text.is_empty()).cloned();
    let content = if choice.calls.is_empty() && choice.refusal.is_empty() {
        Some(choice.text.clone())
    } else {
        said(&choice.text)
    };
    let mut message =
        json!({"role": "assistant", "content": content, "refusal": said(&choice.refusal)});
    let calls: Vec<Json> = choice.calls.iter().map(|call| {
        json!({
            "id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments},
        })
    }).collect();
    if let Some(members) = message.as_object_mut() {
        if !calls.is_empty() {
            members.insert("tool_calls".to_owned(), Json::Array(calls));
        }
        if let Some(reasoning) = said(&choice.reasoning) {
            members.insert("reasoning_content".to_owned(), Json::from(reasoning));
        }
    }
    message
}

/// The blocks of Anthropic's message. Reasoning is left out: without its signature nobody may send it back.
fn blocks(choice: &AnswerChoice) -> Vec<Json> {
    let text = Some(&choice.text).filter(|text| !text.is_empty() || choice.calls.is_empty());
    let text = text.map(|text| json!({"type": "text", "text": text}));
    let calls = choice.calls.iter().map(|call| {
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments(call)})
    });
    text.into_iter().chain(calls).collect()
}

/// The items of an output of Responses, each with the given status.
pub(crate) fn output_items(choice: &AnswerChoice, status: &str) -> Vec<Json> {
    let mut content = Vec::new();
    if !choice.text.is_empty() {
        content.push(json!({"type": "output_text", "text": choice.text, "annotations": []}));
    }
    if !choice.refusal.is_empty() {
        content.push(json!({"type": "refusal", "refusal": choice.refusal}));
    }
    let message = (!content.is_empty()).then(|| {
        json!({
            "id": "msg_0", "type": "message", "role": "assistant", "status": status, "content": content,
        })
    });
    let calls = choice.calls.iter().enumerate().map(|(index, call)| {
        json!({
            "id": format!("fc_{index}"), "type": "function_call", "status": status, "call_id": call.id,
            "name": call.name, "arguments": call.arguments,
        })
    });
    message.into_iter().chain(calls).collect()
}

/// An item of an output when it begins.
fn begun(item: &Json) -> Json {
    let mut item = item.clone();
    if let Some(members) = item.as_object_mut() {
        members.insert("status".to_owned(), Json::from("in_progress"));
        members.get_mut("content").into_iter().for_each(|content| *content = json!([]));
        members.get_mut("arguments").into_iter().for_each(|arguments| *arguments = json!(""));
    }
    item
}

/// Usage as chat completions and completions have it.
pub(crate) fn usage_of_chat(usage: Usage) -> Json {
    json!({
        "prompt_tokens": usage.prompt, "completion_tokens": usage.completion, "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": usage.prompt_audio},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning, "audio_tokens": usage.completion_audio,
            "accepted_prediction_tokens": usage.accepted_prediction,
            "rejected_prediction_tokens": usage.rejected_prediction,
        },
    })
}

/// Usage as Responses have it.
pub(crate) fn usage_of_responses(usage: Usage) -> Json {
    json!({
        "input_tokens": usage.prompt, "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.completion, "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    })
}

/// Usage as Anthropic has it, which counts its cache besides.
pub(crate) fn usage_of_messages(usage: Usage) -> Json {
    let cache = usage.cached.saturating_add(usage.cache_creation);
    json!({
        "input_tokens": usage.prompt.saturating_sub(cache), "cache_creation_input_tokens": usage.cache_creation,
        "cache_read_input_tokens": usage.cached, "output_tokens": usage.completion,
    })
}

/// Usage as Google has it, which counts thoughts besides.
pub(crate) fn usage_of_google(usage: Usage) -> Json {
    json!({
        "promptTokenCount": usage.prompt, "candidatesTokenCount": usage.completion.saturating_sub(usage.reasoning),
        "thoughtsTokenCount": usage.reasoning, "cachedContentTokenCount": usage.cached,
        "totalTokenCount": usage.total,
    })
}
