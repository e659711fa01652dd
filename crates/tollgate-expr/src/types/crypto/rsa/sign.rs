//! Signatures.

use aws_lc_rs::digest::Digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaEncoding, RsaParameters, UnparsedPublicKey,
};

use super::super::rsa_padding::{Signature, hash_of};
use super::super::{Run, bytes, cryptographic, out_of_range, part};
use super::{PUBLIC_ONLY, key, work};
use crate::cryptography::digest::Algorithm;
use crate::eval::{Args, Cx, null_argument};
use crate::{Exception, Value};

/// The two last arguments: the hash and the padding.
fn scheme(a: &Args<'_>) -> Result<(Algorithm, Signature), Exception> {
    let hash_at = a.len().saturating_sub(2);
    let name = hash_of(a.get(hash_at))?;
    let padding = a.get(hash_at + 1).as_native::<Signature>();
    let padding = *padding.ok_or_else(|| null_argument("padding"))?;
    Ok((algorithm(name)?, padding))
}

/// The hash of a name; an exception when there is none.
pub(in super::super) fn algorithm(name: &str) -> Result<Algorithm, Exception> {
    Algorithm::named(name)
        .ok_or_else(|| cryptographic(&format!("'{name}' is not a known hash algorithm.")))
}

fn encoding(hash: Algorithm, padding: Signature) -> Result<&'static dyn RsaEncoding, Exception> {
    Ok(match (padding, hash) {
        (Signature::Pkcs1, Algorithm::Sha256) => &signature::RSA_PKCS1_SHA256,
        (Signature::Pkcs1, Algorithm::Sha384) => &signature::RSA_PKCS1_SHA384,
        (Signature::Pkcs1, Algorithm::Sha512) => &signature::RSA_PKCS1_SHA512,
        (Signature::Pss, Algorithm::Sha256) => &signature::RSA_PSS_SHA256,
        (Signature::Pss, Algorithm::Sha384) => &signature::RSA_PSS_SHA384,
        (Signature::Pss, Algorithm::Sha512) => &signature::RSA_PSS_SHA512,
        (_, weak) => {
            let message = format!("Signatures over {} are not made: it is broken.", weak.name());
            return Err(cryptographic(&message));
        }
    })
}

fn parameters(hash: Algorithm, padding: Signature) -> Result<&'static RsaParameters, Exception> {
    Ok(match (padding, hash) {
        (Signature::Pkcs1, Algorithm::Sha1) => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (Signature::Pkcs1, Algorithm::Sha256) => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (Signature::Pkcs1, Algorithm::Sha384) => &RSA_PKCS1_2048_8192_SHA384,
        (Signature::Pkcs1, Algorithm::Sha512) => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (Signature::Pss, Algorithm::Sha256) => &RSA_PSS_2048_8192_SHA256,
        (Signature::Pss, Algorithm::Sha384) => &RSA_PSS_2048_8192_SHA384,
        (Signature::Pss, Algorithm::Sha512) => &RSA_PSS_2048_8192_SHA512,
        (_, weak) => {
            let message = format!("Signatures over {} are not verified so.", weak.name());
            return Err(cryptographic(&message));
        }
    })
}

/// The data of the arguments, whole or a part of it; `more` arguments follow it.
fn data(cx: &Cx<'_>, a: &Args<'_>, more: usize) -> Result<Vec<u8>, Exception> {
    const OUTSIDE: &str = "Specified argument was out of the range of valid values.";
    let data = a.bytes(cx, 1, "data")?;
    if a.len() == 2 + more {
        return Ok(data);
    }
    let (offset, count) = (a.int(2), a.int(3));
    if usize::try_from(offset).is_err() || usize::try_from(offset).is_ok_and(|n| n > data.len()) {
        return Err(out_of_range(OUTSIDE, "offset"));
    }
    let part = part(&data, offset, count).map(<[u8]>::to_vec);
    part.ok_or_else(|| out_of_range(OUTSIDE, "count"))
}

pub(super) fn sign_data(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let data = data(cx, a, 2)?;
    let (hash, padding) = scheme(a)?;
    super::super::work(cx, data.len())?;
    let key = key(cx, a)?;
    work(cx, &key, true)?;
    let encoding = encoding(hash, padding)?;
    let pair = key.pair().ok_or_else(|| cryptographic(PUBLIC_ONLY))?;
    let mut signature = vec![0; pair.public_modulus_len()];
    let signed = pair.sign(encoding, &SystemRandom::new(), &data, &mut signature);
    signed.map_err(|_| cryptographic("The data could not be signed."))?;
    bytes(cx, &signature)
}

/// A hash among the arguments as the library takes it; none when its length is wrong.
fn hashed(hash: Algorithm, given: &[u8]) -> Option<Digest> {
    Digest::import_less_safe(given, hash.digest()?).ok()
}

pub(super) fn sign_hash(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let given = a.bytes(cx, 1, "hash")?;
    let (hash, padding) = scheme(a)?;
    let key = key(cx, a)?;
    work(cx, &key, true)?;
    let encoding = encoding(hash, padding)?;
    let pair = key.pair().ok_or_else(|| cryptographic(PUBLIC_ONLY))?;
    let digest = hashed(hash, &given)
        .ok_or_else(|| cryptographic("The hash is not as long as its algorithm makes it."))?;
    let mut signature = vec![0; pair.public_modulus_len()];
    let signed = pair.sign_digest(encoding, &digest, &mut signature);
    signed.map_err(|_| cryptographic("The hash could not be signed."))?;
    bytes(cx, &signature)
}

pub(super) fn verify_data(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let data = data(cx, a, 3)?;
    let signature = a.bytes(cx, a.len().saturating_sub(3), "signature")?;
    let (hash, padding) = scheme(a)?;
    super::super::work(cx, data.len())?;
    let key = key(cx, a)?;
    work(cx, &key, false)?;
    let public = UnparsedPublicKey::new(parameters(hash, padding)?, key.public_der());
    Ok(Value::Bool(public.verify(&data, &signature).is_ok()))
}

pub(super) fn verify_hash(cx: &mut Cx<'_>, a: &Args<'_>) -> Run {
    let given = a.bytes(cx, 1, "hash")?;
    let signature = a.bytes(cx, 2, "signature")?;
    let (hash, padding) = scheme(a)?;
    let key = key(cx, a)?;
    work(cx, &key, false)?;
    let public = UnparsedPublicKey::new(parameters(hash, padding)?, key.public_der());
    let fits = hashed(hash, &given)
        .is_some_and(|digest| public.verify_digest(&digest, &signature).is_ok());
    Ok(Value::Bool(fits))
}
