//! Values that fit a schema.

use serde_json::{Map, Value, json};
use tollgate_engine::json_schema::{Schema, SchemaDocument};

use crate::xml_text::push_text;

/// Schemas inside one another.
const DEEPEST: usize = 16;

/// Values in all.
const MOST: usize = 5000;

struct Generator<'s> {
    document: &'s SchemaDocument,
    left: usize,
}

/// A value that fits the schema, as far as one is easily made.
pub(super) fn value(schema: &Schema) -> Value {
    let mut generator = Generator { document: schema.document(), left: MOST };
    generator.value(schema.value(), 0).unwrap_or(Value::Null)
}

impl Generator<'_> {
    /// None past the limits.
    fn value(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let schema = self.document.resolve(schema)?;
        if let Some(given) = given(schema) {
            return Some(given);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return Some(self.merged(schema, all, depth));
        }
        for choice in ["oneOf", "anyOf"] {
            let choices = schema.get(choice).and_then(Value::as_array).into_iter().flatten();
            let mut values = choices.filter(|choice| !is_null(choice));
            if let Some(chosen) = values.next() {
                return self.value(chosen, depth + 1);
            }
        }
        let value = match type_of(schema) {
            "object" => Value::Object(self.object(schema, depth)),
            "array" => {
                let item = schema.get("items").and_then(|items| self.value(items, depth + 1));
                Value::Array(item.into_iter().collect())
            }
            "string" => Value::from(text(schema)),
            "integer" | "number" => number(schema),
            "boolean" => Value::Bool(true),
            _ => Value::Null,
        };
        Some(value)
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Map<String, Value> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut object = Map::new();
        for (name, property) in properties.into_iter().flatten() {
            if let Some(value) = self.value(property, depth + 1) {
                object.insert(name.clone(), value);
            }
        }
        object
    }

    /// The properties of all parts together; what is no object is the first part that gives a value.
    fn merged(&mut self, schema: &Value, parts: &[Value], depth: usize) -> Value {
        let mut object = self.object(schema, depth);
        let mut other = None;
        for part in parts {
            match self.value(part, depth + 1) {
                Some(Value::Object(part)) => object.extend(part),
                Some(Value::Null) | None => {}
                Some(value) => other = other.or(Some(value)),
            }
        }
        match other {
            Some(value) if object.is_empty() => value,
            _ => Value::Object(object),
        }
    }
}

/// A value that the schema itself gives.
fn given(schema: &Value) -> Option<Value> {
    let first = |name: &str| schema.get(name).and_then(Value::as_array)?.first().cloned();
    ["const", "example", "default"]
        .into_iter()
        .find_map(|name| schema.get(name).cloned())
        .or_else(|| first("examples"))
        .or_else(|| first("enum"))
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

/// The type of the value: the first that is not null, or what its keywords tell.
fn type_of(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null")
        }
        _ => None,
    };
    named.unwrap_or_else(|| match schema {
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "null",
    })
}

fn text(schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or("");
    let text = match format {
        "date-time" => "2024-01-01T00:00:00Z",
        "date" => "2024-01-01",
        "time" => "00:00:00Z",
        "duration" => "PT0S",
        "uuid" => "00000000-0000-0000-0000-000000000000",
        "email" => "user@example.com",
        "uri" | "url" => "https://example.com",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "byte" => "c3RyaW5n",
        _ => "string",
    };
    let length = |name: &str| {
        let length = schema.get(name).and_then(Value::as_u64);
        length.and_then(|length| usize::try_from(length).ok())
    };
    let least = length("minLength").unwrap_or(0).min(1000);
    let most = length("maxLength").unwrap_or(usize::MAX);
    let filled = text.chars().chain(std::iter::repeat_n('x', least.saturating_sub(text.len())));
    filled.take(most).collect()
}

/// Zero, or the nearest bound.
fn number(schema: &Value) -> Value {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|bound| bound + 1.0));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|bound| bound - 1.0));
    let number = match (least, most) {
        (Some(least), _) if least > 0.0 => least,
        (_, Some(most)) if most < 0.0 => most,
        _ => 0.0,
    };
    if number.fract() != 0.0 {
        return json!(number);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole, and nobody needs a larger one"
    )]
    let whole = number as i64;
    Value::from(whole)
}

/// A value as XML, in an element named by the schema.
pub(super) fn xml(schema: &Schema, value: &Value) -> String {
    let own = schema.document().resolve(schema.value());
    let given = own.and_then(|own| own.pointer("/xml/name")).and_then(Value::as_str);
    let name = given.map_or_else(|| schema.name(), str::to_owned);
    let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let mut out = String::new();
    element(if is_word { &name } else { "root" }, value, &mut out);
    out
}

/// An element for the value, or for each item of an array. Nesting is bounded when the value is made.
fn element(name: &str, value: &Value, out: &mut String) {
    if let Value::Array(items) = value {
        for item in items {
            element(name, item, out);
        }
        return;
    }
    let name = tollgate_expr::xml_name(name).replace(':', "_x003A_");
    out.extend(["<", &name, ">"]);
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                element(name, value, out);
            }
        }
        Value::String(text) => push_text(text, out),
        Value::Null | Value::Array(_) => {}
        other => out.push_str(&other.to_string()),
    }
    out.extend(["</", &name, ">"]);
}
