//! Azure OpenAI, Azure AI Content Safety, an OpenID issuer, managed identity endpoints and a Key Vault on loopback.
//!
//! Real HTTP servers on free ports of 127.0.0.1, for the demo, for scenario tests and for black-box tests: strict about
//! what Azure is strict about, with handles that plant faults and say what was received.
//!
//! What the emulated model says follows from what it is asked, and can be set: whole answers, answers to prompts with a word,
//! words at which the content filter refuses a prompt or ends an answer, usage and filter results or none, headers of rates,
//! slow, silent and truncated streams. Content Safety finds what a text says of itself: `hate-4` is hate of severity 4. All
//! of it can be told by a script in JSON too, with [`Control::script`] or by `POST {control}/script` from other processes.
//!
//! ```no_run
//! # async fn example() -> Result<(), tollgate_emulator::EmulatorError> {
//! use tollgate_emulator::{Application, Emulator, Options, TokenSpec};
//!
//! let running = Emulator::start(Options {
//!     applications: vec![Application::new("client").secret("s3cret")],
//!     ..Options::default()
//! })
//! .await?;
//! let token = running.entra.mint(&TokenSpec::v1("https://cognitiveservices.azure.com"))?;
//! // … call running.openai.base() with it …
//! assert_eq!(running.openai.server().count("*/chat/completions"), 0);
//! running.stop().await;
//! # drop(token);
//! # Ok(())
//! # }
//! ```

mod content_safety;
mod control;
mod echo;
mod emulator;
mod entra;
mod exchange;
mod faults;
mod identity;
mod ids;
mod key_vault;
mod openai;
mod pairs;
mod pattern;
mod recorder;
mod reply;
mod script;
mod server;
mod tally;
mod tls;
mod websocket;

#[cfg(test)]
mod tests;

pub use content_safety::ContentSafety;
pub use control::Control;
pub use echo::Echo;
pub use emulator::{CONTOSO, Emulator, EmulatorError, FABRIKAM, Options, Running, Tls};
pub use entra::{
    Application, Entra, Issuers, Signature, SigningKey, Tenant, TokenSpec, TokenVersion,
};
pub use faults::Fault;
pub use identity::{AppService, Imds, ManagedIdentity};
pub use key_vault::KeyVault;
pub use openai::{Deployment, Gate, ModelKind, OpenAi, Pace, StreamPlan};
pub use recorder::Received;
pub use script::ScriptError;
pub use server::Server;
pub use tally::{Counts, Tally};
