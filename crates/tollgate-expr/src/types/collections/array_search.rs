//! The members of `System.Array` that look for items.

use super::super::decl::{Member, m};
use super::super::object::{place_of, required};
use super::{Run, all_pass, bad_count, bad_index, index_int, last_window, passing, range, window};
use crate::Value;
use crate::eval::{Args, Cx};
use crate::state::Shared;

pub(super) const MEMBERS: &[Member] = &[
    m(
        "static bool Exists<U>(U[] array, Predicate<U> match)",
        "Whether an item passes.",
        |cx, a| {
            let found = find_index(cx, a, false)?;
            Ok(Value::Bool(!matches!(found, Value::Int(-1))))
        },
    ),
    m("static U Find<U>(U[] array, Predicate<U> match)", "The first that passes.", |cx, a| {
        find(cx, a, false)
    }),
    m("static U FindLast<U>(U[] array, Predicate<U> match)", "The last that passes.", |cx, a| {
        find(cx, a, true)
    }),
    m("static U[] FindAll<U>(U[] array, Predicate<U> match)", "The items that pass.", |cx, a| {
        required(a, 0, "array")?;
        let found = passing(cx, a)?;
        cx.state.array_or_shared(Shared::ListArray, a.ty(0).clone(), found)
    }),
    m(
        "static int FindIndex<U>(U[] array, Predicate<U> match)",
        "The index of the first item that passes, or -1.",
        |cx, a| find_index(cx, a, false),
    ),
    m(
        "static int FindIndex<U>(U[] array, int startIndex, Predicate<U> match)",
        "The index of the first from a place.",
        |cx, a| find_index(cx, a, false),
    ),
    m(
        "static int FindIndex<U>(U[] array, int startIndex, int count, Predicate<U> match)",
        "The index of the first in a part.",
        |cx, a| find_index(cx, a, false),
    ),
    m(
        "static int FindLastIndex<U>(U[] array, Predicate<U> match)",
        "The index of the last item that passes, or -1.",
        |cx, a| find_index(cx, a, true),
    ),
    m(
        "static int FindLastIndex<U>(U[] array, int startIndex, Predicate<U> match)",
        "The index of the last up to a place.",
        |cx, a| find_index(cx, a, true),
    ),
    m(
        "static int FindLastIndex<U>(U[] array, int startIndex, int count, Predicate<U> match)",
        "The index of the last in a part.",
        |cx, a| find_index(cx, a, true),
    ),
    m("static bool TrueForAll<U>(U[] array, Predicate<U> match)", "Whether all pass.", |cx, a| {
        required(a, 0, "array")?;
        all_pass(cx, a)
    }),
    m("static int IndexOf<U>(U[] array, U value)", "The index of a value, or -1.", |cx, a| {
        index_of(cx, a, false)
    }),
    m(
        "static int IndexOf<U>(U[] array, U value, int startIndex)",
        "The index of a value from a place, or -1.",
        |cx, a| index_of(cx, a, false),
    ),
    m(
        "static int IndexOf<U>(U[] array, U value, int startIndex, int count)",
        "The index of a value in a part, or -1.",
        |cx, a| index_of(cx, a, false),
    ),
    m(
        "static int LastIndexOf<U>(U[] array, U value)",
        "The last index of a value, or -1.",
        |cx, a| index_of(cx, a, true),
    ),
    m(
        "static int LastIndexOf<U>(U[] array, U value, int startIndex)",
        "The last index of a value up to a place, or -1.",
        |cx, a| index_of(cx, a, true),
    ),
    m(
        "static int LastIndexOf<U>(U[] array, U value, int startIndex, int count)",
        "The last index of a value in a part, or -1.",
        |cx, a| index_of(cx, a, true),
    ),
    m("static int IndexOf(Array array, object value)", "The index, or -1.", |cx, a| {
        index_of(cx, a, false)
    }),
    m(
        "static int IndexOf(Array array, object value, int startIndex)",
        "The index, or -1.",
        |cx, a| index_of(cx, a, false),
    ),
    m(
        "static int IndexOf(Array array, object value, int startIndex, int count)",
        "The index, or -1.",
        |cx, a| index_of(cx, a, false),
    ),
    m("static int LastIndexOf(Array array, object value)", "The index, or -1.", last_untyped),
    m(
        "static int LastIndexOf(Array array, object value, int startIndex)",
        "The index, or -1.",
        last_untyped,
    ),
    m(
        "static int LastIndexOf(Array array, object value, int startIndex, int count)",
        "The index, or -1.",
        last_untyped,
    ),
];

fn find_index(cx: &mut Cx<'_>, a: &Args<'_>, last: bool) -> Run {
    required(a, 0, "array")?;
    super::find_index(cx, a, last)
}

fn find(cx: &mut Cx<'_>, a: &Args<'_>, last: bool) -> Run {
    required(a, 0, "array")?;
    super::find(cx, a, last)
}

/// `LastIndexOf` of an array whose type is not known, which has checks of its own.
fn last_untyped(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Run {
    let array = required(a, 0, "array")?;
    let (given, n) = (a.len() - 2, cx.known_length(&array).unwrap_or_default());
    if n == 0 {
        return Ok(Value::Int(-1));
    }
    let inside = given > 0 && usize::try_from(a.long(2)).is_ok_and(|start| start < n);
    if given > 1 && inside && a.long(3) > a.long(2) + 1 {
        return Err(range("endIndex cannot be greater than startIndex.", "endIndex"));
    }
    index_of(cx, a, true)
}

/// `LastIndexOf` in an array without items, where 0 is a start, too.
fn nothing(a: &Args<'_>, given: usize) -> Run {
    if given > 0 && !matches!(a.long(2), -1 | 0) {
        return Err(bad_index("startIndex"));
    }
    if given > 1 && a.long(3) != 0 {
        return Err(bad_count());
    }
    Ok(Value::Int(-1))
}

fn index_of(cx: &mut Cx<'_>, a: &mut Args<'_>, last: bool) -> Run {
    let array = required(a, 0, "array")?;
    let items = cx.collect(&array)?;
    let given = a.len() - 2;
    let found = if last {
        if items.is_empty() {
            return nothing(a, given);
        }
        let window = last_window(a, 2, given, items.len())?;
        place_of(cx, &items, (window.start..window.end).rev(), a.get(1))?
    } else {
        let window = window(a, 2, given, items.len())?;
        place_of(cx, &items, window.start..window.end, a.get(1))?
    };
    Ok(Value::Int(found.map_or(-1, index_int)))
}
