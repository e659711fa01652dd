//! `azure-openai-semantic-cache-store`: the older name of `llm-semantic-cache-store`.

use tollgate_engine::{Content, Limit, PolicyDef, Section};

use crate::llm_semantic_cache_lookup::SCOPES;
use crate::llm_semantic_cache_store::{ATTRIBUTES, compile};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "azure-openai-semantic-cache-store",
    sections: &[Section::Outbound],
    toolkit_sections: &[],
    scopes: SCOPES,
    limit: Limit::OncePerSection,
    attributes: ATTRIBUTES,
    content: Content::Empty,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Keeps the answer of a model for later questions that mean the same. It is `llm-semantic-cache-store` by its older name, and does the
same in every respect; it works with the look-ups of both names.

```xml
<azure-openai-semantic-cache-store duration="120" />
```

Differences from Azure:

- All protocols that `llm-semantic-cache-lookup` understands are kept, not those of Azure OpenAI alone; the differences of
  `llm-semantic-cache-store` hold, too.
"#;
