//! Lambdas and anonymous methods.

use std::collections::HashMap;

use tollgate_diagnostics::Code as ErrorCode;

use super::flow::Flow;
use super::scope::LocalKind;
use super::{Checker, Jumps, Typed};
use crate::Value;
use crate::eval::{Function, FunctionBody, Node, Place};
use crate::syntax::At;
use crate::syntax::ast::{Body, Expr, ExprKind, LambdaExpr, Name, Parameter, PassMode};
use crate::types::Ty;

/// What a function being left gives back to the one around it.
pub(super) struct Outside {
    frames: Vec<super::Frame>,
    jumps: Jumps,
    catches: u16,
    flow: Flow,
}

/// What a lambda returns, none when its body is wrong, and whether its end cannot be reached.
type Returned = (Option<Vec<Typed>>, bool);

/// What lambdas return, by the functions around them, their place and the types of their parameters.
#[derive(Debug, Default)]
pub(super) struct ReturnsCache {
    /// The functions around what is being checked, as one number.
    pub(super) context: u32,
    contexts: HashMap<(u32, u32, Vec<Ty>), u32>,
    known: HashMap<(u32, u32, Vec<Ty>), Returned>,
}

impl ReturnsCache {
    /// Enters a function; gives what to go back to.
    pub(super) fn enter(&mut self, declared: u32, types: &[Ty]) -> u32 {
        let next = u32::try_from(self.contexts.len()).unwrap_or(u32::MAX).saturating_add(1);
        let outer = self.context;
        let key = (outer, declared, types.to_vec());
        self.context = *self.contexts.entry(key).or_insert(next);
        outer
    }
}

impl Checker<'_> {
    /// A lambda as a delegate.
    pub(super) fn lambda_to(&mut self, lambda: &LambdaExpr, to: &Ty, at: At) -> Node {
        if to.is_error() {
            return Node::Const(Value::Null);
        }
        let Some((inputs, result)) = to.delegate() else {
            let message = format!("a lambda is not a `{to}`");
            self.error(ErrorCode::EXPR_TYPE, at, message);
            return Node::Const(Value::Null);
        };
        let n_parameters = lambda.parameters.as_ref().map_or(inputs.len(), Vec::len);
        if inputs.len() != n_parameters {
            let message =
                format!("the lambda has {n_parameters} parameters, `{to}` has {}", inputs.len());
            self.error(ErrorCode::EXPR_TYPE, at, message);
            return Node::Const(Value::Null);
        }
        let index = self.new_function();
        self.lambda_body(index, lambda, &inputs, Some(&result), at);
        let captures = self.function_captures(at.start);
        Node::Lambda { function: index, captures: captures.into(), ty: to.clone() }
    }

    /// Whether a lambda can be a delegate; when not `strict`, one whose body is wrong may.
    pub(super) fn lambda_fits(
        &mut self,
        lambda: &LambdaExpr,
        to: &Ty,
        at: At,
        strict: bool,
    ) -> bool {
        let Some((inputs, result)) = to.delegate() else { return false };
        let parameters = lambda.parameters.as_deref();
        if parameters.is_some_and(|parameters| parameters.len() != inputs.len()) {
            return false;
        }
        let quiet = self.diagnostics.len();
        let written =
            parameters.into_iter().flatten().zip(&inputs).all(|(parameter, input)| {
                parameter.ty.as_ref().is_none_or(|ty| self.ty(ty) == *input)
            });
        self.diagnostics.truncate(quiet);
        if !written {
            return false;
        }
        let Some(returns) = self.lambda_returns(lambda, &inputs, at) else { return !strict };
        if result == Ty::Void {
            return match &lambda.body {
                Body::Expr(expr) => {
                    Self::has_effect(expr) || matches!(expr.kind, ExprKind::Throw(_))
                }
                Body::Block(_) => returns.iter().all(|typed| typed.ty == Ty::Void),
            };
        }
        if let Body::Block(_) = &lambda.body
            && returns.is_empty()
        {
            return self.never_ends;
        }
        returns.iter().all(|typed| {
            typed.ty.is_error() || Self::implicit(&typed.ty, typed.value(), &result).is_some()
        })
    }

    /// What a lambda returns for parameters of these types; none when its body is wrong.
    pub(super) fn lambda_returns(
        &mut self,
        lambda: &LambdaExpr,
        inputs: &[Ty],
        at: At,
    ) -> Option<Vec<Typed>> {
        if !self.work(at) {
            return None;
        }
        let key = (self.returns.context, at.start, inputs.to_vec());
        if let Some((returns, never_ends)) = self.returns.known.get(&key) {
            self.never_ends = *never_ends;
            return returns.clone();
        }
        let errors = self.quiet_errors(|checker| {
            let index = checker.new_function();
            let returned = checker.lambda_body(index, lambda, inputs, None, at);
            checker.function_captures(at.start);
            returned
        });
        self.returns.known.insert(key, (errors.clone(), self.never_ends));
        errors
    }

    /// Whether a lambda's body is wrong for all types that its parameters were tried with; then it says why, for one
    /// of them.
    pub(super) fn explain_lambda(&mut self, lambda: &LambdaExpr, at: At) -> bool {
        let context = self.returns.context;
        let tried = self.returns.known.iter();
        let tried =
            tried.filter(|((inside, start, _), _)| (*inside, *start) == (context, at.start));
        let mut types = Vec::new();
        for ((_, _, inputs), (returns, _)) in tried {
            if returns.is_some() || inputs.iter().any(Ty::is_error) {
                return false;
            }
            types.push(inputs.clone());
        }
        // The same one each time, whatever the order of the map.
        types.sort_by_cached_key(|inputs| format!("{inputs:?}"));
        let Some(inputs) = types.first() else { return false };
        let before = self.diagnostics.len();
        let index = self.new_function();
        self.lambda_body(index, lambda, inputs, None, at);
        self.diagnostics.iter().skip(before).any(tollgate_diagnostics::Diagnostic::is_error)
    }

    /// Checks without a trace; none when there were errors. What C# would leave to run time makes no lambda unfit: it is
    /// reported when the overload is known.
    fn quiet_errors<T>(&mut self, check: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let (before, refused) = (self.diagnostics.len(), self.n_refusals);
        let (result, failed) = self.quietly(|checker| {
            let result = check(checker);
            let found = checker.diagnostics.iter().skip(before);
            let errors = found.filter(|found| found.is_error()).count();
            (result, errors > checker.n_refusals - refused)
        });
        self.n_refusals = refused;
        (!failed).then_some(result)
    }

    /// A place among the functions for one whose body is not known yet.
    pub(super) fn new_function(&mut self) -> u32 {
        let index = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(Function {
            n_slots: 0,
            cells: Box::default(),
            body: FunctionBody::Expr(Node::Const(Value::Null)),
        });
        index
    }

    fn lambda_body(
        &mut self,
        index: u32,
        lambda: &LambdaExpr,
        inputs: &[Ty],
        result: Option<&Ty>,
        at: At,
    ) -> Vec<Typed> {
        let flow = self.flow.clone();
        let outside = self.go_inside();
        let context = self.returns.enter(at.start, inputs);
        self.flow = flow;
        // It is checked even where it can never be made.
        self.flow.reachable = true;
        self.enter_function(at.start, result.cloned());
        let cells = self.lambda_parameters(lambda, inputs);
        let body = self.function_body(&lambda.body, result, at);
        self.never_ends = !self.flow.reachable && matches!(lambda.body, Body::Block(_));
        let scope = self.leave_function();
        self.returns.context = context;
        self.come_back(outside);
        if let Some(place) = self.functions.get_mut(index as usize) {
            *place = Function { n_slots: scope.n_slots(), cells: cells.into(), body };
        }
        scope.returns
    }

    /// Declares the parameters; the slots of those that lambdas inside capture.
    fn lambda_parameters(&mut self, lambda: &LambdaExpr, inputs: &[Ty]) -> Vec<u16> {
        let mut cells = Vec::new();
        let Some(parameters) = &lambda.parameters else {
            for _ in inputs {
                self.new_slot();
            }
            return cells;
        };
        let n_typed = parameters.iter().filter(|parameter| parameter.ty.is_some()).count();
        if n_typed != 0 && n_typed != parameters.len() {
            let at = parameters.first().map_or(At::default(), |parameter| parameter.name.at);
            let message = "either all parameters of a lambda have types or none has";
            self.error(ErrorCode::EXPR_SYNTAX, at, message);
        }
        for (parameter, input) in parameters.iter().zip(inputs) {
            let range = parameter.mode == PassMode::Range;
            if parameter.mode != PassMode::Value && !range {
                let message = "the parameters of a lambda cannot be `ref`, `out` or `params` here";
                self.error(ErrorCode::EXPR_TYPE, parameter.name.at, message);
            }
            let own = parameter.ty.as_ref().map(|ty| self.ty(ty));
            if let Some(own) = &own
                && own != input
                && !own.is_error()
                && !input.is_open()
            {
                let message = format!("the parameter is a `{input}`, not a `{own}`");
                self.error(ErrorCode::EXPR_TYPE, parameter.name.at, message);
            }
            let ty = own.unwrap_or_else(|| input.clone());
            if let Place::Cell(slot) = self.declare_variable(&parameter.name, ty, range) {
                cells.push(slot);
            }
        }
        cells
    }

    /// Enters a function: loops, labels and handlers around it mean nothing inside.
    pub(super) fn go_inside(&mut self) -> Outside {
        let jumps = std::mem::take(&mut self.jumps);
        let labels = jumps.labels.iter().flatten().map(|label| &label.name);
        self.jumps.around = jumps.around.iter().chain(labels).cloned().collect();
        Outside {
            frames: std::mem::take(&mut self.frames),
            jumps,
            catches: std::mem::take(&mut self.catches),
            flow: self.end_flow(),
        }
    }

    pub(super) fn come_back(&mut self, outside: Outside) {
        self.frames = outside.frames;
        self.jumps = outside.jumps;
        self.catches = outside.catches;
        self.flow = outside.flow;
    }

    /// The body of a lambda or local function; an error when its end can be reached and must not.
    pub(super) fn function_body(
        &mut self,
        body: &Body,
        result: Option<&Ty>,
        at: At,
    ) -> FunctionBody {
        let block = match body {
            Body::Expr(expr) => return self.expression_body(expr, result),
            Body::Block(block) => block,
        };
        let code = self.block(block);
        let returns_value = match result {
            Some(ty) => *ty != Ty::Void,
            None => self
                .scopes
                .last()
                .is_some_and(|scope| scope.returns.iter().any(|typed| typed.ty != Ty::Void)),
        };
        if self.flow.reachable {
            if returns_value {
                self.error(ErrorCode::EXPR_FLOW, at, "not all paths return a value");
            }
            self.leaves_function(at);
        }
        FunctionBody::Block(code)
    }

    fn expression_body(&mut self, expr: &Expr, result: Option<&Ty>) -> FunctionBody {
        let typed = match result {
            Some(Ty::Void) => {
                let before = self.diagnostics.len();
                let typed = self.bind(expr);
                if self.diagnostics.len() == before && !matches!(expr.kind, ExprKind::Throw(_)) {
                    self.is_statement(expr);
                }
                Typed::new(typed.node, Ty::Void, expr.at)
            }
            Some(result) => Typed::new(self.bind_to(expr, result), result.clone(), expr.at),
            None => self.bind_unconverted(expr),
        };
        let node = typed.node.clone();
        if let Some(scope) = self.scopes.last_mut() {
            scope.returns.push(typed);
        }
        self.leaves_function(expr.at);
        FunctionBody::Expr(node)
    }

    /// A value before the type it will be converted to is known.
    fn bind_unconverted(&mut self, expr: &Expr) -> Typed {
        match &expr.kind {
            ExprKind::Throw(_) | ExprKind::Default(None) => {
                let typed = match &expr.kind {
                    ExprKind::Throw(value) => self.throw(value, expr.at),
                    _ => Typed::error(expr.at),
                };
                // It takes any type.
                Typed { ty: Ty::Error, ..typed }
            }
            _ => self.bind(expr),
        }
    }

    /// The best type of what a body returns; an error when there is none.
    pub(super) fn returned(returns: &[Typed]) -> Ty {
        let types = || returns.iter().map(|typed| &typed.ty).filter(|ty| !ty.is_error());
        match types().next() {
            None => Ty::Void,
            Some(_) if types().all(Ty::is_untyped) => Ty::Null,
            Some(_) => Self::best_type(types()).unwrap_or(Ty::Error),
        }
    }

    /// Records that the function is left here: its `out` parameters must be assigned.
    pub(super) fn leaves_function(&mut self, at: At) {
        if !self.flow.reachable {
            return;
        }
        let outs = self.scopes.last().map(|scope| scope.outs.clone()).unwrap_or_default();
        if outs.iter().any(|declared| self.flow.unassigned.contains(declared)) {
            let message = "an `out` parameter must be assigned before the function is left";
            self.error(ErrorCode::EXPR_FLOW, at, message);
        }
        let flow = self.flow.clone();
        if let Some(scope) = self.scopes.last_mut() {
            scope.end.join(flow);
        }
    }

    /// A parameter that is a variable of the caller: the slot holds its cell.
    pub(super) fn declare_reference(&mut self, parameter: &Parameter, ty: Ty) {
        let slot = self.new_slot();
        let name: &Name = &parameter.name;
        self.references.insert(name.at.start);
        self.declare(name, LocalKind::Variable { slot, ty, cell: true, read_only: false });
    }
}
