//! Runs steps beside one another.
//!
//! Only one of them works on the request at a time, so nothing needs a lock: a step that can be detached gives its
//! waiting away as a future, and all of those are polled together, also while another one holds the request.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use super::Failed;
use super::run::{At, Ended, Mode, Progress, Stack};
use crate::{BoxFuture, CompiledStep, Completion, RequestCx, Until};

/// A branch whose step is under way without the request.
struct UnderWay<'p> {
    stack: Stack<'p>,
    future: BoxFuture<'static, Completion>,
}

/// The branches that wait, in the order they began to, and what has arrived meanwhile.
#[derive(Default)]
struct Branches<'p> {
    under_way: Vec<UnderWay<'p>>,
    arrived: VecDeque<(Stack<'p>, Completion)>,
}

/// Runs steps concurrently until all or any of them have ended. `depth` is that of their document in the chain. The path of
/// an error begins at the step.
///
/// When the future is dropped, so is everything that is under way. It is boxed because steps nest.
pub(super) fn run<'a, 'p: 'a>(
    cx: &'a mut RequestCx,
    at: At<'p>,
    steps: &'p [CompiledStep],
    depth: usize,
    until: Until,
) -> BoxFuture<'a, Result<Ended, Box<Failed>>> {
    Box::pin(async move {
        let n_held = cx.counted.n_held();
        let ended = run_branches(cx, at, steps, depth, until).await;
        // Branches that were cut off have left nothing themselves.
        cx.counted.leave_since(n_held);
        ended
    })
}

async fn run_branches<'p>(
    cx: &mut RequestCx,
    at: At<'p>,
    steps: &'p [CompiledStep],
    depth: usize,
    until: Until,
) -> Result<Ended, Box<Failed>> {
    let mut branches = Branches::default();
    let mut to_begin = steps.iter();
    let mut failed = None;
    loop {
        let (mut stack, completion) = if let Some(step) = to_begin.next() {
            (Stack::branch(step, depth), None)
        } else if let Some((stack, completion)) = branches.next().await {
            (stack, Some(completion))
        } else {
            break;
        };
        let going_on = async {
            match completion {
                None => stack.run(cx, at, Mode::Detached).await,
                Some(completion) => stack.complete(cx, at, completion).await,
            }
        };
        match branches.beside(going_on).await {
            Ok(Progress::UnderWay(future)) => {
                branches.under_way.push(UnderWay { stack, future });
            }
            Ok(Progress::Ended(ended @ (Ended::Answered | Ended::Returned))) => {
                return Ok(ended);
            }
            Ok(Progress::Ended(Ended::Done)) if until == Until::Any => return Ok(Ended::Done),
            Ok(Progress::Ended(Ended::Done)) => {}
            Err(error) if until == Until::All => return Err(error),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(Ended::Done), Err)
}

impl<'p> Branches<'p> {
    /// Waits for the next branch that can go on; `None` when none is under way.
    async fn next(&mut self) -> Option<(Stack<'p>, Completion)> {
        if self.under_way.is_empty() {
            return self.arrived.pop_front();
        }
        poll_fn(|task| {
            self.poll(task);
            self.arrived.pop_front().map_or(Poll::Pending, |arrived| Poll::Ready(Some(arrived)))
        })
        .await
    }

    /// Awaits one future while the branches are polled.
    async fn beside<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|task| {
            let polled = future.as_mut().poll(task);
            if polled.is_pending() {
                self.poll(task);
            }
            polled
        })
        .await
    }

    /// Polls everything that is under way and keeps what arrives.
    fn poll(&mut self, task: &mut Context<'_>) {
        let mut index = 0;
        while let Some(branch) = self.under_way.get_mut(index) {
            match branch.future.as_mut().poll(task) {
                Poll::Ready(completion) => {
                    let UnderWay { stack, .. } = self.under_way.remove(index);
                    self.arrived.push_back((stack, completion));
                }
                Poll::Pending => index += 1,
            }
        }
    }
}
