//! XML as a template sees it.

use std::sync::Arc;

use tollgate_expr::{EvalState, Exception, WhiteSpace, XmlEvent};

use super::value::Value;
use crate::message_body::DEEPEST;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element. Names are without their prefix.
#[derive(Debug, Default)]
pub(super) struct XmlElement {
    name: Arc<str>,
    attributes: Vec<(Arc<str>, Arc<str>)>,
    pub(super) children: Vec<Arc<XmlElement>>,
    /// The text directly inside.
    own_text: Arc<str>,
    is_nil: bool,
    /// Bytes of all text inside, and one for each element: what it costs to put the text together.
    size: usize,
}

impl XmlElement {
    /// What [`text`](Self::text) costs.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// All text inside.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.size);
        self.push_text(&mut text);
        text
    }

    /// Nesting is bounded when the document is read.
    fn push_text(&self, out: &mut String) {
        out.push_str(&self.own_text);
        self.children.iter().for_each(|child| child.push_text(out));
    }

    /// How many elements and attributes are looked through for a member.
    pub(super) fn n_members(&self) -> usize {
        self.children.len() + self.attributes.len()
    }

    /// What a member is: an element's value, an array of several of one name, or an attribute. Case matters only when
    /// a name is there in two spellings.
    pub(super) fn member(&self, name: &str, nil_is_null: bool) -> Option<Value> {
        let named = |fits: &dyn Fn(&str) -> bool| -> Vec<Value> {
            let children = self.children.iter().filter(|child| fits(&child.name));
            children.map(|child| value_of(child, nil_is_null)).collect()
        };
        let mut found = named(&|own| own == name);
        if found.is_empty() {
            found = named(&|own| own.eq_ignore_ascii_case(name));
        }
        if found.len() > 1 {
            return Some(Value::list(found));
        }
        found.pop().or_else(|| {
            let name = name.strip_prefix('@').unwrap_or(name);
            let mut attributes = self.attributes.iter();
            let found = attributes.find(|(own, _)| own.eq_ignore_ascii_case(name));
            found.map(|(_, value)| Value::Text(value.clone()))
        })
    }

    /// The values of the elements inside, in order.
    pub(super) fn items(&self, nil_is_null: bool) -> Vec<Value> {
        self.children.iter().map(|child| value_of(child, nil_is_null)).collect()
    }
}

/// An element with nothing but text is that text.
fn value_of(element: &Arc<XmlElement>, nil_is_null: bool) -> Value {
    if element.is_nil {
        return if nil_is_null { Value::Nil } else { Value::text("") };
    }
    let is_plain = element.children.is_empty() && element.attributes.is_empty();
    if is_plain {
        Value::Text(Arc::clone(&element.own_text))
    } else {
        Value::Xml(Arc::clone(element))
    }
}

/// Reads a document: an element without a name around its root.
pub(super) fn read(state: &mut EvalState, text: &str) -> Result<Arc<XmlElement>, Exception> {
    let mut open = vec![Open::default()];
    state.read_xml(text, WhiteSpace::LeftOut, &mut |event| {
        match event {
            XmlEvent::Start { name, attributes, .. } => {
                if open.len() > DEEPEST {
                    return Err(Exception::bound("The body is nested too deep."));
                }
                let mut element = XmlElement { name: name.local.into(), ..Default::default() };
                for attribute in attributes {
                    let own = attribute.name;
                    if own.namespace == XSI && own.local == "nil" {
                        element.is_nil = matches!(attribute.value.trim(), "true" | "1");
                    } else if own.prefix != "xmlns" && own.namespace != XSI && own.local != "xmlns"
                    {
                        element.attributes.push((own.local.into(), attribute.value.into()));
                    }
                }
                open.push(Open { element, text: String::new() });
            }
            XmlEvent::End => {
                if let (Some(done), Some(parent)) = (open.pop(), open.last_mut()) {
                    let done = done.close();
                    parent.element.size += done.size;
                    parent.element.children.push(Arc::new(done));
                }
            }
            XmlEvent::Text(text) | XmlEvent::CData(text) => {
                if let Some(open) = open.last_mut() {
                    open.text.push_str(text);
                }
            }
            XmlEvent::Declaration(_) | XmlEvent::Comment(_) | XmlEvent::Instruction { .. } => {}
        }
        Ok(())
    })?;
    Ok(Arc::new(open.pop().unwrap_or_default().close()))
}

/// An element that is being read.
#[derive(Default)]
struct Open {
    element: XmlElement,
    text: String,
}

impl Open {
    fn close(self) -> XmlElement {
        let Self { mut element, text } = self;
        element.size += 1 + text.len();
        element.own_text = text.into();
        element
    }
}
