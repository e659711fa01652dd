//! Operators of enumerations.

use super::{Checker, Typed};
use crate::eval::{Node, convert_number};
use crate::syntax::At;
use crate::syntax::ast::BinaryOp;
use crate::types::{Numeric, Ty, TypeId};

use super::convert::Conversion;

impl Checker<'_> {
    /// An operator of which one operand is of an enumeration.
    pub(super) fn enum_operation(
        &mut self,
        op: BinaryOp,
        left: &Typed,
        right: &Typed,
        at: At,
    ) -> Option<Typed> {
        let (a, b) = (left.ty.strip_nullable(), right.ty.strip_nullable());
        let ty = if a.is_enum() { a.clone() } else { b.clone() };
        let fits = |typed: &Typed, to: &Ty| {
            typed.ty == Ty::Null
                || Self::implicit(typed.ty.strip_nullable(), typed.value(), to).is_some()
        };
        let both = fits(left, &ty) && fits(right, &ty);
        let lifted = left.ty.takes_null() || right.ty.takes_null();
        let wrap = |ty: Ty| if lifted { Ty::nullable(ty) } else { ty };
        match op {
            BinaryOp::Eq
            | BinaryOp::Ne
            | BinaryOp::Lt
            | BinaryOp::Le
            | BinaryOp::Gt
            | BinaryOp::Ge
                if both =>
            {
                Some(self.arithmetic(op, left.clone(), right.clone(), ty, lifted, at))
            }
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor if both => {
                Some(self.enum_arithmetic(op, left, right, wrap(ty), at))
            }
            BinaryOp::Sub if b.is_enum() && both => {
                Some(self.enum_arithmetic(op, left, right, wrap(Ty::INT), at))
            }
            BinaryOp::Sub if fits(if a.is_enum() { right } else { left }, &Ty::INT) => {
                Some(self.enum_arithmetic(op, left, right, wrap(ty), at))
            }
            // A zero of another type is a constant of the enumeration.
            BinaryOp::Sub if both => Some(self.enum_arithmetic(op, left, right, wrap(Ty::INT), at)),
            BinaryOp::Add
                if a.is_enum() != b.is_enum()
                    && fits(if a.is_enum() { right } else { left }, &Ty::INT) =>
            {
                Some(self.enum_arithmetic(op, left, right, wrap(ty), at))
            }
            _ => None,
        }
    }

    /// Calculates with the numbers of constants.
    fn enum_arithmetic(
        &mut self,
        op: BinaryOp,
        left: &Typed,
        right: &Typed,
        ty: Ty,
        at: At,
    ) -> Typed {
        let constant = left.constant && right.constant;
        let (left, right) = (self.enum_number(left.clone()), self.enum_number(right.clone()));
        let number = self.arith_node(op, left, right, Ty::INT, constant, at);
        match ty.strip_nullable() {
            Ty::Named(id) if ty.strip_nullable().is_enum() => {
                let node = self.apply(number.node, &Conversion::Enum(*id), at);
                let constant = constant && node.constant().is_some();
                Typed { node, ty, at, constant }
            }
            _ => Typed { ty, ..number },
        }
    }

    /// The number of a constant; numbers as `int`.
    fn enum_number(&mut self, typed: Typed) -> Node {
        if let Some(value) = typed.node.constant()
            && let Ok(number) = convert_number(value, Numeric::Int, true)
        {
            return Node::Const(number);
        }
        if typed.ty.strip_nullable().is_enum() {
            return Node::FromEnum(typed.node.boxed());
        }
        let to = if typed.ty.takes_null() { Ty::nullable(Ty::INT) } else { Ty::INT };
        self.convert(typed, &to)
    }

    /// `~x` of an enumeration.
    pub(super) fn enum_complement(&mut self, typed: Typed, at: At) -> Typed {
        let ty = typed.ty.clone();
        let id = ty.strip_nullable().id().unwrap_or(TypeId::Object);
        let constant = typed.constant;
        let number = self.enum_number(typed);
        let node = match number.constant() {
            Some(value) => Node::Const(crate::eval::complement(value)),
            None => Node::Complement(number.boxed()),
        };
        let node = self.apply(node, &Conversion::Enum(id), at);
        let constant = constant && node.constant().is_some();
        Typed { node, ty, at, constant }
    }
}
