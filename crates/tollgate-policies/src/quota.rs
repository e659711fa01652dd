//! `quota`: limits calls and bandwidth of a subscription over a long period.

use tollgate_engine::ports::{Verdict, Window};
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, ChildDef, CompileCx, Content, Facts, Limit, PolicyDef, PolicyError, RequestCx,
    Scope, Section, Step, Subscription,
};

use crate::limit::{
    Asked, BANDWIDTH, CALLS, Charges, ID, Level, Limited, Limiter, NAME, Period, Quotas,
    count_traffic, holding, levels,
};

const RENEWAL_PERIOD: AttributeDef = AttributeDef {
    name: "renewal-period",
    required: true,
    doc: "Length of a period in seconds, or an ISO 8601 duration such as `P1D`; 0 for one that never ends.",
    ..AttributeDef::DEFAULT
};
const INHERITED_PERIOD: AttributeDef = AttributeDef {
    required: false,
    doc: "Length of a period, likewise; that of the element around it when absent.",
    ..RENEWAL_PERIOD
};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "quota",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &[Scope::Product],
    limit: Limit::OncePerDocument,
    attributes: &[CALLS, BANDWIDTH, RENEWAL_PERIOD],
    content: Content::Children(&[ChildDef {
        name: "api",
        attributes: &[NAME, ID, CALLS, BANDWIDTH, INHERITED_PERIOD],
        content: Content::Children(&[ChildDef {
            name: "operation",
            attributes: &[NAME, ID, CALLS, BANDWIDTH, INHERITED_PERIOD],
            doc: "A quota of its own for an operation of the API.",
            ..ChildDef::DEFAULT
        }]),
        doc: "A quota of its own for an API.",
        ..ChildDef::DEFAULT
    }]),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Limits the calls, the traffic or both of each subscription in fixed periods, which follow one another from the start of
the subscription. When a quota is used up, requests are refused with 403 until the next period, and `Retry-After` and the message say
when that is. Quotas of APIs and operations count for themselves, and a request must fit into all of them. Traffic is known only
when a response was sent: the request that goes past a bandwidth still passes.

```xml
<quota calls="10000" bandwidth="40000" renewal-period="3600">
    <api name="AI Gateway" calls="1000">
        <operation id="chat" calls="500" />
    </api>
</quota>
```

Gateways share their counts when `[redis]` is configured; `counters.when-unavailable` says what happens while that server is away.
Counts in memory end with the process.

Differences from Azure:

- A subscription without `start` has its periods from when it was created, else from 0001-01-01.
- `bandwidth` counts bytes of request and response bodies as they go over the client's connection, without headers.
- `renewal-period` may be written as an ISO 8601 duration. A quota that never ends has no `Retry-After`, and its message says only
  that it is used up.
"#;

#[derive(Debug)]
struct Quota {
    scope: Scope,
    own: Renewed,
    apis: Vec<Level<Renewed>>,
}

/// Quotas and the milliseconds after which they are there again; none for never.
#[derive(Debug)]
struct Renewed {
    quotas: Quotas,
    ms: Option<u64>,
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let own = renewed(element, cx, None);
    let apis = levels(element, cx, own.as_ref(), renewed);
    Some(Box::new(Limited(Quota { scope: cx.scope(), own: own?, apis: apis? })))
}

fn renewed(element: &Element, cx: &mut CompileCx<'_>, outer: Option<&Renewed>) -> Option<Renewed> {
    let quotas = Quotas::compile(element, cx);
    let ms = if element.attribute(RENEWAL_PERIOD.name).is_some() {
        cx.literal::<Period<0, { u64::MAX }, true>>(element, RENEWAL_PERIOD.name)?.ms()
    } else {
        outer?.ms
    };
    Some(Renewed { quotas: quotas?, ms })
}

/// When the periods of a subscription begin, in milliseconds since 1970.
fn origin(subscription: &Subscription) -> i64 {
    const TICKS_AT_UNIX_EPOCH: i64 = 621_355_968_000_000_000;
    let start = subscription.start.unwrap_or(subscription.created);
    start.saturating_sub(TICKS_AT_UNIX_EPOCH).div_euclid(10_000)
}

impl Limiter for Quota {
    type Asked = Asked;

    fn ask(&self, cx: &mut RequestCx) -> Result<Option<(Charges, Asked)>, PolicyError> {
        let info = &cx.route.info;
        let Some(subscription) = &info.subscription else { return Ok(None) };
        let origin = origin(subscription);
        let limits = (&self.own, self.apis.as_slice());
        let (mut charges, mut asked) = (Charges::new(), Asked::default());
        for (renewed, key) in holding(POLICY.name, self.scope, &subscription.id, limits, info) {
            let window = match renewed.ms {
                Some(ms) => Window::Fixed { ms, origin },
                None => Window::Forever,
            };
            renewed.quotas.charge(key, window, (1, 1), &mut charges, &mut asked);
        }
        Ok(Some((charges, asked)))
    }

    fn judge(
        &self,
        cx: &mut RequestCx,
        asked: Asked,
        charges: &Charges,
        verdict: &Verdict,
    ) -> Result<(), PolicyError> {
        asked.judge(verdict)?;
        count_traffic(cx, asked.traffic(charges));
        Ok(())
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}

#[cfg(test)]
mod tests;
