//! Changing the tree. A value that is C# null becomes a JSON null; one that has a parent already is copied.

use std::sync::Arc;

use super::access::{index_out_of_range, null_key};
use super::heap::Body;
use super::{JsonHeap, JsonId, JsonType, Scalar};
use crate::{Budget, Exception, ExceptionKind};

impl JsonHeap {
    /// `Add(content)` of one token.
    pub(crate) fn add(
        &mut self,
        container: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        self.insert_item(container, self.count(container), item, budget)
    }

    /// `JObject.Add(name, value)`.
    pub(crate) fn add_property(
        &mut self,
        object: JsonId,
        name: Option<Arc<str>>,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let name = name.ok_or_else(null_name)?;
        let property = self.property(name, value, budget)?;
        self.add(object, Some(property), budget)
    }

    /// `JArray.Insert(index, item)`.
    pub(crate) fn insert(
        &mut self,
        array: JsonId,
        index: i32,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let Ok(index) = usize::try_from(index) else {
            return Err(index_out_of_range());
        };
        self.insert_item(array, index, item, budget)
    }

    /// `token["name"] = value` whatever the token is.
    pub(crate) fn set_name(
        &mut self,
        id: JsonId,
        name: Option<Arc<str>>,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        match &self.node(id).body {
            Body::Object(_) => {
                let name = name.ok_or_else(null_name)?;
                match self.property_named(id, &name) {
                    Some(property) => self.set_property_value(property, value, budget),
                    None => self.add_property(id, Some(name), value, budget),
                }
            }
            Body::Array(_) | Body::Constructor(_) => {
                let name = name.ok_or_else(null_key)?;
                Err(self.bad_key(id, "Set", &format!("\"{name}\"")))
            }
            Body::Property { .. } | Body::Value(_) | Body::Text { .. } => {
                Err(self.no_children(id, "set"))
            }
        }
    }

    /// `token[index] = value` whatever the token is.
    pub(crate) fn set_number(
        &mut self,
        id: JsonId,
        index: i32,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        match &self.node(id).body {
            Body::Object(_) => Err(self.bad_key(id, "Set", &index.to_string())),
            Body::Array(_) | Body::Constructor(_) => {
                let index = self.existing(id, index)?;
                self.set_item(id, index, value, budget)
            }
            Body::Property { .. } | Body::Value(_) | Body::Text { .. } => {
                Err(self.no_children(id, "set"))
            }
        }
    }

    /// `JProperty.Value = value`.
    pub(crate) fn set_property_value(
        &mut self,
        property: JsonId,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        if self.property_value(property).is_none() {
            return self.insert_item(property, 0, value, budget);
        }
        self.set_item(property, 0, value, budget)
    }

    /// `Remove()` of a token from its parent.
    pub(crate) fn remove(&mut self, id: JsonId, budget: &mut Budget) -> Result<(), Exception> {
        let parent = self.parent(id).ok_or_else(no_parent)?;
        if matches!(self.node(parent).body, Body::Property { .. }) {
            return Err(fixed_property());
        }
        self.unlink(parent, self.slot(id), budget)
    }

    /// `JArray.RemoveAt(index)`.
    pub(crate) fn remove_at(
        &mut self,
        array: JsonId,
        index: i32,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let index = self.existing(array, index)?;
        self.unlink(array, index, budget)
    }

    /// `JArray.Remove(item)`.
    pub(crate) fn remove_item(
        &mut self,
        array: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        let index = self.index_of(array, item, budget)?;
        if index >= 0 {
            self.remove_at(array, index, budget)?;
        }
        Ok(index >= 0)
    }

    /// `JObject.Remove(name)`.
    pub(crate) fn remove_name(
        &mut self,
        object: JsonId,
        name: Option<&str>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        match name.and_then(|name| self.property_named(object, name)) {
            Some(property) => self.remove(property, budget).map(|()| true),
            None => Ok(false),
        }
    }

    /// `RemoveAll()`, `Clear()`.
    pub(crate) fn remove_all(
        &mut self,
        container: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        if matches!(self.node(container).body, Body::Property { .. }) {
            return Err(fixed_property());
        }
        budget.step(1 + self.count(container) as u64 / 8)?;
        self.clear(container);
        Ok(())
    }

    /// `Replace(value)`.
    pub(crate) fn replace(
        &mut self,
        id: JsonId,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let parent = self.parent(id).ok_or_else(no_parent)?;
        self.set_item(parent, self.slot(id), value, budget)
    }

    /// `DeepClone()`.
    pub(crate) fn deep_clone(
        &mut self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        self.copy_by(Copier::default(), id, budget)
    }

    /// What a writer of tokens makes of a token: every null reference becomes a JSON null, a character text.
    pub(crate) fn rewritten(
        &mut self,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        self.copy_by(Copier { rewrites: true, ..Copier::default() }, id, budget)
    }

    fn copy_by(
        &mut self,
        mut copier: Copier,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        let root = copier.shallow(self, id, budget)?;
        while let Some((from, to)) = copier.pending.pop() {
            budget.step(1)?;
            for index in 0..self.count(from) {
                let Some(child) = self.child(from, index) else { break };
                let copy = copier.shallow(self, child, budget)?;
                self.link(to, index, copy, budget)?;
            }
        }
        Ok(root)
    }

    /// Where a token stands in its parent; it must have one.
    pub(crate) fn place_in_parent(&self, id: JsonId) -> Result<(JsonId, usize), Exception> {
        let parent = self.parent(id).ok_or_else(no_parent)?;
        Ok((parent, self.slot(id)))
    }

    /// What becomes a child: a null token for C# null, a copy of what has a place already.
    fn adopt(
        &mut self,
        container: JsonId,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        let Some(item) = item else { return self.value(Scalar::Null, budget) };
        let is_taken = self.parent(item).is_some()
            || item == container
            || (self.has_values(item) && self.root(container, budget)? == item);
        if is_taken { self.deep_clone(item, budget) } else { Ok(item) }
    }

    /// Whether `item` may stand in `container`; `existing` is what it replaces.
    fn validate(
        &self,
        container: JsonId,
        item: JsonId,
        existing: Option<JsonId>,
    ) -> Result<(), Exception> {
        let is_property = matches!(self.node(item).body, Body::Property { .. });
        let is_object = matches!(self.node(container).body, Body::Object(_));
        if is_property != is_object {
            let message =
                format!("Can not add {} to {}.", self.class_name(item), self.class_name(container));
            return Err(Exception::new(ExceptionKind::Argument, message));
        }
        let Some(name) = self.name(item).filter(|_| is_property) else { return Ok(()) };
        if existing.and_then(|existing| self.name(existing)).is_some_and(|old| old == name) {
            return Ok(());
        }
        match self.property_named(container, name) {
            None => Ok(()),
            Some(_) => Err(Exception::new(
                ExceptionKind::Argument,
                format!(
                    "Can not add property {name} to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object."
                ),
            )),
        }
    }

    /// Puts a token in at a place.
    pub(crate) fn insert_item(
        &mut self,
        container: JsonId,
        index: usize,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        match &self.node(container).body {
            Body::Value(_) | Body::Text { .. } => return Err(self.no_children(container, "set")),
            Body::Property { value: Some(_), .. } => {
                return Err(Exception::new(
                    ExceptionKind::Json,
                    "Newtonsoft.Json.Linq.JProperty cannot have multiple values.",
                ));
            }
            // An object has no name to keep a comment under, and a property takes none.
            Body::Object(_) | Body::Property { .. }
                if item.is_some_and(|item| self.token_type(item) == JsonType::Comment) =>
            {
                return Ok(());
            }
            _ => {}
        }
        if index > self.count(container) {
            return Err(out_of_range("Index must be within the bounds of the List."));
        }
        let item = self.adopt(container, item, budget)?;
        self.validate(container, item, None)?;
        self.link(container, index, item, budget)
    }

    pub(super) fn set_item(
        &mut self,
        container: JsonId,
        index: usize,
        item: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1)?;
        let existing = self.child(container, index);
        // Json.NET keeps the token that is there when the new one is an equal value.
        if let Some(old) = existing.filter(|&old| !self.is_container(old)) {
            let same = match item {
                None => self.token_type(old) == JsonType::Null,
                Some(item) => self.token_equals(old, item)?,
            };
            if same {
                return Ok(());
            }
        }
        let item = self.adopt(container, item, budget)?;
        self.validate(container, item, existing)?;
        self.relink(container, index, item);
        Ok(())
    }

    /// An index that must name an item.
    fn existing(&self, container: JsonId, index: i32) -> Result<usize, Exception> {
        match usize::try_from(index) {
            Err(_) => Err(out_of_range("Index is less than 0.")),
            Ok(index) if index >= self.count(container) => {
                Err(out_of_range("Index is equal to or greater than Count."))
            }
            Ok(index) => Ok(index),
        }
    }
}

/// Copies tokens one by one and remembers whose children are still to be copied.
#[derive(Debug, Default)]
struct Copier {
    pending: Vec<(JsonId, JsonId)>,
    /// Whether null references become JSON nulls, and characters text.
    rewrites: bool,
}

impl Copier {
    fn shallow(
        &mut self,
        heap: &mut JsonHeap,
        id: JsonId,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        let shell = Shell::of(heap, id);
        self.finish(heap, id, shell, budget)
    }

    fn finish(
        &mut self,
        heap: &mut JsonHeap,
        id: JsonId,
        shell: Shell,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        budget.step(1)?;
        let copy = match shell {
            Shell::Value(value) if self.rewrites && value.is_null() => {
                return heap.value(Scalar::Null, budget);
            }
            Shell::Value(Scalar::Char(text)) if self.rewrites => {
                return heap.value(Scalar::Str(text), budget);
            }
            Shell::Value(value) => return heap.value(value, budget),
            Shell::Object => heap.object(budget)?,
            Shell::Array => heap.array(budget)?,
            Shell::Constructor(Some(name)) => heap.constructor(name, budget)?,
            Shell::Constructor(None) => heap.unnamed_constructor(budget)?,
            Shell::Property(name) => heap.empty_property(name, budget)?,
        };
        budget.memory(size_of::<(JsonId, JsonId)>())?;
        self.pending.push((id, copy));
        Ok(copy)
    }
}

/// A token without its children.
enum Shell {
    Object,
    Array,
    Constructor(Option<Arc<str>>),
    Property(Arc<str>),
    Value(Scalar),
}

impl Shell {
    fn of(heap: &JsonHeap, id: JsonId) -> Self {
        match &heap.node(id).body {
            Body::Object(_) => Self::Object,
            Body::Array(_) => Self::Array,
            Body::Constructor(container) => Self::Constructor(container.name.clone()),
            Body::Property { name, .. } => Self::Property(Arc::clone(name)),
            Body::Value(_) | Body::Text { .. } => {
                Self::Value(heap.scalar(id).cloned().unwrap_or(Scalar::Null))
            }
        }
    }
}

#[cold]
fn out_of_range(message: &str) -> Exception {
    Exception::new(ExceptionKind::ArgumentOutOfRange, format!("{message} (Parameter 'index')"))
}

#[cold]
fn null_name() -> Exception {
    Exception::new(ExceptionKind::ArgumentNull, "Value cannot be null. (Parameter 'name')")
}

#[cold]
fn no_parent() -> Exception {
    Exception::new(ExceptionKind::InvalidOperation, "The parent is missing.")
}

#[cold]
fn fixed_property() -> Exception {
    Exception::new(
        ExceptionKind::Json,
        "Cannot add or remove items from Newtonsoft.Json.Linq.JProperty.",
    )
}
