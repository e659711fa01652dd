//! Subscription keys.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use subtle::ConstantTimeEq;
use tollgate_expr::Subscription;

use crate::config::SubscriptionConfig;

/// Who may call which API.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// By the SHA-256 of each key: what the time of a look-up tells is about a digest nobody can steer towards a key.
    by_digest: HashMap<[u8; 32], Entry>,
}

struct Entry {
    subscription: Arc<Subscription>,
    /// `None` for all APIs.
    apis: Option<HashSet<String>>,
    active: bool,
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").field("keys", &self.by_digest.len()).finish()
    }
}

/// What a key gives access to.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// The API may be called.
    Granted(Arc<Subscription>),
    /// The key is the gateway's, but not for this API, or not active.
    Denied,
    /// No subscription has this key.
    Unknown,
}

impl Subscriptions {
    /// From the configuration. Two subscriptions with one key are told apart by nothing, so the first wins; the caller
    /// has reported it.
    pub(crate) fn new(all: &[SubscriptionConfig]) -> (Self, Vec<String>) {
        let mut by_digest = HashMap::new();
        let mut repeated = Vec::new();
        for config in all {
            let key = |index: usize| {
                config.keys.get(index).map(|key| key.expose().clone()).unwrap_or_default()
            };
            for secret in &config.keys {
                let subscription = Subscription {
                    id: config.id.clone(),
                    name: config.name.clone(),
                    key: secret.expose().clone(),
                    primary_key: key(0),
                    secondary_key: key(1),
                    ..Subscription::default()
                };
                let entry = Entry {
                    subscription: Arc::new(subscription),
                    apis: config.apis.as_ref().map(|apis| apis.iter().cloned().collect()),
                    active: config.active,
                };
                if by_digest.insert(hash(secret.expose()), entry).is_some() {
                    repeated.push(config.id.clone());
                }
            }
        }
        (Self { by_digest }, repeated)
    }

    /// What a key gives access to.
    pub(crate) fn access(&self, key: &str, api: &str) -> Access {
        let Some(entry) = self.by_digest.get(&hash(key)) else { return Access::Unknown };
        if !bool::from(entry.subscription.key.as_bytes().ct_eq(key.as_bytes())) {
            return Access::Unknown;
        }
        let in_scope = entry.apis.as_ref().is_none_or(|apis| apis.contains(api));
        if entry.active && in_scope {
            Access::Granted(Arc::clone(&entry.subscription))
        } else {
            Access::Denied
        }
    }
}

fn hash(key: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(digest(&SHA256, key.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
    out
}
