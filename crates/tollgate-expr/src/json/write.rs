//! The writer.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smallvec::SmallVec;

use super::heap::Body;
use super::{JsonHeap, JsonId, Scalar, format_guid};
use crate::number::Number;
use crate::time::{DateTime, DateTimeOffset, Kind};
use crate::{Budget, Exception};

/// `Newtonsoft.Json.Formatting`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Formatting {
    #[default]
    None,
    Indented,
}

/// Space for a short document.
const FIRST: usize = 256;

/// What stands before the next thing in a container: a comma, a line end and indentation, as much as is written at once.
const LEAD: &str = ",\n                                ";

/// What is open.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: Open,
    /// Whether something but comments was written into it.
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
    Constructor,
}

/// `JsonTextWriter` as `JsonConvert.SerializeObject` uses it. The caller writes what JSON allows; commas, line ends and
/// indentation come by themselves.
#[derive(Debug)]
pub(crate) struct JsonWriter {
    out: String,
    formatting: Formatting,
    open: SmallVec<[Frame; 8]>,
    /// A name awaits its value.
    named: bool,
}

impl JsonWriter {
    /// A writer of nothing yet.
    pub(crate) fn new(formatting: Formatting) -> Self {
        Self::with_room(formatting, FIRST)
    }

    /// One that has space for a text of about that length.
    pub(super) fn with_room(formatting: Formatting, room: usize) -> Self {
        Self { out: String::with_capacity(room), formatting, open: SmallVec::new(), named: false }
    }

    /// `{`.
    pub(crate) fn start_object(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        self.start(Open::Object, "{", budget)
    }

    /// `}`.
    pub(crate) fn end_object(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        self.end(budget)
    }

    /// `[`.
    pub(crate) fn start_array(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        self.start(Open::Array, "[", budget)
    }

    /// `]`.
    pub(crate) fn end_array(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        self.end(budget)
    }

    /// `"name":`.
    pub(crate) fn name(&mut self, name: &str, budget: &mut Budget) -> Result<(), Exception> {
        self.charge(name.len() + 4, budget)?;
        self.item();
        quoted(name, &mut self.out);
        self.out.push(':');
        self.named = true;
        Ok(())
    }

    /// Where a value belongs that is put in later: everything up to it is written.
    pub(crate) fn hole(&mut self) -> usize {
        self.before(false);
        self.out.len()
    }

    /// A value.
    pub(crate) fn value(&mut self, value: &Scalar, budget: &mut Budget) -> Result<(), Exception> {
        let size = match value {
            Scalar::Str(text)
            | Scalar::BigInt(text)
            | Scalar::Comment(text)
            | Scalar::Raw(text) => text.len() + 2,
            Scalar::Uri(uri) => uri.original().len() + 2,
            Scalar::Bytes(bytes) => bytes.len() / 3 * 4 + 6,
            _ => 40,
        };
        self.charge(size, budget)?;
        self.before(matches!(value, Scalar::Comment(_)));
        write_scalar(value, &mut self.out)
    }

    /// A string.
    pub(crate) fn string(&mut self, value: &str, budget: &mut Budget) -> Result<(), Exception> {
        self.charge(value.len() + 2, budget)?;
        self.before(false);
        quoted(value, &mut self.out);
        Ok(())
    }

    /// A name and a string.
    fn text_member(
        &mut self,
        name: &str,
        value: &str,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        self.charge(name.len() + value.len() + 6, budget)?;
        self.item();
        quoted(name, &mut self.out);
        self.out.push_str(if self.formatting == Formatting::Indented { ": " } else { ":" });
        quoted(value, &mut self.out);
        self.named = false;
        Ok(())
    }

    /// A token with all it holds.
    pub(crate) fn token(
        &mut self,
        heap: &JsonHeap,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        // What is still to be written of the containers begun.
        let mut stack: SmallVec<[std::slice::Iter<'_, JsonId>; 8]> = SmallVec::new();
        let mut next = Some(id);
        loop {
            while let Some(token) = next.take() {
                let container = match &heap.node(token).body {
                    Body::Value(value) => {
                        self.value(value, budget)?;
                        continue;
                    }
                    Body::Text { document, start, length, .. } => {
                        self.string(heap.slice(*document, *start, *length), budget)?;
                        continue;
                    }
                    Body::Property { name, value: Some(value) } => {
                        if let Some(text) = heap.string(*value) {
                            self.text_member(name, text, budget)?;
                        } else {
                            self.name(name, budget)?;
                            next = Some(*value);
                        }
                        continue;
                    }
                    Body::Property { name, value: None } => {
                        self.name(name, budget)?;
                        self.value(&Scalar::Null, budget)?;
                        continue;
                    }
                    Body::Object(container) => {
                        self.start(Open::Object, "{", budget)?;
                        container
                    }
                    Body::Array(container) => {
                        self.start(Open::Array, "[", budget)?;
                        container
                    }
                    Body::Constructor(container) => {
                        let name = container.name.as_deref().unwrap_or("");
                        let head = format!("new {name}(");
                        self.start(Open::Constructor, &head, budget)?;
                        container
                    }
                };
                budget.memory(size_of::<std::slice::Iter<'_, JsonId>>())?;
                stack.push(container.children.iter());
            }
            let Some(children) = stack.last_mut() else { return Ok(()) };
            next = children.next().copied();
            if next.is_none() {
                stack.pop();
                self.end(budget)?;
            }
        }
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn start(&mut self, kind: Open, text: &str, budget: &mut Budget) -> Result<(), Exception> {
        self.charge(text.len(), budget)?;
        self.before(false);
        self.out.push_str(text);
        self.open.push(Frame { kind, begun: false });
        Ok(())
    }

    fn end(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        self.charge(1, budget)?;
        let Some(frame) = self.open.pop() else { return Ok(()) };
        // Json.NET writes a line end into an empty constructor, but not into an empty object or array.
        if frame.begun || frame.kind == Open::Constructor {
            self.line(false);
        }
        self.out.push(match frame.kind {
            Open::Object => '}',
            Open::Array => ']',
            Open::Constructor => ')',
        });
        Ok(())
    }

    /// What stands between the last thing and a value.
    fn before(&mut self, is_comment: bool) {
        if self.named {
            self.named = is_comment;
            if self.formatting == Formatting::Indented {
                self.out.push(' ');
            }
            return;
        }
        if !is_comment {
            self.item();
        } else if self.open.last().is_some_and(|frame| frame.kind != Open::Object) {
            self.line(false);
        }
        // Json.NET puts a comment that stands for a property right where it is.
    }

    /// What stands before something in a container that is no comment.
    fn item(&mut self) {
        let Some(frame) = self.open.last_mut() else { return };
        let comma = std::mem::replace(&mut frame.begun, true);
        self.line(comma);
    }

    /// A comma perhaps, a line end and the indentation of what is open.
    fn line(&mut self, comma: bool) {
        if self.formatting == Formatting::None {
            if comma {
                self.out.push(',');
            }
            return;
        }
        let (start, end) = (usize::from(!comma), 2 + 2 * self.open.len());
        if let Some(lead) = LEAD.get(start..end) {
            self.out.push_str(lead);
        } else {
            self.out.push_str(LEAD.get(start..).unwrap_or_default());
            self.out.extend(std::iter::repeat_n(' ', end - LEAD.len()));
        }
    }

    fn charge(&self, bytes: usize, budget: &mut Budget) -> Result<(), Exception> {
        let indent = match self.formatting {
            Formatting::None => 1,
            Formatting::Indented => 2 * self.open.len() + 2,
        };
        budget.step(1 + bytes as u64 / 64)?;
        budget.memory(bytes + indent)
    }
}

/// Appends what JSON shows of a value.
pub(crate) fn write_scalar(value: &Scalar, out: &mut String) -> Result<(), Exception> {
    match value {
        Scalar::Null | Scalar::NullStr => out.push_str("null"),
        Scalar::Undefined => out.push_str("undefined"),
        Scalar::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Scalar::Int(value) | Scalar::Small(_, value) => Number::Int64(*value).write(out),
        Scalar::UInt(value) => Number::UInt64(*value).write(out),
        Scalar::Double(value) => float(Number::Double(*value), value.is_finite(), out),
        Scalar::Single(value) => float(Number::Single(*value), value.is_finite(), out),
        Scalar::Decimal(value) => float(Number::Decimal(*value), true, out),
        Scalar::BigInt(text) | Scalar::Raw(text) => out.push_str(text),
        Scalar::Str(text) | Scalar::Char(text) => quoted(text, out),
        Scalar::Uri(uri) => quoted(uri.original(), out),
        Scalar::Date(date) => plain_quoted(&iso_date(*date), out),
        Scalar::DateOffset(date) => plain_quoted(&iso_offset(*date), out),
        Scalar::Bytes(bytes) => plain_quoted(&STANDARD.encode(bytes), out),
        Scalar::Guid(guid) => plain_quoted(&format_guid(u128::from_be_bytes(*guid), None)?, out),
        Scalar::TimeSpan(span) => plain_quoted(&span.text(), out),
        Scalar::Comment(text) => {
            out.push_str("/*");
            out.push_str(text);
            out.push_str("*/");
        }
    }
    Ok(())
}

fn float(value: Number, is_finite: bool, out: &mut String) {
    if !is_finite {
        plain_quoted(&value.text(), out);
        return;
    }
    let start = out.len();
    value.write(out);
    let text = out.get(start..).unwrap_or("");
    if !text.bytes().any(|byte| matches!(byte, b'.' | b'E')) {
        out.push_str(".0");
    }
}

fn plain_quoted(text: &str, out: &mut String) {
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// Appends text in quotes with JavaScript's escapes.
pub(crate) fn quoted(text: &str, out: &mut String) {
    out.push('"');
    escape_into(text, b'"', out);
    out.push('"');
}

/// `2024-01-31T12:00:00.5Z`.
pub(super) fn iso_date(date: DateTime) -> String {
    let mut out = iso_clock(date);
    match date.kind() {
        Kind::Utc => out.push('Z'),
        Kind::Local => out.push_str("+00:00"),
        Kind::Unspecified => {}
    }
    out
}

/// `2024-01-31T12:00:00.5+02:00`.
pub(super) fn iso_offset(date: DateTimeOffset) -> String {
    let mut out = iso_clock(date.clock());
    let offset = date.offset();
    let sign = if offset.ticks() < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.hours().abs(), offset.minutes().abs());
    // Writing to a `String` cannot fail.
    write!(out, "{sign}{hours:02}:{minutes:02}").unwrap_or_default();
    out
}

fn iso_clock(date: DateTime) -> String {
    let mut out = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        date.year(),
        date.month(),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    );
    let fraction = date.ticks() % 10_000_000;
    if fraction != 0 {
        let digits = format!(".{fraction:07}");
        out.push_str(digits.trim_end_matches('0'));
    }
    out
}

/// Appends text with JavaScript's escapes. The quote is of ASCII.
pub(super) fn escape_into(text: &str, quote: u8, out: &mut String) {
    let bytes = text.as_bytes();
    if is_plain(bytes, quote) {
        out.push_str(text);
        return;
    }
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !may_be_escaped(*byte, quote) {
            continue;
        }
        let size = match byte {
            0xc2 => 2,
            0xe2 => 3,
            _ => 1,
        };
        let what = text.get(at..at + size).unwrap_or_default();
        if size > 1 && !matches!(what, "\u{85}" | "\u{2028}" | "\u{2029}") {
            continue;
        }
        out.push_str(text.get(written..at).unwrap_or_default());
        written = at + size;
        match what {
            "\t" => out.push_str("\\t"),
            "\n" => out.push_str("\\n"),
            "\r" => out.push_str("\\r"),
            "\u{c}" => out.push_str("\\f"),
            "\u{8}" => out.push_str("\\b"),
            "\\" | "\"" | "'" => {
                out.push('\\');
                out.push_str(what);
            }
            other => {
                let char = other.chars().next().map_or(0, u32::from);
                // Writing to a `String` cannot fail.
                write!(out, "\\u{char:04x}").unwrap_or_default();
            }
        }
    }
    out.push_str(text.get(written..).unwrap_or_default());
}

/// Whether a byte is escaped, or begins a character beyond ASCII that may be: one of U+0085, U+2028 and U+2029.
fn may_be_escaped(byte: u8, quote: u8) -> bool {
    byte < b' ' || byte == b'\\' || byte == quote || byte == 0xc2 || byte == 0xe2
}

/// Whether text surely stands in quotes as it is: it is of ASCII, and nothing in it is escaped. Eight bytes are looked at
/// at a time; the last word may overlap the one before.
fn is_plain(bytes: &[u8], quote: u8) -> bool {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        return words.iter().chain([last]).all(|bytes| is_plain_word(word(bytes), quote));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return is_plain_word(u64::from(first) << 32 | u64::from(last), quote);
    }
    !bytes.iter().any(|byte| may_be_escaped(*byte, quote) || !byte.is_ascii())
}

/// Whether eight bytes are of ASCII, none of them a control character, a backslash or the quote. The highest bit of the
/// lowest byte that is one is set in one of the terms, and none is set when there is none.
#[inline]
fn is_plain_word(word: u64, quote: u8) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |limit: u8, word: u64| word.wrapping_sub(ONES * u64::from(limit));
    let equal = |byte: u8| below(1, word ^ (ONES * u64::from(byte)));
    (word | below(b' ', word) | equal(b'\\') | equal(quote)) & HIGH == 0
}
