//! What the fuzz targets do with an input; the replay of the seeds does the same in `cargo test`.

pub(crate) mod config;
pub(crate) mod expression;
pub(crate) mod jwks;
pub(crate) mod jwt;
mod outside;
mod plain_json;
pub(crate) mod policy;
pub(crate) mod request;
mod signer;
pub(crate) mod sse;
