//! Work that goes on beside requests.

use std::time::Duration;

use crate::BoxFuture;

/// Where work goes that no request waits for. It ends with the process, and what it still had to do then is not done; so it
/// is for what may be lost with the process.
pub trait Tasks: Send + Sync {
    /// Has the work done as a task of its own.
    fn spawn(&self, work: BoxFuture<'static, ()>);

    /// Is ready after so long.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Nothing goes on: for loads that are only checked.
#[derive(Debug, Clone, Copy)]
pub struct NoTasks;

impl Tasks for NoTasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        drop(work);
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}
