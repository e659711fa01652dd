//! Calls.

use std::sync::Arc;

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::{Found, Group, Operand};
use super::scope::{LocalFunction, Origin};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Node};
use crate::syntax::At;
use crate::syntax::ast::{Arg, ArgValue, Expr};
use crate::types::{Ty, TypeId};

impl Checker<'_> {
    pub(super) fn call(&mut self, target: &Expr, args: &[Arg], at: At) -> Typed {
        match self.operand(target) {
            Operand::Group(group) => self.call_group(group, args, at),
            Operand::Function(function, _) => self.call_function(&function, args, at),
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

    fn call_function(&mut self, function: &Arc<LocalFunction>, args: &[Arg], at: At) -> Typed {
        let mut values: Vec<Option<Node>> = vec![None; function.params.len()];
        for (index, arg) in args.iter().enumerate() {
            let position = match &arg.name {
                Some(name) => function.params.iter().position(|(own, ..)| *own == name.text),
                None => Some(index),
            };
            let param = position.and_then(|position| function.params.get(position).cloned());
            let (Some(position), Some((_, ty, _)), ArgValue::Expr(expr)) =
                (position, param, &arg.value)
            else {
                return self.fail(
                    ErrorCode::EXPR_TYPE,
                    arg.value.at(),
                    "the function has no such parameter",
                );
            };
            let node = self.bind_to(expr, &ty);
            if let Some(place) = values.get_mut(position) {
                *place = Some(node);
            }
        }
        let filled = values
            .into_iter()
            .zip(&function.params)
            .map(|(value, (_, _, default))| value.or_else(|| default.clone().map(Node::Const)));
        let filled: Option<Vec<Node>> = filled.collect();
        let Some(args) = filled else {
            let message =
                format!("expected {} arguments, found {}", function.params.len(), args.len());
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let captures = self.function_captures(function.declared);
        let node = Node::CallFunction {
            function: function.index,
            captures: captures.into(),
            args: args.into(),
            at: at.start,
        };
        Typed::new(node, function.result.clone(), at)
    }

    /// The slots, here, of what a function captures.
    pub(super) fn function_captures(&mut self, declared: u32) -> Vec<u16> {
        let known = self.known.of.get(&declared).cloned().unwrap_or_default();
        known.iter().map(|capture| self.capture_slot(*capture)).collect()
    }

    fn call_group(&mut self, mut group: Group, args: &[Arg], at: At) -> Typed {
        let name = self.shown(group.name.at, &group.name.text);
        let consumes = Self::reads_body(&group, args);
        let bound = self.arguments(args);
        let own: Vec<Found> = group
            .members
            .iter()
            .filter(|found| !found.member.extension || group.target.is_none())
            .cloned()
            .collect();
        let extra: Vec<Found> = group
            .members
            .iter()
            .filter(|found| found.member.extension && group.target.is_some())
            .cloned()
            .collect();
        if !extra.is_empty()
            && let Some(target) = &group.target
        {
            return self.call_mixed(&group, &own, &extra, target, args, bound, at, consumes);
        }
        let Some(choice) = self.choose(&own, &group.types, bound, &name, group.name.at, true)
        else {
            return Self::failed_call(&own, &group.types, at);
        };
        let typed = self.finish_call(group.target.take(), choice, group.name.at, at);
        self.after_call(consumes);
        typed
    }

    /// Own methods first, then extension methods.
    #[expect(clippy::too_many_arguments, reason = "the parts of one call")]
    fn call_mixed(
        &mut self,
        group: &Group,
        own: &[Found],
        extra: &[Found],
        target: &Typed,
        args: &[Arg],
        bound: Vec<super::overload::Argument<'_>>,
        at: At,
        consumes: Consumption,
    ) -> Typed {
        let name = self.shown(group.name.at, &group.name.text);
        if !own.is_empty()
            && let Some(choice) = self.choose(own, &group.types, bound, &name, group.name.at, false)
        {
            let typed = self.finish_call(group.target.clone(), choice, group.name.at, at);
            self.after_call(consumes);
            return typed;
        }
        let errors = self.diagnostics.len();
        let mut with_target = vec![Self::passed(target.clone())];
        with_target.extend(self.arguments(args));
        let applicable: Vec<Found> = extra
            .iter()
            .filter(|found| {
                found.member.params.first().is_some_and(|param| {
                    param.ty.is_open() && Self::could_be(&target.ty, &param.ty)
                        || Self::implicit(&target.ty, None, &param.ty).is_some()
                })
            })
            .cloned()
            .collect();
        if applicable.is_empty() && own.is_empty() {
            return self.no_method(&target.ty, &group.name, at);
        }
        let members = if applicable.is_empty() { own } else { &applicable };
        let list = if applicable.is_empty() { self.arguments(args) } else { with_target };
        let Some((chosen, nodes, outs)) = self.choose(
            members,
            &group.types,
            list,
            &name,
            group.name.at,
            self.diagnostics.len() == errors,
        ) else {
            return Self::failed_call(members, &group.types, at);
        };
        self.finish_call(None, (chosen, nodes, outs), group.name.at, at)
    }

    /// Whether a receiver could be the first parameter of a generic extension method.
    fn could_be(ty: &Ty, param: &Ty) -> bool {
        match param {
            Ty::Param(_) => true,
            Ty::Array(_) => matches!(ty, Ty::Array(_)),
            other => other.id().is_some_and(|id| ty.as_instance_of(id).is_some()),
        }
    }

    fn no_method(&mut self, ty: &Ty, name: &crate::syntax::ast::Name, at: At) -> Typed {
        self.no_member(ty, name, at)
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
        choice: super::overload::Choice,
        name_at: At,
        at: At,
    ) -> Typed {
        let (chosen, nodes, mut outs) = choice;
        let ty = chosen.member.result.substitute(&chosen.class, &chosen.method);
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
        self.prepare(chosen.member, &mut args, name_at);
        let mut types = chosen.class.clone();
        types.extend(chosen.method.clone());
        self.check_as(chosen.member.owner, &chosen.member.name, &types, name_at);
        let node = Node::Call(Box::new(Call {
            run: chosen.member.run,
            args: args.into(),
            types: types.into(),
            receiver,
            outs: outs.into(),
            set: None,
            at: name_at.start,
        }));
        let node = Self::fold(chosen.member, node);
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
