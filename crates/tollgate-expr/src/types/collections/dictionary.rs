//! Dictionaries: `Dictionary<TKey, TValue>` and the interfaces, those of `context` included.

use super::super::context::{self, Lookup};
use super::super::decl::{Kind, Member, TypeDecl, joined, m, refused, rw};
use super::super::json::json_pairs;
use super::super::object::{equals, required};
use super::super::{Ty, TypeId};
use super::comparers::{comparer, comparer_object};
use super::{Run, index_int, range};
use crate::collections::{Comparer, Dictionary, Key};
use crate::eval::{Args, Cx, Source, default_value, null_argument};
use crate::json::JsonId;
use crate::state::{Object, SLOT_COST, confusion};
use crate::{Exception, ExceptionKind, Value};

/// What a key holds; none when it is missing.
pub(in crate::types) fn look_up(
    cx: &mut Cx<'_>,
    map: &Value,
    key: &Value,
) -> Result<Lookup, Exception> {
    if key.is_null() {
        return Err(null_argument("key"));
    }
    if let Some(Object::Dictionary(_)) = cx.object_of(map) {
        return Ok(find(cx, map, key)?.map_or(Lookup::Missing, Lookup::Found));
    }
    if let Value::Json(id) = map {
        let found = cx.state.json.get(*id, key.as_str().unwrap_or_default());
        return Ok(found.map_or(Lookup::Missing, |id| Lookup::Found(Value::Json(id))));
    }
    context::look_up(cx, map, key.as_str().unwrap_or_default())
}

fn get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
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

/// What a dictionary object holds of a key.
pub(in crate::types) fn find(
    cx: &mut Cx<'_>,
    map: &Value,
    key: &Value,
) -> Result<Option<Value>, Exception> {
    let hashed = hashed(cx, map, key)?;
    match cx.object_of(map) {
        Some(Object::Dictionary(map)) => Ok(map.get(&hashed).cloned()),
        _ => Err(confusion()),
    }
}

fn hashed(cx: &mut Cx<'_>, map: &Value, key: &Value) -> Result<Key, Exception> {
    let Some(Object::Dictionary(map)) = cx.object_of(map) else { return Err(confusion()) };
    let how = map.comparer;
    cx.key(key, how)
}

fn edit<'c>(cx: &'c mut Cx<'_>, map: &Value) -> Result<&'c mut Dictionary, Exception> {
    let Value::Object(id) = map else { return Err(confusion()) };
    match cx.state.object_mut(*id) {
        Some(Object::Dictionary(map)) => Ok(map),
        _ => Err(confusion()),
    }
}

fn json(value: &Value) -> Option<JsonId> {
    if let Value::Json(id) = value { Some(*id) } else { None }
}

fn set(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (map, key, value) = (a.value(0), a.value(1), a.value(2));
    if let Value::Json(id) = map {
        let name = if let Value::Str(name) = key { Some(name) } else { None };
        let item = json(&value);
        cx.state.json.set_name(id, name, item, &mut cx.state.budget)?;
        return Ok(value);
    }
    if key.is_null() {
        return Err(null_argument("key"));
    }
    put(cx, &map, key, value.clone())?;
    Ok(value)
}

/// `dictionary[key] = value`; keys may be null.
pub(in crate::types) fn put(
    cx: &mut Cx<'_>,
    map: &Value,
    key: Value,
    value: Value,
) -> Result<(), Exception> {
    cx.charge(4 * SLOT_COST)?;
    let hashed = hashed(cx, map, &key)?;
    edit(cx, map)?.set(hashed, key, value);
    Ok(())
}

/// `dictionary.Add(key, value)`.
pub(in crate::types) fn insert(cx: &mut Cx<'_>, map: &Value, key: Value, value: Value) -> Run {
    if let Value::Json(id) = map {
        let name = if let Value::Str(name) = key { Some(name) } else { None };
        let item = json(&value);
        cx.state.json.add_property(*id, name, item, &mut cx.state.budget)?;
        return Ok(Value::Null);
    }
    if key.is_null() {
        return Err(null_argument("key"));
    }
    cx.charge(4 * SLOT_COST)?;
    let hashed = hashed(cx, map, &key)?;
    if edit(cx, map)?.get(&hashed).is_some() {
        let shown = cx.text(&key)?.unwrap_or_default();
        let message = format!("An item with the same key has already been added. Key: {shown}");
        return Err(Exception::new(ExceptionKind::Argument, message));
    }
    edit(cx, map)?.set(hashed, key, value);
    Ok(Value::Null)
}

fn add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (map, key, value) = (a.value(0), a.value(1), a.value(2));
    insert(cx, &map, key, value)
}

/// Takes a key out.
pub(super) fn take(cx: &mut Cx<'_>, map: &Value, key: &Value) -> Result<Option<Value>, Exception> {
    if let Value::Json(id) = map {
        let state = &mut *cx.state;
        let removed = state.json.remove_name(*id, key.as_str(), &mut state.budget)?;
        return Ok(removed.then_some(Value::Null));
    }
    if key.is_null() {
        return Err(null_argument("key"));
    }
    let hashed = hashed(cx, map, key)?;
    Ok(edit(cx, map)?.remove(&hashed))
}

fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (map, key) = (a.value(0), a.value(1));
    Ok(Value::Bool(take(cx, &map, &key)?.is_some()))
}

fn contains_key(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (map, key) = (a.value(0), a.value(1));
    Ok(Value::Bool(matches!(look_up(cx, &map, &key)?, Lookup::Found(_))))
}

fn try_get(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
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

/// What of a pair a view of a dictionary shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Keys,
    Values,
}

/// `Keys` or `Values`: a view, of which a dictionary has one each.
fn part(cx: &mut Cx<'_>, a: &Args<'_>, side: Side) -> Run {
    if let Some(Object::Dictionary(map)) = cx.object_of(a.get(0))
        && let Some(known) = if side == Side::Keys { &map.keys } else { &map.values }
    {
        return Ok(known.clone());
    }
    if let (Side::Values, Value::Json(_)) = (side, a.get(0)) {
        let message = "The method or operation is not implemented.";
        return Err(Exception::new(ExceptionKind::NotImplemented, message));
    }
    let made = view(cx, a, side)?;
    if let Value::Object(id) = a.get(0)
        && let Some(Object::Dictionary(map)) = cx.state.object_mut(*id)
    {
        *(if side == Side::Keys { &mut map.keys } else { &mut map.values }) = Some(made.clone());
    }
    Ok(made)
}

fn view(cx: &mut Cx<'_>, a: &Args<'_>, side: Side) -> Run {
    let id = match side {
        Side::Keys => TypeId::KeyCollection,
        Side::Values => TypeId::ValueCollection,
    };
    let ty = Ty::generic(id, [a.ty(0).clone(), a.ty(1).clone()]);
    let mut pairs = a.value(0);
    if let Value::Json(_) = pairs {
        pairs = json_pairs(cx, pairs)?;
    }
    cx.sequence(ty, Source::Pairs(pairs, side as usize))
}

macro_rules! view {
    ($name:literal, $item:literal, $docs:literal, $side:expr) => {
        TypeDecl {
            name: concat!("System.Collections.Generic.Dictionary+", $name, "<TKey, TValue>"),
            kind: Kind::Class,
            bases: &[
                concat!("ICollection<", $item, ">"),
                concat!("IReadOnlyCollection<", $item, ">"),
            ],
            docs: $docs,
            members: &[
                m("new(Dictionary<TKey, TValue> dictionary)", "Of a dictionary.", |cx, a| {
                    required(a, 0, "dictionary")?;
                    view(cx, a, $side)
                }),
                m("int Count", "How many there are.", count),
                m(
                    concat!("void CopyTo(", $item, "[] array, int index)"),
                    "Copies them to an array.",
                    super::copy_to,
                ),
                m(
                    concat!("IEnumerator<", $item, "> GetEnumerator()"),
                    "A walk over them.",
                    super::enumerator::start,
                ),
            ],
            refused: &[refused("Enumerator", "`GetEnumerator()` gives an `IEnumerator`")],
        }
    };
}

pub(in crate::types) const KEYS: TypeDecl =
    view!("KeyCollection", "TKey", "The keys of a dictionary, as they are now.", Side::Keys);

pub(in crate::types) const VALUES: TypeDecl =
    view!("ValueCollection", "TValue", "The values of a dictionary.", Side::Values);

fn count(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let n = match cx.known_length(a.get(0)) {
        Some(n) => n,
        None => entries(cx, &a.value(0))?.len(),
    };
    Ok(Value::Int(index_int(n)))
}

/// A dictionary without entries.
pub(in crate::types) fn empty(cx: &mut Cx<'_>, key: &Ty, value: &Ty, how: Comparer) -> Run {
    let map = Dictionary::new(key.clone(), value.clone(), how);
    cx.state.add(Object::Dictionary(Box::new(map)))
}

fn new(cx: &mut Cx<'_>, a: &Args<'_>, how: Comparer) -> Run {
    empty(cx, a.ty(0), a.ty(1), how)
}

#[cold]
fn bad_capacity() -> Exception {
    range("Specified argument was out of the range of valid values.", "capacity")
}

fn sized(cx: &mut Cx<'_>, a: &Args<'_>, how: Comparer) -> Run {
    let wanted = usize::try_from(a.long(0)).map_err(|_| bad_capacity())?;
    let map = new(cx, a, how)?;
    edit(cx, &map)?.ensure_capacity(wanted);
    Ok(map)
}

/// A dictionary of pairs.
fn copy(cx: &mut Cx<'_>, a: &Args<'_>, name: &str, how: Comparer) -> Run {
    let mut source = required(a, 0, name)?;
    if let Value::Json(_) = source {
        source = json_pairs(cx, source)?;
    }
    let pairs = entries(cx, &source)?;
    cx.charge(pairs.len().saturating_mul(4 * SLOT_COST))?;
    let map = new(cx, a, how)?;
    for pair in pairs {
        cx.step(1)?;
        if let Value::Record(record) = pair
            && let [key, value] = &*record.values
        {
            insert(cx, &map, key.clone(), value.clone())?;
        }
    }
    Ok(map)
}

fn try_add(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (map, key, value) = (a.value(0), a.value(1), a.value(2));
    if key.is_null() {
        return Err(null_argument("key"));
    }
    cx.charge(4 * SLOT_COST)?;
    let hashed = hashed(cx, &map, &key)?;
    let map = edit(cx, &map)?;
    let new = map.get(&hashed).is_none();
    if new {
        map.set(hashed, key, value);
    }
    Ok(Value::Bool(new))
}

fn contains_value(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let wanted = a.value(1);
    let n = cx.known_length(a.get(0)).unwrap_or_default();
    cx.step(n as u64)?;
    let Some(Object::Dictionary(map)) = cx.object_of(a.get(0)) else { return Err(confusion()) };
    for (_, value) in map.iter() {
        if equals(cx, value, &wanted)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn trim(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let map = a.value(0);
    let n = cx.known_length(&map).unwrap_or_default();
    cx.step(n as u64)?;
    let wanted = if a.len() > 1 {
        usize::try_from(a.long(1)).ok().filter(|wanted| *wanted >= n).ok_or_else(bad_capacity)?
    } else {
        n
    };
    edit(cx, &map)?.trim(wanted);
    Ok(Value::Null)
}

const READ: &[Member] = &[
    m("TValue this[TKey key]", "What a key holds; an exception when it is missing.", get),
    m("bool ContainsKey(TKey key)", "Whether a key is there.", contains_key),
    m("bool TryGetValue(TKey key, out TValue value)", "What a key holds, if it is there.", try_get),
    m("int Count", "How many keys there are.", count),
    m("IEnumerable<TKey> Keys", "The keys.", |cx, a| part(cx, a, Side::Keys)),
    m("IEnumerable<TValue> Values", "The values.", |cx, a| part(cx, a, Side::Values)),
];

pub(in crate::types) const READ_ONLY: TypeDecl = TypeDecl {
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
    m("void Add(TKey key, TValue value)", "Adds a key; an exception when it is there.", add),
    m("bool Remove(TKey key)", "Takes a key out; whether it was there.", remove),
    m("void Clear()", "Takes all keys out.", super::clear),
];

pub(in crate::types) const INTERFACE: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.IDictionary<TKey, TValue>",
    kind: Kind::Interface,
    bases: &["ICollection<KeyValuePair<TKey, TValue>>"],
    docs: "A dictionary.",
    members: &joined::<{ WRITE.len() + 2 }>(
        WRITE,
        &[
            m("ICollection<TKey> Keys", "The keys.", |cx, a| part(cx, a, Side::Keys)),
            m("ICollection<TValue> Values", "The values.", |cx, a| part(cx, a, Side::Values)),
        ],
    ),
    refused: &[],
};

const OWN: &[Member] = &[
    m("Dictionary<TKey, TValue>.KeyCollection Keys", "The keys.", |cx, a| part(cx, a, Side::Keys)),
    m("Dictionary<TKey, TValue>.ValueCollection Values", "The values.", |cx, a| {
        part(cx, a, Side::Values)
    }),
    m("new()", "Empty.", |cx, a| new(cx, a, Comparer::Exact)),
    m("new(int capacity)", "Empty.", |cx, a| sized(cx, a, Comparer::Exact)),
    m("new(IEqualityComparer<TKey> comparer)", "Empty, with a comparison.", |cx, a| {
        let how = comparer(a.get(0));
        new(cx, a, how)
    }),
    m("new(int capacity, IEqualityComparer<TKey> comparer)", "Empty.", |cx, a| {
        let how = comparer(a.get(1));
        sized(cx, a, how)
    }),
    m("new(IDictionary<TKey, TValue> dictionary)", "A copy.", |cx, a| {
        copy(cx, a, "dictionary", Comparer::Exact)
    }),
    m(
        "new(IDictionary<TKey, TValue> dictionary, IEqualityComparer<TKey> comparer)",
        "A copy, with a comparison.",
        |cx, a| {
            let how = comparer(a.get(1));
            copy(cx, a, "dictionary", how)
        },
    ),
    m("new(IEnumerable<KeyValuePair<TKey, TValue>> collection)", "Of pairs.", |cx, a| {
        copy(cx, a, "collection", Comparer::Exact)
    }),
    m(
        "new(IEnumerable<KeyValuePair<TKey, TValue>> collection, IEqualityComparer<TKey> comparer)",
        "Of pairs, with a comparison.",
        |cx, a| {
            let how = comparer(a.get(1));
            copy(cx, a, "collection", how)
        },
    ),
    m("IEqualityComparer<TKey> Comparer", "What says which keys are equal.", |cx, a| {
        match cx.object_of(a.get(0)) {
            Some(Object::Dictionary(map)) => Ok(comparer_object(map.comparer, a.ty(0))),
            _ => Err(confusion()),
        }
    }),
    m("bool TryAdd(TKey key, TValue value)", "Adds a key, if it is new.", try_add),
    m("bool ContainsValue(TValue value)", "Whether a value is there.", contains_value),
    m("bool Remove(TKey key, out TValue value)", "Takes a key out; what it held.", |cx, a| {
        let (map, key) = (a.value(0), a.value(1));
        let taken = take(cx, &map, &key)?;
        let found = taken.is_some();
        let value = taken.unwrap_or_else(|| default_value(a.ty(1)));
        a.set(2, value);
        Ok(Value::Bool(found))
    }),
    m("int EnsureCapacity(int capacity)", "Makes room; how many fit.", |cx, a| {
        let wanted = usize::try_from(a.long(1)).map_err(|_| bad_capacity())?;
        Ok(Value::Int(index_int(edit(cx, a.get(0))?.ensure_capacity(wanted))))
    }),
    m("void TrimExcess()", "Lets the capacity fit.", trim),
    m("void TrimExcess(int capacity)", "Lets the capacity fit.", trim),
    m(
        "IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator()",
        "A walk over the pairs.",
        super::enumerator::start,
    ),
];

pub(in crate::types) const DECL: TypeDecl = TypeDecl {
    name: "System.Collections.Generic.Dictionary<TKey, TValue>",
    kind: Kind::Class,
    bases: &["IDictionary<TKey, TValue>", "IReadOnlyDictionary<TKey, TValue>"],
    docs: "A dictionary.",
    members: &joined::<{ OWN.len() + WRITE.len() }>(OWN, WRITE),
    refused: &[
        refused("GetObjectData", "serialization has no use in a policy"),
        refused("OnDeserialization", "serialization has no use in a policy"),
        refused("Enumerator", "`GetEnumerator()` gives an `IEnumerator`"),
    ],
};
