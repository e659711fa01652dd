//! Walking over sequences one item at a time, as `IEnumerator` does.
//!
//! A lazy sequence does nothing before its first item is asked for, takes no more of its source than it needs, and sees
//! changes of a collection the way .NET's enumerators do: by the collection's version.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::grouping::Groups;
use super::sequence::{Sequence, Source};
use super::{Cx, Result};
use crate::collections::{Comparer, Key};
use crate::json::JsonId;
use crate::native::ItemAt;
use crate::state::{Object, ObjectId, SLOT_COST, confusion};
use crate::types::{TokenWalk, Ty, TypeId, XmlSource, convert_token, tokens_given};
use crate::xml::{SaveOptions, Walk};
use crate::{Exception, ExceptionKind, Value};

/// A place in a sequence.
#[derive(Debug, Default)]
pub(crate) enum Cursor {
    /// At the end, or not begun.
    #[default]
    Empty,
    Values(std::vec::IntoIter<Value>),
    Bytes(Arc<[u8]>, usize),
    /// The text, the byte offset, and the second half of a pair.
    Text(Arc<str>, usize, Option<u16>),
    Tokens {
        parent: JsonId,
        place: usize,
        version: u32,
    },
    Object {
        id: ObjectId,
        place: usize,
        version: u32,
        /// The type of the pairs of a dictionary.
        pair: Option<Ty>,
    },
    /// A collection with data of its own, and the next index.
    Native(Value, ItemAt, usize),
    Lazy(Box<Lazy>),
}

/// A lazy sequence under way.
#[derive(Debug)]
pub(crate) struct Lazy {
    sequence: Arc<Sequence>,
    from: Cursor,
    other: Cursor,
    started: bool,
    /// What the operation makes of it: a part that is done with, a condition that has been met.
    passed: bool,
    pub(super) index: i64,
    pub(super) outer: Value,
    seen: HashSet<Key>,
    pub(super) kept: VecDeque<Value>,
    pub(super) groups: Option<Groups>,
    /// The walk through an XML tree.
    walk: Option<Walk>,
}

#[cold]
fn modified(rare: bool) -> Exception {
    let message = if rare {
        "Collection was modified after the enumerator was instantiated."
    } else {
        "Collection was modified; enumeration operation may not execute."
    };
    Exception::new(ExceptionKind::InvalidOperation, message)
}

impl Cx<'_> {
    /// The beginning of a sequence.
    pub(crate) fn cursor(&mut self, source: &Value) -> Result<Cursor> {
        if let Some(items) = self.state.native_items(source) {
            return Ok(Cursor::Native(source.clone(), items, 0));
        }
        Ok(match source {
            Value::Null => return Err(super::null_argument("source")),
            Value::Object(id) => match self.state.object(*id) {
                Object::Sequence(sequence) => Cursor::Lazy(Box::new(Lazy {
                    sequence: sequence.clone(),
                    from: Cursor::Empty,
                    other: Cursor::Empty,
                    started: false,
                    passed: false,
                    index: 0,
                    outer: Value::Null,
                    seen: HashSet::new(),
                    kept: VecDeque::new(),
                    groups: None,
                    walk: None,
                })),
                object => {
                    let pair = match object {
                        Object::Dictionary(map) => Some(Ty::generic(
                            TypeId::KeyValuePair,
                            [map.key.clone(), map.value.clone()],
                        )),
                        _ => None,
                    };
                    Cursor::Object { id: *id, place: 0, version: version_of(object), pair }
                }
            },
            Value::Bytes(bytes) => Cursor::Bytes(bytes.clone(), 0),
            Value::Str(text) => Cursor::Text(text.clone(), 0, None),
            Value::Json(id) => {
                let version = self.state.json.version(*id);
                Cursor::Tokens { parent: *id, place: 0, version }
            }
            Value::Record(record)
                if matches!(record.ty, Ty::Generic(TypeId::IGrouping | TypeId::ILookup, _)) =>
            {
                let items = record.values.get(1).cloned().unwrap_or_default();
                return self.cursor(&items);
            }
            other => Cursor::Values(crate::types::context::entries(self, other)?.into_iter()),
        })
    }

    /// The next item of a sequence; none at its end.
    pub(crate) fn advance(&mut self, cursor: &mut Cursor) -> Result<Option<Value>> {
        match cursor {
            Cursor::Empty => Ok(None),
            Cursor::Values(items) => Ok(items.next()),
            Cursor::Bytes(bytes, place) => {
                let byte = match self.state.promoted(bytes) {
                    Some(now) => now.get(*place).copied(),
                    None => bytes.get(*place).copied(),
                };
                *place += 1;
                Ok(byte.map(Value::Byte))
            }
            Cursor::Text(text, offset, low) => {
                if let Some(unit) = low.take() {
                    return Ok(Some(Value::Char(unit)));
                }
                let next = text.get(*offset..).and_then(|rest| rest.chars().next());
                let Some(next) = next else { return Ok(None) };
                *offset += next.len_utf8();
                let mut units = [0; 2];
                let mut units = next.encode_utf16(&mut units).iter().copied();
                let first = units.next();
                *low = units.next();
                Ok(first.map(Value::Char))
            }
            Cursor::Tokens { parent, place, version } => {
                if self.state.json.version(*parent) != *version {
                    return Err(modified(false));
                }
                let child = self.state.json.child(*parent, *place);
                *place += 1;
                Ok(child.map(Value::Json))
            }
            Cursor::Object { id, place, version, pair } => {
                self.advance_object(*id, place, *version, pair.as_ref())
            }
            Cursor::Native(collection, items, index) => {
                let item = items(self, collection, *index)?;
                *index += 1;
                Ok(item)
            }
            Cursor::Lazy(lazy) => {
                self.state.budget.enter()?;
                let item = self.advance_lazy(lazy);
                self.state.budget.leave();
                item
            }
        }
    }

    fn advance_object(
        &mut self,
        id: ObjectId,
        place: &mut usize,
        version: u32,
        pair: Option<&Ty>,
    ) -> Result<Option<Value>> {
        let object = self.state.object(id);
        if version_of(object) != version {
            let rare = matches!(object, Object::Set(_) | Object::Line { .. });
            return Err(modified(rare));
        }
        let item = match object {
            Object::Array { items, .. } | Object::List { items, .. } => items.get(*place).cloned(),
            Object::Line { items, .. } => items.get(*place).cloned(),
            Object::Set(set) => set.next_from(*place).map(|(found, item)| {
                *place = found;
                item.clone()
            }),
            Object::Dictionary(map) => {
                let Some((found, (key, value))) = map.next_from(*place) else { return Ok(None) };
                *place = found + 1;
                let ty = pair.cloned().unwrap_or(Ty::OBJECT);
                let made = Value::pair(ty, key.clone(), value.clone());
                self.charge(2 * SLOT_COST)?;
                return Ok(Some(made));
            }
            _ => return Err(confusion()),
        };
        *place += 1;
        Ok(item)
    }

    fn advance_lazy(&mut self, lazy: &mut Lazy) -> Result<Option<Value>> {
        self.step(1)?;
        let sequence = lazy.sequence.clone();
        match &sequence.source {
            Source::Items(items) => {
                let item = usize::try_from(lazy.index).ok().and_then(|n| items.get(n)).cloned();
                lazy.index += 1;
                Ok(item)
            }
            Source::Select { from, function, indexed } => {
                let Some(item) = self.pull(lazy, from)? else { return Ok(None) };
                self.call_indexed(function, item, *indexed, &mut lazy.index).map(Some)
            }
            Source::Where { from, function, indexed } => {
                while let Some(item) = self.pull(lazy, from)? {
                    self.step(1)?;
                    let keep =
                        self.call_indexed(function, item.clone(), *indexed, &mut lazy.index)?;
                    if matches!(keep, Value::Bool(true)) {
                        return Ok(Some(item));
                    }
                }
                Ok(None)
            }
            Source::SelectMany { from, function, indexed, result } => {
                self.advance_many(lazy, from, function, *indexed, result.as_ref())
            }
            Source::Cast(from, ty) => match self.pull(lazy, from)? {
                Some(item) => self.cast(item, ty).map(Some),
                None => Ok(None),
            },
            Source::OfType(from, ty) => {
                while let Some(item) = self.pull(lazy, from)? {
                    self.step(1)?;
                    if self.is_instance(&item, ty) {
                        return Ok(Some(item));
                    }
                }
                Ok(None)
            }
            Source::View(from) => self.pull(lazy, from),
            Source::Xml(source) => self.advance_xml(lazy, source),
            Source::Named(from) => {
                let Some(Value::Json(id)) = self.pull(lazy, from)? else { return Ok(None) };
                let name = self.state.json.name(id).cloned().map_or(Value::Null, Value::Str);
                let value = self.state.json.property_value(id).map_or(Value::Null, Value::Json);
                self.charge(2 * SLOT_COST)?;
                let ty = sequence.ty.args().first().cloned().unwrap_or(Ty::OBJECT);
                Ok(Some(Value::pair(ty, name, value)))
            }
            Source::Converted(from, ty) => match self.pull(lazy, from)? {
                Some(token) => convert_token(self, &token, ty).map(Some),
                None => Ok(None),
            },
            Source::Tokens(walk) => self.advance_tokens(lazy, walk),
            Source::Pairs(from, index) => Ok(self.pull(lazy, from)?.and_then(|pair| match pair {
                Value::Record(record) => record.values.get(*index).cloned(),
                _ => None,
            })),
            other => self.advance_part(lazy, other),
        }
    }

    /// The next item of what a lazy sequence is made from.
    pub(super) fn pull(&mut self, lazy: &mut Lazy, from: &Value) -> Result<Option<Value>> {
        if !lazy.started {
            lazy.from = self.cursor(from)?;
            lazy.started = true;
        }
        self.advance(&mut lazy.from)
    }

    /// The next token of a walk over the tokens of a sequence, or of one.
    fn advance_tokens(&mut self, lazy: &mut Lazy, walk: &TokenWalk) -> Result<Option<Value>> {
        loop {
            self.step(1)?;
            if let Some(item) = self.advance(&mut lazy.other)? {
                return Ok(Some(item));
            }
            if let Value::Exception(fault) = std::mem::take(&mut lazy.outer) {
                return Err(fault);
            }
            let token = match walk.single {
                true if lazy.passed => return Ok(None),
                true => walk.from.clone(),
                false => match self.pull(lazy, &walk.from)? {
                    Some(token) => token,
                    None => return Ok(None),
                },
            };
            lazy.passed = true;
            let (items, fault) = tokens_given(self, &token, &walk.walk)?;
            lazy.outer = fault.map_or(Value::Null, Value::Exception);
            lazy.other = Cursor::Values(items.into_iter());
        }
    }

    /// The next node or attribute, from one node or from each of a sequence.
    fn advance_xml(&mut self, lazy: &mut Lazy, source: &XmlSource) -> Result<Option<Value>> {
        loop {
            while let Some(walk) = &mut lazy.walk
                && let Some(id) = walk.next(&self.state.xml)?
            {
                self.step(1)?;
                if source.takes(&self.state.xml, id) {
                    return Ok(Some(Value::Xml(id)));
                }
            }
            lazy.walk = None;
            let from = match &source.from {
                Value::Xml(_) if lazy.passed => return Ok(None),
                Value::Xml(id) => Value::Xml(*id),
                from => match self.pull(lazy, from)? {
                    Some(item) => item,
                    None => return Ok(None),
                },
            };
            lazy.passed = true;
            self.step(1)?;
            if let Value::Xml(id) = from {
                lazy.walk = Some(Walk::new(source.axis, id));
            }
        }
    }

    fn advance_many(
        &mut self,
        lazy: &mut Lazy,
        from: &Value,
        function: &Value,
        indexed: bool,
        result: Option<&Value>,
    ) -> Result<Option<Value>> {
        loop {
            self.step(1)?;
            if let Some(item) = self.advance(&mut lazy.other)? {
                return match result {
                    Some(result) => self.invoke(result, &[lazy.outer.clone(), item]).map(Some),
                    None => Ok(Some(item)),
                };
            }
            let Some(outer) = self.pull(lazy, from)? else { return Ok(None) };
            let inner = self.call_indexed(function, outer.clone(), indexed, &mut lazy.index)?;
            lazy.outer = outer;
            if inner.is_null() {
                return Err(Exception::null_reference());
            }
            lazy.other = self.cursor(&inner)?;
        }
    }

    /// Operations that give a part of their source.
    fn advance_part(&mut self, lazy: &mut Lazy, source: &Source) -> Result<Option<Value>> {
        match source {
            Source::Take(from, count) => {
                if lazy.index >= *count {
                    return Ok(None);
                }
                lazy.index += 1;
                self.pull(lazy, from)
            }
            Source::Skip(from, count) => {
                while lazy.index < *count {
                    lazy.index += 1;
                    self.step(1)?;
                    if self.pull(lazy, from)?.is_none() {
                        lazy.index = *count;
                        return Ok(None);
                    }
                }
                self.pull(lazy, from)
            }
            Source::TakeWhile { from, function, indexed } => {
                if lazy.passed {
                    return Ok(None);
                }
                let Some(item) = self.pull(lazy, from)? else { return Ok(None) };
                let keep = self.call_indexed(function, item.clone(), *indexed, &mut lazy.index)?;
                lazy.passed = !matches!(keep, Value::Bool(true));
                Ok((!lazy.passed).then_some(item))
            }
            Source::SkipWhile { from, function, indexed } => loop {
                let Some(item) = self.pull(lazy, from)? else { return Ok(None) };
                self.step(1)?;
                if !lazy.passed {
                    let skip =
                        self.call_indexed(function, item.clone(), *indexed, &mut lazy.index)?;
                    lazy.passed = !matches!(skip, Value::Bool(true));
                }
                if lazy.passed {
                    return Ok(Some(item));
                }
            },
            Source::TakeLast(from, count) => {
                if !lazy.started {
                    let items = self.collect(from)?;
                    let skipped = items.len().saturating_sub(*count);
                    lazy.from = Cursor::Values(items.into_iter());
                    lazy.started = true;
                    for _ in 0..skipped {
                        self.advance(&mut lazy.from)?;
                    }
                }
                self.advance(&mut lazy.from)
            }
            Source::SkipLast(from, count) => {
                while lazy.kept.len() <= *count {
                    self.step(1)?;
                    let Some(item) = self.pull(lazy, from)? else { return Ok(None) };
                    self.charge(SLOT_COST)?;
                    lazy.kept.push_back(item);
                }
                Ok(lazy.kept.pop_front())
            }
            other => self.advance_joined(lazy, other),
        }
    }

    /// Operations on two sequences, and those that add items.
    fn advance_joined(&mut self, lazy: &mut Lazy, source: &Source) -> Result<Option<Value>> {
        match source {
            Source::Concat(first, second) => {
                if !lazy.passed {
                    if let Some(item) = self.pull(lazy, first)? {
                        return Ok(Some(item));
                    }
                    lazy.passed = true;
                    lazy.other = self.cursor(second)?;
                }
                self.advance(&mut lazy.other)
            }
            Source::Append(from, item) => {
                if lazy.passed {
                    return Ok(None);
                }
                if let Some(item) = self.pull(lazy, from)? {
                    return Ok(Some(item));
                }
                lazy.passed = true;
                Ok(Some(item.clone()))
            }
            Source::Prepend(from, item) => {
                if !lazy.passed {
                    lazy.passed = true;
                    return Ok(Some(item.clone()));
                }
                self.pull(lazy, from)
            }
            Source::DefaultIfEmpty(from, default) => {
                if lazy.index > 0 {
                    return if lazy.passed { Ok(None) } else { self.pull(lazy, from) };
                }
                lazy.index = 1;
                if let Some(item) = self.pull(lazy, from)? {
                    return Ok(Some(item));
                }
                lazy.passed = true;
                Ok(Some(default.clone()))
            }
            Source::Zip { first, second, function, ty } => {
                if !lazy.passed {
                    lazy.passed = true;
                    lazy.from = self.cursor(first)?;
                    lazy.other = self.cursor(second)?;
                    lazy.started = true;
                }
                let Some(left) = self.pull(lazy, first)? else { return Ok(None) };
                let Some(right) = self.advance(&mut lazy.other)? else {
                    return Ok(None);
                };
                match function {
                    Some(function) => self.invoke(function, &[left, right]).map(Some),
                    None => Ok(Some(Value::record(ty.clone(), [left, right]))),
                }
            }
            other => self.advance_distinct(lazy, other),
        }
    }

    /// Operations that remember what they have given.
    fn advance_distinct(&mut self, lazy: &mut Lazy, source: &Source) -> Result<Option<Value>> {
        match source {
            Source::Distinct(from, how) => {
                while let Some(item) = self.pull(lazy, from)? {
                    if self.remember(lazy, &item, *how)? {
                        return Ok(Some(item));
                    }
                }
                Ok(None)
            }
            Source::Union(first, second, how) => {
                while !lazy.passed {
                    if let Some(item) = self.pull(lazy, first)? {
                        if self.remember(lazy, &item, *how)? {
                            return Ok(Some(item));
                        }
                    } else {
                        lazy.passed = true;
                        lazy.other = self.cursor(second)?;
                    }
                }
                while let Some(item) = self.advance(&mut lazy.other)? {
                    if self.remember(lazy, &item, *how)? {
                        return Ok(Some(item));
                    }
                }
                Ok(None)
            }
            Source::Except(first, second, how) | Source::Intersect(first, second, how) => {
                let common = matches!(source, Source::Intersect(..));
                if !lazy.passed {
                    lazy.passed = true;
                    for item in self.collect(second)? {
                        self.remember(lazy, &item, *how)?;
                    }
                }
                while let Some(item) = self.pull(lazy, first)? {
                    self.step(1)?;
                    let fits = if common {
                        let key = self.key(&item, *how)?;
                        lazy.seen.remove(&key)
                    } else {
                        self.remember(lazy, &item, *how)?
                    };
                    if fits {
                        return Ok(Some(item));
                    }
                }
                Ok(None)
            }
            other => self.advance_whole(lazy, other),
        }
    }

    /// Whether a sequence meets an item for the first time.
    fn remember(&mut self, lazy: &mut Lazy, item: &Value, how: Comparer) -> Result<bool> {
        self.step(1)?;
        self.charge(2 * SLOT_COST)?;
        let key = self.key(item, how)?;
        Ok(lazy.seen.insert(key))
    }

    /// Operations that need all of their source before the first item, and those that need none.
    fn advance_whole(&mut self, lazy: &mut Lazy, source: &Source) -> Result<Option<Value>> {
        match source {
            Source::Range(start, count) => {
                if lazy.index >= *count {
                    return Ok(None);
                }
                let n = start.saturating_add(lazy.index);
                lazy.index += 1;
                Ok(Some(Value::Int(i32::try_from(n).unwrap_or_default())))
            }
            Source::Repeat(item, count) => {
                if lazy.index >= *count {
                    return Ok(None);
                }
                lazy.index += 1;
                Ok(Some(item.clone()))
            }
            Source::Join(join) if join.grouped => self.advance_group_join(lazy, join),
            Source::Join(join) => self.advance_join(lazy, join),
            Source::Group(group) => self.advance_group(lazy, group),
            whole => {
                if !lazy.started {
                    lazy.started = true;
                    let items = match whole {
                        Source::Reverse(from) => {
                            let mut items = self.collect(from)?;
                            items.reverse();
                            items
                        }
                        Source::Order(from, keys, part) => self.sorted(from, keys, part)?,
                        _ => return Err(confusion()),
                    };
                    lazy.from = Cursor::Values(items.into_iter());
                }
                self.advance(&mut lazy.from)
            }
        }
    }

    /// Calls a function with an item, and with its index when it wants it.
    pub(super) fn call_indexed(
        &mut self,
        function: &Value,
        item: Value,
        indexed: bool,
        index: &mut i64,
    ) -> Result<Value> {
        if !indexed {
            return self.invoke(function, &[item]);
        }
        let n = i32::try_from(*index).map_err(|_| {
            Exception::new(ExceptionKind::Overflow, "Arithmetic operation resulted in an overflow.")
        })?;
        *index += 1;
        self.invoke(function, &[item, Value::Int(n)])
    }

    /// What a value is compared by.
    pub(crate) fn key(&mut self, value: &Value, how: Comparer) -> Result<Key> {
        if let Value::Json(id) = value {
            return self.state.json.key(*id, how == Comparer::Deep, &mut self.state.budget);
        }
        if let (Value::Xml(id), Comparer::Deep) = (value, how) {
            // Trees are equal when they are written alike.
            let written =
                self.state.xml.to_text(*id, SaveOptions::of(1), &mut self.state.budget)?;
            return Ok(Key::Str(written.into()));
        }
        if let Value::Object(id) = value
            && let Some(key) = self.state.native_key(*id)
        {
            return Ok(key);
        }
        Ok(Key::of(value, how))
    }
}

/// What changes when a collection does.
fn version_of(object: &Object) -> u32 {
    match object {
        Object::List { version, .. } | Object::Line { version, .. } => *version,
        Object::Set(set) => set.version(),
        Object::Dictionary(map) => map.version,
        _ => 0,
    }
}
