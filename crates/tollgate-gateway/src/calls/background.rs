//! Work that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// Tasks that outlive the requests they were begun for.
#[derive(Debug, Clone)]
pub(super) struct Background {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    n_running: AtomicUsize,
    ended: Notify,
    /// True once all of it ends.
    aborting: watch::Sender<bool>,
}

/// A task that counts while it lives.
struct Running(Arc<State>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.n_running.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_waiters();
    }
}

impl Default for Background {
    fn default() -> Self {
        let aborting = watch::Sender::new(false);
        let state = State { n_running: AtomicUsize::new(0), ended: Notify::new(), aborting };
        Self { state: Arc::new(state) }
    }
}

impl Background {
    /// Begins work, unless this much is under way already.
    pub(super) fn spawn(
        &self,
        most: usize,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        let more = |n: usize| (n < most).then_some(n + 1);
        let taken = self.state.n_running.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        if taken.is_err() {
            return false;
        }
        let running = Running(Arc::clone(&self.state));
        let mut aborting = self.state.aborting.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                _ = aborting.wait_for(|abort| *abort) => {}
            }
            drop(running);
        });
        true
    }

    /// Waits until nothing is under way, but no longer than this; what is left then ends. How much that was.
    pub(super) async fn drain(&self, within: Duration) -> usize {
        let idle = async {
            loop {
                let ended = self.state.ended.notified();
                let mut ended = std::pin::pin!(ended);
                // Listens before it looks, so that no end is missed.
                ended.as_mut().enable();
                if self.state.n_running.load(Ordering::Acquire) == 0 {
                    return;
                }
                ended.await;
            }
        };
        if tokio::time::timeout(within, idle).await.is_ok() {
            return 0;
        }
        let left = self.state.n_running.load(Ordering::Acquire);
        self.state.aborting.send_replace(true);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_bounded_and_drained() {
        let background = Background::default();
        let nap = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        assert!(background.spawn(2, nap(1)) && background.spawn(2, nap(2)));
        assert!(!background.spawn(2, nap(1)), "two are enough");
        assert_eq!(background.drain(Duration::from_secs(5)).await, 0);
        assert!(background.spawn(2, nap(60)), "there is room again");
        assert_eq!(background.drain(Duration::from_secs(5)).await, 1);
        tokio::task::yield_now().await;
        assert_eq!(background.drain(Duration::ZERO).await, 0, "what was left has ended");
    }
}
