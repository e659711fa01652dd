//! Logs of prompts and completions, in the columns of Azure's `ApiManagementGatewayLlmLog`.
//!
//! INVARIANT: nothing is logged that the configuration does not ask for, and no text before its rules of redaction and the
//! masks for the configuration's secrets have passed over it as a whole. Headers are never in it. Rows are made by a task of
//! their own, when the answer is over.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use regex::Regex;
use serde_json::{Map, Value, json};
use tollgate_engine::ports::{Event, EventLogger, Partition};
use tollgate_engine::{BoxFuture, Request};
use tollgate_llm::{Answer, LlmRequest, Role, Usage};
use uuid::Uuid;

use crate::telemetry::otlp::Sampling;
use crate::telemetry::{Redactor, Timestamp};
use crate::wire::{Answered, AskedModel, ModelCallLog};

/// Bytes of messages in one row; what is longer goes on in the next one.
const CHUNK: usize = 32 << 10;

/// Bytes of messages that are logged of a request or an answer at most, whatever the configuration says.
pub const MAX_LOGGED: usize = 2 << 20;

/// `[llm-logs]` for one API.
#[derive(Debug, Clone)]
pub struct LlmLogSettings {
    /// Whether the messages of requests are logged.
    pub requests: bool,
    /// Whether those of answers are.
    pub responses: bool,
    /// The logger that gets the rows; none is the gateway's own log.
    pub logger: Option<String>,
    /// Bytes of messages that are logged of a request or an answer.
    pub max_bytes: usize,
    /// Which part of the requests is logged, 0 to 1.
    pub sampling_ratio: f64,
    /// What is replaced in messages.
    pub redact: Vec<Regex>,
    /// By what.
    pub replacement: String,
}

/// The log of calls of models of one API.
pub struct LlmLog {
    settings: LlmLogSettings,
    sampling: Sampling,
    /// None is the gateway's own log.
    logger: Option<Arc<dyn EventLogger>>,
    /// Knows the secrets of the configuration.
    redactor: Arc<Redactor>,
}

impl fmt::Debug for LlmLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LlmLog").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What is known of a request besides what it asks of a model.
#[derive(Debug, Clone)]
pub(crate) struct LoggedRequest {
    /// Its identifier.
    pub(crate) request_id: Uuid,
    /// When it began, in ticks.
    pub(crate) began: i64,
    /// The operation; empty when there is none.
    pub(crate) operation: String,
    /// `context.Deployment.Region`.
    pub(crate) region: String,
}

impl LlmLog {
    pub(crate) fn new(
        settings: LlmLogSettings,
        logger: Option<Arc<dyn EventLogger>>,
        redactor: Arc<Redactor>,
    ) -> Self {
        let sampling = Sampling::new(settings.sampling_ratio);
        Self { settings, sampling, logger, redactor }
    }

    /// Whether the calls of a request are logged.
    pub(crate) fn takes(&self, request_id: Uuid) -> bool {
        self.sampling.takes(request_id.as_u128())
    }

    fn write(&self, request: &LoggedRequest, asked: &AskedModel, answered: &Answered) {
        let LlmLogSettings { requests, responses, .. } = self.settings;
        let columns = columns(request, asked, answered);
        let prompt = if requests { prompt(asked) } else { Vec::new() };
        let answer = if responses { answer(&answered.answer) } else { Vec::new() };
        for (column, messages) in [("RequestMessages", prompt), ("ResponseMessages", answer)] {
            for (number, chunk) in self.chunks(messages).into_iter().enumerate() {
                let mut row = columns.clone();
                row.insert(column.to_owned(), chunk.into());
                row.insert("SequenceNumber".to_owned(), number.into());
                self.send(request, Value::from(row).to_string());
            }
        }
    }

    fn send(&self, request: &LoggedRequest, row: String) {
        let Some(logger) = &self.logger else {
            // The event's own text is one word, so that a log that is shipped elsewhere can tell these lines by it.
            tracing::info!(target: "tollgate::llm", request_id = %request.request_id, row, "llm-log");
            return;
        };
        logger.send(Event {
            body: Bytes::from(row),
            partition: Partition::Any,
            request_id: request.request_id,
            ticks: request.began,
        });
    }

    /// Messages in rows of at most [`CHUNK`] bytes, redacted as a whole before they are cut. A message that does not end in
    /// a row goes on at the beginning of the next one.
    fn chunks(&self, messages: Vec<Message<'_>>) -> Vec<Vec<Value>> {
        let mut rows: Vec<Vec<Value>> = Vec::new();
        let mut left = self.settings.max_bytes.min(MAX_LOGGED);
        let mut left_in_row = 0;
        for Message { role, text } in messages {
            let text = self.redacted(text);
            let mut rest = text.get(..text.floor_char_boundary(left)).unwrap_or_default();
            left -= rest.len();
            loop {
                let end = rest.floor_char_boundary(left_in_row);
                let is_cut = end < rest.len();
                // A row that has no room for a character is full.
                if rows.is_empty() || end == 0 && is_cut {
                    rows.push(Vec::new());
                    left_in_row = CHUNK;
                    continue;
                }
                let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
                left_in_row -= piece.len();
                if let Some(row) = rows.last_mut() {
                    row.push(json!({ "role": role, "content": piece }));
                }
                rest = behind;
                if !is_cut {
                    break;
                }
            }
            if left == 0 {
                break;
            }
        }
        rows
    }

    fn redacted(&self, text: Cow<'_, str>) -> String {
        let LlmLogSettings { redact, replacement, .. } = &self.settings;
        let mut text = text.into_owned();
        for rule in redact {
            // The replacement is text, not a template of what was found.
            if let Cow::Owned(new) = rule.replace_all(&text, regex::NoExpand(replacement)) {
                text = new;
            }
        }
        if let Cow::Owned(new) = self.redactor.redact(&text) {
            text = new;
        }
        text
    }
}

/// Whether a request is one to a model whose body can be read as messages. Others, such as recordings, may be too large to be
/// held, and say nothing.
pub(crate) fn has_messages(request: &Request) -> bool {
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json = kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    is_json && AskedModel::of(request).is_some()
}

/// One message of a request or an answer.
struct Message<'a> {
    role: &'static str,
    text: Cow<'a, str>,
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// The messages of a request; none for one that cannot be read.
fn prompt(asked: &AskedModel) -> Vec<Message<'_>> {
    let parsed = LlmRequest::parse(Some(asked.api), &asked.body, usize::MAX).ok();
    let messages = parsed.map(|parsed| parsed.prompt().messages).unwrap_or_default();
    messages.into_iter().map(|it| Message { role: role(it.role), text: it.text }).collect()
}

/// The choices of an answer, each with its text and the calls that it wants made, on lines of their own.
fn answer(answer: &Answer) -> Vec<Message<'_>> {
    let message = |choice: &tollgate_llm::AnswerChoice| {
        let calls = choice.calls.iter().map(|call| format!("{}({})", call.name, call.arguments));
        let texts = [choice.text.clone(), choice.refusal.clone()].into_iter().chain(calls);
        let text = texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
        Message { role: role(Role::Assistant), text: text.into() }
    };
    answer.choices.iter().map(message).collect()
}

/// What all rows of a call have.
fn columns(request: &LoggedRequest, asked: &AskedModel, answered: &Answered) -> Map<String, Value> {
    let usage = answered.usage.unwrap_or_else(|| {
        let parsed = LlmRequest::parse(Some(asked.api), &asked.body, usize::MAX);
        let prompt = || parsed.map_or(0, |it| it.estimate_prompt_tokens(&asked.model));
        // Errors use no tokens, and say nothing either.
        let prompt = if answered.is_read { prompt() } else { 0 };
        Usage::of_counts(prompt, answered.counted)
    });
    let Answer { id, model, .. } = &answered.answer;
    let columns = [
        (
            "TimeGenerated",
            Value::from(Timestamp(UNIX_EPOCH + since_epoch(request.began)).to_string()),
        ),
        ("CorrelationId", request.request_id.to_string().into()),
        ("OperationName", request.operation.as_str().into()),
        ("Region", request.region.as_str().into()),
        ("RequestId", id.as_str().into()),
        ("DeploymentName", asked.model.as_str().into()),
        ("ModelName", model.as_str().into()),
        ("ApiVersion", asked.api_version.as_str().into()),
        ("IsStreamCompletion", answered.is_stream.into()),
        ("PromptTokens", usage.prompt.into()),
        ("CompletionTokens", usage.completion.into()),
        ("TotalTokens", usage.total.into()),
    ];
    columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// From .NET ticks.
fn since_epoch(ticks: i64) -> Duration {
    const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
    let ticks = u64::try_from(ticks.saturating_sub(TICKS_AT_UNIX_EPOCH)).unwrap_or(0);
    Duration::from_nanos(ticks.saturating_mul(100))
}

/// The log of one call of a model.
pub(crate) struct LlmLogEntry {
    pub(crate) log: Arc<LlmLog>,
    pub(crate) request: LoggedRequest,
}

impl ModelCallLog for LlmLogEntry {
    fn answer_bytes(&self) -> usize {
        let LlmLogSettings { responses, max_bytes, .. } = self.log.settings;
        // A bit more than is shown: what is replaced may be longer than its replacement.
        if responses { max_bytes.min(MAX_LOGGED).saturating_mul(2) } else { 0 }
    }

    fn end(
        self: Box<Self>,
        asked: AskedModel,
        answered: Answered,
    ) -> Option<BoxFuture<'static, ()>> {
        Some(Box::pin(async move {
            let Self { log, request } = *self;
            // Rules over megabytes take a while: not on a thread that serves requests.
            let write = move || log.write(&request, &asked, &answered);
            tokio::task::spawn_blocking(write).await.ok();
        }))
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tollgate_llm::Api;

    use super::*;

    #[derive(Default)]
    struct Rows(Mutex<Vec<Value>>);

    impl EventLogger for Rows {
        fn send(&self, event: Event) {
            self.0.lock().push(serde_json::from_slice(&event.body).unwrap());
        }
    }

    fn settings() -> LlmLogSettings {
        LlmLogSettings {
            requests: true,
            responses: true,
            logger: None,
            max_bytes: MAX_LOGGED,
            sampling_ratio: 1.0,
            redact: vec![Regex::new(r"\d{4}").unwrap(), Regex::new("(?i)bob").unwrap()],
            replacement: "<$0>".to_owned(),
        }
    }

    fn rows(settings: LlmLogSettings, body: &str, answer: &str) -> Vec<Value> {
        let rows = Arc::<Rows>::default();
        let redactor = Arc::new(Redactor::new(["hunter22"]));
        let log = LlmLog::new(settings, Some(Arc::clone(&rows) as _), redactor);
        let asked = AskedModel {
            api: Api::ChatCompletions,
            provider: "openai",
            model: "gpt-4o".to_owned(),
            api_version: "2024-10-21".to_owned(),
            body: body.to_owned().into(),
        };
        let answered = Answered {
            is_read: true,
            is_stream: false,
            usage: Usage::of_response(answer.as_bytes()),
            counted: 3,
            answer: Answer::of_response(answer.as_bytes(), usize::MAX).unwrap_or_default(),
        };
        let request = LoggedRequest {
            request_id: Uuid::nil(),
            began: 638_712_000_000_000_000,
            operation: "chat".to_owned(),
            region: "north".to_owned(),
        };
        log.write(&request, &asked, &answered);
        let rows = rows.0.lock();
        rows.clone()
    }

    fn content(rows: &[Value], column: &str) -> String {
        let messages = rows.iter().filter_map(|row| row[column].as_array()).flatten();
        messages.map(|message| message["content"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_call_is_two_rows() {
        let body = r#"{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":[{"type":"text","text":"I am BOB, 1234, hunter22"}]}]}"#;
        let answer = r#"{"id":"c1","model":"gpt-4o-2024","choices":[{"message":{"content":"Hi Bob","tool_calls":[{"function":{"name":"f","arguments":"{\"n\":12345}"}}]}}]}"#;
        let rows = rows(settings(), body, answer);
        let shown: Vec<String> = rows.iter().map(Value::to_string).collect();
        expect_test::expect![[r#"
            {"TimeGenerated":"2024-12-31T00:00:00.000000Z","CorrelationId":"00000000-0000-0000-0000-000000000000","OperationName":"chat","Region":"north","RequestId":"c1","DeploymentName":"gpt-4o","ModelName":"gpt-4o-2024","ApiVersion":"2024-10-21","IsStreamCompletion":false,"PromptTokens":24,"CompletionTokens":3,"TotalTokens":27,"RequestMessages":[{"role":"system","content":"be kind"},{"role":"user","content":"I am <$0>, <$0>, ***"}],"SequenceNumber":0}
            {"TimeGenerated":"2024-12-31T00:00:00.000000Z","CorrelationId":"00000000-0000-0000-0000-000000000000","OperationName":"chat","Region":"north","RequestId":"c1","DeploymentName":"gpt-4o","ModelName":"gpt-4o-2024","ApiVersion":"2024-10-21","IsStreamCompletion":false,"PromptTokens":24,"CompletionTokens":3,"TotalTokens":27,"ResponseMessages":[{"role":"assistant","content":"Hi <$0>\nf({\"n\":<$0>5})"}],"SequenceNumber":0}"#]]
        .assert_eq(&shown.join("\n"));
    }

    #[test]
    fn long_messages_are_in_chunks_with_numbers() {
        // The rule meets text on both sides of where a chunk ends.
        let long = format!("{}1234{}", "é".repeat(CHUNK / 2 - 1), "x".repeat(CHUNK));
        let body = json!({"messages": [{"role": "user", "content": long}]}).to_string();
        let whole = rows(settings(), &body, "{}");
        assert_eq!(whole.len(), 3);
        for (number, row) in whole.iter().enumerate() {
            assert_eq!(row["SequenceNumber"], number);
            assert!(content(&whole[number..=number], "RequestMessages").len() <= CHUNK);
        }
        assert_eq!(content(&whole, "RequestMessages"), long.replace("1234", "<$0>"));
        let cut = LlmLogSettings { max_bytes: 5, ..settings() };
        assert_eq!(content(&rows(cut, &body, "{}"), "RequestMessages"), "éé");
        let huge = "y".repeat(MAX_LOGGED + 10);
        let huge = json!({"messages": [{"role": "user", "content": huge}]}).to_string();
        let huge = rows(LlmLogSettings { max_bytes: usize::MAX, ..settings() }, &huge, "{}");
        assert_eq!((huge.len(), content(&huge, "RequestMessages").len()), (64, MAX_LOGGED));
    }

    #[test]
    fn only_what_is_asked_for_is_logged() {
        let body = r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":""}]}"#;
        let answer = r#"{"choices":[{"message":{"content":"b"}}]}"#;
        let none = LlmLogSettings { requests: false, responses: false, ..settings() };
        assert!(rows(none.clone(), body, answer).is_empty());
        let requests = rows(LlmLogSettings { requests: true, ..none.clone() }, body, answer);
        assert_eq!((requests.len(), content(&requests, "RequestMessages")), (1, "a".to_owned()));
        let responses = rows(LlmLogSettings { responses: true, ..none }, body, answer);
        assert_eq!((responses.len(), content(&responses, "ResponseMessages")), (1, "b".to_owned()));
        assert!(rows(settings(), "not JSON", "nor this").is_empty());
        let log = |sampling_ratio| {
            let settings = LlmLogSettings { sampling_ratio, ..settings() };
            LlmLog::new(settings, None, Arc::default())
        };
        assert!(log(1.0).takes(Uuid::max()) && !log(0.0).takes(Uuid::nil()));
    }
}
