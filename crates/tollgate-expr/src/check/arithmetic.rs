//! Operators on numbers and `bool`: the type they calculate in, and what constants come to.

use tollgate_diagnostics::Code as ErrorCode;

use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Arith, Equality, Node, arith, compare, equal_values};
use crate::syntax::At;
use crate::syntax::ast::BinaryOp;
use crate::types::{Numeric, Ty};

impl Checker<'_> {
    /// The operators of C# on numbers and `bool`.
    pub(super) fn numeric_operation(
        &mut self,
        op: BinaryOp,
        left: &Typed,
        right: &Typed,
        at: At,
    ) -> Option<Typed> {
        let lifted = left.ty.nullable_inner().is_some()
            || right.ty.nullable_inner().is_some()
            || left.ty == Ty::Null
            || right.ty == Ty::Null;
        let (a, b) = (left.ty.strip_nullable(), right.ty.strip_nullable());
        // `null` with a number takes its type.
        let (a, b) = match (left.ty == Ty::Null, right.ty == Ty::Null) {
            (true, false) => (b, b),
            (false, true) => (a, a),
            // Of the operators that are left here the ones of `int?` are the best for two of them.
            (true, true)
                if !matches!(
                    op,
                    BinaryOp::Add | BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor
                ) =>
            {
                (&Ty::INT, &Ty::INT)
            }
            _ => (a, b),
        };
        if matches!(op, BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor)
            && *a == Ty::BOOL
            && *b == Ty::BOOL
        {
            return Some(self.arithmetic(op, left.clone(), right.clone(), Ty::BOOL, lifted, at));
        }
        let (a, b) = (a.numeric()?, b.numeric()?);
        if lifted && Self::is_equality(op) && (left.ty == Ty::Null || right.ty == Ty::Null) {
            // A number that is never null compared with null is false; equality says so.
            return None;
        }
        let shift = matches!(op, BinaryOp::Shl | BinaryOp::Shr);
        let kind = if shift { a.promoted() } else { Self::promote(left, right, a, b)? };
        let integral = shift || matches!(op, BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor);
        if integral && !kind.is_integral() {
            return None;
        }
        if shift {
            if right.ty != Ty::Null {
                Self::implicit(right.ty.strip_nullable(), right.value(), &Ty::INT)?;
            }
            let wrap = |ty: Ty| if lifted { Ty::nullable(ty) } else { ty };
            let (left, right) = (left.clone(), right.clone());
            let constant = left.constant && right.constant;
            let left = self.convert(left, &wrap(kind.ty()));
            let right = self.convert(right, &wrap(Ty::INT));
            return Some(self.arith_node(op, left, right, wrap(kind.ty()), constant, at));
        }
        Some(self.arithmetic(op, left.clone(), right.clone(), kind.ty(), lifted, at))
    }

    /// The common type of two numbers; constants that fit take the type of the other.
    fn promote(left: &Typed, right: &Typed, a: Numeric, b: Numeric) -> Option<Numeric> {
        let fits = |from: &Typed, to: Numeric| {
            from.constant
                && matches!(to, Numeric::UInt | Numeric::ULong)
                && Self::implicit(&from.ty, from.value(), &to.ty()).is_some()
        };
        if fits(left, b) {
            return Some(b);
        }
        if fits(right, a) {
            return Some(a);
        }
        a.promote(b)
    }

    /// An operator whose operands both become of one type.
    pub(super) fn arithmetic(
        &mut self,
        op: BinaryOp,
        left: Typed,
        right: Typed,
        ty: Ty,
        lifted: bool,
        at: At,
    ) -> Typed {
        let operand = if lifted { Ty::nullable(ty) } else { ty };
        let constant = left.constant && right.constant;
        let (left, right) = (self.convert(left, &operand), self.convert(right, &operand));
        match op {
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                if let (Some(a), Some(b), true) = (left.constant(), right.constant(), constant) {
                    return Typed::constant(Value::Bool(compare(op, a, b)), Ty::BOOL, at);
                }
                Typed::new(Node::Compare(op, left.boxed(), right.boxed()), Ty::BOOL, at)
            }
            BinaryOp::Eq | BinaryOp::Ne => {
                let negate = op == BinaryOp::Ne;
                if let (Some(a), Some(b), true) = (left.constant(), right.constant(), constant) {
                    return Typed::constant(
                        Value::Bool(equal_values(a, b) != negate),
                        Ty::BOOL,
                        at,
                    );
                }
                Self::equal(negate, Equality::Value, left, right, at)
            }
            _ => self.arith_node(op, left, right, operand, constant, at),
        }
    }

    pub(super) fn arith_node(
        &mut self,
        op: BinaryOp,
        left: Node,
        right: Node,
        ty: Ty,
        constant: bool,
        at: At,
    ) -> Typed {
        if let (Some(a), Some(b), true) = (left.constant(), right.constant(), constant) {
            let least = match b {
                Value::Int(-1) | Value::Long(-1) => Self::least(op, a, self.unchecked),
                _ => None,
            };
            match least.map_or_else(|| arith(op, !self.unchecked, a, b), Ok) {
                Ok(value) => return Typed::constant(value, ty, at),
                Err(exception) => {
                    let message = if exception.kind() == crate::ExceptionKind::DivideByZero {
                        "division by the constant zero"
                    } else {
                        "the constant overflows"
                    };
                    self.error(ErrorCode::EXPR_CONSTANT, at, message);
                    return Typed::new(Node::Const(Value::Null), ty, at);
                }
            }
        }
        let arith = Arith { op, checked: self.checked, left, right, at: at.start };
        Typed::new(Node::Arith(Box::new(arith)), ty, at)
    }

    /// The least number divided by -1, which the compiler calculates where the processor fails.
    fn least(op: BinaryOp, number: &Value, unchecked: bool) -> Option<Value> {
        match (op, number) {
            (BinaryOp::Rem, Value::Int(i32::MIN)) => Some(Value::Int(0)),
            (BinaryOp::Rem, Value::Long(i64::MIN)) => Some(Value::Long(0)),
            (BinaryOp::Div, Value::Int(i32::MIN) | Value::Long(i64::MIN)) if unchecked => {
                Some(number.clone())
            }
            _ => None,
        }
    }
}
