//! `ICryptoTransform`: not in Azure's list by name, and what the allowed `CreateEncryptor` gives.

use super::super::TypeId;
use super::super::decl::{Kind, TypeDecl, m};
use super::{Run, array, bytes, cryptographic, hash_algorithm, out_of_range, part, write_into};
use crate::cryptography::cipher::{Cipher, Direction, Padding, pad, unpad};
use crate::eval::{Args, Cx};
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

/// An encryption or decryption that is going on.
#[derive(Debug)]
pub(super) struct Transform {
    pub(super) cipher: Cipher,
    pub(super) way: Direction,
    pub(super) padding: Padding,
    pub(super) iv: Vec<u8>,
    /// The last block of what was decrypted so far: it may hold the padding.
    held: Vec<u8>,
    disposed: bool,
}

impl Native for Transform {
    fn id(&self) -> TypeId {
        TypeId::ICryptoTransform
    }

    fn text(&self) -> Option<String> {
        Some(match self.way {
            Direction::Encrypt => "Internal.Cryptography.UniversalCryptoEncryptor".to_owned(),
            Direction::Decrypt => "Internal.Cryptography.UniversalCryptoDecryptor".to_owned(),
        })
    }
}

const OUTSIDE: &str = "Specified argument was out of the range of valid values.";
const BEYOND: &str = "Attempt to transform beyond end of buffer.";

impl Transform {
    pub(super) fn new(cipher: Cipher, way: Direction, padding: Padding, iv: Vec<u8>) -> Transform {
        Transform { cipher, way, padding, iv, held: Vec::new(), disposed: false }
    }

    fn block_len(&self) -> usize {
        self.cipher.family.block_len()
    }

    /// Whole blocks in the middle.
    fn blocks(&mut self, mut data: Vec<u8>) -> Result<Vec<u8>, Exception> {
        let padded = !matches!(self.padding, Padding::None | Padding::Zeros);
        if self.way == Direction::Decrypt && padded {
            let mut all = std::mem::take(&mut self.held);
            all.append(&mut data);
            let keep = all.len().saturating_sub(self.block_len());
            self.held = all.split_off(keep);
            data = all;
        }
        self.run(&mut data)?;
        Ok(data)
    }

    /// The rest, and the padding.
    pub(super) fn last(
        &mut self,
        mut data: Vec<u8>,
        random: impl FnMut() -> u8,
    ) -> Result<Vec<u8>, Exception> {
        const PARTIAL: &str = "The input data is not a complete block.";
        let size = self.block_len();
        match self.way {
            Direction::Encrypt => {
                pad(&mut data, size, self.padding, random).ok_or_else(|| cryptographic(PARTIAL))?;
                self.run(&mut data)?;
            }
            Direction::Decrypt => {
                let mut all = std::mem::take(&mut self.held);
                all.append(&mut data);
                data = all;
                if !data.len().is_multiple_of(size) {
                    return Err(cryptographic(PARTIAL));
                }
                self.run(&mut data)?;
                unpad(&mut data, size, self.padding)
                    .ok_or_else(|| cryptographic("Padding is invalid and cannot be removed."))?;
            }
        }
        self.cipher.restart(&self.iv);
        Ok(data)
    }

    fn run(&mut self, data: &mut [u8]) -> Result<(), Exception> {
        if self.disposed {
            return Err(no_handle());
        }
        let run = self.cipher.run(self.way, data);
        run.map_err(|_| cryptographic("The key or the data do not fit the algorithm."))
    }
}

/// What .NET Core throws when a disposed transform is used.
#[cold]
fn no_handle() -> Exception {
    let message = "SafeHandle cannot be null. (Parameter 'pHandle')";
    Exception::new(ExceptionKind::ArgumentNull, message)
}

fn this<'a>(cx: &'a mut Cx<'_>, a: &Args<'_>) -> Result<&'a mut Transform, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

/// What a block of a cipher costs more than one of a hash.
fn work(cx: &mut Cx<'_>, n_bytes: usize) -> Result<(), Exception> {
    cx.step((n_bytes / 16) as u64 + 1)
}

fn transform_block(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let input = a.bytes(cx, 1, "inputBuffer")?;
    let (offset, count) = (a.int(2), a.int(3));
    let size = this(cx, a)?.block_len();
    let from = usize::try_from(offset).ok().filter(|offset| *offset <= input.len());
    let from = from.ok_or_else(|| out_of_range(OUTSIDE, "inputOffset"))?;
    let n = usize::try_from(count).ok().filter(|count| *count > 0);
    let n = n.ok_or_else(|| out_of_range(OUTSIDE, "inputCount"))?;
    if n % size != 0 {
        let message = "TransformBlock may only process bytes in block sized increments.";
        return Err(out_of_range(message, "inputCount"));
    }
    if n > input.len() - from {
        return Err(out_of_range(BEYOND, "inputCount"));
    }
    let room = array(a, 4, "outputBuffer")?.len();
    let Ok(to) = usize::try_from(a.int(5)) else {
        return Err(Exception::new(ExceptionKind::ArgumentOutOfRange, OUTSIDE));
    };
    if to > room {
        return Err(out_of_range(OUTSIDE, "outputOffset"));
    }
    if n > room - to {
        return Err(out_of_range(BEYOND, "outputOffset"));
    }
    work(cx, n)?;
    let data = part(&input, offset, count).map(<[u8]>::to_vec).ok_or_else(confusion)?;
    let out = this(cx, a)?.blocks(data)?;
    let (target, written) = (a.value(4), i32::try_from(out.len()).unwrap_or_default());
    write_into(cx, &target, a.int(5), &out)?;
    Ok(Value::Int(written))
}

fn transform_final(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let input = a.bytes(cx, 1, "inputBuffer")?;
    let (offset, count) = (a.int(2), a.int(3));
    let from = usize::try_from(offset).map_err(|_| out_of_range(OUTSIDE, "inputOffset"))?;
    let n = usize::try_from(count).map_err(|_| out_of_range(OUTSIDE, "inputCount"))?;
    if from > input.len() {
        return Err(out_of_range(OUTSIDE, "inputOffset"));
    }
    if n > input.len() - from {
        return Err(out_of_range(BEYOND, "inputCount"));
    }
    let data = part(&input, offset, count).map(<[u8]>::to_vec).ok_or_else(confusion)?;
    finish(cx, a.get(0), data)
}

/// The last data goes through a transform.
fn finish(cx: &mut Cx<'_>, transform: &Value, data: Vec<u8>) -> Run {
    work(cx, data.len())?;
    // As much randomness as one block of padding can take.
    let mut random = [0u8; 16];
    super::random::fill(cx, &mut random)?;
    let mut random = random.into_iter();
    let transform: &mut Transform = cx.state.native_mut(transform).ok_or_else(confusion)?;
    let out = transform.last(data, || random.next().unwrap_or_default())?;
    bytes(cx, &out)
}

/// Data through a transform, all at once.
pub(super) fn whole(cx: &mut Cx<'_>, mut transform: Transform, data: Vec<u8>) -> Run {
    work(cx, data.len())?;
    let mut random = [0u8; 16];
    super::random::fill(cx, &mut random)?;
    let mut random = random.into_iter();
    let out = transform.last(data, || random.next().unwrap_or_default())?;
    bytes(cx, &out)
}

/// The length of a block.
#[expect(clippy::unnecessary_wraps, reason = "the result of a member")]
fn block_size(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    // Hashes are transforms, too: of single bytes.
    let size =
        cx.state.native_mut(a.get(0)).map_or(1, |transform: &mut Transform| transform.block_len());
    Ok(Value::Int(i32::try_from(size).unwrap_or_default()))
}

fn is_cipher(cx: &mut Cx<'_>, a: &Args<'_>) -> bool {
    cx.state.native::<Transform>(a.get(0)).is_some()
}

fn dispose(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    if !is_cipher(cx, a) {
        return hash_algorithm::dispose(cx, a);
    }
    this(cx, a)?.disposed = true;
    Ok(Value::Null)
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.ICryptoTransform",
    kind: Kind::Interface,
    bases: &["IDisposable"],
    docs: "An encryption or decryption that is going on.",
    members: &[
        m(
            "int TransformBlock(byte[] inputBuffer, int inputOffset, int inputCount, byte[] outputBuffer, int outputOffset)",
            "Transforms whole blocks; gives how many bytes were written.",
            |cx, a| {
                if is_cipher(cx, a) {
                    transform_block(cx, a)
                } else {
                    hash_algorithm::transform_block(cx, a)
                }
            },
        ),
        m(
            "byte[] TransformFinalBlock(byte[] inputBuffer, int inputOffset, int inputCount)",
            "Transforms the rest, with the padding.",
            |cx, a| {
                if is_cipher(cx, a) {
                    transform_final(cx, a)
                } else {
                    hash_algorithm::transform_final(cx, a)
                }
            },
        ),
        m("int InputBlockSize", "The bytes of a block.", |cx, a| block_size(cx, a)),
        m("int OutputBlockSize", "The bytes of a block.", |cx, a| block_size(cx, a)),
        m("bool CanTransformMultipleBlocks", "True.", |_, _| Ok(Value::Bool(true))),
        m("bool CanReuseTransform", "True.", |_, _| Ok(Value::Bool(true))),
        m("void Dispose()", "Gives it back: it cannot be used any more.", |cx, a| dispose(cx, a)),
    ],
    refused: &[],
};
