//! Work that many wait for and one does.

use std::future::Future;

use futures::FutureExt as _;
use futures::future::Shared;
use tollgate_engine::BoxFuture;

/// Work under way; each clone waits for the same result.
pub(crate) type Flight<T> = Shared<BoxFuture<'static, T>>;

/// Begins work as a task of its own, so that it ends also when everybody who waited has gone. Should the task be lost (it
/// panicked, or the runtime stops), `lost` makes the result.
pub(crate) fn begin<T>(
    work: impl Future<Output = T> + Send + 'static,
    lost: impl FnOnce(String) -> T + Send + 'static,
) -> Flight<T>
where
    T: Clone + Send + Sync + 'static,
{
    let task = tokio::spawn(work);
    async move { task.await.unwrap_or_else(|error| lost(error.to_string())) }.boxed().shared()
}
