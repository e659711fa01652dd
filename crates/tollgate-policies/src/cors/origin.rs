//! Sites, as browsers name them in `Origin`.

use std::sync::Arc;

use tollgate_diagnostics::{Code, Diagnostic};
use tollgate_engine::read::Element;
use tollgate_engine::{CompileCx, PolicyError, Typed};
use tollgate_expr::{EvalState, Target};

use super::insecure;

/// A site: scheme, host and port. `null`, which browsers send for documents without one, is a site of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// An entry of `allowed-origins`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AllowedOrigin {
    /// `*`.
    Any,
    /// One site.
    Site(Origin),
    /// Text that no browser sends.
    Never,
}

impl Origin {
    /// Reads a site; a path is left out. Scheme and host are compared without regard to case, and the port of the scheme
    /// is the same as none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "null" {
            return Some(Self { scheme: String::new(), host: "null".to_owned(), port: None });
        }
        let (scheme, rest) = text.split_once("://")?;
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(named) {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        // In brackets are the colons of an IPv6 address.
        let after_host = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority.get(after_host..)?.rfind(':') {
            Some(at) => {
                let (host, port) = authority.split_at_checked(after_host + at)?;
                (host, Some(port.strip_prefix(':')?.parse().ok()?))
            }
            None => (authority, None),
        };
        let wrong = |c: char| c.is_whitespace() || matches!(c, '@' | '*' | '\\' | ',');
        if host.is_empty() || host.contains(wrong) {
            return None;
        }
        let usual = match &*scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Some(Self { scheme, host: host.to_ascii_lowercase(), port: port.or(usual) })
    }
}

impl Typed for AllowedOrigin {
    const TARGET: Target = Target::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        Ok(Origin::read(text).map_or(Self::Never, Self::Site))
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Ok(Self::parse(&text).unwrap_or(Self::Never))
    }
}

/// Says what of the list cannot work or is dangerous.
pub(super) fn check(element: &Element, credentials: Option<bool>, cx: &mut CompileCx<'_>) {
    let mut any = false;
    for origin in element.elements_named("allowed-origins").flat_map(Element::elements) {
        let Some(text) = origin.text().filter(|text| !text.is_expression && !text.is_opaque) else {
            continue;
        };
        let written = text.as_str().trim();
        match AllowedOrigin::parse(written) {
            Ok(AllowedOrigin::Any) => any = true,
            Ok(AllowedOrigin::Site(_)) if has_path(written) => cx.report(
                Diagnostic::new(Code::SUSPICIOUS, "an origin has no path", text.span())
                    .label("the path is left out")
                    .help("write scheme, host and port only"),
            ),
            Ok(AllowedOrigin::Site(_)) => {}
            Ok(AllowedOrigin::Never) | Err(_) => cx.report(
                Diagnostic::new(Code::SUSPICIOUS, "no browser sends this origin", text.span())
                    .label(
                        "expected `*`, or scheme, host and port such as `https://contoso.com:8443`",
                    )
                    .help(
                        "for sites by pattern write an expression that gives the origin to allow",
                    ),
            ),
        }
    }
    if any && credentials == Some(true) {
        cx.report(insecure(
            element,
            "every site may make calls with the credentials of its visitors",
            "`*` among the origins, and `allow-credentials`",
        ));
    }
}

fn has_path(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split_once('/').is_some_and(|(_, path)| !path.is_empty())
}
