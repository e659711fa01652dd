//! The strings of a JSON text, whatever it is about.

use std::borrow::Cow;

use crate::json::{skip_space, skip_string, unescape};
use crate::texts::Unreadable;

/// What may stand next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of an array that has begun.
    ValueOrEnd,
    /// A name.
    Name,
    /// A name, or the end of an object that has begun.
    NameOrEnd,
    /// A comma, or the end of what is open.
    CommaOrEnd,
}

/// Gives all strings of a JSON text that are values, in their order. An error when any part of it is not JSON to the letter: other
/// readers may then see something else in it than the readers of this crate, which stop where they cannot go on.
///
/// It takes one pass, however the text is nested, and a byte for each level.
///
/// ```
/// let mut all = Vec::new();
/// tollgate_llm::strings_of_json(br#"{"a":["b",1],"c":"d"}"#, &mut |text| all.push(text.to_owned()))?;
/// assert_eq!(all, ["b", "d"]);
/// assert!(tollgate_llm::strings_of_json(b"[1,NaN]", &mut |_| {}).is_err());
/// # Ok::<(), tollgate_llm::Unreadable>(())
/// ```
pub fn strings_of_json(body: &[u8], each: &mut dyn FnMut(&str)) -> Result<(), Unreadable> {
    scan(body, each).ok_or(Unreadable::NotJson)
}

fn scan(text: &[u8], each: &mut dyn FnMut(&str)) -> Option<()> {
    let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut open = Vec::new();
    let mut next = Next::Value;
    loop {
        at = skip_space(text, at);
        let byte = text.get(at).copied();
        if byte.is_none() {
            return (open.is_empty() && next == Next::CommaOrEnd).then_some(());
        }
        next = match (next, byte?) {
            (Next::Value | Next::ValueOrEnd, b'"') => {
                let (end, has_escapes) = skip_string(text, at)?;
                let inner = text.get(at + 1..end - 1)?;
                each(&if has_escapes {
                    Cow::Owned(unescape(inner))
                } else {
                    String::from_utf8_lossy(inner)
                });
                at = end;
                Next::CommaOrEnd
            }
            (Next::Value | Next::ValueOrEnd, bracket @ (b'{' | b'[')) => {
                open.push(bracket);
                at += 1;
                if bracket == b'{' { Next::NameOrEnd } else { Next::ValueOrEnd }
            }
            (Next::ValueOrEnd | Next::NameOrEnd | Next::CommaOrEnd, b']' | b'}') => {
                let closing = if open.pop()? == b'{' { b'}' } else { b']' };
                if byte != Some(closing) {
                    return None;
                }
                at += 1;
                Next::CommaOrEnd
            }
            (Next::Value | Next::ValueOrEnd, _) => {
                at = skip_literal(text, at)?;
                Next::CommaOrEnd
            }
            (Next::Name | Next::NameOrEnd, b'"') => {
                at = skip_space(text, skip_string(text, at)?.0);
                if text.get(at) != Some(&b':') {
                    return None;
                }
                at += 1;
                Next::Value
            }
            (Next::CommaOrEnd, b',') => {
                at += 1;
                if open.last()? == &b'{' { Next::Name } else { Next::Value }
            }
            (Next::Name | Next::NameOrEnd | Next::CommaOrEnd, _) => return None,
        };
    }
}

/// The end of a number, `true`, `false` or `null`.
fn skip_literal(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let is_in = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = rest.iter().position(|byte| !is_in(byte)).unwrap_or(rest.len());
    let literal = rest.get(..length)?;
    let is_number = literal.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-')
        && literal.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    (is_number || matches!(literal, b"true" | b"false" | b"null")).then_some(at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_json_are_all_or_none() {
        let read = |body: &str| {
            let mut all = Vec::new();
            strings_of_json(body.as_bytes(), &mut |text| all.push(text.to_owned())).map(|()| all)
        };
        for (body, expected) in [
            (r#""a""#, &["a"][..]),
            ("\u{feff}[]", &[]),
            (
                r#" {"x":{"y":["a\u0062",{"z":"c"}],"n":-1.5e+3,"t":true,"f":false,"0":null},"e":""} "#,
                &["ab", "c", ""],
            ),
        ] {
            assert_eq!(read(body).unwrap(), expected, "{body}");
        }
        for body in [
            "",
            "{",
            "[1,]",
            "[1 2]",
            "[,]",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{"a":{"b" "c"}}"#,
            "{'a':1}",
            "{a:1}",
            r#"{"a":NaN}"#,
            r#"{"a":[1, // no"#,
            r#"{"a":[1 /* no */]}"#,
            r#"{"a":["b" "c"]}"#,
            r#"{"a":'b'}"#,
            "[] []",
            "[}",
            r#"{"a":1]"#,
            "]",
            "tru",
        ] {
            assert_eq!(read(body), Err(Unreadable::NotJson), "{body}");
        }
        // Deeper than any stack.
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(read(&deep).unwrap(), [""; 0]);
    }
}
