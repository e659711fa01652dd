//! `?:` and the type that its branches have in common.

use tollgate_diagnostics::Code as ErrorCode;

use super::{Checker, Typed};
use crate::Value;
use crate::eval::Node;
use crate::syntax::At;
use crate::syntax::ast::{Expr, ExprKind};
use crate::types::Ty;

impl Checker<'_> {
    pub(super) fn ternary(&mut self, condition: &Expr, yes: &Expr, no: &Expr, at: At) -> Typed {
        let (condition, when_true, when_false) = self.condition_flow(condition);
        let throws = |expr: &Expr| matches!(expr.kind, ExprKind::Throw(_));
        let (yes_throws, no_throws) = (throws(yes), throws(no));
        let (known, mut otherwise) = (self.n_variables(), when_false);
        self.flow = when_true;
        let (yes_open, no_open) = (yes, no);
        let yes = self.bind_branch(yes);
        self.without_new(&mut otherwise, known);
        let known = self.n_variables();
        let mut after_yes = std::mem::replace(&mut self.flow, otherwise);
        let no = self.bind_branch(no);
        self.without_new(&mut after_yes, known);
        self.flow.join(after_yes);
        if !self.has_value(&yes) || !self.has_value(&no) {
            return Typed::error(at);
        }
        let (yes_free, no_free) = (yes_throws || is_open(yes_open), no_throws || is_open(no_open));
        let ty = if yes_free {
            Some(no.ty.clone())
        } else if no_free {
            Some(yes.ty.clone())
        } else {
            Self::merge(&yes, &no)
        };
        let Some(ty) = ty.filter(|ty| !(yes_free && no_free) && *ty != Ty::Null) else {
            return self.no_common_type(&yes, &no, at);
        };
        let constant = condition.constant && yes.constant && no.constant;
        let yes = self.branch_to(yes_open, yes, &ty);
        let no = self.branch_to(no_open, no, &ty);
        // The branch is known when the condition is computed at load, be it a constant of C# or not.
        let node = match condition.node.constant().and_then(Value::as_bool) {
            Some(true) => yes,
            Some(false) => no,
            None => Node::If(condition.node.boxed(), yes.boxed(), no.boxed()),
        };
        let constant = constant && node.constant().is_some();
        Typed { node, ty, at, constant }
    }

    /// A branch of `?:`; a `default` or a lambda takes its type from the other one.
    fn bind_branch(&mut self, expr: &Expr) -> Typed {
        if is_open(expr) {
            return Typed {
                constant: true,
                ..Typed::new(Node::Const(Value::Null), Ty::Null, expr.at)
            };
        }
        self.bind(expr)
    }

    fn branch_to(&mut self, expr: &Expr, typed: Typed, ty: &Ty) -> Node {
        match &expr.kind {
            ExprKind::Default(None) | ExprKind::Lambda(_) => self.bind_to(expr, ty),
            ExprKind::Throw(_) => typed.node,
            _ => self.convert(typed, ty),
        }
    }

    fn no_common_type(&mut self, yes: &Typed, no: &Typed, at: At) -> Typed {
        let message =
            format!("the branches have the types `{}` and `{}`, which do not fit", yes.ty, no.ty);
        let diagnostic = self
            .diagnostic(ErrorCode::EXPR_TYPE, at, message)
            .help("cast one of them to the type of the other");
        self.report(diagnostic);
        Typed::error(at)
    }

    /// The type that two values have in common: one of theirs.
    pub(super) fn merge(left: &Typed, right: &Typed) -> Option<Ty> {
        if left.ty == right.ty {
            return Some(left.ty.clone()).filter(|ty| *ty != Ty::Null);
        }
        let to_right = Self::implicit(&left.ty, left.value(), &right.ty).is_some();
        let to_left = Self::implicit(&right.ty, right.value(), &left.ty).is_some();
        match (to_left, to_right) {
            (true, false) => Some(left.ty.clone()),
            (false, true) => Some(right.ty.clone()),
            // Constants fit both ways: the type that the other converts to whatever its value.
            (true, true) => {
                let wider = Self::standard(&left.ty, None, &right.ty).is_some();
                Some(if wider { &right.ty } else { &left.ty }.clone())
            }
            (false, false) => None,
        }
    }
}

/// Whether an expression takes its type from its place.
fn is_open(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Default(None) | ExprKind::Lambda(_))
}
