//! Conversions.

use tollgate_diagnostics::Code as ErrorCode;

use super::{Checker, Typed};
use crate::Value;
use crate::eval::{Call, Node, convert_number};
use crate::syntax::At;
use crate::types::{MemberInfo, MemberKind, Numeric, Ty, TypeId, info, is_assignable};

/// How a value of one type becomes one of another.
#[derive(Debug, Clone)]
pub(super) enum Conversion {
    /// It is one already.
    Same,
    /// A `JObject`, which is tokens and pairs, as pairs.
    Pairs,
    Numeric(Numeric),
    /// The constant 0 of an enumeration, or a cast of a number.
    Enum(TypeId),
    FromEnum(Option<Numeric>),
    /// A number that is not an `int` as the constant of an enumeration.
    NumberToEnum(TypeId),
    /// Checked at run time.
    Cast(Ty),
    /// A tuple, member by member.
    Tuple(Vec<Conversion>, Ty),
    /// What is not null is converted.
    Lifted(Box<Conversion>),
    /// A declared conversion, with what happens before and after.
    Declared(&'static MemberInfo, Box<Conversion>, Box<Conversion>),
}

impl Checker<'_> {
    /// An implicit conversion without the declared ones.
    pub(super) fn standard(from: &Ty, value: Option<&Value>, to: &Ty) -> Option<Conversion> {
        let whole = !matches!(from, Ty::Record(_)) || matches!(to, Ty::Record(_));
        if is_assignable(from, to) && (whole || !from.is_untyped()) {
            let pairs = to.is(TypeId::IEnumerable1) && from != to && Self::is_pairs(to);
            let pairs = pairs && Self::may_be_json(from);
            return Some(if pairs { Conversion::Pairs } else { Conversion::Same });
        }
        // Nullables are boxed as what is in them.
        if let Some(inner) = from.nullable_inner()
            && to.is_reference()
            && is_assignable(inner, to)
        {
            return Some(Conversion::Same);
        }
        if let Some(tuple) = Self::tuple_conversion(from, to, Self::implicit) {
            return Some(tuple);
        }
        if let (Some(source), Some(target)) = (from.numeric(), to.numeric()) {
            if source.widens_to(target) {
                return Some(Conversion::Numeric(target));
            }
            return Self::constant_fits(source, value?, target)
                .then_some(Conversion::Numeric(target));
        }
        if let (Some(value), Ty::Named(id)) = (value, to)
            && to.is_enum()
            && from.numeric().is_some_and(|number| number != Numeric::Char)
            && is_zero(value)
        {
            return Some(if from.numeric() == Some(Numeric::Int) {
                Conversion::Enum(*id)
            } else {
                Conversion::NumberToEnum(*id)
            });
        }
        let inner = to.nullable_inner()?;
        Self::standard(from.strip_nullable(), value, inner)
    }

    /// The conversion of a tuple whose members convert.
    fn tuple_conversion(
        from: &Ty,
        to: &Ty,
        convert: fn(&Ty, Option<&Value>, &Ty) -> Option<Conversion>,
    ) -> Option<Conversion> {
        let (Ty::Record(source), Ty::Record(target)) = (from, to) else { return None };
        if !source.tuple || !target.tuple || source.members.len() != target.members.len() {
            return None;
        }
        let pairs = source.members.iter().zip(&target.members);
        let members: Option<Vec<Conversion>> =
            pairs.map(|((_, from), (_, to))| convert(from, None, to)).collect();
        Some(Conversion::Tuple(members?, to.clone()))
    }

    fn constant_fits(source: Numeric, value: &Value, target: Numeric) -> bool {
        let small = matches!(
            target,
            Numeric::SByte
                | Numeric::Byte
                | Numeric::Short
                | Numeric::UShort
                | Numeric::UInt
                | Numeric::ULong
        );
        match source {
            Numeric::Int => small && convert_number(value, target, true).is_ok(),
            Numeric::Long => {
                target == Numeric::ULong && convert_number(value, target, true).is_ok()
            }
            _ => false,
        }
    }

    /// An implicit conversion.
    pub(super) fn implicit(from: &Ty, value: Option<&Value>, to: &Ty) -> Option<Conversion> {
        Self::standard(from, value, to)
            .or_else(|| Self::declared(from, value, to, &[MemberKind::Implicit]))
            .or_else(|| {
                let (from, to) = (from.nullable_inner()?, to.nullable_inner()?);
                let inner = Self::declared(from, None, to, &[MemberKind::Implicit])?;
                Some(Conversion::Lifted(Box::new(inner)))
            })
    }

    /// A declared conversion, of the source's or the target's type.
    fn declared(
        from: &Ty,
        value: Option<&Value>,
        to: &Ty,
        kinds: &[MemberKind],
    ) -> Option<Conversion> {
        if matches!(from, Ty::Null | Ty::Void) && !to.takes_null() {
            return None;
        }
        let mut owners: Vec<TypeId> = Vec::new();
        for ty in [from, to] {
            let mut next = ty.strip_nullable().id();
            while let Some(id) = next {
                owners.push(id);
                next = info(id).bases.first().and_then(Ty::id);
            }
        }
        let members = owners.iter().flat_map(|id| info(*id).conversions.iter().copied());
        let explicit = kinds.contains(&MemberKind::Explicit);
        let mut best: Option<(u8, Conversion)> = None;
        let mut wider: Vec<&Ty> = Vec::new();
        for member in members.filter(|member| kinds.contains(&member.kind)) {
            let Some(param) = member.params.first() else { continue };
            let before = Self::standard(from, value, &param.ty);
            let after = Self::standard(&member.result, None, to);
            let narrowing = |conversion: Option<Conversion>, from: &Ty, to: &Ty| {
                if explicit {
                    let class = |ty: &Ty| ty.is_reference() && ty.takes_null();
                    let down = || {
                        let derived = class(from) && class(to) && is_assignable(to, from);
                        derived.then(|| Conversion::Cast(to.clone()))
                    };
                    conversion.or_else(|| Self::numeric_cast(from, to)).or_else(down)
                } else {
                    conversion
                }
            };
            let before = narrowing(before, from, &param.ty);
            let after = narrowing(after, &member.result, to);
            let (Some(before), Some(after)) = (before, after) else { continue };
            if explicit
                && to.numeric().is_some()
                && Self::standard(to, None, &member.result).is_some()
            {
                wider.push(&member.result);
            }
            // The types themselves first, then the closest.
            let exact_from = param.ty == *from || param.ty.strip_nullable() == from;
            let exact_to = member.result == *to;
            let rank = match (exact_from, exact_to) {
                (true, true) => 0,
                (false, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
            };
            if best.as_ref().is_none_or(|(found, _)| rank < *found) {
                let made = Conversion::Declared(member, Box::new(before), Box::new(after));
                best = Some((rank, made));
            }
        }
        // Of several that give more than is wanted, one must give what all others could be made of.
        let converts = |from: &Ty, to: &Ty| Self::standard(from, None, to).is_some();
        let least = |ty: &&&Ty| wider.iter().all(|other| converts(ty, other));
        let ambiguous = !wider.is_empty() && wider.iter().find(least).is_none();
        best.filter(|_| !ambiguous).map(|(_, conversion)| conversion)
    }

    fn numeric_cast(from: &Ty, to: &Ty) -> Option<Conversion> {
        from.strip_nullable().numeric()?;
        to.strip_nullable().numeric().map(Conversion::Numeric)
    }

    /// An explicit conversion.
    pub(super) fn explicit(from: &Ty, value: Option<&Value>, to: &Ty) -> Option<Conversion> {
        if let Some(implicit) = Self::implicit(from, value, to) {
            return Some(implicit);
        }
        if matches!(from, Ty::Void) || matches!(to, Ty::Void) {
            return None;
        }
        let (source, target) = (from.strip_nullable(), to.strip_nullable());
        let nullable_source = from.nullable_inner().is_some();
        // A null where no null may be is an exception.
        let unwrap = nullable_source && to.nullable_inner().is_none() && to.is_value_type();
        if let Some(tuple) = Self::tuple_conversion(from, to, Self::explicit) {
            return Some(tuple);
        }
        if let Some(conversion) = Self::numeric_cast(from, to) {
            return (!unwrap).then_some(conversion);
        }
        match (source.is_enum(), target) {
            (true, target) if unwrap && (target.is_enum() || target.numeric().is_some()) => {
                return None;
            }
            (true, target) if target.numeric().is_some() => {
                return Some(Conversion::FromEnum(target.numeric()));
            }
            (from_enum, Ty::Named(id))
                if target.is_enum() && (from_enum || source.numeric().is_some()) =>
            {
                if unwrap {
                    return None;
                }
                return Some(if source.numeric() == Some(Numeric::Int) {
                    Conversion::Enum(*id)
                } else {
                    Conversion::NumberToEnum(*id)
                });
            }
            _ => {}
        }
        if Self::narrows(from, to) {
            return Some(Conversion::Cast(to.clone()));
        }
        Self::declared(from, value, to, &[MemberKind::Implicit, MemberKind::Explicit])
    }

    /// Whether a value may be of a type as it is, or boxed or in a nullable: what `as` asks.
    pub(super) fn is_or_holds(from: &Ty, to: &Ty) -> bool {
        let (inner, outer) = (from.strip_nullable(), to.strip_nullable());
        let number = |ty: &Ty| ty.numeric().is_some() || ty.is_enum();
        let tuple = |ty: &Ty| matches!(ty, Ty::Record(record) if record.tuple);
        let alike = number(inner) && number(outer) || tuple(inner) && tuple(outer);
        inner == outer
            || alike && to.nullable_inner().is_some()
            || is_assignable(from, to)
            || is_assignable(inner, to)
            || Self::narrows(from, to)
            || from.is_opaque()
            || to.is_opaque()
    }

    /// Whether a reference may turn out to be of a type: a class that derives from its own, or an interface.
    pub(super) fn narrows(from: &Ty, to: &Ty) -> bool {
        if !from.is_reference() {
            return false;
        }
        let interface = |ty: &Ty| ty.id().is_some_and(|id| info(id).is_interface());
        let open = |ty: &Ty| ty.is_reference() && !is_sealed(ty);
        // Arrays and sequences go by their items.
        let items = || match (from, to) {
            (Ty::Array(item), Ty::Generic(_, args)) | (Ty::Generic(_, args), Ty::Array(item)) => {
                let class = if matches!(from, Ty::Array(_)) { to } else { from };
                interface(class) && args.len() == 1 && class.item().is_some() && {
                    let (from, to) = match from {
                        Ty::Array(_) => (Some(&**item), args.first()),
                        _ => (args.first(), Some(&**item)),
                    };
                    from.zip(to).is_some_and(|(from, to)| {
                        let narrows = to.is_reference() && Self::narrows(from, to);
                        narrows || from.is_reference() && is_assignable(from, to)
                    })
                }
            }
            (Ty::Array(from), Ty::Array(to)) => to.is_reference() && Self::narrows(from, to),
            _ => false,
        };
        is_assignable(to.strip_nullable(), from)
            || interface(from) && open(to)
            || interface(to) && open(from)
            || items()
    }

    /// Applies a conversion.
    pub(super) fn apply(&mut self, node: Node, conversion: &Conversion, at: At) -> Node {
        match conversion {
            Conversion::Same => node,
            Conversion::Pairs => Self::pairs(node, at),
            Conversion::Numeric(to) => {
                if let Node::Const(value) = &node
                    && let Ok(value) = convert_number(value, *to, self.checked)
                    && !value.is_null()
                {
                    return Node::Const(value);
                }
                let checked = self.checked;
                Node::Convert { to: *to, checked, value: node.boxed(), at: at.start }
            }
            Conversion::Enum(id) => match &node {
                Node::Const(Value::Int(number)) => Node::Const(Value::Enum(*id, *number)),
                _ => Node::ToEnum(*id, node.boxed()),
            },
            Conversion::NumberToEnum(id) => {
                let number = self.apply(node, &Conversion::Numeric(Numeric::Int), at);
                self.apply(number, &Conversion::Enum(*id), at)
            }
            Conversion::FromEnum(to) => {
                let number = Node::FromEnum(node.boxed());
                match to {
                    Some(Numeric::Int) | None => number,
                    Some(to) => self.apply(number, &Conversion::Numeric(*to), at),
                }
            }
            Conversion::Tuple(members, ty) => {
                let held = self.temporary();
                let mut values = Vec::new();
                for (index, conversion) in members.iter().enumerate() {
                    let target = Self::read(held).boxed();
                    let member = Node::Member { target, index, at: at.start };
                    values.push(self.apply(member, conversion, at));
                }
                let record = Node::Record { ty: ty.clone(), values: values.into() };
                Node::Seq([Self::write(held, node)].into(), record.boxed())
            }
            Conversion::Cast(ty) => {
                // A constant null stays one as another class.
                if matches!(node, Node::Const(Value::Null)) && ty.is_reference() {
                    return node;
                }
                let cast = Node::Cast { ty: ty.clone(), value: node.boxed(), at: at.start };
                let pairs = ty.is(TypeId::IEnumerable1) && Self::is_pairs(ty);
                if pairs { Self::pairs(cast, at) } else { cast }
            }
            Conversion::Lifted(inner) => {
                let slot = self.new_slot();
                let rest = self.apply(Node::Local(slot), inner, at);
                Node::NullConditional { slot, target: node.boxed(), rest: rest.boxed() }
            }
            Conversion::Declared(member, before, after) => {
                self.used.push(member);
                let arg = self.apply(node, before, at);
                let call = Node::Call(Box::new(Call {
                    run: member.run,
                    args: [arg].into(),
                    types: Box::default(),
                    receiver: false,
                    outs: Box::default(),
                    set: None,
                    at: at.start,
                }));
                self.apply(call, after, at)
            }
        }
    }

    /// Whether its items are pairs of a name and a token.
    fn is_pairs(ty: &Ty) -> bool {
        matches!(ty.item(), Some(Ty::Generic(TypeId::KeyValuePair, args)) if *args == [Ty::STRING, Ty::JTOKEN])
    }

    /// Whether a `JObject` may be behind it, to be walked over as pairs.
    pub(super) fn may_be_json(ty: &Ty) -> bool {
        let interface = ty.id().is_some_and(|id| info(id).is_interface());
        ty.is(TypeId::JObject) || interface && !ty.is(TypeId::IEnumerable1) && Self::is_pairs(ty)
    }

    /// A `JObject`, or another dictionary of tokens, as a sequence of pairs.
    pub(super) fn pairs(node: Node, at: At) -> Node {
        Node::Call(Box::new(Call {
            run: crate::types::Run::of(crate::types::pairs),
            args: [node].into(),
            types: Box::default(),
            receiver: false,
            outs: Box::default(),
            set: None,
            at: at.start,
        }))
    }

    /// Converts implicitly; an error when that is not possible.
    pub(super) fn convert(&mut self, typed: Typed, to: &Ty) -> Node {
        if typed.ty.is_error() || to.is_error() {
            return typed.node;
        }
        if let Some(conversion) = Self::implicit(&typed.ty, typed.value(), to) {
            self.apply(typed.node, &conversion, typed.at)
        } else {
            self.no_conversion(&typed, to);
            typed.node
        }
    }

    pub(super) fn no_conversion(&mut self, typed: &Typed, to: &Ty) {
        let from = Self::type_words(&typed.ty);
        let mut diagnostic = self
            .diagnostic(ErrorCode::EXPR_TYPE, typed.at, format!("expected `{to}`, found {from}"))
            .label(format!("this is {from}"));
        if Self::explicit(&typed.ty, typed.value(), to).is_some() {
            diagnostic = diagnostic.help(format!("cast it: `({to})…`"));
        }
        self.report(diagnostic);
    }
}

/// Whether a constant number is zero, of whatever type: C# makes a constant of an enumeration of it.
fn is_zero(number: &Value) -> bool {
    matches!(convert_number(number, Numeric::Double, true), Ok(Value::Double(0.0)))
}

/// Whether no class derives from a class of .NET.
fn is_sealed(ty: &Ty) -> bool {
    matches!(ty, Ty::Array(_) | Ty::Record(_))
        || ty.delegate().is_some()
        || matches!(
            ty.id(),
            Some(
                TypeId::String
                    | TypeId::StringBuilder
                    | TypeId::TimeZoneInfo
                    | TypeId::XName
                    | TypeId::XNamespace
                    | TypeId::XNodeDocumentOrderComparer
                    | TypeId::XNodeEqualityComparer
                    | TypeId::RNGCryptoServiceProvider
                    | TypeId::KeySizes
                    | TypeId::RSASignaturePadding
                    | TypeId::RSAEncryptionPadding
                    | TypeId::Oid
                    | TypeId::X500DistinguishedName
                    | TypeId::PublicKey
            )
        )
}
