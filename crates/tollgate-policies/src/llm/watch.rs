//! Policies that look on while a model answers.

use tollgate_engine::{BoxFuture, RequestCx, Sent, Traffic};
use tollgate_llm::{Api, Usage};

/// A policy that wants to know what a model answers. It is told of each response of the backend, of which retries make
/// several; not of errors, which use nothing.
pub(crate) trait Watcher: Send + Sync {
    /// The backend has answered: `cx.response` is there, and its body may still be on the wire. `None` when this response
    /// is of no interest.
    fn begin(&self, cx: &RequestCx, response: &ModelResponse<'_>) -> Option<Box<dyn Watch>>;
}

/// What is known of a response when it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelResponse<'a> {
    /// The protocol.
    pub(crate) api: Api,
    /// The model or deployment that the request asks for; empty when it is not known.
    pub(crate) model: &'a str,
}

/// Looks on at one response.
pub(crate) trait Watch: Send {
    /// The response is over. What must wait goes on in the future, as a task of its own.
    fn end(self: Box<Self>, end: &ResponseEnd<'_>) -> Option<BoxFuture<'static, ()>>;
}

/// What is known of a response when it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseEnd<'a> {
    /// What it used: as the backend says, or as it was counted where that says nothing.
    pub(crate) usage: Usage,
    /// The model that answered, as it calls itself; empty when it does not say.
    pub(crate) model: &'a str,
}

/// The watches of one response.
#[derive(Default)]
pub(super) struct Watches(Vec<Box<dyn Watch>>);

impl Watches {
    pub(super) fn new(watches: Vec<Box<dyn Watch>>) -> Self {
        Self(watches)
    }

    /// Tells them the end, and gives what of it waits.
    pub(super) fn end(&mut self, end: &ResponseEnd<'_>) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.0).into_iter().filter_map(|watch| watch.end(end)).collect()
    }
}

/// Work that is begun when the response has been sent.
pub(super) struct Later(pub(super) BoxFuture<'static, ()>);

impl Sent for Later {
    fn run(self: Box<Self>, _traffic: Traffic) -> Option<BoxFuture<'static, ()>> {
        Some(self.0)
    }
}
