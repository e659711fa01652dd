//! Sequences: arrays, lists, strings, tokens, and the lazy ones that LINQ makes.

use std::ops::Range;
use std::sync::Arc;

use super::grouping::{Group, Join};
use super::{Cx, Order, Result};
use crate::collections::Comparer;
use crate::json::JsonType;
use crate::state::{Object, confusion};
use crate::types::{TokenWalk, Ty, TypeId, XmlSource};
use crate::{Exception, ExceptionKind, Value};

/// A lazy sequence.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) ty: Ty,
    pub(crate) source: Source,
}

/// Where its items come from.
#[derive(Debug)]
pub(crate) enum Source {
    Items(Vec<Value>),
    Select {
        from: Value,
        function: Value,
        indexed: bool,
    },
    SelectMany {
        from: Value,
        function: Value,
        indexed: bool,
        result: Option<Value>,
    },
    Where {
        from: Value,
        function: Value,
        indexed: bool,
    },
    Take(Value, i64),
    Skip(Value, i64),
    TakeLast(Value, usize),
    SkipLast(Value, usize),
    TakeWhile {
        from: Value,
        function: Value,
        indexed: bool,
    },
    SkipWhile {
        from: Value,
        function: Value,
        indexed: bool,
    },
    Concat(Value, Value),
    Append(Value, Value),
    Prepend(Value, Value),
    Distinct(Value, Comparer),
    Union(Value, Value, Comparer),
    Except(Value, Value, Comparer),
    Intersect(Value, Value, Comparer),
    /// Without a function, pairs of a type.
    Zip {
        first: Value,
        second: Value,
        function: Option<Value>,
        ty: Ty,
    },
    Reverse(Value),
    /// Tokens as values of a type.
    Converted(Value, Ty),
    /// What a walk over tokens gives.
    Tokens(Box<TokenWalk>),
    /// The places in order that are in a part: all, or what `Take` and `Skip` leave.
    Order(Value, Vec<Key>, Range<i64>),
    Group(Box<Group>),
    Join(Box<Join>),
    Range(i64, i64),
    Repeat(Value, i64),
    DefaultIfEmpty(Value, Value),
    Cast(Value, Ty),
    OfType(Value, Ty),
    /// The keys (0) or values (1) of a dictionary.
    Pairs(Value, usize),
    /// What another collection holds.
    View(Value),
    /// Nodes or attributes of XML trees.
    Xml(Box<XmlSource>),
    /// The names and values of a `JObject`, as pairs.
    Named(Value),
}

/// A key to order by.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) function: Value,
    pub(crate) descending: bool,
    /// A `StringComparer`, or null.
    pub(crate) comparer: Value,
}

impl Key {
    /// How keys are compared.
    pub(super) fn order(&self) -> Order<'_> {
        if self.comparer.is_null() { Order::Default } else { Order::Comparer(&self.comparer) }
    }
}

/// What a walk does with an item: whether it goes on.
type Visit<'v> = &'v mut dyn FnMut(&mut Cx<'_>, Value) -> Result<bool>;

impl Cx<'_> {
    /// Walks over a sequence until `visit` says no; whether it came to the end.
    pub(crate) fn each(&mut self, source: &Value, visit: Visit<'_>) -> Result<bool> {
        let mut cursor = self.cursor(source)?;
        while let Some(item) = self.advance(&mut cursor)? {
            if !visit(self, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All items.
    pub(crate) fn collect(&mut self, source: &Value) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        self.each(source, &mut |cx, item| {
            cx.step(1)?;
            cx.charge(crate::state::SLOT_COST)?;
            items.push(item);
            Ok(true)
        })?;
        Ok(items)
    }

    /// A lazy sequence with items of a type.
    pub(crate) fn lazy(&mut self, item: Ty, source: Source) -> Result<Value> {
        self.sequence(Ty::enumerable(item), source)
    }

    /// A lazy sequence of a type.
    pub(crate) fn sequence(&mut self, ty: Ty, source: Source) -> Result<Value> {
        self.state.add(Object::Sequence(Arc::new(Sequence { ty, source })))
    }

    /// How many items there are, when that is known without walking.
    pub(crate) fn known_length(&self, source: &Value) -> Option<usize> {
        Some(match source {
            Value::Bytes(bytes) => bytes.len(),
            Value::Str(text) => crate::text::length(text),
            Value::Json(id) if self.state.json.token_type(*id) != JsonType::None => {
                self.state.json.count(*id)
            }
            Value::Object(id) => match self.state.object(*id) {
                Object::Array { items, .. } | Object::List { items, .. } => items.len(),
                Object::Line { items, .. } => items.len(),
                Object::Dictionary(map) => map.len(),
                Object::Set(set) => set.len(),
                Object::Sequence(sequence) => match &sequence.source {
                    Source::Items(items) => items.len(),
                    Source::Pairs(from, _) | Source::View(from) => return self.known_length(from),
                    _ => return None,
                },
                _ => return None,
            },
            Value::Record(record) => match record.ty {
                Ty::Generic(TypeId::IGrouping | TypeId::ILookup, _) => {
                    return self.known_length(record.values.get(1)?);
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    /// `array[index]`.
    pub(crate) fn array_get(&self, array: &Value, index: i64) -> Result<Value> {
        let index = usize::try_from(index).map_err(|_| out_of_bounds())?;
        let item = match array {
            Value::Null => return Err(Exception::null_reference()),
            Value::Bytes(bytes) => {
                let byte = match self.state.promoted(bytes) {
                    Some(now) => now.get(index),
                    None => bytes.get(index),
                };
                byte.map(|byte| Value::Byte(*byte))
            }
            other => match self.object_of(other) {
                Some(Object::Array { items, .. }) => items.get(index).cloned(),
                _ => return Err(confusion()),
            },
        };
        item.ok_or_else(out_of_bounds)
    }

    /// `array[index] = value`.
    fn array_put(&mut self, id: crate::state::ObjectId, index: usize, value: Value) -> Result<()> {
        match self.state.object_mut(id) {
            Some(Object::Array { items, .. }) => {
                items.get_mut(index).map(|place| *place = value).ok_or_else(out_of_bounds)
            }
            _ => Err(confusion()),
        }
    }

    pub(crate) fn array_set(&mut self, array: &Value, index: i64, value: Value) -> Result<()> {
        let index = usize::try_from(index).map_err(|_| out_of_bounds())?;
        match array {
            Value::Null => Err(Exception::null_reference()),
            Value::Bytes(bytes) => {
                let Value::Byte(byte) = value else { return Err(confusion()) };
                let now = self.state.bytes_mut(bytes)?;
                now.get_mut(index).map(|place| *place = byte).ok_or_else(out_of_bounds)
            }
            Value::Object(id) => match self.state.object_mut(*id) {
                Some(Object::Array { item, items }) => {
                    // An array may be seen as one of a base type of its items.
                    if !value.is_null() && item.is_reference() && *item != Ty::OBJECT {
                        let item = item.clone();
                        if !self.is_instance(&value, &item) {
                            return Err(mismatch());
                        }
                        return self.array_put(*id, index, value);
                    }
                    items.get_mut(index).map(|place| *place = value).ok_or_else(out_of_bounds)
                }
                _ => Err(confusion()),
            },
            _ => Err(confusion()),
        }
    }
}

#[cold]
fn mismatch() -> Exception {
    Exception::new(
        ExceptionKind::ArrayTypeMismatch,
        "Attempted to access an element as a type incompatible with the array.",
    )
}

#[cold]
fn out_of_bounds() -> Exception {
    Exception::new(ExceptionKind::IndexOutOfRange, "Index was outside the bounds of the array.")
}
