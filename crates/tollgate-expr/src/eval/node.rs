//! Lowered expressions and statements.

use std::sync::Arc;

use super::read::Read;
use super::token::TokenText;
use super::tree::{NewTree, TreeText};
use crate::Value;
use crate::syntax::ast::BinaryOp;
use crate::text::Comparison;
use crate::types::{Native, Numeric, Run, Ty};

/// A lowered expression.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Const(Value),
    Local(u16),
    SetLocal(u16, Box<Node>),
    /// A captured variable: the slot holds its cell.
    Cell(u16),
    SetCell(u16, Box<Node>),
    /// A new cell for a captured variable.
    NewCell(u16),
    Call(Box<Call>),
    /// Text of a JSON token.
    TokenText(Box<TokenText>),
    /// A JSON tree whose names and form are known.
    NewTree(Box<NewTree>),
    /// Its text.
    TreeText(Box<TreeText>),
    /// A local function.
    CallFunction {
        function: u32,
        captures: Box<[u16]>,
        args: Box<[Node]>,
        at: u32,
    },
    /// A delegate.
    Invoke {
        target: Box<Node>,
        args: Box<[Node]>,
        at: u32,
    },
    Lambda {
        function: u32,
        captures: Box<[u16]>,
        ty: Ty,
    },
    /// A numeric conversion; null stays null when lifted.
    Convert {
        to: Numeric,
        checked: bool,
        value: Box<Node>,
        at: u32,
    },
    /// A number as the constant of an enumeration.
    ToEnum(crate::types::TypeId, Box<Node>),
    /// The number of a constant.
    FromEnum(Box<Node>),
    /// A cast from a wider type: exactly that type or an exception.
    Cast {
        ty: Ty,
        value: Box<Node>,
        at: u32,
    },
    As(Ty, Box<Node>),
    Is(Ty, Box<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Coalesce(Box<Node>, Box<Node>),
    Arith(Box<Arith>),
    /// `-x`, `~x` in the type of the operand.
    Negate(Box<Node>, bool, u32),
    Complement(Box<Node>),
    /// `<`, `<=`, `>`, `>=`: false when an operand is null.
    Compare(BinaryOp, Box<Node>, Box<Node>),
    Equal {
        negate: bool,
        mode: Equality,
        left: Box<Node>,
        right: Box<Node>,
    },
    /// Texts of values, one after the other.
    Concat(Box<[Node]>),
    Format {
        value: Box<Node>,
        align: i32,
        format: Option<Arc<str>>,
    },
    /// `slot = target; slot == null ? null : rest`.
    NullConditional {
        slot: u16,
        target: Box<Node>,
        rest: Box<Node>,
    },
    /// Effects, then a value.
    Seq(Box<[Node]>, Box<Node>),
    NewArray {
        item: Ty,
        size: Box<Node>,
        at: u32,
    },
    Array {
        item: Ty,
        items: Box<[Node]>,
    },
    ArrayGet {
        array: Box<Node>,
        index: Box<Node>,
        at: u32,
    },
    ArraySet {
        array: Box<Node>,
        index: Box<Node>,
        value: Box<Node>,
        at: u32,
    },
    Record {
        ty: Ty,
        values: Box<[Node]>,
    },
    Member {
        target: Box<Node>,
        index: usize,
        at: u32,
    },
    Throw(Box<Node>, u32),
    /// Read from the request without objects between.
    Read(Box<Read>),
    /// Text compared with a constant.
    TextIs {
        text: Box<Read>,
        is: Arc<str>,
        negate: bool,
    },
    /// Text tested.
    TextTest(Box<TextTest>),
}

/// A test of text that is read from the request.
#[derive(Debug, Clone)]
pub(crate) struct TextTest {
    pub(crate) test: crate::types::TextTest,
    pub(crate) text: Read,
    pub(crate) other: Arc<str>,
    pub(crate) how: Comparison,
    /// Where a null is an exception.
    pub(crate) never_null: Option<u32>,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equality {
    /// By value: numbers, strings, times, constants.
    Value,
    /// By identity; strings by value.
    Reference,
}

/// A call of a declared member.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) run: Run,
    pub(crate) args: Box<[Node]>,
    pub(crate) types: Box<[Ty]>,
    /// Whether the first argument must not be null.
    pub(crate) receiver: bool,
    /// Arguments to store after the call, and where.
    pub(crate) outs: Box<[(usize, Place)]>,
    /// The setter of the property or indexer that is read.
    pub(crate) set: Option<Native>,
    pub(crate) at: u32,
}

/// A variable.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Local(u16),
    Cell(u16),
}

/// An operation on two numbers of one type.
#[derive(Debug, Clone)]
pub(crate) struct Arith {
    pub(crate) op: BinaryOp,
    pub(crate) checked: bool,
    pub(crate) left: Node,
    pub(crate) right: Node,
    pub(crate) at: u32,
}

/// A lowered statement.
#[derive(Debug, Clone)]
pub(crate) enum Code {
    Expr(Node),
    Block(Box<[Code]>),
    If(Node, Box<Code>, Option<Box<Code>>),
    /// `while` and `for`; `do` when the condition comes after.
    Loop {
        condition: Option<Node>,
        after: bool,
        step: Box<[Node]>,
        body: Box<Code>,
    },
    Foreach {
        items: Node,
        slot: u16,
        convert: Option<Node>,
        cell: bool,
        body: Box<Code>,
        at: u32,
    },
    /// The first section of which a test holds.
    Switch {
        value: Node,
        slot: u16,
        sections: Box<[Section]>,
    },
    Try {
        body: Box<Code>,
        catches: Box<[CatchCode]>,
        finally: Option<Box<Code>>,
    },
    /// A new cell for a captured variable.
    NewCell(u16),
    Return(Option<Node>),
    Rethrow,
    Break,
    Continue,
    /// To a label or a section of a `switch`.
    Goto(u32),
    /// Statements, with the labels that stand before some of them.
    Labelled {
        labels: Box<[(u32, usize)]>,
        statements: Box<[Code]>,
    },
}

/// A section of a `switch`: none of the tests for `default`.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) tests: Box<[Node]>,
    pub(crate) default: bool,
    /// What `goto case` leads to.
    pub(crate) label: u32,
    pub(crate) body: Code,
}

/// A `catch`.
#[derive(Debug, Clone)]
pub(crate) struct CatchCode {
    pub(crate) kind: crate::ExceptionKind,
    pub(crate) place: Option<Place>,
    pub(crate) filter: Option<Node>,
    pub(crate) body: Code,
}

/// A lambda, a local function or the expression itself.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) n_slots: u16,
    /// Parameters that lambdas capture.
    pub(crate) cells: Box<[u16]>,
    pub(crate) body: FunctionBody,
}

/// What a function does.
#[derive(Debug, Clone)]
pub(crate) enum FunctionBody {
    Expr(Node),
    Block(Code),
}

impl Node {
    pub(crate) fn boxed(self) -> Box<Node> {
        Box::new(self)
    }

    pub(crate) fn constant(&self) -> Option<&Value> {
        match self {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }
}
