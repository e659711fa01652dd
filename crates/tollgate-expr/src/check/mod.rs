//! Static types: names resolved, overloads chosen, conversions made explicit, and everything lowered.

mod arithmetic;
mod better;
mod branch;
mod convert;
mod creation;
mod declared;
mod enumeration;
mod exception;
mod expression;
mod flow;
mod fold;
mod function;
mod group;
mod handlers;
mod infer;
mod invoke;
mod lambda;
mod loops;
mod member;
mod misfit;
mod operator;
mod overload;
mod pattern;
mod place;
mod query;
mod scope;
mod statement;
mod switch;
mod tuple;
mod type_name;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tollgate_diagnostics::{Code as ErrorCode, Diagnostic, MappedText};

use crate::Value;
use crate::eval::{Function, FunctionBody, Node};
use crate::number::NAN;
use crate::program::{Facts, Target};
use crate::syntax::At;
use crate::syntax::ast::{Block, Expr};
use crate::types::{MemberInfo, Ty};
use flow::{Flow, Frame};
use function::Instance;
use scope::FunctionScope;
use switch::{Label, SwitchScope};

/// How much checking one expression may cost: lambdas are checked once for each overload they might fit.
const MAX_WORK: u32 = 100_000;
/// How many errors and how many warnings one expression is told of.
const MOST_FINDINGS: usize = 100;
/// How often captures are computed anew; local functions that call each other need a few rounds.
const MAX_PASSES: usize = 6;

/// The tree to check.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Root<'e> {
    Expr(&'e Expr),
    Block(&'e Block),
}

/// What checking gives.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) functions: Vec<Function>,
    pub(crate) ty: Ty,
    pub(crate) facts: Facts,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The declared members it uses, some more than once.
    pub(crate) used: Vec<&'static MemberInfo>,
}

/// What only the end of a walk knows, by the offsets of declarations.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Captures {
    /// Variables that functions capture or that are passed by reference.
    cells: BTreeSet<u32>,
    /// What each function captures.
    of: HashMap<u32, BTreeSet<u32>>,
    /// What is known where a `goto` leads to.
    labels: HashMap<u32, Flow>,
    /// Variables that a local function reads before it assigns them.
    reads: HashMap<u32, BTreeSet<u32>>,
    /// Variables that a local function has certainly assigned when it returns.
    writes: HashMap<u32, BTreeSet<u32>>,
}

/// A checked expression.
#[derive(Debug, Clone)]
struct Typed {
    node: Node,
    ty: Ty,
    at: At,
    /// Whether it is a constant in C#'s sense.
    constant: bool,
}

impl Typed {
    fn new(node: Node, ty: Ty, at: At) -> Self {
        Self { node, ty, at, constant: false }
    }

    fn constant(value: Value, ty: Ty, at: At) -> Self {
        Self { node: Node::Const(canonical(value)), ty, at, constant: true }
    }

    fn error(at: At) -> Self {
        Self::new(Node::Const(Value::Null), Ty::Error, at)
    }

    /// The value of a constant expression.
    fn value(&self) -> Option<&Value> {
        if self.constant { self.node.constant() } else { None }
    }
}

/// A constant as the compiler writes it: there is one NaN only, and the decimal 0 has no sign.
fn canonical(value: Value) -> Value {
    match value {
        Value::Double(value) if value.is_nan() => Value::Double(NAN),
        Value::Float(value) if value.is_nan() => Value::Float(-f32::NAN),
        Value::Decimal(value) if value.is_zero() && value.scale() == 0 => {
            Value::Decimal(value.abs())
        }
        other => other,
    }
}

/// Checks a tree.
pub(crate) fn check(root: Root<'_>, source: &MappedText, target: Target) -> Checked {
    let mut captures = Captures::default();
    let mut passes = 0;
    loop {
        let mut checker = Checker::new(source, target, captures.clone());
        let ty = checker.root(root);
        let found = std::mem::take(&mut checker.found);
        passes += 1;
        // Each pass knows what the one before found.
        if found == captures || passes == MAX_PASSES {
            checker.finish_facts();
            if let Some(at) = checker.overworked {
                // What was found after that means nothing.
                checker.diagnostics.clear();
                checker.error(ErrorCode::TOO_LARGE, at, "the expression is too complex");
            }
            return Checked {
                functions: checker.functions,
                ty,
                facts: checker.facts,
                diagnostics: checker.diagnostics,
                used: checker.used,
            };
        }
        captures = found;
    }
}

#[expect(clippy::struct_excessive_bools, reason = "modes of the walk, each on its own")]
struct Checker<'s> {
    source: &'s MappedText,
    target: Target,
    diagnostics: Vec<Diagnostic>,
    /// How many of them refuse what C# would find at run time.
    n_refusals: usize,
    used: Vec<&'static MemberInfo>,
    functions: Vec<Function>,
    scopes: Vec<FunctionScope>,
    known: Captures,
    found: Captures,
    facts: Facts,
    use_of_response: ResponseUse,
    /// The next `context.Response` is at once asked for a member.
    direct: bool,
    /// The next member is at once called.
    invoked: bool,
    flow: Flow,
    /// After a condition: what is known when it holds, and when it does not.
    split: Option<(Flow, Flow)>,
    frames: Vec<Frame>,
    jumps: Jumps,
    /// Parameters that are variables of the caller.
    references: BTreeSet<u32>,
    instances: Vec<Instance>,
    /// What lambdas return, so that no body is checked again and again for each overload.
    returns: lambda::ReturnsCache,
    /// Whether the end of the lambda that was just checked cannot be reached.
    never_ends: bool,
    /// Where the limit of work was reached.
    overworked: Option<At>,
    checked: bool,
    unchecked: bool,
    work: u32,
    catches: u16,
}

/// What `goto` may lead to.
#[derive(Debug, Default)]
struct Jumps {
    labels: Vec<Vec<Label>>,
    /// Labels around the function, whose names are taken.
    around: Vec<Arc<str>>,
    switches: Vec<SwitchScope>,
}

/// How `context.Response` is used: its body may also be read through a variable.
#[derive(Debug, Default, Clone, Copy)]
struct ResponseUse {
    /// As a value that is not at once asked for a member or compared with null.
    escapes: bool,
    /// `Body` of an `IResponse` that is not directly `context.Response`.
    other_body: bool,
    /// The same for the body itself: `As` on an `IMessageBody` that is not directly of `context`.
    other_read: bool,
}

impl<'s> Checker<'s> {
    fn new(source: &'s MappedText, target: Target, known: Captures) -> Self {
        Self {
            source,
            target,
            diagnostics: Vec::new(),
            n_refusals: 0,
            used: Vec::new(),
            functions: Vec::new(),
            scopes: Vec::new(),
            found: known.clone(),
            known,
            facts: Facts::default(),
            use_of_response: ResponseUse::default(),
            direct: false,
            invoked: false,
            flow: Flow::start(),
            split: None,
            frames: Vec::new(),
            jumps: Jumps::default(),
            references: BTreeSet::new(),
            instances: Vec::new(),
            returns: lambda::ReturnsCache::default(),
            never_ends: false,
            overworked: None,
            checked: false,
            unchecked: false,
            work: 0,
            catches: 0,
        }
    }

    fn root(&mut self, root: Root<'_>) -> Ty {
        self.scopes.push(FunctionScope::new(self.wanted()));
        let (body, ty) = match root {
            Root::Expr(expr) => {
                let typed = self.bind_object(expr);
                let (node, ty) = self.fit_target(typed);
                (FunctionBody::Expr(node), ty)
            }
            Root::Block(block) => self.root_block(block),
        };
        let scope = self.scopes.pop().unwrap_or_else(|| FunctionScope::new(None));
        let function = Function { n_slots: scope.n_slots(), cells: Box::default(), body };
        self.functions.push(function);
        ty
    }

    fn root_block(&mut self, block: &Block) -> (FunctionBody, Ty) {
        let code = self.block(block);
        if self.flow.reachable {
            let end = block.at.end;
            let at = At { start: end.saturating_sub(1), end };
            self.error(ErrorCode::EXPR_FLOW, at, "not all paths return a value");
        }
        let returns: Vec<Ty> = self
            .scopes
            .last()
            .map(|scope| scope.returns.iter().map(|typed| typed.ty.clone()).collect())
            .unwrap_or_default();
        let ty = match self.target {
            Target::Bool => Ty::BOOL,
            Target::Text => Ty::STRING,
            Target::Any | Target::Int => Self::common_type(&returns),
        };
        (FunctionBody::Block(code), ty)
    }

    /// The type of a body whose returns are of these types: theirs when it is one, `object` else.
    fn common_type(returns: &[Ty]) -> Ty {
        let mut known = returns.iter().filter(|ty| !matches!(ty, Ty::Null | Ty::Error));
        match known.next() {
            Some(first) if known.all(|ty| ty == first) => first.clone(),
            None if returns.is_empty() => Ty::Void,
            _ => Ty::OBJECT,
        }
    }

    fn wanted(&self) -> Option<Ty> {
        match self.target {
            Target::Bool => Some(Ty::BOOL),
            Target::Any | Target::Text | Target::Int => None,
        }
    }

    /// Converts a result to what the place wants.
    fn fit_target(&mut self, typed: Typed) -> (Node, Ty) {
        if typed.ty.is_error() {
            return (typed.node, Ty::Error);
        }
        if typed.ty == Ty::Void {
            self.error(ErrorCode::EXPR_TYPE, typed.at, "the expression has no value");
            return (typed.node, Ty::Error);
        }
        if typed.ty != Ty::Null && typed.ty.is_untyped() {
            let message = format!("`{}` has a member without a type", typed.ty);
            self.error(ErrorCode::EXPR_TYPE, typed.at, message);
            return (typed.node, Ty::Error);
        }
        match self.target {
            Target::Any => {
                let ty = typed.ty.clone();
                (typed.node, ty)
            }
            // What is not a string already becomes one when the program has run.
            Target::Text => (typed.node, Ty::STRING),
            Target::Bool => (self.convert(typed, &Ty::BOOL), Ty::BOOL),
            Target::Int => {
                let integral = typed.ty.numeric().is_some_and(crate::types::Numeric::is_integral)
                    && typed.ty != Ty::CHAR;
                if !integral {
                    let message = format!("expected a whole number, found `{}`", typed.ty);
                    self.error(ErrorCode::EXPR_TYPE, typed.at, message);
                }
                let ty = typed.ty.clone();
                (typed.node, ty)
            }
        }
    }

    fn finish_facts(&mut self) {
        let uses = self.use_of_response;
        if uses.escapes && uses.other_body {
            self.facts.reads_response_body = true;
        }
        if uses.other_read {
            self.facts.consumes_request_body |= self.facts.reads_request_body;
            self.facts.consumes_response_body |= self.facts.reads_response_body;
        }
    }

    // Diagnostics.

    fn report(&mut self, diagnostic: Diagnostic) {
        // One mistake found on two ways is one mistake.
        if self.diagnostics.contains(&diagnostic) {
            return;
        }
        let severity = diagnostic.severity;
        let alike = self.diagnostics.iter().filter(|known| known.severity == severity).count();
        if alike < MOST_FINDINGS {
            self.diagnostics.push(diagnostic);
        }
    }

    fn diagnostic(&self, code: ErrorCode, at: At, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, message, self.source.span(at.range()))
    }

    fn error(&mut self, code: ErrorCode, at: At, message: impl Into<String>) {
        let diagnostic = self.diagnostic(code, at, message);
        self.report(diagnostic);
    }

    fn fail(&mut self, code: ErrorCode, at: At, message: impl Into<String>) -> Typed {
        self.error(code, at, message);
        Typed::error(at)
    }

    /// A name of the author's, or `***` when it came from a secret.
    fn shown(&self, at: At, text: &str) -> String {
        if self.source.is_secret(at.range()) { "***".to_owned() } else { text.to_owned() }
    }

    /// Counts work; false when there was too much.
    fn work(&mut self, at: At) -> bool {
        self.work += 1;
        if self.work == MAX_WORK {
            self.overworked = Some(at);
        }
        self.work < MAX_WORK
    }
}
