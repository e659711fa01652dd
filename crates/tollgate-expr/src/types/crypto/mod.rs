//! Cryptography and certificates: `System.Security.Cryptography`.

mod create;
mod extensions;
mod hash_algorithm;
mod hash_name;
mod hashes;
mod hmac;
mod key_sizes;
mod oid;
mod random;
mod rsa;
mod rsa_padding;
mod symmetric;
mod transform;
mod x509;

pub(super) use extensions::DECL as EXTENSIONS;
pub(super) use hash_algorithm::DECL as HASH_ALGORITHM;
pub(super) use hash_name::DECL as HASH_ALGORITHM_NAME;
pub(crate) use hash_name::no_name as no_hash_name;
pub(super) use hashes::{
    MD5, SHA1, SHA1_MANAGED, SHA256, SHA256_MANAGED, SHA384, SHA384_MANAGED, SHA512, SHA512_MANAGED,
};
pub(super) use hmac::{
    HMAC, HMAC_MD5, HMAC_SHA1, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512, KEYED as KEYED_HASH_ALGORITHM,
};
pub(super) use key_sizes::DECL as KEY_SIZES;
pub(super) use oid::{DECL as OID, ENCODED as ASN_ENCODED_DATA};
pub(super) use random::{GENERATOR as RANDOM_NUMBER_GENERATOR, PROVIDER as RNG_PROVIDER};
pub(super) use rsa::{ASYMMETRIC as ASYMMETRIC_ALGORITHM, DECL as RSA};
pub(super) use rsa_padding::{
    ENCRYPTION as RSA_ENCRYPTION_PADDING, ENCRYPTION_MODE as RSA_ENCRYPTION_PADDING_MODE,
    SIGNATURE as RSA_SIGNATURE_PADDING, SIGNATURE_MODE as RSA_SIGNATURE_PADDING_MODE,
};
pub(super) use symmetric::{CIPHER_MODE, DECL as SYMMETRIC_ALGORITHM, PADDING_MODE};
pub(super) use transform::DECL as CRYPTO_TRANSFORM;

pub(crate) use x509::certificate;
pub(super) use x509::{
    CERTIFICATE_EXTENSIONS, CONTENT_TYPE as X509_CONTENT_TYPE, DISTINGUISHED_NAME,
    KEY_STORAGE as X509_KEY_STORAGE, NAME_TYPE as X509_NAME_TYPE, PUBLIC_KEY, RSA_EXTENSIONS,
    X509_CERTIFICATE, X509_CERTIFICATE2,
};

use std::sync::Arc;

use crate::eval::{Args, Cx, null_argument};
use crate::state::confusion;
use crate::{Exception, ExceptionKind, Value};

type Run = Result<Value, Exception>;

/// `CryptographicException`.
#[cold]
fn cryptographic(message: &str) -> Exception {
    Exception::new(ExceptionKind::Cryptographic, message)
}

/// `ArgumentException`.
#[cold]
fn argument(message: &str) -> Exception {
    Exception::new(ExceptionKind::Argument, message)
}

/// `ArgumentOutOfRangeException` that names the parameter.
#[cold]
fn out_of_range(message: &str, name: &str) -> Exception {
    let message = format!("{message} (Parameter '{name}')");
    Exception::new(ExceptionKind::ArgumentOutOfRange, message)
}

/// `PlatformNotSupportedException`.
#[cold]
fn platform(message: &str) -> Exception {
    Exception::new(ExceptionKind::PlatformNotSupported, message)
}

/// `ObjectDisposedException`.
#[cold]
fn disposed() -> Exception {
    Exception::new(ExceptionKind::ObjectDisposed, "Cannot access a disposed object.")
}

/// Why parts of an array that are not there cannot be used.
const OFF_END: &str = "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.";

/// Bytes of data that count as one step of work.
const BYTES_PER_STEP: usize = 64;

/// A new byte array.
fn bytes(cx: &mut Cx<'_>, data: &[u8]) -> Run {
    cx.charge(data.len())?;
    Ok(Value::Bytes(data.into()))
}

/// Takes the steps of work over so many bytes.
fn work(cx: &mut Cx<'_>, n_bytes: usize) -> Result<(), Exception> {
    cx.step((n_bytes / BYTES_PER_STEP) as u64 + 1)
}

/// The part `(offset, count)` of an array, given by the arguments from `first` on; none when it is not inside the array.
fn part(data: &[u8], offset: i32, count: i32) -> Option<&[u8]> {
    let (offset, count) = (usize::try_from(offset).ok()?, usize::try_from(count).ok()?);
    data.get(offset..)?.get(..count)
}

/// Writes into a byte array at an offset; the caller has checked that it fits.
fn write_into(cx: &mut Cx<'_>, target: &Value, offset: i32, data: &[u8]) -> Result<(), Exception> {
    let Value::Bytes(array) = target else { return Err(confusion()) };
    let now = cx.state.bytes_mut(array)?;
    let place = usize::try_from(offset).ok().and_then(|offset| now.get_mut(offset..));
    let place = place.and_then(|place| place.get_mut(..data.len())).ok_or_else(confusion)?;
    place.copy_from_slice(data);
    Ok(())
}

/// A byte array among the arguments, itself.
fn array(a: &Args<'_>, index: usize, name: &str) -> Result<Arc<[u8]>, Exception> {
    match a.get(index) {
        Value::Bytes(bytes) => Ok(bytes.clone()),
        _ => Err(null_argument(name)),
    }
}

#[cfg(test)]
mod tests;
