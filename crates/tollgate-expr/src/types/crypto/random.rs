//! `RandomNumberGenerator` and `RNGCryptoServiceProvider`.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m, not_allowed, refused};
use super::{OFF_END, Run, argument, array, out_of_range, work, write_into};
use crate::Value;
use crate::eval::{Args, Cx};
use crate::native::Native;

/// A generator: it has no state of its own.
#[derive(Debug)]
struct Generator;

impl Native for Generator {
    fn id(&self) -> TypeId {
        TypeId::RNGCryptoServiceProvider
    }
}

/// Fills a slice from the host's randomness.
pub(super) fn fill(cx: &mut Cx<'_>, target: &mut [u8]) -> Result<(), crate::Exception> {
    if cx.host.fill_random(target) {
        return Ok(());
    }
    // Bytes that could be foreseen are worse than none.
    Err(super::cryptographic("There is no randomness."))
}

fn get_bytes(cx: &mut Cx<'_>, a: &Args<'_>, offset: i32, count: i32) -> Run {
    let mut data = vec![0; usize::try_from(count).unwrap_or_default()];
    cx.step(data.len() as u64 / 8 + 1)?;
    fill(cx, &mut data)?;
    write_into(cx, a.get(1), offset, &data)?;
    Ok(Value::Null)
}

fn length(a: &Args<'_>) -> Result<i32, crate::Exception> {
    Ok(i32::try_from(array(a, 1, "data")?.len()).unwrap_or(i32::MAX))
}

fn get_part(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let length = length(a)?;
    let (offset, count) = (a.int(2), a.int(3));
    for (value, name) in [(offset, "offset"), (count, "count")] {
        if value < 0 {
            return Err(out_of_range("Non-negative number required.", name));
        }
    }
    if offset > length || count > length - offset {
        return Err(argument(OFF_END));
    }
    get_bytes(cx, a, offset, count)
}

fn get_non_zero(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let length = array(a, 1, "data")?.len();
    work(cx, length * 8)?;
    let mut data = vec![0; length];
    fill(cx, &mut data)?;
    for byte in data.iter_mut().filter(|byte| **byte == 0) {
        // Eight random bytes hold one that is not 0 but once in 2^64; then it is 1.
        let mut drawn = [0u8; 8];
        fill(cx, &mut drawn)?;
        *byte = drawn.into_iter().find(|byte| *byte != 0).unwrap_or(1);
    }
    write_into(cx, a.get(1), 0, &data)?;
    Ok(Value::Null)
}

pub(in crate::types) const GENERATOR: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RandomNumberGenerator",
    kind: Kind::Class,
    bases: &["IDisposable"],
    docs: "The base of `RNGCryptoServiceProvider`.",
    members: &[
        m("void GetBytes(byte[] data)", "Fills bytes at random.", |cx, a| {
            let length = length(a)?;
            get_bytes(cx, a, 0, length)
        }),
        m(
            "void GetBytes(byte[] data, int offset, int count)",
            "Fills a part of bytes at random.",
            |cx, a| get_part(cx, a),
        ),
        m(
            "void GetNonZeroBytes(byte[] data)",
            "Fills bytes at random, none of them 0.",
            |cx, a| get_non_zero(cx, a),
        ),
        m("void Dispose()", "Gives it back.", |_, _| Ok(Value::Null)),
    ],
    refused: &[
        not_allowed("Create", "Azure lists only `RNGCryptoServiceProvider`"),
        not_allowed("Fill", "Azure lists only `RNGCryptoServiceProvider`"),
        not_allowed("GetInt32", "Azure lists only `RNGCryptoServiceProvider`"),
    ],
};

fn new(cx: &mut Cx<'_>) -> Run {
    cx.charge(1)?;
    Ok(Value::native(Generator))
}

pub(in crate::types) const PROVIDER: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RNGCryptoServiceProvider",
    kind: Kind::Class,
    bases: &["RandomNumberGenerator"],
    docs: "Random bytes that nobody can foresee.",
    members: &[
        m("new()", "A generator.", |cx, _| new(cx)),
        m("new(string str)", "A generator; the text is not used.", |cx, _| new(cx)),
        m("new(byte[] rgb)", "A generator; the bytes are not used.", |cx, _| new(cx)),
    ],
    refused: &[refused("new(CspParameters cspParams)", "there are no key containers")],
};
