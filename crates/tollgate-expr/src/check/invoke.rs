//! Calls.

use tollgate_diagnostics::Code as ErrorCode;

use super::better::Best;
use super::expression::{Found, Group, Operand};
use super::overload::{Argument, Chosen, Handed};
use super::scope::Origin;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Node};
use crate::syntax::At;
use crate::syntax::ast::{Arg, ArgValue, Expr, ExprKind};
use crate::types::{Ty, TypeId, is_assignable};

impl Checker<'_> {
    pub(super) fn call(&mut self, target: &Expr, args: &[Arg], at: At) -> Typed {
        self.invoked = matches!(target.kind, ExprKind::Member { .. });
        match self.operand(target) {
            Operand::Group(group) => self.call_group(group, args, at),
            Operand::Function(function, types, _) => {
                self.call_function(&function, &types, args, at)
            }
            Operand::Value(typed) => self.call_delegate(typed, args, at),
            Operand::Type(ty, _) => {
                if ty.is_error() {
                    return Typed::error(at);
                }
                let diagnostic = self
                    .diagnostic(
                        ErrorCode::EXPR_TYPE,
                        at,
                        format!("`{ty}` is a type and cannot be called"),
                    )
                    .help(format!("write `new {ty}(…)`"));
                self.report(diagnostic);
                Typed::error(at)
            }
            Operand::Namespace(_) => self.bind(target),
        }
    }

    fn call_delegate(&mut self, target: Typed, args: &[Arg], at: At) -> Typed {
        if target.ty.is_error() {
            return Typed::error(at);
        }
        let Some((params, result)) = target.ty.delegate() else {
            let message = format!("`{}` cannot be called", target.ty);
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let Some(values) = self.plain_args(&params, args, at) else { return Typed::error(at) };
        let node = Node::Invoke { target: target.node.boxed(), args: values.into(), at: at.start };
        Typed::new(node, result, at)
    }

    /// Arguments by position alone.
    fn plain_args(&mut self, params: &[Ty], args: &[Arg], at: At) -> Option<Vec<Node>> {
        if params.len() != args.len() {
            let message = format!("expected {} arguments, found {}", params.len(), args.len());
            self.error(ErrorCode::EXPR_TYPE, at, message);
            return None;
        }
        let mut values = Vec::new();
        for (param, arg) in params.iter().zip(args) {
            let ArgValue::Expr(expr) = &arg.value else {
                self.error(ErrorCode::EXPR_TYPE, arg.value.at(), "`out` does not fit here");
                return None;
            };
            values.push(self.bind_to(expr, param));
        }
        Some(values)
    }

    /// Calls one of the methods of a name.
    fn call_group(&mut self, group: Group, args: &[Arg], at: At) -> Typed {
        let consumes = Self::reads_body(&group, args);
        let bound = self.arguments(args);
        let typed = self.call_bound(group, bound, at);
        for arg in args {
            if let ArgValue::Out(expr) = &arg.value {
                self.assigned(expr);
            }
        }
        self.after_call(consumes);
        typed
    }

    /// The same with arguments that are checked already.
    pub(super) fn call_bound(
        &mut self,
        mut group: Group,
        mut args: Vec<Argument<'_>>,
        at: At,
    ) -> Typed {
        if self.broken(&args) {
            self.declare_outs(args);
            return Self::failed_call(&group.members, &group.types, at);
        }
        let name = self.shown(group.name.at, &group.name.text);
        for strict in [true, false] {
            let chosen = match self.resolve(&group, &mut args, strict) {
                Best::None => continue,
                Best::One(chosen) => chosen,
                Best::Ambiguous(chosen, other) => {
                    self.ambiguous(&chosen, &other, &name, group.name.at);
                    chosen
                }
            };
            let target = group.target.take();
            let extended = chosen.member.extension && target.is_some();
            let Some(handed) = self.pass(&chosen.fit, args) else { return Typed::error(at) };
            let target = if extended { None } else { target };
            return self.finish_call(target, chosen, handed, group.name.at, at);
        }
        self.no_call(&group, args, &name, at)
    }

    /// The best method for arguments: own ones first, then extension methods, which take the receiver too.
    pub(super) fn resolve(
        &mut self,
        group: &Group,
        args: &mut Vec<Argument<'_>>,
        strict: bool,
    ) -> Best {
        let (own, extra) = Self::own_and_extra(group);
        let best = self.best_of(&own, &group.types, args, strict);
        if matches!(&best, Best::One(chosen) if group.target.is_none() && !chosen.member.is_static)
        {
            return Best::None;
        }
        if !matches!(best, Best::None) || extra.is_empty() {
            return best;
        }
        let Some(target) = &group.target else { return best };
        args.insert(0, Self::passed(target.clone()));
        let best = self.best_of(&extra, &group.types, args, strict);
        if matches!(best, Best::None) {
            args.remove(0);
        }
        best
    }

    fn own_and_extra(group: &Group) -> (Vec<Found>, Vec<Found>) {
        let extends = |found: &&Found| found.member.extension && group.target.is_some();
        let own = group.members.iter().filter(|found| !extends(found)).cloned().collect();
        let Some(target) = &group.target else { return (own, Vec::new()) };
        let within = |found: &Found| match (&found.member.bound, target.ty.item()) {
            (Some((_, bound)), Some(item)) => bound.holds(&item),
            _ => true,
        };
        let extra = group.members.iter().filter(extends).filter(|found| {
            if !within(found) {
                return false;
            }
            found.member.params.first().is_some_and(|param| {
                param.ty.is_open()
                    && Self::could_be(&target.ty, &param.ty)
                    && Self::meets_constraint(found.member.owner, &target.ty)
                    || Self::standard(&target.ty, None, &param.ty).is_some()
            })
        });
        (own, extra.cloned().collect())
    }

    /// Reports that no method fits.
    fn no_call(&mut self, group: &Group, mut args: Vec<Argument<'_>>, name: &str, at: At) -> Typed {
        let (own, extra) = Self::own_and_extra(group);
        if own.is_empty() && extra.is_empty() {
            self.declare_outs(args);
            let ty = group.target.as_ref().map_or(Ty::Error, |target| target.ty.clone());
            return self.no_member(&ty, &group.name, at);
        }
        let members = if extra.is_empty() { own } else { extra };
        if let (Some(target), Some(found)) = (&group.target, members.first())
            && found.member.extension
        {
            args.insert(0, Self::passed(target.clone()));
        }
        self.no_overload(&members, &group.types, args, name, group.name.at);
        Self::failed_call(&members, &group.types, at)
    }

    /// Whether a receiver could be the first parameter of a generic extension method.
    fn could_be(ty: &Ty, param: &Ty) -> bool {
        match param {
            Ty::Param(_) => true,
            Ty::Array(_) => matches!(ty, Ty::Array(_)),
            other => other.id().is_some_and(|id| ty.as_instance_of(id).is_some()),
        }
    }

    /// Whether what a receiver holds meets `where T : JToken`, which stands on every type parameter of Json.NET's
    /// extension methods, so that those of XML are found on elements.
    fn meets_constraint(owner: TypeId, ty: &Ty) -> bool {
        let token = |item: Ty| item.is_error() || is_assignable(&item, &Ty::JTOKEN);
        owner != TypeId::JExtensions || ty.item().is_none_or(token)
    }

    /// After an error, the result of the only overload, so that what follows is checked too.
    fn failed_call(members: &[Found], types: &[Ty], at: At) -> Typed {
        let mut results =
            members.iter().map(|found| found.member.result.substitute(&found.class, types));
        let first = results.next().filter(|ty| !ty.is_open());
        let same = first.as_ref().is_some_and(|first| results.all(|ty| ty == *first));
        match first {
            Some(ty) if same => Typed::new(Node::Const(Value::Null), ty, at),
            _ => Typed::error(at),
        }
    }

    fn finish_call(
        &mut self,
        target: Option<Typed>,
        chosen: Chosen,
        handed: Handed,
        name_at: At,
        at: At,
    ) -> Typed {
        let Handed { nodes, mut outs, before, after } = handed;
        let Chosen { member, fit } = chosen;
        let ty = member.result.substitute(&fit.class, &fit.method);
        let mut args = Vec::new();
        let mut receiver = false;
        if let Some(target) = target {
            // `ToString()` and its like work on nullables without a value.
            receiver = target.ty.nullable_inner().is_none();
            args.push(target.node);
            for (index, _) in &mut outs {
                *index += 1;
            }
        }
        args.extend(nodes);
        let mut types = fit.class;
        types.extend(fit.method);
        self.check_as(member.owner, &member.name, &types, name_at);
        self.prepare(member, &mut args, name_at);
        self.used.push(member);
        let node = Node::Call(Box::new(Call {
            run: member.run,
            args: args.into(),
            types: types.into(),
            receiver,
            outs: outs.into(),
            set: None,
            at: name_at.start,
        }));
        let node = Self::fold(member, node);
        let node = self.around(before, node, after);
        Typed::new(node, ty, at)
    }

    /// `As<T>` takes a few types only.
    fn check_as(&mut self, owner: TypeId, name: &str, types: &[Ty], at: At) {
        if owner != TypeId::IMessageBody || name != "As" {
            return;
        }
        let Some(ty) = types.first() else { return };
        let fits = match ty {
            Ty::Named(id) => {
                matches!(
                    id,
                    TypeId::String
                        | TypeId::JObject
                        | TypeId::JArray
                        | TypeId::JToken
                        | TypeId::XElement
                        | TypeId::XDocument
                        | TypeId::XNode
                )
            }
            Ty::Array(item) => **item == Ty::BYTE,
            _ => false,
        };
        if !fits {
            let diagnostic = self
                .diagnostic(ErrorCode::EXPR_TYPE, at, format!("a body cannot be read as `{ty}`"))
                .help("bodies are read as string, byte[], JObject, JArray, JToken, XElement, XDocument or XNode");
            self.report(diagnostic);
            self.n_refusals += 1;
        }
    }

    /// Whether a call reads a body, and whether it consumes it.
    fn reads_body(group: &Group, args: &[Arg]) -> Consumption {
        let body = group.target.as_ref().is_some_and(|target| target.ty.is(TypeId::IMessageBody));
        if !body || !matches!(&*group.name.text, "As" | "AsFormUrlEncodedContent") {
            return Consumption { consumes: false, origin: Origin::Other };
        }
        let preserves = args
            .iter()
            .any(|arg| matches!(&arg.value, ArgValue::Expr(expr) if Self::is_true(expr)));
        Consumption { consumes: !preserves, origin: group.origin }
    }

    fn after_call(&mut self, consumption: Consumption) {
        if !consumption.consumes {
            return;
        }
        match consumption.origin {
            Origin::RequestBody => self.facts.consumes_request_body = true,
            Origin::ResponseBody => self.facts.consumes_response_body = true,
            _ => self.use_of_response.other_read = true,
        }
    }
}

/// What a call does to a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consumption {
    consumes: bool,
    origin: Origin,
}
