//! Assignments, `++` and `--`.

use tollgate_diagnostics::{Code as ErrorCode, closest};

use super::expression::Operand;
use super::overload::Reference;
use super::scope::{LocalKind, Origin};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Node, Place};
use crate::syntax::At;
use crate::syntax::ast::{Arg, BinaryOp, Expr, ExprKind, Name};
use crate::types::{MemberKind, Numeric, Ty};

/// Something that can be read and written.
pub(super) enum Target {
    Variable(Place),
    /// A member of a tuple that is a variable.
    Part {
        whole: Box<Target>,
        ty: Ty,
        index: usize,
    },
    Array {
        array: Place,
        index: Place,
    },
    /// A property or indexer: getter and setter with the receiver and arguments in temporaries.
    Member {
        get: Node,
        set: Call,
    },
}

impl Checker<'_> {
    pub(super) fn assign(
        &mut self,
        target: &Expr,
        op: Option<BinaryOp>,
        value: &Expr,
        at: At,
    ) -> Typed {
        if op.is_none() {
            return self.plain_assign(target, value, at);
        }
        if Self::is_deconstruction(target) {
            let message = "values are taken apart with `=` alone";
            return self.fail(ErrorCode::EXPR_TYPE, target.at, message);
        }
        let mut effects = Vec::new();
        let Some((place, ty)) = self.target(target, &mut effects) else {
            self.quietly(|checker| checker.bind(value));
            return Typed::error(at);
        };
        if ty.delegate().is_some() {
            return self.assign_delegate(place, ty, effects, (target, op, value), at);
        }
        let current = Typed::new(Self::read_target(&place, at), ty.clone(), target.at);
        let value = self.bind(value);
        let Some(op) = op else { return Typed::error(at) };
        let narrow = Self::fits_narrow(op, &value, &ty);
        let result = self.operation(op, current, value, at);
        let stored = if narrow {
            // The cast back is checked as the operation is: only where it can overflow.
            let overflows =
                matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div);
            let checked = self.checked;
            self.checked &= overflows;
            let stored = self.narrowed(result, &ty);
            self.checked = checked;
            stored
        } else {
            self.convert(result, &ty)
        };
        self.store(place, stored, effects, ty, at)
    }

    /// Whether `x op= value` may cast its result back: the value must fit the variable itself.
    fn fits_narrow(op: BinaryOp, value: &Typed, ty: &Ty) -> bool {
        matches!(op, BinaryOp::Shl | BinaryOp::Shr)
            || Self::implicit(&value.ty, value.value(), ty).is_some()
    }

    /// `handler += other`.
    fn assign_delegate(
        &mut self,
        place: Target,
        ty: Ty,
        effects: Vec<Node>,
        (target, op, value): (&Expr, Option<BinaryOp>, &Expr),
        at: At,
    ) -> Typed {
        if op != Some(BinaryOp::Add) {
            let code = ErrorCode::EXPR_UNSUPPORTED;
            return self.fail(code, at, "delegates can be put together with `+=` alone");
        }
        let current = Typed::new(Self::read_target(&place, at), ty.clone(), target.at);
        let value = Typed::new(self.bind_to(value, &ty), ty.clone(), value.at);
        match self.combined(current, value, at) {
            Some(both) => self.store(place, both.node, effects, ty, at),
            None => Typed::error(at),
        }
    }

    /// The result of a compound assignment, cast back to the type of the target.
    fn narrowed(&mut self, mut result: Typed, ty: &Ty) -> Node {
        if result.ty.is_error() {
            return result.node;
        }
        if result.ty.nullable_inner().is_some()
            && ty.is_value_type()
            && ty.nullable_inner().is_none()
        {
            let at = result.at;
            result = self.nullable_value(result, at);
        }
        let number = |ty: &Ty| ty.is_enum() || ty.numeric().is_some();
        let numbers = number(result.ty.strip_nullable()) && number(ty.strip_nullable());
        if (numbers || result.ty == Ty::STRING)
            && Self::implicit(&result.ty, None, ty).is_none()
            && let Some(conversion) = Self::explicit(&result.ty, None, ty)
        {
            return self.apply(result.node, &conversion, result.at);
        }
        self.convert(result, ty)
    }

    fn plain_assign(&mut self, target: &Expr, value: &Expr, at: At) -> Typed {
        if Self::is_deconstruction(target) {
            return self.deconstruct(target, value, at);
        }
        match &target.kind {
            ExprKind::Member { target: object, .. } if self.is_tuple(object) => {
                let mut effects = Vec::new();
                let Some((place, ty)) = self.target(target, &mut effects) else {
                    return Typed::error(at);
                };
                let node = self.bind_to(value, &ty);
                if let ExprKind::Name(..) = &object.kind {
                    self.assigned(object);
                }
                self.store(place, node, effects, ty, at)
            }
            ExprKind::Declaration(..) => {
                let message = "a declaration stands here alone";
                self.fail(ErrorCode::EXPR_SYNTAX, target.at, message)
            }
            ExprKind::Index { target: object, args } => {
                let object = self.bind(object);
                if !self.has_value(&object) {
                    return Typed::error(at);
                }
                self.assign_index(object, args, value, at)
            }
            ExprKind::Member { target: object, name, .. } => match self.operand(object) {
                Operand::Value(object) => {
                    if !self.has_value(&object) {
                        return Typed::error(at);
                    }
                    self.assign_member(object, name, value, at)
                }
                _ => self.fail(ErrorCode::EXPR_TYPE, target.at, "this cannot be assigned to"),
            },
            ExprKind::Name(name, _) if &**name == "_" && self.local("_").is_none() => {
                let typed = self.bind(value);
                if typed.ty == Ty::Null {
                    self.fail(
                        ErrorCode::EXPR_TYPE,
                        value.at,
                        "`null` has no type that `_` could take",
                    )
                } else {
                    self.has_value(&typed);
                    typed
                }
            }
            _ => {
                let Some((place, ty)) = self.variable_place_to_write(target) else {
                    self.quietly(|checker| checker.bind(value));
                    return Typed::error(at);
                };
                let node = self.bind_to(value, &ty);
                self.assigned(target);
                Typed::new(Self::write(place, node), ty, at)
            }
        }
    }

    pub(super) fn assigned(&mut self, target: &Expr) {
        if let ExprKind::Name(name, _) = &target.kind
            && let Some(local) = self.local(name)
        {
            self.mark_assigned(local.declared);
        }
    }

    /// Checks something whose mistakes are not to be reported.
    pub(super) fn quietly<T>(&mut self, check: impl FnOnce(&mut Self) -> T) -> T {
        let (diagnostics, functions) = (self.diagnostics.len(), self.functions.len());
        let instances = self.instances.len();
        let (facts, uses) = (self.facts, self.use_of_response);
        let flow = self.flow.clone();
        let result = check(self);
        self.diagnostics.truncate(diagnostics);
        self.functions.truncate(functions);
        self.instances.truncate(instances);
        (self.facts, self.use_of_response, self.flow) = (facts, uses, flow);
        result
    }

    /// Whether an expression is a tuple whose members can perhaps be set.
    fn is_tuple(&mut self, object: &Expr) -> bool {
        let may_be = matches!(
            object.kind,
            ExprKind::Name(..) | ExprKind::Member { .. } | ExprKind::Index { .. }
        );
        if !may_be {
            return false;
        }
        if let ExprKind::Name(name, _) = &object.kind {
            return match self.local(name).map(|local| local.kind) {
                Some(LocalKind::Variable { ty: Ty::Record(record), .. }) => record.tuple,
                _ => false,
            };
        }
        let operand = self.quietly(|checker| checker.operand(object));
        matches!(operand, Operand::Value(Typed { ty: Ty::Record(record), .. }) if record.tuple)
    }

    /// A variable by reference: local variables live in cells, others are copied in and out.
    pub(super) fn reference(&mut self, expr: &Expr) -> Option<(Reference, Ty)> {
        if let ExprKind::Name(name, _) = &expr.kind {
            let read = self.bind(expr);
            if read.ty.is_error() {
                return None;
            }
            let (place, ty) = self.variable_place_to_write(expr)?;
            let (Place::Local(cell) | Place::Cell(cell)) = place;
            if let Some(local) = self.local(name)
                && !self.references.contains(&local.declared)
            {
                self.found.cells.insert(local.declared);
            }
            return Some((Reference { cell, before: Vec::new(), after: Vec::new() }, ty));
        }
        let mut before = Vec::new();
        let (target, ty) = self.target(expr, &mut before)?;
        if matches!(target, Target::Member { .. }) {
            let message = "a property or indexer cannot be passed by reference";
            self.error(ErrorCode::EXPR_TYPE, expr.at, message);
            return None;
        }
        let cell = self.new_slot();
        before.push(Node::NewCell(cell));
        before.push(Node::SetCell(cell, Self::read_target(&target, expr.at).boxed()));
        let stored = self.store(target, Node::Cell(cell), Vec::new(), ty.clone(), expr.at);
        Some((Reference { cell, before, after: vec![stored.node] }, ty))
    }

    /// A local variable, for `out` arguments.
    pub(super) fn out_place(&mut self, target: &Expr) -> Option<(Place, Ty)> {
        self.variable_place_to_write(target)
    }

    pub(super) fn variable_place_to_write(&mut self, target: &Expr) -> Option<(Place, Ty)> {
        let ExprKind::Name(name, _) = &target.kind else {
            self.error(ErrorCode::EXPR_TYPE, target.at, "this cannot be assigned to");
            return None;
        };
        let shown = self.shown(target.at, name);
        let Some(local) = self.local(name) else {
            if &**name == "context" {
                self.error(ErrorCode::EXPR_TYPE, target.at, "`context` is read-only");
                return None;
            }
            let names = self.local_names();
            let suggestion = closest(name, names.iter().map(|name| &**name)).map(str::to_owned);
            let diagnostic = self
                .diagnostic(
                    ErrorCode::EXPR_UNKNOWN_NAME,
                    target.at,
                    format!("unknown name `{shown}`"),
                )
                .suggest(suggestion.as_deref());
            self.report(diagnostic);
            return None;
        };
        match local.kind {
            LocalKind::Variable { slot, ty, cell, read_only: false } => {
                Some((if cell { Place::Cell(slot) } else { Place::Local(slot) }, ty))
            }
            LocalKind::Variable { .. } => {
                let message =
                    format!("`{shown}` is the variable of a loop or `using` and is read-only");
                self.error(ErrorCode::EXPR_TYPE, target.at, message);
                None
            }
            _ => {
                self.error(ErrorCode::EXPR_TYPE, target.at, format!("`{shown}` is not a variable"));
                None
            }
        }
    }

    /// `object[args] = value`.
    pub(super) fn assign_index(
        &mut self,
        object: Typed,
        args: &[Arg],
        value: &Expr,
        at: At,
    ) -> Typed {
        if let Ty::Array(item) = &object.ty {
            let item = (**item).clone();
            let Some(index) = self.array_index(args, at) else { return Typed::error(at) };
            let value = self.bind_to(value, &item).boxed();
            let (array, index) = (object.node.boxed(), index.boxed());
            return Typed::new(Node::ArraySet { array, index, value, at: at.start }, item, at);
        }
        let found = Self::indexers(&object.ty);
        if found.is_empty() {
            let message = format!("`{}` cannot be indexed with `[…]`", object.ty);
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        }
        let args = self.arguments(args);
        let Some((chosen, handed)) = self.choose(&found, &[], args, "this[…]", at, true) else {
            return Typed::error(at);
        };
        let Some(set) = chosen.member.set else {
            let message = format!("items of `{}` cannot be set", object.ty);
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let ty = chosen.member.result.substitute(&chosen.fit.class, &[]);
        let value = self.bind_to(value, &ty);
        let mut all = vec![object.node];
        all.extend(handed.nodes);
        all.push(value);
        let call = Self::setter(set, all, chosen.fit.class, at);
        Typed::new(Node::Call(Box::new(call)), ty, at)
    }

    /// `object.name = value`.
    pub(super) fn assign_member(
        &mut self,
        object: Typed,
        name: &Name,
        value: &Expr,
        at: At,
    ) -> Typed {
        let found = Self::find(&object.ty, &name.text);
        let property = found
            .into_iter()
            .find(|found| found.member.kind == MemberKind::Property && !found.member.is_static);
        let Some(found) = property else {
            if matches!(&object.ty, Ty::Record(_)) {
                return self.fail(
                    ErrorCode::EXPR_TYPE,
                    name.at,
                    "members of the value are read-only",
                );
            }
            return self.no_member(&object.ty, name, at);
        };
        let Some(set) = found.member.set else {
            let shown = self.shown(name.at, &name.text);
            let message = format!("`{shown}` is read-only");
            return self.fail(ErrorCode::EXPR_TYPE, name.at, message);
        };
        let ty = found.member.result.substitute(&found.class, &[]);
        let value = self.bind_to(value, &ty);
        let call = Self::setter(set, vec![object.node, value], found.class, name.at);
        Typed::new(Node::Call(Box::new(call)), ty, at)
    }

    fn setter(run: crate::types::Native, args: Vec<Node>, class: Vec<Ty>, at: At) -> Call {
        Call {
            run: crate::types::Run::of(run),
            args: args.into(),
            types: class.into(),
            receiver: true,
            outs: Box::default(),
            set: None,
            at: at.start,
        }
    }

    pub(super) fn step(&mut self, target: &Expr, up: bool, prefix: bool, at: At) -> Typed {
        let mut effects = Vec::new();
        let Some((place, ty)) = self.target(target, &mut effects) else {
            return Typed::error(at);
        };
        let numeric = ty.strip_nullable().numeric();
        let is_enum = ty.strip_nullable().is_enum();
        let Some(kind) = numeric.or_else(|| is_enum.then_some(Numeric::Int)) else {
            let shown = if up { "++" } else { "--" };
            let message = format!("`{shown}` cannot be applied to `{ty}`");
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let old = self.temporary();
        effects.push(Self::write(old, Self::read_target(&place, at)));
        let op = if up { BinaryOp::Add } else { BinaryOp::Sub };
        let one = Typed::constant(Value::Int(1), Ty::INT, at);
        let one = match Self::explicit(&Ty::INT, None, &kind.ty()) {
            Some(conversion) if !kind.is_integral() => {
                Typed::new(self.apply(one.node, &conversion, at), kind.ty(), at)
            }
            _ => one,
        };
        let current = Typed::new(Self::read(old), ty.clone(), target.at);
        let result = self.operation(op, current, one, at);
        let stored = self.narrowed(result, &ty);
        let stored = self.store(place, stored, effects, ty.clone(), at);
        if prefix {
            return stored;
        }
        let node = Node::Seq([stored.node].into(), Self::read(old).boxed());
        Typed::new(node, ty, at)
    }

    /// What is assigned to, its parts evaluated once.
    pub(super) fn target(
        &mut self,
        target: &Expr,
        effects: &mut Vec<Node>,
    ) -> Option<(Target, Ty)> {
        match &target.kind {
            ExprKind::Index { target: object, args } => {
                let object = self.bind(object);
                if !self.has_value(&object) {
                    return None;
                }
                let holder = self.temporary();
                effects.push(Self::write(holder, object.node));
                let object = Typed::new(Self::read(holder), object.ty, object.at);
                if let Ty::Array(item) = &object.ty {
                    let index = self.array_index(args, target.at)?;
                    let place = self.temporary();
                    effects.push(Self::write(place, index));
                    let ty = (**item).clone();
                    return Some((Target::Array { array: holder, index: place }, ty));
                }
                let got = self.index_of(object, args, target.at);
                self.member_target(got, effects, target.at)
            }
            ExprKind::Member { target: object, name, .. } if self.is_tuple(object) => {
                self.tuple_part(object, name, effects)
            }
            ExprKind::Member { target: object, name, .. } => {
                let object = match self.operand(object) {
                    Operand::Value(object) => object,
                    Operand::Type(ty, _) => {
                        let message = format!("members of `{ty}` cannot be assigned to");
                        self.fail(ErrorCode::EXPR_TYPE, target.at, message)
                    }
                    other => self.value_of(other, object),
                };
                if !self.has_value(&object) {
                    return None;
                }
                let got = match self.member_of(object, name, &[], Origin::Other, target.at) {
                    Operand::Value(got) => got,
                    _ => {
                        self.fail(ErrorCode::EXPR_TYPE, target.at, "a method cannot be assigned to")
                    }
                };
                self.member_target(got, effects, target.at)
            }
            ExprKind::Name(..) => {
                let read = self.bind(target);
                if read.ty.is_error() {
                    return None;
                }
                let (place, ty) = self.variable_place_to_write(target)?;
                Some((Target::Variable(place), ty))
            }
            _ => {
                self.error(ErrorCode::EXPR_TYPE, target.at, "this cannot be assigned to");
                None
            }
        }
    }

    /// `t.Item1` of a tuple that is a variable.
    fn tuple_part(
        &mut self,
        object: &Expr,
        name: &Name,
        effects: &mut Vec<Node>,
    ) -> Option<(Target, Ty)> {
        let (whole, ty) = if let ExprKind::Name(..) = &object.kind {
            let (place, ty) = self.variable_place_to_write(object)?;
            (Target::Variable(place), ty)
        } else {
            self.target(object, effects)?
        };
        if matches!(whole, Target::Member { .. }) {
            let message = "the tuple is a value, not a variable: its members cannot be set";
            self.error(ErrorCode::EXPR_TYPE, object.at, message);
            return None;
        }
        let Ty::Record(record) = &ty else { return None };
        let index = super::member::tuple_index(record, &name.text);
        let Some(index) = index else {
            self.no_member(&ty, name, name.at);
            return None;
        };
        let part = record.members.get(index).map(|(_, ty)| ty.clone())?;
        Some((Target::Part { whole: Box::new(whole), ty, index }, part))
    }

    /// A property or indexer from its getter's call: arguments go to temporaries.
    fn member_target(
        &mut self,
        got: Typed,
        effects: &mut Vec<Node>,
        at: At,
    ) -> Option<(Target, Ty)> {
        if got.ty.is_error() {
            return None;
        }
        let Node::Call(call) = got.node else {
            self.error(ErrorCode::EXPR_TYPE, at, "this cannot be assigned to");
            return None;
        };
        let Some(set) = call.set else {
            self.error(ErrorCode::EXPR_TYPE, at, "this is read-only");
            return None;
        };
        let mut args = Vec::new();
        for arg in call.args.iter().cloned() {
            if matches!(arg, Node::Const(_) | Node::Local(_)) {
                args.push(arg);
                continue;
            }
            let place = self.temporary();
            effects.push(Self::write(place, arg));
            args.push(Self::read(place));
        }
        let types = call.types.to_vec();
        let mut get = Self::setter(call.run.code, args.clone(), types.clone(), at);
        get.receiver = call.receiver;
        let get = Node::Call(Box::new(get));
        let set = Self::setter(set, args, types, at);
        Some((Target::Member { get, set }, got.ty))
    }

    pub(super) fn read_target(target: &Target, at: At) -> Node {
        match target {
            Target::Part { whole, index, .. } => {
                let target = Self::read_target(whole, at).boxed();
                Node::Member { target, index: *index, at: at.start }
            }
            Target::Variable(place) => Self::read(*place),
            Target::Array { array, index } => Node::ArrayGet {
                array: Self::read(*array).boxed(),
                index: Self::read(*index).boxed(),
                at: at.start,
            },
            Target::Member { get, .. } => get.clone(),
        }
    }

    pub(super) fn store(
        &mut self,
        target: Target,
        value: Node,
        mut effects: Vec<Node>,
        ty: Ty,
        at: At,
    ) -> Typed {
        let node = match target {
            Target::Variable(place) => Self::write(place, value),
            Target::Part { whole, ty: whole_ty, index } => {
                let held = self.temporary();
                effects.push(Self::write(held, value));
                let n = match &whole_ty {
                    Ty::Record(record) => record.members.len(),
                    _ => 0,
                };
                let values = (0..n).map(|n| {
                    if n == index {
                        return Self::read(held);
                    }
                    let target = Self::read_target(&whole, at).boxed();
                    Node::Member { target, index: n, at: at.start }
                });
                let values = values.collect();
                let changed = Node::Record { ty: whole_ty.clone(), values };
                let stored = self.store(*whole, changed, Vec::new(), whole_ty, at);
                effects.push(stored.node);
                Self::read(held)
            }
            Target::Array { array, index } => Node::ArraySet {
                array: Self::read(array).boxed(),
                index: Self::read(index).boxed(),
                value: value.boxed(),
                at: at.start,
            },
            Target::Member { set, .. } => {
                let place = self.temporary();
                effects.push(Self::write(place, value));
                let mut call = set;
                let mut args = call.args.into_vec();
                args.push(Self::read(place));
                call.args = args.into();
                effects.push(Node::Call(Box::new(call)));
                Self::read(place)
            }
        };
        if effects.is_empty() {
            return Typed::new(node, ty, at);
        }
        Typed::new(Node::Seq(effects.into(), node.boxed()), ty, at)
    }
}
