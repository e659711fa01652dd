//! Azure AI Content Safety on loopback: texts and prompt shields, as strict as the service about what it is sent.
//!
//! Nothing is understood here. What a text says is in it as words: `hate-4`, `selfharm-2`, `sexual-6` and `violence-7` give it
//! a severity (the highest of a category counts), `jailbreak` is an attack, and blocklists find their terms. Error codes are the documented ones:
//! <https://learn.microsoft.com/azure/ai-services/content-safety/concepts/response-codes>.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hyper::{Method, StatusCode};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};

use crate::entra::Entra;
use crate::exchange::Exchange;
use crate::ids::{guid, hex, random};
use crate::openai::ApiError;
use crate::reply::{Closed, Reply, json as json_reply, set_header};
use crate::server::{Server, Service, retry_after};

/// Audience of tokens, without a slash at the end.
const AUDIENCE: &str = "https://cognitiveservices.azure.com";
/// Characters (Unicode code points) of a text, and of all documents together.
const MOST_CHARACTERS: usize = 10_000;
/// Documents of one call.
const MOST_DOCUMENTS: usize = 5;
/// Versions that have `text:analyze` as it is here.
const ANALYZE_VERSIONS: [&str; 6] = [
    "2023-10-01",
    "2024-02-15-preview",
    "2024-03-30-preview",
    "2024-09-01",
    "2024-09-15-preview",
    "2024-09-30-preview",
];
/// Versions that have `text:shieldPrompt`.
const SHIELD_VERSIONS: [&str; 4] =
    ["2024-02-15-preview", "2024-09-01", "2024-09-15-preview", "2024-09-30-preview"];
/// The categories, each with the word that gives a severity.
const CATEGORIES: [(&str, &str); 4] = [
    ("Hate", "hate-"),
    ("SelfHarm", "selfharm-"),
    ("Sexual", "sexual-"),
    ("Violence", "violence-"),
];
/// The word that is an attack.
const ATTACK: &str = "jailbreak";

/// Azure AI Content Safety: its blocklists, who may call it, what it received, and what shall go wrong.
#[derive(Clone, Debug)]
pub struct ContentSafety {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    entra: Entra,
    keys: RwLock<Vec<String>>,
    /// Object ids that have a role; `None`: everyone of the tenant has.
    principals: RwLock<Option<BTreeSet<String>>>,
    /// Terms by the name of their list.
    blocklists: RwLock<BTreeMap<String, Vec<String>>>,
}

/// A refusal of the front, or of the service itself: status, `code`, `message`.
enum Refusal {
    Front(ApiError),
    Own(StatusCode, &'static str, String),
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Operation {
    Analyze,
    ShieldPrompt,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Front(error)
    }
}

impl ContentSafety {
    pub(crate) fn new(server: Server, entra: Entra) -> Self {
        let state = State {
            entra,
            keys: RwLock::new(vec![hex(&random::<16>())]),
            principals: RwLock::default(),
            blocklists: RwLock::default(),
        };
        Self { server, state: Arc::new(state) }
    }

    /// Its server: address, what it received, planted faults.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The resource's first key.
    pub fn key(&self) -> String {
        self.state.keys.read().first().cloned().unwrap_or_default()
    }

    /// Accepts exactly these keys from now on.
    pub fn set_keys<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        *self.state.keys.write() = keys.into_iter().map(str::to_owned).collect();
    }

    /// Only these object ids have a role; `None`: every principal of the tenant has.
    pub fn permit(&self, principals: Option<BTreeSet<String>>) {
        *self.state.principals.write() = principals;
    }

    /// Makes a blocklist of these terms, or replaces it.
    pub fn set_blocklist<'a>(&self, name: &str, terms: impl IntoIterator<Item = &'a str>) {
        let terms = terms.into_iter().map(str::to_owned).collect();
        self.state.blocklists.write().insert(name.to_owned(), terms);
    }

    /// Takes a blocklist away.
    pub fn remove_blocklist(&self, name: &str) {
        self.state.blocklists.write().remove(name);
    }

    fn respond(&self, exchange: &Exchange, body: &[u8]) -> Result<Value, Refusal> {
        let segments = exchange.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (operation, versions): (_, &[&str]) = match (exchange.method(), segments.as_slice()) {
            (&Method::POST, ["contentsafety", "text:analyze"]) => {
                (Operation::Analyze, &ANALYZE_VERSIONS)
            }
            (&Method::POST, ["contentsafety", "text:shieldPrompt"]) => {
                (Operation::ShieldPrompt, &SHIELD_VERSIONS)
            }
            _ => return Err(ApiError::no_resource().into()),
        };
        match exchange.query().get("api-version") {
            None => return Err(ApiError::no_resource().into()),
            Some(version) if !versions.contains(&version) => {
                return Err(ApiError::version_not_supported().into());
            }
            Some(_) => {}
        }
        self.admit(exchange)?;
        if !exchange.has_content_type("application/json") {
            let message = "The media type of the request is not supported.".to_owned();
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Refusal::Own(status, "UnsupportedMediaType", message));
        }
        let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
            return Err(wrong("The request body is not a JSON object."));
        };
        match operation {
            Operation::Analyze => self.analyze(&Members(members)),
            Operation::ShieldPrompt => shield_prompt(&Members(members)),
        }
    }

    /// Checks the key, or the token.
    fn admit(&self, exchange: &Exchange) -> Result<(), ApiError> {
        if let Some(key) = exchange.header("ocp-apim-subscription-key") {
            let is_known = self.state.keys.read().iter().any(|known| known == key);
            return if is_known { Ok(()) } else { Err(ApiError::bad_key()) };
        }
        let bearer = exchange
            .header("authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(ApiError::bad_key)?;
        // The service takes its audience with and without a slash at the end.
        let accepted = |audience: &str| audience.strip_suffix('/').unwrap_or(audience) == AUDIENCE;
        let claims = self.state.entra.verify(bearer, accepted);
        let claims = claims.map_err(|_| ApiError::bad_token(AUDIENCE))?;
        let tenant = claims.text("tid").unwrap_or_default();
        if tenant != self.state.entra.tenant_id() {
            return Err(ApiError::other_tenant(tenant));
        }
        let principal = claims.text("oid").unwrap_or_default();
        let permitted =
            self.state.principals.read().as_ref().is_none_or(|only| only.contains(principal));
        if permitted { Ok(()) } else { Err(ApiError::no_permission()) }
    }

    fn analyze(&self, members: &Members) -> Result<Value, Refusal> {
        members.only(&[
            "text",
            "categories",
            "blocklistNames",
            "haltOnBlocklistHit",
            "outputType",
        ])?;
        let text = members.text("text")?;
        let wanted = members.texts("categories")?;
        if let Some(unknown) =
            wanted.iter().flatten().find(|name| !CATEGORIES.iter().any(|(known, _)| known == *name))
        {
            return Err(wrong(format!("The value of 'categories' is invalid: {unknown}")));
        }
        let in_eight = match members.optional_text("outputType")? {
            None | Some("FourSeverityLevels") => false,
            Some("EightSeverityLevels") => true,
            Some(other) => {
                return Err(wrong(format!("The value of 'outputType' is invalid: {other}")));
            }
        };
        let halt = match members.0.get("haltOnBlocklistHit") {
            None => false,
            Some(Value::Bool(halt)) => *halt,
            Some(_) => return Err(wrong("The field 'haltOnBlocklistHit' must be a boolean.")),
        };
        let hits = self.hits(text, &members.texts("blocklistNames")?.unwrap_or_default())?;
        let is_wanted = |name: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.is_empty() || wanted.contains(&name))
        };
        let judged = CATEGORIES.iter().filter(|(name, _)| is_wanted(name)).map(|(name, word)| {
            let severity = severity(text, word);
            let severity = if in_eight { severity } else { severity / 2 * 2 };
            json!({"category": name, "severity": severity})
        });
        let judged = if halt && !hits.is_empty() { Vec::new() } else { judged.collect() };
        Ok(json!({"blocklistsMatch": hits, "categoriesAnalysis": judged}))
    }

    /// The terms of blocklists that are in a text.
    fn hits(&self, text: &str, names: &[&str]) -> Result<Vec<Value>, Refusal> {
        let lists = self.state.blocklists.read();
        let text = text.to_lowercase();
        let mut hits = Vec::new();
        for name in names {
            let Some(terms) = lists.get(*name) else {
                let message = format!("The blocklist '{name}' does not exist.");
                return Err(Refusal::Own(StatusCode::NOT_FOUND, "ResourceNotFound", message));
            };
            for term in terms.iter().filter(|term| text.contains(&term.to_lowercase())) {
                hits.push(json!({
                    "blocklistName": name, "blocklistItemId": guid(), "blocklistItemText": term,
                }));
            }
        }
        Ok(hits)
    }
}

fn shield_prompt(members: &Members) -> Result<Value, Refusal> {
    members.only(&["userPrompt", "documents"])?;
    let prompt = members.text("userPrompt")?;
    let missing = || wrong("The field 'documents' is required.");
    let documents = members.texts("documents")?.ok_or_else(missing)?;
    let characters: usize = documents.iter().map(|document| document.chars().count()).sum();
    if documents.len() > MOST_DOCUMENTS || characters > MOST_CHARACTERS {
        let message = format!(
            "The field 'documents' may have {MOST_DOCUMENTS} items of {MOST_CHARACTERS} characters together."
        );
        return Err(wrong(message));
    }
    let found = |text: &str| json!({"attackDetected": text.contains(ATTACK)});
    let in_documents: Vec<Value> = documents.into_iter().map(found).collect();
    Ok(json!({"userPromptAnalysis": found(prompt), "documentsAnalysis": in_documents}))
}

/// The headers that every answer has, errors included.
fn dress(exchange: &Exchange, reply: &mut Reply) {
    set_header(reply, "apim-request-id", guid());
    set_header(reply, "x-content-type-options", "nosniff");
    set_header(reply, "x-request-id", guid());
    if let Some(id) = exchange.header("x-ms-client-request-id") {
        set_header(reply, "x-ms-client-request-id", id);
    }
}

/// The highest severity, from 0 to 7, that a word and a digit behind it give a text.
fn severity(text: &str, word: &str) -> u32 {
    let text = text.to_lowercase();
    let digits = text
        .match_indices(word)
        .filter_map(|(at, _)| text.get(at + word.len()..)?.chars().next()?.to_digit(8));
    digits.max().unwrap_or(0)
}

fn wrong(message: impl Into<String>) -> Refusal {
    Refusal::Own(StatusCode::BAD_REQUEST, "InvalidRequestBody", message.into())
}

/// The members of a body, judged as the service does.
struct Members(Map<String, Value>);

impl Members {
    fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(unknown) => Err(wrong(format!("The field '{unknown}' is not known."))),
        }
    }

    /// A text that is there, is not empty, and is not too long.
    fn text(&self, name: &str) -> Result<&str, Refusal> {
        let text = self.optional_text(name)?.filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| wrong(format!("The field '{name}' is required.")))?;
        let n = text.chars().count();
        if n > MOST_CHARACTERS {
            let message =
                format!("The field '{name}' has {n} characters, more than {MOST_CHARACTERS}.");
            return Err(wrong(message));
        }
        Ok(text)
    }

    fn optional_text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(format!("The field '{name}' must be a string."))),
        }
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, Refusal> {
        let not_texts = || wrong(format!("The field '{name}' must be an array of strings."));
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(not_texts)?;
        let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
        texts.map(Some).ok_or_else(not_texts)
    }
}

impl Service for ContentSafety {
    async fn answer(&self, mut exchange: Exchange) -> Result<Reply, Closed> {
        let body = exchange.body().await?;
        let mut reply = match self.respond(&exchange, &body) {
            Ok(answer) => json_reply(StatusCode::OK, &answer),
            Err(Refusal::Front(error)) => error.reply(),
            Err(Refusal::Own(status, code, message)) => {
                json_reply(status, &json!({"error": {"code": code, "message": message}}))
            }
        };
        dress(&exchange, &mut reply);
        Ok(reply)
    }

    fn failure(&self, exchange: &Exchange, status: StatusCode, after: Option<Duration>) -> Reply {
        let (code, message) = match status.as_u16() {
            401 => ("401", "Access denied due to invalid subscription key or wrong API endpoint."),
            429 => ("TooManyRequests", "The requests have exceeded the rate limit of the tier."),
            503 => ("ServerBusy", "The server is busy. Please try again later."),
            _ => ("InternalError", "An internal error occurred."),
        };
        let mut reply = json_reply(status, &json!({"error": {"code": code, "message": message}}));
        if let Some(after) = after {
            retry_after(&mut reply, after);
        }
        dress(exchange, &mut reply);
        reply
    }
}
