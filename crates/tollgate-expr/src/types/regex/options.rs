//! `RegexOptions`.

use super::super::decl::{Kind, TypeDecl};

pub(in crate::types) const OPTIONS: TypeDecl = TypeDecl {
    name: "System.Text.RegularExpressions.RegexOptions",
    kind: Kind::Flags(&[
        ("None", 0),
        ("IgnoreCase", 1),
        ("Multiline", 2),
        ("ExplicitCapture", 4),
        ("Compiled", 8),
        ("Singleline", 16),
        ("IgnorePatternWhitespace", 32),
        ("RightToLeft", 64),
        ("ECMAScript", 256),
        ("CultureInvariant", 512),
    ]),
    bases: &[],
    docs: "How a pattern is read and matched. `Compiled` changes nothing: every pattern is.",
    members: &[],
    refused: &[],
};
