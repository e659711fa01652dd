//! The judgement of Azure AI Content Safety.

use std::fmt::Write as _;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value as Json, json};
use tollgate_engine::ports::{Call, CallError, Names, Severity, TraceLine, Via};
use tollgate_engine::{BoxFuture, PolicyError, Ports, RequestCx, RouteInfo, UnreadBody};
use tollgate_llm::Unreadable;

use super::windows::{MOST, Windows, length};

/// The version of the service's interface; Azure does not say which one it uses itself.
const API_VERSION: &str = "2024-09-01";

/// Why something does not pass. What it says is for operators: clients and policies are not told.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Refusal {
    #[error("category {category} has severity {severity}, and the threshold is {threshold}")]
    Category { category: &'static str, severity: i64, threshold: i64 },
    #[error("a term of blocklist {0} was found")]
    Blocklist(String),
    #[error("an attack was detected in the prompt")]
    Attack,
    #[error("the text has {0} characters, and the service takes {MOST}")]
    TooLong(usize),
    #[error("the request's prompt cannot be read: {0}")]
    Prompt(&'static str),
    #[error("{0}")]
    Answer(#[from] Unreadable),
    #[error("the body of the answer could not be read: {}", .0.message())]
    Body(PolicyError),
    #[error("there is no memory to hold the stream until it is judged")]
    Memory,
    #[error("the policies of this request have made as many requests as they may")]
    Calls,
    #[error("the service was not reached: {0}")]
    Unreached(#[from] CallError),
    #[error("the service answered {0}")]
    Status(StatusCode),
    #[error("the service's answer says nothing of {0}")]
    Silent(&'static str),
}

impl From<UnreadBody> for Refusal {
    fn from(unread: UnreadBody) -> Self {
        Self::Body(unread.into())
    }
}

/// A category of harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    Hate,
    SelfHarm,
    Sexual,
    Violence,
}

impl Category {
    pub(super) const ALL: [Self; 4] = [Self::Hate, Self::SelfHarm, Self::Sexual, Self::Violence];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hate => "Hate",
            Self::SelfHarm => "SelfHarm",
            Self::Sexual => "Sexual",
            Self::Violence => "Violence",
        }
    }
}

/// How many severities there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Levels {
    Four,
    Eight,
}

impl Levels {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Four => "FourSeverityLevels",
            Self::Eight => "EightSeverityLevels",
        }
    }

    /// The highest severity.
    pub(super) fn highest(self) -> i64 {
        match self {
            Self::Four => 6,
            Self::Eight => 7,
        }
    }
}

/// What a text is judged by.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// Each with the severity from which it is refused.
    pub(super) categories: Vec<(Category, i64)>,
    pub(super) levels: Levels,
    pub(super) blocklists: Vec<Arc<str>>,
}

/// The service, as one request calls it.
pub(super) struct Check {
    names: Arc<dyn Names>,
    backend: Arc<str>,
    /// What all calls have in common: among it the `Authorization` that the request carried when the policy ran, which is
    /// used when the backend has no credentials.
    call: Call,
    ports: Ports,
    info: RouteInfo,
    rules: Rules,
}

impl Check {
    pub(super) fn new(cx: &RequestCx, backend: Arc<str>, rules: Rules) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if cx.request.headers.contains_key(AUTHORIZATION) {
            // The gateway's own keys are nobody else's business.
            let mut others = cx.wire.headers_for_others(&cx.request.headers);
            headers.extend(others.remove(AUTHORIZATION).map(|value| (AUTHORIZATION, value)));
        }
        let call = Call {
            method: Method::POST,
            url: "".into(),
            headers,
            body: Bytes::new(),
            timeout: None,
            token: None,
            via: Via::default(),
            request_id: cx.client.request_id,
        };
        let (ports, info) = (cx.ports.clone(), cx.route.info.clone());
        Self { names: Arc::clone(&cx.route.names), backend, call, ports, info, rules }
    }

    /// Whether there is anything that a text is judged by.
    pub(super) fn analyzes(&self) -> bool {
        !self.rules.categories.is_empty() || !self.rules.blocklists.is_empty()
    }

    /// Judges a prompt, which goes to the service in one piece.
    pub(super) async fn prompt(&self, text: &str, shield: bool) -> Result<(), Refusal> {
        let n = length(text);
        if n > MOST {
            return Err(Refusal::TooLong(n));
        }
        let analyzed: BoxFuture<'_, _> =
            Box::pin(async { if self.analyzes() { self.analyze(text).await } else { Ok(()) } });
        let shielded: BoxFuture<'_, _> =
            Box::pin(async { if shield { self.shield(text).await } else { Ok(()) } });
        both(analyzed, shielded).await
    }

    /// Judges what a model says, window by window.
    pub(super) async fn texts(&self, texts: &[String], windows: Windows) -> Result<(), Refusal> {
        if !self.analyzes() {
            return Ok(());
        }
        for window in texts.iter().flat_map(|text| windows.of(text)) {
            // The service refuses what is empty, and blanks harm nobody.
            if !window.trim().is_empty() {
                self.analyze(window).await?;
            }
        }
        Ok(())
    }

    async fn analyze(&self, text: &str) -> Result<(), Refusal> {
        let Rules { categories, levels, blocklists } = &self.rules;
        let mut body = json!({"text": text, "outputType": levels.name()});
        if let Some(members) = body.as_object_mut() {
            if !categories.is_empty() {
                let names: Vec<_> = Category::ALL
                    .into_iter()
                    .filter(|category| categories.iter().any(|(known, _)| known == category))
                    .map(Category::name)
                    .collect();
                members.insert("categories".to_owned(), json!(names));
            }
            if !blocklists.is_empty() {
                let names: Vec<&str> = blocklists.iter().map(|name| &**name).collect();
                members.insert("blocklistNames".to_owned(), json!(names));
                // A hit is enough to refuse.
                members.insert("haltOnBlocklistHit".to_owned(), json!(true));
            }
        }
        self.verdict(&self.ask("analyze", &body).await?)
    }

    fn verdict(&self, answer: &Json) -> Result<(), Refusal> {
        let list = |name: &str| answer.get(name).and_then(Json::as_array);
        let hits = list("blocklistsMatch");
        if let Some(hit) = hits.and_then(|hits| hits.first()) {
            let name = hit.get("blocklistName").and_then(Json::as_str).unwrap_or_default();
            return Err(Refusal::Blocklist(name.chars().take(64).collect()));
        }
        if hits.is_none() && !self.rules.blocklists.is_empty() {
            return Err(Refusal::Silent("blocklists"));
        }
        for (category, threshold) in &self.rules.categories {
            let name = category.name();
            let judged = list("categoriesAnalysis").into_iter().flatten();
            let severity = judged
                .filter(|it| it.get("category").and_then(Json::as_str) == Some(name))
                .find_map(|it| it.get("severity")?.as_i64())
                .ok_or(Refusal::Silent(name))?;
            if severity >= *threshold {
                let threshold = *threshold;
                return Err(Refusal::Category { category: name, severity, threshold });
            }
        }
        Ok(())
    }

    async fn shield(&self, text: &str) -> Result<(), Refusal> {
        let answer =
            self.ask("shieldPrompt", &json!({"userPrompt": text, "documents": []})).await?;
        let found = answer.pointer("/userPromptAnalysis/attackDetected").and_then(Json::as_bool);
        match found {
            Some(false) => Ok(()),
            Some(true) => Err(Refusal::Attack),
            None => Err(Refusal::Silent("attacks")),
        }
    }

    async fn ask(&self, operation: &str, body: &Json) -> Result<Json, Refusal> {
        let url = format!("/contentsafety/text:{operation}?api-version={API_VERSION}");
        let body = Bytes::from(body.to_string());
        let call = Call { url: url.into(), body, ..self.call.clone() };
        let answer = self.names.call_backend(&self.backend, call).await?;
        if answer.status != StatusCode::OK {
            return Err(Refusal::Status(answer.status));
        }
        let body = answer.body.bytes().map(|body| &**body).unwrap_or_default();
        serde_json::from_slice(body).map_err(|_| Refusal::Silent("anything that is JSON"))
    }

    /// Tells operators why a stream has ended, since no error of the request can.
    pub(super) fn tell(&self, source: &str, refusal: &Refusal) {
        let mut message = "The stream was ended: ".to_owned();
        // Writing to a string cannot fail.
        write!(message, "{refusal}.").ok();
        if self.ports.trace.enabled() {
            self.ports.trace.message(self.call.request_id, source, &message);
        }
        if self.ports.events.writes(Severity::Error) {
            let RouteInfo { api, operation, .. } = &self.info;
            self.ports.events.write(&TraceLine {
                request_id: self.call.request_id,
                api: api.as_ref().map(|api| api.id.as_str()),
                operation: operation.as_ref().map(|operation| operation.id.as_str()),
                source,
                severity: Severity::Error,
                message: &message,
                metadata: &[],
            });
        }
    }
}

/// Waits for both at once; the first failure ends the other.
async fn both<E>(
    mut one: BoxFuture<'_, Result<(), E>>,
    mut two: BoxFuture<'_, Result<(), E>>,
) -> Result<(), E> {
    let (mut one_done, mut two_done) = (false, false);
    std::future::poll_fn(move |cx| {
        for (future, done) in [(&mut one, &mut one_done), (&mut two, &mut two_done)] {
            if !*done && let Poll::Ready(result) = future.as_mut().poll(cx) {
                result?;
                *done = true;
            }
        }
        if one_done && two_done { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}
