//! Swagger 2.0 in the form of OpenAPI 3.0, as far as operations need it. Places that references lead to stay.

use serde_json::{Map, Value, json};

/// What describes a value and stands beside a parameter's own keys in Swagger 2.0.
const SCHEMA_KEYS: [&str; 19] = [
    "type",
    "format",
    "items",
    "enum",
    "default",
    "pattern",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "uniqueItems",
    "multipleOf",
    "maxProperties",
    "minProperties",
    "x-nullable",
];

/// Rewrites parameters, bodies and responses.
pub(super) fn to_openapi(document: &mut Value) {
    let shared = document.get("parameters").cloned().unwrap_or_default();
    let consumes = types(document, "consumes");
    let produces = types(document, "produces");
    let parameters = document.get_mut("parameters").and_then(Value::as_object_mut);
    parameters.into_iter().flatten().for_each(|(_, it)| parameter(it));
    let responses = document.get_mut("responses").and_then(Value::as_object_mut);
    responses.into_iter().flatten().for_each(|(_, it)| response(it, &produces));
    for section in ["paths", "x-ms-paths"] {
        let items = document.get_mut(section).and_then(Value::as_object_mut);
        for (_, item) in items.into_iter().flatten() {
            path_item(item, &shared, &consumes, &produces);
        }
    }
}

fn types(holder: &Value, key: &str) -> Vec<String> {
    let all = holder.get(key).and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn path_item(item: &mut Value, shared: &Value, consumes: &[String], produces: &[String]) {
    let of_path = item.get("parameters").cloned();
    let of_path: Vec<Value> =
        of_path.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    for method in super::METHODS {
        let Some(operation) = item.get_mut(method) else { continue };
        let own = types(operation, "consumes");
        let consumes = if own.is_empty() { consumes } else { &own };
        let own = types(operation, "produces");
        let produces = if own.is_empty() { produces } else { &own };
        body(operation, &of_path, shared, consumes);
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
        responses.into_iter().flatten().for_each(|(_, it)| response(it, produces));
        parameters(operation);
    }
    parameters(item);
}

fn parameters(holder: &mut Value) {
    let all = holder.get_mut("parameters").and_then(Value::as_array_mut);
    all.into_iter().flatten().for_each(parameter);
}

/// Makes a `requestBody` of the parameter that is the body, or of those of a form.
fn body(operation: &mut Value, of_path: &[Value], shared: &Value, consumes: &[String]) {
    let own = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let resolved: Vec<&Value> = own.chain(of_path).map(|it| resolve(it, shared)).collect();
    let place = |value: &Value| value.get("in").and_then(Value::as_str).map(str::to_owned);
    let whole = resolved.iter().find(|it| place(it).as_deref() == Some("body"));
    let form = resolved.iter().any(|it| place(it).as_deref() == Some("formData"));
    let (schema, required, fallback) = match whole {
        Some(body) => {
            (body.get("schema").cloned(), body.get("required").cloned(), "application/json")
        }
        None if form => (None, None, "application/x-www-form-urlencoded"),
        None => return,
    };
    let media = schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema }));
    let request = json!({
        "required": required.unwrap_or(Value::Bool(false)),
        "content": by_type(consumes, fallback, |_| media.clone()),
    });
    if let Some(operation) = operation.as_object_mut() {
        operation.insert("requestBody".to_owned(), request);
    }
}

fn resolve<'a>(parameter: &'a Value, shared: &'a Value) -> &'a Value {
    let name = parameter.get("$ref").and_then(Value::as_str);
    let name = name.and_then(|reference| reference.strip_prefix("#/parameters/"));
    name.and_then(|name| shared.get(name)).unwrap_or(parameter)
}

fn by_type(types: &[String], fallback: &str, media: impl Fn(&str) -> Value) -> Value {
    let fallback = [fallback.to_owned()];
    let types = if types.is_empty() { &fallback } else { types };
    Value::Object(types.iter().map(|name| (name.clone(), media(name))).collect())
}

fn response(value: &mut Value, produces: &[String]) {
    let Some(response) = value.as_object_mut() else { return };
    let headers = response.get_mut("headers").and_then(Value::as_object_mut);
    headers.into_iter().flatten().for_each(|(_, header)| parameter(header));
    let schema = response.remove("schema");
    let examples = response.remove("examples");
    if schema.is_none() && examples.is_none() {
        return;
    }
    let media = |name: &str| {
        let mut media = Map::new();
        if let Some(schema) = &schema {
            media.insert("schema".to_owned(), schema.clone());
        }
        if let Some(example) = examples.as_ref().and_then(|all| all.get(name)) {
            media.insert("example".to_owned(), example.clone());
        }
        Value::Object(media)
    };
    let content = by_type(produces, "application/json", media);
    response.insert("content".to_owned(), content);
}

/// Moves what describes the value of a parameter or header into a schema.
fn parameter(value: &mut Value) {
    let Some(parameter) = value.as_object_mut() else { return };
    if parameter.contains_key("schema") || !parameter.contains_key("type") {
        return;
    }
    let moved = SCHEMA_KEYS.into_iter();
    let moved = moved.filter_map(|key| parameter.remove(key).map(|value| (key.to_owned(), value)));
    let schema: Map<String, Value> = moved.collect();
    parameter.insert("schema".to_owned(), Value::Object(schema));
    let in_query = parameter.get("in").and_then(Value::as_str) == Some("query");
    let (style, explode) = match parameter.get("collectionFormat").and_then(Value::as_str) {
        Some("multi") => ("form", true),
        Some("ssv") => ("spaceDelimited", false),
        Some("pipes") => ("pipeDelimited", false),
        Some("tsv") => ("tabDelimited", false),
        _ if in_query => ("form", false),
        _ => ("simple", false),
    };
    parameter.insert("style".to_owned(), style.into());
    parameter.insert("explode".to_owned(), explode.into());
}
