//! Where a policy finds its token.

use std::ops::Range;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{AttributeDef, CompileCx, Facts, RequestCx, Value};

use super::{Failure, Rejection};
use crate::query;

pub(crate) const HEADER_NAME: AttributeDef = AttributeDef {
    name: "header-name",
    expression: true,
    doc: "Header that holds the token.",
    ..AttributeDef::DEFAULT
};

pub(crate) const QUERY_PARAMETER_NAME: AttributeDef = AttributeDef {
    name: "query-parameter-name",
    expression: true,
    doc: "Query parameter that holds the token.",
    ..AttributeDef::DEFAULT
};

pub(crate) const TOKEN_VALUE: AttributeDef = AttributeDef {
    name: "token-value",
    expression: true,
    doc: "The token itself, without `Bearer `.",
    ..AttributeDef::DEFAULT
};

const SCHEME: &str = "Bearer";

/// Where a policy finds its token.
#[derive(Debug)]
pub(crate) enum Location {
    /// A header; the scheme counts for `Authorization` only.
    Header {
        name: Value<HeaderName>,
        scheme: Option<Value<Arc<str>>>,
    },
    Query(Value<Arc<str>>),
    Token(Value<Arc<str>>),
}

impl Location {
    /// Reads the three attributes. When none is given, `default` decides.
    pub(crate) fn compile(
        element: &Element,
        cx: &mut CompileCx<'_>,
        default: Option<Self>,
    ) -> Option<Self> {
        let given: Vec<_> = [HEADER_NAME, QUERY_PARAMETER_NAME, TOKEN_VALUE]
            .iter()
            .filter_map(|def| element.attribute(def.name))
            .collect();
        match given.as_slice() {
            [] if default.is_some() => return default,
            [_] => {}
            _ => {
                let message = format!(
                    "`{}` needs one of `header-name`, `query-parameter-name` and `token-value`",
                    element.name
                );
                let label = if given.is_empty() { "none is given" } else { "several are given" };
                let diagnostic =
                    Diagnostic::new(Code::CONFLICTING_ATTRIBUTES, message, element.name_span);
                cx.report(diagnostic.label(label));
                return None;
            }
        }
        let scheme = match element.attribute("require-scheme") {
            None => None,
            Some(_) => Some(cx.attribute(element, "require-scheme")?),
        };
        if element.attribute("header-name").is_some() {
            return Some(Self::Header { name: cx.attribute(element, "header-name")?, scheme });
        }
        if element.attribute("query-parameter-name").is_some() {
            return Some(Self::Query(cx.attribute(element, "query-parameter-name")?));
        }
        Some(Self::Token(cx.attribute(element, "token-value")?))
    }

    /// `Authorization` with the scheme `Bearer`.
    pub(crate) fn bearer() -> Self {
        Self::Header {
            name: Value::Literal(AUTHORIZATION),
            scheme: Some(Value::Literal(SCHEME.into())),
        }
    }

    /// The token of this request.
    pub(crate) fn find(&self, cx: &mut RequestCx) -> Result<TokenText, Failure> {
        match self {
            Self::Token(value) => {
                let text = value.eval(cx)?;
                let begin = text.len() - text.trim_start().len();
                let range = begin..begin + text.trim().len();
                TokenText::new(Holder::Text(text), range)
            }
            Self::Query(name) => {
                let name = name.eval(cx)?;
                let mut values = query::values(&cx.request.uri.query, &name);
                let text: Arc<str> = values.next().ok_or(Rejection::NotPresent)?.into();
                if values.next().is_some() {
                    let why = "the query parameter is repeated";
                    return Err(Rejection::NotWellFormed(why).into());
                }
                let range = 0..text.len();
                TokenText::new(Holder::Text(text), range)
            }
            Self::Header { name, scheme } => from_header(cx, name, scheme.as_ref()),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        match self {
            Self::Token(value) | Self::Query(value) => value.facts(),
            Self::Header { name, scheme } => {
                scheme.as_ref().map_or_else(Facts::default, Value::facts).or(name.facts())
            }
        }
    }
}

fn from_header(
    cx: &mut RequestCx,
    name: &Value<HeaderName>,
    scheme: Option<&Value<Arc<str>>>,
) -> Result<TokenText, Failure> {
    let name = name.eval(cx)?;
    let is_authorization = name == AUTHORIZATION;
    let scheme = match scheme.filter(|_| is_authorization) {
        Some(scheme) => Some(scheme.eval(cx)?).filter(|scheme| !scheme.is_empty()),
        None => None,
    };
    let mut values = cx.request.headers.get_all(&name).iter();
    let value = values.next().ok_or(Rejection::NotPresent)?.clone();
    if values.next().is_some() {
        // Which of two the backend would look at nobody knows.
        return Err(Rejection::NotWellFormed("the header is repeated").into());
    }
    let text = text(&value).ok_or(Rejection::NotWellFormed("the header is not text"))?;
    let begin = text.len() - text.trim_start().len();
    let end = begin + text.trim().len();
    let trimmed = text.get(begin..end).unwrap_or("");
    if trimmed.is_empty() {
        return Err(Rejection::NotPresent.into());
    }
    let begin = match after_scheme(trimmed, scheme.as_deref().unwrap_or(SCHEME)) {
        Some(skipped) if is_authorization => begin + skipped,
        _ if scheme.is_some() => return Err(Rejection::Scheme.into()),
        _ => begin,
    };
    TokenText::new(Holder::Header(value), begin..end)
}

/// A header's value as text. What `HeaderValue::to_str` accepts, a word at a time: it can hold no control characters.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii())
}

/// How many bytes scheme and white space take; schemes compare without regard to case (RFC 9110 §11.1).
fn after_scheme(text: &str, scheme: &str) -> Option<usize> {
    let (found, rest) = text.split_at_checked(scheme.len())?;
    let separated = rest.is_empty() || rest.starts_with([' ', '\t']);
    (found.eq_ignore_ascii_case(scheme) && separated).then(|| text.len() - rest.trim_start().len())
}

/// The text of a token, without copying it out of its header.
#[derive(Debug)]
pub(crate) struct TokenText {
    holder: Holder,
    range: Range<usize>,
}

#[derive(Debug)]
enum Holder {
    Header(HeaderValue),
    Text(Arc<str>),
}

impl TokenText {
    fn new(holder: Holder, range: Range<usize>) -> Result<Self, Failure> {
        if range.is_empty() {
            Err(Rejection::NotPresent.into())
        } else {
            Ok(Self { holder, range })
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let text = match &self.holder {
            Holder::Header(value) => text(value).unwrap_or(""),
            Holder::Text(text) => text,
        };
        text.get(self.range.clone()).unwrap_or("")
    }
}

impl From<String> for TokenText {
    fn from(text: String) -> Self {
        let range = 0..text.len();
        Self { holder: Holder::Text(text.into()), range }
    }
}
