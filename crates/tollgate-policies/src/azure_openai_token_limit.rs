//! `azure-openai-token-limit`: the older name of `llm-token-limit`.

use tollgate_engine::{Content, Limit, PolicyDef, Scope, Section};

use crate::llm_token_limit::{ATTRIBUTES, compile};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "azure-openai-token-limit",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: &Scope::ALL,
    limit: Limit::Any,
    attributes: ATTRIBUTES,
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Limits the tokens that language models use for the same key. It is `llm-token-limit` by its older name, and does the same in
every respect; both count by the same counters.

```xml
<azure-openai-token-limit counter-key="@(context.Request.IpAddress)" tokens-per-minute="5000" estimate-prompt-tokens="false" />
```

Differences from Azure:

- All protocols that `llm-token-limit` understands are understood, not those of Azure OpenAI alone; its other differences hold, too.
"#;
