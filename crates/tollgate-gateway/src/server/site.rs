//! What serving asks of one generation of the configuration.

use std::sync::Arc;

use http::{HeaderMap, Method};
use tollgate_engine::{Deployment, Names, Ports, RouteInfo};

use crate::fetch::AddressGuard;
use crate::llm_log::LlmLog;
use crate::wire::Backends;
use crate::{Backend, BackendPool, Limits, Matched, Refusal, Snapshot, Timeouts};

/// One generation of the configuration. A request keeps the one it began with.
///
/// [`Snapshot`] is the one that directories are loaded into; tests bring their own.
pub trait Site: Backends + 'static {
    /// Matches a request to an API and an operation, and checks its subscription key.
    fn route(
        &self,
        method: &Method,
        host: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Matched, Refusal>;
    /// What policies may refer to by name.
    fn names(&self) -> Arc<dyn Names>;
    /// `context.Deployment`.
    fn deployment(&self) -> &Arc<Deployment>;
    /// The outside.
    fn ports(&self) -> &Ports;
    /// What is logged of the calls of models that a request makes.
    fn llm_log(&self, _info: &RouteInfo) -> Option<&Arc<LlmLog>> {
        None
    }
    /// Bounds on the expressions of one request.
    fn expression_limits(&self) -> tollgate_engine::ExpressionLimits;
}

impl Backends for Snapshot {
    fn backend(&self, id: &str) -> Option<&Arc<Backend>> {
        Snapshot::backend(self, id)
    }

    fn pool(&self, id: &str) -> Option<&BackendPool> {
        Snapshot::pool(self, id)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    fn addresses(&self) -> &AddressGuard {
        &self.addresses
    }
}

impl Site for Snapshot {
    fn route(
        &self,
        method: &Method,
        host: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Matched, Refusal> {
        Snapshot::route(self, method, host, path, query, headers)
    }

    fn names(&self) -> Arc<dyn Names> {
        Arc::clone(&self.names) as Arc<dyn Names>
    }

    fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    fn llm_log(&self, info: &RouteInfo) -> Option<&Arc<LlmLog>> {
        self.names.llm_log(info)
    }

    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn expression_limits(&self) -> tollgate_engine::ExpressionLimits {
        self.expression_limits
    }
}
