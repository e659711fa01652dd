//! Values of parameters and headers: from text to JSON, and against their schema.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};
use tollgate_engine::contract::{Encoding, Parameter, Style};
use tollgate_engine::json_schema::{
    Instance, Mismatch, Overrides, Schema, SchemaDocument, SchemaFault,
};

use crate::query;

/// Parts of a schema that are looked through for a type.
const PARTS: usize = 64;

/// Why a value is not what it must be.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It is not there.
    Missing,
    /// It is there more often than once.
    Several,
    /// Its text cannot be read as what it must be.
    Unparsed(String),
    /// It does not match its schema.
    Mismatch(Mismatch),
    /// The schema cannot be used.
    Schema(SchemaFault),
}

/// Checks the values of a parameter, as text, against its description. `decode` undoes the encoding of one part, after
/// the separators of its style were found.
pub(crate) fn check_parameter(
    parameter: &Parameter,
    values: &[String],
    decode: fn(&str) -> Cow<'_, str>,
) -> Result<(), Unreadable> {
    if values.is_empty() || parameter.allow_empty && values.iter().all(String::is_empty) {
        return if parameter.required && values.is_empty() {
            Err(Unreadable::Missing)
        } else {
            Ok(())
        };
    }
    let Some(schema) = &parameter.schema else {
        return if values.len() > 1 { Err(Unreadable::Several) } else { Ok(()) };
    };
    let value = if parameter.encoding == Encoding::Json {
        let [text] = values else { return Err(Unreadable::Several) };
        serde_json::from_str(&decode(text))
            .map_err(|error| Unreadable::Unparsed(format!("{error}.")))?
    } else {
        read(parameter, schema, values, decode)?
    };
    match_schema(schema, &value)
}

/// Checks a value that has been read.
fn match_schema(schema: &Schema, value: &Value) -> Result<(), Unreadable> {
    match schema.validate(&Instance::of(value), Overrides::default()) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(found)) => Err(Unreadable::Mismatch(found)),
        Err(fault) => Err(Unreadable::Schema(fault)),
    }
}

fn read(
    parameter: &Parameter,
    schema: &Schema,
    values: &[String],
    decode: fn(&str) -> Cow<'_, str>,
) -> Result<Value, Unreadable> {
    let types = Types::of(schema.document(), schema.value());
    let separator = match parameter.style {
        Style::Simple | Style::Form | Style::DeepObject => ",",
        Style::SpaceDelimited => " ",
        Style::PipeDelimited => "|",
        Style::TabDelimited => "\t",
        Style::Label => ".",
        Style::Matrix => ";",
    };
    if types.has("array") {
        let items = types.items.unwrap_or(&Value::Null);
        let items = Types::of(schema.document(), items);
        let mut list = Vec::new();
        for value in values {
            let value = unprefixed(parameter, value);
            // An exploded list in a query is one parameter for each item.
            let whole = parameter.style == Style::Form && parameter.explode;
            let separated = if whole { vec![value] } else { split(value, separator) };
            for part in separated {
                let part = named_part(parameter, part);
                list.push(items.scalar(decode(part.trim_matches(' ')).as_ref())?);
            }
        }
        return Ok(Value::Array(list));
    }
    let [value] = values else { return Err(Unreadable::Several) };
    let value = unprefixed(parameter, value);
    if types.has("object") {
        let mut members = Map::new();
        let parts = split(value, separator);
        let pairs: Vec<(&str, &str)> = if parameter.explode {
            parts.into_iter().filter_map(|part| part.split_once('=')).collect()
        } else {
            parts.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect()
        };
        for (name, value) in pairs {
            let name = decode(name).into_owned();
            let value = types.property(schema.document(), &name).scalar(&decode(value))?;
            members.insert(name, value);
        }
        return Ok(Value::Object(members));
    }
    types.scalar(&decode(named_part(parameter, value)))
}

/// A value without the sign that its style begins with.
fn unprefixed<'a>(parameter: &Parameter, value: &'a str) -> &'a str {
    match parameter.style {
        Style::Label => value.strip_prefix('.').unwrap_or(value),
        Style::Matrix => value.strip_prefix(';').unwrap_or(value),
        _ => value,
    }
}

/// A part without the name that the matrix style puts before it.
fn named_part<'a>(parameter: &Parameter, part: &'a str) -> &'a str {
    if parameter.style != Style::Matrix {
        return part;
    }
    part.strip_prefix(parameter.name.as_str())
        .and_then(|rest| rest.strip_prefix('='))
        .unwrap_or(part)
}

fn split<'a>(value: &'a str, separator: &str) -> Vec<&'a str> {
    // Spaces and bars reach us encoded.
    let encoded = match separator {
        " " => Some("%20"),
        "|" => Some("%7C"),
        "\t" => Some("%09"),
        _ => None,
    };
    match encoded.filter(|encoded| value.contains(encoded)) {
        Some(encoded) => value.split(encoded).collect(),
        None if separator == " " && value.contains('+') => value.split('+').collect(),
        None => value.split(separator).collect(),
    }
}

/// What a schema says of the type of a value, wherever in it it says so.
struct Types<'a> {
    names: Vec<&'a str>,
    items: Option<&'a Value>,
    properties: Vec<&'a Map<String, Value>>,
}

impl<'a> Types<'a> {
    fn of(document: &'a SchemaDocument, schema: &'a Value) -> Self {
        let mut types = Self { names: Vec::new(), items: None, properties: Vec::new() };
        let mut parts = vec![schema];
        for _ in 0..PARTS {
            let Some(part) = parts.pop() else { break };
            let Some(part) = document.resolve(part).and_then(Value::as_object) else { continue };
            match part.get("type") {
                Some(Value::String(name)) => types.names.push(name),
                Some(Value::Array(names)) => {
                    types.names.extend(names.iter().filter_map(Value::as_str));
                }
                _ => {}
            }
            types.items = types.items.or_else(|| part.get("items"));
            types.properties.extend(part.get("properties").and_then(Value::as_object));
            let inner = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| part.get(key));
            parts.extend(inner.filter_map(Value::as_array).flatten());
        }
        types
    }

    fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Names of the properties that are described.
    fn property_names(&self) -> impl Iterator<Item = &'a str> {
        self.properties.iter().flat_map(|all| all.keys()).map(String::as_str)
    }

    fn property(&self, document: &'a SchemaDocument, name: &str) -> Types<'a> {
        let found = self.properties.iter().find_map(|all| all.get(name));
        Types::of(document, found.unwrap_or(&Value::Null))
    }

    /// Text as the first of the types that it can be.
    fn scalar(&self, text: &str) -> Result<Value, Unreadable> {
        if self.has("integer")
            && let Some(number) = integer(text)
        {
            return Ok(number);
        }
        if self.has("number")
            && let Some(number) = number(text)
        {
            return Ok(number);
        }
        if self.has("boolean")
            && let Some(flag) = flag(text)
        {
            return Ok(Value::Bool(flag));
        }
        if self.has("null") && text.is_empty() {
            return Ok(Value::Null);
        }
        let readable = ["integer", "number", "boolean"];
        let only_others = readable.iter().find(|name| self.has(name));
        match only_others {
            Some(wanted) if !self.has("string") => {
                let shown: String = text.chars().take(100).collect();
                Err(Unreadable::Unparsed(format!("Could not convert string to {wanted}: {shown}.")))
            }
            _ => Ok(Value::from(text)),
        }
    }
}

fn integer(text: &str) -> Option<Value> {
    // Rust reads `+1`, JSON does not.
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let small = text.parse::<i64>().ok().map(Value::from);
    small.or_else(|| text.parse::<u64>().ok().map(Value::from))
}

fn number(text: &str) -> Option<Value> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = text.parse::<f64>().ok().filter(|_| plain && !text.starts_with('+'));
    integer(text).or_else(|| number.and_then(Number::from_f64).map(Value::Number))
}

fn flag(text: &str) -> Option<bool> {
    // As .NET reads one.
    ["true", "false"].iter().position(|word| word.eq_ignore_ascii_case(text)).map(|at| at == 0)
}

/// A parameter of the query that is an object, each of whose properties is a query parameter of its own:
/// `name[property]=value`, or `property=value` when it is exploded.
#[derive(Debug)]
pub(crate) struct Properties<'a> {
    names: Vec<&'a str>,
}

impl<'a> Properties<'a> {
    /// Its properties, when the parameter is such an object.
    pub(crate) fn of(parameter: &'a Parameter) -> Option<Self> {
        let exploded = parameter.style == Style::Form && parameter.explode;
        if !exploded && parameter.style != Style::DeepObject || parameter.encoding == Encoding::Json
        {
            return None;
        }
        let schema = parameter.schema.as_ref()?;
        let types = Types::of(schema.document(), schema.value());
        let is_object = types.has("object") || parameter.style == Style::DeepObject;
        is_object.then(|| Self { names: types.property_names().collect() })
    }

    /// Whether a query parameter of this name is one of its properties.
    pub(crate) fn has(&self, parameter: &Parameter, name: &str) -> bool {
        match parameter.style {
            Style::DeepObject => inside(parameter, name).is_some(),
            _ => self.names.contains(&name),
        }
    }
}

/// The property of a `name[property]`.
fn inside<'n>(parameter: &Parameter, name: &'n str) -> Option<&'n str> {
    let rest = name.strip_prefix(parameter.name.as_str())?;
    rest.strip_prefix('[')?.strip_suffix(']')
}

/// Checks such an object. `given` are all query parameters: decoded names, encoded values.
pub(crate) fn check_properties(
    parameter: &Parameter,
    properties: &Properties<'_>,
    given: &[(String, String)],
) -> Result<(), Unreadable> {
    let Some(schema) = &parameter.schema else { return Ok(()) };
    let types = Types::of(schema.document(), schema.value());
    let mut members = Map::new();
    for (name, value) in given.iter().filter(|(name, _)| properties.has(parameter, name)) {
        let property = match parameter.style {
            Style::DeepObject => inside(parameter, name).unwrap_or(name),
            _ => name,
        };
        let value = types.property(schema.document(), property).scalar(&query::decode(value))?;
        if members.insert(property.to_owned(), value).is_some() {
            return Err(Unreadable::Several);
        }
    }
    match (members.is_empty(), parameter.required) {
        (true, true) => Err(Unreadable::Missing),
        (true, false) => Ok(()),
        (false, _) => match_schema(schema, &Value::Object(members)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tollgate_engine::contract::Location;

    use super::*;

    /// A path parameter `p` of this style and schema, given as `text`; empty when it conforms.
    fn check(style: Style, explode: bool, schema: Value, text: &str) -> String {
        let document = SchemaDocument::new(schema);
        let parameter = Parameter {
            style,
            explode,
            schema: document.schema(""),
            ..Parameter::any("p", Location::Path)
        };
        match check_parameter(&parameter, &[text.to_owned()], |part| Cow::Borrowed(part)) {
            Ok(()) => String::new(),
            Err(Unreadable::Mismatch(found)) => found.message,
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn styles_of_paths() {
        let pair = json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 2 });
        for (style, explode, text) in [
            (Style::Simple, false, "1,2"),
            (Style::Label, false, ".1.2"),
            (Style::Matrix, true, ";p=1;p=2"),
        ] {
            assert_eq!(check(style, explode, pair.clone(), text), "", "{text}");
        }
        let one = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"] });
        assert_eq!(check(Style::Simple, false, one.clone(), "a,1"), "");
        assert_eq!(check(Style::Simple, true, one.clone(), "a=1"), "");
        assert_eq!(
            check(Style::Simple, true, one, "b=1"),
            "Required properties are missing from object: a."
        );
        assert_eq!(check(Style::Matrix, false, json!({ "type": "integer" }), ";p=7"), "");
    }

    #[test]
    fn text_is_read_as_the_first_type_that_fits() {
        let either = json!({ "anyOf": [{ "type": "integer", "maximum": 5 }, { "type": "string", "pattern": "^[a-z]+$" }] });
        assert_eq!(check(Style::Simple, false, either.clone(), "3"), "");
        assert_eq!(check(Style::Simple, false, either.clone(), "abc"), "");
        assert_eq!(
            check(Style::Simple, false, either, "9"),
            "JSON does not match any schemas from 'anyOf'."
        );
        let nullable = json!({ "type": ["integer", "null"] });
        assert_eq!(check(Style::Simple, false, nullable, ""), "");
        let digits = json!({ "type": "string", "minLength": 3 });
        assert_eq!(check(Style::Simple, false, digits, "007"), "");
    }
}
