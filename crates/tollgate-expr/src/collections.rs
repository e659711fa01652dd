//! Hashed collections with the order of .NET's: insertion order, removed places filled again last to first.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Value;
use crate::json::JsonId;
use crate::state::ObjectId;
use crate::types::{Ty, TypeId};
use crate::xml::XmlId;

/// What a value is compared by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Null,
    Bool(bool),
    Char(u16),
    Int(i64),
    Bits(u8, u64),
    Str(Arc<str>),
    Guid([u8; 16]),
    Enum(TypeId, i32),
    Json(JsonId),
    Xml(XmlId),
    Object(ObjectId),
    Address(usize),
    Many(Vec<Key>),
}

/// How strings are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Comparer {
    #[default]
    Exact,
    AnyCase,
}

impl Key {
    /// The key of a value.
    pub(crate) fn of(value: &Value, comparer: Comparer) -> Key {
        match value {
            Value::Null => Key::Null,
            Value::Bool(value) => Key::Bool(*value),
            Value::Char(unit) => Key::Char(*unit),
            Value::Str(text) => Key::Str(match comparer {
                Comparer::Exact => text.clone(),
                Comparer::AnyCase => text.to_uppercase().into(),
            }),
            Value::Guid(guid) => Key::Guid(*guid),
            Value::Enum(id, number) => Key::Enum(*id, *number),
            Value::Json(id) => Key::Json(*id),
            Value::Xml(id) => Key::Xml(*id),
            Value::Object(id) => Key::Object(*id),
            Value::DateTime(value) => Key::Int(value.ticks()),
            Value::TimeSpan(value) => Key::Int(value.ticks()),
            Value::DateTimeOffset(value) => Key::Int(value.utc_date_time().ticks()),
            Value::Float(value) => Key::Bits(1, u64::from(value.to_bits())),
            Value::Double(value) => Key::Bits(2, if *value == 0.0 { 0 } else { value.to_bits() }),
            Value::Decimal(value) => Key::Str(value.normalize().to_string().into()),
            Value::ULong(value) => Key::Bits(3, *value),
            Value::Bytes(bytes) => Key::Address(bytes.as_ptr().addr()),
            Value::Record(record) => Key::Many(
                record.values.iter().map(|value| Key::of(value, Comparer::Exact)).collect(),
            ),
            Value::Jwt(jwt) | Value::Claims(jwt) => Key::Address(Arc::as_ptr(jwt).addr()),
            Value::Response(response) | Value::ResponsePart(response, _) => {
                Key::Address(Arc::as_ptr(response).addr())
            }
            Value::Native(object) => {
                object.key().unwrap_or_else(|| Key::Address(Arc::as_ptr(object).addr()))
            }
            other => Key::Int(other.as_int().unwrap_or_default()),
        }
    }
}

/// `Dictionary<TKey, TValue>`.
#[derive(Debug, Clone)]
pub(crate) struct Dictionary {
    pub(crate) key: Ty,
    pub(crate) value: Ty,
    pub(crate) comparer: Comparer,
    pub(crate) version: u32,
    places: HashMap<Key, usize>,
    entries: Vec<Option<(Value, Value)>>,
    free: Vec<usize>,
}

impl Dictionary {
    pub(crate) fn new(key: Ty, value: Ty, comparer: Comparer) -> Self {
        Self {
            key,
            value,
            comparer,
            version: 0,
            places: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(&self, key: &Value) -> Option<&Value> {
        let place = self.places.get(&Key::of(key, self.comparer))?;
        self.entries.get(*place)?.as_ref().map(|(_, value)| value)
    }

    /// Sets a value; whether the key is new.
    pub(crate) fn set(&mut self, key: Value, value: Value) -> bool {
        self.version = self.version.wrapping_add(1);
        let hashed = Key::of(&key, self.comparer);
        if let Some(place) = self.places.get(&hashed) {
            if let Some(Some((_, old))) = self.entries.get_mut(*place) {
                *old = value;
            }
            return false;
        }
        let entry = Some((key, value));
        let place = if let Some(place) = self.free.pop() {
            if let Some(slot) = self.entries.get_mut(place) {
                *slot = entry;
            }
            place
        } else {
            self.entries.push(entry);
            self.entries.len() - 1
        };
        self.places.insert(hashed, place);
        true
    }

    pub(crate) fn remove(&mut self, key: &Value) -> Option<Value> {
        let place = self.places.remove(&Key::of(key, self.comparer))?;
        self.version = self.version.wrapping_add(1);
        self.free.push(place);
        self.entries.get_mut(place)?.take().map(|(_, value)| value)
    }

    pub(crate) fn clear(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.places.clear();
        self.entries.clear();
        self.free.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Value, Value)> {
        self.entries.iter().flatten()
    }
}

/// `HashSet<T>`.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) item: Ty,
    map: Dictionary,
}

impl Set {
    pub(crate) fn new(item: Ty, comparer: Comparer) -> Self {
        Self { map: Dictionary::new(item.clone(), Ty::OBJECT, comparer), item }
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn version(&self) -> u32 {
        self.map.version
    }

    pub(crate) fn comparer(&self) -> Comparer {
        self.map.comparer
    }

    pub(crate) fn contains(&self, item: &Value) -> bool {
        self.map.get(item).is_some()
    }

    pub(crate) fn insert(&mut self, item: Value) -> bool {
        if self.contains(&item) { false } else { self.map.set(item, Value::Null) }
    }

    pub(crate) fn remove(&mut self, item: &Value) -> bool {
        self.map.remove(item).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.map.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.map.iter().map(|(item, _)| item)
    }
}
