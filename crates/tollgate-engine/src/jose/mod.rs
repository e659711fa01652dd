//! JSON Object Signing and Encryption: keys, signatures, decryption. No policy and no claim rules here.
//!
//! INVARIANT: the algorithm belongs to the key. A key carries the algorithms it may be used with, made ready when it
//! was read; the token's header only chooses among them. So an RSA key can never serve as an HMAC secret, and `none` is
//! accepted only through [`Jws::accept_unsigned`].
//!
//! INVARIANT: what a token says can be acted upon only as [`Verified`], which nothing outside this module can make.
//! `jku`, `jwk`, `x5u` and `x5c` of a header are ignored; `crit` and `b64` refuse the token.

mod algorithm;
mod certificate;
mod claims;
mod encoding;
mod error;
mod header;
mod json;
mod jwe;
mod jws;
mod key;
mod key_set;
mod rsa;
mod verified;
mod verified_tokens;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use certificate::Certificate;
pub use claims::Claims;
pub use encoding::symmetric_key_text;
pub use error::JoseError;
pub use header::Header;
pub use json::parse_strict_json;
pub(crate) use json::parse_strict_value;
pub use jwe::{DecryptionKey, Jwe};
pub use jws::Jws;
pub use key::VerificationKey;
pub use key_set::{KeySet, OpenIdConfiguration};
pub use verified::{SignedBy, Verified};
pub use verified_tokens::TokenHash;

/// Longest token that is looked at.
pub const MAX_TOKEN: usize = 64 * 1024;
