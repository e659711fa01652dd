//! A tree to XML text, as `XmlWriter` with the settings of `XNode.ToString` writes it.

mod escape;
mod namespaces;

use std::borrow::Cow;

use self::escape::{attribute_text, checked, element_text};
use self::namespaces::Namespaces;
use super::heap::{Body, XmlHeap, XmlId, XmlKind};
use super::name::{Name, XML, XMLNS, bad_char, is_char, is_public_id_char, verify_qname};
use crate::{Budget, Exception, ExceptionKind};

type Result<T> = std::result::Result<T, Exception>;

/// Whether nodes stand on lines of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Formatting {
    Indented,
    None,
}

/// `System.Xml.Linq.SaveOptions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SaveOptions {
    formatting: Formatting,
    /// Whether namespaces declared already are not declared again.
    omit_duplicates: bool,
}

impl SaveOptions {
    /// `SaveOptions.None`.
    pub(crate) const NONE: Self = Self { formatting: Formatting::Indented, omit_duplicates: false };

    /// From .NET's number.
    pub(crate) fn of(number: i32) -> Self {
        Self {
            formatting: if number & 1 == 0 { Formatting::Indented } else { Formatting::None },
            omit_duplicates: number & 2 != 0,
        }
    }
}

impl XmlHeap {
    /// `ToString(options)` of a node or attribute.
    pub(crate) fn to_text(
        &self,
        id: XmlId,
        options: SaveOptions,
        budget: &mut Budget,
    ) -> Result<String> {
        let mut writer = Writer {
            heap: self,
            budget,
            indented: options.formatting == Formatting::Indented,
            out: String::new(),
            charged: 0,
            mixed: false,
            open: Vec::new(),
            namespaces: Namespaces::new(options.omit_duplicates),
        };
        match self.kind(id) {
            XmlKind::Attribute => writer.lone_attribute(id)?,
            XmlKind::Document => {
                if let Some(first) = self.first_node(id) {
                    writer.nodes(first, id)?;
                }
            }
            XmlKind::Element => {
                writer.namespaces.around(self, id);
                writer.element(id)?;
            }
            _ => writer.node(id, false)?,
        }
        writer.charge()?;
        Ok(writer.out)
    }
}

/// An element whose end was not written.
#[derive(Debug)]
struct Open {
    id: XmlId,
    /// Whether text was met around it.
    mixed: bool,
    /// Its name with prefix.
    name: String,
    /// Where its content begins.
    content: usize,
}

struct Writer<'h> {
    heap: &'h XmlHeap,
    budget: &'h mut Budget,
    indented: bool,
    out: String,
    charged: usize,
    /// Whether text was met among the nodes that are written now.
    mixed: bool,
    open: Vec<Open>,
    namespaces: Namespaces,
}

impl Writer<'_> {
    fn charge(&mut self) -> Result<()> {
        let more = self.out.len().saturating_sub(self.charged);
        self.charged = self.out.len();
        self.budget.step(1 + more as u64 / 64 + self.namespaces.looked() / 16)?;
        self.budget.memory(more)
    }

    fn new_line(&mut self) {
        if self.indented && !self.mixed && !self.out.is_empty() {
            self.out.push('\n');
            for _ in 0..self.open.len() {
                self.out.push_str("  ");
            }
        }
    }

    /// Writes the nodes under a document.
    fn nodes(&mut self, first: XmlId, document: XmlId) -> Result<()> {
        let mut at = Some(first);
        while let Some(node) = at {
            if self.heap.is_element(node) {
                self.element(node)?;
            } else {
                self.node(node, true)?;
            }
            at = self.heap.next(node).filter(|next| self.heap.parent(*next) == Some(document));
        }
        Ok(())
    }

    /// Writes an element with all under it.
    fn element(&mut self, root: XmlId) -> Result<()> {
        let mut at = root;
        loop {
            self.charge()?;
            if self.heap.is_element(at) {
                self.start(at)?;
                if let Some(first) = self.heap.first_node(at) {
                    at = first;
                    continue;
                }
                self.end()?;
            } else {
                self.node(at, false)?;
            }
            while at != root && self.heap.next(at).is_none() {
                let Some(parent) = self.heap.parent(at) else { return Ok(()) };
                at = parent;
                self.end()?;
            }
            if at == root {
                return Ok(());
            }
            let Some(next) = self.heap.next(at) else { return Ok(()) };
            at = next;
        }
    }

    fn start(&mut self, id: XmlId) -> Result<()> {
        let Some(name) = self.heap.name(id) else { return Ok(()) };
        self.new_line();
        self.namespaces.enter(self.heap, id);
        let prefix = self.namespaces.element_prefix(name);
        self.namespaces.imply(&prefix, &name.namespace)?;
        let shown = qualified(&prefix, &name.local);
        self.budget.memory(shown.len() + size_of::<Open>())?;
        self.out.push('<');
        self.out.push_str(&shown);
        for attribute in self.heap.attributes(id) {
            self.attribute(attribute)?;
        }
        for (prefix, namespace) in self.namespaces.undeclared() {
            write_declaration(&mut self.out, &prefix, &namespace)?;
        }
        self.out.push('>');
        let outer = if self.open.is_empty() { false } else { self.mixed };
        self.open.push(Open { id, mixed: self.mixed, name: shown, content: self.out.len() });
        self.mixed = outer || self.heap.element_of(id).is_some_and(|element| element.filled);
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        self.namespaces.leave();
        if self.heap.is_empty(open.id) {
            self.out.pop();
            self.out.push_str(" />");
        } else {
            if self.out.len() != open.content {
                self.new_line();
            }
            self.out.push_str("</");
            self.out.push_str(&open.name);
            self.out.push('>');
        }
        self.mixed = open.mixed;
        self.charge()
    }

    fn attribute(&mut self, id: XmlId) -> Result<()> {
        let (Some(name), Some(value)) = (self.heap.name(id), self.heap.value(id)) else {
            return Ok(());
        };
        self.budget.step(1 + self.namespaces.looked() / 16)?;
        if name.is_declaration() {
            let prefix = if name.namespace.is_empty() { "" } else { &name.local };
            if self.namespaces.declare(prefix, value)? {
                write_declaration(&mut self.out, prefix, value)?;
            }
            return Ok(());
        }
        let prefix = self.namespaces.attribute_prefix(name)?;
        if &*prefix == "xml" && &*name.local == "space" {
            verify_space(value)?;
        }
        self.out.push(' ');
        self.out.push_str(&qualified(&prefix, &name.local));
        self.out.push_str("=\"");
        attribute_text(value, &mut self.out)?;
        self.out.push('"');
        Ok(())
    }

    /// `XAttribute.ToString()`.
    fn lone_attribute(&mut self, id: XmlId) -> Result<()> {
        let (Some(name), Some(value)) = (self.heap.name(id), self.heap.value(id)) else {
            return Ok(());
        };
        let prefix = self.lone_prefix(id, name)?;
        self.out.push_str(&qualified(&prefix, &name.local));
        self.out.push_str("=\"");
        attribute_text(value, &mut self.out)?;
        self.out.push('"');
        Ok(())
    }

    fn lone_prefix(&mut self, id: XmlId, name: &Name) -> Result<String> {
        if name.namespace.is_empty() {
            return Ok(String::new());
        }
        let found = match self.heap.parent(id) {
            Some(parent) => self.heap.prefix_of_namespace(parent, &name.namespace, self.budget)?,
            None => match &*name.namespace {
                XML => Some("xml".into()),
                XMLNS => Some("xmlns".into()),
                _ => None,
            },
        };
        Ok(found.map_or_else(|| "p0".to_owned(), |prefix| prefix.to_string()))
    }

    /// Writes a node that is no element.
    fn node(&mut self, id: XmlId, top: bool) -> Result<()> {
        let Some(body) = self.heap.body(id) else { return Ok(()) };
        match body {
            Body::Text(text) => {
                self.mixed = true;
                if top { self.out.push_str(text) } else { element_text(text, &mut self.out)? }
            }
            Body::CData(text) => {
                self.mixed = true;
                checked(text)?;
                self.out.push_str("<![CDATA[");
                self.out.push_str(&line_ends(text).replace("]]>", "]]]]><![CDATA[>"));
                self.out.push_str("]]>");
            }
            Body::Comment(text) => {
                self.new_line();
                checked(text)?;
                self.out.push_str("<!--");
                self.out.push_str(&apart(text, '-', '-'));
                self.out.push_str(if text.ends_with('-') { " -->" } else { "-->" });
            }
            Body::Instruction(instruction) => {
                let (target, data) = &**instruction;
                self.new_line();
                checked(data)?;
                self.out.push_str("<?");
                self.out.push_str(target);
                if !data.is_empty() {
                    self.out.push(' ');
                    self.out.push_str(&apart(data, '?', '>'));
                }
                self.out.push_str("?>");
            }
            Body::DocumentType(_) => {
                self.new_line();
                self.document_type(id)?;
            }
            Body::Element(_) | Body::Document(_) | Body::Attribute(_) => {}
        }
        self.charge()
    }

    fn document_type(&mut self, id: XmlId) -> Result<()> {
        let Some(ty) = self.heap.doctype(id) else { return Ok(()) };
        verify_qname(&ty.name)?;
        verify_chars(ty.public_id.as_deref(), is_public_id_char, "pubid")?;
        verify_chars(ty.system_id.as_deref(), is_char, "sysid")?;
        verify_chars(ty.internal_subset.as_deref(), is_char, "subset")?;
        self.out.push_str("<!DOCTYPE ");
        self.out.push_str(&ty.name);
        let system = ty.system_id.as_deref();
        if let Some(public) = &ty.public_id {
            let system = system.unwrap_or_default();
            self.out.extend([" PUBLIC \"", public, "\" \"", system, "\""]);
        } else if let Some(system) = system {
            self.out.extend([" SYSTEM \"", system, "\""]);
        } else {
            self.out.push(' ');
        }
        if let Some(subset) = &ty.internal_subset {
            self.out.extend(["[", subset, "]"]);
        }
        self.out.push('>');
        Ok(())
    }
}

/// Checks a part of a document type.
fn verify_chars(text: Option<&str>, allowed: fn(char) -> bool, name: &str) -> Result<()> {
    match text.unwrap_or_default().chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(c) => {
            let message = format!("{} (Parameter '{name}')", bad_char(c));
            Err(Exception::new(ExceptionKind::Argument, message))
        }
    }
}

fn verify_space(value: &str) -> Result<()> {
    match value.trim_matches(super::name::is_whitespace) {
        "default" | "preserve" => Ok(()),
        other => {
            let message = format!("'{other}' is an invalid xml:space value.");
            Err(Exception::new(ExceptionKind::Argument, message))
        }
    }
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}

fn write_declaration(out: &mut String, prefix: &str, namespace: &str) -> Result<()> {
    out.push_str(" xmlns");
    if !prefix.is_empty() {
        out.push(':');
        out.push_str(prefix);
    }
    out.push_str("=\"");
    attribute_text(namespace, out)?;
    out.push('"');
    Ok(())
}

/// The text with its line ends made one.
fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text with a space between `first` and `second`, and with its line ends made one.
fn apart(text: &str, first: char, second: char) -> String {
    let text = line_ends(text);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == first && chars.peek() == Some(&second) {
            out.push(' ');
        }
    }
    out
}
