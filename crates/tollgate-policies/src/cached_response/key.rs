//! What a cached response is the response to.
//!
//! INVARIANT: requests that the gateway or the backend tells apart have different keys, but for what the policy's author
//! leaves out of them on purpose: headers that `vary-by-header` does not name, and query parameters when
//! `vary-by-query-parameter` names some. Whatever a client can use to make a backend answer for another resource, is
//! either part of the key or makes the request one that is not cached.

use http::HeaderName;
use tollgate_engine::RequestCx;
use tollgate_engine::ports::{CacheKey, CacheKeyBuilder};

use crate::query;

/// Headers by which some backends answer for another method, host or path than the request names. Those that are there
/// are part of the key, so that nobody can put a response to one request in the place of that to another.
const OVERRIDES: [&str; 15] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
];

/// What a policy adds to the key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dimensions {
    pub(crate) headers: Vec<HeaderName>,
    /// Names of query parameters; all of the query when empty.
    pub(crate) query: Vec<String>,
}

/// Which of the caller's properties are part of the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyParts {
    pub(crate) developer: bool,
    pub(crate) groups: bool,
}

/// The key of this request.
pub(crate) fn key(cx: &RequestCx, dimensions: &Dimensions, parts: KeyParts) -> CacheKey {
    let mut key = CacheKeyBuilder::new("response");
    let info = &cx.route.info;
    key.optional(info.workspace.as_ref().map(|workspace| &workspace.id));
    key.optional(info.api.as_ref().map(|api| &api.id));
    key.optional(info.api.as_ref().map(|api| &api.revision));
    key.optional(info.operation.as_ref().map(|operation| &operation.id));
    key.optional(info.product.as_ref().map(|product| &product.id));
    // As the client called it, but for the query, in which the subscription key may be.
    let called = &cx.request.original_url;
    key.part(&called.scheme);
    key.part(called.host.to_ascii_lowercase());
    key.part(called.port.to_le_bytes());
    key.part(&called.path);
    // As it goes to the backend.
    let url = cx.url();
    key.part(&url.scheme);
    key.part(&url.host);
    key.part(url.port.to_le_bytes());
    key.part(&url.path);
    // To some backends a semicolon separates parameters, so one that counts may be inside of one that does not.
    if dimensions.query.is_empty() || url.query.contains(';') {
        key.part(&url.query);
    }
    for name in &dimensions.query {
        key.part(name);
        // As it was sent, name and all: to some backends names in another case are the same.
        for parameter in query::parameters(&url.query) {
            if query::name(parameter).eq_ignore_ascii_case(name) {
                key.optional(Some(parameter));
            }
        }
        key.optional(None::<&str>);
    }
    let overrides = OVERRIDES.iter().map(|name| HeaderName::from_static(name));
    for name in dimensions.headers.iter().cloned().chain(overrides) {
        key.part(name.as_str());
        for value in cx.request.headers.get_all(&name) {
            key.optional(Some(value.as_bytes()));
        }
        key.optional(None::<&[u8]>);
    }
    let user = info.user.as_ref();
    if parts.developer {
        key.optional(user.map(|user| &user.id));
        // All subscriptions of a user are the same developer's; one that nobody owns stands for itself.
        let alone = info.subscription.as_ref().filter(|_| user.is_none());
        key.optional(alone.map(|subscription| &subscription.id));
    }
    if parts.groups {
        let mut groups: Vec<&str> =
            user.map_or(&[][..], |user| &user.groups).iter().map(|group| &*group.id).collect();
        groups.sort_unstable();
        // A user without groups is not a guest.
        key.optional(user.map(|_| "user"));
        for group in groups {
            key.optional(Some(group));
        }
    }
    key.finish()
}
