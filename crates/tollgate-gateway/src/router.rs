//! From a request to an API and an operation.

use std::collections::HashMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use tollgate_engine::{Chain, PolicyError, RouteInfo, Secret, Target};
use tollgate_expr::{Api, Operation};

use crate::snapshot::{Matched, PresentedKey, Refusal};
use crate::subscriptions::{Access, Subscriptions};
use crate::template::{Template, decode_query};

/// All APIs.
#[derive(Debug, Default)]
pub(crate) struct Router {
    apis: Vec<ApiRoute>,
    /// Index into `apis` by path, lower case, without slashes at its ends.
    by_path: HashMap<String, usize>,
    /// Most segments of any API's path.
    deepest: usize,
    /// Documents that apply when no API matches.
    pub(crate) global: Chain,
}

/// One API.
#[derive(Debug)]
pub(crate) struct ApiRoute {
    pub(crate) api: Arc<Api>,
    pub(crate) target: Option<Target>,
    pub(crate) subscription_required: bool,
    pub(crate) key_headers: Vec<HeaderName>,
    pub(crate) key_queries: Vec<String>,
    /// Documents that apply to requests without an operation.
    pub(crate) chain: Chain,
    /// Sorted by rank; empty when the API accepts everything.
    pub(crate) operations: Vec<OperationRoute>,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct OperationRoute {
    pub(crate) operation: Arc<Operation>,
    pub(crate) method: Method,
    pub(crate) template: Template,
    pub(crate) chain: Chain,
}

impl Router {
    /// A router over these APIs, whose paths differ.
    pub(crate) fn new(mut apis: Vec<ApiRoute>, global: Chain) -> Self {
        let mut by_path = HashMap::new();
        let mut deepest = 0;
        for (index, route) in apis.iter_mut().enumerate() {
            route.operations.sort_by_cached_key(|operation| operation.template.rank());
            let path = route.api.path.to_ascii_lowercase();
            deepest = deepest.max(if path.is_empty() { 0 } else { path.split('/').count() });
            by_path.insert(path, index);
        }
        Self { apis, by_path, deepest, global }
    }

    /// Matches a request and checks its subscription key.
    pub(crate) fn route(
        &self,
        subscriptions: &Subscriptions,
        method: &Method,
        host: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Matched, Refusal> {
        let global = || Matched {
            chain: self.global.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..Matched::default()
        };
        let Some(segments) = segments(path) else {
            return Err(Refusal { matched: Box::new(global()), error: bad_path() });
        };
        let Some((route, depth)) = self.api(path, segments.len()) else {
            return Err(Refusal { matched: Box::new(global()), error: not_found() });
        };
        let mut matched = Matched {
            info: RouteInfo { api: Some(Arc::clone(&route.api)), ..RouteInfo::default() },
            chain: route.chain.clone(),
            path: below(path, depth).to_owned(),
            query: query.to_owned(),
            target: route.target.clone(),
            ..Matched::default()
        };
        let rest = segments.get(depth..).unwrap_or_default();
        if !route.operations.is_empty() {
            let found =
                route.operations.iter().filter(|operation| operation.method == *method).find_map(
                    |operation| {
                        operation
                            .template
                            .matches(rest, query)
                            .map(|parameters| (operation, parameters))
                    },
                );
            let Some((operation, parameters)) = found else {
                return Err(Refusal { matched: Box::new(matched), error: not_found() });
            };
            matched.info.operation = Some(Arc::clone(&operation.operation));
            matched.parameters = parameters;
            matched.chain = operation.chain.clone();
        }
        match authorize(route, subscriptions, host, headers, &mut matched) {
            Ok(()) => Ok(matched),
            Err(error) => Err(Refusal { matched: Box::new(matched), error }),
        }
    }

    /// The API with the longest path that the request's begins with, and how many segments that is.
    fn api(&self, path: &str, n_segments: usize) -> Option<(&ApiRoute, usize)> {
        let lower = path.to_ascii_lowercase();
        let lower = lower.strip_prefix('/').unwrap_or(&lower);
        (0..=self.deepest.min(n_segments)).rev().find_map(|depth| {
            let index = self.by_path.get(prefix(lower, depth))?;
            self.apis.get(*index).map(|route| (route, depth))
        })
    }
}

/// The first `depth` segments of a path without its leading slash.
fn prefix(path: &str, depth: usize) -> &str {
    if depth == 0 {
        return "";
    }
    let end = path.match_indices('/').nth(depth - 1).map_or(path.len(), |(index, _)| index);
    path.get(..end).unwrap_or(path)
}

/// What is left of a path behind `depth` segments, with its leading slash, as on the wire.
fn below(path: &str, depth: usize) -> &str {
    let end = path.match_indices('/').nth(depth).map_or(path.len(), |(index, _)| index);
    path.get(end..).unwrap_or("")
}

/// The segments of a path, decoded. `None` when the path could mean another one to the backend: dot segments, however
/// they are encoded, would climb out of the backend's base path.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    path.split('/')
        .map(|raw| {
            let decoded = percent_decode_str(raw).decode_utf8().ok()?;
            let climbs = decoded.split(['/', '\\']).any(|part| part == ".." || part == ".");
            let unprintable = decoded.chars().any(char::is_control);
            (!climbs && !unprintable).then(|| decoded.into_owned())
        })
        .collect()
}

fn bad_path() -> PolicyError {
    PolicyError::refused(
        "InvalidRequestPath",
        "The path of the request is not valid.",
        StatusCode::BAD_REQUEST,
    )
    .source("configuration")
}

fn not_found() -> PolicyError {
    let message = "Unable to match incoming request to an operation.";
    PolicyError::refused("OperationNotFound", message, StatusCode::NOT_FOUND)
        .client_message("Resource not found")
        .source("configuration")
}

/// Checks the subscription key by the rules of Azure's documents: the header first, the query only when no header is
/// there; without a valid key only an API that needs none is open.
fn authorize(
    route: &ApiRoute,
    subscriptions: &Subscriptions,
    host: &str,
    headers: &HeaderMap,
    matched: &mut Matched,
) -> Result<(), PolicyError> {
    let in_header =
        route.key_headers.iter().find_map(|name| headers.get(name).map(|value| (name, value)));
    let presented = match in_header {
        Some((name, value)) => value.to_str().ok().map(|key| (Some(name.clone()), key.to_owned())),
        None => route
            .key_queries
            .iter()
            .find_map(|name| key_in_query(&matched.query, name))
            .map(|key| (None, key)),
    };
    let none_presented = in_header.is_none() && presented.is_none();
    let access = presented
        .as_ref()
        .map_or(Access::Unknown, |(_, key)| subscriptions.access(key, &route.api.id));
    // Only what is the gateway's own key is taken off the request; an API without subscriptions may pass its backend's.
    if let (Some((header, key)), Access::Granted(_) | Access::Denied) = (presented, &access) {
        if header.is_none() {
            matched.query = without_key(&matched.query, &route.key_queries, &key);
        }
        matched.key = Some(PresentedKey { header, value: Secret::new(key) });
    }
    match access {
        Access::Granted(subscription) => {
            matched.info.subscription = Some(subscription);
            Ok(())
        }
        Access::Denied | Access::Unknown if !route.subscription_required => Ok(()),
        Access::Unknown if none_presented => Err(refused(
            route,
            host,
            "SubscriptionKeyNotFound",
            "Access denied due to missing subscription key. Make sure to include subscription key when making requests to this API.",
        )
        .client_message("Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.")),
        Access::Denied | Access::Unknown => Err(refused(
            route,
            host,
            "SubscriptionKeyInvalid",
            "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
        )),
    }
}

fn refused(route: &ApiRoute, host: &str, reason: &'static str, message: &str) -> PolicyError {
    let error = PolicyError::refused(reason, message, StatusCode::UNAUTHORIZED)
        .status_reason("Access Denied")
        .source("authorization");
    let name = &route.api.key_header;
    let realm = format!("https://{host}/{}", route.api.path);
    let challenge =
        format!("AzureApiManagementKey realm=\"{realm}\",name=\"{name}\",type=\"header\"");
    match HeaderValue::from_str(&challenge) {
        Ok(value) => error.header(http::header::WWW_AUTHENTICATE, value),
        Err(_) => error,
    }
}

fn key_in_query(query: &str, name: &str) -> Option<String> {
    crate::template::query_value(query, name)
}

/// The query without the parameters that carry the key.
fn without_key(query: &str, names: &[String], key: &str) -> String {
    let carries_key = |pair: &&str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode_query(name);
        names.iter().any(|known| known.eq_ignore_ascii_case(&name)) && decode_query(value) == key
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !carries_key(pair)).collect();
    kept.join("&")
}

#[cfg(test)]
mod tests;
