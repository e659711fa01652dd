//! `System.Numerics.BigInteger`: what Json.NET makes of a whole number that no other type holds. Policies cannot name it.

use std::sync::Arc;

use super::TypeId;
use super::decl::{Kind, TypeDecl};
use crate::collections::Key;
use crate::native::Native;

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Numerics.BigInteger",
    kind: Kind::Struct,
    bases: &[],
    docs: "A whole number of any size.",
    members: &[],
    refused: &[],
};

/// Its decimal digits, with a `-` in front when negative and no leading zeros.
#[derive(Debug)]
pub(crate) struct BigInteger(pub(crate) Arc<str>);

impl Native for BigInteger {
    fn id(&self) -> TypeId {
        TypeId::BigInteger
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Str(self.0.clone()))
    }
}
