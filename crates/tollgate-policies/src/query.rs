//! Query strings, kept as they were sent but for the parameters a policy changes.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands in a query component or path segment as itself (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The parameters of a query as they stand, `name` or `name=value`.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|parameter| !parameter.is_empty())
}

/// The decoded name of a parameter.
pub(crate) fn name(parameter: &str) -> Cow<'_, str> {
    decode(parameter.split_once('=').map_or(parameter, |(name, _)| name))
}

/// The decoded value of the first parameter of this name.
pub(crate) fn value<'q>(query: &'q str, wanted: &str) -> Option<Cow<'q, str>> {
    values(query, wanted).next()
}

/// The decoded values of all parameters of this name.
pub(crate) fn values<'q>(query: &'q str, wanted: &str) -> impl Iterator<Item = Cow<'q, str>> {
    parameters(query).filter(move |parameter| name(parameter) == wanted).map(own_value)
}

/// The decoded value of a parameter; empty when it has none.
pub(crate) fn own_value(parameter: &str) -> Cow<'_, str> {
    decode(parameter.split_once('=').map_or("", |(_, value)| value))
}

/// A component, decoded.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// A parameter, encoded.
pub(crate) fn parameter(name: &str, value: &str) -> String {
    format!("{}={}", encode(name), encode(value))
}

/// Text as a component.
pub(crate) fn encode(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, UNRESERVED)
}

/// Adds a parameter at the end.
pub(crate) fn push(query: &mut String, parameter: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(parameter);
}
