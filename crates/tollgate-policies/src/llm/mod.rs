//! What the policies for language models have in common: what a request asks of a model, and what its call used.
//!
//! The policies of one request share a [`ModelCall`], so that its body is changed once and each response metered once,
//! however many of them there are.

mod call;
mod ledger;
mod metering;
mod request;
mod watch;

pub(crate) use call::{Consumed, ModelCall, number};
pub(crate) use request::needed_body;
pub(crate) use watch::{ModelResponse, ResponseEnd, Watch, Watcher};

#[cfg(test)]
mod tests;
