//! What policies leave to be done when the request's response is known, and when it has been sent.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::ports::Tasks;
use crate::{BoxFuture, Message, RequestCx};

/// Work of policies that waits for the end of the request. Empty for a request whose policies leave none, and then it
/// costs nothing.
#[derive(Default)]
pub struct Finally {
    headers: Vec<(Put, HeaderName, HeaderValue)>,
    responding: Vec<Box<dyn Responding>>,
    sent: Vec<Box<dyn Sent>>,
    tasks: Option<Arc<dyn Tasks>>,
}

/// Work for when the response is known: outbound, on-error or a policy that ended the pipeline has made it, and nothing of
/// it was sent. An error is the work's own to deal with, because the response stands.
pub trait Responding: Send {
    /// Does the work. When the future is dropped, the client has gone.
    fn run(self: Box<Self>, cx: &mut RequestCx) -> BoxFuture<'_, ()>;
}

/// Work for when the response was sent, or as much of it as the client took; or for when there will be none, because the
/// client has gone.
pub trait Sent: Send {
    /// Begins the work; what must wait goes on in the future, as a task of its own.
    fn run(self: Box<Self>, traffic: Traffic) -> Option<BoxFuture<'static, ()>>;
}

/// What went over the client's connection for one request, without headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of the request's body.
    pub request: u64,
    /// Bytes of the response's body.
    pub response: u64,
}

/// How a header meets the ones of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    Instead,
    Beside,
}

impl fmt::Debug for Finally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finally").finish_non_exhaustive()
    }
}

impl Finally {
    /// Nothing yet. What is left when the future of the request is dropped goes on there.
    pub fn new(tasks: Arc<dyn Tasks>) -> Self {
        Self { headers: Vec::new(), responding: Vec::new(), sent: Vec::new(), tasks: Some(tasks) }
    }

    /// Puts a header on the response that the client gets, whoever makes it, in place of any it has by that name.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.retain(|(_, known, _)| *known != name);
        self.headers.push((Put::Instead, name, value));
    }

    /// Puts a header beside those of its name, unless one of them is just so.
    pub fn add_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.push((Put::Beside, name, value));
    }

    /// Leaves work for when the response is known.
    pub fn when_responding(&mut self, work: impl Responding + 'static) {
        self.responding.push(Box::new(work));
    }

    /// Leaves work for when the response was sent.
    pub fn when_sent(&mut self, work: impl Sent + 'static) {
        self.sent.push(Box::new(work));
    }

    /// Begins the work for a response that was sent, in the order it was left, and gives back what of it waits. Whoever
    /// writes responses calls this once, also when the client took only a part.
    pub fn sent(mut self, traffic: Traffic) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.sent).into_iter().filter_map(|work| work.run(traffic)).collect()
    }
}

impl Drop for Finally {
    /// A request whose future was dropped has no response; what it holds is let go of all the same.
    fn drop(&mut self) {
        for work in std::mem::take(&mut self.sent) {
            let waits = work.run(Traffic::default());
            if let (Some(waits), Some(tasks)) = (waits, &self.tasks) {
                tasks.spawn(waits);
            }
        }
    }
}

/// Does the work for a response that is known. It may leave more of its kind no longer, but headers, which go on last.
pub(crate) async fn responding(cx: &mut RequestCx) {
    cx.counted.leave_since(0);
    for work in std::mem::take(&mut cx.finally.responding) {
        work.run(cx).await;
    }
    if !cx.finally.headers.is_empty() {
        let headers = std::mem::take(&mut cx.finally.headers);
        put(&mut cx.response_mut(Message::Response).headers, headers);
    }
}

fn put(to: &mut HeaderMap, headers: Vec<(Put, HeaderName, HeaderValue)>) {
    for (how, name, value) in headers {
        match how {
            Put::Instead => drop(to.insert(name, value)),
            Put::Beside if to.get_all(&name).iter().any(|known| *known == value) => {}
            Put::Beside => drop(to.append(name, value)),
        }
    }
}
