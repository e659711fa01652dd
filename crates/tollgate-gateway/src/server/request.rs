//! Judging the head of a request before anything acts on it.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Version};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use pingora::http::RequestHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::authority::{
    RawTargetAuthority, is_http_family_scheme, raw_target_authority,
};

use crate::Limits;
use crate::wire::{Announced, RequestFacts, strip_request};

/// Bytes of a request target that are written as escapes. Everything else stays as it came.
const UNREADABLE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// A request whose head is in order.
pub(super) struct Head {
    pub(super) facts: RequestFacts,
    pub(super) version: Version,
    /// Host, without the port.
    pub(super) host: String,
    /// Port, when it was given.
    pub(super) port: Option<u16>,
    pub(super) path: String,
    pub(super) query: String,
    /// `TE: trailers`.
    pub(super) trailers: bool,
    /// Headers, hop-by-hop ones removed; `Host` is there also over HTTP/2.
    pub(super) headers: HeaderMap,
}

/// A request that is refused before it gets anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rejection {
    pub(super) status: StatusCode,
    pub(super) message: &'static str,
}

impl Rejection {
    const fn new(status: StatusCode, message: &'static str) -> Self {
        Self { status, message }
    }
}

const fn bad(message: &'static str) -> Rejection {
    Rejection::new(StatusCode::BAD_REQUEST, message)
}

/// Takes the head out of a session. What the session itself still needs stays in it.
///
/// What could be read in two ways line by line has been refused (`raw_head`), and pingora has refused what cannot be parsed, two
/// different lengths, a `Host` that contradicts the target, and transfer codings that do not end in `chunked`.
pub(super) fn take(session: &mut ServerSession, limits: &Limits) -> Result<Head, Rejection> {
    check_framing(session, limits)?;
    // Asked before the headers leave the session: it decides by them how the body is read.
    let has_body = !session.is_body_empty();
    let request = session.req_header();
    let version = request.version;
    let (path, query) = check_target(request, limits)?;
    let connection = request.headers.get(CONNECTION).cloned();
    let upgrade = is_websocket_handshake(request, has_body);
    let expects_continue = version == Version::HTTP_11
        && request
            .headers
            .get(EXPECT)
            .is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    let mut rest = RequestHeader::build_no_case(request.method.clone(), b"/", Some(2))
        .map_err(|_| bad("the request is malformed"))?;
    rest.set_version(version);
    for (name, value) in [
        (CONNECTION, connection),
        (UPGRADE, upgrade.then(|| HeaderValue::from_static("websocket"))),
    ] {
        if let Some(value) = value {
            rest.insert_header(name, value).map_err(|_| bad("the request is malformed"))?;
        }
    }
    let parts = http::request::Parts::from(std::mem::replace(session.req_header_mut(), rest));
    let mut headers = parts.headers;
    if version == Version::HTTP_2 && parts.uri.scheme_str().is_none_or(str::is_empty) {
        return Err(bad("the request has no scheme"));
    }
    if let Some(authority) = parts.uri.authority().filter(|_| version == Version::HTTP_2) {
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|_| bad("the authority is malformed"))?;
        headers.insert(HOST, host);
    }
    if version == Version::HTTP_2 {
        join_cookies(&mut headers);
    }
    let (host, port) = check_host(&headers, version)?;
    let content_length =
        headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.trim().parse().ok());
    let chunked = headers.contains_key(TRANSFER_ENCODING);
    let trailers =
        headers.get(TE).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"trailers"));
    strip_request(&mut headers).map_err(|_| bad("the Connection header is malformed"))?;
    headers.remove(EXPECT);
    if upgrade {
        // Policies may look at it; it is written anew when the request is forwarded.
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    let body = match content_length {
        _ if !has_body => Announced::Nothing,
        Some(length) if !chunked => Announced::Length(length),
        _ => Announced::Open,
    };
    let facts = RequestFacts {
        method: parts.method,
        body,
        expects_continue,
        upgrade,
        http10: version < Version::HTTP_11,
    };
    Ok(Head { facts, version, host, port, path, query, trailers, headers })
}

/// HTTP/2 clients send a cookie header in pieces, for their compression's sake. Nothing behind the wire knows of that (RFC
/// 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() < 2 {
        return;
    }
    // Header values in a row are a header value.
    if let Ok(cookie) = HeaderValue::try_from(crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}

fn check_framing(session: &ServerSession, limits: &Limits) -> Result<(), Rejection> {
    const TOO_LARGE: Rejection = Rejection::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "the header of the request is too large",
    );
    let request = session.req_header();
    if matches!(request.method, Method::CONNECT | Method::TRACE) {
        // TRACE would show the client what the gateway adds for the backend, credentials included.
        return Err(Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed"));
    }
    if request.headers.len() > limits.header_count {
        return Err(TOO_LARGE);
    }
    let mut lengths = request.headers.get_all(CONTENT_LENGTH).iter();
    if lengths.next().is_some_and(|it| !is_number(it)) {
        return Err(bad("the Content-Length is malformed"));
    }
    // Two lines are one list (RFC 9110 §5.3), and of a list of equal lengths RFC 9110 §8.6 lets a recipient keep one or refuse
    // it. Whoever wrote two has not agreed with himself on where the body ends.
    if lengths.next().is_some() {
        return Err(bad("the request has two lengths"));
    }
    let ServerSession::H1(session) = session else { return Ok(()) };
    let codings = request.headers.get_all(TRANSFER_ENCODING);
    let mut codings = codings.iter();
    if let Some(coding) = codings.next() {
        // pingora drops `Content-Length` silently when there are both; whoever is in front of us may have gone by it.
        if names_content_length(&session.get_headers_raw_bytes()) {
            return Err(bad("the request has two lengths"));
        }
        if codings.next().is_some()
            || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
        {
            return Err(Rejection::new(
                StatusCode::NOT_IMPLEMENTED,
                "the transfer coding is not supported",
            ));
        }
    }
    Ok(())
}

fn is_number(value: &HeaderValue) -> bool {
    !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
}

fn names_content_length(raw: &[u8]) -> bool {
    raw.split(|byte| *byte == b'\n').any(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"content-length")
    })
}

fn check_target(request: &RequestHeader, limits: &Limits) -> Result<(String, String), Rejection> {
    let raw = request.raw_path();
    if raw.len() > limits.uri_bytes {
        return Err(Rejection::new(
            StatusCode::URI_TOO_LONG,
            "the target of the request is too long",
        ));
    }
    let target = match raw_target_authority(raw) {
        RawTargetAuthority::None => raw,
        RawTargetAuthority::Absolute { scheme, path_and_query, .. }
            if is_http_family_scheme(scheme) =>
        {
            path_and_query
        }
        RawTargetAuthority::Absolute { .. } | RawTargetAuthority::AmbiguousAuthority => {
            return Err(bad("the target of the request is malformed"));
        }
    };
    let (path, query) = match target.iter().position(|byte| *byte == b'?') {
        Some(mark) => (target.get(..mark), target.get(mark + 1..)),
        None => (Some(target), None),
    };
    let path = match path.unwrap_or_default() {
        // An absolute target may have no path, which means the root.
        b"" => "/".to_owned(),
        path => percent_encode(path, UNREADABLE).to_string(),
    };
    let is_asterisk = path == "*" && request.method == Method::OPTIONS;
    if !path.starts_with('/') && !is_asterisk {
        return Err(bad("the target of the request is malformed"));
    }
    Ok((path, percent_encode(query.unwrap_or_default(), UNREADABLE).to_string()))
}

fn check_host(headers: &HeaderMap, version: Version) -> Result<(String, Option<u16>), Rejection> {
    let Some(host) = headers.get(HOST) else {
        if version < Version::HTTP_11 {
            return Ok((String::new(), None));
        }
        return Err(bad("the request has no Host"));
    };
    let authority = Authority::try_from(host.as_bytes())
        .map_err(|_| bad("the Host of the request is malformed"))?;
    let written_port = authority.as_str().len() > authority.host().len();
    let port = authority.port_u16();
    if authority.host().is_empty() || (written_port && port.is_none()) {
        return Err(bad("the Host of the request is malformed"));
    }
    Ok((authority.host().to_owned(), port))
}

/// Any other upgrade is ignored, which RFC 9110 §7.8 allows: the request is an ordinary one.
fn is_websocket_handshake(request: &RequestHeader, has_body: bool) -> bool {
    let names_upgrade = || {
        let tokens = request
            .headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|it| it.as_bytes().split(|byte| *byte == b','));
        tokens.map(<[u8]>::trim_ascii).any(|token| token.eq_ignore_ascii_case(b"upgrade"))
    };
    request.version == Version::HTTP_11
        && request.method == Method::GET
        && !has_body
        && request
            .headers
            .get(UPGRADE)
            .is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && names_upgrade()
}
