//! `XNodeDocumentOrderComparer` and `XNodeEqualityComparer`.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m};
use super::{id_at, node};
use crate::Value;
use crate::collections::Key;
use crate::native::Native;

/// A comparer of nodes; all of a kind are alike.
#[derive(Debug)]
struct NodeComparer(TypeId);

impl Native for NodeComparer {
    fn id(&self) -> TypeId {
        self.0
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Enum(self.0, 0))
    }
}

/// `XNode.DocumentOrderComparer`.
pub(super) fn order() -> Value {
    Value::native(NodeComparer(TypeId::XNodeDocumentOrderComparer))
}

/// `XNode.EqualityComparer`.
pub(super) fn equality() -> Value {
    Value::native(NodeComparer(TypeId::XNodeEqualityComparer))
}

pub(in crate::types) const ORDER: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XNodeDocumentOrderComparer",
    kind: Kind::Class,
    bases: &[],
    docs: "Compares the places of nodes in a document.",
    members: &[
        m("new()", "The comparer.", |_, _| Ok(order())),
        m("int Compare(XNode x, XNode y)", "Which node comes first.", |cx, a| {
            Ok(Value::Int(node::order(cx, a, 1)? as i32))
        }),
    ],
    refused: &[],
};

pub(in crate::types) const EQUALITY: TypeDecl = TypeDecl {
    name: "System.Xml.Linq.XNodeEqualityComparer",
    kind: Kind::Class,
    bases: &[],
    docs: "Compares nodes with all they hold.",
    members: &[
        m("new()", "The comparer.", |_, _| Ok(equality())),
        m("bool Equals(XNode x, XNode y)", "Whether two trees are equal.", |cx, a| {
            node::deep_equals(cx, a, 1)
        }),
        m("int GetHashCode(XNode obj)", "A number that is the same for equal trees.", |cx, a| {
            let Some(id) = id_at(a, 1) else { return Ok(Value::Int(0)) };
            // Trees that are equal have the same text and the same number of nodes in them.
            let text = cx.state.xml.text(id, &mut cx.state.budget)?;
            let hash = text
                .encode_utf16()
                .fold(17_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
            cx.step(text.len() as u64 / 16)?;
            Ok(Value::Int(hash))
        }),
    ],
    refused: &[],
};
