//! Older dialects of JSON Schema as JSON Schema 2020-12.

use serde_json::{Map, Value, json};

use super::bundle::DOCUMENTS;

/// How a schema is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It describes a value of its own: a property, an item.
    Value,
    /// It is part of the schema around it, about the same value: `allOf` and its like.
    Part,
    /// It is only referred to.
    Definition,
}

/// Turns every schema of a document into JSON Schema 2020-12.
pub(super) fn modernise(root: &mut Value) {
    let openapi = root.get("openapi").and_then(Value::as_str);
    let swagger = root.get("swagger").is_some();
    let old_openapi = swagger || openapi.is_some_and(|version| version.starts_with("3.0"));
    let draft = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let old_draft = ["draft-03", "draft-04", "draft-05", "draft-06", "draft-07"];
    let old_draft = old_draft.iter().any(|old| draft.contains(old));
    if let Some(object) = root.as_object_mut() {
        object.remove("$schema");
        // The document has a name of ours; its own would only move the references.
        object.remove("$id");
    }
    // Without a name of a dialect it may be any: what only older ones have is read as they meant it.
    let siblings_count = !(old_openapi || old_draft);
    each_schema(root, &mut |schema, _| modernise_schema(schema, siblings_count));
}

fn modernise_schema(schema: &mut Map<String, Value>, siblings_count: bool) {
    if !siblings_count && schema.get("$ref").is_some_and(Value::is_string) {
        // What stood beside a reference was ignored.
        schema.retain(|key, _| key == "$ref");
        return;
    }
    exclusive(schema, "exclusiveMinimum", "minimum");
    exclusive(schema, "exclusiveMaximum", "maximum");
    // `required: true` on a property is of draft 3 and of Swagger's parameters.
    if schema.get("required").is_some_and(Value::is_boolean) {
        schema.remove("required");
    }
    if schema.get("type").and_then(Value::as_str) == Some("file") {
        schema.remove("type");
    }
    if schema.get("items").is_some_and(Value::is_array)
        && let Some(tuple) = schema.remove("items")
    {
        schema.insert("prefixItems".to_owned(), tuple);
        if let Some(rest) = schema.remove("additionalItems") {
            schema.insert("items".to_owned(), rest);
        }
    }
    dependencies(schema);
    range(schema);
    nullable(schema);
}

/// `exclusiveMinimum: true` makes `minimum` exclusive.
fn exclusive(schema: &mut Map<String, Value>, flag: &str, bound: &str) {
    let Some(Value::Bool(is_exclusive)) = schema.get(flag) else { return };
    let is_exclusive = *is_exclusive;
    schema.remove(flag);
    if is_exclusive && let Some(limit) = schema.remove(bound) {
        schema.insert(flag.to_owned(), limit);
    }
}

/// `int32` and `int64` are ranges, of which JSON Schema itself knows nothing. A bound of the schema's own counts instead.
fn range(schema: &mut Map<String, Value>) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    for (bound, exclusive, limit) in
        [("minimum", "exclusiveMinimum", least), ("maximum", "exclusiveMaximum", most)]
    {
        if !schema.contains_key(bound) && !schema.contains_key(exclusive) {
            schema.insert(bound.to_owned(), Value::from(limit));
        }
    }
}

fn dependencies(schema: &mut Map<String, Value>) {
    let Some(Value::Object(all)) = schema.remove("dependencies") else { return };
    let (required, schemas): (Map<_, _>, Map<_, _>) =
        all.into_iter().partition(|(_, value)| value.is_array());
    for (key, part) in [("dependentRequired", required), ("dependentSchemas", schemas)] {
        if !part.is_empty() {
            schema.insert(key.to_owned(), Value::Object(part));
        }
    }
}

/// `nullable: true`, of OpenAPI 3.0; `x-nullable`, of Swagger.
fn nullable(schema: &mut Map<String, Value>) {
    let mut take = |key: &str| matches!(schema.remove(key), Some(Value::Bool(true)));
    let (nullable, x_nullable) = (take("nullable"), take("x-nullable"));
    if !nullable && !x_nullable {
        return;
    }
    if let Some(Value::String(ty)) = schema.get("type") {
        let types = json!([ty, "null"]);
        schema.insert("type".to_owned(), types);
        if let Some(Value::Array(values)) = schema.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
    } else if !schema.is_empty() {
        let whole = std::mem::take(schema);
        schema.insert("anyOf".to_owned(), json!([{ "type": "null" }, whole]));
    }
}

/// Visits every schema object of a document, the innermost first.
pub(super) fn each_schema(root: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>, Role)) {
    // The others that a bundle holds are documents of their own, each of its kind.
    if let Some(mut others) = root.as_object_mut().and_then(|root| root.remove(DOCUMENTS)) {
        each_schema(root, visit);
        others
            .as_object_mut()
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(|other| each_schema(other, visit));
        if let Some(root) = root.as_object_mut() {
            root.insert(DOCUMENTS.to_owned(), others);
        }
        return;
    }
    let keys = ["openapi", "swagger", "components"];
    if keys.iter().any(|key| root.get(key).is_some()) {
        find(root, visit);
    } else {
        schema(root, Role::Definition, visit);
    }
}

/// Looks for schemas in what is not a schema itself.
fn find(value: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>, Role)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                match (key.as_str(), &mut *member) {
                    ("example" | "examples", _) => {}
                    ("schema", _) => schema(member, Role::Definition, visit),
                    ("schemas" | "definitions", Value::Object(all)) => {
                        all.values_mut().for_each(|it| schema(it, Role::Definition, visit));
                    }
                    _ => find(member, visit),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| find(item, visit)),
        _ => {}
    }
}

fn schema(value: &mut Value, role: Role, visit: &mut dyn FnMut(&mut Map<String, Value>, Role)) {
    let Some(object) = value.as_object_mut() else { return };
    for (key, member) in &mut *object {
        match key.as_str() {
            "properties" | "patternProperties" => each(member, Role::Value, visit),
            "$defs" | "definitions" => each(member, Role::Definition, visit),
            "dependentSchemas" | "dependencies" => each(member, Role::Part, visit),
            "items"
            | "prefixItems"
            | "additionalItems"
            | "contains"
            | "additionalProperties"
            | "unevaluatedProperties"
            | "unevaluatedItems" => one_or_many(member, Role::Value, visit),
            "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" => {
                one_or_many(member, Role::Part, visit);
            }
            _ => {}
        }
    }
    visit(object, role);
}

fn each(value: &mut Value, role: Role, visit: &mut dyn FnMut(&mut Map<String, Value>, Role)) {
    if let Value::Object(all) = value {
        all.values_mut().for_each(|it| schema(it, role, visit));
    }
}

fn one_or_many(
    value: &mut Value,
    role: Role,
    visit: &mut dyn FnMut(&mut Map<String, Value>, Role),
) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|it| schema(it, role, visit)),
        _ => schema(value, role, visit),
    }
}
