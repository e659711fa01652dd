//! Method groups as delegates, and delegates put together.

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::Group;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Equality, Function, FunctionBody, Node};
use crate::syntax::At;
use crate::types::{Ty, info};
use crate::{Exception, ExceptionKind};

impl Checker<'_> {
    /// What a method group returns for parameters of these types.
    pub(super) fn group_result(&mut self, group: &Group, inputs: &[Ty]) -> Option<Ty> {
        let mut args: Vec<_> = inputs.iter().map(|ty| Self::of_type(ty, group.name.at)).collect();
        let before = self.diagnostics.len();
        let chosen = self.resolve(group, &mut args, true);
        self.diagnostics.truncate(before);
        let super::better::Best::One(chosen) = chosen else { return None };
        Some(chosen.member.result.substitute(&chosen.fit.class, &chosen.fit.method))
    }

    /// A method group as a delegate: a function that calls the method, on the value it was taken from.
    pub(super) fn group_to(&mut self, group: Group, to: &Ty) -> Node {
        let at = group.name.at;
        let Some((inputs, result)) = to.delegate() else {
            self.error(ErrorCode::EXPR_TYPE, at, format!("a method is not a `{to}`"));
            return Node::Const(Value::Null);
        };
        let Group { target, name, types, members, origin } = group;
        let members_of_object = matches!(&*name.text, "ToString" | "Equals" | "GetHashCode");
        let held = target.map(|target| (self.new_slot(), target));
        self.enter_wrapper();
        let target = held.as_ref().map(|(_, target)| {
            Typed::new(Node::Local(self.new_slot()), target.ty.clone(), target.at)
        });
        let args = inputs
            .iter()
            .map(|ty| Self::passed(Typed::new(Node::Local(self.new_slot()), ty.clone(), at)))
            .collect();
        let inner = Group { target, name, types, members, origin };
        let typed = self.call_bound(inner, args, at);
        let body = self.as_result(typed, &result, to, at);
        let function = self.small_function(body);
        let Some((slot, target)) = held else {
            return Node::Lambda { function, captures: Box::default(), ty: to.clone() };
        };
        let lambda = Node::Lambda { function, captures: [slot].into(), ty: to.clone() };
        let by_table =
            members_of_object || target.ty.id().is_some_and(|id| info(id).is_interface());
        let needs_value = target.ty.is_reference();
        let value = if needs_value {
            Node::Seq(
                [Node::SetLocal(slot, target.node.boxed())].into(),
                Self::or_thrown(slot, by_table, at).boxed(),
            )
        } else {
            Node::SetLocal(slot, target.node.boxed())
        };
        Node::Seq([value].into(), lambda.boxed())
    }

    /// The value of a slot; an exception when it holds none, which depends on how .NET finds the method.
    fn or_thrown(slot: u16, by_table: bool, at: At) -> Node {
        let thrown = if by_table {
            Value::Null
        } else {
            let message = "Delegate to an instance method cannot have null 'this'.";
            Value::Exception(Exception::new(ExceptionKind::Argument, message))
        };
        let thrown = Node::Throw(Node::Const(thrown).boxed(), at.start);
        Node::Coalesce(Node::Local(slot).boxed(), thrown.boxed())
    }

    /// What a method returns as what its delegate returns: nothing is converted but references.
    pub(super) fn as_result(&mut self, typed: Typed, result: &Ty, to: &Ty, at: At) -> Node {
        if !typed.ty.is_error() && !Self::delegate_result(&typed.ty, result) {
            let message = format!("the method returns `{}` and does not fit `{to}`", typed.ty);
            self.error(ErrorCode::EXPR_TYPE, at, message);
        }
        typed.node
    }

    /// Leaves the function that was entered for a body.
    pub(super) fn small_function(&mut self, body: Node) -> u32 {
        let index = self.new_function();
        let scope = self.leave_function();
        if let Some(place) = self.functions.get_mut(index as usize) {
            let body = FunctionBody::Expr(body);
            *place = Function { n_slots: scope.n_slots(), cells: Box::default(), body };
        }
        index
    }

    /// `a + b` of delegates: a function that calls one after the other.
    pub(super) fn combined(&mut self, left: Typed, right: Typed, at: At) -> Option<Typed> {
        let ty = if left.ty == Ty::Null { right.ty.clone() } else { left.ty.clone() };
        let (inputs, _) = ty.delegate()?;
        if right.ty != ty && right.ty != Ty::Null {
            return None;
        }
        let (a, b) = (self.new_slot(), self.new_slot());
        self.enter_wrapper();
        let (first, second) = (self.new_slot(), self.new_slot());
        let args: Vec<Node> = inputs.iter().map(|_| Node::Local(self.new_slot())).collect();
        let invoke = |slot: u16| Node::Invoke {
            target: Node::Local(slot).boxed(),
            args: args.clone().into(),
            at: at.start,
        };
        let body = Node::Seq([invoke(first)].into(), invoke(second).boxed());
        let function = self.small_function(body);
        let both = Node::Lambda { function, captures: [a, b].into(), ty: ty.clone() };
        let is_null = |slot: u16| Node::Equal {
            negate: false,
            mode: Equality::Reference,
            left: Node::Local(slot).boxed(),
            right: Node::Const(Value::Null).boxed(),
        };
        let with_b = Node::If(is_null(b).boxed(), Node::Local(a).boxed(), both.boxed());
        let node = Node::If(is_null(a).boxed(), Node::Local(b).boxed(), with_b.boxed());
        let effects = [Node::SetLocal(a, left.node.boxed()), Node::SetLocal(b, right.node.boxed())];
        Some(Typed::new(Node::Seq(effects.into(), node.boxed()), ty, at))
    }
}
