//! Policies that look on while a model answers.

use tollgate_engine::{BoxFuture, RequestCx, Sent, Traffic};
use tollgate_llm::{Answer, Api, Usage};

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
    /// Bytes of the answer that are to be put together for [`ResponseEnd::answer`]; 0 for none.
    fn answer_bytes(&self) -> usize {
        0
    }

    /// A piece of a stream is about to go on, and adds this text to the answer: that of all choices as it came, without
    /// reasoning and calls. Called for every piece, also when it adds nothing. What is not forwarded as a stream does not
    /// come here.
    fn text(&mut self, text: &str) {
        let _ = text;
    }

    /// The response is over. What must wait goes on in the future, as a task of its own.
    fn end(self: Box<Self>, end: &ResponseEnd<'_>) -> Option<BoxFuture<'static, ()>>;
}

/// What is known of a response when it is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseEnd<'a> {
    /// What it used: as the backend says, or as it was counted where that says nothing.
    pub(crate) usage: Usage,
    /// The answer, when a watch has asked for it and there is one; see [`Answer::is_complete`].
    pub(crate) answer: Option<&'a Answer>,
}

/// The watches of one response.
#[derive(Default)]
pub(super) struct Watches(Vec<Box<dyn Watch>>);

impl Watches {
    pub(super) fn new(watches: Vec<Box<dyn Watch>>) -> Self {
        Self(watches)
    }

    /// Bytes of the answer that are put together for them.
    pub(super) fn answer_bytes(&self) -> usize {
        self.0.iter().map(|watch| watch.answer_bytes()).max().unwrap_or(0)
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.iter_mut().for_each(|watch| watch.text(text));
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
