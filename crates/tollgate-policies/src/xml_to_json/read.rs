//! XML as the tree that is written.

use tollgate_engine::PolicyError;
use tollgate_expr::{EvalState, Exception, WhiteSpace, XmlEvent, XmlName};

use crate::message_body::{DEEPEST, too_deep, unreadable};

/// A document: what its declaration says, and its root with what stands beside it.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) declared: Vec<(&'static str, String)>,
    pub(super) children: Vec<Node>,
}

/// A name, with its prefix as it is in scope.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) prefix: String,
    pub(super) local: String,
    /// Whether it declares a namespace.
    pub(super) declares: bool,
}

/// An element.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: Name,
    pub(super) attributes: Vec<(Name, String)>,
    pub(super) children: Vec<Node>,
    /// Whether it is written as one tag.
    pub(super) is_empty: bool,
}

/// What stands in an element.
#[derive(Debug)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    CData(String),
    Instruction(String, String),
}

const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

fn name(name: XmlName<'_>) -> Name {
    Name {
        prefix: name.prefix.to_owned(),
        local: name.local.to_owned(),
        declares: name.namespace == XMLNS,
    }
}

/// Reads a document; comments are left out.
pub(super) fn read(state: &mut EvalState, text: &str) -> Result<Document, PolicyError> {
    let mut document = Document::default();
    let mut open: Vec<Element> = Vec::new();
    let mut is_deep = false;
    let result = state.read_xml(text, WhiteSpace::LeftOut, &mut |event| {
        let node = match event {
            XmlEvent::Declaration(parts) => {
                let named = ["version", "encoding", "standalone"].into_iter().zip(parts);
                let present = named.filter_map(|(name, value)| Some((name, value?.to_owned())));
                document.declared = present.collect();
                return Ok(());
            }
            XmlEvent::Start { name: own, attributes, is_empty } => {
                if open.len() >= DEEPEST {
                    is_deep = true;
                    return Err(Exception::bound("too deep"));
                }
                let attributes = attributes
                    .iter()
                    .map(|attribute| (name(attribute.name), attribute.value.to_owned()))
                    .collect();
                let children = Vec::new();
                open.push(Element { name: name(own), attributes, children, is_empty });
                return Ok(());
            }
            XmlEvent::End => match open.pop() {
                Some(element) => Node::Element(element),
                None => return Ok(()),
            },
            XmlEvent::Text(text) => Node::Text(text.to_owned()),
            XmlEvent::CData(text) => Node::CData(text.to_owned()),
            XmlEvent::Instruction { target, data } => {
                Node::Instruction(target.to_owned(), data.to_owned())
            }
            XmlEvent::Comment(_) => return Ok(()),
        };
        let siblings =
            open.last_mut().map_or(&mut document.children, |parent| &mut parent.children);
        siblings.push(node);
        Ok(())
    });
    match result {
        Ok(()) => Ok(document),
        Err(_) if is_deep => Err(too_deep()),
        Err(exception) => Err(unreadable("XmlInvalid", &exception)),
    }
}
