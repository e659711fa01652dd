//! `RandomNumberGenerator` and `RNGCryptoServiceProvider`.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m, not_allowed, refused};
use super::{OFF_END, Run, argument, array, out_of_range, work, write_into};
use crate::Value;
use crate::eval::{Args, Cx};
use crate::native::Native;

/// A generator: it has no state of its own, but a class behind it.
#[derive(Debug)]
struct Generator(&'static str);

impl Native for Generator {
    fn id(&self) -> TypeId {
        TypeId::RNGCryptoServiceProvider
    }

    fn text(&self) -> Option<String> {
        Some(format!("System.Security.Cryptography.{}", self.0))
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
        m("static RandomNumberGenerator Create()", "A generator.", |cx, _| {
            new(cx, "RandomNumberGeneratorImplementation")
        }),
        m(
            "static RandomNumberGenerator Create(string rngName)",
            "The generator of a name; null for an unknown one.",
            |cx, a| {
                let name = a.str(0, "name")?;
                let known =
                    ["RandomNumberGenerator", "System.Security.Cryptography.RandomNumberGenerator"];
                if known.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                    new(cx, "RNGCryptoServiceProvider")
                } else {
                    Ok(Value::Null)
                }
            },
        ),
        m("static int GetInt32(int toExclusive)", "From 0 to below a number.", |cx, a| {
            if a.int(0) <= 0 {
                return Err(out_of_range("Positive number required.", "toExclusive"));
            }
            get_int(cx, 0, a.int(0))
        }),
        m(
            "static int GetInt32(int fromInclusive, int toExclusive)",
            "From a number to below another.",
            |cx, a| {
                if a.int(0) >= a.int(1) {
                    return Err(argument(
                        "Range of random number does not contain at least one possibility.",
                    ));
                }
                get_int(cx, a.int(0), a.int(1))
            },
        ),
    ],
    refused: &[not_allowed("Fill", "policies have no spans")],
};

/// A whole number from a range, all equally likely.
fn get_int(cx: &mut Cx<'_>, least: i32, most: i32) -> Run {
    let range = u64::from(most.abs_diff(least));
    let limit = u64::MAX - u64::MAX % range.max(1);
    // Numbers past the last multiple of the range would favour some; a draw is past it less than once in 2^31.
    let mut drawn = u64::MAX;
    for _ in 0..16 {
        let mut bits = [0u8; 8];
        fill(cx, &mut bits)?;
        drawn = u64::from_le_bytes(bits);
        if drawn < limit {
            break;
        }
    }
    let offset = i64::try_from(drawn % range.max(1)).unwrap_or_default();
    Ok(Value::Int(i32::try_from(i64::from(least) + offset).unwrap_or_default()))
}

fn new(cx: &mut Cx<'_>, class: &'static str) -> Run {
    cx.charge(1)?;
    Ok(Value::native(Generator(class)))
}

pub(in crate::types) const PROVIDER: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.RNGCryptoServiceProvider",
    kind: Kind::Class,
    bases: &["RandomNumberGenerator"],
    docs: "Random bytes that nobody can foresee.",
    members: &[
        m("new()", "A generator.", |cx, _| new(cx, "RNGCryptoServiceProvider")),
        m("new(string str)", "A generator; the text is not used.", |cx, _| {
            new(cx, "RNGCryptoServiceProvider")
        }),
        m("new(byte[] rgb)", "A generator; the bytes are not used.", |cx, _| {
            new(cx, "RNGCryptoServiceProvider")
        }),
    ],
    refused: &[refused("new(CspParameters cspParams)", "there are no key containers")],
};
