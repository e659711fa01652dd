//! Which of two overloads that fit is the better one.

use std::cmp::Ordering;

use super::Checker;
use super::overload::{Argument, Chosen, Passed, Source};
use crate::types::{MemberInfo, Ty, TypeId};

/// The best overload, or two of which none is better.
pub(super) enum Best {
    None,
    One(Chosen),
    Ambiguous(Chosen, Chosen),
}

impl Checker<'_> {
    /// The best of the overloads that fit.
    pub(super) fn best(&mut self, fitting: Vec<Chosen>, args: &[Argument<'_>]) -> Best {
        let mut fitting = Self::without_hidden(fitting);
        if fitting.len() < 2 {
            return fitting.pop().map_or(Best::None, Best::One);
        }
        let mut best = 0;
        for next in 1..fitting.len() {
            let (Some(known), Some(other)) = (fitting.get(best), fitting.get(next)) else { break };
            if self.compare(known, other, args) == Ordering::Greater {
                best = next;
            }
        }
        let chosen = fitting.swap_remove(best);
        for other in &fitting {
            if self.compare(&chosen, other, args) != Ordering::Less
                && chosen.member.owner == other.member.owner
                && chosen.member.extension == other.member.extension
            {
                return Best::Ambiguous(chosen, other.clone());
            }
        }
        Best::One(chosen)
    }

    /// Methods of a base type do not count when one of a derived type fits.
    fn without_hidden(fitting: Vec<Chosen>) -> Vec<Chosen> {
        let is_base = |far: &MemberInfo, near: &MemberInfo| {
            far.owner != near.owner
                && !far.extension
                && !near.extension
                && (far.owner == TypeId::Object
                    || Ty::Named(near.owner).as_instance_of(far.owner).is_some())
        };
        let keep: Vec<bool> = fitting
            .iter()
            .map(|far| !fitting.iter().any(|near| is_base(far.member, near.member)))
            .collect();
        fitting.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(chosen, _)| chosen).collect()
    }

    /// Less when the left overload is better.
    fn compare(&mut self, left: &Chosen, right: &Chosen, args: &[Argument<'_>]) -> Ordering {
        let (mut left_better, mut right_better, mut same) = (false, false, true);
        for (index, arg) in args.iter().enumerate() {
            let (Some(to_left), Some(to_right)) =
                (left.fit.type_of_arg(index), right.fit.type_of_arg(index))
            else {
                continue;
            };
            same &= to_left == to_right;
            match self.better(arg, &to_left, &to_right) {
                Ordering::Less => left_better = true,
                Ordering::Greater => right_better = true,
                Ordering::Equal => {}
            }
        }
        match (left_better, right_better) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (true, true) => return Ordering::Equal,
            (false, false) => {}
        }
        let generic = (left.member.n_types > 0).cmp(&(right.member.n_types > 0));
        let expanded = left.fit.expanded.cmp(&right.fit.expanded);
        let defaults = |chosen: &Chosen| {
            chosen.fit.sources.iter().filter(|source| matches!(source, Source::Default)).count()
        };
        let n_params =
            |chosen: &Chosen| if chosen.fit.expanded { chosen.member.params.len() } else { 0 };
        if !same {
            // What needs no defaults is better even then.
            return defaults(left).min(1).cmp(&defaults(right).min(1));
        }
        let extension = left.member.extension.cmp(&right.member.extension);
        extension
            .then(generic)
            .then(expanded)
            .then(n_params(right).cmp(&n_params(left)))
            .then(defaults(left).cmp(&defaults(right)))
            .then_with(|| Self::more_specific(left, right, args))
    }

    /// Less when the parameters of the left overload, as declared, are more specific.
    fn more_specific(left: &Chosen, right: &Chosen, args: &[Argument<'_>]) -> Ordering {
        let (mut left_better, mut right_better) = (false, false);
        for index in 0..args.len() {
            let (Some(a), Some(b)) =
                (left.fit.declared_type(index), right.fit.declared_type(index))
            else {
                continue;
            };
            match specific(&a, &b) {
                Ordering::Less => left_better = true,
                Ordering::Greater => right_better = true,
                Ordering::Equal => {}
            }
        }
        right_better.cmp(&left_better).then(Ordering::Equal)
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
            Passed::Lambda(lambda) => {
                let (Some((inputs, to_left)), Some((others, to_right))) =
                    (left.delegate(), right.delegate())
                else {
                    return Ordering::Equal;
                };
                if inputs != others {
                    return Self::closer(left, right);
                }
                let returns = self.lambda_returns(lambda, &inputs, arg.at);
                let returned = returns.as_ref().map(|returns| Self::returned(returns));
                Self::better_result(returned.as_ref(), &to_left, &to_right)
            }
            Passed::Group(_) | Passed::Function(..) => {
                let (Some((inputs, to_left)), Some((others, to_right))) =
                    (left.delegate(), right.delegate())
                else {
                    return Ordering::Equal;
                };
                if inputs != others {
                    return Self::closer(left, right);
                }
                Self::better_result(None, &to_left, &to_right)
            }
            Passed::Open(_) => Self::closer(left, right),
            Passed::Out(..)
            | Passed::OutRef(..)
            | Passed::Ref(..)
            | Passed::OutVar(..)
            | Passed::Discard => Ordering::Equal,
        }
    }

    /// Less when the left result type is the better one for what is returned.
    fn better_result(returned: Option<&Ty>, left: &Ty, right: &Ty) -> Ordering {
        match (left == &Ty::Void, right == &Ty::Void) {
            (true, true) => return Ordering::Equal,
            (false, true) => return Ordering::Less,
            (true, false) => return Ordering::Greater,
            (false, false) => {}
        }
        if left == right {
            return Ordering::Equal;
        }
        if returned == Some(left) {
            return Ordering::Less;
        }
        if returned == Some(right) {
            return Ordering::Greater;
        }
        Self::closer(left, right)
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
                        ty.strip_nullable(),
                        Ty::Named(TypeId::Int32 | TypeId::Int64 | TypeId::Int16 | TypeId::SByte)
                    )
                };
                let unsigned = |ty: &Ty| {
                    matches!(
                        ty.strip_nullable(),
                        Ty::Named(TypeId::UInt32 | TypeId::UInt64 | TypeId::UInt16 | TypeId::Byte)
                    )
                };
                if signed(left) && unsigned(right) {
                    Ordering::Less
                } else if signed(right) && unsigned(left) {
                    Ordering::Greater
                } else {
                    Ordering::Equal
                }
            }
        }
    }
}

/// Less when the left type, with its type parameters, says more.
fn specific(left: &Ty, right: &Ty) -> Ordering {
    match (left, right) {
        (Ty::Param(_), Ty::Param(_)) => Ordering::Equal,
        (_, Ty::Param(_)) => Ordering::Less,
        (Ty::Param(_), _) => Ordering::Greater,
        (Ty::Array(a), Ty::Array(b)) => specific(a, b),
        (a, b) => {
            let (mut less, mut greater) = (false, false);
            for (a, b) in a.args().iter().zip(b.args()) {
                match specific(a, b) {
                    Ordering::Less => less = true,
                    Ordering::Greater => greater = true,
                    Ordering::Equal => {}
                }
            }
            greater.cmp(&less)
        }
    }
}
