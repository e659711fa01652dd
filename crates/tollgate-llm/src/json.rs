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
    document: Document<'a>,
    start: usize,
    end: usize,
}

/// A text, and where its first brackets are closed when that has been looked up before.
#[derive(Clone, Copy, Debug)]
struct Document<'a> {
    text: &'a [u8],
    brackets: &'a [Bracket],
}

/// Where the brackets of a document are closed. Whoever reads many documents keeps one and gives it to each, so that
/// what stands between brackets is looked through once however often it is skipped.
#[derive(Debug, Default)]
pub(crate) struct Brackets(Vec<Bracket>);

#[derive(Clone, Copy, Debug)]
struct Bracket {
    open: usize,
    /// The position after the closing bracket.
    end: usize,
    /// The place of the bracket around it.
    around: usize,
}

/// Brackets that are remembered; what is within later ones is looked through each time.
const MAX_BRACKETS: usize = 256;

/// A name with its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// What stands between the quotes of the name.
    name: &'a [u8],
    start: usize,
    has_escapes: bool,
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
    document: Document<'a>,
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
    pub(crate) fn of_document(text: &'a [u8]) -> Option<Self> {
        Self::whole(Document { text, brackets: &[] })
    }

    /// The object that is the whole document, with each of its members in turn; nothing when it is not one to its end. The
    /// text is looked through once.
    pub(crate) fn of_object(text: &'a [u8], mut each: impl FnMut(&Member<'a>)) -> Option<Self> {
        let document = Document { text, brackets: &[] };
        let start = document.start();
        let begin = Self { document, start, end: text.len() };
        let mut members = begin.is_object().then(|| begin.members())?;
        for member in members.by_ref() {
            each(&member);
        }
        let end = (members.0.state == State::Closed).then_some(members.0.at + 1)?;
        document.ends_after(end).then_some(Self { end, ..begin })
    }

    /// The same for any value, with the document's brackets looked up at once.
    pub(crate) fn of_indexed(text: &'a [u8], brackets: &'a mut Brackets) -> Option<Self> {
        brackets.find(text);
        Self::whole(Document { text, brackets: &brackets.0 })
    }

    fn whole(document: Document<'a>) -> Option<Self> {
        let start = document.start();
        let end = document.skip_value(start)?;
        document.ends_after(end).then_some(Self { document, start, end })
    }

    /// Its text as it stands in the document.
    pub(crate) fn raw(self) -> &'a [u8] {
        self.document.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Where its text is in the document, in bytes.
    pub(crate) fn span(self) -> Range<usize> {
        self.start..self.end
    }

    fn first(self) -> u8 {
        self.document.text.get(self.start).copied().unwrap_or_default()
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
        let inner = self.between_quotes()?;
        if inner.contains(&b'\\') {
            return Some(Cow::Owned(unescape(inner)));
        }
        Some(match std::str::from_utf8(inner) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(inner),
        })
    }

    /// A string as it stands between its quotes, escapes and all.
    pub(crate) fn between_quotes(self) -> Option<&'a [u8]> {
        self.raw().strip_prefix(b"\"")?.strip_suffix(b"\"")
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
        if self.has_escapes {
            &*self.name() == name.as_bytes()
        } else {
            self.name == name.as_bytes()
        }
    }

    /// What the name says.
    pub(crate) fn name(&self) -> Cow<'a, [u8]> {
        if self.has_escapes {
            Cow::Owned(unescape(self.name).into_bytes())
        } else {
            Cow::Borrowed(self.name)
        }
    }

    /// Where it is in the document, from its name to the end of its value.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.value.end
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        if !self.0.advance() {
            return None;
        }
        let member = self.0.member_here();
        if member.is_none() {
            self.0.state = State::Broken;
        }
        member
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if !self.0.advance() {
            return None;
        }
        let value = self.0.value_here();
        if value.is_none() {
            self.0.state = State::Broken;
        }
        value
    }
}

impl<'a> Elements<'a> {
    /// Goes to the element after the bracket or the next comma, if there is one.
    fn advance(&mut self) -> bool {
        if matches!(self.state, State::Closed | State::Broken) {
            return false;
        }
        let text = self.document.text;
        self.at = skip_space(text, self.at);
        match (self.state, text.get(self.at)) {
            (_, Some(byte)) if *byte == self.close => self.state = State::Closed,
            (State::Later, Some(b',')) => self.at = skip_space(text, self.at + 1),
            (State::First, Some(_)) => self.state = State::Later,
            _ => self.state = State::Broken,
        }
        self.state == State::Later
    }

    fn value_here(&mut self) -> Option<Value<'a>> {
        let end = self.document.skip_value(self.at)?;
        let value = Value { document: self.document, start: self.at, end };
        self.at = end;
        Some(value)
    }

    fn member_here(&mut self) -> Option<Member<'a>> {
        let (text, start) = (self.document.text, self.at);
        if text.get(start) != Some(&b'"') {
            return None;
        }
        let (end, has_escapes) = skip_string(text, start)?;
        let colon = skip_space(text, end);
        if text.get(colon) != Some(&b':') {
            return None;
        }
        self.at = skip_space(text, colon + 1);
        let name = text.get(start + 1..end - 1)?;
        Some(Member { name, start, has_escapes, value: self.value_here()? })
    }
}

impl Document<'_> {
    /// Where its value begins.
    fn start(&self) -> usize {
        // Parsers on the way of a request ignore a byte order mark; so must whoever limits what they read.
        let mark = if self.text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        skip_space(self.text, mark)
    }

    /// Whether nothing but white space follows.
    fn ends_after(&self, end: usize) -> bool {
        skip_space(self.text, end) == self.text.len()
    }

    /// The end of the value that begins at `start`.
    fn skip_value(&self, start: usize) -> Option<usize> {
        match self.text.get(start)? {
            b'"' => skip_string(self.text, start).map(|(end, _)| end),
            b'{' | b'[' => match self.brackets.binary_search_by_key(&start, |bracket| bracket.open)
            {
                Ok(place) => {
                    self.brackets.get(place).map(|bracket| bracket.end).filter(|end| *end > 0)
                }
                Err(_) => skip_brackets(self.text, start),
            },
            _ => {
                let rest = self.text.get(start..)?;
                let length = rest.iter().position(|byte| ends_scalar(*byte)).unwrap_or(rest.len());
                (length > 0).then_some(start + length)
            }
        }
    }
}

impl Brackets {
    /// Looks up the brackets of a text. One that is not closed has the end 0.
    fn find(&mut self, text: &[u8]) {
        self.0.clear();
        // Open brackets that are not remembered, which lie within those that are.
        let mut n_inner = 0_usize;
        let mut around = usize::MAX;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            match byte {
                b'"' => {
                    let Some((end, _)) = skip_string(text, at) else { return };
                    at = end;
                    continue;
                }
                b'{' | b'[' if self.0.len() < MAX_BRACKETS => {
                    self.0.push(Bracket { open: at, end: 0, around });
                    around = self.0.len() - 1;
                }
                b'{' | b'[' => n_inner += 1,
                b'}' | b']' if n_inner > 0 => n_inner -= 1,
                b'}' | b']' => {
                    if let Some(bracket) = self.0.get_mut(around) {
                        bracket.end = at + 1;
                        around = bracket.around;
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

fn ends_scalar(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t')
}

pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// The end of the string whose quote is at `open`, and whether it has escapes.
pub(crate) fn skip_string(text: &[u8], open: usize) -> Option<(usize, bool)> {
    let mut at = open + 1;
    let mut has_escapes = false;
    loop {
        let rest = text.get(at..)?;
        let found = memchr2(b'"', b'\\', rest)?;
        if rest.get(found) == Some(&b'"') {
            return Some((at + found + 1, has_escapes));
        }
        has_escapes = true;
        at += found + 2;
    }
}

fn skip_brackets(text: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = open;
    loop {
        match text.get(at)? {
            b'"' => {
                at = skip_string(text, at)?.0;
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
pub(crate) fn unescape(mut rest: &[u8]) -> String {
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

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn strings(document: &str) -> Option<Vec<String>> {
        let members = Value::of_document(document.as_bytes())?.members();
        Some(members.map(|m| format!("{}={}", text(&m.name()), text(m.value.raw()))).collect())
    }

    #[test]
    fn members_are_found_in_order() {
        let document = r#" { "a" : [1, {"b": "}"}] , "c\"d":null,"e":-1.5e3 } "#;
        assert_eq!(strings(document).unwrap(), [r#"a=[1, {"b": "}"}]"#, r#"c"d=null"#, "e=-1.5e3"]);
        assert_eq!(strings("{}").unwrap(), Vec::<String>::new());
        assert_eq!(strings("[1]").unwrap(), Vec::<String>::new());
        assert_eq!(strings("\u{feff}{\"a\":1}").unwrap(), ["a=1"]);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for document in ["", " ", "{", "[", "{}x", "{} {}", r#""a"#, r#"{"a":"\"}"#, "]", ","] {
            assert!(Value::of_document(document.as_bytes()).is_none(), "{document}");
            assert!(Value::of_object(document.as_bytes(), |_| {}).is_none(), "{document}");
        }
    }

    #[test]
    fn an_object_is_read_in_one_walk() {
        for document in
            [r#"{"a":1 "b":2}"#, r#"{"a"}"#, r#"{"a":1,}"#, r#"{1:2}"#, r#"{"a":}"#, "[1]"]
        {
            assert!(Value::of_object(document.as_bytes(), |_| {}).is_none(), "{document}");
        }
        for document in [" {} ", "\u{feff}{\"a\":1}", r#"{"a":[1,{"b":2}],"c":"}"}"#] {
            let mut names = Vec::new();
            let root = Value::of_object(document.as_bytes(), |member| names.push(member.name()));
            let whole = Value::of_document(document.as_bytes()).unwrap();
            assert_eq!(root.unwrap().span(), whole.span());
            let members: Vec<_> = whole.members().map(|member| member.name()).collect();
            assert_eq!(names, members, "{document}");
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

    #[test]
    fn an_index_changes_nothing() {
        let many = format!("[{}]", ["{\"a\":[1,{}]}"; 200].join(","));
        let mut brackets = Brackets::default();
        for document in [
            "{}",
            r#"{"a":[{"b":"]"},[[]]],"c":{"d":1}}"#,
            &many,
            "[[]",
            "]",
            "{\"a",
            "[}]",
            "x",
            "",
        ] {
            let plain = Value::of_document(document.as_bytes());
            let shown = |value: Option<Value<'_>>| {
                let value = value?;
                let members = value.members().map(|member| text(member.value.raw()));
                let items = value
                    .items()
                    .flat_map(|item| [item].into_iter().chain(item.members().map(|m| m.value)));
                let items = items.map(|item| text(item.raw()));
                Some(members.chain(items).collect::<Vec<_>>())
            };
            let indexed = Value::of_indexed(document.as_bytes(), &mut brackets);
            assert_eq!(shown(indexed), shown(plain), "{document}");
        }
    }
}
