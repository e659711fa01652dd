//! `XNodeDocumentOrderComparer` and `XNodeEqualityComparer`.

use super::super::TypeId;
use super::super::collections::comparers::hash_of;
use super::super::decl::{Kind, TypeDecl, m};
use super::node;
use crate::Value;
use crate::collections::Comparer;

/// `XNode.DocumentOrderComparer`.
pub(super) fn order() -> Value {
    Value::Enum(TypeId::XNodeDocumentOrderComparer, 0)
}

/// `XNode.EqualityComparer`.
pub(super) fn equality() -> Value {
    Value::Enum(TypeId::XNodeEqualityComparer, 0)
}

pub(in crate::types) const ORDER: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XNodeDocumentOrderComparer",
    kind: Kind::Class,
    bases: &["IComparer<XNode>"],
    docs: "Compares the places of nodes in a document.",
    members: &[
        m("new()", "The comparer.", |cx, _| {
            Ok(Value::Enum(TypeId::XNodeDocumentOrderComparer, cx.state.identity()?))
        }),
        m("int Compare(XNode x, XNode y)", "Which node comes first.", |cx, a| {
            Ok(Value::Int(node::order(cx, a, 1)? as i32))
        }),
    ],
    refused: &[],
};

pub(in crate::types) const EQUALITY: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XNodeEqualityComparer",
    kind: Kind::Class,
    bases: &["IEqualityComparer<XNode>"],
    docs: "Compares nodes with all they hold.",
    members: &[
        m("new()", "The comparer.", |cx, _| {
            Ok(Value::Enum(TypeId::XNodeEqualityComparer, cx.state.identity()?))
        }),
        m("bool Equals(XNode x, XNode y)", "Whether two trees are equal.", |cx, a| {
            node::deep_equals(cx, a, 1)
        }),
        m("int GetHashCode(XNode obj)", "A number that is the same for equal trees.", |cx, a| {
            if a.get(1).is_null() {
                return Ok(Value::Int(0));
            }
            let key = cx.key(a.get(1), Comparer::Deep)?;
            Ok(Value::Int(hash_of(&key)))
        }),
    ],
    refused: &[],
};
