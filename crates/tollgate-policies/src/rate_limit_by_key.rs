//! `rate-limit-by-key`: limits the calls of whatever a key says.

use std::sync::Arc;

use smallvec::smallvec;
use tollgate_engine::ports::{Charge, Counter, Verdict, Window};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, CompileCx, Content, Facts, Limit, PolicyDef, PolicyError,
    RequestCx, Scope, Section, Step, Support, Value,
};

use crate::limit::{
    Amount, Charges, Counting, INCREMENT_CONDITION, INCREMENT_COUNT, Later, Limited, Limiter,
    Output, Period, REMAINING_HEADER, REMAINING_VARIABLE, RETRY_AFTER_HEADER, RETRY_AFTER_VARIABLE,
    TOTAL_HEADER, Traffic, shared_key,
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "rate-limit-by-key",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "calls",
            ty: AttributeType::Int { min: 1, max: i32::MAX as i64 },
            required: true,
            expression: true,
            doc: "Most calls within the renewal period.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "renewal-period",
            required: true,
            expression: true,
            doc: "Length of the sliding window: 1 to 300 seconds, or an ISO 8601 duration such as `PT1M`.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "counter-key",
            required: true,
            expression: true,
            doc: "What is counted; all policies with the same key and period share one counter.",
            ..AttributeDef::DEFAULT
        },
        INCREMENT_CONDITION,
        INCREMENT_COUNT,
        AttributeDef {
            name: "increment-after-response",
            ty: AttributeType::Bool,
            default: Some("false"),
            doc: "Whether the request counts only when its response is known.",
            ..AttributeDef::DEFAULT
        },
        RETRY_AFTER_HEADER,
        RETRY_AFTER_VARIABLE,
        REMAINING_HEADER,
        REMAINING_VARIABLE,
        TOTAL_HEADER,
        AttributeDef {
            name: "flexible-retry-window",
            ty: AttributeType::Bool,
            doc: "Seen in newer documents; its meaning is not documented.",
            support: Support::NoEffect("Azure does not document what it means"),
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Limits the calls with the same key within a sliding window. One call more is refused with 429 and
`Rate limit is exceeded. Try again in N seconds.`. The headers go on the final response, whoever makes it.

```xml
<rate-limit-by-key calls="10" renewal-period="60" counter-key="@(context.Request.IpAddress)"
    increment-condition="@(context.Response.StatusCode == 200)" remaining-calls-header-name="X-Remaining" />
```

Whether and by how much a request counts is decided where the policy stands, and the count is charged at once. When one of the two
expressions reads `context.Response`, there must be room for one call where the policy stands, and the request is counted when its
response is known; requests that run beside one another can then go past the limit together.

A window with a limit of up to 64 holds to the millisecond; with more, calls leave it in 64 steps, never too early. Gateways share their
counts when `[redis]` is configured; `counters.when-unavailable` says what happens while that server is away.

Differences from Azure:

- Counts are exact, also across gateways; Azure's are approximate.
- A call that is refused does not count, and `Retry-After` says when there will be room rather than the whole period.
- `counter-key` shares a counter among policies of the same `renewal-period`; with another one they count apart. A request counts
  once for a counter, however many policies name it.
- `renewal-period` may be written as an ISO 8601 duration.
- When `increment-condition` or `increment-count` fails after the response is known, the request counts as one and the response
  stands; the failure is traced.
"#;

#[derive(Debug)]
struct RateLimitByKey {
    calls: Value<Amount>,
    period: Value<Period<1, 300, false>>,
    key: Value<Arc<str>>,
    counting: Counting,
    output: Output,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let calls = cx.attribute(element, "calls");
    let period = cx.attribute(element, "renewal-period");
    let key = cx.attribute(element, "counter-key");
    let late = cx.literal::<bool>(element, "increment-after-response");
    let counting = Counting::compile(element, cx, late.unwrap_or(false));
    let output = Output::compile(element, cx);
    Some(Box::new(Limited(RateLimitByKey {
        calls: calls?,
        period: period?,
        key: key?,
        counting: counting?,
        output: output?,
    })))
}

impl Limiter for RateLimitByKey {
    /// Whether this is the first policy of the request that names the counter.
    type Asked = bool;

    fn ask(&self, cx: &mut RequestCx) -> Result<Option<(Charges, bool)>, PolicyError> {
        let key = shared_key("rate", &self.key.eval(cx)?);
        let limit = self.calls.eval(cx)?.0;
        let Some(ms) = self.period.eval(cx)?.ms() else { return Ok(None) };
        let counter = Counter { key, window: Window::Sliding { ms } };
        let first = !cx.counted.has(counter);
        let (needed, amount) = match first {
            false => (0, 0),
            true if self.counting.is_late() => (1, 0),
            true => {
                let amount = self.counting.amount(cx)?;
                (amount.max(1), amount)
            }
        };
        let charge = Charge { counter, limit, needed, amount };
        Ok(Some((smallvec![charge], first)))
    }

    fn judge(
        &self,
        cx: &mut RequestCx,
        first: bool,
        charges: &Charges,
        verdict: &Verdict,
    ) -> Result<(), PolicyError> {
        let Some(charge) = charges.first() else { return Ok(()) };
        self.output.judge(cx, charge.limit, charges, verdict)?;
        if first {
            cx.counted.add(charge.counter);
            if self.counting.is_late() {
                cx.finally.when_responding(Later {
                    counting: self.counting.clone(),
                    calls: Some(charge.counter),
                    traffic: Traffic::new(),
                    policy: POLICY.name,
                });
            }
        }
        Ok(())
    }

    fn facts(&self) -> Facts {
        let facts = self.key.facts().or(self.calls.facts()).or(self.period.facts());
        if self.counting.is_late() { facts } else { facts.or(self.counting.facts()) }
    }
}

#[cfg(test)]
mod tests;
