//! Member access and indexers.

use tollgate_diagnostics::{Code as ErrorCode, closest};

use super::expression::{Found, Group, Operand};
use super::scope::Origin;
use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Node};
use crate::syntax::At;
use crate::syntax::ast::{Arg, Expr, ExprKind, Name, TypeRef};
use crate::types::{MemberInfo, MemberKind, Numeric, Refused, Ty, TypeId, extensions, info};

impl Checker<'_> {
    pub(super) fn member(
        &mut self,
        target: &Expr,
        name: &Name,
        types: &[TypeRef],
        at: At,
    ) -> Operand {
        let invoked = std::mem::take(&mut self.invoked);
        let types: Vec<Ty> = types.iter().map(|ty| self.ty(ty)).collect();
        if types.iter().any(Ty::is_error) {
            return Operand::Value(Typed::error(at));
        }
        let origin = self.origin(target);
        self.direct = true;
        match self.operand(target) {
            Operand::Value(typed) => {
                if !self.has_value(&typed) {
                    return Operand::Value(Typed::error(at));
                }
                if typed.ty.is_untyped() {
                    let message = format!("`{}` has no members", typed.ty);
                    return Operand::Value(self.fail(ErrorCode::EXPR_TYPE, at, message));
                }
                if let Some(ty) = Self::same_name(target, &typed.ty)
                    && Self::only_static(&ty, &name.text)
                {
                    return self.static_member(ty, name, types, at);
                }
                self.invoked = invoked;
                self.member_of(typed, name, &types, origin, at)
            }
            Operand::Type(ty, _) if ty.is_error() => Operand::Value(Typed::error(at)),
            Operand::Type(ty, _) => self.static_member(ty, name, types, at),
            Operand::Namespace(mut path) => {
                path.push(name.text.clone());
                let names: Vec<&str> = path.iter().map(|name| &**name).collect();
                if let Some(ty) = Self::find_type(&names, &types) {
                    return Operand::Type(ty, at);
                }
                if Self::is_namespace(&names) {
                    return Operand::Namespace(path);
                }
                let names: Vec<(Name, Vec<TypeRef>)> = path
                    .iter()
                    .map(|text| (Name { text: text.clone(), at: name.at }, Vec::new()))
                    .collect();
                let kind = crate::syntax::ast::TypeKind::Named(names);
                self.ty(&TypeRef { kind, at });
                Operand::Value(Typed::error(at))
            }
            Operand::Group(group) => {
                let shown = self.shown(group.name.at, &group.name.text);
                let message = format!("`{shown}` is a method and must be called");
                let diagnostic = self
                    .diagnostic(ErrorCode::EXPR_TYPE, group.name.at, message)
                    .help(format!("write `{shown}(…)`"));
                self.report(diagnostic);
                Operand::Value(Typed::error(at))
            }
            Operand::Function(_, _, at) => Operand::Value(self.fail(
                ErrorCode::EXPR_TYPE,
                at,
                "a local function must be called",
            )),
        }
    }

    /// The type of a variable that has the name of its type: C# takes either as its member wants.
    fn same_name(target: &Expr, ty: &Ty) -> Option<Ty> {
        let ExprKind::Name(name, types) = &target.kind else { return None };
        Self::find_type(&[name], &[]).filter(|found| types.is_empty() && found == ty)
    }

    fn only_static(ty: &Ty, name: &str) -> bool {
        let found = Self::find(ty, name);
        !found.is_empty() && found.iter().all(|found| found.member.is_static)
    }

    /// Members of a name, of the type and what it derives from, nearest first.
    pub(super) fn find(ty: &Ty, name: &str) -> Vec<Found> {
        Self::find_wanted(ty, name, &|_| true)
    }

    /// Of those, the ones that are wanted: others do not hide them either.
    fn find_wanted(ty: &Ty, name: &str, wanted: &dyn Fn(&MemberInfo) -> bool) -> Vec<Found> {
        let mut found = Vec::new();
        let mut seen = Vec::new();
        let mut find_in = |ty: &Ty| Self::find_into(ty, name, wanted, &mut found, &mut seen);
        find_in(ty);
        if let Ty::Opaque(opaque) = ty {
            opaque.bases.iter().for_each(&mut find_in);
        }
        if ty.is_reference() || ty.is_value_type() || ty.is_opaque() {
            find_in(&Ty::OBJECT);
        }
        found
    }

    fn find_into(
        ty: &Ty,
        name: &str,
        wanted: &dyn Fn(&MemberInfo) -> bool,
        found: &mut Vec<Found>,
        seen: &mut Vec<TypeId>,
    ) {
        let Some(id) = ty.id() else { return };
        if seen.contains(&id) && ty.args().is_empty() {
            return;
        }
        seen.push(id);
        let info = info(id);
        let members = info.members.get(name).into_iter().flatten();
        for member in members.filter(|member| !member.extension && wanted(member)) {
            let hidden = found.iter().any(|known: &Found| Self::hides(known.member, member));
            if !hidden {
                found.push(Found { member, class: ty.args().to_vec() });
            }
        }
        for base in info.inherited() {
            Self::find_into(&base.substitute(ty.args(), &[]), name, wanted, found, seen);
        }
    }

    fn hides(near: &MemberInfo, far: &MemberInfo) -> bool {
        near.kind != MemberKind::Method
            || (near.params.len() == far.params.len()
                && near.n_types == far.n_types
                && near.params.iter().zip(&far.params).all(|(a, b)| a.ty == b.ty))
    }

    /// A member of a value.
    pub(super) fn member_of(
        &mut self,
        target: Typed,
        name: &Name,
        types: &[Ty],
        origin: Origin,
        at: At,
    ) -> Operand {
        let invoked = std::mem::take(&mut self.invoked);
        if let Ty::Record(record) = &target.ty {
            let position = tuple_index(record, &name.text);
            if let Some((index, (_, ty))) =
                position.and_then(|index| Some((index, record.members.get(index)?)))
            {
                let ty = ty.clone();
                let node = Node::Member { target: target.node.boxed(), index, at: name.at.start };
                return Operand::Value(Typed::new(node, ty, at));
            }
        }
        if &*name.text == "Invoke" && target.ty.delegate().is_some() {
            return Operand::Value(target);
        }
        // What cannot be called is not found by a call, and what has no type arguments not with some.
        let wanted = |member: &MemberInfo| {
            let delegate = || member.result.delegate().is_some();
            member.kind == MemberKind::Method || (types.is_empty() && (!invoked || delegate()))
        };
        let found = Self::find_wanted(&target.ty, &name.text, &wanted);
        if let Some(found) = found.iter().find(|found| found.member.kind == MemberKind::Property) {
            if found.member.is_static {
                let message =
                    format!("`{}` belongs to the type, not to a value", found.member.name);
                let help = format!("write `{}.{}`", target.ty, found.member.name);
                let diagnostic = self.diagnostic(ErrorCode::EXPR_TYPE, name.at, message).help(help);
                self.report(diagnostic);
                return Operand::Value(Typed::error(at));
            }
            self.note_body(&target.ty, name, origin);
            self.used.push(found.member);
            return Operand::Value(Self::property(found, target, at, name.at));
        }
        let mut members: Vec<Found> =
            found.into_iter().filter(|found| !found.member.is_static).collect();
        let extra = extensions(&name.text).iter();
        members.extend(extra.map(|member| Found { member, class: Vec::new() }));
        if members.is_empty() {
            if !Self::find(&target.ty, &name.text).is_empty() {
                let shown = self.shown(name.at, &name.text);
                let message = format!("`{shown}` is a property and cannot be called");
                return Operand::Value(self.fail(ErrorCode::EXPR_TYPE, name.at, message));
            }
            return Operand::Value(self.no_member(&target.ty, name, at));
        }
        Operand::Group(Group {
            target: Some(target),
            name: name.clone(),
            types: types.to_vec(),
            members,
            origin,
        })
    }

    /// Records what is done with bodies and the response.
    fn note_body(&mut self, ty: &Ty, name: &Name, origin: Origin) {
        match (ty.id(), &*name.text, origin) {
            (Some(TypeId::IContext), "Response", _) => self.facts.reads_response = true,
            (Some(TypeId::IRequest), "Body", _) => self.facts.reads_request_body = true,
            (Some(TypeId::IResponse), "Body", Origin::Response) => {
                self.facts.reads_response_body = true;
            }
            (Some(TypeId::IResponse), "Body", _) => self.use_of_response.other_body = true,
            _ => {}
        }
    }

    fn property(found: &Found, target: Typed, at: At, name_at: At) -> Typed {
        let ty = found.member.result.substitute(&found.class, &[]);
        let node = Node::Call(Box::new(Call {
            run: found.member.run,
            args: [target.node].into(),
            types: found.class.clone().into(),
            receiver: target.ty.nullable_inner().is_none(),
            outs: Box::default(),
            set: found.member.set,
            at: name_at.start,
        }));
        let folded = Self::fold(found.member, node);
        Typed::new(folded, ty, at)
    }

    fn static_member(&mut self, ty: Ty, name: &Name, types: Vec<Ty>, at: At) -> Operand {
        if ty.is_enum()
            && let Some(id) = ty.id()
            && let Some((_, number)) =
                info(id).named_constants().find(|(constant, _)| **constant == *name.text)
        {
            let number = *number;
            return Operand::Value(Typed::constant(Value::Enum(id, number), ty, at));
        }
        let mut found = Self::find(&ty, &name.text);
        if let Some(id) = ty.id() {
            let own = info(id).members.get(&name.text).into_iter().flatten();
            let own = own.filter(|member| member.extension);
            found.extend(own.map(|member| Found { member, class: Vec::new() }));
        }
        let property = found.iter().find(|found| found.member.kind == MemberKind::Property);
        if let Some(property) = property {
            if !property.member.is_static {
                let message = format!("`{}` needs a value of `{ty}`", property.member.name);
                return Operand::Value(self.fail(ErrorCode::EXPR_TYPE, name.at, message));
            }
            self.used.push(property.member);
            let result = property.member.result.substitute(&property.class, &[]);
            let node = Node::Call(Box::new(Call {
                run: property.member.run,
                args: Box::default(),
                types: property.class.clone().into(),
                receiver: false,
                outs: Box::default(),
                set: None,
                at: name.at.start,
            }));
            let node = Self::fold(property.member, node);
            let constant = node.constant().is_some() && result.numeric().is_some();
            return Operand::Value(Typed { node, ty: result, at, constant });
        }
        // Methods of values take part in the choice, though none of them can be called.
        if !found.iter().any(|found| found.member.is_static) {
            return Operand::Value(self.no_member(&ty, name, at));
        }
        Operand::Group(Group {
            target: None,
            name: name.clone(),
            types,
            members: found,
            origin: Origin::Other,
        })
    }

    pub(super) fn no_member(&mut self, ty: &Ty, name: &Name, at: At) -> Typed {
        let shown = self.shown(name.at, &name.text);
        let owner = Self::type_words(ty);
        if let Some(refused) = Self::find_refused(ty, &name.text) {
            let (code, words) = if refused.allowed {
                (ErrorCode::EXPR_UNSUPPORTED, "is not supported")
            } else {
                (ErrorCode::EXPR_NOT_ALLOWED, "is not allowed in policy expressions")
            };
            let message = format!("`{ty}.{shown}` {words}");
            let diagnostic = self.diagnostic(code, name.at, message).help(refused.why);
            self.report(diagnostic);
            return Typed::error(at);
        }
        let names = Self::member_names(ty);
        let suggestion = closest(&name.text, names.iter().map(|name| &**name)).map(str::to_owned);
        let message = format!("{owner} has no member `{shown}`");
        let mut diagnostic = self
            .diagnostic(ErrorCode::EXPR_UNKNOWN_MEMBER, name.at, message)
            .suggest(suggestion.as_deref());
        if ty.is(TypeId::Object) && suggestion.is_none() {
            diagnostic = diagnostic.help("cast the value to its type first: `((string)…)`");
        }
        self.report(diagnostic);
        Typed::error(at)
    }

    /// What the declarations say of a member that they leave out.
    fn find_refused(ty: &Ty, name: &str) -> Option<&'static Refused> {
        let info = info(ty.id().unwrap_or(TypeId::Object));
        let own = info.decl.refused.iter().find(|refused| refused.name() == name);
        let of_object =
            || crate::types::info(TypeId::Object).decl.refused.iter().find(|r| r.name() == name);
        let of_bases = || info.bases.iter().find_map(|base| Self::find_refused(base, name));
        own.or_else(of_bases).or_else(of_object)
    }

    fn member_names(ty: &Ty) -> Vec<std::sync::Arc<str>> {
        let mut names = Vec::new();
        let mut types = vec![ty.clone(), Ty::OBJECT];
        if let Ty::Record(record) = ty {
            names.extend(record.members.iter().map(|(name, _)| name.clone()));
        }
        let mut seen = 0;
        while let Some(ty) = types.get(seen).cloned() {
            seen += 1;
            let Some(id) = ty.id() else { continue };
            let info = info(id);
            let mut own: Vec<_> = info.members.keys().cloned().collect();
            own.sort();
            names.extend(own);
            names.extend(info.named_constants().map(|(name, _)| (*name).into()));
            types.extend(info.inherited().cloned());
            if seen > 32 {
                break;
            }
        }
        names
    }

    // Indexers.

    /// The indexers of a type, nearest first.
    pub(super) fn indexers(ty: &Ty) -> Vec<Found> {
        let mut found = Vec::new();
        let mut types = vec![ty.clone()];
        let mut next = 0;
        while let Some(ty) = types.get(next).cloned() {
            next += 1;
            let Some(id) = ty.id() else { continue };
            let info = info(id);
            found.extend(
                info.indexers.iter().map(|member| Found { member, class: ty.args().to_vec() }),
            );
            if !found.is_empty() || next > 32 {
                break;
            }
            types.extend(info.inherited().map(|base| base.substitute(ty.args(), &[])));
        }
        found
    }

    pub(super) fn index(&mut self, target: &Expr, args: &[Arg], at: At) -> Typed {
        let target = self.bind(target);
        if !self.has_value(&target) {
            return Typed::error(at);
        }
        self.index_of(target, args, at)
    }

    pub(super) fn index_of(&mut self, target: Typed, args: &[Arg], at: At) -> Typed {
        if let Ty::Array(item) = &target.ty {
            let item = (**item).clone();
            let Some(index) = self.array_index(args, at) else { return Typed::error(at) };
            let (array, index) = (target.node.boxed(), index.boxed());
            return Typed::new(Node::ArrayGet { array, index, at: at.start }, item, at);
        }
        let found = Self::indexers(&target.ty);
        if found.is_empty() {
            let message = format!("`{}` cannot be indexed with `[…]`", target.ty);
            return self.fail(ErrorCode::EXPR_TYPE, at, message);
        }
        let args = self.arguments(args);
        let Some((chosen, handed)) = self.choose(&found, &[], args, "this[…]", at, true) else {
            return Typed::error(at);
        };
        self.used.push(chosen.member);
        let ty = chosen.member.result.substitute(&chosen.fit.class, &[]);
        let mut all = vec![target.node];
        all.extend(handed.nodes);
        let node = Node::Call(Box::new(Call {
            run: chosen.member.run,
            args: all.into(),
            types: chosen.fit.class.into(),
            receiver: true,
            outs: Box::default(),
            set: chosen.member.set,
            at: at.start,
        }));
        Typed::new(node, ty, at)
    }

    /// The index of an array: one whole number.
    pub(super) fn array_index(&mut self, args: &[Arg], at: At) -> Option<Node> {
        let [Arg { name: None, value: crate::syntax::ast::ArgValue::Expr(expr) }] = args else {
            self.error(ErrorCode::EXPR_TYPE, at, "an array takes one index");
            return None;
        };
        if let ExprKind::Default(None) = expr.kind {
            return Some(Node::Const(Value::Int(0)));
        }
        let typed = self.bind(expr);
        if typed.ty.is_error() {
            return None;
        }
        let to = [Ty::INT, Ty::UINT, Ty::LONG, Ty::ULONG]
            .into_iter()
            .find(|ty| Self::implicit(&typed.ty, typed.value(), ty).is_some());
        if let Some(to) = to {
            let index = self.convert(typed, &to);
            if to != Ty::ULONG {
                return Some(index);
            }
            // Those that no `long` holds overflow.
            let value = index.boxed();
            Some(Node::Convert { to: Numeric::Long, checked: true, value, at: at.start })
        } else {
            self.no_conversion(&typed, &Ty::INT);
            None
        }
    }
}

/// The place of a member of an anonymous type or tuple.
pub(super) fn tuple_index(record: &crate::types::RecordTy, name: &str) -> Option<usize> {
    let named = record.members.iter().position(|(own, _)| &**own == name);
    named.or_else(|| {
        let number = super::tuple::item_number(name)?;
        (record.tuple && number <= record.members.len()).then(|| number - 1)
    })
}
