//! `KeyedHashAlgorithm`, `HMAC` and the HMACs of each hash.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m, rw};
use super::create::create;
use super::hash_algorithm::{Hasher, no_default, this};
use super::{Run, bytes, platform};
use crate::cryptography::digest::Algorithm;
use crate::eval::{Args, Cx, null_argument};
use crate::{Exception, Value};

fn key(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    match this(cx, a)?.key.clone() {
        Some(key) => bytes(cx, &key),
        None => Ok(Value::Null),
    }
}

/// A key among the arguments; .NET does not check for null.
fn given(cx: &Cx<'_>, a: &Args<'_>, index: usize) -> Result<Vec<u8>, Exception> {
    if a.get(index).is_null() {
        return Err(Exception::null_reference());
    }
    a.bytes(cx, index, "key")
}

fn set_key(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let key = given(cx, a, 1)?;
    cx.charge(key.len())?;
    this(cx, a)?.set_key(&key);
    Ok(a.value(1))
}

fn keyed(cx: &mut Cx<'_>, a: &Args<'_>, id: TypeId, algorithm: Algorithm) -> Run {
    let key = given(cx, a, 0)?;
    super::work(cx, key.len())?;
    cx.charge(key.len())?;
    cx.state.add_native(Hasher::keyed(id, algorithm, &key))
}

/// With a key of a whole block of random bytes.
pub(super) fn random_key(cx: &mut Cx<'_>, id: TypeId, algorithm: Algorithm) -> Run {
    let mut key = vec![0; algorithm.block_len()];
    super::random::fill(cx, &mut key)?;
    cx.state.add_native(Hasher::keyed(id, algorithm, &key))
}

pub(in crate::types) const KEYED: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.KeyedHashAlgorithm",
    kind: Kind::Class,
    bases: &["HashAlgorithm"],
    docs: "A hash function with a key.",
    members: &[
        m("static KeyedHashAlgorithm Create()", "Throws: there is no default.", |_, _| {
            Err(no_default())
        }),
        m(
            "static KeyedHashAlgorithm Create(string algName)",
            "The keyed hash of a name, such as `HMACSHA256`; null for an unknown one.",
            |cx, a| create(cx, a, TypeId::KeyedHashAlgorithm),
        ),
        rw(
            "byte[] Key",
            "The key, or its hash when it is longer than a block.",
            |cx, a| key(cx, a),
            set_key,
        ),
    ],
    refused: &[],
};

fn set_name(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let name = a.opt_str(1).ok_or_else(|| null_argument("HashName"))?;
    if name == this(cx, a)?.algorithm.name() {
        return Ok(a.value(1));
    }
    Err(platform(
        "Setting the hashname after it's already been set is not supported on this platform.",
    ))
}

pub(in crate::types) const HMAC: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.HMAC",
    kind: Kind::Class,
    bases: &["KeyedHashAlgorithm"],
    docs: "A keyed hash as RFC 2104 makes it of a hash.",
    members: &[
        m("static HMAC Create()", "Throws: there is no default.", |_, _| Err(no_default())),
        m(
            "static HMAC Create(string algorithmName)",
            "The HMAC of a name, such as `HMACSHA256`; null for an unknown one.",
            |cx, a| create(cx, a, TypeId::Hmac),
        ),
        rw(
            "string HashName",
            "The name of the hash; it cannot be set.",
            |cx, a| Ok(Value::from(this(cx, a)?.algorithm.name())),
            set_name,
        ),
    ],
    refused: &[],
};

macro_rules! hmac {
    ($decl:ident, $id:ident, $algorithm:ident, $hash:literal) => {
        hmac!($decl, $id, $algorithm, $hash, []);
    };
    ($decl:ident, $id:ident, $algorithm:ident, $hash:literal, [$($more:expr),*]) => {
        pub(in crate::types) const $decl: TypeDecl = TypeDecl {
            name: concat!("System.Security.Cryptography.", stringify!($id)),
            kind: Kind::Class,
            bases: &["HMAC"],
            docs: concat!("The HMAC of ", $hash, "."),
            members: &[
                m("new()", "With a random key.", |cx, _| {
                    random_key(cx, TypeId::$id, Algorithm::$algorithm)
                }),
                m("new(byte[] key)", "With a key.", |cx, a| {
                    keyed(cx, a, TypeId::$id, Algorithm::$algorithm)
                }),
                $($more,)*
            ],
            refused: &[],
        };
    };
}

/// Values of a .NET that had the block size wrong; they can only be switched off.
const LEGACY: super::super::Member = rw(
    "bool ProduceLegacyHmacValues",
    "False; true is not supported, as in .NET Core.",
    |_, _| Ok(Value::Bool(false)),
    |_, a| {
        if a.bool(1) {
            return Err(platform("Operation is not supported on this platform."));
        }
        Ok(a.value(1))
    },
);

hmac!(HMAC_MD5, HMACMD5, Md5, "MD5");
hmac!(
    HMAC_SHA1,
    HMACSHA1,
    Sha1,
    "SHA-1",
    [m("new(byte[] key, bool useManagedSha1)", "With a key.", |cx, a| {
        keyed(cx, a, TypeId::HMACSHA1, Algorithm::Sha1)
    })]
);
hmac!(HMAC_SHA256, HMACSHA256, Sha256, "SHA-256");
hmac!(HMAC_SHA384, HMACSHA384, Sha384, "SHA-384", [LEGACY]);
hmac!(HMAC_SHA512, HMACSHA512, Sha512, "SHA-512", [LEGACY]);
