//! The tree of an expression, as written.

use std::sync::Arc;

use super::At;

/// A name with its place.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) text: Arc<str>,
    pub(crate) at: At,
}

/// A type as written.
#[derive(Debug, Clone)]
pub(crate) struct TypeRef {
    pub(crate) kind: TypeKind,
    pub(crate) at: At,
}

/// The forms of types.
#[derive(Debug, Clone)]
pub(crate) enum TypeKind {
    /// `var`.
    Var,
    /// `A.B<C>`: each part with its arguments.
    Named(Vec<(Name, Vec<TypeRef>)>),
    /// `T[]`.
    Array(Box<TypeRef>),
    /// `T?`.
    Nullable(Box<TypeRef>),
    /// `(A a, B)`.
    Tuple(Vec<(TypeRef, Option<Name>)>),
}

/// A literal.
#[derive(Debug, Clone)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Char(u16),
    Str(Arc<str>),
    /// A whole number with what its suffix says: unsigned, long.
    Int {
        value: u64,
        unsigned: bool,
        long: bool,
    },
    Double(f64),
    Float(f32),
    Decimal(rust_decimal::Decimal),
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) at: At,
    pub(crate) depth: u16,
    /// Whether it stands in brackets.
    pub(crate) bracketed: bool,
}

/// Binary operators that are not assignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Shl,
    Shr,
    Lt,
    Gt,
    Le,
    Ge,
    Eq,
    Ne,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
    Coalesce,
}

impl BinaryOp {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
            Self::Shl => "<<",
            Self::Shr => ">>",
            Self::Lt => "<",
            Self::Gt => ">",
            Self::Le => "<=",
            Self::Ge => ">=",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::BitAnd => "&",
            Self::BitXor => "^",
            Self::BitOr => "|",
            Self::And => "&&",
            Self::Or => "||",
            Self::Coalesce => "??",
        }
    }
}

/// Unary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum UnaryOp {
    Not,
    Neg,
    Plus,
    Complement,
}

impl UnaryOp {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Not => "!",
            Self::Neg => "-",
            Self::Plus => "+",
            Self::Complement => "~",
        }
    }
}

/// An argument of a call.
#[derive(Debug, Clone)]
pub(crate) struct Arg {
    pub(crate) name: Option<Name>,
    pub(crate) value: ArgValue,
}

/// What is passed.
#[derive(Debug, Clone)]
pub(crate) enum ArgValue {
    Expr(Expr),
    /// `out x`.
    Out(Expr),
    /// `ref x`.
    Ref(Expr),
    /// `out var x`, `out T x`.
    OutVar(TypeRef, Name),
}

impl ArgValue {
    pub(crate) fn at(&self) -> At {
        match self {
            Self::Expr(expr) | Self::Out(expr) | Self::Ref(expr) => expr.at,
            Self::OutVar(_, name) => name.at,
        }
    }
}

/// A part of an interpolated string.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "trees are few and short-lived")]
pub(crate) enum InterpolatedPart {
    Text(Arc<str>),
    Hole { value: Expr, align: Option<Expr>, format: Option<Arc<str>> },
}

/// How a parameter of a local function is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassMode {
    Value,
    Out,
    Ref,
    Params,
    /// `in`: a value that the function does not change.
    In,
    /// The range variable of a query, which cannot be assigned.
    Range,
}

/// A parameter of a lambda or local function.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) mode: PassMode,
    pub(crate) ty: Option<TypeRef>,
    pub(crate) name: Name,
    pub(crate) default: Option<Expr>,
}

/// A lambda or an anonymous method.
#[derive(Debug, Clone)]
pub(crate) struct LambdaExpr {
    /// None for `delegate { … }`, which takes any.
    pub(crate) parameters: Option<Vec<Parameter>>,
    pub(crate) body: Body,
}

/// What a declared type parameter promises.
#[derive(Debug, Clone)]
pub(crate) enum Constraint {
    Class,
    Struct,
    New,
    Base(TypeRef),
}

/// A local function.
#[derive(Debug, Clone)]
pub(crate) struct FunctionDecl {
    pub(crate) ty: TypeRef,
    pub(crate) name: Name,
    pub(crate) types: Vec<Name>,
    pub(crate) constraints: Vec<(Name, Vec<Constraint>)>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Body,
}

/// What a declaration in the middle of an expression names.
#[derive(Debug, Clone)]
pub(crate) enum Designation {
    Name(Name),
    Discard,
    Tuple(Vec<Designation>, At),
}

/// A query: `from … select …`.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) from: FromClause,
    pub(crate) body: QueryBody,
}

/// `from T x in source`.
#[derive(Debug, Clone)]
pub(crate) struct FromClause {
    pub(crate) at: At,
    pub(crate) ty: Option<TypeRef>,
    pub(crate) name: Name,
    pub(crate) source: Expr,
}

/// What follows the first `from`.
#[derive(Debug, Clone)]
pub(crate) struct QueryBody {
    pub(crate) clauses: Vec<QueryClause>,
    pub(crate) end: QueryEnd,
    pub(crate) into: Option<(Name, Box<QueryBody>)>,
}

/// A clause of a query.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "trees are few and short-lived")]
pub(crate) enum QueryClause {
    From(FromClause),
    Let(Name, Expr),
    Where(Expr),
    Join {
        from: FromClause,
        left: Expr,
        right: Expr,
        into: Option<Name>,
    },
    /// Keys, and whether each is descending.
    OrderBy(Vec<(Expr, bool)>),
}

/// How a query ends.
#[derive(Debug, Clone)]
pub(crate) enum QueryEnd {
    Select(Expr),
    Group { item: Expr, key: Expr },
}

/// The body of a lambda or local function.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Expr(Box<Expr>),
    Block(Block),
}

/// An initializer in braces.
#[derive(Debug, Clone)]
pub(crate) struct Initializer {
    pub(crate) elements: Vec<Element>,
    pub(crate) at: At,
}

/// An element of an initializer.
#[derive(Debug, Clone)]
pub(crate) enum Element {
    /// `value`.
    Value(Expr),
    /// `{ a, b }`.
    Args(Vec<Expr>, At),
    /// `[k] = v`.
    Index(Vec<Arg>, InitValue, At),
    /// `Name = v`.
    Member(Name, InitValue),
}

/// The right side of an element.
#[derive(Debug, Clone)]
pub(crate) enum InitValue {
    Expr(Expr),
    Nested(Initializer),
}

/// A pattern.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// A constant, or a type when it turns out to be one.
    Constant(Expr),
    /// `T x`, or `T` alone when it can only be a type.
    Type(TypeRef, Option<Name>),
    /// `var x`, `_`.
    Var(Option<Name>),
}

/// The forms of expressions.
#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Literal(Literal),
    Interpolated(Vec<InterpolatedPart>),
    /// A simple name, perhaps with type arguments.
    Name(Arc<str>, Vec<TypeRef>),
    /// A type where an expression stands: `string`, `int[]`.
    Type(TypeRef),
    /// What `?.` was applied to, inside the rest of its chain.
    Receiver,
    Member {
        target: Box<Expr>,
        name: Name,
        types: Vec<TypeRef>,
    },
    /// `target?rest`, with [`ExprKind::Receiver`] inside.
    Conditional {
        target: Box<Expr>,
        rest: Box<Expr>,
    },
    Index {
        target: Box<Expr>,
        args: Vec<Arg>,
    },
    Call {
        target: Box<Expr>,
        args: Vec<Arg>,
    },
    New {
        ty: TypeRef,
        args: Option<Vec<Arg>>,
        init: Option<Initializer>,
    },
    /// `{ .. }` of an array variable.
    Items(Initializer),
    /// `new T[n]`, `new T[] { .. }`, `new[] { .. }`.
    NewArray {
        element: Option<TypeRef>,
        size: Option<Box<Expr>>,
        init: Option<Initializer>,
    },
    Anonymous(Vec<(Option<Name>, Expr)>),
    Unary(UnaryOp, Box<Expr>),
    /// `++` and `--`.
    Step {
        target: Box<Expr>,
        up: bool,
        prefix: bool,
    },
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    Ternary(Box<Expr>, Box<Expr>, Box<Expr>),
    Assign {
        target: Box<Expr>,
        op: Option<BinaryOp>,
        value: Box<Expr>,
    },
    Cast(TypeRef, Box<Expr>),
    As(Box<Expr>, TypeRef),
    Is(Box<Expr>, Box<Pattern>),
    Lambda(LambdaExpr),
    Query(Box<Query>),
    /// `T x`, `var (a, b)`: what a deconstruction declares.
    Declaration(TypeRef, Designation),
    Tuple(Vec<(Option<Name>, Expr)>),
    Default(Option<TypeRef>),
    TypeOf(TypeRef),
    SizeOf(TypeRef),
    NameOf(Box<Expr>),
    Checked(bool, Box<Expr>),
    Throw(Box<Expr>),
}

/// Statements in braces.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) statements: Vec<Stmt>,
    pub(crate) at: At,
}

/// A statement.
#[derive(Debug, Clone)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    pub(crate) at: At,
}

/// A `catch`.
#[derive(Debug, Clone)]
pub(crate) struct Catch {
    pub(crate) ty: Option<TypeRef>,
    pub(crate) name: Option<Name>,
    pub(crate) filter: Option<Expr>,
    pub(crate) body: Block,
}

/// A label of a `switch`.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "trees are few and short-lived")]
pub(crate) enum SwitchLabel {
    Default,
    Case(Pattern, Option<Expr>),
}

/// Labels and what they lead to.
#[derive(Debug, Clone)]
pub(crate) struct SwitchSection {
    pub(crate) labels: Vec<SwitchLabel>,
    pub(crate) body: Vec<Stmt>,
    pub(crate) at: At,
}

/// `T a = 1, b`.
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    pub(crate) ty: TypeRef,
    pub(crate) constant: bool,
    pub(crate) variables: Vec<(Name, Option<Expr>)>,
}

/// What `foreach` assigns each item to.
#[derive(Debug, Clone)]
pub(crate) enum ForeachTarget {
    Variable(TypeRef, Name),
    /// `var (a, b)`.
    Deconstruction(Expr),
}

/// The forms of statements.
#[derive(Debug, Clone)]
pub(crate) enum StmtKind {
    Empty,
    Block(Block),
    Declaration(Declaration),
    Function(Box<FunctionDecl>),
    Expr(Expr),
    If(Expr, Box<Stmt>, Option<Box<Stmt>>),
    While(Expr, Box<Stmt>),
    Do(Box<Stmt>, Expr),
    For {
        init: Vec<Stmt>,
        condition: Option<Expr>,
        step: Vec<Expr>,
        body: Box<Stmt>,
    },
    Foreach {
        target: ForeachTarget,
        items: Expr,
        body: Box<Stmt>,
    },
    Switch(Expr, Vec<SwitchSection>),
    Try {
        body: Block,
        catches: Vec<Catch>,
        finally: Option<Block>,
    },
    Using {
        declaration: Option<Declaration>,
        value: Option<Expr>,
        body: Box<Stmt>,
    },
    Return(Option<Expr>),
    Throw(Option<Expr>),
    Break,
    Continue,
    /// `goto label`.
    Goto(Name),
    /// `goto case value`; `goto default` without one.
    GotoCase(Option<Expr>),
    Label(Name, Box<Stmt>),
    Checked(bool, Block),
    Lock(Expr, Box<Stmt>),
}
