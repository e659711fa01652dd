//! `rate-limit`: limits the calls of a subscription.

use tollgate_engine::ports::{Charge, Counter, Verdict, Window};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, ChildDef, CompileCx, Content, Facts, Limit, PolicyDef,
    PolicyError, RequestCx, Scope, Section, Step,
};

use crate::limit::{
    Charges, ID, Level, Limited, Limiter, NAME, Output, Period, REMAINING_HEADER,
    REMAINING_VARIABLE, RETRY_AFTER_HEADER, RETRY_AFTER_VARIABLE, TOTAL_HEADER, holding, levels,
};

const CALLS: AttributeDef = AttributeDef {
    name: "calls",
    ty: AttributeType::Int { min: 1, max: i32::MAX as i64 },
    required: true,
    doc: "Most calls within the renewal period.",
    ..AttributeDef::DEFAULT
};
const RENEWAL_PERIOD: AttributeDef = AttributeDef {
    name: "renewal-period",
    required: true,
    doc: "Length of the sliding window: 1 to 300 seconds, or an ISO 8601 duration such as `PT1M`.",
    ..AttributeDef::DEFAULT
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "rate-limit",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &[Scope::Product, Scope::Api, Scope::Operation],
    limit: Limit::OncePerDocument,
    attributes: &[
        CALLS,
        RENEWAL_PERIOD,
        RETRY_AFTER_HEADER,
        RETRY_AFTER_VARIABLE,
        REMAINING_HEADER,
        REMAINING_VARIABLE,
        TOTAL_HEADER,
    ],
    content: Content::Children(&[ChildDef {
        name: "api",
        attributes: &[NAME, ID, CALLS, RENEWAL_PERIOD],
        content: Content::Children(&[ChildDef {
            name: "operation",
            attributes: &[NAME, ID, CALLS, RENEWAL_PERIOD],
            doc: "A limit of its own for an operation of the API.",
            ..ChildDef::DEFAULT
        }]),
        doc: "A limit of its own for an API.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Limits the calls of each subscription within a sliding window; requests without a subscription pass. One call more
is refused with 429 and `Rate limit is exceeded. Try again in N seconds.`. Limits of APIs and operations count for themselves, and a
call must fit into all of them. The headers go on the final response, whoever makes it.

```xml
<rate-limit calls="20" renewal-period="90" remaining-calls-header-name="X-Remaining">
    <api name="AI Gateway" calls="10" renewal-period="60">
        <operation id="chat" calls="5" renewal-period="60" />
    </api>
</rate-limit>
```

A window with up to 64 calls holds to the millisecond; with more, calls leave it in 64 steps, never too early. Gateways share their
counts when `[redis]` is configured; `counters.when-unavailable` says what happens while that server is away.

Differences from Azure:

- Counts are exact, also across gateways; Azure's are approximate.
- A call that is refused does not count, and `Retry-After` says when there will be room rather than the whole period.
- `renewal-period` may be written as an ISO 8601 duration.
- The numbers of calls left are those of the limit with the fewest; `total-calls-header-name` gives `calls` of the policy itself.
"#;

/// Calls within a window.
#[derive(Debug)]
struct Rate {
    calls: u64,
    ms: u64,
}

#[derive(Debug)]
struct RateLimit {
    scope: Scope,
    rate: Rate,
    apis: Vec<Level<Rate>>,
    output: Output,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let own = rate(element, cx, None);
    let apis = levels(element, cx, own.as_ref(), rate);
    let output = Output::compile(element, cx);
    let limit = RateLimit { scope: cx.scope(), rate: own?, apis: apis?, output: output? };
    Some(Box::new(Limited(limit)))
}

fn rate(element: &Element, cx: &mut CompileCx<'_>, _: Option<&Rate>) -> Option<Rate> {
    let calls = cx.literal::<i64>(element, CALLS.name);
    let period = cx.literal::<Period<1, 300, false>>(element, RENEWAL_PERIOD.name);
    Some(Rate { calls: u64::try_from(calls?).ok()?, ms: period?.ms()? })
}

impl Limiter for RateLimit {
    type Asked = ();

    fn ask(&self, cx: &mut RequestCx) -> Result<Option<(Charges, ())>, PolicyError> {
        let info = &cx.route.info;
        let Some(subscription) = &info.subscription else { return Ok(None) };
        let limits = (&self.rate, self.apis.as_slice());
        let all = holding(POLICY.name, self.scope, &subscription.id, limits, info);
        let charge = |(rate, key): (&Rate, _)| {
            let counter = Counter { key, window: Window::Sliding { ms: rate.ms } };
            Charge { counter, limit: rate.calls, needed: 1, amount: 1 }
        };
        Ok(Some((all.into_iter().map(charge).collect(), ())))
    }

    fn judge(
        &self,
        cx: &mut RequestCx,
        (): (),
        charges: &Charges,
        verdict: &Verdict,
    ) -> Result<(), PolicyError> {
        self.output.judge(cx, self.rate.calls, charges, verdict)
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}

#[cfg(test)]
mod tests;
