//! `quota-by-key`: limits calls and bandwidth of whatever a key says over a long period.

use std::sync::Arc;

use tollgate_engine::ports::{Counter, Verdict, Window};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, CompileCx, Content, Facts, Limit, PolicyDef, PolicyError, RequestCx, Scope,
    Section, Step, Value,
};

use crate::limit::{
    Asked, BANDWIDTH, CALLS, Charges, Counting, INCREMENT_CONDITION, INCREMENT_COUNT, Instant,
    Later, Limited, Limiter, Period, Quotas, Traffic, count_traffic, shared_key,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "quota-by-key",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        CALLS,
        BANDWIDTH,
        AttributeDef {
            name: "renewal-period",
            required: true,
            doc: "Length of a period: 300 seconds or more, or an ISO 8601 duration such as `P1D`; 0 for one that never ends.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "counter-key",
            required: true,
            expression: true,
            doc: "What is counted; all policies with the same key and periods share one counter.",
            ..AttributeDef::DEFAULT
        },
        INCREMENT_CONDITION,
        INCREMENT_COUNT,
        AttributeDef {
            name: "first-period-start",
            default: Some("0001-01-01T00:00:00Z"),
            doc: "When one of the periods begins: `yyyy-MM-ddTHH:mm:ssZ`.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Limits the calls with the same key, their traffic or both in fixed periods, which follow one another from
`first-period-start`. When a quota is used up, requests are refused with 403 until the next period, and `Retry-After` and the message
say when that is. Traffic is known only when a response was sent: the request that goes past a bandwidth still passes. If several
policies would count a request for the same counter, it counts once.

```xml
<quota-by-key calls="10000" bandwidth="40000" renewal-period="86400" counter-key="@(context.Subscription.Id)"
    increment-condition="@(context.Response.StatusCode < 400)" first-period-start="2026-01-01T00:00:00Z" />
```

Whether and by how much a request counts is decided where the policy stands, and the count is charged at once. When one of the two
expressions reads `context.Response`, there must be room for one call where the policy stands, and the request is counted when its
response is known. Gateways share their counts when `[redis]` is configured; `counters.when-unavailable` says what happens while that
server is away. Counts in memory end with the process.

Differences from Azure:

- `bandwidth` counts bytes of request and response bodies as they go over the client's connection, without headers; of a request
  that does not count, traffic does not either.
- `counter-key` shares a counter among policies of the same `renewal-period` and `first-period-start`; with others they count apart.
- `renewal-period` may be written as an ISO 8601 duration. A quota that never ends has no `Retry-After`, and its message says only
  that it is used up.
- When `increment-condition` or `increment-count` fails after the response is known, the request counts as one and the response
  stands; the failure is traced.
"#;

#[derive(Debug)]
struct QuotaByKey {
    quotas: Quotas,
    window: Window,
    key: Value<Arc<str>>,
    counting: Counting,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let quotas = Quotas::compile(element, cx);
    let period = cx.literal::<Period<300, { u64::MAX }, true>>(element, "renewal-period");
    let start = cx.literal::<Instant>(element, "first-period-start");
    let key = cx.attribute(element, "counter-key");
    let counting = Counting::compile(element, cx, false);
    let window = match period?.ms() {
        Some(ms) => Window::Fixed { ms, origin: start?.0 },
        None => Window::Forever,
    };
    Some(Box::new(Limited(QuotaByKey { quotas: quotas?, window, key: key?, counting: counting? })))
}

/// What is kept until the counters have answered.
struct Kept {
    asked: Asked,
    /// Of the policy's counters those that no earlier one of the request has named.
    calls: Option<Counter>,
    bandwidth: Option<Counter>,
    /// By how much the request counts, when that is known.
    amount: u64,
}

impl Limiter for QuotaByKey {
    type Asked = Kept;

    fn ask(&self, cx: &mut RequestCx) -> Result<Option<(Charges, Kept)>, PolicyError> {
        let key = shared_key("quota", &self.key.eval(cx)?);
        let [calls, bandwidth] = self
            .quotas
            .counters(key, self.window)
            .map(|counter| counter.filter(|counter| !cx.counted.has(*counter)));
        let is_new = calls.is_some() || bandwidth.is_some();
        let amount =
            if is_new && !self.counting.is_late() { self.counting.amount(cx)? } else { 0 };
        let charged = if calls.is_some() { (amount.max(1), amount) } else { (0, 0) };
        let (mut charges, mut asked) = (Charges::new(), Asked::default());
        self.quotas.charge(key, self.window, charged, &mut charges, &mut asked);
        Ok(Some((charges, Kept { asked, calls, bandwidth, amount })))
    }

    fn judge(
        &self,
        cx: &mut RequestCx,
        kept: Kept,
        _charges: &Charges,
        verdict: &Verdict,
    ) -> Result<(), PolicyError> {
        let Kept { asked, calls, bandwidth, amount } = kept;
        asked.judge(verdict)?;
        if calls.is_none() && bandwidth.is_none() {
            return Ok(());
        }
        calls.iter().chain(&bandwidth).for_each(|counter| cx.counted.add(*counter));
        let traffic: Traffic = bandwidth.into_iter().collect();
        if self.counting.is_late() {
            let counting = self.counting.clone();
            cx.finally.when_responding(Later { counting, calls, traffic, policy: POLICY.name });
        } else if amount > 0 {
            count_traffic(cx, traffic);
        }
        Ok(())
    }

    fn facts(&self) -> Facts {
        let facts = self.key.facts();
        if self.counting.is_late() { facts } else { facts.or(self.counting.facts()) }
    }
}

#[cfg(test)]
mod tests;
