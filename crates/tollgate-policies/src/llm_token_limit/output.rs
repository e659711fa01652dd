//! What the limit tells clients and the policies after it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use tollgate_engine::ports::{Charge, Standing};
use tollgate_engine::read::Element;
use tollgate_engine::{CompileCx, PolicyError, RequestCx};

use crate::limit::whole_seconds;
use crate::llm::{Consumed, ModelCall, number};

use super::{Kind, length};

pub(super) const RETRY_AFTER_HEADER: &str = "retry-after-header-name";
pub(super) const RETRY_AFTER_VARIABLE: &str = "retry-after-variable-name";
pub(super) const QUOTA_HEADER: &str = "remaining-quota-tokens-header-name";
pub(super) const QUOTA_VARIABLE: &str = "remaining-quota-tokens-variable-name";
pub(super) const RATE_HEADER: &str = "remaining-tokens-header-name";
pub(super) const RATE_VARIABLE: &str = "remaining-tokens-variable-name";
pub(super) const CONSUMED_HEADER: &str = "tokens-consumed-header-name";
pub(super) const CONSUMED_VARIABLE: &str = "tokens-consumed-variable-name";

/// Where a number goes.
#[derive(Debug, Clone, Default)]
struct Place {
    header: Option<HeaderName>,
    variable: Option<Arc<str>>,
}

/// Where the numbers go.
#[derive(Debug)]
pub(super) struct Output {
    retry_after_header: HeaderName,
    retry_after_variable: Option<Arc<str>>,
    rate: Place,
    quota: Place,
    consumed: Consumed,
}

/// A charge of the policy, and how its counter stands.
type Judged = (Kind, Charge, Standing);

impl Output {
    /// From the attributes; `None` when one is wrong, which has been reported.
    pub(super) fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Self> {
        let retry_after_header = cx.literal(element, RETRY_AFTER_HEADER);
        let mut place = |header, variable| {
            let name = cx.literal::<HeaderName>(element, header);
            // A header whose name is wrong must not become one that is not asked for.
            if name.is_none() && element.attribute(header).is_some() {
                return None;
            }
            Some(Place { header: name, variable: cx.literal(element, variable) })
        };
        let rate = place(RATE_HEADER, RATE_VARIABLE);
        let quota = place(QUOTA_HEADER, QUOTA_VARIABLE);
        let consumed = place(CONSUMED_HEADER, CONSUMED_VARIABLE);
        let Place { header, variable } = consumed?;
        Some(Self {
            retry_after_header: retry_after_header?,
            retry_after_variable: cx.literal(element, RETRY_AFTER_VARIABLE),
            rate: rate?,
            quota: quota?,
            consumed: Consumed { header, variable },
        })
    }

    /// Says what is left.
    pub(super) fn tell(&self, cx: &mut RequestCx, all: &[Judged]) {
        for (kind, charge, standing) in all {
            let left = charge.limit.saturating_sub(standing.used);
            let place = match kind {
                Kind::Rate => &self.rate,
                Kind::Quota => &self.quota,
            };
            if let Some(name) = &place.variable {
                cx.variables.set(name, number(left));
            }
            if let Some(name) = &place.header {
                cx.finally.set_header(name.clone(), HeaderValue::from(left));
            }
        }
    }

    /// Refuses a request that there was no room for. A quota that is used up says more than a minute that is.
    pub(super) fn refuse(&self, cx: &mut RequestCx, all: &[Judged]) -> PolicyError {
        let wait = |wanted: Kind| {
            let mut full = all.iter().filter(|(kind, _, it)| *kind == wanted && !it.fits);
            let (_, charge, standing) = full.next()?;
            let whole = Duration::from_millis(length(charge.counter.window));
            Some(whole_seconds(standing.wait.unwrap_or(whole)))
        };
        let quota = wait(Kind::Quota);
        let seconds = quota.or_else(|| wait(Kind::Rate)).unwrap_or(1);
        if let Some(name) = &self.retry_after_variable {
            cx.variables.set(name, number(seconds));
        }
        let error = if quota.is_some() {
            let message = "Token quota is exceeded";
            PolicyError::refused("TokenQuotaExceeded", message, StatusCode::FORBIDDEN)
                .client_message(format!("{message}. Try again in {}.", span(seconds)))
        } else {
            let message = "Token limit is exceeded";
            PolicyError::refused("TokenLimitExceeded", message, StatusCode::TOO_MANY_REQUESTS)
                .client_message(format!("{message}. Try again in {seconds} seconds."))
        };
        error.header(self.retry_after_header.clone(), HeaderValue::from(seconds))
    }

    /// Has the consumption told once it is known; until then it is what the prompt is estimated at.
    pub(super) fn expect_consumption(&self, cx: &mut RequestCx, call: &ModelCall, prompt: u64) {
        if let Some(name) = &self.consumed.variable {
            cx.variables.set(name, number(prompt));
        }
        call.tell_consumed(self.consumed.clone());
    }
}

/// A time in words: `21 minutes and 33 seconds`.
fn span(seconds: u64) -> String {
    let units = [
        (seconds / 86_400, "day"),
        (seconds / 3_600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let words = units.into_iter().filter(|(n, _)| *n > 0);
    let words = words.map(|(n, unit)| format!("{n} {unit}{}", if n == 1 { "" } else { "s" }));
    let words: Vec<String> = words.collect();
    match words.split_last() {
        None => "0 seconds".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_words() {
        for (seconds, expected) in [
            (1, "1 second"),
            (60, "1 minute"),
            (1_293, "21 minutes and 33 seconds"),
            (3_601, "1 hour and 1 second"),
            (90_061, "1 day, 1 hour, 1 minute and 1 second"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }
}
