//! Writes results.

use std::sync::Arc;

use super::style::{Method, Output};
use super::tree::{Kind, Node, Tree};
use crate::message_body::{LONGEST, too_large};
use crate::xml_text::{push_attribute, push_text};
use tollgate_engine::PolicyError;

struct Writer<'t> {
    tree: &'t Tree,
    output: &'t Output,
    method: Method,
    indents: bool,
    out: String,
    /// Prefixes and namespaces that are declared, innermost last.
    scope: Vec<(Arc<str>, Arc<str>)>,
}

/// An element that is open.
struct Open {
    end: u32,
    /// Its name with prefix.
    name: String,
    scope: usize,
    /// Whether something stands in it.
    is_filled: bool,
    /// Whether its content may be broken into lines.
    breaks: bool,
    form: TextForm,
}

/// How the text in an element is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextForm {
    Escaped,
    Raw,
    CData,
}

/// Elements of HTML that have no end tag.
const VOID: [&str; 14] = [
    "area", "base", "basefont", "br", "col", "frame", "hr", "img", "input", "isindex", "link",
    "meta", "param", "embed",
];

/// Elements of HTML that stand within lines.
const INLINE: [&str; 26] = [
    "a", "abbr", "acronym", "b", "bdo", "big", "button", "cite", "code", "dfn", "em", "font", "i",
    "kbd", "label", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "tt", "u", "var",
];

/// Attributes of HTML that are there or not.
const FLAGS: [&str; 12] = [
    "checked", "compact", "declare", "defer", "disabled", "ismap", "multiple", "nohref",
    "noresize", "noshade", "nowrap", "selected",
];

/// A result as text.
pub(super) fn write(tree: &Tree, output: &Output) -> Result<String, PolicyError> {
    let method = output.method.unwrap_or_else(|| default_method(tree));
    let indents = output.indent.unwrap_or(method == Method::Html);
    let scope = vec![("".into(), "".into())];
    let mut writer = Writer { tree, output, method, indents, out: String::new(), scope };
    if method == Method::Text {
        return Ok(tree.text(0).to_string());
    }
    writer.prolog();
    writer.nodes()?;
    Ok(writer.out)
}

/// HTML when the root is `html`, and XML otherwise.
fn default_method(tree: &Tree) -> Method {
    for id in tree.children(0) {
        let Some(node) = tree.node(id) else { break };
        match node.kind {
            Kind::Element => {
                let is_html =
                    node.name.namespace.is_empty() && node.name.local.eq_ignore_ascii_case("html");
                return if is_html { Method::Html } else { Method::Xml };
            }
            Kind::Text | Kind::RawText if !node.value.trim().is_empty() => return Method::Xml,
            _ => {}
        }
    }
    Method::Xml
}

impl Writer<'_> {
    fn prolog(&mut self) {
        let output = self.output;
        if self.method == Method::Xml && !output.omits_declaration.unwrap_or(false) {
            let version = output.version.as_deref().unwrap_or("1.0");
            self.out.extend(["<?xml version=\"", version, "\" encoding=\"utf-8\""]);
            if let Some(standalone) = output.standalone {
                let word = if standalone { "yes" } else { "no" };
                self.out.extend([" standalone=\"", word, "\""]);
            }
            self.out.push_str("?>");
            if self.indents {
                self.out.push('\n');
            }
        }
        let root = self.tree.children(0).find(|id| self.tree.kind(*id) == Kind::Element);
        let (public, system) = (output.doctype_public.as_deref(), output.doctype_system.as_deref());
        let has_type = system.is_some() || self.method == Method::Html && public.is_some();
        if let (Some(node), true) = (root.and_then(|id| self.tree.node(id)), has_type) {
            self.out.extend(["<!DOCTYPE ", &node.name.local]);
            match (public, system) {
                (Some(public), _) => self.out.extend([" PUBLIC \"", public, "\""]),
                (None, _) => self.out.push_str(" SYSTEM"),
            }
            if let Some(system) = system {
                self.out.extend([" \"", system, "\""]);
            }
            self.out.push_str(">\n");
        }
    }

    fn nodes(&mut self) -> Result<(), PolicyError> {
        let tree = self.tree;
        let mut open: Vec<Open> = Vec::new();
        for id in 1..tree.len() {
            while open.last().is_some_and(|element| element.end <= id) {
                self.close(&mut open);
            }
            let Some(node) = tree.node(id) else { break };
            match node.kind {
                Kind::Element => self.element(id, node, &mut open),
                Kind::Text => self.text(node, &mut open),
                Kind::RawText => {
                    self.fill(&mut open, false);
                    self.out.push_str(&node.value);
                }
                Kind::Comment => {
                    self.fill(&mut open, true);
                    self.out.extend(["<!--", &node.value, "-->"]);
                }
                Kind::Instruction => {
                    self.fill(&mut open, true);
                    let close = if self.method == Method::Html { ">" } else { "?>" };
                    self.out.extend(["<?", &node.name.local]);
                    if !node.value.is_empty() {
                        self.out.extend([" ", &node.value]);
                    }
                    self.out.push_str(close);
                }
                Kind::Root | Kind::Attribute | Kind::Namespace => {}
            }
            if self.out.len() > LONGEST {
                return Err(too_large());
            }
        }
        while !open.is_empty() {
            self.close(&mut open);
        }
        Ok(())
    }

    /// Ends the tag around what comes next, and breaks the line in front of it.
    fn fill(&mut self, open: &mut [Open], breaks: bool) {
        let depth = open.len();
        match open.last_mut() {
            Some(parent) => {
                if !std::mem::replace(&mut parent.is_filled, true) {
                    self.out.push('>');
                }
                if breaks && parent.breaks {
                    self.line(depth);
                }
            }
            None if breaks && self.indents && !self.out.is_empty() && !self.out.ends_with('\n') => {
                self.out.push('\n');
            }
            None => {}
        }
    }

    fn line(&mut self, depth: usize) {
        self.out.push('\n');
        if self.method == Method::Xml {
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn text(&mut self, node: &Node, open: &mut [Open]) {
        self.fill(open, false);
        match open.last().map_or(TextForm::Escaped, |element| element.form) {
            TextForm::Raw => self.out.push_str(&node.value),
            TextForm::CData => {
                let parts = node.value.replace("]]>", "]]]]><![CDATA[>");
                self.out.extend(["<![CDATA[", &parts, "]]>"]);
            }
            TextForm::Escaped => push_text(&node.value, &mut self.out),
        }
    }

    fn element(&mut self, id: u32, node: &Node, open: &mut Vec<Open>) {
        let is_html = self.method == Method::Html && node.name.namespace.is_empty();
        let lower = node.name.local.to_ascii_lowercase();
        self.fill(open, !(is_html && INLINE.contains(&lower.as_str())));
        let scope = self.scope.len();
        let mut declared: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        let prefix = self.declare_for(&node.prefix, &node.name.namespace, false, &mut declared);
        for (_, own) in self.tree.attached(id).filter(|(_, own)| own.kind == Kind::Namespace) {
            let is_new = !declared.iter().any(|(prefix, _)| *prefix == own.name.local)
                && self.namespace_of(&own.name.local) != Some(&own.value);
            // A prefix cannot be undeclared.
            if is_new && (!own.value.is_empty() || own.name.local.is_empty()) {
                declared.push((own.name.local.clone(), own.value.clone()));
                self.scope.push((own.name.local.clone(), own.value.clone()));
            }
        }
        let mut attributes = String::new();
        for (_, own) in self.tree.attached(id).filter(|(_, own)| own.kind == Kind::Attribute) {
            let prefix = self.declare_for(&own.prefix, &own.name.namespace, true, &mut declared);
            attribute(&prefix, own, is_html, &mut attributes);
        }
        let name = qualified(&prefix, &node.name.local);
        self.out.push('<');
        self.out.push_str(&name);
        for (prefix, namespace) in &declared {
            let name =
                if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
            self.out.extend([" ", &name, "=\""]);
            push_attribute(namespace, &mut self.out);
            self.out.push('"');
        }
        self.out.push_str(&attributes);
        let has_text = self
            .tree
            .children(id)
            .any(|id| matches!(self.tree.kind(id), Kind::Text | Kind::RawText));
        let is_raw = is_html && matches!(lower.as_str(), "script" | "style");
        let breaks = self.indents && !has_text && open.last().is_none_or(|parent| parent.breaks);
        let form = if is_raw {
            TextForm::Raw
        } else if self.method == Method::Xml && self.output.cdata.contains(&node.name) {
            TextForm::CData
        } else {
            TextForm::Escaped
        };
        open.push(Open { end: node.end, name, scope, is_filled: false, breaks, form });
        if is_html && lower == "head" {
            self.fill(open, true);
            let media = self.output.media_type.as_deref().unwrap_or("text/html");
            self.out.extend([
                "<META http-equiv=\"Content-Type\" content=\"",
                media,
                "; charset=utf-8\">",
            ]);
        }
    }

    fn namespace_of(&self, prefix: &str) -> Option<&Arc<str>> {
        self.scope.iter().rev().find(|(own, _)| **own == *prefix).map(|(_, namespace)| namespace)
    }

    /// The prefix that stands for a namespace here; it is declared when it must be.
    fn declare_for(
        &mut self,
        wanted: &Arc<str>,
        namespace: &Arc<str>,
        is_attribute: bool,
        declared: &mut Vec<(Arc<str>, Arc<str>)>,
    ) -> Arc<str> {
        if &**namespace == "http://www.w3.org/XML/1998/namespace" {
            return "xml".into();
        }
        if is_attribute && namespace.is_empty() {
            return "".into();
        }
        let needs_prefix = is_attribute && wanted.is_empty();
        if !needs_prefix && self.namespace_of(wanted) == Some(namespace) {
            return wanted.clone();
        }
        if is_attribute {
            let known = self.scope.iter().rev().find(|(prefix, own)| {
                own == namespace
                    && !prefix.is_empty()
                    && self.namespace_of(prefix) == Some(namespace)
            });
            if let Some((prefix, _)) = known {
                return prefix.clone();
            }
        }
        let is_taken = |prefix: &str| declared.iter().any(|(own, _)| **own == *prefix);
        let mut prefix = wanted.clone();
        let mut number = 0;
        while needs_prefix && prefix.is_empty() || is_taken(&prefix) {
            prefix = format!("ns{number}").into();
            number += 1;
        }
        declared.push((prefix.clone(), namespace.clone()));
        self.scope.push((prefix.clone(), namespace.clone()));
        prefix
    }

    fn close(&mut self, open: &mut Vec<Open>) {
        let Some(element) = open.pop() else { return };
        self.scope.truncate(element.scope);
        let is_html = self.method == Method::Html;
        let lower = element.name.to_ascii_lowercase();
        if element.is_filled {
            if element.breaks && !(is_html && INLINE.contains(&lower.as_str())) {
                self.line(open.len());
            }
            self.out.extend(["</", &element.name, ">"]);
        } else if is_html && VOID.contains(&lower.as_str()) {
            self.out.push('>');
        } else if is_html {
            self.out.extend(["></", &element.name, ">"]);
        } else {
            self.out.push_str(" />");
        }
    }
}

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}

/// Appends an attribute of an element.
fn attribute(prefix: &str, own: &Node, is_html: bool, out: &mut String) {
    let name = qualified(prefix, &own.name.local);
    out.extend([" ", &name]);
    let is_flag = is_html
        && FLAGS.contains(&own.name.local.to_ascii_lowercase().as_str())
        && own.value.eq_ignore_ascii_case(&own.name.local);
    if is_flag {
        return;
    }
    out.push_str("=\"");
    if is_html {
        out.push_str(
            &own.value
                .replace("&{", "\u{0}")
                .replace('&', "&amp;")
                .replace('\u{0}', "&{")
                .replace('"', "&quot;"),
        );
    } else {
        push_attribute(&own.value, out);
    }
    out.push('"');
}
