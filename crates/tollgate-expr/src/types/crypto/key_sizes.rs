//! `KeySizes`: not in Azure's list by name, and what the allowed `LegalKeySizes` gives.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m};
use crate::eval::Args;
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, Value};

/// The sizes from `min` to `max` in steps of `skip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) skip: i32,
}

impl Sizes {
    /// Whether a size is one of them.
    pub(super) fn has(self, size: i32) -> bool {
        (self.min..=self.max).contains(&size)
            && (size == self.min || (self.skip > 0 && (size - self.min) % self.skip == 0))
    }
}

impl Native for Sizes {
    fn id(&self) -> TypeId {
        TypeId::KeySizes
    }
}

fn of(a: &Args<'_>, take: impl FnOnce(&Sizes) -> i32) -> Result<Value, Exception> {
    a.get(0).as_native::<Sizes>().map(|sizes| Value::Int(take(sizes))).ok_or_else(confusion)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.KeySizes",
    kind: Kind::Class,
    bases: &[],
    docs: "Sizes that are legal, in bits.",
    members: &[
        m("int MinSize", "The smallest.", |_, a| of(a, |sizes| sizes.min)),
        m("int MaxSize", "The largest.", |_, a| of(a, |sizes| sizes.max)),
        m("int SkipSize", "From one to the next.", |_, a| of(a, |sizes| sizes.skip)),
    ],
    refused: &[],
};
