//! Reading and walking tokens.

use std::fmt::Write as _;

use super::heap::Body;
use super::write::escape_into;
use super::{JsonHeap, JsonId};
use crate::{Budget, Exception, ExceptionKind};

impl JsonHeap {
    /// `Root`.
    pub(crate) fn root(&self, id: JsonId, budget: &mut Budget) -> Result<JsonId, Exception> {
        let mut root = id;
        while let Some(parent) = self.parent(root) {
            budget.step(1)?;
            root = parent;
        }
        Ok(root)
    }

    /// `Next`.
    pub(crate) fn next(&self, id: JsonId) -> Option<JsonId> {
        self.child(self.parent(id)?, self.slot(id) + 1)
    }

    /// `Previous`.
    pub(crate) fn previous(&self, id: JsonId) -> Option<JsonId> {
        self.child(self.parent(id)?, self.slot(id).checked_sub(1)?)
    }

    /// `First`: an exception on a `JValue`.
    pub(crate) fn first(&self, id: JsonId) -> Result<Option<JsonId>, Exception> {
        if !self.is_container(id) {
            return Err(self.no_children(id, "access"));
        }
        Ok(self.child(id, 0))
    }

    /// `Last`: an exception on a `JValue`.
    pub(crate) fn last(&self, id: JsonId) -> Result<Option<JsonId>, Exception> {
        if !self.is_container(id) {
            return Err(self.no_children(id, "access"));
        }
        Ok(self.count(id).checked_sub(1).and_then(|last| self.child(id, last)))
    }

    /// `HasValues`.
    pub(crate) fn has_values(&self, id: JsonId) -> bool {
        self.count(id) > 0
    }

    /// `Children()`, as they are now; empty for a `JValue`.
    pub(crate) fn children(
        &self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<JsonId>, Exception> {
        let count = self.count(id);
        budget.step(1 + count as u64 / 16)?;
        budget.memory(count * size_of::<JsonId>())?;
        Ok((0..count).filter_map(|index| self.child(id, index)).collect())
    }

    /// `Descendants()`, in document order.
    pub(crate) fn descendants(
        &self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<JsonId>, Exception> {
        let mut all = Vec::new();
        let mut walk = Walk::new(id);
        while let Some(token) = walk.next(self) {
            budget.step(1)?;
            budget.memory(size_of::<JsonId>())?;
            all.push(token);
        }
        Ok(all)
    }

    /// `Ancestors()`, innermost first.
    pub(crate) fn ancestors(
        &self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<Vec<JsonId>, Exception> {
        let mut all = Vec::new();
        let mut at = id;
        while let Some(parent) = self.parent(at) {
            budget.step(1)?;
            budget.memory(size_of::<JsonId>())?;
            all.push(parent);
            at = parent;
        }
        Ok(all)
    }

    /// `Path`.
    pub(crate) fn path(&self, id: JsonId, budget: &mut Budget) -> Result<String, Exception> {
        let mut steps = Vec::new();
        let mut at = id;
        let mut previous = None;
        loop {
            let parent = self.parent(at);
            if parent.is_none() && previous.is_none() {
                return Ok(String::new());
            }
            match &self.node(at).body {
                Body::Property { name, .. } => {
                    budget.memory(name.len() + 32)?;
                    steps.push(PathStep::Name(name));
                }
                Body::Array(_) | Body::Constructor(_) => {
                    if let Some(item) = previous {
                        budget.memory(32)?;
                        steps.push(PathStep::Index(self.slot(item)));
                    }
                }
                _ => {}
            }
            previous = Some(at);
            match parent {
                Some(parent) => at = parent,
                None => break,
            }
            budget.step(1)?;
        }
        let mut out = String::new();
        for step in steps.iter().rev() {
            step.write(&mut out);
        }
        Ok(out)
    }

    /// The value of an object's property: what `JObject["name"]` gives, and nothing for other tokens.
    pub(crate) fn get(&self, object: JsonId, name: &str) -> Option<JsonId> {
        self.property_value(self.property_named(object, name)?)
    }

    /// `JObject.Property(name, StringComparison.OrdinalIgnoreCase)`: an exact match first.
    pub(crate) fn property_any_case(
        &self,
        object: JsonId,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Option<JsonId>, Exception> {
        if let Some(property) = self.property_named(object, name) {
            return Ok(Some(property));
        }
        budget.step(1 + self.count(object) as u64 / 4)?;
        let is_named = |&property: &JsonId| {
            self.name(property).is_some_and(|other| same_any_case(other, name))
        };
        if !matches!(self.node(object).body, Body::Object(_)) {
            return Ok(None);
        }
        Ok((0..self.count(object)).filter_map(|index| self.child(object, index)).find(is_named))
    }

    /// `token["name"]` whatever the token is; C# null is `None`.
    pub(crate) fn index_name(
        &self,
        id: JsonId,
        name: Option<&str>,
    ) -> Result<Option<JsonId>, Exception> {
        match &self.node(id).body {
            Body::Object(_) => Ok(self.get(id, name.ok_or_else(null_key)?)),
            Body::Array(_) | Body::Constructor(_) => {
                let name = name.ok_or_else(null_key)?;
                Err(self.bad_key(id, "Accessed", &format!("\"{name}\"")))
            }
            Body::Property { .. } | Body::Value(_) | Body::Text { .. } => {
                Err(self.no_children(id, "access"))
            }
        }
    }

    /// `token[index]` whatever the token is.
    pub(crate) fn index_number(&self, id: JsonId, index: i32) -> Result<Option<JsonId>, Exception> {
        match &self.node(id).body {
            Body::Object(_) => Err(self.bad_key(id, "Accessed", &index.to_string())),
            Body::Array(_) | Body::Constructor(_) => usize::try_from(index)
                .ok()
                .and_then(|index| self.child(id, index))
                .map(Some)
                .ok_or_else(index_out_of_range),
            Body::Property { .. } | Body::Value(_) | Body::Text { .. } => {
                Err(self.no_children(id, "access"))
            }
        }
    }

    /// `JArray.IndexOf(item)`: -1 when it is not there.
    pub(crate) fn index_of(
        &self,
        array: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<i32, Exception> {
        budget.step(1)?;
        let found = item
            .filter(|&item| self.parent(item) == Some(array))
            .and_then(|item| i32::try_from(self.slot(item)).ok());
        Ok(found.unwrap_or(-1))
    }

    /// `Accessed JArray values with invalid key value: "x". Int32 array index expected.`
    #[cold]
    pub(super) fn bad_key(&self, id: JsonId, verb: &str, key: &str) -> Exception {
        let expected = match &self.node(id).body {
            Body::Object(_) => "Object property name",
            Body::Constructor(_) => "Argument position index",
            _ => "Int32 array index",
        };
        let class = self.short_class_name(id);
        Exception::new(
            ExceptionKind::Argument,
            format!("{verb} {class} values with invalid key value: {key}. {expected} expected."),
        )
    }
}

#[cold]
pub(super) fn null_key() -> Exception {
    Exception::new(ExceptionKind::ArgumentNull, "Value cannot be null. (Parameter 'key')")
}

#[cold]
pub(super) fn index_out_of_range() -> Exception {
    Exception::new(
        ExceptionKind::ArgumentOutOfRange,
        "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')",
    )
}

/// `StringComparison.OrdinalIgnoreCase`: upper case, character by character.
pub(super) fn same_any_case(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    let upper = |char: char| {
        let mut upper = char.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(single), None) => single,
            _ => char,
        }
    };
    left.chars().map(upper).eq(right.chars().map(upper))
}

/// A walk over the descendants of a token in document order. It holds no stack: the tree's links lead it.
#[derive(Debug)]
pub(super) struct Walk {
    root: JsonId,
    at: JsonId,
}

impl Walk {
    pub(super) fn new(root: JsonId) -> Self {
        Self { root, at: root }
    }

    /// The next descendant. The tree must not change between calls.
    pub(super) fn next(&mut self, heap: &JsonHeap) -> Option<JsonId> {
        if let Some(child) = heap.child(self.at, 0) {
            self.at = child;
            return Some(child);
        }
        while self.at != self.root {
            if let Some(next) = heap.next(self.at) {
                self.at = next;
                return Some(next);
            }
            self.at = heap.parent(self.at)?;
        }
        None
    }
}

/// A step of a path, as `Path` and the reader's messages write it.
#[derive(Debug, Clone)]
pub(super) enum PathStep<'a> {
    Name(&'a str),
    Index(usize),
}

impl PathStep<'_> {
    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Name(name) if name.contains(is_special) => {
                out.push_str("['");
                escape_into(name, b'\'', out);
                out.push_str("']");
            }
            Self::Name(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Self::Index(index) => {
                // Writing to a `String` cannot fail.
                write!(out, "[{index}]").unwrap_or_default();
            }
        }
    }
}

/// Characters that make a name stand in brackets and quotes.
fn is_special(char: char) -> bool {
    matches!(
        char,
        '.' | ' '
            | '\''
            | '/'
            | '"'
            | '['
            | ']'
            | '('
            | ')'
            | '\t'
            | '\n'
            | '\r'
            | '\u{c}'
            | '\u{8}'
            | '\\'
            | '\u{85}'
            | '\u{2028}'
            | '\u{2029}'
    )
}
