//! The order of objects by what they are at run time: `IComparable.CompareTo(object)` and `Comparer.Default`.

use super::number::{order, same};
use super::{Cx, Result, is_tuple, scalar_of};
use crate::json::JsonId;
use crate::types::{Ty, TypeId};
use crate::{Exception, ExceptionKind, Value};

impl Cx<'_> {
    /// `Comparer.Default.Compare(left, right)`: what the left one says, or else the opposite of what the right one says.
    pub(crate) fn compare_objects(&self, left: &Value, right: &Value) -> Result<i32> {
        self.known_order(left, right).unwrap_or_else(|| match self.compare_to(right, left) {
            Some(found) => found.map(i32::wrapping_neg),
            None => Err(not_comparable()),
        })
    }

    /// `StringComparer.Compare(left, right)` of objects that are not both strings: what the left one says.
    pub(crate) fn compare_left(&self, left: &Value, right: &Value) -> Result<i32> {
        self.known_order(left, right).unwrap_or_else(|| Err(not_comparable()))
    }

    fn known_order(&self, left: &Value, right: &Value) -> Option<Result<i32>> {
        match (left, right) {
            (Value::Null, Value::Null) => Some(Ok(0)),
            (Value::Null, _) => Some(Ok(-1)),
            (_, Value::Null) => Some(Ok(1)),
            _ if self.is_one_object(left, right) => Some(Ok(0)),
            _ => self.compare_to(left, right),
        }
    }

    /// `this.CompareTo(other)`; none when the type is not comparable.
    pub(crate) fn compare_to(&self, this: &Value, other: &Value) -> Option<Result<i32>> {
        let known = match (this, other) {
            (Value::Json(id), _) => {
                self.state.json.scalar(*id)?;
                return Some(self.compare_token(*id, other));
            }
            (Value::Record(left), Value::Record(right))
                if left.ty == right.ty && is_tuple(&left.ty) =>
            {
                let mut items = left.values.iter().zip(&right.values);
                let first = items.find_map(|(left, right)| {
                    let order = self.compare_objects(left, right);
                    (!matches!(order, Ok(0))).then_some(order)
                });
                return Some(first.unwrap_or(Ok(0)));
            }
            _ => distance(this, other),
        };
        if let Some(known) = known {
            return Some(Ok(known));
        }
        let refused = self.refusal(this, other)?;
        Some(if other.is_null() { Ok(1) } else { Err(refused) })
    }

    /// `JValue.CompareTo(other)`.
    fn compare_token(&self, token: JsonId, other: &Value) -> Result<i32> {
        let json = &self.state.json;
        let order = match (other, scalar_of(other)) {
            (Value::Json(other), _) if json.scalar(*other).is_some() => {
                json.compare_values(token, Some(*other))?
            }
            (_, Some(other)) => json.compare_with(token, &other)?,
            (_, None) => {
                let text = || Ok(other.to_text(self.state)?.unwrap_or_default());
                json.compare_with_object(token, &self.state.type_of(other).full_name(), text)?
            }
        };
        Ok(order as i32)
    }

    /// What a comparable object says to one of another type; none of those that are not comparable.
    fn refusal(&self, this: &Value, other: &Value) -> Option<Exception> {
        let own = || self.state.type_of(this).full_name();
        let message = match this {
            Value::Guid(_) => "Object must be of type GUID. (Parameter 'value')".to_owned(),
            Value::Enum(id, _) if Ty::Named(*id).is_enum() => {
                let passed = self.state.type_of(other).full_name();
                format!(
                    "Object must be the same type as the enum. The type passed in was '{passed}'; the enum type was '{}'.",
                    own()
                )
            }
            Value::Record(record) if is_tuple(&record.ty) => {
                format!("Argument must be of type {}. (Parameter 'other')", own())
            }
            Value::Bool(_)
            | Value::Char(_)
            | Value::Str(_)
            | Value::DateTime(_)
            | Value::DateTimeOffset(_)
            | Value::TimeSpan(_) => must_be(&own()),
            _ if this.number().is_some() => must_be(&own()),
            _ => return None,
        };
        Some(Exception::new(ExceptionKind::Argument, message))
    }

    /// Whether both are the same object. Values of structs are never: each is in a box of its own. Nor are
    /// comparers of a culture, which .NET makes anew each time.
    fn is_one_object(&self, left: &Value, right: &Value) -> bool {
        let anew = match left {
            Value::Enum(TypeId::StringComparer, 0 | 1) => true,
            Value::Record(_) | Value::Native(_) => self.state.type_of(left).is_value_type(),
            Value::Enum(id, _) => Ty::Named(*id).is_enum(),
            _ => false,
        };
        !anew && same(left, right)
    }
}

#[cold]
fn not_comparable() -> Exception {
    Exception::new(ExceptionKind::Argument, "At least one object must implement IComparable.")
}

fn must_be(full_name: &str) -> String {
    let name = full_name.rsplit('.').next().unwrap_or(full_name);
    format!("Object must be of type {name}.")
}

/// What `CompareTo` gives for two values of one simple type: the distance of characters and small numbers, the order of
/// others; none of different types.
pub(crate) fn distance(left: &Value, right: &Value) -> Option<i32> {
    Some(match (left, right) {
        (Value::SByte(left), Value::SByte(right)) => i32::from(*left) - i32::from(*right),
        (Value::Byte(left), Value::Byte(right)) => i32::from(*left) - i32::from(*right),
        (Value::Short(left), Value::Short(right)) => i32::from(*left) - i32::from(*right),
        (Value::Char(left), Value::Char(right)) | (Value::UShort(left), Value::UShort(right)) => {
            i32::from(*left) - i32::from(*right)
        }
        (Value::Str(left), Value::Str(right)) => {
            crate::text::compare_culture(left, right, false) as i32
        }
        (Value::Guid(left), Value::Guid(right)) => left.cmp(right) as i32,
        (Value::Enum(own, _), Value::Enum(other, _))
            if own != other || !Ty::Named(*own).is_enum() =>
        {
            return None;
        }
        // NaN is less than everything and equal to itself.
        (Value::Double(left), Value::Double(right)) => {
            left.partial_cmp(right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan())) as i32
        }
        (Value::Float(left), Value::Float(right)) => {
            left.partial_cmp(right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan())) as i32
        }
        _ => return order(left, right).map(|order| order as i32),
    })
}
