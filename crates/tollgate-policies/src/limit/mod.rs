//! What the policies that limit calls have in common: asking the counters, at once or after waiting for them, and counting
//! what is known only when the response is.

mod counting;
mod exceeded;
mod later;
mod level;
mod output;
mod period;
mod quotas;

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use smallvec::SmallVec;
use tollgate_engine::ports::{Answer, Charge, CounterKey, CountersUnavailable, Verdict};
use tollgate_engine::{BoxFuture, Facts, Flow, PolicyError, RequestCx, Resumed, Step};

pub(crate) use counting::{Amount, Counting, INCREMENT_CONDITION, INCREMENT_COUNT};
pub(crate) use exceeded::whole_seconds;
pub(crate) use later::{Later, Traffic, count_traffic};
pub(crate) use level::{ID, Level, NAME, holding, levels};
pub(crate) use output::{
    Output, REMAINING_HEADER, REMAINING_VARIABLE, RETRY_AFTER_HEADER, RETRY_AFTER_VARIABLE,
    TOTAL_HEADER,
};
pub(crate) use period::{Instant, Period};
pub(crate) use quotas::{Asked, BANDWIDTH, CALLS, Quotas};

/// The charges of one execution.
pub(crate) type Charges = SmallVec<[Charge; 4]>;

/// A policy that asks counters whether a request may pass.
pub(crate) trait Limiter: fmt::Debug + Send + Sync {
    /// What is kept between asking and judging.
    type Asked: Send;

    /// What to charge; none when the policy does not apply to the request.
    fn ask(&self, cx: &mut RequestCx) -> Result<Option<(Charges, Self::Asked)>, PolicyError>;

    /// What follows from the counters' verdict.
    fn judge(
        &self,
        cx: &mut RequestCx,
        asked: Self::Asked,
        charges: &Charges,
        verdict: &Verdict,
    ) -> Result<(), PolicyError>;

    /// What the expressions need that are evaluated when asking.
    fn facts(&self) -> Facts;

    /// What else asking needs of this very request.
    fn needs(&self, cx: &RequestCx) -> Facts {
        let _ = cx;
        Facts::default()
    }
}

/// A limiter as a step.
#[derive(Debug)]
pub(crate) struct Limited<L>(pub(crate) L);

impl<L: Limiter> Step for Limited<L> {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let counters = Arc::clone(&cx.ports.counters);
        if counters.waits() || cx.lacks(self.0.needs(cx)) {
            return Ok(Flow::Wait);
        }
        let Some((charges, asked)) = self.0.ask(cx)? else { return Ok(Flow::Continue) };
        match counters.charge(&charges) {
            Answer::Ready(verdict) => {
                self.0.judge(cx, asked, &charges, &verdict.map_err(unavailable)?)?;
                Ok(Flow::Continue)
            }
            // The counters have become shared this moment.
            Answer::Pending(_) => Ok(Flow::Wait),
        }
    }

    /// When the future is dropped, the request may have been counted.
    fn wait<'a>(
        &'a self,
        cx: &'a mut RequestCx,
        _resumed: Option<Resumed>,
    ) -> BoxFuture<'a, Result<Flow, PolicyError>> {
        Box::pin(async move {
            cx.provide(self.0.needs(cx)).await?;
            let counters = Arc::clone(&cx.ports.counters);
            let Some((charges, asked)) = self.0.ask(cx)? else { return Ok(Flow::Continue) };
            let verdict = counters.charge(&charges).get().await.map_err(unavailable)?;
            self.0.judge(cx, asked, &charges, &verdict)?;
            Ok(Flow::Continue)
        })
    }

    fn facts(&self) -> Facts {
        self.0.facts()
    }
}

fn unavailable(error: CountersUnavailable) -> PolicyError {
    PolicyError::refused("CountersUnavailable", error.to_string(), StatusCode::SERVICE_UNAVAILABLE)
        .client_message("Service Unavailable")
}

/// The key of a counter that everybody shares who counts by the same text.
pub(crate) fn shared_key(what: &str, text: &str) -> CounterKey {
    CounterKey::new(&[what, text])
}
