//! The tree as JSON.

use std::collections::HashMap;

use tollgate_engine::PolicyError;
use tollgate_expr::write_json_string;

use super::Kind;
use super::read::{Document, Element, Name, Node};
use crate::message_body::{LONGEST, too_large};

/// One value under a name.
enum Item<'d> {
    Text(&'d str),
    Element(&'d Element),
}

/// The members of an object: each name with its values, in the order the names were first met.
#[derive(Default)]
struct Members<'d> {
    groups: Vec<(String, Vec<Item<'d>>)>,
    places: HashMap<String, usize>,
}

impl<'d> Members<'d> {
    fn add(&mut self, name: String, item: Item<'d>) {
        let next = self.groups.len();
        let place = *self.places.entry(name.clone()).or_insert(next);
        match self.groups.get_mut(place) {
            Some((_, group)) => group.push(item),
            None => self.groups.push((name, vec![item])),
        }
    }
}

struct Writer {
    kind: Kind,
    arrays: bool,
    out: String,
}

/// Writes a document as an object.
pub(super) fn write(document: &Document, kind: Kind, arrays: bool) -> Result<String, PolicyError> {
    let mut members = Members::default();
    if kind == Kind::Direct {
        for (name, value) in &document.declared {
            members.add((*name).to_owned(), Item::Text(value));
        }
    }
    children(&document.children, kind, &mut members);
    let mut writer = Writer { kind, arrays, out: String::new() };
    // The root is nobody's child.
    writer.object(&members, false)?;
    Ok(writer.out)
}

/// The name of a member.
fn member_name(name: &Name, kind: Kind) -> String {
    if kind == Kind::Direct && !name.prefix.is_empty() {
        format!("{}${}", name.prefix, name.local)
    } else {
        name.local.clone()
    }
}

/// The attributes that are members.
fn attributes(element: &Element, kind: Kind) -> impl Iterator<Item = (String, &str)> {
    let shown = move |(name, _): &&(Name, String)| kind == Kind::Direct || !name.declares;
    element.attributes.iter().filter(shown).map(move |(name, value)| {
        let own = member_name(name, kind);
        let own = if kind == Kind::Direct { format!("@{own}") } else { own };
        (own, value.as_str())
    })
}

fn children<'d>(nodes: &'d [Node], kind: Kind, members: &mut Members<'d>) {
    for node in nodes {
        match (node, kind) {
            (Node::Element(element), _) => {
                members.add(member_name(&element.name, kind), Item::Element(element));
            }
            (Node::Text(text), Kind::Direct) => members.add("#text".to_owned(), Item::Text(text)),
            (Node::CData(text), Kind::Direct) => {
                members.add("#cdata-section".to_owned(), Item::Text(text));
            }
            (Node::Text(text) | Node::CData(text), Kind::JavaScriptFriendly) => {
                members.add("text".to_owned(), Item::Text(text));
            }
            (Node::Instruction(target, data), Kind::Direct) => {
                members.add(format!("?{target}"), Item::Text(data));
            }
            (Node::Instruction(..), Kind::JavaScriptFriendly) => {}
        }
    }
}

impl Writer {
    fn object(&mut self, members: &Members<'_>, arrays: bool) -> Result<(), PolicyError> {
        self.out.push('{');
        for (index, (name, group)) in members.groups.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write_json_string(name, &mut self.out);
            self.out.push(':');
            let has_element = group.iter().any(|item| matches!(item, Item::Element(_)));
            match group.as_slice() {
                [only] if !(arrays && has_element) => self.item(only)?,
                group => {
                    self.out.push('[');
                    for (index, item) in group.iter().enumerate() {
                        if index > 0 {
                            self.out.push(',');
                        }
                        self.item(item)?;
                    }
                    self.out.push(']');
                }
            }
            if self.out.len() > LONGEST {
                return Err(too_large());
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn item(&mut self, item: &Item<'_>) -> Result<(), PolicyError> {
        match item {
            Item::Text(text) => write_json_string(text, &mut self.out),
            Item::Element(element) => self.element(element)?,
        }
        if self.out.len() > LONGEST { Err(too_large()) } else { Ok(()) }
    }

    fn element(&mut self, element: &Element) -> Result<(), PolicyError> {
        let mut members = Members::default();
        for (name, value) in attributes(element, self.kind) {
            members.add(name, Item::Text(value));
        }
        if members.groups.is_empty() {
            match (element.children.as_slice(), self.kind) {
                ([], Kind::Direct) if element.is_empty => {
                    self.out.push_str("null");
                    return Ok(());
                }
                ([], _) => {
                    write_json_string("", &mut self.out);
                    return Ok(());
                }
                ([Node::Text(text)], _) => {
                    write_json_string(text, &mut self.out);
                    return Ok(());
                }
                (nodes, Kind::JavaScriptFriendly) if nodes.iter().all(is_text) => {
                    let text: String = nodes.iter().filter_map(text_of).collect();
                    write_json_string(&text, &mut self.out);
                    return Ok(());
                }
                _ => {}
            }
        }
        children(&element.children, self.kind, &mut members);
        self.object(&members, self.arrays)
    }
}

fn is_text(node: &Node) -> bool {
    matches!(node, Node::Text(_) | Node::CData(_) | Node::Instruction(..))
}

fn text_of(node: &Node) -> Option<&str> {
    match node {
        Node::Text(text) | Node::CData(text) => Some(text),
        Node::Element(_) | Node::Instruction(..) => None,
    }
}
