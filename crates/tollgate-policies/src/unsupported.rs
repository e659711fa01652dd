//! Policies that Azure API Management has and Tollgate does not.

/// Each with one line about what to use instead, or an empty one. Sorted.
pub const UNSUPPORTED: &[(&str, &str)] = &[
    ("cosmosdb-data-source", "GraphQL resolvers need Azure"),
    ("http-data-source", "GraphQL resolvers need Azure"),
    ("invoke-dapr-binding", "call the Dapr sidecar as a backend"),
    ("publish-event", "GraphQL subscriptions need Azure"),
    ("publish-to-dapr", "call the Dapr sidecar as a backend"),
    ("sql-data-source", "GraphQL resolvers need Azure"),
    ("validate-graphql-request", ""),
    ("validate-odata-request", ""),
];
