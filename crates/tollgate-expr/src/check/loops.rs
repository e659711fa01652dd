//! Loops.

use tollgate_diagnostics::Code as ErrorCode;

use super::flow::FrameKind;
use super::{Checker, Typed};
use crate::eval::{Code, Node, Place};
use crate::syntax::At;
use crate::syntax::ast::{Expr, ForeachTarget, Name, Stmt, TypeRef};
use crate::types::{Ty, TypeId};

impl Checker<'_> {
    /// The body of a loop; afterwards the state is that of its end and of `continue`. Gives that of `break`.
    fn loop_body(&mut self, body: &Stmt) -> (Code, super::flow::Flow) {
        self.push_frame(FrameKind::Loop);
        let code = self.body(body);
        let frame = self.pop_frame();
        self.flow.join(frame.continues);
        (code, frame.breaks)
    }

    pub(super) fn while_statement(&mut self, condition: &Expr, body: &Stmt) -> Code {
        self.push_block();
        let (condition, when_true, when_false) = self.condition_flow(condition);
        self.flow = when_true;
        let (body, breaks) = self.loop_body(body);
        self.pop_block();
        self.flow = when_false;
        self.flow.join(breaks);
        Code::Loop {
            condition: Some(condition.node),
            after: false,
            step: Box::default(),
            body: Box::new(body),
        }
    }

    pub(super) fn do_statement(&mut self, body: &Stmt, condition: &Expr) -> Code {
        let (body, breaks) = self.loop_body(body);
        self.push_block();
        let (condition, _, when_false) = self.condition_flow(condition);
        self.pop_block();
        self.flow = when_false;
        self.flow.join(breaks);
        Code::Loop {
            condition: Some(condition.node),
            after: true,
            step: Box::default(),
            body: Box::new(body),
        }
    }

    pub(super) fn for_statement(
        &mut self,
        init: &[Stmt],
        condition: Option<&Expr>,
        step: &[Expr],
        body: &Stmt,
    ) -> Code {
        self.push_block();
        let mut codes: Vec<Code> = init.iter().map(|statement| self.statement(statement)).collect();
        self.push_block();
        let (condition, when_false) = match condition {
            Some(condition) => {
                let (condition, when_true, when_false) = self.condition_flow(condition);
                self.flow = when_true;
                (Some(condition.node), when_false)
            }
            None => (None, super::flow::Flow::dead()),
        };
        let (body, breaks) = self.loop_body(body);
        let step: Vec<Node> = step
            .iter()
            .map(|step| {
                let before = self.diagnostics.len();
                let node = self.bind(step).node;
                if self.diagnostics.len() == before {
                    self.is_statement(step);
                }
                node
            })
            .collect();
        self.pop_block();
        self.flow = when_false;
        self.flow.join(breaks);
        self.pop_block();
        codes.push(Code::Loop { condition, after: false, step: step.into(), body: Box::new(body) });
        Code::Block(codes.into())
    }

    pub(super) fn foreach(
        &mut self,
        target: &ForeachTarget,
        items: &Expr,
        body: &Stmt,
        at: At,
    ) -> Code {
        self.push_block();
        let typed = self.bind(items);
        if typed.value().is_some_and(crate::Value::is_null) && !typed.ty.is_error() {
            let message = "`foreach` cannot walk over null";
            self.error(ErrorCode::EXPR_TYPE, typed.at, message);
        }
        let pairs = Self::may_be_json(&typed.ty);
        let item = if typed.ty.is_error() {
            Ty::Error
        } else if typed.ty.is(TypeId::JObject) {
            Ty::generic(TypeId::KeyValuePair, [Ty::STRING, Ty::JTOKEN])
        } else {
            self.walked_item(&typed)
        };
        let before = self.flow.clone();
        let code = match target {
            ForeachTarget::Variable(ty, name) => {
                self.foreach_variable(typed, pairs, &item, (ty, name), body, at)
            }
            ForeachTarget::Deconstruction(target) => {
                self.foreach_deconstruction(typed, pairs, &item, target, body, at)
            }
        };
        let (code, breaks) = code;
        self.flow = before;
        self.flow.join(breaks);
        self.pop_block();
        code
    }

    /// What `foreach` finds in a value.
    fn walked_item(&mut self, typed: &Typed) -> Ty {
        let untyped = || {
            let walks = typed.ty.as_instance_of(TypeId::IEnumerable).is_some();
            walks.then_some(Ty::OBJECT)
        };
        if let Some(item) = typed.ty.item().or_else(untyped) {
            return item;
        }
        let message = format!("`foreach` cannot walk over `{}`", typed.ty);
        self.error(ErrorCode::EXPR_TYPE, typed.at, message);
        Ty::Error
    }

    fn foreach_variable(
        &mut self,
        items: Typed,
        pairs: bool,
        item: &Ty,
        (ty, name): (&TypeRef, &Name),
        body: &Stmt,
        at: At,
    ) -> (Code, super::flow::Flow) {
        let wanted = if ty.is_var() { item.clone() } else { self.ty(ty) };
        self.push_block();
        let place = self.declare_variable(name, wanted.clone(), true);
        let (Place::Local(slot) | Place::Cell(slot)) = place;
        let convert = self.foreach_conversion(slot, item, &wanted, ty.at);
        let (body, breaks) = self.loop_body(body);
        self.pop_block();
        let items = if pairs { Self::pairs(items.node, at) } else { items.node };
        let cell = matches!(place, Place::Cell(_));
        let code = Code::Foreach { items, slot, convert, cell, body: Box::new(body), at: at.start };
        (code, breaks)
    }

    fn foreach_deconstruction(
        &mut self,
        items: Typed,
        pairs: bool,
        item: &Ty,
        target: &Expr,
        body: &Stmt,
        at: At,
    ) -> (Code, super::flow::Flow) {
        self.push_block();
        let slot = self.new_slot();
        let value = Typed::new(Node::Local(slot), item.clone(), items.at);
        let assigned = self.deconstruct_value(target, value, target.at);
        let (body, breaks) = self.loop_body(body);
        self.pop_block();
        let items = if pairs { Self::pairs(items.node, at) } else { items.node };
        let body = Code::Block([Code::Expr(assigned.node), body].into());
        let code = Code::Foreach {
            items,
            slot,
            convert: None,
            cell: false,
            body: Box::new(body),
            at: at.start,
        };
        (code, breaks)
    }

    fn foreach_conversion(&mut self, slot: u16, item: &Ty, wanted: &Ty, at: At) -> Option<Node> {
        if item == wanted || item.is_error() || wanted.is_error() {
            return None;
        }
        let Some(conversion) = Self::explicit(item, None, wanted) else {
            self.error(
                ErrorCode::EXPR_TYPE,
                at,
                format!("`{item}` can never be cast to `{wanted}`"),
            );
            return None;
        };
        Some(self.apply(Node::Local(slot), &conversion, at))
    }
}
