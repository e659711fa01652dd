//! Hashes, ciphers, keys and certificates: what the types of .NET in `types::crypto` are made of.
//!
//! Primitives come from aws-lc-rs; what it leaves out because it is weak (MD5, DES, RC2) comes from `RustCrypto`, because
//! policies in the field and older PKCS#12 files use it. Keys never stand in a `Debug` output or in a message.

mod certificate;
pub(crate) mod cipher;
pub(crate) mod der;
pub(crate) mod digest;
pub(crate) mod name;
pub(crate) mod oid;
pub(crate) mod parse;
pub(crate) mod pkcs12;
pub(crate) mod rsa_key;
mod trust;

pub use certificate::Certificate;
pub(crate) use certificate::hex;
pub use pkcs12::{Pkcs12, Pkcs12Fault};
pub use trust::{Revocation, TrustStore, Untrusted};
