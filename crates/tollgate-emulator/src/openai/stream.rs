//! Server-sent events, and how a test makes them slow, silent or short.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::StatusCode;
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::reply::{Body, Closed, Reply, bytes};
use crate::tally::{Counted, Open};

/// How the events of a stream follow each other.
#[derive(Clone, Debug, Default)]
pub struct StreamPlan {
    /// The time between events.
    pub pace: Pace,
    /// Says nothing for this time after that many events.
    pub silence: Option<(usize, Duration)>,
    /// Cuts the connection after that many events.
    pub close_after: Option<usize>,
    /// Ends the body in order after that many events: the rest and its last event are missing.
    pub end_after: Option<usize>,
}

/// The time between the events of a stream.
#[derive(Clone, Debug, Default)]
pub enum Pace {
    /// None.
    #[default]
    Immediate,
    /// This long before each event.
    Every(Duration),
    /// Each event waits until the test lets it go.
    Gated(Gate),
}

/// Lets the events of gated streams go, one by one.
#[derive(Clone, Debug)]
pub struct Gate {
    permits: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(0)) }
    }
}

impl Gate {
    /// Lets `n` more events go.
    pub fn release(&self, n: usize) {
        self.permits.add_permits(n);
    }

    /// Lets all further events go.
    pub fn open(&self) {
        // A closed semaphore refuses, which is taken for leave below.
        self.permits.close();
    }

    async fn pass(&self) {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
    }
}

/// `data:` lines with `[DONE]` at the end: the chat and completions form.
pub(crate) fn data_events(chunks: &[Value]) -> Vec<Bytes> {
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    chunks.iter().map(|chunk| Bytes::from(format!("data: {chunk}\n\n"))).chain([done]).collect()
}

/// `event:` and `data:` lines, named by each event's `type`: the Responses form, which has no `[DONE]`.
pub(crate) fn named_events(events: &[Value]) -> Vec<Bytes> {
    let line = |event: &Value| {
        let name = event.get("type").and_then(Value::as_str).unwrap_or("error");
        Bytes::from(format!("event: {name}\ndata: {event}\n\n"))
    };
    events.iter().map(line).collect()
}

/// The reply that sends `events` as `plan` says; `open` counts it until its end.
pub(crate) fn reply(events: Vec<Bytes>, plan: StreamPlan, open: Open) -> Reply {
    let mut reply = bytes(StatusCode::OK, "text/event-stream; charset=utf-8", "");
    *reply.body_mut() = Counted::new(body(events, plan), open).boxed_unsync();
    reply
}

fn body(events: Vec<Bytes>, plan: StreamPlan) -> Body {
    let state = (events.into_iter().enumerate(), plan);
    let frames = stream::unfold(state, async |(mut events, plan)| {
        let (position, event) = events.next()?;
        if plan.end_after == Some(position) {
            return None;
        }
        if plan.close_after == Some(position) {
            // One turn of the connection, in which it writes out what it was given before.
            yield_now().await;
            return Some((Err(Closed), (events, plan)));
        }
        if let Some((_, silence)) = plan.silence.filter(|(after, _)| *after == position) {
            sleep(silence).await;
        }
        match &plan.pace {
            Pace::Immediate => {}
            Pace::Every(pause) => sleep(*pause).await,
            Pace::Gated(gate) => gate.pass().await,
        }
        Some((Ok(Frame::data(event)), (events, plan)))
    });
    StreamBody::new(frames).boxed_unsync()
}
