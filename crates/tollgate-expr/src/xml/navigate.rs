//! Walks through a tree, text, order, and namespaces in scope.

use std::cmp::Ordering;
use std::sync::Arc;

use super::heap::{Body, XmlHeap, XmlId, XmlKind};
use super::name::{Name, XML, XMLNS, no_namespace};
use crate::{Budget, Exception, ExceptionKind};

/// Which nodes or attributes a sequence gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Attributes,
    Nodes,
    Elements,
    Descendants,
    DescendantsAndSelf,
    DescendantNodes,
    DescendantNodesAndSelf,
    Ancestors,
    AncestorsAndSelf,
    NodesAfterSelf,
    NodesBeforeSelf,
    ElementsAfterSelf,
    ElementsBeforeSelf,
}

impl Axis {
    /// Whether the axis gives elements alone.
    pub(crate) fn is_of_elements(self) -> bool {
        !matches!(
            self,
            Axis::Attributes
                | Axis::Nodes
                | Axis::DescendantNodes
                | Axis::DescendantNodesAndSelf
                | Axis::NodesAfterSelf
                | Axis::NodesBeforeSelf
        )
    }
}

/// A place in a walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    axis: Axis,
    from: XmlId,
    at: Option<XmlId>,
    started: bool,
}

impl Walk {
    pub(crate) fn new(axis: Axis, from: XmlId) -> Self {
        Self { axis, from, at: None, started: false }
    }

    /// The next node, looked for in the tree as it is now.
    pub(crate) fn next(&mut self, heap: &XmlHeap) -> Result<Option<XmlId>, Exception> {
        let found = if self.started { self.step(heap)? } else { self.start(heap) };
        self.started = true;
        self.at = found;
        Ok(found)
    }

    fn start(&self, heap: &XmlHeap) -> Option<XmlId> {
        let from = self.from;
        match self.axis {
            Axis::Attributes => heap.first_attribute(from),
            Axis::Nodes | Axis::Elements | Axis::Descendants | Axis::DescendantNodes => {
                heap.first_node(from)
            }
            Axis::DescendantsAndSelf | Axis::DescendantNodesAndSelf => Some(from),
            Axis::AncestorsAndSelf => Some(from).filter(|from| heap.is_element(*from)),
            Axis::Ancestors => heap.parent_element(from),
            Axis::NodesAfterSelf | Axis::ElementsAfterSelf => heap.next(from),
            Axis::NodesBeforeSelf | Axis::ElementsBeforeSelf => {
                let parent = heap.parent(from)?;
                heap.first_node(parent).filter(|first| *first != from)
            }
        }
    }

    fn step(&self, heap: &XmlHeap) -> Result<Option<XmlId>, Exception> {
        let Some(at) = self.at else { return Ok(None) };
        Ok(match self.axis {
            // What was taken out on the way ends the walk.
            Axis::Attributes | Axis::Nodes | Axis::Elements => {
                if heap.parent(at) == Some(self.from) { heap.next(at) } else { None }
            }
            Axis::Descendants | Axis::DescendantsAndSelf => self.below(heap, at, true)?,
            Axis::DescendantNodes | Axis::DescendantNodesAndSelf => self.below(heap, at, false)?,
            Axis::Ancestors | Axis::AncestorsAndSelf => heap.parent_element(at),
            Axis::NodesAfterSelf | Axis::ElementsAfterSelf => heap.next(at),
            Axis::NodesBeforeSelf | Axis::ElementsBeforeSelf => {
                let parent = heap.parent(self.from);
                if parent.is_some() && parent == heap.parent(at) {
                    heap.next(at).filter(|next| *next != self.from)
                } else {
                    None
                }
            }
        })
    }

    /// The node after `at` in document order below the start.
    fn below(&self, heap: &XmlHeap, at: XmlId, elements: bool) -> Result<Option<XmlId>, Exception> {
        if (!elements || heap.is_element(at) || at == self.from)
            && let Some(first) = heap.first_node(at)
        {
            return Ok(Some(first));
        }
        let mut node = at;
        while node != self.from {
            let Some(parent) = heap.parent(node) else {
                // A node that was taken out of the tree under the walk.
                return Err(Exception::null_reference());
            };
            if let Some(next) = heap.next(node) {
                return Ok(Some(next));
            }
            node = parent;
        }
        Ok(None)
    }
}

impl XmlHeap {
    /// `XElement.Value`: the text of all texts below.
    pub(crate) fn text(&self, id: XmlId, budget: &mut Budget) -> Result<Arc<str>, Exception> {
        if let Some(value) = self.value(id) {
            return Ok(value.clone());
        }
        let (first, last) = (self.first_node(id), self.last_node(id));
        if let (Some(first), true) = (first, first == last)
            && let Some(Body::Text(value) | Body::CData(value)) = self.body(first)
        {
            return Ok(value.clone());
        }
        let mut out = String::new();
        let mut walk = Walk::new(Axis::DescendantNodes, id);
        while let Some(node) = walk.next(self)? {
            budget.step(1)?;
            if let Some(Body::Text(value) | Body::CData(value)) = self.body(node) {
                budget.memory(value.len())?;
                out.push_str(value);
            }
        }
        Ok(out.into())
    }

    /// `XNode.CompareDocumentOrder`.
    pub(crate) fn order(
        &self,
        left: XmlId,
        right: XmlId,
        budget: &mut Budget,
    ) -> Result<Ordering, Exception> {
        if left == right {
            return Ok(Ordering::Equal);
        }
        let (lefts, rights) = (self.line(left, budget)?, self.line(right, budget)?);
        if lefts.first() != rights.first() {
            return Err(Exception::new(
                ExceptionKind::InvalidOperation,
                "A common ancestor is missing.",
            ));
        }
        let common = lefts.iter().zip(&rights).take_while(|(a, b)| a == b).count();
        match (lefts.get(common), rights.get(common)) {
            (None, _) => Ok(Ordering::Less),
            (_, None) => Ok(Ordering::Greater),
            (Some(left), Some(right)) => {
                let mut node = *left;
                while let Some(next) = self.next(node) {
                    budget.step(1)?;
                    if next == *right {
                        return Ok(Ordering::Less);
                    }
                    node = next;
                }
                Ok(Ordering::Greater)
            }
        }
    }

    /// A node with all above it, the topmost first.
    fn line(&self, id: XmlId, budget: &mut Budget) -> Result<Vec<XmlId>, Exception> {
        let mut line = vec![id];
        let mut node = id;
        while let Some(parent) = self.parent(node) {
            budget.step(1)?;
            line.push(parent);
            node = parent;
        }
        line.reverse();
        Ok(line)
    }

    /// `Document`.
    pub(crate) fn document_of(
        &self,
        id: XmlId,
        budget: &mut Budget,
    ) -> Result<Option<XmlId>, Exception> {
        let top = self.top(id, budget)?;
        Ok(Some(top).filter(|top| self.kind(*top) == XmlKind::Document))
    }

    /// The namespace that a prefix (`xmlns` for none) is declared with, up to `until`.
    fn declared(
        &self,
        from: XmlId,
        prefix: &str,
        until: Option<XmlId>,
        budget: &mut Budget,
    ) -> Result<Option<Arc<str>>, Exception> {
        let mut element = Some(from);
        while element != until {
            let Some(own) = element else { break };
            budget.step(1)?;
            for attribute in self.attributes(own) {
                budget.step(1)?;
                let declares = |name: &Name| name.is_declaration() && &*name.local == prefix;
                if self.name(attribute).is_some_and(declares) {
                    return Ok(self.value(attribute).cloned());
                }
            }
            element = self.parent_element(own);
        }
        Ok(None)
    }

    /// `GetDefaultNamespace()`.
    pub(crate) fn default_namespace(
        &self,
        id: XmlId,
        budget: &mut Budget,
    ) -> Result<Arc<str>, Exception> {
        Ok(self.declared(id, "xmlns", None, budget)?.unwrap_or_else(no_namespace))
    }

    /// `GetNamespaceOfPrefix(prefix)`.
    pub(crate) fn namespace_of_prefix(
        &self,
        id: XmlId,
        prefix: &str,
        budget: &mut Budget,
    ) -> Result<Option<Arc<str>>, Exception> {
        if prefix == "xmlns" {
            return Ok(Some(XMLNS.into()));
        }
        let found = self.declared(id, prefix, None, budget)?;
        Ok(found.or_else(|| (prefix == "xml").then(|| XML.into())))
    }

    /// `GetPrefixOfNamespace(ns)`.
    pub(crate) fn prefix_of_namespace(
        &self,
        id: XmlId,
        namespace: &str,
        budget: &mut Budget,
    ) -> Result<Option<Arc<str>>, Exception> {
        let mut scoped = false;
        let mut element = Some(id);
        while let Some(own) = element {
            let mut local = false;
            budget.step(1)?;
            for attribute in self.attributes(own) {
                budget.step(1)?;
                let (Some(name), Some(value)) = (self.name(attribute), self.value(attribute))
                else {
                    continue;
                };
                if !name.is_declaration() {
                    continue;
                }
                local = true;
                let fits = **value == *namespace && !name.namespace.is_empty();
                if fits && (!scoped || self.declared(id, &name.local, Some(own), budget)?.is_none())
                {
                    return Ok(Some(name.local.clone()));
                }
            }
            scoped = scoped || local;
            element = self.parent_element(own);
        }
        Ok(match namespace {
            XML if !scoped || self.declared(id, "xml", None, budget)?.is_none() => {
                Some("xml".into())
            }
            XMLNS => Some("xmlns".into()),
            _ => None,
        })
    }

    /// Whether an element or attribute has the name, or none is asked for.
    pub(crate) fn is_named(&self, id: XmlId, name: Option<&Name>) -> bool {
        name.is_none_or(|name| self.name(id) == Some(name))
    }
}
