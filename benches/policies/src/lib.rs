//! What the benchmarks of policies share: documents, tokens, and a world of fakes to run pipelines in.

mod documents;
mod tokens;
mod world;

pub use documents::{FRAGMENT, fifteen, jwt, token_limit, write_directory};
pub use tokens::Issuer;
pub use world::{World, load};
