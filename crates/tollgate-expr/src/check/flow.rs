//! Which statements can be reached, and which variables are certainly assigned there.
//!
//! As C# has it: conditions know two states, one for true and one for false, and what cannot be reached assigns
//! everything.

use std::collections::BTreeSet;

use tollgate_diagnostics::Code as ErrorCode;

use super::{Checker, Typed};
use crate::Value;
use crate::eval::Node;
use crate::syntax::At;
use crate::syntax::ast::{Expr, ExprKind, Literal};
use crate::types::Ty;

/// What is known at a point of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) reachable: bool,
    /// Variables, by where they are declared, that may be unassigned.
    pub(super) unassigned: BTreeSet<u32>,
}

impl Flow {
    pub(super) fn start() -> Flow {
        Flow { reachable: true, unassigned: BTreeSet::new() }
    }

    /// What is known where nothing ever comes.
    pub(super) fn dead() -> Flow {
        Flow { reachable: false, unassigned: BTreeSet::new() }
    }

    /// What is known where two ways meet.
    pub(super) fn join(&mut self, other: Flow) {
        if !other.reachable {
            return;
        }
        if !self.reachable {
            *self = other;
            return;
        }
        self.unassigned.extend(other.unassigned);
    }
}

/// What `break` and `continue` lead out of.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    pub(super) breaks: Flow,
    pub(super) continues: Flow,
}

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Loop,
    Switch,
    /// The body of a `finally`, which nothing may leave.
    Finally,
}

impl Checker<'_> {
    pub(super) fn push_frame(&mut self, kind: FrameKind) {
        let frame = Frame { kind, breaks: Flow::dead(), continues: Flow::dead() };
        self.frames.push(frame);
    }

    pub(super) fn pop_frame(&mut self) -> Frame {
        let none =
            || Frame { kind: FrameKind::Loop, breaks: Flow::dead(), continues: Flow::dead() };
        self.frames.pop().unwrap_or_else(none)
    }

    /// Ends the way that led here.
    pub(super) fn end_flow(&mut self) -> Flow {
        std::mem::replace(&mut self.flow, Flow::dead())
    }

    /// What a condition that ended with two states means where one is wanted.
    pub(super) fn join_split(&mut self) {
        if let Some((yes, no)) = self.split.take() {
            self.flow = yes;
            self.flow.join(no);
        }
    }

    /// The states when the condition that was just checked holds and when it does not.
    pub(super) fn take_split(&mut self, condition: &Node) -> (Flow, Flow) {
        let (yes, no) = self.split.take().unwrap_or_else(|| (self.flow.clone(), self.flow.clone()));
        match condition.constant().and_then(Value::as_bool) {
            Some(true) => (yes, Flow::dead()),
            Some(false) => (Flow::dead(), no),
            None => (yes, no),
        }
    }

    /// A condition, with what is known when it holds and when it does not.
    pub(super) fn condition_flow(&mut self, expr: &Expr) -> (Typed, Flow, Flow) {
        if matches!(expr.kind, ExprKind::Default(None)) {
            let never = Typed::constant(Value::Bool(false), Ty::BOOL, expr.at);
            return (never, Flow::dead(), self.flow.clone());
        }
        let typed = self.bind_split(expr);
        let (constant, at) = (typed.constant, typed.at);
        let split = self.split.take();
        let node = self.convert(typed, &Ty::BOOL);
        self.split = split;
        let (yes, no) = if constant {
            self.take_split(&node)
        } else {
            self.split.take().unwrap_or_else(|| (self.flow.clone(), self.flow.clone()))
        };
        (Typed { node, ty: Ty::BOOL, at, constant }, yes, no)
    }

    /// `break` or `continue`.
    pub(super) fn jump(&mut self, is_break: bool, at: At) {
        let flow = self.end_flow();
        let wanted = |frame: &Frame| {
            frame.kind == FrameKind::Loop || is_break && frame.kind == FrameKind::Switch
        };
        let place = self.frames.iter().rposition(wanted);
        let finally = self.frames.iter().rposition(|frame| frame.kind == FrameKind::Finally);
        if finally > place && finally.is_some() && place.is_some() {
            self.error(ErrorCode::EXPR_FLOW, at, "nothing can leave the body of a `finally`");
            return;
        }
        let Some(frame) = place.and_then(|place| self.frames.get_mut(place)) else {
            self.error(ErrorCode::EXPR_FLOW, at, "there is no loop around this");
            return;
        };
        if is_break { frame.breaks.join(flow) } else { frame.continues.join(flow) }
    }

    /// Whether a `return` here would leave a `finally`.
    pub(super) fn in_finally(&self) -> bool {
        self.frames.iter().any(|frame| frame.kind == FrameKind::Finally)
    }

    /// A variable is assigned from here on.
    pub(super) fn mark_assigned(&mut self, declared: u32) {
        self.flow.unassigned.remove(&declared);
    }

    /// A variable has no value yet.
    pub(super) fn mark_unassigned(&mut self, declared: u32) {
        if self.flow.reachable {
            self.flow.unassigned.insert(declared);
        }
    }

    /// How many variables the innermost block has.
    pub(super) fn n_variables(&self) -> usize {
        self.block_variables().len()
    }

    /// Variables that were declared since there were so many are unassigned on a way that went around them.
    pub(super) fn without_new(&self, flow: &mut Flow, known: usize) {
        if flow.reachable {
            flow.unassigned.extend(self.block_variables().into_iter().skip(known));
        }
    }

    /// Whether an expression is the literal `true`.
    pub(super) fn is_true(expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Literal(Literal::Bool(true)))
    }
}
