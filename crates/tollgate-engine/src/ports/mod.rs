//! What the engine asks of the outside. The gateway adapts these; tests fake them.

mod answer;
mod authorizations;
mod cache;
mod calls;
mod counters;
mod events;
mod identity;
mod keys;
mod semantic_cache;
mod tasks;
mod wire;

use std::fmt;
use std::sync::Arc;

use tollgate_diagnostics::Span;

pub use answer::Answer;
pub use authorizations::Authorizations;
pub use cache::{Cache, CacheKey, CacheKeyBuilder, CachePlace, CacheStatus, Lease};
pub use calls::{Call, CallError, CallToken, Calls, Proxy, Via};
pub use counters::{
    Charge, Correction, Counter, CounterKey, Counters, CountersUnavailable, Standing, Verdict,
    Window,
};
pub use events::{
    CustomMetric, Event, EventLogger, Events, NoEvents, Partition, Severity, TokenUsage, TraceLine,
};
pub use identity::{AccessToken, Identities, IdentityError, TokenSource};
pub use keys::{KeyError, KeySets, KeySource, Refresh};
pub use semantic_cache::{
    Distance, Embedding, Near, Scores, SemanticCache, SemanticCacheSettings,
    SemanticCacheUnavailable, SemanticLookup,
};
pub use tasks::{NoTasks, Tasks};
pub use wire::{
    BodyEnd, BodyError, BodyFilter, ForwardCall, ForwardError, ForwardOptions, HttpVersion, Passed,
    Wire,
};

use crate::jose::Certificate;
use crate::json_schema::SchemaDocument;
use crate::{BoxFuture, Response};

/// Everything a request or a load may reach outside the engine.
#[derive(Clone)]
pub struct Ports {
    /// Signing keys of OpenID issuers.
    pub keys: Arc<dyn KeySets>,
    /// Tokens of the gateway's own identities.
    pub identities: Arc<dyn Identities>,
    /// Tokens for services that are not Azure's.
    pub authorizations: Arc<dyn Authorizations>,
    /// What is kept from one request for others.
    pub cache: Arc<dyn Cache>,
    /// What is kept of language models' answers for questions that mean the same.
    pub semantic_cache: Arc<dyn SemanticCache>,
    /// HTTP calls of policies.
    pub calls: Arc<dyn Calls>,
    /// Counters that limits are kept with.
    pub counters: Arc<dyn Counters>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub randomness: Arc<dyn Randomness>,
    /// Where traces of requests go.
    pub trace: Arc<dyn TraceSink>,
    /// Log lines, metrics and events of policies.
    pub events: Arc<dyn Events>,
    /// Work beside requests.
    pub tasks: Arc<dyn Tasks>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ports")
    }
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now, in .NET ticks: 100 ns since 0001-01-01, UTC.
    fn ticks(&self) -> i64;

    /// Now, in whole seconds since 1970-01-01, UTC.
    fn unix_seconds(&self) -> i64 {
        const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
        (self.ticks() - TICKS_AT_UNIX_EPOCH).div_euclid(10_000_000)
    }

    /// Milliseconds that pass evenly, also when the clock is set: for durations. When the process began they were those
    /// since 1970. A clock that nobody sets needs no other.
    fn steady_ms(&self) -> i64 {
        self.unix_ms()
    }

    /// Now, in whole milliseconds since 1970-01-01, UTC.
    fn unix_ms(&self) -> i64 {
        const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
        (self.ticks() - TICKS_AT_UNIX_EPOCH).div_euclid(10_000)
    }
}

/// Random numbers.
pub trait Randomness: Send + Sync {
    /// 64 random bits; not for keys.
    fn next(&self) -> u64;
    /// Fills bytes with randomness that is fit for keys; false when there is none to be had.
    fn fill(&self, target: &mut [u8]) -> bool {
        aws_lc_rs::rand::fill(target).is_ok()
    }
}

/// Where policies report what they did, for `context.Trace` and the trace of a request.
///
/// Implementations mask secrets; callers pass names of named values, never their secret content.
pub trait TraceSink: Send + Sync {
    /// Whether anybody listens; when not, callers do not build messages.
    fn enabled(&self) -> bool;
    /// One message of a policy, or of the step that ran it.
    fn message(&self, request_id: uuid::Uuid, source: &str, message: &str);
}

/// Names that the configuration defines and policies refer to, at load and at run time.
pub trait Names: Send + Sync {
    /// The base URL of a backend, or of the first member of a pool; `None` when there is no such backend.
    fn backend(&self, id: &str) -> Option<tollgate_expr::Url>;
    /// Whether that backend is several behind one name.
    fn is_pool(&self, _id: &str) -> bool {
        false
    }
    /// Calls a backend, or the member of a pool that is due, with its own URL, credentials and TLS, unless its circuit
    /// breaker is open. `call.url` is what stands behind the backend's URL: a path, a query, both or nothing; where `call`
    /// and the backend's settings say different things the backend's hold. Otherwise like [`Calls::send`].
    fn call_backend(
        &self,
        id: &str,
        _call: Call,
    ) -> BoxFuture<'static, Result<Response, CallError>> {
        let unknown = CallError::UnknownBackend(id.to_owned());
        Box::pin(std::future::ready(Err(unknown)))
    }
    /// Whether the body of a request is to be read before it is sent: it counts in the choice of who gets it, or is logged.
    fn wants_request_body(&self, _request: &crate::Request, _info: &crate::RouteInfo) -> bool {
        false
    }
    /// Identifiers of all backends, for suggestions.
    fn backend_ids(&self) -> Vec<&str>;
    /// A certificate by identifier or thumbprint.
    fn certificate(&self, id: &str) -> Option<Arc<Certificate>>;
    /// Identifiers of all certificates, for suggestions.
    fn certificate_ids(&self) -> Vec<&str>;
    /// A logger by identifier.
    fn logger(&self, _id: &str) -> Option<Arc<dyn EventLogger>> {
        None
    }
    /// Identifiers of all loggers, for suggestions.
    fn logger_ids(&self) -> Vec<&str> {
        Vec::new()
    }
    /// A schema for the validation of bodies, by identifier.
    fn schema(&self, _id: &str) -> Option<Arc<SchemaDocument>> {
        None
    }
    /// Identifiers of all schemas, for suggestions.
    fn schema_ids(&self) -> Vec<&str> {
        Vec::new()
    }
    /// Masks the values of secrets in text that is about to be shown.
    fn redact<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        std::borrow::Cow::Borrowed(text)
    }
    /// File, line and column of a place in a policy document, for operators.
    fn place(&self, _span: Span) -> Option<String> {
        None
    }
    /// Whom certificates are trusted to come from, for `Verify` in expressions; without it none is trusted.
    fn trust(&self) -> Option<&tollgate_expr::TrustStore> {
        None
    }
}
