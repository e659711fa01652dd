//! From a request to an API and an operation.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use tollgate_engine::{Api, Chain, PolicyError, RouteInfo, Secret, Section, Target, Workspace};

use crate::operations::Operations;
use crate::products::ProductRoute;
use crate::snapshot::{Matched, PresentedKey, Refusal};
use crate::subscriptions::{Access, Subscriptions};
use crate::template::{Segments, decode_query, literal_part, query_value};

/// All APIs.
#[derive(Debug, Default)]
pub(crate) struct Router {
    apis: Vec<ApiRoute>,
    /// Indices into `apis` by path, lower case, without slashes at its ends. There are several where versions and
    /// revisions share a path.
    by_path: HashMap<String, SmallVec<[usize; 1]>>,
    /// Most segments of any API's path.
    deepest: usize,
    /// Whether `%2F` and `%5C` may stand in paths.
    encoded_slashes: bool,
    /// Documents that apply when no API matches.
    pub(crate) global: Chain,
}

/// One API.
#[derive(Debug)]
pub(crate) struct ApiRoute {
    pub(crate) api: Arc<Api>,
    /// URL suffix with the version, where that is a segment of it; without slashes at its ends.
    pub(crate) path: Arc<str>,
    /// Where requests name the version.
    pub(crate) version_in: VersionIn,
    pub(crate) target: Option<Target>,
    pub(crate) workspace: Option<Arc<Workspace>>,
    pub(crate) subscription_required: bool,
    /// The product that requests without a key run in.
    pub(crate) open_product: Option<Arc<ProductRoute>>,
    pub(crate) key_headers: Vec<HeaderName>,
    pub(crate) key_queries: Vec<String>,
    /// Whether the key may also be the token of `Authorization: Bearer …`.
    pub(crate) key_bearer: bool,
    /// Documents that apply to requests without an operation.
    pub(crate) chain: Chain,
    /// Empty when the API accepts everything.
    pub(crate) operations: Operations,
}

/// Where requests name the version of an API they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum VersionIn {
    /// In the path, or nowhere.
    Path,
    /// In this query parameter.
    Query(String),
    /// In this header.
    Header(HeaderName),
}

impl Router {
    /// A router over these APIs, which differ in path, version or revision.
    pub(crate) fn new(apis: Vec<ApiRoute>, global: Chain, encoded_slashes: bool) -> Self {
        let mut by_path: HashMap<String, SmallVec<[usize; 1]>> = HashMap::new();
        let mut deepest = 0;
        for (index, route) in apis.iter().enumerate() {
            let path = route.path.to_ascii_lowercase();
            deepest = deepest.max(if path.is_empty() { 0 } else { path.split('/').count() });
            by_path.entry(path).or_default().push(index);
        }
        Self { apis, by_path, deepest, encoded_slashes, global }
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
        let path = &*merge_slashes(path);
        let global = || Matched {
            chain: self.global.clone(),
            path: path.to_owned(),
            query: query.to_owned(),
            unmatched: true,
            ..Matched::default()
        };
        let Some(segments) = segments(path, self.encoded_slashes) else {
            let matched = Matched { unmatched: false, ..global() };
            return Err(Refusal { matched: Box::new(matched), error: bad_path() });
        };
        let Some((route, depth)) = self.api(&segments, query, headers) else {
            return Err(Refusal { matched: Box::new(global()), error: not_found() });
        };
        let mut matched = Matched {
            info: RouteInfo {
                api: Some(Arc::clone(&route.api)),
                api_path: Arc::clone(&route.path),
                workspace: route.workspace.clone(),
                ..RouteInfo::default()
            },
            chain: route.chain.clone(),
            path: below(path, depth).to_owned(),
            query: query.to_owned(),
            target: route.target.clone(),
            ..Matched::default()
        };
        let rest = segments.get(depth..).unwrap_or_default();
        let asked = preflight(method, headers);
        if route.operations.is_empty() {
            // It accepts everything, and defines no operation that would answer a preflight.
            matched.unmatched = asked.is_some();
        } else if !route.enter_operation(method, rest, query, &mut matched) {
            matched.unmatched = true;
            if let Some(asked) = &asked
                && route.enter_operation(asked, rest, query, &mut matched)
            {
                // Its policies are in the context of a product only when the key is in the query: no preflight carries
                // the headers of the request that it asks for.
                drop(authorize(route, subscriptions, host, headers, &mut matched));
            }
            return Err(Refusal { matched: Box::new(matched), error: not_found() });
        }
        match authorize(route, subscriptions, host, headers, &mut matched) {
            Ok(()) => Ok(matched),
            Err(error) => Err(Refusal { matched: Box::new(matched), error }),
        }
    }

    /// The API with the longest path that the request's begins with, and how many segments that is. Compared decoded,
    /// as operations are: a spelling must not lead past the policies of a narrower API. Among those of one path, the
    /// version and the revision that the request names decide.
    fn api(
        &self,
        segments: &[Cow<'_, str>],
        query: &str,
        headers: &HeaderMap,
    ) -> Option<(&ApiRoute, usize)> {
        let mut path = String::new();
        let mut ends = SmallVec::<[usize; 8]>::from_slice(&[0]);
        for segment in segments.iter().take(self.deepest) {
            if ends.len() > 1 {
                path.push('/');
            }
            path.push_str(literal_part(segment));
            ends.push(path.len());
        }
        path.make_ascii_lowercase();
        let mut longest = ends.iter().enumerate().rev();
        let (indices, depth) = longest.find_map(|(depth, end)| {
            let indices = self.by_path.get(path.get(..*end)?)?;
            Some((indices, depth))
        })?;
        let revision = segments.get(..depth)?.iter().find_map(|segment| revision_of(segment));
        let mut original = None;
        for route in indices.iter().filter_map(|index| self.apis.get(*index)) {
            match revision {
                None if !route.api.is_current_revision => continue,
                Some(revision) if route.api.revision != revision => continue,
                None | Some(_) => {}
            }
            let named = match &route.version_in {
                VersionIn::Path => return Some((route, depth)),
                VersionIn::Query(name) => query_value(query, name).map(Cow::Owned),
                VersionIn::Header(name) => {
                    headers.get(name).and_then(|value| value.to_str().ok()).map(Cow::Borrowed)
                }
            };
            if named.is_some_and(|named| named.eq_ignore_ascii_case(&route.api.version)) {
                return Some((route, depth));
            }
            if route.api.version.is_empty() {
                original = Some((route, depth));
            }
        }
        original
    }
}

/// The revision that a segment of an API's path names: `orders;rev=2`.
fn revision_of(segment: &str) -> Option<&str> {
    segment.split(';').skip(1).find_map(|parameter| parameter.strip_prefix("rev="))
}

impl ApiRoute {
    /// Finds the operation and goes on with its policies; false when there is none.
    fn enter_operation(
        &self,
        method: &Method,
        rest: &[Cow<'_, str>],
        query: &str,
        matched: &mut Matched,
    ) -> bool {
        let Some((operation, parameters)) = self.operations.find(method, rest, query) else {
            return false;
        };
        matched.info.operation = Some(Arc::clone(&operation.operation));
        matched.info.contract = Some(Arc::clone(&operation.contract));
        matched.parameters = parameters;
        matched.chain = operation.chain.clone();
        true
    }
}

/// The method that a preflight of the Fetch standard asks about; `None` when the request is none.
fn preflight(method: &Method, headers: &HeaderMap) -> Option<Method> {
    if *method != Method::OPTIONS || !headers.contains_key(ORIGIN) {
        return None;
    }
    Method::from_bytes(headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes()).ok()
}

/// Repeated slashes count as one: backends that merge them would otherwise see another path than the policies.
fn merge_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut merged = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !merged.ends_with('/') {
            merged.push(c);
        }
    }
    Cow::Owned(merged)
}

/// What is left of a path behind `depth` segments, with its leading slash, as on the wire.
fn below(path: &str, depth: usize) -> &str {
    let end = path.match_indices('/').nth(depth).map_or(path.len(), |(index, _)| index);
    path.get(end..).unwrap_or("")
}

/// The segments of a path, decoded. `None` when the path could mean another one to the backend: dot segments, however
/// they are encoded and whatever parameters they have, would climb out of the backend's base path; an encoded slash is a
/// separator to some backends and a character to others.
fn segments(path: &str, encoded_slashes: bool) -> Option<Segments<'_>> {
    let path = path.strip_prefix('/')?;
    path.split('/')
        .map(|raw| {
            if is_plain(raw) {
                return Some(Cow::Borrowed(raw));
            }
            let decoded = percent_decode_str(raw).decode_utf8().ok()?;
            let hides_slash = decoded.contains(['/', '\\']) && !encoded_slashes;
            let twice = percent_decode_str(&decoded).decode_utf8_lossy();
            let unprintable = decoded.chars().any(char::is_control);
            let refused = hides_slash || unprintable || climbs(&decoded) || climbs(&twice);
            (!refused).then_some(decoded)
        })
        .collect()
}

/// Whether nothing in a segment can mean anything but itself, which is so for most.
fn is_plain(raw: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    raw.bytes().all(fits) && !raw.starts_with('.')
}

fn climbs(segment: &str) -> bool {
    segment.split(['/', '\\']).map(literal_part).any(|part| part == ".." || part == ".")
}

fn bad_path() -> PolicyError {
    PolicyError::refused(
        "InvalidRequestPath",
        "The path of the request is not valid.",
        StatusCode::BAD_REQUEST,
    )
    .source("configuration")
    .section(Section::Backend)
}

fn not_found() -> PolicyError {
    let message = "Unable to match incoming request to an operation.";
    PolicyError::refused("OperationNotFound", message, StatusCode::NOT_FOUND)
        .client_message("Resource not found")
        .status_reason("Resource Not Found")
        .source("configuration")
        .section(Section::Backend)
}

/// Checks the subscription key by the rules of Azure's documents: the header first, the query only when no header is
/// there. A key of a product brings the product's policies, one of an API or of all APIs brings none; without a valid key
/// an open product lets in, in its context, or else an API that needs no key.
fn authorize(
    route: &ApiRoute,
    subscriptions: &Subscriptions,
    host: &str,
    headers: &HeaderMap,
    matched: &mut Matched,
) -> Result<(), PolicyError> {
    let in_headers = route.key_headers.iter().find_map(|name| headers.get(name));
    let presented = in_headers
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .or_else(|| bearer_keys(route, headers).next().map(|(_, key)| Cow::Borrowed(key)))
        .or_else(|| {
            let in_query = |name: &String| query_value(&matched.query, name);
            route.key_queries.iter().find_map(in_query).map(Cow::Owned)
        });
    let key_access = |key: &str| subscriptions.access(key, &route.api.id);
    let access = presented.as_deref().map_or(Access::Unknown, key_access);
    take_off_keys(route, headers, matched, |key| !matches!(key_access(key), Access::Unknown));
    let product = match access {
        Access::Granted(grant) => {
            matched.info.subscription = Some(Arc::clone(&grant.subscription));
            matched.info.user.clone_from(&grant.user);
            grant.product.as_ref()
        }
        Access::Denied | Access::Unknown => route.open_product.as_ref(),
    };
    if let Some(product) = product {
        matched.info.product = Some(Arc::clone(&product.product));
        if let Some(document) = &product.document {
            matched.chain.insert(Arc::clone(document));
        }
        return Ok(());
    }
    match access {
        Access::Granted(_) => Ok(()),
        Access::Denied | Access::Unknown if !route.subscription_required => Ok(()),
        Access::Unknown if presented.is_none() => Err(refused(
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

/// The key in a value of `Authorization`.
fn bearer_key(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The values of `Authorization` that may hold a key, each with the key.
fn bearer_keys<'a>(
    route: &ApiRoute,
    headers: &'a HeaderMap,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let values = route.key_bearer.then(|| headers.get_all(AUTHORIZATION));
    let texts = values.into_iter().flatten().filter_map(|value| value.to_str().ok());
    texts.filter_map(|text| Some((text, bearer_key(text)?)))
}

fn refused(route: &ApiRoute, host: &str, reason: &'static str, message: &str) -> PolicyError {
    let error = PolicyError::refused(reason, message, StatusCode::UNAUTHORIZED)
        .status_reason("Access Denied")
        .source("authorization")
        .section(Section::Inbound);
    let name = &route.api.key_header;
    let realm = format!("https://{host}/{}", route.api.path);
    let challenge =
        format!("AzureApiManagementKey realm=\"{realm}\",name=\"{name}\",type=\"header\"");
    match HeaderValue::from_str(&challenge) {
        Ok(value) => error.header(http::header::WWW_AUTHENTICATE, value),
        Err(_) => error,
    }
}

/// Takes every key of the gateway off the request, wherever it may stand. What is nobody's key stays: an API without
/// subscriptions may pass its backend's.
fn take_off_keys(
    route: &ApiRoute,
    headers: &HeaderMap,
    matched: &mut Matched,
    is_key: impl Fn(&str) -> bool,
) {
    for name in &route.key_headers {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        for value in values.filter(|value| is_key(value)) {
            let header = name.clone();
            matched.keys.push(PresentedKey { header, value: Secret::new(value.to_owned()) });
        }
    }
    for (value, _) in bearer_keys(route, headers).filter(|(_, key)| is_key(key)) {
        let value = Secret::new(value.to_owned());
        matched.keys.push(PresentedKey { header: AUTHORIZATION, value });
    }
    let carries_key = |pair: &&str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode_query(name);
        route.key_queries.iter().any(|known| known.eq_ignore_ascii_case(&name))
            && is_key(&decode_query(value))
    };
    if matched.query.split('&').any(|pair| carries_key(&pair)) {
        let kept: Vec<&str> = matched.query.split('&').filter(|pair| !carries_key(pair)).collect();
        matched.query = kept.join("&");
    }
}

#[cfg(test)]
mod tests;
