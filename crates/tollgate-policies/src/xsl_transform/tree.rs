//! Trees of XML in one row of nodes, in document order.

use std::collections::HashSet;
use std::sync::Arc;

use tollgate_expr::{EvalState, Exception, WhiteSpace, XmlAttribute, XmlEvent, XmlName};

use crate::message_body::DEEPEST;

/// The namespace of declarations of namespaces.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// A name with its namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    /// Empty when there is none.
    pub(super) namespace: Arc<str>,
    pub(super) local: Arc<str>,
}

impl Name {
    pub(super) fn new(namespace: impl Into<Arc<str>>, local: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), local: local.into() }
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Root,
    Element,
    Attribute,
    /// A declaration: its local name is the prefix, its value the namespace.
    Namespace,
    Text,
    /// Text that is written without escaping.
    RawText,
    Comment,
    Instruction,
}

/// A node. Behind an element stand its declarations, its attributes, and what is inside it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) parent: u32,
    /// The first node behind this one and all inside it.
    pub(super) end: u32,
    pub(super) prefix: Arc<str>,
    pub(super) name: Name,
    /// Of attributes, declarations, texts, comments and instructions.
    pub(super) value: Arc<str>,
}

/// A tree. The first node is its root.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(super) fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn kind(&self, id: u32) -> Kind {
        self.node(id).map_or(Kind::Root, |node| node.kind)
    }

    /// The first node behind a node and all inside it.
    pub(super) fn end(&self, id: u32) -> u32 {
        self.node(id).map_or(id + 1, |node| node.end)
    }

    pub(super) fn parent(&self, id: u32) -> Option<u32> {
        if id == 0 { None } else { self.node(id).map(|node| node.parent) }
    }

    /// Declarations and attributes of an element.
    pub(super) fn attached(&self, id: u32) -> impl Iterator<Item = (u32, &Node)> {
        let is_element = self.kind(id) == Kind::Element;
        let range = if is_element { id + 1..self.end(id) } else { 0..0 };
        range
            .map_while(|id| Some((id, self.node(id)?)))
            .take_while(|(_, node)| matches!(node.kind, Kind::Attribute | Kind::Namespace))
    }

    /// What stands directly inside a node.
    pub(super) fn children(&self, id: u32) -> Children<'_> {
        let node = self.node(id);
        let has_children = node.is_some_and(|node| matches!(node.kind, Kind::Root | Kind::Element));
        let end = if has_children { self.end(id) } else { id };
        let mut at = id + 1;
        while at < end && matches!(self.kind(at), Kind::Attribute | Kind::Namespace) {
            at += 1;
        }
        Children { tree: self, at, end }
    }

    /// The text of a node, as `XPath` has it.
    pub(super) fn text(&self, id: u32) -> Arc<str> {
        let Some(node) = self.node(id) else { return Arc::default() };
        if !matches!(node.kind, Kind::Root | Kind::Element) {
            return node.value.clone();
        }
        let mut texts = (id + 1..node.end)
            .filter_map(|id| self.node(id))
            .filter(|node| matches!(node.kind, Kind::Text | Kind::RawText));
        let Some(first) = texts.next() else { return Arc::default() };
        match texts.next() {
            None => first.value.clone(),
            Some(second) => {
                let mut joined = format!("{}{}", first.value, second.value);
                texts.for_each(|node| joined.push_str(&node.value));
                joined.into()
            }
        }
    }
}

/// A walk over the children of a node.
#[derive(Debug, Clone)]
pub(super) struct Children<'t> {
    tree: &'t Tree,
    at: u32,
    end: u32,
}

impl Iterator for Children<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.at >= self.end {
            return None;
        }
        let found = self.at;
        self.at = self.tree.end(found).max(found + 1);
        Some(found)
    }
}

/// Puts a tree together, from left to right.
#[derive(Debug)]
pub(super) struct Builder {
    nodes: Vec<Node>,
    open: Vec<u32>,
    /// The text of the last node while more may join it.
    growing: String,
    /// Bytes of all nodes and their texts.
    pub(super) size: usize,
}

impl Builder {
    pub(super) fn new() -> Self {
        let (nodes, open) = (Vec::new(), Vec::new());
        let mut builder = Self { nodes, open, growing: String::new(), size: 0 };
        builder.push(Kind::Root, Arc::default(), Name::default(), Arc::default());
        builder.open.push(0);
        builder
    }

    fn next(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, kind: Kind, prefix: Arc<str>, name: Name, value: Arc<str>) {
        self.settle();
        let parent = self.open.last().copied().unwrap_or(0);
        let end = self.next() + 1;
        self.size += value.len() + name.local.len() + size_of::<Node>();
        self.nodes.push(Node { kind, parent, end, prefix, name, value });
    }

    /// The last node gets its text, which grows no more.
    fn settle(&mut self) {
        if !self.growing.is_empty()
            && let Some(last) = self.nodes.last_mut()
        {
            last.value = std::mem::take(&mut self.growing).into();
        }
    }

    /// Begins an element.
    pub(super) fn start(&mut self, prefix: Arc<str>, name: Name) {
        let id = self.next();
        self.push(Kind::Element, prefix, name, Arc::default());
        self.open.push(id);
    }

    /// Ends the element that began last.
    pub(super) fn end(&mut self) {
        let end = self.next();
        if self.open.len() > 1
            && let Some(id) = self.open.pop()
            && let Some(node) = self.nodes.get_mut(id as usize)
        {
            node.end = end;
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether an attribute may stand here: directly behind the start of an element.
    pub(super) fn takes_attributes(&self) -> bool {
        let last = self.nodes.last();
        self.open.len() > 1
            && last.is_some_and(|node| {
                matches!(node.kind, Kind::Element | Kind::Attribute | Kind::Namespace)
            })
    }

    /// How many nodes are looked through for one more attribute or declaration.
    pub(super) fn n_attached(&self) -> u64 {
        let open = self.open.last().copied().unwrap_or(0);
        u64::from(self.next() - open)
    }

    /// The declarations and attributes of the element that is open, as long as nothing is inside it.
    fn attached(&mut self) -> impl Iterator<Item = &mut Node> {
        let open = self.open.last().copied().unwrap_or(0) as usize;
        self.nodes.iter_mut().skip(open + 1)
    }

    /// Sets an attribute.
    pub(super) fn attribute(&mut self, prefix: Arc<str>, name: Name, value: Arc<str>) {
        let known = self.attached().find(|node| node.kind == Kind::Attribute && node.name == name);
        match known {
            Some(node) => node.value = value,
            None => self.push(Kind::Attribute, prefix, name, value),
        }
    }

    /// Declares a namespace, unless the prefix is declared on this element.
    pub(super) fn declare(&mut self, prefix: &Arc<str>, namespace: &Arc<str>) {
        let is_known =
            self.attached().any(|node| node.kind == Kind::Namespace && node.name.local == *prefix);
        if !is_known {
            let name = Name { local: prefix.clone(), ..Name::default() };
            self.push(Kind::Namespace, Arc::default(), name, namespace.clone());
        }
    }

    /// Adds text; what stands side by side is one node.
    pub(super) fn text(&mut self, text: &str, kind: Kind) {
        if text.is_empty() {
            return;
        }
        let open = self.open.last().copied().unwrap_or(0);
        if let Some(last) = self.nodes.last_mut()
            && last.kind == kind
            && last.parent == open
        {
            self.size += text.len();
            if self.growing.is_empty() {
                self.growing.push_str(&std::mem::take(&mut last.value));
            }
            self.growing.push_str(text);
            return;
        }
        self.push(kind, Arc::default(), Name::default(), text.into());
    }

    pub(super) fn leaf(&mut self, kind: Kind, name: &str, value: impl Into<Arc<str>>) {
        let name = Name { local: name.into(), ..Name::default() };
        self.push(kind, Arc::default(), name, value.into());
    }

    pub(super) fn finish(mut self) -> Tree {
        self.settle();
        while self.open.len() > 1 {
            self.end();
        }
        let end = self.next();
        if let Some(root) = self.nodes.first_mut() {
            root.end = end;
        }
        Tree { nodes: self.nodes }
    }
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    TooDeep,
    Failed(Exception),
}

/// Reads a document; `keeps` says whether the white space in an element is kept.
pub(super) fn read(
    state: &mut EvalState,
    text: &str,
    keeps: &dyn Fn(&Name) -> bool,
) -> Result<Tree, Unread> {
    let mut builder = Builder::new();
    let mut texts = Texts::default();
    let mut is_deep = false;
    // Whether the white space of each open element is kept, by its name or by `xml:space`.
    let mut open: Vec<(Name, Option<bool>)> = Vec::new();
    let mut pending = String::new();
    let result = state.read_xml(text, WhiteSpace::Kept, &mut |event| {
        if let XmlEvent::Text(text) | XmlEvent::CData(text) = event {
            pending.push_str(text);
            return Ok(());
        }
        flush(&mut builder, &mut pending, &open, keeps);
        match event {
            XmlEvent::Start { name, attributes, .. } => {
                if builder.depth() > DEEPEST {
                    is_deep = true;
                    return Err(Exception::bound("too deep"));
                }
                let own = texts.name(name);
                let space = open.last().and_then(|(_, space)| *space);
                builder.start(texts.text(name.prefix), own.clone());
                let space = attach(&mut builder, &mut texts, attributes).or(space);
                open.push((own, space));
            }
            XmlEvent::End => {
                open.pop();
                builder.end();
            }
            XmlEvent::Comment(text) => builder.leaf(Kind::Comment, "", text),
            XmlEvent::Instruction { target, data } => {
                builder.leaf(Kind::Instruction, target, data);
            }
            XmlEvent::Declaration(_) | XmlEvent::Text(_) | XmlEvent::CData(_) => {}
        }
        Ok(())
    });
    match result {
        Ok(()) => Ok(builder.finish()),
        Err(_) if is_deep => Err(Unread::TooDeep),
        Err(exception) => Err(Unread::Failed(exception)),
    }
}

/// Adds the declarations, then the attributes of the element that was begun; the reader has seen to it that no two have the
/// same name. What `xml:space` says, if it is there.
fn attach(
    builder: &mut Builder,
    texts: &mut Texts,
    attributes: &[XmlAttribute<'_>],
) -> Option<bool> {
    let mut keeps = None;
    for attribute in attributes.iter().filter(|it| it.name.namespace == XMLNS) {
        let prefix = if attribute.name.prefix.is_empty() { "" } else { attribute.name.local };
        let name = Name { local: texts.text(prefix), ..Name::default() };
        builder.push(Kind::Namespace, Arc::default(), name, attribute.value.into());
    }
    for attribute in attributes.iter().filter(|it| it.name.namespace != XMLNS) {
        if attribute.name.prefix == "xml" && attribute.name.local == "space" {
            keeps = Some(attribute.value == "preserve");
        }
        let prefix = texts.text(attribute.name.prefix);
        let name = texts.name(attribute.name);
        builder.push(Kind::Attribute, prefix, name, attribute.value.into());
    }
    keeps
}

/// Adds the text that was met since the last tag, unless it is white space that is stripped.
fn flush(
    builder: &mut Builder,
    pending: &mut String,
    open: &[(Name, Option<bool>)],
    keeps: &dyn Fn(&Name) -> bool,
) {
    let Some((name, space)) = open.last() else {
        pending.clear();
        return;
    };
    let is_blank = pending.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    if !is_blank || space.unwrap_or_else(|| keeps(name)) {
        builder.text(pending, Kind::Text);
    }
    pending.clear();
}

/// The texts that names are made of, each kept once.
#[derive(Default)]
struct Texts(HashSet<Arc<str>>);

impl Texts {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.0.insert(Arc::clone(&text));
        text
    }

    fn name(&mut self, name: XmlName<'_>) -> Name {
        Name { namespace: self.text(name.namespace), local: self.text(name.local) }
    }
}
