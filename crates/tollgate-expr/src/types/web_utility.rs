//! `System.Net.WebUtility`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::decl::{Kind, TypeDecl, p, refused};
use crate::eval::{Args, Cx, null_argument};
use crate::uri::{push_escaped, push_hex};
use crate::{Exception, ExceptionKind, Value};

/// `UrlEncode`. Form encoding: a space is `+`.
pub(crate) fn url_encode(text: &str) -> String {
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

/// `UrlDecode`.
pub(crate) fn url_decode(text: &str) -> String {
    String::from_utf8_lossy(&url_decoded(text.as_bytes())).into_owned()
}

fn url_decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
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
    bytes
}

/// `HtmlEncode`.
pub(crate) fn html_encode(text: &str) -> String {
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

/// The entities of HTML 4 and `apos`.
static ENTITIES: LazyLock<HashMap<&'static str, char>> = LazyLock::new(|| {
    let pairs = include_str!("../unicode/html_entities.txt").split_whitespace();
    let pairs = pairs.filter_map(|pair| {
        let (name, code) = pair.split_once(':')?;
        Some((name, char::from_u32(u32::from_str_radix(code, 16).ok()?)?))
    });
    pairs.collect()
});

/// What the name or number between `&` and `;` stands for.
fn entity(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else { return ENTITIES.get(name).copied() };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) if hex.starts_with('+') => return None,
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.trim().parse(),
    };
    code.ok().filter(|code| *code != 0).and_then(char::from_u32)
}

fn html_decode(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let tail = tail.get(1..).unwrap_or_default();
        // Another `&` before the `;` begins anew.
        let end = tail.find([';', '&']);
        let name = end.and_then(|end| tail.split_at_checked(end));
        let found = name.and_then(|(name, after)| Some((entity(name)?, after.strip_prefix(';')?)));
        if let Some((c, after)) = found {
            out.push(c);
            rest = after;
        } else {
            out.push('&');
            rest = tail;
        }
    }
    out.push_str(rest);
    out
}

/// A byte that is not changed by form encoding.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!*()".contains(&byte)
}

/// The part of bytes that arguments 1 and 2 say; none of null.
fn part(cx: &Cx<'_>, a: &Args<'_>) -> Result<Option<Vec<u8>>, Exception> {
    if a.get(0).is_null() {
        return if a.int(2) == 0 { Ok(None) } else { Err(null_argument("bytes")) };
    }
    let bytes = a.bytes(cx, 0, "bytes")?;
    let out_of_range = |parameter: &str| {
        let message = format!(
            "Specified argument was out of the range of valid values. (Parameter '{parameter}')"
        );
        Exception::new(ExceptionKind::ArgumentOutOfRange, message)
    };
    let offset = usize::try_from(a.int(1)).ok().filter(|offset| *offset <= bytes.len());
    let offset = offset.ok_or_else(|| out_of_range("offset"))?;
    let count = usize::try_from(a.int(2)).map_err(|_| out_of_range("count"))?;
    if let Some(part) = offset.checked_add(count).and_then(|end| bytes.get(offset..end)) {
        return Ok(Some(part.to_vec()));
    }
    // .NET adds the two without a check, and finds out at the end of the bytes.
    if a.int(1).checked_add(a.int(2)).is_some() {
        return Err(out_of_range("count"));
    }
    let message = "Index was outside the bounds of the array.";
    Err(Exception::new(ExceptionKind::IndexOutOfRange, message))
}

fn encode_bytes(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let Some(part) = part(cx, a)? else { return Ok(Value::Null) };
    cx.charge(3 * part.len())?;
    let mut out = String::new();
    for byte in part {
        match byte {
            b' ' => out.push('+'),
            byte if is_plain(byte) => out.push(char::from(byte)),
            byte => push_hex(&mut out, byte),
        }
    }
    Ok(Value::Bytes(out.into_bytes().into()))
}

fn decode_bytes(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Value, Exception> {
    let Some(part) = part(cx, a)? else { return Ok(Value::Null) };
    cx.charge(part.len())?;
    Ok(Value::Bytes(url_decoded(&part).into()))
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

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Net.WebUtility",
    kind: Kind::Static,
    bases: &[],
    docs: "Encoding for URLs and HTML.",
    members: &[
        p(
            "static string UrlEncode(string value)",
            "Encoded for a form: a space is `+`.",
            |cx, a| changed(cx, a, url_encode),
        ),
        p("static string UrlDecode(string encodedValue)", "Decoded.", |cx, a| {
            changed(cx, a, url_decode)
        }),
        p("static string HtmlEncode(string value)", "Encoded for HTML.", |cx, a| {
            changed(cx, a, html_encode)
        }),
        p("static string HtmlDecode(string value)", "Decoded.", |cx, a| {
            changed(cx, a, html_decode)
        }),
        p(
            "static byte[] UrlEncodeToBytes(byte[] value, int offset, int count)",
            "Encoded bytes.",
            |cx, a| encode_bytes(cx, a),
        ),
        p(
            "static byte[] UrlDecodeToBytes(byte[] encodedValue, int offset, int count)",
            "Decoded bytes.",
            |cx, a| decode_bytes(cx, a),
        ),
    ],
    refused: &[
        refused(
            "static void HtmlEncode(string value, TextWriter output)",
            "`TextWriter` is not in the allow-list; write what `HtmlEncode(value)` gives",
        ),
        refused(
            "static void HtmlDecode(string value, TextWriter output)",
            "`TextWriter` is not in the allow-list; write what `HtmlDecode(value)` gives",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_encodings() {
        assert_eq!(url_encode("a b&ü*"), "a+b%26%C3%BC*");
        assert_eq!(url_decode("a+b%26%C3%BC"), "a b&ü");
        assert_eq!(html_decode("&Auml;&hearts;&apos;&#x41;&#0;&nope;&&lt"), "Ä♥'A&#0;&nope;&&lt");
        assert_eq!(html_decode(&html_encode("<a href='x'>é&</a>")), "<a href='x'>é&</a>");
    }
}
