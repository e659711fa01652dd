//! From policy XML to a compiled pipeline; the ports it runs against.

pub mod jose;
mod secret;

pub use secret::Secret;
