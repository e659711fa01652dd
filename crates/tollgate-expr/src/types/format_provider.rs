//! `System.IFormatProvider`.

use super::decl::{Kind, TypeDecl};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.IFormatProvider",
    kind: Kind::Interface,
    bases: &[],
    docs: "A culture. Policies can only pass null, as the allow-list has no type that gives one: the culture is the invariant one.",
    members: &[],
    refused: &[],
};
