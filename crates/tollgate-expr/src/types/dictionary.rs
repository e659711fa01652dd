//! Dictionaries: `Dictionary<TKey, TValue>` and the interfaces, those of `context` included.

use super::array::index_int;
use super::collections::comparer;
use super::context::{self, Lookup};
use super::decl::{Kind, Member, TypeDecl, m, rw};
use super::{Ty, TypeId};
use crate::collections::{Comparer, Dictionary};
use crate::eval::{Args, Cx, default_value, null_argument};
use crate::state::{Object, SLOT_COST, confusion};
use crate::{Exception, ExceptionKind, Value};

/// What a key holds; none when it is missing.
fn look_up(cx: &mut Cx<'_>, map: &Value, key: &Value) -> Result<Lookup, Exception> {
    if key.is_null() {
        return Err(null_argument("key"));
    }
    if let Some(Object::Dictionary(map)) = cx.object_of(map) {
        return Ok(map.get(key).map_or(Lookup::Missing, |value| Lookup::Found(value.clone())));
    }
    if let Value::Json(id) = map {
        let found = cx.state.json.get(*id, key.as_str().unwrap_or_default());
        return Ok(found.map_or(Lookup::Missing, |id| Lookup::Found(Value::Json(id))));
    }
    context::look_up(cx, map, key.as_str().unwrap_or_default())
}

fn get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (map, key) = (a.value(0), a.value(1));
    match look_up(cx, &map, &key)? {
        Lookup::Found(value) => Ok(value),
        // Microsoft's toolkit says that the gateway gives null for a variable that is not set.
        Lookup::Null => Ok(Value::Null),
        Lookup::Missing => {
            let shown = cx.text(&key)?.unwrap_or_default();
            let message = format!("The given key '{shown}' was not present in the dictionary.");
            Err(Exception::new(ExceptionKind::KeyNotFound, message))
        }
    }
}

fn edit<'c>(cx: &'c mut Cx<'_>, a: &Args<'_>) -> Result<&'c mut Dictionary, Exception> {
    match cx.state.object_mut(a.this_object()?) {
        Some(Object::Dictionary(map)) => Ok(map),
        _ => Err(confusion()),
    }
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    if a.get(1).is_null() {
        return Err(null_argument("key"));
    }
    cx.charge(4 * SLOT_COST)?;
    let value = a.value(2);
    edit(cx, a)?.set(a.value(1), value.clone());
    Ok(value)
}

fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let key = a.value(1);
    if key.is_null() {
        return Err(null_argument("key"));
    }
    if edit(cx, a)?.get(&key).is_some() {
        let shown = cx.text(&key)?.unwrap_or_default();
        let message = format!("An item with the same key has already been added. Key: {shown}");
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    set(cx, a)?;
    Ok(Value::Null)
}

fn contains_key(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (map, key) = (a.value(0), a.value(1));
    Ok(Value::Bool(matches!(look_up(cx, &map, &key)?, Lookup::Found(_))))
}

fn try_get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let (map, key) = (a.value(0), a.value(1));
    let found = look_up(cx, &map, &key)?;
    let default = default_value(a.ty(1));
    Ok(if let Lookup::Found(value) = found {
        a.set(2, value);
        Value::Bool(true)
    } else {
        a.set(2, default);
        Value::Bool(false)
    })
}

fn entries(cx: &mut Cx<'_>, map: &Value) -> Result<Vec<Value>, Exception> {
    cx.collect(map)
}

fn part(cx: &mut Cx<'_>, a: &Args<'_>, index: usize) -> Result<Value, Exception> {
    let pairs = entries(cx, &a.value(0))?;
    let take = |pair: &Value| match pair {
        Value::Record(record) => record.values.get(index).cloned().unwrap_or_default(),
        _ => Value::Null,
    };
    let items = pairs.iter().map(take).collect();
    cx.lazy(a.ty(index).clone(), crate::eval::Source::Items(items))
}

fn count(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let n = match cx.known_length(a.get(0)) {
        Some(n) => n,
        None => entries(cx, &a.value(0))?.len(),
    };
    Ok(Value::Int(index_int(n)))
}

fn new(cx: &mut Cx<'_>, a: &Args<'_>, how: Comparer) -> Result<Value, Exception> {
    let map = Dictionary::new(a.ty(0).clone(), a.ty(1).clone(), how);
    cx.state.add(Object::Dictionary(Box::new(map)))
}

fn copy(cx: &mut Cx<'_>, a: &Args<'_>, how: Comparer) -> Result<Value, Exception> {
    let source = super::object::required(a, 0, "dictionary")?;
    let pairs = entries(cx, &source)?;
    cx.charge(pairs.len().saturating_mul(4 * SLOT_COST))?;
    let mut map = Dictionary::new(a.ty(0).clone(), a.ty(1).clone(), how);
    for pair in pairs {
        if let Value::Record(record) = pair
            && let [key, value] = &*record.values
        {
            map.set(key.clone(), value.clone());
        }
    }
    cx.state.add(Object::Dictionary(Box::new(map)))
}

const READ: &[Member] = &[
    m("TValue this[TKey key]", "What a key holds; an exception when it is missing.", get),
    m("bool ContainsKey(TKey key)", "Whether a key is there.", contains_key),
    m("bool TryGetValue(TKey key, out TValue value)", "What a key holds, if it is there.", try_get),
    m("int Count", "How many keys there are.", count),
    m("IEnumerable<TKey> Keys", "The keys.", |cx, a| part(cx, a, 0)),
    m("IEnumerable<TValue> Values", "The values.", |cx, a| part(cx, a, 1)),
];

pub(super) const READ_ONLY: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.IReadOnlyDictionary<TKey, TValue>",
    kind: Kind::Interface,
    bases: &["IReadOnlyCollection<KeyValuePair<TKey, TValue>>"],
    docs: "A dictionary to read.",
    members: READ,
    refused: &[],
};

const WRITE: &[Member] = &[
    rw("TValue this[TKey key]", "What a key holds; an exception when it is missing.", get, set),
    m("bool ContainsKey(TKey key)", "Whether a key is there.", contains_key),
    m("bool TryGetValue(TKey key, out TValue value)", "What a key holds, if it is there.", try_get),
    m("int Count", "How many keys there are.", count),
    m("ICollection<TKey> Keys", "The keys.", |cx, a| part(cx, a, 0)),
    m("ICollection<TValue> Values", "The values.", |cx, a| part(cx, a, 1)),
    m("void Add(TKey key, TValue value)", "Adds a key; an exception when it is there.", add),
    m("bool Remove(TKey key)", "Takes a key out; whether it was there.", |cx, a| {
        if a.get(1).is_null() {
            return Err(null_argument("key"));
        }
        Ok(Value::Bool(edit(cx, a)?.remove(a.get(1)).is_some()))
    }),
    m("void Clear()", "Takes all keys out.", |cx, a| {
        edit(cx, a)?.clear();
        Ok(Value::Null)
    }),
];

pub(super) const INTERFACE: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.IDictionary<TKey, TValue>",
    kind: Kind::Interface,
    bases: &["ICollection<KeyValuePair<TKey, TValue>>"],
    docs: "A dictionary.",
    members: WRITE,
    refused: &[],
};

pub(super) const DECL: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.Dictionary<TKey, TValue>",
    kind: Kind::Class,
    bases: &["IDictionary<TKey, TValue>", "IReadOnlyDictionary<TKey, TValue>"],
    docs: "A dictionary.",
    members: &[
        m("new()", "Empty.", |cx, a| new(cx, a, Comparer::Exact)),
        m("new(int capacity)", "Empty.", |cx, a| new(cx, a, Comparer::Exact)),
        m("new(IEqualityComparer<TKey> comparer)", "Empty, with a comparison.", |cx, a| {
            let how = comparer(a.get(0));
            new(cx, a, how)
        }),
        m("new(IDictionary<TKey, TValue> dictionary)", "A copy.", |cx, a| {
            copy(cx, a, Comparer::Exact)
        }),
        m(
            "new(IDictionary<TKey, TValue> dictionary, IEqualityComparer<TKey> comparer)",
            "A copy, with a comparison.",
            |cx, a| {
                let how = comparer(a.get(1));
                copy(cx, a, how)
            },
        ),
        m("bool TryAdd(TKey key, TValue value)", "Adds a key, if it is new.", |cx, a| {
            cx.charge(4 * SLOT_COST)?;
            let (key, value) = (a.value(1), a.value(2));
            let map = edit(cx, a)?;
            let new = map.get(&key).is_none();
            if new {
                map.set(key, value);
            }
            Ok(Value::Bool(new))
        }),
        m("bool ContainsValue(TValue value)", "Whether a value is there.", |cx, a| {
            let wanted = a.value(1);
            let Some(Object::Dictionary(map)) = cx.object_of(a.get(0)) else {
                return Err(confusion());
            };
            Ok(Value::Bool(map.iter().any(|(_, value)| super::object::equals(cx, value, &wanted))))
        }),
        rw("TValue this[TKey key]", "What a key holds; an exception when it is missing.", get, set),
        m("bool ContainsKey(TKey key)", "Whether a key is there.", contains_key),
        m(
            "bool TryGetValue(TKey key, out TValue value)",
            "What a key holds, if it is there.",
            try_get,
        ),
        m("int Count", "How many keys there are.", count),
        m("ICollection<TKey> Keys", "The keys.", |cx, a| part(cx, a, 0)),
        m("ICollection<TValue> Values", "The values.", |cx, a| part(cx, a, 1)),
        m("void Add(TKey key, TValue value)", "Adds a key; an exception when it is there.", add),
    ],
    refused: &[],
};

fn member(a: &Args<'_>, index: usize) -> Result<Value, Exception> {
    match a.get(0) {
        Value::Record(record) => Ok(record.values.get(index).cloned().unwrap_or_default()),
        _ => Err(confusion()),
    }
}

pub(super) const PAIR: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.KeyValuePair<TKey, TValue>",
    kind: Kind::Struct,
    bases: &[],
    docs: "A key and what it holds.",
    members: &[
        m("new(TKey key, TValue value)", "Of a key and a value.", |_, a| {
            let args = [a.ty(0).clone(), a.ty(1).clone()];
            Ok(Value::pair(Ty::generic(TypeId::KeyValuePair, args), a.value(0), a.value(1)))
        }),
        m("TKey Key", "The key.", |_, a| member(a, 0)),
        m("TValue Value", "The value.", |_, a| member(a, 1)),
    ],
    refused: &[],
};
