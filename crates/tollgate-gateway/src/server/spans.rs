//! The span of a request, by OpenTelemetry's conventions for HTTP servers.

use http::header::{HeaderMap, USER_AGENT};
use tollgate_engine::Url;

use crate::telemetry::AccessRecord;
use crate::telemetry::otlp::{RequestSpan, number, redacted_query, text};

/// What is known of a request before policies see it.
pub(super) fn begin(span: &mut RequestSpan, record: &AccessRecord, url: &Url, headers: &HeaderMap) {
    let route = route(record);
    span.name(&record.method, route.as_deref());
    span.set(text("url.scheme", &url.scheme));
    span.set(text("url.path", &url.path));
    if !url.query.is_empty() {
        span.set(text("url.query", &redacted_query(&url.query)));
    }
    span.set(text("server.address", &url.host));
    span.set(number("server.port", url.port));
    span.set(text("client.address", &record.client_ip.to_string()));
    span.set(text("network.protocol.version", version(record.protocol)));
    if let Some(agent) = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()) {
        span.set(text("user_agent.original", agent));
    }
    span.set(text("tollgate.request.id", &record.request_id.to_string()));
    let info = &record.route;
    let known = [
        ("tollgate.api.id", info.api.as_ref().map(|it| &it.id)),
        ("tollgate.operation.id", info.operation.as_ref().map(|it| &it.id)),
        ("tollgate.product.id", info.product.as_ref().map(|it| &it.id)),
        ("tollgate.subscription.id", info.subscription.as_ref().map(|it| &it.id)),
    ];
    for (key, id) in known {
        if let Some(id) = id {
            span.set(text(key, id));
        }
    }
}

/// What became of it.
pub(super) fn end(span: &mut RequestSpan, record: &AccessRecord) {
    if let Some(cache) = record.cache {
        span.set(text("tollgate.cache", cache.name()));
    }
    if let Some(backend) = &record.backend_id {
        span.set(text("tollgate.backend.id", backend));
    }
    span.ended(record.status, record.error.as_ref().map(|error| &*error.reason));
}

/// The template of what was matched: few for each API.
fn route(record: &AccessRecord) -> Option<String> {
    record.route.api.as_ref()?;
    let template = record.route.operation.as_ref().map(|it| it.url_template.as_str());
    let below = template.unwrap_or_default().trim_start_matches('/');
    let base = &record.route.api_path;
    Some(match (base.is_empty(), below.is_empty()) {
        (true, _) => format!("/{below}"),
        (false, true) => format!("/{base}"),
        (false, false) => format!("/{base}/{below}"),
    })
}

fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
