//! Renders templates.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_engine::{PolicyError, RequestCx};
use tollgate_expr::{EvalState, Exception, Json};

use super::Reading;
use super::ast::{Cycle, Expr, Group, Node, Part as Step, Pipe, When};
use super::lookup::{self, Part};
use super::value::{Owner, Value, decimal_text, scalar_text};
use super::xml;
use crate::message_body::{DEEPEST, LONGEST, body_of, content_type, is_of, too_deep, too_large};

/// Nodes rendered, items visited, in sixteens elements looked through and, in sixty-fours, bytes read, written or made.
const MOST_STEPS: u64 = 1_000_000;

pub(super) type Result<T> = std::result::Result<T, PolicyError>;

/// Names and values of one block.
pub(super) type Scope = Vec<(Arc<str>, Value)>;

/// How a row of nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Done,
    Break,
    Continue,
}

/// One rendering.
pub(super) struct Render<'a> {
    pub(super) cx: &'a mut RequestCx,
    reading: Reading,
    /// Tokens of the body, and the budget of filters.
    state: EvalState,
    body: Option<Value>,
    /// Innermost last; the first is where `assign` writes.
    pub(super) scopes: Vec<Scope>,
    counters: HashMap<Arc<str>, i64>,
    cycles: HashMap<String, usize>,
    /// Where the loops of each name stopped.
    pub(super) offsets: HashMap<Arc<str>, usize>,
    changes: HashMap<usize, String>,
    steps: u64,
    /// Containers inside one another whose text is made.
    depth: usize,
    out: String,
}

pub(super) fn render(nodes: &[Node], cx: &mut RequestCx, reading: Reading) -> Result<String> {
    let mut render = Render {
        cx,
        reading,
        state: lookup::fresh_state(),
        body: None,
        scopes: vec![Scope::new()],
        counters: HashMap::new(),
        cycles: HashMap::new(),
        offsets: HashMap::new(),
        changes: HashMap::new(),
        steps: MOST_STEPS,
        depth: 0,
        out: String::new(),
    };
    render.nodes(nodes)?;
    Ok(render.out)
}

impl Render<'_> {
    /// Takes steps.
    pub(super) fn step(&mut self, n: u64) -> Result<()> {
        match self.steps.checked_sub(n) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(self.fault("The template takes too many steps.")),
        }
    }

    /// Pays for text that is made.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<()> {
        if bytes > LONGEST { Err(too_large()) } else { self.step(1 + bytes as u64 / 64) }
    }

    /// Why rendering fails.
    #[expect(clippy::unused_self, reason = "read as what happens to this rendering")]
    pub(super) fn fault(&self, message: impl Into<String>) -> PolicyError {
        PolicyError::internal("LiquidError", message)
    }

    pub(super) fn thrown(&self, exception: &Exception) -> PolicyError {
        self.fault(exception.message())
    }

    pub(super) fn state(&mut self) -> &mut EvalState {
        &mut self.state
    }

    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        self.charge(text.len())?;
        if self.out.len() + text.len() > LONGEST {
            return Err(too_large());
        }
        self.out.push_str(text);
        Ok(())
    }

    pub(super) fn nodes(&mut self, nodes: &[Node]) -> Result<Flow> {
        for node in nodes {
            self.step(1)?;
            let flow = self.node(node)?;
            if flow != Flow::Done {
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }

    /// Nodes in a scope of their own.
    pub(super) fn inside(&mut self, nodes: &[Node]) -> Result<Flow> {
        self.scopes.push(Scope::new());
        let flow = self.nodes(nodes);
        self.scopes.pop();
        flow
    }

    /// What nodes render, apart from the output.
    pub(super) fn captured(&mut self, nodes: &[Node]) -> Result<(String, Flow)> {
        let outer = std::mem::take(&mut self.out);
        let flow = self.nodes(nodes);
        let text = std::mem::replace(&mut self.out, outer);
        Ok((text, flow?))
    }

    fn node(&mut self, node: &Node) -> Result<Flow> {
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Output(pipe) => {
                let value = self.pipe(pipe)?;
                let text = self.text(&value)?;
                self.write(&text)?;
            }
            Node::Assign(name, pipe) => {
                let value = self.pipe(pipe)?;
                self.assign(name, value);
            }
            Node::Capture(name, nodes) => {
                let (text, flow) = self.captured(nodes)?;
                self.assign(name, Value::text(text));
                return Ok(flow);
            }
            Node::If(branches) => {
                for (condition, nodes) in branches {
                    if self.holds(condition)? {
                        return self.inside(nodes);
                    }
                }
            }
            Node::Case(left, branches) => return self.case(left, branches),
            Node::Loop(this) => return self.repeat(this),
            Node::Cycle(cycle) => self.cycle(cycle)?,
            Node::Increment(name) => {
                let value = self.counters.entry(Arc::clone(name)).or_default();
                let shown = value.to_string();
                *value += 1;
                self.write(&shown)?;
            }
            Node::Decrement(name) => {
                let value = self.counters.entry(Arc::clone(name)).or_default();
                *value -= 1;
                let shown = value.to_string();
                self.write(&shown)?;
            }
            Node::IfChanged(number, nodes) => {
                let (text, flow) = self.captured(nodes)?;
                if self.changes.get(number) != Some(&text) {
                    self.write(&text)?;
                    self.changes.insert(*number, text);
                }
                return Ok(flow);
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Done)
    }

    /// `assign` and `capture` write where everything sees it.
    fn assign(&mut self, name: &Arc<str>, value: Value) {
        if let Some(scope) = self.scopes.first_mut() {
            set(scope, name, value);
        }
    }

    /// Every branch that fits is rendered, and `else` when none before it did.
    fn case(&mut self, left: &Expr, branches: &[(When, Vec<Node>)]) -> Result<Flow> {
        let left = self.eval(left)?;
        let mut found = false;
        for (when, nodes) in branches {
            let fits = match when {
                When::Else => !found,
                When::Equals(values) => {
                    let mut fits = false;
                    for value in values {
                        let value = self.eval(value)?;
                        fits = fits || self.equal(&left, &value)?;
                    }
                    found |= fits;
                    fits
                }
            };
            if fits {
                let flow = self.inside(nodes)?;
                if flow != Flow::Done {
                    return Ok(flow);
                }
            }
        }
        Ok(Flow::Done)
    }

    fn cycle(&mut self, cycle: &Cycle) -> Result<()> {
        let key = match &cycle.group {
            Group::Same(text) => format!("={text}"),
            Group::Named(name) => {
                let name = self.eval(name)?;
                format!(":{}", self.text(&name)?)
            }
        };
        let place = self.cycles.entry(key).or_default();
        let value = cycle.values.get(*place % cycle.values.len().max(1));
        *place += 1;
        if let Some(value) = value {
            let value = self.eval(value)?;
            let text = self.text(&value)?;
            self.write(&text)?;
        }
        Ok(())
    }

    /// A value through its filters.
    fn pipe(&mut self, pipe: &Pipe) -> Result<Value> {
        let mut value = self.eval(&pipe.value)?;
        for call in &pipe.filters {
            let mut arguments = Vec::with_capacity(call.arguments.len());
            for argument in &call.arguments {
                arguments.push(self.eval(argument)?);
            }
            self.step(1)?;
            value = call.filter.apply(self, &value, &arguments)?;
        }
        Ok(value)
    }

    /// The value of an expression. Nesting is bounded when the template is read.
    pub(super) fn eval(&mut self, expr: &Expr) -> Result<Value> {
        Ok(match expr {
            Expr::Nil => Value::Nil,
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Blank => Value::Blank,
            Expr::Empty => Value::Empty,
            Expr::Int(value) => Value::Int(*value),
            Expr::Decimal(value) => Value::Decimal(*value),
            Expr::Text(text) => Value::Text(Arc::clone(text)),
            Expr::Range(from, to) => {
                let (from, to) = (self.bound(from)?, self.bound(to)?);
                let count = u64::try_from(to.saturating_sub(from).saturating_add(1)).unwrap_or(0);
                self.step(count)?;
                Value::list((from..=to).map(Value::Int).collect())
            }
            Expr::Path(parts) => self.path(parts)?,
        })
    }

    fn bound(&mut self, expr: &Expr) -> Result<i64> {
        let value = self.eval(expr)?;
        let number = value.parsed_number().and_then(super::value::Number::int);
        number.ok_or_else(|| self.fault("A bound of a range is not a number."))
    }

    fn path(&mut self, parts: &[Step]) -> Result<Value> {
        let Some((head, rest)) = parts.split_first() else { return Ok(Value::Nil) };
        let mut value = match head {
            Step::Name(name) => self.variable(name)?,
            Step::Index(expr) => {
                let name = self.eval(expr)?;
                let name = self.text(&name)?;
                self.variable(&name)?
            }
        };
        for part in rest {
            self.step(1)?;
            value = match part {
                Step::Name(name) => self.member(&value, name)?,
                Step::Index(expr) => match self.eval(expr)? {
                    Value::Int(index) => self.item(&value, index)?,
                    key => {
                        let key = self.text(&key)?;
                        self.member(&value, &key)?
                    }
                },
            };
            if matches!(value, Value::Nil) {
                break;
            }
        }
        Ok(value)
    }

    fn variable(&mut self, name: &str) -> Result<Value> {
        let own = |scope: &Scope| {
            scope.iter().find(|(own, _)| **own == *name).map(|(_, value)| value.clone())
        };
        if let Some(value) = self.scopes.iter().rev().find_map(own) {
            return Ok(value);
        }
        match name {
            "context" => Ok(Value::Context(Part::Context)),
            "body" => self.body(),
            _ => Ok(self.counters.get(name).map_or(Value::Nil, |value| Value::Int(*value))),
        }
    }

    /// The body as its content type says: JSON, XML, or text. An empty text when there is none.
    fn body(&mut self) -> Result<Value> {
        if let Some(body) = &self.body {
            return Ok(body.clone());
        }
        let message = self.reading.message;
        let value = match body_of(self.cx, message) {
            None => Value::text(""),
            Some(bytes) => {
                let kind = content_type(lookup::message_headers(self.cx, message)).unwrap_or("");
                let kind = kind.to_owned();
                if is_of(&kind, "json") {
                    let text = tollgate_expr::body_text(&bytes, Some(&kind));
                    let root = self.state.read_json(&text, self.reading.dates);
                    let root = root.map_err(|exception| self.thrown(&exception))?;
                    json_value(&self.state, Owner::Template, root)
                } else if is_of(&kind, "xml") {
                    let text = tollgate_expr::xml_body_text(&bytes, Some(&kind));
                    let root = xml::read(&mut self.state, &text);
                    Value::Xml(root.map_err(|exception| self.thrown(&exception))?)
                } else {
                    Value::text(tollgate_expr::body_text(&bytes, Some(&kind)))
                }
            }
        };
        self.body = Some(value.clone());
        Ok(value)
    }

    fn json(&self, owner: Owner) -> &EvalState {
        match owner {
            Owner::Template => &self.state,
            Owner::Request => &self.cx.eval,
        }
    }

    /// A member by name; nothing when there is none.
    pub(super) fn member(&mut self, value: &Value, name: &str) -> Result<Value> {
        let found = match value {
            Value::Json(owner, container) => {
                let state = self.json(*owner);
                let member = state.json_member(container, name);
                member.map(|member| json_value(state, *owner, member))
            }
            Value::Xml(element) => {
                self.step(element.n_members() as u64 / 16)?;
                let found = element.member(name, self.reading.nil_is_null);
                if let Some(Value::Array(items)) = &found {
                    self.step(items.len() as u64)?;
                }
                found
            }
            Value::Pair(pair) => match name {
                "Key" | "itemName" => Some(Value::Text(Arc::clone(&pair.0))),
                "Value" => Some(pair.1.clone()),
                name => Some(self.member(&pair.1.clone(), name)?),
            },
            Value::Object(members) => {
                let mut members = members.iter();
                members.find(|(own, _)| *own == name).map(|(_, value)| value.clone())
            }
            Value::Context(Part::Variables) => Some(self.request_variable(name)),
            Value::Context(part) => lookup::member(self.cx, *part, name),
            _ => None,
        };
        match (found, name) {
            (Some(found), _) => Ok(found),
            (None, "size") => self.size(value),
            (None, "first") => Ok(self
                .items(value)?
                .and_then(|items| items.into_iter().next())
                .unwrap_or(Value::Nil)),
            (None, "last") => Ok(self
                .items(value)?
                .and_then(|items| items.into_iter().next_back())
                .unwrap_or(Value::Nil)),
            (None, _) => Ok(Value::Nil),
        }
    }

    fn request_variable(&self, name: &str) -> Value {
        let Some(value) = self.cx.variables.get(name).cloned() else { return Value::Nil };
        if self.cx.eval.json(&value).is_some() {
            return json_value(&self.cx.eval, Owner::Request, value);
        }
        let scalar = Value::scalar(&value);
        scalar.unwrap_or_else(|| Value::text(scalar_text(&value, &self.cx.eval)))
    }

    /// How many items a value has, or how long a text is.
    pub(super) fn size(&mut self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::Text(text) => {
                self.charge(text.len())?;
                Value::Int(i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX))
            }
            other => match self.items(other)? {
                Some(items) => Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)),
                None => Value::Nil,
            },
        })
    }

    /// An item by its place, from behind when it is negative.
    fn item(&mut self, value: &Value, index: i64) -> Result<Value> {
        if let Value::Pair(pair) = value {
            return Ok(match index {
                0 => Value::Text(Arc::clone(&pair.0)),
                1 => pair.1.clone(),
                _ => Value::Nil,
            });
        }
        if let Value::Json(owner, container) = value
            && let Ok(index) = usize::try_from(index)
        {
            let state = self.json(*owner);
            let item = match state.json(container) {
                Some(Json::Array(_)) => state.json_item(container, index),
                _ => None,
            };
            return Ok(item.map_or(Value::Nil, |(_, item)| json_value(state, *owner, item)));
        }
        let Some(items) = self.items(value)? else {
            return self.member(value, &index.to_string());
        };
        let place = if index < 0 {
            items.len().checked_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
        } else {
            usize::try_from(index).ok()
        };
        Ok(place.and_then(|place| items.into_iter().nth(place)).unwrap_or(Value::Nil))
    }

    /// The items of a collection; none when the value is no collection.
    pub(super) fn items(&mut self, value: &Value) -> Result<Option<Vec<Value>>> {
        // What is copied is paid for first.
        self.step(match value {
            Value::Array(items) => items.len() as u64,
            Value::Text(text) => text.len() as u64,
            Value::Xml(element) => element.children.len() as u64,
            _ => 1,
        })?;
        let items = match value {
            Value::Array(items) => items.to_vec(),
            Value::Text(text) => {
                text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]) as &str)).collect()
            }
            Value::Xml(element) => element.items(self.reading.nil_is_null),
            Value::Json(owner, container) => {
                let state = self.json(*owner);
                let count = match state.json(container) {
                    Some(Json::Array(count) | Json::Object(count)) => count,
                    _ => 0,
                };
                self.step(count as u64)?;
                let state = self.json(*owner);
                let item = |index| {
                    let (name, item) = state.json_item(container, index)?;
                    let item = json_value(state, *owner, item);
                    Some(match name {
                        Some(name) => Value::Pair(Arc::new((name, item))),
                        None => item,
                    })
                };
                (0..count).filter_map(item).collect()
            }
            Value::Context(_) | Value::Object(_) => {
                let pairs = self.pairs(value)?;
                let is_collection = matches!(value, Value::Context(part) if part.is_collection());
                if pairs.is_empty() && !is_collection {
                    return Ok(None);
                }
                pairs.into_iter().map(|pair| Value::Pair(Arc::new(pair))).collect()
            }
            _ => return Ok(None),
        };
        Ok(Some(items))
    }

    /// Names and values of an object.
    pub(super) fn pairs(&mut self, value: &Value) -> Result<Vec<(Arc<str>, Value)>> {
        match value {
            Value::Json(..) => {
                let items = self.items(value)?.unwrap_or_default();
                let pair = |item| match item {
                    Value::Pair(pair) => Some((Arc::clone(&pair.0), pair.1.clone())),
                    _ => None,
                };
                Ok(items.into_iter().filter_map(pair).collect())
            }
            Value::Object(members) => {
                Ok(members.iter().map(|(name, value)| ((*name).into(), value.clone())).collect())
            }
            Value::Context(Part::Variables) => {
                let names: Vec<Arc<str>> = self.cx.variables.names().map(Arc::from).collect();
                let pair = |name: Arc<str>| {
                    let value = self.request_variable(&name);
                    (name, value)
                };
                Ok(names.into_iter().map(pair).collect())
            }
            Value::Context(part) => {
                let pairs = lookup::pairs(self.cx, *part).unwrap_or_default();
                Ok(pairs.into_iter().map(|(name, value)| (name.into(), value)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The text of something in a container. JSON may be nested as deep as its text is long.
    fn inner_text(&mut self, value: &Value) -> Result<Arc<str>> {
        if self.depth == DEEPEST {
            return Err(too_deep());
        }
        self.depth += 1;
        let text = self.text(value);
        self.depth -= 1;
        text
    }

    /// The text that a value renders as.
    pub(super) fn text(&mut self, value: &Value) -> Result<Arc<str>> {
        let text = match value {
            Value::Nil | Value::Blank | Value::Empty | Value::Object(_) => "".into(),
            Value::Bool(value) => if *value { "true" } else { "false" }.into(),
            Value::Int(value) => value.to_string().into(),
            Value::Double(value) => {
                scalar_text(&tollgate_expr::Value::Double(*value), &self.state).into()
            }
            Value::Decimal(value) => decimal_text(*value).into(),
            Value::Text(text) => return Ok(Arc::clone(text)),
            Value::Other(value) => scalar_text(value, &self.state).into(),
            Value::Xml(element) => {
                self.charge(element.size())?;
                element.text().into()
            }
            Value::Pair(pair) => {
                let inner = self.inner_text(&pair.1)?;
                format!("[{}, {inner}]", pair.0).into()
            }
            Value::Context(part) => lookup::text(self.cx, *part).unwrap_or_default().into(),
            Value::Array(_) | Value::Json(..) => {
                let mut joined = String::new();
                for item in self.items(value)?.unwrap_or_default() {
                    let text = self.inner_text(&item)?;
                    self.charge(text.len())?;
                    joined.push_str(&text);
                    if joined.len() > LONGEST {
                        return Err(too_large());
                    }
                }
                joined.into()
            }
        };
        Ok(text)
    }
}

/// Sets a name of a scope.
pub(super) fn set(scope: &mut Scope, name: &Arc<str>, value: Value) {
    match scope.iter_mut().find(|(own, _)| own == name) {
        Some((_, slot)) => *slot = value,
        None => scope.push((Arc::clone(name), value)),
    }
}

/// A token as a value.
fn json_value(state: &EvalState, owner: Owner, token: tollgate_expr::Value) -> Value {
    match state.json(&token) {
        Some(Json::Scalar(scalar)) => {
            Value::scalar(&scalar).unwrap_or_else(|| Value::text(scalar_text(&scalar, state)))
        }
        Some(Json::Array(_) | Json::Object(_)) => Value::Json(owner, token),
        None => Value::Nil,
    }
}
