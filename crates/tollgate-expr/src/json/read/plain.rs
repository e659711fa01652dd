//! A reader of JSON as standards have it, which nearly all text is: one pass, no more allocation than the tree needs.
//!
//! It reads nothing else. At the first sign of anything that Json.NET forgives, or of a fault, it gives up and leaves no
//! trace, and the lenient reader begins anew: that one knows the messages and the positions.

use std::cell::Cell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::super::heap::{
    Body, CONTAINER_BYTES, INDEX_BYTES, INDEX_FROM, Index, NODE_BYTES, become_token, id_behind,
};
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
    let Kept { names, waiting } = KEPT.take();
    let mut plain = Plain {
        text,
        at: blank,
        dates,
        heap,
        mark,
        used: mark,
        has_parts: false,
        names,
        waiting,
        top: Frame::of(None, 0, false),
        outer: SmallVec::new(),
        property: None,
        memory: 0,
        steps: 0,
    };
    plain.heap.prepare((text.len() / NODE_EVERY).clamp(LEAST_PREPARED, MOST_PREPARED));
    let read = plain.document(budget);
    if plain.has_parts {
        plain.memory += text.len();
    }
    let spent = plain.settle(budget);
    plain.heap.rewind(plain.used);
    let keeps = plain.has_parts;
    let mut waiting = plain.waiting;
    waiting.clear();
    waiting.shrink_to(WAITING_KEPT);
    KEPT.set(Kept { names: plain.names, waiting });
    match read {
        Ok(root) => {
            spent?;
            if keeps {
                heap.keep(text);
            }
            Ok(Some(root))
        }
        Err(Stop::Bound(exception)) => Err(exception),
        Err(Stop::NotPlain) => {
            heap.rewind(mark);
            *budget = before;
            Ok(None)
        }
    }
}

/// How much text there is for a token, about, and for how few and how many tokens space is made before they come.
const NODE_EVERY: usize = 10;
const LEAST_PREPARED: usize = 4;
const MOST_PREPARED: usize = 1024;
/// What the value of a part of the text takes, beside the text, when somebody asks for it.
const PART_BYTES: usize = 48;
/// How much is taken from the budget at a time.
const SETTLE: u64 = 1024;
/// How many names a thread keeps for the documents to come, and how long they may be: most documents share theirs.
const NAMES_KEPT: usize = 256;
const LONGEST_NAME: usize = 32;

/// How much space for tokens that wait a thread keeps.
const WAITING_KEPT: usize = 1024;

/// What a thread keeps for the documents to come.
#[derive(Default)]
struct Kept {
    names: Vec<Arc<str>>,
    /// Space only.
    waiting: Vec<JsonId>,
}

thread_local! {
    static KEPT: Cell<Kept> = const { Cell::new(Kept { names: Vec::new(), waiting: Vec::new() }) };
}

/// Why reading ended early.
enum Stop {
    NotPlain,
    Bound(Exception),
}

type Step<T> = Result<T, Stop>;

/// A container that is open; none around the root.
struct Frame {
    id: Option<JsonId>,
    /// Where its children begin among those that wait.
    first: usize,
    is_object: bool,
    /// A bit for the key of every name; several names may share one.
    seen: u64,
    index: Option<Box<Index>>,
}

impl Frame {
    fn of(id: Option<JsonId>, first: usize, is_object: bool) -> Self {
        Self { id, first, is_object, seen: 0, index: None }
    }
}

struct Plain<'t, 'h> {
    text: &'t str,
    at: usize,
    dates: DateParse,
    heap: &'h mut JsonHeap,
    /// Where the first token is.
    mark: usize,
    /// Where the next token will be.
    used: usize,
    /// Whether tokens are parts of the text, which then is kept.
    has_parts: bool,
    names: Vec<Arc<str>>,
    /// Children of the containers that are open.
    waiting: Vec<JsonId>,
    /// The innermost container, and those around it.
    top: Frame,
    outer: SmallVec<[Frame; 8]>,
    /// The property that awaits its value.
    property: Option<JsonId>,
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
                    self.scalar(byte)?;
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
        if self.outer.len() + 1 >= MAX_DEPTH {
            return Err(Stop::NotPlain);
        }
        self.at += 1;
        self.memory += CONTAINER_BYTES;
        let (id, token) = self.token().ok_or(Stop::NotPlain)?;
        become_token(
            token,
            if is_object { Body::Object(Box::default()) } else { Body::Array(Box::default()) },
        );
        let frame = Frame::of(Some(id), self.waiting.len(), is_object);
        self.outer.push(std::mem::replace(&mut self.top, frame));
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
        let Some(outer) = self.outer.pop() else { return };
        let frame = std::mem::replace(&mut self.top, outer);
        let children = self.waiting.get(frame.first..).unwrap_or_default();
        if let Some(id) = frame.id {
            self.heap.fill(id, children, frame.index);
        }
        self.waiting.truncate(frame.first);
    }

    /// Behind a value: a comma and what follows it, or ends. Whether the root is complete.
    fn after_value(&mut self) -> Step<bool> {
        loop {
            if self.outer.is_empty() {
                return Ok(true);
            }
            let is_object = self.top.is_object;
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
        let Some((name, true)) = self.run(self.at + 1) else { return Err(Stop::NotPlain) };
        if self.blanks() != Some(b':') {
            return Err(Stop::NotPlain);
        }
        self.at += 1;
        let key = key(name);
        let bit = 1 << (key % 64);
        if self.top.seen & bit != 0 && self.is_known(name) {
            return Err(Stop::NotPlain);
        }
        self.top.seen |= bit;
        let n_siblings = self.waiting.len() - self.top.first;
        let name = self.shared(name, key);
        self.memory += name.len().max(16);
        let indexed = (n_siblings >= INDEX_FROM).then(|| name.clone());
        let (id, token) = self.token().ok_or(Stop::NotPlain)?;
        // The value comes next.
        become_token(token, Body::Property { name, value: id_behind(id) });
        self.property = Some(id);
        if let Some(name) = indexed {
            self.index(name, id);
        }
        Ok(())
    }

    /// Whether the innermost object has a property.
    fn is_known(&self, name: &str) -> bool {
        if let Some(index) = &self.top.index {
            return index.contains_key(name);
        }
        let siblings = self.waiting.get(self.top.first..).unwrap_or_default();
        siblings.iter().any(|id| self.heap.name(*id).is_some_and(|own| **own == *name))
    }

    /// Adds a property to the index of a large object.
    fn index(&mut self, name: Arc<str>, id: JsonId) {
        self.memory += INDEX_BYTES;
        if let Some(index) = &mut self.top.index {
            index.insert(name, id);
            return;
        }
        let all = self.waiting.get(self.top.first..).unwrap_or_default();
        let named = |id: &JsonId| self.heap.name(*id).map(|name| (name.clone(), *id));
        self.top.index = Some(Box::new(all.iter().filter_map(named).collect()));
        self.memory += INDEX_BYTES * INDEX_FROM;
    }

    /// A name as text that documents share.
    fn shared(&mut self, name: &str, key: usize) -> Arc<str> {
        if name.len() > LONGEST_NAME {
            return name.into();
        }
        if self.names.is_empty() {
            self.names.resize_with(NAMES_KEPT, Arc::default);
        }
        match self.names.get_mut(key % NAMES_KEPT) {
            Some(known) if **known == *name => known.clone(),
            Some(known) => {
                *known = name.into();
                known.clone()
            }
            None => name.into(),
        }
    }

    /// Adds a token where it belongs. It is nothing yet: what it is made of is put right where it stays.
    #[expect(clippy::inline_always, reason = "short, and done for every token")]
    #[inline(always)]
    fn token(&mut self) -> Option<(JsonId, &mut Body)> {
        self.memory += NODE_BYTES;
        if self.used == self.heap.mark() {
            self.heap.prepare(LEAST_PREPARED + (self.used - self.mark) / 8);
        }
        let at = self.used;
        self.used += 1;
        if let Some(property) = self.property.take() {
            return self.heap.begin(at, Some(property), 0);
        }
        let slot = self.waiting.len() - self.top.first;
        let (id, token) = self.heap.begin(at, self.top.id, slot)?;
        self.waiting.push(id);
        Some((id, token))
    }

    #[inline]
    fn value(&mut self, value: Scalar) -> Step<()> {
        let (_, token) = self.token().ok_or(Stop::NotPlain)?;
        become_token(token, Body::Value(value));
        Ok(())
    }

    fn scalar(&mut self, byte: u8) -> Step<()> {
        match byte {
            b'"' => self.text(),
            b'0'..=b'9' | b'-' => self.number(),
            b't' => self.word("true").and_then(|()| self.value(Scalar::Bool(true))),
            b'f' => self.word("false").and_then(|()| self.value(Scalar::Bool(false))),
            b'n' => self.word("null").and_then(|()| self.value(Scalar::Null)),
            _ => Err(Stop::NotPlain),
        }
    }

    /// A string that is a value.
    fn text(&mut self) -> Step<()> {
        let start = self.at + 1;
        let (text, is_end) = self.run(start).ok_or(Stop::NotPlain)?;
        if !is_end {
            let text = self.escaped(text)?;
            if !self.date(&text)? {
                self.memory += text.len() + 16;
                self.value(Scalar::Str(text.into()))?;
            }
            return Ok(());
        }
        if !self.date(text)? {
            let part = self.heap.part_of_next(start, text.len()).ok_or(Stop::NotPlain)?;
            self.has_parts = true;
            self.memory += PART_BYTES;
            let (_, token) = self.token().ok_or(Stop::NotPlain)?;
            become_token(token, part);
        }
        Ok(())
    }

    /// Adds a date if text is one.
    fn date(&mut self, text: &str) -> Step<bool> {
        self.steps += text.len() as u64 / 64;
        let date = if self.dates == DateParse::DateTime { date::parse(text) } else { None };
        date.map_or(Ok(false), |date| self.value(Scalar::Date(date)).map(|()| true))
    }

    fn word(&mut self, word: &str) -> Step<()> {
        let end = self.at + word.len();
        if self.text.get(self.at..end) != Some(word) {
            return Err(Stop::NotPlain);
        }
        self.at = end;
        self.delimited()
    }

    /// A word or number ends where the grammar goes on.
    fn delimited(&self) -> Step<()> {
        match self.byte() {
            Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') => Ok(()),
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

    fn number(&mut self) -> Step<()> {
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
        self.delimited()?;
        if !is_whole {
            let value = match short_decimal(text) {
                Some(value) => value,
                None => text.parse().map_err(|_| Stop::NotPlain)?,
            };
            return self.value(Scalar::Double(value));
        }
        if text == "-0" {
            return Err(Stop::NotPlain);
        }
        let value = text.parse().map_err(|_| Stop::NotPlain)?;
        self.value(Scalar::Int(value))
    }

    /// Text of a string up to its end or the next escape, and whether that is the end, which is passed over.
    #[inline]
    fn run(&mut self, start: usize) -> Option<(&'t str, bool)> {
        let bytes = self.text.as_bytes();
        let end = start + special(bytes.get(start..)?)?;
        let is_end = bytes.get(end) == Some(&b'"');
        self.at = end + usize::from(is_end);
        Some((self.text.get(start..end)?, is_end))
    }

    /// The rest of a string, from its first escape on.
    fn escaped(&mut self, plain: &str) -> Step<String> {
        let mut out = String::with_capacity(plain.len() + 32);
        out.push_str(plain);
        loop {
            self.at += 1;
            out.push(self.escape()?);
            let (plain, is_end) = self.run(self.at).ok_or(Stop::NotPlain)?;
            out.push_str(plain);
            if is_end {
                return Ok(out);
            }
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

/// A number that is the same for equal names, and often differs for others.
fn key(name: &str) -> usize {
    let bytes = name.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    let ends = [byte(0), byte(bytes.len() / 2), byte(bytes.len().saturating_sub(1))];
    ends.into_iter().fold(bytes.len(), |key, byte| key.wrapping_mul(31) + byte)
}

/// A number without an exponent of few digits: both they and the power of ten are exact, so that the quotient is rounded
/// once, as it has to be.
fn short_decimal(text: &str) -> Option<f64> {
    const MOST_DIGITS: usize = 15;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text),
    };
    if digits.len() > MOST_DIGITS + 1 {
        return None;
    }
    let (mut value, mut scale, mut is_fraction) = (0_i64, 1_i64, false);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + i64::from(byte - b'0');
                scale *= if is_fraction { 10 } else { 1 };
            }
            b'.' => is_fraction = true,
            _ => return None,
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
    let (value, scale) = (value as f64, scale as f64);
    Some(sign * (value / scale))
}

/// Where the first quote or backslash is. Most strings are short: the first words are looked at right here, eight bytes
/// at a time. In a word `x`, `(x - 1) & !x & 0x80` is set in every byte up to and including the first that is zero.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const WORDS: usize = 2;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().take(WORDS).enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    let at = 8 * words.len().min(WORDS);
    memchr::memchr2(b'"', b'\\', bytes.get(at..)?).map(|offset| at + offset)
}

#[cfg(test)]
mod tests;
