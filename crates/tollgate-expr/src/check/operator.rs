//! Unary and binary operators.

use tollgate_diagnostics::Code as ErrorCode;

use super::{Checker, Typed, canonical};
use crate::Value;
use crate::eval::{Equality, Node, equal_values};
use crate::syntax::At;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Literal, UnaryOp};
use crate::types::{Numeric, Ty, TypeId, is_assignable};

impl Checker<'_> {
    pub(super) fn unary(&mut self, op: UnaryOp, operand: &Expr, at: At) -> Typed {
        // The smallest numbers have no positive counterpart.
        if op == UnaryOp::Neg
            && let ExprKind::Literal(Literal::Int { value, unsigned: false, long }) = &operand.kind
            && !operand.bracketed
        {
            if *value == 1 << 31 && !long {
                return Typed::constant(Value::Int(i32::MIN), Ty::INT, at);
            }
            if *value == 1 << 63 {
                return Typed::constant(Value::Long(i64::MIN), Ty::LONG, at);
            }
        }
        let typed = self.bind_split(operand);
        let split = if op == UnaryOp::Not { self.split.take() } else { None };
        self.join_split();
        if !self.has_value(&typed) {
            return Typed::error(at);
        }
        let nullable = typed.ty.nullable_inner().is_some();
        let inner = typed.ty.strip_nullable().clone();
        let wrap = |ty: Ty| if nullable { Ty::nullable(ty) } else { ty };
        match op {
            UnaryOp::Not => {
                if nullable && inner == Ty::BOOL {
                    return self.lifted_not(typed, at);
                }
                let constant = typed.value().and_then(Value::as_bool);
                self.split = split.map(|(yes, no)| (no, yes));
                let node = self.convert(typed, &Ty::BOOL);
                match constant {
                    Some(value) => Typed::constant(Value::Bool(!value), Ty::BOOL, at),
                    None => Typed::new(Node::Not(node.boxed()), Ty::BOOL, at),
                }
            }
            UnaryOp::Neg | UnaryOp::Plus | UnaryOp::Complement => {
                if op != UnaryOp::Complement
                    && let Some(call) = self.declared_operator(op.text(), vec![typed.clone()], at)
                {
                    return call;
                }
                if op == UnaryOp::Complement && inner.is_enum() {
                    return self.enum_complement(typed, at);
                }
                let promoted = inner.numeric().map(Numeric::promoted);
                let promoted = match (promoted, op) {
                    (Some(Numeric::UInt), UnaryOp::Neg) => Some(Numeric::Long),
                    (Some(Numeric::ULong), UnaryOp::Neg) => None,
                    (Some(kind), UnaryOp::Complement) if !kind.is_integral() => None,
                    (other, _) => other,
                };
                let Some(kind) = promoted else {
                    let message = format!("`{}` cannot be applied to `{}`", op.text(), typed.ty);
                    return self.fail(ErrorCode::EXPR_TYPE, at, message);
                };
                let constant = typed.constant;
                let ty = wrap(kind.ty());
                let node = self.convert(typed, &ty);
                let node = match op {
                    UnaryOp::Plus => node,
                    UnaryOp::Neg => {
                        let checked = !self.unchecked;
                        match node.constant().map(|value| crate::eval::negate(value, checked)) {
                            Some(Ok(value)) if constant => Node::Const(canonical(value)),
                            Some(Ok(value)) => Node::Const(value),
                            Some(Err(_)) if constant => {
                                let message = "the constant overflows";
                                return self.fail(ErrorCode::EXPR_CONSTANT, at, message);
                            }
                            _ => Node::Negate(node.boxed(), self.checked, at.start),
                        }
                    }
                    _ => match node.constant() {
                        Some(value) => Node::Const(crate::eval::complement(value)),
                        None => Node::Complement(node.boxed()),
                    },
                };
                let constant = constant && node.constant().is_some();
                Typed { node, ty, at, constant }
            }
        }
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, at: At) -> Typed {
        match op {
            BinaryOp::And | BinaryOp::Or => self.logical(op, left, right, at),
            BinaryOp::Coalesce => self.coalesce(left, right, at),
            _ => {
                if Self::is_equality(op) {
                    self.direct = Self::is_null_literal(right);
                }
                if Self::is_equality(op) && (is_default(left) || is_default(right)) {
                    return self.equals_default(op, left, right, at);
                }
                let left = self.bind(left);
                self.direct = false;
                let right = self.bind(right);
                self.operation(op, left, right, at)
            }
        }
    }

    /// `x == default`.
    fn equals_default(&mut self, op: BinaryOp, left: &Expr, right: &Expr, at: At) -> Typed {
        let (value, other) = if is_default(left) { (right, left) } else { (left, right) };
        let typed = self.bind(value);
        if !self.has_value(&typed) {
            return Typed::error(at);
        }
        if typed.ty == Ty::Null {
            return self.no_operator(op, &typed, &typed, at);
        }
        let node = self.bind_to(other, &typed.ty);
        let default = Typed { node, ty: typed.ty.clone(), at: other.at, constant: typed.constant };
        self.operation(op, typed, default, at)
    }

    fn logical(&mut self, op: BinaryOp, left: &Expr, right: &Expr, at: At) -> Typed {
        let (left, left_true, left_false) = self.condition_flow(left);
        let is_and = op == BinaryOp::And;
        let known = self.n_variables();
        let mut shortcut = if is_and {
            self.flow = left_true;
            left_false
        } else {
            self.flow = left_false;
            left_true
        };
        let (right, mut when_true, mut when_false) = self.condition_flow(right);
        self.without_new(&mut shortcut, known);
        if is_and {
            when_false.join(shortcut);
        } else {
            when_true.join(shortcut);
        }
        self.flow = when_true.clone();
        self.flow.join(when_false.clone());
        self.split = Some((when_true, when_false));
        let known = |typed: &Typed| typed.value().and_then(Value::as_bool);
        if let (Some(a), Some(b)) = (known(&left), known(&right)) {
            let value = if op == BinaryOp::And { a && b } else { a || b };
            return Typed::constant(Value::Bool(value), Ty::BOOL, at);
        }
        let (left, right) = (left.node.boxed(), right.node.boxed());
        let node = if op == BinaryOp::And { Node::And(left, right) } else { Node::Or(left, right) };
        Typed::new(node, Ty::BOOL, at)
    }

    fn coalesce(&mut self, left: &Expr, right: &Expr, at: At) -> Typed {
        let left = self.bind(left);
        if !self.has_value(&left) {
            return Typed::error(at);
        }
        if !left.ty.takes_null() && left.ty != Ty::Null {
            let message =
                format!("`??` needs a left side that may be null, `{}` never is", left.ty);
            return self.fail(ErrorCode::EXPR_TYPE, left.at, message);
        }
        let inner = left.ty.strip_nullable().clone();
        let (known, mut before) = (self.n_variables(), self.flow.clone());
        if matches!(right.kind, ExprKind::Throw(_)) {
            let right = self.bind(right);
            self.flow = before;
            return Typed::new(Node::Coalesce(left.node.boxed(), right.node.boxed()), inner, at);
        }
        if left.ty == Ty::Null && is_default(right) {
            let message = "`??` cannot be applied to `null` and `default`";
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        }
        if matches!(right.kind, ExprKind::Default(None) | ExprKind::Lambda(_)) {
            let to = if matches!(right.kind, ExprKind::Lambda(_)) { &left.ty } else { &inner };
            let right = self.bind_to(right, to);
            self.without_new(&mut before, known);
            self.flow.join(before);
            let ty = to.clone();
            return Typed::new(Node::Coalesce(left.node.boxed(), right.boxed()), ty, at);
        }
        let right = self.bind(right);
        self.without_new(&mut before, known);
        self.flow.join(before);
        if !self.has_value(&right) {
            return Typed::error(at);
        }
        let fits = |to: &Ty| Self::implicit(&right.ty, right.value(), to).is_some();
        let ty = if left.ty != Ty::Null && inner != left.ty && fits(&inner) {
            inner
        } else if left.ty != Ty::Null && fits(&left.ty) {
            left.ty.clone()
        } else if right.ty != Ty::Null && Self::implicit(&inner, None, &right.ty).is_some() {
            let to = right.ty.clone();
            let conversion = Self::implicit(&inner, None, &to);
            let node = match conversion {
                Some(conversion) => self.when_not_null(left.node, &conversion, at),
                None => left.node,
            };
            return Typed::new(Node::Coalesce(node.boxed(), right.node.boxed()), to, at);
        } else {
            let message = format!("`??` cannot be applied to `{}` and `{}`", left.ty, right.ty);
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let right = self.convert(right, &ty);
        Typed::new(Node::Coalesce(left.node.boxed(), right.boxed()), ty, at)
    }

    /// `!x` of a `bool?`: null stays null.
    fn lifted_not(&mut self, typed: Typed, at: At) -> Typed {
        let slot = self.new_slot();
        let rest = Node::Not(Node::Local(slot).boxed());
        let node = Node::NullConditional { slot, target: typed.node.boxed(), rest: rest.boxed() };
        Typed::new(node, typed.ty, at)
    }

    /// Converts what is not null; null stays null.
    fn when_not_null(
        &mut self,
        node: Node,
        conversion: &super::convert::Conversion,
        at: At,
    ) -> Node {
        if matches!(
            conversion,
            super::convert::Conversion::Same | super::convert::Conversion::Numeric(_)
        ) {
            return self.apply(node, conversion, at);
        }
        let slot = self.new_slot();
        let rest = self.apply(Node::Local(slot), conversion, at);
        Node::NullConditional { slot, target: node.boxed(), rest: rest.boxed() }
    }

    /// An operator on two values.
    pub(super) fn operation(&mut self, op: BinaryOp, left: Typed, right: Typed, at: At) -> Typed {
        if !self.has_value(&left) || !self.has_value(&right) {
            let ty = if Self::is_equality(op) { Ty::BOOL } else { Ty::Error };
            return Typed::new(Node::Const(Value::Null), ty, at);
        }
        if op == BinaryOp::Add
            && (left.ty == Ty::STRING || right.ty == Ty::STRING)
            && Self::declared_operand(&left, &right).is_none()
            && [&left, &right].iter().all(|side| side.ty == Ty::Null || !side.ty.is_untyped())
        {
            return Self::string_concat(left, right, at);
        }
        if let Some(typed) = self.tuple_equality(op, &left, &right, at) {
            return typed;
        }
        if let Some(typed) = self.numeric_operation(op, &left, &right, at) {
            return typed;
        }
        let delegates = left.ty.delegate().is_some() || right.ty.delegate().is_some();
        if op == BinaryOp::Add
            && delegates
            && let Some(typed) = self.combined(left.clone(), right.clone(), at)
        {
            return typed;
        }
        if let Some(typed) = self.other_operation(op, &left, &right, at) {
            return typed;
        }
        if let Some(typed) =
            self.declared_operator(op.text(), vec![left.clone(), right.clone()], at)
        {
            return typed;
        }
        if Self::is_equality(op)
            && let Some(typed) = self.equality(op, &left, &right, at)
        {
            return typed;
        }
        // What no other operator takes is joined as texts when one side is null.
        if op == BinaryOp::Add && (left.ty == Ty::Null) != (right.ty == Ty::Null) {
            return Self::string_concat(left, right, at);
        }
        self.no_operator(op, &left, &right, at)
    }

    fn no_operator(&mut self, op: BinaryOp, left: &Typed, right: &Typed, at: At) -> Typed {
        let message =
            format!("`{}` cannot be applied to `{}` and `{}`", op.text(), left.ty, right.ty);
        let mut diagnostic = self.diagnostic(ErrorCode::EXPR_TYPE, at, message);
        let object = [left, right].into_iter().find(|typed| {
            typed.ty.is(TypeId::Object) || typed.ty.as_instance_of(TypeId::JToken).is_some()
        });
        let other = if object.is_some_and(|typed| typed.at == left.at) { right } else { left };
        if object.is_some() && !matches!(other.ty, Ty::Null) {
            diagnostic = diagnostic.help(format!("cast the value first: `({})…`", other.ty));
        }
        self.report(diagnostic);
        Typed::error(at)
    }

    fn string_concat(left: Typed, right: Typed, at: At) -> Typed {
        let constant = left.constant && right.constant;
        let text = |typed: Typed| match typed.node {
            // Constants other than strings print as they would at run time.
            Node::Const(Value::Char(unit)) => {
                Node::Const(Value::from(crate::text::unit_text(unit)))
            }
            Node::Const(Value::Int(value)) => Node::Const(Value::from(value.to_string())),
            Node::Const(Value::Long(value)) => Node::Const(Value::from(value.to_string())),
            node => node,
        };
        let node = Self::concat(vec![text(left), text(right)]);
        let constant = constant && node.constant().is_some();
        Typed { node, ty: Ty::STRING, at, constant }
    }

    pub(super) fn equal(negate: bool, mode: Equality, left: Node, right: Node, at: At) -> Typed {
        let node = Node::Equal { negate, mode, left: left.boxed(), right: right.boxed() };
        Typed::new(node, Ty::BOOL, at)
    }

    /// Operators on enumerations and strings.
    fn other_operation(
        &mut self,
        op: BinaryOp,
        left: &Typed,
        right: &Typed,
        at: At,
    ) -> Option<Typed> {
        let (a, b) = (left.ty.strip_nullable(), right.ty.strip_nullable());
        let negate = op == BinaryOp::Ne;
        if a.is_enum() || b.is_enum() {
            return self.enum_operation(op, left, right, at);
        }
        let text = |ty: &Ty| *ty == Ty::STRING || *ty == Ty::Null;
        let scalar = |ty: &Ty| *ty == Ty::BOOL;
        if Self::is_equality(op) && (text(&left.ty) && text(&right.ty) || scalar(a) && scalar(b)) {
            if let (Some(a), Some(b)) = (left.value(), right.value()) {
                let equal = equal_values(a, b);
                return Some(Typed::constant(Value::Bool(equal != negate), Ty::BOOL, at));
            }
            let (left, right) = (left.node.clone(), right.node.clone());
            return Some(Self::equal(negate, Equality::Value, left, right, at));
        }
        None
    }

    /// `==` and `!=` on references, nullables and null.
    fn equality(&mut self, op: BinaryOp, left: &Typed, right: &Typed, at: At) -> Option<Typed> {
        let negate = op == BinaryOp::Ne;
        let is_null = |typed: &Typed| {
            typed.value().is_some_and(Value::is_null) && typed.ty.nullable_inner().is_none()
        };
        if is_null(left) && is_null(right) {
            return Some(Typed::constant(Value::Bool(!negate), Ty::BOOL, at));
        }
        let nulls = (left.ty == Ty::Null, right.ty == Ty::Null);
        if nulls.0 || nulls.1 {
            let other = if nulls.0 { right } else { left };
            let opaque = matches!(&other.ty, Ty::Opaque(opaque) if !opaque.value);
            if !other.ty.takes_null() && other.ty != Ty::Null && !opaque {
                return if other.ty.numeric().is_some() || other.ty == Ty::BOOL {
                    // C# allows it and warns that it never holds.
                    let shown = if negate { "always true" } else { "always false" };
                    let message = format!("`{}` is never null: this is {shown}", other.ty);
                    self.error(ErrorCode::EXPR_SUSPICIOUS, at, message);
                    let effects: Box<[Node]> = [other.node.clone()].into();
                    let node = Node::Seq(effects, Node::Const(Value::Bool(negate)).boxed());
                    Some(Typed::new(node, Ty::BOOL, at))
                } else {
                    None
                };
            }
            let (left, right) = (left.node.clone(), right.node.clone());
            return Some(Self::equal(negate, Equality::Reference, left, right, at));
        }
        if !left.ty.is_reference() || !right.ty.is_reference() {
            return None;
        }
        let related = is_assignable(&left.ty, &right.ty)
            || is_assignable(&right.ty, &left.ty)
            || Self::narrows(&left.ty, &right.ty)
            || Self::narrows(&right.ty, &left.ty);
        if !related {
            return None;
        }
        let object_text = |a: &Ty, b: &Ty| a.is(TypeId::Object) && *b == Ty::STRING;
        if object_text(&left.ty, &right.ty) || object_text(&right.ty, &left.ty) {
            let message = "`object == string` compares references in C#; values are compared here";
            let diagnostic = self
                .diagnostic(ErrorCode::EXPR_REFERENCE_EQUALITY, at, message)
                .help("cast the object with `(string)` to say what is meant");
            self.report(diagnostic);
        }
        let (left, right) = (left.node.clone(), right.node.clone());
        Some(Self::equal(negate, Equality::Reference, left, right, at))
    }
}

fn is_default(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Default(None))
}
