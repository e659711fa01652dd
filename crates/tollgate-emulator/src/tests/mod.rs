//! Every server driven over real sockets.

mod client;
mod content_safety;
mod echo;
mod entra;
mod identity;
mod key_vault;
mod openai;
mod realtime;
mod script;
mod server;
mod streams;
mod token_endpoint;
