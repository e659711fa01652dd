//! `context` and `body`: what a template sees of the request.

use std::collections::HashMap;

use http::HeaderMap;
use tollgate_engine::{Body, Message, RequestCx, Url};

use super::value::Value;
use crate::query;
use tollgate_expr::EvalState;

/// A part of `context` that has members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Context,
    Request,
    Response,
    Url,
    OriginalUrl,
    Query,
    OriginalQuery,
    RequestHeaders,
    ResponseHeaders,
    MatchedParameters,
    Variables,
}

impl Part {
    /// Whether loops go over it.
    pub(super) fn is_collection(self) -> bool {
        matches!(
            self,
            Self::RequestHeaders
                | Self::ResponseHeaders
                | Self::MatchedParameters
                | Self::Query
                | Self::OriginalQuery
                | Self::Variables
        )
    }
}

const CONTEXT: &[&str] = &["Request", "Response", "Variables"];
const REQUEST: &[&str] = &[
    "Url",
    "Method",
    "OriginalMethod",
    "OriginalUrl",
    "IpAddress",
    "MatchedParameters",
    "HasBody",
    "ClientCertificates",
    "Headers",
];
const RESPONSE: &[&str] = &["StatusCode", "Method", "Headers"];
const URL: &[&str] =
    &["Scheme", "Host", "Port", "Path", "Query", "QueryString", "ToUri", "ToString"];

/// The name on a path that nothing is known by, and the names that are known there.
pub(super) fn unknown_member<'p>(path: &[&'p str]) -> Option<(&'p str, &'static [&'static str])> {
    let ["context", path @ ..] = path else { return None };
    let missing = |name: Option<&&'p str>, known: &'static [&'static str]| {
        name.filter(|name| !known.contains(*name)).map(|name| (*name, known))
    };
    match path {
        ["Request", "Url" | "OriginalUrl", rest @ ..] => missing(rest.first(), URL),
        ["Request", rest @ ..] => missing(rest.first(), REQUEST),
        ["Response", rest @ ..] => missing(rest.first(), RESPONSE),
        path => missing(path.first(), CONTEXT),
    }
}

/// A member of a part of `context`; none when it has none of this name.
pub(super) fn member(cx: &RequestCx, part: Part, name: &str) -> Option<Value> {
    match part {
        Part::Context => match name {
            "Request" => Some(Value::Context(Part::Request)),
            "Response" if cx.response.is_some() => Some(Value::Context(Part::Response)),
            "Variables" => Some(Value::Context(Part::Variables)),
            _ => None,
        },
        Part::Request => request(cx, name),
        Part::Response => {
            let response = cx.response.as_ref()?;
            match name {
                "StatusCode" => Some(Value::Int(response.status.as_u16().into())),
                "Method" => Some(Value::text(cx.request.method.as_str())),
                "Headers" => Some(Value::Context(Part::ResponseHeaders)),
                _ => None,
            }
        }
        Part::Url => url(&cx.url(), Part::Query, name),
        Part::OriginalUrl => url(&cx.request.original_url, Part::OriginalQuery, name),
        Part::Query => parameter(&cx.url().query, name),
        Part::OriginalQuery => parameter(&cx.request.original_url.query, name),
        Part::RequestHeaders => header(&cx.request.headers, name),
        Part::ResponseHeaders => header(&cx.response.as_ref()?.headers, name),
        Part::MatchedParameters => {
            let mut matched = cx.route.matched_parameters.iter();
            let found = matched.find(|(own, _)| own.eq_ignore_ascii_case(name));
            found.map(|(_, value)| Value::text(value.as_str()))
        }
        Part::Variables => None,
    }
}

fn request(cx: &RequestCx, name: &str) -> Option<Value> {
    Some(match name {
        "Url" => Value::Context(Part::Url),
        "OriginalUrl" => Value::Context(Part::OriginalUrl),
        "Method" => Value::text(cx.request.method.as_str()),
        "OriginalMethod" => Value::text(cx.request.original_method.as_str()),
        "IpAddress" => Value::text(cx.client.ip.map_or_else(String::new, |ip| ip.to_string())),
        "MatchedParameters" => Value::Context(Part::MatchedParameters),
        "HasBody" => Value::Bool(!matches!(cx.request.body, Body::Empty)),
        "ClientCertificates" => {
            let der = cx.client.certificate.as_ref();
            let certificate = der.and_then(|der| tollgate_expr::Certificate::new(&der.der, None));
            let thumbprints = certificate.iter().map(|own| Value::text(own.thumbprint()));
            Value::list(thumbprints.collect())
        }
        "Headers" => Value::Context(Part::RequestHeaders),
        _ => return None,
    })
}

fn url(url: &Url, query: Part, name: &str) -> Option<Value> {
    Some(match name {
        "Scheme" => Value::text(url.scheme.as_str()),
        "Host" => Value::text(url.host.as_str()),
        "Port" => Value::Int(url.port.into()),
        "Path" => Value::text(url.path.as_str()),
        "Query" => Value::Context(query),
        "QueryString" => Value::text(query_string(url)),
        "ToUri" | "ToString" => Value::text(url_text(url)),
        _ => return None,
    })
}

/// The query with its question mark; empty when there is none.
fn query_string(url: &Url) -> String {
    if url.query.is_empty() { String::new() } else { format!("?{}", url.query) }
}

/// A parameter of a query: all its values, joined.
fn parameter(query: &str, name: &str) -> Option<Value> {
    let own = query::parameters(query).filter(|parameter| query::name(parameter) == name);
    let mut values = own.map(query::own_value);
    let first = values.next()?.into_owned();
    Some(Value::text(values.fold(first, |joined, value| format!("{joined},{value}"))))
}

fn url_text(url: &Url) -> String {
    let is_default = matches!((url.scheme.as_str(), url.port), ("https", 443) | ("http", 80));
    let port = if is_default { String::new() } else { format!(":{}", url.port) };
    format!("{}://{}{port}{}{}", url.scheme, url.host, url.path, query_string(url))
}

fn header(headers: &HeaderMap, name: &str) -> Option<Value> {
    let mut values =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let mut joined = values.next()?.into_owned();
    for value in values {
        joined.push(',');
        joined.push_str(&value);
    }
    Some(Value::text(joined))
}

/// The parameters of a query, each name once with all its values.
fn parameters(query: &str) -> Vec<(String, Value)> {
    let mut joined: Vec<(String, String)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for own in query::parameters(query) {
        let (name, value) = (query::name(own).into_owned(), query::own_value(own));
        let place = *places.entry(name.clone()).or_insert(joined.len());
        match joined.get_mut(place) {
            Some((_, values)) => values.extend([",", &*value]),
            None => joined.push((name, value.into_owned())),
        }
    }
    joined.into_iter().map(|(name, value)| (name, Value::text(value))).collect()
}

/// Names and values of a part that is a collection; none of one that is not.
pub(super) fn pairs(cx: &RequestCx, part: Part) -> Option<Vec<(String, Value)>> {
    let headers = |headers: &HeaderMap| {
        headers
            .keys()
            .filter_map(|name| Some((name.to_string(), header(headers, name.as_str())?)))
            .collect()
    };
    match part {
        Part::Query => Some(parameters(&cx.url().query)),
        Part::OriginalQuery => Some(parameters(&cx.request.original_url.query)),
        Part::RequestHeaders => Some(headers(&cx.request.headers)),
        Part::ResponseHeaders => cx.response.as_ref().map(|response| headers(&response.headers)),
        Part::MatchedParameters => {
            let matched = cx.route.matched_parameters.iter();
            let pair =
                |(name, value): &(String, String)| (name.clone(), Value::text(value.as_str()));
            Some(matched.map(pair).collect())
        }
        _ => None,
    }
}

/// The text of a part that has one; the others have none, as objects of `DotLiquid` have none.
pub(super) fn text(cx: &RequestCx, part: Part) -> Option<String> {
    match part {
        Part::Url => Some(url_text(&cx.url())),
        Part::OriginalUrl => Some(url_text(&cx.request.original_url)),
        Part::Query => Some(query_string(&cx.url())),
        Part::OriginalQuery => Some(query_string(&cx.request.original_url)),
        _ => None,
    }
}

/// The headers of the message that a template works on.
pub(super) fn message_headers(cx: &RequestCx, message: Message) -> Option<&HeaderMap> {
    cx.headers(message)
}

/// A state for the body and for the filters of one rendering: patterns of `Replace` count in it.
pub(super) fn fresh_state() -> EvalState {
    EvalState::new(tollgate_expr::Limits { steps: 4_000_000, ..crate::message_body::LIMITS })
}
