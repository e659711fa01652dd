//! `MD5`, `SHA1`, `SHA256`, `SHA384`, `SHA512` and their managed twins.

use super::super::TypeId;
use super::super::decl::{Kind, Member, TypeDecl, m};
use super::create::create;
use super::hash_algorithm::Hasher;
use crate::cryptography::digest::Algorithm;

macro_rules! hash {
    ($decl:ident, $members:ident, $id:ident, $algorithm:ident, $bits:literal, $named:literal) => {
        const $members: &[Member] = &[
            m(concat!("static ", stringify!($id), " Create()"), "A new one.", |cx, _| {
                let class =
                    concat!("System.Security.Cryptography.", stringify!($id), "+Implementation");
                cx.state.add_native(Hasher::plain(TypeId::$id, class, Algorithm::$algorithm))
            }),
            m(
                concat!("static ", stringify!($id), " Create(string ", $named, ")"),
                "A new one of a name; null for an unknown name.",
                |cx, a| create(cx, a, TypeId::$id),
            ),
        ];

        pub(in crate::types) const $decl: TypeDecl = TypeDecl {
            name: concat!("System.Security.Cryptography.", stringify!($id)),
            kind: Kind::Class,
            bases: &["HashAlgorithm"],
            docs: concat!("A hash of ", $bits, " bits."),
            members: $members,
            refused: &[],
        };
    };
}

macro_rules! managed {
    ($decl:ident, $id:ident, $base:literal, $algorithm:ident) => {
        pub(in crate::types) const $decl: TypeDecl = TypeDecl {
            name: concat!("System.Security.Cryptography.", stringify!($id)),
            kind: Kind::Class,
            bases: &[$base],
            docs: concat!("Another name of `", $base, "`."),
            members: &[m("new()", "A new one.", |cx, _| {
                let class = concat!("System.Security.Cryptography.", stringify!($id));
                cx.state.add_native(Hasher::plain(TypeId::$id, class, Algorithm::$algorithm))
            })],
            refused: &[],
        };
    };
}

hash!(MD5, MD5_MEMBERS, MD5, Md5, "128", "algName");
hash!(SHA1, SHA1_MEMBERS, SHA1, Sha1, "160", "hashName");
hash!(SHA256, SHA256_MEMBERS, SHA256, Sha256, "256", "hashName");
hash!(SHA384, SHA384_MEMBERS, SHA384, Sha384, "384", "hashName");
hash!(SHA512, SHA512_MEMBERS, SHA512, Sha512, "512", "hashName");
managed!(SHA1_MANAGED, SHA1Managed, "SHA1", Sha1);
managed!(SHA256_MANAGED, SHA256Managed, "SHA256", Sha256);
managed!(SHA384_MANAGED, SHA384Managed, "SHA384", Sha384);
managed!(SHA512_MANAGED, SHA512Managed, "SHA512", Sha512);
