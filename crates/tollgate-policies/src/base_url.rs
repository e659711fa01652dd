//! Base URLs of backends.

use std::sync::Arc;

use tollgate_engine::{PolicyError, Typed};
use tollgate_expr::{EvalState, Target, Url};

/// An absolute URL that requests can be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// Scheme, host, port and path.
    pub(crate) url: Arc<Url>,
    /// Its query, which the request's is added to.
    pub(crate) query: Arc<str>,
}

impl Typed for BaseUrl {
    const TARGET: Target = Target::Text;

    /// Takes a URL apart without normalising it. What could be read in two ways (user information, backslashes, white
    /// space, an empty host) is refused.
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '#')) {
            return Err("expected a URL without white space, backslashes and fragment".to_owned());
        }
        let wrong = || "expected an `https://` or `http://` URL".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "https" | "wss" => ("https", 443),
            "http" | "ws" => ("http", 80),
            _ => return Err(wrong()),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (host, port) = authority_parts(authority, default_port)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = if path.is_empty() { "/" } else { path };
        let url = Url {
            scheme: scheme.to_owned(),
            host,
            port,
            path: path.to_owned(),
            query: String::new(),
        };
        Ok(Self { url: Arc::new(url), query: query.into() })
    }

    fn from_value(value: &tollgate_expr::Value, state: &EvalState) -> Result<Self, PolicyError> {
        let text = <Arc<str>>::from_value(value, state)?;
        Self::parse(&text).map_err(|why| PolicyError::unfit_value(format!("base-url: {why}.")))
    }
}

fn authority_parts(authority: &str, default_port: u16) -> Result<(String, u16), String> {
    let malformed = "the host is malformed";
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(malformed)?;
        let address: std::net::Ipv6Addr = address.parse().map_err(|_| malformed)?;
        (format!("[{address}]"), after)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (host, port) = authority.split_at_checked(end).unwrap_or((authority, ""));
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if host.is_empty() || !host.chars().all(allowed) {
            return Err(malformed.to_owned());
        }
        (host.to_ascii_lowercase(), port)
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port != 0).ok_or("the port is malformed")?
        }
        _ => return Err("the port is malformed".to_owned()),
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str, u16, &str, &str)>) {
        let parsed = BaseUrl::parse(text).ok();
        let parts = parsed.as_ref().map(|base| {
            let url = &base.url;
            (url.scheme.as_str(), url.host.as_str(), url.port, url.path.as_str(), &*base.query)
        });
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn urls_are_taken_apart() {
        check("https://Host.example", Some(("https", "host.example", 443, "/", "")));
        check(" http://h:8080/a/b/ ", Some(("http", "h", 8080, "/a/b/", "")));
        check("https://h?x=1", Some(("https", "h", 443, "/", "x=1")));
        check("wss://h/rt", Some(("https", "h", 443, "/rt", "")));
        check("http://[::1]:80/", Some(("http", "[::1]", 80, "/", "")));
        check("http://127.0.0.1/", Some(("http", "127.0.0.1", 80, "/", "")));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in [
            "",
            "host/path",
            "//host/path",
            "ftp://h/",
            "https://",
            "https:///path",
            "https://user@h/",
            "https://user:pw@h/",
            "https://h\\@evil/",
            "https://h#@evil/",
            "https://h:/",
            "https://h:0/",
            "https://h:+80/",
            "https://h:65536/",
            "https://h:80:80/",
            "https://[::1/",
            "https://[h]/",
            "https://[::1]x/",
            "https://h h/",
            "https://h\r\nX: y/",
            "https://h%2f/",
            "https://é/",
        ] {
            check(text, None);
        }
    }
}
