//! `limit-concurrency`: runs the policies inside for so many requests at a time.

use std::sync::Arc;

use http::StatusCode;
use tollgate_engine::read::Element;
use tollgate_engine::{
    AttributeDef, AttributeType, Block, CompileCx, Content, Facts, Flow, Limit, PolicyDef,
    PolicyError, RequestCx, Resumed, Scope, Section, Step, Value,
};

use crate::limit::shared_key;

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "limit-concurrency",
    sections: &Section::ALL,
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: &[
        AttributeDef {
            name: "key",
            required: true,
            expression: true,
            doc: "What is counted; all policies with the same key share one count.",
            ..AttributeDef::DEFAULT
        },
        AttributeDef {
            name: "max-count",
            ty: AttributeType::Int { min: 1, max: i32::MAX as i64 },
            required: true,
            doc: "How many requests may be inside at a time.",
            ..AttributeDef::DEFAULT
        },
    ],
    content: Content::Policies,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Runs the policies inside it for at most `max-count` requests with the same key at a time. One more is refused at
once with 429; nothing queues. A request leaves when the policies inside are done, when one of them fails or ends the pipeline,
and when the client goes away.

```xml
<limit-concurrency key="@((string)context.Variables["backend"])" max-count="3">
    <forward-request timeout="120" />
</limit-concurrency>
```

Differences from Azure:

- Each gateway process counts for itself; Azure counts for each unit.
- Azure does not document the refusal. Here it is `Concurrency limit is exceeded.`, with the reason
  `ConcurrencyLimitExceeded` in `context.LastError`.
"#;

#[derive(Debug)]
struct LimitConcurrency {
    key: Value<Arc<str>>,
    most: u64,
    inside: [Block; 1],
}

fn compile(element: &Element, cx: &mut CompileCx<'_>) -> Option<Box<dyn Step>> {
    let inside = [cx.block(element, "")];
    let key = cx.attribute(element, "key");
    let most = cx.literal::<i64>(element, "max-count");
    Some(Box::new(LimitConcurrency { key: key?, most: u64::try_from(most?).ok()?, inside }))
}

impl Step for LimitConcurrency {
    fn run(&self, cx: &mut RequestCx) -> Result<Flow, PolicyError> {
        let key = self.key.eval(cx)?;
        let slot = cx.ports.counters.enter(shared_key("concurrency", &key), self.most);
        let slot = slot.ok_or_else(|| {
            let message = "Concurrency limit is exceeded.";
            PolicyError::refused("ConcurrencyLimitExceeded", message, StatusCode::TOO_MANY_REQUESTS)
        })?;
        Ok(Flow::Enter { block: 0, state: cx.counted.hold(slot) })
    }

    fn blocks(&self) -> &[Block] {
        &self.inside
    }

    fn resume(
        &self,
        cx: &mut RequestCx,
        resumed: Resumed,
        outcome: Result<(), PolicyError>,
    ) -> Result<Flow, PolicyError> {
        cx.counted.leave(resumed.state);
        outcome.map(|()| Flow::Continue)
    }

    fn facts(&self) -> Facts {
        self.key.facts()
    }
}

#[cfg(test)]
mod tests;
