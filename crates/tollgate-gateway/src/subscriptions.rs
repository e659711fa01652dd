//! Subscription keys.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use subtle::ConstantTimeEq;
use tollgate_diagnostics::Span;
use tollgate_engine::{Subscription, User};

use crate::config::{SubscriptionConfig, SubscriptionScope};
use crate::products::ProductRoute;

/// Who may call which API.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// By the SHA-256 of each key: what the time of a look-up tells is about a digest nobody can steer towards a key.
    by_digest: HashMap<[u8; 32], Entry>,
}

struct Entry {
    grant: Grant,
    reach: Reach,
    active: bool,
}

/// What a key is for.
#[derive(Debug)]
enum Reach {
    All,
    Apis(HashSet<String>),
    /// Of the grant's product.
    Product,
}

/// Who is behind a key.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) subscription: Arc<Subscription>,
    /// Its owner.
    pub(crate) user: Option<Arc<User>>,
    /// The product that it is for.
    pub(crate) product: Option<Arc<ProductRoute>>,
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").field("keys", &self.by_digest.len()).finish()
    }
}

/// What a key gives access to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access<'a> {
    /// The API may be called.
    Granted(&'a Grant),
    /// The key is the gateway's, but not for this API, or not active.
    Denied,
    /// No subscription has this key.
    Unknown,
}

impl Subscriptions {
    /// From the configuration, whose names refer to these products and users. Two subscriptions with one key are told
    /// apart by nothing: the places of the later ones come back, and the result must not be used.
    pub(crate) fn new(
        all: &[SubscriptionConfig],
        products: &[Arc<ProductRoute>],
        users: &[User],
    ) -> (Self, Vec<Span>) {
        let users: HashMap<&str, Arc<User>> =
            users.iter().map(|user| (user.id.as_str(), Arc::new(user.clone()))).collect();
        let products: HashMap<&str, &Arc<ProductRoute>> =
            products.iter().map(|route| (route.product.id.as_str(), route)).collect();
        let mut by_digest = HashMap::new();
        let mut repeated = Vec::new();
        for config in all {
            let user = config.user.as_deref().and_then(|id| users.get(id).cloned());
            for secret in &config.keys {
                let (reach, product) = match &config.scope {
                    SubscriptionScope::All => (Reach::All, None),
                    SubscriptionScope::Apis(apis) => {
                        (Reach::Apis(apis.iter().cloned().collect()), None)
                    }
                    SubscriptionScope::Product(id) => {
                        (Reach::Product, products.get(id.as_str()).copied().cloned())
                    }
                };
                let subscription = Arc::new(subscription(config, secret.expose()));
                let grant = Grant { subscription, user: user.clone(), product };
                let entry = Entry { grant, reach, active: config.active };
                if by_digest.insert(hash(secret.expose()), entry).is_some() {
                    repeated.push(config.span);
                }
            }
        }
        (Self { by_digest }, repeated)
    }

    /// What a key gives access to.
    pub(crate) fn access(&self, key: &str, api: &str) -> Access<'_> {
        let Some(entry) = self.by_digest.get(&hash(key)) else { return Access::Unknown };
        if !bool::from(entry.grant.subscription.key.as_bytes().ct_eq(key.as_bytes())) {
            return Access::Unknown;
        }
        let in_scope = match &entry.reach {
            Reach::All => true,
            Reach::Apis(apis) => apis.contains(api),
            Reach::Product => entry.grant.product.as_ref().is_some_and(|it| it.contains(api)),
        };
        if entry.active && in_scope { Access::Granted(&entry.grant) } else { Access::Denied }
    }
}

/// A subscription as the policies of a request see it that brought this key.
fn subscription(config: &SubscriptionConfig, key: &str) -> Subscription {
    let nth =
        |index: usize| config.keys.get(index).map(|key| key.expose().clone()).unwrap_or_default();
    Subscription {
        id: config.id.clone(),
        name: config.name.clone(),
        key: key.to_owned(),
        primary_key: nth(0),
        secondary_key: nth(1),
        created: config.created,
        start: config.start,
        end: config.end,
    }
}

fn hash(key: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(digest(&SHA256, key.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
    out
}
