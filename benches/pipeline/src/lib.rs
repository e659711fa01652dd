//! What the benchmarks of a running gateway share.

pub mod backends;
pub mod directory;
pub mod gateway;
pub mod http1;
pub mod load;

use anyhow::{Context, Result};

/// An address that nothing listens on.
pub fn free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr().context("no address")?.to_string())
}
