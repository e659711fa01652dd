//! Evaluates expressions.

use std::sync::Arc;

use super::value::{NodeRef, Value, number_of, number_text};
use super::{Axis, Calculation, Comparison, Expr, Path, Start, Step, Test};
use crate::xsl_transform::run::{Result, World};
use crate::xsl_transform::tree::Tree;

/// Where an expression is evaluated.
#[derive(Debug, Clone, Copy)]
pub(in crate::xsl_transform) struct Focus {
    pub(in crate::xsl_transform) node: NodeRef,
    pub(in crate::xsl_transform) position: usize,
    pub(in crate::xsl_transform) size: usize,
    /// `current()`.
    pub(in crate::xsl_transform) current: NodeRef,
}

impl Focus {
    pub(in crate::xsl_transform) fn at(self, node: NodeRef, position: usize, size: usize) -> Self {
        Self { node, position, size, ..self }
    }

    /// A node that becomes the current one.
    pub(in crate::xsl_transform) fn on(node: NodeRef, position: usize, size: usize) -> Self {
        Self { node, position, size, current: node }
    }
}

/// Expressions inside one another, those of the variables that they need included: a long row of operators is one inside
/// the other.
const MOST_EVALUATIONS: usize = 400;

/// As `XPath` counts.
pub(super) fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

impl World<'_> {
    pub(in crate::xsl_transform) fn tree(&self, tree: u32) -> Result<Arc<Tree>> {
        self.trees.get(tree as usize).cloned().ok_or_else(|| self.fault("a tree is missing"))
    }

    /// The value of an expression.
    pub(in crate::xsl_transform) fn eval(&mut self, expr: &Expr, focus: &Focus) -> Result<Value> {
        self.step(1)?;
        if self.evaluations == MOST_EVALUATIONS {
            return Err(self.too_deep());
        }
        self.evaluations += 1;
        let value = self.value(expr, focus);
        self.evaluations -= 1;
        value
    }

    fn value(&mut self, expr: &Expr, focus: &Focus) -> Result<Value> {
        Ok(match expr {
            Expr::Or(left, right) => {
                Value::Bool(self.truth(left, focus)? || self.truth(right, focus)?)
            }
            Expr::And(left, right) => {
                Value::Bool(self.truth(left, focus)? && self.truth(right, focus)?)
            }
            Expr::Compare(comparison, left, right) => {
                let (left, right) = (self.eval(left, focus)?, self.eval(right, focus)?);
                Value::Bool(self.compare(*comparison, &left, &right)?)
            }
            Expr::Calculate(calculation, left, right) => {
                let (left, right) = (self.number_at(left, focus)?, self.number_at(right, focus)?);
                Value::Number(match calculation {
                    Calculation::Add => left + right,
                    Calculation::Subtract => left - right,
                    Calculation::Multiply => left * right,
                    Calculation::Divide => left / right,
                    Calculation::Modulo => left % right,
                })
            }
            Expr::Negate(value) => Value::Number(-self.number_at(value, focus)?),
            Expr::Union(left, right) => {
                let mut nodes = self.nodes_at(left, focus)?.to_vec();
                nodes.extend_from_slice(&self.nodes_at(right, focus)?);
                Value::nodes(self.ordered(nodes)?)
            }
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Number(number) => Value::Number(*number),
            Expr::Variable(name) => self.variable(name)?,
            Expr::Call(function, arguments) => self.call(*function, arguments, focus)?,
            Expr::Path(path) => Value::nodes(self.path(path, focus)?),
            Expr::Filter(value, predicates) => {
                let mut nodes = self.nodes_at(value, focus)?.to_vec();
                for predicate in predicates {
                    nodes = self.chosen(nodes, predicate, focus)?;
                }
                Value::nodes(nodes)
            }
        })
    }

    pub(in crate::xsl_transform) fn truth(&mut self, expr: &Expr, focus: &Focus) -> Result<bool> {
        let value = self.eval(expr, focus)?;
        Ok(truth_of(&value))
    }

    pub(in crate::xsl_transform) fn number_at(
        &mut self,
        expr: &Expr,
        focus: &Focus,
    ) -> Result<f64> {
        let value = self.eval(expr, focus)?;
        self.number(&value)
    }

    pub(in crate::xsl_transform) fn text_at(
        &mut self,
        expr: &Expr,
        focus: &Focus,
    ) -> Result<Arc<str>> {
        let value = self.eval(expr, focus)?;
        self.text(&value)
    }

    /// The nodes that an expression gives; anything else is a fault.
    pub(in crate::xsl_transform) fn nodes_at(
        &mut self,
        expr: &Expr,
        focus: &Focus,
    ) -> Result<Arc<[NodeRef]>> {
        match self.eval(expr, focus)? {
            Value::Nodes(nodes) => Ok(nodes),
            _ => Err(self.fault("an expression gives no nodes where nodes are needed")),
        }
    }

    /// The text of a node.
    pub(in crate::xsl_transform) fn node_text(&mut self, node: NodeRef) -> Result<Arc<str>> {
        let tree = self.tree(node.tree)?;
        self.step(u64::from(tree.end(node.node).saturating_sub(node.node)) / 8)?;
        let text = tree.text(node.node);
        self.charge(text.len())?;
        Ok(text)
    }

    pub(in crate::xsl_transform) fn text(&mut self, value: &Value) -> Result<Arc<str>> {
        Ok(match value {
            Value::Text(text) => {
                // Whoever asks is going to read it, as often as it asks.
                self.charge(text.len())?;
                text.clone()
            }
            Value::Number(number) => number_text(*number).into(),
            Value::Bool(value) => if *value { "true" } else { "false" }.into(),
            Value::Nodes(nodes) => match nodes.first() {
                Some(first) => self.node_text(*first)?,
                None => "".into(),
            },
            Value::Fragment(tree) => self.node_text(NodeRef { tree: *tree, node: 0 })?,
        })
    }

    pub(in crate::xsl_transform) fn number(&mut self, value: &Value) -> Result<f64> {
        Ok(match value {
            Value::Number(number) => *number,
            Value::Bool(value) => f64::from(u8::from(*value)),
            other => number_of(&self.text(other)?),
        })
    }

    fn compare(&mut self, comparison: Comparison, left: &Value, right: &Value) -> Result<bool> {
        let left_nodes = as_nodes(left);
        let right_nodes = as_nodes(right);
        match (left_nodes, right_nodes) {
            (Some(left), Some(right)) => {
                // Each pair may be compared; texts are taken once.
                let left = self.texts(&left)?;
                let right = self.texts(&right)?;
                self.step(left.len() as u64 * right.len() as u64)?;
                Ok(match comparison {
                    Comparison::Equal => any_pair(&left, &right, |left, right| left == right),
                    Comparison::NotEqual => any_pair(&left, &right, |left, right| left != right),
                    order => {
                        let as_numbers = |texts: &[Arc<str>]| -> Vec<f64> {
                            texts.iter().map(|text| number_of(text)).collect()
                        };
                        let (left, right) = (as_numbers(&left), as_numbers(&right));
                        any_pair(&left, &right, |left, right| numbers(order, *left, *right))
                    }
                })
            }
            (Some(nodes), None) => self.compare_nodes(comparison, &nodes, right),
            (None, Some(nodes)) => self.compare_nodes(mirrored(comparison), &nodes, left),
            (None, None) => self.compare_plain(comparison, left, right),
        }
    }

    fn texts(&mut self, nodes: &[NodeRef]) -> Result<Vec<Arc<str>>> {
        nodes.iter().map(|node| self.node_text(*node)).collect()
    }

    fn compare_nodes(
        &mut self,
        comparison: Comparison,
        nodes: &[NodeRef],
        other: &Value,
    ) -> Result<bool> {
        if let Value::Bool(_) = other {
            return self.compare_plain(comparison, &Value::Bool(!nodes.is_empty()), other);
        }
        // A text that is compared as a number is read once.
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let number = if is_equality { None } else { Some(Value::Number(self.number(other)?)) };
        let other = number.as_ref().unwrap_or(other);
        for node in nodes {
            let text = Value::Text(self.node_text(*node)?);
            if self.compare_plain(comparison, &text, other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compare_plain(
        &mut self,
        comparison: Comparison,
        left: &Value,
        right: &Value,
    ) -> Result<bool> {
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if is_equality {
            let equal = match (left, right) {
                (Value::Bool(_), _) | (_, Value::Bool(_)) => truth_of(left) == truth_of(right),
                (Value::Number(_), _) | (_, Value::Number(_)) => {
                    let (left, right) = (self.number(left)?, self.number(right)?);
                    return Ok(numbers(comparison, left, right));
                }
                (left, right) => self.text(left)? == self.text(right)?,
            };
            return Ok(equal == (comparison == Comparison::Equal));
        }
        let (left, right) = (self.number(left)?, self.number(right)?);
        Ok(numbers(comparison, left, right))
    }

    /// Nodes in document order, each once.
    pub(in crate::xsl_transform) fn ordered(
        &mut self,
        mut nodes: Vec<NodeRef>,
    ) -> Result<Vec<NodeRef>> {
        self.step(nodes.len() as u64)?;
        if !nodes.is_sorted_by(|left, right| left < right) {
            nodes.sort_unstable();
            nodes.dedup();
        }
        Ok(nodes)
    }

    fn path(&mut self, path: &Path, focus: &Focus) -> Result<Vec<NodeRef>> {
        let mut nodes = match &path.start {
            Start::Context => vec![focus.node],
            Start::Root => vec![NodeRef { node: 0, ..focus.node }],
            Start::Value(value) => self.nodes_at(value, focus)?.to_vec(),
        };
        let mut steps = path.steps.as_slice();
        while let Some((step, rest)) = steps.split_first() {
            steps = rest;
            let mut step = std::borrow::Cow::Borrowed(step);
            // `//x` is looked for in one go.
            if let Some((next, behind)) = rest.split_first()
                && is_anywhere(&step)
                && next.axis == Axis::Child
                && next.predicates.is_empty()
            {
                step = std::borrow::Cow::Owned(Step { axis: Axis::Descendant, ..next.clone() });
                steps = behind;
            }
            let mut found = Vec::new();
            let is_single = nodes.len() == 1;
            for node in &nodes {
                self.axis(*node, &step, focus, &mut found)?;
            }
            if is_single && step.axis.is_reverse() {
                found.reverse();
            }
            nodes = self.ordered(found)?;
        }
        Ok(nodes)
    }

    fn axis(
        &mut self,
        node: NodeRef,
        step: &Step,
        focus: &Focus,
        found: &mut Vec<NodeRef>,
    ) -> Result<()> {
        self.step(1)?;
        let mut nodes = self.axis_nodes(node, step)?;
        for predicate in &step.predicates {
            nodes = self.chosen(nodes, predicate, focus)?;
        }
        found.extend(nodes);
        Ok(())
    }

    /// The nodes of a step without its predicates.
    pub(in crate::xsl_transform) fn axis_nodes(
        &mut self,
        node: NodeRef,
        step: &Step,
    ) -> Result<Vec<NodeRef>> {
        let tree = self.tree(node.tree)?;
        let (nodes, visited) = step.axis.nodes(&tree, node.node, &step.test);
        self.step(nodes.len() as u64 + visited / 8)?;
        Ok(nodes.into_iter().map(|id| NodeRef { node: id, ..node }).collect())
    }

    /// The nodes for which a predicate holds; a number is a position.
    pub(in crate::xsl_transform) fn chosen(
        &mut self,
        nodes: Vec<NodeRef>,
        predicate: &Expr,
        focus: &Focus,
    ) -> Result<Vec<NodeRef>> {
        let size = nodes.len();
        if let Expr::Number(number) = predicate {
            let fits = |index: &usize| (float(index + 1) - number).abs() < f64::EPSILON;
            let index = (0..size).find(fits);
            return Ok(index.and_then(|index| nodes.get(index)).copied().into_iter().collect());
        }
        let mut kept = Vec::new();
        for (index, node) in nodes.into_iter().enumerate() {
            let holds = match self.eval(predicate, &focus.at(node, index + 1, size))? {
                Value::Number(number) => (float(index + 1) - number).abs() < f64::EPSILON,
                other => truth_of(&other),
            };
            if holds {
                kept.push(node);
            }
        }
        Ok(kept)
    }
}

/// Whether something holds for a pair of the two.
fn any_pair<T>(left: &[T], right: &[T], holds: impl Fn(&T, &T) -> bool) -> bool {
    left.iter().any(|left| right.iter().any(|right| holds(left, right)))
}

fn is_anywhere(step: &Step) -> bool {
    step.axis == Axis::DescendantOrSelf && step.test == Test::Node && step.predicates.is_empty()
}

pub(in crate::xsl_transform) fn truth_of(value: &Value) -> bool {
    match value {
        Value::Nodes(nodes) => !nodes.is_empty(),
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::Text(text) => !text.is_empty(),
        Value::Bool(value) => *value,
        Value::Fragment(_) => true,
    }
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

#[expect(clippy::float_cmp, reason = "as XPath compares")]
fn numbers(comparison: Comparison, left: f64, right: f64) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    }
}

/// A value of nodes; a tree is its root.
fn as_nodes(value: &Value) -> Option<Arc<[NodeRef]>> {
    match value {
        Value::Nodes(nodes) => Some(nodes.clone()),
        Value::Fragment(tree) => Some([NodeRef { tree: *tree, node: 0 }].into()),
        _ => None,
    }
}
