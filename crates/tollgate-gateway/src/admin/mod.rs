//! The admin listener: health, metrics, status.
//!
//! INVARIANT: what it says of the configuration needs the admin key, unless the listener is on loopback and no key is
//! set. Nothing here changes the gateway.

mod serve;
mod state;

pub use serve::{AdminServer, serve_admin};
pub use state::{AdminState, NotReady, Reload};

#[cfg(test)]
mod tests;
