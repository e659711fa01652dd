//! `IEqualityComparer<T>` and `IComparer<T>`: objects that compare.
//!
//! Policies cannot write their own. What there is: the `StringComparer`s, `JToken.EqualityComparer`, those of `XNode`, and the default one
//! that collections tell of.

use super::super::TypeId;
use super::super::decl::{TypeDecl, m};
use super::Run;
use crate::collections::{Comparer, Key};
use crate::eval::{Args, Cx, Order};
use crate::text::Comparison;
use crate::{Exception, Value};

pub(in crate::types) const EQUALITY_COMPARER: TypeDecl = interface!(
    "System.Collections.Generic.IEqualityComparer<T>",
    &[],
    "Says which values are equal.",
    &[
        m("bool Equals(T x, T y)", "Whether two values are equal.", equal),
        m("int GetHashCode(T obj)", "A number that is the same for equal values.", hash),
    ]
);

pub(in crate::types) const COMPARER: TypeDecl = interface!(
    "System.Collections.Generic.IComparer<T>",
    &[],
    "Says which of two values comes first.",
    &[m("int Compare(T x, T y)", "Less than 0, 0 or more than 0.", |cx, a| {
        let (comparer, left, right) = (a.value(0), a.value(1), a.value(2));
        let order = cx.compare_by(&left, &right, Order::Comparer(&comparer))?;
        Ok(Value::Int(order as i32))
    })]
);

/// How a comparer object says what is equal; null as by default.
pub(in crate::types) fn comparer(value: &Value) -> Comparer {
    match value {
        Value::Enum(TypeId::StringComparer, number) if Comparison::of(*number).any_case() => {
            Comparer::AnyCase
        }
        Value::Enum(TypeId::IEqualityComparer, 1) => Comparer::AnyCase,
        Value::Enum(TypeId::IEqualityComparer, 2)
        | Value::Enum(TypeId::XNodeEqualityComparer, _) => Comparer::Deep,
        _ => Comparer::Exact,
    }
}

/// A comparer as an object.
pub(in crate::types) fn comparer_object(how: Comparer) -> Value {
    let number = match how {
        Comparer::Exact => 0,
        Comparer::AnyCase => 1,
        Comparer::Deep => 2,
    };
    Value::Enum(TypeId::IEqualityComparer, number)
}

/// Whether two values are equal to a comparer.
pub(in crate::types) fn equal_by(
    cx: &mut Cx<'_>,
    left: &Value,
    right: &Value,
    how: Comparer,
) -> Result<bool, Exception> {
    Ok(match (left, right, how) {
        (Value::Str(left), Value::Str(right), Comparer::AnyCase) => {
            crate::text::equal_any_case(left, right)
        }
        (Value::Json(left), Value::Json(right), Comparer::Deep) => {
            return cx.state.json.deep_equals(Some(*left), Some(*right), &mut cx.state.budget);
        }
        (Value::Xml(left), Value::Xml(right), Comparer::Deep) => {
            return cx.state.xml.deep_equals(*left, *right, &mut cx.state.budget);
        }
        _ => super::super::object::equals(cx, left, right),
    })
}

fn equal(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (how, left, right) = (comparer(a.get(0)), a.value(1), a.value(2));
    equal_by(cx, &left, &right, how).map(Value::Bool)
}

fn hash(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (how, value) = (comparer(a.get(0)), a.value(1));
    if value.is_null() {
        return match a.get(0) {
            Value::Enum(TypeId::StringComparer, _) => Err(crate::eval::null_argument("obj")),
            _ => Ok(Value::Int(0)),
        };
    }
    let key = cx.key(&value, how)?;
    Ok(Value::Int(hash_of(&key)))
}

/// A number for a key, the same in every run.
pub(in crate::types) fn hash_of(key: &Key) -> i32 {
    use std::hash::{Hash as _, Hasher as _};
    #[expect(deprecated, reason = "the one hasher that is the same in every run")]
    let mut hasher = std::hash::SipHasher::new();
    key.hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
