//! `new`: objects, arrays, anonymous types and their initializers.

use tollgate_diagnostics::Code as ErrorCode;

use super::expression::Found;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Node, Place, default_value};
use crate::syntax::At;
use crate::syntax::ast::{
    Arg, ArgValue, Element, Expr, ExprKind, InitValue, Initializer, Name, TypeRef,
};
use crate::types::{MemberKind, RecordTy, Ty, info};

impl Checker<'_> {
    pub(super) fn creation(
        &mut self,
        ty: &TypeRef,
        args: &[Arg],
        init: Option<&Initializer>,
        at: At,
    ) -> Typed {
        let ty = self.ty(ty);
        if ty.is_error() {
            for arg in args {
                if let ArgValue::Expr(expr) = &arg.value
                    && !matches!(expr.kind, ExprKind::Lambda(_) | ExprKind::Default(None))
                {
                    self.bind(expr);
                }
            }
            return Typed::error(at);
        }
        let created = self.construct(&ty, args, at);
        match init {
            Some(init) if !created.ty.is_error() => self.initialized(created, init, at),
            _ => created,
        }
    }

    fn construct(&mut self, ty: &Ty, args: &[Arg], at: At) -> Typed {
        if let Ty::Thrown(kind) = ty {
            return self.exception(*kind, args, at);
        }
        if ty.delegate().is_some()
            && let [Arg { value: ArgValue::Expr(expr), .. }] = args
        {
            let node = self.bind_to(expr, ty);
            return Typed::new(node, ty.clone(), at);
        }
        if let Ty::Opaque(opaque) = ty
            && args.is_empty()
            && (opaque.new || opaque.value)
        {
            return Typed::new(Node::Const(Value::Null), ty.clone(), at);
        }
        if let (Some(inner), [Arg { value: ArgValue::Expr(expr), .. }]) =
            (ty.nullable_inner(), args)
        {
            let node = self.bind_to(expr, &inner.clone());
            self.used.extend(ty.id().and_then(|id| info(id).constructors.first()));
            return Typed::new(node, ty.clone(), at);
        }
        let Some(id) = ty.id() else {
            return self.fail(ErrorCode::EXPR_TYPE, at, format!("`{ty}` cannot be created"));
        };
        if args.is_empty() && ty.is_value_type() {
            return Typed::new(Node::Const(default_value(ty)), ty.clone(), at);
        }
        let members: Vec<Found> = info(id)
            .constructors
            .iter()
            .map(|member| Found { member, class: ty.args().to_vec() })
            .collect();
        if members.is_empty() {
            return self.fail(
                ErrorCode::EXPR_TYPE,
                at,
                format!("`{ty}` cannot be created with `new`"),
            );
        }
        if *ty == Ty::STRING
            && let [Arg { value: ArgValue::Expr(expr), .. }] = args
            && (Self::is_null_literal(expr) || matches!(expr.kind, ExprKind::Default(None)))
        {
            // It may be an array or, in C# that policies do not have, a pointer.
            return self.fail(ErrorCode::EXPR_TYPE, at, "the call of `string` is ambiguous");
        }
        let args = self.arguments(args);
        let name = ty.to_string();
        let Some((chosen, handed)) = self.choose(&members, &[], args, &name, at, true) else {
            return Typed::new(Node::Const(Value::Null), ty.clone(), at);
        };
        self.used.push(chosen.member);
        let node = Node::Call(Box::new(Call {
            run: chosen.member.run,
            args: handed.nodes.into(),
            types: chosen.fit.class.into(),
            receiver: false,
            outs: handed.outs.into(),
            set: None,
            at: at.start,
        }));
        Typed::new(node, ty.clone(), at)
    }

    /// An object with its initializer: made, kept in a temporary, filled.
    fn initialized(&mut self, created: Typed, init: &Initializer, at: At) -> Typed {
        let place = self.temporary();
        let ty = created.ty;
        let mut effects = vec![Self::write(place, created.node)];
        self.fill(place, &ty, init, &mut effects);
        Typed::new(Node::Seq(effects.into(), Self::read(place).boxed()), ty, at)
    }

    fn fill(&mut self, place: Place, ty: &Ty, init: &Initializer, effects: &mut Vec<Node>) {
        let sets = |element: &Element| matches!(element, Element::Index(..) | Element::Member(..));
        let n_sets = init.elements.iter().filter(|element| sets(element)).count();
        if n_sets != 0 && n_sets != init.elements.len() {
            let message = "items to add and members to set cannot be mixed";
            self.error(ErrorCode::EXPR_SYNTAX, init.at, message);
        }
        for element in &init.elements {
            let target = |at: At| Typed::new(Self::read(place), ty.clone(), at);
            match element {
                Element::Value(Expr { kind: ExprKind::Assign { .. }, at, .. }) => {
                    self.error(ErrorCode::EXPR_SYNTAX, *at, "an assignment cannot be an item");
                }
                Element::Value(expr) => {
                    let args = [Arg { name: None, value: ArgValue::Expr(expr.clone()) }];
                    let call = self.call_add(target(expr.at), &args, expr.at);
                    effects.push(call.node);
                }
                Element::Args(values, at) => {
                    let args: Vec<Arg> = values
                        .iter()
                        .map(|value| Arg { name: None, value: ArgValue::Expr(value.clone()) })
                        .collect();
                    let call = self.call_add(target(*at), &args, *at);
                    effects.push(call.node);
                }
                Element::Index(args, value, at) => match value {
                    InitValue::Expr(value) => {
                        let set = self.assign_index(target(*at), args, value, *at);
                        effects.push(set.node);
                    }
                    InitValue::Nested(nested) => {
                        let got = self.index_of(target(*at), args, *at);
                        let inner = self.temporary();
                        effects.push(Self::write(inner, got.node));
                        self.fill(inner, &got.ty, nested, effects);
                    }
                },
                Element::Member(name, value) => match value {
                    InitValue::Expr(value) => {
                        let set = self.assign_member(target(name.at), name, value, name.at);
                        effects.push(set.node);
                    }
                    InitValue::Nested(nested) => {
                        let got = self.member_value(target(name.at), name);
                        let inner = self.temporary();
                        effects.push(Self::write(inner, got.node));
                        self.fill(inner, &got.ty, nested, effects);
                    }
                },
            }
        }
    }

    fn member_value(&mut self, target: Typed, name: &Name) -> Typed {
        match self.member_of(target, name, &[], super::scope::Origin::Other, name.at) {
            super::expression::Operand::Value(typed) => typed,
            _ => self.fail(ErrorCode::EXPR_TYPE, name.at, "a method cannot be initialized"),
        }
    }

    /// `target.Add(args)` of a collection initializer.
    fn call_add(&mut self, target: Typed, args: &[Arg], at: At) -> Typed {
        let collection = target.ty.item().is_some();
        let members: Vec<Found> = Self::find(&target.ty, "Add")
            .into_iter()
            .filter(|found| found.member.kind == MemberKind::Method && !found.member.is_static)
            .collect();
        if !collection || members.is_empty() {
            let message = format!("`{}` is not a collection that items can be added to", target.ty);
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        }
        let args = self.arguments(args);
        let Some((chosen, handed)) = self.choose(&members, &[], args, "Add", at, true) else {
            return Typed::error(at);
        };
        self.used.push(chosen.member);
        let mut all = vec![target.node];
        all.extend(handed.nodes);
        let node = Node::Call(Box::new(Call {
            run: chosen.member.run,
            args: all.into(),
            types: chosen.fit.class.into(),
            receiver: true,
            outs: Box::default(),
            set: None,
            at: at.start,
        }));
        Typed::new(node, Ty::Void, at)
    }

    pub(super) fn new_array(
        &mut self,
        element: Option<&TypeRef>,
        size: Option<&Expr>,
        init: Option<&Initializer>,
        at: At,
    ) -> Typed {
        let item = match (element, init) {
            (Some(element), _) => self.ty(element),
            (None, Some(init)) => return self.inferred_array(init, at),
            (None, None) => Ty::Error,
        };
        if item.is_error() {
            return Typed::error(at);
        }
        let ty = Ty::array(item.clone());
        if let Some(init) = init {
            if let Some(size) = size {
                self.array_size(size, init);
            }
            let node = self.array_of(&item, init);
            return Typed::new(node, ty, at);
        }
        let Some(size) = size else { return Typed::error(at) };
        let arg = [Arg { name: None, value: ArgValue::Expr(size.clone()) }];
        let Some(size) = self.array_index(&arg, at) else { return Typed::error(at) };
        if size.constant().and_then(Value::as_int).is_some_and(|size| size < 0) {
            let message = "an array cannot have a negative size";
            return self.fail(ErrorCode::EXPR_CONSTANT, at, message);
        }
        Typed::new(Node::NewArray { item, size: size.boxed(), at: at.start }, ty, at)
    }

    /// The size that is written before items must be their number.
    fn array_size(&mut self, size: &Expr, init: &Initializer) {
        let typed = self.bind(size);
        if typed.ty.is_error() {
            return;
        }
        let n_items = init.elements.len();
        match typed.value().and_then(Value::as_int) {
            None => {
                let message = "the size of an array with items must be a constant";
                self.error(ErrorCode::EXPR_CONSTANT, size.at, message);
            }
            Some(value) if usize::try_from(value).ok() != Some(n_items) => {
                let message = format!("the array has {value} places and {n_items} items");
                self.error(ErrorCode::EXPR_TYPE, size.at, message);
            }
            Some(_) => {}
        }
    }

    /// An array of a known item type.
    pub(super) fn array_of(&mut self, item: &Ty, init: &Initializer) -> Node {
        let mut items = Vec::new();
        for element in &init.elements {
            match element {
                Element::Value(expr) => items.push(self.bind_to(expr, item)),
                _ => self.error(ErrorCode::EXPR_SYNTAX, init.at, "expected an item of the array"),
            }
        }
        Node::Array { item: item.clone(), items: items.into() }
    }

    /// `new[] { … }`: the type that all items convert to, and the items.
    fn inferred_array(&mut self, init: &Initializer, at: At) -> Typed {
        let mut typed: Vec<Option<Typed>> = Vec::new();
        for element in &init.elements {
            let Element::Value(expr) = element else {
                self.error(ErrorCode::EXPR_SYNTAX, init.at, "expected an item of the array");
                return Typed::error(at);
            };
            let open = matches!(expr.kind, ExprKind::Default(None) | ExprKind::Lambda(_));
            let item = if open { None } else { Some(self.bind(expr)) };
            if item.as_ref().is_some_and(|item| !self.has_value(item)) {
                return Typed::error(at);
            }
            typed.push(item);
        }
        let best = Self::best_type(typed.iter().flatten().map(|item| &item.ty));
        let Some(item) = best else {
            let message = "the items of the array have no best type";
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        };
        let mut nodes = Vec::new();
        for (typed, element) in typed.into_iter().zip(&init.elements) {
            nodes.push(match (typed, element) {
                (Some(typed), _) => self.convert(typed, &item),
                (None, Element::Value(expr)) => self.bind_to(expr, &item),
                (None, _) => Node::Const(Value::Null),
            });
        }
        let ty = Ty::array(item.clone());
        Typed::new(Node::Array { item, items: nodes.into() }, ty, at)
    }

    pub(super) fn anonymous(&mut self, members: &[(Option<Name>, Expr)], at: At) -> Typed {
        let mut shape = Vec::new();
        let mut values = Vec::new();
        for (name, value) in members {
            let typed = self.bind(value);
            if !self.has_value(&typed) {
                return Typed::error(at);
            }
            let name = match name {
                Some(name) => Some(name.text.clone()),
                None => Self::member_name(value),
            };
            if let Some(name) = &name
                && shape.iter().any(|(known, _)| known == name)
            {
                let message = format!("the anonymous type has two members named `{name}`");
                return self.fail(ErrorCode::EXPR_DUPLICATE, value.at, message);
            }
            let Some(name) = name else {
                let message = "a member of an anonymous type needs a name";
                let diagnostic = self
                    .diagnostic(ErrorCode::EXPR_SYNTAX, value.at, message)
                    .help("write `name = value`");
                self.report(diagnostic);
                return Typed::error(at);
            };
            if typed.ty.is_untyped() {
                let message = format!("`{}` has no type here; cast it", typed.ty);
                return self.fail(ErrorCode::EXPR_TYPE, value.at, message);
            }
            shape.push((name, typed.ty));
            values.push(typed.node);
        }
        let ty = Ty::Record(RecordTy { tuple: false, members: shape }.into());
        Typed::new(Node::Record { ty: ty.clone(), values: values.into() }, ty, at)
    }

    /// The name a member of an anonymous type takes from its value.
    pub(super) fn member_name(value: &Expr) -> Option<std::sync::Arc<str>> {
        match &value.kind {
            ExprKind::Name(name, _) => Some(name.clone()),
            ExprKind::Member { name, .. } => Some(name.text.clone()),
            ExprKind::Conditional { rest, .. } => Self::member_name(rest),
            _ => None,
        }
    }
}
