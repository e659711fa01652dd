//! Local functions.

use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::overload::{Argument, Fit, Handed, Passed};
use super::scope::{LocalFunction, LocalKind};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Function, Node, Place, default_value};
use crate::syntax::At;
use crate::syntax::ast::{
    Arg, ArgValue, Constraint, Expr, ExprKind, FunctionDecl, Parameter, PassMode,
};
use crate::types::{METHOD_PARAM, OpaqueTy, ParamInfo, ParamMode, Ty};

/// A generic local function with its type arguments.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    declared: u32,
    types: Vec<Ty>,
    index: u32,
}

impl Checker<'_> {
    /// Declares a local function, so that what stands before it can call it.
    pub(super) fn declare_function(&mut self, decl: &FunctionDecl) {
        self.type_parameters(decl);
        let types = decl.types.iter().zip(0u8..);
        let types = types.map(|(name, n)| (name.text.clone(), Ty::Param(METHOD_PARAM + n)));
        let types: Vec<_> = types.collect();
        let n_types = types.len();
        if let Some(scope) = self.scopes.last_mut() {
            scope.types.extend(types);
        }
        let result = self.ty(&decl.ty);
        let params: Vec<ParamInfo> =
            decl.parameters.iter().map(|parameter| self.parameter(parameter)).collect();
        self.parameter_order(decl);
        if let Some(scope) = self.scopes.last_mut() {
            let keep = scope.types.len().saturating_sub(n_types);
            scope.types.truncate(keep);
        }
        let index = self.new_function();
        let function = LocalFunction {
            index,
            declared: decl.name.at.start,
            name: decl.name.text.clone(),
            params,
            result,
            generic: (n_types > 0).then(|| Arc::new(decl.clone())),
        };
        self.declare(&decl.name, LocalKind::Function(Arc::new(function)));
    }

    /// Reports type parameters that are there twice, and constraints of none.
    fn type_parameters(&mut self, decl: &FunctionDecl) {
        for (index, name) in decl.types.iter().enumerate() {
            if decl.types.iter().take(index).any(|other| other.text == name.text) {
                let shown = self.shown(name.at, &name.text);
                let message = format!("a type parameter named `{shown}` is already declared");
                self.error(ErrorCode::EXPR_DUPLICATE, name.at, message);
            }
        }
        for (name, _) in &decl.constraints {
            if decl.types.iter().all(|own| own.text != name.text) {
                let shown = self.shown(name.at, &name.text);
                let message = format!("the function has no type parameter `{shown}`");
                self.error(ErrorCode::EXPR_UNKNOWN_NAME, name.at, message);
            }
        }
    }

    fn parameter(&mut self, parameter: &Parameter) -> ParamInfo {
        let ty = parameter.ty.as_ref().map_or(Ty::Error, |ty| self.ty(ty));
        let mode = match parameter.mode {
            PassMode::Value | PassMode::In | PassMode::Range => ParamMode::Value,
            PassMode::Out => ParamMode::Out,
            PassMode::Ref => ParamMode::Ref,
            PassMode::Params => ParamMode::Params,
        };
        if mode == ParamMode::Params && !matches!(ty, Ty::Array(_) | Ty::Error) {
            let message = "a `params` parameter must be an array";
            self.error(ErrorCode::EXPR_TYPE, parameter.name.at, message);
        }
        let default = parameter.default.as_ref().map(|default| {
            let value = self.parameter_default(default, &ty);
            if value.is_none() && !ty.is_error() {
                let message = "the default of a parameter must be a constant";
                self.error(ErrorCode::EXPR_CONSTANT, default.at, message);
            }
            value.unwrap_or_default()
        });
        ParamInfo { name: parameter.name.text.clone(), ty, mode, default }
    }

    /// The default of a parameter: a constant, `default` or a `new` without arguments.
    fn parameter_default(&mut self, default: &Expr, ty: &Ty) -> Option<Value> {
        let made = match &default.kind {
            ExprKind::Default(_) => true,
            ExprKind::New { args, init: None, .. } => {
                args.as_ref().is_none_or(Vec::is_empty) && ty.is_value_type()
            }
            _ => false,
        };
        let node = if made {
            self.bind_to(default, ty)
        } else {
            let typed = self.bind(default);
            let constant = typed.constant;
            let node = self.convert(typed, ty);
            if !constant {
                return None;
            }
            node
        };
        let value = node.constant()?;
        // Of references other than strings null alone is a constant.
        let text = *ty == Ty::STRING || !ty.is_reference();
        (text || value.is_null()).then(|| value.clone())
    }

    fn parameter_order(&mut self, decl: &FunctionDecl) {
        let mut optional = false;
        let last = decl.parameters.len().saturating_sub(1);
        for (index, parameter) in decl.parameters.iter().enumerate() {
            let at = parameter.name.at;
            if parameter.mode == PassMode::Params && index != last {
                self.error(ErrorCode::EXPR_SYNTAX, at, "a `params` parameter must be the last");
            }
            if parameter.default.is_some()
                && !matches!(parameter.mode, PassMode::Value | PassMode::In)
            {
                self.error(ErrorCode::EXPR_SYNTAX, at, "this parameter cannot have a default");
            }
            if optional && parameter.default.is_none() && parameter.mode != PassMode::Params {
                let message = "parameters with a default come after those without";
                self.error(ErrorCode::EXPR_SYNTAX, at, message);
            }
            optional |= parameter.default.is_some();
        }
    }

    /// Checks the body of a declared local function.
    pub(super) fn local_function(&mut self, decl: &FunctionDecl) {
        let Some(local) = self.local(&decl.name.text) else { return };
        let LocalKind::Function(function) = local.kind else { return };
        let types = self.opaque_types(decl);
        let functions = self.functions.len();
        let instances = self.instances.len();
        self.fill_function(function.index, decl, &function, types);
        if function.generic.is_some() {
            // It runs with real types only; this was to find its mistakes.
            self.functions.truncate(functions);
            self.instances.truncate(instances);
        }
        // What a called function captures, its caller captures too.
        self.function_captures(function.declared);
    }

    /// The type parameters of a function as types of which only the constraints are known.
    fn opaque_types(&mut self, decl: &FunctionDecl) -> Vec<(Arc<str>, Ty)> {
        let mut types = Vec::new();
        for name in &decl.types {
            let mut opaque = OpaqueTy { name: name.text.clone(), ..OpaqueTy::default() };
            let constraints = decl.constraints.iter().filter(|(own, _)| own.text == name.text);
            let constraints: Vec<&Constraint> =
                constraints.flat_map(|(_, constraints)| constraints).collect();
            let own = Ty::Opaque(Arc::new(opaque.clone()));
            let mut scope = types.clone();
            scope.push((name.text.clone(), own));
            let n_types = scope.len();
            if let Some(function) = self.scopes.last_mut() {
                function.types.extend(scope);
            }
            for constraint in constraints {
                match constraint {
                    Constraint::Class => opaque.class = true,
                    Constraint::Struct => opaque.value = true,
                    Constraint::New => opaque.new = true,
                    Constraint::Base(ty) => {
                        let base = self.ty(ty);
                        if !base.is_error() {
                            opaque.bases.push(base);
                        }
                    }
                }
            }
            if let Some(function) = self.scopes.last_mut() {
                let keep = function.types.len().saturating_sub(n_types);
                function.types.truncate(keep);
            }
            types.push((name.text.clone(), Ty::Opaque(Arc::new(opaque))));
        }
        types
    }

    fn fill_function(
        &mut self,
        index: u32,
        decl: &FunctionDecl,
        function: &LocalFunction,
        types: Vec<(Arc<str>, Ty)>,
    ) {
        let method: Vec<Ty> = types.iter().map(|(_, ty)| ty.clone()).collect();
        let result = function.result.substitute(&[], &method);
        let foreign = self.all_variables();
        let outside = self.go_inside();
        let context = self.returns.enter(function.declared, &method);
        self.flow.reachable = true;
        self.flow.unassigned.clone_from(&foreign);
        self.enter_function(function.declared, Some(result.clone()));
        if let Some(scope) = self.scopes.last_mut() {
            scope.foreign.clone_from(&foreign);
            scope.types = types;
        }
        let mut cells = Vec::new();
        for (parameter, param) in decl.parameters.iter().zip(&function.params) {
            let ty = param.ty.substitute(&[], &method);
            match parameter.mode {
                PassMode::Value | PassMode::In | PassMode::Range | PassMode::Params => {
                    let fixed = parameter.mode == PassMode::In;
                    if let Place::Cell(slot) = self.declare_variable(&parameter.name, ty, fixed) {
                        cells.push(slot);
                    }
                }
                PassMode::Ref => self.declare_reference(parameter, ty),
                PassMode::Out => {
                    self.declare_reference(parameter, ty);
                    let declared = parameter.name.at.start;
                    self.mark_unassigned(declared);
                    if let Some(scope) = self.scopes.last_mut() {
                        scope.outs.push(declared);
                    }
                }
            }
        }
        let body = self.function_body(&decl.body, Some(&result), decl.name.at);
        let scope = self.leave_function();
        self.returns.context = context;
        self.come_back(outside);
        let writes = foreign.difference(&scope.end.unassigned).copied().collect();
        self.found.writes.insert(function.declared, writes);
        if let Some(place) = self.functions.get_mut(index as usize) {
            *place = Function { n_slots: scope.n_slots(), cells: cells.into(), body };
        }
    }

    // Calls.

    pub(super) fn call_function(
        &mut self,
        function: &Arc<LocalFunction>,
        types: &[Ty],
        args: &[Arg],
        at: At,
    ) -> Typed {
        let bound = self.arguments(args);
        if self.broken(&bound) {
            self.declare_outs(bound);
            return Typed::error(at);
        }
        let Some(fit) = self.function_fit(function, types, &bound) else {
            self.no_function(function, types, bound, at);
            return Typed::error(at);
        };
        self.share_variables(args);
        let Some(handed) = self.pass(&fit, bound) else { return Typed::error(at) };
        self.use_function(function.declared, at);
        let typed = self.function_call(function, &fit, handed, at);
        self.after_function(function.declared);
        for arg in args {
            if let ArgValue::Out(expr) = &arg.value {
                self.assigned(expr);
            }
        }
        typed
    }

    fn function_fit<'f>(
        &mut self,
        function: &'f LocalFunction,
        types: &[Ty],
        args: &[Argument<'_>],
    ) -> Option<Fit<'f>> {
        let n_types = function.generic.as_ref().map_or(0, |decl| decl.types.len());
        for strict in [true, false] {
            for expanded in [false, true] {
                let params = &function.params;
                let class = Vec::new();
                if let Some(fit) = self.fit(params, n_types, class, types, args, expanded, strict) {
                    return Some(fit);
                }
            }
        }
        None
    }

    fn no_function(
        &mut self,
        function: &LocalFunction,
        types: &[Ty],
        args: Vec<Argument<'_>>,
        at: At,
    ) {
        let name = self.shown(at, &function.name);
        let n_types = function.generic.as_ref().map_or(0, |decl| decl.types.len());
        if !types.is_empty() && types.len() != n_types {
            let message = format!("`{name}` takes {n_types} type arguments");
            self.error(ErrorCode::EXPR_TYPE, at, message);
            return self.declare_outs(args);
        }
        let n_params = function.params.len();
        if n_params != args.len() {
            let message = format!("`{name}` takes {n_params} arguments, found {}", args.len());
            self.error(ErrorCode::EXPR_TYPE, at, message);
            return self.declare_outs(args);
        }
        if n_types > 0 && types.is_empty() {
            self.no_inference(&function.name, &name, at);
            return self.declare_outs(args);
        }
        let wrong = args.iter().zip(&function.params).find_map(|(arg, param)| {
            let Passed::Value(typed) = &arg.value else { return None };
            let to = param.ty.substitute(&[], types);
            let fits = Self::implicit(&typed.ty, typed.value(), &to).is_some();
            (!fits && param.mode == ParamMode::Value).then(|| (typed.clone(), to))
        });
        if let Some((typed, to)) = wrong {
            self.no_conversion(&typed, &to);
        } else {
            let message = format!("the arguments of `{name}` do not fit its parameters");
            self.error(ErrorCode::EXPR_TYPE, at, message);
        }
        self.declare_outs(args);
    }

    /// Variables that are passed by reference live in cells.
    fn share_variables(&mut self, args: &[Arg]) {
        for arg in args {
            match &arg.value {
                ArgValue::Out(expr) => {
                    if let ExprKind::Name(name, _) = &expr.kind
                        && let Some(local) = self.local(name)
                        && !self.references.contains(&local.declared)
                    {
                        self.found.cells.insert(local.declared);
                    }
                }
                ArgValue::OutVar(_, name) => {
                    self.found.cells.insert(name.at.start);
                }
                ArgValue::Expr(_) | ArgValue::Ref(_) => {}
            }
        }
    }

    fn function_call(
        &mut self,
        function: &Arc<LocalFunction>,
        fit: &Fit<'_>,
        handed: Handed,
        at: At,
    ) -> Typed {
        let result = function.result.substitute(&[], &fit.method);
        let Handed { nodes, outs, mut before, after } = handed;
        let mut args = Vec::new();
        for (index, (node, param)) in nodes.into_iter().zip(&function.params).enumerate() {
            if !matches!(param.mode, ParamMode::Out | ParamMode::Ref) {
                args.push(node);
                continue;
            }
            let place = outs.iter().find(|(own, _)| *own == index).map(|(_, place)| *place);
            let slot = if let Some(Place::Local(slot) | Place::Cell(slot)) = place {
                // A new variable makes its cell.
                if matches!(node, Node::Seq(..)) {
                    before.push(node);
                }
                slot
            } else {
                let slot = self.new_slot();
                before.push(Node::NewCell(slot));
                slot
            };
            args.push(Node::Local(slot));
        }
        let index = self.instance(function, &fit.method);
        let captures = self.function_captures(function.declared);
        let call = Node::CallFunction {
            function: index,
            captures: captures.into(),
            args: args.into(),
            at: at.start,
        };
        let node = self.around(before, call, after);
        Typed::new(node, result, at)
    }

    /// A call with what is done before and after it.
    pub(super) fn around(&mut self, mut before: Vec<Node>, call: Node, after: Vec<Node>) -> Node {
        if before.is_empty() && after.is_empty() {
            return call;
        }
        if after.is_empty() {
            return Node::Seq(before.into(), call.boxed());
        }
        let result = self.temporary();
        before.push(Self::write(result, call));
        before.extend(after);
        Node::Seq(before.into(), Self::read(result).boxed())
    }

    /// The function itself, or the generic one for these type arguments.
    fn instance(&mut self, function: &Arc<LocalFunction>, types: &[Ty]) -> u32 {
        let Some(decl) = function.generic.clone() else { return function.index };
        let same = |known: &&Instance| known.declared == function.declared && known.types == types;
        if let Some(known) = self.instances.iter().find(same) {
            return known.index;
        }
        let index = self.new_function();
        let declared = function.declared;
        self.instances.push(Instance { declared, types: types.to_vec(), index });
        if !self.work(decl.name.at) || types.iter().any(Ty::is_opaque) {
            return index;
        }
        self.constraints_hold(&decl, types);
        let names = decl.types.iter().map(|name| name.text.clone());
        let types = names.zip(types.iter().cloned()).collect();
        let before = self.diagnostics.len();
        let fatal = |checker: &Self| checker.work >= super::MAX_WORK;
        self.fill_function(index, &decl, function, types);
        if !fatal(self) {
            // Its mistakes are found where it is declared.
            self.diagnostics.truncate(before);
        }
        index
    }

    fn constraints_hold(&mut self, decl: &FunctionDecl, types: &[Ty]) {
        for (name, ty) in decl.types.iter().zip(types) {
            let constraints = decl.constraints.iter().filter(|(own, _)| own.text == name.text);
            for constraint in constraints.flat_map(|(_, constraints)| constraints) {
                let holds = match constraint {
                    Constraint::Class => ty.is_reference(),
                    Constraint::Struct => ty.is_value_type() && ty.nullable_inner().is_none(),
                    Constraint::New | Constraint::Base(_) => true,
                };
                if !holds {
                    let message = format!("`{ty}` does not fit the constraints of `{}`", name.text);
                    self.error(ErrorCode::EXPR_TYPE, name.at, message);
                }
            }
        }
    }

    /// A call or a delegate of a local function needs what it reads and assigns what it writes.
    pub(super) fn use_function(&mut self, declared: u32, at: At) {
        let reads = self.known.reads.get(&declared).cloned().unwrap_or_default();
        for read in reads {
            if !self.is_declared(read) {
                let message = "the function reads a variable that is not assigned here";
                self.error(ErrorCode::EXPR_FLOW, at, message);
            } else if self.flow.unassigned.contains(&read) {
                self.read_unassigned(read, at, "a variable that the function reads");
            }
        }
    }

    /// What a called function has certainly assigned is assigned.
    pub(super) fn after_function(&mut self, declared: u32) {
        let writes = self.known.writes.get(&declared).cloned().unwrap_or_default();
        for write in writes {
            self.mark_assigned(write);
        }
    }

    /// A variable is read that may be unassigned.
    pub(super) fn read_unassigned(&mut self, declared: u32, at: At, shown: &str) {
        let scopes = self.scopes.iter().rev();
        let function = scopes
            .filter(|scope| scope.foreign.contains(&declared))
            .find_map(|scope| scope.declared);
        if let Some(function) = function {
            // Whoever calls the function answers for it.
            self.found.reads.entry(function).or_default().insert(declared);
            return;
        }
        let message = format!("{shown} is used before it is assigned");
        self.error(ErrorCode::EXPR_FLOW, at, message);
        self.mark_assigned(declared);
    }

    /// The slots, here, of what a function captures.
    pub(super) fn function_captures(&mut self, declared: u32) -> Vec<u16> {
        let known = self.known.of.get(&declared).cloned().unwrap_or_default();
        known.iter().map(|capture| self.capture_slot(*capture)).collect()
    }

    // Delegates.

    /// What a local function returns for parameters of these types.
    pub(super) fn function_result(
        &mut self,
        function: &Arc<LocalFunction>,
        inputs: &[Ty],
        at: At,
    ) -> Option<Ty> {
        let args: Vec<Argument<'_>> = inputs.iter().map(|ty| Self::of_type(ty, at)).collect();
        let before = self.diagnostics.len();
        let exact = function.params.len() == inputs.len();
        let fit = if exact { self.function_fit(function, &[], &args) } else { None };
        self.diagnostics.truncate(before);
        Some(function.result.substitute(&[], &fit?.method))
    }

    /// A local function as a delegate: a function that calls it.
    pub(super) fn function_to(&mut self, function: &Arc<LocalFunction>, to: &Ty, at: At) -> Node {
        let Some((inputs, result)) = to.delegate() else {
            self.error(ErrorCode::EXPR_TYPE, at, format!("a local function is not a `{to}`"));
            return Node::Const(Value::Null);
        };
        self.use_function(function.declared, at);
        let captures = self.function_captures(function.declared);
        self.enter_wrapper();
        let held: Vec<u16> = captures.iter().map(|_| self.new_slot()).collect();
        let args: Vec<Argument<'_>> = inputs
            .iter()
            .map(|ty| Self::passed(Typed::new(Node::Local(self.new_slot()), ty.clone(), at)))
            .collect();
        let exact = function.params.len() == inputs.len();
        let fit = if exact { self.function_fit(function, &[], &args) } else { None };
        let handed = match &fit {
            Some(fit) => self.pass(fit, args),
            None => None,
        };
        let body = if let (Some(fit), Some(handed)) = (fit, handed) {
            let index = self.instance(function, &fit.method);
            let call = Node::CallFunction {
                function: index,
                captures: held.into(),
                args: handed.nodes.into(),
                at: at.start,
            };
            let returned = function.result.substitute(&[], &fit.method);
            self.as_result(Typed::new(call, returned, at), &result, to, at)
        } else {
            let message = format!("the local function does not fit `{to}`");
            self.error(ErrorCode::EXPR_TYPE, at, message);
            Node::Const(default_value(&result))
        };
        let index = self.small_function(body);
        Node::Lambda { function: index, captures: captures.into(), ty: to.clone() }
    }
}
