//! `JsonTextReader`: one token at a time, with Json.NET's states, positions and messages.

use std::sync::Arc;

use super::super::Scalar;
use super::super::access::PathStep;
use super::{DateParse, MAX_DEPTH};
use crate::number::NAN;
use crate::{Budget, Exception, ExceptionKind};

/// `Newtonsoft.Json.JsonToken`, as far as text and trees give them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    None,
    StartObject,
    StartArray,
    StartConstructor,
    PropertyName,
    Comment,
    Integer,
    Float,
    String,
    Boolean,
    Null,
    Undefined,
    EndObject,
    EndArray,
    EndConstructor,
    Date,
    Raw,
    Bytes,
}

impl Token {
    /// Whether a container begins.
    pub(crate) fn is_start(self) -> bool {
        matches!(self, Self::StartObject | Self::StartArray | Self::StartConstructor)
    }

    /// The name of the constant.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::StartObject => "StartObject",
            Self::StartArray => "StartArray",
            Self::StartConstructor => "StartConstructor",
            Self::PropertyName => "PropertyName",
            Self::Comment => "Comment",
            Self::Integer => "Integer",
            Self::Float => "Float",
            Self::String => "String",
            Self::Boolean => "Boolean",
            Self::Null => "Null",
            Self::Undefined => "Undefined",
            Self::EndObject => "EndObject",
            Self::EndArray => "EndArray",
            Self::EndConstructor => "EndConstructor",
            Self::Date => "Date",
            Self::Raw => "Raw",
            Self::Bytes => "Bytes",
        }
    }
}

/// Where the reader stands in the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Start,
    Property,
    ObjectStart,
    Object,
    ArrayStart,
    Array,
    ConstructorStart,
    Constructor,
    PostValue,
    Finished,
}

/// What happens to comments behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comments {
    Read,
    Skip,
}

/// A container the reader is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    None,
    Object,
    Array,
    Constructor,
}

impl Container {
    fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Object => "Object",
            Self::Array => "Array",
            Self::Constructor => "Constructor",
        }
    }
}

/// A container and what in it was reached.
#[derive(Debug)]
struct Position {
    container: Container,
    /// Items begun.
    items: usize,
    name: Option<Arc<str>>,
}

impl Position {
    fn new(container: Container) -> Self {
        Self { container, items: 0, name: None }
    }

    fn step(&self) -> Option<PathStep<'_>> {
        match self.container {
            Container::Object => self.name.as_deref().map(PathStep::Name),
            Container::Array | Container::Constructor => {
                Some(PathStep::Index(self.items.saturating_sub(1)))
            }
            Container::None => None,
        }
    }
}

/// Names met lately, so that the objects of an array share theirs.
const NAMES: usize = 64;

/// The reader.
pub(crate) struct Reader<'a> {
    pub(super) text: &'a str,
    /// Bytes read.
    pub(super) at: usize,
    line: usize,
    line_start: usize,
    /// UTF-16 units read of the character at the current place: where a fault is told within a pair.
    pub(super) ahead: usize,
    pub(super) dates: DateParse,
    pub(super) state: State,
    pub(crate) token: Token,
    pub(crate) value: Scalar,
    outer: Vec<Position>,
    current: Position,
    names: Vec<Arc<str>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, dates: DateParse) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            line_start: 0,
            ahead: 0,
            dates,
            state: State::Start,
            token: Token::None,
            value: Scalar::Null,
            outer: Vec::new(),
            current: Position::new(Container::None),
            names: Vec::new(),
        }
    }

    /// Reads the next token; `false` at the end of the text.
    pub(crate) fn read(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        let start = self.at;
        let read = self.read_token(budget);
        budget.step(1 + (self.at - start) as u64 / 64)?;
        read
    }

    fn read_token(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        loop {
            match self.state {
                State::Object | State::ObjectStart => return self.object(budget),
                State::PostValue => {
                    if self.post_value(Comments::Read, budget)? {
                        return Ok(true);
                    }
                }
                State::Finished => return self.finished(budget),
                _ => return self.any_value(budget),
            }
        }
    }

    /// Reads on to the end: only comments may follow.
    pub(super) fn finish(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        while self.read(budget)? {}
        Ok(())
    }

    /// The value of the token just read.
    pub(crate) fn take_value(&mut self) -> Scalar {
        std::mem::replace(&mut self.value, Scalar::Null)
    }

    /// The name or comment just read.
    pub(super) fn take_text(&mut self) -> Arc<str> {
        match self.take_value() {
            Scalar::Str(text) | Scalar::Comment(text) => text,
            _ => Arc::default(),
        }
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.byte_at(self.at)
    }

    pub(super) fn byte_at(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The character at the current place; Json.NET's buffer ends with a NUL, and has halves of what is beyond 16 bits.
    pub(super) fn char(&self) -> char {
        match self.rest().chars().next() {
            None => '\0',
            Some(char) if char.len_utf16() > 1 => char::REPLACEMENT_CHARACTER,
            Some(char) => char,
        }
    }

    /// Whether more than `count` UTF-16 units are left.
    pub(super) fn has_more_than(&self, count: usize) -> bool {
        self.rest().encode_utf16().nth(count).is_some()
    }

    pub(super) fn skip_char(&mut self) {
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    pub(super) fn line_feed(&mut self) {
        self.at += 1;
        self.line += 1;
        self.line_start = self.at;
    }

    pub(super) fn carriage_return(&mut self) {
        self.at += 1;
        // Json.NET looks for the line feed only when a character follows it.
        if self.byte() == Some(b'\n') && self.has_more_than(1) {
            self.at += 1;
        }
        self.line += 1;
        self.line_start = self.at;
    }

    /// Skips a white-space character, or one NUL in the middle of the text; whether there was one.
    pub(super) fn skip_blank(&mut self) -> bool {
        match self.byte() {
            Some(b' ' | b'\t' | 0) => self.at += 1,
            Some(b'\n') => self.line_feed(),
            Some(b'\r') => self.carriage_return(),
            Some(byte) if byte > b' ' && byte < 0x7f => return false,
            Some(_) if self.char().is_whitespace() => self.skip_char(),
            _ => return false,
        }
        true
    }

    pub(super) fn eat_blanks(&mut self) {
        while self.skip_blank() {}
    }

    /// A token that is a value.
    pub(super) fn set_value(&mut self, token: Token, value: Scalar) {
        self.token = token;
        self.value = value;
        self.end_value();
    }

    /// Json.NET moves on before it looks at a number or string, so that a fault is reported behind it.
    pub(super) fn end_value(&mut self) {
        self.state = match self.current.container {
            Container::None => State::Finished,
            _ => State::PostValue,
        };
    }

    /// One more item of the container.
    pub(super) fn count_item(&mut self) {
        self.current.items += 1;
    }

    /// `[`, where bytes are wanted.
    pub(super) fn start_array(&mut self) -> Result<bool, Exception> {
        self.start(Token::StartArray, Container::Array)
    }

    /// `{`, where bytes are wanted.
    pub(super) fn start_object(&mut self) -> Result<bool, Exception> {
        self.start(Token::StartObject, Container::Object)
    }

    /// `]`.
    pub(super) fn end_array(&mut self) -> Result<bool, Exception> {
        self.end(Token::EndArray, Container::Array)
    }

    fn start(&mut self, token: Token, container: Container) -> Result<bool, Exception> {
        self.at += 1;
        self.enter(token, container)
    }

    pub(super) fn start_constructor(&mut self, name: Arc<str>) -> Result<bool, Exception> {
        let entered = self.enter(Token::StartConstructor, Container::Constructor);
        self.value = Scalar::Str(name);
        entered
    }

    fn enter(&mut self, token: Token, container: Container) -> Result<bool, Exception> {
        self.token = token;
        self.state = match container {
            Container::Object => State::ObjectStart,
            Container::Array => State::ArrayStart,
            Container::Constructor | Container::None => State::ConstructorStart,
        };
        self.count_item();
        let outer = std::mem::replace(&mut self.current, Position::new(container));
        if outer.container != Container::None {
            self.outer.push(outer);
        }
        if self.outer.len() >= MAX_DEPTH {
            return Err(
                self.fail(&format!("The reader's MaxDepth of {MAX_DEPTH} has been exceeded."))
            );
        }
        Ok(true)
    }

    fn end(&mut self, token: Token, container: Container) -> Result<bool, Exception> {
        self.at += 1;
        self.token = token;
        let outer = self.outer.pop().unwrap_or_else(|| Position::new(Container::None));
        let closed = std::mem::replace(&mut self.current, outer);
        if closed.container != container {
            let (token, found) = (token.name(), closed.container.name());
            return Err(
                self.fail(&format!("JsonToken {token} is not valid for closing JsonType {found}."))
            );
        }
        self.end_value();
        Ok(true)
    }

    /// Behind a value: a comma, an end, a comment.
    pub(super) fn post_value(
        &mut self,
        comments: Comments,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        loop {
            match self.byte() {
                None => {
                    self.state = State::Finished;
                    return Ok(false);
                }
                Some(b',') => {
                    self.at += 1;
                    self.state = match self.current.container {
                        Container::Object => State::Object,
                        Container::Array => State::Array,
                        Container::Constructor => State::Constructor,
                        Container::None => State::Finished,
                    };
                    return Ok(false);
                }
                Some(b'}') => return self.end(Token::EndObject, Container::Object),
                Some(b']') => return self.end_array(),
                Some(b')') => return self.end(Token::EndConstructor, Container::Constructor),
                Some(b'/') if comments == Comments::Skip => self.skip_comment(budget)?,
                Some(b'/') => return self.comment(budget),
                Some(_) => {
                    if !self.skip_blank() {
                        let char = self.char();
                        return Err(self.fail(&format!(
                            "After parsing a value an unexpected character was encountered: {char}."
                        )));
                    }
                }
            }
        }
    }

    /// Passes over a comment.
    pub(super) fn skip_comment(&mut self, budget: &mut Budget) -> Result<(), Exception> {
        let token = self.token;
        self.comment(budget)?;
        self.token = token;
        Ok(())
    }

    pub(super) fn finished(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        self.eat_blanks();
        match self.byte() {
            None => {
                self.token = Token::None;
                Ok(false)
            }
            Some(b'/') => self.comment(budget),
            Some(_) => {
                let char = self.char();
                Err(self.fail(&format!(
                    "Additional text encountered after finished reading JSON content: {char}."
                )))
            }
        }
    }

    fn object(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        self.eat_blanks();
        match self.byte() {
            None => Ok(false),
            Some(b'}') => self.end(Token::EndObject, Container::Object),
            Some(b'/') => self.comment(budget),
            Some(_) => self.property(budget),
        }
    }

    fn property(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        let name = match self.byte() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote, budget)?,
            _ if is_identifier(self.char()) => self.identifier(budget)?,
            _ => {
                let char = self.char();
                return Err(self.fail(&format!("Invalid property identifier character: {char}.")));
            }
        };
        self.eat_blanks();
        if self.byte() != Some(b':') {
            let char = self.char();
            return Err(self.fail(&format!(
                "Invalid character after parsing property name. Expected ':' but got: {char}."
            )));
        }
        self.at += 1;
        self.token = Token::PropertyName;
        self.state = State::Property;
        self.current.name = Some(Arc::clone(&name));
        self.value = Scalar::Str(name);
        Ok(true)
    }

    /// A name without quotes.
    fn identifier(&mut self, budget: &mut Budget) -> Result<Arc<str>, Exception> {
        let start = self.at;
        loop {
            match self.rest().chars().next() {
                None => {
                    return Err(self.fail("Unexpected end while parsing unquoted property name."));
                }
                Some(char) if is_identifier(char) => self.at += char.len_utf8(),
                Some(char) if char == '\0' || char == ':' || char.is_whitespace() => break,
                Some(char) => {
                    return Err(self.fail(&format!(
                        "Invalid JavaScript property identifier character: {char}."
                    )));
                }
            }
        }
        let name = self.text.get(start..self.at).unwrap_or("");
        self.shared_name(name, budget)
    }

    /// A name as shared text.
    pub(super) fn shared_name(
        &mut self,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Arc<str>, Exception> {
        let key = name.bytes().take(8).fold(name.len(), |key, byte| key * 31 + usize::from(byte));
        if self.names.is_empty() {
            self.names = vec![Arc::default(); NAMES];
        }
        budget.memory(if name.len() > 16 { name.len() } else { 16 })?;
        match self.names.get_mut(key % NAMES) {
            Some(known) if **known == *name => Ok(Arc::clone(known)),
            Some(known) => {
                *known = Arc::from(name);
                Ok(Arc::clone(known))
            }
            None => Ok(Arc::from(name)),
        }
    }

    fn any_value(&mut self, budget: &mut Budget) -> Result<bool, Exception> {
        self.eat_blanks();
        let Some(byte) = self.byte() else { return Ok(false) };
        match byte {
            b'"' | b'\'' => self.string(byte, budget),
            b'{' => self.start_object(),
            b'[' => self.start_array(),
            b']' => self.end_array(),
            b')' => self.end(Token::EndConstructor, Container::Constructor),
            // A value that is not there; the comma itself comes next.
            b',' => {
                self.count_item();
                self.set_value(Token::Undefined, Scalar::Undefined);
                Ok(true)
            }
            b'/' => self.comment(budget),
            b't' => self.word("true", "boolean", Token::Boolean, Scalar::Bool(true)),
            b'f' => self.word("false", "boolean", Token::Boolean, Scalar::Bool(false)),
            b'u' => self.word("undefined", "undefined", Token::Undefined, Scalar::Undefined),
            b'N' => self.word("NaN", "NaN", Token::Float, Scalar::Double(NAN)),
            b'I' => self.word("Infinity", "Infinity", Token::Float, Scalar::Double(f64::INFINITY)),
            b'n' => self.null_or_constructor(budget),
            b'-' if self.byte_at(self.at + 1) == Some(b'I') => {
                self.word("-Infinity", "-Infinity", Token::Float, Scalar::Double(f64::NEG_INFINITY))
            }
            b'0'..=b'9' | b'-' | b'.' => self.number(budget),
            _ if self.char().is_numeric() => self.number(budget),
            _ => Err(self.unexpected()),
        }
    }

    /// Whether a constructor's arguments are being read, where `)` ends a word.
    pub(super) fn in_constructor(&self) -> bool {
        matches!(self.state, State::Constructor | State::ConstructorStart)
    }

    #[cold]
    pub(super) fn unexpected(&self) -> Exception {
        let char = self.char();
        self.fail(&format!("Unexpected character encountered while parsing value: {char}."))
    }

    /// A `JsonReaderException` here.
    #[cold]
    pub(crate) fn fail(&self, message: &str) -> Exception {
        self.fail_as(ExceptionKind::JsonReader, message)
    }

    /// The line and the column.
    pub(crate) fn place(&self) -> (usize, usize) {
        let before = self.text.get(self.line_start..self.at).unwrap_or("");
        (self.line, before.encode_utf16().count() + self.ahead)
    }

    /// An exception here.
    #[cold]
    pub(crate) fn fail_as(&self, kind: ExceptionKind, message: &str) -> Exception {
        let in_current =
            !matches!(self.state, State::ArrayStart | State::ObjectStart | State::ConstructorStart);
        let mut path = String::new();
        if self.current.container != Container::None {
            let current = in_current.then_some(&self.current);
            for step in self.outer.iter().chain(current).filter_map(Position::step) {
                step.write(&mut path);
            }
        }
        let (line, column) = self.place();
        let nothing_read =
            self.state == State::Start && column == 0 && self.token != Token::Comment;
        let line = if nothing_read { 0 } else { line };
        Exception::new(kind, located(message, &path, Some((line, column))))
    }
}

/// A message with where it happened, as Json.NET writes it.
#[cold]
pub(crate) fn located(message: &str, path: &str, place: Option<(usize, usize)>) -> String {
    let message = if message.ends_with('\n') {
        message.to_owned()
    } else {
        let message = message.trim();
        let stop = if message.ends_with('.') { "" } else { "." };
        format!("{message}{stop} ")
    };
    match place {
        Some((line, column)) => {
            format!("{message}Path '{path}', line {line}, position {column}.")
        }
        None => format!("{message}Path '{path}'."),
    }
}

fn is_identifier(char: char) -> bool {
    char == '_' || char == '$' || char.is_alphabetic() || char.is_numeric()
}
