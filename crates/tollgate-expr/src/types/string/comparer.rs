//! `StringComparer`.

use super::compare::{compare, comparison, equal};
use crate::Exception;
use crate::Value;
use crate::eval::{Args, Cx, null_argument};
use crate::text::Comparison;
use crate::types::TypeId;
use crate::types::collections::comparers::hash_of;
use crate::types::decl::{Kind, TypeDecl, m, p, refused};
use crate::types::object::equals;

type Run = Result<Value, Exception>;

fn comparer(number: i32) -> Value {
    Value::Enum(TypeId::StringComparer, number)
}

/// The class of a comparer, which is what its `ToString()` gives.
pub(in crate::types) fn comparer_class(number: i32) -> &'static str {
    match number {
        4 => "System.OrdinalCaseSensitiveComparer",
        5 => "System.OrdinalIgnoreCaseComparer",
        _ => "System.CultureAwareComparer",
    }
}

/// `StringComparer.OrdinalIgnoreCase`.
pub(in crate::types) fn ordinal_any_case() -> Value {
    comparer(5)
}

fn how(a: &Args<'_>) -> Comparison {
    match a.get(0) {
        Value::Enum(_, number) => Comparison::of(*number),
        _ => Comparison::of(4),
    }
}

/// `Compare(string, string)`.
pub(in crate::types) fn compare_strings(a: &Args<'_>) -> Value {
    Value::Int(compare(a.opt_str(1), a.opt_str(2), how(a)))
}

/// `Compare(object, object)`: what are no strings compare themselves.
fn compare_objects(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let (left, right) = (a.value(1), a.value(2));
    if let (Value::Str(_) | Value::Null, Value::Str(_) | Value::Null) = (&left, &right) {
        return Ok(Value::Int(compare(left.as_str(), right.as_str(), how(a))));
    }
    cx.compare_left(&left, &right).map(Value::Int)
}

fn hash(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let value = a.value(1);
    if value.is_null() {
        return Err(null_argument("obj"));
    }
    let comparer = crate::types::collections::comparers::comparer(a.get(0));
    let key = cx.key(&value, comparer)?;
    Ok(Value::Int(hash_of(&key)))
}

pub(in crate::types) const COMPARER: TypeDecl = TypeDecl {
    name: "System.StringComparer",
    kind: Kind::Class,
    bases: &["IEqualityComparer<string>", "IComparer<string>"],
    docs: "A comparison of strings as an object.",
    members: &[
        p("static StringComparer CurrentCulture", "By culture.", |_, _| Ok(comparer(0))),
        p("static StringComparer CurrentCultureIgnoreCase", "By culture, in any case.", |_, _| {
            Ok(comparer(1))
        }),
        p("static StringComparer InvariantCulture", "By culture.", |_, _| Ok(comparer(2))),
        p(
            "static StringComparer InvariantCultureIgnoreCase",
            "By culture, in any case.",
            |_, _| Ok(comparer(3)),
        ),
        p("static StringComparer Ordinal", "Unit by unit.", |_, _| Ok(comparer(4))),
        p("static StringComparer OrdinalIgnoreCase", "Unit by unit, in any case.", |_, _| {
            Ok(comparer(5))
        }),
        p(
            "static StringComparer FromComparison(StringComparison comparisonType)",
            "The comparer of a comparison.",
            |_, a| {
                comparison(a, 0)?;
                Ok(match a.get(0) {
                    Value::Enum(_, number) => comparer(*number),
                    _ => comparer(0),
                })
            },
        ),
        m("bool Equals(string x, string y)", "Whether they are equal.", |_, a| {
            Ok(Value::Bool(equal(a.opt_str(1), a.opt_str(2), how(a))))
        }),
        m("bool Equals(object x, object y)", "Whether they are equal.", |cx, a| {
            let (left, right) = (a.get(1), a.get(2));
            Ok(Value::Bool(match (left, right) {
                (Value::Str(left), Value::Str(right)) => equal(Some(left), Some(right), how(a)),
                _ => equals(cx, left, right)?,
            }))
        }),
        m("int Compare(string x, string y)", "The order of two strings.", |_, a| {
            Ok(compare_strings(a))
        }),
        m("int Compare(object x, object y)", "The order of two strings.", compare_objects),
        m("int GetHashCode(string obj)", "A number that is the same for equal ones.", hash),
        m("int GetHashCode(object obj)", "A number that is the same for equal ones.", hash),
    ],
    refused: &[refused("Create", "there is no culture but the invariant one")],
};
