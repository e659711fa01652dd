//! One generation of the configuration, immutable.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use tollgate_diagnostics::{Sources, Span};
use tollgate_engine::json_schema::SchemaDocument;
use tollgate_engine::ports::{Call, CallError, EventLogger};
use tollgate_engine::{
    BoxFuture, Chain, Names, PolicyError, Ports, Request, Response, RouteInfo, Secret, Target,
    TrustStore,
};
use tollgate_engine::{Deployment, Url, jose::Certificate};

use crate::backend_choice::{Asked, Choice, Named};
use crate::breaker::Breaker;
use crate::calls::ConfiguredCalls;
use crate::certificates::Validity;
use crate::fetch::AddressGuard;
use crate::llm_log::{LlmLog, has_messages};
use crate::router::Router;
use crate::state_homes::may_name_state;
use crate::subscriptions::Subscriptions;
use crate::telemetry::Redactor;
use crate::wire::{may_name_deployment, system_root_certificates};
use crate::{Backend, BackendPool, Limits, Timeouts};

/// Everything a request needs that does not depend on it. A request keeps the snapshot it began with.
pub struct Snapshot {
    /// Bounds on messages.
    pub limits: Limits,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Bounds on the expressions of one request.
    pub expression_limits: tollgate_engine::ExpressionLimits,
    /// `context.Deployment`.
    pub deployment: Arc<Deployment>,
    /// Backends, certificates and what to mask.
    pub names: Arc<SnapshotNames>,
    /// The outside.
    pub ports: Ports,
    /// What policies may not call.
    pub addresses: AddressGuard,
    /// Certificates of the HTTPS listener; the first serves names that match none.
    pub listen_certificates: Vec<Arc<Certificate>>,
    pub(crate) router: Router,
    pub(crate) subscriptions: Subscriptions,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("router", &self.router).finish_non_exhaustive()
    }
}

/// What policies may refer to by name.
#[derive(Default)]
pub struct SnapshotNames {
    pub(crate) backends: HashMap<Arc<str>, Arc<Backend>>,
    pub(crate) pools: HashMap<Arc<str>, Arc<BackendPool>>,
    pub(crate) certificates: HashMap<String, Arc<Certificate>>,
    /// The time that each certificate is good for, by name.
    pub(crate) validities: BTreeMap<Arc<str>, Validity>,
    /// Where events of policies go.
    pub(crate) loggers: HashMap<String, Arc<dyn EventLogger>>,
    /// What is logged of the calls of models, by API.
    pub(crate) llm_logs: HashMap<String, Arc<LlmLog>>,
    /// Roots besides the system's, and certificates that lead to roots.
    pub(crate) authorities: (Vec<Bytes>, Vec<Bytes>),
    /// DER of what authorities have revoked.
    pub(crate) revocation_lists: Vec<Bytes>,
    /// Schemas by identifier.
    pub(crate) schemas: HashMap<String, Arc<SchemaDocument>>,
    /// Both with the system's, read when an expression first asks.
    pub(crate) trust: OnceLock<TrustStore>,
    pub(crate) redactor: Redactor,
    /// Makes calls of backends; there is nothing to call them in a load that is only checked.
    pub(crate) calls: Option<ConfiguredCalls>,
    /// The files it was loaded from, known when all were read.
    pub(crate) sources: OnceLock<Sources>,
}

impl fmt::Debug for SnapshotNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotNames").finish_non_exhaustive()
    }
}

impl SnapshotNames {
    /// The circuit breakers by backend, in order.
    pub(crate) fn breakers(&self) -> Vec<(&Arc<str>, &Breaker)> {
        let guarded = self.backends.values().filter_map(|it| Some((it, it.breaker.as_deref()?)));
        let mut all: Vec<_> = guarded.map(|(backend, breaker)| (&backend.id, breaker)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// What is logged of the calls of models that a request makes.
    pub(crate) fn llm_log(&self, info: &RouteInfo) -> Option<&Arc<LlmLog>> {
        if self.llm_logs.is_empty() {
            return None;
        }
        self.llm_logs.get(&info.api.as_ref()?.id)
    }

    /// What a name stands for.
    fn named(&self, id: &str) -> Option<Named<'_>> {
        let pool = self.pools.get(id).map(|pool| Named::Pool(pool));
        pool.or_else(|| self.backends.get(id).map(Named::Backend))
    }

    /// The pools, in order.
    pub(crate) fn pools(&self) -> Vec<&BackendPool> {
        let mut all: Vec<&BackendPool> = self.pools.values().map(|pool| &**pool).collect();
        all.sort_unstable_by_key(|pool| &pool.id);
        all
    }
}

impl Names for SnapshotNames {
    fn backend(&self, id: &str) -> Option<Url> {
        let first = || self.pools.get(id)?.members().next().map(|member| &member.backend);
        let backend = self.backends.get(id).or_else(first);
        backend.map(|backend| backend.url.clone())
    }

    fn is_pool(&self, id: &str) -> bool {
        self.pools.contains_key(id)
    }

    fn call_backend(
        &self,
        id: &str,
        call: Call,
    ) -> BoxFuture<'static, Result<Response, CallError>> {
        let failed = |error| -> BoxFuture<'static, _> { Box::pin(std::future::ready(Err(error))) };
        let (Some(named), Some(calls)) = (self.named(id), &self.calls) else {
            return failed(CallError::UnknownBackend(id.to_owned()));
        };
        let asked = Asked { headers: &call.headers, tried: &[], home: None };
        match named.choose(asked) {
            Ok(Choice { backend, permit, .. }) => {
                Box::pin(calls.clone().call_backend(Arc::clone(backend), permit, call))
            }
            Err(retry_after) => {
                failed(CallError::Unavailable { backend: id.to_owned(), retry_after })
            }
        }
    }

    fn wants_request_body(&self, request: &Request, info: &RouteInfo) -> bool {
        if self.llm_log(info).is_some() && has_messages(request) {
            return true;
        }
        let Some(Target::Backend(id)) = &request.target else { return false };
        let renames = |backend: &Arc<Backend>| !backend.deployments.is_empty();
        match self.pools.get(id) {
            Some(pool) => {
                pool.keeps_state && may_name_state(request)
                    || pool.members().any(|member| renames(&member.backend))
                        && may_name_deployment(request)
            }
            None => self.backends.get(id).is_some_and(renames) && may_name_deployment(request),
        }
    }

    fn backend_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> =
            self.backends.keys().chain(self.pools.keys()).map(|id| &**id).collect();
        ids.sort_unstable();
        ids
    }

    fn certificate(&self, id: &str) -> Option<Arc<Certificate>> {
        let by_thumbprint =
            || self.certificates.values().find(|known| known.thumbprint().eq_ignore_ascii_case(id));
        self.certificates.get(id).or_else(by_thumbprint).cloned()
    }

    fn certificate_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.certificates.keys().map(String::as_str).collect();
        ids.sort_unstable();
        ids
    }

    fn logger(&self, id: &str) -> Option<Arc<dyn EventLogger>> {
        self.loggers.get(id).map(Arc::clone)
    }

    fn logger_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.loggers.keys().map(String::as_str).collect();
        ids.sort_unstable();
        ids
    }

    fn trust(&self) -> Option<&TrustStore> {
        Some(self.trust.get_or_init(|| {
            let (roots, intermediates) = &self.authorities;
            let roots = system_root_certificates().into_iter().chain(roots.iter().cloned());
            TrustStore::new(roots, intermediates.iter().cloned())
                .with_revocation_lists(&self.revocation_lists)
        }))
    }

    fn schema(&self, id: &str) -> Option<Arc<SchemaDocument>> {
        self.schemas.get(id).cloned()
    }

    fn schema_ids(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.schemas.keys().map(String::as_str).collect();
        ids.sort_unstable();
        ids
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redactor.redact(text)
    }

    fn place(&self, span: Span) -> Option<String> {
        let file = self.sources.get()?.get(span.file)?;
        let place = file.position(span.range().start);
        Some(format!("{}:{}:{}", file.name(), place.line, place.column))
    }
}

/// What a request was matched to.
#[derive(Debug, Default)]
pub struct Matched {
    /// API, operation, subscription, ….
    pub info: RouteInfo,
    /// Template parameters.
    pub parameters: Vec<(String, String)>,
    /// Documents that apply.
    pub chain: Chain,
    /// Path below the API's, with its leading slash, as on the wire.
    pub path: String,
    /// Query without the gateway's subscription key.
    pub query: String,
    /// Default backend of the API.
    pub target: Option<Target>,
    /// The gateway's subscription keys that headers carry.
    pub keys: Vec<PresentedKey>,
    /// Whether no operation is defined for the request, so that policies may answer in place of one, before anything
    /// else. Of a preflight, the rest is about the request that it asks for.
    pub unmatched: bool,
}

/// A subscription key in a header. When the request is forwarded, the value goes from the header if it is still there.
/// Keys in the query are already gone from it.
#[derive(Debug, Clone)]
pub struct PresentedKey {
    /// The header.
    pub header: HeaderName,
    /// The key.
    pub value: Secret<String>,
}

/// A request that is refused before inbound; on-error of what was matched so far runs.
#[derive(Debug)]
pub struct Refusal {
    /// What was matched so far.
    pub matched: Box<Matched>,
    /// Why.
    pub error: PolicyError,
}

impl Snapshot {
    /// A backend by identifier.
    pub fn backend(&self, id: &str) -> Option<&Arc<Backend>> {
        self.names.backends.get(id)
    }

    /// A pool of backends by identifier.
    pub fn pool(&self, id: &str) -> Option<&BackendPool> {
        self.names.pools.get(id).map(|pool| &**pool)
    }

    /// Matches a request to an API and an operation, and checks its subscription key. `path` and `query` are as on the
    /// wire.
    pub fn route(
        &self,
        method: &Method,
        host: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Matched, Refusal> {
        self.router.route(&self.subscriptions, method, host, path, query, headers)
    }
}
