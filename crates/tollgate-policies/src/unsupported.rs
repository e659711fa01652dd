//! Policies that Azure API Management has and Tollgate does not.

/// Each with one line about what to use instead, or an empty one. Sorted.
pub const UNSUPPORTED: &[(&str, &str)] = &[
    ("azure-openai-semantic-cache-lookup", ""),
    ("azure-openai-semantic-cache-store", ""),
    ("cosmosdb-data-source", "GraphQL resolvers need Azure"),
    ("http-data-source", "GraphQL resolvers need Azure"),
    ("invoke-dapr-binding", "call the Dapr sidecar as a backend"),
    ("llm-content-safety", ""),
    ("llm-semantic-cache-lookup", ""),
    ("llm-semantic-cache-store", ""),
    ("azure-openai-emit-token-metric", ""),
    ("cosmosdb-data-source", "GraphQL resolvers need Azure"),
    ("http-data-source", "GraphQL resolvers need Azure"),
    ("invoke-dapr-binding", "call the Dapr sidecar as a backend"),
    ("llm-emit-token-metric", ""),
    ("publish-event", "GraphQL subscriptions need Azure"),
    ("publish-to-dapr", "call the Dapr sidecar as a backend"),
    ("sql-data-source", "GraphQL resolvers need Azure"),
    ("validate-graphql-request", ""),
    ("validate-odata-request", ""),
];
