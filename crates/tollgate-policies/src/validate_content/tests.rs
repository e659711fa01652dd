use http::HeaderValue;
use serde_json::json;
use tollgate_engine::Body;
use tollgate_engine::contract::{Contract, MediaType, RequestBody};
use tollgate_engine::json_schema::SchemaDocument;

use crate::testing::{Case, Run};

const POLICY: &str = r#"<validate-content unspecified-content-type-action="prevent" max-size="20" size-exceeded-action="prevent">
    <content type="application/json" validate-as="json" action="prevent" />
</validate-content>"#;

fn contract() -> Contract {
    let document = SchemaDocument::new(json!({ "type": "object" }));
    let json = MediaType {
        content_type: "application/json".to_owned(),
        schema: document.schema(""),
        examples: Vec::new(),
    };
    Contract {
        request: Some(RequestBody { required: false, content: vec![json] }),
        ..Contract::default()
    }
}

fn run(headers: &[(&str, &str)], body: Option<&str>) -> Run {
    let mut case = Case::inbound(POLICY).contract(contract()).streaming();
    for (name, value) in headers {
        case = case.header(name, HeaderValue::from_str(value).unwrap());
    }
    match body {
        Some(body) => case.body(body).run(),
        None => case.run(),
    }
}

/// Whether the body was taken off the wire.
fn was_read(run: &Run) -> bool {
    matches!(run.cx.request.body, Body::Buffered(_))
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn a_body_is_read_only_when_something_of_it_is_checked() {
    let ok = run(&[JSON], Some("{}"));
    assert_eq!((ok.reason(), was_read(&ok)), ("", true));
    // Refused by its headers alone.
    let large = run(&[JSON, ("content-length", "21")], Some("{}"));
    assert_eq!((large.reason(), was_read(&large)), ("Bad request", false));
    let other = run(&[("content-type", "a/b"), ("content-length", "2")], Some("{}"));
    assert_eq!((other.reason(), was_read(&other)), ("Bad request", false));
    // Nothing says how long it is.
    let long = run(&[JSON], Some(r#"{"a": "0123456789012345"}"#));
    assert!(long.message().starts_with("Request's body is 25 bytes long"), "{}", long.message());
    assert!(was_read(&long));
    assert!(!was_read(&run(&[JSON], None)));
}

#[test]
fn an_event_stream_has_no_size() {
    let policy = r#"<validate-content unspecified-content-type-action="ignore" max-size="1" size-exceeded-action="prevent" />"#;
    let run = Case::outbound(policy)
        .header("content-type", HeaderValue::from_static("text/event-stream; charset=utf-8"));
    let run = run.run();
    assert_eq!(run.reason(), "");
}

#[test]
fn two_content_types_are_none_that_is_described() {
    let case = Case::inbound(POLICY).contract(contract());
    let types = ["application/json", "text/xml"].map(HeaderValue::from_static);
    let case = types.into_iter().fold(case, |case, value| case.header("content-type", value));
    let run = case.body("{}").run();
    assert_eq!(
        run.message(),
        "Unspecified content type application/json, text/xml is not allowed."
    );
}

#[test]
fn xml_is_told_to_be_checked_less() {
    let policy = POLICY.replace(r#""json""#, r#""xml""#);
    Case::inbound(&policy).warned("the body is checked to be well-formed, not against a schema");
}
