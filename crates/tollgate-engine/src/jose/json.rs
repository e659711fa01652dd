//! JSON objects without repeated members.

use std::fmt;

use serde::Deserializer as _;
use serde_json::{Map, Value};

/// Members that an object is expected to have: a token has about so many claims.
const MEMBERS: usize = 16;

/// Reads JSON and refuses a repeated member at any depth: two readers that disagree on which one counts are how a
/// checked claim and a used claim come to differ (RFC 8725 §2.6). Nesting is bounded by the JSON reader.
pub fn parse_strict_json(bytes: &[u8]) -> Option<Map<String, Value>> {
    match parse_strict_value(bytes) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Reads JSON of any kind, likewise.
pub(crate) fn parse_strict_value(bytes: &[u8]) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let Strict(value) = deserializer.deserialize_any(StrictVisitor { members: MEMBERS })?;
    deserializer.end()?;
    Ok(value)
}

struct Strict(Value);

impl<'de> serde::Deserialize<'de> for Strict {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor { members: 0 })
    }
}

struct StrictVisitor {
    /// That an object is expected to have.
    members: usize,
}

impl<'de> serde::de::Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Strict(Value::Array(list)))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
        let mut object = Map::with_capacity(self.members);
        while let Some(name) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            if object.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a member is repeated"));
            }
        }
        Ok(Strict(Value::Object(object)))
    }
}
