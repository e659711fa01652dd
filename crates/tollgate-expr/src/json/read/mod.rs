//! The lenient reader: text to tokens, as Json.NET's `JsonTextReader` and `JToken.Load` do it together.

mod date;
mod literal;
mod plain;
mod reader;
mod string;
mod typed;

use std::sync::Arc;

pub(crate) use self::reader::{Reader, Token, located};
pub(crate) use self::typed::Want;
pub(super) use self::typed::{bytes_of_text, of_text};
use super::{JsonHeap, JsonId, Scalar};
use crate::{Budget, Exception, ExceptionKind};
pub(crate) use date::parse as date_of_json;

/// How deep text may nest. Json.NET 12 has no bound; deeper text is a `JsonReaderException` here.
const MAX_DEPTH: usize = 512;

/// `DateParseHandling`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DateParse {
    /// Text that looks like a date becomes one, as in `JObject.Parse`.
    #[default]
    DateTime,
    /// Text stays text.
    None,
}

impl JsonHeap {
    /// `JToken.Parse(text)`.
    pub(crate) fn parse(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        if let Some(token) = plain::read(self, text, dates, b"{[", budget)? {
            return Ok(token);
        }
        let mut reader = Reader::new(text, dates);
        if !reader.read(budget)? {
            return Err(reader.fail("Error reading JToken from JsonReader."));
        }
        let token = if reader.token.is_start() {
            self.load(&mut reader, budget)?
        } else {
            self.value(reader.take_value(), budget)?
        };
        reader.finish(budget)?;
        Ok(token)
    }

    /// `JObject.Parse(text)`.
    pub(crate) fn parse_object(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        self.parse_container(text, dates, Token::StartObject, budget)
    }

    /// `JArray.Parse(text)`.
    pub(crate) fn parse_array(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        self.parse_container(text, dates, Token::StartArray, budget)
    }

    /// An object or array of plain JSON, as a deserializer makes it; none when the text needs the lenient reader.
    pub(crate) fn plain(
        &mut self,
        text: &str,
        open: &[u8],
        budget: &mut Budget,
    ) -> Result<Option<JsonId>, Exception> {
        plain::read(self, text, DateParse::DateTime, open, budget)
    }

    /// `JTokenWriter.WriteToken(reader)`: a token of what a reader has just read, and of all that it holds.
    pub(super) fn copy(
        &mut self,
        reader: &mut Reader<'_>,
        comments: bool,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        if !reader.token.is_start() {
            let value = copied(reader.take_value());
            return self.value(value, budget);
        }
        let mode = Mode::Copy { comments };
        let mut loader = Loader { mode, open: Vec::new(), property: None };
        if let Some(date) = loader.date(reader, budget)? {
            return self.value(date, budget);
        }
        let root = loader.start(self, reader, budget)?;
        while reader.read(budget)? {
            if loader.take(self, reader, budget)? {
                return Ok(root);
            }
        }
        // Json.NET forgives containers that end behind an item, or where they have begun.
        let deep = loader.open.len() > usize::from(reader.token.is_start());
        match loader.open.last() {
            Some(&open) if deep && reader.token != Token::None => {
                let path = self.path(open, budget)?;
                let message = located("Unexpected end when reading token.", &path, None);
                Err(Exception::new(ExceptionKind::JsonWriter, message))
            }
            _ => Ok(root),
        }
    }

    fn parse_container(
        &mut self,
        text: &str,
        dates: DateParse,
        start: Token,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        let (class, what, open) = match start {
            Token::StartObject => ("JObject", "an object", b"{"),
            _ => ("JArray", "an array", b"["),
        };
        if let Some(token) = plain::read(self, text, dates, open, budget)? {
            return Ok(token);
        }
        let mut reader = Reader::new(text, dates);
        if !reader.read(budget)? {
            return Err(reader.fail(&format!("Error reading {class} from JsonReader.")));
        }
        while matches!(reader.token, Token::None | Token::Comment) && reader.read(budget)? {}
        if reader.token != start {
            let found = reader.token.name();
            return Err(reader.fail(&format!(
                "Error reading {class} from JsonReader. Current JsonReader item is not {what}: {found}."
            )));
        }
        let token = self.load(&mut reader, budget)?;
        reader.finish(budget)?;
        Ok(token)
    }

    /// Loads the container whose start was just read.
    fn load(&mut self, reader: &mut Reader<'_>, budget: &mut Budget) -> Result<JsonId, Exception> {
        let mut loader = Loader { mode: Mode::Load, open: Vec::new(), property: None };
        let root = loader.start(self, reader, budget)?;
        let mut any = false;
        loop {
            if !reader.read(budget)? {
                return Err(Loader::ended_early(self, reader, root, any));
            }
            any = true;
            if loader.take(self, reader, budget)? {
                return Ok(root);
            }
        }
    }
}

/// Who reads: the two differ about comments, dates as constructors and names that come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// `JToken.Load`.
    Load,
    /// `JTokenWriter.WriteToken`.
    Copy { comments: bool },
}

/// Builds the tree while tokens come.
struct Loader {
    mode: Mode,
    /// Containers that are open, the root first.
    open: Vec<JsonId>,
    /// The property that awaits its value.
    property: Option<JsonId>,
}

impl Loader {
    /// Takes one token in; whether the root is complete.
    fn take(
        &mut self,
        heap: &mut JsonHeap,
        reader: &mut Reader<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        match reader.token {
            Token::StartObject | Token::StartArray | Token::StartConstructor => {
                match self.date(reader, budget)? {
                    Some(date) => {
                        let date = heap.value(date, budget)?;
                        self.attach(heap, date, budget)?;
                    }
                    None => {
                        self.start(heap, reader, budget)?;
                    }
                }
            }
            Token::EndObject | Token::EndArray | Token::EndConstructor => {
                self.open.pop();
                return Ok(self.open.is_empty());
            }
            Token::PropertyName => {
                let name = reader.take_text();
                self.name(heap, name, budget)?;
            }
            Token::Comment => {
                let in_object = self.open.last().is_some_and(|&open| heap.is_object(open));
                let kept = self.mode == Mode::Copy { comments: true };
                if kept && self.property.take().is_none() && !in_object {
                    let comment = heap.value(Scalar::Comment(reader.take_text()), budget)?;
                    self.attach(heap, comment, budget)?;
                }
            }
            Token::None => {}
            _ => {
                let value = reader.take_value();
                let value = if self.mode == Mode::Load { value } else { copied(value) };
                let value = heap.value(value, budget)?;
                self.attach(heap, value, budget)?;
            }
        }
        Ok(false)
    }

    /// `new Date(milliseconds)` as the date it is, where tokens are copied.
    fn date(
        &self,
        reader: &mut Reader<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Scalar>, Exception> {
        let is_date = reader.token == Token::StartConstructor
            && matches!(self.mode, Mode::Copy { .. })
            && matches!(&reader.value, Scalar::Str(name) if &**name == "Date");
        if is_date { date::constructed(reader, budget).map(Some) } else { Ok(None) }
    }

    fn start(
        &mut self,
        heap: &mut JsonHeap,
        reader: &mut Reader<'_>,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        let container = match reader.token {
            Token::StartObject => heap.object(budget)?,
            Token::StartArray => heap.array(budget)?,
            _ => heap.constructor(reader.take_text(), budget)?,
        };
        self.attach(heap, container, budget)?;
        self.open.push(container);
        Ok(container)
    }

    /// Puts a new token where it belongs.
    fn attach(
        &mut self,
        heap: &mut JsonHeap,
        token: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        if let Some(property) = self.property.take() {
            return heap.link(property, 0, token, budget);
        }
        match self.open.last() {
            // A comment ends a property for the writer of copies, which then puts the value into the object.
            Some(&parent) if heap.is_object(parent) => heap.add(parent, Some(token), budget),
            Some(&parent) => heap.link(parent, heap.count(parent), token, budget),
            None => Ok(()),
        }
    }

    /// A property begins; one of the same name is replaced where it stands, or comes anew at the end of a copy.
    fn name(
        &mut self,
        heap: &mut JsonHeap,
        name: Arc<str>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let Some(&object) = self.open.last() else { return Ok(()) };
        let existing = heap.property_named(object, &name);
        let property = heap.empty_property(name, budget)?;
        match existing {
            Some(existing) if self.mode == Mode::Load => {
                heap.relink(object, heap.slot(existing), property);
            }
            existing => {
                if let Some(existing) = existing {
                    heap.remove(existing, budget)?;
                }
                heap.link(object, heap.count(object), property, budget)?;
            }
        }
        self.property = Some(property);
        Ok(())
    }

    /// Text ended inside of the root.
    #[cold]
    fn ended_early(heap: &JsonHeap, reader: &Reader<'_>, root: JsonId, any: bool) -> Exception {
        let class = heap.short_class_name(root);
        if any {
            reader.fail(&format!("Unexpected end of content while loading {class}."))
        } else {
            reader.fail(&format!("Error reading {class} from JsonReader."))
        }
    }
}

/// Copies know no `undefined`.
fn copied(value: Scalar) -> Scalar {
    if value == Scalar::Undefined { Scalar::Null } else { value }
}

#[cfg(test)]
#[expect(clippy::too_many_lines, reason = "tables of what Json.NET answers")]
mod tests;
