//! Expressions.

use std::sync::Arc;

use tollgate_diagnostics::{Code as ErrorCode, closest};

use super::scope::{Local, LocalFunction, LocalKind, Origin};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Node, default_value};
use crate::syntax::At;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, InterpolatedPart, Literal, Name, TypeRef};
use crate::types::{MemberInfo, Ty, TypeId};
use crate::value::HostRef;

/// What an expression stands for.
#[derive(Debug)]
pub(super) enum Operand {
    Value(Typed),
    Type(Ty, At),
    Namespace(Vec<Arc<str>>),
    Group(Group),
    Function(Arc<LocalFunction>, At),
}

/// Methods of a name.
#[derive(Debug)]
pub(super) struct Group {
    /// The receiver; none for static methods.
    pub(super) target: Option<Typed>,
    pub(super) name: Name,
    pub(super) types: Vec<Ty>,
    pub(super) members: Vec<Found>,
    pub(super) origin: Origin,
}

/// A member with the type arguments of its class.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) member: &'static MemberInfo,
    pub(super) class: Vec<Ty>,
}

impl Checker<'_> {
    /// The value of an expression.
    pub(super) fn bind(&mut self, expr: &Expr) -> Typed {
        match self.operand(expr) {
            Operand::Value(typed) => typed,
            Operand::Type(ty, at) => {
                let message = format!("`{ty}` is a type, not a value");
                if ty.is_error() {
                    Typed::error(at)
                } else {
                    self.fail(ErrorCode::EXPR_TYPE, at, message)
                }
            }
            Operand::Namespace(path) => {
                let shown = self.shown(expr.at, &path.join("."));
                self.fail(ErrorCode::EXPR_UNKNOWN_NAME, expr.at, format!("unknown name `{shown}`"))
            }
            Operand::Group(group) => {
                let shown = self.shown(group.name.at, &group.name.text);
                let message = format!("`{shown}` is a method and must be called");
                let diagnostic = self
                    .diagnostic(ErrorCode::EXPR_TYPE, group.name.at, message)
                    .help(format!("write `{shown}(…)`"));
                self.report(diagnostic);
                Typed::error(expr.at)
            }
            Operand::Function(_, at) => {
                self.fail(ErrorCode::EXPR_TYPE, at, "a local function must be called")
            }
        }
    }

    /// The value of an expression as a type: lambdas, `default`, `throw` and method groups take theirs from it.
    pub(super) fn bind_to(&mut self, expr: &Expr, to: &Ty) -> Node {
        match &expr.kind {
            ExprKind::Lambda { parameters, body } => self.lambda_to(parameters, body, to, expr.at),
            ExprKind::Default(None) => Node::Const(default_value(to)),
            ExprKind::Throw(value) => self.throw(value, expr.at).node,
            ExprKind::NewArray { element: None, size: None, init: Some(init) } => {
                if let Ty::Array(item) = to {
                    let item = (**item).clone();
                    return self.array_of(&item, init);
                }
                let typed = self.bind(expr);
                self.convert(typed, to)
            }
            ExprKind::Ternary(condition, yes, no)
                if Self::needs_target(yes) || Self::needs_target(no) =>
            {
                let condition = self.condition(condition);
                let (yes, no) = (self.bind_to(yes, to), self.bind_to(no, to));
                Node::If(condition.boxed(), yes.boxed(), no.boxed())
            }
            _ if to.delegate().is_some() => match self.operand(expr) {
                Operand::Group(group) => self.group_to(&group, to),
                Operand::Function(function, at) => self.function_to(&function, to, at),
                Operand::Value(typed) => self.convert(typed, to),
                _ => {
                    let typed = self.bind(expr);
                    self.convert(typed, to)
                }
            },
            _ => {
                let typed = self.bind(expr);
                self.convert(typed, to)
            }
        }
    }

    fn needs_target(expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Lambda { .. } | ExprKind::Default(None))
    }

    /// A condition.
    pub(super) fn condition(&mut self, expr: &Expr) -> Node {
        self.bind_to(expr, &Ty::BOOL)
    }

    pub(super) fn operand(&mut self, expr: &Expr) -> Operand {
        if !self.work(expr.at) {
            return Operand::Value(Typed::error(expr.at));
        }
        let direct = std::mem::take(&mut self.direct);
        match &expr.kind {
            ExprKind::Name(name, types) => self.name(name, types, expr.at),
            ExprKind::Type(ty) => Operand::Type(self.ty(ty), expr.at),
            ExprKind::Member { target, name, types } => {
                if !direct && self.origin(expr) == Origin::Response {
                    self.use_of_response.escapes = true;
                }
                self.member(target, name, types, expr.at)
            }
            _ => Operand::Value(self.value(expr)),
        }
    }

    fn value(&mut self, expr: &Expr) -> Typed {
        let at = expr.at;
        match &expr.kind {
            ExprKind::Literal(literal) => Self::literal(literal, at),
            ExprKind::Interpolated(parts) => self.interpolated(parts, at),
            ExprKind::Receiver => self.receiver(at),
            ExprKind::Conditional { target, rest } => self.conditional(target, rest, at),
            ExprKind::Index { target, args } => self.index(target, args, at),
            ExprKind::Call { target, args } => self.call(target, args, at),
            ExprKind::New { ty, args, init } => {
                self.creation(ty, args.as_deref().unwrap_or_default(), init.as_ref(), at)
            }
            ExprKind::NewArray { element, size, init } => {
                self.new_array(element.as_ref(), size.as_deref(), init.as_ref(), at)
            }
            ExprKind::Anonymous(members) => self.anonymous(members, at),
            ExprKind::Unary(op, operand) => self.unary(*op, operand, at),
            ExprKind::Step { target, up, prefix } => self.step(target, *up, *prefix, at),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, at),
            ExprKind::Ternary(condition, yes, no) => self.ternary(condition, yes, no, at),
            ExprKind::Assign { target, op, value } => self.assign(target, *op, value, at),
            ExprKind::Cast(ty, operand) => self.cast(ty, operand, at),
            ExprKind::As(operand, ty) => self.as_type(operand, ty, at),
            ExprKind::Is(operand, pattern) => self.is_pattern(operand, pattern, at),
            ExprKind::Tuple(items) => self.tuple(items, at),
            ExprKind::Default(Some(ty)) => {
                let ty = self.ty(ty);
                Typed { node: Node::Const(default_value(&ty)), ty, at, constant: true }
            }
            ExprKind::Default(None) => {
                self.fail(ErrorCode::EXPR_TYPE, at, "`default` needs a type here: `default(T)`")
            }
            ExprKind::TypeOf => self.fail(
                ErrorCode::EXPR_NOT_ALLOWED,
                at,
                "`typeof` is not allowed in policy expressions",
            ),
            ExprKind::NameOf(inner) => self.name_of(inner, at),
            ExprKind::Checked(checked, inner) => {
                let saved = (self.checked, self.unchecked);
                (self.checked, self.unchecked) = (*checked, !*checked);
                let typed = self.bind(inner);
                (self.checked, self.unchecked) = saved;
                Typed { at, ..typed }
            }
            ExprKind::Throw(value) => self.throw(value, at),
            ExprKind::Lambda { .. } => {
                self.fail(ErrorCode::EXPR_TYPE, at, "a lambda needs a delegate type here")
            }
            ExprKind::Name(..) | ExprKind::Type(_) | ExprKind::Member { .. } => self.bind(expr),
        }
    }

    fn literal(literal: &Literal, at: At) -> Typed {
        let (value, ty) = match literal {
            Literal::Null => (Value::Null, Ty::Null),
            Literal::Bool(value) => (Value::Bool(*value), Ty::BOOL),
            Literal::Char(unit) => (Value::Char(*unit), Ty::CHAR),
            Literal::Str(text) => (Value::Str(text.clone()), Ty::STRING),
            Literal::Double(value) => (Value::Double(*value), Ty::DOUBLE),
            Literal::Float(value) => (Value::Float(*value), Ty::FLOAT),
            Literal::Decimal(value) => (Value::Decimal(*value), Ty::DECIMAL),
            Literal::Int { value, unsigned, long } => Self::whole(*value, *unsigned, *long),
        };
        Typed::constant(value, ty, at)
    }

    fn whole(value: u64, unsigned: bool, long: bool) -> (Value, Ty) {
        let int = i32::try_from(value).ok().filter(|_| !unsigned && !long);
        let uint = u32::try_from(value).ok().filter(|_| !long);
        let signed = i64::try_from(value).ok().filter(|_| !unsigned);
        match (int, uint, signed) {
            (Some(value), ..) => (Value::Int(value), Ty::INT),
            (None, Some(value), _) => (Value::UInt(value), Ty::UINT),
            (None, None, Some(value)) => (Value::Long(value), Ty::LONG),
            _ => (Value::ULong(value), Ty::ULONG),
        }
    }

    fn interpolated(&mut self, parts: &[InterpolatedPart], at: At) -> Typed {
        let mut nodes = Vec::new();
        for part in parts {
            match part {
                InterpolatedPart::Text(text) => nodes.push(Node::Const(Value::Str(text.clone()))),
                InterpolatedPart::Hole { value, align, format } => {
                    let typed = self.bind(value);
                    self.has_value(&typed);
                    let align = align.as_ref().map_or(0, |align| self.constant_int(align));
                    nodes.push(if align == 0 && format.is_none() {
                        typed.node
                    } else {
                        Node::Format { value: typed.node.boxed(), align, format: format.clone() }
                    });
                }
            }
        }
        Typed::new(Self::concat(nodes), Ty::STRING, at)
    }

    fn constant_int(&mut self, expr: &Expr) -> i32 {
        let typed = self.bind(expr);
        if let Some(Value::Int(value)) = typed.value() {
            *value
        } else {
            self.error(ErrorCode::EXPR_CONSTANT, expr.at, "expected a constant whole number");
            0
        }
    }

    /// Texts one after the other, neighbours that are constant joined.
    pub(super) fn concat(nodes: Vec<Node>) -> Node {
        let mut parts: Vec<Node> = Vec::new();
        for node in nodes {
            match (parts.last_mut(), node) {
                (_, Node::Const(Value::Null)) => {}
                (Some(Node::Const(Value::Str(last))), Node::Const(Value::Str(next))) => {
                    *last = format!("{last}{next}").into();
                }
                (_, Node::Concat(inner)) => {
                    let inner = inner.into_vec();
                    for node in inner {
                        match (parts.last_mut(), node) {
                            (
                                Some(Node::Const(Value::Str(last))),
                                Node::Const(Value::Str(next)),
                            ) => {
                                *last = format!("{last}{next}").into();
                            }
                            (_, node) => parts.push(node),
                        }
                    }
                }
                (_, node) => parts.push(node),
            }
        }
        match parts.as_slice() {
            [] => Node::Const(Value::from("")),
            [Node::Const(Value::Str(text))] => Node::Const(Value::Str(text.clone())),
            _ => Node::Concat(parts.into()),
        }
    }

    /// Reports a use of `void`.
    pub(super) fn has_value(&mut self, typed: &Typed) -> bool {
        if typed.ty == Ty::Void {
            self.error(ErrorCode::EXPR_TYPE, typed.at, "the expression has no value");
            return false;
        }
        !typed.ty.is_error()
    }

    // Names.

    fn name(&mut self, name: &Arc<str>, types: &[TypeRef], at: At) -> Operand {
        if types.is_empty()
            && let Some(local) = self.local(name)
        {
            return self.local_operand(local, at);
        }
        if &**name == "context" && types.is_empty() {
            let context = Value::Host(HostRef::Context);
            return Operand::Value(Typed::new(
                Node::Const(context),
                Ty::Named(TypeId::IContext),
                at,
            ));
        }
        let types: Vec<Ty> = types.iter().map(|ty| self.ty(ty)).collect();
        if let Some(ty) = Self::find_type(&[name], &types) {
            return Operand::Type(ty, at);
        }
        if Self::is_namespace(&[name]) {
            return Operand::Namespace(vec![name.clone()]);
        }
        Operand::Value(self.unknown_name(name, at))
    }

    fn unknown_name(&mut self, name: &str, at: At) -> Typed {
        if let Some(diagnostic) = self.absent_type(name, at) {
            self.report(diagnostic);
            return Typed::error(at);
        }
        let locals = self.local_names();
        let mut names: Vec<&str> = locals.iter().map(|name| &**name).collect();
        names.push("context");
        for short in crate::types::short_names() {
            names.push(short);
        }
        let suggestion = closest(name, names).map(str::to_owned);
        let shown = self.shown(at, name);
        let diagnostic = self
            .diagnostic(ErrorCode::EXPR_UNKNOWN_NAME, at, format!("unknown name `{shown}`"))
            .suggest(suggestion.as_deref());
        self.report(diagnostic);
        Typed::error(at)
    }

    fn local_operand(&mut self, local: Local, at: At) -> Operand {
        match local.kind {
            LocalKind::Variable { slot, ty, cell, .. } => {
                if self.unassigned.contains(&local.declared) {
                    let shown = self.shown(at, &local.name);
                    let message = format!("`{shown}` is used before it is assigned");
                    self.error(ErrorCode::EXPR_FLOW, at, message);
                    self.unassigned.remove(&local.declared);
                }
                let node = if cell { Node::Cell(slot) } else { Node::Local(slot) };
                Operand::Value(Typed::new(node, ty, at))
            }
            LocalKind::Constant { value, ty } => Operand::Value(Typed::constant(value, ty, at)),
            LocalKind::Function(function) => Operand::Function(function, at),
        }
    }

    fn receiver(&mut self, at: At) -> Typed {
        let receiver = self.scopes.last().and_then(|scope| scope.receivers.last().cloned());
        match receiver {
            Some((slot, ty, _)) => Typed::new(Node::Local(slot), ty, at),
            None => Typed::error(at),
        }
    }

    /// Where a value comes from.
    pub(super) fn origin(&self, expr: &Expr) -> Origin {
        match &expr.kind {
            ExprKind::Name(name, _) if &**name == "context" => Origin::Context,
            ExprKind::Receiver => {
                let receiver = self.scopes.last().and_then(|scope| scope.receivers.last());
                receiver.map_or(Origin::Other, |(_, _, origin)| *origin)
            }
            ExprKind::Member { target, name, .. } => match (self.origin(target), &*name.text) {
                (Origin::Context, "Request") => Origin::Request,
                (Origin::Context, "Response") => Origin::Response,
                (Origin::Request, "Body") => Origin::RequestBody,
                (Origin::Response, "Body") => Origin::ResponseBody,
                _ => Origin::Other,
            },
            _ => Origin::Other,
        }
    }

    fn conditional(&mut self, target: &Expr, rest: &Expr, at: At) -> Typed {
        let origin = self.origin(target);
        self.direct = true;
        let target = self.bind(target);
        if !self.has_value(&target) {
            return Typed::error(at);
        }
        if !target.ty.takes_null() {
            let message = format!("`?` cannot be applied to `{}`, which is never null", target.ty);
            return self.fail(ErrorCode::EXPR_TYPE, target.at, message);
        }
        let slot = self.new_slot();
        let ty = target.ty.strip_nullable().clone();
        if let Some(scope) = self.scopes.last_mut() {
            scope.receivers.push((slot, ty, origin));
        }
        let rest = self.bind(rest);
        if let Some(scope) = self.scopes.last_mut() {
            scope.receivers.pop();
        }
        let ty = match rest.ty {
            ty if ty.is_error() => Ty::Error,
            Ty::Void => Ty::Void,
            ty if ty.takes_null() => ty,
            ty => Ty::nullable(ty),
        };
        let (target, rest) = (target.node.boxed(), rest.node.boxed());
        Typed::new(Node::NullConditional { slot, target, rest }, ty, at)
    }

    // Operators on types.

    fn cast(&mut self, ty: &TypeRef, operand: &Expr, at: At) -> Typed {
        let to = self.ty(ty);
        if matches!(operand.kind, ExprKind::Lambda { .. } | ExprKind::Default(None)) {
            let node = self.bind_to(operand, &to);
            return Typed::new(node, to, at);
        }
        let typed = self.bind(operand);
        if to.is_error() || !self.has_value(&typed) {
            return Typed::new(typed.node, to, at);
        }
        if let Some(folded) = self.constant_cast(&typed, &to, at) {
            return folded;
        }
        match Self::explicit(&typed.ty, typed.value(), &to) {
            Some(conversion) => {
                let constant = typed.constant && (to.numeric().is_some() || to == typed.ty);
                let node = self.apply(typed.node, &conversion, at);
                let constant = constant && node.constant().is_some();
                Typed { node, ty: to, at, constant }
            }
            None if typed.ty.nullable_inner().is_some() && to.is_value_type() => {
                let value = self.nullable_value(typed, at);
                let conversion = Self::explicit(&value.ty, None, &to);
                match conversion {
                    Some(conversion) => Typed::new(self.apply(value.node, &conversion, at), to, at),
                    None => self.no_cast(&value.ty, &to, at),
                }
            }
            None => self.no_cast(&typed.ty, &to, at),
        }
    }

    fn no_cast(&mut self, from: &Ty, to: &Ty, at: At) -> Typed {
        let message = format!("`{from}` can never be cast to `{to}`");
        self.error(ErrorCode::EXPR_TYPE, at, message);
        Typed::new(Node::Const(Value::Null), to.clone(), at)
    }

    fn constant_cast(&mut self, typed: &Typed, to: &Ty, at: At) -> Option<Typed> {
        let (value, numeric) = (typed.value()?, to.numeric()?);
        typed.ty.numeric()?;
        let fits = crate::eval::convert_number(value, numeric, true);
        match fits {
            Ok(value) => Some(Typed::constant(value, to.clone(), at)),
            Err(_) if self.checked || !self.unchecked => {
                let message = format!("the constant does not fit into `{to}`");
                let diagnostic = self
                    .diagnostic(ErrorCode::EXPR_CONSTANT, at, message)
                    .help("write `unchecked(…)` to let it wrap");
                self.report(diagnostic);
                Some(Typed::new(Node::Const(default_value(to)), to.clone(), at))
            }
            Err(_) => None,
        }
    }

    /// `value.Value` of a nullable.
    pub(super) fn nullable_value(&mut self, typed: Typed, at: At) -> Typed {
        let name = Name { text: "Value".into(), at };
        match self.member_of(typed, &name, &[], Origin::Other, at) {
            Operand::Value(typed) => typed,
            _ => Typed::error(at),
        }
    }

    fn as_type(&mut self, operand: &Expr, ty: &TypeRef, at: At) -> Typed {
        let (typed, to) = (self.bind(operand), self.ty(ty));
        if to.is_error() || !self.has_value(&typed) {
            return Typed::new(typed.node, to, at);
        }
        if !to.takes_null() {
            let message = format!("`as` needs a type that takes null, `{to}` does not");
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        }
        let possible = Self::explicit(&typed.ty, None, &to).is_some();
        if !possible {
            return self.no_cast(&typed.ty, &to, at);
        }
        Typed::new(Node::As(to.clone(), typed.node.boxed()), to, at)
    }

    pub(super) fn throw(&mut self, value: &Expr, at: At) -> Typed {
        let typed = self.bind(value);
        if !typed.ty.is_error() && !matches!(typed.ty, Ty::Thrown(_) | Ty::Null) {
            let message = format!("only exceptions can be thrown, not `{}`", typed.ty);
            return self.fail(ErrorCode::EXPR_TYPE, typed.at, message);
        }
        Typed::new(Node::Throw(typed.node.boxed(), at.start), Ty::Null, at)
    }

    fn name_of(&mut self, inner: &Expr, at: At) -> Typed {
        let name = match &inner.kind {
            ExprKind::Name(name, _) => name.clone(),
            ExprKind::Member { name, .. } => name.text.clone(),
            _ => return self.fail(ErrorCode::EXPR_TYPE, at, "`nameof` needs a name"),
        };
        let before = self.diagnostics.len();
        self.operand(inner);
        if self.diagnostics.len() > before {
            return Typed::error(at);
        }
        Typed::constant(Value::Str(name), Ty::STRING, at)
    }

    fn ternary(&mut self, condition: &Expr, yes: &Expr, no: &Expr, at: At) -> Typed {
        let condition = self.condition(condition);
        let (yes_throws, no_throws) =
            (matches!(yes.kind, ExprKind::Throw(_)), matches!(no.kind, ExprKind::Throw(_)));
        let before = self.unassigned.clone();
        let yes = self.bind(yes);
        let after_yes = std::mem::replace(&mut self.unassigned, before);
        let no = self.bind(no);
        self.unassigned.extend(after_yes);
        if !self.has_value(&yes) || !self.has_value(&no) {
            return Typed::error(at);
        }
        let ty = if yes_throws {
            Some(no.ty.clone())
        } else if no_throws {
            Some(yes.ty.clone())
        } else {
            Self::merge(&yes, &no)
        };
        let Some(ty) = ty else {
            let message = format!(
                "the branches have the types `{}` and `{}`, which do not fit",
                yes.ty, no.ty
            );
            let diagnostic = self
                .diagnostic(ErrorCode::EXPR_TYPE, at, message)
                .help("cast one of them to the type of the other");
            self.report(diagnostic);
            return Typed::error(at);
        };
        let constant = match (condition.constant(), yes.constant && no.constant) {
            (Some(Value::Bool(value)), true) => Some(*value),
            _ => None,
        };
        let yes = if yes_throws { yes.node } else { self.convert(yes, &ty) };
        let no = if no_throws { no.node } else { self.convert(no, &ty) };
        match constant {
            Some(value) => {
                let node = if value { yes } else { no };
                let constant = node.constant().is_some();
                Typed { node, ty, at, constant }
            }
            None => Typed::new(Node::If(condition.boxed(), yes.boxed(), no.boxed()), ty, at),
        }
    }

    /// The type that two values have in common: one of theirs.
    pub(super) fn merge(left: &Typed, right: &Typed) -> Option<Ty> {
        if left.ty == right.ty {
            return Some(left.ty.clone());
        }
        let to_right = Self::implicit(&left.ty, left.value(), &right.ty).is_some();
        let to_left = Self::implicit(&right.ty, right.value(), &left.ty).is_some();
        match (to_left, to_right) {
            (true, false) => Some(left.ty.clone()),
            (false, true) => Some(right.ty.clone()),
            // Constants that fit both ways: the type that is not from a constant.
            (true, true) => Some(if left.constant { &right.ty } else { &left.ty }.clone()),
            (false, false) => None,
        }
    }

    fn tuple(&mut self, items: &[(Option<Name>, Expr)], at: At) -> Typed {
        let mut members = Vec::new();
        let mut values = Vec::new();
        for (index, (name, item)) in items.iter().enumerate() {
            let typed = self.bind(item);
            if !self.has_value(&typed) {
                return Typed::error(at);
            }
            let name = name
                .as_ref()
                .map_or_else(|| format!("Item{}", index + 1).into(), |name| name.text.clone());
            members.push((name, typed.ty));
            values.push(typed.node);
        }
        let ty = Ty::Record(crate::types::RecordTy { tuple: true, members }.into());
        Typed::new(Node::Record { ty: ty.clone(), values: values.into() }, ty, at)
    }

    pub(super) fn is_null_literal(expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Literal(Literal::Null))
    }

    pub(super) fn is_equality(op: BinaryOp) -> bool {
        matches!(op, BinaryOp::Eq | BinaryOp::Ne)
    }
}
