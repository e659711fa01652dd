//! Lambdas, method groups and local functions.

use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::Group;
use super::scope::{LocalFunction, LocalKind};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Code, Function, FunctionBody, Node, Place};
use crate::syntax::At;
use crate::syntax::ast::{Body, Name, Parameter, TypeRef};
use crate::types::Ty;

impl Checker<'_> {
    /// A lambda as a delegate.
    pub(super) fn lambda_to(
        &mut self,
        parameters: &[Parameter],
        body: &Body,
        to: &Ty,
        at: At,
    ) -> Node {
        if to.is_error() {
            return Node::Const(Value::Null);
        }
        let Some((inputs, result)) = to.delegate() else {
            self.error(ErrorCode::EXPR_TYPE, at, format!("a lambda is not a `{to}`"));
            return Node::Const(Value::Null);
        };
        if inputs.len() != parameters.len() {
            let message = format!(
                "the lambda has {} parameters, `{to}` has {}",
                parameters.len(),
                inputs.len()
            );
            self.error(ErrorCode::EXPR_TYPE, at, message);
            return Node::Const(Value::Null);
        }
        let (function, captures, _) =
            self.function(parameters, body, &inputs, Some(&result), at.start, at);
        Node::Lambda { function, captures: captures.into(), ty: to.clone() }
    }

    /// What a lambda returns for parameters of these types; none when its body is wrong.
    pub(super) fn lambda_result(
        &mut self,
        parameters: &[Parameter],
        body: &Body,
        inputs: &[Ty],
        at: At,
    ) -> Option<Ty> {
        if !self.work(at) {
            return None;
        }
        let before = self.diagnostics.len();
        let functions = self.functions.len();
        let (unassigned, facts, uses) = (self.unassigned.clone(), self.facts, self.use_of_response);
        let (_, _, returned) = self.function(parameters, body, inputs, None, at.start, at);
        let failed =
            self.diagnostics.iter().skip(before).any(tollgate_diagnostics::Diagnostic::is_error);
        self.diagnostics.truncate(before);
        self.functions.truncate(functions);
        (self.unassigned, self.facts, self.use_of_response) = (unassigned, facts, uses);
        (!failed).then_some(returned)
    }

    /// Checks a function: its index, the slots it captures, what it returns.
    fn function(
        &mut self,
        parameters: &[Parameter],
        body: &Body,
        inputs: &[Ty],
        result: Option<&Ty>,
        declared: u32,
        at: At,
    ) -> (u32, Vec<u16>, Ty) {
        let index = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(Function {
            n_slots: 0,
            cells: Box::default(),
            body: FunctionBody::Expr(Node::Const(Value::Null)),
        });
        let returned = self.fill_function(index, parameters, body, inputs, result, declared, at);
        let captures = self.function_captures(declared);
        (index, captures, returned)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a function")]
    fn fill_function(
        &mut self,
        index: u32,
        parameters: &[Parameter],
        body: &Body,
        inputs: &[Ty],
        result: Option<&Ty>,
        declared: u32,
        at: At,
    ) -> Ty {
        let loops = std::mem::take(&mut self.loops);
        let catches = std::mem::take(&mut self.catches);
        self.enter_function(declared, result.cloned());
        let mut cells = Vec::new();
        for (parameter, input) in parameters.iter().zip(inputs) {
            let own = parameter.ty.as_ref().map(|ty| self.ty(ty));
            if let Some(own) = own.filter(|own| own != input && !own.is_error() && !input.is_open())
            {
                let message = format!("the parameter is a `{input}`, not a `{own}`");
                self.error(ErrorCode::EXPR_TYPE, parameter.name.at, message);
            }
            let ty = parameter.ty.as_ref().map_or_else(|| input.clone(), |ty| self.ty(ty));
            if let Place::Cell(slot) = self.declare_variable(&parameter.name, ty, false) {
                cells.push(slot);
            }
        }
        let body = match body {
            Body::Expr(expr) => self.expression_body(expr, result),
            Body::Block(block) => {
                let (code, reachable) = self.block(block);
                let returns_value = match result {
                    Some(ty) => *ty != Ty::Void,
                    None => self
                        .scopes
                        .last()
                        .is_some_and(|scope| scope.returns.iter().any(|ty| *ty != Ty::Void)),
                };
                if reachable && returns_value {
                    self.error(ErrorCode::EXPR_FLOW, at, "not all paths return a value");
                }
                FunctionBody::Block(code)
            }
        };
        let scope = self.leave_function();
        (self.loops, self.catches) = (loops, catches);
        if let Some(place) = self.functions.get_mut(index as usize) {
            *place = Function { n_slots: scope.n_slots(), cells: cells.into(), body };
        }
        Self::returned(&scope.returns)
    }

    fn expression_body(
        &mut self,
        expr: &crate::syntax::ast::Expr,
        result: Option<&Ty>,
    ) -> FunctionBody {
        let (node, ty) = match result {
            Some(Ty::Void) => {
                let typed = self.bind(expr);
                (typed.node, Ty::Void)
            }
            Some(result) => (self.bind_to(expr, result), result.clone()),
            None => {
                let typed = self.bind(expr);
                (typed.node, typed.ty)
            }
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.returns.push(ty);
        }
        FunctionBody::Expr(node)
    }

    /// The best type of what a body returns.
    fn returned(returns: &[Ty]) -> Ty {
        let mut best: Option<Ty> = None;
        for ty in returns {
            best = Some(match best {
                None | Some(Ty::Null) => ty.clone(),
                Some(known) if Self::implicit(&known, None, ty).is_some() && known != *ty => {
                    ty.clone()
                }
                Some(known) => known,
            });
        }
        best.unwrap_or(Ty::Void)
    }

    // Method groups.

    /// What a method group returns for parameters of these types.
    pub(super) fn group_result(&mut self, group: &Group, inputs: &[Ty]) -> Option<Ty> {
        let args = inputs.iter().map(|ty| {
            Self::passed(Typed::new(Node::Const(Value::Null), ty.clone(), group.name.at))
        });
        let args = args.collect();
        let before = self.diagnostics.len();
        let choice = self.choose(&group.members, &group.types, args, "", group.name.at, false);
        self.diagnostics.truncate(before);
        let (chosen, ..) = choice?;
        Some(chosen.member.result.substitute(&chosen.class, &chosen.method))
    }

    /// A method group as a delegate: a function that calls the method.
    pub(super) fn group_to(&mut self, group: &Group, to: &Ty) -> Node {
        let at = group.name.at;
        let Some((inputs, result)) = to.delegate() else {
            self.error(ErrorCode::EXPR_TYPE, at, format!("a method is not a `{to}`"));
            return Node::Const(Value::Null);
        };
        if group.target.is_some() {
            let diagnostic = self
                .diagnostic(ErrorCode::EXPR_UNSUPPORTED, at, "methods of a value cannot be passed")
                .help("write a lambda: `x => …`");
            self.report(diagnostic);
            return Node::Const(Value::Null);
        }
        let parameters = inputs.iter().zip(0u16..);
        let args = parameters
            .map(|(ty, slot)| Self::passed(Typed::new(Node::Local(slot), ty.clone(), at)))
            .collect();
        let name = group.name.text.clone();
        let Some(choice) = self.choose(&group.members, &group.types, args, &name, at, true) else {
            return Node::Const(Value::Null);
        };
        let (chosen, nodes, _) = choice;
        let returned = chosen.member.result.substitute(&chosen.class, &chosen.method);
        let mut types = chosen.class.clone();
        types.extend(chosen.method.clone());
        let call = Node::Call(Box::new(crate::eval::Call {
            run: chosen.member.run,
            args: nodes.into(),
            types: types.into(),
            receiver: false,
            outs: Box::default(),
            set: None,
            at: at.start,
        }));
        let body = if result == Ty::Void {
            call
        } else {
            self.convert(Typed::new(call, returned, at), &result)
        };
        self.small_function(inputs.len(), body, to)
    }

    /// A function of so many parameters in the first slots.
    fn small_function(&mut self, n_params: usize, body: Node, to: &Ty) -> Node {
        let index = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(Function {
            n_slots: u16::try_from(n_params).unwrap_or(u16::MAX),
            cells: Box::default(),
            body: FunctionBody::Expr(body),
        });
        Node::Lambda { function: index, captures: Box::default(), ty: to.clone() }
    }

    /// A local function as a delegate.
    pub(super) fn function_to(&mut self, function: &Arc<LocalFunction>, to: &Ty, at: At) -> Node {
        let Some((inputs, result)) = to.delegate() else {
            self.error(ErrorCode::EXPR_TYPE, at, format!("a local function is not a `{to}`"));
            return Node::Const(Value::Null);
        };
        let same = inputs.len() == function.params.len()
            && inputs.iter().zip(&function.params).all(|(input, (_, ty, _))| input == ty)
            && (result == function.result || result == Ty::Void);
        if !same {
            self.error(ErrorCode::EXPR_TYPE, at, format!("the local function does not fit `{to}`"));
            return Node::Const(Value::Null);
        }
        let captures = self.function_captures(function.declared);
        Node::Lambda { function: function.index, captures: captures.into(), ty: to.clone() }
    }

    // Local functions.

    /// Declares a local function, so that what stands before it can call it.
    pub(super) fn declare_function(&mut self, ty: &TypeRef, name: &Name, parameters: &[Parameter]) {
        let result = self.ty(ty);
        let mut params = Vec::new();
        for parameter in parameters {
            let ty = parameter.ty.as_ref().map_or(Ty::Error, |ty| self.ty(ty));
            let default = parameter.default.as_ref().map(|default| {
                let node = self.bind_to(default, &ty);
                node.constant().cloned().unwrap_or_default()
            });
            params.push((parameter.name.text.clone(), ty, default));
        }
        let index = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(Function {
            n_slots: 0,
            cells: Box::default(),
            body: FunctionBody::Block(Code::Block(Box::default())),
        });
        let function = LocalFunction { index, declared: name.at.start, params, result };
        self.declare(name, LocalKind::Function(Arc::new(function)));
    }

    /// Checks the body of a declared local function.
    pub(super) fn local_function(&mut self, name: &Name, parameters: &[Parameter], body: &Body) {
        let Some(local) = self.local(&name.text) else { return };
        let LocalKind::Function(function) = local.kind else { return };
        let inputs: Vec<Ty> = function.params.iter().map(|(_, ty, _)| ty.clone()).collect();
        let unassigned = std::mem::take(&mut self.unassigned);
        self.fill_function(
            function.index,
            parameters,
            body,
            &inputs,
            Some(&function.result),
            function.declared,
            name.at,
        );
        self.unassigned = unassigned;
        // What a called function captures, its caller captures too.
        self.function_captures(function.declared);
    }
}
