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

/// Indentation, as much as is written at once.
const SPACES: &str = "                                ";

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
        Self { out: String::with_capacity(FIRST), formatting, open: SmallVec::new(), named: false }
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
        if let Some(frame) = self.open.last_mut() {
            if frame.begun {
                self.out.push(',');
            }
            frame.begun = true;
            self.line();
        }
        self.quoted(name);
        self.out.push(':');
        self.named = true;
        Ok(())
    }

    /// A value.
    pub(crate) fn value(&mut self, value: &Scalar, budget: &mut Budget) -> Result<(), Exception> {
        let size = match value {
            Scalar::Str(text)
            | Scalar::BigInt(text)
            | Scalar::Uri(text)
            | Scalar::Comment(text)
            | Scalar::Raw(text) => text.len() + 2,
            Scalar::Bytes(bytes) => bytes.len() / 3 * 4 + 6,
            _ => 40,
        };
        self.charge(size, budget)?;
        self.before(matches!(value, Scalar::Comment(_)));
        match value {
            Scalar::Null => self.out.push_str("null"),
            Scalar::Undefined => self.out.push_str("undefined"),
            Scalar::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Scalar::Int(value) => Number::Int64(*value).write(&mut self.out),
            Scalar::UInt(value) => Number::UInt64(*value).write(&mut self.out),
            Scalar::Double(value) => self.float(Number::Double(*value), value.is_finite()),
            Scalar::Single(value) => self.float(Number::Single(*value), value.is_finite()),
            Scalar::Decimal(value) => self.float(Number::Decimal(*value), true),
            Scalar::BigInt(text) | Scalar::Raw(text) => self.out.push_str(text),
            Scalar::Str(text) | Scalar::Uri(text) => self.quoted(text),
            Scalar::Date(date) => self.plain_quoted(&iso_date(*date)),
            Scalar::DateOffset(date) => self.plain_quoted(&iso_offset(*date)),
            Scalar::Bytes(bytes) => self.plain_quoted(&STANDARD.encode(bytes)),
            Scalar::Guid(guid) => {
                let text = format_guid(u128::from_be_bytes(*guid), None)?;
                self.plain_quoted(&text);
            }
            Scalar::TimeSpan(span) => self.plain_quoted(&span.text()),
            Scalar::Comment(text) => {
                self.out.push_str("/*");
                self.out.push_str(text);
                self.out.push_str("*/");
            }
        }
        Ok(())
    }

    /// A string.
    pub(crate) fn string(&mut self, value: &str, budget: &mut Budget) -> Result<(), Exception> {
        self.charge(value.len() + 2, budget)?;
        self.before(false);
        self.quoted(value);
        Ok(())
    }

    /// A token with all it holds.
    pub(crate) fn token(
        &mut self,
        heap: &JsonHeap,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        // Containers begun, and which of their children is next.
        let mut stack: SmallVec<[(JsonId, usize); 8]> = SmallVec::new();
        let mut next = Some(id);
        loop {
            if let Some(token) = next.take() {
                let opened = match &heap.node(token).body {
                    Body::Value(value) => {
                        self.value(value, budget)?;
                        false
                    }
                    Body::Property { name, value } => {
                        self.name(name, budget)?;
                        next = *value;
                        if next.is_none() {
                            self.value(&Scalar::Null, budget)?;
                        }
                        continue;
                    }
                    Body::Object(_) => self.start_object(budget).map(|()| true)?,
                    Body::Array(_) => self.start_array(budget).map(|()| true)?,
                    Body::Constructor(container) => {
                        let name = container.name.as_deref().unwrap_or("");
                        let head = format!("new {name}(");
                        self.start(Open::Constructor, &head, budget).map(|()| true)?
                    }
                };
                if opened {
                    budget.memory(size_of::<(JsonId, usize)>())?;
                    stack.push((token, 0));
                }
            }
            let Some((container, index)) = stack.last_mut() else { return Ok(()) };
            next = heap.child(*container, *index);
            *index += 1;
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
            self.line();
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
        let Some(frame) = self.open.last_mut() else { return };
        if !is_comment {
            if frame.begun {
                self.out.push(',');
            }
            frame.begun = true;
        } else if frame.kind == Open::Object {
            // Json.NET puts a comment that stands for a property right where it is.
            return;
        }
        self.line();
    }

    /// A line end and the indentation of what is open.
    fn line(&mut self) {
        if self.formatting == Formatting::Indented {
            self.out.push('\n');
            let mut width = 2 * self.open.len();
            while width > 0 {
                let some = SPACES.get(..width).unwrap_or(SPACES);
                self.out.push_str(some);
                width -= some.len();
            }
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

    fn float(&mut self, value: Number, is_finite: bool) {
        if !is_finite {
            self.out.push('"');
            value.write(&mut self.out);
            self.out.push('"');
            return;
        }
        let start = self.out.len();
        value.write(&mut self.out);
        let text = self.out.get(start..).unwrap_or("");
        if !text.contains(['.', 'E']) {
            self.out.push_str(".0");
        }
    }

    fn plain_quoted(&mut self, text: &str) {
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        escape_into(text, '"', &mut self.out);
        self.out.push('"');
    }
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

/// Appends text with JavaScript's escapes.
pub(super) fn escape_into(text: &str, quote: char, out: &mut String) {
    // Bytes beyond ASCII that may begin a character to escape are looked at closer; the rest is text as it is.
    // All of them are looked at, so that the compiler can look at many at once.
    let special = text.bytes().fold(0, |special, byte| {
        special
            | u8::from(byte < b' ')
            | u8::from(byte == b'\\')
            | u8::from(u32::from(byte) == u32::from(quote))
            | u8::from(byte == 0xc2)
            | u8::from(byte == 0xe2)
    });
    if special == 0 {
        out.push_str(text);
        return;
    }
    let mut rest = text;
    let needs = |char: char| {
        char < ' '
            || char == '\\'
            || char == quote
            || matches!(char, '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    while let Some(at) = rest.find(needs) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut tail = tail.chars();
        match tail.next() {
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\\') => out.push_str("\\\\"),
            Some(char) if char == quote => {
                out.push('\\');
                out.push(quote);
            }
            Some(char) => {
                // Writing to a `String` cannot fail.
                write!(out, "\\u{:04x}", u32::from(char)).unwrap_or_default();
            }
            None => {}
        }
        rest = tail.as_str();
    }
    out.push_str(rest);
}
