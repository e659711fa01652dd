//! What policy expressions cost beside CEL, Rhai and Rust written by hand: the most frequent shapes of public policy
//! files, compiled once and evaluated against one request.
//!
//! Everybody's world is ready before the clock starts. Policies read a host (`FixedHost`) whose headers and variables
//! are as they came; CEL and Rhai get maps with everything taken apart in advance: names of headers in lower case, the
//! query decoded, claims read. CEL holds them as its own values in the context; Rhai as maps in the scope, in an engine
//! without limits and without `sync`, although a gateway with threads would need it. Where a language has no JSON,
//! it has functions over `serde_json`. What an evaluation works out is worked out by everybody: the body is bytes, decoded
//! or parsed each time, and JSON is written with indentation, as `JToken.ToString()` writes it. An evaluation ends in a
//! value that its caller owns.

mod engines;
mod shapes;
mod world;

pub use engines::{Engine, Runner, runner};
pub use shapes::{BEARER, HEADER, SHAPES, Shape, Wants};
