//! Hashed collections with the order of .NET's: insertion order, removed places filled again last to first.
//!
//! What a value is compared by is its [`Key`]. It is worked out by whoever holds the tokens of the request
//! ([`Cx::key`](crate::eval::Cx::key)), since tokens are compared by what they hold.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::Value;
use crate::json::JsonId;
use crate::state::ObjectId;
use crate::types::{Ty, TypeId};
use crate::value::{HostRef, ResponsePart};
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
    Decimal([u8; 16]),
    Enum(TypeId, i32),
    Json(JsonId),
    Xml(XmlId),
    Object(ObjectId),
    Host(HostRef),
    Address(usize),
    Many(Vec<Key>),
    Record(RecordKey),
}

/// What a record is compared by: those of one type that hold the same are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordKey {
    keys: Vec<Key>,
    ty: Ty,
}

impl Hash for RecordKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Records of different types seldom meet.
        self.keys.hash(state);
    }
}

/// What equality is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Comparer {
    /// `EqualityComparer<T>.Default`, `StringComparer.Ordinal`.
    #[default]
    Exact,
    /// `StringComparer.OrdinalIgnoreCase` and its like.
    AnyCase,
    /// `JToken.EqualityComparer`: trees are equal that hold the same.
    Deep,
}

impl Key {
    /// The key of a value that is no token; tokens are compared by identity here.
    pub(crate) fn of(value: &Value, comparer: Comparer) -> Key {
        match value {
            Value::Null => Key::Null,
            Value::Host(part) => Key::Host(*part),
            Value::Exception(exception) => Key::Address(exception.address()),
            Value::Bool(value) => Key::Bool(*value),
            Value::Char(unit) => Key::Char(*unit),
            Value::Str(text) => Key::Str(match comparer {
                Comparer::AnyCase => crate::text::folded(text).into(),
                Comparer::Exact | Comparer::Deep => text.clone(),
            }),
            Value::Guid(guid) => Key::Guid(*guid),
            Value::Enum(id, number) => Key::Enum(*id, *number),
            Value::Json(id) => Key::Json(*id),
            Value::Xml(id) => Key::Xml(*id),
            Value::Object(id) => Key::Object(*id),
            Value::DateTime(value) => Key::Bits(10, value.ticks().cast_unsigned()),
            Value::TimeSpan(value) => Key::Bits(11, value.ticks().cast_unsigned()),
            Value::DateTimeOffset(value) => {
                Key::Bits(12, value.utc_date_time().ticks().cast_unsigned())
            }
            Value::Float(value) if value.is_nan() => Key::Bits(1, u64::MAX),
            Value::Float(value) => Key::Bits(1, u64::from((value + 0.0).to_bits())),
            Value::Double(value) if value.is_nan() => Key::Bits(2, u64::MAX),
            Value::Double(value) => Key::Bits(2, (value + 0.0).to_bits()),
            Value::Decimal(value) => Key::Decimal(value.normalize().serialize()),
            Value::SByte(value) => Key::Bits(3, i64::from(*value).cast_unsigned()),
            Value::Byte(value) => Key::Bits(4, u64::from(*value)),
            Value::Short(value) => Key::Bits(5, i64::from(*value).cast_unsigned()),
            Value::UShort(value) => Key::Bits(6, u64::from(*value)),
            Value::Int(value) => Key::Int(i64::from(*value)),
            Value::UInt(value) => Key::Bits(7, u64::from(*value)),
            Value::Long(value) => Key::Bits(8, value.cast_unsigned()),
            Value::ULong(value) => Key::Bits(9, *value),
            Value::Bytes(bytes) => Key::Address(bytes.as_ptr().addr()),
            Value::Record(record) if record.has_value() => Key::Record(RecordKey {
                ty: record.ty.clone(),
                keys: record.values.iter().map(|value| Key::of(value, Comparer::Exact)).collect(),
            }),
            Value::Record(record) => Key::Address(Arc::as_ptr(record).addr()),
            Value::Jwt(jwt) | Value::Claims(jwt) => Key::Address(Arc::as_ptr(jwt).addr()),
            Value::Response(response) => Key::Address(Arc::as_ptr(response).addr()),
            Value::ResponsePart(response, part) => {
                let address = Key::Address(Arc::as_ptr(response).addr());
                Key::Many(vec![address, Key::Int(i64::from(*part == ResponsePart::Body))])
            }
            Value::Native(object) => {
                object.key().unwrap_or_else(|| Key::Address(Arc::as_ptr(object).addr()))
            }
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
    capacity: usize,
    /// Its keys and its values as objects, once they have been asked for.
    pub(crate) keys: Option<Value>,
    pub(crate) values: Option<Value>,
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
            capacity: 0,
            keys: None,
            values: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The key as it was stored, and its value.
    pub(crate) fn entry(&self, key: &Key) -> Option<&(Value, Value)> {
        let place = self.places.get(key)?;
        self.entries.get(*place)?.as_ref()
    }

    /// Sets a value; whether the key is new.
    pub(crate) fn set(&mut self, hashed: Key, key: Value, value: Value) -> bool {
        // .NET Core 3 counts a value that is replaced as a change, too.
        self.version = self.version.wrapping_add(1);
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
        if self.entries.len() > self.capacity {
            self.capacity = prime(self.capacity.saturating_mul(2).max(1));
        }
        true
    }

    /// .NET Core 3 does not count a removal as a change.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        let place = self.places.remove(key)?;
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

    /// The next entry from a place on, and where it stands.
    pub(crate) fn next_from(&self, place: usize) -> Option<(usize, &(Value, Value))> {
        let mut rest = self.entries.iter().enumerate().skip(place);
        rest.find_map(|(place, entry)| entry.as_ref().map(|entry| (place, entry)))
    }

    /// `EnsureCapacity`: what the capacity is then. Nothing is allocated: it is a number to tell.
    pub(crate) fn ensure_capacity(&mut self, wanted: usize) -> usize {
        if wanted > self.capacity {
            self.version = self.version.wrapping_add(1);
            self.capacity = prime(wanted);
        }
        self.capacity
    }

    /// `TrimExcess`: entries close up, and the capacity is the next prime.
    pub(crate) fn trim(&mut self, wanted: usize) {
        let wanted = prime(wanted);
        if wanted < self.capacity {
            self.version = self.version.wrapping_add(1);
            self.capacity = wanted;
            let mut moved = HashMap::new();
            let mut entries = Vec::new();
            for (place, entry) in std::mem::take(&mut self.entries).into_iter().enumerate() {
                if entry.is_some() {
                    moved.insert(place, entries.len());
                    entries.push(entry);
                }
            }
            let places = std::mem::take(&mut self.places).into_iter();
            self.places = places
                .map(|(key, place)| (key, moved.get(&place).copied().unwrap_or_default()))
                .collect();
            self.entries = entries;
            self.free.clear();
        }
    }
}

/// The sizes that hashed collections of .NET take.
const PRIMES: &[usize] = &[
    3, 7, 11, 17, 23, 29, 37, 47, 59, 71, 89, 107, 131, 163, 197, 239, 293, 353, 431, 521, 631,
    761, 919, 1103, 1327, 1597, 1931, 2333, 2801, 3371, 4049, 4861, 5839, 7013, 8419, 10103, 12143,
    14591, 17519, 21023, 25229, 30293, 36353, 43627, 52361, 62851, 75431, 90523, 108_631, 130_363,
    156_437, 187_751, 225_307, 270_371, 324_449, 389_357, 467_237, 560_689, 672_827, 807_403,
    968_897, 1_162_687, 1_395_263, 1_674_319, 2_009_191, 2_411_033, 2_893_249, 3_471_899,
    4_166_287, 4_999_559, 5_999_471, 7_199_369,
];

/// The least of those sizes that holds so many.
fn prime(least: usize) -> usize {
    PRIMES.iter().copied().find(|prime| *prime >= least).unwrap_or(least)
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

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.map.get(key).is_some()
    }

    /// The item as it was stored.
    pub(crate) fn stored(&self, key: &Key) -> Option<&Value> {
        self.map.entry(key).map(|(item, _)| item)
    }

    pub(crate) fn insert(&mut self, key: Key, item: Value) -> bool {
        if self.contains(&key) { false } else { self.map.set(key, item, Value::Null) }
    }

    /// Sets count a removal as a change.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        let removed = self.map.remove(key).is_some();
        if removed {
            self.map.version = self.map.version.wrapping_add(1);
        }
        removed
    }

    pub(crate) fn clear(&mut self) {
        self.map.clear();
    }

    /// The next item from a place on, and where it stands.
    pub(crate) fn next_from(&self, place: usize) -> Option<(usize, &Value)> {
        self.map.next_from(place).map(|(place, (item, _))| (place, item))
    }

    /// See [`Dictionary::ensure_capacity`].
    pub(crate) fn ensure_capacity(&mut self, wanted: usize) -> usize {
        self.map.ensure_capacity(wanted)
    }

    /// See [`Dictionary::trim`].
    pub(crate) fn trim(&mut self) {
        self.map.trim(self.map.len());
    }
}
