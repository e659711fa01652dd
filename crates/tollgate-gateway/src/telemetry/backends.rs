//! Metrics of circuit breakers and backend pools.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is counted by backend. Names come from the configuration: there are as many series as backends with circuit breakers,
/// and members of pools, were ever configured. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct BackendMetrics {
    breaker_open: Family<BackendLabels, Gauge>,
    breaker_trips: Family<BackendLabels, Counter>,
    pool_available: Family<PoolLabels, Gauge>,
    pool_requests: Family<MemberLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackendLabels {
    backend: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MemberLabels {
    pool: Arc<str>,
    backend: Arc<str>,
}

impl BackendMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "backend_breaker_open",
            "Whether the circuit breaker of a backend keeps requests away, also while one request finds out whether it must",
            self.breaker_open.clone(),
        );
        registry.register(
            "backend_breaker_trips",
            "Times that the circuit breaker of a backend has opened, or opened again",
            self.breaker_trips.clone(),
        );
        registry.register(
            "backend_pool_members_available",
            "Members of a backend pool that requests may be sent to",
            self.pool_available.clone(),
        );
        registry.register(
            "backend_pool_requests",
            "Calls of the members of a backend pool that were chosen by it",
            self.pool_requests.clone(),
        );
    }

    /// What counts the trips of a backend's breaker.
    pub fn breaker_trips(&self, backend: &Arc<str>) -> Counter {
        let labels = BackendLabels { backend: Arc::clone(backend) };
        self.breaker_trips.get_or_create_owned(&labels)
    }

    /// What counts the calls of a member of a pool.
    pub fn pool_requests(&self, pool: &Arc<str>, backend: &Arc<str>) -> Counter {
        let labels = MemberLabels { pool: Arc::clone(pool), backend: Arc::clone(backend) };
        self.pool_requests.get_or_create_owned(&labels)
    }

    /// Says which pools there are, and how many of their members are available.
    pub fn pools<'a>(&self, pools: impl Iterator<Item = (&'a Arc<str>, usize)>) {
        self.pool_available.clear();
        for (pool, available) in pools {
            let labels = PoolLabels { pool: Arc::clone(pool) };
            let available = i64::try_from(available).unwrap_or(i64::MAX);
            self.pool_available.get_or_create(&labels).set(available);
        }
    }

    /// Says which breakers there are, and which of them keep requests away.
    pub fn breakers<'a>(&self, breakers: impl Iterator<Item = (&'a Arc<str>, bool)>) {
        self.breaker_open.clear();
        for (backend, is_open) in breakers {
            let labels = BackendLabels { backend: Arc::clone(backend) };
            self.breaker_open.get_or_create(&labels).set(i64::from(is_open));
        }
    }
}
