//! Deployments of models, and what they have left of their limits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::openai::errors::ApiError;
use crate::reply::{Reply, set_header};

/// The minute that limits count in.
const WINDOW: Duration = Duration::from_mins(1);
/// What the headers of an unlimited deployment say.
const NOMINAL_REQUESTS: u64 = 10_000;
const NOMINAL_TOKENS: u64 = 10_000_000;

/// What a deployed model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// Chat, completions, responses and realtime.
    Chat,
    /// Embeddings.
    Embeddings,
}

/// A deployed model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Deployment {
    pub(crate) name: String,
    pub(crate) model: String,
    pub(crate) kind: ModelKind,
    requests_per_minute: Option<u64>,
    tokens_per_minute: Option<u64>,
}

impl Deployment {
    /// A deployment called `name` of the chat model `model` (with its date, as answers name it).
    pub fn chat(name: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            model: model.into(),
            kind: ModelKind::Chat,
            requests_per_minute: None,
            tokens_per_minute: None,
        }
    }

    /// A deployment called `name` of the embeddings model `model`.
    pub fn embeddings(name: impl Into<String>, model: impl Into<String>) -> Self {
        Self { kind: ModelKind::Embeddings, ..Self::chat(name, model) }
    }

    /// Refuses what goes over these in a minute, as Azure does.
    pub fn limited(mut self, requests_per_minute: u64, tokens_per_minute: u64) -> Self {
        self.requests_per_minute = Some(requests_per_minute);
        self.tokens_per_minute = Some(tokens_per_minute);
        self
    }
}

/// What was used in the current minute, by deployment.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    used: Mutex<BTreeMap<String, Used>>,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    since: Instant,
    requests: u64,
    tokens: u64,
}

/// What the rate-limit headers say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remaining {
    limits: (u64, u64),
    left: (u64, u64),
    reset: u64,
}

impl Meters {
    /// Takes one request and an estimate of `tokens`, or refuses.
    pub(crate) fn take(
        &self,
        deployment: &Deployment,
        operation: &str,
        version: &str,
        tokens: u64,
    ) -> Result<Remaining, ApiError> {
        let mut used = self.used.lock();
        let now = Instant::now();
        let fresh = Used { since: now, requests: 0, tokens: 0 };
        let used = used.entry(deployment.name.clone()).or_insert(fresh);
        if now.duration_since(used.since) >= WINDOW {
            *used = fresh;
        }
        let wait = WINDOW.saturating_sub(now.duration_since(used.since));
        if deployment.requests_per_minute.is_some_and(|limit| used.requests >= limit) {
            return Err(ApiError::too_many(operation, version, "call", wait));
        }
        // Azure counts a refused call too, but not its tokens.
        used.requests += 1;
        if deployment.tokens_per_minute.is_some_and(|limit| used.tokens + tokens > limit) {
            return Err(ApiError::too_many(operation, version, "token", wait));
        }
        used.tokens += tokens;
        let limits = (
            deployment.requests_per_minute.unwrap_or(NOMINAL_REQUESTS),
            deployment.tokens_per_minute.unwrap_or(NOMINAL_TOKENS),
        );
        let left = (limits.0.saturating_sub(used.requests), limits.1.saturating_sub(used.tokens));
        Ok(Remaining { limits, left, reset: wait.as_secs() })
    }
}

impl Remaining {
    /// Adds the `x-ratelimit-*` headers.
    pub(crate) fn add_to(&self, reply: &mut Reply) {
        for (name, value) in [
            ("x-ratelimit-limit-requests", self.limits.0),
            ("x-ratelimit-limit-tokens", self.limits.1),
            ("x-ratelimit-remaining-requests", self.left.0),
            ("x-ratelimit-remaining-tokens", self.left.1),
            ("x-ratelimit-reset-requests", self.reset),
            ("x-ratelimit-reset-tokens", self.reset),
        ] {
            set_header(reply, name, value.to_string());
        }
    }
}
