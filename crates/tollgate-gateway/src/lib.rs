//! pingora, routing, configuration, reload, adapters.
//!
//! The gateway turns a policy directory into a [`Snapshot`] and serves requests with it. It owns the control flow of a
//! request on pingora-core: route, run the pipeline, write the response. It names no policy.

mod adapters;
pub mod admin;
mod authorizations;
mod backend;
mod backend_choice;
mod backend_pool;
mod background;
pub mod breaker;
mod cache;
mod calls;
pub mod certificates;
pub mod config;
pub mod counters;
mod directory;
mod events;
pub mod fetch;
mod gateway;
pub mod identity;
pub mod key_vault;
pub mod keys;
pub mod llm_log;
pub mod loggers;
#[cfg(test)]
mod loopback;
mod machine;
mod openapi;
mod operations;
mod products;
pub mod redis;
mod router;
pub mod semantic_cache;
pub mod server;
mod settings;
mod snapshot;
mod state_homes;
mod subscriptions;
mod system;
pub mod telemetry;
mod template;
mod watch;
pub mod wire;

pub use backend::{Backend, Credentials, TlsOptions};
pub use backend_choice::Asked;
pub use backend_pool::{BackendPool, MAX_MEMBERS, Member, Picked};
pub use calls::CallPool;
pub use directory::{
    CONFIG_FILE, LoadCx, Loaded, NoVault, Registry, VaultSecret, VaultSecrets, check_document, load,
};
pub use gateway::{Gateway, Prepared, Setup, StartError};
pub use settings::{Limits, ListenSettings, Timeouts};
pub use snapshot::{Matched, PresentedKey, Refusal, Snapshot, SnapshotNames};
pub use system::{NoTrace, SystemClock, SystemRandomness, offline_ports, ports_of_check};
