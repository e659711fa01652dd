//! Requests, responses, their bodies and URLs.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::collections::dictionary;
use super::super::decl::{TypeDecl, m};
use super::super::uri::new_uri;
use super::super::xml::read_body as read_xml;
use super::super::{Ty, TypeId, certificate, encoding};
use super::{Run, entity, part, present, text};
use crate::eval::{Args, Cx};
use crate::json::{DateParse, SourceText};
use crate::state::confusion;
use crate::value::{HostRef, ResponsePart};
use crate::{Exception, ExceptionKind, MessageKind, Response, Url, UrlKind, Value};

pub(in crate::types) const REQUEST: TypeDecl = entity(
    "IRequest",
    "The request.",
    &[
        m("IMessageBody Body", "The body, or null.", |cx, _| {
            present(
                HostRef::Body(MessageKind::Request),
                cx.host.body(MessageKind::Request).is_some(),
            )
        }),
        m("X509Certificate2 Certificate", "The certificate of the client, or null.", |cx, _| {
            match cx.host.client_certificate() {
                Some(found) => certificate(cx, found),
                None => Ok(Value::Null),
            }
        }),
        m("IReadOnlyDictionary<string, string[]> Headers", "The headers.", |_, _| {
            Ok(part(HostRef::Headers(MessageKind::Request)))
        }),
        m("string IpAddress", "The address of the client.", |cx, _| text(&cx.host.ip_address())),
        m(
            "IReadOnlyDictionary<string, string> MatchedParameters",
            "The parameters of the URL template.",
            |_, _| Ok(part(HostRef::Matched)),
        ),
        m("string Method", "The HTTP method.", |cx, _| text(&cx.host.method())),
        m("IUrl OriginalUrl", "The URL as the client sent it.", |_, _| {
            Ok(part(HostRef::Url(UrlKind::Original)))
        }),
        m("IUrl Url", "The URL as it will go to the backend.", |_, _| {
            Ok(part(HostRef::Url(UrlKind::Current)))
        }),
        m(
            "IPrivateEndpointConnection PrivateEndpointConnection",
            "Null: there are no private endpoints here.",
            |_, _| Ok(Value::Null),
        ),
        m("IAzureVnetInfo AzureVnetInfo", "Null: there is no network of Azure here.", |_, _| {
            Ok(Value::Null)
        }),
        m(
            "IFoundry Foundry",
            "Null: Azure knows which deployment of Foundry it serves.",
            |_, _| Ok(Value::Null),
        ),
    ],
);

fn response<'a>(a: &'a Args<'_>) -> Option<&'a Arc<Response>> {
    match a.get(0) {
        Value::Response(response) => Some(response),
        _ => None,
    }
}

pub(in crate::types) const RESPONSE: TypeDecl = entity(
    "IResponse",
    "A response.",
    &[
        m("IMessageBody Body", "The body, or null.", |cx, a| match response(a) {
            Some(response) if response.body.is_some() => {
                Ok(Value::ResponsePart(response.clone(), ResponsePart::Body))
            }
            Some(_) => Ok(Value::Null),
            None => present(
                HostRef::Body(MessageKind::Response),
                cx.host.body(MessageKind::Response).is_some(),
            ),
        }),
        m("IReadOnlyDictionary<string, string[]> Headers", "The headers.", |_, a| {
            Ok(match response(a) {
                Some(response) => Value::ResponsePart(response.clone(), ResponsePart::Headers),
                None => part(HostRef::Headers(MessageKind::Response)),
            })
        }),
        m("int StatusCode", "The status code.", |cx, a| {
            Ok(Value::Int(response(a).map_or_else(|| cx.host.status(), |response| response.status)))
        }),
        m("string StatusReason", "The reason phrase.", |cx, a| match response(a) {
            Some(response) => text(&response.reason),
            None => text(&cx.host.status_reason()),
        }),
    ],
);

/// The body among the arguments, with the character set of its message; consumed unless it is kept.
fn read_body(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<(bytes::Bytes, Option<String>), Exception> {
    let keep = a.bool(1);
    let consumed = || {
        let message = "The message body was already consumed; read it with `preserveContent: true` the first time.";
        Exception::new(ExceptionKind::InvalidOperation, message)
    };
    match a.get(0) {
        Value::Host(HostRef::Body(kind)) => {
            let kind = *kind;
            if cx.host.body_consumed(kind) {
                return Err(consumed());
            }
            let body = cx.host.body(kind).ok_or_else(Exception::null_reference)?;
            let charset = cx.host.header(kind, "Content-Type").and_then(|header| charset(&header));
            if !keep {
                cx.host.consume_body(kind);
            }
            Ok((body, charset))
        }
        Value::ResponsePart(response, ResponsePart::Body) => {
            if cx.state.consumed.iter().any(|known| Arc::ptr_eq(known, response)) {
                return Err(consumed());
            }
            let body = response.body.clone().ok_or_else(Exception::null_reference)?;
            let header = response.header("Content-Type").and_then(|values| values.first());
            let charset = header.and_then(|header| charset(header));
            if !keep {
                cx.charge(16)?;
                cx.state.consumed.push(response.clone());
            }
            Ok((body, charset))
        }
        _ => Err(confusion()),
    }
}

/// The character set that a `Content-Type` names.
pub(crate) fn charset(header: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"').to_owned())
    })
}

fn as_type(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let (bytes, charset) = read_body(cx, a)?;
    if *a.ty(0) == Ty::STRING
        && let Some((known, known_charset, text)) = &cx.state.body_text
        && (known.as_ptr(), known.len()) == (bytes.as_ptr(), bytes.len())
        && *known_charset == charset
    {
        return Ok(Value::Str(text.clone()));
    }
    cx.charge(bytes.len())?;
    cx.step(bytes.len() as u64 / 16)?;
    if matches!(a.ty(0), Ty::Array(_)) {
        return Ok(Value::Bytes(bytes.as_ref().into()));
    }
    if let Some(id @ (TypeId::XElement | TypeId::XDocument | TypeId::XNode)) = a.ty(0).id() {
        return read_xml(cx, &bytes, charset.as_deref(), id);
    }
    let text: Cow<'_, str> = match (charset.as_deref(), std::str::from_utf8(&bytes)) {
        (None, Ok(text)) if !text.starts_with('\u{feff}') => Cow::Borrowed(text),
        (charset, _) => Cow::Owned(encoding::decode_as(charset, &bytes)),
    };
    let (json, budget) = (&mut cx.state.json, &mut cx.state.budget);
    let read = match a.ty(0).id() {
        Some(TypeId::JObject) => json.parse_object(&text, DateParse::DateTime, budget),
        Some(TypeId::JArray) => json.parse_array(&text, DateParse::DateTime, budget),
        Some(TypeId::JToken) => json.parse(&text, DateParse::DateTime, budget),
        _ => {
            let text: Arc<str> = text.as_ref().into();
            if a.bool(1) {
                cx.state.body_text = Some((bytes.clone(), charset, text.clone()));
            }
            return Ok(Value::Str(text));
        }
    };
    let id = read?;
    let kept = match text {
        Cow::Borrowed(_) => SourceText::Bytes(bytes.clone()),
        Cow::Owned(text) => SourceText::Str(text.into()),
    };
    cx.state.json.keep_source(id, kept);
    Ok(Value::Json(id))
}

pub(in crate::types) const BODY: TypeDecl = entity(
    "IMessageBody",
    "The body of a message.",
    &[
        m(
            "T As<T>(bool preserveContent = false)",
            "The body as a value of a type; consumed unless it is kept.",
            |cx, a| as_type(cx, a),
        ),
        m(
            "IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false)",
            "The fields of a form.",
            |cx, a| {
                let (bytes, charset) = read_body(cx, a)?;
                cx.charge(bytes.len() * 2)?;
                let text = encoding::decode_as(charset.as_deref(), &bytes);
                form(cx, &text)
            },
        ),
    ],
);

fn form(cx: &mut Cx<'_>, text: &str) -> Run {
    let list = Ty::generic(TypeId::IList, [Ty::STRING]);
    let mut fields: Vec<(String, Vec<Value>)> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        cx.step(1)?;
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name), Value::from(decode(value)));
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    let map = dictionary::empty(cx, &Ty::STRING, &list, crate::collections::Comparer::Exact)?;
    for (name, values) in fields {
        let values = cx.state.list(Ty::STRING, values)?;
        dictionary::put(cx, &map, Value::from(name), values)?;
    }
    Ok(map)
}

/// Decodes a name or value of a query or form.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let [b'%', a, b, after @ ..] = rest
            && let (Some(a), Some(b)) = (char::from(*a).to_digit(16), char::from(*b).to_digit(16))
        {
            bytes.push(u8::try_from(a * 16 + b).unwrap_or_default());
            rest = after;
            continue;
        }
        bytes.push(if *first == b'+' { b' ' } else { *first });
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The URL among the arguments.
pub(super) fn url<'h>(cx: &'h Cx<'_>, part: HostRef) -> Option<Cow<'h, Url>> {
    match part {
        HostRef::Url(kind) | HostRef::Query(kind) => Some(cx.host.url(kind)),
        HostRef::ServiceUrl | HostRef::ServiceQuery => {
            cx.host.api().and_then(|api| api.service_url.as_ref()).map(Cow::Borrowed)
        }
        _ => None,
    }
}

fn url_of<T>(cx: &Cx<'_>, a: &Args<'_>, take: impl FnOnce(&Url) -> T) -> Result<T, Exception> {
    let Value::Host(part) = a.get(0) else { return Err(confusion()) };
    url(cx, *part).map(|url| take(&url)).ok_or_else(Exception::null_reference)
}

/// `IUrl.ToString()`: without a default port.
pub(crate) fn url_text(cx: &Cx<'_>, part: HostRef) -> Option<String> {
    if !matches!(part, HostRef::Url(_) | HostRef::ServiceUrl) {
        return None;
    }
    url(cx, part).map(|url| written(&url))
}

fn written(url: &Url) -> String {
    let default = if url.scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    let port = if url.port == default { String::new() } else { format!(":{}", url.port) };
    let query = if url.query.is_empty() { String::new() } else { format!("?{}", url.query) };
    format!("{}://{}{port}{}{query}", url.scheme, url.host, url.path)
}

pub(in crate::types) const URL: TypeDecl = entity(
    "IUrl",
    "A URL.",
    &[
        text_of!("Scheme", "`http` or `https`.", url_of, scheme),
        text_of!("Host", "The host.", url_of, host),
        m("int Port", "The port.", |cx, a| url_of(cx, a, |url| Value::Int(i32::from(url.port)))),
        text_of!("Path", "The path.", url_of, path),
        m("string QueryString", "The query with its question mark, or nothing.", |cx, a| {
            url_of(cx, a, |url| {
                Value::from(if url.query.is_empty() {
                    String::new()
                } else {
                    format!("?{}", url.query)
                })
            })
        }),
        m("IReadOnlyDictionary<string, string[]> Query", "The query parameters.", |_, a| {
            match a.get(0) {
                Value::Host(HostRef::Url(kind)) => Ok(part(HostRef::Query(*kind))),
                _ => Ok(part(HostRef::ServiceQuery)),
            }
        }),
        m("Uri ToUri()", "As a `System.Uri`.", |cx, a| {
            let text = url_of(cx, a, written)?;
            new_uri(cx, &text)
        }),
    ],
);
