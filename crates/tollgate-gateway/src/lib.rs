//! pingora, routing, configuration, reload, adapters.
//!
//! The gateway turns a policy directory into a [`Snapshot`] and serves requests with it. It owns the control flow of a
//! request on pingora-core: route, run the pipeline, write the response. It names no policy.

mod backend;
pub mod certificates;
pub mod fetch;
pub mod identity;
#[cfg(test)]
mod loopback;
mod settings;
mod snapshot;
pub mod telemetry;

pub use backend::{Backend, Credentials, TlsOptions};
pub use settings::{Limits, ListenSettings, Timeouts};
pub use snapshot::{Matched, Refusal, Snapshot};
