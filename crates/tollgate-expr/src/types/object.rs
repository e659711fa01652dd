//! `object`, delegates, exceptions and other small types.

use super::TypeId;
use super::decl::{Kind, TypeDecl, m, not_allowed};
use crate::eval::{Args, Cx, null_argument};
use crate::{Exception, Value};

pub(super) const OBJECT: TypeDecl = TypeDecl {
    name: "System.Object",
    kind: Kind::Class,
    bases: &[],
    docs: "The base of all types.",
    members: &[
        m("new()", "An object like no other.", |_, _| {
            Ok(Value::record(crate::types::Ty::OBJECT, []))
        }),
        m("string ToString()", "The value as text.", to_string),
        m("bool Equals(object obj)", "Whether the values are equal.", |cx, a| {
            equals(cx, a.get(0), a.get(1)).map(Value::Bool)
        }),
        m("int GetHashCode()", "A number that is the same for equal values.", |cx, a| {
            Ok(Value::Int(hash_code(cx, a.get(0))))
        }),
        m(
            "static bool Equals(object objA, object objB)",
            "Whether the values are equal.",
            |cx, a| equals(cx, a.get(0), a.get(1)).map(Value::Bool),
        ),
        m(
            "static bool ReferenceEquals(object objA, object objB)",
            "Whether both are the same object.",
            |_, a| Ok(Value::Bool(crate::eval::same(a.get(0), a.get(1)))),
        ),
    ],
    refused: &[not_allowed("GetType", "expressions cannot look at types at run time")],
};

/// `ToString()` of anything but null.
pub(super) fn to_string(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    Ok(match cx.text(a.get(0))? {
        Some(text) => Value::Str(text),
        // Nullables without a value print as nothing.
        None => Value::from(""),
    })
}

/// `left.Equals(right)`.
#[expect(clippy::float_cmp, reason = "equality is what is asked for")]
pub(super) fn equals(cx: &Cx<'_>, left: &Value, right: &Value) -> Result<bool, Exception> {
    Ok(match (left, right) {
        (Value::Json(left), Value::Json(right)) => {
            return cx.state.json.token_equals(*left, *right);
        }
        (Value::Object(left), Value::Object(right)) => {
            left == right
                || cx
                    .state
                    .native_key(*left)
                    .is_some_and(|key| cx.state.native_key(*right) == Some(key))
        }
        (Value::Enum(TypeId::Encoding, left), Value::Enum(TypeId::Encoding, right)) => {
            super::same_encoding(*left, *right)
        }
        (Value::Double(left), Value::Double(right)) => {
            left == right || left.is_nan() && right.is_nan()
        }
        (Value::Float(left), Value::Float(right)) => {
            left == right || left.is_nan() && right.is_nan()
        }
        _ => {
            std::mem::discriminant(left) == std::mem::discriminant(right)
                && crate::eval::equal_values(left, right)
        }
    })
}

/// The first of some places whose item equals a value.
pub(super) fn place_of(
    cx: &Cx<'_>,
    items: &[Value],
    mut places: impl Iterator<Item = usize>,
    wanted: &Value,
) -> Result<Option<usize>, Exception> {
    let found = places.find_map(|place| {
        let is = items.get(place).map_or(Ok(false), |item| equals(cx, item, wanted));
        (!matches!(is, Ok(false))).then_some(is.map(|_| place))
    });
    found.transpose()
}

/// `GetHashCode()`: the same in every run, so that results can be repeated.
fn hash_code(cx: &Cx<'_>, value: &Value) -> i32 {
    use std::hash::{Hash as _, Hasher as _};
    match value {
        Value::Null => return 0,
        Value::Int(value) => return *value,
        Value::Bool(value) => return i32::from(*value),
        Value::Json(id) => return cx.state.json.hash_code(*id),
        _ => {}
    }
    #[expect(deprecated, reason = "the one hasher that is the same in every run")]
    let mut hasher = std::hash::SipHasher::new();
    crate::collections::Key::of(value, crate::collections::Comparer::Exact).hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

const fn delegate(name: &'static str, docs: &'static str) -> TypeDecl {
    TypeDecl { name, kind: Kind::Delegate, bases: &[], docs, members: &[], refused: &[] }
}

pub(super) const FUNC: TypeDecl = delegate("System.Func<TResult>", "A function with a result.");
pub(super) const ACTION: TypeDecl = delegate("System.Action", "A function without a result.");
pub(super) const PREDICATE: TypeDecl = delegate("System.Predicate<T>", "A test of a value.");
pub(super) const COMPARISON: TypeDecl =
    delegate("System.Comparison<T>", "A comparison of two values.");
pub(super) const CONVERTER: TypeDecl =
    delegate("System.Converter<TInput, TOutput>", "A conversion of a value.");

pub(super) const DISPOSABLE: TypeDecl = TypeDecl {
    name: "System.IDisposable",
    kind: Kind::Interface,
    bases: &[],
    docs: "Something that is given back after use.",
    members: &[m("void Dispose()", "Gives it back.", |_, _| Ok(Value::Null))],
    refused: &[],
};

/// `CompareTo(object)`.
pub(super) fn compare_to(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Exception> {
    let found = cx.compare_to(a.get(0), a.get(1));
    found.unwrap_or_else(|| Err(crate::state::confusion())).map(Value::Int)
}

/// A sequence argument that must not be null.
pub(super) fn required(a: &Args<'_>, index: usize, name: &str) -> Result<Value, Exception> {
    match a.get(index) {
        Value::Null => Err(null_argument(name)),
        value => Ok(value.clone()),
    }
}
