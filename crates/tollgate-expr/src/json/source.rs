//! Where a deserializer takes its tokens from: text, or a tree read in its order.

use std::sync::Arc;

use super::compare::char_as_text;
use super::convert::{bare_text, to_bool, to_number};
use super::heap::Body;
use super::read::{Reader, Token, Want, bytes_of_text, located, of_text};
use super::{JsonHeap, JsonId, Scalar};
use crate::number::{Number, NumberType};
use crate::time::DateTimeOffset;
use crate::{Budget, Exception, ExceptionKind};

/// `JTokenReader`: the tokens of a tree in order.
pub(crate) struct TreeReader {
    root: JsonId,
    /// None before the first token and behind the last.
    current: Option<JsonId>,
    /// The container that was entered last.
    parent: Option<JsonId>,
    begun: bool,
    token: Token,
    value: Scalar,
}

impl TreeReader {
    pub(crate) fn new(root: JsonId) -> Self {
        let (token, value) = (Token::None, Scalar::Null);
        Self { root, current: None, parent: None, begun: false, token, value }
    }

    fn read(&mut self, heap: &JsonHeap, budget: &mut Budget) -> Result<bool, Exception> {
        if !self.begun {
            self.begun = true;
            return self.at(heap, self.root, budget);
        }
        let Some(current) = self.current else { return Ok(false) };
        if heap.is_container(current) && self.parent != Some(current) {
            return match heap.child(current, 0) {
                Some(first) => {
                    self.parent = Some(current);
                    self.at(heap, first, budget)
                }
                None => self.end(heap, current, budget),
            };
        }
        self.over(heap, current, budget)
    }

    /// On to the next sibling, or the end of what holds the token.
    fn over(
        &mut self,
        heap: &JsonHeap,
        token: JsonId,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        let mut token = token;
        while token != self.root {
            budget.step(1)?;
            if let Some(next) = heap.next(token) {
                return self.at(heap, next, budget);
            }
            let Some(parent) = heap.parent(token) else { break };
            if !matches!(heap.node(parent).body, Body::Property { .. }) {
                return self.end(heap, parent, budget);
            }
            token = parent;
        }
        self.current = None;
        self.token = Token::None;
        Ok(false)
    }

    fn end(
        &mut self,
        heap: &JsonHeap,
        container: JsonId,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        self.token = match &heap.node(container).body {
            Body::Object(_) => Token::EndObject,
            Body::Array(_) => Token::EndArray,
            Body::Constructor(_) => Token::EndConstructor,
            Body::Property { .. } | Body::Value(_) | Body::Text { .. } => {
                return self.over(heap, container, budget);
            }
        };
        self.current = Some(container);
        self.parent = Some(container);
        Ok(true)
    }

    fn at(&mut self, heap: &JsonHeap, id: JsonId, budget: &mut Budget) -> Result<bool, Exception> {
        budget.step(1)?;
        self.current = Some(id);
        let name = |name: Option<&Arc<str>>| Scalar::Str(name.cloned().unwrap_or_default());
        (self.token, self.value) = match &heap.node(id).body {
            Body::Object(_) => (Token::StartObject, Scalar::Null),
            Body::Array(_) => (Token::StartArray, Scalar::Null),
            Body::Constructor(_) => (Token::StartConstructor, name(heap.name(id))),
            Body::Property { .. } => (Token::PropertyName, name(heap.name(id))),
            Body::Value(_) | Body::Text { .. } => match heap.scalar(id).unwrap_or(&Scalar::Null) {
                Scalar::Null => (Token::Null, Scalar::Null),
                Scalar::Undefined => (Token::Undefined, Scalar::Null),
                value @ Scalar::Bool(_) => (Token::Boolean, value.clone()),
                value @ (Scalar::Int(_)
                | Scalar::Small(..)
                | Scalar::UInt(_)
                | Scalar::BigInt(_)) => (Token::Integer, value.clone()),
                value @ (Scalar::Double(_) | Scalar::Single(_) | Scalar::Decimal(_)) => {
                    (Token::Float, value.clone())
                }
                value @ (Scalar::Str(_) | Scalar::NullStr | Scalar::Char(_)) => {
                    (Token::String, value.clone())
                }
                Scalar::Uri(uri) => (Token::String, Scalar::from(uri.original())),
                value @ (Scalar::Guid(_) | Scalar::TimeSpan(_)) => {
                    (Token::String, Scalar::Str(bare_text(value, budget)?))
                }
                value @ (Scalar::Date(_) | Scalar::DateOffset(_)) => (Token::Date, value.clone()),
                value @ Scalar::Bytes(_) => (Token::Bytes, value.clone()),
                value @ Scalar::Comment(_) => (Token::Comment, value.clone()),
                value @ Scalar::Raw(_) => (Token::Raw, value.clone()),
            },
        };
        Ok(true)
    }
}

/// The tokens of a text or a tree.
pub(crate) enum TokenSource<'a> {
    Text(Reader<'a>),
    Tree(TreeReader),
}

impl TokenSource<'_> {
    /// The token just read.
    pub(crate) fn token(&self) -> Token {
        match self {
            Self::Text(reader) => reader.token,
            Self::Tree(reader) => reader.token,
        }
    }

    /// The value of the token just read.
    pub(crate) fn value(&self) -> Scalar {
        match self {
            Self::Text(reader) => reader.value.clone(),
            Self::Tree(reader) => reader.value.clone(),
        }
    }

    /// The name or text just read.
    pub(crate) fn text(&self) -> Arc<str> {
        match self {
            Self::Text(Reader { value: Scalar::Str(text), .. })
            | Self::Tree(TreeReader { value: Scalar::Str(text) | Scalar::Raw(text), .. }) => {
                Arc::clone(text)
            }
            _ => Arc::default(),
        }
    }

    fn set(&mut self, now: (Token, Scalar)) {
        match self {
            Self::Text(reader) => (reader.token, reader.value) = now,
            Self::Tree(reader) => (reader.token, reader.value) = now,
        }
    }

    /// Reads the next token; `false` at the end.
    pub(crate) fn read(&mut self, heap: &JsonHeap, budget: &mut Budget) -> Result<bool, Exception> {
        match self {
            Self::Text(reader) => reader.read(budget),
            Self::Tree(reader) => reader.read(heap, budget),
        }
    }

    /// Passes over a container that began, or the value of a property.
    pub(crate) fn skip(&mut self, heap: &JsonHeap, budget: &mut Budget) -> Result<(), Exception> {
        if self.token() == Token::PropertyName {
            self.read(heap, budget)?;
        }
        let mut depth = usize::from(self.token().is_start());
        while depth > 0 && self.read(heap, budget)? {
            match self.token() {
                Token::EndObject | Token::EndArray | Token::EndConstructor => depth -= 1,
                token => depth += usize::from(token.is_start()),
            }
        }
        Ok(())
    }

    /// An exception about the token just read.
    #[cold]
    pub(crate) fn fail(
        &self,
        kind: ExceptionKind,
        message: &str,
        heap: &JsonHeap,
        budget: &mut Budget,
    ) -> Exception {
        match self {
            Self::Text(reader) => reader.fail_as(kind, message),
            Self::Tree(reader) => {
                let path = match heap.path(reader.current.unwrap_or(reader.root), budget) {
                    Ok(path) => path,
                    Err(bound) => return bound,
                };
                let place = reader.current.and_then(|id| heap.line_and_column(id, budget));
                Exception::new(kind, located(message, &path, place))
            }
        }
    }

    /// Reads the next value as the reader of one type takes it.
    pub(crate) fn read_as(
        &mut self,
        want: Want,
        heap: &JsonHeap,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        match self {
            Self::Text(reader) => reader.read_as(want, budget)?,
            Self::Tree(_) => self.content_as(want, heap, budget)?,
        }
        if want == Want::Bytes {
            match self.token() {
                Token::StartArray => return self.byte_items(heap, budget),
                Token::StartObject => return Err(self.wrapped_bytes(heap, budget)),
                _ => {}
            }
        }
        Ok(())
    }

    /// The next token that is no comment, as a value of a type.
    fn content_as(
        &mut self,
        want: Want,
        heap: &JsonHeap,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        while self.read(heap, budget)? && self.token() == Token::Comment {}
        let (token, value) = (self.token(), self.value());
        let now = match (token, want) {
            _ if matches!(value, Scalar::Char(_)) => return Err(char_as_text()),
            (Token::None | Token::Null | Token::EndArray, _)
            | (Token::StartObject | Token::StartArray | Token::Bytes, Want::Bytes)
            | (Token::String, Want::Str)
            | (Token::Boolean, Want::Bool) => return Ok(()),
            (Token::String, Want::Bytes) => match &value {
                Scalar::Str(text) if text.is_empty() => {
                    Some((Token::Bytes, Scalar::Bytes(Arc::default())))
                }
                Scalar::Str(text) => {
                    Some((Token::Bytes, Scalar::Bytes(bytes_of_text(text, budget)?)))
                }
                // Json.NET looks at its length.
                Scalar::NullStr => return Err(Exception::null_reference()),
                _ => None,
            },
            (Token::String, _) => {
                let text = self.text();
                let read = of_text(&text, want);
                if read.is_none() {
                    let message = format!("Could not convert string to {}: {text}.", want.noun());
                    return Err(self.fail(ExceptionKind::JsonReader, &message, heap, budget));
                }
                read
            }
            (Token::Integer | Token::Float, Want::Int32 | Want::Double | Want::Decimal) => {
                Some(self.number_as(want, &value, heap, budget)?)
            }
            (Token::Integer | Token::Float, Want::Bool) => {
                let value = matches!(value, Scalar::BigInt(_)) || to_bool(&value)?;
                Some((Token::Boolean, Scalar::Bool(value)))
            }
            (Token::Date, Want::DateTime | Want::DateTimeOffset) => {
                Some((token, date_as(want, value)))
            }
            (
                Token::Integer | Token::Float | Token::Boolean | Token::Date | Token::Bytes,
                Want::Str,
            ) => Some((Token::String, Scalar::Str(bare_text(&value, budget)?))),
            _ => None,
        };
        if let Some(now) = now {
            self.set(now);
            return Ok(());
        }
        let noun = match want {
            Want::DateTime | Want::DateTimeOffset => "date",
            other => other.noun(),
        };
        let message = format!("Error reading {noun}. Unexpected token: {}.", token.name());
        Err(self.fail(ExceptionKind::JsonReader, &message, heap, budget))
    }

    fn number_as(
        &self,
        want: Want,
        value: &Scalar,
        heap: &JsonHeap,
        budget: &mut Budget,
    ) -> Result<(Token, Scalar), Exception> {
        let (kind, noun) = match want {
            Want::Int32 => (NumberType::Int32, "integer"),
            Want::Decimal => (NumberType::Decimal, "decimal"),
            _ => (NumberType::Double, "double"),
        };
        match to_number(value, kind) {
            Ok(Number::Int32(value)) => Ok((Token::Integer, Scalar::Int(value.into()))),
            Ok(Number::Decimal(value)) => Ok((Token::Float, Scalar::Decimal(value))),
            Ok(Number::Double(value)) => Ok((Token::Float, Scalar::Double(value))),
            Ok(_) => Ok((Token::None, Scalar::Null)),
            Err(cause) => {
                let shown = bare_text(value, budget)?;
                let message = format!("Could not convert to {noun}: {shown}.");
                Err(self.fail(ExceptionKind::JsonReader, &message, heap, budget).with_inner(cause))
            }
        }
    }

    /// The items of an array as bytes.
    fn byte_items(&mut self, heap: &JsonHeap, budget: &mut Budget) -> Result<(), Exception> {
        let mut bytes = Vec::new();
        loop {
            let message = match (self.read(heap, budget)?, self.token()) {
                (false, _) => {
                    self.set((Token::None, Scalar::Null));
                    "Unexpected end when reading bytes.".to_owned()
                }
                (_, Token::Integer) => {
                    budget.memory(1)?;
                    match to_number(&self.value(), NumberType::Byte)? {
                        Number::Byte(byte) => bytes.push(byte),
                        other => return Err(other.kind().overflow()),
                    }
                    continue;
                }
                (_, Token::Comment) => continue,
                (_, Token::EndArray) => {
                    self.set((Token::Bytes, Scalar::Bytes(bytes.into())));
                    return Ok(());
                }
                (_, other) => format!("Unexpected token when reading bytes: {}.", other.name()),
            };
            return Err(self.fail(ExceptionKind::JsonReader, &message, heap, budget));
        }
    }

    /// An object where bytes are wanted. Json.NET takes one that names the .NET type of bytes; no such names are read.
    #[cold]
    fn wrapped_bytes(&mut self, heap: &JsonHeap, budget: &mut Budget) -> Exception {
        let mut message = "Error reading bytes. Unexpected token: StartObject.";
        for _ in 0..2 {
            match self.read(heap, budget) {
                Err(exception) => return exception,
                Ok(false) => {
                    message = "Unexpected end when reading JSON.";
                    break;
                }
                Ok(true) if self.token() == Token::PropertyName && &*self.text() == "$type" => {}
                Ok(true) => break,
            }
        }
        self.fail(ExceptionKind::JsonReader, message, heap, budget)
    }

    /// A copy of the token just read, with all it holds; the source is behind it then.
    pub(crate) fn copy(
        &mut self,
        comments: bool,
        heap: &mut JsonHeap,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        match self {
            Self::Text(reader) => heap.copy(reader, comments, budget),
            Self::Tree(reader) => {
                let token = reader.current.unwrap_or(reader.root);
                // Without comments Json.NET writes the tokens one by one instead of cloning them.
                let copy = if comments {
                    heap.deep_clone(token, budget)?
                } else {
                    heap.rewritten(token, budget)?
                };
                self.skip(heap, budget)?;
                Ok(copy)
            }
        }
    }
}

fn date_as(want: Want, value: Scalar) -> Scalar {
    match (want, value) {
        (Want::DateTime, Scalar::DateOffset(date)) => Scalar::Date(date.clock()),
        (Want::DateTimeOffset, Scalar::Date(date)) => {
            Scalar::DateOffset(DateTimeOffset::from_date_time(date))
        }
        (_, value) => value,
    }
}
