//! `System.Uri` and `System.Net.WebUtility`.

use super::decl::{Kind, TypeDecl, m};
use super::{Ty, TypeId};
use crate::eval::{Args, Cx, null_argument};
use crate::{Exception, ExceptionKind, Value};

/// The parts of an absolute URI.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    scheme: String,
    user: String,
    host: String,
    port: Option<u16>,
    path: String,
    query: String,
    fragment: String,
}

fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        _ => return None,
    })
}

#[cold]
fn invalid(message: &str) -> Exception {
    Exception::new(ExceptionKind::UriFormat, message)
}

/// Takes an absolute URI apart.
fn split(text: &str) -> Result<Parts, Exception> {
    const FORMAT: &str = "Invalid URI: The format of the URI could not be determined.";
    let text = text.trim();
    if text.is_empty() {
        return Err(invalid("Invalid URI: The URI is empty."));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(invalid(FORMAT));
    };
    let named = scheme.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !named {
        return Err(invalid(FORMAT));
    }
    let scheme = scheme.to_ascii_lowercase();
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, fragment)) => (rest, format!("#{fragment}")),
        None => (rest, String::new()),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, format!("?{query}")),
        None => (rest, String::new()),
    };
    let (query, fragment) = (escape_illegal(&query), escape_illegal(&fragment));
    let Some(rest) = rest.strip_prefix("//") else {
        if default_port(&scheme).is_some() {
            return Err(invalid("Invalid URI: The Authority/Host could not be parsed."));
        }
        let path = escape_illegal(rest);
        return Ok(Parts {
            scheme,
            user: String::new(),
            host: String::new(),
            port: None,
            path,
            query,
            fragment,
        });
    };
    let (authority, path) = match rest.find(['/', '\\']) {
        Some(offset) => {
            (rest.get(..offset).unwrap_or(rest), rest.get(offset..).unwrap_or_default())
        }
        None => (rest, ""),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => {
            let parsed = if port.is_empty() { Ok(None) } else { port.parse::<u16>().map(Some) };
            let port = parsed.map_err(|_| invalid("Invalid URI: Invalid port specified."))?;
            (name, port)
        }
        _ => (host, None),
    };
    let known = default_port(&scheme).is_some();
    if known && host.is_empty() {
        return Err(invalid("Invalid URI: The hostname could not be parsed."));
    }
    let bad = |c: char| {
        c.is_whitespace() || matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '^' | '`' | '\\' | '%')
    };
    if known && host.contains(bad) {
        return Err(invalid("Invalid URI: The hostname could not be parsed."));
    }
    let path = if known { path.replace('\\', "/") } else { path.to_owned() };
    let path = escape_illegal(&without_dots(&path));
    Ok(Parts {
        port: port.or_else(|| default_port(&scheme)),
        scheme,
        user: user.to_owned(),
        host: host.to_lowercase(),
        path: if path.is_empty() && known { "/".to_owned() } else { path },
        query,
        fragment,
    })
}

/// Resolves `.` and `..`.
fn without_dots(path: &str) -> String {
    if !path.contains("/.") {
        return path.to_owned();
    }
    let mut out: Vec<&str> = Vec::new();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." && out.len() > 1 {
                    out.pop();
                }
                if last {
                    out.push("");
                }
            }
            part => out.push(part),
        }
    }
    out.join("/")
}

/// Escapes what may not stand in a URI.
fn escape_illegal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let legal = c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%|".contains(c) && c != '|';
        if legal {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    out
}

fn push_hex(out: &mut String, byte: u8) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    out.push('%');
    out.extend(DIGITS.get(usize::from(byte >> 4)));
    out.extend(DIGITS.get(usize::from(byte & 15)));
}

fn push_escaped(out: &mut String, c: char) {
    let mut buffer = [0; 4];
    for byte in c.encode_utf8(&mut buffer).bytes() {
        push_hex(out, byte);
    }
}

impl Parts {
    fn is_default_port(&self) -> bool {
        self.port == default_port(&self.scheme)
    }

    fn authority(&self) -> String {
        match self.port {
            Some(port) if !self.is_default_port() => format!("{}:{port}", self.host),
            _ => self.host.clone(),
        }
    }

    fn absolute(&self) -> String {
        if self.host.is_empty() && self.port.is_none() {
            return format!("{}:{}{}{}", self.scheme, self.path, self.query, self.fragment);
        }
        let user = if self.user.is_empty() { String::new() } else { format!("{}@", self.user) };
        let authority = self.authority();
        format!("{}://{user}{authority}{}{}{}", self.scheme, self.path, self.query, self.fragment)
    }
}

/// A URI: what `ToString()` gives and what it was made of.
pub(super) fn new_uri(cx: &mut Cx<'_>, text: &str) -> Result<Value, Exception> {
    let parts = split(text)?;
    let shown = display(&parts);
    cx.charge(text.len() + shown.len())?;
    let values = [Value::from(shown), Value::from(text), Value::from(parts.absolute())];
    Ok(Value::record(Ty::Named(TypeId::Uri), values))
}

/// `ToString()`: unescaped where that changes nothing.
fn display(parts: &Parts) -> String {
    let text = parts.absolute();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(offset) = rest.find('%') {
        out.push_str(rest.get(..offset).unwrap_or_default());
        let tail = rest.get(offset..).unwrap_or_default();
        let n = tail.as_bytes().chunks(3).take_while(|chunk| matches!(chunk, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())).count();
        if n == 0 {
            out.push('%');
            rest = tail.get(1..).unwrap_or_default();
            continue;
        }
        let escaped = tail.get(..3 * n).unwrap_or_default();
        for c in unescape(escaped).chars() {
            // Reserved characters stay escaped.
            if c == '%'
                || c == '\u{fffd}'
                || ";/?:@&=+$,#[]!'()*<>\"\\^`{|}".contains(c)
                || c.is_control()
            {
                push_escaped(&mut out, c);
            } else {
                out.push(c);
            }
        }
        rest = tail.get(3 * n..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn parts(a: &Args<'_>) -> Result<Parts, Exception> {
    match a.get(0) {
        Value::Record(record) => split(
            record
                .values
                .get(1)
                .or_else(|| record.values.first())
                .and_then(Value::as_str)
                .unwrap_or_default(),
        ),
        _ => Err(Exception::null_reference()),
    }
}

fn part(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    take: impl FnOnce(Parts) -> String,
) -> Result<Value, Exception> {
    let text = take(parts(a)?);
    cx.string(text)
}

/// `Uri.EscapeDataString`.
pub(super) fn escape_data(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~') {
            out.push(c);
        } else {
            push_escaped(&mut out, c);
        }
    }
    out
}

/// Replaces `%XX` by what it stands for; what is not UTF-8 stays.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(offset) = rest.find('%') {
        out.push_str(rest.get(..offset).unwrap_or_default());
        let tail = rest.get(offset..).unwrap_or_default();
        let mut bytes = Vec::new();
        for chunk in tail.as_bytes().chunks(3) {
            let hex = match chunk {
                [b'%', a, b] => char::from(*a).to_digit(16).zip(char::from(*b).to_digit(16)),
                _ => None,
            };
            let Some((a, b)) = hex else { break };
            bytes.push(u8::try_from(a * 16 + b).unwrap_or_default());
        }
        if bytes.is_empty() {
            out.push('%');
            rest = tail.get(1..).unwrap_or_default();
            continue;
        }
        for chunk in bytes.utf8_chunks() {
            out.push_str(chunk.valid());
            for byte in chunk.invalid() {
                push_hex(&mut out, *byte);
            }
        }
        rest = tail.get(3 * bytes.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

pub(super) const URI: TypeDecl = TypeDecl {
    name: "System.Uri",
    kind: Kind::Class,
    bases: &[],
    docs: "A URI.",
    members: &[
        m("new(string uriString)", "An absolute URI.", |cx, a| {
            let text = a.str(0, "uriString")?;
            new_uri(cx, &text)
        }),
        m("string AbsoluteUri", "The whole URI, escaped.", |cx, a| {
            part(cx, a, |uri| uri.absolute())
        }),
        m("string OriginalString", "The text it was made of.", |_, a| match a.get(0) {
            Value::Record(record) => Ok(record
                .values
                .get(1)
                .or_else(|| record.values.first())
                .cloned()
                .unwrap_or_default()),
            _ => Err(Exception::null_reference()),
        }),
        m("string Scheme", "Such as `https`.", |cx, a| part(cx, a, |uri| uri.scheme)),
        m("string Host", "The host, in lower case.", |cx, a| part(cx, a, |uri| uri.host)),
        m("string DnsSafeHost", "The host, in lower case.", |cx, a| part(cx, a, |uri| uri.host)),
        m("string Authority", "Host, and port unless it is the default.", |cx, a| {
            part(cx, a, |uri| uri.authority())
        }),
        m("int Port", "The port, or -1.", |_, a| {
            Ok(Value::Int(parts(a)?.port.map_or(-1, i32::from)))
        }),
        m("bool IsDefaultPort", "Whether the port is the scheme's.", |_, a| {
            Ok(Value::Bool(parts(a)?.is_default_port()))
        }),
        m("bool IsAbsoluteUri", "True.", |_, _| Ok(Value::Bool(true))),
        m("string AbsolutePath", "The path, escaped.", |cx, a| part(cx, a, |uri| uri.path)),
        m("string LocalPath", "The path, unescaped.", |cx, a| {
            part(cx, a, |uri| unescape(&uri.path))
        }),
        m("string Query", "The query with its question mark.", |cx, a| {
            part(cx, a, |uri| uri.query)
        }),
        m("string Fragment", "The fragment with its `#`.", |cx, a| part(cx, a, |uri| uri.fragment)),
        m("string UserInfo", "User and password.", |cx, a| part(cx, a, |uri| uri.user)),
        m("string PathAndQuery", "Path and query.", |cx, a| {
            part(cx, a, |uri| uri.path + &uri.query)
        }),
        m("string[] Segments", "The parts of the path with their slashes.", |cx, a| {
            let path = parts(a)?.path;
            let items: Vec<Value> = path.split_inclusive('/').map(Value::from).collect();
            cx.state.array(Ty::STRING, items)
        }),
        m(
            "static string EscapeDataString(string stringToEscape)",
            "Escaped as part of a URI.",
            |cx, a| {
                let text = escape_data(&a.str(0, "stringToEscape")?);
                cx.string(text)
            },
        ),
        m(
            "static string EscapeUriString(string stringToEscape)",
            "Escaped as a whole URI.",
            |cx, a| {
                let text = escape_illegal(&a.str(0, "stringToEscape")?);
                cx.string(text)
            },
        ),
        m("static string UnescapeDataString(string stringToUnescape)", "Unescaped.", |cx, a| {
            let text = unescape(&a.str(0, "stringToUnescape")?);
            cx.string(text)
        }),
    ],
    refused: &[],
};

/// Form encoding: a space is `+`.
fn url_encode(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-_.!*()".contains(c) {
            out.push(c);
        } else if c == ' ' {
            out.push('+');
        } else {
            push_escaped(&mut out, c);
        }
    }
    out
}

fn url_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = match rest {
            [b'%', a, b, ..] => char::from(*a).to_digit(16).zip(char::from(*b).to_digit(16)),
            _ => None,
        };
        if let Some((a, b)) = hex {
            bytes.push(u8::try_from(a * 16 + b).unwrap_or_default());
            rest = rest.get(3..).unwrap_or_default();
            continue;
        }
        bytes.push(if *first == b'+' { b' ' } else { *first });
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn html_encode(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{a0}'..='\u{ff}' | '\u{10000}'.. => {
                out.push_str("&#");
                out.push_str(&u32::from(c).to_string());
                out.push(';');
            }
            c => out.push(c),
        }
    }
    out
}

fn html_decode(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(offset) = rest.find('&') {
        out.push_str(rest.get(..offset).unwrap_or_default());
        let tail = rest.get(offset + 1..).unwrap_or_default();
        let entity = tail.split_once(';').and_then(|(name, after)| {
            let decoded = match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => '\u{a0}',
                _ => {
                    let digits = name.strip_prefix('#')?;
                    let code = match digits.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => digits.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((decoded, after))
        });
        if let Some((decoded, after)) = entity {
            out.push(decoded);
            rest = after;
        } else {
            out.push('&');
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

fn changed(cx: &mut Cx<'_>, a: &Args<'_>, change: fn(&str) -> String) -> Result<Value, Exception> {
    match a.opt_str(0) {
        None => Ok(Value::Null),
        Some(text) => {
            let text = change(text);
            cx.string(text)
        }
    }
}

pub(super) const WEB_UTILITY: TypeDecl = TypeDecl {
    name: "System.Net.WebUtility",
    kind: Kind::Static,
    bases: &[],
    docs: "Encoding for URLs and HTML.",
    members: &[
        m(
            "static string UrlEncode(string value)",
            "Encoded for a form: a space is `+`.",
            |cx, a| changed(cx, a, url_encode),
        ),
        m("static string UrlDecode(string encodedValue)", "Decoded.", |cx, a| {
            changed(cx, a, url_decode)
        }),
        m("static string HtmlEncode(string value)", "Encoded for HTML.", |cx, a| {
            changed(cx, a, html_encode)
        }),
        m("static string HtmlDecode(string value)", "Decoded.", |cx, a| {
            changed(cx, a, html_decode)
        }),
        m(
            "static byte[] UrlEncodeToBytes(byte[] encodedValue, int offset, int count)",
            "Encoded bytes.",
            |cx, a| {
                let bytes = a.bytes(cx, 0, "bytes")?;
                let start = usize::try_from(a.long(1)).unwrap_or(usize::MAX);
                let end = usize::try_from(a.long(2)).ok().and_then(|n| start.checked_add(n));
                let part = end
                    .and_then(|end| bytes.get(start..end))
                    .ok_or_else(|| null_argument("offset"))?;
                let text = url_encode(&String::from_utf8_lossy(part));
                cx.charge(text.len())?;
                Ok(Value::Bytes(text.into_bytes().into()))
            },
        ),
    ],
    refused: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_taken_apart_as_dotnet_does() {
        let uri = split("HTTPS://u:p@Example.COM:8443/a/../b c?x=1#f").unwrap();
        assert_eq!(uri.absolute(), "https://u:p@example.com:8443/b%20c?x=1#f");
        assert_eq!(split("http://h:80").unwrap().absolute(), "http://h/");
        for text in ["", "/relative", "nothing", "http://", "http://h:x/"] {
            assert!(split(text).is_err(), "{text}");
        }
        assert_eq!(unescape("a%20%C3%A9%FF%zz"), "a é%FF%zz");
    }

    #[test]
    fn web_encodings() {
        assert_eq!(url_encode("a b&ü*"), "a+b%26%C3%BC*");
        assert_eq!(url_decode("a+b%26%C3%BC"), "a b&ü");
        assert_eq!(html_decode(&html_encode("<a href='x'>é&</a>")), "<a href='x'>é&</a>");
    }
}
