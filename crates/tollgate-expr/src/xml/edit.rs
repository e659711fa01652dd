//! Changes to a tree: what may be added where, linking, unlinking, copies.

use std::sync::Arc;

use super::heap::{Body, Ends, XmlHeap, XmlId, XmlKind};
use super::name::{Name, XML, XMLNS, is_whitespace};
use crate::{Budget, Exception, ExceptionKind};

#[cold]
fn argument(message: impl Into<String>) -> Exception {
    Exception::new(ExceptionKind::Argument, message)
}

#[cold]
fn structure() -> Exception {
    Exception::new(
        ExceptionKind::InvalidOperation,
        "This operation would create an incorrectly structured document.",
    )
}

#[cold]
pub(crate) fn missing_parent() -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, "The parent is missing.")
}

/// Checks that an attribute may have the value: namespace declarations may not say everything.
pub(crate) fn verify_attribute(name: &Name, value: &str) -> Result<(), Exception> {
    const XML_TAKEN: &str = "The prefix 'xml' is bound to the namespace name 'http://www.w3.org/XML/1998/namespace'. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.";
    const XMLNS_TAKEN: &str = "The prefix 'xmlns' is bound to the namespace name 'http://www.w3.org/2000/xmlns/'. It must not be declared. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.";
    if !name.is_declaration() {
        return Ok(());
    }
    if name.namespace.is_empty() {
        return match value {
            XML => Err(argument(XML_TAKEN)),
            XMLNS => Err(argument(XMLNS_TAKEN)),
            _ => Ok(()),
        };
    }
    match (value, &*name.local) {
        ("", local) => Err(argument(format!(
            "The prefix '{local}' cannot be bound to the empty namespace name."
        ))),
        (XML, "xml") => Ok(()),
        (XMLNS, _) => Err(argument(XMLNS_TAKEN)),
        (XML, _) | (_, "xml") => Err(argument(XML_TAKEN)),
        (_, "xmlns") => Err(argument(XMLNS_TAKEN)),
        _ => Ok(()),
    }
}

/// Where [`XmlHeap::verify_node`] looks from: what is before the new node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    All,
    Nothing,
    UpTo(XmlId),
}

impl XmlHeap {
    /// Checks that a node may become a child of a container.
    fn verify_node(&self, container: XmlId, node: XmlId, before: Before) -> Result<(), Exception> {
        let kind = self.kind(node);
        let refused =
            || argument(format!("A node of type {} cannot be added to content.", kind.name()));
        if self.kind(container) == XmlKind::Element {
            return match kind {
                XmlKind::Document | XmlKind::DocumentType => Err(refused()),
                _ => Ok(()),
            };
        }
        match kind {
            XmlKind::Text => {
                self.verify_text(container, self.value(node).map_or("", |value| value))
            }
            XmlKind::CData | XmlKind::Document => Err(refused()),
            XmlKind::Element => {
                self.verify_order(container, before, Some(XmlKind::DocumentType), None)
            }
            XmlKind::DocumentType => {
                self.verify_order(container, before, None, Some(XmlKind::Element))
            }
            XmlKind::Attribute | XmlKind::Instruction | XmlKind::Comment => Ok(()),
        }
    }

    /// Checks that a document has at most a document type and then an element.
    fn verify_order(
        &self,
        document: XmlId,
        before: Before,
        allowed_before: Option<XmlKind>,
        allowed_after: Option<XmlKind>,
    ) -> Result<(), Exception> {
        let mut allowed = if before == Before::Nothing { allowed_after } else { allowed_before };
        for node in self.nodes(document) {
            let kind = self.kind(node);
            if matches!(kind, XmlKind::Element | XmlKind::DocumentType) {
                if Some(kind) != allowed {
                    return Err(structure());
                }
                allowed = None;
            }
            if before == Before::UpTo(node) {
                allowed = allowed_after;
            }
        }
        Ok(())
    }

    /// Checks that text may be added to a container: a document takes white space alone.
    fn verify_text(&self, container: XmlId, text: &str) -> Result<(), Exception> {
        if self.kind(container) == XmlKind::Document && !text.chars().all(is_whitespace) {
            return Err(argument("Non-whitespace characters cannot be added to content."));
        }
        Ok(())
    }

    /// A node as it can be linked: itself when it has no parent and does not hold the container, a copy otherwise.
    fn adopted(
        &mut self,
        container: XmlId,
        node: XmlId,
        budget: &mut Budget,
    ) -> Result<XmlId, Exception> {
        let top = self.top(container, budget)?;
        if self.parent(node).is_some() || top == node { self.copy(node, budget) } else { Ok(node) }
    }

    /// Adds a node at the end.
    pub(crate) fn add_node(
        &mut self,
        container: XmlId,
        node: XmlId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1)?;
        self.verify_node(container, node, Before::All)?;
        let node = self.adopted(container, node, budget)?;
        let last = self.last_node(container);
        self.link_node(container, last, node);
        Ok(())
    }

    /// Adds text at the end, to the text that is there.
    pub(crate) fn add_text(
        &mut self,
        container: XmlId,
        text: &str,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1)?;
        self.verify_text(container, text)?;
        if text.is_empty() {
            if self.last_node(container).is_none() {
                self.set_filled(container, true);
            }
            return Ok(());
        }
        let last = self.last_node(container);
        if let Some(last) = last
            && self.kind(last) == XmlKind::Text
        {
            return self.append_text(last, text, budget);
        }
        budget.memory(text.len())?;
        let node = self.text_node(text.into(), budget)?;
        self.link_node(container, last, node);
        Ok(())
    }

    fn append_text(
        &mut self,
        node: XmlId,
        text: &str,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let old = self.value(node).cloned().unwrap_or_default();
        budget.memory(old.len().saturating_add(text.len()))?;
        self.set_value(node, Arc::from([&*old, text].concat()));
        Ok(())
    }

    /// Links a node that has no parent in, after `previous` or as the first.
    pub(super) fn link_node(&mut self, container: XmlId, previous: Option<XmlId>, node: XmlId) {
        let next = match previous {
            Some(previous) => self.next(previous),
            None => self.first_node(container),
        };
        self.chain(container, previous, node, next);
        if let Some(ends) = self.nodes_mut(container) {
            if previous.is_none() {
                ends.first = Some(node);
            }
            if next.is_none() {
                ends.last = Some(node);
            }
        }
        self.set_filled(container, false);
    }

    fn chain(&mut self, parent: XmlId, previous: Option<XmlId>, node: XmlId, next: Option<XmlId>) {
        if let Some(own) = self.node_mut(node) {
            own.parent = Some(parent);
            own.prev = previous;
            own.next = next;
        }
        if let Some(own) = previous.and_then(|id| self.node_mut(id)) {
            own.next = Some(node);
        }
        if let Some(own) = next.and_then(|id| self.node_mut(id)) {
            own.prev = Some(node);
        }
    }

    /// Takes a node or attribute out of its parent's list; the list's new ends.
    fn unchain(&mut self, id: XmlId, ends: Ends) -> Ends {
        let Some(node) = self.node_mut(id) else { return ends };
        let (prev, next) = (node.prev.take(), node.next.take());
        node.parent = None;
        if let Some(own) = prev.and_then(|id| self.node_mut(id)) {
            own.next = next;
        }
        if let Some(own) = next.and_then(|id| self.node_mut(id)) {
            own.prev = prev;
        }
        Ends {
            first: if ends.first == Some(id) { next } else { ends.first },
            last: if ends.last == Some(id) { prev } else { ends.last },
        }
    }

    /// `Remove()` of a node or an attribute.
    pub(crate) fn remove(&mut self, id: XmlId) -> Result<(), Exception> {
        let parent = self.parent(id).ok_or_else(missing_parent)?;
        if self.kind(id) == XmlKind::Attribute {
            let ends = self.element_of(parent).map(|element| element.attributes);
            let ends = self.unchain(id, ends.unwrap_or_default());
            if let Some(element) = self.element_mut(parent) {
                element.attributes = ends;
            }
            return Ok(());
        }
        let ends = Ends { first: self.first_node(parent), last: self.last_node(parent) };
        let ends = self.unchain(id, ends);
        if let Some(own) = self.nodes_mut(parent) {
            *own = ends;
        }
        Ok(())
    }

    /// `RemoveNodes()`.
    pub(crate) fn remove_nodes(&mut self, id: XmlId, budget: &mut Budget) -> Result<(), Exception> {
        while let Some(node) = self.first_node(id) {
            budget.step(1)?;
            self.remove(node)?;
        }
        self.set_filled(id, false);
        Ok(())
    }

    /// `RemoveAttributes()`.
    pub(crate) fn remove_attributes(
        &mut self,
        id: XmlId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        while let Some(attribute) = self.first_attribute(id) {
            budget.step(1)?;
            self.remove(attribute)?;
        }
        Ok(())
    }

    /// Adds an attribute to an element, a copy when it has a parent.
    pub(crate) fn add_attribute(
        &mut self,
        container: XmlId,
        attribute: XmlId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1)?;
        if !self.is_element(container) {
            return Err(argument("An attribute cannot be added to content."));
        }
        let Some(name) = self.name(attribute).cloned() else { return Ok(()) };
        if self.attribute_named(container, &name, budget)?.is_some() {
            return Err(Exception::new(ExceptionKind::InvalidOperation, "Duplicate attribute."));
        }
        let attribute = if self.parent(attribute).is_some() {
            self.copy(attribute, budget)?
        } else {
            attribute
        };
        self.link_attribute(container, attribute);
        Ok(())
    }

    /// Links an attribute without a parent, whose name is new, in at the end.
    pub(super) fn link_attribute(&mut self, element: XmlId, attribute: XmlId) {
        let last = self.last_attribute(element);
        self.chain(element, last, attribute, None);
        if let Some(element) = self.element_mut(element) {
            element.attributes.first = element.attributes.first.or(Some(attribute));
            element.attributes.last = Some(attribute);
        }
    }

    /// A copy of a node, without what is under it.
    fn shallow(&mut self, id: XmlId, budget: &mut Budget) -> Result<XmlId, Exception> {
        budget.step(1)?;
        let Some(mut body) = self.body(id).cloned() else { return Ok(id) };
        match &mut body {
            Body::Element(element) => {
                budget.memory(size_of_val(&**element))?;
                element.nodes = Ends::default();
                element.attributes = Ends::default();
            }
            Body::Document(document) => document.nodes = Ends::default(),
            Body::Attribute(attribute) => budget.memory(size_of_val(&**attribute))?,
            _ => {}
        }
        let copy = self.push(body, budget)?;
        let attributes: Vec<XmlId> = self.attributes(id).collect();
        for attribute in attributes {
            let attribute = self.shallow(attribute, budget)?;
            self.link_attribute(copy, attribute);
        }
        Ok(copy)
    }

    /// A copy of a node or attribute with all under it.
    pub(crate) fn copy(&mut self, id: XmlId, budget: &mut Budget) -> Result<XmlId, Exception> {
        let root = self.shallow(id, budget)?;
        let (mut from, mut to) = (id, root);
        loop {
            if let Some(first) = self.first_node(from) {
                let copy = self.shallow(first, budget)?;
                self.link_node(to, None, copy);
                (from, to) = (first, copy);
                continue;
            }
            loop {
                if from == id {
                    return Ok(root);
                }
                let (Some(parent), Some(copied)) = (self.parent(from), self.parent(to)) else {
                    return Ok(root);
                };
                if let Some(next) = self.next(from) {
                    let copy = self.shallow(next, budget)?;
                    self.link_node(copied, Some(to), copy);
                    (from, to) = (next, copy);
                    break;
                }
                (from, to) = (parent, copied);
            }
        }
    }
}

/// Puts content between the nodes of a container.
#[derive(Debug)]
pub(crate) struct Inserter {
    parent: XmlId,
    previous: Option<XmlId>,
    text: Option<String>,
}

impl Inserter {
    /// After `previous`, or before all.
    pub(crate) fn new(parent: XmlId, previous: Option<XmlId>) -> Self {
        Self { parent, previous, text: None }
    }

    /// Puts a node in.
    pub(crate) fn node(
        &mut self,
        heap: &mut XmlHeap,
        node: XmlId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1)?;
        let before = self.previous.map_or(Before::Nothing, Before::UpTo);
        heap.verify_node(self.parent, node, before)?;
        let node = heap.adopted(self.parent, node, budget)?;
        self.flush(heap, budget)?;
        self.insert(heap, node);
        Ok(())
    }

    /// Puts text in.
    pub(crate) fn text(
        &mut self,
        heap: &XmlHeap,
        text: &str,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1)?;
        budget.memory(text.len())?;
        heap.verify_text(self.parent, text)?;
        self.text.get_or_insert_default().push_str(text);
        Ok(())
    }

    /// Puts in what is left.
    pub(crate) fn finish(
        mut self,
        heap: &mut XmlHeap,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let empty = self.text.as_ref().is_some_and(String::is_empty);
        if empty && heap.last_node(self.parent).is_none() {
            heap.set_filled(self.parent, true);
        }
        self.flush(heap, budget)
    }

    fn flush(&mut self, heap: &mut XmlHeap, budget: &mut Budget) -> Result<(), Exception> {
        let Some(text) = self.text.take().filter(|text| !text.is_empty()) else { return Ok(()) };
        if let Some(previous) = self.previous
            && heap.kind(previous) == XmlKind::Text
        {
            return heap.append_text(previous, &text, budget);
        }
        let node = heap.text_node(text.into(), budget)?;
        self.insert(heap, node);
        Ok(())
    }

    fn insert(&mut self, heap: &mut XmlHeap, node: XmlId) {
        heap.link_node(self.parent, self.previous, node);
        self.previous = Some(node);
    }
}
