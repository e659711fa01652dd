//! Tokens made here, whole and damaged.

mod encryption;
mod signatures;
mod signer;
