use super::*;

#[test]
fn operations_are_imported_as_azure_does() {
    let text = r##"
openapi: 3.0.1
info: { title: t, version: "1" }
components:
  parameters:
version: { name: api-version, in: query, required: true }
paths:
  /deployments/{deployment-id}/chat/completions:
parameters: [ { $ref: "#/components/parameters/version" } ]
post: { operationId: ChatCompletions_Create, summary: Chat }
  /models:
get: {}
post: { operationId: "ChatCompletions Create" }
"##;
    let all = import(text).unwrap();
    let short: Vec<String> = all
        .iter()
        .map(|op| format!("{} {} {} ({})", op.id, op.method, op.url_template, op.name))
        .collect();
    assert_eq!(
        short,
        [
            "chatcompletions-create POST /deployments/{deployment-id}/chat/completions?api-version={api-version} (Chat)",
            "get-models GET /models (get-models)",
            "chatcompletions-create-1 POST /models (chatcompletions-create-1)",
        ]
    );
    assert!(import("{}").is_err());
    assert!(import("a: [").is_err());
}
