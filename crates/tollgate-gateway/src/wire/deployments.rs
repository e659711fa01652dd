//! Deployments that a backend has by other names than its callers use.
//!
//! A name stands in the path (`…/deployments/{name}/…`), in the query of realtime sessions (`deployment=` or `model=`), or, in the v1
//! API, as `model` in JSON or in a form with files. The text around it stays as it is, byte by byte.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use memchr::memmem;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_engine::Request;

/// Bytes that a name in a URL is written with as they are.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parts of a form that are looked at, and how long the header of one may be.
const MAX_PARTS: usize = 64;
const MAX_PART_HEADER: usize = 4 << 10;

/// Names of callers, and what the backend calls them.
pub(super) type Deployments = HashMap<String, String>;

/// Whether the body of a request may name the deployment: no other part does.
pub(crate) fn may_name_deployment(request: &Request) -> bool {
    let names_it = |segment: &str| segment == "deployments";
    request.method == Method::POST
        && BodyKind::of(&request.headers).is_some()
        && !request.uri.path.split('/').any(names_it)
}

/// Forms of bodies that name a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyKind<'a> {
    Json,
    Form { boundary: &'a str },
}

impl<'a> BodyKind<'a> {
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let written = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let (essence, parameters) = written.split_once(';').unwrap_or((written, ""));
        if essence.trim().eq_ignore_ascii_case("application/json") {
            return Some(Self::Json);
        }
        let is_form = essence.trim().eq_ignore_ascii_case("multipart/form-data");
        let boundary = parameter(parameters, "boundary").filter(|_| is_form)?;
        // RFC 2046 §5.1.1 lets a boundary have 70 characters.
        (1..=70).contains(&boundary.len()).then_some(Self::Form { boundary })
    }
}

/// A parameter of a header, without its quotes.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = parameters.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
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
pub(super) fn body(headers: &HeaderMap, body: &Bytes, names: &Deployments) -> Option<Bytes> {
    match BodyKind::of(headers)? {
        BodyKind::Json => json(body, names),
        BodyKind::Form { boundary } => form(body, boundary, names),
    }
}

fn form(body: &[u8], boundary: &str, names: &Deployments) -> Option<Bytes> {
    let delimiter = format!("--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let mut at = finder.find(body)?;
    for _ in 0..MAX_PARTS {
        let begin = at + delimiter.len();
        let part = body.get(begin..)?;
        let length = finder.find(part)?;
        if let Some((skipped, name)) = part.get(..length).and_then(model_part) {
            let name = names.get(std::str::from_utf8(name).ok()?)?;
            let (before, rest) = body.split_at_checked(begin + skipped)?;
            let after = part.get(skipped..)?.get(length_of_line(rest)..)?;
            return Some(Bytes::from([before, name.as_bytes(), after].concat()));
        }
        at = begin + length;
    }
    None
}

/// Where the value of a part begins and what it is, when the part is called `model`.
fn model_part(part: &[u8]) -> Option<(usize, &[u8])> {
    let header = part.get(..part.len().min(MAX_PART_HEADER))?;
    let end = memmem::find(header, b"\r\n\r\n")?;
    let lines = std::str::from_utf8(header.get(..end)?).ok()?.split("\r\n");
    let is_model = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("content-disposition")
            && parameter(value, "name") == Some("model")
    };
    if !lines.clone().any(is_model) {
        return None;
    }
    let value = part.get(end + 4..)?;
    Some((end + 4, value.get(..length_of_line(value))?))
}

fn length_of_line(text: &[u8]) -> usize {
    memmem::find(text, b"\r\n").unwrap_or(text.len())
}

fn json(body: &Bytes, names: &Deployments) -> Option<Bytes> {
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
    fn names_in_forms() {
        let form = |boundary: &str, model: &str| {
            format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"model\"\r\n\
                 content-type: audio/wav\r\n\r\n\0name=\"model\"\r\n\r\n\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\ngpt-4o\r\n\
                 --{boundary}--\r\n"
            )
        };
        let check = |content_type: &str, from: &str, to: Option<&str>| {
            let content_type = content_type.parse().unwrap();
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
            let changed = body(&headers, &Bytes::from(from.to_owned()), &names());
            assert_eq!(changed.as_deref(), to.map(str::as_bytes), "{from}");
        };
        for content_type in
            ["multipart/form-data; boundary=aB", "Multipart/Form-Data;x=y;Boundary=\"aB\""]
        {
            check(content_type, &form("aB", "gpt-4o"), Some(&form("aB", "gpt-4o-ptu")));
            check(content_type, &form("aB", "other"), None);
            check(content_type, &form("other", "gpt-4o"), None);
        }
        check("multipart/form-data", &form("", "gpt-4o"), None);
        check("multipart/mixed; boundary=aB", &form("aB", "gpt-4o"), None);
        let cut = form("aB", "gpt-4o");
        for end in 0..cut.len() {
            // Nothing is made of what is cut off, and nothing breaks.
            let text = cut.get(..end).unwrap();
            let headers = "multipart/form-data; boundary=aB".parse().unwrap();
            body(
                &HeaderMap::from_iter([(CONTENT_TYPE, headers)]),
                &Bytes::from(text.to_owned()),
                &names(),
            );
        }
        let many = "--aB\r\n\r\n\r\n".repeat(MAX_PARTS) + &form("aB", "gpt-4o");
        check("multipart/form-data; boundary=aB", &many, None);
    }

    #[test]
    fn names_in_json() {
        let check = |from: &str, to: Option<&str>| {
            let changed = json(&Bytes::from(from.to_owned()), &names());
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
