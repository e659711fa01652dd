//! `KeyValuePair<TKey, TValue>` and the class that makes them.

use super::super::decl::{Kind, TypeDecl, m};
use super::super::{Ty, TypeId};
use super::Run;
use crate::Value;
use crate::eval::Args;
use crate::state::confusion;

fn member(a: &Args<'_>, index: usize) -> Run {
    match a.get(0) {
        Value::Record(record) => Ok(record.values.get(index).cloned().unwrap_or_default()),
        _ => Err(confusion()),
    }
}

fn pair(a: &Args<'_>) -> Value {
    let args = [a.ty(0).clone(), a.ty(1).clone()];
    Value::pair(Ty::generic(TypeId::KeyValuePair, args), a.value(0), a.value(1))
}

pub(in crate::types) const PAIR: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.KeyValuePair<TKey, TValue>",
    kind: Kind::Struct,
    bases: &[],
    docs: "A key and what it holds.",
    members: &[
        m("new(TKey key, TValue value)", "Of a key and a value.", |_, a| Ok(pair(a))),
        m("TKey Key", "The key.", |_, a| member(a, 0)),
        m("TValue Value", "The value.", |_, a| member(a, 1)),
        m("string ToString()", "Both in brackets.", super::super::object::to_string),
        m("void Deconstruct(out TKey key, out TValue value)", "Both apart.", |_, a| {
            let (key, value) = (member(a, 0)?, member(a, 1)?);
            a.set(1, key);
            a.set(2, value);
            Ok(Value::Null)
        }),
    ],
    refused: &[],
};

pub(in crate::types) const CREATOR: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.KeyValuePair",
    kind: Kind::Static,
    bases: &[],
    docs: "Makes pairs.",
    members: &[m(
        "static KeyValuePair<TKey, TValue> Create<TKey, TValue>(TKey key, TValue value)",
        "A pair of a key and a value.",
        |_, a| Ok(pair(a)),
    )],
    refused: &[],
};
