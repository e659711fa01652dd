//! What the emulators shall do, as JSON: for clients in other languages, and for tests that read better so.
//!
//! ```json
//! {
//!   "openai": {
//!     "answer": "Good morning.",
//!     "answers": [{"when": "weather", "say": "It rains."}],
//!     "block_prompts": [{"word": "bomb", "category": "violence"}],
//!     "block_answers": [{"word": "secret", "category": "hate"}],
//!     "usage": true, "filter_results": true,
//!     "headers": {"gpt-4o": {"x-ratelimit-remaining-tokens": "0", "retry-after-ms": "250"}},
//!     "throttle": [{"deployment": "gpt-4o", "times": 2, "after_ms": 1500}],
//!     "delay_ms": {"gpt-4o": 300},
//!     "streams": {"pause_ms": 20, "silence": {"after": 3, "ms": 1000}, "close_after": 5, "end_after": 7},
//!     "next_streams": [{"close_after": 2}],
//!     "faults": [
//!       {"path": "*/chat/completions", "times": 1, "status": 503},
//!       {"path": "*", "times": 2, "status": 429, "retry_after_ms": 1500},
//!       {"path": "*", "delay_ms": 200}, {"path": "*", "hang": true}, {"path": "*", "close": true},
//!       {"path": "*", "answer": {"status": 418, "headers": {"x": "y"}, "body": "…"}}
//!     ]
//!   },
//!   "content_safety": {"blocklists": {"names": ["project tiger"]}, "faults": []}
//! }
//! ```
//!
//! Everything may be absent, and then stays as it is. Lists of answers, blocked words and faults replace those that were
//! there; `times` may be absent: until it is replaced. `entra`, `imds`, `app_service`, `key_vault` and `echo` take `faults` too.
//! A script that is wrong somewhere does nothing at all.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::control::Emulated;
use crate::faults::Fault;
use crate::openai::{FILTERS, Pace, StreamPlan};
use crate::server::Server;

/// Why a script does nothing: where it is wrong, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {expected}")]
pub struct ScriptError {
    /// Members and numbers of items, joined by dots.
    pub place: String,
    /// What was expected, in words.
    pub expected: String,
}

/// What is done once all of a script has been read.
type Action = Box<dyn FnOnce(&Emulated) + Send>;

/// A value of a script, and where it stands.
#[derive(Clone, Debug)]
struct At<'v> {
    value: &'v Value,
    place: String,
}

impl<'v> At<'v> {
    fn wrong<T>(&self, expected: impl Into<String>) -> Result<T, ScriptError> {
        let place = if self.place.is_empty() { "script" } else { &self.place };
        Err(ScriptError { place: place.to_owned(), expected: expected.into() })
    }

    fn below(&self, name: impl std::fmt::Display, value: &'v Value) -> Self {
        let dot = if self.place.is_empty() { "" } else { "." };
        Self { value, place: format!("{}{dot}{name}", self.place) }
    }

    /// The members of an object.
    fn members(&self) -> Result<Vec<(&'v str, Self)>, ScriptError> {
        let Some(members) = self.value.as_object() else { return self.wrong("an object") };
        Ok(members.iter().map(|(name, value)| (name.as_str(), self.below(name, value))).collect())
    }

    /// The items of a list.
    fn items(&self) -> Result<Vec<Self>, ScriptError> {
        let Some(items) = self.value.as_array() else { return self.wrong("a list") };
        Ok(items.iter().enumerate().map(|(n, value)| self.below(n, value)).collect())
    }

    /// A member that must be there.
    fn needed(&self, name: &str) -> Result<Self, ScriptError> {
        match self.optional(name) {
            Some(value) => Ok(value),
            None => self.wrong(format!("an object with `{name}`")),
        }
    }

    fn optional(&self, name: &str) -> Option<Self> {
        self.value.get(name).map(|value| self.below(name, value))
    }

    /// That there is no other member.
    fn only(&self, known: &[&str]) -> Result<(), ScriptError> {
        for (name, value) in self.members()? {
            if !known.contains(&name) {
                return value.wrong(format!("one of {}", known.join(", ")));
            }
        }
        Ok(())
    }

    fn text(&self) -> Result<String, ScriptError> {
        self.value.as_str().map_or_else(|| self.wrong("a text"), |text| Ok(text.to_owned()))
    }

    fn flag(&self) -> Result<bool, ScriptError> {
        self.value.as_bool().map_or_else(|| self.wrong("`true` or `false`"), Ok)
    }

    fn count(&self) -> Result<usize, ScriptError> {
        let count = self.value.as_u64().and_then(|count| usize::try_from(count).ok());
        count.map_or_else(|| self.wrong("a whole number"), Ok)
    }

    fn milliseconds(&self) -> Result<Duration, ScriptError> {
        let count = self.value.as_u64().map(Duration::from_millis);
        count.map_or_else(|| self.wrong("a number of milliseconds"), Ok)
    }

    fn status(&self) -> Result<u16, ScriptError> {
        let status = self.value.as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| (100..1_000).contains(status));
        status.map_or_else(|| self.wrong("a status code"), Ok)
    }

    /// Texts by name.
    fn texts(&self) -> Result<Vec<(String, String)>, ScriptError> {
        let members = self.members()?.into_iter();
        members.map(|(name, value)| Ok((name.to_owned(), value.text()?))).collect()
    }

    fn map<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Self) -> Result<T, ScriptError>,
    ) -> Result<Option<T>, ScriptError> {
        self.optional(name).map(|value| read(&value)).transpose()
    }
}

/// Reads all of a script, then does it.
pub(crate) fn apply(emulated: &Emulated, script: &Value) -> Result<(), ScriptError> {
    let script = At { value: script, place: String::new() };
    let mut actions: Vec<Action> = Vec::new();
    for (name, part) in script.members()? {
        match name {
            "openai" => openai(&part, &mut actions)?,
            "content_safety" => content_safety(&part, &mut actions)?,
            name if emulated.server(name).is_some() => {
                part.only(&["faults"])?;
                faults(&part, name, &mut actions)?;
            }
            _ => return part.wrong("an emulated server"),
        }
    }
    for action in actions {
        action(emulated);
    }
    Ok(())
}

fn openai(part: &At<'_>, actions: &mut Vec<Action>) -> Result<(), ScriptError> {
    part.only(&[
        "answer",
        "answers",
        "block_prompts",
        "block_answers",
        "usage",
        "filter_results",
        "headers",
        "throttle",
        "delay_ms",
        "streams",
        "next_streams",
        "faults",
    ])?;
    let answer =
        part.map("answer", |at| if at.value.is_null() { Ok(None) } else { at.text().map(Some) })?;
    if let Some(answer) = answer {
        actions.push(Box::new(move |emulated| emulated.openai.set_answer(answer)));
    }
    let answers = part.map("answers", |at| pairs(at, ("when", "say"), None))?;
    let prompts =
        part.map("block_prompts", |at| pairs(at, ("word", "category"), Some(&FILTERS)))?;
    let blocked =
        part.map("block_answers", |at| pairs(at, ("word", "category"), Some(&FILTERS)))?;
    actions
        .push(Box::new(move |emulated| emulated.openai.replace_words(answers, prompts, blocked)));
    if let Some(usage) = part.map("usage", At::flag)? {
        actions.push(Box::new(move |emulated| emulated.openai.give_usage(usage)));
    }
    if let Some(results) = part.map("filter_results", At::flag)? {
        actions.push(Box::new(move |emulated| emulated.openai.give_filter_results(results)));
    }
    for (deployment, headers) in part.map("headers", At::members)?.unwrap_or_default() {
        let (deployment, headers) = (deployment.to_owned(), headers.texts()?);
        actions.push(Box::new(move |emulated| {
            let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            emulated.openai.set_headers(&deployment, headers);
        }));
    }
    rates(part, actions)?;
    if let Some(plan) = part.map("streams", plan)? {
        actions.push(Box::new(move |emulated| emulated.openai.plan_streams(plan)));
    }
    for next in part.map("next_streams", At::items)?.unwrap_or_default() {
        let plan = plan(&next)?;
        actions.push(Box::new(move |emulated| emulated.openai.plan_next_stream(plan)));
    }
    faults(part, "openai", actions)
}

/// 429 and latency of deployments.
fn rates(part: &At<'_>, actions: &mut Vec<Action>) -> Result<(), ScriptError> {
    for throttle in part.map("throttle", At::items)?.unwrap_or_default() {
        throttle.only(&["deployment", "times", "after_ms"])?;
        let deployment = throttle.needed("deployment")?.text()?;
        let times = throttle.map("times", At::count)?;
        let after = throttle.map("after_ms", At::milliseconds)?.unwrap_or(Duration::from_secs(1));
        actions.push(Box::new(move |emulated| match times {
            Some(0) => emulated.openai.unthrottle(&deployment),
            times => emulated.openai.throttle(&deployment, times, after),
        }));
    }
    for (deployment, delay) in part.map("delay_ms", At::members)?.unwrap_or_default() {
        let (deployment, delay) = (deployment.to_owned(), delay.milliseconds()?);
        actions.push(Box::new(move |emulated| emulated.openai.delay(&deployment, delay)));
    }
    Ok(())
}

/// Pairs of texts; the second may have to be one of some words.
fn pairs(
    list: &At<'_>,
    (first, second): (&str, &str),
    words: Option<&[&str]>,
) -> Result<Vec<(String, String)>, ScriptError> {
    let mut pairs = Vec::new();
    for item in list.items()? {
        item.only(&[first, second])?;
        let value = item.needed(second)?;
        let text = value.text()?;
        if let Some(words) = words
            && !words.contains(&text.as_str())
        {
            return value.wrong(format!("one of {}", words.join(", ")));
        }
        pairs.push((item.needed(first)?.text()?, text));
    }
    Ok(pairs)
}

fn plan(at: &At<'_>) -> Result<StreamPlan, ScriptError> {
    at.only(&["pause_ms", "silence", "close_after", "end_after"])?;
    let silence = at.map("silence", |at| {
        at.only(&["after", "ms"])?;
        Ok((at.needed("after")?.count()?, at.needed("ms")?.milliseconds()?))
    })?;
    Ok(StreamPlan {
        pace: at.map("pause_ms", At::milliseconds)?.map_or(Pace::Immediate, Pace::Every),
        silence,
        close_after: at.map("close_after", At::count)?,
        end_after: at.map("end_after", At::count)?,
    })
}

fn content_safety(part: &At<'_>, actions: &mut Vec<Action>) -> Result<(), ScriptError> {
    part.only(&["blocklists", "faults"])?;
    for (name, terms) in part.map("blocklists", At::members)?.unwrap_or_default() {
        let terms = terms.items()?.iter().map(At::text).collect::<Result<Vec<String>, _>>()?;
        let name = name.to_owned();
        actions.push(Box::new(move |emulated| {
            emulated.content_safety.set_blocklist(&name, terms.iter().map(String::as_str));
        }));
    }
    faults(part, "content_safety", actions)
}

/// The faults of a server, in the place of those that are planted.
fn faults(part: &At<'_>, server: &str, actions: &mut Vec<Action>) -> Result<(), ScriptError> {
    let Some(list) = part.optional("faults") else { return Ok(()) };
    let mut planted = Vec::new();
    for item in list.items()? {
        item.only(&[
            "path",
            "times",
            "status",
            "retry_after_ms",
            "delay_ms",
            "hang",
            "close",
            "answer",
        ])?;
        let path = item.needed("path")?.text()?;
        planted.push((path, item.map("times", At::count)?, fault(&item)?));
    }
    let server = server.to_owned();
    actions.push(Box::new(move |emulated| {
        let Some(server) = emulated.server(&server) else { return };
        server.clear_faults();
        for (path, times, fault) in planted {
            plant(server, &path, times, fault);
        }
    }));
    Ok(())
}

fn plant(server: &Server, path: &str, times: Option<usize>, fault: Fault) {
    match times {
        Some(times) => server.fail_next(path, times, fault),
        None => server.fail(path, fault),
    }
}

fn fault(item: &At<'_>) -> Result<Fault, ScriptError> {
    const KINDS: [&str; 5] = ["status", "delay_ms", "hang", "close", "answer"];
    let named = KINDS.iter().filter_map(|kind| Some((*kind, item.optional(kind)?)));
    let named: Vec<(&str, At<'_>)> = named.collect();
    let [(kind, value)] = named.as_slice() else {
        return item.wrong(format!("exactly one of {}", KINDS.join(", ")));
    };
    let after = item.map("retry_after_ms", At::milliseconds)?;
    Ok(match *kind {
        "status" => match (value.status()?, after) {
            (429, Some(after)) => Fault::Throttle(after),
            (_, Some(_)) => return item.wrong("`retry_after_ms` beside a status of 429 alone"),
            (status, None) => Fault::Status(status),
        },
        "delay_ms" => Fault::Delay(value.milliseconds()?),
        "hang" if value.flag()? => Fault::Hang,
        "close" if value.flag()? => Fault::Close,
        "answer" => {
            value.only(&["status", "headers", "body"])?;
            Fault::Answer {
                status: value.needed("status")?.status()?,
                headers: value.map("headers", At::texts)?.unwrap_or_default(),
                body: Bytes::from(value.map("body", At::text)?.unwrap_or_default()),
            }
        }
        _ => return value.wrong("`true`"),
    })
}
