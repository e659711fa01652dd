//! Type arguments of generic methods, from their arguments.

use super::overload::{Argument, Fit, Passed};
use super::{Checker, Typed};
use crate::types::{METHOD_PARAM, Ty, TypeId, info};

/// What the arguments say about a type parameter.
#[derive(Debug, Default, Clone)]
struct Bounds {
    exact: Vec<Ty>,
    lower: Vec<Ty>,
    upper: Vec<Ty>,
    fixed: Option<Ty>,
}

/// In which way an argument bounds a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Exact,
    Lower,
    Upper,
}

impl Checker<'_> {
    /// The type arguments of a generic method; none when the arguments do not say them.
    pub(super) fn infer(
        &mut self,
        fit: &Fit<'_>,
        n_types: usize,
        args: &[Argument<'_>],
    ) -> Option<Vec<Ty>> {
        let mut bounds = vec![Bounds::default(); n_types];
        for (index, arg) in args.iter().enumerate() {
            let param = fit.open_type_of_arg(index)?;
            match &arg.value {
                Passed::Value(typed) => infer_from(&param, &typed.ty, Bound::Lower, &mut bounds),
                Passed::Out(_, ty) | Passed::OutRef(_, ty) | Passed::Ref(_, ty) => {
                    infer_from(&param, ty, Bound::Exact, &mut bounds);
                }
                Passed::Lambda(lambda) => self.written_types(lambda, &param, &mut bounds),
                _ => {}
            }
        }
        // Lambdas say what they return once the types of their parameters are known.
        let mut waiting: Vec<usize> = (0..args.len()).collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut next = Vec::new();
            for index in waiting {
                let arg = args.get(index)?;
                let param = fit.open_type_of_arg(index)?;
                if !self.infer_result(arg, &param, &mut bounds)? {
                    next.push(index);
                }
            }
            if next.len() == before {
                break;
            }
            waiting = next;
        }
        (0..n_types).map(|n| fix(&mut bounds, n)).collect()
    }

    /// The types that a lambda's parameters are written with.
    fn written_types(
        &mut self,
        lambda: &crate::syntax::ast::LambdaExpr,
        param: &Ty,
        bounds: &mut [Bounds],
    ) {
        let Some((inputs, _)) = param.delegate() else { return };
        let parameters = lambda.parameters.as_deref().unwrap_or_default();
        let quiet = self.diagnostics.len();
        for (parameter, input) in parameters.iter().zip(&inputs) {
            if let Some(ty) = &parameter.ty {
                let own = self.ty(ty);
                infer_from(input, &own, Bound::Exact, bounds);
            }
        }
        self.diagnostics.truncate(quiet);
    }

    /// What a lambda or method returns; false when the types of its parameters are not known yet.
    fn infer_result(
        &mut self,
        arg: &Argument<'_>,
        param: &Ty,
        bounds: &mut [Bounds],
    ) -> Option<bool> {
        let callable =
            matches!(arg.value, Passed::Lambda(_) | Passed::Group(_) | Passed::Function(..));
        let Some((inputs, result)) = param.delegate().filter(|_| callable) else {
            return Some(true);
        };
        let written = matches!(&arg.value, Passed::Lambda(lambda)
            if lambda.parameters.as_ref().is_none_or(|all| all.iter().all(|p| p.ty.is_some())));
        let mut known = Vec::new();
        for input in &inputs {
            let ty = fixed_in(input, bounds);
            if ty.is_open() && !written {
                return Some(false);
            }
            known.push(ty);
        }
        let returned = match &arg.value {
            Passed::Lambda(lambda) => {
                if lambda.parameters.as_ref().is_some_and(|all| all.len() != known.len()) {
                    return None;
                }
                let returns = self.lambda_returns(lambda, &known, arg.at)?;
                Self::returned(&returns)
            }
            Passed::Group(group) => self.group_result(group, &known)?,
            Passed::Function(function, at) => self.function_result(function, &known, *at)?,
            _ => return Some(true),
        };
        infer_from(&result, &returned, Bound::Lower, bounds);
        Some(true)
    }

    /// The one of several types that the others convert to. The types alone count, not that some constant would fit.
    pub(super) fn best_type<'t>(types: impl Iterator<Item = &'t Ty>) -> Option<Ty> {
        let mut candidates: Vec<&Ty> = Vec::new();
        for ty in types.filter(|ty| !ty.is_untyped()) {
            if !candidates.contains(&ty) {
                candidates.push(ty);
            }
        }
        let converts = |from: &Ty, to: &Ty| Self::implicit(from, None, to).is_some();
        let best = candidates.iter().find(|ty| {
            let mut others = candidates.iter().filter(|other| other != ty);
            others.all(|other| converts(other, ty) && !converts(ty, other))
        });
        best.map(|ty| (**ty).clone())
    }

    /// A value's stand-in, when only its type is known.
    pub(super) fn of_type<'e>(ty: &Ty, at: crate::syntax::At) -> Argument<'e> {
        let node = crate::eval::Node::Const(crate::Value::Null);
        Self::passed(Typed::new(node, ty.clone(), at))
    }
}

/// A type with the parameters fixed that occur in it.
fn fixed_in(ty: &Ty, bounds: &mut [Bounds]) -> Ty {
    let n_types = bounds.len();
    let mut types = Vec::new();
    for n in 0..n_types {
        let param = Ty::Param(METHOD_PARAM + u8::try_from(n).unwrap_or(0));
        let occurs = occurs(&param, ty);
        let fixed = if occurs { fix(bounds, n) } else { None };
        types.push(fixed.unwrap_or(param));
    }
    ty.substitute(&[], &types)
}

fn occurs(param: &Ty, ty: &Ty) -> bool {
    match ty {
        Ty::Param(_) => ty == param,
        Ty::Array(item) => occurs(param, item),
        Ty::Record(record) => record.members.iter().any(|(_, ty)| occurs(param, ty)),
        other => other.args().iter().any(|arg| occurs(param, arg)),
    }
}

/// Adds what `arg` says about the type parameters in `param`.
fn infer_from(param: &Ty, arg: &Ty, bound: Bound, bounds: &mut [Bounds]) {
    if !param.is_open() {
        return;
    }
    match param {
        Ty::Param(n) if *n >= METHOD_PARAM => {
            if arg.is_untyped() || matches!(arg, Ty::Void | Ty::Error) {
                return;
            }
            let Some(place) = bounds.get_mut(usize::from(*n - METHOD_PARAM)) else { return };
            let list = match bound {
                Bound::Exact => &mut place.exact,
                Bound::Lower => &mut place.lower,
                Bound::Upper => &mut place.upper,
            };
            if !list.contains(arg) {
                list.push(arg.clone());
            }
        }
        Ty::Generic(TypeId::Nullable, args) => {
            if let (Some(inner), Some(own)) = (args.first(), arg.nullable_inner()) {
                infer_from(inner, own, bound, bounds);
            }
        }
        Ty::Array(item) => {
            if let Ty::Array(own) = arg {
                infer_from(item, own, inside(bound, own), bounds);
            }
        }
        Ty::Record(record) => {
            if let Ty::Record(own) = arg
                && own.tuple == record.tuple
                && own.members.len() == record.members.len()
            {
                for ((_, param), (_, arg)) in record.members.iter().zip(&own.members) {
                    infer_from(param, arg, bound, bounds);
                }
            }
        }
        Ty::Generic(id, params) => infer_generic(*id, params, arg, bound, bounds),
        _ => {}
    }
}

fn infer_generic(id: TypeId, params: &[Ty], arg: &Ty, bound: Bound, bounds: &mut [Bounds]) {
    let found = if bound == Bound::Lower {
        arg.as_only_instance_of(id)
    } else {
        Some(arg.clone()).filter(|arg| arg.is(id))
    };
    let Some(own) = found.or_else(|| array_as(arg, id)) else { return };
    let delegate = info(id).is_delegate();
    let last = params.len().saturating_sub(1);
    for (index, (param, arg)) in params.iter().zip(own.args()).enumerate() {
        let covariant = crate::types::is_covariant(id) || delegate && index == last;
        let next = if !arg.is_reference() || bound == Bound::Exact {
            Bound::Exact
        } else if covariant {
            bound
        } else if delegate {
            match bound {
                Bound::Lower => Bound::Upper,
                Bound::Upper => Bound::Lower,
                Bound::Exact => Bound::Exact,
            }
        } else {
            Bound::Exact
        };
        infer_from(param, arg, next, bounds);
    }
}

/// An array as one of the interfaces it has.
fn array_as(arg: &Ty, id: TypeId) -> Option<Ty> {
    let Ty::Array(item) = arg else { return None };
    let as_interface = Ty::generic(id, [(**item).clone()]);
    crate::types::is_assignable(arg, &as_interface).then_some(as_interface)
}

fn inside(bound: Bound, item: &Ty) -> Bound {
    if item.is_reference() { bound } else { Bound::Exact }
}

/// The type a parameter stands for, as the bounds say; none when they do not agree.
fn fix(bounds: &mut [Bounds], n: usize) -> Option<Ty> {
    let own = bounds.get_mut(n)?;
    if own.fixed.is_none() {
        own.fixed = own.choose();
    }
    own.fixed.clone()
}

impl Bounds {
    fn choose(&self) -> Option<Ty> {
        let converts = |from: &Ty, to: &Ty| Checker::implicit(from, None, to).is_some();
        let all = self.exact.iter().chain(&self.lower).chain(&self.upper);
        let candidates: Vec<&Ty> = all
            .filter(|candidate| {
                self.exact.iter().all(|exact| exact == *candidate)
                    && self.lower.iter().all(|lower| converts(lower, candidate))
                    && self.upper.iter().all(|upper| converts(candidate, upper))
            })
            .collect();
        let best =
            candidates.iter().find(|best| candidates.iter().all(|other| converts(other, best)))?;
        Some((**best).clone())
    }
}
