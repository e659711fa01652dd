//! What a running server says of itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::load::Queueing;

/// Whether the server drains, and how much is going on. Kept by whoever asks, also after the server has ended.
#[derive(Debug, Default)]
pub struct ServerStatus {
    draining: AtomicBool,
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Told when the last connection or request ends.
    idle: Notify,
    pub(super) queueing: Queueing,
}

impl ServerStatus {
    /// Whether the server has been asked to stop: it is not ready for more.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Connections of clients that are open.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Requests that are being worked on, and those whose counters are still told of their end.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(super) fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts a request, unless so many are being worked on already.
    pub(super) fn request(self: &Arc<Self>, most: usize) -> Option<OpenRequest> {
        let others = self.requests.fetch_add(1, Ordering::Relaxed);
        let counted = OpenRequest(Arc::clone(self));
        (others < most).then_some(counted)
    }

    /// Waits until no connection is open and no request leaves anything to be done.
    pub(super) async fn idle(&self) {
        loop {
            let told = self.idle.notified();
            if self.connections() == 0 && self.requests() == 0 {
                return;
            }
            told.await;
        }
    }
}

/// Counts a connection until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<ServerStatus>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if self.0.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// Counts a request until it is dropped.
#[derive(Debug)]
pub(super) struct OpenRequest(Arc<ServerStatus>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
