//! Servers over real sockets: raw clients for what no library would send, a raw backend for what none would answer.

mod backend;
mod bodies;
mod client_side;
mod forwarding;
mod harness;
mod http2;
mod lifecycle;
mod limits;
mod policies;
mod smuggling;
mod streaming;
mod tls;
mod websocket;
