//! How many calls, streams or sockets are open, ended well, or were left by their client.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::reply::{Body, Closed};

/// A moment's figures of a [`Tally`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Begun since the start.
    pub opened: u64,
    /// Ended as they should.
    pub completed: u64,
    /// Ended early: the client went away or the emulator was told to cut it off.
    pub aborted: u64,
}

impl Counts {
    /// Still going on.
    pub fn open(&self) -> u64 {
        self.opened.saturating_sub(self.completed).saturating_sub(self.aborted)
    }
}

/// Live figures that a test can read or wait for.
#[derive(Clone, Debug)]
pub struct Tally {
    counts: watch::Sender<Counts>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { counts: watch::Sender::new(Counts::default()) }
    }
}

impl Tally {
    /// The figures now.
    pub fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    /// Waits until the figures are as `wanted` says and returns them; `None` when that takes longer than `within`.
    pub async fn until(
        &self,
        within: Duration,
        wanted: impl FnMut(&Counts) -> bool,
    ) -> Option<Counts> {
        let mut receiver = self.counts.subscribe();
        let counts = timeout(within, receiver.wait_for(wanted)).await.ok()?.ok()?;
        Some(*counts)
    }

    /// Counts one more as open.
    pub(crate) fn open(&self) -> Open {
        self.counts.send_modify(|counts| counts.opened += 1);
        Open { tally: self.clone(), completed: false }
    }
}

/// One open call; counts as aborted unless it was completed before it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    tally: Tally,
    completed: bool,
}

impl Open {
    /// The call ended as it should.
    pub(crate) fn complete(&mut self) {
        self.completed = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let completed = self.completed;
        self.tally.counts.send_modify(|counts| {
            if completed {
                counts.completed += 1;
            } else {
                counts.aborted += 1;
            }
        });
    }
}

/// A body that completes its call when its last byte was taken.
#[derive(Debug)]
pub(crate) struct Counted {
    body: Body,
    open: Open,
}

impl Counted {
    /// Ties `open` to `body`.
    pub(crate) fn new(body: Body, open: Open) -> Self {
        let mut counted = Self { body, open };
        counted.note_end();
        counted
    }

    /// hyper does not poll a body again that says it is at its end, so look before it is asked.
    fn note_end(&mut self) {
        if self.body.is_end_stream() {
            self.open.complete();
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => self.open.complete(),
            Poll::Ready(Some(Ok(_))) => self.note_end(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
