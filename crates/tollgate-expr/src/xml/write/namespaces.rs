//! Which prefixes names get, and where namespaces are declared.
//!
//! Two things decide in .NET, and both are here: XLinq looks for a prefix among the declarations of the tree, and the
//! writer keeps what it has declared, makes up prefixes and adds the declarations that are missing.

use std::cell::Cell;
use std::sync::Arc;

use super::super::heap::{XmlHeap, XmlId};
use super::super::name::{Name, XML, XMLNS, no_namespace};
use crate::{Exception, ExceptionKind};

/// How a prefix came to be bound in the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// By XML itself.
    Reserved,
    /// By an element around.
    Implied,
    /// By nothing yet: the declaration is to be written.
    Needed,
    /// By a declaration that was written.
    Written,
}

#[derive(Debug)]
struct Entry {
    prefix: Arc<str>,
    namespace: Arc<str>,
    bound: Bound,
}

/// What is declared at a place.
#[derive(Debug)]
pub(super) struct Namespaces {
    omit_duplicates: bool,
    /// Declarations of the tree, innermost last.
    tree: Vec<(Arc<str>, Arc<str>)>,
    /// Declarations of the output, innermost last.
    output: Vec<Entry>,
    /// Lengths of both when each open element began.
    marks: Vec<(usize, usize)>,
    looked: Cell<usize>,
}

#[cold]
fn argument(message: &str) -> Exception {
    Exception::new(ExceptionKind::Argument, message)
}

const XML_RESERVED: &str = "Prefix \"xml\" is reserved for use by XML and can be mapped only to namespace name \"http://www.w3.org/XML/1998/namespace\".";
const XMLNS_RESERVED: &str = "Prefix \"xmlns\" is reserved for use by XML.";

impl Namespaces {
    pub(super) fn new(omit_duplicates: bool) -> Self {
        let entry = |prefix: &str, namespace: &str, bound| Entry {
            prefix: prefix.into(),
            namespace: namespace.into(),
            bound,
        };
        Self {
            omit_duplicates,
            tree: Vec::new(),
            output: vec![
                entry("xmlns", XMLNS, Bound::Reserved),
                entry("xml", XML, Bound::Reserved),
                entry("", "", Bound::Implied),
            ],
            marks: Vec::new(),
            looked: Cell::new(0),
        }
    }

    /// Takes in the declarations of the elements around the one that is written.
    pub(super) fn around(&mut self, heap: &XmlHeap, id: XmlId) {
        let mut element = heap.parent_element(id);
        while let Some(own) = element {
            self.tree.extend(declarations(heap, own));
            element = heap.parent_element(own);
        }
        self.tree.reverse();
    }

    /// How many entries were looked through since this was asked last.
    pub(super) fn looked(&self) -> u64 {
        self.looked.take() as u64
    }

    fn count(&self, entries: usize) {
        self.looked.set(self.looked.get().saturating_add(entries));
    }

    /// An element begins.
    pub(super) fn enter(&mut self, heap: &XmlHeap, id: XmlId) {
        self.marks.push((self.tree.len(), self.output.len()));
        self.tree.extend(declarations(heap, id));
    }

    /// An element ends.
    pub(super) fn leave(&mut self) {
        if let Some((tree, output)) = self.marks.pop() {
            self.tree.truncate(tree);
            self.output.truncate(output);
        }
    }

    /// The prefix that the tree gives a namespace.
    fn tree_prefix(&self, namespace: &str, default: bool) -> Option<Arc<str>> {
        for (index, (prefix, own)) in self.tree.iter().enumerate().rev() {
            self.count(1);
            let fits = **own == *namespace && (default || !prefix.is_empty());
            if !fits {
                continue;
            }
            let mut inner = self.tree.iter().skip(index + 1);
            self.count(inner.len());
            if !inner.any(|(inner, _)| inner == prefix) {
                return Some(prefix.clone());
            }
        }
        match namespace {
            XML => Some("xml".into()),
            XMLNS => Some("xmlns".into()),
            _ => None,
        }
    }

    /// The prefix that the output has for a namespace.
    fn output_prefix(&self, namespace: &str) -> Option<Arc<str>> {
        let index = self.output.iter().rposition(|entry| *entry.namespace == *namespace);
        self.count(2 * (self.output.len() - index.unwrap_or_default()));
        let index = index?;
        let found = self.output.get(index)?;
        let hidden = self.output.iter().skip(index + 1).any(|entry| entry.prefix == found.prefix);
        (!hidden).then(|| found.prefix.clone())
    }

    fn index_of(&self, prefix: &str) -> Option<usize> {
        let index = self.output.iter().rposition(|entry| *entry.prefix == *prefix);
        self.count(self.output.len() - index.unwrap_or_default());
        index
    }

    /// Where the declarations of the current element begin.
    fn own(&self) -> usize {
        self.marks.last().map_or(0, |(_, output)| *output)
    }

    /// The prefix of an element.
    pub(super) fn element_prefix(&self, name: &Name) -> Arc<str> {
        if name.namespace.is_empty() {
            return no_namespace();
        }
        self.tree_prefix(&name.namespace, true)
            .or_else(|| self.output_prefix(&name.namespace))
            .unwrap_or_else(no_namespace)
    }

    /// The prefix of an attribute that declares nothing, bound.
    pub(super) fn attribute_prefix(&mut self, name: &Name) -> Result<Arc<str>, Exception> {
        if name.namespace.is_empty() {
            return Ok(no_namespace());
        }
        let found = self.tree_prefix(&name.namespace, false);
        let found = found.or_else(|| self.output_prefix(&name.namespace));
        let prefix = match found.filter(|prefix| !prefix.is_empty()) {
            None => self.generated(),
            Some(prefix) => {
                let own = self.own();
                let local = self.output.iter().skip(own).rfind(|entry| entry.prefix == prefix);
                if local.is_some_and(|entry| entry.namespace != name.namespace) {
                    self.generated()
                } else {
                    prefix
                }
            }
        };
        let special = &*prefix == "xml" && matches!(&*name.local, "space" | "lang");
        if !special {
            self.imply(&prefix, &name.namespace)?;
        }
        Ok(prefix)
    }

    fn generated(&self) -> Arc<str> {
        let base = format!("p{}", self.output.len().saturating_sub(3));
        if self.index_of(&base).is_none() {
            return base.into();
        }
        let numbered = (0..=self.output.len()).map(|n| format!("{base}{n}"));
        let mut free = numbered.filter(|prefix| self.index_of(prefix).is_none());
        free.next().unwrap_or(base).into()
    }

    /// A prefix is used: declared here when it is not.
    pub(super) fn imply(&mut self, prefix: &str, namespace: &Arc<str>) -> Result<(), Exception> {
        let own = self.own();
        let found = self.index_of(prefix);
        let bound = match found.and_then(|index| Some((index, self.output.get(index)?))) {
            Some((index, entry)) if index >= own => {
                if entry.namespace != *namespace {
                    return Err(redefined(prefix, &entry.namespace, namespace));
                }
                return Ok(());
            }
            Some((_, entry)) if entry.bound == Bound::Reserved => {
                if prefix == "xmlns" {
                    return Err(argument(XMLNS_RESERVED));
                }
                if entry.namespace != *namespace {
                    return Err(argument(XML_RESERVED));
                }
                Bound::Implied
            }
            Some((_, entry)) if entry.namespace == *namespace => Bound::Implied,
            _ => {
                verify(prefix, namespace)?;
                Bound::Needed
            }
        };
        self.push(prefix, namespace, bound);
        Ok(())
    }

    /// A declaration stands in the tree: whether it is written.
    pub(super) fn declare(
        &mut self,
        prefix: &str,
        namespace: &Arc<str>,
    ) -> Result<bool, Exception> {
        let own = self.own();
        let omit = self.omit_duplicates;
        let mut write = true;
        if let Some(index) = self.index_of(prefix)
            && let Some(entry) = self.output.get_mut(index)
        {
            if index >= own {
                if entry.namespace != *namespace {
                    return Err(redefined(prefix, &entry.namespace, namespace));
                }
                let write = !(omit && entry.bound != Bound::Needed);
                entry.bound = Bound::Written;
                return Ok(write);
            }
            write = !(omit && entry.namespace == *namespace);
        }
        verify(prefix, namespace)?;
        self.push(prefix, namespace, Bound::Written);
        Ok(write)
    }

    fn push(&mut self, prefix: &str, namespace: &Arc<str>, bound: Bound) {
        let entry = Entry { prefix: prefix.into(), namespace: namespace.clone(), bound };
        self.output.push(entry);
    }

    /// The declarations that the current element lacks, in the order they are written.
    pub(super) fn undeclared(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let own = self.output.iter().skip(self.own()).rev();
        own.filter(|entry| entry.bound == Bound::Needed)
            .map(|entry| (entry.prefix.clone(), entry.namespace.clone()))
            .collect()
    }
}

fn declarations(heap: &XmlHeap, element: XmlId) -> impl Iterator<Item = (Arc<str>, Arc<str>)> + '_ {
    heap.attributes(element).filter_map(|attribute| {
        let name = heap.name(attribute).filter(|name| name.is_declaration())?;
        let prefix = if name.namespace.is_empty() { no_namespace() } else { name.local.clone() };
        Some((prefix, heap.value(attribute)?.clone()))
    })
}

fn verify(prefix: &str, namespace: &str) -> Result<(), Exception> {
    match (prefix, namespace) {
        ("xml", XML) => Ok(()),
        ("xml", _) => Err(argument(XML_RESERVED)),
        ("xmlns", _) => Err(argument(XMLNS_RESERVED)),
        (_, XML | XMLNS) => Err(argument(&format!(
            "Prefix '{prefix}' cannot be mapped to namespace name reserved for \"xml\" or \"xmlns\"."
        ))),
        _ => Ok(()),
    }
}

#[cold]
fn redefined(prefix: &str, known: &str, namespace: &str) -> Exception {
    Exception::new(
        ExceptionKind::Xml,
        format!(
            "The prefix '{prefix}' cannot be redefined from '{known}' to '{namespace}' within the same start element tag."
        ),
    )
}
