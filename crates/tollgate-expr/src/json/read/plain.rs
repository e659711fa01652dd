//! A reader of JSON as standards have it, which nearly all text is: one pass, no more allocation than the tree needs.
//!
//! It reads nothing else. At the first sign of anything that Json.NET forgives, or of a fault, it gives up and leaves no
//! trace, and the lenient reader begins anew: that one knows the messages and the positions.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use super::super::heap::{Body, Container, INDEX_FROM};
use super::super::{JsonHeap, JsonId, Scalar};
use super::{DateParse, MAX_DEPTH, date};
use crate::{Budget, Exception};

/// Reads an object or array; none when the text is not plain JSON of that kind.
pub(super) fn read(
    heap: &mut JsonHeap,
    text: &str,
    dates: DateParse,
    open: &[u8],
    budget: &mut Budget,
) -> Result<Option<JsonId>, Exception> {
    let blank = text.bytes().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    if !text.as_bytes().get(blank).is_some_and(|byte| open.contains(byte)) {
        return Ok(None);
    }
    let (mark, before) = (heap.mark(), budget.clone());
    let first = heap.texts.begin(text.len());
    heap.reserve(text.len() / NODE_EVERY);
    let mut plain = Plain {
        text,
        at: blank,
        first,
        dates,
        heap,
        names: NAMES.take(),
        waiting: Vec::new(),
        frames: Vec::new(),
        memory: 0,
        steps: 0,
    };
    let read = plain.document(budget);
    let spent = plain.settle(budget);
    NAMES.set(plain.names);
    match read {
        Ok(root) => spent.map(|()| Some(root)),
        Err(Stop::Bound(exception)) => Err(exception),
        Err(Stop::NotPlain) => {
            heap.rewind(mark);
            *budget = before;
            Ok(None)
        }
    }
}

/// How much text there is for a token, about; only space is reserved by it.
const NODE_EVERY: usize = 16;
/// How much is taken from the budget at a time.
const SETTLE: u64 = 1024;
/// How many names a thread keeps for the documents to come, and how long they may be: most documents share theirs.
const NAMES_KEPT: usize = 256;
const LONGEST_NAME: usize = 32;

thread_local! {
    static NAMES: Cell<Vec<Arc<str>>> = const { Cell::new(Vec::new()) };
}

/// Why reading ended early.
enum Stop {
    NotPlain,
    Bound(Exception),
}

type Step<T> = Result<T, Stop>;

/// A container that is open.
struct Frame {
    id: JsonId,
    /// Where its children begin among those that wait.
    first: usize,
    is_object: bool,
    /// The property that awaits its value.
    property: Option<JsonId>,
    index: Option<HashMap<Arc<str>, JsonId>>,
}

struct Plain<'t, 'h> {
    text: &'t str,
    at: usize,
    /// The number of the text's first byte among the texts of the request.
    first: u32,
    dates: DateParse,
    heap: &'h mut JsonHeap,
    names: Vec<Arc<str>>,
    /// Children of the containers that are open.
    waiting: Vec<JsonId>,
    frames: Vec<Frame>,
    /// What was spent and is not taken from the budget yet.
    memory: usize,
    steps: u64,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

impl<'t> Plain<'t, '_> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(byte) if is_blank(byte) => self.at += 1,
                other => return other,
            }
        }
    }

    fn settle(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        budget.memory(std::mem::take(&mut self.memory))?;
        budget.step(std::mem::take(&mut self.steps))
    }

    fn document(&mut self, budget: &mut Budget) -> Step<JsonId> {
        let mut root = None;
        loop {
            self.steps += 1;
            if self.steps >= SETTLE || self.memory as u64 >= SETTLE * 16 {
                self.settle(budget).map_err(Stop::Bound)?;
            }
            let complete = match self.blanks() {
                Some(byte @ (b'{' | b'[')) => {
                    let id = self.open(byte == b'{')?;
                    root = root.or(Some(id));
                    self.enter(byte == b'{')?
                }
                Some(byte) => {
                    let value = self.scalar(byte)?;
                    self.attach(Body::Value(value))?;
                    true
                }
                None => return Err(Stop::NotPlain),
            };
            if complete && self.after_value()? {
                return match (self.blanks(), root) {
                    (None, Some(root)) => Ok(root),
                    _ => Err(Stop::NotPlain),
                };
            }
        }
    }

    /// A container begins.
    fn open(&mut self, is_object: bool) -> Step<JsonId> {
        if self.frames.len() + 1 >= MAX_DEPTH {
            return Err(Stop::NotPlain);
        }
        self.at += 1;
        self.memory += super::super::heap::CONTAINER_BYTES;
        let body = Box::<Container>::default();
        let id = self.attach(if is_object { Body::Object(body) } else { Body::Array(body) })?;
        let first = self.waiting.len();
        self.frames.push(Frame { id, first, is_object, property: None, index: None });
        Ok(id)
    }

    /// Behind the bracket: whether the container is empty and complete.
    fn enter(&mut self, is_object: bool) -> Step<bool> {
        let close = if is_object { b'}' } else { b']' };
        if self.blanks() == Some(close) {
            self.at += 1;
            self.close();
            return Ok(true);
        }
        if is_object {
            self.name()?;
        }
        Ok(false)
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let children = self.waiting.split_off(frame.first.min(self.waiting.len()));
        self.heap.fill(frame.id, children, frame.index);
    }

    /// Behind a value: a comma and what follows it, or ends. Whether the root is complete.
    fn after_value(&mut self) -> Step<bool> {
        loop {
            let Some(frame) = self.frames.last() else { return Ok(true) };
            let is_object = frame.is_object;
            match self.blanks() {
                Some(b',') => {
                    self.at += 1;
                    if is_object {
                        self.blanks();
                        self.name()?;
                    }
                    return Ok(false);
                }
                Some(b'}') if is_object => self.at += 1,
                Some(b']') if !is_object => self.at += 1,
                _ => return Err(Stop::NotPlain),
            }
            self.close();
        }
    }

    /// A name and its colon.
    fn name(&mut self) -> Step<()> {
        if self.byte() != Some(b'"') {
            return Err(Stop::NotPlain);
        }
        let Text::Plain(name) = self.string()? else { return Err(Stop::NotPlain) };
        if self.blanks() != Some(b':') {
            return Err(Stop::NotPlain);
        }
        self.at += 1;
        let Some(frame) = self.frames.last() else { return Err(Stop::NotPlain) };
        let siblings = self.waiting.get(frame.first..).unwrap_or_default();
        let known = match &frame.index {
            Some(index) => index.contains_key(name),
            None => siblings.iter().any(|id| self.heap.name(*id).is_some_and(|own| **own == *name)),
        };
        if known {
            return Err(Stop::NotPlain);
        }
        let n_siblings = siblings.len();
        let name = self.shared(name);
        self.memory += name.len().max(16);
        let id = self.attach(Body::Property { name: name.clone(), value: None })?;
        let Some(frame) = self.frames.last_mut() else { return Err(Stop::NotPlain) };
        frame.property = Some(id);
        if n_siblings >= INDEX_FROM {
            self.memory += super::super::heap::INDEX_BYTES;
            if let Some(index) = &mut frame.index {
                index.insert(name, id);
            } else {
                let all = self.waiting.get(frame.first..).unwrap_or_default();
                let named = |id: &JsonId| self.heap.name(*id).map(|name| (name.clone(), *id));
                frame.index = Some(all.iter().filter_map(named).collect());
                self.memory += super::super::heap::INDEX_BYTES * INDEX_FROM;
            }
        }
        Ok(())
    }

    /// A name as text that documents share.
    fn shared(&mut self, name: &str) -> Arc<str> {
        let bytes = name.as_bytes();
        let (Some(first), Some(middle), Some(last)) =
            (bytes.first(), bytes.get(bytes.len() / 2), bytes.last())
        else {
            return Arc::default();
        };
        if bytes.len() > LONGEST_NAME {
            return name.into();
        }
        if self.names.is_empty() {
            self.names.resize_with(NAMES_KEPT, Arc::default);
        }
        let key = [first, middle, last]
            .into_iter()
            .fold(bytes.len(), |key, byte| key.wrapping_mul(31) + usize::from(*byte));
        match self.names.get_mut(key % NAMES_KEPT) {
            Some(known) if **known == *name => known.clone(),
            Some(known) => {
                *known = name.into();
                known.clone()
            }
            None => name.into(),
        }
    }

    /// Adds a token where it belongs.
    fn attach(&mut self, body: Body) -> Step<JsonId> {
        self.memory += super::super::heap::NODE_BYTES;
        let place = super::place(self.first, self.at);
        let Some(frame) = self.frames.last_mut() else {
            return self.heap.push_within(body, None, 0, place).ok_or(Stop::NotPlain);
        };
        if let Some(property) = frame.property.take() {
            let id = self.heap.push_within(body, Some(property), 0, place).ok_or(Stop::NotPlain)?;
            self.heap.fill_property(property, id);
            return Ok(id);
        }
        let slot = self.waiting.len() - frame.first;
        let id = self.heap.push_within(body, Some(frame.id), slot, place).ok_or(Stop::NotPlain)?;
        self.waiting.push(id);
        Ok(id)
    }

    fn scalar(&mut self, byte: u8) -> Step<Scalar> {
        match byte {
            b'"' => {
                let text = self.string()?;
                let text = match &text {
                    Text::Plain(text) => text,
                    Text::Decoded(text) => text.as_str(),
                };
                let date = match self.dates {
                    DateParse::DateTime => date::parse(text),
                    DateParse::None => None,
                };
                self.steps += text.len() as u64 / 64;
                if let Some(date) = date {
                    return Ok(Scalar::Date(date));
                }
                self.memory += text.len() + 16;
                Ok(Scalar::Str(text.into()))
            }
            b't' => self.word("true", Scalar::Bool(true)),
            b'f' => self.word("false", Scalar::Bool(false)),
            b'n' => self.word("null", Scalar::Null),
            b'0'..=b'9' | b'-' => self.number(),
            _ => Err(Stop::NotPlain),
        }
    }

    fn word(&mut self, word: &str, value: Scalar) -> Step<Scalar> {
        let end = self.at + word.len();
        if self.text.get(self.at..end) != Some(word) {
            return Err(Stop::NotPlain);
        }
        self.at = end;
        self.delimited(value)
    }

    /// A word or number ends where the grammar goes on.
    fn delimited(&self, value: Scalar) -> Step<Scalar> {
        match self.byte() {
            Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') => Ok(value),
            _ => Err(Stop::NotPlain),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Step<Scalar> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.byte() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || leading_zero && whole > 1 {
            return Err(Stop::NotPlain);
        }
        let mut is_whole = true;
        if self.byte() == Some(b'.') {
            self.at += 1;
            is_whole = false;
            if self.digits() == 0 {
                return Err(Stop::NotPlain);
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            is_whole = false;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(Stop::NotPlain);
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let value = if is_whole && text == "-0" {
            return Err(Stop::NotPlain);
        } else if is_whole {
            text.parse().map(Scalar::Int).map_err(|_| Stop::NotPlain)?
        } else {
            text.parse().map(Scalar::Double).map_err(|_| Stop::NotPlain)?
        };
        self.delimited(value)
    }

    /// A string, from its quote to behind its end.
    fn string(&mut self) -> Step<Text<'t>> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let end = start + special(rest).ok_or(Stop::NotPlain)?;
        self.at = end + 1;
        let plain = self.text.get(start..end).ok_or(Stop::NotPlain)?;
        if self.text.as_bytes().get(end) == Some(&b'"') {
            return Ok(Text::Plain(plain));
        }
        self.at = end;
        self.escaped(plain).map(Text::Decoded)
    }

    /// The rest of a string, from its first escape on.
    fn escaped(&mut self, plain: &str) -> Step<String> {
        let mut out = String::with_capacity(plain.len() + 32);
        out.push_str(plain);
        loop {
            let byte = self.byte();
            self.at += 1;
            if byte == Some(b'"') {
                return Ok(out);
            }
            out.push(self.escape()?);
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let end = self.at + special(rest).ok_or(Stop::NotPlain)?;
            out.push_str(self.text.get(self.at..end).ok_or(Stop::NotPlain)?);
            self.at = end;
        }
    }

    /// An escape, behind its backslash. Halves of pairs are for the lenient reader.
    fn escape(&mut self) -> Step<char> {
        let byte = self.byte().ok_or(Stop::NotPlain)?;
        self.at += 1;
        Ok(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => char::from(byte),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4).ok_or(Stop::NotPlain)?;
                if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(Stop::NotPlain);
                }
                self.at += 4;
                let unit = u32::from_str_radix(digits, 16).map_err(|_| Stop::NotPlain)?;
                char::from_u32(unit).ok_or(Stop::NotPlain)?
            }
            _ => return Err(Stop::NotPlain),
        })
    }
}

/// A string's content: as it stands in the text, or decoded.
enum Text<'t> {
    Plain(&'t str),
    Decoded(String),
}

/// Where the first quote or backslash is. Eight bytes at a time: in a word `x`, `(x - 1) & !x & 0x80` is set in every
/// byte up to and including the first that is zero.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = 0;
    for chunk in bytes.chunks_exact(8) {
        let Ok(chunk) = <[u8; 8]>::try_from(chunk) else { break };
        let word = u64::from_le_bytes(chunk);
        let found = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let tail = bytes.get(at..)?;
    tail.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|offset| at + offset)
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;
    use crate::Limits;
    use crate::json::Formatting;

    const LIMITS: Limits = Limits { steps: 1 << 30, memory: 1 << 30, depth: 128 };

    fn text(heap: &JsonHeap, id: JsonId, budget: &mut Budget) -> String {
        heap.to_json(id, Formatting::None, budget).unwrap()
    }

    /// What the lenient reader makes of a text.
    fn lenient(source: &str) -> Option<String> {
        let (mut heap, mut budget) = (JsonHeap::default(), Budget::new(LIMITS));
        let mut reader = Reader::new(source, DateParse::DateTime);
        reader.read(&mut budget).ok()?;
        let root = heap.load(&mut reader, 0, &mut budget).ok()?;
        reader.finish(&mut budget).ok()?;
        Some(text(&heap, root, &mut budget))
    }

    /// What the plain reader makes of it, with all tokens in their places; none when it gives up without a trace.
    fn plain(source: &str) -> Option<String> {
        let (mut heap, mut budget) = (JsonHeap::default(), Budget::new(LIMITS));
        let Some(root) = read(&mut heap, source, DateParse::DateTime, b"{[", &mut budget).unwrap()
        else {
            assert_eq!(heap.mark(), 0);
            assert_eq!(format!("{budget:?}"), format!("{:?}", Budget::new(LIMITS)));
            return None;
        };
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            for index in 0..heap.count(id) {
                let child = heap.child(id, index).unwrap();
                assert_eq!((heap.parent(child), heap.slot(child)), (Some(id), index), "{source}");
                if let Some(name) = heap.name(child) {
                    assert_eq!(heap.property_named(id, name), Some(child), "{source}");
                }
                open.push(child);
            }
        }
        Some(text(&heap, root, &mut budget))
    }

    #[test]
    fn plain_text_gives_what_the_lenient_reader_gives() {
        let many: Vec<String> = (0..40).map(|n| format!("\"n{n}\": [{n}]")).collect();
        let many = format!("{{{}}}", many.join(","));
        let deep = format!("{}{}", "[".repeat(511), "]".repeat(511));
        let texts = [
            "{}",
            "[]",
            " [ ] ",
            "[[],{}]",
            r#"{"a":{"b":[1,2,{"c":null}]},"d":true,"e":false}"#,
            r#"["","a","\"","\\","\n\t\/\b\f\r","é😀","xxxxxxxx\"yyyyyyyy","1234567\\"]"#,
            r#"["2024-01-31T12:00:00Z","2024-01-31","\/Date(0)\/","/Date(1)/"]"#,
            "[0,1,-1,10,9223372036854775807,-9223372036854775808,1.5,1e3,-2.5E-3,-0.5,0.25,100000000000000000000.0]",
            "{\"a\": 1,\r\n\t\"b\": \"x\ny\"}",
            many.as_str(),
            deep.as_str(),
            r#"{"":1," ":2,"a name that is longer than what is kept for later":3}"#,
        ];
        for source in texts {
            let found = plain(source);
            assert!(found.is_some(), "{source}");
            assert_eq!(found, lenient(source), "{source}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_lenient_reader() {
        let deep = format!("{}{}", "[".repeat(600), "]".repeat(600));
        let texts = [
            "",
            "1",
            "\"a\"",
            "{",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{'a':1}",
            "['a']",
            "{\"a\" 1}",
            "{\"a\":}",
            "[1]x",
            "[1] [2]",
            "[01]",
            "[-0]",
            "[1.]",
            "[.5]",
            "[1e]",
            "[+1]",
            "[NaN]",
            "[undefined]",
            "[tru]",
            "[truex]",
            "[1x]",
            "/**/[1]",
            "[1/**/]",
            "{\"a\":1,\"a\":2}",
            "[\"a",
            "[\"\\",
            "[\"\\x\"]",
            "[\"\\u12\"]",
            "[\"\\ud83d\\ude00\"]",
            "[\"\\ud83d\"]",
            "[}",
            "{]",
            "{\"\\u0061\":1}",
            "[9223372036854775808]",
            "\u{feff}[1]",
            "[1\u{a0}]",
            "new Date(1)",
            deep.as_str(),
        ];
        for source in texts {
            assert_eq!(plain(source), None, "{source}");
        }
    }
}
