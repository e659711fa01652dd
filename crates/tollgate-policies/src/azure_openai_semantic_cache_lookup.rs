//! `azure-openai-semantic-cache-lookup`: the older name of `llm-semantic-cache-lookup`.

use tollgate_engine::{Limit, PolicyDef, Section};

use crate::llm_semantic_cache_lookup::{ATTRIBUTES, CONTENT, SCOPES, compile};

pub(crate) const POLICY: PolicyDef = PolicyDef {
    name: "azure-openai-semantic-cache-lookup",
    sections: &[Section::Inbound],
    toolkit_sections: &[],
    scopes: SCOPES,
    limit: Limit::OncePerSection,
    attributes: ATTRIBUTES,
    content: CONTENT,
    docs: DOCS,
    compile,
};

const DOCS: &str = r#"Answers a request to a model with what was said to a question that means the same. It is `llm-semantic-cache-lookup` by its older
name, and does the same in every respect; the stores of both names work with it.

```xml
<azure-openai-semantic-cache-lookup score-threshold="0.05" embeddings-backend-id="openai" embeddings-backend-auth="system-assigned" />
```

Differences from Azure:

- All protocols that `llm-semantic-cache-lookup` understands are understood, not those of Azure OpenAI alone; its other differences hold,
  too.
"#;
