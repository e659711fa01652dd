//! Deployments that a backend has by other names than its callers use.
//!
//! A name stands in the path (`…/deployments/{name}/…`), in the query of realtime sessions (`deployment=` or `model=`), or, in the v1
//! API, as `model` in JSON. The text around it stays as it is, byte by byte.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_engine::Request;

/// Bytes that a name in a URL is written with as they are.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names of callers, and what the backend calls them.
pub(super) type Deployments = HashMap<String, String>;

/// Whether the body of a request may name the deployment: no other part does.
pub(crate) fn may_name_deployment(request: &Request) -> bool {
    let is_json = |headers: &HeaderMap| {
        let essence = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let essence = essence.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    };
    let names_it = |segment: &str| segment == "deployments";
    request.method == Method::POST
        && is_json(&request.headers)
        && !request.uri.path.split('/').any(names_it)
}

/// The path as the backend wants it.
pub(super) fn path<'a>(path: &'a str, names: &Deployments) -> Cow<'a, str> {
    let mut segments = path.split('/');
    let Some(before) = segments.position(|segment| segment == "deployments") else {
        return Cow::Borrowed(path);
    };
    let Some(name) = segments.next().and_then(|segment| renamed(segment, names)) else {
        return Cow::Borrowed(path);
    };
    let written = path.split('/').enumerate();
    let written = written.map(|(n, segment)| if n == before + 1 { &*name } else { segment });
    Cow::Owned(written.collect::<Vec<_>>().join("/"))
}

/// The query as the backend wants it.
pub(super) fn query<'a>(path: &str, query: &'a str, names: &Deployments) -> Cow<'a, str> {
    if !path.ends_with("/realtime") {
        return Cow::Borrowed(query);
    }
    let part = |part: &'a str| match part.split_once('=') {
        Some((key @ ("deployment" | "model"), name)) => renamed(name, names)
            .map_or(Cow::Borrowed(part), |name| Cow::Owned(format!("{key}={name}"))),
        _ => Cow::Borrowed(part),
    };
    Cow::Owned(query.split('&').map(part).collect::<Vec<_>>().join("&"))
}

/// What a name in a URL becomes.
fn renamed(written: &str, names: &Deployments) -> Option<String> {
    let name = percent_decode_str(written).decode_utf8().ok()?;
    names.get(&*name).map(|name| utf8_percent_encode(name, NAME).to_string())
}

/// The body as the backend wants it, when it names a deployment that it has by another name.
pub(super) fn body(body: &Bytes, names: &Deployments) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        model: &'a RawValue,
    }
    let text = std::str::from_utf8(body).ok()?;
    // Fields may also be read from a list, in their order.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let written = serde_json::from_str::<Named<'_>>(text).ok()?.model.get();
    let name: String = serde_json::from_str(written).ok()?;
    let name = serde_json::to_string(names.get(&name)?).ok()?;
    // The value is a part of the text, so its place is the distance of the two.
    let at = (written.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let (before, rest) = text.split_at_checked(at)?;
    let after = rest.strip_prefix(written)?;
    Some(Bytes::from([before, &name, after].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Deployments {
        let pairs = [("gpt-4o", "gpt-4o-ptu"), ("größe", "a b")];
        pairs.map(|(from, to)| (from.to_owned(), to.to_owned())).into()
    }

    #[test]
    fn names_in_paths() {
        let check = |from: &str, to: &str| assert_eq!(path(from, &names()), to);
        check("/deployments/gpt-4o/chat/completions", "/deployments/gpt-4o-ptu/chat/completions");
        check("/openai/deployments/gpt%2D4o", "/openai/deployments/gpt-4o-ptu");
        check("/deployments/gr%C3%B6%C3%9Fe/x", "/deployments/a%20b/x");
        for same in ["/deployments/other/x", "/deployments", "/deployments/", "/gpt-4o", ""] {
            check(same, same);
        }
    }

    #[test]
    fn names_in_queries_of_realtime_sessions() {
        let check = |at: &str, from: &str, to: &str| assert_eq!(query(at, from, &names()), to);
        check("/realtime", "a=1&deployment=gpt-4o", "a=1&deployment=gpt-4o-ptu");
        check("/v1/realtime", "model=gpt-4o&b", "model=gpt-4o-ptu&b");
        check("/v1/realtime", "model=other&xmodel=gpt-4o", "model=other&xmodel=gpt-4o");
        check("/v1/models", "model=gpt-4o", "model=gpt-4o");
        check("/realtime", "", "");
    }

    #[test]
    fn names_in_json() {
        let check = |from: &str, to: Option<&str>| {
            let changed = body(&Bytes::from(from.to_owned()), &names());
            assert_eq!(changed.as_deref(), to.map(str::as_bytes), "{from}");
        };
        check(
            r#" {"input":{"model":"x"} , "model" : "gpt-4o","n": 1.0}"#,
            Some(r#" {"input":{"model":"x"} , "model" : "gpt-4o-ptu","n": 1.0}"#),
        );
        check(r#"{"model":"gpt\u002d4o"}"#, Some(r#"{"model":"gpt-4o-ptu"}"#));
        check(r#"{"model":"other"}"#, None);
        check(r#"{"model":4}"#, None);
        check(r#"{"input":{"model":"gpt-4o"}}"#, None);
        check(r#"{"model":"gpt-4o","model":"x"}"#, None);
        check(r#"["gpt-4o"]"#, None);
        check(r#"{"model":"gpt-4o""#, None);
    }
}
