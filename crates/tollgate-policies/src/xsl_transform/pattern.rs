//! Patterns: which nodes a template, a key or a number is for.

use super::run::{Result, World};
use super::tree::Kind;
use super::xpath::eval::Focus;
use super::xpath::{Axis, Expr, NodeRef, Path, Start, Step, Test};

/// One alternative of a pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    anchor: Anchor,
    /// From left to right; whether anything may stand in front of each.
    steps: Vec<(bool, Step)>,
}

/// Where the path begins.
#[derive(Debug, Clone)]
enum Anchor {
    Anywhere,
    Root,
    /// Nodes of a key.
    Nodes(Expr),
}

impl Pattern {
    /// The alternatives of an expression; none when it is no pattern.
    pub(super) fn of(expr: &Expr) -> Option<Vec<Pattern>> {
        match expr {
            Expr::Union(left, right) => {
                let mut all = Self::of(left)?;
                all.extend(Self::of(right)?);
                Some(all)
            }
            Expr::Path(path) => Some(vec![Self::of_path(path)?]),
            Expr::Call(function, _) if function.is_key() => {
                Some(vec![Self { anchor: Anchor::Nodes(expr.clone()), steps: Vec::new() }])
            }
            _ => None,
        }
    }

    fn of_path(path: &Path) -> Option<Self> {
        let anchor = match &path.start {
            Start::Context => Anchor::Anywhere,
            Start::Root => Anchor::Root,
            Start::Value(Expr::Call(function, _)) if function.is_key() => {
                let Start::Value(value) = &path.start else { return None };
                Anchor::Nodes(value.clone())
            }
            Start::Value(_) => return None,
        };
        let mut steps = Vec::new();
        let mut is_deep = false;
        for step in &path.steps {
            match step.axis {
                Axis::DescendantOrSelf if step.test == Test::Node && step.predicates.is_empty() => {
                    is_deep = true;
                }
                Axis::Child | Axis::Attribute => {
                    steps.push((std::mem::take(&mut is_deep), step.clone()));
                }
                _ => return None,
            }
        }
        let is_bare = steps.is_empty() && matches!(anchor, Anchor::Anywhere);
        (!is_deep && !is_bare).then_some(Self { anchor, steps })
    }

    /// The priority of a template that says none.
    pub(super) fn priority(&self) -> f64 {
        let [(_, step)] = self.steps.as_slice() else { return 0.5 };
        if !matches!(self.anchor, Anchor::Anywhere) || !step.predicates.is_empty() {
            return 0.5;
        }
        match step.test {
            Test::Name(_) | Test::Instruction(Some(_)) => 0.0,
            Test::InNamespace(_) => -0.25,
            _ => -0.5,
        }
    }
}

impl World<'_> {
    /// Whether a node fits one of some alternatives.
    pub(super) fn fits(&mut self, patterns: &[Pattern], node: NodeRef) -> Result<bool> {
        for pattern in patterns {
            if self.fits_one(pattern, node)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn fits_one(&mut self, pattern: &Pattern, node: NodeRef) -> Result<bool> {
        self.step(1)?;
        match pattern.steps.len().checked_sub(1) {
            Some(last) => self.fits_to(pattern, last, node),
            None => match &pattern.anchor {
                Anchor::Root => Ok(self.tree(node.tree)?.kind(node.node) == Kind::Root),
                Anchor::Nodes(expr) => {
                    Ok(self.nodes_at(expr, &Focus::on(node, 1, 1))?.contains(&node))
                }
                Anchor::Anywhere => Ok(false),
            },
        }
    }

    /// Whether a node fits a step of a pattern, and what is around it the steps before. A pattern has few steps.
    fn fits_to(&mut self, pattern: &Pattern, index: usize, node: NodeRef) -> Result<bool> {
        let Some((is_deep, step)) = pattern.steps.get(index) else { return Ok(false) };
        if !self.fits_step(step, node)? {
            return Ok(false);
        }
        let tree = self.tree(node.tree)?;
        let mut around = Vec::new();
        let mut at = tree.parent(node.node);
        while let Some(id) = at {
            around.push(NodeRef { node: id, ..node });
            at = if *is_deep { tree.parent(id) } else { None };
        }
        self.step(around.len() as u64)?;
        let Some(before) = index.checked_sub(1) else {
            return Ok(match &pattern.anchor {
                Anchor::Anywhere => true,
                Anchor::Root => around.iter().any(|id| tree.kind(id.node) == Kind::Root),
                Anchor::Nodes(expr) => {
                    let nodes = self.nodes_at(expr, &Focus::on(node, 1, 1))?;
                    around.iter().any(|node| nodes.contains(node))
                }
            });
        };
        for node in around {
            if self.fits_to(pattern, before, node)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn fits_step(&mut self, step: &Step, node: NodeRef) -> Result<bool> {
        let tree = self.tree(node.tree)?;
        let kind = tree.kind(node.node);
        let is_attribute = step.axis == Axis::Attribute;
        let is_on_axis = match kind {
            Kind::Root | Kind::Namespace => false,
            Kind::Attribute => is_attribute,
            _ => !is_attribute,
        };
        if !is_on_axis || !step.test.passes(&tree, node.node, step.axis) {
            return Ok(false);
        }
        if step.predicates.is_empty() {
            return Ok(true);
        }
        let Some(parent) = tree.parent(node.node) else { return Ok(false) };
        let mut nodes = self.axis_nodes(NodeRef { node: parent, ..node }, step)?;
        for predicate in &step.predicates {
            nodes = self.chosen(nodes, predicate, &Focus::on(node, 1, 1))?;
        }
        Ok(nodes.contains(&node))
    }
}
