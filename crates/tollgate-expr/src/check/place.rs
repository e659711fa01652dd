//! Assignments, `++` and `--`.

use tollgate_diagnostics::{Code as ErrorCode, closest};

use super::expression::Operand;
use super::scope::{LocalKind, Origin};
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Node, Place};
use crate::syntax::At;
use crate::syntax::ast::{Arg, BinaryOp, Expr, ExprKind, Name};
use crate::types::{MemberKind, Ty};

/// Something that can be read and written.
enum Target {
    Variable(Place),
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
        let mut effects = Vec::new();
        let Some((place, ty)) = self.target(target, &mut effects, false) else {
            return Typed::error(at);
        };
        let current = Typed::new(Self::read_target(&place, at), ty.clone(), target.at);
        let value = self.bind(value);
        let Some(op) = op else { return Typed::error(at) };
        let result = self.operation(op, current, value, at);
        let stored = self.narrowed(result, &ty);
        self.store(place, stored, effects, ty, at)
    }

    /// The result of a compound assignment, cast back to the type of the target.
    fn narrowed(&mut self, result: Typed, ty: &Ty) -> Node {
        if result.ty.is_error() {
            return result.node;
        }
        let numeric = result.ty.strip_nullable().numeric().is_some()
            && ty.strip_nullable().numeric().is_some();
        if numeric
            && Self::implicit(&result.ty, None, ty).is_none()
            && let Some(conversion) = Self::explicit(&result.ty, None, ty)
        {
            return self.apply(result.node, &conversion, result.at);
        }
        self.convert(result, ty)
    }

    fn plain_assign(&mut self, target: &Expr, value: &Expr, at: At) -> Typed {
        match &target.kind {
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
                self.bind(value)
            }
            _ => {
                let Some((place, ty)) = self.variable_place_to_write(target) else {
                    return Typed::error(at);
                };
                let node = self.bind_to(value, &ty);
                self.assigned(target);
                Typed::new(Self::write(place, node), ty, at)
            }
        }
    }

    fn assigned(&mut self, target: &Expr) {
        if let ExprKind::Name(name, _) = &target.kind
            && let Some(local) = self.local(name)
        {
            self.unassigned.remove(&local.declared);
        }
    }

    /// A local variable, for `out` arguments: it counts as assigned.
    pub(super) fn variable_place(&mut self, target: &Expr) -> Option<(Place, Ty)> {
        let found = self.variable_place_to_write(target)?;
        self.assigned(target);
        Some(found)
    }

    fn variable_place_to_write(&mut self, target: &Expr) -> Option<(Place, Ty)> {
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
        let Some((chosen, nodes, _)) = self.choose(&found, &[], args, "this[…]", at, true) else {
            return Typed::error(at);
        };
        let Some(set) = chosen.member.set else {
            let message = format!("items of `{}` cannot be set", object.ty);
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let ty = chosen.member.result.substitute(&chosen.class, &[]);
        let value = self.bind_to(value, &ty);
        let mut all = vec![object.node];
        all.extend(nodes);
        all.push(value);
        let call = Self::setter(set, all, chosen.class, at);
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
        let Some((place, ty)) = self.target(target, &mut effects, true) else {
            return Typed::error(at);
        };
        let numeric = ty.strip_nullable().numeric();
        let Some(kind) = numeric else {
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
    fn target(
        &mut self,
        target: &Expr,
        effects: &mut Vec<Node>,
        _step: bool,
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
            ExprKind::Member { target: object, name, .. } => {
                let object = self.bind(object);
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

    fn read_target(target: &Target, at: At) -> Node {
        match target {
            Target::Variable(place) => Self::read(*place),
            Target::Array { array, index } => Node::ArrayGet {
                array: Self::read(*array).boxed(),
                index: Self::read(*index).boxed(),
                at: at.start,
            },
            Target::Member { get, .. } => get.clone(),
        }
    }

    fn store(
        &mut self,
        target: Target,
        value: Node,
        mut effects: Vec<Node>,
        ty: Ty,
        at: At,
    ) -> Typed {
        let node = match target {
            Target::Variable(place) => Self::write(place, value),
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
