//! What counts only when the response is known, or when it was sent.

use std::sync::Arc;

use smallvec::SmallVec;
use tollgate_engine::ports::{Correction, Counter, Counters};
use tollgate_engine::{
    BoxFuture, PolicyError, RequestCx, Responding, Sent, Traffic as Sizes, error_response,
};

use super::Counting;

/// Counters of traffic, which count when the response was sent.
pub(crate) type Traffic = SmallVec<[Counter; 2]>;

/// Counts a request that was only looked at before.
#[derive(Debug)]
pub(crate) struct Later {
    /// Whether and how much.
    pub(crate) counting: Counting,
    /// What counts calls.
    pub(crate) calls: Option<Counter>,
    /// What counts traffic, if the request counts at all.
    pub(crate) traffic: Traffic,
    /// Name of the policy, for traces.
    pub(crate) policy: &'static str,
}

impl Responding for Later {
    fn run(self: Box<Self>, cx: &mut RequestCx) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let amount = match self.decide(cx).await {
                Ok(amount) => amount,
                Err(error) => {
                    // A limit that could be slipped past by making its condition fail would be none.
                    if cx.ports.trace.enabled() {
                        let message = format!("the request counts: {}", error.message());
                        cx.ports.trace.message(cx.client.request_id, self.policy, &message);
                    }
                    1
                }
            };
            if amount == 0 {
                return;
            }
            let Self { calls, traffic, .. } = *self;
            let corrections: SmallVec<[Correction; 1]> =
                calls.into_iter().map(|counter| correction(counter, amount)).collect();
            let counters = Arc::clone(&cx.ports.counters);
            // Who cannot be told now is not told: the response stands, and the setting for it has been obeyed.
            if !corrections.is_empty() {
                counters.correct(&corrections).get().await.ok();
            }
            count_traffic(cx, traffic);
        })
    }
}

impl Later {
    async fn decide(&self, cx: &mut RequestCx) -> Result<u64, PolicyError> {
        if let Err(error) = cx.provide(self.counting.facts()).await {
            // The body has gone with the attempt to read it, so nothing of the response is left to send.
            cx.response = Some(error_response(&error, cx.client.request_id));
            return Err(error);
        }
        self.counting.amount(cx)
    }
}

fn correction(counter: Counter, amount: u64) -> Correction {
    Correction { counter, amount: i64::try_from(amount).unwrap_or(i64::MAX), since: 0, limit: None }
}

/// Leaves the counting of traffic for when the response was sent.
pub(crate) fn count_traffic(cx: &mut RequestCx, counters: Traffic) {
    if !counters.is_empty() {
        let port = Arc::clone(&cx.ports.counters);
        cx.finally.when_sent(CountTraffic { port, counters });
    }
}

struct CountTraffic {
    port: Arc<dyn Counters>,
    counters: Traffic,
}

impl Sent for CountTraffic {
    fn run(self: Box<Self>, sizes: Sizes) -> Option<BoxFuture<'static, ()>> {
        let bytes = sizes.request.saturating_add(sizes.response);
        let Self { port, counters } = *self;
        let corrections: SmallVec<[Correction; 2]> =
            counters.into_iter().map(|counter| correction(counter, bytes)).collect();
        if port.waits() {
            return Some(Box::pin(async move {
                port.correct(&corrections).get().await.ok();
            }));
        }
        drop(port.correct(&corrections));
        None
    }
}
