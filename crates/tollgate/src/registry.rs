//! What this binary is made of.

use tollgate_gateway::Registry;
use tollgate_gateway::config::Environment;

/// The policies of this binary.
pub(crate) const REGISTRY: Registry = Registry {
    policies: tollgate_policies::ALL,
    unsupported: tollgate_policies::UNSUPPORTED,
    default_global: tollgate_policies::DEFAULT_GLOBAL,
};

/// The environment of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
