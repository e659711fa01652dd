//! `JEnumerable<T>` and `IJEnumerable<T>`: tokens in a row.

use std::sync::Arc;

use super::super::decl::{Kind, Member, TypeDecl, m};
use super::super::object::required;
use super::super::{Ty, TypeId};
use super::{TokenWalk, Walk};
use crate::Value;
use crate::collections::Key;
use crate::eval::{Args, Cx, Source, same};
use crate::native::{ItemAt, Native};
use crate::state::{Object, SLOT_COST};

const INDEX: Member =
    m("IJEnumerable<JToken> this[object key]", "What the tokens hold of a key.", |cx, a| {
        let (source, key) = (a.value(0), a.value(1));
        let walk = if key.is_null() { Walk::Held } else { Walk::Key(key) };
        let held = Source::Tokens(Box::new(TokenWalk { from: source, single: false, walk }));
        cx.sequence(Ty::generic(TypeId::JEnumerable, [Ty::JTOKEN]), held)
    });

/// A row that was never made, as a default: there is nothing in it.
#[derive(Debug)]
struct Unmade(Ty);

impl Native for Unmade {
    fn id(&self) -> TypeId {
        TypeId::JEnumerable
    }

    fn ty(&self) -> Ty {
        self.0.clone()
    }

    fn items(&self) -> Option<ItemAt> {
        Some(|_, _, _| Ok(None))
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Str(self.0.full_name().into()))
    }

    fn is_interned(&self) -> bool {
        true
    }
}

/// `default(JEnumerable<T>)`.
pub(crate) fn unmade(ty: &Ty) -> Value {
    Value::Native(Arc::new(Unmade(ty.clone())))
}

/// Whether two are of one object; the empty ones of a type are.
fn equal(cx: &Cx<'_>, a: &Args<'_>) -> bool {
    let source = |index| match cx.object_of(a.get(index)) {
        Some(Object::Sequence(sequence)) => Some(&sequence.source),
        _ => None,
    };
    match (source(0), source(1)) {
        (Some(Source::View(left)), Some(Source::View(right))) => same(left, right),
        (Some(Source::Items(left)), Some(Source::Items(right))) => {
            let empty = left.is_empty() && right.is_empty();
            let one_type = cx.state.type_of(a.get(0)) == cx.state.type_of(a.get(1));
            empty && one_type || same(a.get(0), a.get(1))
        }
        _ => same(a.get(0), a.get(1)),
    }
}

pub(in crate::types) const IENUMERABLE: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.IJEnumerable<T>",
    kind: Kind::Interface,
    bases: &["IEnumerable<T>"],
    docs: "Tokens in a row.",
    members: &[INDEX],
    refused: &[],
};

pub(in crate::types) const ENUMERABLE: TypeDecl = TypeDecl {
    name: "Newtonsoft.Json.Linq.JEnumerable<T>",
    kind: Kind::Struct,
    bases: &["IJEnumerable<T>"],
    docs: "Tokens in a row.",
    members: &[
        m("new(IEnumerable<T> enumerable)", "Of tokens.", |cx, a| {
            let source = required(a, 0, "enumerable")?;
            let ty = Ty::generic(TypeId::JEnumerable, [a.ty(0).clone()]);
            cx.sequence(ty, Source::View(source))
        }),
        m("static JEnumerable<T> Empty", "No tokens.", |cx, a| {
            cx.charge(SLOT_COST)?;
            let ty = Ty::generic(TypeId::JEnumerable, [a.ty(0).clone()]);
            cx.sequence(ty, Source::Items(Vec::new()))
        }),
        INDEX,
        m("bool Equals(JEnumerable<T> other)", "Whether both are of the same object.", |cx, a| {
            Ok(Value::Bool(equal(cx, a)))
        }),
        m("bool Equals(object obj)", "Whether both are of the same object.", |cx, a| {
            Ok(Value::Bool(equal(cx, a)))
        }),
        m(
            "IEnumerator<T> GetEnumerator()",
            "A walk over the tokens.",
            crate::types::collections::enumerator::start,
        ),
    ],
    refused: &[],
};
