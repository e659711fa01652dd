//! When `json-to-xml` and `xml-to-json` convert.

use http::HeaderMap;
use http::header::ACCEPT;
use tollgate_engine::{Message, PolicyError, RequestCx, Typed, Value};
use tollgate_expr::{EvalState, Target};

use crate::message_body::{content_type, is_of};

/// `apply`, with the word that asks for a look at `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apply {
    Always,
    ByContentType,
}

impl Apply {
    fn of(text: &str) -> Option<Self> {
        match text.trim() {
            "always" => Some(Self::Always),
            "content-type-json" | "content-type-xml" => Some(Self::ByContentType),
            _ => None,
        }
    }
}

impl Typed for Apply {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        Self::of(text).ok_or_else(|| "expected `always` or a content type".to_owned())
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <std::sync::Arc<str>>::from_value(value, state)?;
        Self::of(&text).ok_or_else(|| {
            PolicyError::unfit_value("The value says neither `always` nor a content type.")
        })
    }
}

/// When a message is converted.
#[derive(Debug)]
pub(crate) struct When {
    pub(crate) apply: Value<Apply>,
    pub(crate) consider_accept: Value<bool>,
    /// The format it has, as media types name it.
    pub(crate) from: &'static str,
    /// The format it gets.
    pub(crate) to: &'static str,
}

impl When {
    pub(crate) fn facts(&self) -> tollgate_engine::Facts {
        self.apply.facts().or(self.consider_accept.facts())
    }

    /// Whether the message of this request is.
    pub(crate) fn holds(&self, cx: &mut RequestCx, message: Message) -> Result<bool, PolicyError> {
        if self.apply.eval(cx)? == Apply::ByContentType {
            let own = content_type(cx.headers(message));
            if !own.is_some_and(|own| is_of(own, self.from)) {
                return Ok(false);
            }
        }
        Ok(!self.consider_accept.eval(cx)? || prefers(&cx.request.headers, self.to, self.from))
    }
}

/// Whether `Accept` names a media type of the first format, and none of the second that it would rather have: by
/// quality, then by order. Wildcards name none.
fn prefers(headers: &HeaderMap, wanted: &str, other: &str) -> bool {
    let ranges = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| (range, quality(range)))
        .filter(|(_, quality)| *quality > 0);
    let (mut best, mut best_other) = (0, 0);
    for (range, quality) in ranges {
        if is_of(range, wanted) && quality > best_other {
            best = best.max(quality);
        }
        if is_of(range, other) && quality > best {
            best_other = best_other.max(quality);
        }
    }
    best > 0 && best >= best_other
}

/// The quality of a media range in thousandths.
fn quality(range: &str) -> u32 {
    let written = range.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(written) = written else { return 1000 };
    let (whole, fraction) = written.split_once('.').unwrap_or((written, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse()) {
        ("0", Ok(thousandths)) => thousandths,
        ("1", Ok(0)) => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn accept_is_weighed() {
        let check = |accept: &'static str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("accept", HeaderValue::from_static(accept));
            assert_eq!(super::prefers(&headers, "xml", "json"), expected, "{accept}");
        };
        for yes in [
            "application/xml",
            "TEXT/XML",
            "text/html, application/xhtml+xml, */*;q=0.8",
            "application/xml, application/json",
            "application/json;q=0.5, text/xml;q=0.6",
            "application/json;q=0, text/xml;q=0.001",
        ] {
            check(yes, true);
        }
        for no in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "application/json, application/xml",
            "text/xml;q=0",
            "text/xml;q=0.5, application/json;q=0.6",
            "text/xml;q=x",
            "text/xml;q=2",
        ] {
            check(no, false);
        }
        assert!(!super::prefers(&HeaderMap::new(), "xml", "json"));
    }
}
