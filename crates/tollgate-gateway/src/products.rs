//! Products: APIs that subscriptions and open access are given to together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tollgate_engine::{Api, CompiledDocument, Product, ProductState};

use crate::config::ProductConfig;

/// One product.
#[derive(Debug)]
pub(crate) struct ProductRoute {
    pub(crate) product: Arc<Product>,
    /// Identifiers of its APIs.
    apis: HashSet<String>,
    /// Its policy document; one that is not there is a `<base/>` in each section.
    pub(crate) document: Option<Arc<CompiledDocument>>,
}

impl ProductRoute {
    /// A product whose APIs are among these.
    pub(crate) fn new(
        config: &ProductConfig,
        apis: &HashMap<&str, Arc<Api>>,
        document: Option<Arc<CompiledDocument>>,
    ) -> Self {
        let product = Product {
            id: config.id.clone(),
            name: config.name.clone(),
            approval_required: config.approval_required,
            subscription_required: config.subscription_required,
            subscriptions_limit: config.subscriptions_limit,
            state: if config.published {
                ProductState::Published
            } else {
                ProductState::NotPublished
            },
            groups: config.groups.clone(),
            apis: config.apis.iter().filter_map(|id| apis.get(id.as_str()).cloned()).collect(),
        };
        let product = Arc::new(product);
        Self { product, apis: config.apis.iter().cloned().collect(), document }
    }

    /// Whether an API is in it.
    pub(crate) fn contains(&self, api: &str) -> bool {
        self.apis.contains(api)
    }

    /// Whether its APIs may be called without a key.
    pub(crate) fn is_open(&self) -> bool {
        !self.product.subscription_required
    }
}
