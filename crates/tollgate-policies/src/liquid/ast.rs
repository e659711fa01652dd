//! What a template is made of.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::filters::Filter;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    /// Text as it stands.
    Text(String),
    /// `{{ … }}`.
    Output(Pipe),
    /// `{% assign name = … %}`.
    Assign(Arc<str>, Pipe),
    /// `{% capture name %}`.
    Capture(Arc<str>, Vec<Node>),
    /// `{% if %}` and `{% unless %}`: the first branch whose condition holds.
    If(Vec<(Condition, Vec<Node>)>),
    /// `{% case %}`.
    Case(Expr, Vec<(When, Vec<Node>)>),
    /// `{% for %}`, `{% JSONArrayFor %}`, `{% tablerow %}`.
    Loop(Box<Loop>),
    /// `{% cycle %}`: the name of the group, and its values.
    Cycle(Cycle),
    /// `{% increment %}`.
    Increment(Arc<str>),
    /// `{% decrement %}`.
    Decrement(Arc<str>),
    /// `{% ifchanged %}`, by its number in the template.
    IfChanged(usize, Vec<Node>),
    /// `{% break %}`.
    Break,
    /// `{% continue %}`.
    Continue,
}

/// A value and the filters it goes through.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) value: Expr,
    pub(super) filters: Vec<Call>,
}

/// One use of a filter.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) filter: Filter,
    pub(super) arguments: Vec<Expr>,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Nil,
    Bool(bool),
    /// Equal to nothing, to false, and to what is empty or white space.
    Blank,
    /// Equal to what is empty.
    Empty,
    Int(i64),
    Decimal(Decimal),
    Text(Arc<str>),
    Range(Box<Expr>, Box<Expr>),
    Path(Vec<Part>),
}

/// A step of a path.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// `.name`.
    Name(Arc<str>),
    /// `[…]`.
    Index(Expr),
}

/// A condition; `and` and `or` bind to the right.
#[derive(Debug)]
pub(super) enum Condition {
    Always,
    Not(Box<Condition>),
    Truth(Expr),
    Compare(Expr, Operator, Expr),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Contains,
    StartsWith,
    EndsWith,
    HasKey,
    HasValue,
}

/// A branch of `{% case %}`.
#[derive(Debug)]
pub(super) enum When {
    Equals(Vec<Expr>),
    Else,
}

/// A loop.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) variable: Arc<str>,
    /// What `forloop.name` says, and what `offset: continue` goes by.
    pub(super) name: Arc<str>,
    pub(super) collection: Expr,
    pub(super) reversed: bool,
    pub(super) limit: Option<Expr>,
    pub(super) offset: Option<Offset>,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

#[derive(Debug)]
pub(super) enum LoopKind {
    For,
    /// Puts commas between what the items give.
    JsonArray,
    /// With so many cells in a row.
    TableRow(Option<Expr>),
}

#[derive(Debug)]
pub(super) enum Offset {
    /// Where the loop of this name stopped last.
    Continue,
    At(Expr),
}

/// `{% cycle %}`.
#[derive(Debug)]
pub(super) struct Cycle {
    pub(super) group: Group,
    pub(super) values: Vec<Expr>,
}

/// What cycles share their place.
#[derive(Debug)]
pub(super) enum Group {
    /// Those with the same values.
    Same(Arc<str>),
    /// Those of one name.
    Named(Expr),
}
