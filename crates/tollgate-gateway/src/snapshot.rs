//! One generation of the configuration, immutable.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use tollgate_engine::{Chain, PolicyError, RouteInfo, Target};

use crate::{Backend, Limits, Timeouts};

/// Everything a request needs that does not depend on it. A request keeps the snapshot it began with.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) backends: HashMap<Arc<str>, Arc<Backend>>,
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
    /// Name of the header that carried the gateway's subscription key, and its value: removed when forwarding unless a policy has written
    /// another value there.
    pub key_header: Option<http::HeaderName>,
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
        self.backends.get(id)
    }

    /// Matches a request to an API and an operation, and checks its subscription key.
    pub fn route(
        &self,
        method: &Method,
        host: &str,
        path: &str,
        query: &str,
        headers: &http::HeaderMap,
    ) -> Result<Matched, Refusal> {
        let _ = (method, host, path, query, headers);
        Ok(Matched::default())
    }
}
