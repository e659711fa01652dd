//! JSON trees that an expression writes out: `new JObject(new JProperty("a", x), …)` without the arrays and objects
//! between, and its `ToString()` without a tree.
//!
//! INVARIANT: what is evaluated, made and thrown comes in the order of the plain tree.

use std::collections::HashSet;
use std::sync::Arc;

use smallvec::SmallVec;

use super::read::{From, Read};
use super::{Call, Cx, Node, Result, SCRATCH, scalar_of};
use crate::json::{Formatting, JsonId, JsonType, JsonWriter, Scalar, quoted, write_scalar};
use crate::number::Number;
use crate::types::{Shortcut, insert_json_content, json_content};
use crate::{Budget, Limits, Value};

/// A tree whose names and form are known.
#[derive(Debug, Clone)]
pub(crate) struct NewTree(Part);

#[derive(Debug, Clone)]
enum Part {
    /// An object, and where making it throws.
    Object(Box<[Property]>, u32),
    Array(Box<[Part]>, u32),
    Value(Node),
}

/// A property, and where making it throws.
#[derive(Debug, Clone)]
struct Property {
    name: Arc<str>,
    value: Part,
    at: u32,
}

impl NewTree {
    /// What a constructor comes down to.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let items = match &*call.args {
            [Node::Array { items, .. }] => items,
            items => items,
        };
        Some(Self(match call.run.shortcut? {
            Shortcut::JsonObject => {
                let properties: Option<Box<[Property]>> = items.iter().map(Property::of).collect();
                let properties = properties?;
                let names: HashSet<&str> = properties.iter().map(|own| &*own.name).collect();
                if names.len() < properties.len() {
                    return None;
                }
                Part::Object(properties, call.at)
            }
            Shortcut::JsonArray if matches!(&*call.args, [Node::Array { .. }]) => {
                Part::Array(items.iter().map(Part::of).collect(), call.at)
            }
            _ => return None,
        }))
    }

    /// Hands on the nodes of the values.
    pub(super) fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        self.0.each(visit);
    }
}

impl Property {
    fn of(node: &Node) -> Option<Self> {
        let Node::Call(call) = node else { return None };
        let (Some(Shortcut::JsonProperty), [Node::Const(Value::Str(name)), value]) =
            (call.run.shortcut, &*call.args)
        else {
            return None;
        };
        Some(Self { name: name.clone(), value: Part::of(value), at: call.at })
    }
}

impl Part {
    fn of(node: &Node) -> Self {
        match node {
            Node::NewTree(tree) => tree.0.clone(),
            node => Self::Value(node.clone()),
        }
    }

    fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        match self {
            Self::Object(properties, _) => {
                properties.iter_mut().for_each(|property| property.value.each(visit));
            }
            Self::Array(items, _) => items.iter_mut().for_each(|item| item.each(visit)),
            Self::Value(node) => visit(node),
        }
    }
}

/// The text of a new tree.
#[derive(Debug, Clone)]
pub(crate) struct TreeText {
    tree: NewTree,
    formatting: Formatting,
    /// How the text is put together when all values are simple.
    layout: Option<Layout>,
    at: u32,
}

/// Text with values in it.
#[derive(Debug, Clone)]
struct Layout {
    /// A value and the text before it.
    pieces: Box<[(Box<str>, Node)]>,
    tail: Box<str>,
    /// How long the whole is, about.
    room: usize,
}

impl TreeText {
    /// What a call that makes text of a new tree comes down to.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let (tree, formatting) = match (call.run.shortcut?, &*call.args) {
            (Shortcut::JsonString, [Node::NewTree(tree)]) => (tree, Formatting::Indented),
            (Shortcut::JsonFormatted, [Node::NewTree(tree), Node::Const(Value::Enum(_, how))]) => {
                (tree, if *how == 1 { Formatting::Indented } else { Formatting::None })
            }
            _ => return None,
        };
        let tree = (**tree).clone();
        let layout = Layout::of(&tree.0, formatting);
        Some(Self { tree, formatting, layout, at: call.at })
    }

    /// Hands on the nodes of the values.
    pub(super) fn each(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        self.tree.each(visit);
    }
}

/// Space for the text of a value.
const VALUE_ROOM: usize = 48;

impl Layout {
    fn of(part: &Part, formatting: Formatting) -> Option<Self> {
        let mut writer = JsonWriter::new(formatting);
        let mut values = Vec::new();
        lay_out(part, &mut writer, &mut values, &mut Budget::new(Limits::default()))?;
        let text = writer.finish();
        let room = text.len() + VALUE_ROOM * values.len();
        let mut begin = 0;
        let mut pieces = Vec::new();
        for (end, node) in values {
            pieces.push((text.get(begin..end)?.into(), node));
            begin = end;
        }
        Some(Self { pieces: pieces.into(), tail: text.get(begin..)?.into(), room })
    }
}

/// Writes what is known of a part, and notes where values belong; none when a value could be evaluated only once.
fn lay_out(
    part: &Part,
    writer: &mut JsonWriter,
    values: &mut Vec<(usize, Node)>,
    budget: &mut Budget,
) -> Option<()> {
    match part {
        Part::Object(properties, _) => {
            writer.start_object(budget).ok()?;
            for property in properties {
                writer.name(&property.name, budget).ok()?;
                lay_out(&property.value, writer, values, budget)?;
            }
            writer.end_object(budget).ok()
        }
        Part::Array(items, _) => {
            writer.start_array(budget).ok()?;
            items.iter().try_for_each(|item| lay_out(item, writer, values, budget))?;
            writer.end_array(budget).ok()
        }
        Part::Value(Node::Const(value)) => writer.value(&simple(value)?, budget).ok(),
        Part::Value(node) => {
            let mut node = match node {
                Node::Local(slot) => {
                    let from = From::Local(*slot);
                    Node::Read(Box::new(Read { from, need: None, at: 0, steps: 0 }))
                }
                node => node.clone(),
            };
            if !is_pure(&mut node) {
                return None;
            }
            values.push((writer.hole(), node));
            Some(())
        }
    }
}

/// Whether evaluating a node changes nothing, so that it can be done again.
fn is_pure(node: &mut Node) -> bool {
    match node {
        Node::Const(_)
        | Node::Local(_)
        | Node::Cell(_)
        | Node::Read(_)
        | Node::TextIs { .. }
        | Node::TextTest(_)
        | Node::TokenText(_) => true,
        Node::Not(_)
        | Node::And(..)
        | Node::Or(..)
        | Node::If(..)
        | Node::Coalesce(..)
        | Node::Equal { .. }
        | Node::Compare(..)
        | Node::Concat(_)
        | Node::Convert { .. }
        | Node::Arith(_)
        | Node::Negate(..)
        | Node::Complement(_)
        | Node::Cast { .. }
        | Node::As(..)
        | Node::Is(..) => {
            let mut pure = true;
            node.each(&mut |inner| pure = pure && is_pure(inner));
            pure
        }
        _ => false,
    }
}

/// A value that becomes a token of its own whatever holds it.
fn simple(value: &Value) -> Option<Scalar> {
    match value {
        // Characters are refused, sequences become several tokens, and tokens find a place.
        Value::Char(_) | Value::Object(_) | Value::Json(_) => None,
        other => scalar_of(other),
    }
}

impl Cx<'_> {
    /// A new tree.
    pub(super) fn new_tree(&mut self, tree: &NewTree) -> Result<Value> {
        self.make(&tree.0)
    }

    fn make(&mut self, part: &Part) -> Result<Value> {
        match part {
            Part::Value(node) => self.eval(node),
            Part::Object(properties, at) => {
                let mut ids: SmallVec<[JsonId; 8]> = SmallVec::with_capacity(properties.len());
                for property in properties {
                    ids.push(self.property(property)?);
                }
                let made = self.state.json.object_of(&ids, &mut self.state.budget);
                made.map(Value::Json).map_err(|exception| exception.at(*at as usize))
            }
            Part::Array(items, at) => {
                let mut values: SmallVec<[Value; 8]> = SmallVec::with_capacity(items.len());
                for item in items {
                    values.push(self.make(item)?);
                }
                self.array_of(&values).map_err(|exception| exception.at(*at as usize))
            }
        }
    }

    fn property(&mut self, property: &Property) -> Result<JsonId> {
        self.step(1)?;
        let value = self.make(&property.value)?;
        let name = property.name.clone();
        let made = if let Some(scalar) = simple(&value) {
            self.state.json.scalar_property(name, scalar, &mut self.state.budget)
        } else {
            let content = json_content(self, &value);
            content.and_then(|id| self.state.json.property(name, id, &mut self.state.budget))
        };
        made.map_err(|exception| exception.at(property.at as usize))
    }

    fn array_of(&mut self, values: &[Value]) -> Result<Value> {
        self.step(1)?;
        let mut ids: SmallVec<[JsonId; 8]> = SmallVec::with_capacity(values.len());
        for value in values {
            let (json, budget) = (&mut self.state.json, &mut self.state.budget);
            ids.push(match (value, simple(value)) {
                (_, Some(scalar)) => json.value(scalar, budget)?,
                (Value::Json(id), None) if json.token_type(*id) != JsonType::Property => *id,
                _ => break,
            });
        }
        if ids.len() == values.len() {
            return self.state.json.array_of(&ids, &mut self.state.budget).map(Value::Json);
        }
        let array = self.state.json.array(&mut self.state.budget)?;
        for (place, value) in values.iter().enumerate() {
            insert_json_content(self, array, place, value)?;
        }
        Ok(Value::Json(array))
    }

    /// The text of a new tree.
    pub(super) fn tree_text(&mut self, text: &TreeText) -> Result<Value> {
        if let Some(layout) = &text.layout {
            let before = self.state.budget.clone();
            let mut out = std::mem::take(&mut self.state.scratch);
            out.clear();
            out.reserve(layout.room);
            let whole = self.write_layout(layout, &mut out);
            let value = whole.map(|whole| whole.then(|| Value::from(out.as_str())));
            if out.capacity() <= SCRATCH {
                self.state.scratch = out;
            }
            if let Some(value) = value? {
                return Ok(value);
            }
            self.state.budget = before;
        }
        let Value::Json(id) = self.new_tree(&text.tree)? else { return Ok(Value::Null) };
        let written = self.state.json.to_json(id, text.formatting, &mut self.state.budget);
        let written = written.and_then(|written| self.string(written));
        written.map_err(|exception| exception.at(text.at as usize))
    }

    /// Appends the text, or a part of it when a value is not simple: whether it is the whole.
    fn write_layout(&mut self, layout: &Layout, out: &mut String) -> Result<bool> {
        for (text, node) in &layout.pieces {
            let before = out.len();
            out.push_str(text);
            let is_simple = if let Node::Read(read) = node {
                self.step(u64::from(read.steps))?;
                match self.peek(read)? {
                    super::Found::Text(text) => {
                        quoted(&text, out);
                        true
                    }
                    super::Found::Ref(value) => write_simple(value, out)?,
                    super::Found::Own(value) => write_simple(&value, out)?,
                }
            } else {
                let value = self.eval(node)?;
                write_simple(&value, out)?
            };
            if !is_simple {
                return Ok(false);
            }
            let written = out.len() - before;
            self.step(1 + (written / super::BYTES_A_STEP) as u64)?;
            self.charge(written)?;
        }
        out.push_str(&layout.tail);
        self.charge(layout.tail.len())?;
        Ok(true)
    }
}

/// Appends what JSON shows of a value, when it is simple.
fn write_simple(value: &Value, out: &mut String) -> Result<bool> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Str(text) => quoted(text, out),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => Number::Int32(*value).write(out),
        other => match simple(other) {
            Some(scalar) => write_scalar(&scalar, out)?,
            None => return Ok(false),
        },
    }
    Ok(true)
}
