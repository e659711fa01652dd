//! What a test has said of the emulated model's answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::openai::text::Answer;
use crate::openai::{ApiError, OpenAi};
use crate::reply::Reply;

/// What the content filter can find, in Azure's words.
pub(crate) const FILTERS: [&str; 4] = ["hate", "self_harm", "sexual", "violence"];

/// Words, each with what comes of it.
type Words = Vec<(String, String)>;

/// How the model answers.
#[derive(Debug)]
pub(super) struct Behaviour {
    /// What it says instead of what it received.
    pub(super) answer: Option<String>,
    /// What it says to prompts with a word: word and answer.
    pub(super) answers: Words,
    /// Words that the content filter finds in prompts, each with its category.
    pub(super) blocked: Words,
    /// Likewise in answers.
    pub(super) blocked_answers: Words,
    /// Whether answers say what was used.
    pub(super) usage: bool,
    /// Whether answers say what the content filter found.
    pub(super) filter_results: bool,
    /// Headers of the answers of a deployment, in the place of its own.
    pub(super) headers: BTreeMap<String, Vec<(String, String)>>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            answer: None,
            answers: Vec::new(),
            blocked: Vec::new(),
            blocked_answers: Vec::new(),
            usage: true,
            filter_results: true,
            headers: BTreeMap::new(),
        }
    }
}

impl OpenAi {
    /// Answers with this text instead of what was received; `None` takes it back.
    pub fn set_answer(&self, answer: Option<String>) {
        self.state.behaviour.write().answer = answer;
    }

    /// Answers prompts with this word so; the first of several words counts, and any goes before [`OpenAi::set_answer`].
    pub fn answer_when(&self, word: &str, answer: &str) {
        self.state.behaviour.write().answers.push((word.to_owned(), answer.to_owned()));
    }

    /// Refuses prompts with this word by the content filter, for `hate`, `self_harm`, `sexual` or `violence`.
    pub fn block_word(&self, word: &str, category: &str) {
        self.state.behaviour.write().blocked.push((word.to_owned(), category.to_owned()));
    }

    /// Ends answers before this word by the content filter, likewise.
    pub fn block_answer_word(&self, word: &str, category: &str) {
        self.state.behaviour.write().blocked_answers.push((word.to_owned(), category.to_owned()));
    }

    /// Puts lists of words in the place of those that are there: answers, blocked in prompts, blocked in answers.
    pub(crate) fn replace_words(
        &self,
        answers: Option<Words>,
        prompts: Option<Words>,
        blocked_answers: Option<Words>,
    ) {
        let mut behaviour = self.state.behaviour.write();
        let Behaviour { answers: a, blocked: p, blocked_answers: b, .. } = &mut *behaviour;
        for (words, list) in [(answers, a), (prompts, p), (blocked_answers, b)] {
            if let Some(words) = words {
                *list = words;
            }
        }
    }

    /// Takes back every answer and blocked word.
    pub fn forget_answers(&self) {
        let mut behaviour = self.state.behaviour.write();
        behaviour.answer = None;
        behaviour.answers.clear();
        behaviour.blocked.clear();
        behaviour.blocked_answers.clear();
    }

    /// Whether answers, and streams that are asked for it, say what was used.
    pub fn give_usage(&self, given: bool) {
        self.state.behaviour.write().usage = given;
    }

    /// Whether answers and streams say what the content filter found, as Azure's do and OpenAI's do not.
    pub fn give_filter_results(&self, given: bool) {
        self.state.behaviour.write().filter_results = given;
    }

    /// Gives the answers of a deployment these headers, errors included, such as `x-ratelimit-remaining-tokens` and
    /// `retry-after-ms`, in the place of its own of those names; none takes it back.
    pub fn set_headers<'a>(
        &self,
        deployment: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.state.behaviour.write().headers.insert(deployment.to_owned(), headers.collect());
    }

    /// What the model says to a prompt, within `limit` tokens; `received` is what it says when nothing else is wanted.
    pub(super) fn answer(&self, prompt: &str, received: &str, limit: Option<u64>) -> Answer {
        let behaviour = self.state.behaviour.read();
        let wanted = behaviour.answers.iter().find(|(word, _)| prompt.contains(word.as_str()));
        let wanted = wanted.map(|(_, answer)| answer.as_str()).or(behaviour.answer.as_deref());
        let text = wanted.unwrap_or(received);
        let found = behaviour
            .blocked_answers
            .iter()
            .filter_map(|(word, category)| text.find(word.as_str()).map(|at| (at, category)));
        match found.min_by_key(|(at, _)| *at) {
            Some((at, category)) => {
                let before = text.get(..at).unwrap_or_default();
                Answer::new(before, limit).filtered(category)
            }
            None => Answer::new(text, limit),
        }
    }

    /// Refuses a prompt with a blocked word.
    pub(super) fn filter(&self, prompt: &str) -> Result<(), ApiError> {
        let behaviour = self.state.behaviour.read();
        let blocked = behaviour.blocked.iter().find(|(word, _)| prompt.contains(word.as_str()));
        blocked.map_or(Ok(()), |(_, category)| Err(ApiError::filtered(category)))
    }

    pub(super) fn gives_usage(&self) -> bool {
        self.state.behaviour.read().usage
    }

    /// Takes from answers, or the chunks of one, what is not to be given.
    pub(super) fn strip<'v>(&self, answers: impl IntoIterator<Item = &'v mut Value>) {
        let behaviour = self.state.behaviour.read();
        for answer in answers {
            let Some(members) = answer.as_object_mut() else { continue };
            if !behaviour.usage {
                members.remove("usage");
            }
            if behaviour.filter_results {
                continue;
            }
            members.remove("prompt_filter_results");
            let choices = members.get_mut("choices").and_then(Value::as_array_mut);
            for choice in choices.into_iter().flatten().filter_map(Value::as_object_mut) {
                choice.remove("content_filter_results");
            }
        }
    }

    /// Adds the headers of a deployment.
    pub(super) fn add_headers(&self, deployment: &str, reply: &mut Reply) {
        let behaviour = self.state.behaviour.read();
        for (name, value) in behaviour.headers.get(deployment).into_iter().flatten() {
            let name = hyper::header::HeaderName::from_bytes(name.as_bytes());
            let value = hyper::header::HeaderValue::from_str(value);
            if let (Ok(name), Ok(value)) = (name, value) {
                reply.headers_mut().insert(name, value);
            }
        }
    }
}

/// What the content filter found in something; all is safe but the category, if there is one.
pub(crate) fn filter_results(found: Option<&str>) -> Value {
    let results = FILTERS.iter().map(|name| {
        let hit = found == Some(name);
        let severity = if hit { "high" } else { "safe" };
        ((*name).to_owned(), json!({"filtered": hit, "severity": severity}))
    });
    Value::Object(results.collect())
}

/// What it found in a prompt, where it also looks for attacks.
pub(crate) fn prompt_filter_results(found: Option<&str>) -> Value {
    let mut results = filter_results(found);
    if let Some(results) = results.as_object_mut() {
        results.insert("jailbreak".to_owned(), json!({"filtered": false, "detected": false}));
    }
    results
}
