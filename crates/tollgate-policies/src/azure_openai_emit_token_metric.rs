//! `azure-openai-emit-token-metric`: the older name of `llm-emit-token-metric`.

use tollgate_engine::{Content, Limit, PolicyDef, Scope, Section};

use crate::dimension::DIMENSIONS;
use crate::llm_emit_token_metric::{ATTRIBUTES, compile};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "azure-openai-emit-token-metric",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: ATTRIBUTES,
    content: Content::Children(DIMENSIONS),
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Counts the tokens that language models use, by dimensions. It is `llm-emit-token-metric` by its older name, and does the same
in every respect; both count by the same metrics.

```xml
<azure-openai-emit-token-metric namespace="Teams">
    <dimension name="Subscription ID" />
    <dimension name="Client IP" value="@(context.Request.IpAddress)" />
</azure-openai-emit-token-metric>
```

Differences from Azure:

- All protocols that `llm-emit-token-metric` understands are understood, not those of Azure OpenAI alone; its other differences
  hold, too.
"#;
