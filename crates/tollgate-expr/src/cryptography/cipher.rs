//! Block ciphers over whole blocks, and padding.
//!
//! AES is aws-lc's. DES, Triple DES and RC2 come from `RustCrypto` block by block, chained here.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use des::cipher::{Block, BlockDecrypt, BlockEncrypt, KeyInit as _};
use des::{Des, TdesEde2, TdesEde3};
use rc2::Rc2;

/// A block cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Aes,
    /// AES under its first name.
    Rijndael,
    TripleDes,
    Des,
    Rc2,
}

impl Family {
    /// Bytes of a block.
    pub(crate) fn block_len(self) -> usize {
        match self {
            Family::Aes | Family::Rijndael => 16,
            Family::TripleDes | Family::Des | Family::Rc2 => 8,
        }
    }
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// How blocks depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Cbc,
    Ecb,
}

/// How the last block is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    None,
    Pkcs7,
    Zeros,
    AnsiX923,
    Iso10126,
}

/// A cipher with its key.
pub(crate) struct Cipher {
    pub(crate) family: Family,
    pub(crate) mode: Mode,
    key: Vec<u8>,
    /// The block that the next one is chained to.
    chain: Vec<u8>,
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cipher").field("family", &self.family).finish_non_exhaustive()
    }
}

impl Drop for Cipher {
    fn drop(&mut self) {
        self.key.fill(0);
    }
}

/// The key or the data do not fit the cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misfit;

impl Cipher {
    pub(crate) fn new(family: Family, mode: Mode, key: &[u8], iv: &[u8]) -> Cipher {
        Cipher { family, mode, key: key.to_vec(), chain: iv.to_vec() }
    }

    /// Begins anew.
    pub(crate) fn restart(&mut self, iv: &[u8]) {
        self.chain = iv.to_vec();
    }

    /// Works on whole blocks, in place.
    pub(crate) fn run(&mut self, way: Direction, data: &mut [u8]) -> Result<(), Misfit> {
        if data.is_empty() {
            return Ok(());
        }
        match self.family {
            Family::Aes | Family::Rijndael => self.aes(way, data),
            Family::Des => {
                let cipher = Des::new_from_slice(&self.key).map_err(|_| Misfit)?;
                self.chained(&cipher, way, data)
            }
            Family::TripleDes if self.key.len() == 16 => {
                let cipher = TdesEde2::new_from_slice(&self.key).map_err(|_| Misfit)?;
                self.chained(&cipher, way, data)
            }
            Family::TripleDes => {
                let cipher = TdesEde3::new_from_slice(&self.key).map_err(|_| Misfit)?;
                self.chained(&cipher, way, data)
            }
            Family::Rc2 => {
                if self.key.is_empty() || self.key.len() > 128 {
                    return Err(Misfit);
                }
                let cipher = Rc2::new_with_eff_key_len(&self.key, self.key.len() * 8);
                self.chained(&cipher, way, data)
            }
        }
    }

    fn aes(&mut self, way: Direction, data: &mut [u8]) -> Result<(), Misfit> {
        let algorithm = match self.key.len() {
            16 => &AES_128,
            24 => &AES_192,
            32 => &AES_256,
            _ => return Err(Misfit),
        };
        let key = UnboundCipherKey::new(algorithm, &self.key).map_err(|_| Misfit)?;
        let iv = || FixedLength::<16>::try_from(self.chain.as_slice()).map_err(|_| Misfit);
        let last_in = last_block(data, 16);
        match (way, self.mode) {
            (Direction::Encrypt, Mode::Cbc) => {
                let context = EncryptionContext::Iv128(iv()?);
                let key = EncryptingKey::cbc(key).map_err(|_| Misfit)?;
                key.less_safe_encrypt(data, context).map_err(|_| Misfit)?;
                self.chain = last_block(data, 16);
            }
            (Direction::Encrypt, Mode::Ecb) => {
                let key = EncryptingKey::ecb(key).map_err(|_| Misfit)?;
                key.encrypt(data).map_err(|_| Misfit)?;
            }
            (Direction::Decrypt, Mode::Cbc) => {
                let context = DecryptionContext::Iv128(iv()?);
                let key = DecryptingKey::cbc(key).map_err(|_| Misfit)?;
                key.decrypt(data, context).map_err(|_| Misfit)?;
                self.chain = last_in;
            }
            (Direction::Decrypt, Mode::Ecb) => {
                let key = DecryptingKey::ecb(key).map_err(|_| Misfit)?;
                key.decrypt(data, DecryptionContext::None).map_err(|_| Misfit)?;
            }
        }
        Ok(())
    }

    fn chained<C: BlockEncrypt + BlockDecrypt>(
        &mut self,
        cipher: &C,
        way: Direction,
        data: &mut [u8],
    ) -> Result<(), Misfit> {
        let size = self.family.block_len();
        if !data.len().is_multiple_of(size) || (self.mode == Mode::Cbc && self.chain.len() != size)
        {
            return Err(Misfit);
        }
        for block in data.chunks_exact_mut(size) {
            let before = block.to_vec();
            let place = Block::<C>::from_mut_slice(block);
            match (way, self.mode) {
                (Direction::Encrypt, Mode::Ecb) => cipher.encrypt_block(place),
                (Direction::Decrypt, Mode::Ecb) => cipher.decrypt_block(place),
                (Direction::Encrypt, Mode::Cbc) => {
                    xor(place, &self.chain);
                    cipher.encrypt_block(place);
                    self.chain = place.to_vec();
                }
                (Direction::Decrypt, Mode::Cbc) => {
                    cipher.decrypt_block(place);
                    xor(place, &self.chain);
                    self.chain = before;
                }
            }
        }
        Ok(())
    }
}

fn xor(block: &mut [u8], with: &[u8]) {
    for (byte, other) in block.iter_mut().zip(with) {
        *byte ^= other;
    }
}

fn last_block(data: &[u8], size: usize) -> Vec<u8> {
    data.rchunks(size).next().unwrap_or_default().to_vec()
}

/// Fills the last block; none when it is not full and must not be filled.
pub(crate) fn pad(
    data: &mut Vec<u8>,
    size: usize,
    padding: Padding,
    mut random: impl FnMut() -> u8,
) -> Option<()> {
    let over = data.len() % size;
    let missing = u8::try_from(size - over).ok()?;
    let mut fill = |last: u8, mut byte: Box<dyn FnMut() -> u8 + '_>| {
        data.extend((1..missing).map(|_| byte()));
        data.push(last);
    };
    match padding {
        Padding::None => return (over == 0).then_some(()),
        Padding::Zeros if over == 0 => {}
        Padding::Zeros => fill(0, Box::new(|| 0)),
        Padding::Pkcs7 => fill(missing, Box::new(|| missing)),
        Padding::AnsiX923 => fill(missing, Box::new(|| 0)),
        Padding::Iso10126 => fill(missing, Box::new(&mut random)),
    }
    Some(())
}

/// Takes the filling away; none when it is not as it should be.
pub(crate) fn unpad(data: &mut Vec<u8>, size: usize, padding: Padding) -> Option<()> {
    if matches!(padding, Padding::None | Padding::Zeros) || data.is_empty() {
        return Some(());
    }
    let last = *data.last()?;
    let n = usize::from(last);
    if n == 0 || n > size || n > data.len() {
        return None;
    }
    let kept = data.len() - n;
    let filling = data.get(kept..data.len() - 1)?;
    // All of the filling is looked at, whatever it holds.
    let wrong = filling.iter().fold(0u8, |wrong, byte| {
        wrong
            | match padding {
                Padding::Pkcs7 => byte ^ last,
                Padding::AnsiX923 => *byte,
                _ => 0,
            }
    });
    if wrong != 0 {
        return None;
    }
    data.truncate(kept);
    Some(())
}
