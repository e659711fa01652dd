//! The arena of tokens.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use super::Scalar;
use super::path::RegexMatch;
use super::place::Kept;
use crate::{Budget, Exception, ExceptionKind};

/// A token: a reference to a `JToken`. It belongs to the heap that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct JsonId(NonZeroU32);

impl JsonId {
    /// Which token of the heap it is.
    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// `Newtonsoft.Json.Linq.JTokenType`, with its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum JsonType {
    None,
    Object,
    Array,
    Constructor,
    Property,
    Comment,
    Integer,
    Float,
    String,
    Boolean,
    Null,
    Undefined,
    Date,
    Raw,
    Bytes,
    Guid,
    Uri,
    TimeSpan,
}

impl JsonType {
    /// The name of the constant.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Object => "Object",
            Self::Array => "Array",
            Self::Constructor => "Constructor",
            Self::Property => "Property",
            Self::Comment => "Comment",
            Self::Integer => "Integer",
            Self::Float => "Float",
            Self::String => "String",
            Self::Boolean => "Boolean",
            Self::Null => "Null",
            Self::Undefined => "Undefined",
            Self::Date => "Date",
            Self::Raw => "Raw",
            Self::Bytes => "Bytes",
            Self::Guid => "Guid",
            Self::Uri => "Uri",
            Self::TimeSpan => "TimeSpan",
        }
    }
}

/// An object with more properties than this finds them by an index.
pub(super) const INDEX_FROM: usize = 16;

/// What a token takes beside its text, and what an array, object or constructor takes more.
pub(super) const NODE_BYTES: usize = 48;
pub(super) const CONTAINER_BYTES: usize = 80;
pub(super) const INDEX_BYTES: usize = 64;

/// How much text is written for a token, about, and the space made for it at least and at most.
const TEXT_A_NODE: usize = 28;
const LEAST_ROOM: usize = 128;
const MOST_ROOM: usize = 16 << 10;

/// For how many space is made with the first that is made by itself.
const FIRST: usize = 16;

/// A token.
#[derive(Debug, Clone)]
pub(super) struct Node {
    parent: Option<JsonId>,
    /// Where it stands among its parent's children.
    slot: u32,
    pub(super) body: Body,
}

/// What a token is.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Object(Box<Container>),
    Array(Box<Container>),
    Constructor(Box<Container>),
    Property {
        name: Arc<str>,
        value: Option<JsonId>,
    },
    Value(Scalar),
    /// A string as it stands in a document that was read: most are never asked for.
    Text {
        document: u32,
        start: u32,
        length: u32,
        /// The value, once somebody has asked for it.
        value: OnceLock<Box<Scalar>>,
    },
}

/// Most containers are small.
pub(super) type Children = SmallVec<[JsonId; 8]>;
/// Properties by name.
pub(super) type Index = HashMap<Arc<str>, JsonId>;

/// The children of an object, array or constructor.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    pub(super) children: Children,
    /// The name of a constructor.
    pub(super) name: Option<Arc<str>>,
    /// The properties of a large object by name.
    index: Option<Box<Index>>,
    /// What every change counts up: walks over a container that has changed end.
    version: u32,
}

impl Body {
    fn container(&self) -> Option<&Container> {
        match self {
            Self::Object(container) | Self::Array(container) | Self::Constructor(container) => {
                Some(container)
            }
            Self::Property { .. } | Self::Value(_) | Self::Text { .. } => None,
        }
    }

    fn container_mut(&mut self) -> Option<&mut Container> {
        match self {
            Self::Object(container) | Self::Array(container) | Self::Constructor(container) => {
                Some(container)
            }
            Self::Property { .. } | Self::Value(_) | Self::Text { .. } => None,
        }
    }
}

/// The id of the token at an index.
fn id_of(at: usize) -> Option<JsonId> {
    u32::try_from(at + 1).ok().and_then(NonZeroU32::new).map(JsonId)
}

/// The id of the token behind another.
pub(super) fn id_behind(id: JsonId) -> Option<JsonId> {
    id.0.checked_add(1).map(JsonId)
}

/// Makes something of a token that is nothing yet.
#[inline]
pub(super) fn become_token(token: &mut Body, body: Body) {
    // Nothing needs no dropping, and the compiler does not see that it is nothing.
    std::mem::forget(std::mem::replace(token, body));
}

/// What an id that is not of this heap names. No code makes such ids; reading one must still not panic.
static NOTHING: Node = Node { parent: None, slot: 0, body: Body::Value(Scalar::Null) };

/// Every token of a request.
#[derive(Debug, Default)]
pub(crate) struct JsonHeap {
    nodes: Vec<Node>,
    /// Documents of which tokens are parts.
    documents: Vec<Box<str>>,
    /// Texts that tokens know their places in.
    pub(super) kept: Vec<Kept>,
    pub(super) regex: Option<RegexMatch>,
}

impl JsonHeap {
    /// With what runs the `=~` of a path.
    pub(crate) fn with_regex(regex: RegexMatch) -> Self {
        Self { regex: Some(regex), ..Self::default() }
    }

    /// `new JObject()`.
    pub(crate) fn object(&mut self, budget: &mut Budget) -> Result<JsonId, Exception> {
        budget.memory(CONTAINER_BYTES)?;
        self.push(Body::Object(Box::default()), budget)
    }

    /// `new JArray()`.
    pub(crate) fn array(&mut self, budget: &mut Budget) -> Result<JsonId, Exception> {
        budget.memory(CONTAINER_BYTES)?;
        self.push(Body::Array(Box::default()), budget)
    }

    /// `new JProperty(name, value)`; a null value becomes a JSON null.
    pub(crate) fn property(
        &mut self,
        name: Arc<str>,
        value: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        let property = self.empty_property(name, budget)?;
        self.set_property_value(property, value, budget)?;
        Ok(property)
    }

    /// A property that awaits its value.
    pub(super) fn empty_property(
        &mut self,
        name: Arc<str>,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        self.push(Body::Property { name, value: None }, budget)
    }

    /// `new JConstructor(name)`.
    pub(crate) fn constructor(
        &mut self,
        name: Arc<str>,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        if name.is_empty() {
            return Err(Exception::new(
                ExceptionKind::Argument,
                "Constructor name cannot be empty. (Parameter 'name')",
            ));
        }
        budget.memory(CONTAINER_BYTES)?;
        let container = Container { name: Some(name), ..Container::default() };
        self.push(Body::Constructor(Box::new(container)), budget)
    }

    /// `new JConstructor()`.
    pub(crate) fn unnamed_constructor(&mut self, budget: &mut Budget) -> Result<JsonId, Exception> {
        budget.memory(CONTAINER_BYTES)?;
        self.push(Body::Constructor(Box::default()), budget)
    }

    /// `new JValue(value)`, `new JRaw(value)`, `JValue.CreateComment`.
    pub(crate) fn value(
        &mut self,
        value: Scalar,
        budget: &mut Budget,
    ) -> Result<JsonId, Exception> {
        self.push(Body::Value(value), budget)
    }

    fn push(&mut self, body: Body, budget: &mut Budget) -> Result<JsonId, Exception> {
        budget.memory(NODE_BYTES)?;
        if self.nodes.capacity() == 0 {
            self.nodes.reserve(FIRST);
        }
        self.push_alone(body)
            .ok_or_else(|| Exception::bound("the expression makes too many JSON tokens"))
    }

    /// How many tokens there are.
    pub(super) fn mark(&self) -> usize {
        self.nodes.len()
    }

    /// How long the text of all tokens may be, about.
    pub(super) fn room(&self) -> usize {
        (self.nodes.len() * TEXT_A_NODE).clamp(LEAST_ROOM, MOST_ROOM)
    }

    /// Forgets the tokens since a mark. Nobody may hold one.
    pub(super) fn rewind(&mut self, mark: usize) {
        self.nodes.truncate(mark);
    }

    /// Makes tokens that are nothing yet, for [`JsonHeap::begin`].
    pub(super) fn prepare(&mut self, count: usize) {
        let nothing = || Node { parent: None, slot: 0, body: Body::Value(Scalar::Null) };
        self.nodes.resize_with(self.nodes.len() + count, nothing);
    }

    /// Gives a token that was prepared its place; what it is comes with [`become_token`], and its parent is told with
    /// [`JsonHeap::fill`]. The caller charges for it.
    #[inline]
    pub(super) fn begin(
        &mut self,
        at: usize,
        parent: Option<JsonId>,
        slot: usize,
    ) -> Option<(JsonId, &mut Body)> {
        let node = self.nodes.get_mut(at)?;
        node.parent = parent;
        node.slot = u32::try_from(slot).ok()?;
        Some((id_of(at)?, &mut node.body))
    }

    /// Adds a token without a parent. The caller charges for it.
    pub(super) fn push_alone(&mut self, body: Body) -> Option<JsonId> {
        let id = id_of(self.nodes.len())?;
        self.nodes.push(Node { parent: None, slot: 0, body });
        Some(id)
    }

    /// Adds a property with its value. The caller charges for them.
    pub(super) fn push_property(&mut self, name: Arc<str>, value: Scalar) -> Option<JsonId> {
        let (id, item) = (id_of(self.nodes.len())?, id_of(self.nodes.len() + 1)?);
        let body = Body::Property { name, value: Some(item) };
        self.nodes.push(Node { parent: None, slot: 0, body });
        self.nodes.push(Node { parent: Some(id), slot: 0, body: Body::Value(value) });
        Some(id)
    }

    /// Keeps a document of which tokens are parts.
    pub(super) fn keep(&mut self, document: &str) {
        self.documents.push(document.into());
    }

    /// A part of the document that is kept next; none when it is too far.
    #[inline]
    pub(super) fn part_of_next(&self, start: usize, length: usize) -> Option<Body> {
        Some(Body::Text {
            document: u32::try_from(self.documents.len()).ok()?,
            start: u32::try_from(start).ok()?,
            length: u32::try_from(length).ok()?,
            value: OnceLock::new(),
        })
    }

    /// The text of a part of a document.
    pub(super) fn slice(&self, document: u32, start: u32, length: u32) -> &str {
        let (start, length) = (start as usize, length as usize);
        let document = self.documents.get(document as usize);
        document.and_then(|text| text.get(start..start + length)).unwrap_or_default()
    }

    /// The children of a new container, which know their places, and the index of a large object.
    pub(super) fn fill(&mut self, id: JsonId, children: &[JsonId], index: Option<Box<Index>>) {
        if let Some(container) = self.node_mut(id).and_then(|node| node.body.container_mut()) {
            container.children.extend_from_slice(children);
            container.index = index;
        }
    }

    pub(super) fn node(&self, id: JsonId) -> &Node {
        self.nodes.get(id.0.get() as usize - 1).unwrap_or(&NOTHING)
    }

    fn node_mut(&mut self, id: JsonId) -> Option<&mut Node> {
        self.nodes.get_mut(id.0.get() as usize - 1)
    }

    /// `Type`.
    pub(crate) fn token_type(&self, id: JsonId) -> JsonType {
        match &self.node(id).body {
            Body::Object(_) => JsonType::Object,
            Body::Array(_) => JsonType::Array,
            Body::Constructor(_) => JsonType::Constructor,
            Body::Property { .. } => JsonType::Property,
            Body::Value(value) => value.token_type(),
            Body::Text { .. } => JsonType::String,
        }
    }

    /// The full name of the token's class, such as `Newtonsoft.Json.Linq.JObject`.
    pub(crate) fn class_name(&self, id: JsonId) -> &'static str {
        match &self.node(id).body {
            Body::Object(_) => "Newtonsoft.Json.Linq.JObject",
            Body::Array(_) => "Newtonsoft.Json.Linq.JArray",
            Body::Constructor(_) => "Newtonsoft.Json.Linq.JConstructor",
            Body::Property { .. } => "Newtonsoft.Json.Linq.JProperty",
            Body::Value(Scalar::Raw(_)) => "Newtonsoft.Json.Linq.JRaw",
            Body::Value(_) | Body::Text { .. } => "Newtonsoft.Json.Linq.JValue",
        }
    }

    /// The name of the token's class, such as `JObject`.
    pub(crate) fn short_class_name(&self, id: JsonId) -> &'static str {
        let name = self.class_name(id);
        name.rsplit_once('.').map_or(name, |(_, short)| short)
    }

    /// Whether the token is a `JContainer`.
    pub(crate) fn is_container(&self, id: JsonId) -> bool {
        !matches!(self.node(id).body, Body::Value(_) | Body::Text { .. })
    }

    /// Whether tokens are got and set by a key: all containers do but properties.
    pub(crate) fn takes_keys(&self, id: JsonId) -> bool {
        matches!(self.node(id).body, Body::Object(_) | Body::Array(_) | Body::Constructor(_))
    }

    /// Whether the token is a `JObject`.
    pub(crate) fn is_object(&self, id: JsonId) -> bool {
        matches!(self.node(id).body, Body::Object(_))
    }

    /// `JValue.Value`; none for containers.
    pub(crate) fn scalar(&self, id: JsonId) -> Option<&Scalar> {
        match &self.node(id).body {
            Body::Value(value) => Some(value),
            Body::Text { document, start, length, value } => Some(value.get_or_init(|| {
                Box::new(Scalar::Str(self.slice(*document, *start, *length).into()))
            })),
            _ => None,
        }
    }

    /// The text of a string; none for everything else.
    pub(super) fn string(&self, id: JsonId) -> Option<&str> {
        match &self.node(id).body {
            Body::Value(Scalar::Str(text)) => Some(text),
            Body::Text { document, start, length, .. } => {
                Some(self.slice(*document, *start, *length))
            }
            _ => None,
        }
    }

    /// `JValue.Value = value`; nothing happens to a container.
    pub(crate) fn set_scalar(
        &mut self,
        id: JsonId,
        value: Scalar,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        budget.step(1)?;
        if let Some(Node { body: body @ (Body::Value(_) | Body::Text { .. }), .. }) =
            self.node_mut(id)
        {
            *body = Body::Value(value);
        }
        Ok(())
    }

    /// `JProperty.Name`, `JConstructor.Name`.
    pub(crate) fn name(&self, id: JsonId) -> Option<&Arc<str>> {
        match &self.node(id).body {
            Body::Property { name, .. } => Some(name),
            Body::Constructor(container) => container.name.as_ref(),
            _ => None,
        }
    }

    /// `Parent`.
    pub(crate) fn parent(&self, id: JsonId) -> Option<JsonId> {
        self.node(id).parent
    }

    /// Where the token stands among its parent's children.
    pub(super) fn slot(&self, id: JsonId) -> usize {
        self.node(id).slot as usize
    }

    /// `JContainer.Count`; 0 for a `JValue`.
    pub(crate) fn count(&self, id: JsonId) -> usize {
        match &self.node(id).body {
            Body::Property { value, .. } => usize::from(value.is_some()),
            body => body.container().map_or(0, |container| container.children.len()),
        }
    }

    /// How often the children of a container have changed.
    pub(crate) fn version(&self, id: JsonId) -> u32 {
        self.node(id).body.container().map_or(0, |container| container.version)
    }

    /// The `index`-th of `Children()`: properties of an object, items of an array, the value of a property.
    pub(crate) fn child(&self, id: JsonId, index: usize) -> Option<JsonId> {
        match &self.node(id).body {
            Body::Property { value, .. } => value.filter(|_| index == 0),
            body => body.container()?.children.get(index).copied(),
        }
    }

    /// `JProperty.Value`.
    pub(crate) fn property_value(&self, property: JsonId) -> Option<JsonId> {
        match &self.node(property).body {
            Body::Property { value, .. } => *value,
            _ => None,
        }
    }

    /// `JObject.Property(name)`.
    pub(crate) fn property_named(&self, object: JsonId, name: &str) -> Option<JsonId> {
        let Body::Object(container) = &self.node(object).body else {
            return None;
        };
        if let Some(index) = &container.index {
            return index.get(name).copied();
        }
        let is_named = |&property: &JsonId| match &self.node(property).body {
            Body::Property { name: other, .. } => **other == *name,
            _ => false,
        };
        container.children.iter().copied().find(is_named)
    }

    /// Links a token that has no parent into a container, at `index` or at the end.
    pub(super) fn link(
        &mut self,
        container: JsonId,
        index: usize,
        item: JsonId,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let count = self.count(container);
        let index = index.min(count);
        budget.step(1 + (count - index) as u64 / 8)?;
        let is_object = matches!(self.node(container).body, Body::Object(_));
        let is_indexed =
            self.node(container).body.container().is_some_and(|known| known.index.is_some());
        let name = match &self.node(item).body {
            Body::Property { name, .. } if is_indexed => Some(Arc::clone(name)),
            _ => None,
        };
        let build = is_object && count == INDEX_FROM;
        if is_object && count >= INDEX_FROM {
            budget.memory(if build { INDEX_BYTES * INDEX_FROM } else { INDEX_BYTES })?;
        }
        match self.node_mut(container).map(|node| &mut node.body) {
            Some(Body::Property { value, .. }) => *value = Some(item),
            Some(body) => {
                if let Some(container) = body.container_mut() {
                    container.version = container.version.wrapping_add(1);
                    container.children.insert(index, item);
                    if let (Some(index), Some(name)) = (&mut container.index, name) {
                        index.insert(name, item);
                    }
                }
            }
            None => return Ok(()),
        }
        if let Some(node) = self.node_mut(item) {
            node.parent = Some(container);
            node.slot = u32::try_from(index).unwrap_or(u32::MAX);
        }
        if index < count {
            self.number(container, index + 1);
        }
        if build {
            self.build_index(container);
        }
        Ok(())
    }

    /// Takes the child at `index` out of a container.
    pub(super) fn unlink(
        &mut self,
        container: JsonId,
        index: usize,
        budget: &mut Budget,
    ) -> Result<(), Exception> {
        let count = self.count(container);
        let Some(item) = self.child(container, index) else { return Ok(()) };
        budget.step(1 + (count - index) as u64 / 8)?;
        let name = self.name(item).cloned();
        match self.node_mut(container).map(|node| &mut node.body) {
            Some(Body::Property { value, .. }) => *value = None,
            Some(body) => {
                if let Some(container) = body.container_mut() {
                    container.version = container.version.wrapping_add(1);
                    container.children.remove(index);
                    if let (Some(index), Some(name)) = (&mut container.index, name) {
                        index.remove(&name);
                    }
                }
            }
            None => {}
        }
        if let Some(node) = self.node_mut(item) {
            node.parent = None;
            node.slot = 0;
        }
        self.number(container, index);
        Ok(())
    }

    /// Puts `item` where the child at `index` stands.
    pub(super) fn relink(&mut self, container: JsonId, index: usize, item: JsonId) {
        let Some(old) = self.child(container, index) else { return };
        let old_name = self.name(old).cloned();
        let new_name = self.name(item).cloned();
        match self.node_mut(container).map(|node| &mut node.body) {
            Some(Body::Property { value, .. }) => *value = Some(item),
            Some(body) => {
                if let Some(container) = body.container_mut() {
                    container.version = container.version.wrapping_add(1);
                    if let Some(place) = container.children.get_mut(index) {
                        *place = item;
                    }
                    if let (Some(index), Some(old), Some(new)) =
                        (&mut container.index, old_name, new_name)
                    {
                        index.remove(&old);
                        index.insert(new, item);
                    }
                }
            }
            None => {}
        }
        if let Some(node) = self.node_mut(old) {
            node.parent = None;
            node.slot = 0;
        }
        if let Some(node) = self.node_mut(item) {
            node.parent = Some(container);
            node.slot = u32::try_from(index).unwrap_or(u32::MAX);
        }
    }

    /// Takes all children out.
    pub(super) fn clear(&mut self, container: JsonId) {
        let Some(container) = self.node_mut(container).and_then(|node| node.body.container_mut())
        else {
            return;
        };
        container.index = None;
        container.version = container.version.wrapping_add(1);
        for child in std::mem::take(&mut container.children) {
            if let Some(node) = self.node_mut(child) {
                node.parent = None;
                node.slot = 0;
            }
        }
    }

    /// Renames a constructor.
    pub(crate) fn rename(&mut self, constructor: JsonId, name: Option<Arc<str>>) {
        if let Some(Node { body: Body::Constructor(container), .. }) = self.node_mut(constructor) {
            container.name = name;
        }
    }

    /// Tells a child its place.
    pub(super) fn place(&mut self, child: JsonId, parent: JsonId, slot: usize) {
        if let Some(node) = self.node_mut(child) {
            node.parent = Some(parent);
            node.slot = u32::try_from(slot).unwrap_or(u32::MAX);
        }
    }

    /// Numbers the children of a container from `from` on.
    fn number(&mut self, container: JsonId, from: usize) {
        let mut index = from;
        while let Some(child) = self.child(container, index) {
            if let Some(node) = self.node_mut(child) {
                node.slot = u32::try_from(index).unwrap_or(u32::MAX);
            }
            index += 1;
        }
    }

    fn build_index(&mut self, object: JsonId) {
        let Body::Object(container) = &self.node(object).body else { return };
        let named = |&child: &JsonId| self.name(child).map(|name| (Arc::clone(name), child));
        let index: Index = container.children.iter().filter_map(named).collect();
        if let Some(container) = self.node_mut(object).and_then(|node| node.body.container_mut()) {
            container.index = Some(Box::new(index));
        }
    }

    /// `Cannot access child value on …`.
    #[cold]
    pub(crate) fn no_children(&self, id: JsonId, verb: &str) -> Exception {
        Exception::new(
            ExceptionKind::InvalidOperation,
            format!("Cannot {verb} child value on {}.", self.class_name(id)),
        )
    }
}

const _: () = assert!(size_of::<Node>() <= 40);
