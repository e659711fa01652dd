//! A reader of JSON that finds values in their text and builds nothing.
//!
//! A [`Value`] is a span of a document; its members and items are found when they are asked for. So a body is read without
//! a tree of it, a string without escapes is borrowed, and what is found can be replaced in the text byte for byte.
//!
//! It reads every well-formed document as a strict parser does. What is malformed may still be read in part; whoever
//! receives the document refuses it. A name that stands twice means its last value, as for the backends we know.
//!
//! INVARIANT: nothing here recurses, so nesting costs no stack, and finding a value is linear in the text around it.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2};

/// A value in the text of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    document: &'a [u8],
    start: usize,
    end: usize,
}

/// A name with its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// The name with its quotes.
    name: Value<'a>,
    pub(crate) value: Value<'a>,
}

/// The members of an object, in the order of the text.
#[derive(Debug)]
pub(crate) struct Members<'a>(Elements<'a>);

/// The items of an array.
#[derive(Debug)]
pub(crate) struct Items<'a>(Elements<'a>);

/// Walks through what stands between two brackets.
#[derive(Debug)]
struct Elements<'a> {
    document: &'a [u8],
    at: usize,
    close: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    First,
    Later,
    Closed,
    Broken,
}

impl<'a> Value<'a> {
    /// The value that is the whole document, or nothing when it is not one value to its end.
    pub(crate) fn of_document(document: &'a [u8]) -> Option<Self> {
        let start = skip_space(document, 0);
        let end = skip_value(document, start)?;
        (skip_space(document, end) == document.len()).then_some(Self { document, start, end })
    }

    /// Its text as it stands in the document.
    pub(crate) fn raw(self) -> &'a [u8] {
        self.document.get(self.start..self.end).unwrap_or_default()
    }

    /// Where its text is in the document, in bytes.
    pub(crate) fn span(self) -> Range<usize> {
        self.start..self.end
    }

    fn first(self) -> u8 {
        self.document.get(self.start).copied().unwrap_or_default()
    }

    pub(crate) fn is_object(self) -> bool {
        self.first() == b'{'
    }

    pub(crate) fn is_array(self) -> bool {
        self.first() == b'['
    }

    pub(crate) fn is_string(self) -> bool {
        self.first() == b'"'
    }

    pub(crate) fn is_null(self) -> bool {
        self.raw() == b"null"
    }

    pub(crate) fn is_true(self) -> bool {
        self.raw() == b"true"
    }

    /// The members of an object; none of anything else.
    pub(crate) fn members(self) -> Members<'a> {
        Members(self.elements(b'{', b'}'))
    }

    /// The items of an array; none of anything else.
    pub(crate) fn items(self) -> Items<'a> {
        Items(self.elements(b'[', b']'))
    }

    fn elements(self, open: u8, close: u8) -> Elements<'a> {
        let state = if self.first() == open { State::First } else { State::Closed };
        Elements { document: self.document, at: self.start + 1, close, state }
    }

    /// The value of a member, the last when the name stands twice.
    pub(crate) fn get(self, name: &str) -> Option<Self> {
        self.members().filter(|member| member.is(name)).last().map(|member| member.value)
    }

    /// What a member says as text.
    pub(crate) fn text_of(self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.string()
    }

    /// What a string says; what is no UTF-8 and lone surrogates become U+FFFD.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        let inner = self.raw().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some(if memchr(b'\\', inner).is_none() {
            String::from_utf8_lossy(inner)
        } else {
            Cow::Owned(unescape(inner))
        })
    }

    /// A count: a number from 0 to 2⁶⁴-1 without its fraction.
    pub(crate) fn count(self) -> Option<u64> {
        let text = std::str::from_utf8(self.raw()).ok()?;
        if let Ok(count) = text.parse() {
            return Some(count);
        }
        if !self.first().is_ascii_digit() {
            return None;
        }
        let number: f64 = text.parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range is checked, and the fraction is meant to go"
        )]
        (0.0..9e15).contains(&number).then_some(number as u64)
    }
}

impl<'a> Member<'a> {
    pub(crate) fn is(&self, name: &str) -> bool {
        let raw = self.name.raw();
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        inner == name.as_bytes() || (memchr(b'\\', inner).is_some() && self.name() == name)
    }

    pub(crate) fn name(&self) -> Cow<'a, str> {
        self.name.string().unwrap_or_default()
    }

    /// Where it is in the document, from its name to the end of its value.
    pub(crate) fn span(&self) -> Range<usize> {
        self.name.start..self.value.end
    }
}

impl Members<'_> {
    /// Whether they came to an end that is not the object's.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.state == State::Broken
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let name = self.0.next_value()?;
        let colon = skip_space(name.document, name.end);
        if !name.is_string() || name.document.get(colon) != Some(&b':') {
            self.0.state = State::Broken;
            return None;
        }
        self.0.at = skip_space(name.document, colon + 1);
        let value = self.0.value_here()?;
        Some(Member { name, value })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.0.next_value()
    }
}

impl<'a> Elements<'a> {
    /// The value after the bracket or the next comma.
    fn next_value(&mut self) -> Option<Value<'a>> {
        if matches!(self.state, State::Closed | State::Broken) {
            return None;
        }
        self.at = skip_space(self.document, self.at);
        let here = self.document.get(self.at).copied();
        match (self.state, here) {
            (State::First | State::Later, Some(byte)) if byte == self.close => {
                self.state = State::Closed;
                return None;
            }
            (State::Later, Some(b',')) => self.at = skip_space(self.document, self.at + 1),
            (State::First, Some(_)) => self.state = State::Later,
            _ => {
                self.state = State::Broken;
                return None;
            }
        }
        self.value_here()
    }

    fn value_here(&mut self) -> Option<Value<'a>> {
        let Some(end) = skip_value(self.document, self.at) else {
            self.state = State::Broken;
            return None;
        };
        let value = Value { document: self.document, start: self.at, end };
        self.at = end;
        Some(value)
    }
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// The end of the value that begins at `start`.
fn skip_value(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start)? {
        b'"' => skip_string(text, start),
        b'{' | b'[' => skip_brackets(text, start),
        _ => {
            let rest = text.get(start..)?;
            let is_end = |byte: &u8| {
                matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t')
            };
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            (length > 0).then_some(start + length)
        }
    }
}

fn skip_string(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let rest = text.get(at..)?;
        let found = memchr2(b'"', b'\\', rest)?;
        if rest.get(found) == Some(&b'"') {
            return Some(at + found + 1);
        }
        at += found + 2;
    }
}

fn skip_brackets(text: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = open;
    loop {
        match text.get(at)? {
            b'"' => {
                at = skip_string(text, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// What stands between the quotes, without its escapes.
fn unescape(mut rest: &[u8]) -> String {
    let mut text = Vec::with_capacity(rest.len());
    while let Some(found) = memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(found);
        text.extend_from_slice(plain);
        let (c, length) = escaped_char(escape);
        text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    match String::from_utf8(text) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// The character of the escape that a text begins with, and the escape's length in bytes.
fn escaped_char(escape: &[u8]) -> (char, usize) {
    let c = match escape.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return escaped_unit(escape),
        Some(other) if other.is_ascii() => char::from(*other),
        // The backslash alone goes; what is not ASCII stays as it is.
        _ => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (c, 2)
}

fn escaped_unit(escape: &[u8]) -> (char, usize) {
    let unit = |from: usize| {
        let digits = escape.get(from..from + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let Some(c) = char::from_u32(first) {
        return (c, 6);
    }
    let pair = unit(6).filter(|second| first < 0xDC00 && (0xDC00..0xE000).contains(second));
    let pair = pair
        .and_then(|second| char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)));
    pair.map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(document: &str) -> Option<Vec<String>> {
        let members = Value::of_document(document.as_bytes())?.members();
        Some(
            members
                .map(|m| format!("{}={}", m.name(), String::from_utf8_lossy(m.value.raw())))
                .collect(),
        )
    }

    #[test]
    fn members_are_found_in_order() {
        let document = r#" { "a" : [1, {"b": "}"}] , "c\"d":null,"e":-1.5e3 } "#;
        assert_eq!(strings(document).unwrap(), [r#"a=[1, {"b": "}"}]"#, r#"c"d=null"#, "e=-1.5e3"]);
        assert_eq!(strings("{}").unwrap(), Vec::<String>::new());
        assert_eq!(strings("[1]").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for document in ["", " ", "{", "[", "{}x", "{} {}", r#""a"#, r#"{"a":"\"}"#, "]", ","] {
            assert!(Value::of_document(document.as_bytes()).is_none(), "{document}");
        }
    }

    #[test]
    fn broken_members_end_the_walk() {
        for document in [r#"{"a":1 "b":2}"#, r#"{"a"}"#, r#"{"a":1,}"#, r#"{1:2}"#, r#"{"a":}"#] {
            let mut members = Value::of_document(document.as_bytes()).unwrap().members();
            members.by_ref().for_each(drop);
            assert!(members.is_broken(), "{document}");
        }
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let value = Value::of_document(br#"{"a":1,"\u0061":2}"#).unwrap();
        assert_eq!(value.get("a").unwrap().count(), Some(2));
    }

    #[test]
    fn strings_are_what_serde_reads() {
        for text in [
            r#""""#,
            r#""plain""#,
            r#""ü 中 😀""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""\u00e9\uD83D\uDE00 x""#,
            r#""a\u0000b""#,
        ] {
            let expected: String = serde_json::from_str(text).unwrap();
            assert_eq!(Value::of_document(text.as_bytes()).unwrap().string().unwrap(), expected);
        }
        let plain = Value::of_document(br#""plain""#).unwrap().string().unwrap();
        assert!(matches!(plain, Cow::Borrowed("plain")));
    }

    #[test]
    fn broken_strings_become_replacement_characters() {
        let read = |text: &[u8]| Value::of_document(text).unwrap().string().unwrap().into_owned();
        assert_eq!(read(br#""\ud83d x""#), "\u{fffd} x");
        assert_eq!(read(br#""\ud83d\u0041""#), "\u{fffd}A");
        assert_eq!(read(br#""\u12""#), "\u{fffd}12");
        assert_eq!(read(b"\"a\xff\\n\""), "a\u{fffd}\n");
        assert_eq!(read(b"\"\\\xc3\xa9\""), "\u{fffd}é");
    }

    #[test]
    fn counts_are_in_range() {
        let read = |text: &str| Value::of_document(text.as_bytes()).unwrap().count();
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        assert_eq!(read("12.9"), Some(12));
        assert_eq!(read("1e3"), Some(1000));
        for text in ["-1", "1e300", "99999999999999999999", "null", "\"1\"", "inf", "NaN", "x"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(Value::of_document(deep.as_bytes()).unwrap().items().count(), 1);
        assert!(Value::of_document("[".repeat(1_000_000).as_bytes()).is_none());
    }
}
