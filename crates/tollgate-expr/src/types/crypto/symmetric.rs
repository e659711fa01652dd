//! `SymmetricAlgorithm`, `CipherMode`, `PaddingMode`.

use super::super::decl::{Kind, TypeDecl, m, not_allowed, rw};
use super::super::{Ty, TypeId};
use super::create::create;
use super::key_sizes::Sizes;
use super::transform::Transform;
use super::{Run, argument, bytes, cryptographic, platform, random};
use crate::cryptography::cipher::{Cipher, Direction, Family, Mode, Padding};
use crate::eval::{Args, Cx, null_argument};
use crate::native::Native;
use crate::state::confusion;
use crate::{Exception, Value};

/// The size of a block in bits.
fn block_size(family: Family) -> i32 {
    match family {
        Family::Aes | Family::Rijndael => 128,
        Family::TripleDes | Family::Des | Family::Rc2 => 64,
    }
}

fn key_sizes(family: Family) -> Sizes {
    match family {
        Family::Aes | Family::Rijndael => Sizes { min: 128, max: 256, skip: 64 },
        Family::TripleDes => Sizes { min: 128, max: 192, skip: 64 },
        Family::Des => Sizes { min: 64, max: 64, skip: 0 },
        Family::Rc2 => Sizes { min: 40, max: 128, skip: 8 },
    }
}

/// The sizes that a key may have when it is given; RC2 takes longer ones than it makes.
fn takes_key(family: Family, n_bytes: usize) -> bool {
    let Ok(bits) = i32::try_from(n_bytes.saturating_mul(8)) else { return false };
    match family {
        Family::Rc2 => (40..=1024).contains(&bits),
        family => key_sizes(family).has(bits),
    }
}

/// A cipher with its settings.
pub(super) struct Symmetric {
    pub(super) family: Family,
    class: &'static str,
    key: Option<Vec<u8>>,
    iv: Option<Vec<u8>>,
    key_size: i32,
    feedback: i32,
    mode: Mode,
    padding: Padding,
}

impl std::fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Symmetric").field("family", &self.family).finish_non_exhaustive()
    }
}

impl Native for Symmetric {
    fn id(&self) -> TypeId {
        TypeId::SymmetricAlgorithm
    }

    fn text(&self) -> Option<String> {
        Some(format!("System.Security.Cryptography.{}", self.class))
    }
}

const KEY_SIZE: &str = "Specified key is not a valid size for this algorithm.";
const IV_SIZE: &str =
    "Specified initialization vector (IV) does not match the block size for this algorithm.";

impl Symmetric {
    pub(super) fn new(family: Family, class: &'static str) -> Symmetric {
        Symmetric {
            family,
            class,
            key: None,
            iv: None,
            key_size: match family {
                Family::Aes | Family::Rijndael => 256,
                Family::TripleDes => 192,
                Family::Des => 64,
                Family::Rc2 => 128,
            },
            feedback: if family == Family::Rijndael { 128 } else { 8 },
            mode: Mode::Cbc,
            padding: Padding::Pkcs7,
        }
    }

    /// `CreateEncryptor(rgbKey, rgbIV)` and its opposite.
    pub(super) fn transform(
        &self,
        way: Direction,
        key: &[u8],
        iv: Option<&[u8]>,
    ) -> Result<Transform, Exception> {
        if !takes_key(self.family, key.len()) {
            return Err(argument(&format!("{KEY_SIZE} (Parameter 'rgbKey')")));
        }
        if self.family == Family::Des {
            refuse_weak(self.family, key)?;
        }
        let iv = iv.map(|iv| self.trimmed(iv));
        if let Some(iv) = iv
            && iv.len() != self.family.block_len()
        {
            return Err(argument(&format!("{IV_SIZE} (Parameter 'rgbIV')")));
        }
        let iv = match (self.mode, iv) {
            (Mode::Cbc, Some(iv)) => iv.to_vec(),
            (Mode::Cbc, None) => {
                let message = "The cipher mode specified requires that an initialization vector (IV) be used.";
                return Err(cryptographic(message));
            }
            (Mode::Ecb, _) => Vec::new(),
        };
        let cipher = Cipher::new(self.family, self.mode, key, &iv);
        Ok(Transform::new(cipher, way, self.padding, iv))
    }

    /// An initialisation vector as long as a block; the older classes take longer ones.
    fn trimmed<'iv>(&self, iv: &'iv [u8]) -> &'iv [u8] {
        match self.family {
            Family::TripleDes | Family::Des | Family::Rc2 => {
                iv.get(..self.family.block_len()).unwrap_or(iv)
            }
            Family::Aes | Family::Rijndael => iv,
        }
    }

    fn set_key(&mut self, key: Vec<u8>) -> Result<(), Exception> {
        if !takes_key(self.family, key.len()) {
            let des = matches!(self.family, Family::Des | Family::TripleDes);
            return Err(if des { argument(KEY_SIZE) } else { cryptographic(KEY_SIZE) });
        }
        refuse_weak(self.family, &key)?;
        self.key_size = i32::try_from(key.len() * 8).unwrap_or_default();
        self.key = Some(key);
        Ok(())
    }
}

/// DES keys that undo themselves, without parity bits; then pairs that undo each other.
const WEAK: [u64; 4] =
    [0x0101_0101_0101_0101, 0xFEFE_FEFE_FEFE_FEFE, 0x1F1F_1F1F_0E0E_0E0E, 0xE0E0_E0E0_F1F1_F1F1];
const SEMI_WEAK: [u64; 12] = [
    0x01FE_01FE_01FE_01FE,
    0xFE01_FE01_FE01_FE01,
    0x1FE0_1FE0_0EF1_0EF1,
    0xE01F_E01F_F10E_F10E,
    0x01E0_01E0_01F1_01F1,
    0xE001_E001_F101_F101,
    0x1FFE_1FFE_0EFE_0EFE,
    0xFE1F_FE1F_FE0E_FE0E,
    0x011F_011F_010E_010E,
    0x1F01_1F01_0E01_0E01,
    0xE0FE_E0FE_F1FE_F1FE,
    0xFEE0_FEE0_FEF1_FEF1,
];
/// All bits but those of parity.
const NO_PARITY: u64 = 0xFEFE_FEFE_FEFE_FEFE;

fn refuse_weak(family: Family, key: &[u8]) -> Result<(), Exception> {
    let parts: Vec<u64> = key
        .chunks_exact(8)
        .filter_map(|part| <[u8; 8]>::try_from(part).ok())
        .map(|part| u64::from_be_bytes(part) & NO_PARITY)
        .collect();
    let (name, weak) = match family {
        Family::Des => {
            let is_in = |list: &[u64]| {
                parts.first().is_some_and(|key| list.iter().any(|bad| bad & NO_PARITY == *key))
            };
            if is_in(&SEMI_WEAK) {
                let message =
                    "Specified key is a known semi-weak key for 'DES' and cannot be used.";
                return Err(cryptographic(message));
            }
            ("DES", is_in(&WEAK))
        }
        Family::TripleDes => {
            ("TripleDES", parts.windows(2).any(|pair| pair.first() == pair.last()))
        }
        _ => return Ok(()),
    };
    if weak {
        let message = format!("Specified key is a known weak key for '{name}' and cannot be used.");
        return Err(cryptographic(&message));
    }
    Ok(())
}

/// The cipher among the arguments.
pub(super) fn this<'a>(cx: &'a mut Cx<'_>, a: &Args<'_>) -> Result<&'a mut Symmetric, Exception> {
    cx.state.native_mut(a.get(0)).ok_or_else(confusion)
}

fn random_key(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    let cipher = this(cx, a)?;
    let (family, n) = (cipher.family, usize::try_from(cipher.key_size / 8).unwrap_or_default());
    let mut key = vec![0; n];
    // Of 2^56 keys 16 are weak: a second draw is as good as certain.
    for _ in 0..4 {
        random::fill(cx, &mut key)?;
        if refuse_weak(family, &key).is_ok() {
            break;
        }
    }
    Ok(key)
}

/// The key; made at random when there is none.
pub(super) fn key(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    if let Some(key) = this(cx, a)?.key.clone() {
        return Ok(key);
    }
    let key = random_key(cx, a)?;
    this(cx, a)?.key = Some(key.clone());
    Ok(key)
}

/// The initialisation vector; made at random when there is none.
pub(super) fn iv(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<u8>, Exception> {
    if let Some(iv) = this(cx, a)?.iv.clone() {
        return Ok(iv);
    }
    let mut iv = vec![0; this(cx, a)?.family.block_len()];
    random::fill(cx, &mut iv)?;
    this(cx, a)?.iv = Some(iv.clone());
    Ok(iv)
}

fn set_key(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let key = a.bytes(cx, 1, "value")?;
    this(cx, a)?.set_key(key)?;
    Ok(a.value(1))
}

fn set_iv(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let iv = a.bytes(cx, 1, "value")?;
    let cipher = this(cx, a)?;
    if iv.len() != cipher.family.block_len() {
        return Err(cryptographic(IV_SIZE));
    }
    cipher.iv = Some(iv);
    Ok(a.value(1))
}

fn set_key_size(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let size = a.int(1);
    let cipher = this(cx, a)?;
    if !key_sizes(cipher.family).has(size) {
        return Err(cryptographic(KEY_SIZE));
    }
    cipher.key_size = size;
    cipher.key = None;
    Ok(a.value(1))
}

fn set_block_size(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let size = a.int(1);
    let cipher = this(cx, a)?;
    match cipher.family {
        Family::Rijndael if matches!(size, 192 | 256) => {
            Err(platform("BlockSize must be 128 in this implementation."))
        }
        Family::Rijndael if size != 128 => {
            Err(cryptographic("BlockSize must be 128 in this implementation."))
        }
        family if size != block_size(family) => {
            Err(cryptographic("Specified block size is not valid for this algorithm."))
        }
        _ => {
            cipher.iv = None;
            Ok(a.value(1))
        }
    }
}

fn set_feedback(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let size = a.int(1);
    let cipher = this(cx, a)?;
    if size <= 0 || size > block_size(cipher.family) || size % 8 != 0 {
        return Err(cryptographic("Specified feedback size is not valid for this algorithm."));
    }
    cipher.feedback = size;
    Ok(a.value(1))
}

fn set_mode(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    this(cx, a)?.mode = match a.int(1) {
        1 => Mode::Cbc,
        2 => Mode::Ecb,
        // .NET Core 3.1 has no other, though it names them.
        _ => return Err(cryptographic("Specified cipher mode is not valid for this algorithm.")),
    };
    Ok(a.value(1))
}

fn set_padding(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    this(cx, a)?.padding = match a.int(1) {
        1 => Padding::None,
        2 => Padding::Pkcs7,
        3 => Padding::Zeros,
        4 => Padding::AnsiX923,
        5 => Padding::Iso10126,
        _ => return Err(cryptographic("Specified padding mode is not valid for this algorithm.")),
    };
    Ok(a.value(1))
}

/// A transform with the cipher's own key.
fn own(cx: &mut Cx<'_>, a: &Args<'_>, way: Direction) -> Run {
    let (key, iv) = (key(cx, a)?, iv(cx, a)?);
    let transform = this(cx, a)?.transform(way, &key, Some(&iv))?;
    cx.state.add_native(transform)
}

/// A transform with a key that is given from argument `1` on.
fn given(cx: &mut Cx<'_>, a: &Args<'_>, way: Direction) -> Run {
    let transform = with_key(cx, a, 0, way, ["rgbKey", "rgbIV"])?;
    cx.state.add_native(transform)
}

/// A transform of the cipher at `index`, with key and initialisation vector in the last two arguments.
pub(super) fn with_key(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    index: usize,
    way: Direction,
    names: [&str; 2],
) -> Result<Transform, Exception> {
    let [key_name, iv_name] = names;
    let key_at = a.len().saturating_sub(2);
    let key = a.bytes(cx, key_at, key_name)?;
    let iv = match a.get(key_at + 1) {
        Value::Null => None,
        _ => Some(a.bytes(cx, key_at + 1, iv_name)?),
    };
    let cipher: &Symmetric = cx.state.native(a.get(index)).ok_or_else(|| null_argument("alg"))?;
    cipher.transform(way, &key, iv.as_deref())
}

fn sizes(cx: &mut Cx<'_>, sizes: Sizes) -> Run {
    cx.state.array(Ty::Named(TypeId::KeySizes), vec![Value::native(sizes)])
}

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.SymmetricAlgorithm",
    kind: Kind::Class,
    bases: &["IDisposable"],
    docs: "A block cipher: AES, Triple DES, DES or RC2.",
    members: &[
        m(
            "static SymmetricAlgorithm Create(string algName)",
            "The cipher of a name, such as `Aes`; null for an unknown one.",
            |cx, a| create(cx, a, TypeId::SymmetricAlgorithm),
        ),
        rw(
            "byte[] Key",
            "The key; made at random when none was set.",
            |cx, a| {
                let key = key(cx, a)?;
                bytes(cx, &key)
            },
            set_key,
        ),
        rw(
            "byte[] IV",
            "The initialisation vector; made at random when none was set.",
            |cx, a| {
                let iv = iv(cx, a)?;
                bytes(cx, &iv)
            },
            set_iv,
        ),
        rw(
            "int KeySize",
            "The size of the key in bits; setting it forgets the key.",
            |cx, a| Ok(Value::Int(this(cx, a)?.key_size)),
            set_key_size,
        ),
        rw(
            "int BlockSize",
            "The size of a block in bits.",
            |cx, a| Ok(Value::Int(block_size(this(cx, a)?.family))),
            set_block_size,
        ),
        rw(
            "int FeedbackSize",
            "Bits that are fed back; no mode that can be set uses it.",
            |cx, a| Ok(Value::Int(this(cx, a)?.feedback)),
            set_feedback,
        ),
        rw(
            "CipherMode Mode",
            "`CBC` or `ECB`; others throw, as in .NET Core.",
            |cx, a| {
                let mode = this(cx, a)?.mode;
                Ok(Value::Enum(TypeId::CipherMode, if mode == Mode::Cbc { 1 } else { 2 }))
            },
            set_mode,
        ),
        rw(
            "PaddingMode Padding",
            "How the last block is filled.",
            |cx, a| {
                let padding = this(cx, a)?.padding;
                Ok(Value::Enum(TypeId::PaddingMode, padding as i32 + 1))
            },
            set_padding,
        ),
        m("KeySizes[] LegalKeySizes", "The sizes that keys may have.", |cx, a| {
            let legal = key_sizes(this(cx, a)?.family);
            sizes(cx, legal)
        }),
        m("KeySizes[] LegalBlockSizes", "The sizes that blocks may have.", |cx, a| {
            let size = block_size(this(cx, a)?.family);
            sizes(cx, Sizes { min: size, max: size, skip: 0 })
        }),
        m("bool ValidKeySize(int bitLength)", "Whether keys may have a size.", |cx, a| {
            let size = a.int(1);
            Ok(Value::Bool(key_sizes(this(cx, a)?.family).has(size)))
        }),
        m("void GenerateKey()", "Makes a key at random.", |cx, a| {
            let key = random_key(cx, a)?;
            this(cx, a)?.key = Some(key);
            Ok(Value::Null)
        }),
        m("void GenerateIV()", "Makes an initialisation vector at random.", |cx, a| {
            this(cx, a)?.iv = None;
            iv(cx, a)?;
            Ok(Value::Null)
        }),
        m("ICryptoTransform CreateEncryptor()", "Encrypts with the key that is set.", |cx, a| {
            own(cx, a, Direction::Encrypt)
        }),
        m("ICryptoTransform CreateDecryptor()", "Decrypts with the key that is set.", |cx, a| {
            own(cx, a, Direction::Decrypt)
        }),
        m(
            "ICryptoTransform CreateEncryptor(byte[] rgbKey, byte[] rgbIV)",
            "Encrypts with a key.",
            |cx, a| given(cx, a, Direction::Encrypt),
        ),
        m(
            "ICryptoTransform CreateDecryptor(byte[] rgbKey, byte[] rgbIV)",
            "Decrypts with a key.",
            |cx, a| given(cx, a, Direction::Decrypt),
        ),
        m("void Clear()", "Forgets the key.", |cx, a| forget(cx, a)),
        m("void Dispose()", "Forgets the key.", |cx, a| forget(cx, a)),
    ],
    refused: &[not_allowed(
        "static SymmetricAlgorithm Create()",
        "name the algorithm: `SymmetricAlgorithm.Create(\"Aes\")`",
    )],
};

fn forget(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let cipher = this(cx, a)?;
    if let Some(key) = &mut cipher.key {
        key.fill(0);
    }
    (cipher.key, cipher.iv) = (None, None);
    Ok(Value::Null)
}

pub(in crate::types) const CIPHER_MODE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.CipherMode",
    kind: Kind::Enum(&[("CBC", 1), ("ECB", 2), ("OFB", 3), ("CFB", 4), ("CTS", 5)]),
    bases: &[],
    docs: "How blocks depend on each other.",
    members: &[],
    refused: &[],
};

pub(in crate::types) const PADDING_MODE: TypeDecl = TypeDecl {
    name: "System.Security.Cryptography.PaddingMode",
    kind: Kind::Enum(&[("None", 1), ("PKCS7", 2), ("Zeros", 3), ("ANSIX923", 4), ("ISO10126", 5)]),
    bases: &[],
    docs: "How the last block is filled.",
    members: &[],
    refused: &[],
};
