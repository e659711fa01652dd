//! Expressions.

use std::sync::Arc;

use tollgate_diagnostics::{Code as ErrorCode, closest};

use super::scope::{Local, LocalFunction, LocalKind, Origin};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Node, default_value};
use crate::syntax::At;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, InterpolatedPart, Literal, Name, TypeRef};
use crate::types::{MemberInfo, Numeric, Ty, TypeId};
use crate::value::HostRef;

/// What an expression stands for.
#[derive(Debug)]
pub(super) enum Operand {
    Value(Typed),
    Type(Ty, At),
    Namespace(Vec<Arc<str>>),
    Group(Group),
    Function(Arc<LocalFunction>, Vec<Ty>, At),
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
        let typed = self.bind_split(expr);
        self.join_split();
        typed
    }

    /// The same, leaving what is known when a condition holds and when it does not.
    pub(super) fn bind_split(&mut self, expr: &Expr) -> Typed {
        let operand = self.operand_split(expr);
        self.value_of(operand, expr)
    }

    /// An operand where a value is wanted.
    pub(super) fn value_of(&mut self, operand: Operand, expr: &Expr) -> Typed {
        match operand {
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
            Operand::Function(_, _, at) => {
                self.fail(ErrorCode::EXPR_TYPE, at, "a local function must be called")
            }
        }
    }

    /// The value of an expression as a type: lambdas, `default`, `throw` and method groups take theirs from it.
    pub(super) fn bind_to(&mut self, expr: &Expr, to: &Ty) -> Node {
        match &expr.kind {
            ExprKind::Lambda(lambda) => self.lambda_to(lambda, to, expr.at),
            ExprKind::Default(None) => Node::Const(default_value(to)),
            ExprKind::Throw(value) => self.throw(value, expr.at).node,
            ExprKind::Items(init) if matches!(to, Ty::Array(_)) => {
                let item = to.args().first().cloned().unwrap_or(Ty::Error);
                self.array_of(&item, init)
            }
            ExprKind::Tuple(items) if Self::tuple_types(to, items.len()).is_some() => {
                let types = Self::tuple_types(to, items.len()).unwrap_or_default();
                self.tuple_to(items, &types, to)
            }
            _ if to.delegate().is_some() => match self.operand(expr) {
                Operand::Group(group) => self.group_to(group, to),
                Operand::Function(function, _, at) => self.function_to(&function, to, at),
                Operand::Value(typed) => self.convert(typed, to),
                other => {
                    let typed = self.value_of(other, expr);
                    self.convert(typed, to)
                }
            },
            _ => {
                let typed = self.bind(expr);
                self.convert(typed, to)
            }
        }
    }

    /// The value of an expression where an `object` is wanted, which `default` takes its type from.
    pub(super) fn bind_object(&mut self, expr: &Expr) -> Typed {
        match &expr.kind {
            ExprKind::Default(None) => Typed::constant(Value::Null, Ty::Null, expr.at),
            _ => self.bind(expr),
        }
    }

    pub(super) fn operand(&mut self, expr: &Expr) -> Operand {
        let operand = self.operand_split(expr);
        self.join_split();
        operand
    }

    fn operand_split(&mut self, expr: &Expr) -> Operand {
        if !self.work(expr.at) {
            return Operand::Value(Typed::error(expr.at));
        }
        let direct = std::mem::take(&mut self.direct);
        match &expr.kind {
            ExprKind::Name(name, types) => self.name(name, types, expr.at),
            ExprKind::Type(ty) => Operand::Type(self.any_ty(ty), expr.at),
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
            ExprKind::Items(init) => {
                self.quietly(|checker| checker.new_array(None, None, Some(init), at));
                let message = "items in braces alone need a variable of an array type";
                self.fail(ErrorCode::EXPR_TYPE, at, message)
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
                let ty = self.any_ty(ty);
                Typed { node: Node::Const(default_value(&ty)), ty, at, constant: true }
            }
            ExprKind::Default(None) => {
                self.fail(ErrorCode::EXPR_TYPE, at, "`default` needs a type here: `default(T)`")
            }
            ExprKind::TypeOf(ty) => self.type_of(ty, at),
            ExprKind::SizeOf(ty) => self.size_of(ty, at),
            ExprKind::NameOf(inner) => self.name_of(inner, at),
            ExprKind::Checked(checked, inner) => {
                let saved = (self.checked, self.unchecked);
                (self.checked, self.unchecked) = (*checked, !*checked);
                let typed = self.bind_split(inner);
                (self.checked, self.unchecked) = saved;
                Typed { at, ..typed }
            }
            ExprKind::Throw(value) => self.throw(value, at),
            ExprKind::Lambda(_) => {
                self.fail(ErrorCode::EXPR_TYPE, at, "a lambda needs a delegate type here")
            }
            ExprKind::Query(query) => self.query(query, at),
            ExprKind::Declaration(..) => {
                let message = "a declaration stands here, not a value";
                self.fail(ErrorCode::EXPR_SYNTAX, at, message)
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
                    let typed = self.bind_object(value);
                    if self.has_value(&typed)
                        && Self::standard(&typed.ty, None, &Ty::OBJECT).is_none()
                    {
                        self.no_cast(&typed.ty, &Ty::OBJECT, typed.at);
                    }
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
        if let Some(operand) = self.local_name(name, types, at) {
            return operand;
        }
        if types.is_empty()
            && let Some(operand) = self.range_variable(name, at)
        {
            return operand;
        }
        if &**name == "context" && types.is_empty() {
            let context = Value::Host(HostRef::Context);
            return Operand::Value(Typed::new(
                Node::Const(context),
                Ty::Named(TypeId::IContext),
                at,
            ));
        }
        if types.is_empty()
            && let Some(ty) = self.type_parameter(name)
        {
            return Operand::Type(ty, at);
        }
        let types: Vec<Ty> = types.iter().map(|ty| self.ty(ty)).collect();
        if let Some(ty) = Self::find_type(&[name], &types) {
            return Operand::Type(ty, at);
        }
        if Self::is_namespace(&[name]) {
            return Operand::Namespace(vec![name.clone()]);
        }
        // Every class inherits the static methods of `object`, so also the one that holds the expression.
        let mut members = Self::find(&Ty::OBJECT, name);
        members.retain(|found| found.member.is_static);
        if members.is_empty() {
            return Operand::Value(self.unknown_name(name, at));
        }
        let name = Name { text: name.clone(), at };
        Operand::Group(Group { target: None, name, types, members, origin: Origin::Other })
    }

    fn local_name(&mut self, name: &Arc<str>, types: &[TypeRef], at: At) -> Option<Operand> {
        let local = self.local(name)?;
        if let LocalKind::Function(function) = local.kind {
            let types = types.iter().map(|ty| self.ty(ty)).collect();
            return Some(Operand::Function(function, types, at));
        }
        if !types.is_empty() {
            return None;
        }
        if self.references.contains(&local.declared) && !self.is_own(local.declared) {
            let shown = self.shown(at, name);
            let message =
                format!("`{shown}` is `ref` or `out` and cannot be used in a function inside");
            self.error(ErrorCode::EXPR_TYPE, at, message);
        }
        Some(self.local_operand(local, at))
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

    pub(super) fn local_operand(&mut self, local: Local, at: At) -> Operand {
        match local.kind {
            LocalKind::Variable { slot, ty, cell, .. } => {
                if self.flow.unassigned.contains(&local.declared) {
                    let shown = format!("`{}`", self.shown(at, &local.name));
                    self.read_unassigned(local.declared, at, &shown);
                }
                let node = if cell { Node::Cell(slot) } else { Node::Local(slot) };
                Operand::Value(Typed::new(node, ty, at))
            }
            LocalKind::Constant { value, ty } => Operand::Value(Typed::constant(value, ty, at)),
            LocalKind::Function(function) => Operand::Function(function, Vec::new(), at),
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
        let (known, mut before) = (self.n_variables(), self.flow.clone());
        let rest = self.bind(rest);
        self.without_new(&mut before, known);
        self.flow.join(before);
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
        let open = matches!(operand.kind, ExprKind::Lambda(_) | ExprKind::Default(None));
        let tuple = matches!(&operand.kind, ExprKind::Tuple(_) if self.tuple_fits(operand, &to));
        if open || tuple {
            let node = self.bind_to(operand, &to);
            let constant = matches!(operand.kind, ExprKind::Default(None)) && to.is_reference();
            return Typed { node, ty: to, at, constant };
        }
        let typed = match self.operand(operand) {
            Operand::Group(group) if to.delegate().is_some() => {
                return Typed::new(self.group_to(group, &to), to, at);
            }
            Operand::Function(function, _, name_at) if to.delegate().is_some() => {
                return Typed::new(self.function_to(&function, &to, name_at), to, at);
            }
            other => self.value_of(other, operand),
        };
        if to.is_error() || !self.has_value(&typed) {
            return Typed::new(typed.node, to, at);
        }
        if let Some(folded) = self.constant_cast(&typed, &to, at) {
            return folded;
        }
        match Self::explicit(&typed.ty, typed.value(), &to) {
            Some(conversion) => {
                let null = typed.value().is_some_and(Value::is_null) && to.is_reference();
                let constant = typed.constant && (null || to.numeric().is_some() || to == typed.ty);
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

    /// The cast of a constant number or constant of an enumeration to such a type.
    fn constant_cast(&mut self, typed: &Typed, to: &Ty, at: At) -> Option<Typed> {
        let number = |ty: &Ty| if ty.is_enum() { Some(Numeric::Int) } else { ty.numeric() };
        let (value, from) = (typed.value()?, number(&typed.ty)?);
        if let Some(inner) = to.nullable_inner() {
            // In a nullable no constant is a constant, but it must fit all the same.
            let wraps = self.unchecked && !self.checked;
            let fits = crate::eval::convert_number(value, number(inner)?, true).is_ok();
            return (!fits && !wraps).then(|| self.no_cast(&typed.ty, to, at));
        }
        let numeric = number(to)?;
        let fits = crate::eval::convert_number(value, numeric, true);
        let decimal = from == Numeric::Decimal || numeric == Numeric::Decimal;
        let constant = |value: Value| {
            let value = match (value, to) {
                (Value::Int(number), Ty::Named(id)) if to.is_enum() => Value::Enum(*id, number),
                (value, _) => value,
            };
            Typed::constant(value, to.clone(), at)
        };
        match fits {
            Ok(value) => Some(constant(value)),
            Err(_) if self.checked || !self.unchecked || decimal => {
                let message = format!("the constant does not fit into `{to}`");
                let diagnostic = self
                    .diagnostic(ErrorCode::EXPR_CONSTANT, at, message)
                    .help("write `unchecked(…)` to let it wrap");
                self.report(diagnostic);
                Some(Typed::new(Node::Const(default_value(to)), to.clone(), at))
            }
            // The compiler makes a fraction that is out of range zero, whatever the processor would make of it.
            Err(_) if !from.is_integral() => {
                Some(Typed::constant(default_value(to), to.clone(), at))
            }
            Err(_) => crate::eval::convert_number(value, numeric, false).ok().map(constant),
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
        let (typed, to) = (self.bind(operand), self.any_ty(ty));
        if to.is_error() || !self.has_value(&typed) {
            return Typed::new(typed.node, to, at);
        }
        if !to.takes_null() {
            let message = format!("`as` needs a type that takes null, `{to}` does not");
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        }
        let untyped = typed.ty != Ty::Null && typed.ty.is_untyped();
        if untyped || !Self::is_or_holds(&typed.ty, &to) {
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
        self.end_flow();
        Typed::new(Node::Throw(typed.node.boxed(), at.start), Ty::Null, at)
    }

    /// `typeof` is reflection, but the name of a type it is asked for is known here.
    fn type_of(&mut self, ty: &TypeRef, at: At) -> Typed {
        self.any_ty(ty);
        let message = "`typeof` is not allowed in policy expressions";
        let diagnostic = self
            .diagnostic(ErrorCode::EXPR_NOT_ALLOWED, at, message)
            .help("expressions cannot look at types at run time");
        self.report(diagnostic);
        Typed::error(at)
    }

    /// `sizeof` of a type whose size C# knows.
    fn size_of(&mut self, ty: &TypeRef, at: At) -> Typed {
        let ty = self.ty(ty);
        let size = match ty.numeric() {
            Some(Numeric::SByte | Numeric::Byte) => 1,
            Some(Numeric::Short | Numeric::UShort | Numeric::Char) => 2,
            Some(Numeric::Int | Numeric::UInt | Numeric::Float) => 4,
            Some(Numeric::Long | Numeric::ULong | Numeric::Double) => 8,
            Some(Numeric::Decimal) => 16,
            None if ty == Ty::BOOL => 1,
            None if ty.is_enum() => 4,
            None if ty.is_error() => return Typed::error(at),
            None => {
                let message = format!("the size of `{ty}` is not a constant");
                return self.fail(ErrorCode::EXPR_UNSUPPORTED, at, message);
            }
        };
        Typed::constant(Value::Int(size), Ty::INT, at)
    }

    fn name_of(&mut self, inner: &Expr, at: At) -> Typed {
        let name = match &inner.kind {
            ExprKind::Name(name, _) => name.clone(),
            ExprKind::Member { name, .. } => name.text.clone(),
            _ => return self.fail(ErrorCode::EXPR_TYPE, at, "`nameof` needs a name"),
        };
        if inner.bracketed {
            return self.fail(ErrorCode::EXPR_TYPE, at, "`nameof` needs a name");
        }
        // A name of a type may stand before a member of its values.
        if let ExprKind::Member { target, name, .. } = &inner.kind
            && let Operand::Type(ty, _) = self.quietly(|checker| checker.operand(target))
            && !Self::find(&ty, &name.text).is_empty()
        {
            return Typed::constant(Value::Str(name.text.clone()), Ty::STRING, at);
        }
        let before = self.diagnostics.len();
        let flow = self.flow.clone();
        // What is only named need not be assigned.
        self.flow.unassigned.clear();
        self.operand(inner);
        self.flow = flow;
        if self.diagnostics.len() > before {
            return Typed::error(at);
        }
        Typed::constant(Value::Str(name), Ty::STRING, at)
    }

    pub(super) fn is_null_literal(expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Literal(Literal::Null))
    }

    pub(super) fn is_equality(op: BinaryOp) -> bool {
        matches!(op, BinaryOp::Eq | BinaryOp::Ne)
    }
}
