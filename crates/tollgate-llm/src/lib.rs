//! The protocols of language models: what requests ask for, what texts cost in tokens, what was used, and streams as they
//! pass.
//!
//! For policies that limit, measure, cache and check, and for whoever carries their streams. Reading order: [`PathInfo`]
//! and [`Api`] say which protocol a request speaks; [`LlmRequest`] reads its body, estimates its prompt, gives its text and,
//! with [`Edits`], changes it in place; [`Usage`] is what a backend says was used; [`StreamMeter`] counts a stream,
//! strips and ends it, and [`RealtimeMeter`] a WebSocket; [`Answer`] is a whole answer, put together from a stream and
//! written as either form; [`StreamTexts`] and [`texts_of_response`] give what an answer says to whoever judges it.
//!
//! ```
//! use tollgate_llm::{Edits, LlmRequest, PathInfo};
//!
//! let path = PathInfo::of("/openai/deployments/gpt-4o/chat/completions").unwrap();
//! let body = br#"{"messages":[{"role":"user","content":"hello"}],"stream":true}"#;
//! let request = LlmRequest::parse(Some(path.api), body, 4 << 20)?;
//! assert_eq!(request.estimate_prompt_tokens(path.model.unwrap_or_default()), 8);
//!
//! let mut edits = Edits::new(&request);
//! edits.ask_for_usage();
//! edits.bound_completion(500, "gpt-4o");
//! assert!(edits.apply().starts_with(br#"{"stream_options":{"include_usage":true},"max_tokens":500,"messages""#));
//! # Ok::<(), tollgate_llm::RequestError>(())
//! ```
//!
//! Units: token counts are `u64` and saturate, sizes are bytes. Errors: only a request's body can be refused
//! ([`RequestError`]); what a backend sends is never an error here, it is passed on and counted as far as it can be read.
//!
//! INVARIANT: no I/O, no clock, no policy's name, and no panic, unbounded memory or recursion on any input.

mod answer;
mod api;
mod conventions;
mod json;
mod realtime;
mod request;
mod sse;
mod stream;
mod strings;
mod texts;
mod tokens;
mod usage;

pub use answer::{Answer, AnswerChoice, ToolCall};
pub use api::{Api, PathInfo};
pub use realtime::RealtimeMeter;
pub use request::{
    CompletionBound, Edits, LlmRequest, Parameter, Prompt, PromptMessage, RequestError, Role,
    SystemMessages,
};
pub use stream::{MeterOptions, StreamMeter, UsageForClient};
pub use strings::strings_of_json;
pub use texts::{EachText, StreamTexts, Unreadable, texts_of_response};
pub use tokens::Encoding;
pub use usage::{ResponseFacts, Usage};
