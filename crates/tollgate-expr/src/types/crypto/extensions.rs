//! `Encrypt` and `Decrypt`, which Azure adds to byte arrays.

use super::super::decl::{Kind, TypeDecl, m};
use super::{Run, argument, create, symmetric, transform};
use crate::Value;
use crate::cryptography::cipher::Direction;
use crate::eval::{Args, Cx};

/// With the algorithm's name, a key and an initialisation vector.
fn named(cx: &mut Cx<'_>, a: &Args<'_>, way: Direction) -> Run {
    let data = a.bytes(cx, 0, "input")?;
    let name = a.str(1, "alg")?;
    let cipher = create::cipher(&name)?;
    let cipher = cipher.ok_or_else(|| argument("Unknown algorithm. (Parameter 'alg')"))?;
    let key = a.bytes(cx, 2, "key")?;
    let iv = match a.get(3) {
        Value::Null => None,
        _ => Some(a.bytes(cx, 3, "iv")?),
    };
    let transform = cipher.transform(way, &key, iv.as_deref())?;
    transform::whole(cx, transform, data)
}

/// With an algorithm that has a key.
fn own(cx: &mut Cx<'_>, a: &Args<'_>, way: Direction) -> Run {
    let data = a.bytes(cx, 0, "input")?;
    let mut cipher = [a.some(1, "alg")?];
    let args = Args::new(&mut cipher, &[]);
    let (key, iv) = (symmetric::key(cx, &args)?, symmetric::iv(cx, &args)?);
    let transform = symmetric::this(cx, &args)?.transform(way, &key, Some(&iv))?;
    transform::whole(cx, transform, data)
}

/// With an algorithm, a key and an initialisation vector.
fn given(cx: &mut Cx<'_>, a: &Args<'_>, way: Direction) -> Run {
    let data = a.bytes(cx, 0, "input")?;
    a.some(1, "alg")?;
    let transform = symmetric::with_key(cx, a, 1, way, ["key", "iv"])?;
    transform::whole(cx, transform, data)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "CryptographyExtensions",
    kind: Kind::Static,
    bases: &[],
    docs: "Encryption of byte arrays.",
    members: &[
        m(
            "static byte[] Encrypt(this byte[] input, string alg, byte[] key, byte[] iv)",
            "Encrypts with the algorithm of a name, such as `Aes` (CBC, PKCS#7).",
            |cx, a| named(cx, a, Direction::Encrypt),
        ),
        m(
            "static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg)",
            "Encrypts with an algorithm and its key.",
            |cx, a| own(cx, a, Direction::Encrypt),
        ),
        m(
            "static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)",
            "Encrypts with an algorithm and a key.",
            |cx, a| given(cx, a, Direction::Encrypt),
        ),
        m(
            "static byte[] Decrypt(this byte[] input, string alg, byte[] key, byte[] iv)",
            "Decrypts with the algorithm of a name, such as `Aes` (CBC, PKCS#7).",
            |cx, a| named(cx, a, Direction::Decrypt),
        ),
        m(
            "static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg)",
            "Decrypts with an algorithm and its key.",
            |cx, a| own(cx, a, Direction::Decrypt),
        ),
        m(
            "static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)",
            "Decrypts with an algorithm and a key.",
            |cx, a| given(cx, a, Direction::Decrypt),
        ),
    ],
    refused: &[],
};
