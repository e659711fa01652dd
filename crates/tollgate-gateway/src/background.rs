//! Work that must not take the processors from requests.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How far such work steps back, as `nice` counts: beside one busy worker it gets a tenth of a processor.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Does work in a thread of its own, which steps back behind those that serve. `None` when it panics, or there is no thread.
///
/// With few processors a reload of a second would otherwise be a second in which requests wait.
pub(crate) async fn behind<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = oneshot::channel();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _within = runtime.enter();
        step_back();
        sender.send(work()).ok();
    });
    if let Err(error) = thread {
        tracing::warn!(%error, work = name, "there is no thread for it");
    }
    receiver.await.ok()
}

#[cfg(target_os = "linux")]
fn step_back() {
    // Linux counts niceness for each thread. Who has stepped back further already stays there, and nobody needs it to work.
    let this = Some(rustix::thread::gettid());
    if rustix::process::getpriority_process(this).is_ok_and(|nice| nice < NICE) {
        rustix::process::setpriority_process(this, NICE).ok();
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::behind;

    #[tokio::test]
    async fn work_steps_back_and_may_panic() {
        #[cfg(target_os = "linux")]
        {
            let nice = || {
                let this = Some(rustix::thread::gettid());
                rustix::process::getpriority_process(this).unwrap()
            };
            let before = nice();
            assert_eq!(behind("nice", nice).await, Some(before.max(super::NICE)));
            assert_eq!(nice(), before);
        }
        assert_eq!(behind("answers", || Handle::try_current().is_ok()).await, Some(true));
        assert_eq!(behind::<()>("panics", || panic!("on purpose")).await, None);
    }
}
