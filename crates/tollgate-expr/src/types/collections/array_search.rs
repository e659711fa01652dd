//! The members of `System.Array` that look for items.

use super::super::decl::{Member, m};
use super::super::object::{equals, required};
use super::{Run, bad_count, find_in, index_int, last_window, passing, window};
use crate::Value;
use crate::eval::{Args, Cx, default_value};

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
        let (array, test) = (required(a, 0, "array")?, required(a, 1, "match")?);
        let items = cx.collect(&array)?;
        let found = passing(cx, items, &test)?;
        cx.state.array(a.ty(0).clone(), found)
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
        let (array, test) = (required(a, 0, "array")?, required(a, 1, "match")?);
        cx.each(&array, &mut |cx, item| cx.test(&test, item)).map(Value::Bool)
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
    m("static int LastIndexOf(Array array, object value)", "The index, or -1.", |cx, a| {
        index_of(cx, a, true)
    }),
    m(
        "static int LastIndexOf(Array array, object value, int startIndex)",
        "The index, or -1.",
        |cx, a| index_of(cx, a, true),
    ),
    m(
        "static int LastIndexOf(Array array, object value, int startIndex, int count)",
        "The index, or -1.",
        |cx, a| index_of(cx, a, true),
    ),
];

fn find_index(cx: &mut Cx<'_>, a: &mut Args<'_>, last: bool) -> Run {
    let array = required(a, 0, "array")?;
    let items = cx.collect(&array)?;
    let given = a.len() - 2;
    let found = if last {
        let test = required(a, a.len() - 1, "match")?;
        let window = last_window(a, 1, given, items.len())?;
        find_in(cx, &items, &window, &test, true)?
    } else {
        let window = window(a, 1, given, items.len())?;
        let test = required(a, a.len() - 1, "match")?;
        find_in(cx, &items, &window, &test, false)?
    };
    Ok(Value::Int(found.map_or(-1, index_int)))
}

fn find(cx: &mut Cx<'_>, a: &mut Args<'_>, last: bool) -> Run {
    let (array, test) = (required(a, 0, "array")?, required(a, 1, "match")?);
    let items = cx.collect(&array)?;
    let window = super::Window { start: 0, end: items.len() };
    let found = find_in(cx, &items, &window, &test, last)?;
    let item = found.and_then(|place| items.get(place).cloned());
    Ok(item.unwrap_or_else(|| default_value(a.ty(0))))
}

fn index_of(cx: &mut Cx<'_>, a: &mut Args<'_>, last: bool) -> Run {
    let array = required(a, 0, "array")?;
    let items = cx.collect(&array)?;
    let given = a.len() - 2;
    let is = |place: &usize| items.get(*place).is_some_and(|item| equals(cx, item, a.get(1)));
    let found = if last {
        // An array without items takes 0 as a start, too.
        if items.is_empty() && (given == 0 || matches!(a.long(2), -1 | 0)) {
            if given == 2 && a.long(3) != 0 {
                return Err(bad_count());
            }
            return Ok(Value::Int(-1));
        }
        let window = last_window(a, 2, given, items.len())?;
        (window.start..window.end).rev().find(is)
    } else {
        let window = window(a, 2, given, items.len())?;
        (window.start..window.end).find(is)
    };
    Ok(Value::Int(found.map_or(-1, index_int)))
}
