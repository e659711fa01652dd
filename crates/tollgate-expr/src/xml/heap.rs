//! The arena of nodes and attributes.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::name::Name;
use crate::{Budget, Exception, Value};

/// A node or an attribute: a reference to an `XObject`. It belongs to the heap that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct XmlId(NonZeroU32);

/// `System.Xml.XmlNodeType`, as far as a tree holds it, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum XmlKind {
    Element = 1,
    Attribute = 2,
    Text = 3,
    CData = 4,
    Instruction = 7,
    Comment = 8,
    Document = 9,
    DocumentType = 10,
}

impl XmlKind {
    /// The name of the constant of `XmlNodeType`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Element => "Element",
            Self::Attribute => "Attribute",
            Self::Text => "Text",
            Self::CData => "CDATA",
            Self::Instruction => "ProcessingInstruction",
            Self::Comment => "Comment",
            Self::Document => "Document",
            Self::DocumentType => "DocumentType",
        }
    }
}

/// What a node takes beside its text.
const NODE_BYTES: usize = 64;
/// What an element takes more.
const ELEMENT_BYTES: usize = 64;

/// A node or an attribute.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) parent: Option<XmlId>,
    /// The node or attribute before it under the same parent.
    pub(super) prev: Option<XmlId>,
    /// The node or attribute after it under the same parent.
    pub(super) next: Option<XmlId>,
    pub(super) body: Body,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Element(Box<Element>),
    Document(Box<Document>),
    Attribute(Box<(Name, Arc<str>)>),
    Text(Arc<str>),
    CData(Arc<str>),
    Comment(Arc<str>),
    Instruction(Box<(Arc<str>, Arc<str>)>),
    DocumentType(Box<DocumentType>),
}

/// The first and the last of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ends {
    pub(super) first: Option<XmlId>,
    pub(super) last: Option<XmlId>,
}

/// `XElement`.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) name: Name,
    pub(super) nodes: Ends,
    pub(super) attributes: Ends,
    /// Whether an element without nodes is written with a start and an end tag.
    pub(super) filled: bool,
}

/// `XDocument`.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub(super) nodes: Ends,
    /// An `XDeclaration`, or null.
    pub(super) declaration: Value,
}

/// `XDocumentType`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentType {
    pub(crate) name: Arc<str>,
    pub(crate) public_id: Option<Arc<str>>,
    pub(crate) system_id: Option<Arc<str>>,
    pub(crate) internal_subset: Option<Arc<str>>,
}

/// Every node and attribute of a request.
#[derive(Debug, Default)]
pub(crate) struct XmlHeap {
    nodes: Vec<Node>,
    pub(super) annotations: HashMap<XmlId, Vec<Value>>,
}

impl XmlHeap {
    /// A heap without nodes.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(super) fn push(&mut self, body: Body, budget: &mut Budget) -> Result<XmlId, Exception> {
        budget.memory(NODE_BYTES)?;
        let id = u32::try_from(self.nodes.len() + 1)
            .ok()
            .and_then(NonZeroU32::new)
            .ok_or_else(|| Exception::bound("the expression makes too many XML nodes"))?;
        self.nodes.push(Node { parent: None, prev: None, next: None, body });
        Ok(XmlId(id))
    }

    /// `new XElement(name)`.
    pub(crate) fn element(&mut self, name: Name, budget: &mut Budget) -> Result<XmlId, Exception> {
        budget.memory(ELEMENT_BYTES)?;
        let element =
            Element { name, nodes: Ends::default(), attributes: Ends::default(), filled: false };
        self.push(Body::Element(Box::new(element)), budget)
    }

    /// `new XDocument()`.
    pub(crate) fn document(&mut self, budget: &mut Budget) -> Result<XmlId, Exception> {
        self.push(Body::Document(Box::default()), budget)
    }

    /// An attribute whose name and value were checked.
    pub(crate) fn attribute(
        &mut self,
        name: Name,
        value: Arc<str>,
        budget: &mut Budget,
    ) -> Result<XmlId, Exception> {
        budget.memory(ELEMENT_BYTES)?;
        self.push(Body::Attribute(Box::new((name, value))), budget)
    }

    /// `new XText(value)`.
    pub(crate) fn text_node(
        &mut self,
        value: Arc<str>,
        budget: &mut Budget,
    ) -> Result<XmlId, Exception> {
        self.push(Body::Text(value), budget)
    }

    /// `new XCData(value)`.
    pub(crate) fn cdata(
        &mut self,
        value: Arc<str>,
        budget: &mut Budget,
    ) -> Result<XmlId, Exception> {
        self.push(Body::CData(value), budget)
    }

    /// `new XComment(value)`.
    pub(crate) fn comment(
        &mut self,
        value: Arc<str>,
        budget: &mut Budget,
    ) -> Result<XmlId, Exception> {
        self.push(Body::Comment(value), budget)
    }

    /// `new XProcessingInstruction(target, data)`, the target checked.
    pub(crate) fn instruction(
        &mut self,
        target: Arc<str>,
        data: Arc<str>,
        budget: &mut Budget,
    ) -> Result<XmlId, Exception> {
        self.push(Body::Instruction(Box::new((target, data))), budget)
    }

    /// `new XDocumentType(…)`, the name checked.
    pub(crate) fn document_type(
        &mut self,
        ty: DocumentType,
        budget: &mut Budget,
    ) -> Result<XmlId, Exception> {
        budget.memory(ELEMENT_BYTES)?;
        self.push(Body::DocumentType(Box::new(ty)), budget)
    }

    pub(super) fn node(&self, id: XmlId) -> Option<&Node> {
        self.nodes.get(id.0.get() as usize - 1)
    }

    pub(super) fn node_mut(&mut self, id: XmlId) -> Option<&mut Node> {
        self.nodes.get_mut(id.0.get() as usize - 1)
    }

    pub(super) fn body(&self, id: XmlId) -> Option<&Body> {
        self.node(id).map(|node| &node.body)
    }

    pub(super) fn element_of(&self, id: XmlId) -> Option<&Element> {
        match self.body(id) {
            Some(Body::Element(element)) => Some(element),
            _ => None,
        }
    }

    pub(super) fn element_mut(&mut self, id: XmlId) -> Option<&mut Element> {
        match self.node_mut(id).map(|node| &mut node.body) {
            Some(Body::Element(element)) => Some(element),
            _ => None,
        }
    }

    /// `NodeType`.
    pub(crate) fn kind(&self, id: XmlId) -> XmlKind {
        match self.body(id) {
            Some(Body::Element(_)) => XmlKind::Element,
            Some(Body::Document(_)) => XmlKind::Document,
            Some(Body::Attribute(_)) => XmlKind::Attribute,
            Some(Body::CData(_)) => XmlKind::CData,
            Some(Body::Comment(_)) => XmlKind::Comment,
            Some(Body::Instruction(_)) => XmlKind::Instruction,
            Some(Body::DocumentType(_)) => XmlKind::DocumentType,
            Some(Body::Text(_)) | None => XmlKind::Text,
        }
    }

    pub(crate) fn is_element(&self, id: XmlId) -> bool {
        self.element_of(id).is_some()
    }

    /// The name of an element or attribute.
    pub(crate) fn name(&self, id: XmlId) -> Option<&Name> {
        match self.body(id)? {
            Body::Element(element) => Some(&element.name),
            Body::Attribute(attribute) => Some(&attribute.0),
            _ => None,
        }
    }

    /// `XElement.Name = name`.
    pub(crate) fn set_name(&mut self, id: XmlId, name: Name) {
        if let Some(element) = self.element_mut(id) {
            element.name = name;
        }
    }

    /// The value of an attribute, text, CDATA, comment or instruction.
    pub(crate) fn value(&self, id: XmlId) -> Option<&Arc<str>> {
        match self.body(id)? {
            Body::Attribute(attribute) => Some(&attribute.1),
            Body::Text(value) | Body::CData(value) | Body::Comment(value) => Some(value),
            Body::Instruction(instruction) => Some(&instruction.1),
            Body::Element(_) | Body::Document(_) | Body::DocumentType(_) => None,
        }
    }

    /// Sets what [`XmlHeap::value`] gives.
    pub(crate) fn set_value(&mut self, id: XmlId, value: Arc<str>) {
        match self.node_mut(id).map(|node| &mut node.body) {
            Some(Body::Attribute(attribute)) => attribute.1 = value,
            Some(Body::Text(own) | Body::CData(own) | Body::Comment(own)) => *own = value,
            Some(Body::Instruction(instruction)) => instruction.1 = value,
            _ => {}
        }
    }

    /// `XProcessingInstruction.Target`.
    pub(crate) fn target(&self, id: XmlId) -> Option<&Arc<str>> {
        match self.body(id)? {
            Body::Instruction(instruction) => Some(&instruction.0),
            _ => None,
        }
    }

    pub(crate) fn set_target(&mut self, id: XmlId, target: Arc<str>) {
        if let Some(Body::Instruction(instruction)) = self.node_mut(id).map(|node| &mut node.body) {
            instruction.0 = target;
        }
    }

    /// What an `XDocumentType` says.
    pub(crate) fn doctype(&self, id: XmlId) -> Option<&DocumentType> {
        match self.body(id)? {
            Body::DocumentType(ty) => Some(ty),
            _ => None,
        }
    }

    pub(crate) fn doctype_mut(&mut self, id: XmlId) -> Option<&mut DocumentType> {
        match self.node_mut(id).map(|node| &mut node.body) {
            Some(Body::DocumentType(ty)) => Some(ty),
            _ => None,
        }
    }

    /// `XDocument.Declaration`.
    pub(crate) fn declaration(&self, id: XmlId) -> Value {
        match self.body(id) {
            Some(Body::Document(document)) => document.declaration.clone(),
            _ => Value::Null,
        }
    }

    pub(crate) fn set_declaration(&mut self, id: XmlId, declaration: Value) {
        if let Some(Body::Document(document)) = self.node_mut(id).map(|node| &mut node.body) {
            document.declaration = declaration;
        }
    }

    /// `XElement.IsEmpty`.
    pub(crate) fn is_empty(&self, id: XmlId) -> bool {
        self.element_of(id).is_some_and(|element| element.nodes.last.is_none() && !element.filled)
    }

    /// An element without nodes that is written with two tags, or no longer.
    pub(super) fn set_filled(&mut self, id: XmlId, filled: bool) {
        if let Some(element) = self.element_mut(id) {
            element.filled = filled;
        }
    }

    /// Objects attached to a node.
    pub(crate) fn annotations(&self, id: XmlId) -> &[Value] {
        self.annotations.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn annotate(&mut self, id: XmlId, value: Value) {
        self.annotations.entry(id).or_default().push(value);
    }

    /// Takes off the annotations that `gone` names.
    pub(crate) fn set_annotations(&mut self, id: XmlId, left: Vec<Value>) {
        if left.is_empty() {
            self.annotations.remove(&id);
        } else {
            self.annotations.insert(id, left);
        }
    }

    /// `Parent`: none under a document.
    pub(crate) fn parent_element(&self, id: XmlId) -> Option<XmlId> {
        self.parent(id).filter(|parent| self.is_element(*parent))
    }

    pub(crate) fn parent(&self, id: XmlId) -> Option<XmlId> {
        self.node(id)?.parent
    }

    pub(crate) fn next(&self, id: XmlId) -> Option<XmlId> {
        self.node(id)?.next
    }

    pub(crate) fn previous(&self, id: XmlId) -> Option<XmlId> {
        self.node(id)?.prev
    }

    fn nodes_of(&self, id: XmlId) -> Ends {
        match self.body(id) {
            Some(Body::Element(element)) => element.nodes,
            Some(Body::Document(document)) => document.nodes,
            _ => Ends::default(),
        }
    }

    pub(super) fn nodes_mut(&mut self, id: XmlId) -> Option<&mut Ends> {
        match self.node_mut(id).map(|node| &mut node.body) {
            Some(Body::Element(element)) => Some(&mut element.nodes),
            Some(Body::Document(document)) => Some(&mut document.nodes),
            _ => None,
        }
    }

    pub(crate) fn first_node(&self, id: XmlId) -> Option<XmlId> {
        self.nodes_of(id).first
    }

    pub(crate) fn last_node(&self, id: XmlId) -> Option<XmlId> {
        self.nodes_of(id).last
    }

    pub(crate) fn first_attribute(&self, id: XmlId) -> Option<XmlId> {
        self.element_of(id)?.attributes.first
    }

    pub(crate) fn last_attribute(&self, id: XmlId) -> Option<XmlId> {
        self.element_of(id)?.attributes.last
    }

    /// The nodes under a container.
    pub(crate) fn nodes(&self, id: XmlId) -> impl Iterator<Item = XmlId> + '_ {
        std::iter::successors(self.first_node(id), |node| self.next(*node))
    }

    /// The attributes of an element.
    pub(crate) fn attributes(&self, id: XmlId) -> impl Iterator<Item = XmlId> + '_ {
        std::iter::successors(self.first_attribute(id), |attribute| self.next(*attribute))
    }

    /// The first of some nodes or attributes that fits; each costs.
    fn find(
        mut among: impl Iterator<Item = XmlId>,
        budget: &mut Budget,
        fits: impl Fn(XmlId) -> bool,
    ) -> Result<Option<XmlId>, Exception> {
        let mut seen: u64 = 0;
        let found = among.find(|id| {
            seen += 1;
            fits(*id)
        });
        budget.step(seen / 8)?;
        Ok(found)
    }

    /// `Attribute(name)`.
    pub(crate) fn attribute_named(
        &self,
        id: XmlId,
        name: &Name,
        budget: &mut Budget,
    ) -> Result<Option<XmlId>, Exception> {
        Self::find(self.attributes(id), budget, |attribute| self.name(attribute) == Some(name))
    }

    /// `Element(name)`.
    pub(crate) fn element_named(
        &self,
        id: XmlId,
        name: &Name,
        budget: &mut Budget,
    ) -> Result<Option<XmlId>, Exception> {
        Self::find(self.nodes(id), budget, |node| {
            self.element_of(node).is_some_and(|element| element.name == *name)
        })
    }

    /// The first node of a kind, such as `XDocument.Root`.
    pub(crate) fn first_of(
        &self,
        id: XmlId,
        kind: XmlKind,
        budget: &mut Budget,
    ) -> Result<Option<XmlId>, Exception> {
        Self::find(self.nodes(id), budget, |node| self.kind(node) == kind)
    }

    /// The top of the tree that a node is in.
    pub(crate) fn top(&self, id: XmlId, budget: &mut Budget) -> Result<XmlId, Exception> {
        let mut top = id;
        while let Some(parent) = self.parent(top) {
            budget.step(1)?;
            top = parent;
        }
        Ok(top)
    }
}
