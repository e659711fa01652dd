//! Encryption and decryption.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey,
    Pkcs1PublicEncryptingKey, PublicEncryptingKey,
};

use super::super::rsa_padding::Encryption;
use super::super::{Run, bytes, cryptographic};
use super::sign::algorithm;
use super::{PUBLIC_ONLY, key, work};
use crate::Exception;
use crate::cryptography::digest::Algorithm;
use crate::eval::{Args, Cx, null_argument};

fn padding(a: &Args<'_>) -> Result<Encryption, Exception> {
    a.get(2).as_native::<Encryption>().cloned().ok_or_else(|| null_argument("padding"))
}

/// Refuses a padding whose hash nobody knows.
fn check(padding: &Encryption) -> Result<(), Exception> {
    match padding {
        Encryption::Pkcs1 => Ok(()),
        Encryption::Oaep(hash) => algorithm(hash).map(|_| ()),
    }
}

/// Refuses more data than OAEP leaves room for; with SHA-1 that is the library's affair.
fn check_room(n_bytes: usize, size: usize, hash: Algorithm) -> Result<(), Exception> {
    let room = size.saturating_sub(2 + 2 * hash.len());
    if hash == Algorithm::Sha1 || n_bytes <= room {
        return Ok(());
    }
    let message = format!(
        "The message exceeds the maximum allowable length for the chosen options ({room})."
    );
    Err(cryptographic(&message))
}

fn oaep(hash: &str) -> Result<&'static OaepAlgorithm, Exception> {
    Ok(match algorithm(hash)? {
        Algorithm::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Algorithm::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Algorithm::Sha384 => &OAEP_SHA384_MGF1SHA384,
        Algorithm::Sha512 => &OAEP_SHA512_MGF1SHA512,
        Algorithm::Md5 => return Err(cryptographic("OAEP with MD5 is not supported.")),
    })
}

pub(super) fn encrypt(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let data = a.bytes(cx, 1, "data")?;
    let padding = padding(a)?;
    let key = key(cx, a)?;
    work(cx, &key, false)?;
    let fault = || cryptographic("The data is too large for the key, or the key is too small.");
    let public = PublicEncryptingKey::from_der(&key.spki()).map_err(|_| fault())?;
    let mut out = vec![0; public.key_size_bytes()];
    let n = match padding {
        Encryption::Pkcs1 => {
            let public = Pkcs1PublicEncryptingKey::new(public).map_err(|_| fault())?;
            public.encrypt(&data, &mut out).map(|out| out.len())
        }
        Encryption::Oaep(hash) => {
            check_room(data.len(), public.key_size_bytes(), algorithm(&hash)?)?;
            let public = OaepPublicEncryptingKey::new(public).map_err(|_| fault())?;
            public.encrypt(oaep(&hash)?, &data, &mut out, None).map(|out| out.len())
        }
    };
    out.truncate(n.map_err(|_| fault())?);
    bytes(cx, &out)
}

pub(super) fn decrypt(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let data = a.bytes(cx, 1, "data")?;
    let padding = padding(a)?;
    check(&padding)?;
    let key = key(cx, a)?;
    work(cx, &key, true)?;
    if data.len() != key.modulus.len() {
        let message = "The length of the data to decrypt is not valid for the size of this key.";
        return Err(cryptographic(message));
    }
    let private = key.decrypting().ok_or_else(|| cryptographic(PUBLIC_ONLY))?;
    let mut out = vec![0; private.key_size_bytes()];
    let n = match padding {
        Encryption::Pkcs1 => {
            let fault = |_| cryptographic("The data cannot be decrypted.");
            let private = Pkcs1PrivateDecryptingKey::new(private).map_err(fault)?;
            private.decrypt(&data, &mut out).map(|out| out.len()).map_err(fault)?
        }
        Encryption::Oaep(hash) => {
            let fault = |_| cryptographic("Error occurred while decoding OAEP padding.");
            let private = OaepPrivateDecryptingKey::new(private).map_err(fault)?;
            private
                .decrypt(oaep(&hash)?, &data, &mut out, None)
                .map(|out| out.len())
                .map_err(fault)?
        }
    };
    out.truncate(n);
    bytes(cx, &out)
}
