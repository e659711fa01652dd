//! Arguments and the choice of an overload.

use tollgate_diagnostics::Code as ErrorCode;

use super::better::Best;
use super::expression::{Found, Group, Operand};
use super::scope::LocalFunction;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Node, Place, default_value};
use crate::syntax::At;
use crate::syntax::ast::{Arg, ArgValue, Expr, ExprKind, LambdaExpr, Name, TypeRef};
use crate::types::{Constraint, MemberInfo, ParamInfo, ParamMode, Ty};

/// An argument before its parameter is known.
#[derive(Debug)]
pub(super) struct Argument<'e> {
    pub(super) name: Option<&'e Name>,
    pub(super) at: At,
    pub(super) value: Passed<'e>,
}

/// What is passed.
#[derive(Debug)]
pub(super) enum Passed<'e> {
    Value(Typed),
    Lambda(&'e LambdaExpr),
    Group(Group),
    Function(std::sync::Arc<LocalFunction>, At),
    /// `default`, `throw` and others that take the type of the parameter.
    Open(&'e Expr),
    Out(Place, Ty),
    /// A variable by reference: a cell, and where its value goes after the call.
    Ref(Reference, Ty),
    /// What is not a local variable, by reference.
    OutRef(Reference, Ty),
    OutVar(&'e TypeRef, &'e Name),
    /// `out _`.
    Discard,
}

/// What a `ref` argument refers to.
#[derive(Debug)]
pub(super) struct Reference {
    /// The slot that holds the cell.
    pub(super) cell: u16,
    /// What fills the cell before the call.
    pub(super) before: Vec<Node>,
    /// What is done with its value after the call.
    pub(super) after: Vec<Node>,
}

/// How arguments meet parameters.
#[derive(Debug, Clone)]
pub(super) struct Fit<'p> {
    pub(super) params: &'p [ParamInfo],
    pub(super) class: Vec<Ty>,
    pub(super) method: Vec<Ty>,
    /// For each parameter, what is passed.
    pub(super) sources: Vec<Source>,
    pub(super) expanded: bool,
}

/// What is passed for a parameter.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Arg(usize),
    Default,
    Many(Vec<usize>),
}

/// An overload that fits.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) member: &'static MemberInfo,
    pub(super) fit: Fit<'static>,
}

impl Fit<'_> {
    pub(super) fn param_ty(&self, index: usize) -> Option<Ty> {
        Some(self.params.get(index)?.ty.substitute(&self.class, &self.method))
    }

    fn param_of_arg(&self, arg: usize) -> Option<(&ParamInfo, bool)> {
        self.sources.iter().zip(self.params).find_map(|(source, param)| match source {
            Source::Arg(own) if *own == arg => Some((param, false)),
            Source::Many(many) if many.contains(&arg) => Some((param, true)),
            _ => None,
        })
    }

    fn item_of(ty: Ty, many: bool) -> Ty {
        match ty {
            Ty::Array(item) if many => (*item).clone(),
            other => other,
        }
    }

    /// The parameter type an argument meets.
    pub(super) fn type_of_arg(&self, arg: usize) -> Option<Ty> {
        let (param, many) = self.param_of_arg(arg)?;
        Some(Self::item_of(param.ty.substitute(&self.class, &self.method), many))
    }

    /// The same with the type parameters of the method in it.
    pub(super) fn open_type_of_arg(&self, arg: usize) -> Option<Ty> {
        let (param, many) = self.param_of_arg(arg)?;
        Some(Self::item_of(param.ty.substitute(&self.class, &[]), many))
    }

    /// The same as it is declared.
    pub(super) fn declared_type(&self, arg: usize) -> Option<Ty> {
        let (param, many) = self.param_of_arg(arg)?;
        Some(Self::item_of(param.ty.clone(), many))
    }
}

/// Arguments in order, what to store after the call, and what to do before and after it.
#[derive(Debug, Default)]
pub(super) struct Handed {
    pub(super) nodes: Vec<Node>,
    pub(super) outs: Vec<(usize, Place)>,
    pub(super) before: Vec<Node>,
    pub(super) after: Vec<Node>,
}

/// A chosen overload and what it is called with.
pub(super) type Choice = (Chosen, Handed);

impl Checker<'_> {
    pub(super) fn arguments<'e>(&mut self, args: &'e [Arg]) -> Vec<Argument<'e>> {
        let mut named = false;
        for (index, arg) in args.iter().enumerate() {
            if let Some(name) = &arg.name {
                named = true;
                let twice = args
                    .iter()
                    .take(index)
                    .any(|other| other.name.as_ref().is_some_and(|other| other.text == name.text));
                if twice {
                    let shown = self.shown(name.at, &name.text);
                    let message = format!("the argument `{shown}` is given twice");
                    self.error(ErrorCode::EXPR_DUPLICATE, name.at, message);
                }
            }
        }
        let _ = named;
        let bound: Vec<Argument<'e>> = args.iter().map(|arg| self.argument(arg)).collect();
        for arg in args {
            if let ArgValue::Out(expr) = &arg.value {
                self.assigned(expr);
            }
        }
        bound
    }

    fn argument<'e>(&mut self, arg: &'e Arg) -> Argument<'e> {
        let value = match &arg.value {
            ArgValue::Expr(expr) => match &expr.kind {
                ExprKind::Lambda(lambda) => Passed::Lambda(lambda),
                ExprKind::Default(None) | ExprKind::Throw(_) => Passed::Open(expr),
                ExprKind::Tuple(_) if Self::is_open_tuple(expr) => Passed::Open(expr),
                ExprKind::Name(..) | ExprKind::Member { .. } => match self.operand(expr) {
                    Operand::Group(group) => Passed::Group(group),
                    Operand::Value(typed) => Passed::Value(typed),
                    Operand::Function(function, _, at) => Passed::Function(function, at),
                    other => Passed::Value(self.value_of(other, expr)),
                },
                _ => Passed::Value(self.bind(expr)),
            },
            ArgValue::Out(expr) if self.is_discard(expr) => Passed::Discard,
            ArgValue::Out(expr) if !matches!(expr.kind, ExprKind::Name(..)) => {
                match self.reference(expr) {
                    Some((reference, ty)) => Passed::OutRef(reference, ty),
                    None => Passed::Value(Typed::error(expr.at)),
                }
            }
            ArgValue::Out(expr) => match self.out_place(expr) {
                Some((place, ty)) => Passed::Out(place, ty),
                None => Passed::Value(Typed::error(expr.at)),
            },
            ArgValue::Ref(expr) => match self.reference(expr) {
                Some((reference, ty)) => Passed::Ref(reference, ty),
                None => Passed::Value(Typed::error(expr.at)),
            },
            ArgValue::OutVar(ty, name) if &*name.text == "_" => {
                if !ty.is_var() {
                    self.ty(ty);
                }
                Passed::Discard
            }
            ArgValue::OutVar(ty, name) => Passed::OutVar(ty, name),
        };
        Argument { name: arg.name.as_ref(), at: arg.value.at(), value }
    }

    /// An argument that is a value already.
    pub(super) fn passed<'e>(typed: Typed) -> Argument<'e> {
        Argument { name: None, at: typed.at, value: Passed::Value(typed) }
    }

    /// Whether an argument is wrong by itself; reports one that has no value.
    pub(super) fn broken(&mut self, args: &[Argument<'_>]) -> bool {
        let broken = args
            .iter()
            .any(|arg| matches!(&arg.value, Passed::Value(typed) if typed.ty.is_error()));
        if broken {
            return true;
        }
        let void = args.iter().find_map(|arg| match &arg.value {
            Passed::Value(typed) if typed.ty == Ty::Void => Some(typed.clone()),
            _ => None,
        });
        void.is_some_and(|void| !self.has_value(&void))
    }

    /// Chooses among overloads and converts the arguments; an error when none fits.
    pub(super) fn choose(
        &mut self,
        members: &[Found],
        types: &[Ty],
        args: Vec<Argument<'_>>,
        name: &str,
        at: At,
        report: bool,
    ) -> Option<Choice> {
        if self.broken(&args) {
            self.declare_outs(args);
            return None;
        }
        for strict in [true, false] {
            match self.best_of(members, types, &args, strict) {
                Best::None => {}
                Best::One(chosen) => {
                    let handed = self.pass(&chosen.fit, args)?;
                    return Some((chosen, handed));
                }
                Best::Ambiguous(chosen, other) => {
                    if report {
                        self.ambiguous(&chosen, &other, name, at);
                    }
                    let handed = self.pass(&chosen.fit, args)?;
                    return Some((chosen, handed));
                }
            }
            // What a lambda's body has wrong is reported with the overload it would fit.
            if !report || !args.iter().any(|arg| matches!(arg.value, Passed::Lambda(_))) {
                break;
            }
        }
        if report {
            self.no_overload(members, types, args, name, at);
        } else {
            self.declare_outs(args);
        }
        None
    }

    /// The best of the overloads that fit.
    pub(super) fn best_of(
        &mut self,
        members: &[Found],
        types: &[Ty],
        args: &[Argument<'_>],
        strict: bool,
    ) -> Best {
        let mut fitting: Vec<Chosen> = Vec::new();
        for found in members {
            for expanded in [false, true] {
                if let Some(chosen) = self.candidate(found, types, args, expanded, strict) {
                    fitting.push(chosen);
                    break;
                }
            }
        }
        self.best(fitting, args)
    }

    /// After an error, `out var` variables exist all the same.
    pub(super) fn declare_outs(&mut self, args: Vec<Argument<'_>>) {
        for arg in args {
            if let Passed::OutVar(ty, name) = arg.value {
                let ty = if ty.is_var() { Ty::Error } else { self.ty(ty) };
                if !self.is_declared(name.at.start) {
                    self.declare_variable(name, ty, false);
                }
            }
        }
    }

    /// The overload when it fits the arguments.
    fn candidate(
        &mut self,
        found: &Found,
        types: &[Ty],
        args: &[Argument<'_>],
        expanded: bool,
        strict: bool,
    ) -> Option<Chosen> {
        let member = found.member;
        let class = found.class.clone();
        let fit = self.fit(&member.params, member.n_types, class, types, args, expanded, strict)?;
        Self::unmet(member, &fit).is_none().then_some(Chosen { member, fit })
    }

    /// A type argument that is not what the method wants, and what it wants.
    pub(super) fn unmet(
        member: &'static MemberInfo,
        fit: &Fit<'_>,
    ) -> Option<(Ty, &'static Constraint)> {
        let (param, constraint) = member.bound.as_ref()?;
        let ty = param.substitute(&fit.class, &fit.method);
        (!constraint.holds(&ty)).then_some((ty, constraint))
    }

    /// How the arguments fit the parameters.
    #[expect(clippy::too_many_arguments, reason = "a signature, its arguments and two modes")]
    pub(super) fn fit<'p>(
        &mut self,
        params: &'p [ParamInfo],
        n_types: usize,
        class: Vec<Ty>,
        types: &[Ty],
        args: &[Argument<'_>],
        expanded: bool,
        strict: bool,
    ) -> Option<Fit<'p>> {
        if !types.is_empty() && types.len() != n_types {
            return None;
        }
        let sources = Self::sources(params, args, expanded)?;
        let mut fit = Fit { params, class, method: types.to_vec(), sources, expanded };
        if n_types > 0 && types.is_empty() {
            fit.method = self.infer(&fit, n_types, args)?;
        }
        for (index, arg) in args.iter().enumerate() {
            let to = fit.type_of_arg(index)?;
            if !self.fits(arg, &to, strict) {
                return None;
            }
        }
        Some(fit)
    }

    /// Which argument goes to which parameter.
    pub(super) fn sources(
        params: &[ParamInfo],
        args: &[Argument<'_>],
        expanded: bool,
    ) -> Option<Vec<Source>> {
        let variadic = params.last().is_some_and(|param| param.mode == ParamMode::Params);
        if expanded && !variadic {
            return None;
        }
        let fixed = if expanded { params.len() - 1 } else { params.len() };
        let mut sources: Vec<Option<Source>> = vec![None; params.len()];
        let mut rest = Vec::new();
        let mut displaced = false;
        for (index, arg) in args.iter().enumerate() {
            let position = match arg.name {
                Some(name) => {
                    let position = params.iter().position(|param| param.name == name.text)?;
                    displaced |= position != index;
                    position
                }
                // C# 7.2: a name may stand before others where it changes nothing.
                None if displaced => return None,
                None => index,
            };
            if expanded && position >= fixed {
                rest.push(index);
                continue;
            }
            let mode = match arg.value {
                Passed::Out(..) | Passed::OutRef(..) | Passed::OutVar(..) | Passed::Discard => {
                    ParamMode::Out
                }
                Passed::Ref(..) => ParamMode::Ref,
                _ => ParamMode::Value,
            };
            let wanted = match params.get(position)?.mode {
                ParamMode::Params => ParamMode::Value,
                mode => mode,
            };
            if mode != wanted {
                return None;
            }
            let place = sources.get_mut(position)?;
            if place.is_some() {
                return None;
            }
            *place = Some(Source::Arg(index));
        }
        if expanded {
            *sources.last_mut()? = Some(Source::Many(rest));
        }
        let filled = sources.into_iter().zip(params).map(|(source, param)| {
            source.or_else(|| param.default.is_some().then_some(Source::Default))
        });
        filled.collect()
    }

    /// Whether an argument can be passed as a type.
    fn fits(&mut self, arg: &Argument<'_>, to: &Ty, strict: bool) -> bool {
        match &arg.value {
            Passed::Value(typed) => Self::implicit(&typed.ty, typed.value(), to).is_some(),
            Passed::Out(_, ty) | Passed::OutRef(_, ty) | Passed::Ref(_, ty) => ty == to,
            Passed::Discard => true,
            Passed::OutVar(ty, _) => {
                if ty.is_var() {
                    return true;
                }
                let quiet = self.diagnostics.len();
                let own = self.ty(ty);
                self.diagnostics.truncate(quiet);
                own == *to
            }
            Passed::Open(expr) => match &expr.kind {
                ExprKind::Tuple(_) => self.tuple_fits(expr, to),
                _ => true,
            },
            Passed::Lambda(lambda) => self.lambda_fits(lambda, to, arg.at, strict),
            Passed::Group(group) => {
                let Some((inputs, result)) = to.delegate() else { return false };
                let returned = self.group_result(group, &inputs);
                returned.is_some_and(|ty| Self::delegate_result(&ty, &result))
            }
            Passed::Function(function, at) => {
                let Some((inputs, result)) = to.delegate() else { return false };
                let returned = self.function_result(function, &inputs, *at);
                returned.is_some_and(|ty| Self::delegate_result(&ty, &result))
            }
        }
    }

    /// Whether a method that returns one type can be a delegate that returns the other: nothing is converted.
    pub(super) fn delegate_result(from: &Ty, to: &Ty) -> bool {
        if *to == Ty::Void || *from == Ty::Void {
            return *to == *from;
        }
        from == to || from.is_reference() && crate::types::is_assignable(from, to)
    }

    /// Converts the arguments for the chosen overload.
    pub(super) fn pass(&mut self, fit: &Fit<'_>, args: Vec<Argument<'_>>) -> Option<Handed> {
        let types: Vec<Option<Ty>> = (0..args.len()).map(|index| fit.type_of_arg(index)).collect();
        let mut nodes: Vec<Option<Node>> = Vec::new();
        let mut places: Vec<Option<Place>> = Vec::new();
        let mut handed = Handed::default();
        for (arg, to) in args.into_iter().zip(types) {
            let to = to?;
            let mut place = None;
            let node = match arg.value {
                Passed::Value(typed) => self.convert(typed, &to),
                Passed::Lambda(lambda) => self.lambda_to(lambda, &to, arg.at),
                Passed::Group(group) => self.group_to(group, &to),
                Passed::Function(function, at) => self.function_to(&function, &to, at),
                Passed::Open(expr) => self.bind_to(expr, &to),
                Passed::Discard => Node::Const(default_value(&to)),
                Passed::Out(found, _) => {
                    place = Some(found);
                    Node::Const(default_value(&to))
                }
                Passed::Ref(reference, _) | Passed::OutRef(reference, _) => {
                    handed.before.extend(reference.before);
                    handed.after.extend(reference.after);
                    place = Some(Place::Cell(reference.cell));
                    Node::Cell(reference.cell)
                }
                Passed::OutVar(ty, name) => {
                    if !ty.is_var() {
                        self.ty(ty);
                    }
                    let found = self.declare_variable(name, to.clone(), false);
                    place = Some(found);
                    match found {
                        Place::Cell(slot) => Node::Seq(
                            [Node::NewCell(slot)].into(),
                            Node::Const(default_value(&to)).boxed(),
                        ),
                        Place::Local(_) => Node::Const(default_value(&to)),
                    }
                }
            };
            nodes.push(Some(node));
            places.push(place);
        }
        for (index, source) in fit.sources.iter().enumerate() {
            let node = match source {
                Source::Arg(arg) => {
                    if let Some(Some(place)) = places.get(*arg) {
                        handed.outs.push((index, *place));
                    }
                    nodes.get_mut(*arg)?.take()?
                }
                Source::Default => {
                    let param = fit.params.get(index)?;
                    Self::default_of(param, &fit.param_ty(index)?)
                }
                Source::Many(many) => {
                    let Some(Ty::Array(item)) = fit.param_ty(index) else { return None };
                    let items: Option<Vec<Node>> =
                        many.iter().map(|arg| nodes.get_mut(*arg)?.take()).collect();
                    Node::Array { item: (*item).clone(), items: items?.into() }
                }
            };
            handed.nodes.push(node);
        }
        Some(handed)
    }

    /// The default value of a parameter.
    fn default_of(param: &ParamInfo, ty: &Ty) -> Node {
        let default = param.default.clone().unwrap_or_default();
        Node::Const(match (default, ty) {
            (Value::Int(number), Ty::Named(id)) if ty.is_enum() => Value::Enum(*id, number),
            (Value::Null, ty) => default_value(ty),
            (default, _) => default,
        })
    }
}
