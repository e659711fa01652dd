//! Equality and order of tokens.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::convert::{date_of, is_convertible, string_of, to_bool, to_number, unit_of};
use super::heap::Body;
use super::{JsonHeap, JsonId, JsonType, Scalar};
use crate::collections::Key;
use crate::number::{Number, NumberType};
use crate::time::{DateTimeOffset, TimeSpan};
use crate::types::TypeId;
use crate::{Budget, Exception, ExceptionKind, Limits};

impl JsonHeap {
    /// `JToken.DeepEquals`.
    pub(crate) fn deep_equals(
        &self,
        left: Option<JsonId>,
        right: Option<JsonId>,
        budget: &mut Budget,
    ) -> Result<bool, Exception> {
        let (Some(left), Some(right)) = (left, right) else {
            return Ok(left == right);
        };
        let mut pending = vec![(left, right)];
        while let Some((left, right)) = pending.pop() {
            budget.step(1)?;
            if left == right {
                continue;
            }
            let count = self.count(left);
            let same = match (&self.node(left).body, &self.node(right).body) {
                (Body::Property { name: left, .. }, Body::Property { name: right, .. }) => {
                    left == right
                }
                (Body::Constructor(left), Body::Constructor(right)) => {
                    left.name == right.name && left.children.len() == right.children.len()
                }
                (Body::Object(left), Body::Object(right))
                | (Body::Array(left), Body::Array(right)) => {
                    left.children.len() == right.children.len()
                }
                _ => !self.is_container(left) && self.token_equals(left, right)?,
            };
            if !same {
                return Ok(false);
            }
            budget.memory(count * size_of::<(JsonId, JsonId)>())?;
            let is_object = matches!(self.node(left).body, Body::Object(_));
            for index in 0..count {
                let Some(child) = self.child(left, index) else { break };
                let other = if is_object {
                    self.name(child).and_then(|name| self.property_named(right, name))
                } else {
                    self.child(right, index)
                };
                match other {
                    Some(other) => pending.push((child, other)),
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// `JValue.CompareTo(other)`.
    pub(crate) fn compare_values(
        &self,
        left: JsonId,
        right: Option<JsonId>,
    ) -> Result<Ordering, Exception> {
        let Some(right) = right else { return Ok(Ordering::Greater) };
        let (Some(left), Some(right)) = (self.scalar(left), self.scalar(right)) else {
            return Err(Exception::new(
                ExceptionKind::Argument,
                "Object must be of type Newtonsoft.Json.Linq.JValue.",
            ));
        };
        compare_scalars(left, right)
    }

    /// The same as the number that `CompareTo` gives: the distance of texts and bytes.
    pub(crate) fn value_distance(
        &self,
        left: JsonId,
        right: Option<JsonId>,
    ) -> Result<i32, Exception> {
        let order = self.compare_values(left, right)?;
        match (self.scalar(left), right.and_then(|right| self.scalar(right))) {
            (Some(left), Some(right)) => distance(order, left, right),
            _ => Ok(order as i32),
        }
    }

    /// `JValue.CompareTo(other)` of a value that is no token: the token's type decides.
    pub(crate) fn compare_with(&self, left: JsonId, right: &Scalar) -> Result<Ordering, Exception> {
        match self.scalar(left) {
            Some(left) => compare_as(left.token_type(), left, right),
            None => Ok(Ordering::Equal),
        }
    }

    /// The same of an object of no primitive type, by the name of its type and its text.
    pub(crate) fn compare_with_object(
        &self,
        left: JsonId,
        name: &str,
        text: impl FnOnce() -> Result<Arc<str>, Exception>,
    ) -> Result<Ordering, Exception> {
        let left = match self.scalar(left) {
            None | Some(Scalar::Null | Scalar::Undefined | Scalar::NullStr) => {
                return Ok(Ordering::Less);
            }
            Some(left) => left,
        };
        match left.token_type() {
            JsonType::Bytes => Err(must_be("byte[]")),
            JsonType::Guid => Err(must_be("Guid")),
            JsonType::TimeSpan => Err(must_be("TimeSpan")),
            JsonType::Uri => Err(must_be("Uri")),
            JsonType::Integer | JsonType::Float | JsonType::Boolean | JsonType::Date => {
                convertible(left, "Object")?;
                Err(no_cast(name, "System.IConvertible"))
            }
            _ => Ok(ordinal(&string_of(left, &mut Budget::new(Limits::default()))?, &text()?)),
        }
    }

    /// `token.Equals(other)`: by value for two `JValue`s, by identity otherwise.
    /// Numbers of which one is no `decimal` that the other is are an error.
    pub(crate) fn token_equals(&self, left: JsonId, right: JsonId) -> Result<bool, Exception> {
        if left == right {
            return Ok(true);
        }
        if let (Some(left), Some(right)) = (self.string(left), self.string(right)) {
            return Ok(left == right);
        }
        match (self.scalar(left), self.scalar(right)) {
            (Some(left), Some(right)) => values_equal(left, right),
            _ => Ok(false),
        }
    }

    /// What a hashed collection compares a token by: a `JValue` by its value, all others by identity, or by what they hold
    /// when `deep`.
    pub(crate) fn key(
        &self,
        id: JsonId,
        deep: bool,
        budget: &mut Budget,
    ) -> Result<Key, Exception> {
        if let Some(value) = self.scalar(id) {
            return scalar_key(value, budget);
        }
        if !deep {
            return Ok(Key::Json(id));
        }
        let mut keys = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            budget.step(1)?;
            budget.memory(size_of::<Key>())?;
            if let Some(value) = self.scalar(id) {
                keys.push(scalar_key(value, budget)?);
                continue;
            }
            let kind = i64::from(self.token_type(id) as i32);
            keys.push(Key::Int(kind << 32 | i64::try_from(self.count(id)).unwrap_or_default()));
            keys.extend(self.name(id).map(|name| Key::Str(name.clone())));
            let mut children = self.children(id, budget)?;
            if self.is_object(id) {
                children.sort_by(|left, right| self.name(*right).cmp(&self.name(*left)));
            } else {
                children.reverse();
            }
            open.extend(children);
        }
        Ok(Key::Many(keys))
    }

    /// `GetHashCode()`: equal for equal `JValue`s.
    pub(crate) fn hash_code(&self, id: JsonId) -> i32 {
        let mut hasher = DefaultHasher::new();
        match self.scalar(id) {
            None => id.hash(&mut hasher),
            Some(value) if value.is_null() => return 0,
            // Doubles may be equal without having the same bits.
            Some(value) => match value {
                Scalar::Double(_) | Scalar::Single(_) | Scalar::Decimal(_) => {
                    JsonType::Float.hash(&mut hasher);
                }
                Scalar::Date(date) => date.hash(&mut hasher),
                Scalar::DateOffset(date) => date.hash(&mut hasher),
                Scalar::TimeSpan(span) => span.hash(&mut hasher),
                // It equals the same text, but has a hash code of its own.
                Scalar::Char(text) => unit_of(text).hash(&mut hasher),
                Scalar::Small(_, value) => {
                    JsonType::Integer.hash(&mut hasher);
                    value.to_string().hash(&mut hasher);
                }
                _ => {
                    let mut budget = Budget::new(Limits::default());
                    value.token_type().hash(&mut hasher);
                    string_of(value, &mut budget).unwrap_or_default().hash(&mut hasher);
                }
            },
        }
        #[expect(clippy::cast_possible_truncation, reason = "any 32 bits of the hash will do")]
        let code = hasher.finish() as i32;
        code
    }
}

fn scalar_key(value: &Scalar, budget: &mut Budget) -> Result<Key, Exception> {
    let kind = Key::Int(i64::from(value.token_type() as i32));
    let content = match value {
        Scalar::Double(value) => Key::Bits(2, (value + 0.0).to_bits()),
        Scalar::Single(value) => Key::Bits(2, (f64::from(*value) + 0.0).to_bits()),
        Scalar::Decimal(value) => {
            use rust_decimal::prelude::ToPrimitive as _;
            Key::Bits(2, (value.to_f64().unwrap_or_default() + 0.0).to_bits())
        }
        Scalar::Date(date) => Key::Int(date.ticks()),
        Scalar::DateOffset(date) => Key::Int(date.utc_date_time().ticks()),
        // The hash code of an array is that of the object.
        Scalar::Bytes(bytes) => Key::Address(bytes.as_ptr().addr()),
        Scalar::Small(_, value) => Key::Str(value.to_string().into()),
        Scalar::Char(text) => Key::Char(unit_of(text)),
        // No text at all is not the empty one.
        Scalar::NullStr => Key::Int(0),
        other => Key::Str(string_of(other, budget)?),
    };
    Ok(Key::Many(vec![kind, content]))
}

/// Whether two values have the same token type and compare as equal.
pub(super) fn values_equal(left: &Scalar, right: &Scalar) -> Result<bool, Exception> {
    match (left, right) {
        (Scalar::Str(left), Scalar::Str(right)) => Ok(left == right),
        (Scalar::Int(left), Scalar::Int(right)) => Ok(left == right),
        _ if left.token_type() != right.token_type() => Ok(false),
        _ => Ok(compare_as(left.token_type(), left, right)? == Ordering::Equal),
    }
}

/// `JValue.CompareTo`: text gives way to the other's type.
pub(super) fn compare_scalars(left: &Scalar, right: &Scalar) -> Result<Ordering, Exception> {
    compare_as(compared_by(left, right), left, right)
}

fn compared_by(left: &Scalar, right: &Scalar) -> JsonType {
    match left.token_type() {
        JsonType::String => right.token_type(),
        by => by,
    }
}

/// How far two values are apart whose order is known.
fn distance(order: Ordering, left: &Scalar, right: &Scalar) -> Result<i32, Exception> {
    if left.is_null() || right.is_null() {
        return Ok(order as i32);
    }
    match compared_by(left, right) {
        JsonType::String | JsonType::Comment | JsonType::Raw => {
            let mut budget = Budget::new(Limits::default());
            let (left, right) = (string_of(left, &mut budget)?, string_of(right, &mut budget)?);
            Ok(crate::types::compare_ordinal(&left, &right))
        }
        JsonType::Bytes => match (left, right) {
            (Scalar::Bytes(left), Scalar::Bytes(right)) if left.len() == right.len() => {
                let mut apart = left.iter().zip(right.iter());
                let found = apart.find(|(left, right)| left != right);
                Ok(found.map_or(0, |(left, right)| i32::from(*left) - i32::from(*right)))
            }
            _ => Ok(order as i32),
        },
        _ => Ok(order as i32),
    }
}

/// `JValue.Compare(type, left, right)`.
pub(crate) fn compare_as(
    by: JsonType,
    left: &Scalar,
    right: &Scalar,
) -> Result<Ordering, Exception> {
    match (left.is_null(), right.is_null()) {
        (true, true) => return Ok(Ordering::Equal),
        (false, true) => return Ok(Ordering::Greater),
        (true, false) => return Ok(Ordering::Less),
        (false, false) => {}
    }
    match by {
        JsonType::Integer | JsonType::Float => compare_numbers(by, left, right),
        JsonType::Boolean => {
            let bool = |value| convertible(value, "Boolean").and_then(|()| to_bool(value));
            Ok(bool(left)?.cmp(&bool(right)?))
        }
        JsonType::Date => compare_dates(left, right),
        JsonType::Bytes => match (left, right) {
            (Scalar::Bytes(left), Scalar::Bytes(right)) => {
                Ok(left.len().cmp(&right.len()).then_with(|| left.cmp(right)))
            }
            (_, Scalar::Bytes(_)) => Err(Exception::null_reference()),
            _ => Err(must_be("byte[]")),
        },
        JsonType::Guid => match (left, right) {
            (Scalar::Guid(left), Scalar::Guid(right)) => Ok(left.cmp(right)),
            (left, Scalar::Guid(_)) => Err(no_cast(left.type_name(), "System.Guid")),
            _ => Err(must_be("Guid")),
        },
        JsonType::TimeSpan => match (left, right) {
            (Scalar::TimeSpan(left), Scalar::TimeSpan(right)) => Ok(TimeSpan::cmp(left, right)),
            (left, Scalar::TimeSpan(_)) => Err(no_cast(left.type_name(), "System.TimeSpan")),
            _ => Err(must_be("TimeSpan")),
        },
        JsonType::Uri => match (left, right) {
            (Scalar::Uri(left), Scalar::Uri(right)) => Ok(left.shown().cmp(&right.shown())),
            (left, Scalar::Uri(_)) => Err(no_cast(left.type_name(), "System.Uri")),
            _ => Err(must_be("Uri")),
        },
        _ => {
            let mut budget = Budget::new(Limits::default());
            let left = string_of(left, &mut budget)?;
            let right = string_of(right, &mut budget)?;
            Ok(ordinal(&left, &right))
        }
    }
}

/// `string.CompareOrdinal`: by UTF-16 units.
fn ordinal(left: &str, right: &str) -> Ordering {
    if left.is_ascii() || right.is_ascii() {
        return left.cmp(right);
    }
    left.encode_utf16().cmp(right.encode_utf16())
}

#[cold]
fn must_be(what: &str) -> Exception {
    Exception::new(ExceptionKind::Argument, format!("Object must be of type {what}."))
}

/// Json.NET casts what a token of type String holds to a string where it reads it.
#[cold]
pub(crate) fn char_as_text() -> Exception {
    no_cast("System.Char", "System.String")
}

#[cold]
pub(super) fn no_cast(from: &str, to: &str) -> Exception {
    let message = format!("Unable to cast object of type '{from}' to type '{to}'.");
    Exception::new(ExceptionKind::InvalidCast, message)
}

/// Whether `System.Convert` takes a value for a number or a truth value; text may still not be one.
fn convertible(value: &Scalar, to: &str) -> Result<(), Exception> {
    if !is_convertible(value) {
        return Err(no_cast(value.type_name(), "System.IConvertible"));
    }
    if let Scalar::Date(_) = value
        && to != "Object"
    {
        let message = format!("Invalid cast from 'DateTime' to '{to}'.");
        return Err(Exception::new(ExceptionKind::InvalidCast, message));
    }
    Ok(())
}

/// A value as a number to compare.
fn number_of(value: &Scalar, to: NumberType) -> Result<Number, Exception> {
    let name = match to {
        NumberType::Decimal => "Decimal",
        NumberType::Double => "Double",
        _ => "Int64",
    };
    convertible(value, name)?;
    to_number(value, to)
}

fn compare_numbers(by: JsonType, left: &Scalar, right: &Scalar) -> Result<Ordering, Exception> {
    let any = |test: fn(&Scalar) -> bool| test(left) || test(right);
    if any(|value| matches!(value, Scalar::BigInt(_))) {
        return compare_big(left, right);
    }
    if any(|value| matches!(value, Scalar::UInt(_) | Scalar::Decimal(_))) {
        return match (number_of(left, NumberType::Decimal)?, number_of(right, NumberType::Decimal)?)
        {
            (Number::Decimal(left), Number::Decimal(right)) => Ok(left.cmp(&right)),
            _ => Ok(Ordering::Equal),
        };
    }
    let is_float = by == JsonType::Float
        || any(|value| matches!(value, Scalar::Double(_) | Scalar::Single(_)));
    let to = if is_float { NumberType::Double } else { NumberType::Int64 };
    match (number_of(left, to)?, number_of(right, to)?) {
        (Number::Double(left), Number::Double(right)) => Ok(compare_doubles(left, right)),
        (Number::Int64(left), Number::Int64(right)) => Ok(left.cmp(&right)),
        _ => Ok(Ordering::Equal),
    }
}

/// Json.NET takes doubles for equal that differ by rounding alone; NaN is the least.
fn compare_doubles(left: f64, right: f64) -> Ordering {
    let tolerance = (left.abs() + right.abs() + 10.0) * f64::EPSILON;
    let difference = left - right;
    if -tolerance < difference && tolerance > difference {
        return Ordering::Equal;
    }
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

/// Compares as whole numbers when one is a `BigInteger`; a fraction of the other counts after its whole part.
fn compare_big(left: &Scalar, right: &Scalar) -> Result<Ordering, Exception> {
    if let Some(fault) = whole_fault(left).or_else(|| whole_fault(right)) {
        return Err(fault);
    }
    match (left, right) {
        (Scalar::BigInt(left), Scalar::BigInt(right)) => Ok(compare_digits(left, right)),
        // Every other number but a large double is smaller in magnitude.
        _ => match (to_number(left, NumberType::Double)?, to_number(right, NumberType::Double)?) {
            (Number::Double(left), Number::Double(right)) => {
                Ok(left.partial_cmp(&right).unwrap_or(Ordering::Equal))
            }
            _ => Ok(Ordering::Equal),
        },
    }
}

/// Why no `BigInteger` is made of a value.
fn whole_fault(value: &Scalar) -> Option<Exception> {
    let (kind, message) = match value {
        Scalar::Double(number) if number.is_nan() => {
            (ExceptionKind::Overflow, "The value is not a number.".to_owned())
        }
        Scalar::Double(number) if number.is_infinite() => {
            (ExceptionKind::Overflow, "BigInteger cannot represent infinity.".to_owned())
        }
        Scalar::Str(text) | Scalar::Comment(text) | Scalar::Raw(text) => {
            let text = text.trim();
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (ExceptionKind::Format, "The value could not be parsed.".to_owned())
        }
        Scalar::Int(_)
        | Scalar::Small(TypeId::Int32 | TypeId::UInt32, _)
        | Scalar::UInt(_)
        | Scalar::BigInt(_)
        | Scalar::Double(_)
        | Scalar::Single(_)
        | Scalar::Decimal(_)
        | Scalar::Bytes(_) => return None,
        other => {
            let message = format!("Cannot convert {} to BigInteger.", other.type_name());
            (ExceptionKind::InvalidCast, message)
        }
    };
    Some(Exception::new(kind, message))
}

/// Whole numbers as digits without leading zeros.
fn compare_digits(left: &str, right: &str) -> Ordering {
    let magnitude =
        |left: &str, right: &str| left.len().cmp(&right.len()).then_with(|| left.cmp(right));
    match (left.strip_prefix('-'), right.strip_prefix('-')) {
        (None, None) => magnitude(left, right),
        (Some(left), Some(right)) => magnitude(right, left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
    }
}

fn compare_dates(left: &Scalar, right: &Scalar) -> Result<Ordering, Exception> {
    if let Scalar::DateOffset(left) = left {
        let right = match right {
            Scalar::DateOffset(right) => *right,
            Scalar::Date(right) => DateTimeOffset::from_date_time(*right),
            other => {
                convertible(other, "Object")?;
                DateTimeOffset::from_date_time(date_of(other)?)
            }
        };
        return Ok(left.cmp(&right));
    }
    if !matches!(left, Scalar::Date(_)) {
        return Err(no_cast(left.type_name(), "System.DateTimeOffset"));
    }
    let date = |value: &Scalar| match value {
        Scalar::DateOffset(date) => Ok(date.clock()),
        other => convertible(other, "Object").and_then(|()| date_of(other)),
    };
    Ok(date(left)?.cmp(&date(right)?))
}
