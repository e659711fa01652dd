//! Headers that are meant for one connection and must not travel on.
//!
//! The rules are those of RFC 9110 §7.6.1. What a client nominates in `Connection` is removed *when the request arrives*,
//! before any policy runs: removed at forwarding time, a client could name a header that a policy adds and so strip it.

use http::HeaderMap;
use http::header::{
    CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use smallvec::SmallVec;

/// More nominations than this are refused: no honest client sends them, and each costs a search.
const MAX_NOMINATIONS: usize = 10;

const STANDARD: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Why a `Connection` header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NominationError {
    /// More than [`MAX_NOMINATIONS`].
    #[error("too many names in the Connection header")]
    TooMany,
    /// Not a header name.
    #[error("a name in the Connection header is malformed")]
    Malformed,
    /// A header that every hop must see.
    #[error("the Connection header names a header that may not be removed")]
    Protected,
}

/// Removes what the `Connection` header of a request nominates, and the hop-by-hop headers themselves.
pub(crate) fn strip_request(headers: &mut HeaderMap) -> Result<(), NominationError> {
    for name in nominations(headers)? {
        headers.remove(name);
    }
    strip_standard(headers);
    Ok(())
}

/// Removes the hop-by-hop headers of a response. A backend is trusted more than a client: what it nominates wrongly is
/// ignored instead of failing the response.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    for name in nominations(headers).unwrap_or_default() {
        headers.remove(name);
    }
    strip_standard(headers);
}

/// Removes the hop-by-hop headers that policies may have set.
pub(crate) fn strip_standard(headers: &mut HeaderMap) {
    for name in &STANDARD {
        headers.remove(name);
    }
}

fn nominations(headers: &HeaderMap) -> Result<SmallVec<[HeaderName; 4]>, NominationError> {
    let mut names = SmallVec::new();
    let tokens = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    for token in tokens.map(<[u8]>::trim_ascii).filter(|token| !token.is_empty()) {
        if names.len() + 1 >= MAX_NOMINATIONS {
            return Err(NominationError::TooMany);
        }
        // `HeaderName` accepts less than RFC 9110's `token` in no place and folds case, so that neither a decorated nor
        // a capitalised spelling slips past the comparison below.
        if !token.iter().all(|byte| is_token(*byte)) {
            return Err(NominationError::Malformed);
        }
        let name = HeaderName::from_bytes(token).map_err(|_| NominationError::Malformed)?;
        if is_protected(&name) {
            return Err(NominationError::Protected);
        }
        names.push(name);
    }
    Ok(names)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_protected(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "host"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "forwarded"
            | "content-length"
            | "content-type"
            | "authorization"
            | "cookie"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[(&str, &str)], expected: Result<&[&str], NominationError>) {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers
                .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let stripped = strip_request(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(stripped.map(|()| left.as_slice()), expected, "{given:?}");
    }

    #[test]
    fn connection_headers_do_not_travel() {
        check(&[("connection", "close"), ("accept", "*/*")], Ok(&["accept"]));
        check(
            &[("connection", "X-Hop, keep-alive"), ("x-hop", "1"), ("keep-alive", "5"), ("a", "1")],
            Ok(&["a"]),
        );
        check(
            &[("connection", "x-one"), ("connection", "x-two"), ("x-one", "1"), ("x-two", "2")],
            Ok(&[]),
        );
        check(
            &[
                ("te", "trailers"),
                ("trailer", "x"),
                ("upgrade", "h2c"),
                ("http2-settings", "AA"),
                ("b", "1"),
            ],
            Ok(&["b"]),
        );
        check(
            &[("proxy-authorization", "Basic eA=="), ("proxy-connection", "keep-alive")],
            Ok(&[]),
        );
        check(&[("connection", " , ,"), ("a", "1")], Ok(&["a"]));
    }

    #[test]
    fn nominations_are_bounded_and_cannot_strip_what_others_rely_on() {
        check(&[("connection", "a,b,c,d,e,f,g,h,i,j")], Err(NominationError::TooMany));
        check(&[("connection", "\"x-forwarded-for\"")], Err(NominationError::Malformed));
        check(&[("connection", ":authority")], Err(NominationError::Malformed));
        for name in ["Host", "X-Forwarded-For", "authorization", "Content-Length"] {
            check(&[("connection", name)], Err(NominationError::Protected));
        }
    }
}
