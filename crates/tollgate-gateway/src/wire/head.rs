//! Heads of requests and responses as they go to the other side.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Uri, Version};
use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};
use pingora::http::{RequestHeader, ResponseHeader};
use tollgate_engine::{Body, Response, Secret};

use super::exchange::Framing;
use super::hop_by_hop::{strip_named, strip_response, strip_standard};
use super::origin::Origin;
use crate::Credentials;

/// Bytes that policies may have put into a path or query and that cannot stand there.
const UNSAFE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'#').add(b'{').add(b'}').add(b'|');

/// Characters that stand for themselves in a query parameter (RFC 3986, unreserved).
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the client's request carried that must not, or not so, reach the backend.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    /// `Host` as it came. The same value, by identity, is replaced by the backend's; one that a policy wrote stays, even
    /// when it reads the same.
    pub host: Option<HeaderValue>,
    /// `TE: trailers`: the client can take trailers, and gRPC insists that the backend hears of it.
    pub(crate) trailers: bool,
    /// The headers with a subscription key of the gateway, and the key. What a policy has written instead stays.
    pub keys: Vec<(HeaderName, Secret<String>)>,
}

/// Takes a value off a header; its other values stay, also where a policy has joined them to one line.
fn take_off(headers: &mut HeaderMap, name: &HeaderName, key: &str) {
    let parts = |value: &HeaderValue| -> Option<Vec<String>> {
        Some(value.to_str().ok()?.split(',').map(|part| part.trim().to_owned()).collect())
    };
    let holds_key = |value: &HeaderValue| {
        parts(value).is_some_and(|parts| parts.iter().any(|part| part == key))
    };
    if !headers.get_all(name).iter().any(holds_key) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| {
            let Some(mut parts) = parts(value).filter(|_| holds_key(value)) else {
                return Some(value.clone());
            };
            parts.retain(|part| part != key);
            let mut left =
                HeaderValue::from_str(&parts.join(",")).ok().filter(|_| !parts.is_empty())?;
            left.set_sensitive(value.is_sensitive());
            Some(left)
        })
        .collect();
    headers.remove(name);
    for value in kept {
        headers.append(name, value);
    }
}

/// The target cannot be written down.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the path or query of the request is malformed")]
pub(crate) struct MalformedTarget;

/// Path and query at the backend: the base path, the request's path below it, the request's query and the backend's.
pub(crate) fn target(
    base: &str,
    path: &str,
    query: &str,
    credentials: Option<&Credentials>,
) -> Result<PathAndQuery, MalformedTarget> {
    let base = base.trim_end_matches('/');
    let mut text = String::with_capacity(base.len() + path.len() + query.len() + 2);
    push_escaped(&mut text, base);
    if !path.is_empty() {
        if !path.starts_with('/') {
            text.push('/');
        }
        push_escaped(&mut text, path);
    }
    if !text.starts_with('/') {
        text.insert(0, '/');
    }
    // A policy may have put a part of the request into the path; it must not climb out of the backend's base path.
    if climbs(&text) {
        return Err(MalformedTarget);
    }
    let own = credentials.map(|it| it.query.as_slice()).unwrap_or_default();
    let replaced = |part: &str| {
        let name = part.split('=').next().unwrap_or(part);
        let name = percent_decode_str(name).decode_utf8_lossy();
        own.iter().any(|(known, _)| *known == name)
    };
    let mut separator = '?';
    for part in
        query.split('&').filter(|part| !part.is_empty() && (own.is_empty() || !replaced(part)))
    {
        text.push(separator);
        push_escaped(&mut text, part);
        separator = '&';
    }
    for (name, value) in own {
        text.push(separator);
        text.extend(utf8_percent_encode(name, PARAMETER));
        text.push('=');
        text.extend(utf8_percent_encode(value.expose(), PARAMETER));
        separator = '&';
    }
    PathAndQuery::from_maybe_shared(Bytes::from(text)).map_err(|_| MalformedTarget)
}

fn climbs(path: &str) -> bool {
    if !path.contains('.') && !path.contains('%') {
        return false;
    }
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|segment| segment == ".." || segment == ".")
}

fn push_escaped(text: &mut String, part: &str) {
    if part.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>#{}|".contains(&byte)) {
        text.push_str(part);
    } else {
        text.extend(utf8_percent_encode(part, UNSAFE));
    }
}

/// What is sent to a backend.
pub(crate) struct Outgoing<'a> {
    /// Method.
    pub(crate) method: &'a Method,
    /// Headers as policies left them.
    pub(crate) headers: HeaderMap,
    /// Path and query.
    pub(crate) target: PathAndQuery,
    /// Destination.
    pub(crate) origin: &'a Origin,
    /// What the client's request carried.
    pub(crate) received: &'a Received,
    /// `Authorization` for the backend, which replaces any other.
    pub(crate) authorization: Option<HeaderValue>,
    /// Body.
    pub(crate) framing: &'a Framing,
    /// A WebSocket handshake.
    pub(crate) upgrade: bool,
    /// Pass on `Expect: 100-continue`.
    pub(crate) expect: bool,
}

/// The head of a request for a backend.
pub(crate) fn request_head(
    outgoing: Outgoing<'_>,
    http2: bool,
) -> Result<Box<RequestHeader>, MalformedTarget> {
    let Outgoing {
        method,
        mut headers,
        target,
        origin,
        received,
        authorization,
        framing,
        upgrade,
        expect,
    } = outgoing;
    let host = strip_for_others(&mut headers, received);
    let host = host.unwrap_or_else(|| origin.authority.clone());
    if let Some(backend) = &origin.backend {
        backend.credentials.put_headers(&mut headers);
    }
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization);
    }
    match framing {
        Framing::Whole(body) => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()))),
        Framing::Length(length) => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(*length))),
        Framing::Open if !http2 => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        // RFC 9110 §8.6 asks for the length where the method expects a body.
        Framing::None if matches!(*method, Method::POST | Method::PUT | Method::PATCH) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Framing::Open | Framing::None => {}
    }
    if expect {
        headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
    }
    if upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    let (mut parts, ()) = http::Request::new(()).into_parts();
    if http2 {
        let scheme = if origin.secure { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(target);
        parts.uri = uri.build().map_err(|_| MalformedTarget)?;
        parts.version = Version::HTTP_2;
        if received.trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
    } else {
        headers.insert(HOST, host);
        parts.uri = Uri::from(target);
    }
    let proxy = origin.proxy.as_deref().filter(|_| !http2 && !origin.secure);
    if let Some(value) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
        let value = HeaderValue::try_from(value.expose()).map_err(|_| MalformedTarget)?;
        headers.insert(PROXY_AUTHORIZATION, value);
    }
    parts.method = method.clone();
    parts.headers = headers;
    let mut head = RequestHeader::from(parts);
    if proxy.is_some() {
        // RFC 9112 §3.2.2: a proxy is asked for the whole URL.
        let whole = [b"http://", origin.authority.as_bytes(), head.raw_path()].concat();
        head.set_raw_path(&whole).map_err(|_| MalformedTarget)?;
    }
    Ok(Box::new(head))
}

/// Removes from a request's headers what is between the client and the gateway alone: the connection's headers, the
/// framing, the gateway's own subscription keys and `Host`. Gives `Host` back when a policy has written it.
pub(super) fn strip_for_others(
    headers: &mut HeaderMap,
    received: &Received,
) -> Option<HeaderValue> {
    strip_standard(headers);
    headers.remove(EXPECT);
    headers.remove(CONTENT_LENGTH);
    for (name, key) in &received.keys {
        take_off(headers, name, key.expose());
    }
    headers.remove(HOST).filter(|host| !is_as_received(host, received.host.as_ref()))
}

fn is_as_received(host: &HeaderValue, received: Option<&HeaderValue>) -> bool {
    received.is_some_and(|received| std::ptr::eq(host.as_bytes(), received.as_bytes()))
}

/// What is left of the headers when a redirect leads to another origin: only what describes the request itself. Which of the
/// others prove something, nobody but their author knows.
pub(crate) fn keep_harmless(headers: &mut HeaderMap) {
    strip_named(headers, |name| !is_harmless(name));
    let secret: Vec<HeaderName> = headers
        .iter()
        .filter(|(_, value)| value.is_sensitive())
        .map(|(name, _)| name.clone())
        .collect();
    for name in secret {
        headers.remove(name);
    }
}

fn is_harmless(name: &str) -> bool {
    let prefixes = ["accept", "content-", "if-"];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
        || matches!(
            name,
            "user-agent" | "range" | "traceparent" | "tracestate" | "x-ms-client-request-id"
        )
}

/// A backend's response as policies see it.
pub(crate) fn response(header: &ResponseHeader, over: bool) -> Response {
    let mut headers = header.headers.clone();
    strip_response(&mut headers);
    let reason = header
        .get_reason_phrase()
        .filter(|reason| Some(*reason) != header.status.canonical_reason());
    Response {
        status: header.status,
        reason: reason.map(Arc::from),
        headers,
        body: if over { Body::Empty } else { Body::Stream },
        consumed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, path: &str, query: &str, own: &[(&str, &str)], expected: &str) {
        let query_credentials = own
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())))
            .collect();
        let credentials = Credentials { query: query_credentials, ..Credentials::default() };
        let target = target(base, path, query, Some(&credentials)).unwrap();
        assert_eq!(target.as_str(), expected);
    }

    #[test]
    fn targets_join_base_path_query_and_credentials() {
        check("", "", "", &[], "/");
        check("/", "/", "", &[], "/");
        check("/openai/", "/chat", "", &[], "/openai/chat");
        check("/openai", "chat", "a=1&b=2", &[], "/openai/chat?a=1&b=2");
        check("/openai", "", "", &[], "/openai");
        check("", "/a%2Fb", "q=%20", &[], "/a%2Fb?q=%20");
        check("", "/a b/ü", "q=a b#c", &[], "/a%20b/%C3%BC?q=a%20b%23c");
        check("", "/x", "code=client&other=1", &[("code", "k/y=")], "/x?other=1&code=k%2Fy%3D");
        check("", "/x", "c%6fde=client", &[("code", "1"), ("code", "2")], "/x?code=1&code=2");
        check("", "/x", "&&a", &[], "/x?a");
        check("/v1.0", "/a.b/..c", "p=../x", &[], "/v1.0/a.b/..c?p=../x");
    }

    #[test]
    fn targets_do_not_climb() {
        for path in ["/../admin", "/a/..", "/./a", "/%2e%2E/admin", "/a%2f..%2fb", "/a\\..\\b"] {
            assert!(target("/openai", path, "", None).is_err(), "{path}");
        }
    }
}
