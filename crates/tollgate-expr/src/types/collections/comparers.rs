//! `IEqualityComparer<T>` and `IComparer<T>`: objects that compare.
//!
//! Policies cannot write their own. What there is: the `StringComparer`s, `JToken.EqualityComparer`, those of `XNode`, and the default one
//! that collections tell of.

use std::sync::Arc;

use super::super::decl::{TypeDecl, m};
use super::super::{Ty, TypeId};
use super::Run;
use crate::collections::{Comparer, Key};
use crate::eval::{Args, Cx, Order};
use crate::native::Native;
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
        if let Value::Enum(TypeId::StringComparer, _) = comparer {
            return Ok(super::super::string::compare_strings(a));
        }
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
        Value::Enum(TypeId::XNodeEqualityComparer, _) => Comparer::Deep,
        Value::Native(object) => object.get::<Known>().map_or(Comparer::Exact, |known| known.how),
        _ => Comparer::Exact,
    }
}

/// A comparer of values of a type as an object, of which there is one.
#[derive(Debug)]
struct Known {
    how: Comparer,
    item: Ty,
}

impl Native for Known {
    fn id(&self) -> TypeId {
        TypeId::IEqualityComparer
    }

    fn ty(&self) -> Ty {
        Ty::generic(TypeId::IEqualityComparer, [self.item.clone()])
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Many(vec![Key::Int(self.how as i64), Key::Str(self.item.full_name().into())]))
    }

    fn is_interned(&self) -> bool {
        true
    }
}

/// A comparer as an object.
pub(in crate::types) fn comparer_object(how: Comparer, item: &Ty) -> Value {
    if how == Comparer::AnyCase {
        return super::super::string::ordinal_any_case();
    }
    Value::Native(Arc::new(Known { how, item: item.clone() }))
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
        _ => return super::super::object::equals(cx, left, right),
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
