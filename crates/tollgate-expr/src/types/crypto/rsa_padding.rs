//! `RSASignaturePadding` and `RSAEncryptionPadding`.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m, p};
use super::hash_name::{name, name_of};
use super::{Run, argument};
use crate::collections::Key;
use crate::eval::Args;
use crate::native::Native;
use crate::{Exception, Value};

/// How signatures are padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    Pkcs1,
    Pss,
}

impl Native for Signature {
    fn id(&self) -> TypeId {
        TypeId::RSASignaturePadding
    }

    fn text(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Enum(TypeId::RSASignaturePaddingMode, *self as i32))
    }

    fn is_interned(&self) -> bool {
        true
    }
}

/// How what is encrypted is padded: by the name of a hash, or as PKCS#1 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Encryption {
    Pkcs1,
    Oaep(String),
}

impl Native for Encryption {
    fn id(&self) -> TypeId {
        TypeId::RSAEncryptionPadding
    }

    fn text(&self) -> Option<String> {
        Some(match self {
            Encryption::Pkcs1 => "Pkcs1".to_owned(),
            Encryption::Oaep(hash) => format!("Oaep{hash}"),
        })
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Many(vec![Key::Str(self.text()?.into())]))
    }

    fn is_interned(&self) -> bool {
        true
    }
}

/// `==` of paddings: by value, null included.
fn equal<T: Native + PartialEq>(a: &Args<'_>) -> bool {
    match (a.get(0).as_native::<T>(), a.get(1).as_native::<T>()) {
        (Some(left), Some(right)) => left == right,
        (None, None) => a.get(0).is_null() && a.get(1).is_null(),
        _ => false,
    }
}

macro_rules! comparisons {
    ($name:literal, $ty:ty) => {
        [
            p(
                concat!("operator bool ==(", $name, " left, ", $name, " right)"),
                "Whether they are the same padding.",
                |_, a| Ok(Value::Bool(equal::<$ty>(a))),
            ),
            p(
                concat!("operator bool !=(", $name, " left, ", $name, " right)"),
                "Whether they are different paddings.",
                |_, a| Ok(Value::Bool(!equal::<$ty>(a))),
            ),
            m(
                concat!("bool Equals(", $name, " other)"),
                "Whether it is the same padding.",
                |_, a| Ok(Value::Bool(equal::<$ty>(a))),
            ),
            m("bool Equals(object obj)", "Whether it is the same padding.", |_, a| {
                Ok(Value::Bool(equal::<$ty>(a)))
            }),
        ]
    };
}

const SIGNATURE_MEMBERS: &[super::super::Member] = &[
    p("static RSASignaturePadding Pkcs1", "PKCS #1, version 1.5.", |_, _| {
        Ok(Value::native(Signature::Pkcs1))
    }),
    p("static RSASignaturePadding Pss", "PSS, with as much salt as the hash is long.", |_, _| {
        Ok(Value::native(Signature::Pss))
    }),
    m("RSASignaturePaddingMode Mode", "Which it is.", |_, a| {
        let mode = a.get(0).as_native::<Signature>().map_or(0, |padding| *padding as i32);
        Ok(Value::Enum(TypeId::RSASignaturePaddingMode, mode))
    }),
];
const SIGNATURE_EQUALITY: &[super::super::Member] = &comparisons!("RSASignaturePadding", Signature);

pub(in crate::types) const SIGNATURE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RSASignaturePadding",
    kind: Kind::Class,
    bases: &[],
    docs: "How RSA signatures are padded.",
    members: &super::super::decl::joined::<{ SIGNATURE_MEMBERS.len() + SIGNATURE_EQUALITY.len() }>(
        SIGNATURE_MEMBERS,
        SIGNATURE_EQUALITY,
    ),
    refused: &[],
};

pub(in crate::types) const SIGNATURE_MODE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RSASignaturePaddingMode",
    kind: Kind::Enum(&[("Pkcs1", 0), ("Pss", 1)]),
    bases: &[],
    docs: "Which padding of signatures.",
    members: &[],
    refused: &[],
};

#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn oaep(hash: &str) -> Run {
    Ok(Value::native(Encryption::Oaep(hash.to_owned())))
}

/// The text of a name of a hash that must not be empty.
pub(super) fn hash_of(value: &Value) -> Result<&str, Exception> {
    match name_of(value) {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(argument(
            "The hash algorithm name cannot be null or empty. (Parameter 'hashAlgorithm')",
        )),
    }
}

const ENCRYPTION_MEMBERS: &[super::super::Member] = &[
    p("static RSAEncryptionPadding Pkcs1", "PKCS #1, version 1.5.", |_, _| {
        Ok(Value::native(Encryption::Pkcs1))
    }),
    p("static RSAEncryptionPadding OaepSHA1", "OAEP with SHA-1.", |_, _| oaep("SHA1")),
    p("static RSAEncryptionPadding OaepSHA256", "OAEP with SHA-256.", |_, _| oaep("SHA256")),
    p("static RSAEncryptionPadding OaepSHA384", "OAEP with SHA-384.", |_, _| oaep("SHA384")),
    p("static RSAEncryptionPadding OaepSHA512", "OAEP with SHA-512.", |_, _| oaep("SHA512")),
    m(
        "static RSAEncryptionPadding CreateOaep(HashAlgorithmName hashAlgorithm)",
        "OAEP with a hash.",
        |_, a| oaep(hash_of(a.get(0))?),
    ),
    m("RSAEncryptionPaddingMode Mode", "Which it is.", |_, a| {
        let pkcs1 = matches!(a.get(0).as_native(), Some(Encryption::Pkcs1));
        Ok(Value::Enum(TypeId::RSAEncryptionPaddingMode, i32::from(!pkcs1)))
    }),
    m("HashAlgorithmName OaepHashAlgorithm", "The hash of OAEP.", |_, a| {
        Ok(match a.get(0).as_native() {
            Some(Encryption::Oaep(hash)) => name(Some(hash)),
            _ => name(None),
        })
    }),
];
const ENCRYPTION_EQUALITY: &[super::super::Member] =
    &comparisons!("RSAEncryptionPadding", Encryption);

pub(in crate::types) const ENCRYPTION: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RSAEncryptionPadding",
    kind: Kind::Class,
    bases: &[],
    docs: "How what RSA encrypts is padded.",
    members: &super::super::decl::joined::<{ ENCRYPTION_MEMBERS.len() + ENCRYPTION_EQUALITY.len() }>(
        ENCRYPTION_MEMBERS,
        ENCRYPTION_EQUALITY,
    ),
    refused: &[],
};

pub(in crate::types) const ENCRYPTION_MODE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RSAEncryptionPaddingMode",
    kind: Kind::Enum(&[("Pkcs1", 0), ("Oaep", 1)]),
    bases: &[],
    docs: "Which padding of what is encrypted.",
    members: &[],
    refused: &[],
};
