use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_engine::contract::{Contract, DescribedResponse, Example, MediaType, Statuses};
use tollgate_engine::json_schema::SchemaDocument;
use tollgate_engine::{Outcome, Scope};

use crate::testing::{Case, Run};

fn media(content_type: &str, examples: &[Value]) -> MediaType {
    let example = |value: &Value| Example { name: String::new(), value: Arc::new(value.clone()) };
    MediaType {
        content_type: content_type.to_owned(),
        schema: None,
        examples: examples.iter().map(example).collect(),
    }
}

fn response(status: Statuses, content: Vec<MediaType>) -> DescribedResponse {
    DescribedResponse { status, headers: Vec::new(), content }
}

fn contract() -> Contract {
    Contract {
        responses: vec![
            response(
                Statuses::Code(200),
                vec![
                    media("application/json", &[json!({"a": 1}), json!("{\"text\": 2}")]),
                    media("text/plain", &[json!("hello")]),
                ],
            ),
            response(Statuses::Code(204), Vec::new()),
            response(Statuses::Class(4), vec![media("application/problem+json", &[json!("odd")])]),
            response(Statuses::Default, vec![media("text/*", &[json!("any")])]),
        ],
        ..Contract::default()
    }
}

fn run(attributes: &str, contract: Contract) -> Run {
    let policy =
        format!("<mock-response {attributes} /><set-variable name=\"after\" value=\"1\" />");
    let run = Case::inbound(&policy).contract(contract).run();
    assert_eq!(run.outcome, Outcome::Returned);
    assert!(run.cx.variables.get("after").is_none());
    run
}

fn shown(run: &Run) -> String {
    let response = run.cx.response.as_ref().unwrap();
    let content_type = response.headers.get("content-type").map_or("-", |it| it.to_str().unwrap());
    format!("{} {content_type} {}", run.status(), run.body())
}

#[test]
fn examples_are_chosen() {
    let check = |attributes: &str, expected: &str| {
        assert_eq!(shown(&run(attributes, contract())), expected, "{attributes}");
    };
    check("", r#"200 application/json {"a":1}"#);
    check(r#"status-code="200" content-type="text/PLAIN; charset=x""#, "200 text/plain hello");
    check(r#"content-type="image/png""#, r#"200 application/json {"a":1}"#);
    check(r#"status-code="204""#, "204 - ");
    check(r#"status-code="404""#, r#"404 application/problem+json "odd""#);
    check(r#"status-code="500""#, "500 text/plain any");
    check(r#"status-code="500" content-type="text/csv""#, "500 text/csv any");
    check(r#"index="1""#, r#"200 application/json {"text": 2}"#);
    check(r#"index="2" status-code="404""#, "200 text/plain hello");
    check(r#"index="3" status-code="418""#, r#"418 application/problem+json "odd""#);
    check(r#"index="9" status-code="404""#, r#"404 application/problem+json "odd""#);
    let nothing = || Contract::default();
    assert_eq!(shown(&run(r#"status-code="404" content-type="text/plain""#, nothing())), "404 - ");
}

#[test]
fn without_a_description_the_body_is_empty() {
    let run = Case::inbound(r#"<mock-response status-code="201" />"#).run();
    assert_eq!(shown(&run), "201 - ");
    let run = Case::outbound("<mock-response />").header("x", "old".parse().unwrap()).run();
    assert!(run.cx.response.unwrap().headers.is_empty());
    let on_error = "<on-error><mock-response status-code=\"503\" /></on-error>";
    let fails =
        r#"<set-variable name="x" value="@(((string)context.Variables["absent"]).Trim())" />"#;
    let run = Case::inbound(fails).wider(Scope::Global, "").on_error(on_error).run();
    assert_eq!(shown(&run), "503 - ");
}

fn generated(content_type: &str, schema: &Value) -> String {
    let document = json!({"components": {"schemas": {"order": schema, "name": {"type": "string", "example": "Ann"}}}});
    let schema = SchemaDocument::new(document).schema("/components/schemas/order").unwrap();
    let media = MediaType { schema: Some(schema), ..media(content_type, &[]) };
    let contract = Contract {
        responses: vec![response(Statuses::Code(200), vec![media])],
        ..Contract::default()
    };
    run("", contract).body()
}

#[test]
fn values_are_made_from_schemas() {
    let check = |schema: Value, expected: Value| {
        let body = generated("application/json", &schema);
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected, "{schema}");
    };
    check(
        json!({"type": "object", "properties": {
            "s": {"type": "string"}, "i": {"type": "integer", "minimum": 5}, "n": {"type": "number", "maximum": -0.5},
            "b": {"type": "boolean"}, "l": {"type": "array", "items": {"type": ["null", "string"], "format": "date"}},
            "e": {"enum": ["x", "y"]}, "d": {"default": 7}, "c": {"const": null}, "r": {"$ref": "#/components/schemas/name"},
            "short": {"type": "string", "maxLength": 3}, "long": {"type": "string", "minLength": 8},
            "none": {}, "empty": {"type": "array"}}}),
        json!({"s": "string", "i": 5, "n": -0.5, "b": true, "l": ["2024-01-01"], "e": "x", "d": 7, "c": null, "r": "Ann",
            "short": "str", "long": "stringxx", "none": null, "empty": []}),
    );
    check(
        json!({"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"type": "string"}}}]}),
        json!({"a": 0, "b": "string"}),
    );
    check(json!({"anyOf": [{"type": "null"}, {"type": "integer"}]}), json!(0));
    check(json!({"oneOf": [{"$ref": "#/components/schemas/name"}]}), json!("Ann"));
}

#[test]
fn generation_ends() {
    let circle = json!({"type": "object", "properties": {
        "id": {"type": "integer"}, "a": {"$ref": "#/components/schemas/order"}, "b": {"$ref": "#/components/schemas/order"}}});
    let body = generated("application/json", &circle);
    assert!(body.len() < 200_000 && body.starts_with('{'), "{}", body.len());
}

#[test]
fn other_content_types() {
    let schema = json!({"type": "object", "xml": {"name": "Order"}, "properties": {
        "id": {"type": "integer"}, "tag": {"type": "array", "items": {"type": "string", "example": "<a>"}}}});
    assert_eq!(
        generated("application/xml", &schema),
        "<Order><id>0</id><tag>&lt;a&gt;</tag></Order>"
    );
    assert_eq!(generated("text/xml", &json!({"type": "string"})), "<order>string</order>");
    assert_eq!(generated("text/plain", &json!({"type": "string"})), "string");
}

#[test]
fn what_does_not_load() {
    let refused = |attributes: &str, why: &str| {
        Case::inbound(&format!("<mock-response {attributes} />")).refused(why);
    };
    refused(r#"status-code="100""#, "expected 200 or more");
    refused(r#"status-code="@(200)""#, "takes no policy expression");
    refused(r#"content-type="json""#, "expected a media type");
    refused(r#"index="-1""#, "expected 0 or more");
    Case::backend("<mock-response />").refused("not allowed in `backend`");
}
