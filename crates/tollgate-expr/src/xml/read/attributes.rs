//! Start tags: names, attributes, namespaces.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::heap::XmlId;
use super::super::name::{
    Name, XML, XMLNS, bad_start, is_char, is_name_start, is_whitespace, no_namespace,
};
use super::cursor::QName;
use super::{Open, Reader, Result, entity};

/// An attribute as it is written.
#[derive(Debug)]
struct Written<'t> {
    name: QName<'t>,
    value: String,
    /// Where its quotation mark stands.
    quote: usize,
}

impl Written<'_> {
    /// Whether it declares the namespace of names without prefix.
    fn is_default(&self) -> bool {
        self.name.whole == "xmlns"
    }
}

/// More declarations of namespaces than this may not be in scope: names are looked up among them one by one, also by what
/// writes the tree again.
const MAX_IN_SCOPE: usize = 1_024;

/// With more attributes than this, duplicates are found by a set.
const FEW: usize = 8;

impl<'t> Reader<'t, '_> {
    /// Reads a start tag or an empty element.
    pub(super) fn start_tag(&mut self) -> Result<()> {
        self.cursor.at += 1;
        let name = self.cursor.qname()?;
        let scope = self.scope.len();
        let mut preserve = self.open.last().is_some_and(|open| open.preserve);
        let (written, empty) = self.attributes(&mut preserve)?;
        let own = self.resolve(name, true)?;
        let id = self.heap.element(own, self.budget)?;
        self.link_attributes(id, written)?;
        self.add(id);
        if empty {
            self.scope.truncate(scope);
        } else {
            self.budget.memory(size_of::<Open<'_>>())?;
            self.open.push(Open { id, name: name.whole, at: name.at, scope, preserve });
        }
        Ok(())
    }

    /// The attributes up to the end of the tag, and whether the element is empty.
    fn attributes(&mut self, preserve: &mut bool) -> Result<(Vec<Written<'t>>, bool)> {
        let mut written = Vec::new();
        match self.cursor.peek() {
            Some('>') => {
                self.cursor.at += 1;
                return Ok((written, false));
            }
            Some('/') => {
                return if self.cursor.eat("/>") {
                    Ok((written, true))
                } else if self.cursor.rest().len() == 1 {
                    let message = "Unexpected end of file while parsing > has occurred.";
                    Err(self.cursor.fail_at(self.cursor.at, message))
                } else {
                    Err(self.cursor.unexpected(&[">"]))
                };
            }
            Some(c) if !is_whitespace(c) => return Err(self.cursor.bad_name_char()),
            _ => {}
        }
        loop {
            let spaced = self.cursor.skip_whitespace();
            match self.cursor.peek() {
                None => return Err(self.unclosed()),
                Some('>') => {
                    self.cursor.at += 1;
                    return Ok((written, false));
                }
                Some('/') if self.cursor.rest().len() == 1 => return Err(self.unclosed()),
                Some('/') => {
                    self.cursor.at += 1;
                    return if self.cursor.eat(">") {
                        Ok((written, true))
                    } else {
                        Err(self.cursor.unexpected(&[">"]))
                    };
                }
                Some(c) if !is_name_start(c) => {
                    return Err(self.cursor.fail_at(self.cursor.at, &bad_start(c)));
                }
                Some(_) if !spaced => return Err(self.cursor.unexpected(&[])),
                Some(_) => {
                    self.budget.step(1)?;
                    self.budget.memory(size_of::<Written<'_>>())?;
                    let attribute = self.attribute()?;
                    self.declare(&attribute)?;
                    if attribute.name.whole == "xml:space" {
                        *preserve = self.space(&attribute)?;
                    }
                    written.push(attribute);
                }
            }
        }
    }

    fn attribute(&mut self) -> Result<Written<'t>> {
        let name = self.cursor.qname()?;
        self.cursor.skip_whitespace();
        if !self.cursor.eat("=") {
            return Err(self.cursor.unexpected(&["="]));
        }
        self.cursor.skip_whitespace();
        let quote = self.cursor.peek().filter(|c| matches!(c, '"' | '\''));
        let Some(mark) = quote else { return Err(self.cursor.unexpected(&["\"", "'"])) };
        let quote = self.cursor.at;
        self.cursor.at += 1;
        let value = self.attribute_value(mark)?;
        Ok(Written { name, value, quote })
    }

    /// The value, with line ends and tabs as spaces.
    fn attribute_value(&mut self, quote: char) -> Result<String> {
        let mut value = String::new();
        while let Some(c) = self.cursor.peek() {
            match c {
                c if c == quote => {
                    self.cursor.at += 1;
                    self.budget.memory(value.len())?;
                    return Ok(value);
                }
                '&' => value.push(entity::reference(&mut self.cursor)?),
                '<' => {
                    let message = "'<', hexadecimal value 0x3C, is an invalid attribute character.";
                    return Err(self.cursor.fail_at(self.cursor.at, message));
                }
                '\r' => {
                    self.cursor.at += 1;
                    self.cursor.eat("\n");
                    value.push(' ');
                }
                '\n' | '\t' => {
                    self.cursor.at += 1;
                    value.push(' ');
                }
                c if is_char(c) => {
                    self.cursor.at += c.len_utf8();
                    value.push(c);
                }
                c => return Err(self.cursor.bad_char_at(self.cursor.at, c)),
            }
        }
        Err(self.cursor.fail_at(self.cursor.end(), "There is an unclosed literal string."))
    }

    /// Whether `xml:space` keeps white space.
    fn space(&self, attribute: &Written<'t>) -> Result<bool> {
        match attribute.value.trim_matches(is_whitespace) {
            "preserve" => Ok(true),
            "default" => Ok(false),
            _ => {
                let message = format!("'{}' is an invalid xml:space value.", attribute.value);
                Err(self.cursor.fail_at(attribute.name.at, &message))
            }
        }
    }

    /// Takes a namespace declaration into scope.
    fn declare(&mut self, attribute: &Written<'t>) -> Result<()> {
        let name = attribute.name;
        let prefix = match (name.prefix, name.local) {
            ("", "xmlns") => "",
            ("xmlns", local) => local,
            _ => return Ok(()),
        };
        let namespace = attribute.value.as_str();
        if prefix == "xml" && namespace != XML {
            let message = "Prefix \"xml\" is reserved for use by XML and can be mapped only to namespace name \"http://www.w3.org/XML/1998/namespace\".";
            return Err(self.cursor.fail_at(name.at, message));
        }
        if prefix == "xmlns" {
            let message = "Prefix \"xmlns\" is reserved for use by XML.";
            return Err(self.cursor.fail_at(name.at, message));
        }
        if namespace.is_empty() && !prefix.is_empty() {
            return Err(self.cursor.fail_at(attribute.quote, "Invalid namespace declaration."));
        }
        if namespace == XMLNS || namespace == XML && prefix != "xml" {
            let message = format!(
                "Prefix '{prefix}' cannot be mapped to namespace name reserved for \"xml\" or \"xmlns\"."
            );
            return Err(self.cursor.fail_at(attribute.quote + 1, &message));
        }
        if self.scope.len() == MAX_IN_SCOPE {
            let message = format!("More than {MAX_IN_SCOPE} namespaces are in scope.");
            return Err(self.cursor.fail_at(name.at, &message));
        }
        self.budget.memory(namespace.len() + 32)?;
        self.scope.declare(prefix, namespace.into());
        Ok(())
    }

    /// The expanded form of a name.
    fn resolve(&mut self, name: QName<'t>, element: bool) -> Result<Name> {
        let local = self.interned(name.local)?;
        self.budget.step(self.scope.len() as u64 / 16)?;
        if name.prefix.is_empty() {
            let namespace = if element { self.scope.lookup("").cloned() } else { None };
            return Ok(Name::new(namespace.unwrap_or_else(no_namespace), local));
        }
        let found = match self.scope.lookup(name.prefix) {
            Some(found) => found.clone(),
            None => match name.prefix {
                "xml" => self.interned(XML)?,
                "xmlns" => self.interned(XMLNS)?,
                prefix => {
                    let message = format!("'{prefix}' is an undeclared prefix.");
                    return Err(self.cursor.fail_at(name.at, &message));
                }
            },
        };
        Ok(Name::new(found, local))
    }

    /// Makes the attributes and links them in; no two may have the same name.
    fn link_attributes(&mut self, element: XmlId, written: Vec<Written<'t>>) -> Result<()> {
        let many = written.len() > FEW;
        let mut seen: HashSet<Name> = HashSet::new();
        let mut named = Vec::with_capacity(written.len());
        for attribute in written {
            let name = if attribute.is_default() {
                Name::local(self.interned("xmlns")?)
            } else {
                self.resolve(attribute.name, false)?
            };
            named.push((name, attribute));
        }
        for (name, attribute) in named {
            let known = if many {
                !seen.insert(name.clone())
            } else {
                self.heap.attribute_named(element, &name, self.budget)?.is_some()
            };
            if known {
                let message = format!("'{}' is a duplicate attribute name.", attribute.name.whole);
                return Err(self.cursor.fail_at(attribute.name.at, &message));
            }
            let value: Arc<str> = attribute.value.into();
            let id = self.heap.attribute(name, value, self.budget)?;
            self.heap.link_attribute(element, id);
        }
        Ok(())
    }
}
