//! Arguments, type inference and the choice of an overload.

use std::cmp::Ordering;

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::{Found, Group, Operand};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Node, Place, default_value};
use crate::syntax::At;
use crate::syntax::ast::{Arg, ArgValue, Body, Expr, ExprKind, Name, Parameter, TypeRef};
use crate::types::{METHOD_PARAM, MemberInfo, ParamInfo, ParamMode, Ty, TypeId};

/// An argument before its parameter is known.
#[derive(Debug)]
pub(super) struct Argument<'e> {
    name: Option<&'e Name>,
    at: At,
    value: Passed<'e>,
}

/// What is passed.
#[derive(Debug)]
enum Passed<'e> {
    Value(Typed),
    Lambda(&'e [Parameter], &'e Body),
    Group(Group),
    /// `default`, `throw`: takes the type of the parameter.
    Open(&'e Expr),
    Out(Place, Ty),
    OutVar(&'e TypeRef, &'e Name),
}

/// An overload that fits.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) member: &'static MemberInfo,
    pub(super) class: Vec<Ty>,
    pub(super) method: Vec<Ty>,
    /// For each parameter, what is passed.
    sources: Vec<Source>,
    expanded: bool,
}

#[derive(Debug, Clone)]
enum Source {
    Arg(usize),
    Default,
    Many(Vec<usize>),
}

impl Chosen {
    fn param_ty(&self, index: usize) -> Option<Ty> {
        let param = self.member.params.get(index)?;
        Some(param.ty.substitute(&self.class, &self.method))
    }

    /// The parameter type an argument meets.
    fn type_of_arg(&self, arg: usize) -> Option<Ty> {
        self.sources.iter().enumerate().find_map(|(index, source)| match source {
            Source::Arg(own) if *own == arg => self.param_ty(index),
            Source::Many(many) if many.contains(&arg) => match self.param_ty(index)? {
                Ty::Array(item) => Some((*item).clone()),
                other => Some(other),
            },
            _ => None,
        })
    }
}

/// A chosen overload, its arguments in order, and what to store after the call.
pub(super) type Choice = (Chosen, Vec<Node>, Vec<(usize, Place)>);

impl Checker<'_> {
    pub(super) fn arguments<'e>(&mut self, args: &'e [Arg]) -> Vec<Argument<'e>> {
        args.iter().map(|arg| self.argument(arg)).collect()
    }

    fn argument<'e>(&mut self, arg: &'e Arg) -> Argument<'e> {
        let value = match &arg.value {
            ArgValue::Expr(expr) => match &expr.kind {
                ExprKind::Lambda { parameters, body } => Passed::Lambda(parameters, body),
                ExprKind::Default(None) | ExprKind::Throw(_) => Passed::Open(expr),
                ExprKind::Name(..) | ExprKind::Member { .. } => match self.operand(expr) {
                    Operand::Group(group) => Passed::Group(group),
                    Operand::Value(typed) => Passed::Value(typed),
                    _ => Passed::Value(self.bind(expr)),
                },
                _ => Passed::Value(self.bind(expr)),
            },
            ArgValue::Out(expr) => match self.variable_place(expr) {
                Some((place, ty)) => Passed::Out(place, ty),
                None => Passed::Value(Typed::error(expr.at)),
            },
            ArgValue::OutVar(ty, name) => Passed::OutVar(ty, name),
        };
        Argument { name: arg.name.as_ref(), at: arg.value.at(), value }
    }

    /// An argument that is a value already.
    pub(super) fn passed<'e>(typed: Typed) -> Argument<'e> {
        Argument { name: None, at: typed.at, value: Passed::Value(typed) }
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
        let broken = args
            .iter()
            .any(|arg| matches!(&arg.value, Passed::Value(typed) if typed.ty.is_error()));
        if broken {
            return None;
        }
        let void = args.iter().find_map(|arg| match &arg.value {
            Passed::Value(typed) if typed.ty == Ty::Void => Some(typed.clone()),
            _ => None,
        });
        if let Some(void) = void {
            self.has_value(&void);
            return None;
        }
        let mut fitting: Vec<Chosen> = Vec::new();
        for found in members {
            for expanded in [false, true] {
                if let Some(chosen) = self.candidate(found, types, &args, expanded) {
                    fitting.push(chosen);
                    break;
                }
            }
        }
        let best = self.best(fitting, &args);
        if let Some(chosen) = best {
            self.pass(chosen, args)
        } else {
            if report {
                self.no_overload(members, types, args, name, at);
            }
            None
        }
    }

    /// The overload when it fits the arguments.
    fn candidate(
        &mut self,
        found: &Found,
        types: &[Ty],
        args: &[Argument<'_>],
        expanded: bool,
    ) -> Option<Chosen> {
        let member = found.member;
        if !types.is_empty() && types.len() != member.n_types {
            return None;
        }
        let sources = Self::sources(&member.params, args, expanded)?;
        let mut chosen = Chosen {
            member,
            class: found.class.clone(),
            method: types.to_vec(),
            sources,
            expanded,
        };
        if member.n_types > 0 && types.is_empty() {
            chosen.method = self.infer(&chosen, args)?;
        }
        for (index, arg) in args.iter().enumerate() {
            let to = chosen.type_of_arg(index)?;
            if !self.fits(arg, &to) {
                return None;
            }
        }
        Some(chosen)
    }

    /// Which argument goes to which parameter.
    fn sources(params: &[ParamInfo], args: &[Argument<'_>], expanded: bool) -> Option<Vec<Source>> {
        let variadic = params.last().is_some_and(|param| param.mode == ParamMode::Params);
        if expanded && !variadic {
            return None;
        }
        let fixed = if expanded { params.len() - 1 } else { params.len() };
        let mut sources: Vec<Option<Source>> = vec![None; params.len()];
        let mut rest = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            let position = match arg.name {
                Some(name) => params.iter().position(|param| param.name == name.text)?,
                None => index,
            };
            if expanded && position >= fixed {
                rest.push(index);
                continue;
            }
            let out = matches!(arg.value, Passed::Out(..) | Passed::OutVar(..));
            if out != (params.get(position)?.mode == ParamMode::Out) {
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

    /// The type arguments of a generic method, from its arguments.
    fn infer(&mut self, chosen: &Chosen, args: &[Argument<'_>]) -> Option<Vec<Ty>> {
        let mut found: Vec<Option<Ty>> = vec![None; chosen.member.n_types];
        let param_of = |arg: usize| {
            chosen.sources.iter().enumerate().find_map(|(index, source)| {
                let param = chosen.member.params.get(index)?;
                let ty = param.ty.substitute(&chosen.class, &[]);
                match source {
                    Source::Arg(own) if *own == arg => Some(ty),
                    Source::Many(many) if many.contains(&arg) => match ty {
                        Ty::Array(item) => Some((*item).clone()),
                        other => Some(other),
                    },
                    _ => None,
                }
            })
        };
        for (index, arg) in args.iter().enumerate() {
            let param = param_of(index)?;
            match &arg.value {
                Passed::Value(typed) => Self::unify(&param, &typed.ty, &mut found),
                Passed::Out(_, ty) => Self::unify(&param, ty, &mut found),
                _ => {}
            }
        }
        for (index, arg) in args.iter().enumerate() {
            let param = param_of(index)?;
            let Some((inputs, result)) = param.delegate() else { continue };
            let known = |ty: &Ty, found: &[Option<Ty>]| {
                let filled: Vec<Ty> = found
                    .iter()
                    .zip(0u8..)
                    .map(|(ty, n)| ty.clone().unwrap_or(Ty::Param(METHOD_PARAM + n)))
                    .collect();
                ty.substitute(&[], &filled)
            };
            let inputs: Vec<Ty> = inputs.iter().map(|ty| known(ty, &found)).collect();
            match &arg.value {
                Passed::Lambda(parameters, body) => {
                    if parameters.len() != inputs.len() {
                        return None;
                    }
                    let typed = parameters.iter().all(|parameter| parameter.ty.is_some());
                    if !typed && inputs.iter().any(Ty::is_open) {
                        continue;
                    }
                    let returned = self.lambda_result(parameters, body, &inputs, arg.at)?;
                    Self::unify(&result, &returned, &mut found);
                }
                Passed::Group(group) => {
                    if inputs.iter().any(Ty::is_open) {
                        continue;
                    }
                    let returned = self.group_result(group, &inputs)?;
                    Self::unify(&result, &returned, &mut found);
                }
                _ => {}
            }
        }
        found.into_iter().collect()
    }

    fn unify(param: &Ty, arg: &Ty, found: &mut [Option<Ty>]) {
        match param {
            Ty::Param(n) if *n >= METHOD_PARAM => {
                if matches!(arg, Ty::Null | Ty::Void | Ty::Error) {
                    return;
                }
                let Some(place) = found.get_mut(usize::from(*n - METHOD_PARAM)) else { return };
                let wider = place
                    .as_ref()
                    .is_none_or(|known| known != arg && Self::implicit(known, None, arg).is_some());
                if wider {
                    *place = Some(arg.clone());
                }
            }
            Ty::Generic(TypeId::Nullable, args) => {
                if let Some(inner) = args.first() {
                    Self::unify(inner, arg.strip_nullable(), found);
                }
            }
            Ty::Array(item) => {
                if let Ty::Array(own) = arg {
                    Self::unify(item, own, found);
                }
            }
            Ty::Generic(id, params) => {
                if let Some(own) = arg.as_instance_of(*id) {
                    for (param, arg) in params.iter().zip(own.args()) {
                        Self::unify(param, arg, found);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether an argument can be passed as a type.
    fn fits(&mut self, arg: &Argument<'_>, to: &Ty) -> bool {
        match &arg.value {
            Passed::Value(typed) => Self::implicit(&typed.ty, typed.value(), to).is_some(),
            Passed::Out(_, ty) => ty == to,
            Passed::OutVar(ty, _) => {
                if ty.is_var() {
                    return true;
                }
                let quiet = self.diagnostics.len();
                let own = self.ty(ty);
                self.diagnostics.truncate(quiet);
                own == *to
            }
            Passed::Open(_) => true,
            Passed::Lambda(parameters, body) => {
                let Some((inputs, result)) = to.delegate() else { return false };
                if parameters.len() != inputs.len() {
                    return false;
                }
                match self.lambda_result(parameters, body, &inputs, arg.at) {
                    // A body that is wrong is reported when the overload is chosen.
                    None | Some(Ty::Error) => true,
                    Some(_) if result == Ty::Void => true,
                    Some(returned) => {
                        returned == Ty::Null && result.takes_null()
                            || Self::implicit(&returned, None, &result).is_some()
                    }
                }
            }
            Passed::Group(group) => {
                let Some((inputs, result)) = to.delegate() else { return false };
                let returned = self.group_result(group, &inputs);
                returned.is_some_and(|ty| {
                    result == Ty::Void || Self::implicit(&ty, None, &result).is_some()
                })
            }
        }
    }

    /// The best of the overloads that fit; the first among equals.
    fn best(&mut self, fitting: Vec<Chosen>, args: &[Argument<'_>]) -> Option<Chosen> {
        let mut best: Option<Chosen> = None;
        for next in fitting {
            best = Some(match best {
                None => next,
                Some(known) => {
                    if self.compare(&known, &next, args) == Ordering::Greater {
                        next
                    } else {
                        known
                    }
                }
            });
        }
        best
    }

    /// Less when the left overload is better.
    fn compare(&mut self, left: &Chosen, right: &Chosen, args: &[Argument<'_>]) -> Ordering {
        let (mut left_better, mut right_better) = (false, false);
        for (index, arg) in args.iter().enumerate() {
            let (Some(to_left), Some(to_right)) =
                (left.type_of_arg(index), right.type_of_arg(index))
            else {
                continue;
            };
            match self.better(arg, &to_left, &to_right) {
                Ordering::Less => left_better = true,
                Ordering::Greater => right_better = true,
                Ordering::Equal => {}
            }
        }
        match (left_better, right_better) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ => {}
        }
        let generic = (left.member.n_types > 0).cmp(&(right.member.n_types > 0));
        let expanded = left.expanded.cmp(&right.expanded);
        let defaults = |chosen: &Chosen| {
            chosen.sources.iter().filter(|source| matches!(source, Source::Default)).count()
        };
        let extension = left.member.extension.cmp(&right.member.extension);
        extension.then(generic).then(expanded).then(defaults(left).cmp(&defaults(right)))
    }

    /// Less when the left type is the better one for the argument.
    fn better(&mut self, arg: &Argument<'_>, left: &Ty, right: &Ty) -> Ordering {
        if left == right {
            return Ordering::Equal;
        }
        match &arg.value {
            Passed::Value(typed) => {
                if typed.ty == *left {
                    return Ordering::Less;
                }
                if typed.ty == *right {
                    return Ordering::Greater;
                }
                Self::closer(left, right)
            }
            Passed::Lambda(parameters, body) => {
                let (Some((inputs, to_left)), Some((_, to_right))) =
                    (left.delegate(), right.delegate())
                else {
                    return Ordering::Equal;
                };
                let returned = self.lambda_result(parameters, body, &inputs, arg.at);
                if returned.as_ref() == Some(&to_left) {
                    return Ordering::Less;
                }
                if returned.as_ref() == Some(&to_right) {
                    return Ordering::Greater;
                }
                Self::closer(&to_left, &to_right)
            }
            _ => Ordering::Equal,
        }
    }

    fn closer(left: &Ty, right: &Ty) -> Ordering {
        let to_right = Self::implicit(left, None, right).is_some();
        let to_left = Self::implicit(right, None, left).is_some();
        match (to_right, to_left) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => {
                let signed = |ty: &Ty| {
                    matches!(
                        ty,
                        Ty::Named(TypeId::Int32 | TypeId::Int64 | TypeId::Int16 | TypeId::SByte)
                    )
                };
                signed(right).cmp(&signed(left))
            }
        }
    }

    /// Converts the arguments for the chosen overload.
    fn pass(&mut self, chosen: Chosen, args: Vec<Argument<'_>>) -> Option<Choice> {
        let types: Vec<Option<Ty>> =
            (0..args.len()).map(|index| chosen.type_of_arg(index)).collect();
        let mut nodes: Vec<Option<Node>> = Vec::new();
        let mut places: Vec<Option<Place>> = Vec::new();
        for (arg, to) in args.into_iter().zip(types) {
            let to = to?;
            let mut place = None;
            let node = match arg.value {
                Passed::Value(typed) => self.convert(typed, &to),
                Passed::Lambda(parameters, body) => self.lambda_to(parameters, body, &to, arg.at),
                Passed::Group(group) => self.group_to(&group, &to),
                Passed::Open(expr) => self.bind_to(expr, &to),
                Passed::Out(found, _) => {
                    place = Some(found);
                    Node::Const(default_value(&to))
                }
                Passed::OutVar(_, name) => {
                    let found = self.declare_variable(name, to.clone(), false);
                    place = Some(found);
                    match found {
                        Place::Cell(slot) => Node::Seq(
                            [Self::fresh_cell(slot)].into(),
                            Node::Const(default_value(&to)).boxed(),
                        ),
                        Place::Local(_) => Node::Const(default_value(&to)),
                    }
                }
            };
            nodes.push(Some(node));
            places.push(place);
        }
        let mut ordered = Vec::new();
        let mut outs = Vec::new();
        for (index, source) in chosen.sources.iter().enumerate() {
            let node = match source {
                Source::Arg(arg) => {
                    if let Some(Some(place)) = places.get(*arg) {
                        outs.push((index, *place));
                    }
                    nodes.get_mut(*arg)?.take()?
                }
                Source::Default => {
                    let param = chosen.member.params.get(index)?;
                    let default = param.default.clone().unwrap_or_default();
                    Node::Const(match (default, &param.ty) {
                        (Value::Int(number), Ty::Named(id)) if param.ty.is_enum() => {
                            Value::Enum(*id, number)
                        }
                        (default, _) => default,
                    })
                }
                Source::Many(many) => {
                    let Some(Ty::Array(item)) = chosen.param_ty(index) else { return None };
                    let items: Option<Vec<Node>> =
                        many.iter().map(|arg| nodes.get_mut(*arg)?.take()).collect();
                    Node::Array { item: (*item).clone(), items: items?.into() }
                }
            };
            ordered.push(node);
        }
        Some((chosen, ordered, outs))
    }

    /// A node that makes the cell of a captured variable.
    pub(super) fn fresh_cell(slot: u16) -> Node {
        Node::NewCell(slot)
    }

    fn no_overload(
        &mut self,
        members: &[Found],
        types: &[Ty],
        args: Vec<Argument<'_>>,
        name: &str,
        at: At,
    ) {
        // A lambda that is wrong by itself says more than the overloads.
        let before = self.diagnostics.len();
        if let [only] = members {
            let sources = Self::sources(&only.member.params, &args, false);
            if let Some(sources) = sources {
                let mut chosen = Chosen {
                    member: only.member,
                    class: only.class.clone(),
                    method: types.to_vec(),
                    sources,
                    expanded: false,
                };
                if only.member.n_types > 0 && types.is_empty() {
                    match self.infer(&chosen, &args) {
                        Some(inferred) => chosen.method = inferred,
                        None => return self.no_inference(only.member, name, at),
                    }
                }
                self.pass(chosen, args);
                if self.diagnostics.len() > before {
                    return;
                }
                return self.error(
                    ErrorCode::EXPR_TYPE,
                    at,
                    format!("the arguments of `{name}` do not fit"),
                );
            }
        }
        let counts = |member: &MemberInfo| {
            let least = member
                .params
                .iter()
                .filter(|param| param.default.is_none() && param.mode != ParamMode::Params)
                .count();
            let open = member.params.last().is_some_and(|param| param.mode == ParamMode::Params);
            (least, if open { usize::MAX } else { member.params.len() })
        };
        let n = args.len();
        let any = members.iter().any(|found| {
            let (least, most) = counts(found.member);
            (least..=most).contains(&n)
        });
        let shown: Vec<String> = args
            .iter()
            .map(|arg| match &arg.value {
                Passed::Value(typed) => typed.ty.to_string(),
                Passed::Lambda(..) => "a lambda".to_owned(),
                Passed::Group(_) => "a method".to_owned(),
                Passed::Open(_) => "default".to_owned(),
                Passed::Out(_, ty) => format!("out {ty}"),
                Passed::OutVar(..) => "out var".to_owned(),
            })
            .collect();
        let message = if any {
            format!("no overload of `{name}` takes ({})", shown.join(", "))
        } else {
            format!("no overload of `{name}` takes {n} arguments")
        };
        let mut diagnostic = self.diagnostic(ErrorCode::EXPR_TYPE, at, message);
        for found in members.iter().take(4) {
            diagnostic = diagnostic.help(format!("there is `{}`", Self::signature(found)));
        }
        self.report(diagnostic);
    }

    fn no_inference(&mut self, member: &MemberInfo, name: &str, at: At) {
        let message = format!("the type arguments of `{name}` cannot be inferred");
        let diagnostic = self
            .diagnostic(ErrorCode::EXPR_TYPE, at, message)
            .help(format!("write them: `{}<…>(…)`", member.name));
        self.report(diagnostic);
    }

    /// A member as C# would declare it.
    fn signature(found: &Found) -> String {
        let member = found.member;
        let mut params = Vec::new();
        let skip = usize::from(member.extension);
        for param in member.params.iter().skip(skip) {
            let mode = match param.mode {
                ParamMode::Value => "",
                ParamMode::Out => "out ",
                ParamMode::Params => "params ",
            };
            let ty = param.ty.substitute(&found.class, &[]);
            let optional = match &param.default {
                Some(Value::Bool(value)) => format!(" = {value}"),
                Some(_) => " = …".to_owned(),
                None => String::new(),
            };
            params.push(format!("{mode}{ty} {}{optional}", param.name));
        }
        format!("{}({})", member.name, params.join(", "))
    }
}
