use serde_json::json;
use tollgate_engine::contract::{DescribedResponse, Encoding, Statuses, Style, media_type};
use tollgate_engine::json_schema::{Instance, Overrides};

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

/// The only operation of a document.
fn contract(text: &str) -> Arc<Contract> {
    let mut all = import(text).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0).contract
}

#[test]
fn an_operation_is_described() {
    let contract = contract(
        r##"
openapi: 3.0.1
components:
  schemas: { Pet: { type: object, required: [name] } }
  examples: { cat: { value: { name: Tom } } }
  parameters: { id: { name: id, in: path, required: true, schema: { type: integer }, example: 7 } }
  headers: { left: { required: true, schema: { type: integer } } }
  responses:
    wrong: { description: wrong, content: { application/problem+json: {} } }
paths:
  /pets/{id}:
    parameters:
      - { $ref: "#/components/parameters/id" }
      - { name: tags, in: query, schema: { type: array } }
    put:
      parameters:
        - { name: tags, in: query, style: pipeDelimited, schema: { type: array } }
        - { name: x-point, in: header, content: { application/json: { schema: { type: object } } } }
        - { name: session, in: cookie }
        - { in: query }
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: "#/components/schemas/Pet" }
            example: { name: Rex }
            examples: { cat: { $ref: "#/components/examples/cat" }, elsewhere: { externalValue: "https://example.com" } }
      responses:
        200: { description: ok, headers: { X-Left: { $ref: "#/components/headers/left" } } }
        4XX: { $ref: "#/components/responses/wrong" }
        default: { description: any }
        nonsense: { description: none }
"##,
    );
    let parameters: Vec<String> = contract
        .parameters
        .iter()
        .map(|it| {
            format!("{} {:?} {:?} {} {}", it.name, it.location, it.style, it.explode, it.required)
        })
        .collect();
    assert_eq!(
        parameters,
        [
            "tags Query PipeDelimited false false",
            "x-point Header Simple false false",
            "session Cookie Form true false",
            "id Path Simple false true",
        ]
    );
    assert!(
        contract.parameters[1].encoding == Encoding::Json
            && contract.parameters[1].schema.is_some()
    );
    assert_eq!(*contract.parameters[3].examples[0].value, json!(7));
    let body = contract.request.as_ref().unwrap();
    let media = media_type(&body.content, "application/json; charset=utf-8").unwrap();
    let schema = media.schema.as_ref().unwrap();
    assert_eq!((body.required, schema.name()), (true, "Pet".to_owned()));
    let examples: Vec<(&str, &Value)> =
        media.examples.iter().map(|it| (it.name.as_str(), &*it.value)).collect();
    assert_eq!(examples, [("", &json!({ "name": "Rex" })), ("cat", &json!({ "name": "Tom" }))]);
    let nobody = json!({});
    assert!(schema.validate(&Instance::of(&nobody), Overrides::default()).unwrap().is_err());
    let statuses: Vec<Statuses> = contract.responses.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Statuses::Code(200), Statuses::Class(4), Statuses::Default]);
    let header = |response: &DescribedResponse| response.headers[0].name.clone();
    assert_eq!(header(contract.response(200).unwrap()), "X-Left");
    assert_eq!(contract.response(404).unwrap().content.len(), 1);
}

#[test]
fn swagger_2_is_described_alike() {
    let contract = contract(
        r##"{
  "swagger": "2.0", "consumes": ["application/json"], "produces": ["application/json", "text/csv"],
  "definitions": { "Pet": { "type": "object" } },
  "parameters": { "pet": { "in": "body", "name": "pet", "schema": { "$ref": "#/definitions/Pet" } } },
  "responses": { "none": { "description": "none", "schema": { "$ref": "#/definitions/Pet" } } },
  "paths": { "/pets": { "post": {
    "parameters": [
      { "$ref": "#/parameters/pet" },
      { "name": "ids", "in": "query", "type": "array", "items": { "type": "integer" }, "collectionFormat": "multi" },
      { "name": "tags", "in": "query", "type": "array", "items": { "type": "string" }, "collectionFormat": "tsv" }
    ],
    "responses": {
      "200": {
        "description": "ok", "schema": { "$ref": "#/definitions/Pet" },
        "examples": { "application/json": { "name": "Rex" } },
        "headers": { "X-Left": { "type": "integer" } }
      },
      "404": { "$ref": "#/responses/none" }
    }
  } } }
}"##,
    );
    let body = contract.request.as_ref().unwrap();
    assert_eq!(body.content[0].schema.as_ref().unwrap().name(), "Pet");
    let styles: Vec<(Style, bool)> =
        contract.parameters.iter().map(|it| (it.style, it.explode)).collect();
    assert_eq!(styles, [(Style::Form, true), (Style::TabDelimited, false)]);
    assert_eq!(
        contract.parameters[0].schema.as_ref().unwrap().value()["items"],
        json!({ "type": "integer" })
    );
    let ok = contract.response(200).unwrap();
    assert_eq!(ok.content.iter().map(|it| it.examples.len()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(ok.headers[0].schema.as_ref().unwrap().value(), &json!({ "type": "integer" }));
    assert_eq!(contract.response(404).unwrap().content[0].schema.as_ref().unwrap().name(), "Pet");
}

#[test]
fn references_that_lead_out_or_in_circles_are_refused() {
    let import = |reference: &str| {
        import(&format!(
            r##"{{ "openapi": "3.1.0", "components": {{ "parameters": {{
                "a": {{ "$ref": "#/components/parameters/b" }}, "b": {{ "$ref": "#/components/parameters/a" }} }} }},
                "paths": {{ "/": {{ "get": {{ "parameters": [{{ "$ref": "{reference}" }}] }} }} }} }}"##
        ))
        .unwrap_err()
    };
    for reference in [
        "https://example.com/common.json#/a",
        "common.json",
        "#/components/parameters/none",
        "#/components/parameters/a",
    ] {
        let why = import(reference);
        assert!(why.starts_with(&format!("`$ref` `{reference}` does not lead")), "{why}");
    }
}
