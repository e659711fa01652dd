//! `XPath` 1.0.

mod axes;
pub(super) mod eval;
mod functions;
pub(super) mod parse;
pub(super) mod value;

use std::sync::Arc;

use super::tree::Name;

pub(super) use functions::Function;
pub(super) use value::{NodeRef, Value};

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Calculate(Calculation, Box<Expr>, Box<Expr>),
    Negate(Box<Expr>),
    Union(Box<Expr>, Box<Expr>),
    Text(Arc<str>),
    Number(f64),
    Variable(Name),
    Call(Function, Vec<Expr>),
    Path(Box<Path>),
    /// A value of nodes that predicates choose from.
    Filter(Box<Expr>, Vec<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Steps from somewhere.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) start: Start,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(super) enum Start {
    Context,
    Root,
    Value(Expr),
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) axis: Axis,
    pub(super) test: Test,
    pub(super) predicates: Vec<Expr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    Child,
    Descendant,
    Parent,
    Ancestor,
    FollowingSibling,
    PrecedingSibling,
    Following,
    Preceding,
    Attribute,
    Namespace,
    Itself,
    DescendantOrSelf,
    AncestorOrSelf,
}

/// Which nodes of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// `*`.
    Any,
    /// `prefix:*`.
    InNamespace(Arc<str>),
    Name(Name),
    /// `node()`.
    Node,
    Text,
    Comment,
    /// `processing-instruction()`, of one name.
    Instruction(Option<Arc<str>>),
}
