use serde_json::{Map, Value, json};

use super::*;

/// Validates `body` against `#/components/schemas/<name>` of an OpenAPI document; the message, empty when it matches.
fn check_with(
    version: &str,
    schemas: &Value,
    name: &str,
    body: &str,
    overrides: Overrides,
) -> String {
    let document =
        SchemaDocument::new(json!({ "openapi": version, "components": { "schemas": schemas } }));
    let schema = document.schema(&format!("/components/schemas/{name}")).unwrap();
    let instance = match Instance::parse(body.as_bytes(), overrides.names()) {
        Ok(instance) => instance,
        Err(error) => return error.to_string(),
    };
    match schema.validate(&instance, overrides) {
        Ok(Ok(())) => String::new(),
        Ok(Err(found)) => format!("{} {}:{}", found.message, found.line, found.position),
        Err(fault) => format!("fault: {fault}"),
    }
}

fn check(schema: &Value, body: &str) -> String {
    check_with("3.1.0", &json!({ "it": schema }), "it", body, Overrides::default())
}

#[test]
fn findings_read_as_json_net_words_them() {
    let order = json!({
        "type": "object",
        "required": ["id", "lines"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "pattern": "^o-[0-9]+$", "maxLength": 8 },
            "when": { "type": "string", "format": "date" },
            "state": { "enum": ["new", "done"] },
            "lines": {
                "type": "array", "minItems": 1, "maxItems": 2,
                "items": { "type": "object", "properties": { "count": { "type": "integer", "minimum": 1 } } },
            },
        },
    });
    for (body, expected) in [
        (r#"{"id":"o-1","lines":[{"count":2}]}"#, ""),
        (r#"{"lines":[{}]}"#, "Required properties are missing from object: id. 1:1"),
        (r#"[]"#, "Invalid type. Expected Object but got Array. 1:1"),
        (
            "{\"id\":\"o-1\",\n \"lines\": [ {}, {\"x\": [1], \"count\": 0} ]}",
            "Integer 0 is less than minimum value of 1. 2:37",
        ),
        (r#"{"id":"x","lines":[{}]}"#, "String 'x' does not match regex pattern '^o-[0-9]+$'. 1:7"),
        (
            r#"{"id":"o-1234567","lines":[{}]}"#,
            "String 'o-1234567' exceeds maximum length of 8. 1:7",
        ),
        (r#"{"id":"o-1","lines":[]}"#, "Array item count 0 is less than minimum count of 1. 1:21"),
        (
            r#"{"id":"o-1","lines":[{},{},{}]}"#,
            "Array item count 3 exceeds maximum count of 2. 1:21",
        ),
        (r#"{"id":"o-1","lines":[{}],"state":"x"}"#, "Value \"x\" is not defined in enum. 1:34"),
        (
            r#"{"id":"o-1","lines":[{}],"when":"x"}"#,
            "String 'x' does not validate against format 'date'. 1:33",
        ),
        (
            r#"{"id":"o-1","lines":[{}],"more":1}"#,
            "Property 'more' has not been defined and the schema does not allow additional properties. 1:1",
        ),
        (r#"{"id":"o-1","id":"o-2","lines":[{}]}"#, "a member is repeated at line 1 column 22"),
    ] {
        assert_eq!(check(&order, body), expected, "{body}");
    }
}

#[test]
fn openapi_3_0_becomes_json_schema() {
    let check = |schema: &Value, body: &str| {
        let schemas = json!({ "it": schema, "named": { "type": "string" } });
        check_with("3.0.3", &schemas, "it", body, Overrides::default())
    };
    assert_eq!(check(&json!({ "type": "string", "nullable": true }), "null"), "");
    assert_eq!(check(&json!({ "type": "string", "nullable": true, "enum": ["a"] }), "null"), "");
    let either = json!({ "nullable": true, "allOf": [{ "$ref": "#/components/schemas/named" }] });
    assert_eq!(check(&either, "null"), "");
    assert_eq!(check(&either, "\"a\""), "");
    assert_eq!(check(&either, "1"), "JSON does not match any schemas from 'anyOf'. 1:1");
    let above = json!({ "type": "number", "minimum": 1, "exclusiveMinimum": true });
    assert_eq!(
        check(&above, "1"),
        "Integer 1 equals or is less than exclusive minimum value of 1. 1:1"
    );
    // What stands beside a reference does not count there.
    let beside = json!({ "$ref": "#/components/schemas/named", "maxLength": 1 });
    assert_eq!(check(&beside, "\"abc\""), "");
}

#[test]
fn additional_properties_are_overridden() {
    let schemas = json!({
        "base": { "type": "object", "properties": { "a": {} }, "additionalProperties": true },
        "open": { "allOf": [
            { "$ref": "#/components/schemas/base" },
            { "type": "object", "properties": { "b": { "type": "object", "properties": { "c": {} } } } },
        ] },
        "shut": { "type": "object", "properties": { "a": {} }, "additionalProperties": false },
    });
    let check = |name: &str, body: &str, additional| {
        let overrides = Overrides::new(additional, PropertyNames::default());
        check_with("3.0.0", &schemas, name, body, overrides)
    };
    let refused = |name: &str, body: &str| check(name, body, AdditionalProperties::Refused);
    let extra =
        "Property 'x' has not been defined and the schema does not allow additional properties.";
    assert_eq!(refused("open", r#"{"a":1,"b":{"c":1}}"#), "");
    assert_eq!(refused("open", r#"{"a":1,"x":1}"#), format!("{extra} 1:1"));
    assert_eq!(refused("open", r#"{"a":1,"b":{"x":1}}"#), format!("{extra} 1:12"));
    assert_eq!(
        check("shut", r#"{"x":1}"#, AdditionalProperties::AsWritten),
        format!("{extra} 1:1")
    );
    assert_eq!(check("shut", r#"{"x":1}"#, AdditionalProperties::Allowed), "");
}

#[test]
fn names_may_differ_in_case() {
    let schema = json!({ "it": {
        "type": "object", "required": ["OrderId"], "additionalProperties": false,
        "properties": { "OrderId": { "type": "string" } },
    } });
    let check = |body: &str, names| {
        let overrides = Overrides::new(AdditionalProperties::default(), names);
        check_with("3.1.0", &schema, "it", body, overrides)
    };
    assert_eq!(check(r#"{"orderID":"1"}"#, PropertyNames::CaseInsensitive), "");
    assert!(!check(r#"{"orderID":"1"}"#, PropertyNames::CaseSensitive).is_empty());
    assert_eq!(
        check(r#"{"orderID":1}"#, PropertyNames::CaseInsensitive),
        "Invalid type. Expected String but got Integer. 1:12"
    );
    assert_eq!(
        check(r#"{"orderID":"1","ORDERID":2}"#, PropertyNames::CaseInsensitive),
        "the property `orderid` is repeated"
    );
}

#[test]
fn hostile_bodies_cost_little() {
    let schemas = json!({
        "expression": { "oneOf": [
            { "$ref": "#/components/schemas/and" }, { "$ref": "#/components/schemas/or" },
        ] },
        "and": { "required": ["type"], "properties": {
            "child": { "$ref": "#/components/schemas/expression" }, "type": { "const": "and" },
        } },
        "or": { "required": ["type"], "properties": {
            "child": { "$ref": "#/components/schemas/expression" }, "type": { "const": "or" },
        } },
        "list": { "oneOf": [
            { "type": "array", "items": { "type": "string" } },
            { "type": "array", "items": { "type": "boolean" } },
        ] },
        "words": { "type": "array", "items": { "type": "string", "pattern": "^(?=x)?(a+)+$" } },
    });
    let check =
        |name: &str, body: &str| check_with("3.1.0", &schemas, name, body, Overrides::default());
    let mut deep = r#"{"type":"no"}"#.to_owned();
    for _ in 0..100 {
        deep = format!(r#"{{"child":{deep},"type":"no"}}"#);
    }
    assert_ne!(check("expression", &deep), "");
    let long = format!("[{}0]", "0,".repeat(200_000));
    assert_eq!(check("list", &long), "JSON is valid against no schemas from 'oneOf'. 1:1");
    let catastrophic = format!(r#"["{}b"]"#, "a".repeat(5_000));
    assert_ne!(check("words", &catastrophic), "");
    let nested = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    assert_eq!(check("list", &nested), "recursion limit exceeded at line 1 column 128");
}

#[test]
fn a_large_value_is_shown_by_its_beginning() {
    let small = json!({ "enum": ["a"] });
    assert_eq!(check(&small, r#"{"é":[1]}"#), "Value {\"é\":[1]} is not defined in enum. 1:1");
    let body = format!("[\"{}\"]", "é".repeat(200));
    let shown = format!("[\"{}…", "é".repeat(98));
    assert_eq!(check(&small, &body), format!("Value {shown} is not defined in enum. 1:1"));
    // Each level of the body, and each branch at it, has the whole rest of the body as its value.
    let mut branches: Vec<Value> = (0..40).map(|n| json!({ "const": n })).collect();
    branches.push(json!({ "type": "array", "items": { "$ref": "#/components/schemas/it" } }));
    let mut deep = format!("\"{}\"", "x".repeat(1 << 20));
    for _ in 0..60 {
        deep = format!("[{deep}]");
    }
    let expected = "JSON does not match any schemas from 'anyOf'. 1:1";
    assert_eq!(check(&json!({ "anyOf": branches }), &deep), expected);
}

#[test]
fn schemas_in_a_circle_are_not_followed_for_ever() {
    let itself = json!({ "$ref": "#/components/schemas/it" });
    assert_ne!(check(&json!({ "allOf": [itself], "not": {} }), "1"), "");
    let check = |schema: &Value| {
        let overrides = Overrides::new(AdditionalProperties::Refused, PropertyNames::default());
        check_with("3.1.0", &json!({ "it": schema }), "it", r#"{"a":1}"#, overrides)
    };
    assert_ne!(check(&json!({ "anyOf": [itself], "not": {} })), "");
}

#[test]
fn references_stay_inside_the_document() {
    let remote = json!({ "$ref": "https://example.com/schema.json" });
    assert!(check(&remote, "1").starts_with("fault: /components/schemas/it: "));
    let nowhere = json!({ "$ref": "#/components/schemas/none" });
    assert!(check(&nowhere, "1").starts_with("fault: /components/schemas/it: "));
    // A circle without an end says nothing about any value, and must not be followed for ever.
    let circle = json!({ "allOf": [{ "$ref": "#/components/schemas/it" }] });
    assert_eq!(check(&circle, "1"), "");
    let document = SchemaDocument::new(json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.com/orders",
        "definitions": { "id": { "type": "string" } },
        "items": [{ "$ref": "#/definitions/id" }], "additionalItems": false,
    }));
    let schema = document.schema("").unwrap();
    let ask = |body: &str| {
        let instance = Instance::parse(body.as_bytes(), PropertyNames::default()).unwrap();
        schema.validate(&instance, Overrides::default()).unwrap().is_ok()
    };
    assert_eq!((ask(r#"["a"]"#), ask("[1]"), ask(r#"["a",1]"#)), (true, false, false));
    assert_eq!(document.schema("/definitions/id").unwrap().name(), "id");
    assert!(document.schema("/definitions/none").is_none());
}
/// Types that refer to one another in a long chain are compiled without recursion.
#[test]
fn chains_of_references_may_be_long() {
    let mut all = Map::new();
    for index in 0..1_000 {
        let next = format!("#/$defs/d{}", index + 1);
        let schema = json!({ "type": "object", "properties": { "a": { "$ref": next } } });
        all.insert(format!("d{index}"), schema);
    }
    all.insert("d1000".to_owned(), json!({ "type": "string" }));
    let document = SchemaDocument::new(json!({ "$defs": all, "$ref": "#/$defs/d0" }));
    assert_eq!(document.schema("").unwrap().prepare(Overrides::default()), Ok(()));
}
