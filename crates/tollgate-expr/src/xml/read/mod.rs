//! XML text to a tree.
//!
//! The messages of exceptions, and the places they name, are those of .NET's `XmlTextReader`.

mod attributes;
mod cursor;
mod declaration;
mod entity;
mod markup;
mod scope;

use std::collections::HashMap;
use std::sync::Arc;

use self::cursor::Cursor;
pub(crate) use self::declaration::Declared;
use self::scope::Scope;
use super::heap::{XmlHeap, XmlId};
use super::name::{is_char, is_whitespace};
use crate::{Budget, Exception, ExceptionKind};

type Result<T> = std::result::Result<T, Exception>;

/// What is done with document types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtd {
    /// They are refused.
    Prohibit,
    /// They may be there when they declare nothing.
    Empty,
}

/// How text is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadOptions {
    /// Whether texts of white space alone are kept.
    pub(crate) preserve_whitespace: bool,
    pub(crate) dtd: Dtd,
}

/// A document that was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) document: XmlId,
    pub(crate) declared: Option<Declared>,
}

impl XmlHeap {
    /// Reads a document.
    pub(crate) fn parse(
        &mut self,
        text: &str,
        options: ReadOptions,
        budget: &mut Budget,
    ) -> Result<Parsed> {
        budget.step(text.len() as u64 / 16)?;
        let document = self.document(budget)?;
        let mut reader = Reader {
            cursor: Cursor::new(text),
            heap: self,
            budget,
            options,
            document,
            open: Vec::new(),
            scope: Scope::default(),
            names: HashMap::new(),
            has_root: false,
            has_type: false,
        };
        let declared = declaration::xml_declaration(&mut reader.cursor)?;
        reader.run()?;
        Ok(Parsed { document, declared })
    }
}

/// An element whose end was not read.
#[derive(Debug)]
struct Open<'t> {
    id: XmlId,
    /// Its name as it is written, and where.
    name: &'t str,
    at: usize,
    /// How many namespaces were in scope around it.
    scope: usize,
    /// Whether `xml:space` keeps white space in it.
    preserve: bool,
}

struct Reader<'t, 'h> {
    cursor: Cursor<'t>,
    heap: &'h mut XmlHeap,
    budget: &'h mut Budget,
    options: ReadOptions,
    document: XmlId,
    open: Vec<Open<'t>>,
    scope: Scope<'t>,
    names: HashMap<&'t str, Arc<str>>,
    has_root: bool,
    has_type: bool,
}

const ROOT_DATA: &str = "Data at the root level is invalid.";

impl<'t> Reader<'t, '_> {
    fn run(&mut self) -> Result<()> {
        while !self.cursor.is_end() {
            self.budget.step(1)?;
            if self.open.is_empty() {
                self.top_level()?;
            } else {
                self.content()?;
            }
        }
        if !self.open.is_empty() {
            return Err(self.unclosed());
        }
        if !self.has_root {
            return Err(Exception::new(ExceptionKind::Xml, "Root element is missing."));
        }
        Ok(())
    }

    /// What stands outside the root element.
    fn top_level(&mut self) -> Result<()> {
        let start = self.cursor.at;
        let rest = self.cursor.rest();
        if !rest.starts_with('<') {
            if !self.cursor.skip_whitespace() {
                let bad = rest.chars().next().filter(|c| *c > '\u{ffff}' || !is_char(*c));
                return Err(match bad {
                    Some(c) => self.cursor.bad_char_at(start, c),
                    None => self.cursor.fail_at(start, ROOT_DATA),
                });
            }
            let text = self.cursor.between(start, self.cursor.at);
            return if self.options.preserve_whitespace { self.add_text(text) } else { Ok(()) };
        }
        // .NET wants to see four characters before it looks at the second.
        if rest.chars().nth(3).is_none() {
            return Err(self.cursor.fail_at(start, ROOT_DATA));
        }
        let after = rest.get(1..).unwrap_or_default();
        if after.starts_with('?') {
            self.instruction()
        } else if after.starts_with("!-") {
            self.comment()
        } else if after.starts_with("![") {
            Err(self.cursor.fail_at(start, ROOT_DATA))
        } else if after.starts_with('!') {
            self.document_type()
        } else if after.starts_with('/') {
            Err(self.cursor.fail_at(start + 2, "Unexpected end tag."))
        } else if self.has_root {
            Err(self.cursor.fail_at(start + 1, "There are multiple root elements."))
        } else {
            self.has_root = true;
            self.start_tag()
        }
    }

    /// What stands inside an element.
    fn content(&mut self) -> Result<()> {
        let start = self.cursor.at;
        let Some(after) = self.cursor.rest().strip_prefix('<') else { return self.text() };
        match after.chars().next() {
            None => Err(self.unclosed()),
            Some('?') => self.instruction(),
            Some('/') => self.end_tag(),
            Some('!') => match after.get(1..).unwrap_or_default() {
                "" | "-" => Err(self.unclosed()),
                rest if rest.starts_with('-') => self.comment(),
                rest if rest.starts_with('[') => self.cdata(),
                rest if rest.starts_with("DOCTYPE") => {
                    Err(self.cursor.fail_at(start + 2, "Unexpected DTD declaration."))
                }
                _ => Err(self.cursor.unexpected_at(start + 2, &["<!--", "<[CDATA["])),
            },
            Some(_) => self.start_tag(),
        }
    }

    /// Reads text up to the next `<`.
    fn text(&mut self) -> Result<()> {
        let mut out = String::new();
        while let Some(c) = self.cursor.peek() {
            match c {
                '<' => break,
                '&' => out.push(entity::reference(&mut self.cursor)?),
                '\r' => {
                    self.cursor.at += 1;
                    self.cursor.eat("\n");
                    out.push('\n');
                }
                ']' if self.cursor.rest().starts_with("]]>") => {
                    let message = "']]>' is not allowed in character data.";
                    return Err(self.cursor.fail_at(self.cursor.at, message));
                }
                c if is_char(c) => {
                    self.cursor.at += c.len_utf8();
                    out.push(c);
                }
                c => return Err(self.cursor.bad_char_at(self.cursor.at, c)),
            }
        }
        let keep = self.options.preserve_whitespace
            || self.open.last().is_some_and(|open| open.preserve)
            || !out.chars().all(is_whitespace);
        if self.cursor.is_end() {
            return Err(self.unclosed());
        }
        if keep { self.add_text(&out) } else { Ok(()) }
    }

    /// The container that is being filled.
    fn container(&self) -> XmlId {
        self.open.last().map_or(self.document, |open| open.id)
    }

    fn add_text(&mut self, text: &str) -> Result<()> {
        let container = self.container();
        self.heap.add_text(container, text, self.budget)
    }

    /// Adds a new node at the end.
    fn add(&mut self, node: XmlId) {
        let container = self.container();
        let last = self.heap.last_node(container);
        self.heap.link_node(container, last, node);
    }

    /// A name without prefix, made once.
    fn interned(&mut self, name: &'t str) -> Result<Arc<str>> {
        if let Some(known) = self.names.get(name) {
            return Ok(known.clone());
        }
        self.budget.memory(name.len() + 64)?;
        let made: Arc<str> = name.into();
        self.names.insert(name, made.clone());
        Ok(made)
    }

    /// The text ends inside elements.
    #[cold]
    fn unclosed(&self) -> Exception {
        let names: Vec<&str> = self.open.iter().rev().map(|open| open.name).collect();
        let names = if names.is_empty() { String::new() } else { names.join(", ") + "." };
        let message = format!(
            "Unexpected end of file has occurred. The following elements are not closed: {names}"
        );
        self.cursor.fail_at(self.cursor.end(), &message)
    }
}
