//! `HashAlgorithm`, and the objects of all types that derive from it.

use super::super::decl::{Kind, TypeDecl, m, refused};
use super::super::{TypeId, info};
use super::{
    OFF_END, Run, argument, array, bytes, create, disposed, out_of_range, part, platform, work,
    write_into,
};
use crate::cryptography::digest::{Algorithm, Running};
use crate::eval::{Args, Cx};
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

/// A hash object.
pub(super) struct Hasher {
    id: TypeId,
    /// The class behind it: what `ToString()` gives.
    class: &'static str,
    pub(super) algorithm: Algorithm,
    /// The key of a keyed hash.
    pub(super) key: Option<Vec<u8>>,
    running: Running,
    /// What the last computation gave.
    value: Option<Vec<u8>>,
    /// Blocks were given and the last one was not.
    open: bool,
    disposed: bool,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key is secret, and what was hashed may be.
        f.debug_struct("Hasher").field("class", &self.class).finish_non_exhaustive()
    }
}

impl Native for Hasher {
    fn id(&self) -> TypeId {
        self.id
    }

    fn text(&self) -> Option<String> {
        Some(self.class.to_owned())
    }
}

impl Hasher {
    /// A hash.
    pub(super) fn plain(id: TypeId, class: &'static str, algorithm: Algorithm) -> Hasher {
        Hasher {
            id,
            class,
            algorithm,
            key: None,
            running: Running::new(algorithm),
            value: None,
            open: false,
            disposed: false,
        }
    }

    /// A keyed hash. .NET keeps the hash of a key that is longer than a block.
    pub(super) fn keyed(id: TypeId, algorithm: Algorithm, key: &[u8]) -> Hasher {
        let mut hasher = Hasher::plain(id, info(id).full, algorithm);
        hasher.set_key(key);
        hasher
    }

    pub(super) fn set_key(&mut self, key: &[u8]) {
        let long = key.len() > self.algorithm.block_len();
        let key = if long { self.algorithm.hash(key) } else { key.to_vec() };
        self.running = Running::keyed(self.algorithm, &key);
        self.key = Some(key);
    }

    fn fresh(&self) -> Running {
        match &self.key {
            Some(key) => Running::keyed(self.algorithm, key),
            None => Running::new(self.algorithm),
        }
    }

    fn finish(&mut self) -> Vec<u8> {
        let fresh = self.fresh();
        let value = std::mem::replace(&mut self.running, fresh).finish();
        self.value = Some(value.clone());
        value
    }
}

/// The hash object among the arguments.
pub(super) fn this<'a>(cx: &'a mut Cx<'_>, a: &Args<'_>) -> Result<&'a mut Hasher, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

/// The hash object, unless it was disposed.
fn alive<'a>(cx: &'a mut Cx<'_>, a: &Args<'_>) -> Result<&'a mut Hasher, Exception> {
    let hasher = this(cx, a)?;
    if hasher.disposed { Err(disposed()) } else { Ok(hasher) }
}

/// The bytes `(array, offset, count)` of the arguments 1 to 3.
fn range(cx: &Cx<'_>, a: &Args<'_>, array: &str, offset: &str) -> Result<Vec<u8>, Exception> {
    let data = a.bytes(cx, 1, array)?;
    let (from, count) = (a.int(2), a.int(3));
    if from < 0 {
        return Err(out_of_range("Non-negative number required.", offset));
    }
    if usize::try_from(count).is_ok_and(|count| count <= data.len()) {
        return part(&data, from, count).map(<[u8]>::to_vec).ok_or_else(|| argument(OFF_END));
    }
    Err(argument("Value was invalid."))
}

fn compute(cx: &mut Cx<'_>, a: &Args<'_>, data: &[u8]) -> Run {
    work(cx, data.len())?;
    let hasher = alive(cx, a)?;
    hasher.running.update(data);
    let value = hasher.finish();
    bytes(cx, &value)
}

pub(super) fn transform_block(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let data = range(cx, a, "inputBuffer", "inputOffset")?;
    work(cx, data.len())?;
    let hasher = alive(cx, a)?;
    hasher.open = true;
    hasher.running.update(&data);
    if !a.get(4).is_null() {
        let (target, offset) = (a.value(4), a.int(5));
        if offset < 0 {
            return Err(out_of_range("Non-negative number required.", "dstOffset"));
        }
        let room = array(a, 4, "outputBuffer")?.len();
        if usize::try_from(offset).is_ok_and(|offset| offset + data.len() > room) {
            return Err(argument(OFF_END));
        }
        write_into(cx, &target, offset, &data)?;
    }
    Ok(a.value(3))
}

pub(super) fn transform_final(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let data = range(cx, a, "inputBuffer", "inputOffset")?;
    work(cx, data.len())?;
    let hasher = alive(cx, a)?;
    hasher.running.update(&data);
    hasher.finish();
    hasher.open = false;
    bytes(cx, &data)
}

fn value(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let hasher = alive(cx, a)?;
    if hasher.open {
        let message = "Hash must be finalized before the hash value is retrieved.";
        return Err(Exception::new(ExceptionKind::CryptographicUnexpectedOperation, message));
    }
    match hasher.value.clone() {
        Some(value) => bytes(cx, &value),
        None => Ok(Value::Null),
    }
}

pub(super) fn dispose(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let hasher = this(cx, a)?;
    hasher.disposed = true;
    hasher.value = None;
    hasher.running = Running::new(hasher.algorithm);
    if let Some(key) = &mut hasher.key {
        key.fill(0);
    }
    hasher.key = None;
    Ok(Value::Null)
}

/// What a parameterless `Create()` of an abstract class throws.
pub(super) fn no_default() -> Exception {
    platform("This platform does not allow the automatic selection of an algorithm.")
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.HashAlgorithm",
    kind: Kind::Class,
    bases: &["ICryptoTransform"],
    docs: "A hash function.",
    members: &[
        m("static HashAlgorithm Create()", "Throws: there is no default algorithm.", |_, _| {
            Err(no_default())
        }),
        m(
            "static HashAlgorithm Create(string hashName)",
            "The hash function of a name, such as `SHA256`; null for an unknown one.",
            |cx, a| create::create(cx, a, TypeId::HashAlgorithm),
        ),
        m("byte[] ComputeHash(byte[] buffer)", "The hash of bytes.", |cx, a| {
            let data = a.bytes(cx, 1, "buffer")?;
            compute(cx, a, &data)
        }),
        m(
            "byte[] ComputeHash(byte[] buffer, int offset, int count)",
            "The hash of a part of bytes.",
            |cx, a| {
                let data = range(cx, a, "buffer", "offset")?;
                compute(cx, a, &data)
            },
        ),
        m(
            "int TransformBlock(byte[] inputBuffer, int inputOffset, int inputCount, byte[] outputBuffer, int outputOffset)",
            "Adds bytes to what is hashed, and copies them.",
            |cx, a| transform_block(cx, a),
        ),
        m(
            "byte[] TransformFinalBlock(byte[] inputBuffer, int inputOffset, int inputCount)",
            "Adds the last bytes to what is hashed, and gives a copy of them; `Hash` is the hash.",
            |cx, a| transform_final(cx, a),
        ),
        m("byte[] Hash", "The last hash that was computed, or null.", |cx, a| value(cx, a)),
        m("int HashSize", "The size of a hash in bits.", |cx, a| {
            let bits = this(cx, a)?.algorithm.len() * 8;
            Ok(Value::Int(i32::try_from(bits).unwrap_or_default()))
        }),
        // In .NET Core 3.1 it keeps what was added: it expects the end of a computation to have come before it.
        m("void Initialize()", "Does nothing: the end of a computation is a beginning.", |_, _| {
            Ok(Value::Null)
        }),
        m("int InputBlockSize", "1: any number of bytes can be added.", |_, _| Ok(Value::Int(1))),
        m("int OutputBlockSize", "1.", |_, _| Ok(Value::Int(1))),
        m("bool CanTransformMultipleBlocks", "True.", |_, _| Ok(Value::Bool(true))),
        m("bool CanReuseTransform", "True.", |_, _| Ok(Value::Bool(true))),
        m("void Clear()", "Gives it back: it cannot be used any more.", |cx, a| dispose(cx, a)),
        m("void Dispose()", "Gives it back: it cannot be used any more.", |cx, a| dispose(cx, a)),
    ],
    refused: &[
        refused("byte[] ComputeHash(Stream inputStream)", "policies have no streams"),
        refused("TryComputeHash", "policies have no spans"),
    ],
};
