//! The lenient reader: text to tokens, as Json.NET's `JsonTextReader` and `JToken.Load` do it together.

mod date;
mod literal;
mod plain;
mod reader;
mod string;

use std::sync::Arc;

use self::reader::{Reader, Token};
use super::{JsonHeap, JsonId, Scalar};
use crate::{Budget, Exception, ExceptionKind};

/// How deep text may nest. Json.NET 12 has no bound; deeper text is a `JsonReaderException` here.
pub(crate) const MAX_DEPTH: usize = 512;

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
        let token = match reader.token {
            Token::StartObject | Token::StartArray | Token::StartConstructor => {
                self.load(&mut reader, Mode::Load, budget)?
            }
            Token::Comment => {
                let text = reader.take_text();
                self.value(Scalar::Comment(text), budget)?
            }
            _ => self.value(reader.take_value(), budget)?,
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

    /// `JsonConvert.DeserializeObject(text)` as a token; none for empty text.
    pub(crate) fn deserialize(
        &mut self,
        text: &str,
        dates: DateParse,
        budget: &mut Budget,
    ) -> Result<Option<JsonId>, Exception> {
        if let Some(token) = plain::read(self, text, dates, b"{[", budget)? {
            return Ok(Some(token));
        }
        let mut reader = Reader::new(text, dates);
        loop {
            if !reader.read(budget)? {
                return Ok(None);
            }
            if !matches!(reader.token, Token::None | Token::Comment) {
                break;
            }
        }
        let token = match reader.token {
            Token::StartObject | Token::StartArray | Token::StartConstructor => {
                self.load(&mut reader, Mode::Deserialize, budget)?
            }
            _ => self.value(reader.take_value(), budget)?,
        };
        reader.finish(budget)?;
        Ok(Some(token))
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
        let token = self.load(&mut reader, Mode::Load, budget)?;
        reader.finish(budget)?;
        Ok(token)
    }

    /// Loads the container whose start was just read.
    fn load(
        &mut self,
        reader: &mut Reader<'_>,
        mode: Mode,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        let mut loader = Loader { mode, open: Vec::new(), property: None };
        let root = loader.start(self, reader, budget)?;
        let mut any = false;
        loop {
            if !reader.read(budget)? {
                return loader.ended_early(self, reader, root, any);
            }
            any = true;
            if loader.take(self, reader, budget)? {
                return Ok(root);
            }
        }
    }
}

/// Who reads: the two differ about comments and text that ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Load,
    Deserialize,
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
                self.start(heap, reader, budget)?;
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
                if self.mode == Mode::Deserialize && self.property.is_none() && !in_object {
                    let comment = heap.value(Scalar::Comment(reader.take_text()), budget)?;
                    self.attach(heap, comment, budget)?;
                }
            }
            Token::None => {}
            _ => {
                let value = heap.value(reader.take_value(), budget)?;
                self.attach(heap, value, budget)?;
            }
        }
        Ok(false)
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
            Some(&parent) => heap.link(parent, heap.count(parent), token, budget),
            None => Ok(()),
        }
    }

    /// A property begins; one of the same name is replaced where it stands.
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
            Some(existing) => heap.relink(object, heap.slot(existing), property),
            None => heap.link(object, heap.count(object), property, budget)?,
        }
        self.property = Some(property);
        Ok(())
    }

    /// Text ended inside of the root.
    #[cold]
    fn ended_early(
        &self,
        heap: &JsonHeap,
        reader: &Reader<'_>,
        root: JsonId,
        any: bool,
    ) -> Result<JsonId, Exception> {
        let class = heap.short_class_name(root);
        match (self.mode, heap.is_object(root)) {
            (Mode::Load, _) if any => {
                Err(reader.fail(&format!("Unexpected end of content while loading {class}.")))
            }
            (Mode::Load, _) => Err(reader.fail(&format!("Error reading {class} from JsonReader."))),
            (Mode::Deserialize, true) => {
                let message = if any {
                    "Unexpected end when deserializing object."
                } else {
                    "Unexpected end when reading JSON."
                };
                let at = reader.fail(message);
                Err(Exception::new(ExceptionKind::JsonSerialization, at.message()))
            }
            // Json.NET forgives an array that ends behind an item.
            (Mode::Deserialize, false) if reader.token == Token::None => Ok(root),
            (Mode::Deserialize, false) => Err(Exception::new(
                ExceptionKind::JsonWriter,
                "Unexpected end when reading token. Path ''.",
            )),
        }
    }
}

#[cfg(test)]
#[expect(clippy::too_many_lines, reason = "tables of what Json.NET answers")]
mod tests;
