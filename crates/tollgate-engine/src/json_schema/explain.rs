//! What is wrong with JSON that a validator refused, in the words of Json.NET.
//!
//! It does not decide anything: what it cannot find within its budget, it says in general terms.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::instance::{Inside, Instance};
use super::{AdditionalProperties, Overrides, PropertyNames, SchemaDocument, options};

/// Pairs of a schema and a value that are looked at for one answer.
const STEPS: usize = 20_000;

/// Schemas inside one another that are followed for one answer; they may lead in a circle.
const DEEPEST: usize = 256;

/// Patterns and formats that are compiled for one answer.
const COMPILATIONS: usize = 16;

/// Characters of a value that are shown.
const SHOWN: usize = 100;

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) message: String,
    pub(super) path: Vec<Inside>,
}

impl Finding {
    fn here(message: String) -> Self {
        Self { message, path: Vec::new() }
    }
}

pub(super) fn explain(
    document: &SchemaDocument,
    schema: &Value,
    instance: &Instance<'_>,
    overrides: Overrides,
) -> Finding {
    let mut explainer =
        Explainer { document, overrides, steps: STEPS, depth: 0, compilations: COMPILATIONS };
    let mut finding = explainer
        .value(schema, instance.value())
        .unwrap_or_else(|| Finding::here("JSON does not match the schema.".to_owned()));
    finding.path.reverse();
    finding
}

struct Explainer<'a> {
    document: &'a SchemaDocument,
    overrides: Overrides,
    steps: usize,
    depth: usize,
    compilations: usize,
}

impl Explainer<'_> {
    /// What is wrong with a value that stands for itself.
    fn value(&mut self, schema: &Value, value: &Value) -> Option<Finding> {
        let found = self.part(schema, value);
        if found.is_some() || self.overrides.additional() != AdditionalProperties::Refused {
            return found;
        }
        let unknown = value.as_object()?.keys().find(|name| !self.knows(schema, name))?;
        Some(Finding::here(undefined(unknown)))
    }

    /// What is wrong with a value in the eyes of a schema that may be one of several about it.
    fn part(&mut self, schema: &Value, value: &Value) -> Option<Finding> {
        self.within(|explainer| explainer.schema(schema, value))?
    }

    /// Takes a step one level deeper; nothing when the budget does not allow it.
    fn within<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.steps = self.steps.checked_sub(1)?;
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let found = look(self);
        self.depth -= 1;
        Some(found)
    }

    fn schema(&mut self, schema: &Value, value: &Value) -> Option<Finding> {
        let object = match schema {
            Value::Bool(false) => {
                return Some(Finding::here("Schema always fails validation.".to_owned()));
            }
            Value::Object(object) => object,
            _ => return None,
        };
        if object.get("$ref").is_some_and(Value::is_string)
            && let Some(target) = self.document.resolve(schema)
            && let Some(found) = self.part(target, value)
        {
            return Some(found);
        }
        let found = general(object, value);
        let found = found.or_else(|| match value {
            Value::String(text) => self.text(object, text),
            Value::Number(_) => number(object, value),
            Value::Array(items) => array(object, items),
            Value::Object(members) => self.object(object, members),
            Value::Null | Value::Bool(_) => None,
        });
        if let Some(message) = found {
            return Some(Finding::here(message));
        }
        self.inside(object, value).or_else(|| self.combined(object, value))
    }

    fn text(&mut self, schema: &Map<String, Value>, text: &str) -> Option<String> {
        let length = text.chars().count();
        let over = limit(schema, "maxLength").filter(|max| length as u64 > *max);
        if let Some(max) = over {
            return Some(format!("String {} exceeds maximum length of {max}.", quoted(text)));
        }
        let under = limit(schema, "minLength").filter(|min| (length as u64) < *min);
        if let Some(min) = under {
            return Some(format!("String {} is less than minimum length of {min}.", quoted(text)));
        }
        for (key, what) in [
            ("pattern", "does not match regex pattern"),
            ("format", "does not validate against format"),
        ] {
            let Some(rule) = schema.get(key).and_then(Value::as_str) else { continue };
            self.compilations = self.compilations.checked_sub(1)?;
            let alone = options().build(&json!({ key: rule })).ok()?;
            if !alone.is_valid(&Value::from(text)) {
                return Some(format!("String {} {what} '{rule}'.", quoted(text)));
            }
        }
        None
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        members: &Map<String, Value>,
    ) -> Option<String> {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str);
        let missing: Vec<&str> =
            required.filter(|name| !members.contains_key(&*self.in_body(name))).collect();
        if !missing.is_empty() {
            return Some(format!(
                "Required properties are missing from object: {}.",
                missing.join(", ")
            ));
        }
        let count = members.len() as u64;
        if let Some(max) = limit(schema, "maxProperties").filter(|max| count > *max) {
            return Some(format!("Object property count {count} exceeds maximum count of {max}."));
        }
        if let Some(min) = limit(schema, "minProperties").filter(|min| count < *min) {
            return Some(format!(
                "Object property count {count} is less than minimum count of {min}."
            ));
        }
        let refused = schema.get("additionalProperties") == Some(&Value::Bool(false));
        let patterns = schema.contains_key("patternProperties");
        if refused && !patterns && self.overrides.additional() == AdditionalProperties::AsWritten {
            let unknown = members.keys().find(|name| self.property(schema, name).is_none());
            return unknown.map(|name| undefined(name));
        }
        None
    }

    /// What is wrong with properties and items.
    fn inside(&mut self, schema: &Map<String, Value>, value: &Value) -> Option<Finding> {
        let in_place = |found: Option<Finding>, step: &dyn Fn() -> Inside| {
            found.map(|mut found| {
                found.path.push(step());
                found
            })
        };
        match value {
            Value::Object(members) => {
                let additional = schema.get("additionalProperties").filter(|it| it.is_object());
                let additional = additional.filter(|_| !schema.contains_key("patternProperties"));
                members.iter().find_map(|(name, member)| {
                    let rule = self.property(schema, name).or(additional)?;
                    in_place(self.value(rule, member), &|| Inside::Property(name.clone()))
                })
            }
            Value::Array(items) => {
                let first = schema.get("prefixItems").and_then(Value::as_array);
                let rest = schema.get("items");
                items.iter().enumerate().find_map(|(index, item)| {
                    let rule = first.and_then(|first| first.get(index)).or(rest)?;
                    in_place(self.value(rule, item), &|| Inside::Item(index))
                })
            }
            _ => None,
        }
    }

    /// What `allOf` and its like object to.
    fn combined(&mut self, schema: &Map<String, Value>, value: &Value) -> Option<Finding> {
        let parts = |key: &str| schema.get(key).and_then(Value::as_array).into_iter().flatten();
        if let Some(found) = parts("allOf").find_map(|part| self.part(part, value)) {
            return Some(found);
        }
        for (key, message) in [
            ("anyOf", "JSON does not match any schemas from 'anyOf'."),
            ("oneOf", "JSON is valid against no schemas from 'oneOf'."),
        ] {
            if parts(key).next().is_some()
                && parts(key).all(|part| self.part(part, value).is_some())
            {
                return Some(Finding::here(message.to_owned()));
            }
        }
        None
    }

    /// Whether a schema or one of its parts names a property.
    fn knows(&mut self, schema: &Value, name: &str) -> bool {
        self.within(|explainer| explainer.names(schema, name)).unwrap_or(true)
    }

    fn names(&mut self, schema: &Value, name: &str) -> bool {
        let Some(schema) = self.document.resolve(schema) else { return true };
        let Some(object) = schema.as_object() else { return true };
        let parts = ["allOf", "anyOf", "oneOf"].into_iter();
        let parts = parts.filter_map(|key| object.get(key)).filter_map(Value::as_array).flatten();
        object.contains_key("patternProperties")
            || self.property(object, name).is_some()
            || parts.into_iter().any(|part| self.knows(part, name))
    }

    /// What a schema says of a property of the body.
    fn property<'s>(&self, schema: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
        let properties = schema.get("properties")?.as_object()?;
        let exact = properties.get(name);
        if exact.is_some() || self.overrides.names() == PropertyNames::CaseSensitive {
            return exact;
        }
        let folded = |known: &str| known.chars().flat_map(char::to_lowercase).eq(name.chars());
        properties.iter().find(|(known, _)| folded(known)).map(|(_, rule)| rule)
    }

    /// A name of the schema as it stands in the body.
    fn in_body<'n>(&self, name: &'n str) -> Cow<'n, str> {
        match self.overrides.names() {
            PropertyNames::CaseSensitive => Cow::Borrowed(name),
            PropertyNames::CaseInsensitive => Cow::Owned(name.to_lowercase()),
        }
    }
}

fn undefined(name: &str) -> String {
    format!(
        "Property {} has not been defined and the schema does not allow additional properties.",
        quoted(name)
    )
}

fn general(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    if let Some(expected) = schema.get("type") {
        let names: Vec<&str> = match expected {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        if !names.is_empty() && !names.iter().any(|name| is_a(value, name)) {
            let expected: Vec<String> = names.iter().map(|name| capital(name)).collect();
            let got = capital(type_of(value));
            return Some(format!("Invalid type. Expected {} but got {got}.", expected.join(", ")));
        }
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.iter().any(|known| equal(known, value))
    {
        return Some(format!("Value {} is not defined in enum.", beginning(value)));
    }
    if let Some(wanted) = schema.get("const")
        && !equal(wanted, value)
    {
        return Some(format!("Value {} does not match const.", beginning(value)));
    }
    None
}

fn number(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    use Ordering::{Equal, Greater, Less};
    let kind = if is_a(value, "integer") { "Integer" } else { "Float" };
    let bounds = [
        ("maximum", &[Greater][..], "exceeds maximum value of"),
        ("minimum", &[Less], "is less than minimum value of"),
        ("exclusiveMaximum", &[Equal, Greater], "equals or exceeds exclusive maximum value of"),
        ("exclusiveMinimum", &[Equal, Less], "equals or is less than exclusive minimum value of"),
    ];
    for (key, wrong, what) in bounds {
        let Some(limit) = schema.get(key) else { continue };
        if compare(value, limit).is_some_and(|order| wrong.contains(&order)) {
            return Some(format!("{kind} {value} {what} {limit}."));
        }
    }
    let step = schema.get("multipleOf")?;
    let rest = (value.as_f64()? / step.as_f64()?).fract().abs();
    (rest > f64::EPSILON).then(|| format!("{kind} {value} is not a multiple of {step}."))
}

/// Compares numbers: whole ones exactly.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    let whole =
        |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn array(schema: &Map<String, Value>, items: &[Value]) -> Option<String> {
    let count = items.len() as u64;
    if let Some(max) = limit(schema, "maxItems").filter(|max| count > *max) {
        return Some(format!("Array item count {count} exceeds maximum count of {max}."));
    }
    let min = limit(schema, "minItems").filter(|min| count < *min)?;
    Some(format!("Array item count {count} is less than minimum count of {min}."))
}

fn limit(schema: &Map<String, Value>, key: &str) -> Option<u64> {
    schema.get(key)?.as_u64()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_a(value, "integer") => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        // 1.0 is an integer to JSON Schema.
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

/// Whether two values are the same; 1 and 1.0 are.
fn equal(left: &Value, right: &Value) -> bool {
    left == right || left.is_number() && left.as_f64() == right.as_f64()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", shown(text))
}

/// The beginning of JSON that the client sent. No more of it is looked at than is shown: many parts of a schema may object
/// to the same large value.
fn beginning(value: &Value) -> String {
    let mut text = String::new();
    push_beginning(value, &mut text);
    shown(&text)
}

fn push_beginning(value: &Value, out: &mut String) {
    // A character has four bytes at the most.
    let is_full = |out: &String| out.len() > 4 * SHOWN;
    match value {
        Value::String(text) => {
            let start: String = text.chars().take(SHOWN + 1).collect();
            out.push_str(&Value::from(start).to_string());
        }
        Value::Array(items) => {
            let mut before = "[";
            for item in items {
                if is_full(out) {
                    return;
                }
                out.push_str(before);
                push_beginning(item, out);
                before = ",";
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => {
            let mut before = "{";
            for (name, member) in members {
                if is_full(out) {
                    return;
                }
                let start: String = name.chars().take(SHOWN + 1).collect();
                out.push_str(before);
                out.push_str(&Value::from(start).to_string());
                out.push(':');
                push_beginning(member, out);
                before = ",";
            }
            out.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

/// The beginning of text that the client sent.
fn shown(text: &str) -> String {
    let mut letters = text.chars();
    let mut shown: String = letters.by_ref().take(SHOWN).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}
