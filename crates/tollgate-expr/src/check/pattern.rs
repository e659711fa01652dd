//! Patterns of `is` and `switch`.

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::Operand;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Equality, Node, Place};
use crate::syntax::At;
use crate::syntax::ast::{Expr, ExprKind, Literal, Name, Pattern};
use crate::types::{Ty, is_assignable};

impl Checker<'_> {
    pub(super) fn is_pattern(&mut self, operand: &Expr, pattern: &Pattern, at: At) -> Typed {
        let typed = self.bind(operand);
        if !self.has_value(&typed) {
            return Typed::error(at);
        }
        if typed.ty != Ty::Null && typed.ty.is_untyped() {
            let message = format!("`{}` alone matches no pattern", typed.ty);
            return self.fail(ErrorCode::EXPR_TYPE, typed.at, message);
        }
        let bare = match pattern {
            Pattern::Type(ty, None) => Some(self.any_ty(ty)),
            Pattern::Constant(expr) => match self.quietly(|checker| checker.operand(expr)) {
                Operand::Type(ty, _) => Some(ty),
                _ => None,
            },
            _ => None,
        };
        if let Some(ty) = bare {
            if !Self::may_be(&typed.ty, &ty) {
                // C# warns that it never holds.
                let message = format!("a `{}` is never a `{ty}`: this is always false", typed.ty);
                self.error(ErrorCode::EXPR_SUSPICIOUS, at, message);
                let never = Node::Const(Value::Bool(false)).boxed();
                return Typed::new(Node::Seq([typed.node].into(), never), Ty::BOOL, at);
            }
            let node = self.type_test(&typed, &ty, at);
            return Typed::new(node, Ty::BOOL, at);
        }
        if typed.ty == Ty::Null {
            return self.fail(ErrorCode::EXPR_TYPE, typed.at, "`null` alone matches no pattern");
        }
        let place = self.temporary();
        let store = Self::write(place, typed.node);
        let held = Typed::new(Self::read(place), typed.ty, typed.at);
        let test = self.pattern(&held, pattern);
        let split = self.split.take();
        let node = Node::Seq([store].into(), test.boxed());
        self.split = split;
        Typed::new(node, Ty::BOOL, at)
    }

    fn type_test(&mut self, typed: &Typed, ty: &Ty, at: At) -> Node {
        if !Self::may_be(&typed.ty, ty) {
            let message = format!("a `{}` is never a `{ty}`", typed.ty);
            self.error(ErrorCode::EXPR_TYPE, at, message);
        }
        Node::Is(ty.clone(), typed.node.clone().boxed())
    }

    /// Whether a value of a type can be of another.
    fn may_be(ty: &Ty, other: &Ty) -> bool {
        if ty.is_error() || other.is_error() {
            return true;
        }
        let (ty, other) = (ty.strip_nullable(), other.strip_nullable());
        if ty.is_value_type() && other.is_value_type() {
            return ty == other;
        }
        // Conversions that make a new value do not count.
        let related =
            crate::types::is_assignable(ty, other) || crate::types::is_assignable(other, ty);
        let interface = |ty: &Ty| ty.id().is_some_and(|id| crate::types::info(id).is_interface());
        let open = |ty: &Ty| !ty.is_value_type() && *ty != Ty::STRING;
        related
            || ty.is_opaque()
            || other.is_opaque()
            || open(ty) && open(other) && (interface(ty) || interface(other))
    }

    /// A test of a value that is held in a temporary.
    pub(super) fn pattern(&mut self, held: &Typed, pattern: &Pattern) -> Node {
        match pattern {
            Pattern::Var(None) => Node::Const(Value::Bool(true)),
            Pattern::Var(Some(name)) => {
                let stored = self.pattern_variable(held.node.clone(), &held.ty, name);
                // It always holds.
                self.split = None;
                stored
            }
            Pattern::Type(ty, name) => {
                let at = ty.at;
                let ty = if ty.is_var() { held.ty.clone() } else { self.ty(ty) };
                if name.is_some() && ty.nullable_inner().is_some() {
                    let message = format!("a pattern cannot be of the nullable type `{ty}`");
                    self.error(ErrorCode::EXPR_TYPE, at, message);
                }
                let test = self.type_test(held, &ty, at);
                match name.as_ref().filter(|name| &*name.text != "_") {
                    Some(name) => {
                        let store = self.pattern_variable(held.node.clone(), &ty, name);
                        Node::And(test.boxed(), store.boxed())
                    }
                    None => test,
                }
            }
            Pattern::Constant(expr) => self.constant_pattern(held, expr),
        }
    }

    fn pattern_variable(&mut self, value: Node, ty: &Ty, name: &Name) -> Node {
        let mut otherwise = self.flow.clone();
        if otherwise.reachable {
            otherwise.unassigned.insert(name.at.start);
        }
        let place = self.declare_variable(name, ty.clone(), false);
        self.split = Some((self.flow.clone(), otherwise));
        let mut effects = Vec::new();
        if let Place::Cell(slot) = place {
            effects.push(Node::NewCell(slot));
        }
        effects.push(Self::write(place, value));
        Node::Seq(effects.into(), Node::Const(Value::Bool(true)).boxed())
    }

    /// The constant of a pattern: of `(T?)constant` for a `T?` what is cast, and of null null.
    pub(super) fn pattern_constant(&mut self, expr: &Expr, held: &Ty) -> Typed {
        if let ExprKind::Cast(ty, inner) = &expr.kind {
            let to = self.quietly(|checker| checker.any_ty(ty));
            if let Some(plain) = to.nullable_inner() {
                let inner = self.bind(inner);
                let boxed = held.is_reference() && is_assignable(plain, held);
                if inner.value().is_some_and(Value::is_null) && (to == *held || boxed) {
                    return Typed::constant(Value::Null, Ty::Null, expr.at);
                }
                if inner.constant && to == *held {
                    let node = self.convert(inner, plain);
                    let constant = node.constant().is_some();
                    return Typed { node, ty: plain.clone(), at: expr.at, constant };
                }
            }
        }
        let typed = self.bind(expr);
        // `default(T?)` is no constant.
        let constant = typed.constant && typed.ty.nullable_inner().is_none();
        Typed { constant, ..typed }
    }

    fn constant_pattern(&mut self, held: &Typed, expr: &Expr) -> Node {
        // A bare name may turn out to be a type.
        if let Operand::Type(ty, at) = self.operand(expr) {
            return self.type_test(held, &ty, at);
        }
        if let ExprKind::Literal(Literal::Null) = expr.kind {
            if !held.ty.takes_null() && !held.ty.is_error() {
                let message = format!("`{}` is never null", held.ty);
                self.error(ErrorCode::EXPR_TYPE, expr.at, message);
            }
            return Node::Equal {
                negate: false,
                mode: Equality::Reference,
                left: held.node.clone().boxed(),
                right: Node::Const(Value::Null).boxed(),
            };
        }
        let typed = self.pattern_constant(expr, &held.ty);
        if typed.ty.is_error() {
            return Node::Const(Value::Bool(false));
        }
        let constant = typed.value().is_some();
        let right = if held.ty == Ty::OBJECT { typed.node } else { self.convert(typed, &held.ty) };
        // A declared conversion makes no constant of a constant.
        if !constant || right.constant().is_none() {
            self.error(ErrorCode::EXPR_CONSTANT, expr.at, "a pattern must be a constant");
        }
        Node::Equal {
            negate: false,
            mode: Equality::Value,
            left: held.node.clone().boxed(),
            right: right.boxed(),
        }
    }
}
